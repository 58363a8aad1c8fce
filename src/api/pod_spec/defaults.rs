//! What the server fills into a pod spec.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1/defaults.go and pkg/apis/core/v1/conversion.go (`serviceAccount`).

use k8s_openapi::api::core::v1::{
    Container, DownwardAPIVolumeFile, EmptyDirVolumeSource, EnvVar, EphemeralContainer, HTTPGetAction,
    LifecycleHandler, Pod, PodSpec, PodTemplateSpec, Probe, Volume,
};

use crate::api::omitted::{drop_empty, fill, fill_text};
use crate::api::{disks, pod_resources};

/// Fills a template: what Go always writes, and its spec.
pub fn set_template_defaults(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    let spec = template.spec.get_or_insert_default();
    set_pod_spec_defaults(spec);
}

/// Fills a pod spec (`SetDefaults_PodSpec` and what it calls).
pub fn set_pod_spec_defaults(spec: &mut PodSpec) {
    // The old name of the field follows the new one.
    drop_empty(&mut spec.service_account_name);
    drop_empty(&mut spec.service_account);
    if spec.service_account_name.is_none() {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
    for slot in [&mut spec.node_name, &mut spec.hostname, &mut spec.subdomain, &mut spec.priority_class_name] {
        drop_empty(slot);
    }
    for flag in [&mut spec.host_network, &mut spec.host_pid, &mut spec.host_ipc] {
        if *flag == Some(false) {
            *flag = None;
        }
    }
    fill_text(&mut spec.dns_policy, "ClusterFirst");
    fill_text(&mut spec.restart_policy, "Always");
    fill_text(&mut spec.scheduler_name, "default-scheduler");
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        set_ephemeral_defaults(container);
    }
    fill(&mut spec.security_context, Default::default);
    fill(&mut spec.termination_grace_period_seconds, || 30);
    for volume in spec.volumes.iter_mut().flatten() {
        set_volume_defaults(volume);
    }
    for container in spec.init_containers.iter_mut().flatten().chain(spec.containers.iter_mut()) {
        set_container_defaults(container);
    }
}

/// What only Pods get and templates do not (`SetDefaults_Pod`).
pub fn set_pod_only_defaults(spec: &mut PodSpec) {
    // `Convert_v1_Pod_To_core_Pod`: a grace of less than nothing is the shortest there is.
    if let Some(grace) = spec.termination_grace_period_seconds.as_mut().filter(|grace| **grace < 0) {
        *grace = 1;
    }
    let host_network = spec.host_network == Some(true);
    for container in spec.init_containers.iter_mut().flatten().chain(spec.containers.iter_mut()) {
        for port in container.ports.iter_mut().flatten().filter(|_| host_network) {
            if port.host_port.unwrap_or(0) == 0 {
                port.host_port = Some(port.container_port);
            }
        }
        let resources = container.resources.get_or_insert_default();
        let Some(limits) = resources.limits.clone() else { continue };
        // What is limited and not requested is requested up to its limit.
        let requests = resources.requests.get_or_insert_default();
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
        if requests.is_empty() {
            resources.requests = None;
        }
    }
    set_pod_level_defaults(spec);
    fill(&mut spec.enable_service_links, || true);
}

/// What a Pod as a whole is given and does not ask for (`defaultHugePagePodLimits`, `defaultPodRequests`).
fn set_pod_level_defaults(spec: &mut PodSpec) {
    let Some(given) = spec.resources.clone() else { return };
    let bare = PodSpec { resources: None, overhead: None, ..spec.clone() };
    let containers = Pod { spec: Some(bare), ..Pod::default() };
    let (mut limits, mut requests) = (given.limits.unwrap_or_default(), given.requests.unwrap_or_default());
    if limits.is_empty() && requests.is_empty() {
        return;
    }
    for (name, limit) in pod_resources::texts(&pod_resources::limits(&containers)) {
        if name.starts_with("hugepages-") && !requests.contains_key(&name) {
            limits.entry(name).or_insert(limit);
        }
    }
    if !limits.is_empty() {
        for (name, request) in pod_resources::texts(&pod_resources::requests(&containers)) {
            if pod_resources::is_pod_level(&name) && !name.starts_with("hugepages-") {
                requests.entry(name).or_insert(request);
            }
        }
        for (name, limit) in limits.iter().filter(|(name, _)| pod_resources::is_pod_level(name)) {
            requests.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
    let held = spec.resources.get_or_insert_default();
    held.limits = Some(limits).filter(|list| !list.is_empty());
    held.requests = Some(requests).filter(|list| !list.is_empty());
}

/// Fills a container (`SetDefaults_Container` and what it calls).
pub fn set_container_defaults(container: &mut Container) {
    let by_tag = pull_policy(container.image.as_deref().unwrap_or_default());
    drop_empty(&mut container.image);
    drop_empty(&mut container.working_dir);
    fill_text(&mut container.image_pull_policy, by_tag);
    fill_text(&mut container.termination_message_path, "/dev/termination-log");
    fill_text(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    for port in container.ports.iter_mut().flatten() {
        drop_empty(&mut port.name);
        fill_text(&mut port.protocol, "TCP");
    }
    for flag in [&mut container.stdin, &mut container.stdin_once, &mut container.tty] {
        if *flag == Some(false) {
            *flag = None;
        }
    }
    for variable in container.env.iter_mut().flatten() {
        set_variable_defaults(variable);
    }
    let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    for probe in probes.into_iter().flatten() {
        set_probe_defaults(probe);
    }
    if let Some(lifecycle) = container.lifecycle.as_mut() {
        for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
            set_handler_defaults(handler);
        }
    }
}

/// Fills a container that was added for debugging: the fields that it shares with the others.
fn set_ephemeral_defaults(container: &mut EphemeralContainer) {
    fill_text(&mut container.image_pull_policy, pull_policy(container.image.as_deref().unwrap_or_default()));
    fill_text(&mut container.termination_message_path, "/dev/termination-log");
    fill_text(&mut container.termination_message_policy, "File");
    fill(&mut container.resources, Default::default);
    for variable in container.env.iter_mut().flatten() {
        set_variable_defaults(variable);
    }
}

/// How an image is pulled when nobody says how.
fn pull_policy(image: &str) -> &'static str {
    if is_latest(image) { "Always" } else { "IfNotPresent" }
}

/// Whether the tag of an image is `latest`, given or understood.
fn is_latest(image: &str) -> bool {
    // A digest pins the image.
    if image.contains('@') {
        return false;
    }
    let (path, last) = image.rsplit_once('/').unwrap_or(("", image));
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    // The first part may be a registry, which has rules of its own.
    let mut parts = path.split('/').filter(|_| !path.is_empty());
    let first = parts.next().unwrap_or_default();
    let is_registry = first.contains(['.', ':']) || first == "localhost";
    let readable = (is_registry || first.is_empty() || is_path_component(first))
        && parts.all(is_path_component)
        && is_path_component(name);
    // What cannot be read as a reference has no tag at all.
    readable && tag == "latest"
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, more or less: lower case, separators inside only.
fn is_path_component(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| is_letter(b) || matches!(b, b'.' | b'_' | b'-'))
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().last().is_some_and(is_letter)
}

fn set_variable_defaults(variable: &mut EnvVar) {
    drop_empty(&mut variable.value);
    let Some(source) = variable.value_from.as_mut() else { return };
    if let Some(reference) = source.field_ref.as_mut() {
        fill_text(&mut reference.api_version, "v1");
    }
    if let Some(reference) = source.resource_field_ref.as_mut() {
        fill(&mut reference.divisor, || k8s_openapi::apimachinery::pkg::api::resource::Quantity("0".to_owned()));
    }
    if let Some(reference) = source.file_key_ref.as_mut() {
        fill(&mut reference.optional, || false);
    }
}

fn set_downward_defaults(file: &mut DownwardAPIVolumeFile) {
    if let Some(reference) = file.field_ref.as_mut() {
        fill_text(&mut reference.api_version, "v1");
    }
    if let Some(reference) = file.resource_field_ref.as_mut() {
        fill(&mut reference.divisor, || k8s_openapi::apimachinery::pkg::api::resource::Quantity("0".to_owned()));
    }
}

fn set_http_defaults(action: &mut HTTPGetAction) {
    fill_text(&mut action.path, "/");
    fill_text(&mut action.scheme, "HTTP");
}

fn set_handler_defaults(handler: &mut LifecycleHandler) {
    if let Some(action) = handler.http_get.as_mut() {
        set_http_defaults(action);
    }
}

fn set_probe_defaults(probe: &mut Probe) {
    let fill_number = |slot: &mut Option<i32>, value: i32| {
        if slot.unwrap_or(0) == 0 {
            *slot = Some(value);
        }
    };
    fill_number(&mut probe.timeout_seconds, 1);
    fill_number(&mut probe.period_seconds, 10);
    fill_number(&mut probe.success_threshold, 1);
    fill_number(&mut probe.failure_threshold, 3);
    if probe.initial_delay_seconds == Some(0) {
        probe.initial_delay_seconds = None;
    }
    if let Some(action) = probe.http_get.as_mut() {
        set_http_defaults(action);
    }
    if let Some(action) = probe.grpc.as_mut() {
        fill(&mut action.service, String::new);
    }
}

fn set_volume_defaults(volume: &mut Volume) {
    let bare = Volume { name: volume.name.clone(), ..Volume::default() };
    if *volume == bare {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
    if let Some(image) = volume.image.as_mut() {
        fill_text(&mut image.pull_policy, pull_policy(image.reference.as_deref().unwrap_or_default()));
    }
    if let Some(source) = volume.secret.as_mut() {
        fill(&mut source.default_mode, || 0o644);
    }
    if let Some(source) = volume.config_map.as_mut() {
        fill(&mut source.default_mode, || 0o644);
    }
    if let Some(source) = volume.host_path.as_mut() {
        fill(&mut source.type_, String::new);
    }
    if let Some(source) = volume.downward_api.as_mut() {
        fill(&mut source.default_mode, || 0o644);
        source.items.iter_mut().flatten().for_each(set_downward_defaults);
    }
    if let Some(source) = volume.projected.as_mut() {
        fill(&mut source.default_mode, || 0o644);
        for projection in source.sources.iter_mut().flatten() {
            let items = projection.downward_api.iter_mut().flat_map(|api| api.items.iter_mut().flatten());
            items.for_each(set_downward_defaults);
            if let Some(token) = projection.service_account_token.as_mut() {
                fill(&mut token.expiration_seconds, || 3600);
            }
        }
    }
    disks::set_pod_defaults(volume);
    if let Some(template) = volume.ephemeral.as_mut().and_then(|source| source.volume_claim_template.as_mut()) {
        fill(&mut template.spec.volume_mode, || "Filesystem".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_tag() {
        let cases = [
            ("busybox", true),
            ("busybox:latest", true),
            ("busybox:1.36", false),
            ("registry:5000/busybox", true),
            ("registry:5000/busybox:1", false),
            ("busybox@sha256:0123", false),
            ("library/busybox", true),
            (" busybox ", false),
            ("Busybox", false),
        ];
        for (image, latest) in cases {
            assert_eq!(is_latest(image), latest, "{image}");
        }
    }

    #[test]
    fn a_container_without_anything_gets_what_the_server_always_shows() {
        let mut container = Container { name: "c".to_owned(), ..Container::default() };
        set_container_defaults(&mut container);
        let json = serde_json::to_value(&container).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "name": "c", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            })
        );
    }
}
