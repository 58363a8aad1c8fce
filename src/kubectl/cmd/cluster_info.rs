//! `kubectl cluster-info`: where the control plane is, and everything for a diagnosis.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/clusterinfo.

use serde_json::Value;

use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{duration, slice, switch, text};
use crate::kubectl::print::{Format, Printer, list_at, map_at, print_flags, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::go_json;
use crate::text::http::{Method, Request};

/// `kubectl cluster-info`.
pub static COMMAND: Command = Command {
    name: "cluster-info",
    group: Group::Cluster,
    short: "Show where the cluster's services are",
    long: "Shows the addresses of the control plane and of services that belong to the cluster.",
    examples: &[("Where the cluster is", "kubectl cluster-info")],
    usage: "[flags] [options]",
    subcommands: &[&DUMP],
    run: Some(cluster_info),
    ..Command::EMPTY
};

static DUMP: Command = Command {
    name: "dump",
    short: "Print everything for a diagnosis",
    long: "Prints nodes, and of some namespaces events, controllers, services, Pods and their logs.",
    examples: &[
        ("The present namespace and kube-system", "kubectl cluster-info dump"),
        ("Every namespace, as files of a directory", "kubectl cluster-info dump -A --output-directory=state"),
    ],
    usage: "[flags] [options]",
    flags: &[
        &[
            switch("all-namespaces", "Of every namespace.").short('A'),
            slice("namespaces", "Of these namespaces."),
            text("output-directory", "", "Where to write files; - is standard output."),
            duration("pod-running-timeout", "20s", "How long to wait for a Pod."),
        ],
        &print_flags("json"),
    ],
    run: Some(dump),
    ..Command::EMPTY
};

fn cluster_info(cx: &mut Context<'_>) -> Outcome {
    let told = services(cx);
    cx.out.line("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    told?;
    DONE
}

/// Tells where the control plane and the services of the cluster are.
fn services(cx: &mut Context<'_>) -> Result<(), Failure> {
    cx.discovery()?;
    let server = cx.config()?.server.clone();
    let request = Request::new(Method::Get, "/api/v1/namespaces/kube-system/services")
        .with_header("Accept", "application/json")
        .with_query("labelSelector", "kubernetes.io/cluster-service=true");
    let answer = cx.json(request)?;
    cx.out.line(&format!("Kubernetes control plane is running at {server}"));
    for service in list_at(&answer, "/items") {
        let labels = map_at(service, "/metadata/labels");
        let title = labels.and_then(|all| all.get("kubernetes.io/name")).and_then(Value::as_str);
        let name = str_at(service, "/metadata/name");
        cx.out.line(&format!("{} is running at {}", title.unwrap_or(name), link(service, &server)));
    }
    Ok(())
}

/// Where a service is reached: at its load balancer, or through the server.
fn link(service: &Value, server: &str) -> String {
    if let Some(balancer) = list_at(service, "/status/loadBalancer/ingress").first() {
        let host = Some(str_at(balancer, "/ip")).filter(|ip| !ip.is_empty()).unwrap_or(str_at(balancer, "/hostname"));
        let ports = list_at(service, "/spec/ports").iter();
        return ports.map(|port| format!("http://{host}:{} ", port.get("port").unwrap_or(&Value::Null))).collect();
    }
    let (name, port) = (str_at(service, "/metadata/name"), str_at(service, "/spec/ports/0/name"));
    let secure = port == "https" || service.pointer("/spec/ports/0/port").and_then(Value::as_i64) == Some(443);
    let target = match (secure, port) {
        (true, port) => format!("https:{name}:{port}"),
        (false, "") => name.to_owned(),
        (false, port) => format!("{name}:{port}"),
    };
    let namespace = str_at(service, "/metadata/namespace");
    format!("{server}/api/v1/namespaces/{namespace}/services/{target}/proxy")
}

/// What is dumped of a namespace: group and version, plural, name of the file.
const KINDS: &[(&str, &str, &str)] = &[
    ("/api/v1", "events", "events"),
    ("/api/v1", "replicationcontrollers", "replication-controllers"),
    ("/api/v1", "services", "services"),
    ("/apis/apps/v1", "daemonsets", "daemonsets"),
    ("/apis/apps/v1", "deployments", "deployments"),
    ("/apis/apps/v1", "replicasets", "replicasets"),
    ("/api/v1", "pods", "pods"),
];

/// Where a dump goes.
struct Dump {
    printer: Printer,
    managed: bool,
    folder: String,
    ending: &'static str,
}

impl Dump {
    fn put(&self, cx: &mut Context<'_>, name: &str, ending: &str, bytes: &[u8]) -> Result<(), Failure> {
        if self.folder.is_empty() {
            cx.out.bytes(1, bytes);
            return Ok(());
        }
        let path = format!("{}/{name}{ending}", self.folder.trim_end_matches('/'));
        if let Some((parent, _)) = path.rsplit_once('/') {
            let _ = cx.system.create_dir(parent, true);
        }
        cx.system.write_file(&path, bytes).map_err(|errno| Failure::msg(path_error("open", &path, errno)))
    }

    /// Fetches a list, writes it and gives it.
    fn list(&mut self, cx: &mut Context<'_>, path: &str, name: &str) -> Result<Value, Failure> {
        let bytes = cx.raw(Request::new(Method::Get, path).with_header("Accept", "application/json"))?;
        let list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = match self.printer.format {
            // Typed objects: their fields stand in the order in which the server writes them.
            Format::Json => {
                let omit = if self.managed { "" } else { "managedFields" };
                go_json::reindented(&String::from_utf8_lossy(&bytes), omit) + "\n"
            }
            _ => self.printer.print(&list)?,
        };
        self.put(cx, name, self.ending, text.as_bytes())?;
        Ok(list)
    }

    fn logs(&self, cx: &mut Context<'_>, pod: &Value) -> Result<(), Failure> {
        let (namespace, name) = (str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
        let mut text = Vec::new();
        for list in ["/spec/initContainers", "/spec/containers"] {
            for container in list_at(pod, list) {
                let container = str_at(container, "/name");
                let title = format!("logs for container {container} of pod {namespace}/{name} ====\n");
                text.extend(format!("==== START {title}").into_bytes());
                let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log");
                match cx.raw(Request::new(Method::Get, path).with_query("container", container)) {
                    Ok(log) => text.extend(log),
                    Err(failure) => text.extend(format!("Request log error: {}\n", failure.text()).into_bytes()),
                }
                text.extend(format!("==== END {title}").into_bytes());
            }
        }
        self.put(cx, &format!("{namespace}/{name}/logs"), ".txt", &text)
    }
}

fn dump(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let ending = match flags.text("output") {
        "json" => ".json",
        "yaml" => ".yaml",
        _ => ".txt",
    };
    let folder = Some(flags.text("output-directory")).filter(|folder| *folder != "-").unwrap_or_default().to_owned();
    let printer = Printer::of(&flags, cx.system, false)?;
    let mut dump = Dump { printer, managed: flags.on("show-managed-fields"), folder, ending };
    dump.list(cx, "/api/v1/nodes", "nodes")?;
    let mut namespaces = flags.list("namespaces");
    if flags.on("all-namespaces") {
        let all = cx.get("/api/v1/namespaces")?;
        namespaces = list_at(&all, "/items").iter().map(|one| str_at(one, "/metadata/name").to_owned()).collect();
    } else if namespaces.is_empty() {
        namespaces = vec!["kube-system".to_owned(), cx.namespace()?];
    }
    for namespace in namespaces {
        let mut pods = Value::Null;
        for (root, plural, name) in KINDS {
            pods = dump.list(cx, &format!("{root}/namespaces/{namespace}/{plural}"), &format!("{namespace}/{name}"))?;
        }
        for pod in list_at(&pods, "/items") {
            dump.logs(cx, pod)?;
        }
    }
    if !dump.folder.is_empty() {
        cx.out.line(&format!("Cluster info dumped to {}", dump.folder));
    }
    DONE
}
