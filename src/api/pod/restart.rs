//! Whether a container that has ended is started again, by the Pod's policy, its own, and its rules about exit codes.
//!
//! Models Kubernetes 1.36 pkg/api/v1/pod/util.go (ContainerShouldRestart, FindMatchingContainerRestartRule,
//! AllContainersCouldRestart).

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// The action of a rule that starts all containers of a Pod again.
const RESTART_ALL: &str = "RestartAllContainers";

/// The action of the first of a container's own rules that names an exit code.
fn rule_for(container: &Container, exit_code: i32) -> Option<&str> {
    let rules = container.restart_policy_rules.iter().flatten();
    let mut matching = rules.filter(|rule| {
        rule.exit_codes.as_ref().is_some_and(|codes| {
            let listed = codes.values.iter().flatten().any(|code| *code == exit_code);
            match codes.operator.as_str() {
                "In" => listed,
                "NotIn" => !listed,
                _ => false,
            }
        })
    });
    matching.next().map(|rule| rule.action.as_str())
}

/// Whether a container that has ended with this code is started again.
pub fn restarts(container: &Container, spec: &PodSpec, exit_code: i32) -> bool {
    if let Some(policy) = container.restart_policy.as_deref() {
        return match (rule_for(container, exit_code), policy) {
            (Some("Restart" | RESTART_ALL), _) | (_, "Always") => true,
            (_, "OnFailure") => exit_code != 0,
            _ => false,
        };
    }
    match spec.restart_policy.as_deref().unwrap_or("Always") {
        "Always" => true,
        "OnFailure" => exit_code != 0,
        _ => false,
    }
}

/// Whether a container with this exit code starts all of the Pod's again.
pub fn restarts_all(container: &Container, exit_code: i32) -> bool {
    rule_for(container, exit_code) == Some(RESTART_ALL)
}

/// Whether some rule of a Pod could start all of its containers again.
pub fn could_restart_all(spec: &PodSpec) -> bool {
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.flat_map(|container| container.restart_policy_rules.iter().flatten()).any(|rule| rule.action == RESTART_ALL)
}
