//! Kubernetes' own table tests of validation: their inputs and what they expect, as facts.
//!
//! Each file of `tests/validation` begins with a line of objects that many cases share; a case names one `{"$": number}`.
//! Left out are what the server judges before a kind does (metadata), volumes that no cluster has had for years, the
//! annotations that AppArmor and seccomp had before their fields, second families of addresses, and Services that an
//! older server let in.
//!
//! A case has the name of the test and of the case, the kind, the `new` object and maybe the `old` one, and what is
//! expected: `errors` (none when empty, some when null, else field, text and text that each error begins with; the
//! first of them alone unless `all`), `count`, or `contains`.
//!
//! `faults.jsonl` is another table: whole manifests of every kind, each with one thing wrong, and every word that the
//! server's own strategies of 1.36 say to it, errors and warnings, in their order. Its first line are the manifests; a
//! case is the manifest's number, the path of what is changed, the change, the text of the errors, and the warnings when
//! there are any. What differs stands in `known_faults.json`, with its reason. `TABERNETES_BLESS=1` writes it anew.
//!
//! `changes.jsonl` is the like for objects that are there: each line changes one thing of one and says what the server's
//! strategies of 1.36 answer to that `update`, to that change of `status`, or to its creation. A case is the manifest's
//! number, the operation, the path, the change, errors and warnings; a manifest comes with the status that it has first.
//! How many agree is told for each kind by
//! `cargo nextest run --test validation --no-capture a_change_of_an_object`.
//!
//! `custom.jsonl` begins with a definition and an object of its kind; each line changes one thing of the object and says
//! every error of the server's own code for it, sorted.
//!
//! Models Kubernetes 1.36 pkg/apis/{batch,core}/validation/validation_test.go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use tabernetes::api::{KINDS, KindOps};
use tabernetes::apimachinery::Object;
use tabernetes::cluster::{Cluster, Config};
use tabernetes::text::http::{Body, Method, Request};

/// Cases whose expectation is not met, and why. One that is met again must leave the list.
const KNOWN: &[(&str, &str, &str)] = &[];

fn resolve(value: &Value, shared: &[Value]) -> Value {
    match value {
        Value::Object(fields) => match fields.get("$").and_then(Value::as_u64) {
            Some(number) => resolve(&shared[usize::try_from(number).unwrap()], shared),
            None => Value::Object(fields.iter().map(|(name, value)| (name.clone(), resolve(value, shared))).collect()),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| resolve(item, shared)).collect()),
        plain => plain.clone(),
    }
}

/// What is wrong with the outcome of a case; nothing when it is as expected.
fn judge(case: &Value, errors: &[(String, String)]) -> Option<String> {
    let texts = || errors.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n      ");
    if let Some(count) = case.get("count").and_then(Value::as_u64) {
        return (errors.len() as u64 != count).then(|| format!("{count} errors expected, found\n      {}", texts()));
    }
    if let Some(part) = case.get("contains").and_then(Value::as_str) {
        let found = errors.iter().any(|(_, text)| text.contains(part));
        return (!found).then(|| format!("expected {part}\n    found\n      {}", texts()));
    }
    let Some(expected) = case["errors"].as_array() else {
        return errors.is_empty().then(|| "an error was expected".to_owned());
    };
    let fits = |(expected, (path, text)): (&Value, &(String, String))| {
        let parts: Vec<&str> = expected.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (at, said) = parts.split_first().unwrap();
        let there = path == at || path.ends_with(&format!(".{at}"));
        there && said.iter().all(|part| text.contains(part))
    };
    let whole = case.get("all").is_some() || expected.is_empty();
    let enough = if whole { errors.len() == expected.len() } else { errors.len() >= expected.len() };
    let all_fit = enough && expected.iter().zip(errors).all(fits);
    (!all_fit).then(|| format!("expected {}\n    found\n      {}", case["errors"], texts()))
}

/// Upstream's tables of updates ask `ValidateJobUpdate` alone; the server judges the whole Job as well, and that one has
/// the name and uid which its labels repeat.
fn generated(kind: &dyn KindOps, object: &mut dyn Object) {
    if kind.info().kind == "Job" {
        object.meta_mut().name = Some("myjob".to_owned());
        object.meta_mut().uid = Some("1a2b3c".to_owned());
    }
}

fn outcome(kind: &dyn KindOps, case: &Value, shared: &[Value]) -> Result<Vec<(String, String)>, String> {
    let mut new = kind.decode(resolve(&case["new"], shared))?;
    let errors = match case.get("old") {
        Some(old) => {
            let mut old = kind.decode(resolve(old, shared))?;
            generated(kind, &mut *new);
            generated(kind, &mut *old);
            kind.validate_update(&*new, &*old)
        }
        None => kind.validate(&*new),
    };
    Ok(errors.iter().map(|error| (error.path.to_string(), error.to_string())).collect())
}

fn play(text: &str) {
    let mut lines = text.lines();
    let shared: Vec<Value> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        count += 1;
        let (test, name) = (case["test"].as_str().unwrap(), case["case"].as_str().unwrap());
        let kind = KINDS.iter().find(|kind| kind.info().kind == case["kind"]).unwrap();
        let fault = match outcome(*kind, &case, &shared) {
            Ok(errors) => judge(&case, &errors),
            Err(why) => Some(format!("cannot be read: {why}")),
        };
        let known = KNOWN.iter().any(|(of, one, _)| *of == test && *one == name);
        match fault {
            Some(fault) if !known => wrong.push(format!("{test}: {name}\n    {fault}")),
            None if known => wrong.push(format!("{test}: {name}\n    is as expected now: take it out of KNOWN")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn jobs_and_cron_jobs_are_judged_as_upstreams_tables_say() {
    play(include_str!("validation/batch.jsonl"));
}

#[test]
fn pods_volumes_and_services_are_judged_as_upstreams_tables_say() {
    play(include_str!("validation/core.jsonl"));
}

/// Changes what stands at a path, or takes it away.
fn change(object: &mut Value, path: &[&str], to: Option<&Value>) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        match (object, to) {
            (Value::Array(items), Some(value)) => items[first.parse::<usize>().unwrap()] = value.clone(),
            (Value::Array(items), None) => drop(items.remove(first.parse::<usize>().unwrap())),
            (Value::Object(fields), Some(value)) => _ = fields.insert((*first).to_owned(), value.clone()),
            (Value::Object(fields), None) => _ = fields.remove(*first),
            _ => panic!("{first} is in no object"),
        }
        return;
    }
    let inner = match object {
        Value::Array(items) => &mut items[first.parse::<usize>().unwrap()],
        other => &mut other[*first],
    };
    change(inner, rest, to);
}

/// The path of a key may have dots: it ends at the first name that is there.
fn parts<'a>(object: &Value, path: &'a str) -> Vec<&'a str> {
    let (mut parts, mut rest, mut at) = (Vec::new(), path, object);
    while !rest.is_empty() {
        let ends = rest.match_indices('.').map(|(end, _)| end).chain([rest.len()]);
        let there = |end: &usize| match at {
            Value::Array(_) => true,
            other => other.get(&rest[..*end]).is_some(),
        };
        let end = ends.clone().find(there).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        at = match at {
            Value::Array(items) => &items[rest[..end].parse::<usize>().unwrap()],
            other => other.get(&rest[..end]).unwrap_or(&Value::Null),
        };
        rest = rest[end..].strip_prefix('.').unwrap_or_default();
    }
    parts
}

/// Where the objects of a manifest's kind are.
fn collection(manifest: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&manifest["apiVersion"]), text(&manifest["kind"]));
    let info = KINDS.iter().map(|kind| kind.info()).find(|info| info.api_version() == version && info.kind == kind);
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let space = if info.unwrap().namespaced { "namespaces/default/" } else { "" };
    format!("{root}/{version}/{space}{}", info.unwrap().plural())
}

/// A request with an object.
fn ask(method: Method, path: String, object: &Value) -> Request {
    Request::new(method, path)
        .with_query("fieldValidation", "Ignore")
        .with_header("Content-Type", "application/json")
        .with_body(object.to_string())
}

/// What the server says to a request: errors, warnings.
fn answer(cluster: &mut Cluster, request: &Request) -> (String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let response = cluster.handle(&request.clone().with_query("dryRun", "All"));
    let warnings = response.headers.iter().filter(|(name, _)| name == "Warning").map(|(_, value)| {
        let quoted = value.strip_prefix("299 - ").unwrap_or(value);
        serde_json::from_str::<String>(quoted).unwrap_or_else(|_| quoted.to_owned())
    });
    // That a whole version is on its way out is not said by a strategy.
    let warnings = warnings.filter(|text| !text.contains(" is deprecated in v1.33+")).collect();
    let Body::Bytes(bytes) = response.body else { panic!("a stream") };
    let told: Value = serde_json::from_slice(&bytes).unwrap();
    let message = if told["status"] == "Failure" { text(&told["message"]) } else { String::new() };
    let message = message.split_once(" is invalid: ").map_or(message.clone(), |(_, errors)| errors.to_owned());
    (message, warnings)
}

/// The object that the server keeps when it gets it.
fn kept(cluster: &mut Cluster, request: &Request) -> Value {
    let response = cluster.handle(request);
    let Body::Bytes(bytes) = response.body else { panic!("a stream") };
    let mut object: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(object["kind"] != "Status", "{object}");
    if let Some(meta) = object["metadata"].as_object_mut() {
        meta.remove("managedFields");
    }
    object
}

/// Kind, path, change, reason.
type Known = (String, String, String, String);

#[test]
fn a_manifest_with_one_fault_is_refused_in_the_servers_words() {
    let mut lines = include_str!("validation/faults.jsonl").lines();
    let manifests: Vec<Value> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let known: Vec<Known> = serde_json::from_str(include_str!("validation/known_faults.json")).unwrap();
    let reasons: BTreeMap<(String, String, String), String> =
        known.iter().cloned().map(|(kind, path, change, reason)| ((kind, path, change), reason)).collect();
    let mut cluster = Cluster::new(&Config::default());
    let (mut count, mut failed, mut complaints) = (0, Vec::new(), Vec::new());
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let mut manifest = manifests[usize::try_from(case[0].as_u64().unwrap()).unwrap()].clone();
        let path = case[1].as_str().unwrap();
        let parts = parts(&manifest, path);
        change(&mut manifest, &parts, case[2].get("set"));
        let (errors, warnings) = answer(&mut cluster, &ask(Method::Post, collection(&manifest), &manifest));
        count += 1;
        let expected = case.get(4).cloned().unwrap_or_else(|| json!([]));
        if errors == case[3].as_str().unwrap() && json!(warnings) == expected {
            continue;
        }
        let key = (
            manifests[usize::try_from(case[0].as_u64().unwrap()).unwrap()]["kind"].as_str().unwrap().to_owned(),
            path.to_owned(),
            case[2].to_string(),
        );
        if !reasons.contains_key(&key) {
            complaints.push(format!(
                "{} {path} {}\n    expected {} {expected}\n    found    \"{errors}\" {}",
                key.0,
                case[2],
                case[3],
                json!(warnings)
            ));
        }
        failed.push(key);
    }
    println!("{} of {count}", count - failed.len());
    if std::env::var_os("TABERNETES_BLESS").is_some() {
        let reason = |key| reasons.get(key).map_or("?", String::as_str);
        let lines: Vec<String> =
            failed.iter().map(|key| json!([key.0, key.1, key.2, reason(key)]).to_string()).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation/known_faults.json");
        std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        return;
    }
    let failed: BTreeSet<_> = failed.into_iter().collect();
    for (kind, path, change) in reasons.keys().filter(|key| !failed.contains(*key)) {
        complaints.push(format!("{kind} {path} {change} comes out now: take it out of known_faults.json"));
    }
    assert!(complaints.is_empty(), "{} of {count}:\n{}", complaints.len(), complaints.join("\n"));
}

/// Kind, operation, path, change, reason.
type KnownChange = (String, String, String, String, String);

/// The cluster in which a manifest's object is, and the object, with the status that it is given first.
fn held(base: &Cluster, manifest: &Value, status: &Value) -> (Cluster, Value, String) {
    let mut cluster = base.clone();
    let mut object = kept(&mut cluster, &ask(Method::Post, collection(manifest), manifest));
    let at = format!("{}/{}", collection(manifest), object["metadata"]["name"].as_str().unwrap());
    if !status.is_null() {
        object["status"] = status.clone();
        object = kept(&mut cluster, &ask(Method::Put, format!("{at}/status"), &object));
    }
    (cluster, object, at)
}

#[test]
fn a_change_of_an_object_is_answered_in_the_servers_words() {
    let mut lines = include_str!("validation/changes.jsonl").lines();
    let manifests: Vec<(Value, Value)> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let known: Vec<KnownChange> = serde_json::from_str(include_str!("validation/known_changes.json")).unwrap();
    let reasons: BTreeMap<[String; 4], String> =
        known.into_iter().map(|(kind, of, path, change, reason)| ([kind, of, path, change], reason)).collect();
    let base = Cluster::new(&Config::default());
    let mut all: BTreeMap<(usize, String), (Cluster, Value, String)> = BTreeMap::new();
    let (mut failed, mut complaints, mut score) = (Vec::new(), Vec::new(), BTreeMap::<String, (u32, u32)>::new());
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let number = usize::try_from(case[0].as_u64().unwrap()).unwrap();
        let (operation, path) = (case[1].as_str().unwrap(), case[2].as_array().unwrap());
        let (manifest, status) = &manifests[number];
        let nothing = Value::Null;
        let of_status = operation == "status";
        let (cluster, stored, at) = all.entry((number, operation.to_owned())).or_insert_with(|| match operation {
            "create" => (base.clone(), manifest.clone(), collection(manifest)),
            _ => held(&base, manifest, if of_status { status } else { &nothing }),
        });
        let mut object = if operation == "create" { manifest.clone() } else { stored.clone() };
        let names: Vec<String> =
            path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        change(&mut object, &names.iter().map(String::as_str).collect::<Vec<_>>(), case[3].get("set"));
        let request = match operation {
            "create" => ask(Method::Post, collection(manifest), &object),
            "update" => ask(Method::Put, at.clone(), &object),
            of => ask(Method::Put, format!("{at}/{of}"), &object),
        };
        let (errors, warnings) = answer(cluster, &request);
        let expected = case.get(5).cloned().unwrap_or_else(|| json!([]));
        let kind = manifest["kind"].as_str().unwrap().to_owned();
        let of = score.entry(format!("{operation} {kind}")).or_default();
        of.1 += 1;
        if errors == case[4].as_str().unwrap() && json!(warnings) == expected {
            of.0 += 1;
            continue;
        }
        let key = [kind, operation.to_owned(), names.join("."), case[3].to_string()];
        if !reasons.contains_key(&key) {
            let found = json!(warnings);
            complaints.push(format!(
                "{}\n    expected {} {expected}\n    found    {errors:?} {found}",
                key.join(" "),
                case[4]
            ));
        }
        failed.push(key);
    }
    for (of, (right, count)) in &score {
        println!("{of}: {right} of {count}");
    }
    if std::env::var_os("TABERNETES_BLESS").is_some() {
        let reason = |key: &[String; 4]| reasons.get(key).map_or("?", String::as_str).to_owned();
        let lines: Vec<String> =
            failed.iter().map(|key| json!([key[0], key[1], key[2], key[3], reason(key)]).to_string()).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation/known_changes.json");
        std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        return;
    }
    let failed: BTreeSet<_> = failed.into_iter().collect();
    for key in reasons.keys().filter(|key| !failed.contains(*key)) {
        complaints.push(format!("{} comes out now: take it out of known_changes.json", key.join(" ")));
    }
    assert!(complaints.is_empty(), "{}:\n{}", complaints.len(), complaints.join("\n"));
}

/// What stands before the reason of an error: its field.
fn begins_an_error(text: &str) -> bool {
    let kinds = ["Required", "Invalid", "Forbidden", "Unsupported", "Duplicate", "Too", "Not found", "Internal"];
    let Some((path, rest)) = text.split_once(": ") else { return false };
    let is_path = path == "<nil>" || path.chars().all(|c| c.is_alphanumeric() || "_.[]-".contains(c));
    is_path && kinds.iter().any(|kind| rest.starts_with(kind))
}

/// The errors of a message, sorted: Go finds those of an object's fields in an order of chance.
fn sorted_errors(message: &str) -> Vec<String> {
    let mut errors: Vec<String> = Vec::new();
    let all = message.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    for part in all.unwrap_or(message).split(", ") {
        match errors.last_mut() {
            Some(last) if !begins_an_error(part) => last.push_str(&format!(", {part}")),
            _ if part.is_empty() => {}
            _ => errors.push(part.to_owned()),
        }
    }
    errors.sort();
    errors
}

#[test]
fn a_custom_resource_is_held_against_its_schema_in_the_servers_words() {
    let mut lines = include_str!("validation/custom.jsonl").lines();
    let (definition, object): (Value, Value) = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut cluster = Cluster::new(&Config::default());
    kept(&mut cluster, &ask(Method::Post, collection(&definition), &definition));
    let (mut count, mut wrong) = (0, Vec::new());
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let names = case[0].as_array().unwrap().iter();
        let names: Vec<String> =
            names.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        let mut object = object.clone();
        change(&mut object, &names.iter().map(String::as_str).collect::<Vec<_>>(), case[1].get("set"));
        let path = "/apis/a.io/v1/namespaces/default/foos".to_owned();
        let (errors, _) = answer(&mut cluster, &ask(Method::Post, path, &object));
        count += 1;
        let found = json!(sorted_errors(&errors));
        if found != case[2] {
            wrong.push(format!("{} {}\n    expected {}\n    found    {found}", names.join("."), case[1], case[2]));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300);
}
