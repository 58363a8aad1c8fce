//! Selectors that are written as text and kept in objects. Selects nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use crate::apimachinery::labels::{self, Requirement};
use crate::text::go_number::quote;

/// The selector of an object that a text stands for (`ParseToLabelSelector`).
///
/// # Errors
/// What cannot be read, and operators that objects do not know.
pub fn object_selector(text: &str) -> Result<Value, Failure> {
    let parsed = labels::parse(text)
        .map_err(|why| Failure::msg(format!("couldn't parse the selector string \"{text}\": {why}")))?;
    let no_operator = |operator: &str| Failure::msg(format!("{} isn't supported in label selectors", quote(operator)));
    // `a=b` and `a in (b)` mean the same and are written down differently.
    let equals = |key: &str, value: &str| {
        text.split(',')
            .filter_map(|part| part.split_once('='))
            .any(|(name, rest)| name.trim() == key && rest.trim_start_matches('=').trim() == value)
    };
    if text.contains("!=") {
        return Err(Failure::msg("\"!=\" is not a valid label selector operator"));
    }
    let (mut same, mut others) = (Map::new(), Vec::new());
    for requirement in &parsed.requirements {
        let (operator, values) = match requirement {
            Requirement::In(key, values) => match values.as_slice() {
                [value] if equals(key, value) => {
                    same.insert(key.clone(), json!(value));
                    continue;
                }
                _ => ("In", Some(values)),
            },
            Requirement::NotIn(_, values) => ("NotIn", Some(values)),
            Requirement::Exists(_) => ("Exists", None),
            Requirement::DoesNotExist(_) => ("DoesNotExist", None),
            Requirement::GreaterThan(..) => return Err(no_operator("gt")),
            Requirement::LessThan(..) => return Err(no_operator("lt")),
        };
        let mut other = json!({"key": requirement.key(), "operator": operator});
        if let (Some(values), Some(fields)) = (values, other.as_object_mut()) {
            fields.insert("values".to_owned(), json!(values));
        }
        others.push(other);
    }
    let mut selector = Map::new();
    if !same.is_empty() {
        selector.insert("matchLabels".to_owned(), Value::Object(same));
    }
    if !others.is_empty() {
        selector.insert("matchExpressions".to_owned(), json!(others));
    }
    Ok(Value::Object(selector))
}
