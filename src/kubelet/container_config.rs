//! From a container's spec to what the runtime makes: environment, mounts, user.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables, makeMounts) and pkg/volume.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVarSource, KeyToPath, Pod, Secret, Service, Volume, VolumeMount,
};

use crate::apimachinery::meta;
use crate::client::Client;
use crate::cri::{ContainerConfig, Mount, User};

/// A container that cannot be made or started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The waiting reason, such as `CreateContainerConfigError`.
    pub reason: &'static str,
    /// The text.
    pub message: String,
}

fn config_error(message: String) -> Refused {
    Refused { reason: "CreateContainerConfigError", message }
}

/// What a container finds around it.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The node's name.
    pub node: &'a str,
    /// The node's address.
    pub node_address: &'a str,
    /// The Pod's address.
    pub pod_address: &'a str,
    /// How often the container was started before.
    pub attempt: u32,
}

/// The runtime's view of a container.
///
/// # Errors
/// [`Refused`] when a ConfigMap, Secret or key that it needs is missing.
pub fn build(
    pod: &Pod,
    container: &Container,
    around: &Surroundings<'_>,
    client: &Client<'_>,
) -> Result<ContainerConfig, Refused> {
    let env = environment(pod, container, around, client)?;
    let lookup: BTreeMap<&str, &str> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expand_all =
        |texts: &Option<Vec<String>>| texts.iter().flatten().map(|text| expand(text, &lookup)).collect::<Vec<String>>();
    let (command, args) = (expand_all(&container.command), expand_all(&container.args));
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        mounts.push(self::mount(pod, mount, around, client)?);
    }
    let pod_context = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
    let own_context = container.security_context.as_ref();
    let uid = own_context.and_then(|own| own.run_as_user).or(pod_context.and_then(|pod| pod.run_as_user));
    let gid = own_context.and_then(|own| own.run_as_group).or(pod_context.and_then(|pod| pod.run_as_group));
    let limit = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    let memory = limit.and_then(|limits| limits.get("memory"));
    Ok(ContainerConfig {
        name: container.name.clone(),
        attempt: around.attempt,
        image: container.image.clone().unwrap_or_default(),
        command,
        args,
        working_dir: container.working_dir.clone().unwrap_or_default(),
        mounts,
        user: uid.map(|uid| User { uid, gid: gid.unwrap_or(0), groups: vec![gid.unwrap_or(0)] }),
        stdin: container.stdin.unwrap_or(false),
        tty: container.tty.unwrap_or(false),
        memory_limit: memory
            .and_then(|quantity| crate::apimachinery::quantity::Quantity::parse(&quantity.0).ok())
            .map_or(0, |quantity| quantity.value()),
        env,
    })
}

/// The first volume that cannot be mounted: its name and why.
pub fn missing_volume(pod: &Pod, client: &Client<'_>) -> Option<(String, String)> {
    let namespace = meta::namespace(&pod.metadata);
    pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).find_map(|volume| {
        let config_map = volume.config_map.as_ref().filter(|source| source.optional != Some(true));
        let secret = volume.secret.as_ref().filter(|source| source.optional != Some(true));
        let missing = if let Some(source) = config_map {
            client.get::<ConfigMap>(namespace, &source.name).err().map(|_| ("configmap", source.name.clone()))
        } else if let Some(name) = secret.and_then(|source| source.secret_name.clone()) {
            client.get::<Secret>(namespace, &name).err().map(|_| ("secret", name))
        } else {
            None
        };
        missing.map(|(kind, name)| (volume.name.clone(), format!("{kind} \"{name}\" not found")))
    })
}

/// Whether a text can name an image.
///
/// # Errors
/// The reference parser's text.
pub fn check_image_name(image: &str) -> Result<(), String> {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let path = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(path, _)| path);
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let text = format!("couldn't parse image name \"{image}\": invalid reference format");
    if path.is_empty()
        || !path.chars().all(fits)
        || path.starts_with(['-', '.', '/'])
        || path.ends_with(['-', '.', '/'])
    {
        return Err(text);
    }
    // Only the registry's name may have capitals.
    let repository =
        path.split_once('/').filter(|(first, _)| first.contains(['.', ':'])).map_or(path, |(_, rest)| rest);
    if repository.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(
            format!("{text}: repository name must be lowercase").replace("format: repository", "format: repository")
        );
    }
    Ok(())
}

fn environment(
    pod: &Pod,
    container: &Container,
    around: &Surroundings<'_>,
    client: &Client<'_>,
) -> Result<Vec<(String, String)>, Refused> {
    let namespace = meta::namespace(&pod.metadata);
    let mut env: Vec<(String, String)> = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let data = if let Some(reference) = &source.config_map_ref {
            match client.get::<ConfigMap>(namespace, &reference.name) {
                Ok(found) => found.data.clone().unwrap_or_default(),
                Err(_) if reference.optional == Some(true) => continue,
                Err(status) => return Err(config_error(status.message)),
            }
        } else if let Some(reference) = &source.secret_ref {
            match client.get::<Secret>(namespace, &reference.name) {
                Ok(found) => texts(&found),
                Err(_) if reference.optional == Some(true) => continue,
                Err(status) => return Err(config_error(status.message)),
            }
        } else {
            continue;
        };
        env.extend(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => match value_from(pod, container, source, around, client)? {
                Some(value) => value,
                None => continue,
            },
            None => {
                let known: BTreeMap<&str, &str> = env.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                expand(variable.value.as_deref().unwrap_or_default(), &known)
            }
        };
        env.retain(|(name, _)| *name != variable.name);
        env.push((variable.name.clone(), value));
    }
    let links = pod.spec.as_ref().is_none_or(|spec| spec.enable_service_links != Some(false));
    for (name, value) in service_environment(namespace, links, client) {
        if !env.iter().any(|(held, _)| *held == name) {
            env.push((name, value));
        }
    }
    Ok(env)
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
) -> Result<Option<String>, Refused> {
    let namespace = meta::namespace(&pod.metadata);
    if let Some(field) = &source.field_ref {
        return Ok(Some(field_value(pod, &field.field_path, around)));
    }
    if let Some(field) = &source.resource_field_ref {
        let named = field.container_name.as_deref().unwrap_or(&container.name);
        let divisor = field.divisor.as_ref().map(|quantity| quantity.0.as_str()).unwrap_or_default();
        return Ok(Some(resource_value(pod, named, &field.resource, divisor)));
    }
    if let Some(reference) = &source.config_map_key_ref {
        let found = client.get::<ConfigMap>(namespace, &reference.name);
        let value = found.as_ref().ok().and_then(|found| found.data.as_ref()?.get(&reference.key).cloned());
        return match (value, reference.optional, found) {
            (Some(value), _, _) => Ok(Some(value)),
            (None, Some(true), _) => Ok(None),
            (None, _, Err(status)) => Err(config_error(status.message)),
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
            (None, _, Err(status)) => Err(config_error(status.message)),
            (None, _, Ok(_)) => Err(config_error(format!(
                "couldn't find key {} in Secret {namespace}/{}",
                reference.key, reference.name
            ))),
        };
    }
    Ok(Some(String::new()))
}

fn field_value(pod: &Pod, path: &str, around: &Surroundings<'_>) -> String {
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

fn resource_value(pod: &Pod, container: &str, resource: &str, divisor: &str) -> String {
    use crate::apimachinery::quantity;
    let found = pod.spec.iter().flat_map(|spec| &spec.containers).find(|held| held.name == container);
    let resources = found.and_then(|container| container.resources.as_ref());
    let (list, name) = resource.split_once('.').unwrap_or(("limits", resource));
    let amounts =
        resources.and_then(|held| if list == "limits" { held.limits.as_ref() } else { held.requests.as_ref() });
    let amount = amounts.and_then(|amounts| amounts.get(name)).and_then(|held| quantity::Quantity::parse(&held.0).ok());
    let divisor = quantity::Quantity::parse(if divisor.is_empty() || divisor == "0" { "1" } else { divisor })
        .unwrap_or_else(|_| quantity::Quantity::zero());
    let (amount, divisor) =
        (amount.unwrap_or_else(quantity::Quantity::zero).milli_value(), divisor.milli_value().max(1));
    // Upstream rounds up.
    ((amount + divisor - 1) / divisor).to_string()
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
fn expand(text: &str, known: &BTreeMap<&str, &str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match known.get(name) {
                Some(value) => out.push_str(value),
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

fn mount(pod: &Pod, mount: &VolumeMount, around: &Surroundings<'_>, client: &Client<'_>) -> Result<Mount, Refused> {
    let volume = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).find(|held| held.name == mount.name);
    let files = volume.map(|volume| files(pod, volume, around, client)).unwrap_or_default();
    let generated = volume.is_some_and(|volume| {
        volume.config_map.is_some()
            || volume.secret.is_some()
            || volume.projected.is_some()
            || volume.downward_api.is_some()
    });
    let known: BTreeMap<&str, &str> = BTreeMap::new();
    Ok(Mount {
        path: mount.mount_path.clone(),
        volume: mount.name.clone(),
        sub_path: mount
            .sub_path
            .clone()
            .or_else(|| mount.sub_path_expr.as_ref().map(|e| expand(e, &known)))
            .unwrap_or_default(),
        read_only: mount.read_only.unwrap_or(false) || generated,
        files,
    })
}

type Files = Vec<(String, Vec<u8>, u32)>;

fn files(pod: &Pod, volume: &Volume, around: &Surroundings<'_>, client: &Client<'_>) -> Files {
    let namespace = meta::namespace(&pod.metadata);
    let config_map = |name: &str, items: Option<&Vec<KeyToPath>>, mode: Option<i32>| {
        let Ok(found) = client.get::<ConfigMap>(namespace, name) else { return Files::new() };
        let mut data: BTreeMap<String, Vec<u8>> =
            found.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect();
        data.extend(found.binary_data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())));
        pick(data, items, mode)
    };
    let secret = |name: &str, items: Option<&Vec<KeyToPath>>, mode: Option<i32>| {
        let Ok(found) = client.get::<Secret>(namespace, name) else { return Files::new() };
        pick(found.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect(), items, mode)
    };
    if let Some(source) = &volume.config_map {
        return config_map(&source.name, source.items.as_ref(), source.default_mode);
    }
    if let Some(source) = &volume.secret {
        return secret(source.secret_name.as_deref().unwrap_or_default(), source.items.as_ref(), source.default_mode);
    }
    if let Some(source) = &volume.downward_api {
        return downward(pod, source.items.as_deref().unwrap_or_default(), around);
    }
    let Some(projected) = &volume.projected else { return Files::new() };
    let mut all = Files::new();
    for source in projected.sources.iter().flatten() {
        if let Some(source) = &source.config_map {
            all.extend(config_map(&source.name, source.items.as_ref(), projected.default_mode));
        }
        if let Some(source) = &source.secret {
            all.extend(secret(&source.name, source.items.as_ref(), projected.default_mode));
        }
        if let Some(source) = &source.downward_api {
            all.extend(downward(pod, source.items.as_deref().unwrap_or_default(), around));
        }
        if let Some(source) = &source.service_account_token {
            let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).unwrap_or_default();
            all.push((source.path.clone(), format!("token of {namespace}/{account}").into_bytes(), 0o644));
        }
    }
    all
}

fn pick(data: BTreeMap<String, Vec<u8>>, items: Option<&Vec<KeyToPath>>, mode: Option<i32>) -> Files {
    let mode = |own: Option<i32>| u32::try_from(own.or(mode).unwrap_or(0o644)).unwrap_or(0o644);
    match items {
        None => data.into_iter().map(|(key, value)| (key, value, mode(None))).collect(),
        Some(items) => items
            .iter()
            .filter_map(|item| Some((item.path.clone(), data.get(&item.key)?.clone(), mode(item.mode))))
            .collect(),
    }
}

fn downward(
    pod: &Pod,
    items: &[k8s_openapi::api::core::v1::DownwardAPIVolumeFile],
    around: &Surroundings<'_>,
) -> Files {
    let content = |item: &k8s_openapi::api::core::v1::DownwardAPIVolumeFile| {
        if let Some(field) = &item.field_ref {
            return field_value(pod, &field.field_path, around);
        }
        item.resource_field_ref.as_ref().map_or_else(String::new, |field| {
            let divisor = field.divisor.as_ref().map(|quantity| quantity.0.as_str()).unwrap_or_default();
            resource_value(pod, field.container_name.as_deref().unwrap_or_default(), &field.resource, divisor)
        })
    };
    items.iter().map(|item| (item.path.clone(), content(item).into_bytes(), 0o644)).collect()
}
