//! `kubectl create configmap`, and the reading of `--from-literal`, `--from-file` and `--from-env-file`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_configmap.go and pkg/util/hash.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Told, create, generator, some_name};
use crate::kubectl::content_hash::content_hash;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, slice, switch};
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::variable_name;
use crate::shell::program::Errno;

/// The command.
pub static COMMAND: Command = Command {
    name: "configmap",
    aliases: &["cm"],
    short: "Create a ConfigMap",
    long: "Creates a ConfigMap from values, files or directories.",
    examples: &[(
        "From values",
        "kubectl create configmap settings --from-literal=colour=blue --from-literal=size=3 --dry-run=client -o yaml",
    )],
    usage: "NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none] [options]",
    flags: generator![
        switch("append-hash", "Append a hash of the content to the name."),
        slice("from-env-file", "File with lines KEY=VALUE."),
        slice("from-file", "File or directory; the key is the file's name, or what stands before =."),
        array("from-literal", "KEY=VALUE."),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let data = gather(cx, "configmap", &name)?;
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let mut texts = serde_json::Map::new();
    let mut binary = serde_json::Map::new();
    for (key, bytes) in data {
        match String::from_utf8(bytes) {
            Ok(text) => texts.insert(key, Value::String(text)),
            Err(error) => binary.insert(key, Value::String(STANDARD.encode(error.into_bytes()))),
        };
    }
    if let Some(fields) = object.as_object_mut() {
        if !texts.is_empty() {
            fields.insert("data".to_owned(), Value::Object(texts));
        }
        if !binary.is_empty() {
            fields.insert("binaryData".to_owned(), Value::Object(binary));
        }
    }
    append_hash(cx, &mut object);
    create(cx, object, Told::Failed("configmap"))
}

/// `--append-hash`: the name ends in a hash of the content.
pub(super) fn append_hash(cx: &Context<'_>, object: &mut Value) {
    if cx.session.flags.on("append-hash") {
        let name = format!("{}-{}", str_at(object, "/metadata/name"), content_hash(object));
        if let Some(slot) = object.pointer_mut("/metadata/name") {
            *slot = Value::String(name);
        }
    }
}

/// The keys and contents that the flags name; `word` is what is being made, `name` what it will be called.
///
/// # Errors
/// A literal without `=`, a file that is not there, a key used twice.
pub(super) fn gather(cx: &Context<'_>, word: &str, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let flags = &cx.session.flags;
    let (literals, files, env) = (flags.list("from-literal"), flags.list("from-file"), flags.list("from-env-file"));
    if !env.is_empty() && (!literals.is_empty() || !files.is_empty()) {
        return Err(Failure::msg("from-env-file cannot be combined with from-file or from-literal"));
    }
    let mut data = BTreeMap::new();
    for literal in literals {
        let parsed = literal.split_once('=').filter(|(key, _)| !key.is_empty());
        let Some((key, value)) = parsed else {
            return Err(Failure::msg(format!("invalid literal source {literal}, expected key=value")));
        };
        add(&mut data, (word, name), key, value.as_bytes().to_vec())?;
    }
    for source in files {
        let docker = word == "docker" && !source.contains('=');
        let source = if docker { format!(".dockerconfigjson={source}") } else { source };
        let (key, path) = match source.split_once('=') {
            Some(("", path)) => return Err(Failure::msg(format!("key name for file path {path} missing"))),
            Some((key, "")) => return Err(Failure::msg(format!("file path for key name {key} missing"))),
            Some((_, path)) if path.contains('=') => {
                return Err(Failure::msg("key names or file paths cannot contain '='"));
            }
            Some((key, path)) => (Some(key.to_owned()), path.to_owned()),
            None => (None, source.clone()),
        };
        let info = cx
            .system
            .file_info(&path)
            .map_err(|errno| Failure::msg(format!("error reading {path}: {}", errno.message().to_lowercase())))?;
        if info.is_dir {
            if key.is_some() {
                return Err(Failure::msg("cannot give a key name for a directory path"));
            }
            for entry in cx.system.read_dir(&path).unwrap_or_default().into_iter().filter(|entry| !entry.is_dir) {
                let file = format!("{}/{}", path.trim_end_matches('/'), entry.name);
                add(&mut data, (word, name), &entry.name, cx.system.read_file(&file).unwrap_or_default())?;
            }
        } else {
            let key = key.unwrap_or_else(|| path.rsplit('/').next().unwrap_or(&path).to_owned());
            add(&mut data, (word, name), &key, cx.system.read_file(&path).unwrap_or_default())?;
        }
    }
    for path in env {
        let unread = |errno: Errno| Failure::msg(format!("error reading {path}: {}", errno.message().to_lowercase()));
        if cx.system.file_info(&path).map_err(unread)?.is_dir {
            return Err(Failure::msg(format!(
                "env {} file cannot be a directory",
                if word == "configmap" { "config" } else { word }
            )));
        }
        let bytes = cx.system.read_file(&path).map_err(unread)?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => (line, cx.system.env(line).unwrap_or_default()),
            };
            variable_name(key)?;
            add(&mut data, (word, name), key, value.into_bytes())?;
        }
    }
    Ok(data)
}

fn add(
    data: &mut BTreeMap<String, Vec<u8>>,
    (word, name): (&str, &str),
    key: &str,
    value: Vec<u8>,
) -> Result<(), Failure> {
    let letters = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let why = match key {
        "." | ".." => format!("must not be '{key}'"),
        key if key.starts_with("..") && letters => "must not start with '..'".to_owned(),
        _ if !letters => "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')".to_owned(),
        _ => String::new(),
    };
    let (secret, quoted) = (word != "configmap", crate::text::go_number::quote(key));
    if !why.is_empty() {
        return Err(Failure::msg(if secret {
            format!("{quoted} is not valid key name for a Secret {why}")
        } else {
            format!("{quoted} is not a valid key name for a ConfigMap: {why}")
        }));
    }
    if data.insert(key.to_owned(), value).is_some() {
        return Err(Failure::msg(if secret {
            format!("cannot add key {key}, another key by that name already exists")
        } else {
            format!(
                "cannot add key {quoted}, another key by that name already exists in Data for ConfigMap {}",
                crate::text::go_number::quote(name)
            )
        }));
    }
    Ok(())
}
