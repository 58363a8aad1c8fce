//! What a Job's `podFailurePolicy` says of a failed Pod.
//!
//! Refuses to act: it only finds the first rule that matches.
//! Models Kubernetes 1.36 pkg/controller/job/pod_failure_policy.go.

use k8s_openapi::api::batch::v1::{
    PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};

use crate::apimachinery::meta;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The Job fails.
    FailJob,
    /// The Pod's index fails.
    FailIndex,
    /// The failure does not count.
    Ignore,
    /// The failure counts as usual.
    Count,
}

/// What the policy says of one Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why the Job has to fail, when it has to.
    pub fail_job: Option<String>,
    /// Whether the failure counts towards the limits.
    pub counts: bool,
    /// The action of the rule that matched.
    pub action: Option<Action>,
}

/// Finds the first rule that matches a failed Pod.
pub fn match_pod_failure_policy(policy: Option<&PodFailurePolicy>, pod: &Pod) -> Verdict {
    let none = Verdict { fail_job: None, counts: true, action: None };
    let Some(policy) = policy else { return none };
    for (index, rule) in policy.rules.iter().enumerate() {
        let subject = if let Some(requirement) = &rule.on_exit_codes {
            exit_code_subject(pod, requirement)
        } else {
            rule.on_pod_conditions.as_ref().and_then(|patterns| condition_subject(pod, patterns))
        };
        let Some(subject) = subject else { continue };
        return match rule.action.as_str() {
            "Ignore" => Verdict { fail_job: None, counts: false, action: Some(Action::Ignore) },
            "FailIndex" => Verdict { action: Some(Action::FailIndex), ..none },
            "Count" => Verdict { action: Some(Action::Count), ..none },
            "FailJob" => {
                let message = format!("{subject} matching FailJob rule at index {index}");
                Verdict { fail_job: Some(message), counts: true, action: Some(Action::FailJob) }
            }
            // An action of a later version: the rule is skipped.
            _ => continue,
        };
    }
    none
}

fn place(pod: &Pod) -> String {
    format!("{}/{}", meta::namespace(&pod.metadata), meta::name(&pod.metadata))
}

fn exit_code_subject(pod: &Pod, requirement: &PodFailurePolicyOnExitCodesRequirement) -> Option<String> {
    let status = pod.status.as_ref()?;
    let mut containers =
        status.container_statuses.iter().flatten().chain(status.init_container_statuses.iter().flatten());
    let (name, code) = containers.find_map(|container| matching_exit(container, requirement))?;
    Some(format!("Container {name} for pod {} failed with exit code {code}", place(pod)))
}

fn matching_exit<'a>(
    container: &'a ContainerStatus,
    requirement: &PodFailurePolicyOnExitCodesRequirement,
) -> Option<(&'a str, i32)> {
    let code = container.state.as_ref()?.terminated.as_ref()?.exit_code;
    if requirement.container_name.as_ref().is_some_and(|name| *name != container.name) || code == 0 {
        return None;
    }
    let listed = requirement.values.contains(&code);
    let matches = match requirement.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        _ => false,
    };
    matches.then_some((container.name.as_str(), code))
}

fn condition_subject(pod: &Pod, patterns: &[PodFailurePolicyOnPodConditionsPattern]) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let matches = |condition: &&PodCondition| {
        patterns.iter().any(|pattern| {
            pattern.type_ == condition.type_ && pattern.status.as_deref().unwrap_or("True") == condition.status
        })
    };
    let condition = conditions.iter().find(matches)?;
    Some(format!("Pod {} has condition {}", place(pod), condition.type_))
}
