//! Objects that kubectl makes itself, in the order of fields that Go's structs have. Knows values, not schemas.
//!
//! An object read back from the server has sorted keys; one that kubectl has just made has the order of its Go types,
//! which `-o json` and `--save-config` show.

use serde_json::Value;

use crate::text::go_json;

/// Field names in the order in which Go's types declare them. A field that is missing here comes after, by its name.
const ORDER: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "generateName",
    "namespace",
    "uid",
    "creationTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
    "immutable",
    "data",
    "binaryData",
    "stringData",
    "schedule",
    "jobTemplate",
    "replicas",
    "selector",
    "template",
    "strategy",
    "spec",
    "rules",
    "subjects",
    "roleRef",
    "volumes",
    "initContainers",
    "containers",
    "image",
    "command",
    "args",
    "workingDir",
    "ports",
    "envFrom",
    "env",
    "resources",
    "volumeMounts",
    "imagePullPolicy",
    "stdin",
    "stdinOnce",
    "tty",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "dnsPolicy",
    "nodeName",
    "status",
    "defaults",
    "aliases",
    "credentialPluginPolicy",
    "credentialPluginAllowlist",
];

/// Where Go's types have another order than the list above: the field that holds them, and theirs.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("rules", &["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs", "host", "http"]),
    ("subjects", &["kind", "apiGroup", "name", "namespace"]),
    ("roleRef", &["apiGroup", "kind", "name"]),
    ("paths", &["path", "pathType", "backend"]),
    ("defaults", &["command", "options"]),
    ("aliases", &["name", "command", "prependArgs", "appendArgs", "options"]),
    ("options", &["name", "default"]),
    ("userInfo", &["username", "uid", "groups", "extra"]),
];

/// The JSON of a generated object on one line.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None, ORDER);
    out
}

/// The JSON of a generated object, indented by four spaces.
pub fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0), ORDER);
    out
}

fn write(out: &mut String, value: &Value, level: Option<usize>, order: &[&str]) {
    let line = |out: &mut String, level: Option<usize>| {
        if let Some(level) = level {
            out.push('\n');
            out.push_str(&"    ".repeat(level));
        }
    };
    let deeper = level.map(|level| level + 1);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| order.iter().position(|known| known == key).unwrap_or(order.len()));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, deeper);
                out.push_str(&go_json::quoted(key));
                out.push_str(if level.is_some() { ": " } else { ":" });
                let other = ELSEWHERE.iter().find(|(holder, _)| holder == key);
                write(out, value, deeper, other.map_or(ORDER, |(_, order)| order));
            }
            line(out, level);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, deeper);
                write(out, item, deeper, order);
            }
            line(out, level);
            out.push(']');
        }
        other => out.push_str(&go_json::to_compact(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_generated_role_has_the_order_of_its_go_type() {
        let role = json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
            "roleRef": {"name": "r", "kind": "Role", "apiGroup": "g"}});
        assert_eq!(
            compact(&role),
            r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}],"roleRef":{"apiGroup":"g","kind":"Role","name":"r"}}"#
        );
    }

    #[test]
    fn a_generated_job_has_the_order_of_its_go_type() {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "t5"}, "spec": {"template": {"metadata": {},
            "spec": {"containers": [{"image": "busybox:1.36", "name": "t5", "resources": {}}], "restartPolicy": "Never"}}}, "status": {}});
        assert_eq!(
            compact(&job),
            r#"{"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"t5"},"spec":{"template":{"metadata":{},"spec":{"containers":[{"name":"t5","image":"busybox:1.36","resources":{}}],"restartPolicy":"Never"}}},"status":{}}"#
        );
    }
}
