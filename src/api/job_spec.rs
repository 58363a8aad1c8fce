//! What Jobs and the templates of Jobs share: whether a job spec is acceptable. Knows not which kind holds it.
//!
//! Models Kubernetes 1.36 pkg/apis/batch/validation/validation.go (`validateJobSpec`).

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicyRule,
};
use serde_json::{Value, json};

use crate::api::validate::{self, Errors};
use crate::api::{internal, pod_spec};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: &[&str] = &["In", "NotIn"];
const STATUSES: &[&str] = &["False", "True", "Unknown"];
const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;
const MAX_PARALLELISM_INDEXED: i32 = 100_000;
const MAX_FAILED_INDEXES: i32 = 100_000;
/// Above so many completions, the limits per index are tighter.
const COMPLETIONS_SOFT_LIMIT: i32 = 100_000;
const HIGH_COMPLETIONS_LIMIT: i32 = 10_000;
const MAX_INDEXES_LENGTH: usize = 64 * 1024;
const MAX_MANAGED_BY_LENGTH: usize = 63;

/// `validateJobSpec`
pub fn validate(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    numbers(errors, path, spec);
    if let Some(manager) = &spec.managed_by {
        let at = path.child("managedBy");
        validate::domain_prefixed_path(errors, &at, manager);
        if manager.len() > MAX_MANAGED_BY_LENGTH {
            errors.push(Error::too_long(&at, MAX_MANAGED_BY_LENGTH));
        }
    }
    let mode = spec.completion_mode.as_deref();
    if let Some(mode) = mode.filter(|mode| !["NonIndexed", "Indexed"].contains(mode)) {
        errors.push(Error::not_supported(&path.child("completionMode"), mode, &["NonIndexed", "Indexed"]));
    }
    match mode {
        Some("Indexed") => indexed(errors, path, spec),
        None | Some("NonIndexed") => {
            for (field, value) in
                [("backoffLimitPerIndex", spec.backoff_limit_per_index), ("maxFailedIndexes", spec.max_failed_indexes)]
            {
                if let Some(value) = value {
                    errors.push(Error::invalid(&path.child(field), value, "requires indexed completion mode"));
                }
            }
        }
        Some(_) => {}
    }
    pod_failure_policy(errors, &path.child("podFailurePolicy"), spec);
    if let Some(policy) = &spec.success_policy {
        let at = path.child("successPolicy");
        if mode == Some("Indexed") {
            success_policy(errors, &at, spec);
        } else {
            let write = |policy: &Value| internal::dump("SuccessPolicy", policy);
            errors.push(Error::invalid_as(&at, json!(policy), write, "requires indexed completion mode"));
        }
    }
    if let Some(policy) = spec.pod_replacement_policy.as_deref() {
        let known: &[&str] =
            if spec.pod_failure_policy.is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
        if !known.contains(&policy) {
            errors.push(Error::not_supported(&path.child("podReplacementPolicy"), policy, known));
        }
    }
    pod_spec::validation::template(errors, &path.child("template"), &spec.template);
    restart_policy(errors, &path.child("template").child("spec").child("restartPolicy"), spec);
}

fn restart_policy(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    let policy = spec.template.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or_default();
    match policy {
        // Always is what the server fills in when there is none.
        "Always" | "" => errors.push(Error::required(path, "valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(Error::invalid(path, policy, why));
        }
        "OnFailure" | "Never" => {}
        other => errors.push(Error::not_supported(path, other, &["OnFailure", "Never"])),
    }
}

fn numbers(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    validate::nonnegative_if_set(errors, &path.child("parallelism"), spec.parallelism);
    validate::nonnegative_if_set(errors, &path.child("completions"), spec.completions);
    validate::nonnegative_if_set(errors, &path.child("activeDeadlineSeconds"), spec.active_deadline_seconds);
    validate::nonnegative_if_set(errors, &path.child("backoffLimit"), spec.backoff_limit);
    validate::nonnegative_if_set(errors, &path.child("ttlSecondsAfterFinished"), spec.ttl_seconds_after_finished);
    validate::nonnegative_if_set(errors, &path.child("backoffLimitPerIndex"), spec.backoff_limit_per_index);
    validate::nonnegative_if_set(errors, &path.child("maxFailedIndexes"), spec.max_failed_indexes);
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        errors.push(Error::required(&path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
    }
}

fn indexed(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    if spec.completions.is_none() {
        errors.push(Error::required(&path.child("completions"), "when completion mode is Indexed"));
    }
    let (parallelism, failed) = (path.child("parallelism"), path.child("maxFailedIndexes"));
    if let Some(given) = spec.parallelism.filter(|given| *given > MAX_PARALLELISM_INDEXED) {
        let why = format!("must be less than or equal to {MAX_PARALLELISM_INDEXED} when completion mode is Indexed");
        errors.push(Error::invalid(&parallelism, given, why));
    }
    if let (Some(completions), Some(given)) = (spec.completions, spec.max_failed_indexes)
        && given > completions
    {
        errors.push(Error::invalid(&failed, given, "must be less than or equal to completions"));
    }
    if let Some(given) = spec.max_failed_indexes.filter(|given| *given > MAX_FAILED_INDEXES) {
        let why = format!("must be less than or equal to {MAX_FAILED_INDEXES}");
        errors.push(Error::invalid(&failed, given, why));
    }
    let many = spec.completions.is_some_and(|completions| completions > COMPLETIONS_SOFT_LIMIT);
    if !many || spec.backoff_limit_per_index.is_none() {
        return;
    }
    if spec.max_failed_indexes.is_none() {
        let why = format!("must be specified when completions is above {COMPLETIONS_SOFT_LIMIT}");
        errors.push(Error::required(&failed, why));
    }
    for (at, given) in [(&parallelism, spec.parallelism), (&failed, spec.max_failed_indexes)] {
        if let Some(given) = given.filter(|given| *given > HIGH_COMPLETIONS_LIMIT) {
            let why = format!(
                "must be less than or equal to {HIGH_COMPLETIONS_LIMIT} when completions are above \
                 {COMPLETIONS_SOFT_LIMIT} and used with backoff limit per index"
            );
            errors.push(Error::invalid(at, given, why));
        }
    }
}

/// `valid values: ["In" "NotIn"]`
fn valid_values(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    format!("valid values: [{}]", quoted.join(" "))
}

fn pod_failure_policy(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    let Some(policy) = &spec.pod_failure_policy else { return };
    let rules = path.child("rules");
    if policy.rules.len() > MAX_RULES {
        errors.push(Error::too_many(&rules, policy.rules.len(), MAX_RULES));
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        failure_rule(errors, &rules.index(index), rule, spec);
    }
}

fn failure_rule(errors: &mut Errors, path: &Path, rule: &PodFailurePolicyRule, spec: &JobSpec) {
    let action = path.child("action");
    match rule.action.as_str() {
        "" => errors.push(Error::required(&action, valid_values(ACTIONS))),
        "FailIndex" if spec.backoff_limit_per_index.is_none() => {
            errors.push(Error::invalid(&action, "FailIndex", "requires the backoffLimitPerIndex to be set"));
        }
        known if ACTIONS.contains(&known) => {}
        other => errors.push(Error::not_supported(&action, other, ACTIONS)),
    }
    if let Some(required) = &rule.on_exit_codes {
        exit_codes(errors, &path.child("onExitCodes"), required, spec);
    }
    let patterns = rule.on_pod_conditions.as_deref().unwrap_or_default();
    let at = path.child("onPodConditions");
    if patterns.len() > MAX_RULES {
        errors.push(Error::too_many(&at, patterns.len(), MAX_RULES));
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let at = at.index(index);
        validate::each(errors, &at.child("type"), &pattern.type_, content::label_key(&pattern.type_));
        match pattern.status.as_deref().unwrap_or_default() {
            "" => errors.push(Error::required(&at.child("status"), valid_values(STATUSES))),
            status if STATUSES.contains(&status) => {}
            other => errors.push(Error::not_supported(&at.child("status"), other, STATUSES)),
        }
    }
    let why = match (rule.on_exit_codes.is_some(), !patterns.is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    // The rule itself is not shown.
    errors.push(Error::invalid_shown(path, "", why));
}

fn exit_codes(errors: &mut Errors, path: &Path, given: &PodFailurePolicyOnExitCodesRequirement, spec: &JobSpec) {
    let operator = path.child("operator");
    match given.operator.as_str() {
        "" => errors.push(Error::required(&operator, valid_values(OPERATORS))),
        known if OPERATORS.contains(&known) => {}
        other => errors.push(Error::not_supported(&operator, other, OPERATORS)),
    }
    if let Some(name) = &given.container_name {
        let pod = spec.template.spec.as_ref();
        let containers =
            pod.into_iter().flat_map(|pod| pod.containers.iter().chain(pod.init_containers.iter().flatten()));
        if !containers.into_iter().any(|container| container.name == *name) {
            let why = "must be one of the container or initContainer names in the pod template";
            errors.push(Error::invalid(&path.child("containerName"), name, why));
        }
    }
    let values = path.child("values");
    if given.values.is_empty() {
        errors.push(Error::invalid(&values, &given.values, "at least one value is required"));
    } else if given.values.len() > MAX_EXIT_CODES {
        errors.push(Error::too_many(&values, given.values.len(), MAX_EXIT_CODES));
    }
    let mut seen = BTreeSet::new();
    for (index, code) in given.values.iter().enumerate() {
        if given.operator == "In" && *code == 0 {
            errors.push(Error::invalid(&values.index(index), code, "must not be 0 for the In operator"));
        }
        if !seen.insert(code) {
            errors.push(Error::duplicate(&values.index(index), code));
        }
    }
    if !given.values.is_sorted() {
        errors.push(Error::invalid(&values, &given.values, "must be ordered"));
    }
}

fn success_policy(errors: &mut Errors, path: &Path, spec: &JobSpec) {
    let Some(policy) = &spec.success_policy else { return };
    let rules = path.child("rules");
    if policy.rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        errors.push(Error::required(&rules, why));
    }
    if policy.rules.len() > MAX_RULES {
        errors.push(Error::too_many(&rules, policy.rules.len(), MAX_RULES));
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        success_rule(errors, &rules.index(index), rule, spec.completions.unwrap_or(0));
    }
}

fn success_rule(errors: &mut Errors, path: &Path, rule: &SuccessPolicyRule, completions: i32) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let why = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(Error::required(path, why));
    }
    let mut total = 0;
    if let Some(indexes) = &rule.succeeded_indexes {
        let at = path.child("succeededIndexes");
        if indexes.len() > MAX_INDEXES_LENGTH {
            errors.push(Error::too_long(&at, MAX_INDEXES_LENGTH));
        }
        match count_indexes(indexes, completions) {
            Ok(count) => total = count,
            Err(why) => {
                errors.push(Error::invalid(&at, indexes, format!("error parsing succeededIndexes: {why}")));
            }
        }
    }
    if let Some(count) = rule.succeeded_count {
        let at = path.child("succeededCount");
        validate::nonnegative(errors, &at, count);
        if count > completions {
            let why = format!("must be less than or equal to {completions} (the number of specified completions)");
            errors.push(Error::invalid(&at, count, why));
        }
        if rule.succeeded_indexes.is_some() && count > total {
            let why = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(Error::invalid(&at, count, why));
        }
    }
}

/// How many indexes a text such as `0,2-4` names (`validateIndexesFormat`).
pub fn count_indexes(text: &str, completions: i32) -> Result<i32, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let mut last: Option<i32> = None;
    let mut total = 0;
    for interval in text.split(',') {
        let (start, end) = interval_of(interval, completions)?;
        if let Some(last) = last.filter(|last| *last >= start) {
            return Err(format!("non-increasing order, previous: {last}, current: {start}"));
        }
        total += end - start + 1;
        last = Some(end);
    }
    Ok(total)
}

/// The first and the last index of `2-4` or `2` (`parseIndexInterval`).
fn interval_of(interval: &str, completions: i32) -> Result<(i32, i32), String> {
    let (first, second) = interval.split_once('-').map_or((interval, None), |(first, second)| (first, Some(second)));
    if second.is_some_and(|second| second.contains('-')) {
        return Err(format!(
            "the fragment {interval:?} violates the requirement that an index interval can have at most two parts separated by '-'"
        ));
    }
    let number = |text: &str| {
        let number: i32 = text.parse().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions { Err(format!("too large index: {text:?}")) } else { Ok(number) }
    };
    let start = number(first)?;
    let end = second.map_or(Ok(start), number)?;
    if second.is_some() && end <= start {
        return Err(format!("non-increasing order, previous: {start}, current: {end}"));
    }
    Ok((start, end))
}

/// The first index that two texts such as `0,2-4` have in common; what cannot be read has none
/// (`validateFailedIndexesNotOverlapCompleted`).
pub fn first_common_index(one: &str, other: &str, completions: i32) -> Option<i32> {
    let intervals = |text: &str| -> Vec<(i32, i32)> {
        text.split(',').filter_map(|interval| interval_of(interval, completions).ok()).collect()
    };
    let (one, other) = (intervals(one), intervals(other));
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    while let (Some((start, end)), Some((other_start, other_end))) = (left.peek(), right.peek()) {
        if start <= other_end && other_start <= end {
            return Some(*start.max(other_start));
        }
        if start <= other_start {
            left.next()
        } else {
            right.next()
        };
    }
    None
}
