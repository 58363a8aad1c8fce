//! `kubectl create job`: a Job from an image or from a CronJob.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_job.go.

use serde_json::{Value, json};

use super::{Told, command_of, create, generator, one_name};
use crate::kubectl::builder::{self, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::text;
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

/// The command.
pub static COMMAND: Command = Command {
    name: "job",
    short: "Create a Job",
    long: "Creates a Job that runs an image once, or one that a CronJob would make.",
    examples: &[
        ("A Job that runs the image's own program", "kubectl create job hello --image=busybox:1.36 --dry-run=client"),
        ("A Job with a command", "kubectl create job date --image=busybox:1.36 --dry-run=client -- date"),
    ],
    usage: "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...] [options]",
    flags: generator![
        text("from", "", "The CronJob to make the Job from, such as cronjob/name."),
        text("image", "", "The image to run."),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let (image, from) = (flags.text("image").to_owned(), flags.text("from").to_owned());
    let command = command_of(cx);
    if image.is_empty() == from.is_empty() {
        return Err(Failure::msg("either --image or --from must be specified"));
    }
    if !from.is_empty() && !command.is_empty() {
        return Err(Failure::msg("cannot specify --from and command"));
    }
    if !from.is_empty() {
        cx.discover(4)?;
    }
    let job = if from.is_empty() { from_image(&name, &image, &command) } else { from_cron_job(cx, &name, &from)? };
    create(cx, job, Told::Failed("job"))
}

fn from_image(name: &str, image: &str, command: &[String]) -> Value {
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if let (false, Some(fields)) = (command.is_empty(), container.as_object_mut()) {
        fields.insert("command".to_owned(), json!(command));
    }
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}},
        "status": {},
    })
}

fn from_cron_job(cx: &mut Context<'_>, name: &str, from: &str) -> Result<Value, Failure> {
    let query = Query { args: vec![from.to_owned()], ..Query::default() };
    let built = builder::build(cx, &query)?;
    let [target] = built.targets.as_slice() else {
        return Err(Failure::msg("from must be an existing cronjob"));
    };
    let parent = cx.get(&target.path())?;
    if target.resource.kind != "CronJob" {
        return Err(Failure::msg(format!("unknown object type *{}.{}", target.resource.version, target.resource.kind)));
    }
    let template = parent.pointer("/spec/jobTemplate");
    let mut annotations = json!({"cronjob.kubernetes.io/instantiate": "manual"});
    let mut metadata = json!({"name": name});
    if let (Some(all), Some(more)) = (
        annotations.as_object_mut(),
        template.and_then(|template| template.pointer("/metadata/annotations")).and_then(Value::as_object),
    ) {
        all.extend(more.clone());
    }
    if let Some(fields) = metadata.as_object_mut() {
        fields.insert("annotations".to_owned(), annotations);
        if let Some(labels) = template.and_then(|template| template.pointer("/metadata/labels")) {
            fields.insert("labels".to_owned(), labels.clone());
        }
        fields.insert(
            "ownerReferences".to_owned(),
            json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": str_at(&parent, "/metadata/name"),
                    "uid": str_at(&parent, "/metadata/uid"), "controller": true}]),
        );
    }
    let spec = template.and_then(|template| template.get("spec")).cloned().unwrap_or_else(|| json!({}));
    Ok(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": {}}))
}
