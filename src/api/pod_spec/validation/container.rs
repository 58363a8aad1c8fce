//! Containers of all three kinds, in so far as they are alike and where they differ.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateContainers`, `validateInitContainers`,
//! `validateContainerCommon`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec, Volume, VolumeMount};

use super::paths::descending;
use super::{env, handler, resources, security};
use crate::api::validate::{self, Errors, choice, required, supported};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// The volumes of the Pod that passed validation, by name.
pub type Volumes<'a> = BTreeMap<&'a str, &'a Volume>;

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const RESTART_POLICIES: &[&str] = &["Always", "Never", "OnFailure"];
const RULES_ALONE: &str = "must specify restartPolicy when restart rules are used";
const MAX_RESTART_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;

/// What the rules of a container need to know of its Pod.
pub struct Pod<'a> {
    /// The spec.
    pub spec: &'a PodSpec,
    /// See [`Volumes`].
    pub volumes: Volumes<'a>,
    /// The names of its resource claims.
    pub claims: BTreeSet<&'a str>,
}

/// `validateContainers`
pub fn containers(errors: &mut Errors, path: &Path, pod: &Pod<'_>) {
    let containers = &pod.spec.containers;
    if containers.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let mut names = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        common(errors, &path, container, pod);
        if !names.insert(container.name.as_str()) {
            errors.push(Error::duplicate(&path.child("name"), &container.name));
        }
        handler::lifecycle(errors, &path.child("lifecycle"), container.lifecycle.as_ref(), pod.spec);
        handler::probes(errors, &path, container, pod.spec);
        restart_policy(errors, &path, container);
    }
    host_port_conflicts(errors, path, containers);
}

/// `validateInitContainers`
pub fn init_containers(errors: &mut Errors, path: &Path, pod: &Pod<'_>) {
    let mut names: BTreeSet<&str> = pod.spec.containers.iter().map(|container| container.name.as_str()).collect();
    for (index, container) in pod.spec.init_containers.iter().flatten().enumerate() {
        let list = path;
        let path = path.index(index);
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        common(errors, &path, container, pod);
        if container.restart_policy.is_some() {
            restart_policy(errors, &path, container);
        } else if container.restart_policy_rules.is_some() {
            errors.push(Error::required(&path.child("restartPolicy"), RULES_ALONE));
        }
        // An empty name has been reported already.
        if !container.name.is_empty() && !names.insert(container.name.as_str()) {
            errors.push(Error::duplicate(&path.child("name"), &container.name));
        }
        // One runs after the other, so each is held against itself alone; upstream counts from 0 for it.
        host_port_conflicts(errors, list, std::slice::from_ref(container));
        if sidecar {
            handler::lifecycle(errors, &path.child("lifecycle"), container.lifecycle.as_ref(), pod.spec);
            handler::probes(errors, &path, container, pod.spec);
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
        for (at, policy) in container.resize_policy.iter().flatten().enumerate() {
            if policy.restart_policy == "RestartContainer" {
                let path = path.child("resizePolicy").index(at).child("restartPolicy");
                let why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                errors.push(Error::invalid(&path, &policy.restart_policy, why));
            }
        }
    }
}

/// `validateContainerCommon`
pub fn common(errors: &mut Errors, path: &Path, container: &Container, pod: &Pod<'_>) {
    let name = container.name.as_str();
    if name.is_empty() {
        errors.push(Error::required(&path.child("name"), ""));
    } else {
        validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
    }
    required(errors, &path.child("image"), container.image.as_deref().unwrap_or_default());
    let policies = &["File", "FallbackToLogsOnError"];
    let policy = container.termination_message_policy.as_deref();
    choice(errors, &path.child("terminationMessagePolicy"), policy, policies);
    ports(errors, &path.child("ports"), container.ports.as_deref().unwrap_or_default());
    env::variables(errors, &path.child("env"), container.env.as_deref().unwrap_or_default());
    env::sources(errors, &path.child("envFrom"), container.env_from.as_deref().unwrap_or_default());
    mounts(errors, &path.child("volumeMounts"), container, &pod.volumes);
    devices(errors, &path.child("volumeDevices"), container, &pod.volumes);
    let pull = container.image_pull_policy.as_deref();
    choice(errors, &path.child("imagePullPolicy"), pull, &["Always", "IfNotPresent", "Never"]);
    if let Some(given) = &container.resources {
        resources::of_container(errors, &path.child("resources"), given, &pod.claims);
    }
    resize_policy(errors, &path.child("resizePolicy"), container, pod.spec);
    if let Some(context) = &container.security_context {
        let host_users = pod.spec.host_users.unwrap_or(true);
        security::of_container(errors, &path.child("securityContext"), context, host_users);
    }
}

/// `validateContainerRestartPolicy`
fn restart_policy(errors: &mut Errors, path: &Path, container: &Container) {
    let policy = container.restart_policy.as_deref();
    let rules = container.restart_policy_rules.as_deref().unwrap_or_default();
    if policy.is_none() && !rules.is_empty() {
        errors.push(Error::required(&path.child("restartPolicy"), RULES_ALONE));
    }
    supported(errors, &path.child("restartPolicy"), policy, RESTART_POLICIES);
    let path = path.child("restartPolicyRules");
    if rules.len() > MAX_RESTART_RULES {
        errors.push(Error::too_many(&path, rules.len(), MAX_RESTART_RULES));
    }
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        let actions = &["Restart", "RestartAllContainers"];
        supported(errors, &path.child("action"), Some(&rule.action), actions);
        let path = path.child("exitCodes");
        let Some(codes) = &rule.exit_codes else {
            errors.push(Error::required(&path, "must be specified"));
            continue;
        };
        supported(errors, &path.child("operator"), Some(&codes.operator), &["In", "NotIn"]);
        let count = codes.values.as_ref().map_or(0, Vec::len);
        if count > MAX_EXIT_CODES {
            errors.push(Error::too_many(&path.child("values"), count, MAX_EXIT_CODES));
        }
    }
}

/// `validateResizePolicy`, whose paths mostly leave out which of the policies it is.
fn resize_policy(errors: &mut Errors, path: &Path, container: &Container, spec: &PodSpec) {
    let mut names = BTreeSet::new();
    for (index, policy) in container.resize_policy.iter().flatten().enumerate() {
        if !names.insert(policy.resource_name.as_str()) {
            errors.push(Error::duplicate(&path.index(index), &policy.resource_name));
        }
        choice(errors, path, Some(&policy.resource_name), &["cpu", "memory"]);
        choice(errors, path, Some(&policy.restart_policy), &["NotRequired", "RestartContainer"]);
        if spec.restart_policy.as_deref() == Some("Never") && policy.restart_policy != "NotRequired" {
            let why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(Error::invalid(path, &policy.restart_policy, why));
        }
    }
}

fn ports(errors: &mut Errors, path: &Path, ports: &[ContainerPort]) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let wrong = content::port_name(name);
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

/// `ValidateVolumeMounts`, whose paths of what lies below a mount leave out which mount it is.
fn mounts(errors: &mut Errors, path: &Path, container: &Container, volumes: &Volumes<'_>) {
    let mut paths = BTreeSet::new();
    let list = path;
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = path.index(index);
        required(errors, &path.child("name"), &mount.name);
        if !volumes.contains_key(mount.name.as_str()) {
            errors.push(Error::not_found(&path.child("name"), &mount.name));
        }
        required(errors, &path.child("mountPath"), &mount.mount_path);
        if !paths.insert(mount.mount_path.as_str()) {
            errors.push(Error::invalid(&path.child("mountPath"), &mount.mount_path, "must be unique"));
        }
        let mut devices = container.volume_devices.iter().flatten();
        if devices.clone().any(|device| device.name == mount.name) {
            let why = "must not already exist in volumeDevices";
            errors.push(Error::invalid(&path.child("name"), &mount.name, why));
        }
        if devices.any(|device| device.device_path == mount.mount_path) {
            let why = "must not already exist as a path in volumeDevices";
            errors.push(Error::invalid(&path.child("mountPath"), &mount.mount_path, why));
        }
        sub_paths(errors, list, &path, mount);
        propagation(errors, list, mount, container);
    }
}

fn sub_paths(errors: &mut Errors, list: &Path, path: &Path, mount: &VolumeMount) {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (plain, expanded) = (given(&mount.sub_path), given(&mount.sub_path_expr));
    if let Some(text) = &plain {
        descending(errors, &list.child("subPath"), text);
    }
    if let Some(text) = &expanded {
        if plain.is_some() {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.push(Error::invalid(&path.child("subPathExpr"), text, why));
        }
        descending(errors, &list.child("subPathExpr"), text);
    }
}

/// `validateMountPropagation` and `validateMountRecursiveReadOnly`
fn propagation(errors: &mut Errors, list: &Path, mount: &VolumeMount, container: &Container) {
    let path = list.child("mountPropagation");
    let given = mount.mount_propagation.as_deref();
    supported(errors, &path, given, &["Bidirectional", "HostToContainer", "None"]);
    let privileged = container.security_context.as_ref().is_some_and(|context| context.privileged == Some(true));
    if given == Some("Bidirectional") && !privileged {
        let why = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(Error::forbidden(&path, why));
    }
    let path = list.child("recursiveReadOnly");
    match mount.recursive_read_only.as_deref() {
        Some("Enabled" | "IfPossible") => {
            if mount.read_only != Some(true) {
                errors.push(Error::forbidden(&path, "may only be specified when readOnly is true"));
            }
            if given.is_some_and(|given| given != "None") {
                let why = "may only be specified when mountPropagation is None or not specified";
                errors.push(Error::forbidden(&path, why));
            }
        }
        other => supported(errors, &path, other, &["Disabled", "Enabled", "IfPossible"]),
    }
}

/// `ValidateVolumeDevices`
fn devices(errors: &mut Errors, path: &Path, container: &Container, volumes: &Volumes<'_>) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (index, device) in container.volume_devices.iter().flatten().enumerate() {
        let path = path.index(index);
        let (name, at) = (path.child("name"), path.child("devicePath"));
        required(errors, &name, &device.name);
        if !device.name.is_empty() && !names.insert(device.name.as_str()) {
            errors.push(Error::invalid(&name, &device.name, "must be unique"));
        }
        match volumes.get(device.name.as_str()) {
            None => errors.push(Error::not_found(&name, &device.name)),
            Some(volume) if volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none() => {
                let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(Error::invalid(&name, &device.name, why));
            }
            Some(_) => {}
        }
        required(errors, &at, &device.device_path);
        if !paths.insert(device.device_path.as_str()) {
            errors.push(Error::invalid(&at, &device.device_path, "must be unique"));
        }
        if device.device_path.split('/').any(|part| part == "..") {
            errors.push(Error::invalid(&at, &device.device_path, "can not contain backsteps ('..')"));
        }
        let mut mounts = container.volume_mounts.iter().flatten();
        if mounts.clone().any(|mount| mount.name == device.name) {
            errors.push(Error::invalid(&name, &device.name, "must not already exist in volumeMounts"));
        }
        if mounts.any(|mount| mount.mount_path == device.device_path) {
            let why = "must not already exist as a path in volumeMounts";
            errors.push(Error::invalid(&at, &device.device_path, why));
        }
    }
}
