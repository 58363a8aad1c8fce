//! The checks of the two levels, in the order in which their findings are told.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/pod-security-admission/policy. Of older versions of a check only its
//! absence is kept.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec, SecurityContext};

use super::{Level, Policy};

/// What was found, and where.
pub(super) type Violation = (String, String);
type Check = fn(&PodSpec) -> Option<Violation>;

/// A level, the first minor version that has the check, and the check.
const CHECKS: &[(Level, u32, Check)] = &[
    (Level::Baseline, 0, app_armor),
    (Level::Baseline, 0, added_capabilities),
    (Level::Baseline, 0, host_namespaces),
    (Level::Baseline, 0, host_paths),
    (Level::Baseline, 0, host_ports),
    (Level::Baseline, 34, probe_hosts),
    (Level::Baseline, 0, privileged),
    (Level::Baseline, 0, proc_mount),
    (Level::Baseline, 0, se_linux),
    (Level::Baseline, 19, seccomp),
    (Level::Baseline, 0, sysctls),
    (Level::Baseline, 0, host_process),
    (Level::Restricted, 8, privilege_escalation),
    (Level::Restricted, 22, dropped_capabilities),
    (Level::Restricted, 0, volumes),
    (Level::Restricted, 0, non_root),
    (Level::Restricted, 23, user),
    (Level::Restricted, 19, seccomp_required),
];

/// What a Pod would do that the policy forbids.
pub(super) fn violations(policy: Policy, spec: &PodSpec) -> Vec<Violation> {
    let minor = policy.minor.unwrap_or(u32::MAX);
    // The stricter of two checks of one thing stands for both.
    let replaced = |index: usize| {
        policy.level == Level::Restricted
            && match index {
                1 => minor >= 22,
                3 => true,
                9 => minor >= 19,
                _ => false,
            }
    };
    let applies = |index: usize, level: Level, since: u32| level <= policy.level && minor >= since && !replaced(index);
    let mut found = Vec::new();
    for (index, (level, since, check)) in CHECKS.iter().enumerate() {
        if applies(index, *level, *since) {
            found.extend(check(spec));
        }
    }
    found
}

/// `host namespaces (hostNetwork=true), privileged (container "c" must not ...)`
pub(super) fn details(found: &[Violation]) -> String {
    let texts: Vec<String> = found
        .iter()
        .map(|(reason, detail)| if detail.is_empty() { reason.clone() } else { format!("{reason} ({detail})") })
        .collect();
    texts.join(", ")
}

fn violation(reason: &str, detail: String) -> Option<Violation> {
    Some((reason.to_owned(), detail))
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

/// The names of the containers whose security context is so; one without a context is asked too.
fn bad(spec: &PodSpec, is: impl Fn(&SecurityContext) -> bool) -> Vec<&str> {
    let none = SecurityContext::default();
    let wrong = containers(spec).filter(|container| is(container.security_context.as_ref().unwrap_or(&none)));
    wrong.map(|container| container.name.as_str()).collect()
}

fn quoted<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| format!("\"{}\"", item.as_ref())).collect();
    texts.join(", ")
}

fn plural<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

/// `container "a"`, `containers "a", "b"`
fn named(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names))
}

/// `pod and container "a"`
fn setters(pod: bool, names: &[&str]) -> Option<String> {
    let of_pod = pod.then(|| "pod".to_owned());
    let of_containers = (!names.is_empty()).then(|| named(names));
    let all: Vec<String> = of_pod.into_iter().chain(of_containers).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// Pods with users of their own may do what is harmless there.
fn has_own_users(spec: &PodSpec) -> bool {
    spec.host_users == Some(false)
}

fn is_windows(spec: &PodSpec) -> bool {
    spec.os.as_ref().is_some_and(|os| os.name == "windows")
}

fn app_armor(spec: &PodSpec) -> Option<Violation> {
    let mut values = BTreeSet::new();
    let mut is_bad = |kind: Option<&String>| {
        let wrong = kind.filter(|kind| !["RuntimeDefault", "Localhost"].contains(&kind.as_str()));
        values.extend(wrong.cloned());
        wrong.is_some()
    };
    let pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    let pod = is_bad(pod.map(|profile| &profile.type_));
    let mut names = Vec::new();
    for container in containers(spec) {
        let profile = container.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
        if is_bad(profile.map(|profile| &profile.type_)) {
            names.push(container.name.as_str());
        }
    }
    let who = setters(pod, &names)?;
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len());
    violation(reason, format!("{who} must not set AppArmor profile type to {}", quoted(values)))
}

const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Who adds capabilities beyond these, and which.
fn adders<'a>(spec: &'a PodSpec, allowed: &[&str]) -> (Vec<&'a str>, BTreeSet<String>) {
    let added = |context: &SecurityContext| {
        let added = context.capabilities.as_ref().and_then(|held| held.add.clone()).unwrap_or_default();
        added.into_iter().filter(|name| !allowed.contains(&name.as_str())).collect::<Vec<_>>()
    };
    let contexts = containers(spec).filter_map(|container| container.security_context.as_ref());
    (bad(spec, |context| !added(context).is_empty()), contexts.flat_map(added).collect())
}

fn added_capabilities(spec: &PodSpec) -> Option<Violation> {
    let (names, added) = adders(spec, DEFAULT_CAPABILITIES);
    if names.is_empty() {
        return None;
    }
    let detail = format!("{} must not include {} in securityContext.capabilities.add", named(&names), quoted(added));
    violation("non-default capabilities", detail)
}

fn dropped_capabilities(spec: &PodSpec) -> Option<Violation> {
    if is_windows(spec) {
        return None;
    }
    let keeps = bad(spec, |context| {
        let dropped = context.capabilities.as_ref().and_then(|held| held.drop.as_ref());
        !dropped.is_some_and(|dropped| dropped.iter().any(|name| name == "ALL"))
    });
    let (adds, added) = adders(spec, &["NET_BIND_SERVICE"]);
    let mut details = Vec::new();
    if !keeps.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", named(&keeps)));
    }
    if !adds.is_empty() {
        let added = quoted(added);
        details.push(format!("{} must not include {added} in securityContext.capabilities.add", named(&adds)));
    }
    if details.is_empty() { None } else { violation("unrestricted capabilities", details.join("; ")) }
}

fn host_namespaces(spec: &PodSpec) -> Option<Violation> {
    let shared = [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)];
    let texts: Vec<String> =
        shared.iter().filter(|(_, set)| *set == Some(true)).map(|(name, _)| format!("{name}=true")).collect();
    if texts.is_empty() { None } else { violation("host namespaces", texts.join(", ")) }
}

fn host_paths(spec: &PodSpec) -> Option<Violation> {
    let names: Vec<&str> = spec
        .volumes
        .iter()
        .flatten()
        .filter(|volume| volume.host_path.is_some())
        .map(|volume| volume.name.as_str())
        .collect();
    if names.is_empty() {
        return None;
    }
    violation("hostPath volumes", format!("{} {}", plural("volume", "volumes", names.len()), quoted(names)))
}

fn host_ports(spec: &PodSpec) -> Option<Violation> {
    let (mut names, mut ports) = (Vec::new(), BTreeSet::new());
    for container in containers(spec) {
        let taken = container.ports.iter().flatten().filter_map(|port| port.host_port.filter(|port| *port != 0));
        let taken: Vec<String> = taken.map(|port| port.to_string()).collect();
        if !taken.is_empty() {
            names.push(container.name.as_str());
            ports.extend(taken);
        }
    }
    if names.is_empty() {
        return None;
    }
    let (uses, what) = (plural("uses", "use", names.len()), plural("hostPort", "hostPorts", ports.len()));
    let ports: Vec<String> = ports.into_iter().collect();
    violation("hostPort", format!("{} {uses} {what} {}", named(&names), ports.join(", ")))
}

fn probe_hosts(spec: &PodSpec) -> Option<Violation> {
    let (mut names, mut hosts) = (BTreeSet::new(), BTreeSet::new());
    for container in containers(spec) {
        let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
        let probes = probes.into_iter().flatten().map(|probe| (&probe.http_get, &probe.tcp_socket));
        let lifecycle = container.lifecycle.as_ref();
        let hooks = lifecycle.into_iter().flat_map(|held| [&held.post_start, &held.pre_stop]).flatten();
        let hooks = hooks.map(|hook| (&hook.http_get, &hook.tcp_socket));
        for (http, tcp) in probes.chain(hooks) {
            let given = [http.as_ref().and_then(|get| get.host.clone()), tcp.as_ref().and_then(|tcp| tcp.host.clone())];
            for host in given.into_iter().flatten().filter(|host| !host.is_empty()) {
                names.insert(container.name.as_str());
                hosts.insert(host);
            }
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        return None;
    }
    let uses = plural("uses", "use", names.len());
    let what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len());
    violation("probe or lifecycle host", format!("{} {uses} {what} {}", named(&names), quoted(hosts)))
}

fn privileged(spec: &PodSpec) -> Option<Violation> {
    let names = bad(spec, |context| context.privileged == Some(true));
    if names.is_empty() {
        return None;
    }
    violation("privileged", format!("{} must not set securityContext.privileged=true", named(&names)))
}

fn proc_mount(spec: &PodSpec) -> Option<Violation> {
    let given = |context: &SecurityContext| context.proc_mount.clone().filter(|kind| kind != "Default");
    let names = bad(spec, |context| given(context).is_some());
    if names.is_empty() {
        return None;
    }
    let kinds: BTreeSet<String> =
        containers(spec).filter_map(|container| given(container.security_context.as_ref()?)).collect();
    violation("procMount", format!("{} must not set securityContext.procMount to {}", named(&names), quoted(kinds)))
}

fn se_linux(spec: &PodSpec) -> Option<Violation> {
    const ALLOWED: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let (mut types, mut user, mut role) = (BTreeSet::new(), false, false);
    let mut is_bad = |options: Option<&k8s_openapi::api::core::v1::SELinuxOptions>| {
        let Some(options) = options else { return false };
        let kind = options.type_.clone().unwrap_or_default();
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        let (has_type, has_user, has_role) =
            (!ALLOWED.contains(&kind.as_str()), given(&options.user), given(&options.role));
        if has_type {
            types.insert(kind);
        }
        user |= has_user;
        role |= has_role;
        has_type || has_user || has_role
    };
    let pod = is_bad(spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref()));
    let mut names = Vec::new();
    for container in containers(spec) {
        if is_bad(container.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref())) {
            names.push(container.name.as_str());
        }
    }
    let who = setters(pod, &names)?;
    let mut wrong = Vec::new();
    if !types.is_empty() {
        wrong.push(format!("{} {}", plural("type", "types", types.len()), quoted(types)));
    }
    wrong.extend(user.then(|| "user may not be set".to_owned()));
    wrong.extend(role.then(|| "role may not be set".to_owned()));
    let detail = format!("{who} set forbidden securityContext.seLinuxOptions: {}", wrong.join("; "));
    violation("seLinuxOptions", detail)
}

/// Who sets a seccomp profile that is none, and who sets none at all where the Pod does not either.
fn seccomp_profiles(spec: &PodSpec) -> (Option<Violation>, Vec<&str>) {
    let is_fine = |kind: &str| matches!(kind, "Localhost" | "RuntimeDefault");
    let of_pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    let of_pod = of_pod.map(|profile| profile.type_.clone());
    let of = |context: &SecurityContext| context.seccomp_profile.as_ref().map(|profile| profile.type_.clone());
    let names = bad(spec, |context| of(context).is_some_and(|kind| !is_fine(&kind)));
    let of_containers = containers(spec).filter_map(|container| of(container.security_context.as_ref()?));
    let values: BTreeSet<String> = of_pod.iter().cloned().chain(of_containers).filter(|kind| !is_fine(kind)).collect();
    let pod_is_bad = of_pod.as_deref().is_some_and(|kind| !is_fine(kind));
    let wrong = setters(pod_is_bad, &names).and_then(|who| {
        let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", quoted(values));
        violation("seccompProfile", detail)
    });
    let covered = of_pod.as_deref().is_some_and(is_fine);
    let open = if covered { Vec::new() } else { bad(spec, |context| of(context).is_none()) };
    (wrong, open)
}

fn seccomp(spec: &PodSpec) -> Option<Violation> {
    seccomp_profiles(spec).0
}

fn seccomp_required(spec: &PodSpec) -> Option<Violation> {
    if is_windows(spec) {
        return None;
    }
    let (wrong, open) = seccomp_profiles(spec);
    if wrong.is_some() || open.is_empty() {
        return wrong;
    }
    let who = named(&open);
    let detail =
        format!("pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"");
    violation("seccompProfile", detail)
}

fn sysctls(spec: &PodSpec) -> Option<Violation> {
    const ALLOWED: &[&str] = &[
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    ];
    let held = spec.security_context.as_ref().and_then(|context| context.sysctls.as_ref());
    let names: Vec<&str> =
        held.into_iter().flatten().map(|sysctl| sysctl.name.as_str()).filter(|name| !ALLOWED.contains(name)).collect();
    if names.is_empty() { None } else { violation("forbidden sysctls", names.join(", ")) }
}

fn host_process(spec: &PodSpec) -> Option<Violation> {
    let pod = spec.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
    let pod = pod.is_some_and(|options| options.host_process == Some(true));
    let names =
        bad(spec, |context| context.windows_options.as_ref().is_some_and(|held| held.host_process == Some(true)));
    let who = setters(pod, &names)?;
    violation("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true"))
}

fn privilege_escalation(spec: &PodSpec) -> Option<Violation> {
    if is_windows(spec) {
        return None;
    }
    let names = bad(spec, |context| context.allow_privilege_escalation != Some(false));
    if names.is_empty() {
        return None;
    }
    let detail = format!("{} must set securityContext.allowPrivilegeEscalation=false", named(&names));
    violation("allowPrivilegeEscalation != false", detail)
}

fn volumes(spec: &PodSpec) -> Option<Violation> {
    let (mut names, mut kinds) = (Vec::new(), BTreeSet::new());
    for volume in spec.volumes.iter().flatten() {
        let fine = [
            volume.config_map.is_some(),
            volume.csi.is_some(),
            volume.downward_api.is_some(),
            volume.empty_dir.is_some(),
            volume.ephemeral.is_some(),
            volume.image.is_some(),
            volume.persistent_volume_claim.is_some(),
            volume.projected.is_some(),
            volume.secret.is_some(),
        ];
        if fine.contains(&true) {
            continue;
        }
        names.push(volume.name.as_str());
        // Whatever else it is, is its kind.
        let held = serde_json::to_value(volume).unwrap_or_default();
        let kind = held.as_object().and_then(|held| held.keys().find(|key| *key != "name").cloned());
        kinds.insert(kind.unwrap_or_else(|| "unknown".to_owned()));
    }
    if names.is_empty() {
        return None;
    }
    let (which, uses) = (plural("volume", "volumes", names.len()), plural("uses", "use", names.len()));
    let what = plural("restricted volume type", "restricted volume types", kinds.len());
    violation("restricted volume types", format!("{which} {} {uses} {what} {}", quoted(names), quoted(kinds)))
}

fn non_root(spec: &PodSpec) -> Option<Violation> {
    if has_own_users(spec) {
        return None;
    }
    let of_pod = spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
    let names = bad(spec, |context| context.run_as_non_root == Some(false));
    if let Some(who) = setters(of_pod == Some(false), &names) {
        let detail = format!("{who} must not set securityContext.runAsNonRoot=false");
        return violation("runAsNonRoot != true", detail);
    }
    let open = bad(spec, |context| context.run_as_non_root.is_none());
    if of_pod == Some(true) || open.is_empty() {
        return None;
    }
    let detail = format!("pod or {} must set securityContext.runAsNonRoot=true", named(&open));
    violation("runAsNonRoot != true", detail)
}

fn user(spec: &PodSpec) -> Option<Violation> {
    if has_own_users(spec) {
        return None;
    }
    let pod = spec.security_context.as_ref().is_some_and(|context| context.run_as_user == Some(0));
    let names = bad(spec, |context| context.run_as_user == Some(0));
    violation("runAsUser=0", format!("{} must not set runAsUser=0", setters(pod, &names)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn found(level: Level, spec: Value) -> String {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        details(&violations(Policy { level, minor: None }, &spec))
    }

    #[test]
    fn a_plain_pod_is_not_restricted() {
        let plain = json!({"containers": [{"name": "nginx"}]});
        assert_eq!(found(Level::Baseline, plain.clone()), "");
        assert_eq!(
            found(Level::Restricted, plain),
            "allowPrivilegeEscalation != false (container \"nginx\" must set securityContext.allowPrivilegeEscalation=false), \
             unrestricted capabilities (container \"nginx\" must set securityContext.capabilities.drop=[\"ALL\"]), \
             runAsNonRoot != true (pod or container \"nginx\" must set securityContext.runAsNonRoot=true), \
             seccompProfile (pod or container \"nginx\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
        );
    }

    #[test]
    fn what_lets_a_pod_escape_is_not_baseline() {
        let wild = json!({"hostNetwork": true, "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [{"name": "a", "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}}},
                {"name": "b", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
        assert_eq!(
            found(Level::Baseline, wild),
            "non-default capabilities (container \"a\" must not include \"SYS_ADMIN\" in securityContext.capabilities.add), \
             host namespaces (hostNetwork=true), hostPath volumes (volume \"v\"), hostPort (container \"b\" uses hostPort 80), \
             privileged (container \"a\" must not set securityContext.privileged=true)"
        );
    }

    #[test]
    fn a_hardened_pod_is_restricted() {
        let hardened = json!({"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]});
        assert_eq!(found(Level::Restricted, hardened), "");
    }
}
