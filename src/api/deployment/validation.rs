//! Whether a Deployment is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateDeploymentSpec`).

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use crate::api::internal;
use crate::api::replicas::{self, Words};
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};

/// `ValidateDeployment`
pub fn validate(deployment: &Deployment) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &deployment.spec else { return errors };
    let path = Path::new("spec");
    validate::nonnegative_if_set(&mut errors, &path.child("replicas"), spec.replicas);
    let words = Words { empty: "deployment", unreadable: "invalid label selector", kind: "ReplicaSet" };
    replicas::pods(&mut errors, &path, &spec.selector, &spec.template, words);
    if let Some(given) = &spec.strategy {
        strategy(&mut errors, &path.child("strategy"), given);
    }
    let minimum = spec.min_ready_seconds.unwrap_or(0);
    validate::nonnegative(&mut errors, &path.child("minReadySeconds"), minimum);
    validate::nonnegative_if_set(&mut errors, &path.child("revisionHistoryLimit"), spec.revision_history_limit);
    if let Some(deadline) = spec.progress_deadline_seconds {
        let at = path.child("progressDeadlineSeconds");
        validate::nonnegative(&mut errors, &at, deadline);
        if deadline <= minimum {
            errors.push(Error::invalid(&at, deadline, "must be greater than minReadySeconds"));
        }
    }
    errors
}

/// `ValidateDeploymentUpdate`, and the selector that must stay.
pub fn validate_update(deployment: &Deployment, old: &Deployment) -> Errors {
    let mut errors = validate(deployment);
    if let (Some(new), Some(old)) = (&deployment.spec, &old.spec) {
        replicas::immutable_selector(&mut errors, &new.selector, &old.selector);
    }
    errors
}

fn strategy(errors: &mut Errors, path: &Path, given: &DeploymentStrategy) {
    match given.type_.as_deref().unwrap_or_default() {
        "Recreate" if given.rolling_update.is_some() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(Error::forbidden(&path.child("rollingUpdate"), why));
        }
        "Recreate" => {}
        "RollingUpdate" => match &given.rolling_update {
            None => {
                let why = "this should be defaulted and never be nil";
                errors.push(Error::required(&path.child("rollingUpdate"), why));
            }
            Some(rolling) => rolling_update(errors, &path.child("rollingUpdate"), rolling),
        },
        _ => {
            let shown = internal::dump("DeploymentStrategy", &json!(given));
            errors.push(Error::not_supported_shown(path, shown, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn rolling_update(errors: &mut Errors, path: &Path, rolling: &RollingUpdateDeployment) {
    let none = IntOrString::Int(0);
    let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&none);
    let surge = rolling.max_surge.as_ref().unwrap_or(&none);
    validate::count_or_percent(errors, &path.child("maxUnavailable"), unavailable);
    validate::count_or_percent(errors, &path.child("maxSurge"), surge);
    if validate::is_zero(unavailable) && validate::is_zero(surge) {
        let why = "may not be 0 when `maxSurge` is 0";
        errors.push(Error::invalid(&path.child("maxUnavailable"), unavailable, why));
    }
    validate::at_most_all(errors, &path.child("maxUnavailable"), unavailable);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;
    use serde_json::Value;

    fn texts(spec: Value) -> Vec<String> {
        let json = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "t"}, "spec": spec});
        let mut deployment: Deployment = serde_json::from_value(json).unwrap();
        deployment.set_defaults();
        validate(&deployment).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_with_a_deployment() {
        let pods = json!({"containers": [{"name": "c", "image": "nginx"}]});
        let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": pods});
        let cases = [
            ("nothing", json!({"selector": {"matchLabels": {"app": "a"}}, "template": template}), vec![]),
            (
                "no selector, and Pods that end",
                json!({"template": {"spec": {"restartPolicy": "Never", "containers": pods["containers"]}}}),
                vec![
                    "spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                ],
            ),
            (
                "labels that the selector does not match",
                json!({"selector": {"matchLabels": {"app": "b"}}, "template": template}),
                vec![
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`",
                ],
            ),
            (
                "fewer than no replicas",
                json!({"replicas": -1, "selector": {"matchLabels": {"app": "a"}}, "template": template}),
                vec!["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                "an update that cannot move",
                json!({"selector": {"matchLabels": {"app": "a"}}, "template": template,
                    "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}),
                vec![
                    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0",
                ],
            ),
        ];
        for (name, spec, expected) in cases {
            assert_eq!(texts(spec), expected, "{name}");
        }
    }
}
