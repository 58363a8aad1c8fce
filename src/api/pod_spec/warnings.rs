//! What the server warns of in a pod spec that it takes.
//!
//! Models Kubernetes 1.36 pkg/api/pod/warnings.go and pkg/api/node/util.go.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, KeyToPath, NodeSelectorTerm, PodAffinityTerm, PodSpec, PodTemplateSpec, Volume,
    VolumeProjection,
};

use crate::api::claim_spec;
use crate::apimachinery::content;
use crate::apimachinery::field::Path;
use crate::apimachinery::quantity::Quantity;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Labels of nodes that have newer names, and what is said of them.
const OLD_NODE_LABELS: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// Annotations that mean nothing any more.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];

/// That the name of an object whose Pods are named after it is no DNS label.
pub fn of_name(name: &str, used_in: &str) -> Option<String> {
    let wrong = content::dns1123_label(name);
    // Go prints a list of texts in brackets, with spaces between.
    (!wrong.is_empty()).then(|| {
        format!(
            "metadata.name: this is used in {used_in}, which can result in surprising behavior; a DNS label is \
             recommended: [{}]",
            wrong.join(" ")
        )
    })
}

/// Of a template, and nothing when it is the one that was there before.
pub fn of_template(path: &Path, template: &PodTemplateSpec, old: Option<&PodTemplateSpec>) -> Vec<String> {
    if old == Some(template) {
        return Vec::new();
    }
    let annotations = template.metadata.as_ref().and_then(|meta| meta.annotations.as_ref());
    template.spec.as_ref().map(|spec| of_spec(path, spec, annotations)).unwrap_or_default()
}

/// Of what stands at `path`: a Pod, or a template (`warningsForPodSpecAndMeta`).
pub fn of_spec(path: &Path, spec: &PodSpec, annotations: Option<&BTreeMap<String, String>>) -> Vec<String> {
    let mut warnings = Vec::new();
    let (metadata, path) = (path.child("metadata").child("annotations"), path.child("spec"));
    for key in spec.node_selector.iter().flatten().map(|(key, _)| key) {
        if let Some(message) = old_label(key) {
            warnings.push(format!("{}: {message}", path.child("nodeSelector").key(key)));
        }
    }
    if let Some(affinity) = &spec.affinity {
        of_node_affinity(&mut warnings, &path.child("affinity").child("nodeAffinity"), affinity);
    }
    for (index, given) in spec.topology_spread_constraints.iter().flatten().enumerate() {
        let path = path.child("topologySpreadConstraints").index(index);
        if let Some(message) = old_label(&given.topology_key) {
            warnings.push(format!("{}: {} is {message}", path.child("topologyKey"), given.topology_key));
        }
        if given.label_selector.is_none() {
            warnings.push(no_selector(&path));
        }
    }
    for (key, message) in OLD_ANNOTATIONS {
        if annotations.is_some_and(|held| held.contains_key(key)) {
            warnings.push(format!("{}: {message}", metadata.key(key)));
        }
    }
    of_volumes(&mut warnings, &path.child("volumes"), spec.volumes.as_deref().unwrap_or_default());
    let aliases = spec.host_aliases.iter().flatten().map(|alias| alias.ip.as_str());
    repeated(&mut warnings, &path.child("hostAliases"), "ip", aliases);
    let secrets = spec.image_pull_secrets.iter().flatten().map(|secret| secret.name.as_str());
    repeated(&mut warnings, &path.child("imagePullSecrets"), "name", secrets.clone());
    for (index, _) in secrets.enumerate().filter(|(_, name)| name.is_empty()) {
        let path = path.child("imagePullSecrets").index(index).child("name");
        warnings.push(format!("{path}: invalid empty name \"\""));
    }
    visit(&path, spec, &mut |path, container| of_container(&mut warnings, path, container));
    of_ports(&mut warnings, &path, spec);
    if spec.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        let path = path.child("terminationGracePeriodSeconds");
        warnings.push(format!("{path}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    if let Some(affinity) = &spec.affinity {
        of_pod_affinity(&mut warnings, &path.child("affinity"), affinity);
    }
    warnings
}

fn old_label(key: &str) -> Option<&'static str> {
    OLD_NODE_LABELS.iter().find(|(old, _)| *old == key).map(|(_, message)| *message)
}

fn no_selector(path: &Path) -> String {
    format!("{}: a null labelSelector results in matching no pod", path.child("labelSelector"))
}

/// Every container with its path, those that run first first.
fn visit<'a>(path: &Path, spec: &'a PodSpec, each: &mut dyn FnMut(&Path, &'a Container)) {
    let groups = [("initContainers", spec.init_containers.as_ref()), ("containers", Some(&spec.containers))];
    for (field, containers) in groups {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            each(&path.child(field).index(index), container);
        }
    }
}

/// That something is there twice.
fn repeated<'a>(warnings: &mut Vec<String>, path: &Path, field: &str, values: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for (index, value) in values.enumerate() {
        if !seen.insert(value) {
            warnings.push(format!("{}: duplicate {field} {value:?}", path.index(index).child(field)));
        }
    }
}

fn of_node_affinity(warnings: &mut Vec<String>, path: &Path, affinity: &Affinity) {
    let Some(node) = &affinity.node_affinity else { return };
    let mut of_term = |path: &Path, term: &NodeSelectorTerm, preferred: bool| {
        for (index, given) in term.match_expressions.iter().flatten().enumerate() {
            let path = path.child("matchExpressions").index(index);
            if let Some(message) = old_label(&given.key) {
                warnings.push(format!("{}: {} is {message}", path.child("key"), given.key));
            }
            if preferred {
                for (at, value) in given.values.iter().flatten().enumerate() {
                    for why in content::label_value(value) {
                        let path = path.child("values").index(at);
                        warnings.push(format!("{path}: {value} is invalid, {why}"));
                    }
                }
            }
        }
    };
    if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            of_term(&path.child(REQUIRED).child("nodeSelectorTerms").index(index), term, false);
        }
    }
    for (index, given) in node.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
        of_term(&path.child(PREFERRED).index(index).child("preference"), &given.preference, true);
    }
}

fn of_pod_affinity(warnings: &mut Vec<String>, path: &Path, affinity: &Affinity) {
    let mut of_terms = |terms: &mut dyn Iterator<Item = (Path, &PodAffinityTerm)>| {
        for (path, term) in terms {
            if term.label_selector.is_none() {
                warnings.push(no_selector(&path));
            }
        }
    };
    let with = affinity.pod_affinity.as_ref().map(|given| {
        (
            "podAffinity",
            given.required_during_scheduling_ignored_during_execution.as_deref(),
            given.preferred_during_scheduling_ignored_during_execution.as_deref(),
        )
    });
    let against = affinity.pod_anti_affinity.as_ref().map(|given| {
        (
            "podAntiAffinity",
            given.required_during_scheduling_ignored_during_execution.as_deref(),
            given.preferred_during_scheduling_ignored_during_execution.as_deref(),
        )
    });
    for (field, required, preferred) in with.into_iter().chain(against) {
        let path = path.child(field);
        let required = required.unwrap_or_default().iter().enumerate();
        of_terms(&mut required.map(|(index, term)| (path.child(REQUIRED).index(index), term)));
        let preferred = preferred.unwrap_or_default().iter().enumerate();
        of_terms(&mut preferred.map(|(index, given)| {
            (path.child(PREFERRED).index(index).child("podAffinityTerm"), &given.pod_affinity_term)
        }));
    }
}

/// Kinds of volumes that nobody serves any more, and files that would hide one another.
fn of_volumes(warnings: &mut Vec<String>, path: &Path, volumes: &[Volume]) {
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        for (field, set, message) in [
            (
                "photonPersistentDisk",
                volume.photon_persistent_disk.is_some(),
                "deprecated in v1.11, non-functional in v1.16+",
            ),
            ("gitRepo", volume.git_repo.is_some(), "deprecated in v1.11, and disabled by default in v1.33+"),
            ("scaleIO", volume.scale_io.is_some(), "deprecated in v1.16, non-functional in v1.22+"),
            ("flocker", volume.flocker.is_some(), "deprecated in v1.22, non-functional in v1.25+"),
            ("storageOS", volume.storageos.is_some(), "deprecated in v1.22, non-functional in v1.25+"),
            ("quobyte", volume.quobyte.is_some(), "deprecated in v1.22, non-functional in v1.25+"),
            ("glusterfs", volume.glusterfs.is_some(), "deprecated in v1.25, non-functional in v1.26+"),
            ("cephfs", volume.cephfs.is_some(), "deprecated in v1.28, non-functional in v1.31+"),
            ("rbd", volume.rbd.is_some(), "deprecated in v1.28, non-functional in v1.31+"),
        ] {
            if set {
                warnings.push(format!("{}: {message}", path.child(field)));
            }
        }
        if let Some(template) = volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref()) {
            let path = path.child("ephemeral").child("volumeClaimTemplate").child("spec");
            warnings.extend(claim_spec::warnings(&path, &template.spec));
        }
    }
    for volume in volumes {
        let projected = volume.projected.iter().flat_map(|source| source.sources.iter().flatten());
        for _ in projected.filter(|part| **part == VolumeProjection::default()) {
            warnings.push(format!("volume {:?} (Projected) has no sources provided", volume.name));
        }
        let mut overlaps = |what: String, files: Vec<(String, String)>| {
            for text in overlapping(&files) {
                warnings.push(format!("volume {:?} ({what}): overlapping paths: {text}", volume.name));
            }
        };
        let keys = |items: Option<&Vec<KeyToPath>>, of: &str| -> Vec<(String, String)> {
            items.into_iter().flatten().map(|item| (item.path.clone(), of.to_owned())).collect()
        };
        if let Some(source) = &volume.config_map {
            overlaps(format!("ConfigMap {:?}", source.name), keys(source.items.as_ref(), ""));
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().unwrap_or_default();
            overlaps(format!("Secret {name:?}"), keys(source.items.as_ref(), ""));
        }
        if let Some(source) = &volume.downward_api {
            let files = source.items.iter().flatten().map(|item| (item.path.clone(), String::new()));
            overlaps("DownwardAPI".to_owned(), files.collect());
        }
        if let Some(source) = &volume.projected {
            let mut files = Vec::new();
            for part in source.sources.iter().flatten() {
                if let Some(part) = &part.config_map {
                    files.extend(keys(part.items.as_ref(), &format!("ConfigMap {:?}", part.name)));
                } else if let Some(part) = &part.secret {
                    files.extend(keys(part.items.as_ref(), &format!("Secret {:?}", part.name)));
                } else if let Some(part) = &part.downward_api {
                    let items = part.items.iter().flatten();
                    files.extend(items.map(|item| (item.path.clone(), "DownwardAPI".to_owned())));
                } else if let Some(part) = &part.service_account_token {
                    files.push((part.path.clone(), "ServiceAccountToken".to_owned()));
                }
            }
            overlaps("Projected".to_owned(), files);
        }
    }
}

/// Files, each with where it comes from, of which one is another or lies below it.
fn overlapping(files: &[(String, String)]) -> Vec<String> {
    let shown = |path: &str, source: &str| {
        if source.is_empty() { format!("{path:?}") } else { format!("{path:?} ({source})") }
    };
    let mut found = Vec::new();
    for (index, (path, source)) in files.iter().enumerate() {
        let path = path.trim_end_matches('/');
        for (earlier, of) in files.iter().take(index).filter(|_| !path.is_empty()) {
            let earlier = earlier.trim_end_matches('/');
            let (one, other) = (format!("{path}/"), format!("{earlier}/"));
            if !earlier.is_empty() && (one.starts_with(&other) || other.starts_with(&one)) {
                found.push(format!("{} with {}", shown(path, source), shown(earlier, of)));
            }
        }
    }
    found
}

fn of_container(warnings: &mut Vec<String>, path: &Path, container: &Container) {
    let resources = container.resources.as_ref();
    for name in ["memory", "ephemeral-storage"] {
        for (field, list) in [
            ("limits", resources.and_then(|resources| resources.limits.as_ref())),
            ("requests", resources.and_then(|resources| resources.requests.as_ref())),
        ] {
            let amount = list.and_then(|list| list.get(name)).and_then(|text| Quantity::parse(&text.0).ok());
            if let Some(amount) = amount.filter(|amount| amount.milli_value() % 1000 != 0) {
                let path = path.child("resources").child(field).key(name);
                let text = amount.to_string();
                warnings.push(format!("{path}: fractional byte value {text:?} is invalid, must be an integer"));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, variable) in container.env.iter().flatten().enumerate() {
        if seen.insert(&variable.name) {
            continue;
        }
        let value = variable.value.as_deref().unwrap_or_default();
        let reference = format!("$({})", variable.name);
        // A value that builds on the earlier one is meant.
        if variable.value_from.is_some() || value == reference || !value.contains(&reference) {
            let path = path.child("env").index(index);
            warnings.push(format!(
                "{path}: hides previous definition of {:?}, which may be dropped when using apply",
                variable.name
            ));
        }
    }
}

/// Ports that are there twice, by number or by name, in any of the containers.
fn of_ports(warnings: &mut Vec<String>, path: &Path, spec: &PodSpec) {
    let mut all: Vec<(Path, &ContainerPort)> = Vec::new();
    visit(path, spec, &mut |path, container| {
        let ports = container.ports.iter().flatten().enumerate();
        all.extend(ports.map(|(index, port)| (path.child("ports").index(index), port)));
    });
    let address = |port: &ContainerPort| port.host_ip.clone().unwrap_or_default();
    let on_host = |port: &ContainerPort| port.host_port.unwrap_or(0);
    for (index, (here, port)) in all.iter().enumerate() {
        if !address(port).is_empty() && on_host(port) == 0 {
            let shown = format!(
                "{{Name:{} HostPort:0 ContainerPort:{} Protocol:{} HostIP:{}}}",
                port.name.as_deref().unwrap_or_default(),
                port.container_port,
                port.protocol.as_deref().unwrap_or_default(),
                address(port)
            );
            warnings.push(format!("{here}: hostIP set without hostPort: {shown}"));
        }
        let same = |held: &&(Path, &ContainerPort)| {
            held.1.container_port == port.container_port && held.1.protocol == port.protocol
        };
        for (there, held) in all.iter().take(index).filter(same) {
            let kind = if address(port) == address(held) && on_host(port) == on_host(held) {
                "duplicate"
            } else if on_host(port) == 0 || on_host(held) == 0 {
                "overlapping"
            } else if on_host(port) == on_host(held) && (address(port).is_empty() != address(held).is_empty()) {
                "dangerously ambiguous"
            } else {
                continue;
            };
            warnings.push(format!("{here}: {kind} port definition with {there}"));
        }
    }
    let mut names: BTreeMap<&str, &Path> = BTreeMap::new();
    for (here, port) in &all {
        let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) else { continue };
        match names.get(name) {
            Some(first) => warnings.push(format!(
                "{here}: duplicate port name {name:?} with {first}, services and probes that select ports by name will \
                 use {first}"
            )),
            None => {
                names.insert(name, here);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(spec: Value) -> Vec<String> {
        of_spec(&Path::default(), &serde_json::from_value(spec).unwrap(), None)
    }

    #[test]
    fn a_name_with_dots_is_warned_of() {
        assert_eq!(
            of_name("hello.world", "Pod names and hostnames").unwrap(),
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS \
             label is recommended: [must not contain dots]"
        );
        assert_eq!(of_name("hello", "Pod names and hostnames"), None);
    }

    #[test]
    fn a_variable_that_hides_another_is_warned_of_unless_it_builds_on_it() {
        let twice =
            |second: Value| of(json!({"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}, second]}]}));
        let hides =
            ["spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply"];
        assert_eq!(twice(json!({"name": "A", "value": "2"})), hides);
        assert_eq!(twice(json!({"name": "A", "value": "$(A)"})), hides);
        assert_eq!(twice(json!({"name": "A", "value": "$(A)2"})), [""; 0]);
    }

    #[test]
    fn ports_are_compared_across_containers() {
        let ports = of(json!({"containers": [
            {"name": "a", "ports": [{"containerPort": 80, "name": "web"}]},
            {"name": "b", "ports": [{"containerPort": 80, "name": "web"}]}]}));
        assert_eq!(
            ports,
            [
                "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
                "spec.containers[1].ports[0]: duplicate port name \"web\" with spec.containers[0].ports[0], services \
                 and probes that select ports by name will use spec.containers[0].ports[0]"
            ]
        );
    }

    #[test]
    fn files_that_hide_one_another_are_warned_of() {
        let volumes = of(json!({"containers": [], "volumes": [{"name": "v", "configMap": {"name": "m",
            "items": [{"key": "a", "path": "x"}, {"key": "b", "path": "x/y"}]}}]}));
        assert_eq!(volumes, ["volume \"v\" (ConfigMap \"m\"): overlapping paths: \"x/y\" with \"x\""]);
    }
}
