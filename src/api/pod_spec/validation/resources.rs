//! Requests and limits, of a container and of a Pod as a whole, and the names of resources.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateResourceRequirements`,
//! `validatePodResources`) and pkg/apis/core/helper/helpers.go.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, PodSpec, ResourceRequirements};

use crate::api::pod_resources::{self, amounts};
use crate::api::resource_names as names;
use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

/// What a container asks for (`ValidateContainerResourceRequirements`).
pub fn of_container(errors: &mut Errors, path: &Path, given: &ResourceRequirements, claims: &BTreeSet<&str>) {
    requirements(errors, path, given, names::of_container);
    claim_names(errors, &path.child("claims"), given, claims);
}

/// What a Pod asks for as a whole (`validatePodResources`).
pub fn of_pod(errors: &mut Errors, path: &Path, spec: &PodSpec, claims: &BTreeSet<&str>) {
    let Some(given) = &spec.resources else { return };
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        errors.push(Error::forbidden(path, "may not be set for a windows pod"));
        return;
    }
    if given.claims.is_some() {
        errors.push(Error::forbidden(&path.child("claims"), "claims may not be set for Resources at pod-level"));
    }
    requirements(errors, path, given, names::of_pod);
    claim_names(errors, &path.child("claims"), given, claims);
    let bare = PodSpec { resources: None, overhead: None, ..spec.clone() };
    let containers = Pod { spec: Some(bare), ..Pod::default() };
    let (held, asked) = (amounts(given.requests.as_ref()), pod_resources::requests(&containers));
    for (name, total) in &asked {
        if let Some(amount) = held.get(name).filter(|amount| total > amount) {
            let why = format!("must be greater than or equal to aggregate container requests of {total}");
            errors.push(Error::invalid(&path.child("requests").key(name), amount.to_string(), why));
        }
    }
    let (held, limited) = (amounts(given.limits.as_ref()), pod_resources::limits(&containers));
    for (name, total) in limited.iter().filter(|(name, _)| name.starts_with("hugepages-")) {
        if let Some(amount) = held.get(name).filter(|amount| total > amount) {
            let why = format!("must be greater than or equal to aggregate container limits of {total}");
            errors.push(Error::invalid(&path.child("limits").key(name), amount.to_string(), why));
        }
    }
    for (index, container) in spec.containers.iter().enumerate() {
        let limits = amounts(container.resources.as_ref().and_then(|given| given.limits.as_ref()));
        for (name, limit) in limits {
            if let Some(amount) = held.get(&name).filter(|amount| limit > **amount) {
                let path = path.child("containers").index(index).key(&name).child("limits");
                let why = format!("must be less than or equal to pod limits of {amount}");
                errors.push(Error::invalid(&path, limit.to_string(), why));
            }
        }
    }
}

/// `validateResourceRequirements`; `name` says what is wrong with the name of a resource here.
fn requirements(errors: &mut Errors, path: &Path, given: &ResourceRequirements, name: names::Rule) {
    let (limits, requests) = (path.child("limits"), path.child("requests"));
    let held = [(&limits, amounts(given.limits.as_ref())), (&requests, amounts(given.requests.as_ref()))];
    let [(_, given_limits), _] = &held;
    for (list, given) in &held {
        for (resource, amount) in given {
            let path = list.key(resource);
            name(errors, &path, resource);
            quantity(errors, &path, resource, amount);
            if *list == &requests {
                let limit = given_limits.get(resource);
                compare(errors, &limits, &requests, resource, amount, limit);
            }
            if let Some(size) = resource.strip_prefix("hugepages-") {
                let size = Quantity::parse(size).ok().filter(|size| size.sign() > 0);
                if size.is_none_or(|size| amount.value() % size.value() != 0) {
                    let why = format!("{amount} is not positive integer multiple of {resource}");
                    errors.push(Error::invalid(&path, amount.to_string(), why));
                }
            }
        }
    }
    let any = |is: fn(&str) -> bool| held.iter().any(|(_, given)| given.keys().any(|name| is(name)));
    if any(|name| name.starts_with("hugepages-")) && !any(|name| name == "cpu" || name == "memory") {
        errors.push(Error::forbidden(path, "HugePages require cpu or memory"));
    }
}

/// A request goes up to its limit; what nobody can be given too much of is requested whole.
fn compare(
    errors: &mut Errors,
    limits: &Path,
    requests: &Path,
    name: &str,
    request: &Quantity,
    limit: Option<&Quantity>,
) {
    let divisible = names::is_native(name) && !name.starts_with("hugepages-");
    let why = match limit {
        None if divisible => return,
        None => {
            errors.push(Error::required(limits, "Limit must be set for non overcommitable resources"));
            return;
        }
        Some(limit) if request != limit && !divisible => format!("must be equal to {name} limit of {limit}"),
        Some(limit) if request > limit => format!("must be less than or equal to {name} limit of {limit}"),
        Some(_) => return,
    };
    errors.push(Error::invalid(requests, request.to_string(), why));
}

/// `ValidateResourceQuantityValue`
pub fn quantity(errors: &mut Errors, path: &Path, name: &str, amount: &Quantity) {
    if *amount < Quantity::zero() {
        errors.push(Error::invalid(path, amount.to_string(), "must be greater than or equal to 0"));
    }
    // What is counted in pieces cannot be cut.
    if names::is_counted(name) && amount.milli_value() % 1000 != 0 {
        errors.push(Error::invalid(path, amount.to_string(), "must be an integer"));
    }
}

/// `validateResourceClaimNames`
fn claim_names(errors: &mut Errors, path: &Path, given: &ResourceRequirements, known: &BTreeSet<&str>) {
    let mut seen = BTreeSet::new();
    for (index, claim) in given.claims.iter().flatten().enumerate() {
        let (path, name) = (path.index(index), claim.name.as_str());
        if name.is_empty() {
            errors.push(Error::required(&path, ""));
            continue;
        }
        let request = claim.request.as_deref().unwrap_or_default();
        let key = if request.is_empty() { name.to_owned() } else { format!("{name}/{request}") };
        if !request.is_empty() {
            validate::each(errors, &path.child("request"), request, content::dns1123_label(request));
        }
        let whole_taken = seen.contains(name);
        let part_taken = request.is_empty() && seen.iter().any(|held: &String| held.starts_with(&format!("{name}/")));
        if whole_taken || part_taken || !seen.insert(key.clone()) {
            errors.push(Error::duplicate(&path, if whole_taken || part_taken { name } else { &key }));
        }
        if !known.contains(name) {
            let names = known.iter().copied().collect::<Vec<_>>().join(", ");
            let which = if known.is_empty() { " which is empty".to_owned() } else { format!(": {names}") };
            let mut error = Error::not_found(&path, name);
            error.detail = format!("must be one of the names in pod.spec.resourceClaims{which}");
            errors.push(error);
        }
    }
}
