//! `kubectl create configmap`, and the reading of `--from-literal`, `--from-file` and `--from-env-file`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_configmap.go and pkg/util/hash.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Told, create, generator, one_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, slice, switch};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

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
    let name = one_name(cx)?;
    let data = gather(cx, "configmap")?;
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
    create(cx, object, Told::Failed("configmap"))
}

/// The keys and contents that the flags name; `word` is what is being made.
///
/// # Errors
/// A literal without `=`, a file that is not there, a key used twice.
pub(super) fn gather(cx: &Context<'_>, word: &str) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
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
        let bare = value.strip_prefix(['\'', '"']).and_then(|rest| rest.strip_suffix(['\'', '"'])).unwrap_or(value);
        add(&mut data, word, key, bare.as_bytes().to_vec())?;
    }
    for source in files {
        let (key, path) = match source.split_once('=') {
            Some((key, path)) => (Some(key.to_owned()), path.to_owned()),
            None => (None, source.clone()),
        };
        let info = cx
            .system
            .file_info(&path)
            .map_err(|errno| Failure::msg(format!("error reading {path}: {}", errno.message().to_lowercase())))?;
        if info.is_dir {
            for entry in cx.system.read_dir(&path).unwrap_or_default().into_iter().filter(|entry| !entry.is_dir) {
                let file = format!("{}/{}", path.trim_end_matches('/'), entry.name);
                add(&mut data, word, &entry.name, cx.system.read_file(&file).unwrap_or_default())?;
            }
        } else {
            let key = key.unwrap_or_else(|| path.rsplit('/').next().unwrap_or(&path).to_owned());
            add(&mut data, word, &key, cx.system.read_file(&path).unwrap_or_default())?;
        }
    }
    for path in env {
        let bytes = cx
            .system
            .read_file(&path)
            .map_err(|errno| Failure::msg(format!("error reading {path}: {}", errno.message().to_lowercase())))?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => (line, cx.system.env(line).unwrap_or_default()),
            };
            add(&mut data, word, key, value.into_bytes())?;
        }
    }
    Ok(data)
}

fn add(data: &mut BTreeMap<String, Vec<u8>>, word: &str, key: &str, value: Vec<u8>) -> Result<(), Failure> {
    let valid = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !valid {
        return Err(Failure::msg(format!(
            "{} is not a valid key name for a {}: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
            crate::text::go_number::quote(key),
            if word == "secret" { "Secret" } else { "ConfigMap" }
        )));
    }
    if data.contains_key(key) {
        return Err(Failure::msg(format!(
            "cannot add key {key}, another key by that name already exists in Data for {} ",
            if word == "secret" { "Secret" } else { "ConfigMap" }
        )));
    }
    data.insert(key.to_owned(), value);
    Ok(())
}
