//! Label selectors and field selectors: parsed forms, matching, and upstream's error texts.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/labels/selector.go and pkg/fields/selector.go.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

mod parse;

pub use parse::{FieldRequirement, FieldSelector, parse, parse_fields};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of these values.
    In(String, Vec<String>),
    /// The label is absent or has none of these values.
    NotIn(String, Vec<String>),
    /// The label is present.
    Exists(String),
    /// The label is absent.
    DoesNotExist(String),
    /// The label is a whole number above this one.
    GreaterThan(String, i64),
    /// The label is a whole number below this one.
    LessThan(String, i64),
}

impl Requirement {
    /// The label that it is about.
    pub fn key(&self) -> &str {
        match self {
            Requirement::In(key, _)
            | Requirement::NotIn(key, _)
            | Requirement::Exists(key)
            | Requirement::DoesNotExist(key)
            | Requirement::GreaterThan(key, _)
            | Requirement::LessThan(key, _) => key,
        }
    }

    fn matches(&self, labels: &Labels) -> bool {
        let number = |key: &str| labels.get(key).and_then(|value| value.parse::<i64>().ok());
        match self {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
            Requirement::GreaterThan(key, than) => number(key).is_some_and(|value| value > *than),
            Requirement::LessThan(key, than) => number(key).is_some_and(|value| value < *than),
        }
    }
}

/// A selector: every requirement must hold. One without requirements matches everything.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selector {
    /// In the order they were written.
    pub requirements: Vec<Requirement>,
}

impl Selector {
    /// Whether these labels satisfy every requirement.
    pub fn matches(&self, labels: Option<&Labels>) -> bool {
        const NONE: &Labels = &Labels::new();
        self.requirements.iter().all(|requirement| requirement.matches(labels.unwrap_or(NONE)))
    }

    /// The selector of an API object; `None` selects nothing, as upstream's `LabelSelectorAsSelector` has it.
    pub fn from_label_selector(selector: Option<&LabelSelector>) -> Option<Selector> {
        let selector = selector?;
        let mut requirements = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            requirements.push(Requirement::In(key.clone(), vec![value.clone()]));
        }
        for expression in selector.match_expressions.iter().flatten() {
            let values = expression.values.clone().unwrap_or_default();
            requirements.push(match expression.operator.as_str() {
                "In" => Requirement::In(expression.key.clone(), values),
                "NotIn" => Requirement::NotIn(expression.key.clone(), values),
                "Exists" => Requirement::Exists(expression.key.clone()),
                "DoesNotExist" => Requirement::DoesNotExist(expression.key.clone()),
                // Validation refuses other operators; one that slipped through selects nothing.
                _ => return None,
            });
        }
        Some(Selector { requirements })
    }
}
