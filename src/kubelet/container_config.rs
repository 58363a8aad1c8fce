//! From a container's spec to what the runtime makes: command, environment, mounts, user.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go (generateContainerConfig).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::dns;
use super::environment::{environment, expand};
use super::volumes;
use crate::client::Client;
use crate::cri::{ContainerConfig, User};

/// A container that cannot be made or started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The waiting reason, such as `CreateContainerConfigError`.
    pub reason: &'static str,
    /// The text.
    pub message: String,
}

pub fn config_error(message: String) -> Refused {
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

/// The runtime's view of a container. `files` reads a file of one of the Pod's volumes: volume and path.
///
/// # Errors
/// [`Refused`] when a ConfigMap, Secret or key that it needs is missing.
pub fn build(
    pod: &Pod,
    container: &Container,
    around: &Surroundings<'_>,
    client: &Client<'_>,
    files: &dyn Fn(&str, &str) -> Option<Vec<u8>>,
) -> Result<ContainerConfig, Refused> {
    let env = environment(pod, container, around, client, files)?;
    let lookup: BTreeMap<&str, &str> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expand_all =
        |texts: &Option<Vec<String>>| texts.iter().flatten().map(|text| expand(text, &lookup)).collect::<Vec<String>>();
    let (command, args) = (expand_all(&container.command), expand_all(&container.args));
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        mounts.push(volumes::mount(pod, mount, &lookup, around, client)?);
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
        read_only_root: own_context.and_then(|own| own.read_only_root_filesystem).unwrap_or(false),
        memory_limit: memory
            .and_then(|quantity| crate::apimachinery::quantity::Quantity::parse(&quantity.0).ok())
            .map_or(0, |quantity| quantity.value()),
        termination_log: container.termination_message_path.clone().unwrap_or("/dev/termination-log".to_owned()),
        log_is_message: container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError"),
        hosts: dns::hosts(pod, around.pod_address),
        resolv_conf: dns::resolv_conf(pod),
        env,
    })
}

/// Whether a container that must not run as root would not (`verifyRunAsNonRoot`).
///
/// # Errors
/// [`Refused`] when it would.
pub fn verify_user(pod: &Pod, container: &Container, image_user: i64) -> Result<(), Refused> {
    let of_pod = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
    let own = container.security_context.as_ref();
    let non_root = own.and_then(|own| own.run_as_non_root).or(of_pod.and_then(|pod| pod.run_as_non_root));
    if non_root != Some(true) {
        return Ok(());
    }
    let meta = &pod.metadata;
    let shown = format!(
        "(pod: \"{}_{}({})\", container: {})",
        meta.name.as_deref().unwrap_or_default(),
        meta.namespace.as_deref().unwrap_or_default(),
        meta.uid.as_deref().unwrap_or_default(),
        container.name
    );
    match own.and_then(|own| own.run_as_user).or(of_pod.and_then(|pod| pod.run_as_user)) {
        Some(0) => Err(config_error(format!("container's runAsUser breaks non-root policy {shown}"))),
        None if image_user == 0 => {
            Err(config_error(format!("container has runAsNonRoot and image will run as root {shown}")))
        }
        _ => Ok(()),
    }
}
