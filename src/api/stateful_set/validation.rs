//! Whether a stateful set is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateStatefulSetSpec`).

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume};
use serde_json::{Value, json};

use crate::api::replicas::{self, Words};
use crate::api::validate::{self, Errors};
use crate::api::{claim_spec, internal};
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{content, meta};

/// `ValidateStatefulSet`
pub fn validate(set: &StatefulSet) -> Errors {
    let mut errors = Errors::new();
    if let Some(spec) = &set.spec {
        of_spec(&mut errors, &Path::new("spec"), spec, true);
    }
    errors
}

/// `ValidateStatefulSetSpec`; the service's name and the claim templates are looked at only when they are `new`.
fn of_spec(errors: &mut Errors, path: &Path, spec: &StatefulSetSpec, new: bool) {
    let policy = spec.pod_management_policy.as_deref().unwrap_or_default();
    if !["OrderedReady", "Parallel"].contains(&policy) {
        let why = "must be 'OrderedReady' or 'Parallel'";
        errors.push(Error::invalid(&path.child("podManagementPolicy"), policy, why));
    }
    if let Some(given) = &spec.update_strategy {
        strategy(errors, &path.child("updateStrategy"), given);
    }
    if let Some(retention) = &spec.persistent_volume_claim_retention_policy {
        let at = path.child("persistentVolumeClaimRetentionPolicy");
        for (field, policy) in [("whenDeleted", &retention.when_deleted), ("whenScaled", &retention.when_scaled)] {
            validate::supported(errors, &at.child(field), policy.as_deref(), &["Retain", "Delete"]);
        }
    }
    if new {
        for (index, claim) in spec.volume_claim_templates.iter().flatten().enumerate() {
            let at = path.child("volumeClaimTemplates").index(index).child("spec");
            claim_spec::validate(errors, &at, claim.spec.as_ref().unwrap_or(&Default::default()));
        }
    }
    validate::nonnegative_if_set(errors, &path.child("replicas"), spec.replicas);
    validate::nonnegative_if_set(errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    validate::nonnegative_if_set(errors, &path.child("ordinals").child("start"), start);
    let service = spec.service_name.as_deref().unwrap_or_default();
    if new && !service.is_empty() {
        validate::each(errors, &path.child("serviceName"), service, content::dns1123_label(service));
    }
    let words = Words { empty: "statefulset", unreadable: "", kind: "StatefulSet" };
    replicas::pods(errors, path, &spec.selector, &template_of_pods(spec), words);
}

fn strategy(errors: &mut Errors, path: &Path, given: &StatefulSetUpdateStrategy) {
    let rolling = given.rolling_update.as_ref();
    let at = path.child("rollingUpdate");
    match (given.type_.as_deref().unwrap_or_default(), rolling) {
        ("", _) => errors.push(Error::required(path, "")),
        ("OnDelete", Some(_)) => {
            let write = |rolling: &Value| internal::dump("RollingUpdateStatefulSetStrategy", rolling);
            let why = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(Error::invalid_as(&at, json!(rolling), write, why));
        }
        ("OnDelete", None) | ("RollingUpdate", None) => {}
        ("RollingUpdate", Some(rolling)) => {
            validate::nonnegative_if_set(errors, &at.child("partition"), rolling.partition);
            let Some(most) = &rolling.max_unavailable else { return };
            let at = at.child("maxUnavailable");
            validate::count_or_percent(errors, &at, most);
            if validate::is_zero(most) {
                errors.push(Error::invalid(&at, most, "cannot be 0"));
            }
            validate::at_most_all(errors, &at, most);
        }
        _ => {
            let write = |given: &Value| internal::dump("StatefulSetUpdateStrategy", given);
            errors.push(Error::invalid_as(path, json!(given), write, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
}

/// The template as its Pods get it: with a volume for each claim template. The names that the controller gives them are
/// not judged.
fn template_of_pods(spec: &StatefulSetSpec) -> PodTemplateSpec {
    let mut template = spec.template.clone();
    let Some(pods) = &mut template.spec else { return template };
    pods.subdomain = None;
    pods.hostname = None;
    let Some(claims) = spec.volume_claim_templates.as_ref().filter(|claims| !claims.is_empty()) else {
        return template;
    };
    let named: BTreeSet<&str> = claims.iter().map(|claim| meta::name(&claim.metadata)).collect();
    let own = pods.volumes.take().unwrap_or_default().into_iter().filter(|own| !named.contains(own.name.as_str()));
    let of_claims = named.iter().map(|name| Volume {
        name: (*name).to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: (*name).to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    });
    pods.volumes = Some(of_claims.chain(own).collect());
    template
}

/// `ValidateStatefulSetUpdate`: a few fields may change, the others must stay.
pub fn validate_update(set: &StatefulSet, old: &StatefulSet) -> Errors {
    let mut errors = Errors::new();
    let (Some(new), Some(before)) = (&set.spec, &old.spec) else { return errors };
    of_spec(&mut errors, &Path::new("spec"), new, false);
    let mut allowed = before.clone();
    allowed.replicas = new.replicas;
    allowed.template.clone_from(&new.template);
    allowed.update_strategy.clone_from(&new.update_strategy);
    allowed.min_ready_seconds = new.min_ready_seconds;
    allowed.ordinals.clone_from(&new.ordinals);
    allowed.revision_history_limit = new.revision_history_limit;
    allowed.persistent_volume_claim_retention_policy.clone_from(&new.persistent_volume_claim_retention_policy);
    if allowed != *new {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                   'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                   'minReadySeconds' are forbidden";
        errors.push(Error::forbidden(&Path::new("spec"), why));
    }
    errors
}
