//! `kubectl create service`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_service.go.

use serde_json::{Value, json};

use super::{Told, create, generator, one_name};
use crate::apimachinery::content;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{int, slice, text};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

/// The command.
pub static COMMAND: Command = Command {
    name: "service",
    aliases: &["svc"],
    short: "Create a Service",
    long: "Creates a Service with one of the commands below it.",
    usage: "[flags] [options]",
    subcommands: &[&CLUSTER_IP, &EXTERNAL_NAME, &LOAD_BALANCER, &NODE_PORT],
    run: Some(crate::kubectl::help::subcommand_missing),
    ..Command::EMPTY
};

static CLUSTER_IP: Command = Command {
    name: "clusterip",
    short: "Create a Service inside of the cluster",
    long: "Creates a Service with an address inside of the cluster.",
    examples: &[("A port", "kubectl create service clusterip web --tcp=80:8080 --dry-run=client -o yaml")],
    usage: "NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none] [options]",
    flags: generator![
        text("clusterip", "", "The address, or None for no address."),
        slice("tcp", "Ports, as port or port:targetPort."),
    ],
    run: Some(|cx| run(cx, "ClusterIP")),
    ..Command::EMPTY
};

static NODE_PORT: Command = Command {
    name: "nodeport",
    short: "Create a Service on a port of every node",
    long: "Creates a Service that can be reached on a port of every node.",
    examples: &[(
        "A port of every node",
        "kubectl create service nodeport web-node --tcp=80:8080 --dry-run=client -o yaml",
    )],
    usage: "NAME [--tcp=port:targetPort] [--dry-run=server|client|none] [options]",
    flags: generator![
        int("node-port", "0", "The port on the nodes; 0 lets the server choose."),
        slice("tcp", "Ports, as port or port:targetPort."),
    ],
    run: Some(|cx| run(cx, "NodePort")),
    ..Command::EMPTY
};

static LOAD_BALANCER: Command = Command {
    name: "loadbalancer",
    short: "Create a Service behind a load balancer",
    long: "Creates a Service that a load balancer of the cloud leads to.",
    examples: &[(
        "Behind a load balancer",
        "kubectl create service loadbalancer web-out --tcp=80:8080 --dry-run=client -o yaml",
    )],
    usage: "NAME [--tcp=port:targetPort] [--dry-run=server|client|none] [options]",
    flags: generator![slice("tcp", "Ports, as port or port:targetPort.")],
    run: Some(|cx| run(cx, "LoadBalancer")),
    ..Command::EMPTY
};

static EXTERNAL_NAME: Command = Command {
    name: "externalname",
    short: "Create a Service that is another name",
    long: "Creates a Service that stands for a DNS name outside of the cluster.",
    examples: &[(
        "Another name",
        "kubectl create service externalname db --external-name=db.example.com --dry-run=client -o yaml",
    )],
    usage: "NAME --external-name external.name [--dry-run=server|client|none] [options]",
    flags: generator![
        text("external-name", "", "The DNS name.").required(),
        slice("tcp", "Ports, as port or port:targetPort."),
    ],
    run: Some(|cx| run(cx, "ExternalName")),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>, kind: &str) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let tcp = flags.list("tcp");
    if tcp.is_empty() && kind != "ExternalName" && flags.text("clusterip") != "None" {
        return Err(Failure::msg("at least one tcp port specifier must be provided"));
    }
    let external = flags.text("external-name");
    if kind == "ExternalName" && !content::dns1123_subdomain(external).is_empty() {
        return Err(Failure::msg(format!("invalid service external name {external}")));
    }
    let mut ports = Vec::new();
    for tcp in tcp {
        ports.push(port(&tcp, flags.number("node-port"))?);
    }
    let mut spec = json!({"type": kind, "selector": {"app": name}});
    if let Some(fields) = spec.as_object_mut() {
        if !ports.is_empty() {
            fields.insert("ports".to_owned(), json!(ports));
        }
        if !flags.text("clusterip").is_empty() {
            fields.insert("clusterIP".to_owned(), json!(flags.text("clusterip")));
        }
        if kind == "ExternalName" {
            fields.insert("externalName".to_owned(), json!(external));
        }
    }
    let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec, "status": {"loadBalancer": {}}});
    create(
        cx,
        object,
        Told::Failed(match kind {
            "ClusterIP" => "ClusterIP service",
            "NodePort" => "NodePort service",
            "LoadBalancer" => "LoadBalancer service",
            _ => "ExternalName service",
        }),
    )
}

fn port(text: &str, node_port: i64) -> Result<Value, Failure> {
    // What stands behind a second colon counts for the name alone.
    let mut parts = text.split(':');
    let number = parse_port(parts.next().unwrap_or_default())?;
    let target = match parts.next().map(|target| (target, target.parse::<i64>())) {
        None => json!(number),
        Some((_, Ok(number))) if (1..=65535).contains(&number) => json!(number),
        Some((_, Ok(_))) => return Err(Failure::msg("must be between 1 and 65535, inclusive")),
        Some((name, Err(_))) => match content::port_name(name).join(",") {
            why if why.is_empty() => json!(name),
            why => return Err(Failure::msg(why)),
        },
    };
    let mut value = json!({"name": text.replace(':', "-"), "port": number, "protocol": "TCP", "targetPort": target});
    if let (true, Some(fields)) = (node_port != 0, value.as_object_mut()) {
        fields.insert("nodePort".to_owned(), json!(node_port));
    }
    Ok(value)
}

/// A port as Go parses it, 0 to 65535.
fn parse_port(text: &str) -> Result<u16, Failure> {
    text.parse().map_err(|_| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let why = if digits { "value out of range" } else { "invalid syntax" };
        Failure::msg(format!("strconv.ParseUint: parsing {}: {why}", crate::text::go_number::quote(text)))
    })
}
