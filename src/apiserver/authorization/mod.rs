//! May somebody do something.
//!
//! Models Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/rbac.go and
//! staging/src/k8s.io/apiserver/pkg/endpoints/filters/authorization.go.

mod roles;
mod wish;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::{ApiServer, Caller};
use crate::apimachinery::Status;

pub(super) use roles::{break_down, compact, rules};
pub(super) use wish::Wish;

/// Members may do everything, whatever the roles say.
const MASTERS: &str = "system:masters";

/// Whether somebody may do everything, whatever the roles say.
pub(super) fn is_master(caller: &Caller) -> bool {
    caller.groups.iter().any(|group| &**group == MASTERS)
}

/// Refuses what the caller may not do.
pub(super) fn of_caller(server: &ApiServer, caller: &Caller, wish: &Wish) -> Result<(), Status> {
    let groups: Vec<&str> = caller.groups.iter().map(|group| &**group).collect();
    match decide(server, &caller.user, &groups, wish) {
        Decision::Allowed(_) => Ok(()),
        Decision::No(reason) => {
            let mut refusal = wish.refusal(&caller.user);
            if !reason.is_empty() {
                refusal.message.push_str(&format!(": {reason}"));
            }
            Err(refusal)
        }
    }
}

/// An answer to a wish, with the reason.
pub(super) enum Decision {
    /// Which binding allows it; empty when none is needed.
    Allowed(String),
    /// What went wrong with looking, if anything.
    No(String),
}

/// Whether a user may do what they wish.
pub(super) fn decide(server: &ApiServer, user: &str, groups: &[&str], wish: &Wish) -> Decision {
    if groups.contains(&MASTERS) {
        return Decision::Allowed(String::new());
    }
    let (mut by, mut wrong) = (None, Vec::new());
    roles::visit(server, user, groups, &wish.namespace, &mut |found| match found {
        Ok((binding, rule)) => {
            if roles::covers(rule, wish) {
                by = Some(format!("RBAC: allowed by {}", binding()));
            }
            by.is_none()
        }
        Err(missing) => {
            if !wrong.contains(&missing) {
                wrong.push(missing);
            }
            true
        }
    });
    match (by, wrong.as_slice()) {
        (Some(by), _) => Decision::Allowed(by),
        (None, []) => Decision::No(String::new()),
        (None, [one]) => Decision::No(format!("RBAC: {one}")),
        (None, many) => Decision::No(format!("RBAC: [{}]", many.join(", "))),
    }
}

/// Every rule that the caller holds in a namespace, or in the whole cluster when it is empty.
pub(super) fn rules_of(server: &ApiServer, caller: &Caller, namespace: &str) -> Vec<PolicyRule> {
    let groups: Vec<&str> = caller.groups.iter().map(|group| &**group).collect();
    let mut all = Vec::new();
    roles::visit(server, &caller.user, &groups, namespace, &mut |found| {
        all.extend(found.ok().map(|(_, rule)| rule.clone()));
        true
    });
    all
}
