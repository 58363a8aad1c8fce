//! `kubectl create ingress`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_ingress.go.

use serde_json::{Map, Value, json};

use super::{Told, create, generator, one_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, text};
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

/// The command.
pub static COMMAND: Command = Command {
    name: "ingress",
    aliases: &["ing"],
    short: "Create an Ingress",
    long: "Creates an Ingress from rules.",
    examples: &[
        (
            "One path of one host",
            "kubectl create ingress shop --rule=shop.example.com/=web:80 --dry-run=client -o yaml",
        ),
        (
            "Every path below one, with TLS",
            "kubectl create ingress shop --class=nginx --rule='shop.example.com/api*=web:80,tls=shop-cert' --dry-run=client -o yaml",
        ),
        ("What no rule catches", "kubectl create ingress shop --default-backend=web:80 --dry-run=client -o yaml"),
    ],
    usage: "NAME --rule=host/path=service:port[,tls[=secret]]  [options]",
    flags: generator![
        array("annotation", "Annotations, as KEY=VALUE."),
        text("class", "", "The Ingress class."),
        text("default-backend", "", "Where everything else goes, as service:port."),
        array("rule", "A rule, as host/path=service:port[,tls=secret]."),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let (rules, fallback) = (flags.list("rule"), flags.text("default-backend"));
    if rules.is_empty() && fallback.is_empty() {
        return Err(Failure::msg(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let mut read = Vec::new();
    for rule in &rules {
        read.push(Rule::parse(rule).ok_or_else(|| {
            Failure::msg(format!(
                "rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            ))
        })?);
    }
    let mut annotations = Map::new();
    for annotation in flags.list("annotation") {
        let (key, value) = annotation.split_once('=').ok_or_else(|| {
            Failure::msg(format!("annotation {annotation} is invalid and should be in format key=[value]"))
        })?;
        annotations.insert(key.to_owned(), json!(value));
    }
    if !fallback.is_empty() && fallback.split(':').count() != 2 {
        return Err(Failure::msg("default-backend should be in format servicename:serviceport"));
    }
    let (tls, rules) = (tls_of(&read), rules_of(&read));
    let mut spec = Map::new();
    if !flags.text("class").is_empty() {
        spec.insert("ingressClassName".to_owned(), json!(flags.text("class")));
    }
    if let Some((service, port)) = fallback.split_once(':') {
        spec.insert("defaultBackend".to_owned(), backend_of(service, port));
    }
    for (field, list) in [("rules", rules), ("tls", tls)] {
        if !list.is_empty() {
            spec.insert(field.to_owned(), json!(list));
        }
    }
    let mut metadata = json!({"name": name});
    if let (false, Some(fields)) = (annotations.is_empty(), metadata.as_object_mut()) {
        fields.insert("annotations".to_owned(), Value::Object(annotations));
    }
    let object = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    create(cx, object, Told::Failed("ingress"))
}

/// `host/path=service:port[,tls[=secret]]`.
struct Rule<'a> {
    host: &'a str,
    path: Value,
    /// The name of a secret, or nothing, when `tls` was asked for.
    secret: Option<&'a str>,
}

impl<'a> Rule<'a> {
    fn parse(text: &'a str) -> Option<Rule<'a>> {
        let mut parts = text.split(',');
        let (address, tls) = (parts.next()?, parts.next());
        // A third part means that none is about TLS.
        let tls = tls.filter(|_| parts.next().is_none());
        let (host, rest) = address.split_once('/')?;
        if !host.chars().all(|c| c.is_ascii_alphanumeric() || "_*-.".contains(c)) {
            return None;
        }
        let mut parts = rest.split('=');
        let (path, service) = (format!("/{}", parts.next()?), parts.next()?);
        let (path, kind) = match path.strip_suffix('*') {
            Some(prefix) => (prefix, "Prefix"),
            None => (path.as_str(), "Exact"),
        };
        let path = json!({"path": path, "pathType": kind, "backend": backend(service)?});
        Some(Rule { host, path, secret: tls.map(|tls| tls.split('=').nth(1).unwrap_or_default()) })
    }
}

fn backend(text: &str) -> Option<Value> {
    let mut parts = text.split(':');
    let (service, port) = (parts.next()?, parts.next()?);
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).count();
    if word(service) != service.len() || service.is_empty() || word(port) == 0 {
        return None;
    }
    Some(backend_of(service, port))
}

fn backend_of(service: &str, port: &str) -> Value {
    let port = match port.parse::<i64>() {
        Ok(0) => json!({}),
        Ok(number) => json!({"number": number}),
        Err(_) if port.is_empty() => json!({}),
        Err(_) => json!({"name": port}),
    };
    json!({"service": {"name": service, "port": port}})
}

/// The rules, one a host.
fn rules_of(read: &[Rule<'_>]) -> Vec<Value> {
    let mut rules: Vec<Value> = Vec::new();
    for rule in read {
        let known = rules.iter_mut().find(|known| str_at(known, "/host") == rule.host);
        match known.and_then(|known| known.pointer_mut("/http/paths")).and_then(Value::as_array_mut) {
            Some(paths) => paths.push(rule.path.clone()),
            None => {
                let mut entry = json!({"http": {"paths": [rule.path]}});
                if let (false, Some(fields)) = (rule.host.is_empty(), entry.as_object_mut()) {
                    fields.insert("host".to_owned(), json!(rule.host));
                }
                rules.push(entry);
            }
        }
    }
    rules
}

/// What is served with TLS, one a secret; a host counts once.
fn tls_of(read: &[Rule<'_>]) -> Vec<Value> {
    let (mut all, mut seen): (Vec<Value>, Vec<&str>) = (Vec::new(), Vec::new());
    for (host, secret) in read.iter().filter_map(|rule| Some((rule.host, rule.secret?))) {
        if seen.contains(&host) {
            continue;
        }
        seen.push(host);
        if let Some(known) = all.iter_mut().find(|known| str_at(known, "/secretName") == secret) {
            if let Some(hosts) = known.get_mut("hosts").and_then(Value::as_array_mut) {
                hosts.push(json!(host));
            }
            continue;
        }
        let mut entry = Map::new();
        if !host.is_empty() {
            entry.insert("hosts".to_owned(), json!([host]));
        }
        if !secret.is_empty() {
            entry.insert("secretName".to_owned(), json!(secret));
        }
        if !entry.is_empty() {
            all.push(Value::Object(entry));
        }
    }
    all
}
