//! `kubectl expose` and `kubectl autoscale`: a Service or an autoscaler for an object.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/expose and pkg/cmd/autoscale.

use serde_json::{Map, Value, json};

use crate::apimachinery::quantity::Quantity;
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, int32, text};
use crate::kubectl::patching::overridden;
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, map_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::typed;
use crate::kubectl::writing::{self, DRY_RUN, DryRun, SAVE_CONFIG, field_manager};
use crate::text::go_number::quote;

const EXPOSE_FLAGS: &[Flag] = &[
    text("cluster-ip", "", "The address of the Service, or None."),
    text("external-ip", "", "An external address of the Service."),
    text("labels", "", "Labels of the Service.").short('l'),
    text("load-balancer-ip", "", "The address of the load balancer."),
    text("name", "", "The name of the Service."),
    text("override-type", "merge", "The form of --overrides."),
    text("overrides", "", "JSON that is merged into the generated Service."),
    text("port", "", "The port of the Service."),
    text("protocol", "", "The protocol; TCP when nothing else is known."),
    text("selector", "", "The labels of the Pods."),
    text("session-affinity", "", "None or ClientIP."),
    text("target-port", "", "The port or the name of a port of the container."),
    text("type", "", "ClusterIP, NodePort, LoadBalancer or ExternalName."),
];

/// `kubectl expose`.
pub static EXPOSE: Command = Command {
    name: "expose",
    group: Group::Beginner,
    short: "Make a Service for an object",
    long: "Makes a Service that leads to the Pods of a Deployment, ReplicaSet, Pod or another Service.",
    examples: &[
        ("A Service for a Deployment", "kubectl expose deployment web --port=80 --name=web-front"),
        ("Reachable on the nodes", "kubectl expose deployment web --port=80 --type=NodePort --name=web-np"),
    ],
    usage: "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type] [options]",
    flags: &[EXPOSE_FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-expose")], SAVE_CONFIG],
    run: Some(expose),
    ..Command::EMPTY
};

const SCALE_FLAGS: &[Flag] = &[
    text("cpu", "", "CPU to aim at: a percentage such as 70% or an amount such as 500m."),
    int32("cpu-percent", "-1", "CPU to aim at, in percent of what is requested.").deprecated(
        "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU).",
    ),
    int32("max", "-1", "At most so many copies.").required(),
    text("memory", "", "Memory to aim at: a percentage or an amount."),
    int32("min", "-1", "At least so many copies."),
    text("name", "", "The name of the autoscaler."),
];

/// `kubectl autoscale`.
pub static AUTOSCALE: Command = Command {
    name: "autoscale",
    group: Group::Deploy,
    short: "Let the number of copies follow the load",
    long: "Makes an autoscaler that sets the number of copies of an object between two bounds.",
    examples: &[("Between two and five copies", "kubectl autoscale deployment web --min=2 --max=5 --cpu=80%")],
    usage: "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY] [options]",
    flags: &[SCALE_FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-autoscale")], SAVE_CONFIG],
    run: Some(autoscale),
    ..Command::EMPTY
};

fn make(
    cx: &mut Context<'_>,
    object: Value,
    what: &str,
    dry_run: DryRun,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let flags = cx.session.flags.clone();
    let mut object = object;
    record::note(cx, &mut object);
    if flags.on("save-config") && dry_run != DryRun::Client {
        let memory = typed::compact(&typed::complete(&object)) + "\n";
        writing::set_annotation(&mut object, writing::LAST_APPLIED, &memory);
    }
    let namespace = cx.namespace()?;
    let of = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
    let (version, kind, name) = (of("/apiVersion"), of("/kind"), of("/metadata/name"));
    let resource = cx.discovery()?.of_kind(&version, &kind).cloned().unwrap_or_default();
    let manager = flags.text("field-manager");
    let made = writing::create(cx, &resource.path(&namespace), &object, dry_run, manager, "")?;
    let text = printer.done(&made, &resource, &name, &format!("{what}{}", dry_run.suffix()))?;
    cx.out.out(&text);
    Ok(())
}

fn expose(cx: &mut Context<'_>) -> Outcome {
    let mut flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    if dry_run == DryRun::Client {
        printer = printer.typed();
    }
    // Objects of files are taken as they stand there, others as the server has them.
    let from_files = !flags.list("filename").is_empty() || !flags.text("kustomize").is_empty();
    let built = builder::build(cx, &Query { selector: None, ..Query::of(&flags) })?;
    let failures = builder::visit(cx, &built, from_files, &mut |cx, target| {
        let object = target.object.clone().unwrap_or_default();
        let service = service(&flags, target, &object)?;
        keep(&mut flags, &service);
        make(cx, overridden(&flags, service)?, "exposed", dry_run, &mut printer)
    });
    ended(failures)
}

/// What was found out for the first object is what the next ones get, as upstream does it.
fn keep(flags: &mut Flags, service: &Value) {
    let joined = |path: &str| {
        let pairs = map_at(service, path).into_iter().flatten();
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
    };
    let ports = list_at(service, "/spec/ports").iter().filter_map(|port| port.get("port"));
    let ports = ports.map(Value::to_string).collect::<Vec<_>>().join(",");
    for (flag, text) in
        [("selector", joined("/spec/selector")), ("labels", joined("/metadata/labels")), ("port", ports)]
    {
        if flags.text(flag).is_empty() && !text.is_empty() {
            flags.set(flag, &text);
        }
    }
}

fn pairs(text: &str) -> Result<Map<String, Value>, Failure> {
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), json!(value))),
        _ => Err(Failure::msg(format!("unexpected label spec: {part}"))),
    };
    text.split(',').map(pair).collect()
}

fn service(flags: &Flags, target: &Target, object: &Value) -> Result<Value, Failure> {
    let kind = target.resource.kind.as_str();
    if !["Pod", "Service", "ReplicationController", "Deployment", "ReplicaSet"].contains(&kind) {
        return Err(Failure::msg(format!("cannot expose a {}", kind_and_group(target))));
    }
    let selector = if flags.text("selector").is_empty() {
        let path = match kind {
            "Pod" => "/metadata/labels",
            "Service" | "ReplicationController" => "/spec/selector",
            _ => "/spec/selector/matchLabels",
        };
        let found = map_at(object, path).cloned().unwrap_or_default();
        if found.is_empty() {
            return Err(Failure::msg(match kind {
                "Service" => {
                    "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set"
                }
                "Pod" => {
                    "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed"
                }
                _ => {
                    "couldn't retrieve selectors via --selector flag or introspection: the object has no selector and cannot be exposed"
                }
            }));
        }
        found
    } else {
        pairs(flags.text("selector"))?
    };
    let affinity = flags.text("session-affinity");
    if !["", "None", "ClientIP"].contains(&affinity) {
        return Err(Failure::msg(format!("unknown session affinity: {affinity}")));
    }
    let target_port = |default: &Value| match flags.text("target-port") {
        "" => default.clone(),
        text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
    };
    let known: Vec<(i64, String)> = if kind == "Service" {
        list_at(object, "/spec/ports").iter().map(|port| number_and_protocol(port, "port")).collect()
    } else {
        let spec = if kind == "Pod" { "/spec/containers" } else { "/spec/template/spec/containers" };
        list_at(object, spec)
            .iter()
            .flat_map(|container| list_at(container, "/ports"))
            .map(|port| number_and_protocol(port, "containerPort"))
            .collect()
    };
    let wanted: Vec<i64> = if flags.text("port").is_empty() {
        known.iter().map(|(number, _)| *number).collect()
    } else {
        flags.text("port").split(',').map(number).collect::<Result<_, Failure>>()?
    };
    if wanted.is_empty() && flags.text("cluster-ip") != "None" {
        return Err(Failure::msg("couldn't find port via --port flag or introspection"));
    }
    let many = wanted.len() > 1;
    let ports: Vec<Value> = wanted
        .iter()
        .enumerate()
        .map(|(index, number)| {
            let protocol = match flags.text("protocol") {
                "" => known.iter().find(|(known, _)| known == number).map_or("TCP", |(_, protocol)| protocol),
                text => text,
            };
            let mut port = json!({"port": number, "protocol": protocol, "targetPort": target_port(&json!(number))});
            if let (true, Some(fields)) = (many, port.as_object_mut()) {
                fields.insert("name".to_owned(), json!(format!("port-{}", index + 1)));
            }
            port
        })
        .collect();
    let name = if flags.text("name").is_empty() { &target.name } else { flags.text("name") };
    let labels = if flags.text("labels").is_empty() {
        map_at(object, "/metadata/labels").cloned().unwrap_or_default()
    } else {
        pairs(flags.text("labels"))?
    };
    let mut metadata = json!({"name": name});
    if let (false, Some(fields)) = (labels.is_empty(), metadata.as_object_mut()) {
        fields.insert("labels".to_owned(), Value::Object(labels));
    }
    let mut spec = json!({"selector": selector, "ports": ports});
    if let Some(fields) = spec.as_object_mut() {
        for (flag, field) in [
            ("type", "type"),
            ("cluster-ip", "clusterIP"),
            ("session-affinity", "sessionAffinity"),
            ("load-balancer-ip", "loadBalancerIP"),
        ] {
            if !flags.text(flag).is_empty() {
                fields.insert(field.to_owned(), json!(flags.text(flag)));
            }
        }
        if !flags.text("external-ip").is_empty() {
            fields.insert("externalIPs".to_owned(), json!([flags.text("external-ip")]));
        }
    }
    Ok(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}),
    )
}

fn number(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| Failure::msg(format!("strconv.Atoi: parsing {}: invalid syntax", quote(text))))
}

fn kind_and_group(target: &Target) -> String {
    let resource = &target.resource;
    if resource.group.is_empty() { resource.kind.clone() } else { format!("{}.{}", resource.kind, resource.group) }
}

fn number_and_protocol(port: &Value, field: &str) -> (i64, String) {
    let number = port.get(field).and_then(Value::as_i64).unwrap_or(0);
    let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
    (number, protocol.to_owned())
}

fn autoscale(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let (min, max) = (flags.number("min"), flags.number("max"));
    if max < 1 {
        return Err(Failure::msg(format!("--max=MAXPODS is required and must be at least 1, max: {max}")));
    }
    if max < min {
        return Err(Failure::msg(format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
        )));
    }
    if flags.number("cpu-percent") > 0 && !flags.text("cpu").is_empty() {
        return Err(Failure::msg("--cpu-percent and --cpu are mutually exclusive"));
    }
    let mut metrics = Vec::new();
    let cpu = if flags.number("cpu-percent") > 0 {
        format!("{}%", flags.text("cpu-percent"))
    } else {
        flags.text("cpu").to_owned()
    };
    for (name, text) in [("cpu", cpu.as_str()), ("memory", flags.text("memory"))] {
        if text.is_empty() {
            continue;
        }
        let target = aim(name, text)?;
        metrics.push(json!({"type": "Resource", "resource": {"name": name, "target": target}}));
    }
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let built = builder::build(cx, &Query::of(&flags))?;
    // What stands in a file is not asked for.
    let (found, mut failures) = if built.targets.iter().any(|target| target.source.is_some()) {
        (built.targets, built.failures)
    } else {
        builder::fetch(cx, &built)
    };
    for target in found {
        if let Err(failure) = scaler(cx, &target, (min, max), &metrics, dry_run, &mut printer) {
            failures.push(failure);
        }
    }
    ended(failures)
}

/// Makes the autoscaler of one object.
fn scaler(
    cx: &mut Context<'_>,
    target: &Target,
    (min, max): (i64, i64),
    metrics: &[Value],
    dry_run: DryRun,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let flags = cx.session.flags.clone();
    let resource = &target.resource;
    if !resource.subresources.iter().any(|sub| sub == "scale") {
        let version = if resource.group.is_empty() { format!("/{}", resource.version) } else { resource.api_version() };
        return Err(Failure::msg(format!(
            "cannot autoscale a {}: could not find scale subresource for {version}, Resource={} in discovery information",
            resource.kind, resource.plural
        )));
    }
    let name = if flags.text("name").is_empty() { &target.name } else { flags.text("name") };
    let mut spec = json!({
        "maxReplicas": max,
        "scaleTargetRef": {"apiVersion": resource.api_version(), "kind": resource.kind, "name": target.name},
    });
    if let Some(fields) = spec.as_object_mut() {
        if min > 0 {
            fields.insert("minReplicas".to_owned(), json!(min));
        }
        if !metrics.is_empty() {
            fields.insert("metrics".to_owned(), json!(metrics));
        }
    }
    let object = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec,
        "status": {"currentMetrics": null, "desiredReplicas": 0}});
    let done = if dry_run == DryRun::Client { "created" } else { "autoscaled" };
    make(cx, object, done, dry_run, printer).map_err(|failure| as_of_version_one(&flags, failure))
}

/// What is said when an autoscaler cannot be made: upstream tries once more with the first version of the API, which
/// knows only a share of the CPU asked for, and says so when that cannot be.
fn as_of_version_one(flags: &Flags, failure: Failure) -> Failure {
    let (cpu, memory) = (flags.text("cpu").trim(), flags.text("memory"));
    let share = flags.number("cpu-percent") >= 0 || cpu.ends_with('%');
    let why = match cpu {
        "" => "empty input",
        _ if share && memory.is_empty() => return failure,
        _ => "%!w(<nil>)",
    };
    Failure::msg(format!(
        "failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1: {why}"
    ))
}

/// What an autoscaler aims at: `70%` or an amount; a bare number counts in the unit people use for it.
fn aim(name: &str, text: &str) -> Result<Value, Failure> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        return match percent.parse::<i64>() {
            Ok(percent) if percent >= 0 => Ok(json!({"type": "Utilization", "averageUtilization": percent})),
            _ => Err(Failure::msg(format!("invalid percentage value: {percent}"))),
        };
    }
    let unit = if name == "cpu" { "m" } else { "Mi" };
    let amount = if text.parse::<f64>().is_ok() { format!("{text}{unit}") } else { text.to_owned() };
    match amount.parse::<Quantity>() {
        Ok(amount) => Ok(json!({"type": "AverageValue", "averageValue": amount.to_string()})),
        Err(_) => Err(Failure::msg(format!("invalid resource {name} value: {text}"))),
    }
}
