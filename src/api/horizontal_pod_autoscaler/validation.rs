//! Whether a horizontal pod autoscaler is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/autoscaling/validation/validation.go.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingRules, HorizontalPodAutoscaler, MetricIdentifier, MetricSpec, MetricTarget,
};

use crate::api::resource_names;
use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

const SOURCES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];

/// `ValidateHorizontalPodAutoscaler`
pub fn validate(scaler: &HorizontalPodAutoscaler) -> Errors {
    let mut errors = Errors::new();
    let (spec, path) = (&scaler.spec, Path::new("spec"));
    if let Some(count) = spec.min_replicas.filter(|count| *count < 1) {
        errors.push(Error::invalid(&path.child("minReplicas"), count, "must be greater than or equal to 1"));
    }
    let at = path.child("maxReplicas");
    match spec.max_replicas {
        0 => errors.push(Error::required(&at, "must be set and greater than 0")),
        count if count < 0 => errors.push(Error::invalid(&at, count, "must be greater than or equal to 1")),
        _ => {}
    }
    if spec.min_replicas.is_some_and(|fewest| spec.max_replicas < fewest) {
        errors.push(Error::invalid(&at, spec.max_replicas, "must be greater than or equal to `minReplicas`"));
    }
    reference(&mut errors, &path.child("scaleTargetRef"), &spec.scale_target_ref, true);
    let metrics = spec.metrics.as_deref().unwrap_or_default();
    for (index, given) in metrics.iter().enumerate() {
        metric(&mut errors, &path.child("metrics").index(index), given);
    }
    let from_outside = metrics.iter().any(|metric| matches!(metric.type_.as_str(), "Object" | "External"));
    if spec.min_replicas == Some(0) && !from_outside {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(Error::forbidden(&path.child("metrics"), why));
    }
    if let Some(behavior) = &spec.behavior {
        let path = path.child("behavior");
        for (name, given) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
            if let Some(given) = given {
                rules(&mut errors, &path.child(name), given);
            }
        }
    }
    errors
}

/// `ValidateCrossVersionObjectReference`
fn reference(errors: &mut Errors, path: &Path, given: &CrossVersionObjectReference, in_group: bool) {
    for (name, text) in [("kind", &given.kind), ("name", &given.name)] {
        validate::required(errors, &path.child(name), text);
        validate::each(errors, &path.child(name), text, content::path_segment(text));
    }
    let version = given.api_version.as_deref().unwrap_or_default();
    let why = match version.matches('/').count() {
        0 if in_group => "apiVersion must specify API group".to_owned(),
        0 | 1 => return,
        _ => format!("unexpected GroupVersion string: {version}"),
    };
    errors.push(Error::invalid(&path.child("apiVersion"), version, why));
}

/// `validateScalingRules`
fn rules(errors: &mut Errors, path: &Path, given: &HPAScalingRules) {
    let at = path.child("stabilizationWindowSeconds");
    match given.stabilization_window_seconds {
        Some(seconds) if seconds < 0 => {
            errors.push(Error::invalid(&at, seconds, "must be greater than or equal to zero"));
        }
        Some(seconds) if seconds > 3600 => {
            errors.push(Error::invalid(&at, seconds, "must be less than or equal to 3600"));
        }
        _ => {}
    }
    let select = given.select_policy.as_deref();
    validate::supported(errors, &path.child("selectPolicy"), select, &["Disabled", "Max", "Min"]);
    let at_tolerance = path.child("tolerance");
    let path = path.child("policies");
    let policies = given.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        errors.push(Error::required(&path, "must specify at least one Policy"));
    }
    for (index, policy) in policies.iter().enumerate() {
        let path = path.index(index);
        validate::supported(errors, &path.child("type"), Some(&policy.type_), &["Percent", "Pods"]);
        validate::positive(errors, &path.child("value"), policy.value);
        validate::positive(errors, &path.child("periodSeconds"), policy.period_seconds);
        if policy.period_seconds > 1800 {
            let why = "must be less than or equal to 1800";
            errors.push(Error::invalid(&path.child("periodSeconds"), policy.period_seconds, why));
        }
    }
    if let Some(text) = &given.tolerance
        && Quantity::parse(&text.0).is_ok_and(|tolerance| tolerance.sign() < 0)
    {
        errors.push(Error::invalid(&at_tolerance, text.0.as_str(), "must be greater than or equal to 0"));
    }
}

/// `validateMetricSpec`
fn metric(errors: &mut Errors, path: &Path, given: &MetricSpec) {
    let at = path.child("type");
    if given.type_.is_empty() {
        errors.push(Error::required(&at, "must specify a metric source type"));
    }
    validate::supported(errors, &at, Some(&given.type_), SOURCES);
    source(errors, path, given);
    let present = [
        ("containerResource", "ContainerResource", given.container_resource.is_some()),
        ("external", "External", given.external.is_some()),
        ("object", "Object", given.object.is_some()),
        ("pods", "Pods", given.pods.is_some()),
        ("resource", "Resource", given.resource.is_some()),
    ];
    match present.iter().find(|(_, kind, _)| *kind == given.type_) {
        Some((_, _, true)) => {}
        Some((field, ..)) => {
            let why = "must populate information for the given metric source";
            errors.push(Error::required(&path.child(field), why));
        }
        None => validate::supported(errors, &at, Some(&given.type_), SOURCES),
    }
    if present.iter().filter(|(_, _, there)| *there).count() > 1 {
        for (field, ..) in present.iter().filter(|(_, kind, there)| *there && *kind != given.type_) {
            errors.push(Error::forbidden(&path.child(field), "must populate the given metric source only"));
        }
    }
}

/// The first of the sources that are there.
fn source(errors: &mut Errors, path: &Path, given: &MetricSpec) {
    if let Some(source) = &given.object {
        let path = path.child("object");
        reference(errors, &path.child("describedObject"), &source.described_object, false);
        identifier(errors, &path.child("metric"), &source.metric);
        target(errors, &path.child("target"), &source.target);
        if source.target.value.is_none() && source.target.average_value.is_none() {
            let why = "must set either a target value or averageValue";
            errors.push(Error::required(&path.child("target").child("averageValue"), why));
        }
    } else if let Some(source) = &given.external {
        let path = path.child("external");
        identifier(errors, &path.child("metric"), &source.metric);
        target(errors, &path.child("target"), &source.target);
        let at = path.child("target");
        match (&source.target.value, &source.target.average_value) {
            (None, None) => {
                let why = "must set either a target value for metric or a per-pod target";
                errors.push(Error::required(&at.child("averageValue"), why));
            }
            (Some(_), Some(_)) => {
                let why = "may not set both a target value for metric and a per-pod target";
                errors.push(Error::forbidden(&at.child("value"), why));
            }
            _ => {}
        }
    } else if let Some(source) = &given.pods {
        let path = path.child("pods");
        identifier(errors, &path.child("metric"), &source.metric);
        target(errors, &path.child("target"), &source.target);
        if source.target.average_value.is_none() {
            let why = "must specify a positive target averageValue";
            errors.push(Error::required(&path.child("target").child("averageValue"), why));
        }
    } else if let Some(source) = &given.resource {
        of_resource(errors, &path.child("resource"), &source.name, None, &source.target);
    } else if let Some(source) = &given.container_resource {
        let container = Some(source.container.as_str());
        of_resource(errors, &path.child("containerResource"), &source.name, container, &source.target);
    }
}

fn of_resource(errors: &mut Errors, path: &Path, name: &str, container: Option<&str>, given: &MetricTarget) {
    if name.is_empty() {
        errors.push(Error::required(&path.child("name"), "must specify a resource name"));
    } else if container.is_some() {
        resource_names::of_container(errors, &path.child("name"), name);
    }
    if let Some(container) = container {
        let at = path.child("container");
        if container.is_empty() {
            errors.push(Error::required(&at, "must specify a container"));
        } else {
            validate::each(errors, &at, container, content::dns1123_label(container));
        }
    }
    let at = path.child("target");
    target(errors, &at, given);
    match (given.average_utilization, &given.average_value) {
        (None, None) => {
            let why = "must set either a target raw value or a target utilization";
            errors.push(Error::required(&at.child("averageUtilization"), why));
        }
        (Some(_), Some(_)) => {
            let why = "may not set both a target raw value and a target utilization";
            errors.push(Error::forbidden(&at.child("averageValue"), why));
        }
        _ => {}
    }
}

/// `validateMetricTarget`
fn target(errors: &mut Errors, path: &Path, given: &MetricTarget) {
    if given.type_.is_empty() {
        errors.push(Error::required(&path.child("type"), "must specify a metric target type"));
    }
    if !["Utilization", "Value", "AverageValue"].contains(&given.type_.as_str()) {
        let why = "must be either Utilization, Value, or AverageValue";
        errors.push(Error::invalid(&path.child("type"), &given.type_, why));
    }
    for (name, value) in [("value", &given.value), ("averageValue", &given.average_value)] {
        let Some(text) = value else { continue };
        if Quantity::parse(&text.0).is_ok_and(|amount| amount.sign() <= 0) {
            errors.push(Error::invalid(&path.child(name), &text.0, "must be positive"));
        }
    }
    if let Some(percent) = given.average_utilization.filter(|percent| *percent < 1) {
        errors.push(Error::invalid(&path.child("averageUtilization"), percent, "must be greater than 0"));
    }
}

fn identifier(errors: &mut Errors, path: &Path, given: &MetricIdentifier) {
    let at = path.child("name");
    if given.name.is_empty() {
        errors.push(Error::required(&at, "must specify a metric name"));
    } else {
        validate::each(errors, &at, &given.name, content::path_segment(&given.name));
    }
}
