//! Whether a Pod is acceptable, and a change of one.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePodCreate`, `ValidatePodUpdate`,
//! `ValidatePodStatusUpdate`).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodSpec};
use serde_json::json;

use crate::api::validate::Errors;
use crate::api::{internal, pod_spec};
use crate::apimachinery::field::{Error, Path};

/// `ValidatePodCreate`
pub fn validate(pod: &Pod) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &pod.spec else { return errors };
    let path = Path::new("spec");
    pod_spec::validation::pod_spec(&mut errors, &path, spec);
    pod_spec::validation::only_pods(&mut errors, &path, spec);
    if spec.ephemeral_containers.iter().flatten().next().is_some() {
        let why = "cannot be set on create";
        errors.push(Error::forbidden(&path.child("ephemeralContainers"), why));
    }
    errors
}

/// `ValidatePodUpdate`
pub fn validate_update(pod: &Pod, old: &Pod) -> Errors {
    let mut errors = Errors::new();
    let (Some(new), Some(before)) = (&pod.spec, &old.spec) else { return errors };
    let path = Path::new("spec");
    pod_spec::validation::pod_spec(&mut errors, &path, new);
    pod_spec::validation::only_pods(&mut errors, &path, new);
    for (field, count, held) in [
        ("containers", new.containers.len(), before.containers.len()),
        (
            "initContainers",
            new.init_containers.as_ref().map_or(0, Vec::len),
            before.init_containers.as_ref().map_or(0, Vec::len),
        ),
    ] {
        if count != held {
            errors.push(Error::forbidden(&path.child(field), "pod updates may not add or remove containers"));
            return errors;
        }
    }
    deadline(&mut errors, &path.child("activeDeadlineSeconds"), new, before);
    let added_only =
        before.tolerations.iter().flatten().all(|held| new.tolerations.iter().flatten().any(|one| one == held));
    if !added_only {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(Error::forbidden(&path.child("tolerations"), why));
    }
    let munged = munge(new, before);
    if munged != *before {
        let (new, before) = (json!(munged), json!(before));
        let why = format!(
            "pod updates may not change fields other than {}\n{}",
            "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
             `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow \
             it to be set to 1 if it was previously negative)",
            difference(&internal::dump_lines("PodSpec", &before), &internal::dump_lines("PodSpec", &new))
        );
        errors.push(Error::forbidden(&path, why));
    }
    errors
}

/// A deadline may be set or brought forward.
fn deadline(errors: &mut Errors, path: &Path, new: &PodSpec, before: &PodSpec) {
    match (new.active_deadline_seconds, before.active_deadline_seconds) {
        (Some(new), Some(old)) if new > old => {
            errors.push(Error::invalid(path, new, "must be less than or equal to previous value"));
        }
        (None, Some(_)) => {
            errors.push(Error::invalid_shown(path, "null", "must not update from a positive integer to nil value"));
        }
        _ => {}
    }
}

/// The new spec with everything that may change set back to how it was.
fn munge(new: &PodSpec, before: &PodSpec) -> PodSpec {
    let mut munged = new.clone();
    let groups = [
        (Some(&mut munged.containers), Some(&before.containers)),
        (munged.init_containers.as_mut(), before.init_containers.as_ref()),
    ];
    for (containers, held) in groups {
        for (container, old) in containers.into_iter().flatten().zip(held.into_iter().flatten()) {
            container.image.clone_from(&old.image);
        }
    }
    munged.active_deadline_seconds = before.active_deadline_seconds;
    munged.tolerations.clone_from(&before.tolerations);
    if before.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0)
        && new.termination_grace_period_seconds == Some(1)
    {
        munged.termination_grace_period_seconds = before.termination_grace_period_seconds;
    }
    if before.scheduling_gates.iter().flatten().next().is_some() {
        let gates = before.scheduling_gates.iter().flatten();
        let fewer = new.scheduling_gates.iter().flatten().all(|gate| gates.clone().any(|held| held == gate));
        if fewer {
            munged.scheduling_gates.clone_from(&before.scheduling_gates);
        }
        // A Pod that is held back may still be narrowed to other nodes.
        munged.node_selector.clone_from(&before.node_selector);
        munged.affinity.clone_from(&before.affinity);
    }
    munged
}

fn difference(old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().context_radius(3).to_string()
}

/// `ValidatePodStatusUpdate`: what has ended stays ended.
pub fn validate_status_update(pod: &Pod, old: &Pod) -> Errors {
    let mut errors = Errors::new();
    let (Some(new), Some(before)) = (&pod.status, &old.status) else { return errors };
    let path = Path::new("status");
    let nominated = new.nominated_node_name.as_deref().unwrap_or_default();
    if !nominated.is_empty() {
        let wrong = crate::apimachinery::content::dns1123_subdomain(nominated);
        crate::api::validate::each(&mut errors, &path.child("nominatedNodeName"), nominated, wrong);
    }
    let policy = old.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or_default();
    if policy != "Always" {
        let (at, held) = (path.child("containerStatuses"), before.container_statuses.as_deref());
        terminations(&mut errors, &at, new.container_statuses.as_deref(), held, policy);
    }
    if let (Some(new), Some(old)) = (&new.qos_class, &before.qos_class)
        && new != old
    {
        errors.push(Error::invalid(&path.child("qosClass"), new, "field is immutable"));
    }
    errors
}

/// `ValidateContainerStateTransition`
fn terminations(
    errors: &mut Errors,
    path: &Path,
    new: Option<&[ContainerStatus]>,
    old: Option<&[ContainerStatus]>,
    policy: &str,
) {
    let ended = |status: &ContainerStatus| status.state.as_ref().and_then(|state| state.terminated.clone());
    for (index, before) in old.unwrap_or_default().iter().enumerate() {
        let Some(end) = ended(before) else { continue };
        // A failure is tried again under OnFailure.
        if end.exit_code != 0 && policy == "OnFailure" {
            continue;
        }
        let now = new.unwrap_or_default().iter().find(|status| status.name == before.name);
        if now.is_some_and(|status| ended(status).is_none()) {
            let why = "may not be transitioned to non-terminated state";
            errors.push(Error::forbidden(&path.index(index).child("state"), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;
    use serde_json::Value;

    fn pod(spec: Value) -> Pod {
        let json = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "t"}, "spec": spec});
        let mut pod: Pod = serde_json::from_value(json).unwrap();
        pod.set_defaults();
        pod
    }

    fn texts(container: Value) -> Vec<String> {
        let mut container = container;
        for (field, value) in [("name", json!("c")), ("image", json!("nginx"))] {
            if container.get(field).is_none() {
                container[field] = value;
            }
        }
        let spec = json!({"containers": [container], "volumes": [{"name": "data"}]});
        validate(&pod(spec)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_with_a_container() {
        let cases = [
            ("nothing", json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]}), vec![]),
            (
                "a volume that is not there",
                json!({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}),
                vec!["spec.containers[0].volumeMounts[0].name: Not found: \"x\""],
            ),
            (
                "a port beyond all ports",
                json!({"ports": [{"containerPort": 70000}]}),
                vec![
                    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                ],
            ),
            (
                "no port",
                json!({"ports": [{"containerPort": 0}]}),
                vec!["spec.containers[0].ports[0].containerPort: Required value"],
            ),
            (
                "a pull policy that is none",
                json!({"imagePullPolicy": "Sometimes"}),
                vec![
                    "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
                ],
            ),
            (
                "more requested than allowed",
                json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
                vec![
                    "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
                ],
            ),
            (
                "a resource that is none",
                json!({"resources": {"limits": {"cpus": "1"}}}),
                vec![
                    "spec.containers[0].resources.limits[cpus]: Invalid value: \"cpus\": must be a standard resource type or fully qualified",
                    "spec.containers[0].resources.limits[cpus]: Invalid value: \"cpus\": must be a standard resource for containers",
                    "spec.containers[0].resources.requests[cpus]: Invalid value: \"cpus\": must be a standard resource type or fully qualified",
                    "spec.containers[0].resources.requests[cpus]: Invalid value: \"cpus\": must be a standard resource for containers",
                ],
            ),
            (
                "a probe that does nothing",
                json!({"livenessProbe": {"periodSeconds": 5}}),
                vec!["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
            ),
            (
                "a variable with two sources",
                json!({"env": [{"name": "A", "value": "1", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}),
                vec![
                    "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
                ],
            ),
            (
                "an image with spaces around it",
                json!({"image": " nginx"}),
                vec![
                    "spec.containers[0].image: Invalid value: \" nginx\": must not have leading or trailing whitespace",
                ],
            ),
        ];
        for (name, container, expected) in cases {
            assert_eq!(texts(container), expected, "{name}");
        }
    }

    #[test]
    fn a_running_pod_shows_what_may_not_change() {
        let old = pod(json!({"containers": [{"name": "c", "image": "nginx"}]}));
        let mut new = old.clone();
        new.spec.as_mut().unwrap().containers[0].image = Some("nginx:1".to_owned());
        assert_eq!(validate_update(&new, &old), []);
        new.spec.as_mut().unwrap().restart_policy = Some("Never".to_owned());
        let text = validate_update(&new, &old)[0].to_string();
        assert!(
            text.starts_with(
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            )
        );
        let change = "  \"EphemeralContainers\": null,\n- \"RestartPolicy\": \"Always\",\n+ \"RestartPolicy\": \"Never\",\n  \"TerminationGracePeriodSeconds\": 30,\n";
        assert!(text.contains(change), "{text}");
    }
}
