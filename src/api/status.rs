//! What the statuses of several kinds have in common: counts that are no less than nothing and no more than the whole,
//! conditions in order, addresses of Pods and balancers.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`Validate*StatusUpdate`),
//! staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go (`ValidateConditions`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::Value;

use super::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, ErrorKind, Path};

/// A count of a status: its field, how many, and whether the whole bounds it.
pub type Count = (&'static str, Option<i64>, bool);

/// A 32-bit count that the whole does not bound.
pub fn free(field: &'static str, count: Option<i32>) -> Count {
    (field, count.map(i64::from), false)
}

/// A 32-bit count of some of the replicas.
pub fn part(field: &'static str, count: Option<i32>) -> Count {
    (field, count.map(i64::from), true)
}

/// No count is negative; none of the parts is more than `replicas`, and no more are available than `ready` ones, which
/// `ready` names.
pub fn counts(errors: &mut Errors, all: &[Count], whole: Option<i32>, ready: &str) {
    let path = Path::new("status");
    for (field, count, _) in all {
        validate::nonnegative(errors, &path.child(field), count.unwrap_or_default());
    }
    let of = |name: &str| all.iter().find(|(field, ..)| *field == name).and_then(|(_, count, _)| *count).unwrap_or(0);
    let Some(whole) = whole else { return };
    for (field, count, _) in all.iter().filter(|(_, _, is_part)| *is_part) {
        let count = count.unwrap_or_default();
        if count > i64::from(whole) {
            errors.push(Error::invalid(&path.child(field), count, "cannot be greater than status.replicas"));
        }
    }
    let available = of("availableReplicas");
    if available > of("readyReplicas") {
        let why = format!("cannot be greater than {ready}");
        errors.push(Error::invalid(&path.child("availableReplicas"), available, why));
    }
}

/// Collisions of hashes are counted on and on (`IsDecremented`).
pub fn collisions(errors: &mut Errors, new: Option<i32>, old: Option<i32>) {
    if old.is_some_and(|old| new.is_none_or(|new| new < old)) {
        let path = Path::new("status").child("collisionCount");
        errors.push(Error::invalid(&path, new.unwrap_or_default(), "cannot be decremented"));
    }
}

/// `ValidateConditions`
pub fn conditions(errors: &mut Errors, path: &Path, conditions: &[Condition]) {
    for (index, condition) in conditions.iter().enumerate() {
        let at = path.index(index);
        if conditions.iter().take(index).any(|earlier| earlier.type_ == condition.type_) {
            errors.push(Error::duplicate(&at.child("type"), &condition.type_));
        }
        validate::each(errors, &at.child("type"), &condition.type_, content::label_key(&condition.type_));
        validate::supported(errors, &at.child("status"), Some(&condition.status), &["False", "True", "Unknown"]);
        if let Some(generation) = condition.observed_generation.filter(|generation| *generation < 0) {
            let why = "must be greater than or equal to zero";
            errors.push(Error::invalid(&at.child("observedGeneration"), generation, why));
        }
        let reason = condition.reason.as_str();
        if reason.is_empty() {
            errors.push(Error::required(&at.child("reason"), ""));
        } else if !is_reason(reason) {
            errors.push(Error::invalid(&at.child("reason"), reason, REASON));
        }
    }
}

const REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of \
    alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or \
    'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is \
    '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

fn is_reason(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(word)
        && text.chars().all(|c| word(c) || matches!(c, ',' | ':'))
}

/// Addresses of one thing: good ones, of two families at most (`validatePodIPs`). `shown` is how errors show them.
pub fn addresses(errors: &mut Errors, path: &Path, addresses: &[&str], shown: &Value) {
    for (index, address) in addresses.iter().enumerate() {
        validate::address(errors, &path.index(index), address);
    }
    if addresses.len() < 2 {
        return;
    }
    if let Some((index, bad)) = addresses.iter().enumerate().find(|(_, address)| !validate::is_ip_address(address)) {
        let why = format!("failed to check for dual stack with error:invalid IP[{index}]: {bad}");
        let mut fault = Error::forbidden(path, why);
        fault.kind = ErrorKind::Internal;
        errors.push(fault);
    }
    let sixes = addresses.iter().filter(|address| address.contains(':')).count();
    if addresses.len() > 2 || sixes != 1 {
        let why = "may specify no more than one IP for each IP family";
        errors.push(Error::invalid_shown(path, crate::text::go_json::to_compact(shown), why));
    }
}

/// Where a balancer is: a good address, a name that is none.
pub fn balancer(errors: &mut Errors, path: &Path, address: Option<&str>, name: Option<&str>) {
    if let Some(address) = address.filter(|address| !address.is_empty()) {
        validate::address(errors, &path.child("ip"), address);
    }
    balancer_name(errors, &path.child("hostname"), name);
}

/// The name of a balancer is a name.
pub fn balancer_name(errors: &mut Errors, path: &Path, name: Option<&str>) {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return };
    validate::each(errors, path, name, content::dns1123_subdomain(name));
    if validate::is_ip_address(name) {
        errors.push(Error::invalid(path, name, "must be a DNS name, not an IP address"));
    }
}
