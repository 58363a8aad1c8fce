//! Whether a daemon set is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateDaemonSetSpec`).

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetUpdateStrategy};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use crate::api::validate::{self, Errors};
use crate::api::{internal, pod_spec, replicas};
use crate::apimachinery::field::{Error, Path};

/// `ValidateDaemonSet`
pub fn validate(set: &DaemonSet) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &set.spec else { return errors };
    let path = Path::new("spec");
    let selector = (!replicas::is_absent(&spec.selector)).then_some(&spec.selector);
    if let Some(selector) = selector {
        validate::selector(&mut errors, &path.child("selector"), selector);
    }
    let at = path.child("template");
    pod_spec::selector_matches(&mut errors, &at, selector, Some(&spec.template));
    if selector.is_some_and(|selector| !replicas::chooses(selector)) {
        replicas::empty(&mut errors, &path.child("selector"), "daemonset");
    }
    pod_spec::validation::template(&mut errors, &at, &spec.template);
    replicas::always(&mut errors, &at, &spec.template, "DaemonSet");
    validate::nonnegative_if_set(&mut errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    if let Some(given) = &spec.update_strategy {
        strategy(&mut errors, &path.child("updateStrategy"), given);
    }
    validate::nonnegative_if_set(&mut errors, &path.child("revisionHistoryLimit"), spec.revision_history_limit);
    errors
}

/// `ValidateDaemonSetUpdate`, and the selector that must stay.
pub fn validate_update(set: &DaemonSet, old: &DaemonSet) -> Errors {
    let mut errors = Errors::new();
    if let (Some(new), Some(old)) = (&set.spec, &old.spec) {
        replicas::immutable_selector(&mut errors, &new.selector, &old.selector);
    }
    errors.extend(validate(set));
    errors
}

fn strategy(errors: &mut Errors, path: &Path, given: &DaemonSetUpdateStrategy) {
    let none = IntOrString::Int(0);
    match (given.type_.as_deref().unwrap_or_default(), &given.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.push(Error::required(&path.child("rollingUpdate"), "")),
        ("RollingUpdate", Some(rolling)) => {
            let path = path.child("rollingUpdate");
            let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&none);
            let surge = rolling.max_surge.as_ref().unwrap_or(&none);
            validate::count_or_percent(errors, &path.child("maxUnavailable"), unavailable);
            validate::count_or_percent(errors, &path.child("maxSurge"), surge);
            validate::at_most_all(errors, &path.child("maxUnavailable"), unavailable);
            validate::at_most_all(errors, &path.child("maxSurge"), surge);
            match (validate::is_zero(unavailable), validate::is_zero(surge)) {
                (true, true) => {
                    let why = "cannot be 0 when maxSurge is 0";
                    errors.push(Error::required(&path.child("maxUnavailable"), why));
                }
                (false, false) => {
                    let why = "may not be set when maxUnavailable is non-zero";
                    errors.push(Error::invalid(&path.child("maxSurge"), surge, why));
                }
                _ => {}
            }
        }
        _ => {
            let shown = internal::dump("DaemonSetUpdateStrategy", &json!(given));
            errors.push(Error::not_supported_shown(path, shown, &["RollingUpdate", "OnDelete"]));
        }
    }
}
