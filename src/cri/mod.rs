//! The container runtime of one node: images, sandboxes, containers, logs, exec. Knows Pods only as names and
//! restarts nothing: that is the kubelet's. Its answers, down to the error texts, are those of containerd with runc.

pub mod container;
pub mod runtime;
mod service;

pub use runtime::{Runtime, RuntimeConfig};
pub use service::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, ImageInfo, LogPart, Mount, Pull, RuntimeService,
    Sandbox, SandboxConfig, SandboxId, StopReason, User,
};
