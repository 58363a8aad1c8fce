//! `kubectl top`: how much CPU and memory nodes and Pods use, as the metrics API tells.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/top and pkg/metricsutil.

use serde_json::Value;

use crate::apimachinery::quantity::Quantity;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::http::{Method, Request};
use crate::text::table::TabWriter;

/// The command.
pub static COMMAND: Command = Command {
    name: "top",
    group: Group::Cluster,
    short: "Show how much is used",
    long: "Shows how much CPU and memory nodes or Pods use, as the metrics server saw it last.",
    usage: "[flags] [options]",
    subcommands: &[&NODE, &POD],
    run: Some(subcommand_missing),
    asks: 0,
    ..Command::EMPTY
};

const COMMON: &[Flag] = &[
    switch("no-headers", "Leave out the line of headers."),
    text("selector", "", "Only those whose labels match.").short('l'),
    switch("show-swap", "Swap, too."),
    text("sort-by", "", "The most used first: cpu or memory."),
    switch("use-protocol-buffers", "How to ask for metrics.").on(),
];

static NODE: Command = Command {
    name: "node",
    aliases: &["nodes", "no"],
    short: "Show how much nodes use",
    long: "Shows how much CPU and memory nodes use, and what share of what they have for Pods that is.",
    examples: &[
        ("Every node", "kubectl top node"),
        ("One node", "kubectl top node node01"),
        ("The busiest first", "kubectl top node --sort-by=cpu"),
    ],
    usage: "[NAME | -l label] [options]",
    flags: &[COMMON, &[switch("show-capacity", "Shares of the capacity instead of what can be allocated.")]],
    run: Some(node),
    ..Command::EMPTY
};

static POD: Command = Command {
    name: "pod",
    aliases: &["pods", "po"],
    short: "Show how much Pods use",
    long: "Shows how much CPU and memory Pods use. There is nothing to tell of a Pod in its first seconds.",
    examples: &[
        ("The Pods of the namespace", "kubectl top pod"),
        ("The Pods of every namespace", "kubectl top pod -A --sort-by=memory"),
        ("Each container on its own", "kubectl top pod -l app=web --containers"),
        ("With the sum", "kubectl top pod --sum"),
    ],
    usage: "[NAME | -l label] [options]",
    flags: &[
        COMMON,
        &[
            switch("all-namespaces", "Pods of every namespace.").short('A'),
            switch("containers", "Each container on its own."),
            text("field-selector", "", "Only Pods whose fields match."),
            switch("sum", "The sum of all Pods, too."),
        ],
    ],
    run: Some(pod),
    ..Command::EMPTY
};

/// How often somebody was asked for, in thousandths of a core, bytes and bytes of swap.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    cpu: f64,
    memory: f64,
    swap: f64,
}

impl Usage {
    fn of(list: Option<&Value>) -> Usage {
        let amount = |name: &str| {
            let text = list.and_then(|list| list.get(name)).and_then(Value::as_str).unwrap_or("0");
            Quantity::parse(text).map_or(0.0, |quantity| quantity.as_f64())
        };
        Usage { cpu: amount("cpu") * 1000.0, memory: amount("memory"), swap: amount("swap") }
    }

    fn plus(self, other: Usage) -> Usage {
        Usage { cpu: self.cpu + other.cpu, memory: self.memory + other.memory, swap: self.swap + other.swap }
    }

    /// CPU in thousandths, rounded up as quantities are; memory and swap in whole mebibytes.
    fn cells(self, swap: bool) -> Vec<String> {
        let mebi = |bytes: f64| format!("{}Mi", (bytes / 1_048_576.0).floor());
        let mut cells = vec![format!("{}m", self.cpu.ceil()), mebi(self.memory)];
        if swap {
            cells.push(mebi(self.swap));
        }
        cells
    }
}

/// What all forms of the command check, and the name given.
fn checked(cx: &mut Context<'_>, selector_words: &str) -> Result<String, Failure> {
    let flags = cx.session.flags.clone();
    let name = match flags.args.as_slice() {
        [] => String::new(),
        [name] => name.clone(),
        _ => {
            let noun = cx.path().rsplit(' ').next().unwrap_or_default().to_owned();
            return Err(cx.usage(format!("{noun} [NAME | -l label]")));
        }
    };
    if !["", "cpu", "memory"].contains(&flags.text("sort-by")) {
        return Err(Failure::msg("--sort-by accepts only cpu or memory"));
    }
    if !name.is_empty() && (!flags.text("selector").is_empty() || !flags.text("field-selector").is_empty()) {
        return Err(Failure::msg(format!("only one of NAME or {selector_words} can be provided")));
    }
    if !cx.discovery()?.versions.iter().any(|version| version == "metrics.k8s.io/v1beta1") {
        return Err(Failure::msg("Metrics API not available"));
    }
    Ok(name)
}

/// The metrics of one or of all.
fn metrics(cx: &mut Context<'_>, path: &str, name: &str) -> Result<Vec<Value>, Failure> {
    if !name.is_empty() {
        return Ok(vec![cx.get(&format!("{path}/{name}"))?]);
    }
    let mut request = Request::new(Method::Get, path).with_header("Accept", "application/json");
    for (flag, parameter) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
        let value = cx.session.flags.text(flag);
        if !value.is_empty() {
            request = request.with_query(parameter, value);
        }
    }
    Ok(list_at(&cx.json(request)?, "/items").to_vec())
}

/// The most used first where that was asked for; by name otherwise.
fn sort<T>(list: &mut [T], by: &str, key: impl Fn(&T) -> (String, String, Usage)) {
    list.sort_by(|a, b| {
        let (a_namespace, a_name, a) = key(a);
        let (b_namespace, b_name, b) = key(b);
        let names = (a_namespace, a_name).cmp(&(b_namespace, b_name));
        match by {
            "cpu" => b.cpu.total_cmp(&a.cpu).then(names),
            "memory" => b.memory.total_cmp(&a.memory).then(names),
            _ => names,
        }
    });
}

fn node(cx: &mut Context<'_>) -> Outcome {
    let name = checked(cx, "--selector")?;
    let mut found = metrics(cx, "/apis/metrics.k8s.io/v1beta1/nodes", &name)?;
    if found.is_empty() {
        return Err(Failure::msg("metrics not available yet"));
    }
    let nodes = metrics(cx, "/api/v1/nodes", &name)?;
    let flags = cx.session.flags.clone();
    let swap = flags.on("show-swap");
    sort(&mut found, flags.text("sort-by"), |one| {
        (String::new(), str_at(one, "/metadata/name").to_owned(), Usage::of(one.get("usage")))
    });
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") {
        let tail = if swap { "SWAP(bytes)\tSWAP(%)\t" } else { "" };
        writer.write(&format!("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t{tail}\n"));
    }
    let list = if flags.on("show-capacity") { "/status/capacity" } else { "/status/allocatable" };
    for one in &found {
        let name = str_at(one, "/metadata/name");
        let usage = Usage::of(one.get("usage"));
        let node = nodes.iter().find(|node| str_at(node, "/metadata/name") == name);
        let all = Usage::of(node.and_then(|node| node.pointer(list)));
        let share = |part: f64, whole: f64| if whole > 0.0 { (part / whole * 100.0).trunc() } else { 0.0 };
        let mut cells = usage.cells(false);
        cells.insert(1, format!("{}%", share(usage.cpu, all.cpu)));
        cells.push(format!("{}%", share(usage.memory, all.memory)));
        if swap {
            cells.extend(["<unknown>".to_owned(), "<unknown>".to_owned()]);
        }
        writer.write(&format!("{name}\t{}\t\n", cells.join("\t")));
    }
    for node in &nodes {
        let name = str_at(node, "/metadata/name");
        if !found.iter().any(|one| str_at(one, "/metadata/name") == name) {
            writer.write(&format!("{name}\t{}\n", "<unknown>\t".repeat(if swap { 6 } else { 4 })));
        }
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}

fn pod(cx: &mut Context<'_>) -> Outcome {
    let name = checked(cx, "selector")?;
    let flags = cx.session.flags.clone();
    let everywhere = flags.on("all-namespaces");
    let namespace = cx.namespace()?;
    let path = if everywhere && name.is_empty() {
        "/apis/metrics.k8s.io/v1beta1/pods".to_owned()
    } else {
        format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")
    };
    let mut found = metrics(cx, &path, &name)?;
    if found.is_empty() {
        let pods = metrics(cx, &path.replace("/apis/metrics.k8s.io/v1beta1", "/api/v1"), &name)?;
        if !pods.is_empty() {
            return Err(Failure::msg("metrics not available yet"));
        }
        cx.out.err_line(&if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {namespace} namespace.")
        });
        return DONE;
    }
    let total = |one: &Value| {
        list_at(one, "/containers").iter().fold(Usage::default(), |sum, one| sum.plus(Usage::of(one.get("usage"))))
    };
    sort(&mut found, flags.text("sort-by"), |one| {
        let namespace = if everywhere { str_at(one, "/metadata/namespace") } else { "" };
        (namespace.to_owned(), str_at(one, "/metadata/name").to_owned(), total(one))
    });
    let (each, swap) = (flags.on("containers"), flags.on("show-swap"));
    let mut columns = vec!["NAME", "CPU(cores)", "MEMORY(bytes)"];
    if swap {
        columns.push("SWAP(bytes)");
    }
    if each {
        columns.insert(0, "POD");
    }
    if everywhere {
        columns.insert(0, "NAMESPACE");
    }
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") {
        writer.write(&format!("{}\t\n", columns.join("\t")));
    }
    let mut sum = Usage::default();
    for one in &found {
        let (namespace, name) = (str_at(one, "/metadata/namespace"), str_at(one, "/metadata/name"));
        let lead = if everywhere { format!("{namespace}\t") } else { String::new() };
        sum = sum.plus(total(one));
        if !each {
            writer.write(&format!("{lead}{name}\t{}\t\n", total(one).cells(swap).join("\t")));
            continue;
        }
        let mut containers = list_at(one, "/containers").to_vec();
        sort(&mut containers, flags.text("sort-by"), |one| {
            (String::new(), str_at(one, "/name").to_owned(), Usage::of(one.get("usage")))
        });
        for container in &containers {
            let cells = Usage::of(container.get("usage")).cells(swap).join("\t");
            writer.write(&format!("{lead}{name}\t{}\t{cells}\t\n", str_at(container, "/name")));
        }
    }
    if flags.on("sum") {
        let width = if flags.on("no-headers") { 3 + usize::from(swap) } else { columns.len() };
        writer.write(&format!("{}________\t________\t\n", "\t".repeat(width - 2)));
        writer.write(&format!("{}\t{}\t\n", "\t".repeat(width - 3), sum.cells(swap).join("\t")));
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}
