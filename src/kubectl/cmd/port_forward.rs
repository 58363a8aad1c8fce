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
    asks: 4,
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let Some((word, ports)) = args.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(cx.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    if cx.session.flags.nanoseconds("pod-running-timeout") <= 0 {
        return Err(cx.usage("--pod-running-timeout must be higher than zero"));
    }
    if word.is_empty() {
        return Err(Failure::msg(builder::NAMELESS));
    }
    let name = if word.contains('/') { word.clone() } else { format!("pods/{word}") };
    let built = builder::build(cx, &Query { args: vec![name], ..Query::default() })?;
    let Some(target) = built.targets.first().cloned() else { return Ok(Next::Exit(0)) };
    let object = cx.get(&target.path())?;
    let pods = pods::pods_of(cx, &target, &object, "attach to")?;
    let Some(pod) = pods.into_iter().next() else {
        return Err(Failure::msg("timed out waiting for the condition"));
    };
    for port in ports {
        let of = if target.resource.kind == "Service" { &object } else { &pod };
        refuse_udp(port, of)?;
    }
    let ports: Vec<String> =
        ports.iter().map(|port| translate(port, &target.resource.kind, &object, &pod)).collect::<Result<_, _>>()?;
    let phase = str_at(&pod, "/status/phase");
    if phase != "Running" {
        return Err(Failure::msg(format!("unable to forward port because pod is not running. Current status={phase}")));
    }
    let addresses = addresses(&cx.session.flags.list("address"))?;
    let pairs = ports.iter().map(|port| parse(port)).collect::<Result<_, _>>()?;
    listen(cx, &pod, &addresses, pairs)
}

/// The port here and the port there of `8080:http`; one alone is both.
fn split(port: &str) -> (&str, &str) {
    match port.split_once(':') {
        Some((local, remote)) if !remote.contains(':') => (local, remote),
        Some((local, _)) => (local, local),
        None => (port, port),
    }
}

/// UDP is not forwarded: a port of a Service or Pod that has no TCP beside it is refused.
fn refuse_udp(port: &str, object: &Value) -> Result<(), Failure> {
    let (_, wanted) = split(port);
    let service = str_at(object, "/kind") == "Service";
    let ports: Vec<(i64, &str)> = if service {
        list_at(object, "/spec/ports").iter().map(|port| (integer(port, "port"), protocol(port))).collect()
    } else {
        let of = |container: &'_ Value| list_at(container, "/ports").to_vec();
        let all: Vec<Value> = list_at(object, "/spec/containers").iter().flat_map(of).collect();
        all.iter().map(|port| (integer(port, "containerPort"), protocol(port))).collect()
    };
    let number = match wanted.parse::<i64>() {
        Ok(number) => number,
        Err(_) if service => service_port_named(object, wanted)?,
        Err(_) => i64::from(container_port(object, wanted)?),
    };
    let has = |name: &str| ports.contains(&(number, name));
    if has("UDP") && !has("TCP") {
        return Err(Failure::msg(format!("UDP protocol is not supported for {wanted}")));
    }
    Ok(())
}

fn integer(port: &Value, field: &str) -> i64 {
    port.get(field).and_then(Value::as_i64).unwrap_or(0)
}

fn protocol(port: &Value) -> &'static str {
    match str_at(port, "/protocol") {
        "UDP" => "UDP",
        "SCTP" => "SCTP",
        _ => "TCP",
    }
}

/// `8080:http` with the number that stands behind the name, or behind a Service's port.
fn translate(port: &str, kind: &str, object: &Value, pod: &Value) -> Result<String, Failure> {
    let (local, remote) = split(port);
    let mut local = local.to_owned();
    let there = if kind == "Service" {
        let number = match remote.parse::<i64>() {
            Ok(number) => number,
            Err(_) => {
                let number = service_port_named(object, remote)?;
                if local == remote {
                    local = number.to_string();
                }
                number
            }
        };
        let there = behind_service_port(number, object, pod)?.to_string();
        return Ok(if local == there { there } else { format!("{local}:{there}") });
    } else if remote.is_empty() {
        return Err(Failure::msg("remote port cannot be empty"));
    } else if remote.parse::<i64>().is_ok() {
        remote.to_owned()
    } else {
        container_port(pod, remote)?.to_string()
    };
    Ok(if local == remote { there } else { format!("{local}:{there}") })
}

/// The two numbers of `8080:80`; nothing in front of the colon is any free port.
fn parse(port: &str) -> Result<(u16, u16), Failure> {
    let (local, remote) = match port.split(':').collect::<Vec<_>>().as_slice() {
        [one] => (*one, *one),
        ["", remote] => ("0", *remote),
        [local, remote] => (*local, *remote),
        _ => return Err(Failure::msg(format!("invalid port format '{port}'"))),
    };
    let number = |text: &str, what: &str| {
        text.parse::<u16>().map_err(|_| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let why = if digits { "value out of range" } else { "invalid syntax" };
            Failure::msg(format!(
                "error parsing {what} port '{text}': strconv.ParseUint: parsing {}: {why}",
                quote(text)
            ))
        })
    };
    let pair = (number(local, "local")?, number(remote, "remote")?);
    if pair.1 == 0 {
        return Err(Failure::msg("remote port must be > 0"));
    }
    Ok(pair)
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    /// As it is given.
    text: String,
    /// Whether it came from `localhost`, of whose addresses one is enough.
    local: bool,
}

impl Address {
    /// `[::1]:80`
    fn with_port(&self, port: u16) -> String {
        if self.text.contains(':') { format!("[{}]:{port}", self.text) } else { format!("{}:{port}", self.text) }
    }

    /// Whether it is one of this machine.
    fn is_own(&self) -> bool {
        self.text.starts_with("127.") || matches!(self.text.as_str(), "0.0.0.0" | "::" | "::1")
    }
}

fn addresses(given: &[String]) -> Result<Vec<Address>, Failure> {
    if given.is_empty() {
        return Err(Failure::msg("you must specify at least 1 address"));
    }
    let mut found = Vec::new();
    for text in given {
        if text == "localhost" {
            found.extend(["127.0.0.1", "::1"].map(|text| Address { text: text.to_owned(), local: true }));
        } else if text.parse::<core::net::IpAddr>().is_ok() {
            found.retain(|one: &Address| one.text != *text);
            found.push(Address { text: text.clone(), local: false });
        } else {
            return Err(Failure::msg(format!("{text} is not a valid IP")));
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.text == b.text);
    Ok(found)
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

fn service_port_named(service: &Value, name: &str) -> Result<i64, Failure> {
    let found = list_at(service, "/spec/ports").iter().find(|port| str_at(port, "/name") == name);
    let own = str_at(service, "/metadata/name");
    found
        .map(|port| integer(port, "port"))
        .ok_or_else(|| Failure::msg(format!("Service '{own}' does not have a named port '{name}'")))
}

/// The number in the Pod behind a port of a Service.
fn behind_service_port(number: i64, service: &Value, pod: &Value) -> Result<i64, Failure> {
    let name = str_at(service, "/metadata/name");
    let Some(port) = list_at(service, "/spec/ports").iter().find(|port| integer(port, "port") == number) else {
        return Err(Failure::msg(format!("Service {name} does not have a service port {number}")));
    };
    Ok(match port.get("targetPort") {
        _ if str_at(service, "/spec/clusterIP") == "None" => number,
        Some(Value::String(name)) => i64::from(container_port(pod, name)?),
        Some(target) => target.as_i64().filter(|port| *port > 0).unwrap_or(number),
        None => number,
    })
}

/// Listens on a port of all addresses; the port, when a free one was asked for.
fn listen_on(cx: &mut Context<'_>, addresses: &[Address], local: u16, remote: u16) -> Result<u16, String> {
    let (mut port, mut taken, mut why) = (local, None, Vec::new());
    let (mut local_ones, mut failed_local, mut failed) = (0, 0, 0);
    for address in addresses {
        let refused = if !address.is_own() {
            Some("cannot assign requested address")
        } else {
            let free = *taken.get_or_insert_with(|| {
                if local == 0 {
                    port = (32_768..61_000).find(|port| cx.system.listen(*port).is_ok()).unwrap_or_default();
                    port != 0
                } else {
                    cx.system.listen(local).is_ok()
                }
            });
            (!free).then_some("address already in use")
        };
        let family = if address.text.contains(':') { "tcp6" } else { "tcp4" };
        match refused {
            None => {
                local_ones += usize::from(address.local);
                cx.out.line(&format!("Forwarding from {} -> {remote}", address.with_port(port)));
            }
            Some(refused) => {
                failed_local += usize::from(address.local);
                failed += usize::from(!address.local);
                let place = address.with_port(local);
                why.push(format!("unable to create listener: Error listen {family} {place}: bind: {refused}"));
            }
        }
    }
    if failed > 0 || (local_ones == 0 && failed_local > 0) {
        return Err(format!("Listeners failed to create with the following errors: [{}]", why.join(" ")));
    }
    Ok(port)
}

fn listen(cx: &mut Context<'_>, pod: &Value, addresses: &[Address], pairs: Vec<(u16, u16)>) -> Outcome {
    let mut ports = Vec::new();
    for (local, remote) in &pairs {
        match listen_on(cx, addresses, *local, *remote) {
            Ok(port) => ports.push((port, *remote)),
            Err(why) => cx.out.err_line(&format!("Unable to listen on port {local}: {why}")),
        }
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
        let pairs = |port: &str, kind: &str| {
            translate(port, kind, &service, &pod).and_then(|port| parse(&port)).map_err(|failure| failure.text())
        };
        assert_eq!(pairs("8000:80", "Pod"), Ok((8000, 80)));
        assert_eq!(pairs("80", "Pod"), Ok((80, 80)));
        assert_eq!(pairs(":80", "Pod"), Ok((0, 80)));
        assert_eq!(pairs("http", "Pod"), Ok((8080, 8080)));
        assert_eq!(pairs("9000:80", "Service"), Ok((9000, 8080)));
        assert_eq!(pairs("www", "Service"), Ok((80, 8080)));
        assert_eq!(pairs("81", "Service").unwrap_err(), "Service web does not have a service port 81");
        assert_eq!(pairs("nope", "Pod").unwrap_err(), "Pod 'web' does not have a named port 'nope'");
        let wrong = "error parsing local port 'x': strconv.ParseUint: parsing \"x\": invalid syntax";
        assert_eq!(pairs("x:80", "Pod").unwrap_err(), wrong);
    }

    #[test]
    fn localhost_is_two_addresses_and_what_is_no_address_is_refused() {
        let texts = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|one| (*one).to_owned()).collect();
            addresses(&given)
                .map(|all| all.into_iter().map(|one| one.text).collect::<Vec<_>>())
                .map_err(|why| why.text())
        };
        assert_eq!(texts(&["localhost"]).unwrap(), ["127.0.0.1", "::1"]);
        assert_eq!(texts(&["::1", "10.0.0.1", "::1"]).unwrap(), ["10.0.0.1", "::1"]);
        assert_eq!(texts(&["nosuch"]).unwrap_err(), "nosuch is not a valid IP");
        assert_eq!(texts(&[]).unwrap_err(), "you must specify at least 1 address");
    }
}
