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
//! Models Kubernetes 1.36 pkg/apis/{batch,core}/validation/validation_test.go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

use serde_json::Value;
use tabernetes::api::{KINDS, KindOps};
use tabernetes::apimachinery::Object;

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
