//! `kubectl kustomize`: prints what a kustomization makes, or writes it into a file or directory.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/kustomize.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{Flag, array, slice, switch, text};
use crate::kubectl::kustomize;
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::yaml::to_yaml;

const FLAGS: &[Flag] = &[
    switch("as-current-user", "For functions, which there are none of here."),
    switch("enable-alpha-plugins", "For plugins, which there are none of here."),
    switch("enable-helm", "For Helm, which is not here."),
    slice("env", "For functions, which there are none of here.").short('e'),
    array("helm-api-versions", "For Helm, which is not here."),
    text("helm-command", "helm", "For Helm, which is not here."),
    switch("helm-debug", "For Helm, which is not here."),
    text("helm-kube-version", "", "For Helm, which is not here."),
    text("load-restrictor", "LoadRestrictionsRootOnly", "Whether files outside of the directory may be read."),
    slice("mount", "For functions, which there are none of here."),
    switch("network", "For functions, which there are none of here."),
    text("network-name", "bridge", "For functions, which there are none of here."),
    text("output", "", "The file to write to, instead of standard output; a directory gets a file for each object.")
        .short('o'),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "kustomize",
    group: Group::Advanced,
    short: "Print what a kustomization makes",
    long: "Prints the objects that a directory with a kustomization makes; apply -k applies them.",
    examples: &[
        ("The directory we are in", "cd overlay && kubectl kustomize"),
        ("Another one", "kubectl kustomize overlay"),
        ("Into a file", "kubectl kustomize overlay -o built.yaml"),
    ],
    usage: "DIR [flags] [options]",
    flags: &[FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let directory = match cx.session.flags.args.as_slice() {
        [] => ".".to_owned(),
        [directory] => directory.clone(),
        _ => return Err(Failure::msg("specify one path to kustomization.yaml")),
    };
    let restrictor = cx.session.flags.text("load-restrictor");
    if !["LoadRestrictionsRootOnly", "LoadRestrictionsNone"].contains(&restrictor) {
        return Err(Failure::msg(format!(
            "illegal flag value --load-restrictor {restrictor}; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]"
        )));
    }
    let objects = kustomize::build(cx, &directory)?;
    let file = cx.session.flags.text("output").to_owned();
    if cx.system.file_info(&file).is_ok_and(|info| info.is_dir) && !file.is_empty() {
        return write_apart(cx, &file, &objects);
    }
    let documents: Vec<String> = objects.iter().map(to_yaml).collect();
    let text = documents.join("---\n");
    if file.is_empty() {
        cx.out.out(&text);
        return DONE;
    }
    write(cx, &file, &text)
}

fn write(cx: &mut Context<'_>, file: &str, text: &str) -> Outcome {
    let written = cx.system.write_file(file, text.as_bytes());
    written.map_err(|errno| Failure::msg(path_error("open", file, errno)))?;
    DONE
}

/// Writes every object into a file of its own in a directory; the namespace is part of its name where there are several.
fn write_apart(cx: &mut Context<'_>, directory: &str, objects: &[Value]) -> Outcome {
    let spaces: BTreeSet<&str> = objects.iter().map(|object| str_at(object, "/metadata/namespace")).collect();
    for object in objects {
        let of = |path: &str| str_at(object, path).to_lowercase();
        let kind = format!("{}_{}", of("/apiVersion").replace('/', "_"), of("/kind"));
        let namespace = match of("/metadata/namespace") {
            space if spaces.len() > 1 && !space.is_empty() => format!("{space}_"),
            _ => String::new(),
        };
        write(cx, &format!("{directory}/{namespace}{kind}_{}.yaml", of("/metadata/name")), &to_yaml(object))?;
    }
    DONE
}
