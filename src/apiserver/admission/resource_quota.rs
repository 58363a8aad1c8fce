//! Quotas: whether there is room for an object, and the charge for it.
//!
//! Refuses to count what is there: that is the controller's, which also gives back what has gone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, ResourceQuota};

use super::Attributes;
use crate::api::pod_resources::{self, Amounts, amounts};
use crate::api::quota;
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{Object, Status, meta};

/// Charges every quota of the namespace that counts the object, unless one has no room.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    if !attributes.info.namespaced || !counts_now(attributes, object) {
        return Ok(());
    }
    let (store, namespace) = (attributes.store, meta::namespace(object.meta()));
    let held = store.list("resourcequotas", Some(namespace));
    let quotas: Vec<&ResourceQuota> = held.filter_map(|object| object.as_any().downcast_ref()).collect();
    if quotas.is_empty() {
        return Ok(());
    }
    let asked = quota::usage(object, attributes.now);
    let before = attributes.old.map(|old| (old, quota::usage(old, attributes.now)));
    for held in quotas.into_iter().filter(|held| quota::matches(held, object)) {
        let status = held.status.clone().unwrap_or_default();
        let (hard, used) = (amounts(status.hard.as_ref()), amounts(status.used.as_ref()));
        let name = meta::name(&held.metadata);
        let counted: BTreeSet<String> =
            hard.keys().filter(|name| quota::is_about(attributes.info.resource, name)).cloned().collect();
        if let Some(missing) = object.as_any().downcast_ref::<Pod>().and_then(|pod| quota::missing(pod, &counted)) {
            return Err(attributes.forbidden(object, &format!("failed quota: {name}: {missing}")));
        }
        if counted.iter().any(|resource| !used.contains_key(resource)) {
            let names: Vec<&str> = counted.iter().map(String::as_str).collect();
            let why = format!("status unknown for quota: {name}, resources: {}", names.join(","));
            return Err(attributes.forbidden(object, &why));
        }
        let negative: Vec<&str> =
            asked.iter().filter(|(_, amount)| amount.sign() < 0).map(|(name, _)| name.as_str()).collect();
        if !negative.is_empty() {
            let why = format!("quota usage is negative for resource(s): {}", negative.join(","));
            return Err(attributes.forbidden(object, &why));
        }
        let mut requested = asked.clone();
        if let Some((_, before)) = before.as_ref().filter(|(old, _)| quota::matches(held, *old)) {
            for (name, amount) in &mut requested {
                let more = before.get(name).map_or(*amount, |before| amount.minus(before));
                *amount = if more.sign() > 0 { more } else { Quantity::zero() };
            }
        }
        requested.retain(|name, amount| !amount.is_zero() && hard.contains_key(name));
        if requested.is_empty() {
            continue;
        }
        let mut total = used.clone();
        pod_resources::add(&mut total, &requested);
        let exceeded: BTreeSet<&String> = requested.keys().filter(|name| total.get(*name) > hard.get(*name)).collect();
        if !exceeded.is_empty() {
            let shown = |all: &Amounts| {
                let of = all.iter().filter(|(name, _)| exceeded.contains(name));
                of.map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(",")
            };
            let (requested, used, limited) = (shown(&requested), shown(&used), shown(&hard));
            let why = format!("exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}");
            return Err(attributes.forbidden(object, &why));
        }
        let mut charged = held.clone();
        charged.status.get_or_insert_default().used = Some(pod_resources::texts(&total));
        attributes.along.push(Box::new(charged));
    }
    Ok(())
}

/// Whether this write can take room at all (`Handles`): new objects, and changes of what may grow.
fn counts_now(attributes: &Attributes<'_>, object: &dyn Object) -> bool {
    let Some(old) = attributes.old.filter(|_| attributes.subresource != "resize") else { return true };
    match (old.as_any().downcast_ref::<Pod>(), object.as_any().downcast_ref::<Pod>()) {
        (Some(old), Some(pod)) => quota::is_terminating(old) != quota::is_terminating(pod),
        _ => matches!(object.resource(), "services" | "persistentvolumeclaims"),
    }
}
