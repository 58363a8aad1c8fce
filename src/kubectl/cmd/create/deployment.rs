//! `kubectl create deployment`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_deployment.go.

use serde_json::{Value, json};

use super::{Told, command_of, create, generator, one_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{int32, slice};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::random_letters;

/// The command.
pub static COMMAND: Command = Command {
    name: "deployment",
    aliases: &["deploy"],
    short: "Create a Deployment",
    long: "Creates a Deployment that keeps copies of an image running.",
    examples: &[
        ("One copy", "kubectl create deployment web --image=nginx:1.27 --dry-run=client"),
        (
            "Three copies with a port",
            "kubectl create deployment web --image=nginx:1.27 --replicas=3 --port=80 --dry-run=client -o yaml",
        ),
    ],
    usage: "NAME --image=image -- [COMMAND] [args...] [options]",
    flags: generator![
        slice("image", "The image to run; may be repeated.").required(),
        int32("port", "-1", "The port the container listens on."),
        int32("replicas", "1", "How many copies to keep.").short('r'),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let images = flags.list("image");
    let command = command_of(cx);
    if images.len() > 1 && !command.is_empty() {
        return Err(Failure::msg("cannot specify multiple --image options and command"));
    }
    let mut containers: Vec<Value> = images
        .iter()
        .map(|image| json!({"name": container_name(cx, image), "image": image, "resources": {}}))
        .collect();
    if let Some(first) = containers.first_mut().and_then(Value::as_object_mut) {
        if !command.is_empty() {
            first.insert("command".to_owned(), json!(command));
        }
        if flags.number("port") >= 0 {
            first.insert("ports".to_owned(), json!([{"containerPort": flags.number("port")}]));
        }
    }
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": flags.number("replicas"),
            "selector": {"matchLabels": {"app": name}},
            "strategy": {},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
        },
        "status": {},
    });
    create(cx, object, Told::Failed("deployment"))
}

/// The name of a container: the image's last part without tag and digest. One that had to be changed ends in letters
/// by chance.
fn container_name(cx: &mut Context<'_>, image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split(['@', ':']).next().unwrap_or(last);
    if last.contains(['_', '.']) {
        format!("{}-{}", last.replace(['_', '.'], "-"), random_letters(cx))
    } else {
        last.to_owned()
    }
}
