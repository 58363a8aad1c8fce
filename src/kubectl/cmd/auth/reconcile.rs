//! `kubectl auth reconcile`: makes roles and bindings grant at least what a file says.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/auth/reconcile.go and
//! staging/src/k8s.io/component-helpers/auth/rbac/reconciliation.

use serde_json::{Map, Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::switch;
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, map_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{self, DRY_RUN, DryRun};
use crate::text::http::{Method, Request};

/// The command.
pub static COMMAND: Command = Command {
    name: "reconcile",
    short: "Make roles and bindings grant what a file says",
    long: "Creates the roles and bindings of a file, or adds what is missing to those that are there. What they grant beyond that stays, unless the flags say otherwise.",
    examples: &[
        ("Grant what the file says", "kubectl auth reconcile -f roles.yaml"),
        ("And nothing else", "kubectl auth reconcile -f roles.yaml --remove-extra-subjects --remove-extra-permissions"),
    ],
    usage: "-f FILENAME [options]",
    flags: &[
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        &[
            switch("remove-extra-permissions", "Take away what the file does not grant."),
            switch("remove-extra-subjects", "Take roles from those whom the file does not name."),
        ],
    ],
    run: Some(run),
    ..Command::EMPTY
};

/// What reconciling came to.
#[derive(Default)]
struct Report {
    object: Value,
    operation: &'static str,
    protected: bool,
    missing_subjects: Vec<Value>,
    extra_subjects: Vec<Value>,
    missing_rules: Vec<Value>,
    extra_rules: Vec<Value>,
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.list("filename").is_empty() && flags.text("kustomize").is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    if !flags.args.is_empty() {
        return Err(Failure::msg("no arguments are allowed"));
    }
    let dry_run = DryRun::of(cx)?;
    if dry_run == DryRun::Server {
        return Err(Failure::msg("--dry-run=server for command reconcile is not supported yet"));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let built = builder::build(cx, &Query::of(&flags))?;
    for target in &built.targets {
        let report = match target.resource.kind.as_str() {
            _ if target.resource.group != "rbac.authorization.k8s.io" => continue,
            "Role" | "ClusterRole" => role(cx, target, flags.on("remove-extra-permissions"), dry_run)?,
            "RoleBinding" | "ClusterRoleBinding" => binding(cx, target, flags.on("remove-extra-subjects"), dry_run)?,
            _ => continue,
        };
        let what = format!("reconciled{}", dry_run.suffix());
        let text = printer.done(&report.object, &target.resource, &target.name, &what)?;
        cx.out.out(&text);
        tell(cx, &report);
    }
    match built.failures.as_slice() {
        [] => DONE,
        [one] => Err(one.clone()),
        many => Err(Failure::Many(many.to_vec())),
    }
}

fn tell(cx: &mut Context<'_>, report: &Report) {
    if report.operation.is_empty() {
        return;
    }
    let caveat = if report.protected {
        ", but object opted out (rbac.authorization.kubernetes.io/autoupdate: false)"
    } else {
        ""
    };
    cx.out.err_line(&format!("\treconciliation required {}{caveat}", report.operation));
    let flags = cx.session.flags.clone();
    let lists = [
        ("missing subjects added", &report.missing_subjects, true),
        ("extra subjects removed", &report.extra_subjects, flags.on("remove-extra-subjects")),
        ("missing rules added", &report.missing_rules, true),
        ("extra rules removed", &report.extra_rules, flags.on("remove-extra-permissions")),
    ];
    for (title, list, shown) in lists {
        if list.is_empty() || !shown {
            continue;
        }
        cx.out.err_line(&format!("\t{title}:"));
        for one in list {
            cx.out.err_line(&format!("\t\t{}", go_struct(one)));
        }
    }
}

/// A subject or a rule as Go prints the struct.
fn go_struct(value: &Value) -> String {
    let fields: &[(&str, &str)] = if value.get("verbs").is_some() {
        &[
            ("Verbs", "verbs"),
            ("APIGroups", "apiGroups"),
            ("Resources", "resources"),
            ("ResourceNames", "resourceNames"),
            ("NonResourceURLs", "nonResourceURLs"),
        ]
    } else {
        &[("Kind", "kind"), ("APIGroup", "apiGroup"), ("Name", "name"), ("Namespace", "namespace")]
    };
    let list = value.get("verbs").is_some();
    let parts: Vec<String> = fields
        .iter()
        .map(|(title, field)| match value.get(*field) {
            Some(Value::Array(items)) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                format!("{title}:[{}]", items.join(" "))
            }
            Some(Value::String(text)) => format!("{title}:{text}"),
            _ => format!("{title}:{}", if list { "[]" } else { "" }),
        })
        .collect();
    format!("{{{}}}", parts.join(" "))
}

/// What is there, or `None`.
fn present(cx: &mut Context<'_>, target: &Target) -> Result<Option<Value>, Failure> {
    match cx.get(&target.path()) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Takes over labels and annotations; whether something changed.
fn adopt(object: &mut Value, wanted: &Value) -> bool {
    let before = object.clone();
    for field in ["annotations", "labels"] {
        let new = map_at(wanted, &format!("/metadata/{field}")).cloned().unwrap_or_default();
        if let (false, Some(metadata)) = (new.is_empty(), writing::metadata_mut(object)) {
            let slot = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
            if let Some(slot) = slot.as_object_mut() {
                let known = std::mem::take(slot);
                slot.extend(new);
                slot.extend(known);
            }
        }
    }
    *object != before
}

fn is_protected(object: &Value) -> bool {
    map_at(object, "/metadata/annotations")
        .and_then(|all| all.get("rbac.authorization.kubernetes.io/autoupdate"))
        .is_some_and(|value| value == "false")
}

fn role(cx: &mut Context<'_>, target: &Target, remove: bool, dry_run: DryRun) -> Result<Report, Failure> {
    let wanted = target.object.clone().unwrap_or_default();
    let rules = list_at(&wanted, "/rules").to_vec();
    let Some(found) = present(cx, target)? else {
        let report = Report { object: wanted, operation: "create", missing_rules: rules, ..Report::default() };
        return write(cx, target, report, dry_run);
    };
    let mut report = Report { object: found.clone(), protected: is_protected(&found), ..Report::default() };
    if adopt(&mut report.object, &wanted) {
        report.operation = "update";
    }
    let known = list_at(&found, "/rules").to_vec();
    report.extra_rules = uncovered(&rules, &known);
    report.missing_rules = uncovered(&known, &rules);
    let new = if !remove && !report.missing_rules.is_empty() {
        Some(known.iter().chain(&report.missing_rules).cloned().collect())
    } else if remove && !(report.missing_rules.is_empty() && report.extra_rules.is_empty()) {
        Some(rules)
    } else {
        None
    };
    let aggregation = |object: &Value| object.get("aggregationRule").cloned();
    if let Some(fields) = report.object.as_object_mut() {
        if let Some(rules) = new {
            fields.insert("rules".to_owned(), Value::Array(rules));
            report.operation = "update";
        }
        if aggregation(&wanted) != aggregation(&found) {
            match aggregation(&wanted) {
                Some(rule) => fields.insert("aggregationRule".to_owned(), rule),
                None => fields.remove("aggregationRule"),
            };
            report.operation = "update";
        }
    }
    write(cx, target, report, dry_run)
}

fn binding(cx: &mut Context<'_>, target: &Target, remove: bool, dry_run: DryRun) -> Result<Report, Failure> {
    let wanted = target.object.clone().unwrap_or_default();
    let subjects = list_at(&wanted, "/subjects").to_vec();
    let Some(found) = present(cx, target)? else {
        let report = Report { object: wanted, operation: "create", missing_subjects: subjects, ..Report::default() };
        return write(cx, target, report, dry_run);
    };
    let mut report = Report { object: found.clone(), protected: is_protected(&found), ..Report::default() };
    if wanted.get("roleRef") != found.get("roleRef") {
        report.operation = "recreate";
        report.object = wanted;
        return write(cx, target, report, dry_run);
    }
    if adopt(&mut report.object, &wanted) {
        report.operation = "update";
    }
    let known = list_at(&found, "/subjects").to_vec();
    let only = |list: &[Value], other: &[Value]| -> Vec<Value> {
        list.iter().filter(|one| !other.contains(one)).cloned().collect()
    };
    report.missing_subjects = only(&subjects, &known);
    report.extra_subjects = only(&known, &subjects);
    let new = if !remove && !report.missing_subjects.is_empty() {
        Some(known.iter().chain(&report.missing_subjects).cloned().collect())
    } else if remove && !(report.missing_subjects.is_empty() && report.extra_subjects.is_empty()) {
        Some(subjects)
    } else {
        None
    };
    if let (Some(new), Some(fields)) = (new, report.object.as_object_mut()) {
        fields.insert("subjects".to_owned(), Value::Array(new));
        report.operation = "update";
    }
    write(cx, target, report, dry_run)
}

fn write(cx: &mut Context<'_>, target: &Target, mut report: Report, dry_run: DryRun) -> Result<Report, Failure> {
    if report.protected || dry_run != DryRun::None {
        return Ok(report);
    }
    let collection = target.resource.path(&target.namespace);
    if report.operation == "recreate" {
        let request = Request::new(Method::Delete, target.path()).with_header("Accept", "application/json");
        cx.json(request)?;
    }
    report.object = match report.operation {
        "create" | "recreate" => {
            if !target.namespace.is_empty() {
                let namespace =
                    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}});
                match cx.write(Method::Post, "/api/v1/namespaces", &[], &namespace) {
                    Err(failure) if failure.reason() != "AlreadyExists" => return Err(failure),
                    _ => {}
                }
            }
            cx.write(Method::Post, &collection, &[], &report.object)?
        }
        "update" => cx.write(Method::Put, &target.path(), &[], &report.object)?,
        _ => return Ok(report),
    };
    Ok(report)
}

/// What of the second list of rules the first does not allow, a verb and a resource each.
fn uncovered(owner: &[Value], servant: &[Value]) -> Vec<Value> {
    servant.iter().flat_map(broken_down).filter(|one| !owner.iter().any(|rule| covers(rule, one))).collect()
}

fn texts(rule: &Value, field: &str) -> Vec<String> {
    let list = rule.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn broken_down(rule: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let (verbs, names) = (texts(rule, "verbs"), texts(rule, "resourceNames"));
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in &verbs {
                let one = json!({"verbs": [verb], "apiGroups": [group], "resources": [resource]});
                if names.is_empty() {
                    all.push(one);
                    continue;
                }
                for name in &names {
                    let mut one = one.clone();
                    if let Some(fields) = one.as_object_mut() {
                        fields.insert("resourceNames".to_owned(), json!([name]));
                    }
                    all.push(one);
                }
            }
        }
    }
    for url in texts(rule, "nonResourceURLs") {
        all.extend(verbs.iter().map(|verb| json!({"verbs": [verb], "nonResourceURLs": [url]})));
    }
    all
}

/// Whether a rule allows all of a broken down one.
fn covers(owner: &Value, one: &Value) -> bool {
    let within = |field: &str| {
        let owned = texts(owner, field);
        owned.iter().any(|word| word == "*") || texts(one, field).iter().all(|word| owned.contains(word))
    };
    if !within("verbs") {
        return false;
    }
    let urls = texts(one, "nonResourceURLs");
    if !urls.is_empty() {
        let owned = texts(owner, "nonResourceURLs");
        return urls.iter().all(|url| {
            owned.iter().any(|known| {
                known == url
                    || known.strip_suffix('*').is_some_and(|prefix| url.trim_end_matches('*').starts_with(prefix))
            })
        });
    }
    let owned = texts(owner, "resources");
    let resources = texts(one, "resources").iter().all(|resource| {
        let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        owned.contains(resource) || owned.iter().any(|word| word == "*") || sub.is_some_and(|sub| owned.contains(&sub))
    });
    let names = texts(owner, "resourceNames");
    let wanted = texts(one, "resourceNames");
    resources
        && within("apiGroups")
        && (names.is_empty() || (!wanted.is_empty() && wanted.iter().all(|name| names.contains(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_verb_by_verb() {
        let known = [json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]})];
        let wanted = [json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]})];
        let missing: Vec<String> = uncovered(&known, &wanted).iter().map(go_struct).collect();
        assert_eq!(
            missing,
            [
                "{Verbs:[list] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}",
                "{Verbs:[get] APIGroups:[] Resources:[pods/log] ResourceNames:[] NonResourceURLs:[]}",
                "{Verbs:[list] APIGroups:[] Resources:[pods/log] ResourceNames:[] NonResourceURLs:[]}",
            ]
        );
        let all = [json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})];
        assert!(uncovered(&all, &wanted).is_empty());
    }
}
