//! `kubectl set resources`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_resources.go.

use serde_json::{Map, Value, json};

use super::{ALL, LOCAL, SELECTOR, Told, change, check, containers, objects, pod_spec};
use crate::kubectl::builder::FILE_FLAGS;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::text;
use crate::kubectl::print::PRINT_FLAGS;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::record::RECORD;
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, field_manager, quantities};

/// The command.
pub static COMMAND: Command = Command {
    name: "resources",
    short: "Set requests and limits of containers",
    long: "Sets what containers ask for and may use at most. A limit without a request is the request, too. Zero takes a value away.",
    examples: &[
        ("Limits", "kubectl set resources deployment/web --limits=cpu=200m,memory=64Mi"),
        (
            "Requests and limits of one container",
            "kubectl set resources deployment/web -c=nginx --requests=cpu=100m --limits=cpu=200m",
        ),
        ("See what would come of a file", "kubectl set resources -f web.yaml --limits=cpu=200m --local -o yaml"),
    ],
    usage: "(-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS] [options]",
    flags: &[
        &[
            ALL,
            LOCAL,
            SELECTOR,
            field_manager("kubectl-set"),
            text("containers", "*", "The containers, by name; * stands for any letters.").short('c'),
            text("limits", "", "Limits, such as cpu=100m,memory=256Mi."),
            text("requests", "", "Requests, such as cpu=100m,memory=256Mi."),
        ],
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        RECORD,
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let targets = objects(cx, flags.args.clone())?;
    check(cx)?;
    if flags.text("limits").is_empty() && flags.text("requests").is_empty() {
        return Err(Failure::msg(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let lists = [("limits", quantities(flags.text("limits"))?), ("requests", quantities(flags.text("requests"))?)];
    let pattern = flags.text("containers");
    let mut missing = false;
    let told = Told {
        done: "resource requirements updated",
        refused: "failed to patch resources update to pod template",
        always: false,
    };
    let outcome = change(cx, &targets, &told, |_, object| {
        let found = containers(pod_spec(object)?, pattern);
        missing |= found.is_empty();
        for container in found {
            let resources = container.entry("resources").or_insert_with(|| json!({}));
            for (field, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                let Some(resources) = resources.as_object_mut() else { continue };
                let slot = resources.entry(*field).or_insert_with(|| Value::Object(Map::new()));
                if let Some(slot) = slot.as_object_mut() {
                    slot.extend(list.clone());
                }
            }
        }
        Ok(())
    });
    if missing && outcome.is_ok() {
        return Err(Failure::msg(format!("error: unable to find container named {pattern}")));
    }
    outcome
}
