//! Whether a Job's `successPolicy` is met by the indexes that have succeeded.
//!
//! Refuses to look at Pods: it compares sets of indexes.
//! Models Kubernetes 1.36 pkg/controller/job/success_policy.go.

use k8s_openapi::api::batch::v1::SuccessPolicy;

use super::intervals::Intervals;

/// The message of the condition when a rule is met.
pub fn match_success_policy(policy: Option<&SuccessPolicy>, completions: i64, succeeded: &Intervals) -> Option<String> {
    let policy = policy.filter(|_| !succeeded.is_empty())?;
    let met = policy.rules.iter().position(|rule| match &rule.succeeded_indexes {
        Some(indexes) => {
            let required = Intervals::parse(indexes, completions);
            !required.is_empty() && is_rule_met(&required, succeeded, rule.succeeded_count)
        }
        None => rule.succeeded_count.is_some_and(|count| succeeded.total() >= i64::from(count)),
    })?;
    Some(format!("Matched rules at index {met}"))
}

fn is_rule_met(required: &Intervals, succeeded: &Intervals, count: Option<i32>) -> bool {
    let contained = required.overlap(succeeded);
    contained == required.total() || count.is_some_and(|count| contained >= i64::from(count))
}
