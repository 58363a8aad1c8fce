//! Pod security: namespaces say by label how much their Pods may do to their nodes, and what becomes of those that would
//! do more: refused, or only warned of.
//!
//! Refuses to keep an audit log, the third thing that labels can ask for.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/pod-security-admission/{admission,api}.

mod checks;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Pod, PodSpec, PodTemplate, PodTemplateSpec, ReplicationController};

use super::Attributes;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Object, Status, meta};

const PREFIX: &str = "pod-security.kubernetes.io/";

/// How much Pods may do; the later the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Everything.
    Privileged,
    /// Nothing that is known to let a Pod escape.
    Baseline,
    /// Only what hardened Pods do.
    Restricted,
}

/// A level, as of a version of Kubernetes: 1.`minor`, or the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub level: Level,
    pub minor: Option<u32>,
}

impl Policy {
    /// `restricted:latest`
    fn text(self) -> String {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        self.minor.map_or_else(|| format!("{level}:latest"), |minor| format!("{level}:v1.{minor}"))
    }
}

/// What a namespace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policies {
    enforce: Policy,
    warn: Policy,
}

/// Holds Pods, and what makes Pods, to the policies of their namespace, and the labels of namespaces to their words.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    if let Some(namespace) = object.as_any().downcast_ref::<Namespace>() {
        return of_namespace(attributes, namespace);
    }
    let Some(spec) = template_of(object) else { return Ok(()) };
    let found = attributes.store.get("namespaces", "", meta::namespace(object.meta()));
    let Some(namespace) = found.and_then(|found| found.as_any().downcast_ref::<Namespace>()) else { return Ok(()) };
    let (policies, _) = policies(namespace.metadata.labels.as_ref());
    let is_pod = object.as_any().is::<Pod>();
    if let Some(old) = attributes.old.and_then(|old| old.as_any().downcast_ref::<Pod>()).filter(|_| is_pod) {
        let images = |spec: &PodSpec| {
            let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
            all.map(|container| container.image.clone()).collect::<Vec<_>>()
        };
        if old.spec.as_ref().is_some_and(|old| images(old) == images(spec)) {
            return Ok(());
        }
    }
    if is_pod {
        let found = checks::violations(policies.enforce, spec);
        if !found.is_empty() {
            let why = format!("violates PodSecurity {:?}: {}", policies.enforce.text(), checks::details(&found));
            return Err(attributes.forbidden(object, &why));
        }
    }
    let found = checks::violations(policies.warn, spec);
    if !found.is_empty() {
        let text = format!("would violate PodSecurity {:?}: {}", policies.warn.text(), checks::details(&found));
        attributes.warnings.push(text);
    }
    Ok(())
}

/// The spec of a Pod, or of what a kind makes Pods from.
fn template_of(object: &dyn Object) -> Option<&PodSpec> {
    let any = object.as_any();
    if let Some(pod) = any.downcast_ref::<Pod>() {
        return pod.spec.as_ref();
    }
    let template: Option<&PodTemplateSpec> = if let Some(held) = any.downcast_ref::<Deployment>() {
        held.spec.as_ref().map(|spec| &spec.template)
    } else if let Some(held) = any.downcast_ref::<Job>() {
        held.spec.as_ref().map(|spec| &spec.template)
    } else if let Some(held) = any.downcast_ref::<CronJob>() {
        held.spec.job_template.spec.as_ref().map(|spec| &spec.template)
    } else if let Some(held) = any.downcast_ref::<ReplicaSet>() {
        held.spec.as_ref().and_then(|spec| spec.template.as_ref())
    } else if let Some(held) = any.downcast_ref::<DaemonSet>() {
        held.spec.as_ref().map(|spec| &spec.template)
    } else if let Some(held) = any.downcast_ref::<StatefulSet>() {
        held.spec.as_ref().map(|spec| &spec.template)
    } else if let Some(held) = any.downcast_ref::<ReplicationController>() {
        held.spec.as_ref().and_then(|spec| spec.template.as_ref())
    } else {
        any.downcast_ref::<PodTemplate>().and_then(|held| held.template.as_ref())
    };
    template?.spec.as_ref()
}

/// `PolicyToEvaluate`: what the labels say, and what is wrong with them.
fn policies(labels: Option<&BTreeMap<String, String>>) -> (Policies, Vec<Error>) {
    let open = Policy { level: Level::Privileged, minor: None };
    let (mut found, mut errors) = (Policies { enforce: open, warn: open }, Vec::new());
    let Some(labels) = labels.filter(|labels| labels.keys().any(|key| key.starts_with(PREFIX))) else {
        return (found, errors);
    };
    let path = Path::new("metadata").child("labels");
    let mut read = |mode: &str, on_error: Level| {
        let mut policy = open;
        let (level, version) = (format!("{PREFIX}{mode}"), format!("{PREFIX}{mode}-version"));
        if let Some(text) = labels.get(&level) {
            policy.level = match text.as_str() {
                "privileged" => Level::Privileged,
                "baseline" => Level::Baseline,
                "restricted" => Level::Restricted,
                _ => {
                    let why = "must be one of privileged, baseline, restricted";
                    errors.push(Error::invalid(&path.key(&level), text, why));
                    on_error
                }
            };
        }
        if let Some(text) = labels.get(&version).filter(|text| *text != "latest") {
            let digits = text.strip_prefix("v1.").filter(|digits| *digits == "0" || !digits.starts_with('0'));
            policy.minor =
                digits.filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
            if policy.minor.is_none() {
                errors.push(Error::invalid(&path.key(&version), text, "must be \"latest\" or \"v1.x\""));
            }
        }
        policy
    };
    found.enforce = read("enforce", Level::Restricted);
    read("audit", Level::Privileged);
    found.warn = read("warn", Level::Privileged);
    // Whoever is refused later is warned now.
    let fine = errors.iter().all(|error| error.path != path.key(&format!("{PREFIX}enforce")));
    if !labels.contains_key(&format!("{PREFIX}warn")) && fine && found.enforce.level > found.warn.level {
        let minor =
            if labels.contains_key(&format!("{PREFIX}warn-version")) { found.warn.minor } else { found.enforce.minor };
        found.warn = Policy { level: found.enforce.level, minor };
    }
    (found, errors)
}

/// `ValidateNamespace`: the words of the labels, and what Pods already there would be refused.
fn of_namespace(attributes: &mut Attributes<'_>, namespace: &Namespace) -> Result<(), Status> {
    let name = meta::name(&namespace.metadata);
    let (new, errors) = policies(namespace.metadata.labels.as_ref());
    let Some(old) = attributes.old else {
        return if errors.is_empty() { Ok(()) } else { Err(Status::invalid("Namespace", name, &errors)) };
    };
    let (before, old_errors) = policies(old.meta().labels.as_ref());
    if !errors.is_empty() && errors != old_errors {
        return Err(Status::invalid("Namespace", name, &errors));
    }
    let (new, before) = (new.enforce, before.enforce);
    let relaxed = new.minor == before.minor && new.level <= before.level;
    if new == before || new.level == Level::Privileged || relaxed {
        return Ok(());
    }
    // By what is wrong: the first Pod, and how many.
    let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for pod in attributes.store.list("pods", Some(name)).filter_map(|pod| pod.as_any().downcast_ref::<Pod>()) {
        let Some(spec) = &pod.spec else { continue };
        let wrong = checks::violations(new, spec);
        if !wrong.is_empty() {
            let reasons: Vec<&str> = wrong.iter().map(|(reason, _)| reason.as_str()).collect();
            let entry = found.entry(reasons.join(", ")).or_insert_with(|| (meta::name(&pod.metadata).to_owned(), 0));
            entry.1 += 1;
        }
    }
    if !found.is_empty() {
        let (level, quoted) = (new.text(), format!("{name:?}"));
        attributes
            .warnings
            .push(format!("existing pods in namespace {quoted} violate the new PodSecurity enforce level {level:?}"));
    }
    let mut texts: Vec<String> = found
        .into_iter()
        .map(|(reasons, (pod, count))| match count {
            1 => format!("{pod}: {reasons}"),
            2 => format!("{pod} (and 1 other pod): {reasons}"),
            _ => format!("{pod} (and {} other pods): {reasons}", count - 1),
        })
        .collect();
    texts.sort();
    attributes.warnings.extend(texts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(labels: Value) -> (String, String, Vec<String>) {
        let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
        let (found, errors) = policies(Some(&labels));
        (found.enforce.text(), found.warn.text(), errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn labels_say_what_is_refused_and_what_is_warned_of() {
        let key = |mode: &str| format!("{PREFIX}{mode}");
        let (enforce, warn, wrong) = of(json!({key("enforce"): "baseline", key("warn"): "restricted"}));
        assert_eq!((enforce.as_str(), warn.as_str(), wrong.len()), ("baseline:latest", "restricted:latest", 0));
        let (enforce, warn, _) = of(json!({key("enforce"): "restricted", key("enforce-version"): "v1.24"}));
        assert_eq!((enforce.as_str(), warn.as_str()), ("restricted:v1.24", "restricted:v1.24"));
        let (enforce, warn, wrong) = of(json!({key("enforce"): "strict", key("warn-version"): "1.2"}));
        assert_eq!((enforce.as_str(), warn.as_str()), ("restricted:latest", "privileged:latest"));
        assert_eq!(
            wrong,
            [
                "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted",
                "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"1.2\": must be \"latest\" or \"v1.x\""
            ]
        );
    }
}
