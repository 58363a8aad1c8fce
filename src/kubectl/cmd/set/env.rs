//! `kubectl set env`: sets, removes and lists variables of containers.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_env.go and set/env.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{ALL, LOCAL, SELECTOR, Told, change, containers, objects, pod_spec, split, unless_local};
use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, slice, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, str_at};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, DryRun, field_manager, variable_name};
use crate::text::go_number::quote;

/// The command.
pub static COMMAND: Command = Command {
    name: "env",
    short: "Set variables of containers",
    long: "Sets variables of containers (KEY=VALUE), removes them (KEY-), takes them from a ConfigMap or Secret, or lists them. A - among the words reads KEY=VALUE lines from standard input.",
    examples: &[
        ("Set a variable", "kubectl set env deployment/web COLOUR=blue"),
        ("List the variables", "kubectl set env deployment/web --list"),
        ("Remove one", "kubectl set env deployment/web COLOUR-"),
        ("One variable for each key of a ConfigMap", "kubectl set env deployment/web --from=configmap/settings"),
        ("With a prefix", "kubectl set env deployment/web --from=configmap/settings --prefix=WEB_"),
    ],
    usage: "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    flags: &[
        &[
            ALL,
            LOCAL,
            SELECTOR,
            field_manager("kubectl-set"),
            text("containers", "*", "The containers, by name; * stands for any letters.").short('c'),
            array("env", "A variable, as KEY=VALUE.").short('e'),
            text("from", "", "Take all keys of a ConfigMap or Secret, as configmap/NAME."),
            slice("keys", "Only these keys of --from."),
            switch("list", "List the variables."),
            switch("overwrite", "Allow values to change.").on(),
            text("prefix", "", "Put this before the names."),
            switch("resolve", "With --list: show the values behind references."),
        ],
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.on("all") && !flags.text("selector").is_empty() {
        return Err(Failure::msg("cannot set --all and --selector at the same time"));
    }
    let (names, words) = split(&flags.args, "environment").map_err(|_| {
        Failure::msg(format!("all resources must be specified before environment changes: {}", flags.args.join(" ")))
    })?;
    let why = if flags.on("local") && DryRun::of(cx)? == DryRun::Server {
        "cannot specify --local and --dry-run=server - did you mean --dry-run=client?"
    } else if names.is_empty() && flags.list("filename").is_empty() {
        "one or more resources must be specified as <resource> <name> or <resource>/<name>"
    } else if flags.on("list") && !flags.text("output").is_empty() {
        "--list and --output may not be specified together"
    } else if !flags.list("keys").is_empty() && flags.text("from").is_empty() {
        "when specifying --keys, a configmap or secret must be provided with --from"
    } else {
        ""
    };
    if !why.is_empty() {
        return Err(Failure::msg(why));
    }
    let mut given: Vec<String> = Vec::new();
    for word in flags.list("env").into_iter().chain(words) {
        if word == "-" {
            given.extend(lines_of(&cx.session.stdin));
        } else {
            given.push(word);
        }
    }
    let (mut set, remove) = parse(&given)?;
    if flags.on("local") && !flags.text("from").is_empty() {
        return Err(Failure::msg("unsupported resource specified in --from"));
    }
    set.extend(from_object(cx)?);
    let prefix = flags.text("prefix");
    for variable in set.iter_mut().filter(|_| !prefix.is_empty()) {
        let name = format!("{prefix}{}", str_at(variable, "/name"));
        if let Some(slot) = variable.get_mut("name") {
            *slot = json!(name);
        }
    }
    let names = unless_local(cx, names);
    let targets = objects(cx, names)?;
    let told = Told { done: "env updated", refused: "failed to patch env update to pod template:", always: false };
    let listing = flags.on("list");
    change(cx, &targets, &told, |cx, object| {
        let (kind, name) = (str_at(object, "/kind").to_owned(), str_at(object, "/metadata/name").to_owned());
        let whole = object.clone();
        let pattern = flags.text("containers");
        let found = containers(pod_spec(object)?, pattern);
        if found.is_empty() {
            let pattern = quote(pattern);
            cx.out.err_line(&format!("Warning: {kind}/{name} does not have any containers matching {pattern}"));
        }
        let mut unresolved = false;
        for container in found {
            let mut variables = container.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
            if !flags.on("overwrite") {
                refuse_overwriting(&variables, &set)?;
            }
            update(&mut variables, &set, &remove);
            if listing {
                let own = container.get("name").and_then(Value::as_str).unwrap_or("");
                cx.out.line(&format!("# {kind} {name}, container {own}"));
                unresolved |= list(cx, &variables, &whole, container);
            } else if variables.is_empty() {
                container.remove("env");
            } else {
                container.insert("env".to_owned(), Value::Array(variables));
            }
        }
        if unresolved { Err("failed to retrieve valueFrom references".to_owned()) } else { Ok(()) }
    })
    .or_else(|failure| if listing { Ok(crate::kubectl::program::Next::Exit(0)) } else { Err(failure) })
}

/// The variables that stand in standard input, a line each; what stands behind a `#` is for people.
fn lines_of(stdin: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stdin);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
    lines.filter(|line| line.contains('=')).map(str::to_owned).collect()
}

/// Variables to set and names to remove.
fn parse(words: &[String]) -> Result<(Vec<Value>, Vec<String>), Failure> {
    let (mut set, mut remove): (Vec<Value>, Vec<String>) = Default::default();
    for word in words {
        match (word.split_once('='), word.strip_suffix('-')) {
            (Some((name, value)), _) => {
                variable_name(name)?;
                set.push(json!({"name": name, "value": value}));
            }
            (None, Some(name)) => remove.push(name.to_owned()),
            (None, None) => return Err(Failure::msg(format!("unknown environment variable: {word}"))),
        }
    }
    if set.iter().any(|variable| remove.iter().any(|name| name == str_at(variable, "/name"))) {
        return Err(Failure::msg("can not both modify and remove the same environment variable in the same command"));
    }
    Ok((set, remove))
}

fn refuse_overwriting(known: &[Value], set: &[Value]) -> Result<(), String> {
    for variable in set {
        let name = str_at(variable, "/name");
        if let Some(old) = known.iter().find(|one| str_at(one, "/name") == name && one != &variable) {
            let value = str_at(old, "/value");
            return Err(format!("'{name}' already has a value ({value}), and --overwrite is false"));
        }
    }
    Ok(())
}

fn update(variables: &mut Vec<Value>, set: &[Value], remove: &[String]) {
    for (at, new) in set.iter().enumerate() {
        let name = new.get("name");
        // Of several with one name, the first counts.
        if set.iter().take(at).any(|earlier| earlier.get("name") == name) {
            continue;
        }
        match variables.iter_mut().find(|known| known.get("name") == new.get("name")) {
            Some(known) => *known = new.clone(),
            None => variables.push(new.clone()),
        }
    }
    variables.retain(|known| !remove.iter().any(|name| name == str_at(known, "/name")));
}

/// Prints the variables of a container; whether a reference could not be followed.
fn list(cx: &mut Context<'_>, variables: &[Value], object: &Value, container: &Map<String, Value>) -> bool {
    let mut problems: Vec<(String, Vec<String>)> = Vec::new();
    for variable in variables {
        let name = str_at(variable, "/name");
        let Some(from) = variable.get("valueFrom") else {
            cx.out.line(&format!("{name}={}", str_at(variable, "/value")));
            continue;
        };
        let resolved = if cx.session.flags.on("resolve") { Some(resolve(cx, from, object, container)) } else { None };
        if let Some(Ok(value)) = resolved {
            cx.out.line(&format!("{name}={value}"));
            continue;
        }
        cx.out.line(&format!("# {name} from {}", reference(from)));
        if let Some(Err(why)) = resolved {
            match problems.iter_mut().find(|(known, _)| *known == why) {
                Some((_, names)) => names.push(name.to_owned()),
                None => problems.push((why, vec![name.to_owned()])),
            }
        }
    }
    problems.sort();
    for (why, names) in &problems {
        cx.out.err_line(&format!("error retrieving reference for {}: {why}", names.join(", ")));
    }
    !problems.is_empty()
}

/// Where a value comes from, in words.
fn reference(from: &Value) -> String {
    let at = |path: &str| str_at(from, path);
    if from.get("configMapKeyRef").is_some() {
        format!("configmap {}, key {}", at("/configMapKeyRef/name"), at("/configMapKeyRef/key"))
    } else if from.get("secretKeyRef").is_some() {
        format!("secret {}, key {}", at("/secretKeyRef/name"), at("/secretKeyRef/key"))
    } else if from.get("fieldRef").is_some() {
        format!("field path {}", at("/fieldRef/fieldPath"))
    } else if from.get("resourceFieldRef").is_some() {
        let container = at("/resourceFieldRef/containerName");
        let container = if container.is_empty() { String::new() } else { format!("{container}/") };
        format!("resource field {container}{}", at("/resourceFieldRef/resource"))
    } else {
        "invalid valueFrom".to_owned()
    }
}

/// The value behind a reference.
fn resolve(
    cx: &mut Context<'_>,
    from: &Value,
    object: &Value,
    container: &Map<String, Value>,
) -> Result<String, String> {
    for (field, plural, words) in
        [("configMapKeyRef", "configmaps", "config map"), ("secretKeyRef", "secrets", "secret")]
    {
        let Some(of) = from.get(field) else { continue };
        let (name, key) = (str_at(of, "/name"), str_at(of, "/key"));
        let namespace = cx.namespace().map_err(|failure| failure.text())?;
        let found =
            cx.get(&format!("/api/v1/namespaces/{namespace}/{plural}/{name}")).map_err(|failure| failure.text())?;
        let value = found.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
        let value = value.ok_or_else(|| format!("key {key} not found in {words} {name}"))?;
        if plural == "configmaps" {
            return Ok(value.to_owned());
        }
        let bytes = STANDARD.decode(value).unwrap_or_default();
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    if let Some(path) = from.pointer("/fieldRef/fieldPath").and_then(Value::as_str) {
        return match path {
            "metadata.name" | "metadata.namespace" | "metadata.uid" => {
                Ok(str_at(object, &format!("/{}", path.replace('.', "/"))).to_owned())
            }
            other => Err(format!("unsupported fieldPath: {other}")),
        };
    }
    if let Some(resource) = from.pointer("/resourceFieldRef/resource").and_then(Value::as_str) {
        let (list, name) = resource.split_once('.').unwrap_or((resource, ""));
        let value = container.get("resources").and_then(|all| all.get(list)).and_then(|list| list.get(name));
        return Ok(value.and_then(Value::as_str).unwrap_or("0").to_owned());
    }
    Err("invalid valueFrom".to_owned())
}

/// Variables for the keys of `--from`.
fn from_object(cx: &mut Context<'_>) -> Result<Vec<Value>, Failure> {
    let flags = cx.session.flags.clone();
    if flags.text("from").is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query { args: vec![flags.text("from").to_owned()], ..Query::default() };
    query.all = flags.on("all");
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    if !failures.is_empty() {
        return Err(failures.remove(0));
    }
    let keys = flags.list("keys");
    let mut variables = Vec::new();
    for target in found {
        let field = match target.resource.kind.as_str() {
            "ConfigMap" => "configMapKeyRef",
            "Secret" => "secretKeyRef",
            _ => return Err(Failure::msg("unsupported resource specified in --from")),
        };
        let object = target.object.clone().unwrap_or_default();
        let data = object.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        for key in data.keys().filter(|key| keys.is_empty() || keys.contains(key)) {
            let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
            let name: String = key.chars().map(letter).collect();
            if name != *key {
                cx.out.err_line(&format!("Warning: key {key} transferred to {name}"));
            }
            variables.push(json!({"name": name, "valueFrom": {field: {"name": target.name, "key": key}}}));
        }
    }
    Ok(variables)
}
