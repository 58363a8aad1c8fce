//! Limit ranges: what containers get that ask for nothing, and how little or much they, Pods and claims may ask for.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/limitranger/admission.go.

use k8s_openapi::api::core::v1::{Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod};

use super::Attributes;
use crate::api::pod_resources::{self, Amounts, amounts};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{Object, Status, meta};
use crate::storage::Store;

/// Tells what was filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

fn ranges<'a>(store: &'a Store, namespace: &str) -> impl Iterator<Item = &'a LimitRange> + use<'a> {
    store.list("limitranges", Some(namespace)).filter_map(|object| object.as_any().downcast_ref::<LimitRange>())
}

/// Fills in the requests and limits of new Pods.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if attributes.old.is_some() {
        return Ok(());
    }
    let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Ok(()) };
    let namespace = meta::namespace(&pod.metadata).to_owned();
    for range in ranges(attributes.store, &namespace) {
        fill(pod, range);
    }
    Ok(())
}

/// `mergePodResourceRequirements`
fn fill(pod: &mut Pod, range: &LimitRange) {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    let items = range.spec.iter().flat_map(|spec| &spec.limits);
    for item in items.filter(|item| item.type_ == "Container") {
        requests.extend(amounts(item.default_request.as_ref()));
        limits.extend(amounts(item.default.as_ref()));
    }
    let spec = pod.spec.get_or_insert_default();
    let mut notes = Vec::new();
    let groups: [(&str, &mut Vec<Container>); 2] =
        [("container", &mut spec.containers), ("init container", spec.init_containers.get_or_insert_default())];
    for (which, containers) in groups {
        for container in containers {
            let held = container.resources.get_or_insert_default();
            for (what, list, given) in
                [("request", &mut held.requests, &requests), ("limit", &mut held.limits, &limits)]
            {
                let mut added = pod_resources::texts(given);
                added.retain(|name, _| list.as_ref().is_none_or(|list| !list.contains_key(name)));
                if added.is_empty() {
                    continue;
                }
                let names: Vec<&str> = added.keys().map(String::as_str).collect();
                notes.push(format!("{} {what} for {which} {}", names.join(", "), container.name));
                list.get_or_insert_default().extend(added);
            }
        }
    }
    if spec.init_containers.as_ref().is_some_and(Vec::is_empty) {
        spec.init_containers = None;
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        pod.metadata.annotations.get_or_insert_default().insert(ANNOTATION.to_owned(), note);
    }
}

/// Holds new Pods, and claims, to the bounds.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let resizes = attributes.subresource == "resize";
    let pod = object.as_any().downcast_ref::<Pod>().filter(|_| attributes.old.is_none() || resizes);
    let claim = object.as_any().downcast_ref::<PersistentVolumeClaim>();
    if (pod.is_none() && claim.is_none()) || attributes.old.is_some_and(|old| meta::is_deleting(old.meta())) {
        return Ok(());
    }
    for range in ranges(attributes.store, meta::namespace(object.meta())) {
        let mut wrong: Vec<String> = Vec::new();
        for item in range.spec.iter().flat_map(|spec| &spec.limits) {
            if let Some(pod) = pod {
                of_pod(&mut wrong, item, pod);
            } else if let Some(claim) = claim {
                of_claim(&mut wrong, item, claim);
            }
        }
        let mut seen = Vec::new();
        wrong.retain(|text| {
            !seen.contains(text) && {
                seen.push(text.clone());
                true
            }
        });
        match wrong.as_slice() {
            [] => {}
            [one] => return Err(attributes.forbidden(object, one)),
            many => return Err(attributes.forbidden(object, &format!("[{}]", many.join(", ")))),
        }
    }
    Ok(())
}

/// `PodValidateLimitFunc`
fn of_pod(wrong: &mut Vec<String>, item: &LimitRangeItem, pod: &Pod) {
    let Some(spec) = &pod.spec else { return };
    match item.type_.as_str() {
        "Container" => {
            for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
                let given = container.resources.clone().unwrap_or_default();
                bounds(wrong, item, &amounts(given.requests.as_ref()), &amounts(given.limits.as_ref()));
            }
        }
        "Pod" => {
            let mut bare = pod.clone();
            bare.status = None;
            bare.spec.get_or_insert_default().overhead = None;
            bounds(wrong, item, &pod_resources::requests(&bare), &pod_resources::limits(&bare));
        }
        _ => {}
    }
}

/// `PersistentVolumeClaimValidateLimitFunc`
fn of_claim(wrong: &mut Vec<String>, item: &LimitRangeItem, claim: &PersistentVolumeClaim) {
    if item.type_ != "PersistentVolumeClaim" {
        return;
    }
    let given = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let requests = amounts(given.and_then(|given| given.requests.as_ref()));
    for (name, least) in amounts(item.min.as_ref()) {
        wrong.extend(minimum(item, &name, &least, requests.get(&name), None));
    }
    for (name, most) in amounts(item.max.as_ref()) {
        let head = format!("maximum {name} usage per {} is {most}", item.type_);
        match requests.get(&name) {
            None => wrong.push(format!("{head}.  No request is specified")),
            Some(asked) if *asked > most => wrong.push(format!("{head}, but request is {asked}")),
            Some(_) => {}
        }
    }
}

fn bounds(wrong: &mut Vec<String>, item: &LimitRangeItem, requests: &Amounts, limits: &Amounts) {
    for (name, least) in amounts(item.min.as_ref()) {
        wrong.extend(minimum(item, &name, &least, requests.get(&name), limits.get(&name)));
    }
    for (name, most) in amounts(item.max.as_ref()) {
        let head = format!("maximum {name} usage per {} is {most}", item.type_);
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => wrong.push(format!("{head}.  No limit is specified")),
            (_, Some(limit)) if *limit > most => wrong.push(format!("{head}, but limit is {limit}")),
            (Some(asked), _) if *asked > most => wrong.push(format!("{head}, but request is {asked}")),
            _ => {}
        }
    }
    for (name, ratio) in amounts(item.max_limit_request_ratio.as_ref()) {
        let head = format!("{name} max limit to request ratio per {} is {ratio}, but", item.type_);
        let given = |list: &Amounts| list.get(&name).filter(|amount| !amount.is_zero()).map(Quantity::as_f64);
        match (given(requests), given(limits)) {
            (None, _) => wrong.push(format!("{head} no request is specified or request is 0")),
            (_, None) => wrong.push(format!("{head} no limit is specified or limit is 0")),
            (Some(asked), Some(limit)) if limit / asked > ratio.as_f64() => {
                wrong.push(format!("{head} provided ratio is {:.6}", limit / asked));
            }
            _ => {}
        }
    }
}

/// `minConstraint`
fn minimum(
    item: &LimitRangeItem,
    name: &str,
    least: &Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("minimum {name} usage per {} is {least}", item.type_);
    match (request, limit) {
        (None, _) => Some(format!("{head}.  No request is specified")),
        (Some(asked), _) if asked < least => Some(format!("{head}, but request is {asked}")),
        (_, Some(limit)) if limit < least => Some(format!("{head}, but limit is {limit}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn range(item: Value) -> LimitRange {
        serde_json::from_value(json!({"metadata": {}, "spec": {"limits": [item]}})).unwrap()
    }

    fn pod(resources: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {}, "spec": {"containers": [{"name": "c", "resources": resources}]}}))
            .unwrap()
    }

    #[test]
    fn what_a_container_leaves_open_is_filled_in_and_noted() {
        let mut filled = pod(json!({"limits": {"memory": "1Gi"}}));
        let defaults = json!({"type": "Container", "default": {"cpu": "500m", "memory": "2Gi"},
            "defaultRequest": {"cpu": "100m", "memory": "64Mi"}});
        fill(&mut filled, &range(defaults));
        assert_eq!(
            filled.metadata.annotations.clone().unwrap()[ANNOTATION],
            "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c"
        );
        let held = filled.spec.unwrap().containers[0].resources.clone().unwrap();
        assert_eq!(json!(held.limits), json!({"cpu": "500m", "memory": "1Gi"}));
        assert_eq!(json!(held.requests), json!({"cpu": "100m", "memory": "64Mi"}));
    }

    #[test]
    fn bounds_are_named_with_what_was_given() {
        let wrong = |item: Value, resources: Value| {
            let mut wrong = Vec::new();
            of_pod(&mut wrong, &range(item).spec.unwrap().limits[0], &pod(resources));
            wrong
        };
        let least = json!({"type": "Container", "min": {"cpu": "100m"}});
        assert_eq!(
            wrong(least.clone(), json!({"requests": {"cpu": "50m"}})),
            ["minimum cpu usage per Container is 100m, but request is 50m"]
        );
        assert_eq!(wrong(least, json!({})), ["minimum cpu usage per Container is 100m.  No request is specified"]);
        let most = json!({"type": "Pod", "max": {"memory": "1Gi"}});
        assert_eq!(
            wrong(most, json!({"limits": {"memory": "2Gi"}})),
            ["maximum memory usage per Pod is 1Gi, but limit is 2Gi"]
        );
        let ratio = json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}});
        assert_eq!(
            wrong(ratio, json!({"limits": {"cpu": "1"}, "requests": {"cpu": "400m"}})),
            ["cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000"]
        );
    }
}
