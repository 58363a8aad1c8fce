//! APIServices: which groups and versions there are, and who serves them. Whether a server behind a service answers is
//! not tried out: only the metrics server's is known to be there.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kube-aggregator/pkg/{registry/apiservice/etcd/etcd.go,
//! apis/apiregistration/validation,controllers/status}, pkg/controlplane/apiserver/aggregator.go and
//! cmd/kube-apiserver/app/aggregator.go.

use serde_json::{Map, Value, json};

use super::plain::{PlainKind, PlainObject};
use super::{Cell, Column, KindInfo};
use crate::apimachinery::content as rules;
use crate::apimachinery::{Object, field, meta};

/// `apiservices.apiregistration.k8s.io`.
pub static API_SERVICE: PlainKind = PlainKind::with(
    &KindInfo::new("apiregistration.k8s.io", "v1", "APIService", "apiservices.apiregistration.k8s.io", "apiservice")
        .cluster_scoped()
        .extension()
        .status(),
    &[
        Column::NAME,
        Column::new("Service", "Who serves the group: Local, or a service."),
        Column::new("Available", "Whether it can be reached."),
        Column::AGE,
    ],
    cells,
    prepare,
    validate,
);

/// By which the server knows those that it made itself.
pub const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// What the API server serves itself: group, version, and where they stand among others.
pub const LOCAL: [(&str, &str, i32, i32); 21] = [
    ("", "v1", 18000, 1),
    ("admissionregistration.k8s.io", "v1", 16700, 15),
    ("apiextensions.k8s.io", "v1", 16700, 15),
    ("apps", "v1", 17800, 15),
    ("authentication.k8s.io", "v1", 17700, 15),
    ("authorization.k8s.io", "v1", 17600, 15),
    ("autoscaling", "v1", 17500, 15),
    ("autoscaling", "v2", 17500, 30),
    ("batch", "v1", 17400, 15),
    ("certificates.k8s.io", "v1", 17300, 15),
    ("coordination.k8s.io", "v1", 16500, 15),
    ("discovery.k8s.io", "v1", 16200, 15),
    ("events.k8s.io", "v1", 17750, 15),
    ("flowcontrol.apiserver.k8s.io", "v1", 16100, 21),
    ("networking.k8s.io", "v1", 17200, 15),
    ("node.k8s.io", "v1", 16300, 15),
    ("policy", "v1", 17100, 15),
    ("rbac.authorization.k8s.io", "v1", 17000, 15),
    ("resource.k8s.io", "v1", 16200, 21),
    ("scheduling.k8s.io", "v1", 16600, 15),
    ("storage.k8s.io", "v1", 16800, 15),
];

/// An APIService that is served by the API server; `managed` is `onstart`, or `true` for those of definitions.
pub fn local(group: &str, version: &str, priorities: (i32, i32), managed: &str) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": format!("{version}.{group}"), "labels": {MANAGED: managed}},
        "spec": {
            "group": group, "version": version, "groupPriorityMinimum": priorities.0, "versionPriority": priorities.1,
        },
    })
}

fn text<'a>(content: &'a Map<String, Value>, pointer: [&str; 3]) -> &'a str {
    let [first, second, third] = pointer;
    let held = content.get(first).and_then(|held| held.get(second));
    let held = if third.is_empty() { held } else { held.and_then(|held| held.get(third)) };
    held.and_then(Value::as_str).unwrap_or_default()
}

fn service(content: &Map<String, Value>) -> Option<&Value> {
    content.get("spec")?.get("service").filter(|held| !held.is_null())
}

fn cells(object: &PlainObject) -> Vec<Cell> {
    let content = object.content();
    let named = |part| text(content, ["spec", "service", part]);
    let service = match service(content) {
        Some(_) => format!("{}/{}", named("namespace"), named("name")),
        None => "Local".to_owned(),
    };
    let conditions = content.get("status").and_then(|status| status.get("conditions")).and_then(Value::as_array);
    let available = conditions.into_iter().flatten().find(|one| one.get("type") == Some(&json!("Available")));
    let part = |name: &str| available.and_then(|one| one.get(name)).and_then(Value::as_str).unwrap_or_default();
    let shown = match (part("status"), part("reason")) {
        ("", _) => "Unknown".to_owned(),
        ("True", _) | (_, "") => part("status").to_owned(),
        (status, reason) => format!("{status} ({reason})"),
    };
    vec![json!(service), json!(shown)]
}

/// What upstream's controllers find out a moment later.
fn prepare(object: &mut PlainObject) {
    let since = json!(object.meta().creation_timestamp);
    let content = object.content_mut();
    let (name, namespace) =
        (text(content, ["spec", "service", "name"]), text(content, ["spec", "service", "namespace"]));
    let (status, reason, message) = if service(content).is_none() {
        ("True", "Local", "Local APIServices are always available".to_owned())
    } else if text(content, ["spec", "group", ""]) == "metrics.k8s.io" {
        ("True", "Passed", "all checks passed".to_owned())
    } else {
        ("False", "ServiceNotFound", format!("service/{name} in {namespace:?} is not present"))
    };
    let condition = json!({
        "type": "Available", "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
    });
    if let Some(Value::Object(spec)) = content.get_mut("spec")
        && let Some(Value::Object(service)) = spec.get_mut("service")
    {
        service.entry("port").or_insert_with(|| json!(443));
    }
    content.insert("status".to_owned(), json!({"conditions": [condition]}));
}

fn validate(object: &PlainObject) -> Vec<field::Error> {
    let content = object.content();
    let (group, version) = (text(content, ["spec", "group", ""]), text(content, ["spec", "version", ""]));
    let (mut errors, path) = (Vec::new(), field::Path::new("spec"));
    let (name, wanted) = (meta::name(object.meta()), format!("{version}.{group}"));
    if name != wanted {
        let why = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        errors.push(field::Error::invalid(&field::Path::new("metadata").child("name"), name, why));
    }
    if group.is_empty() && version != "v1" {
        let why = "only v1 may have an empty group and it better be legacy kube";
        errors.push(field::Error::required(&path.child("group"), why));
    }
    if !group.is_empty() {
        let wrong = rules::dns1123_subdomain(group).into_iter();
        errors.extend(wrong.map(|why| field::Error::invalid(&path.child("group"), group, why)));
    }
    let wrong = rules::dns1035_label(version).into_iter();
    errors.extend(wrong.map(|why| field::Error::invalid(&path.child("version"), version, why)));
    for (name, most) in [("groupPriorityMinimum", 20000), ("versionPriority", 1000)] {
        let held = content.get("spec").and_then(|spec| spec.get(name)).and_then(Value::as_i64).unwrap_or(0);
        if held <= 0 || held > most {
            let why = format!("must be positive and less than {most}");
            errors.push(field::Error::invalid(&path.child(name), held, why));
        }
    }
    if service(content).is_some() {
        for part in ["namespace", "name"] {
            if text(content, ["spec", "service", part]).is_empty() {
                errors.push(field::Error::required(&path.child("service").child(part), ""));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KindOps;
    use crate::sim::Time;

    fn made(object: Value) -> (Vec<Cell>, Vec<String>) {
        let mut object = API_SERVICE.decode(object).unwrap();
        API_SERVICE.prepare_for_create(&mut *object);
        let wrong = API_SERVICE.validate(&*object).iter().map(ToString::to_string).collect();
        (API_SERVICE.row(&*object, Time::from_seconds(0)), wrong)
    }

    #[test]
    fn local_ones_are_always_available_and_a_service_has_to_be_there() {
        let (row, wrong) = made(local("batch", "v1", (17400, 15), "onstart"));
        assert_eq!((&row[..3], wrong.len()), (&[json!("v1.batch"), json!("Local"), json!("True")][..], 0));
        let mut remote = local("example.com", "v1", (100, 100), "onstart");
        remote["spec"]["service"] = json!({"namespace": "default", "name": "x"});
        let (row, wrong) = made(remote);
        let expected = [json!("v1.example.com"), json!("default/x"), json!("False (ServiceNotFound)")];
        assert_eq!((&row[..3], wrong.len()), (&expected[..], 0));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_servers_words() {
        let (_, wrong) =
            made(json!({"metadata": {"name": "x"}, "spec": {"version": "v1", "group": "Example", "service": {}}}));
        assert_eq!(
            wrong[0],
            r#"metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.Example""#
        );
        assert!(wrong[1].starts_with(r#"spec.group: Invalid value: "Example": a lowercase RFC 1123 subdomain"#));
        assert_eq!(
            wrong[2..],
            [
                "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
                "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
                "spec.service.namespace: Required value",
                "spec.service.name: Required value",
            ]
        );
    }
}
