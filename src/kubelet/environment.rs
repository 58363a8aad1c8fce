//! A container's environment: its variables, whatever they come from, and the services around it.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and pkg/kubelet/envvars.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Node, Pod, Secret, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::container_config::{Refused, Surroundings, config_error};
use super::mounting::not_found;
use crate::apimachinery::meta;
use crate::apimachinery::quantity::Quantity;
use crate::client::Client;

/// The environment, in order. `files` reads a file of one of the Pod's volumes: volume and path.
///
/// # Errors
/// [`Refused`] when a ConfigMap, Secret or key that it needs is missing.
pub fn environment(
    pod: &Pod,
    container: &Container,
    around: &Surroundings<'_>,
    client: &Client<'_>,
    files: &dyn Fn(&str, &str) -> Option<Vec<u8>>,
) -> Result<Vec<(String, String)>, Refused> {
    let namespace = meta::namespace(&pod.metadata);
    let mut env: Vec<(String, String)> = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let data = if let Some(reference) = &source.config_map_ref {
            match client.get::<ConfigMap>(namespace, &reference.name) {
                Ok(found) => found.data.clone().unwrap_or_default(),
                Err(_) if reference.optional == Some(true) => continue,
                Err(_) => return Err(missing("configmap", &reference.name)),
            }
        } else if let Some(reference) = &source.secret_ref {
            match client.get::<Secret>(namespace, &reference.name) {
                Ok(found) => texts(&found),
                Err(_) if reference.optional == Some(true) => continue,
                Err(_) => return Err(missing("secret", &reference.name)),
            }
        } else {
            continue;
        };
        env.extend(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    let links = pod.spec.as_ref().is_none_or(|spec| spec.enable_service_links != Some(false));
    let services = service_environment(namespace, links, client);
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => match value_from(pod, container, source, around, client, files)? {
                Some(value) => value,
                None => continue,
            },
            None => {
                let known: BTreeMap<&str, &str> =
                    services.iter().chain(&env).map(|(name, value)| (name.as_str(), value.as_str())).collect();
                expand(variable.value.as_deref().unwrap_or_default(), &known)
            }
        };
        env.retain(|(name, _)| *name != variable.name);
        env.push((variable.name.clone(), value));
    }
    for (name, value) in services {
        if !env.iter().any(|(held, _)| *held == name) {
            env.push((name, value));
        }
    }
    Ok(env)
}

/// As the kubelet's own cache says it, which knows the kinds in the singular.
fn missing(kind: &str, name: &str) -> Refused {
    config_error(not_found(kind, name))
}

fn texts(secret: &Secret) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    secret.data.iter().flatten().map(|(key, value)| (key.clone(), text(&value.0))).collect()
}

fn value_from(
    pod: &Pod,
    container: &Container,
    source: &EnvVarSource,
    around: &Surroundings<'_>,
    client: &Client<'_>,
    files: &dyn Fn(&str, &str) -> Option<Vec<u8>>,
) -> Result<Option<String>, Refused> {
    let namespace = meta::namespace(&pod.metadata);
    if let Some(field) = &source.field_ref {
        return Ok(Some(field_value(pod, &field.field_path, around)));
    }
    if let Some(field) = &source.resource_field_ref {
        let named = field.container_name.as_deref().unwrap_or(&container.name);
        let divisor = field.divisor.as_ref().map(|quantity| quantity.0.as_str()).unwrap_or_default();
        return Ok(Some(resource_value(pod, (named, &field.resource, divisor), around.node, client)));
    }
    if let Some(reference) = &source.config_map_key_ref {
        let found = client.get::<ConfigMap>(namespace, &reference.name);
        let value = found.as_ref().ok().and_then(|found| found.data.as_ref()?.get(&reference.key).cloned());
        return match (value, reference.optional, found) {
            (Some(value), _, _) => Ok(Some(value)),
            (None, Some(true), _) => Ok(None),
            (None, _, Err(_)) => Err(missing("configmap", &reference.name)),
            (None, _, Ok(_)) => Err(config_error(format!(
                "couldn't find key {} in ConfigMap {namespace}/{}",
                reference.key, reference.name
            ))),
        };
    }
    if let Some(reference) = &source.secret_key_ref {
        let found = client.get::<Secret>(namespace, &reference.name);
        let value = found.as_ref().ok().and_then(|found| texts(found).get(&reference.key).cloned());
        return match (value, reference.optional, found) {
            (Some(value), _, _) => Ok(Some(value)),
            (None, Some(true), _) => Ok(None),
            (None, _, Err(_)) => Err(missing("secret", &reference.name)),
            (None, _, Ok(_)) => Err(config_error(format!(
                "couldn't find key {} in Secret {namespace}/{}",
                reference.key, reference.name
            ))),
        };
    }
    if let Some(reference) = &source.file_key_ref {
        let found = files(&reference.volume_name, &reference.path).and_then(|text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            super::env_file::value(&text, &reference.key).ok()
        });
        let Some(value) = found else { return Err(config_error("couldn't parse env file".to_owned())) };
        return match (value, reference.optional) {
            (value, _) if !value.is_empty() => Ok(Some(value)),
            (_, Some(true)) => Ok(None),
            _ => Err(config_error(format!(
                "environment variable key {:?} not found in file \"/var/lib/kubelet/pods/{}/volumes/kubernetes.io~empty-dir/{}/{}\"",
                reference.key,
                meta::uid(&pod.metadata),
                reference.volume_name,
                reference.path
            ))),
        };
    }
    Ok(Some(String::new()))
}

/// A field of the Pod, as `fieldRef` names it.
pub fn field_value(pod: &Pod, path: &str, around: &Surroundings<'_>) -> String {
    let spec = pod.spec.as_ref();
    let keyed = |map: &Option<BTreeMap<String, String>>, prefix: &str| {
        let key = path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("']")).unwrap_or_default();
        map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default()
    };
    let listed = |map: &Option<BTreeMap<String, String>>| {
        let lines = map.iter().flatten().map(|(key, value)| format!("{key}={value:?}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    match path {
        "metadata.name" => meta::name(&pod.metadata).to_owned(),
        "metadata.namespace" => meta::namespace(&pod.metadata).to_owned(),
        "metadata.uid" => meta::uid(&pod.metadata).to_owned(),
        "metadata.labels" => listed(&pod.metadata.labels),
        "metadata.annotations" => listed(&pod.metadata.annotations),
        "spec.nodeName" => around.node.to_owned(),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => around.node_address.to_owned(),
        "status.podIP" | "status.podIPs" => around.pod_address.to_owned(),
        _ if path.starts_with("metadata.labels['") => keyed(&pod.metadata.labels, "metadata.labels['"),
        _ if path.starts_with("metadata.annotations['") => keyed(&pod.metadata.annotations, "metadata.annotations['"),
        _ => String::new(),
    }
}

/// A request or limit of a container, as `resourceFieldRef` names it, in units of the divisor. A limit that is not set
/// is what the Pod as a whole may use, or what the node has for Pods.
pub fn resource_value(
    pod: &Pod,
    (container, resource, divisor): (&str, &str, &str),
    node: &str,
    client: &Client<'_>,
) -> String {
    let Some(spec) = &pod.spec else { return "0".to_owned() };
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let resources = all.find(|held| held.name == container).and_then(|container| container.resources.as_ref());
    let (list, name) = resource.split_once('.').unwrap_or(("limits", resource));
    let read = |amounts: Option<&BTreeMap<String, Text>>| {
        let amount = amounts.and_then(|amounts| amounts.get(name)).and_then(|held| Quantity::parse(&held.0).ok());
        amount.filter(|amount| !amount.is_zero())
    };
    let amount = if list == "limits" {
        let of_node = || {
            let node = client.get::<Node>("", node).ok()?;
            read(node.status.as_ref()?.allocatable.as_ref())
        };
        let of_pod = spec.resources.as_ref().and_then(|held| held.limits.as_ref());
        let is_counted = matches!(name, "cpu" | "memory" | "ephemeral-storage");
        read(resources.and_then(|held| held.limits.as_ref()))
            .or_else(|| read(of_pod).filter(|_| is_counted))
            .or_else(|| of_node().filter(|_| is_counted))
    } else {
        read(resources.and_then(|held| held.requests.as_ref()))
    };
    let divisor = Quantity::parse(if divisor.is_empty() || divisor == "0" { "1" } else { divisor });
    let divisor = divisor.unwrap_or_else(|_| Quantity::zero());
    let (amount, divisor) = (amount.unwrap_or_else(Quantity::zero).milli_value(), divisor.milli_value().max(1));
    // Upstream rounds up.
    (amount.saturating_add(divisor - 1) / divisor).to_string()
}

/// What services look like in the environment: the cluster's own always, those of the namespace when links are on.
fn service_environment(namespace: &str, links: bool, client: &Client<'_>) -> Vec<(String, String)> {
    let mut env = Vec::new();
    let kubernetes = client.get::<Service>("default", "kubernetes").ok();
    let own = if links { client.list::<Service>(Some(namespace)) } else { Vec::new() };
    let own = own.into_iter().filter(|service| namespace != "default" || meta::name(&service.metadata) != "kubernetes");
    for service in own.chain(kubernetes) {
        let Some(spec) = &service.spec else { continue };
        let Some(address) = spec.cluster_ip.as_deref().filter(|address| !address.is_empty() && *address != "None")
        else {
            continue;
        };
        let prefix = meta::name(&service.metadata).to_uppercase().replace('-', "_");
        let Some(first) = spec.ports.iter().flatten().next() else { continue };
        env.push((format!("{prefix}_SERVICE_HOST"), address.to_owned()));
        env.push((format!("{prefix}_SERVICE_PORT"), first.port.to_string()));
        for port in spec.ports.iter().flatten() {
            if let Some(name) = &port.name {
                let name = name.to_uppercase().replace('-', "_");
                env.push((format!("{prefix}_SERVICE_PORT_{name}"), port.port.to_string()));
            }
        }
        let protocol = |port: &k8s_openapi::api::core::v1::ServicePort| port.protocol.clone().unwrap_or("TCP".into());
        env.push((format!("{prefix}_PORT"), format!("{}://{address}:{}", protocol(first).to_lowercase(), first.port)));
        for port in spec.ports.iter().flatten() {
            let upper = protocol(port).to_uppercase();
            let base = format!("{prefix}_PORT_{}_{upper}", port.port);
            env.push((base.clone(), format!("{}://{address}:{}", upper.to_lowercase(), port.port)));
            env.push((format!("{base}_PROTO"), upper.to_lowercase()));
            env.push((format!("{base}_PORT"), port.port.to_string()));
            env.push((format!("{base}_ADDR"), address.to_owned()));
        }
    }
    env
}

/// `$(NAME)` of known names, and `$$` for a dollar sign.
///
/// Models Kubernetes 1.36 third_party/forked/golang/expansion.
pub fn expand(text: &str, known: &BTreeMap<&str, &str>) -> String {
    expand_with(text, |name| known.get(name).map(|value| (*value).to_owned()))
}

/// The same with whatever `known` says of a name; `None` leaves it as it is.
pub fn expand_with(text: &str, mut known: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match known(name) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = more;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
