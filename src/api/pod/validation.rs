//! Whether a Pod is acceptable, and a change of one.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePodCreate`, `ValidatePodUpdate`,
//! `ValidatePodStatusUpdate`).

use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerStatus, NodeAffinity, NodeSelectorTerm, Pod, PodCondition, PodSpec, PodStatus,
    Toleration,
};
use serde_json::{Value, json};

use super::restart;
use crate::api::internal;
use crate::api::pod_spec::validation;
use crate::api::status;
use crate::api::validate::Errors;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::meta;

/// `ValidatePodCreate`
pub fn validate(pod: &Pod) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &pod.spec else { return errors };
    let path = Path::new("spec");
    whole(&mut errors, &path, pod, spec);
    if spec.ephemeral_containers.iter().flatten().next().is_some() {
        let why = "cannot be set on create";
        errors.push(Error::forbidden(&path.child("ephemeralContainers"), why));
    }
    let bound = spec.node_name.as_deref().is_some_and(|name| !name.is_empty());
    if bound && spec.scheduling_gates.iter().flatten().next().is_some() {
        let why = "cannot be set until all schedulingGates have been cleared";
        errors.push(Error::forbidden(&path.child("nodeName"), why));
    }
    errors
}

/// A Pod that is there already, as a whole.
pub fn judge(pod: &Pod) -> Errors {
    let mut errors = Errors::new();
    if let Some(spec) = &pod.spec {
        whole(&mut errors, &Path::new("spec"), pod, spec);
    }
    errors
}

/// `ValidatePodEphemeralContainersUpdate`: containers for looking around come, and stay as they are.
pub fn validate_ephemeral_update(pod: &Pod, old: &Pod) -> Errors {
    if old.metadata.annotations.as_ref().is_some_and(|held| held.contains_key(validation::MIRROR)) {
        return vec![Error::forbidden(&Path::default(), "static pods do not support ephemeral containers")];
    }
    let mut errors = judge(pod);
    let of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.ephemeral_containers.clone()).unwrap_or_default();
    let (given, path) = (of(pod), Path::new("spec").child("ephemeralContainers"));
    for held in of(old) {
        match given.iter().rev().find(|container| container.name == held.name) {
            Some(now) if *now == held => {}
            Some(now) => {
                let why = format!("existing ephemeral containers {:?} may not be changed", held.name);
                let write = |old: &Value, new: &Value| internal::difference("EphemeralContainer", old, new);
                errors.push(Error::forbidden_change(&path, why, (json!(held), json!(now)), write));
            }
            None => {
                let why = format!("existing ephemeral containers {:?} may not be removed\n", held.name);
                errors.push(Error::forbidden(&path, why));
            }
        }
    }
    errors
}

/// `validatePodMetadataAndSpec`
fn whole(errors: &mut Errors, path: &Path, pod: &Pod, spec: &PodSpec) {
    let annotations = Path::new("metadata").child("annotations");
    validation::annotations(errors, &annotations, pod.metadata.annotations.as_ref(), spec);
    validation::pod_spec(errors, path, spec, validation::Of::Pod(meta::name(&pod.metadata)));
    validation::only_pods(errors, path, spec);
}

/// `ValidatePodUpdate`
pub fn validate_update(pod: &Pod, old: &Pod) -> Errors {
    let mut errors = Errors::new();
    let (Some(new), Some(before)) = (&pod.spec, &old.spec) else { return errors };
    if new == before && pod.metadata.annotations == old.metadata.annotations {
        // It was judged as a whole when it came to be so.
        return errors;
    }
    let path = Path::new("spec");
    whole(&mut errors, &path, pod, new);
    let inits = |spec: &PodSpec| spec.init_containers.as_ref().map_or(0, Vec::len);
    for (field, now, held) in
        [("containers", new.containers.len(), before.containers.len()), ("initContainers", inits(new), inits(before))]
    {
        if now != held {
            errors.push(Error::forbidden(&path.child(field), "pod updates may not add or remove containers"));
            return errors;
        }
    }
    if !deadline(&mut errors, &path.child("activeDeadlineSeconds"), new, before) {
        return errors;
    }
    tolerations(&mut errors, &path.child("tolerations"), new, before);
    fewer_gates(&mut errors, &path.child("schedulingGates"), new, before);
    if new == before {
        return errors;
    }
    let munged = munge(&mut errors, &path, new, before);
    if munged != *before {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
                   `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
                   `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        let write = |old: &Value, new: &Value| internal::difference("PodSpec", old, new);
        errors.push(Error::forbidden_change(&path, why, (json!(before), json!(munged)), write));
    }
    errors
}

/// Tolerations may be added, and be given other times (`validateOnlyAddedTolerations`).
fn tolerations(errors: &mut Errors, path: &Path, new: &PodSpec, before: &PodSpec) {
    let given = new.tolerations.as_deref().unwrap_or_default();
    let kept = before.tolerations.iter().flatten().all(|held| {
        given.iter().any(|one| Toleration { toleration_seconds: one.toleration_seconds, ..held.clone() } == *one)
    });
    if kept {
        validation::tolerations(errors, path, given);
    } else {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(Error::forbidden(path, why));
    }
}

/// `validateOnlyDeletedSchedulingGates`
fn fewer_gates(errors: &mut Errors, path: &Path, new: &PodSpec, before: &PodSpec) {
    for (index, gate) in new.scheduling_gates.iter().flatten().enumerate() {
        if !before.scheduling_gates.iter().flatten().any(|held| held.name == gate.name) {
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            errors.push(Error::forbidden(&path.index(index).child("name"), why));
        }
    }
}

/// A deadline may be set or brought forward; tells whether to go on.
fn deadline(errors: &mut Errors, path: &Path, new: &PodSpec, before: &PodSpec) -> bool {
    match (new.active_deadline_seconds, before.active_deadline_seconds) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            errors.push(Error::invalid(path, new, format!("must be between 0 and {}, inclusive", i32::MAX)));
            false
        }
        (Some(new), Some(old)) if new > old => {
            errors.push(Error::invalid(path, new, "must be less than or equal to previous value"));
            false
        }
        (None, Some(_)) => {
            errors.push(Error::invalid_shown(path, "null", "must not update from a positive integer to nil value"));
            true
        }
        _ => true,
    }
}

/// The new spec with everything that may change set back to how it was.
fn munge(errors: &mut Errors, path: &Path, new: &PodSpec, before: &PodSpec) -> PodSpec {
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
    munged.scheduling_gates.clone_from(&before.scheduling_gates);
    munged.tolerations.clone_from(&before.tolerations);
    if before.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0)
        && new.termination_grace_period_seconds == Some(1)
    {
        munged.termination_grace_period_seconds = before.termination_grace_period_seconds;
    }
    if before.scheduling_gates.iter().flatten().next().is_some() {
        narrowed(errors, path, &mut munged, before);
    }
    munged
}

/// A Pod that is held back may still be narrowed to fewer nodes.
fn narrowed(errors: &mut Errors, path: &Path, munged: &mut PodSpec, before: &PodSpec) {
    let (now, held) = (munged.node_selector.clone().unwrap_or_default(), before.node_selector.iter().flatten());
    if held.into_iter().any(|(key, value)| now.get(key) != Some(value)) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.push(Error::invalid(&path.child("nodeSelector"), &munged.node_selector, why));
    }
    munged.node_selector.clone_from(&before.node_selector);
    let of = |spec: &PodSpec| spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.clone());
    let old = of(before);
    let new = of(munged);
    if new == old {
        return;
    }
    let terms = |affinity: &Option<NodeAffinity>| {
        let required =
            affinity.as_ref().and_then(|given| given.required_during_scheduling_ignored_during_execution.clone());
        required.map(|required| required.node_selector_terms).unwrap_or_default()
    };
    let (now, held) = (terms(&new), terms(&old));
    let at = path.child("affinity").child("nodeAffinity");
    let at = at.child("requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
    if !held.is_empty() && held.len() != now.len() {
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        let write = |terms: &Value| match terms.as_array() {
            Some(terms) => {
                let shown: Vec<String> = terms.iter().map(|term| internal::dump("NodeSelectorTerm", term)).collect();
                format!("[{}]", shown.join(","))
            }
            None => "null".to_owned(),
        };
        errors.push(Error::invalid_as(&at, json!(now), write, why));
    } else {
        for (index, (now, held)) in now.iter().zip(&held).enumerate() {
            if !only_adds(now, held) {
                let write = |term: &Value| internal::dump("NodeSelectorTerm", term);
                let why = "only additions are allowed (no mutations or deletions)";
                errors.push(Error::invalid_as(&at.index(index), json!(now), write, why));
            }
        }
    }
    match munged.affinity.as_mut() {
        None => munged.affinity = Some(Affinity { node_affinity: old, ..Affinity::default() }),
        Some(affinity) if before.affinity.is_none() => {
            affinity.node_affinity = None;
            if *affinity == Affinity::default() {
                munged.affinity = None;
            }
        }
        Some(affinity) => affinity.node_affinity = old,
    }
}

/// `validateNodeSelectorTermHasOnlyAdditions`
fn only_adds(now: &NodeSelectorTerm, held: &NodeSelectorTerm) -> bool {
    let lists = [(&now.match_expressions, &held.match_expressions), (&now.match_fields, &held.match_fields)];
    let lists = lists.map(|(now, held)| (now.clone().unwrap_or_default(), held.clone().unwrap_or_default()));
    let was_empty = lists.iter().all(|(_, held)| held.is_empty());
    let grew_from_nothing = was_empty && lists.iter().any(|(now, _)| !now.is_empty());
    !grew_from_nothing && lists.iter().all(|(now, held)| now.starts_with(held))
}

/// `ValidatePodStatusUpdate`: what has ended stays ended.
pub fn validate_status_update(pod: &Pod, old: &Pod) -> Errors {
    let mut errors = Errors::new();
    let (Some(new), Some(before)) = (&pod.status, &old.status) else { return errors };
    let path = Path::new("status");
    conditions(&mut errors, &path.child("conditions"), new.conditions.as_deref().unwrap_or_default());
    let nominated = new.nominated_node_name.as_deref().unwrap_or_default();
    if !nominated.is_empty() && new.nominated_node_name != before.nominated_node_name {
        let wrong = crate::apimachinery::content::dns1123_subdomain(nominated);
        crate::api::validate::each(&mut errors, &path.child("nominatedNodeName"), nominated, wrong);
    }
    if new.observed_generation.is_some_and(|generation| generation < 0) {
        let why = "must be a non-negative integer";
        errors.push(Error::invalid(&path.child("observedGeneration"), new.observed_generation, why));
    }
    if let (Some(new), Some(old)) = (&new.qos_class, &before.qos_class)
        && new != old
    {
        errors.push(Error::invalid(&path.child("qosClass"), new, "field is immutable"));
    }
    if let Some(spec) = old.spec.as_ref().filter(|spec| !restart::could_restart_all(spec)) {
        let (now, held) = (new.container_statuses.as_deref(), before.container_statuses.as_deref());
        terminations(&mut errors, &path.child("containerStatuses"), (now, held), (&spec.containers, spec));
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let (now, held) = (new.init_container_statuses.as_deref(), before.init_container_statuses.as_deref());
        terminations(&mut errors, &path.child("initContainerStatuses"), (now, held), (init, spec));
    }
    addresses(&mut errors, &path, new);
    errors
}

/// `validatePodConditions`
fn conditions(errors: &mut Errors, path: &Path, conditions: &[PodCondition]) {
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        if condition.observed_generation.is_some_and(|generation| generation < 0) {
            let why = "must be a non-negative integer";
            errors.push(Error::invalid(&path.child("observedGeneration"), condition.observed_generation, why));
        }
        let name = condition.type_.as_str();
        if !matches!(name, "PodScheduled" | "Ready" | "Initialized") {
            crate::api::validate::each(
                errors,
                &path.child("Type"),
                name,
                crate::apimachinery::content::label_key(name),
            );
        }
    }
}

/// `validatePodIPs`, `validateHostIPs`
fn addresses(errors: &mut Errors, path: &Path, status: &PodStatus) {
    let shown = |ips: &[&str]| json!(ips.iter().map(|ip| json!({"IP": ip})).collect::<Vec<_>>());
    let pods: Vec<&str> = status.pod_ips.iter().flatten().map(|one| one.ip.as_str()).collect();
    status::addresses(errors, &path.child("podIPs"), &pods, &shown(&pods));
    let hosts: Vec<&str> = status.host_ips.iter().flatten().map(|one| one.ip.as_str()).collect();
    let at = path.child("hostIPs");
    let first = status.host_ip.as_deref().unwrap_or_default();
    if let Some(host) = hosts.first().filter(|host| **host != first) {
        errors.push(Error::invalid(&at.index(0).child("ip"), *host, "must be equal to `hostIP`"));
    }
    status::addresses(errors, &at, &hosts, &shown(&hosts));
}

/// `ValidateContainerStateTransition`, `ValidateInitContainerStateTransition`
fn terminations(
    errors: &mut Errors,
    path: &Path,
    (new, old): (Option<&[ContainerStatus]>, Option<&[ContainerStatus]>),
    (containers, spec): (&[Container], &PodSpec),
) {
    let ended = |status: &ContainerStatus| status.state.as_ref().and_then(|state| state.terminated.clone());
    for (index, before) in old.unwrap_or_default().iter().enumerate() {
        let Some(end) = ended(before) else { continue };
        let now = new.unwrap_or_default().iter().find(|status| status.name == before.name);
        let goes_on = now.is_some_and(|status| ended(status).is_none());
        let container = containers.iter().find(|container| container.name == before.name);
        if goes_on && !container.is_some_and(|container| restart::restarts(container, spec, end.exit_code)) {
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
