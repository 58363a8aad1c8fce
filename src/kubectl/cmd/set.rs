//! `kubectl set`: image, env, resources, serviceaccount, selector, subject of objects with a Pod template.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set.

use serde_json::{Map, Value, json};

use crate::kubectl::apply::two_way;
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, array, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, FIELD_MANAGER};

/// The command.
pub static COMMAND: Command = Command {
    name: "set",
    group: Group::Beginner,
    short: "Set fields of objects",
    long: "Sets common fields of objects with a Pod template.",
    examples: &[("A new image", "kubectl set image deployment/web nginx=nginx:1.28")],
    usage: "SUBCOMMAND [options]",
    subcommands: &[&ENV, &IMAGE, &RESOURCES, &SERVICE_ACCOUNT],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

const COMMON: &[Flag] = &[
    switch("all", "Every object of the type in the namespace."),
    switch("local", "Change the file only, without asking the server."),
    text("selector", "", "Only objects whose labels match.").short('l'),
];

static IMAGE: Command = Command {
    name: "image",
    short: "Set the images of containers",
    long: "Sets the images of containers; * stands for all of them.",
    examples: &[("A new image", "kubectl set image deployment/web nginx=nginx:1.28")],
    usage: "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N [options]",
    flags: &[COMMON, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, FIELD_MANAGER],
    run: Some(image),
    ..Command::EMPTY
};

static ENV: Command = Command {
    name: "env",
    short: "Set variables of containers",
    long: "Sets (KEY=VALUE), removes (KEY-) or lists variables of containers.",
    examples: &[
        ("Set a variable", "kubectl set env deployment/web COLOUR=blue"),
        ("List them", "kubectl set env deployment/web --list"),
    ],
    usage: "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    flags: &[
        COMMON,
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        FIELD_MANAGER,
        &[
            text("containers", "*", "The containers, by name; * stands for any letters.").short('c'),
            array("env", "A variable, as KEY=VALUE.").short('e'),
            text("from", "", "Take all keys of a ConfigMap or Secret, as configmap/NAME."),
            text("keys", "", "Only these keys of --from."),
            switch("list", "List the variables."),
            switch("overwrite", "Allow values to change.").on(),
            text("prefix", "", "Put this before the keys of --from."),
            switch("resolve", "Show the values behind references with --list."),
        ],
    ],
    run: Some(env),
    ..Command::EMPTY
};

static RESOURCES: Command = Command {
    name: "resources",
    short: "Set requests and limits of containers",
    long: "Sets what containers ask for and may use at most.",
    examples: &[("Limits", "kubectl set resources deployment/web --limits=cpu=200m,memory=64Mi")],
    usage: "(-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS] [options]",
    flags: &[
        COMMON,
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        FIELD_MANAGER,
        &[
            text("containers", "*", "The containers, by name; * stands for any letters.").short('c'),
            text("limits", "", "Limits, such as cpu=100m,memory=256Mi."),
            text("requests", "", "Requests, such as cpu=100m,memory=256Mi."),
        ],
    ],
    run: Some(resources),
    ..Command::EMPTY
};

static SERVICE_ACCOUNT: Command = Command {
    name: "serviceaccount",
    aliases: &["sa"],
    short: "Set the service account of Pods",
    long: "Sets the service account of the Pods that an object makes.",
    examples: &[("The default account", "kubectl set serviceaccount deployment/web default")],
    usage: "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
    flags: &[COMMON, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, FIELD_MANAGER],
    run: Some(service_account),
    ..Command::EMPTY
};

/// Words that name objects, and words that name changes.
fn split(args: &[String]) -> (Vec<String>, Vec<String>) {
    let first = args.iter().position(|word| word.contains('=') || word.ends_with('-')).unwrap_or(args.len());
    let (objects, changes) = args.split_at_checked(first).unwrap_or((args, &[]));
    (objects.to_vec(), changes.to_vec())
}

fn fetched(cx: &mut Context<'_>, args: Vec<String>) -> Result<Vec<Target>, Failure> {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    query.args = args;
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name> or <resource>/<name>"));
    }
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    match failures.len() {
        0 => Ok(found),
        1 => Err(failures.remove(0)),
        _ => Err(Failure::Many(failures)),
    }
}

/// The Pod spec inside of an object.
fn pod_spec(object: &mut Value) -> Option<&mut Value> {
    let path = match str_at(object, "/kind") {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    object.pointer_mut(path)
}

/// Sends what changed and says so; an object that did not change is passed over.
fn send(cx: &mut Context<'_>, target: &Target, after: &Value, what: &str, refused: &str) -> Result<(), Failure> {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let before = target.object.clone().unwrap_or_default();
    let patch = two_way(&before, after);
    let empty = patch.as_object().is_none_or(Map::is_empty);
    if empty && !flags.on("local") {
        return Ok(());
    }
    let made = if dry_run == DryRun::Client || flags.on("local") {
        after.clone()
    } else {
        let query = writing::query(dry_run, writing::manager(&flags, "kubectl-set"), "");
        let body = crate::text::go_json::to_compact(&patch);
        cx.patch(&target.path(), "strategic", &query, body.as_bytes()).map_err(|failure| match failure {
            Failure::Connection { .. } => failure,
            other => Failure::msg(format!("failed to patch {refused} {}", other.text())),
        })?
    };
    let text = printer.done(&made, &target.resource, &target.name, &format!("{what}{}", dry_run.suffix()))?;
    cx.out.out(&text);
    Ok(())
}

fn all(failures: Vec<Failure>) -> Outcome {
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

fn image(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let (objects, changes) = split(&args);
    let pairs: Vec<(String, String)> =
        changes.iter().filter_map(|word| word.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    if objects.is_empty() && cx.session.flags.list("filename").is_empty() {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name> or <resource>/<name>"));
    }
    if pairs.is_empty() {
        return Err(Failure::msg("at least one image update is required"));
    }
    let mut failures = Vec::new();
    for target in fetched(cx, objects)? {
        let mut after = target.object.clone().unwrap_or_default();
        let Some(spec) = pod_spec(&mut after) else {
            failures.push(Failure::msg(format!("{} does not have a pod template", target.title())));
            continue;
        };
        let mut missing = None;
        for (name, image) in &pairs {
            let mut hit = false;
            for path in ["/initContainers", "/containers"] {
                for container in spec.pointer_mut(path).and_then(Value::as_array_mut).into_iter().flatten() {
                    if (name == "*" || str_at(container, "/name") == name)
                        && let Some(fields) = container.as_object_mut()
                    {
                        fields.insert("image".to_owned(), json!(image));
                        hit = true;
                    }
                }
            }
            if !hit {
                missing = Some(Failure::msg(format!("unable to find container named \"{name}\"")));
            }
        }
        match missing {
            Some(failure) => failures.push(failure),
            None => failures.extend(send(cx, &target, &after, "image updated", "image update to pod template:").err()),
        }
    }
    all(failures)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => pattern == name,
    }
}

fn env(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let (objects, mut changes) = split(&flags.args);
    changes.extend(flags.list("env"));
    if changes.is_empty() && !flags.on("list") && flags.text("from").is_empty() {
        return Err(cx.usage("at least one environment variable must be provided"));
    }
    let mut set: Vec<Value> = Vec::new();
    let mut remove = Vec::new();
    for word in &changes {
        match word.split_once('=') {
            Some((key, value)) => set.push(json!({"name": key, "value": value})),
            None => remove.push(word.trim_end_matches('-').to_owned()),
        }
    }
    set.extend(from_object(cx)?);
    let pattern = flags.text("containers").to_owned();
    let mut failures = Vec::new();
    for target in fetched(cx, objects)? {
        let mut after = target.object.clone().unwrap_or_default();
        let Some(spec) = pod_spec(&mut after) else { continue };
        let containers = spec.pointer_mut("/containers").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter(|one| matches(&pattern, str_at(one, "/name"))) {
            if flags.on("list") {
                list_env(cx, &target, container);
                continue;
            }
            let Some(fields) = container.as_object_mut() else { continue };
            let variables = fields.entry("env").or_insert_with(|| json!([]));
            if let Some(variables) = variables.as_array_mut() {
                for new in &set {
                    match variables.iter_mut().find(|known| known.get("name") == new.get("name")) {
                        Some(known) => *known = new.clone(),
                        None => variables.push(new.clone()),
                    }
                }
                variables.retain(|known| !remove.iter().any(|name| name == str_at(known, "/name")));
            }
            if fields.get("env").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                fields.remove("env");
            }
        }
        if !flags.on("list") {
            failures.extend(send(cx, &target, &after, "env updated", "env update to pod template:").err());
        }
    }
    all(failures)
}

fn list_env(cx: &mut Context<'_>, target: &Target, container: &Value) {
    cx.out.line(&format!("# {} {}, container {}", target.resource.kind, target.name, str_at(container, "/name")));
    for variable in list_at(container, "/env") {
        let name = str_at(variable, "/name");
        if let Some(key) = variable.pointer("/valueFrom/configMapKeyRef") {
            cx.out.line(&format!("# {name} from configmap {}, key {}", str_at(key, "/name"), str_at(key, "/key")));
        } else if let Some(key) = variable.pointer("/valueFrom/secretKeyRef") {
            cx.out.line(&format!("# {name} from secret {}, key {}", str_at(key, "/name"), str_at(key, "/key")));
        } else if let Some(field) = variable.pointer("/valueFrom/fieldRef") {
            cx.out.line(&format!("# {name} from field path {}", str_at(field, "/fieldPath")));
        } else {
            cx.out.line(&format!("{name}={}", str_at(variable, "/value")));
        }
    }
}

/// Variables for the keys of `--from`.
fn from_object(cx: &mut Context<'_>) -> Result<Vec<Value>, Failure> {
    let flags = cx.session.flags.clone();
    if flags.text("from").is_empty() {
        return Ok(Vec::new());
    }
    let query = Query { args: vec![flags.text("from").to_owned()], ..Query::default() };
    let built = builder::build(cx, &query)?;
    let Some(target) = built.targets.first().cloned() else { return Ok(Vec::new()) };
    let object = cx.get(&target.path())?;
    let field = match target.resource.kind.as_str() {
        "ConfigMap" => "configMapKeyRef",
        "Secret" => "secretKeyRef",
        _ => return Err(Failure::msg("unsupported resource specified in --from")),
    };
    let keys: Vec<&str> = flags.text("keys").split(',').filter(|key| !key.is_empty()).collect();
    let data = object.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(data
        .keys()
        .filter(|key| keys.is_empty() || keys.contains(&key.as_str()))
        .map(|key| {
            let name: String = format!("{}{key}", flags.text("prefix"))
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect();
            json!({"name": name, "valueFrom": {field: {"name": target.name, "key": key}}})
        })
        .collect())
}

fn resources(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.text("limits").is_empty() && flags.text("requests").is_empty() {
        return Err(Failure::msg(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let parse = |text: &str| -> Result<Map<String, Value>, Failure> {
        let mut list = Map::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(Failure::msg(format!("invalid argument syntax {part}, expected <resource>=<value>")));
            };
            list.insert(key.to_owned(), json!(value));
        }
        Ok(list)
    };
    let lists = [("limits", parse(flags.text("limits"))?), ("requests", parse(flags.text("requests"))?)];
    let pattern = flags.text("containers").to_owned();
    let mut failures = Vec::new();
    for target in fetched(cx, flags.args.clone())? {
        let mut after = target.object.clone().unwrap_or_default();
        let Some(spec) = pod_spec(&mut after) else { continue };
        let containers = spec.pointer_mut("/containers").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter(|one| matches(&pattern, str_at(one, "/name"))) {
            let Some(fields) = container.as_object_mut() else { continue };
            let resources = fields.entry("resources").or_insert_with(|| json!({}));
            for (field, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                if let Some(resources) = resources.as_object_mut() {
                    resources.insert((*field).to_owned(), Value::Object(list.clone()));
                }
            }
        }
        failures.extend(
            send(cx, &target, &after, "resource requirements updated", "resources update to pod template").err(),
        );
    }
    all(failures)
}

fn service_account(cx: &mut Context<'_>) -> Outcome {
    let mut args = cx.session.flags.args.clone();
    let Some(account) = args.pop() else { return Err(Failure::msg("serviceaccount is required")) };
    let mut failures = Vec::new();
    for target in fetched(cx, args)? {
        let mut after = target.object.clone().unwrap_or_default();
        if let Some(fields) = pod_spec(&mut after).and_then(Value::as_object_mut) {
            fields.insert("serviceAccountName".to_owned(), json!(account));
        }
        failures.extend(send(cx, &target, &after, "serviceaccount updated", "ServiceAccountName").err());
    }
    all(failures)
}
