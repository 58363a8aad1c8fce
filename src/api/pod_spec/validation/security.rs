//! Security contexts of Pods and containers, and what the operating system of a Pod allows.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validatePodSpecSecurityContext`,
//! `ValidateSecurityContext`, `validateLinux`, `validateWindows`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Container, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext,
};
use serde_json::{Value, json};

use super::paths::descending;
use crate::api::internal;
use crate::api::validate::{Errors, supported};
use crate::apimachinery::field::{Error, Path};

const PROFILE_TYPES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];
const MAX_SYSCTL: usize = 253;

/// `validatePodSpecSecurityContext`
pub fn of_pod(errors: &mut Errors, path: &Path, context: &PodSecurityContext, spec: &PodSpec) {
    for (field, id) in
        [("fsGroup", context.fs_group), ("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)]
    {
        user_or_group(errors, &path.child(field), id);
    }
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        user_or_group(errors, &path.child("supplementalGroups").index(index), Some(*group));
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(Error::invalid(&path.child("shareProcessNamespace"), true, why));
    }
    sysctls(errors, &path.child("sysctls"), context, spec);
    let changes = &["Always", "OnRootMismatch"];
    supported(errors, &path.child("fsGroupChangePolicy"), context.fs_group_change_policy.as_deref(), changes);
    seccomp(errors, &path.child("seccompProfile"), context.seccomp_profile.as_ref());
    app_armor(errors, &path.child("appArmorProfile"), context.app_armor_profile.as_ref());
    let policy = context.supplemental_groups_policy.as_deref();
    supported(errors, &path.child("supplementalGroupsPolicy"), policy, &["Merge", "Strict"]);
    let policy = context.se_linux_change_policy.as_deref();
    supported(errors, &path.child("seLinuxChangePolicy"), policy, &["Recursive"]);
}

/// `ValidateSecurityContext`
pub fn of_container(errors: &mut Errors, path: &Path, context: &SecurityContext, host_users: bool) {
    user_or_group(errors, &path.child("runAsUser"), context.run_as_user);
    user_or_group(errors, &path.child("runAsGroup"), context.run_as_group);
    let mount = context.proc_mount.as_deref();
    supported(errors, &path.child("procMount"), mount, &["Default", "Unmasked"]);
    if host_users && mount == Some("Unmasked") {
        let why = "`hostUsers` must be false to use `Unmasked`";
        errors.push(Error::invalid(&path.child("procMount"), mount, why));
    }
    seccomp(errors, &path.child("seccompProfile"), context.seccomp_profile.as_ref());
    if context.allow_privilege_escalation == Some(false) {
        let shown = || internal::dump("SecurityContext", &json!(context));
        let escalation = "cannot set `allowPrivilegeEscalation` to false and";
        if context.privileged == Some(true) {
            errors.push(Error::invalid_shown(path, shown(), format!("{escalation} `privileged` to true")));
        }
        let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
        if added.into_iter().flatten().any(|capability| capability == "CAP_SYS_ADMIN") {
            let why = format!("{escalation} `capabilities.Add` CAP_SYS_ADMIN");
            errors.push(Error::invalid_shown(path, shown(), why));
        }
    }
    app_armor(errors, &path.child("appArmorProfile"), context.app_armor_profile.as_ref());
}

/// Users and groups are numbers of 31 bits (`IsValidUserID`, `IsValidGroupID`).
fn user_or_group(errors: &mut Errors, path: &Path, id: Option<i64>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        let why = format!("must be between 0 and {}, inclusive", i32::MAX);
        errors.push(Error::invalid(path, id, why));
    }
}

/// `validateSysctls`
fn sysctls(errors: &mut Errors, path: &Path, context: &PodSecurityContext, spec: &PodSpec) {
    let mut names = BTreeSet::new();
    for (index, sysctl) in context.sysctls.iter().flatten().enumerate() {
        let (at, name) = (path.index(index).child("name"), sysctl.name.as_str());
        if name.is_empty() {
            errors.push(Error::required(&at, ""));
        } else if name.len() > MAX_SYSCTL || !name.split(['.', '/']).all(is_sysctl_segment) {
            let segment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
            let why =
                format!("must have at most {MAX_SYSCTL} characters and match regex ^({segment}[\\./])*{segment}$");
            errors.push(Error::invalid(&at, name, why));
        } else if !names.insert(name) {
            errors.push(Error::duplicate(&at, name));
        }
        let dotted = name.replace('/', ".");
        let of_ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|start| dotted.starts_with(start));
        if spec.host_network == Some(true) && dotted.starts_with("net.") {
            errors.push(Error::invalid(&at, name, "may not be specified when 'hostNetwork' is true"));
        } else if spec.host_ipc == Some(true) && (of_ipc || dotted == "kernel.sem") {
            errors.push(Error::invalid(&at, name, "may not be specified when 'hostIPC' is true"));
        }
    }
}

fn is_sysctl_segment(text: &str) -> bool {
    let is_letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_letter)
        && bytes.last().is_some_and(is_letter)
        && bytes.iter().all(|b| is_letter(b) || matches!(b, b'-' | b'_'))
}

/// `validateSeccompProfileField`
fn seccomp(errors: &mut Errors, path: &Path, profile: Option<&SeccompProfile>) {
    let Some(profile) = profile else { return };
    let at = path.child("localhostProfile");
    if profile.type_.is_empty() {
        errors.push(Error::required(&path.child("type"), "type is required when seccompProfile is set"));
    } else {
        supported(errors, &path.child("type"), Some(&profile.type_), PROFILE_TYPES);
    }
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Localhost", None) => errors.push(Error::required(&at, "must be set when seccomp type is Localhost")),
        ("Localhost", Some(text)) => descending(errors, &at, text),
        (_, Some(_)) => {
            let shown = internal::dump("SeccompProfile", &json!(profile));
            errors.push(Error::invalid_shown(&at, shown, "can only be set when seccomp type is Localhost"));
        }
        (_, None) => {}
    }
}

/// `ValidateAppArmorProfileField`
fn app_armor(errors: &mut Errors, path: &Path, profile: Option<&AppArmorProfile>) {
    let Some(profile) = profile else { return };
    let at = path.child("localhostProfile");
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("Localhost", Some(text)) if text.trim() != text => {
            errors.push(Error::invalid(&at, text, "must not be padded with whitespace"));
        }
        ("Localhost", None | Some("")) => {
            errors.push(Error::required(&at, "must be set when AppArmor type is Localhost"));
        }
        ("RuntimeDefault" | "Unconfined", Some(text)) => {
            errors.push(Error::invalid(&at, text, "can only be set when AppArmor type is Localhost"));
        }
        ("", _) => {
            errors.push(Error::required(&path.child("type"), "type is required when appArmorProfile is set"));
        }
        (kind, _) => supported(errors, &path.child("type"), Some(kind), PROFILE_TYPES),
    }
}

/// `validateOS`, `validateLinux` and `validateWindows`
pub fn os(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let Some(os) = &spec.os else { return };
    // Upstream speaks of the name that is missing and of the os that is not known.
    if os.name.is_empty() {
        errors.push(Error::required(&path.child("os").child("name"), ""));
    } else {
        supported(errors, &path.child("os"), Some(&os.name), &["linux", "windows"]);
    }
    let (why, of_pod, of_container): (&str, &[&str], &[&str]) = match os.name.as_str() {
        "linux" => ("windows options cannot be set for a linux pod", &["windowsOptions"], &["windowsOptions"]),
        "windows" => ("cannot be set for a windows pod", NOT_FOR_WINDOWS_PODS, NOT_FOR_WINDOWS_CONTAINERS),
        _ => return,
    };
    let forbid = |errors: &mut Errors, path: &Path, held: &Value, fields: &[&str]| {
        for field in fields.iter().filter(|field| held.get(**field).is_some()) {
            errors.push(Error::forbidden(&path.child(field), why));
        }
    };
    let whole = json!(spec);
    if let Some(context) = whole.get("securityContext") {
        forbid(errors, &path.child("securityContext"), context, of_pod);
    }
    if os.name == "windows" {
        forbid(errors, path, &whole, &["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"]);
    }
    let groups: [(&str, &[Container]); 2] =
        [("initContainers", spec.init_containers.as_deref().unwrap_or_default()), ("containers", &spec.containers)];
    for (group, containers) in groups {
        for (index, container) in containers.iter().enumerate() {
            if let Some(context) = &container.security_context {
                let path = path.child(group).index(index).child("securityContext");
                forbid(errors, &path, &json!(context), of_container);
            }
        }
    }
}

const NOT_FOR_WINDOWS_PODS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];
const NOT_FOR_WINDOWS_CONTAINERS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];
