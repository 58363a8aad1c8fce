//! Whether a pod spec or a template of Pods is acceptable, with the server's sentences in the server's order.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1 and pkg/apis/core/validation/validation.go (`ValidatePodTemplateSpec`,
//! `ValidatePodSpec`).

mod container;
mod env;
mod ephemeral;
mod handler;
mod paths;
mod resources;
mod scheduling;
mod security;
mod volume;

pub use env::data_key;
pub use paths::no_backsteps;
pub use resources::quantity;
pub use scheduling::{node_selector, tolerations};
pub use volume::{HOST_PATH_TYPES, driver_name};

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use serde_json::json;

use crate::api::validate::{self, Errors, choice};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_LENGTH: usize = 2048;
const MAX_HOSTNAME: usize = 64;
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// The annotation of a Pod that stands for a file of a node.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

/// Whom a spec belongs to, and so what is asked of it beyond the rules of every spec.
#[derive(Clone, Copy)]
pub enum Of<'a> {
    /// A template, which may leave open what its Pods are given.
    Template,
    /// The Pod of this name.
    Pod(&'a str),
}

/// A template (`ValidatePodTemplateSpec`).
pub fn template(errors: &mut Errors, path: &Path, template: &PodTemplateSpec) {
    let none = PodSpec::default();
    let spec = template.spec.as_ref().unwrap_or(&none);
    if let Some(meta) = &template.metadata {
        validate::labels(errors, &path.child("labels"), meta.labels.as_ref());
        validate::annotations(errors, &path.child("annotations"), meta.annotations.as_ref());
        annotations(errors, &path.child("annotations"), meta.annotations.as_ref(), spec);
    }
    pod_spec(errors, &path.child("spec"), spec, Of::Template);
    if spec.ephemeral_containers.iter().flatten().next().is_some() {
        let path = path.child("spec").child("ephemeralContainers");
        errors.push(Error::forbidden(&path, "ephemeral containers not allowed in pod template"));
    }
}

/// The annotations that mean something (`ValidatePodSpecificAnnotations`).
pub fn annotations(errors: &mut Errors, path: &Path, held: Option<&BTreeMap<String, String>>, spec: &PodSpec) {
    let Some(held) = held else { return };
    if let Some(value) = held.get(MIRROR)
        && spec.node_name.as_deref().unwrap_or_default().is_empty()
    {
        let why = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(Error::invalid(&path.key(MIRROR), value, why));
    }
    if let Some(value) = held.get(DELETION_COST) {
        let written = value.strip_prefix('-').unwrap_or(value);
        let plain = value == "0" || (!written.starts_with(['0', '+', '-']) && value.parse::<i32>().is_ok());
        if !plain {
            errors.push(Error::invalid(&path.key(DELETION_COST), value, "must be a 32bit integer"));
        }
    }
}

/// A pod spec (`ValidatePodSpec`).
pub fn pod_spec(errors: &mut Errors, path: &Path, spec: &PodSpec, of: Of<'_>) {
    let name = match of {
        Of::Pod(name) => Some(name),
        Of::Template => None,
    };
    let volumes = spec.volumes.as_deref().unwrap_or_default();
    let volumes = volume::volumes(errors, &path.child("volumes"), volumes, name);
    resource_claims(errors, &path.child("resourceClaims"), spec);
    let claims = spec.resource_claims.iter().flatten().map(|claim| claim.name.as_str());
    let pod = container::Pod { spec, volumes, claims: claims.filter(|name| !name.is_empty()).collect() };
    container::containers(errors, &path.child("containers"), &pod);
    container::init_containers(errors, &path.child("initContainers"), &pod);
    if let Some(given) = &spec.ephemeral_containers {
        ephemeral::containers(errors, &path.child("ephemeralContainers"), given, &pod);
    }
    resources::of_pod(errors, &path.child("resources"), spec, &pod.claims);
    host_network(errors, path, spec, of);
    choice(errors, &path.child("restartPolicy"), spec.restart_policy.as_deref(), &["Always", "OnFailure", "Never"]);
    let dns = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    choice(errors, &path.child("dnsPolicy"), spec.dns_policy.as_deref(), dns);
    validate::labels(errors, &path.child("nodeSelector"), spec.node_selector.as_ref());
    if let Some(context) = &spec.security_context {
        security::of_pod(errors, &path.child("securityContext"), context, spec);
    }
    if let Some(affinity) = &spec.affinity {
        scheduling::affinity(errors, &path.child("affinity"), affinity);
    }
    dns_config(errors, &path.child("dnsConfig"), spec);
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let path = path.child("readinessGates").index(index).child("conditionType");
        validate::each(errors, &path, &gate.condition_type, content::label_key(&gate.condition_type));
    }
    scheduling::gates(errors, &path.child("schedulingGates"), spec.scheduling_gates.as_deref().unwrap_or_default());
    let spread = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    scheduling::spread(errors, &path.child("topologySpreadConstraints"), spread);
    host_users(errors, path, spec);
    host_name(errors, path, spec);
    names(errors, path, spec);
    security::os(errors, path, spec);
    file_volumes(errors, path, spec);
}

/// From the service account on, the fields that need a look each.
fn names(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    type Rule = fn(&str) -> Vec<String>;
    let texts = |errors: &mut Errors, fields: &[(&str, &Option<String>, Rule)]| {
        for (field, text, rule) in fields {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                validate::each(errors, &path.child(field), text, rule(text));
            }
        }
    };
    let (label, subdomain): (Rule, Rule) = (content::dns1123_label, content::dns1123_subdomain);
    let account = ("serviceAccountName", &spec.service_account_name, subdomain);
    texts(errors, &[account, ("nodeName", &spec.node_name, subdomain)]);
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let why = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.push(Error::invalid(&path.child("activeDeadlineSeconds"), seconds, why));
    }
    texts(errors, &[("hostname", &spec.hostname, label), ("subdomain", &spec.subdomain, label)]);
    scheduling::tolerations(errors, &path.child("tolerations"), spec.tolerations.as_deref().unwrap_or_default());
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let path = path.child("hostAliases").index(index);
        validate::address(errors, &path.child("ip"), &alias.ip);
        for (at, name) in alias.hostnames.iter().flatten().enumerate() {
            validate::each(errors, &path.child("hostnames").index(at), name, content::dns1123_subdomain(name));
        }
    }
    texts(errors, &[("priorityClassName", &spec.priority_class_name, subdomain)]);
    if let Some(name) = &spec.runtime_class_name {
        validate::each(errors, &path.child("runtimeClassName"), name, content::dns1123_subdomain(name));
    }
    if let Some(policy) = spec.preemption_policy.as_deref() {
        let known = &["PreemptLowerPriority", "Never"];
        choice(errors, &path.child("preemptionPolicy"), Some(policy), known);
    }
    if let Some(overhead) = &spec.overhead {
        let given =
            k8s_openapi::api::core::v1::ResourceRequirements { limits: Some(overhead.clone()), ..Default::default() };
        resources::of_container(errors, &path.child("overhead"), &given, &Default::default());
    }
}

/// What only Pods must heed, and templates may break (`validatePodMetadataAndSpec`).
pub fn only_pods(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let groups = [("containers", Some(&spec.containers)), ("initContainers", spec.init_containers.as_ref())];
    for (field, containers) in groups {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let image = container.image.as_deref().unwrap_or_default();
            if image.trim() != image {
                let path = path.child(field).index(index).child("image");
                errors.push(Error::invalid(&path, image, "must not have leading or trailing whitespace"));
            }
        }
    }
    if spec.service_account_name.as_deref().unwrap_or_default().is_empty() {
        for (index, volume) in spec.volumes.iter().flatten().enumerate() {
            let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
            for (at, _) in sources.enumerate().filter(|(_, source)| source.service_account_token.is_some()) {
                let path = path.child("volumes").index(index).child("projected").child("sources").index(at);
                let why = "must not be specified when serviceAccountName is not set";
                errors.push(Error::forbidden(&path.child("serviceAccountToken"), why));
            }
        }
    }
}

/// On the node's network, a container's port is the node's port (`validatePodHostNetworkDeps`).
fn host_network(errors: &mut Errors, path: &Path, spec: &PodSpec, of: Of<'_>) {
    if spec.host_network != Some(true) {
        return;
    }
    for (index, container) in spec.containers.iter().enumerate() {
        for (at, port) in container.ports.iter().flatten().enumerate() {
            let number = port.host_port.unwrap_or(0);
            // What a template leaves open its Pods are given.
            let open = number == 0 && matches!(of, Of::Template);
            if number != port.container_port && !open {
                let path = path.child("containers").index(index).child("ports").index(at).child("hostPort");
                let why = "must match `containerPort` when `hostNetwork` is true";
                errors.push(Error::invalid(&path, number, why));
            }
        }
    }
}

/// `validatePodDNSConfig`
fn dns_config(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let alone = spec.dns_policy.as_deref() == Some("None");
    let Some(config) = &spec.dns_config else {
        if alone {
            errors.push(Error::required(path, "must provide `dnsConfig` when `dnsPolicy` is None"));
        }
        return;
    };
    let (servers, searches) =
        (config.nameservers.as_deref().unwrap_or_default(), config.searches.as_deref().unwrap_or_default());
    let at = path.child("nameservers");
    if alone && servers.is_empty() {
        errors.push(Error::required(&at, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
        return;
    }
    if servers.len() > MAX_NAMESERVERS {
        errors.push(Error::invalid(&at, servers, format!("must not have more than {MAX_NAMESERVERS} nameservers")));
    }
    for (index, server) in servers.iter().enumerate() {
        validate::address(errors, &at.index(index), server);
    }
    let at = path.child("searches");
    if searches.len() > MAX_SEARCHES {
        errors.push(Error::invalid(&at, searches, format!("must not have more than {MAX_SEARCHES} search paths")));
    }
    if searches.join(" ").len() > MAX_SEARCH_LENGTH {
        let why =
            format!("must not have more than {MAX_SEARCH_LENGTH} characters (including spaces) in the search list");
        errors.push(Error::invalid(&at, searches, why));
    }
    for (index, domain) in searches.iter().enumerate().filter(|(_, domain)| *domain != ".") {
        let bare = domain.strip_suffix('.').unwrap_or(domain);
        validate::each(errors, &at.index(index), bare, content::search_domain(bare));
    }
    for (index, option) in config.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            errors.push(Error::required(&path.child("options").index(index), "must not be empty"));
        }
    }
}

/// `validatePodResourceClaims`
fn resource_claims(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let mut taken = std::collections::BTreeSet::new();
    for (index, claim) in spec.resource_claims.iter().flatten().enumerate() {
        let (path, name) = (path.index(index), claim.name.as_str());
        if name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        } else if !taken.insert(name) {
            errors.push(Error::duplicate(&path.child("name"), name));
        } else {
            validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
        }
        let why = match (&claim.resource_claim_name, &claim.resource_claim_template_name) {
            (Some(_), Some(_)) => "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            (None, None) => "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            _ => continue,
        };
        let shown = crate::api::internal::dump("PodResourceClaim", &json!(claim));
        errors.push(Error::invalid_shown(&path, shown, why));
    }
}

/// A Pod with users of its own shares nothing else with its node (`validateHostUsers`).
fn host_users(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    if spec.host_users != Some(false) {
        return;
    }
    for (field, set) in [("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", spec.host_ipc)] {
        if set == Some(true) {
            errors.push(Error::forbidden(&path.child(field), "when `hostUsers` is false"));
        }
    }
    visit(path, spec, |path, container| {
        if container.volume_devices.iter().flatten().next().is_some() {
            errors.push(Error::forbidden(&path.child("volumeDevices"), "when `hostUsers` is false"));
        }
    });
}

/// `validatePodHostName`
fn host_name(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let Some(name) = spec.hostname_override.as_deref() else { return };
    let path = path.child("hostnameOverride");
    for (set, field) in [(spec.set_hostname_as_fqdn, "setHostnameAsFQDN"), (spec.host_network, "hostNetwork")] {
        if set == Some(true) {
            errors.push(Error::forbidden(&path, format!("may not be specified when {field} is true")));
        }
    }
    if name.len() > MAX_HOSTNAME {
        errors.push(Error::too_long(&path, MAX_HOSTNAME));
    }
    validate::each(errors, &path, name, content::dns1123_subdomain(name));
}

/// Variables that come from files come from an empty directory (`validateFileKeyRefVolumes`).
fn file_volumes(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    visit(path, spec, |path, container| {
        for (index, variable) in container.env.iter().flatten().enumerate() {
            let from = variable.value_from.as_ref().and_then(|from| from.file_key_ref.as_ref());
            let Some(name) = from.map(|from| from.volume_name.as_str()) else { continue };
            let at = path.child("env").index(index).child("valueFrom").child("fileKeyRef").child("volumeName");
            match spec.volumes.iter().flatten().find(|volume| volume.name == name) {
                None => errors.push(Error::not_found(&at, name)),
                Some(volume) if volume.empty_dir.is_none() => {
                    errors.push(Error::invalid(&at, name, "referenced volume must be of type emptyDir"));
                }
                Some(_) => {}
            }
        }
    });
}

/// Every container with its path, those that run first first.
fn visit(path: &Path, spec: &PodSpec, mut each: impl FnMut(&Path, &Container)) {
    let groups = [("initContainers", spec.init_containers.as_ref()), ("containers", Some(&spec.containers))];
    for (field, containers) in groups {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            each(&path.child(field).index(index), container);
        }
    }
}
