//! `kubectl set image`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_image.go.

use serde_json::json;

use super::{ALL, LOCAL, SELECTOR, Told, change, check, containers, objects, pod_spec, split};
use crate::kubectl::builder::FILE_FLAGS;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::PRINT_FLAGS;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::record::RECORD;
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, field_manager};

/// The command.
pub static COMMAND: Command = Command {
    name: "image",
    short: "Set the images of containers",
    long: "Sets the images of containers of Pods, and of objects that make Pods; * stands for every container.",
    examples: &[
        ("A new image for one container", "kubectl set image deployment/web nginx=nginx:1.28"),
        ("The same image for every container", "kubectl set image deployments --all '*=nginx:1.28' --dry-run=server"),
        ("See what would come of a file", "kubectl set image -f web.yaml nginx=nginx:1.28 --local -o yaml"),
    ],
    usage: "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N [options]",
    flags: &[&[ALL, LOCAL, SELECTOR, field_manager("kubectl-set")], FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let (names, changes) = split(&cx.session.flags.args.clone(), "image")?;
    let targets = objects(cx, names)?;
    check(cx)?;
    let pairs: Vec<(&str, &str)> = changes.iter().filter_map(|word| word.split_once('=')).collect();
    if pairs.is_empty() {
        return Err(Failure::msg("at least one image update is required"));
    }
    if pairs.len() > 1 && pairs.iter().any(|(name, _)| *name == "*") {
        return Err(Failure::msg(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs",
        ));
    }
    let mut missing = Vec::new();
    let told = Told { done: "image updated", refused: "failed to patch image update to pod template:", always: false };
    let outcome = change(cx, &targets, &told, |_, object| {
        let spec = pod_spec(object)?;
        for (name, image) in &pairs {
            let found = containers(spec, name);
            if found.is_empty() {
                missing.push(Failure::msg(format!("error: unable to find container named \"{name}\"")));
            }
            for container in found {
                container.insert("image".to_owned(), json!(image));
            }
        }
        Ok(())
    });
    match outcome {
        Err(Failure::Many(failures)) => {
            missing.extend(failures);
            Err(Failure::Many(missing))
        }
        Ok(_) if !missing.is_empty() => Err(Failure::Many(missing)),
        outcome => outcome,
    }
}
