//! `kubectl create secret`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_secret*.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::config_map::{append_hash, gather};
use super::{Told, create, generator, one_name, some_name};
use crate::kubectl::failure::{Failure, unreadable};
use crate::kubectl::flags::{array, slice, switch, text};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::text::go_json::quoted;

/// The command.
pub static COMMAND: Command = Command {
    name: "secret",
    short: "Create a Secret",
    long: "Creates a Secret with one of the commands below it.",
    usage: "(docker-registry | generic | tls) [options]",
    subcommands: &[&DOCKER_REGISTRY, &GENERIC, &TLS],
    run: Some(crate::kubectl::help::subcommand_missing),
    ..Command::EMPTY
};

static GENERIC: Command = Command {
    name: "generic",
    short: "Create a Secret from values or files",
    long: "Creates a Secret from values, files or directories.",
    examples: &[(
        "From a value",
        "kubectl create secret generic door --from-literal=code=1234 --dry-run=client -o yaml",
    )],
    usage: "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none] [options]",
    flags: generator![
        switch("append-hash", "Append a hash of the content to the name."),
        slice("from-env-file", "File with lines KEY=VALUE."),
        slice("from-file", "File or directory; the key is the file's name, or what stands before =."),
        array("from-literal", "KEY=VALUE."),
        text("type", "", "The type of the Secret."),
    ],
    run: Some(generic),
    ..Command::EMPTY
};

static TLS: Command = Command {
    name: "tls",
    short: "Create a Secret with a key pair",
    long: "Creates a Secret with a certificate and its key, from files.",
    examples: &[(
        "From two files",
        "kubectl create secret tls shop-cert --cert=tls.crt --key=tls.key --dry-run=client",
    )],
    usage: "NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none] [options]",
    flags: generator![
        switch("append-hash", "Append a hash of the content to the name."),
        text("cert", "", "File with the certificate."),
        text("key", "", "File with the private key."),
    ],
    run: Some(tls),
    ..Command::EMPTY
};

static DOCKER_REGISTRY: Command = Command {
    name: "docker-registry",
    short: "Create a Secret for a registry of images",
    long: "Creates a Secret with what is needed to log in to a registry of images.",
    examples: &[(
        "A login",
        "kubectl create secret docker-registry login --docker-username=me --docker-password=secret --docker-email=me@example.com --dry-run=client -o yaml",
    )],
    usage: "NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string] [--from-file=[key=]source] [--dry-run=server|client|none] [options]",
    flags: generator![
        switch("append-hash", "Append a hash of the content to the name."),
        text("docker-email", "", "E-mail address."),
        text("docker-password", "", "Password."),
        text("docker-server", "https://index.docker.io/v1/", "The registry."),
        text("docker-username", "", "User name."),
        slice("from-file", "File with a configuration."),
    ],
    run: Some(docker_registry),
    ..Command::EMPTY
};

fn secret(name: &str, data: Map<String, Value>, kind: &str) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    if let Some(fields) = object.as_object_mut() {
        if !data.is_empty() {
            fields.insert("data".to_owned(), Value::Object(data));
        }
        if !kind.is_empty() {
            fields.insert("type".to_owned(), json!(kind));
        }
    }
    object
}

fn generic(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let data =
        gather(cx, "secret", &name)?.into_iter().map(|(key, bytes)| (key, json!(STANDARD.encode(bytes)))).collect();
    let kind = cx.session.flags.text("type").to_owned();
    finish(cx, &name, data, &kind)
}

fn tls(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    if flags.text("key").is_empty() || flags.text("cert").is_empty() {
        return Err(Failure::msg("key and cert must be specified"));
    }
    let mut files = Vec::new();
    for (key, flag) in [("tls.crt", "cert"), ("tls.key", "key")] {
        let path = flags.text(flag);
        let bytes = cx
            .system
            .read_file(path)
            .map_err(|errno| Failure::msg(format!("Cannot read file {path}, {}", unreadable(path, errno))))?;
        files.push((key, flag, bytes));
    }
    let mut data = Map::new();
    for (key, flag, bytes) in files {
        // What is in the blocks is the server's to judge.
        if !String::from_utf8_lossy(&bytes).lines().any(|line| line.starts_with("-----BEGIN ")) {
            let what = if flag == "cert" { "certificate" } else { "key" };
            return Err(Failure::msg(format!("tls: failed to find any PEM data in {what} input")));
        }
        data.insert(key.to_owned(), json!(STANDARD.encode(bytes)));
    }
    finish(cx, &name, data, "kubernetes.io/tls")
}

fn docker_registry(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let flags = cx.session.flags.clone();
    let (user, password, server) =
        (flags.text("docker-username"), flags.text("docker-password"), flags.text("docker-server"));
    let mut data: Map<String, Value> =
        gather(cx, "docker", &name)?.into_iter().map(|(key, bytes)| (key, json!(STANDARD.encode(bytes)))).collect();
    if data.is_empty() && (user.is_empty() || password.is_empty() || server.is_empty()) {
        return Err(Failure::msg(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        ));
    }
    if data.is_empty() {
        // The fields stand in the order of Go's struct.
        let mut fields = vec![("username", user.to_owned()), ("password", password.to_owned())];
        fields.extend(Some(("email", flags.text("docker-email").to_owned())).filter(|(_, email)| !email.is_empty()));
        fields.push(("auth", STANDARD.encode(format!("{user}:{password}"))));
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{}", quoted(value))).collect();
        let config = format!("{{\"auths\":{{{}:{{{}}}}}}}", quoted(server), fields.join(","));
        data.insert(".dockerconfigjson".to_owned(), json!(STANDARD.encode(config)));
    }
    finish(cx, &name, data, "kubernetes.io/dockerconfigjson")
}

fn finish(cx: &mut Context<'_>, name: &str, data: Map<String, Value>, kind: &str) -> Outcome {
    let mut object = secret(name, data, kind);
    append_hash(cx, &mut object);
    create(cx, object, Told::Failed("secret"))
}
