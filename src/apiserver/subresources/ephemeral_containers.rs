//! `pods/ephemeralcontainers`: containers for looking around, added to a Pod that runs.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/strategy.go (podEphemeralContainersStrategy).

use k8s_openapi::api::core::v1::Pod;

use crate::api::pod;
use crate::apimachinery::Object;
use crate::apimachinery::field::Error;

/// The Pod with the containers that `new` adds and nothing else of it, and what is wrong with them.
pub(in crate::apiserver) fn added(new: &dyn Object, old: &dyn Object) -> (Box<dyn Object>, Vec<Error>) {
    let mut kept = old.clone_object();
    let mut errors = Vec::new();
    if let (Some(new), Some(old), Some(kept)) = (
        new.as_any().downcast_ref::<Pod>(),
        old.as_any().downcast_ref::<Pod>(),
        kept.as_any_mut().downcast_mut::<Pod>(),
    ) {
        let of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.ephemeral_containers.clone()).unwrap_or_default();
        let (wanted, held) = (of(new), of(old));
        if wanted != held {
            kept.metadata.generation = kept.metadata.generation.map(|generation| generation + 1);
        }
        kept.spec.get_or_insert_default().ephemeral_containers = Some(wanted).filter(|list| !list.is_empty());
        errors = pod::validate_ephemeral_update(kept, old);
    }
    (kept, errors)
}
