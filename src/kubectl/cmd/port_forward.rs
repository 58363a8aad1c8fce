//! `kubectl port-forward`: what comes to a port of this machine goes to a port of a Pod. HTTP alone: that is what the
//! programs of this machine speak.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/portforward and client-go/tools/portforward. Requests go
//! through the Pod's `proxy` subresource, where upstream opens a stream to `portforward`.

use serde_json::Value;

use crate::kubectl::builder::{self, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{duration, slice};
use crate::kubectl::pods;
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Event, Events};
use crate::kubectl::writing::klog;
use crate::shell::program::Wait;
use crate::text::go_number::quote;
use crate::text::http::{Body, Method, Request, Response};

/// The command.
pub static COMMAND: Command = Command {
    name: "port-forward",
    group: Group::Troubleshooting,
    short: "Forward local ports to a Pod",
    long: "Forwards ports of this machine to a Pod, until it is interrupted or the Pod ends. Behind a Service or a Deployment one of its Pods is taken. HTTP can be forwarded here, which curl and wget speak.",
    examples: &[
        ("Port 8080 here is port 80 there", "kubectl port-forward pod/web 8080:80"),
        ("The same port on both sides", "kubectl port-forward deployment/web 80"),
        ("A port of a Service, by its name", "kubectl port-forward service/web 8443:http"),
        ("Any free port here", "kubectl port-forward pod/web :80"),
        (
            "In the background, and a request to it",
            "kubectl port-forward pod/web 8888:80 & sleep 1; curl -s localhost:8888; kill $!",
        ),
    ],
    usage: "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    flags: &[&[
        crate::kubectl::flags::Flag { default: "localhost", ..slice("address", "Addresses to listen on.") },
        duration("pod-running-timeout", "1m0s", "How long to wait for a running Pod."),
    ]],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let Some((word, ports)) = args.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(cx.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    let name = if word.contains('/') { word.clone() } else { format!("pods/{word}") };
    let built = builder::build(cx, &Query { args: vec![name], ..Query::default() })?;
    let Some(target) = built.targets.first().cloned() else { return Ok(Next::Exit(0)) };
    let object = cx.get(&target.path())?;
    let pods = pods::pods_of(cx, &target, &object, "attach to")?;
    let Some(pod) = pods.into_iter().next() else {
        return Err(Failure::msg("timed out waiting for the condition"));
    };
    let mut pairs = Vec::new();
    for port in ports {
        pairs.push(translate(port, &target.resource.kind, &object, &pod)?);
    }
    let phase = str_at(&pod, "/status/phase");
    if phase != "Running" {
        return Err(Failure::msg(format!("unable to forward port because pod is not running. Current status={phase}")));
    }
    listen(cx, &pod, pairs)
}

/// `8080:http` as the number here and the number there.
fn translate(port: &str, kind: &str, object: &Value, pod: &Value) -> Result<(u16, u16), Failure> {
    let (local, remote) = port.split_once(':').unwrap_or((port, port));
    // A single number is read as the port here first.
    let out_of_range = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_err();
    if local == remote && !port.is_empty() && kind != "Service" && out_of_range(port) {
        return Err(Failure::msg(format!(
            "error parsing local port '{port}': strconv.ParseUint: parsing {}: value out of range",
            quote(port)
        )));
    }
    let number = |text: &str, what: &str| -> Result<u16, Failure> {
        text.parse().map_err(|_| {
            Failure::msg(format!(
                "error parsing {what} port {}: strconv.ParseUint: parsing {}: {}",
                quote(text),
                quote(text),
                if text.bytes().all(|byte| byte.is_ascii_digit()) { "value out of range" } else { "invalid syntax" }
            ))
        })
    };
    let same = local == remote && !port.contains(':');
    let there = if kind == "Service" {
        let (wanted, of) = service_port(remote, object, pod)?;
        // Without a number of its own, the local port is the Service's.
        let local = if same {
            wanted
        } else if local.is_empty() {
            0
        } else {
            number(local, "local")?
        };
        return Ok((local, of));
    } else if !remote.is_empty() && remote.bytes().all(|byte| byte.is_ascii_digit()) {
        number(remote, "remote")?
    } else {
        container_port(pod, remote)?
    };
    if there == 0 {
        return Err(Failure::msg("remote port must be > 0"));
    }
    let here = if same {
        there
    } else if local.is_empty() {
        0
    } else {
        number(local, "local")?
    };
    Ok((here, there))
}

/// A port of a Pod by its name.
fn container_port(pod: &Value, name: &str) -> Result<u16, Failure> {
    let found = list_at(pod, "/spec/containers")
        .iter()
        .flat_map(|container| list_at(container, "/ports"))
        .find(|port| str_at(port, "/name") == name);
    let number = found.and_then(|port| port.get("containerPort")).and_then(Value::as_u64);
    number.and_then(|number| u16::try_from(number).ok()).ok_or_else(|| {
        Failure::msg(format!("Pod '{}' does not have a named port '{name}'", str_at(pod, "/metadata/name")))
    })
}

/// A port of a Service, by number or name: its number, and the number in the Pod.
fn service_port(text: &str, service: &Value, pod: &Value) -> Result<(u16, u16), Failure> {
    let name = str_at(service, "/metadata/name");
    let number = |port: &Value| port.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let found = list_at(service, "/spec/ports").iter().find(|port| {
        if digits { number(port).is_some_and(|port| port.to_string() == text) } else { str_at(port, "/name") == text }
    });
    let Some(port) = found else {
        return Err(Failure::msg(if digits {
            format!("Service {name} does not have a service port {text}")
        } else {
            format!("Service '{name}' does not have a named port '{text}'")
        }));
    };
    if str_at(port, "/protocol") == "UDP" {
        return Err(Failure::msg(format!("UDP protocol is not supported for {text}")));
    }
    let own = number(port).unwrap_or(0);
    let there = match port.get("targetPort") {
        _ if str_at(service, "/spec/clusterIP") == "None" => own,
        Some(Value::String(name)) => container_port(pod, name)?,
        Some(target) => {
            target.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0).unwrap_or(own)
        }
        None => own,
    };
    Ok((own, there))
}

fn listen(cx: &mut Context<'_>, pod: &Value, pairs: Vec<(u16, u16)>) -> Outcome {
    let mut ports = Vec::new();
    for (local, remote) in &pairs {
        let free = |cx: &mut Context<'_>| (32_768..61_000).find(|port| cx.system.listen(*port).is_ok());
        let taken = match local {
            0 => free(cx),
            port => cx.system.listen(*port).is_ok().then_some(*port),
        };
        let Some(port) = taken else {
            let why = |family: &str, host: &str| {
                format!("unable to create listener: Error listen {family} {host}:{local}: bind: address already in use")
            };
            cx.out.err_line(&format!(
                "Unable to listen on port {local}: Listeners failed to create with the following errors: [{} {}]",
                why("tcp4", "127.0.0.1"),
                why("tcp6", "[::1]")
            ));
            continue;
        };
        cx.out.line(&format!("Forwarding from 127.0.0.1:{port} -> {remote}"));
        cx.out.line(&format!("Forwarding from [::1]:{port} -> {remote}"));
        ports.push((port, *remote));
    }
    if ports.is_empty() {
        let pairs: Vec<String> = pairs.iter().map(|(local, remote)| format!("{{{local} {remote}}}")).collect();
        return Err(Failure::msg(format!("unable to listen on any of the requested ports: [{}]", pairs.join(" "))));
    }
    let namespace = str_at(pod, "/metadata/namespace").to_owned();
    let name = str_at(pod, "/metadata/name").to_owned();
    let request = Request::new(Method::Get, format!("/api/v1/namespaces/{namespace}/pods"))
        .with_header("Accept", "application/json")
        .with_query("fieldSelector", format!("metadata.name={name}"))
        .with_query("resourceVersion", str_at(pod, "/metadata/resourceVersion"))
        .with_query("watch", "true");
    let events = Events::open(cx, request)?;
    Ok(Next::Task(Box::new(Forwarding { namespace, name, ports, events, lost: false })))
}

/// Ports that are forwarded.
#[derive(Clone, Debug)]
struct Forwarding {
    namespace: String,
    name: String,
    /// The port here and the one there.
    ports: Vec<(u16, u16)>,
    /// Tells when the Pod ends.
    events: Events,
    lost: bool,
}

impl Task for Forwarding {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            if self.lost {
                self.events.close(cx);
                return Err(Failure::msg("lost connection to pod"));
            }
            match self.events.next(cx)? {
                Event::Seen(kind, pod) => {
                    self.lost = kind == "DELETED" || matches!(str_at(&pod, "/status/phase"), "Succeeded" | "Failed");
                }
                Event::Pending => return Ok(Progress::Wait(Wait { streams: true, ..Wait::default() })),
                Event::End => self.lost = true,
            }
        }
    }

    fn serve(&mut self, cx: &mut Context<'_>, port: u16, request: &Request) -> Option<Response> {
        let (_, remote) = self.ports.iter().find(|(local, _)| *local == port).copied()?;
        cx.out.line(&format!("Handling connection for {port}"));
        let mut request = request.clone();
        let (namespace, name) = (&self.namespace, &self.name);
        request.path = format!("/api/v1/namespaces/{namespace}/pods/{name}:{remote}/proxy{}", request.path);
        let answer = cx.send(request).ok()?;
        let refused = match &answer.body {
            Body::Bytes(bytes) if answer.status == 503 => {
                serde_json::from_slice::<Value>(bytes).is_ok_and(|status| str_at(&status, "/kind") == "Status")
            }
            _ => answer.status == 404 && pod_is_gone(&answer),
        };
        if !refused {
            return Some(answer);
        }
        let why = format!(
            "an error occurred forwarding {port} -> {remote}: error forwarding port {remote} to pod {name}, uid : failed to connect to localhost:{remote} inside namespace: dial tcp4 127.0.0.1:{remote}: connect: connection refused"
        );
        let line =
            klog('E', cx.system.now(), "portforward.go:424", &format!("\"Unhandled Error\" err={}", quote(&why)));
        cx.out.err_line(&line);
        self.lost = true;
        None
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

fn pod_is_gone(answer: &Response) -> bool {
    let Body::Bytes(bytes) = &answer.body else { return false };
    serde_json::from_slice::<Value>(bytes).is_ok_and(|status| str_at(&status, "/details/kind") == "pods")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ports_are_named_by_number_and_by_word() {
        let pod = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}});
        let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"name": "www", "port": 80, "targetPort": "http"}]}});
        let pairs = |port: &str, kind: &str| translate(port, kind, &service, &pod).map_err(|failure| failure.text());
        assert_eq!(pairs("8000:80", "Pod"), Ok((8000, 80)));
        assert_eq!(pairs("80", "Pod"), Ok((80, 80)));
        assert_eq!(pairs(":80", "Pod"), Ok((0, 80)));
        assert_eq!(pairs("http", "Pod"), Ok((8080, 8080)));
        assert_eq!(pairs("9000:80", "Service"), Ok((9000, 8080)));
        assert_eq!(pairs("www", "Service"), Ok((80, 8080)));
        assert_eq!(pairs("81", "Service").unwrap_err(), "Service web does not have a service port 81");
        assert_eq!(pairs("nope", "Pod").unwrap_err(), "Pod 'web' does not have a named port 'nope'");
    }
}
