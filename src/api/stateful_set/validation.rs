//! Whether a stateful set is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateStatefulSetSpec`).

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::api::replicas;
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};

/// `ValidateStatefulSet`
pub fn validate(set: &StatefulSet) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &set.spec else { return errors };
    let path = Path::new("spec");
    let policy = spec.pod_management_policy.as_deref().unwrap_or_default();
    if !["OrderedReady", "Parallel"].contains(&policy) {
        let why = "must be 'OrderedReady' or 'Parallel'";
        errors.push(Error::invalid(&path.child("podManagementPolicy"), policy, why));
    }
    if let Some(strategy) = &spec.update_strategy {
        let at = path.child("updateStrategy");
        let rolling = strategy.rolling_update.as_ref();
        match strategy.type_.as_deref().unwrap_or_default() {
            "OnDelete" if rolling.is_some() => {
                let why = "only allowed for updateStrategy 'RollingUpdate'";
                errors.push(Error::invalid(&at.child("rollingUpdate"), rolling, why));
            }
            "OnDelete" => {}
            "RollingUpdate" => {
                let partition = rolling.and_then(|rolling| rolling.partition);
                validate::nonnegative_if_set(&mut errors, &at.child("rollingUpdate").child("partition"), partition);
            }
            other => {
                let why = "must be 'RollingUpdate' or 'OnDelete'";
                errors.push(Error::invalid(&at, other, why));
            }
        }
    }
    validate::nonnegative_if_set(&mut errors, &path.child("replicas"), spec.replicas);
    validate::nonnegative_if_set(&mut errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    validate::nonnegative_if_set(&mut errors, &path.child("ordinals").child("start"), start);
    replicas::selector(&mut errors, &path.child("selector"), &spec.selector, "statefulset");
    let selector = (!replicas::is_absent(&spec.selector)).then_some(&spec.selector);
    replicas::template(&mut errors, &path.child("template"), selector, Some(&spec.template), "StatefulSet");
    errors
}

/// `ValidateStatefulSetUpdate`: a few fields may change, the others must stay.
pub fn validate_update(set: &StatefulSet, old: &StatefulSet) -> Errors {
    let mut errors = validate(set);
    let (Some(new), Some(before)) = (&set.spec, &old.spec) else { return errors };
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
