//! The container runtime of one node: images, sandboxes, containers, logs, exec. Knows Pods only as names and
//! restarts nothing: that is the kubelet's. Its answers, down to the error texts, are those of containerd with runc.

mod container;
mod disk;
mod ids;
mod node;
mod runtime;
mod service;

pub use node::{NodeRuntime, check_image_name};
pub use runtime::RuntimeConfig;
pub use service::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, HostKind, ImageInfo, LogPart, Mount, Pull,
    RuntimeService, Sandbox, SandboxConfig, SandboxId, StopReason, User,
};
