//! `kubectl create cronjob`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_cronjob.go.

use serde_json::json;

use super::{Told, command_of, create, generator, one_name};
use crate::kubectl::flags::text;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

/// The command.
pub static COMMAND: Command = Command {
    name: "cronjob",
    aliases: &["cj"],
    short: "Create a CronJob",
    long: "Creates a CronJob that runs an image on a schedule.",
    examples: &[(
        "Every five minutes",
        "kubectl create cronjob date --image=busybox:1.36 --schedule='*/5 * * * *' --dry-run=client -- date",
    )],
    usage: "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags] [options]",
    flags: generator![
        text("image", "", "The image to run.").required(),
        text("restart", "", "The restart policy: OnFailure or Never."),
        text("schedule", "", "When to run, as in a crontab.").required(),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let restart = if flags.text("restart").is_empty() { "OnFailure" } else { flags.text("restart") };
    let mut container = json!({"name": name, "image": flags.text("image"), "resources": {}});
    let command = command_of(cx);
    if let (false, Some(fields)) = (command.is_empty(), container.as_object_mut()) {
        fields.insert("command".to_owned(), json!(command));
    }
    let object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"schedule": flags.text("schedule"), "jobTemplate": {"metadata": {"name": name}, "spec": {"template": {
            "metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}}}}},
        "status": {},
    });
    create(cx, object, Told::Failed("cronjob"))
}
