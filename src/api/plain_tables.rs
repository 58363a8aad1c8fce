//! The plain kinds whose tables show more than what stands at a path.
//!
//! Models Kubernetes 1.36 pkg/printers/internalversion/printers.go.

use serde_json::{Value, json};

use super::plain::{PlainKind, PlainObject};
use super::{Cell, Column, KindInfo, cells};
use crate::apimachinery::Object;

/// What upstream prints for what is not set, where that is not `<none>`.
const UNSET: &str = "<unset>";

const fn flag(name: &'static str, description: &'static str) -> Column {
    Column { kind: "boolean", ..Column::new(name, description) }
}

const fn kept(info: &'static KindInfo, columns: &'static [Column], cells: fn(&PlainObject) -> Vec<Cell>) -> PlainKind {
    PlainKind::with(info, columns, cells, |_| {}, |_| Vec::new())
}

/// `ipaddresses.networking.k8s.io`.
pub static IPADDRESS: PlainKind = kept(
    &KindInfo::new("networking.k8s.io", "v1", "IPAddress", "ipaddresses.networking.k8s.io", "ipaddress")
        .short(&["ip"])
        .cluster_scoped(),
    // Upstream works out an age too and has no column for it.
    &[Column::NAME, Column::new("ParentRef", "Who has the address.")],
    |held| {
        let part = |name: &str| text(held, &format!("/spec/parentRef/{name}"));
        if at(held, "/spec/parentRef").is_none() {
            return vec![json!(cells::NONE)];
        }
        let mut parent = part("resource").to_lowercase();
        for (mark, name) in [('.', "group"), ('/', "namespace")] {
            if !part(name).is_empty() {
                parent.push(mark);
                parent.push_str(part(name));
            }
        }
        vec![json!(format!("{parent}/{}", part("name")))]
    },
);

/// `csidrivers.storage.k8s.io`.
pub static CSI_DRIVER: PlainKind = kept(
    &KindInfo::new("storage.k8s.io", "v1", "CSIDriver", "csidrivers.storage.k8s.io", "csidriver").cluster_scoped(),
    &[
        Column::NAME,
        flag("AttachRequired", "Whether a volume is attached before it is mounted."),
        flag("PodInfoOnMount", "Whether the driver is told of the Pod."),
        flag("StorageCapacity", "Whether Pods wait for a place with room."),
        Column::new("TokenRequests", "For whom the driver gets tokens."),
        flag("RequiresRepublish", "Whether the driver is asked again and again."),
        Column::new("Modes", "Which lives of volumes it knows."),
        Column::AGE,
    ],
    |held| {
        let flag = |name: &str, otherwise: bool| {
            json!(at(held, &format!("/spec/{name}")).and_then(Value::as_bool).unwrap_or(otherwise))
        };
        let audiences = list(held, "/spec/tokenRequests").iter();
        let audiences: Vec<&str> =
            audiences.map(|one| one.get("audience").and_then(Value::as_str).unwrap_or_default()).collect();
        let asked = at(held, "/spec/tokenRequests").map(|_| audiences.join(","));
        let modes: Vec<&str> = list(held, "/spec/volumeLifecycleModes").iter().filter_map(Value::as_str).collect();
        vec![
            flag("attachRequired", true),
            flag("podInfoOnMount", false),
            flag("storageCapacity", false),
            json!(asked.unwrap_or_else(|| UNSET.to_owned())),
            flag("requiresRepublish", false),
            json!(cells::or(Some(&modes.join(",")), cells::NONE)),
        ]
    },
);

/// `csistoragecapacities.storage.k8s.io`.
pub static CSISTORAGE_CAPACITY: PlainKind = kept(
    &KindInfo::new(
        "storage.k8s.io",
        "v1",
        "CSIStorageCapacity",
        "csistoragecapacities.storage.k8s.io",
        "csistoragecapacity",
    ),
    &[
        Column::NAME,
        Column::new("StorageClassName", "For which class of storage."),
        Column::new("Capacity", "How much room there is."),
    ],
    |held| {
        vec![
            json!(text(held, "/storageClassName")),
            json!(at(held, "/capacity").and_then(Value::as_str).unwrap_or(UNSET)),
        ]
    },
);

/// `volumeattachments.storage.k8s.io`.
pub static VOLUME_ATTACHMENT: PlainKind = kept(
    &KindInfo::new("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments.storage.k8s.io", "volumeattachment")
        .cluster_scoped()
        .status(),
    &[
        Column::NAME,
        Column { format: "name", ..Column::new("Attacher", "The driver that attaches.") },
        Column::new("PV", "What is attached."),
        Column::new("Node", "Where."),
        flag("Attached", "Whether it is."),
        Column::AGE,
    ],
    |held| {
        vec![
            json!(text(held, "/spec/attacher")),
            json!(text(held, "/spec/source/persistentVolumeName")),
            json!(text(held, "/spec/nodeName")),
            json!(at(held, "/status/attached").and_then(Value::as_bool).unwrap_or_default()),
        ]
    },
);

/// `mutatingadmissionpolicies.admissionregistration.k8s.io`.
pub static MUTATING_ADMISSION_POLICY: PlainKind = kept(
    &KindInfo::new(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicy",
    )
    .cluster_scoped()
    .extension(),
    &[
        Column::NAME,
        Column::new("Mutations", "How many changes it makes.").integer(),
        Column::new("ParamKind", "The kind of what sets its parameters."),
        Column::AGE,
    ],
    |held| {
        let part = |name: &str| text(held, &format!("/spec/paramKind/{name}"));
        let kind = at(held, "/spec/paramKind").map(|_| format!("{}/{}", part("apiVersion"), part("kind")));
        vec![json!(list(held, "/spec/mutations").len()), json!(kind.unwrap_or_else(|| UNSET.to_owned()))]
    },
);

const POLICY_NAME: Column = Column::new("PolicyName", "The policy that is put in force.");
const PARAM_REF: Column = Column::new("ParamRef", "What sets its parameters.");

/// `mutatingadmissionpolicybindings.admissionregistration.k8s.io`.
pub static MUTATING_ADMISSION_POLICY_BINDING: PlainKind = kept(
    &KindInfo::new(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingadmissionpolicybinding",
    )
    .cluster_scoped()
    .extension(),
    &[Column::NAME, POLICY_NAME, PARAM_REF, Column::AGE],
    binding,
);

/// `validatingadmissionpolicybindings.admissionregistration.k8s.io`.
pub static VALIDATING_ADMISSION_POLICY_BINDING: PlainKind = kept(
    &KindInfo::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingadmissionpolicybinding",
    )
    .cluster_scoped()
    .extension(),
    &[Column::NAME, POLICY_NAME, PARAM_REF, Column::AGE],
    binding,
);

fn binding(held: &PlainObject) -> Vec<Cell> {
    let (namespace, name) = (text(held, "/spec/paramRef/namespace"), text(held, "/spec/paramRef/name"));
    let parameters = match (namespace, name, at(held, "/spec/paramRef/selector")) {
        (_, "", Some(selector)) => go_selector(selector),
        (_, "", None) => UNSET.to_owned(),
        ("", name, _) => format!("*/{name}"),
        (namespace, name, _) => format!("{namespace}/{name}"),
    };
    vec![json!(text(held, "/spec/policyName")), json!(parameters)]
}

/// A selector as Go's generated `String` writes it, which upstream prints by mistake or not.
fn go_selector(selector: &Value) -> String {
    let field = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<String> =
        labels.map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default())).collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    let expressions: Vec<String> = expressions
        .map(|one| {
            let values = one.get("values").and_then(Value::as_array).into_iter().flatten();
            let values: Vec<&str> = values.filter_map(Value::as_str).collect();
            format!(
                "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                field(one, "key"),
                field(one, "operator"),
                values.join(" ")
            )
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        labels.concat(),
        expressions.concat()
    )
}

/// `resourceclaims.resource.k8s.io`.
pub static RESOURCE_CLAIM: PlainKind = kept(
    &KindInfo::new("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims.resource.k8s.io", "resourceclaim")
        .status(),
    &[Column::NAME, Column::new("State", "Whether it has what it asks for."), Column::AGE],
    |held| {
        let deleted = held.meta().deletion_timestamp.is_some();
        let mut states: Vec<&str> = deleted.then_some("deleted").into_iter().collect();
        if at(held, "/status/allocation").is_some() {
            states.push("allocated");
            states.extend((!list(held, "/status/reservedFor").is_empty()).then_some("reserved"));
        } else if !deleted {
            states.push("pending");
        }
        vec![json!(states.join(","))]
    },
);

/// `flowschemas.flowcontrol.apiserver.k8s.io`.
pub static FLOW_SCHEMA: PlainKind = kept(
    &KindInfo::new(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "FlowSchema",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "flowschema",
    )
    .cluster_scoped()
    .status(),
    &[
        Column::NAME,
        Column::new("PriorityLevel", "How important its requests are."),
        Column::new("MatchingPrecedence", "Which schema goes first: the lowest."),
        Column::new("DistinguisherMethod", "By what its flows are told apart."),
        Column::AGE,
        Column::new("MissingPL", "Whether its priority level is missing."),
    ],
    |held| {
        let dangling = list(held, "/status/conditions").iter();
        let mut dangling = dangling.filter(|one| one.get("type").and_then(Value::as_str) == Some("Dangling"));
        let dangling = dangling.next().and_then(|one| one.get("status")).and_then(Value::as_str).unwrap_or("?");
        vec![
            json!(text(held, "/spec/priorityLevelConfiguration/name")),
            json!(at(held, "/spec/matchingPrecedence").and_then(Value::as_i64).unwrap_or_default()),
            json!(cells::or(Some(text(held, "/spec/distinguisherMethod/type")), cells::NONE)),
            json!(dangling),
        ]
    },
);

pub(super) fn at<'a>(held: &'a PlainObject, pointer: &str) -> Option<&'a Value> {
    let mut parts = pointer.trim_start_matches('/').split('/');
    let first = parts.next().and_then(|part| held.content().get(part));
    parts.fold(first, |held, part| held?.get(part)).filter(|held| !held.is_null())
}

pub(super) fn text<'a>(held: &'a PlainObject, pointer: &str) -> &'a str {
    at(held, pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'a>(held: &'a PlainObject, pointer: &str) -> &'a [Value] {
    at(held, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KindOps;
    use crate::sim::Time;

    fn row(kind: &PlainKind, rest: Value) -> Vec<Value> {
        let mut json = json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"}});
        json.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        kind.row(&*kind.decode(json).unwrap(), Time::from_seconds(60))
    }

    #[test]
    fn drivers_and_claims_say_what_goes_without_saying() {
        let modes = json!({"spec": {"volumeLifecycleModes": ["Persistent", "Ephemeral"], "tokenRequests": [{"audience": "x"}, {}]}});
        assert_eq!(
            json!(row(&CSI_DRIVER, modes)),
            json!(["a", true, false, false, "x,", false, "Persistent,Ephemeral", "60s"])
        );
        assert_eq!(
            json!(row(&CSI_DRIVER, json!({}))),
            json!(["a", true, false, false, "<unset>", false, "<none>", "60s"])
        );
        assert_eq!(json!(row(&CSISTORAGE_CAPACITY, json!({"storageClassName": "s"}))), json!(["a", "s", "<unset>"]));
        let claim = json!({"status": {"allocation": {}, "reservedFor": [{}]}});
        assert_eq!(row(&RESOURCE_CLAIM, claim)[1], json!("allocated,reserved"));
        assert_eq!(row(&RESOURCE_CLAIM, json!({}))[1], json!("pending"));
        assert_eq!(
            row(&VOLUME_ATTACHMENT, json!({"spec": {"attacher": "d", "nodeName": "n"}}))[1..5],
            [json!("d"), json!(""), json!("n"), json!(false)]
        );
    }

    #[test]
    fn policies_and_addresses_name_what_they_refer_to() {
        let reference = |given: Value| {
            row(&VALIDATING_ADMISSION_POLICY_BINDING, json!({"spec": {"policyName": "p", "paramRef": given}}))
        };
        assert_eq!(reference(json!({"name": "x"}))[2], json!("*/x"));
        assert_eq!(reference(json!({"name": "x", "namespace": "n"}))[2], json!("n/x"));
        assert_eq!(reference(Value::Null)[2], json!("<unset>"));
        assert_eq!(
            reference(json!({"selector": {"matchLabels": {"a": "b"}}}))[2],
            json!(
                "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
            )
        );
        let parent =
            json!({"spec": {"parentRef": {"group": "", "resource": "services", "namespace": "d", "name": "s"}}});
        assert_eq!(row(&IPADDRESS, parent)[1], json!("services/d/s"));
        assert_eq!(row(&IPADDRESS, json!({"spec": {}}))[1], json!("<none>"));
        let schema = json!({"spec": {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "l"}}});
        assert_eq!(json!(row(&FLOW_SCHEMA, schema)), json!(["a", "l", 5, "<none>", "60s", "?"]));
    }
}
