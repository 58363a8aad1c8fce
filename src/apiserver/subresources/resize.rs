//! `pods/resize`: what the containers of a running Pod ask for and may use, changed in place.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/strategy.go (podResizeStrategy) and
//! pkg/apis/core/validation/validation.go (ValidatePodResize).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::api::pod;
use crate::apimachinery::Object;
use crate::apimachinery::field::{Error, Path};

/// The annotation of a Pod that stands for a file of a node.
const MIRROR: &str = "kubernetes.io/config.mirror";
const MUTABLE: &str = "only cpu and memory resources are mutable";

/// The Pod with the resources that `new` asks for and nothing else of it, and what is wrong with them.
pub(in crate::apiserver) fn resized(new: &dyn Object, old: &dyn Object) -> (Box<dyn Object>, Vec<Error>) {
    let mut kept = old.clone_object();
    let mut errors = Vec::new();
    if let (Some(new), Some(old), Some(kept)) = (
        new.as_any().downcast_ref::<Pod>(),
        old.as_any().downcast_ref::<Pod>(),
        kept.as_any_mut().downcast_mut::<Pod>(),
    ) {
        take(kept, new);
        if kept.spec != old.spec {
            kept.metadata.generation = kept.metadata.generation.map(|generation| generation + 1);
        }
        errors = check(kept, old);
    }
    (kept, errors)
}

fn lists(pod: &Pod) -> [&[Container]; 2] {
    let spec = pod.spec.as_ref();
    [
        spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default(),
        spec.map_or(&[][..], |spec| spec.containers.as_slice()),
    ]
}

/// Takes over what a resize may say; where containers come, go or change their names, all of it, to be refused.
fn take(kept: &mut Pod, new: &Pod) {
    let names = |pod: &Pod| lists(pod).map(|list| list.iter().map(|held| held.name.clone()).collect::<Vec<_>>());
    if names(kept) != names(new) {
        kept.spec.clone_from(&new.spec);
        return;
    }
    let Some(spec) = &mut kept.spec else { return };
    spec.resources = new.spec.as_ref().and_then(|spec| spec.resources.clone());
    let held = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
    for (held, wanted) in held.zip(lists(new).into_iter().flatten()) {
        held.resources.clone_from(&wanted.resources);
        held.resize_policy.clone_from(&wanted.resize_policy);
    }
}

fn check(new: &Pod, old: &Pod) -> Vec<Error> {
    let forbidden = |why: &str| vec![Error::forbidden(&Path::default(), why)];
    if old.metadata.annotations.as_ref().is_some_and(|held| held.contains_key(MIRROR)) {
        return forbidden("static pods cannot be resized");
    }
    if old.spec.as_ref().and_then(|spec| spec.os.as_ref()).is_some_and(|os| os.name == "windows") {
        return forbidden("windows pods cannot be resized");
    }
    let mut errors = pod::judge(new);
    let path = Path::new("spec");
    let class = |pod: &Pod| pod.spec.as_ref().map(pod::qos_class);
    let told = old.status.as_ref().and_then(|status| status.qos_class.as_deref()).or_else(|| class(old));
    if told != class(new) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(Error::invalid(&path, told.unwrap_or_default(), why));
    }
    let statuses = old.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let mut running = statuses.filter(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()));
    if running.next().is_some_and(|status| status.resources.is_none()) {
        errors.push(Error::forbidden(&path, "Pod running on node without support for resize"));
    }
    let order = order(&path, new, old);
    if !order.is_empty() {
        errors.extend(order);
        return errors;
    }
    for (field, (wanted, held)) in
        ["initContainers", "containers"].into_iter().zip(lists(new).into_iter().zip(lists(old)))
    {
        for (index, (wanted, held)) in wanted.iter().zip(held).enumerate() {
            let at = path.child(field).index(index);
            removed(&mut errors, &at.child("resources"), wanted.resources.as_ref(), held.resources.as_ref());
        }
    }
    let [init, main] = lists(new);
    let [init_held, main_held] = lists(old);
    let changed = main.iter().zip(main_held).filter(|(wanted, held)| settled(wanted, held) != **held).count();
    errors.extend((0..changed).map(|_| Error::forbidden(&path, MUTABLE)));
    for (index, (wanted, held)) in init.iter().zip(init_held).enumerate() {
        let at = path.child("initContainers").index(index);
        if settled(wanted, held) != *held {
            let why = "only cpu and memory resources for init or sidecar containers are mutable";
            errors.push(Error::forbidden(&at, why));
        }
        let restarts =
            wanted.resize_policy.iter().flatten().filter(|policy| policy.restart_policy == "RestartContainer");
        if wanted != held && wanted.restart_policy.as_deref() != Some("Always") {
            let why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
            errors.extend(restarts.map(|_| Error::forbidden(&at, why)));
        }
    }
    errors
}

fn order(path: &Path, new: &Pod, old: &Pod) -> Vec<Error> {
    let mut errors = Vec::new();
    let [init, main] = lists(new);
    let [init_held, main_held] = lists(old);
    for (field, wanted, held) in [("containers", main, main_held), ("initContainers", init, init_held)] {
        let at = path.child(field);
        if wanted.len() != held.len() {
            errors.push(Error::forbidden(&at, format!("{field} may not be added or removed on resize")));
            continue;
        }
        for (index, _) in wanted.iter().zip(held).enumerate().filter(|(_, (wanted, held))| wanted.name != held.name) {
            let why = format!("{field} may not be renamed or reordered on resize");
            errors.push(Error::forbidden(&at.index(index).child("name"), why));
        }
    }
    errors
}

type Amounts = Option<BTreeMap<String, Quantity>>;

fn removed(
    errors: &mut Vec<Error>,
    path: &Path,
    wanted: Option<&ResourceRequirements>,
    held: Option<&ResourceRequirements>,
) {
    let gone = |of: fn(&ResourceRequirements) -> &Amounts| {
        let (wanted, held) = (wanted.and_then(|one| of(one).as_ref()), held.and_then(|one| of(one).as_ref()));
        let mut names = held.into_iter().flatten().map(|(name, _)| name);
        names.any(|name| !wanted.is_some_and(|wanted| wanted.contains_key(name)))
    };
    if gone(|one| &one.requests) {
        errors.push(Error::forbidden(&path.child("requests"), "resource requests cannot be removed"));
    }
    if gone(|one| &one.limits) {
        errors.push(Error::forbidden(&path.child("limits"), "resource limits cannot be removed"));
    }
}

/// A container with the processor and memory that it had.
fn settled(wanted: &Container, held: &Container) -> Container {
    let amounts = |wanted: &Amounts, held: &Amounts| {
        let mut kept = wanted.clone().unwrap_or_default();
        for name in ["cpu", "memory"] {
            match held.as_ref().and_then(|held| held.get(name)) {
                Some(amount) => drop(kept.insert(name.to_owned(), amount.clone())),
                None => drop(kept.remove(name)),
            }
        }
        Some(kept).filter(|kept| !kept.is_empty())
    };
    let (none, mut kept) = (ResourceRequirements::default(), wanted.clone());
    let (new, old) = (wanted.resources.as_ref().unwrap_or(&none), held.resources.as_ref().unwrap_or(&none));
    let resources = ResourceRequirements {
        claims: new.claims.clone(),
        limits: amounts(&new.limits, &old.limits),
        requests: amounts(&new.requests, &old.requests),
    };
    kept.resources = if resources == *old { held.resources.clone() } else { Some(resources) };
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;
    use serde_json::{Value, json};

    fn pod(resources: Value, policy: Value) -> Pod {
        let mut made: Pod = serde_json::from_value(json!({
            "metadata": {"name": "pod", "namespace": "default", "generation": 1},
            "spec": {"containers": [{"name": "c1", "image": "image", "resources": resources, "resizePolicy": policy}]},
        }))
        .unwrap();
        made.set_defaults();
        made.status = None;
        made
    }

    fn errors(old: Value, new: Value) -> Vec<String> {
        let (old, new) = (pod(old, Value::Null), pod(new, Value::Null));
        resized(&new, &old).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn validate_pod_resize() {
        let both = |cpu: &str, memory: &str| json!({"cpu": cpu, "memory": memory});
        let limits = |cpu: &str, memory: &str| json!({"limits": both(cpu, memory), "requests": both("100m", "100Mi")});
        let burst = |cpu: &str| json!({"requests": {"cpu": cpu}});
        let removed =
            |what: &str| format!("spec.containers[0].resources.{what}: Forbidden: resource {what} cannot be removed");
        for (name, old, new, want) in [
            ("cpu limit change", limits("200m", "200Mi"), limits("400m", "200Mi"), vec![]),
            ("memory limit change", limits("200m", "200Mi"), limits("200m", "100Mi"), vec![]),
            ("cpu request change", burst("100m"), burst("200m"), vec![]),
            (
                "Pod QoS change, burstable -> guaranteed",
                limits("200m", "200Mi"),
                json!({"limits": both("100m", "100Mi"), "requests": both("100m", "100Mi")}),
                vec![
                    "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing"
                        .to_owned(),
                ],
            ),
            (
                "Pod QoS unchanged, burstable -> burstable, remove limits",
                limits("200m", "200Mi"),
                json!({"requests": both("100m", "100Mi")}),
                vec![removed("limits")],
            ),
            (
                "remove cpu request",
                json!({"requests": both("100m", "100Mi")}),
                json!({"requests": {"memory": "100Mi"}}),
                vec![removed("requests")],
            ),
            (
                "storage limit change",
                json!({"requests": {"cpu": "1", "ephemeral-storage": "1Gi"}}),
                json!({"requests": {"cpu": "1", "ephemeral-storage": "2Gi"}}),
                vec![format!("spec: Forbidden: {MUTABLE}")],
            ),
        ] {
            assert_eq!(errors(old, new), want, "{name}");
        }
    }

    #[test]
    fn nothing_but_resources_is_taken_and_the_generation_grows() {
        let old = pod(json!({"requests": {"cpu": "1"}}), Value::Null);
        let mut new = pod(json!({"requests": {"cpu": "2"}}), Value::Null);
        new.spec.as_mut().unwrap().containers[0].image = Some("other".to_owned());
        let (kept, errors) = resized(&new, &old);
        let kept = kept.as_any().downcast_ref::<Pod>().unwrap();
        let container = &kept.spec.as_ref().unwrap().containers[0];
        assert_eq!((errors.len(), container.image.as_deref()), (0, Some("image")));
        assert_eq!(container.resources.as_ref().unwrap().requests.as_ref().unwrap()["cpu"].0, "2");
        assert_eq!(kept.metadata.generation, Some(2));
    }
}
