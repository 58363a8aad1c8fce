//! `pods/ephemeralcontainers`: containers for looking around, added to a Pod that runs.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/strategy.go (podEphemeralContainersStrategy) and
//! pkg/apis/core/validation/validation.go (ValidatePodEphemeralContainersUpdate, validateEphemeralContainers).

use k8s_openapi::api::core::v1::{EphemeralContainer, Pod, PodSpec};

use crate::apimachinery::Object;
use crate::apimachinery::field::{Error, Path};

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
        errors = check(kept.spec.as_ref(), &wanted, &held);
        if wanted != held {
            kept.metadata.generation = kept.metadata.generation.map(|generation| generation + 1);
        }
        kept.spec.get_or_insert_default().ephemeral_containers = Some(wanted).filter(|list| !list.is_empty());
    }
    (kept, errors)
}

fn check(spec: Option<&PodSpec>, wanted: &[EphemeralContainer], held: &[EphemeralContainer]) -> Vec<Error> {
    let mut errors = Vec::new();
    let list = Path::new("spec").child("ephemeralContainers");
    let (init, main) = spec.map_or((&[][..], &[][..]), |spec| {
        (spec.init_containers.as_deref().unwrap_or_default(), spec.containers.as_slice())
    });
    let mut names: Vec<&str> = init.iter().chain(main).map(|container| container.name.as_str()).collect();
    for (index, container) in wanted.iter().enumerate() {
        let path = list.index(index);
        if names.contains(&container.name.as_str()) {
            errors.push(Error::duplicate(&path.child("name"), container.name.as_str()));
        }
        names.push(&container.name);
        if container.image.as_deref().unwrap_or_default().is_empty() {
            errors.push(Error::required(&path.child("image"), ""));
        }
        let target = container.target_container_name.as_deref().unwrap_or_default();
        if !target.is_empty() && !init.iter().chain(main).any(|known| known.name == target) {
            errors.push(Error::not_found(&path.child("targetContainerName"), target));
        }
        let refused = [
            ("ports", container.ports.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
            ("lifecycle", container.lifecycle.is_some()),
            ("restartPolicy", container.restart_policy.is_some()),
        ];
        for (field, _) in refused.into_iter().filter(|(_, given)| *given) {
            errors.push(Error::forbidden(&path.child(field), "field not allowed on Ephemeral Containers"));
        }
    }
    for old in held {
        match wanted.iter().find(|container| container.name == old.name) {
            Some(new) if new == old => {}
            Some(_) => {
                let why = format!("existing ephemeral containers \"{}\" may not be changed\n", old.name);
                errors.push(Error::forbidden(&list, why));
            }
            None => {
                let why = format!("existing ephemeral containers \"{}\" may not be removed\n", old.name);
                errors.push(Error::forbidden(&list, why));
            }
        }
    }
    errors
}
