//! The rules that the kinds which keep Pods of a template running have in common: selector, template, rolling update.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::validate::{self, Errors};
use super::{internal, pod_spec};
use crate::apimachinery::field::{Error, Path};

/// Whether the selector was left out. One that was written and asks for nothing has labels, but none.
pub fn is_absent(selector: &LabelSelector) -> bool {
    *selector == LabelSelector::default()
}

/// The selector of a Deployment and its like, and the template that it has to match. A selector that cannot be read hides
/// what is wrong with the template.
pub fn pods(errors: &mut Errors, path: &Path, selector: &LabelSelector, template: &PodTemplateSpec, words: Words) {
    let at = path.child("selector");
    let before = errors.len();
    if is_absent(selector) {
        errors.push(Error::required(&at, ""));
    } else {
        validate::selector(errors, &at, selector);
        if errors.len() > before {
            errors.push(Error::invalid_as(&at, json!(selector), internal::dump_selector, words.unreadable));
            return;
        }
        if !chooses(selector) {
            empty(errors, &at, words.empty);
        }
    }
    let given = Some(selector).filter(|_| !is_absent(selector));
    self::template(errors, &path.child("template"), given, template, words.kind);
}

/// A selector that asks for nothing chooses everything, which nobody wants.
pub fn empty(errors: &mut Errors, path: &Path, kind: &str) {
    let why = format!("empty selector is invalid for {kind}");
    errors.push(Error::invalid_as(path, json!({}), internal::dump_selector, why));
}

/// How the kinds differ in what they say.
#[derive(Clone, Copy)]
pub struct Words {
    /// What an empty selector is invalid for.
    pub empty: &'static str,
    /// What is said of a selector that cannot be read.
    pub unreadable: &'static str,
    /// The kind that keeps the Pods.
    pub kind: &'static str,
}

/// Whether the selector asks for anything.
pub fn chooses(selector: &LabelSelector) -> bool {
    selector.match_labels.iter().flatten().count() + selector.match_expressions.iter().flatten().count() > 0
}

/// The template of a Deployment and its like: chosen by the selector, restarted for ever.
pub fn template(
    errors: &mut Errors,
    path: &Path,
    selector: Option<&LabelSelector>,
    given: &PodTemplateSpec,
    kind: &str,
) {
    pod_spec::selector_matches(errors, path, selector, Some(given));
    pod_spec::validation::template(errors, path, given);
    always(errors, path, given, kind);
}

/// Pods that are kept running restart for ever and have no deadline.
pub fn always(errors: &mut Errors, path: &Path, template: &PodTemplateSpec, kind: &str) {
    let Some(spec) = &template.spec else { return };
    let path = path.child("spec");
    let policy = spec.restart_policy.as_deref().unwrap_or_default();
    if policy != "Always" {
        errors.push(Error::not_supported(&path.child("restartPolicy"), policy, &["Always"]));
    }
    if spec.active_deadline_seconds.is_some() {
        let why = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(Error::forbidden(&path.child("activeDeadlineSeconds"), why));
    }
}

/// The selector must stay as it is.
pub fn immutable_selector(errors: &mut Errors, new: &LabelSelector, old: &LabelSelector) {
    if new != old {
        let given = if is_absent(new) { Value::Null } else { json!(new) };
        let at = Path::new("spec").child("selector");
        errors.push(Error::invalid_as(&at, given, internal::dump_selector, "field is immutable"));
    }
}
