//! The rules that the kinds which keep Pods of a template running have in common: selector, template, rolling update.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;

use super::validate::{self, Errors};
use super::{internal, pod_spec};
use crate::apimachinery::field::{Error, Path};

/// Whether the selector was left out. The types cannot tell an absent selector from an empty one.
pub fn is_absent(selector: &LabelSelector) -> bool {
    *selector == LabelSelector::default()
}

/// The selector of a Deployment and its like: there, well formed and not empty.
pub fn selector(errors: &mut Errors, path: &Path, selector: &LabelSelector, of: &str) {
    if is_absent(selector) {
        errors.push(Error::required(path, ""));
        return;
    }
    validate::selector(errors, path, selector);
    let count = selector.match_labels.iter().flatten().count() + selector.match_expressions.iter().flatten().count();
    if count == 0 {
        let shown = internal::dump_selector(&json!(selector));
        errors.push(Error::invalid_shown(path, shown, format!("empty selector is invalid for {of}")));
    }
}

/// The template of a Deployment and its like: chosen by the selector, restarted for ever.
pub fn template(
    errors: &mut Errors,
    path: &Path,
    selector: Option<&LabelSelector>,
    template: Option<&PodTemplateSpec>,
    of: &str,
) {
    let Some(given) = template else {
        errors.push(Error::required(path, ""));
        return;
    };
    pod_spec::selector_matches(errors, path, selector, template);
    pod_spec::validation::template(errors, path, given);
    let Some(spec) = &given.spec else { return };
    let policy = spec.restart_policy.as_deref().unwrap_or_default();
    if policy != "Always" {
        let path = path.child("spec").child("restartPolicy");
        errors.push(Error::not_supported(&path, policy, &["Always"]));
    }
    if spec.active_deadline_seconds.is_some() {
        let why = format!("activeDeadlineSeconds in {of} is not Supported");
        errors.push(Error::forbidden(&path.child("spec").child("activeDeadlineSeconds"), why));
    }
}

/// The selector must stay as it is.
pub fn immutable_selector(errors: &mut Errors, new: &LabelSelector, old: &LabelSelector) {
    if new != old {
        let shown = if is_absent(new) { "null".to_owned() } else { internal::dump_selector(&json!(new)) };
        errors.push(Error::invalid_shown(&Path::new("spec").child("selector"), shown, "field is immutable"));
    }
}
