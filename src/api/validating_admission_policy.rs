//! ValidatingAdmissionPolicies: rules of the cluster's own for objects of any kind. What they ask of an object is asked
//! by the server's admission.
//!
//! Models Kubernetes 1.36 pkg/apis/admissionregistration/validation/validation.go. Objects are of any type in
//! expressions, so a field that no object has is found out when it is asked for.

use serde_json::{Map, Value, json};

use super::plain::{PlainKind, PlainObject};
use super::{Cell, Column, KindInfo};
use crate::apimachinery::cel::{Program, Type};
use crate::apimachinery::field;

/// `validatingadmissionpolicies.admissionregistration.k8s.io`.
pub static VALIDATING_ADMISSION_POLICY: PlainKind = PlainKind::with(
    &KindInfo::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicy",
    )
    .cluster_scoped()
    .extension()
    .status(),
    &[
        Column::NAME,
        Column::new("Validations", "How many rules it has.").integer(),
        Column::new("ParamKind", "The kind of what sets its rules' parameters."),
        Column::AGE,
    ],
    cells,
    |_| {},
    validate,
);

/// What expressions can ask for.
pub const VARIABLES: [&str; 6] = ["object", "oldObject", "request", "params", "namespaceObject", "variables"];

/// An expression of a policy that gives what is wanted.
///
/// # Errors
/// What the server says of it.
pub fn compile(expression: &str, wanted: &Type) -> Result<Program, String> {
    let program = Program::compile(expression, &VARIABLES.map(|name| (name, Type::Dyn)))?;
    match wanted {
        Type::Dyn => Ok(program),
        _ if program.result == *wanted => Ok(program),
        _ => Err(format!("must evaluate to {wanted}")),
    }
}

fn spec<'a>(content: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    content.get("spec")?.get(name).filter(|held| !held.is_null())
}

fn cells(object: &PlainObject) -> Vec<Cell> {
    let content = object.content();
    let count = spec(content, "validations").and_then(Value::as_array).map_or(0, Vec::len);
    let kind = spec(content, "paramKind").map(|kind| {
        let part = |name: &str| kind.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("{}/{}", part("apiVersion"), part("kind"))
    });
    vec![json!(count), json!(kind.unwrap_or_else(|| "<unset>".to_owned()))]
}

fn validate(object: &PlainObject) -> Vec<field::Error> {
    let (content, path) = (object.content(), field::Path::new("spec"));
    let list = |name: &str| spec(content, name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut errors = Vec::new();
    let rules = spec(content, "matchConstraints").and_then(|held| held.get("resourceRules"));
    if spec(content, "matchConstraints").is_none() {
        errors.push(field::Error::required(&path.child("matchConstraints"), ""));
    } else if rules.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        errors.push(field::Error::required(&path.child("matchConstraints").child("resourceRules"), ""));
    }
    if list("validations").is_empty() && list("auditAnnotations").is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        errors.push(field::Error::required(&path.child("validations"), why));
    }
    for (name, part, wanted) in [
        ("variables", "expression", Type::Dyn),
        ("matchConditions", "expression", Type::Bool),
        ("validations", "expression", Type::Bool),
        ("validations", "messageExpression", Type::Str),
    ] {
        for (index, one) in list(name).iter().enumerate() {
            let path = path.child(name).index(index);
            let text = one.get(part).and_then(Value::as_str).unwrap_or_default();
            if text.trim().is_empty() {
                if part == "expression" {
                    errors.push(field::Error::required(&path.child(part), "expression is not specified"));
                }
            } else if let Err(why) = compile(text, &wanted) {
                errors.push(field::Error::invalid(&path.child(part), text, why));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KindOps;

    #[test]
    fn expressions_are_compiled_when_a_policy_is_written() {
        let wrong = |spec: Value| -> Vec<String> {
            let object = json!({"metadata": {"name": "a"}, "spec": spec});
            let object = VALIDATING_ADMISSION_POLICY.decode(object).unwrap();
            VALIDATING_ADMISSION_POLICY.validate(&*object).iter().map(ToString::to_string).collect()
        };
        let rules = json!({"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]});
        let good = json!({"matchConstraints": rules, "validations": [{"expression": "object.spec.replicas <= 5"}]});
        assert_eq!(wrong(good), Vec::<String>::new());
        let bad = json!({"matchConstraints": rules, "validations": [{"expression": "objekt.spec.replicas <= 5"},
            {"expression": "'a'"}, {"expression": "true", "messageExpression": "1"}]});
        assert_eq!(
            wrong(bad),
            [
                "spec.validations[0].expression: Invalid value: \"objekt.spec.replicas <= 5\": compilation failed: ERROR: \
                 <input>:1:1: undeclared reference to 'objekt' (in container '')\n | objekt.spec.replicas <= 5\n | ^",
                "spec.validations[1].expression: Invalid value: \"'a'\": must evaluate to bool",
                "spec.validations[2].messageExpression: Invalid value: \"1\": must evaluate to string",
            ]
        );
        assert_eq!(
            wrong(json!({})),
            [
                "spec.matchConstraints: Required value",
                "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
            ]
        );
    }
}
