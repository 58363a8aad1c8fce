//! Whether a Job is acceptable, and a change of one.
//!
//! Models Kubernetes 1.36 pkg/apis/batch/validation/validation.go and pkg/registry/batch/job/strategy.go.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Affinity, PodTemplateSpec};
use serde_json::{Value, json};

use crate::api::job_spec;
use crate::api::validate::{self, Errors};
use crate::api::{internal, pod_spec};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;

/// `ValidateJob`
pub fn validate(job: &Job) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &job.spec else { return errors };
    generated_selector(&mut errors, job);
    of_spec(&mut errors, spec);
    if spec.completion_mode.as_deref() == Some("Indexed")
        && let Some(last) = spec.completions.filter(|completions| *completions > 0).map(|completions| completions - 1)
    {
        // The index becomes part of the Pods' host names.
        let hostname = format!("{}-{last}", meta::name(&job.metadata));
        if !content::dns1123_label(&hostname).is_empty() {
            let why = format!("will not able to create pod with invalid DNS label: {hostname}");
            errors.push(Error::invalid(&Path::new("metadata").child("name"), meta::name(&job.metadata), why));
        }
    }
    errors
}

/// `ValidateJobSpec`
fn of_spec(errors: &mut Errors, spec: &JobSpec) {
    let path = Path::new("spec");
    job_spec::validate(errors, &path, spec);
    match &spec.selector {
        None => errors.push(Error::required(&path.child("selector"), "")),
        Some(selector) => validate::selector(errors, &path.child("selector"), selector),
    }
    pod_spec::selector_matches(errors, &path.child("template"), spec.selector.as_ref(), Some(&spec.template));
}

/// `validateGeneratedSelector`: what the server makes of uid and name must be there, unchanged.
fn generated_selector(errors: &mut Errors, job: &Job) {
    let Some(spec) = &job.spec else { return };
    let (false, Some(selector)) = (spec.manual_selector == Some(true), &spec.selector) else { return };
    let (uid, name) = (meta::uid(&job.metadata), meta::name(&job.metadata));
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    let path = Path::new("spec").child("template").child("metadata").child("labels");
    if uid.is_empty() {
        errors.push(Error::required(&Path::new("metadata").child("uid"), ""));
    }
    let mut expected = BTreeMap::new();
    for (label, value) in [
        (super::LEGACY_CONTROLLER_UID, uid),
        (super::LEGACY_JOB_NAME, name),
        (super::CONTROLLER_UID, uid),
        (super::JOB_NAME, name),
    ] {
        expected.insert(label.to_owned(), value.to_owned());
        let why = format!("must be '{value}'");
        match labels.and_then(|labels| labels.get(label)) {
            None => errors.push(Error::required(&path.key(label), why)),
            Some(held) if held != value => errors.push(Error::invalid(&path.key(label), labels, why)),
            Some(_) => {}
        }
    }
    let known = Selector::from_label_selector(Some(selector)).filter(|_| validate::is_selector(selector));
    if known.is_some_and(|selector| !selector.matches(Some(&expected))) {
        let (at, why) = (Path::new("spec").child("selector"), "`selector` not auto-generated");
        errors.push(Error::invalid_as(&at, json!(selector), internal::dump_selector, why));
    }
}

/// `ValidateJobUpdate`
pub fn validate_update(job: &Job, old: &Job) -> Errors {
    let mut errors = Errors::new();
    let (Some(spec), Some(before)) = (&job.spec, &old.spec) else { return errors };
    of_spec(&mut errors, spec);
    let path = Path::new("spec");
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    if spec.completions != before.completions {
        let at = path.child("completions");
        if !indexed {
            errors.push(Error::invalid(&at, spec.completions, "field is immutable"));
        } else if spec.completions.is_some() && spec.completions != spec.parallelism {
            let why = "can only be modified in tandem with spec.parallelism";
            errors.push(Error::invalid(&at, spec.completions, why));
        }
    }
    if spec.selector != before.selector {
        let at = path.child("selector");
        errors.push(Error::invalid_as(&at, json!(spec.selector), internal::dump_selector, "field is immutable"));
    }
    template_update(&mut errors, &path, &spec.template, old);
    validate::immutable(&mut errors, &path.child("completionMode"), &spec.completion_mode, &before.completion_mode);
    let policy = (json!(spec.pod_failure_policy), json!(before.pod_failure_policy));
    let write = |policy: &Value| internal::dump("PodFailurePolicy", policy);
    immutable_struct(&mut errors, &path.child("podFailurePolicy"), policy, write);
    let at = path.child("backoffLimitPerIndex");
    validate::immutable(&mut errors, &at, &spec.backoff_limit_per_index, &before.backoff_limit_per_index);
    validate::immutable(&mut errors, &path.child("managedBy"), &spec.managed_by, &before.managed_by);
    let policy = (json!(spec.success_policy), json!(before.success_policy));
    let write = |policy: &Value| internal::dump("SuccessPolicy", policy);
    immutable_struct(&mut errors, &path.child("successPolicy"), policy, write);
    errors
}

fn immutable_struct(errors: &mut Errors, path: &Path, (new, old): (Value, Value), write: fn(&Value) -> String) {
    if new.is_null() && !old.is_null() {
        errors.push(Error::invalid(path, new, "field is immutable"));
    } else if new != old {
        errors.push(Error::invalid_as(path, new, write, "field is immutable"));
    }
}

/// The template stays as it is; but that of a suspended Job without Pods may still steer them to other nodes and give
/// them other resources (`validatePodTemplateUpdate`).
fn template_update(errors: &mut Errors, path: &Path, new: &PodTemplateSpec, before: &Job) {
    let Some(spec) = &before.spec else { return };
    let status = before.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let settled = conditions.iter().any(|held| held.type_ == "Suspended" && held.status == "True");
    let idle = status.is_none_or(|status| status.active.unwrap_or(0) == 0);
    let started = status.is_some_and(|status| status.start_time.is_some());
    if !(spec.suspend == Some(true) && idle && (settled || !started)) {
        if *new != spec.template {
            let at = path.child("template");
            errors.push(Error::invalid_as(&at, json!(new), internal::dump_template, "field is immutable"));
        }
        return;
    }
    let (Some(given), Some(mut allowed)) = (new.spec.as_ref(), spec.template.spec.clone()) else { return };
    let nodes = given.affinity.as_ref().and_then(|affinity| affinity.node_affinity.clone());
    match (given.affinity.is_some(), allowed.affinity.as_mut()) {
        (_, Some(held)) => held.node_affinity = nodes,
        (true, None) => allowed.affinity = Some(Affinity { node_affinity: nodes, ..Affinity::default() }),
        (false, None) => {}
    }
    if given.affinity.is_none() && allowed.affinity.as_ref() == Some(&Affinity::default()) {
        allowed.affinity = None;
    }
    allowed.node_selector.clone_from(&given.node_selector);
    allowed.tolerations.clone_from(&given.tolerations);
    allowed.scheduling_gates.clone_from(&given.scheduling_gates);
    let groups = [
        (Some(&mut allowed.containers), Some(&given.containers)),
        (allowed.init_containers.as_mut(), given.init_containers.as_ref()),
    ];
    for (held, given) in groups {
        for (held, given) in held.into_iter().flatten().zip(given.into_iter().flatten()) {
            if held.name == given.name {
                held.resources.clone_from(&given.resources);
            }
        }
    }
    if allowed != *given {
        let write = |spec: &Value| internal::dump("PodSpec", spec);
        errors.push(Error::invalid_as(&path.child("template.spec"), json!(given), write, "field is immutable"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;

    fn job(spec: Value) -> Job {
        let mut spec = spec;
        let template =
            json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1.36"}]}});
        if spec.get("template").is_none() {
            spec["template"] = template;
        }
        let metadata = json!({"name": "t", "uid": "1a2b3c"});
        let mut job: Job = serde_json::from_value(
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}),
        )
        .unwrap();
        job.set_defaults();
        job.prepare_for_create();
        job
    }

    fn texts(errors: Errors) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    fn rule(rule: Value) -> Value {
        json!({"podFailurePolicy": {"rules": [rule]}})
    }

    #[test]
    fn what_is_wrong_with_a_new_job() {
        let cases = [
            ("nothing", json!({}), vec![]),
            (
                "completions below zero",
                json!({"completions": -1}),
                vec!["spec.completions: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                "restart policy Always",
                json!({"template": {"spec": {"containers": [{"name": "c", "image": "busybox:1.36"}]}}}),
                vec!["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""],
            ),
            (
                "a selector that the server did not make",
                json!({"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1.36"}]}}}),
                vec![
                    "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"x\",\"batch.kubernetes.io/controller-uid\":\"1a2b3c\"}}: `selector` not auto-generated",
                ],
            ),
            (
                "an index without completions",
                json!({"completionMode": "Indexed", "parallelism": 1}),
                vec!["spec.completions: Required value: when completion mode is Indexed"],
            ),
            (
                "an action that is none",
                rule(json!({"action": "Explode", "onExitCodes": {"operator": "In", "values": [42]}})),
                vec![
                    "spec.podFailurePolicy.rules[0].action: Unsupported value: \"Explode\": supported values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"",
                ],
            ),
            (
                "exit codes twice and out of order",
                rule(json!({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3, 1, 3]}})),
                vec![
                    "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3",
                    "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,1,3]: must be ordered",
                ],
            ),
            (
                "a rule without a requirement",
                rule(json!({"action": "FailJob"})),
                vec![
                    "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
                ],
            ),
            (
                "a limit per index without indices",
                json!({"backoffLimitPerIndex": 1}),
                vec!["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
            ),
        ];
        for (name, spec, expected) in cases {
            assert_eq!(texts(validate(&job(spec))), expected, "{name}");
        }
    }

    #[test]
    fn what_must_stay_stays() {
        let old = job(json!({"completions": 2}));
        let changed = |change: &dyn Fn(&mut k8s_openapi::api::batch::v1::JobSpec)| {
            let mut new = old.clone();
            change(new.spec.as_mut().unwrap());
            texts(validate_update(&new, &old))
        };
        assert_eq!(changed(&|spec| spec.parallelism = Some(2)), [""; 0]);
        assert_eq!(
            changed(&|spec| spec.completions = Some(4)),
            ["spec.completions: Invalid value: 4: field is immutable"]
        );
        assert_eq!(
            changed(&|spec| spec.completion_mode = Some("Indexed".to_owned())),
            ["spec.completionMode: Invalid value: \"Indexed\": field is immutable"]
        );
        let image = changed(&|spec| {
            spec.template.spec.as_mut().unwrap().containers[0].image = Some("busybox:1".to_owned());
        });
        assert!(
            image[0].starts_with("spec.template: Invalid value: {\"labels\":{\"batch.kubernetes.io/controller-uid\":")
        );
        assert!(image[0].ends_with("\"SchedulingGroup\":null}}: field is immutable"));
    }

    #[test]
    fn completions_of_an_indexed_job_move_with_parallelism() {
        let old = job(json!({"completions": 2, "completionMode": "Indexed"}));
        let mut new = old.clone();
        new.spec.as_mut().unwrap().completions = Some(5);
        let expected = ["spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"];
        assert_eq!(texts(validate_update(&new, &old)), expected);
        new.spec.as_mut().unwrap().parallelism = Some(5);
        assert_eq!(texts(validate_update(&new, &old)), [""; 0]);
    }
}
