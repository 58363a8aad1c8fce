//! Containers and init containers.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec, SecurityContext, Volume, VolumeMount};

use super::{choice, env, handler, resources, user_or_group};
use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// The volumes of the Pod that passed validation, by name.
pub type Volumes<'a> = BTreeMap<&'a str, &'a Volume>;

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

/// `validateContainers`
pub fn containers(errors: &mut Errors, path: &Path, spec: &PodSpec, volumes: &Volumes) {
    if spec.containers.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let mut names = BTreeSet::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index);
        common(errors, &path, container, volumes);
        if !names.insert(container.name.as_str()) {
            errors.push(Error::duplicate(&path.child("name"), &container.name));
        }
        handler::lifecycle(errors, &path.child("lifecycle"), container.lifecycle.as_ref());
        handler::probes(errors, &path, container);
        if let Some(policy) = container.restart_policy.as_deref() {
            choice(errors, &path.child("restartPolicy"), Some(policy), &["Always", "Never", "OnFailure"]);
        }
    }
    host_port_conflicts(errors, path, &spec.containers);
}

/// `validateInitContainers`
pub fn init_containers(errors: &mut Errors, path: &Path, spec: &PodSpec, volumes: &Volumes) {
    let mut names: BTreeSet<&str> = spec.containers.iter().map(|container| container.name.as_str()).collect();
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let path = path.index(index);
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        common(errors, &path, container, volumes);
        if let Some(policy) = container.restart_policy.as_deref() {
            choice(errors, &path.child("restartPolicy"), Some(policy), &["Always", "Never", "OnFailure"]);
        }
        // An empty name has been reported already.
        if !container.name.is_empty() && !names.insert(container.name.as_str()) {
            errors.push(Error::duplicate(&path.child("name"), &container.name));
        }
        host_port_conflicts(errors, &path, std::slice::from_ref(container));
        if sidecar {
            handler::lifecycle(errors, &path.child("lifecycle"), container.lifecycle.as_ref());
            handler::probes(errors, &path, container);
            continue;
        }
        let why = "may not be set for init containers without restartPolicy=Always";
        for (field, set) in [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ] {
            if set {
                errors.push(Error::forbidden(&path.child(field), why));
            }
        }
    }
}

/// `validateContainerCommon`
fn common(errors: &mut Errors, path: &Path, container: &Container, volumes: &Volumes) {
    let name = container.name.as_str();
    if name.is_empty() {
        errors.push(Error::required(&path.child("name"), ""));
    } else {
        validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
    }
    if container.image.as_deref().unwrap_or_default().is_empty() {
        errors.push(Error::required(&path.child("image"), ""));
    }
    let policies = &["File", "FallbackToLogsOnError"];
    let policy = container.termination_message_policy.as_deref();
    choice(errors, &path.child("terminationMessagePolicy"), policy, policies);
    ports(errors, &path.child("ports"), container.ports.as_deref().unwrap_or_default());
    env::variables(errors, &path.child("env"), container.env.as_deref().unwrap_or_default());
    env::sources(errors, &path.child("envFrom"), container.env_from.as_deref().unwrap_or_default());
    mounts(errors, &path.child("volumeMounts"), container, volumes);
    let pull = container.image_pull_policy.as_deref();
    choice(errors, &path.child("imagePullPolicy"), pull, &["Always", "IfNotPresent", "Never"]);
    if let Some(given) = &container.resources {
        resources::requirements(errors, &path.child("resources"), given);
    }
    if let Some(context) = &container.security_context {
        security_context(errors, &path.child("securityContext"), context);
    }
}

fn ports(errors: &mut Errors, path: &Path, ports: &[ContainerPort]) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let wrong = validate::port_name(name);
            if wrong.is_empty() && !names.insert(name) {
                errors.push(Error::duplicate(&path.child("name"), name));
            }
            validate::each(errors, &path.child("name"), name, wrong);
        }
        if port.container_port == 0 {
            errors.push(Error::required(&path.child("containerPort"), ""));
        } else {
            validate::port_number(errors, &path.child("containerPort"), port.container_port);
        }
        if let Some(number) = port.host_port.filter(|number| *number != 0) {
            validate::port_number(errors, &path.child("hostPort"), number);
        }
        choice(errors, &path.child("protocol"), port.protocol.as_deref(), PROTOCOLS);
    }
}

/// A port of the node can be had once (`checkHostPortConflicts`).
fn host_port_conflicts(errors: &mut Errors, path: &Path, containers: &[Container]) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        for (at, port) in container.ports.iter().flatten().enumerate() {
            let Some(number) = port.host_port.filter(|number| *number != 0) else { continue };
            let protocol = port.protocol.as_deref().unwrap_or_default();
            let key = format!("{protocol}/{}/{number}", port.host_ip.as_deref().unwrap_or_default());
            if !taken.insert(key.clone()) {
                let path = path.index(index).child("ports").index(at).child("hostPort");
                errors.push(Error::duplicate(&path, key));
            }
        }
    }
}

fn mounts(errors: &mut Errors, path: &Path, container: &Container, volumes: &Volumes) {
    let mut paths = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = path.index(index);
        if mount.name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        }
        if !volumes.contains_key(mount.name.as_str()) {
            errors.push(Error::not_found(&path.child("name"), &mount.name));
        }
        if mount.mount_path.is_empty() {
            errors.push(Error::required(&path.child("mountPath"), ""));
        }
        if !paths.insert(mount.mount_path.as_str()) {
            errors.push(Error::invalid(&path.child("mountPath"), &mount.mount_path, "must be unique"));
        }
        sub_paths(errors, &path, mount);
    }
}

fn sub_paths(errors: &mut Errors, path: &Path, mount: &VolumeMount) {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (plain, expanded) = (given(&mount.sub_path), given(&mount.sub_path_expr));
    if let Some(text) = &plain {
        descending(errors, &path.child("subPath"), text);
    }
    if let Some(text) = &expanded {
        if plain.is_some() {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.push(Error::invalid(&path.child("subPathExpr"), text, why));
        }
        descending(errors, &path.child("subPathExpr"), text);
    }
}

/// A path that stays below where it starts (`validateLocalDescendingPath`).
pub fn descending(errors: &mut Errors, path: &Path, text: &str) {
    if text.starts_with('/') {
        errors.push(Error::invalid(path, text, "must be a relative path"));
    }
    if text.split('/').any(|part| part == "..") {
        errors.push(Error::invalid(path, text, "must not contain '..'"));
    }
}

/// `ValidateSecurityContext`
fn security_context(errors: &mut Errors, path: &Path, context: &SecurityContext) {
    user_or_group(errors, &path.child("runAsUser"), context.run_as_user);
    user_or_group(errors, &path.child("runAsGroup"), context.run_as_group);
    if context.allow_privilege_escalation == Some(false) {
        let escalation = "cannot set `allowPrivilegeEscalation` to false and";
        if context.privileged == Some(true) {
            let why = format!("{escalation} `privileged` to true");
            errors.push(Error::invalid_shown(path, go_context(context), why));
        }
        let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
        if added.into_iter().flatten().any(|capability| capability == "CAP_SYS_ADMIN") {
            let why = format!("{escalation} `capabilities.Add` CAP_SYS_ADMIN");
            errors.push(Error::invalid_shown(path, go_context(context), why));
        }
    }
}

fn go_context(context: &SecurityContext) -> String {
    crate::api::internal::dump("SecurityContext", &serde_json::to_value(context).unwrap_or_default())
}
