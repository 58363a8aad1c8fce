//! The container runtime of one node: images, sandboxes, containers, logs, exec. Knows Pods only as names.

mod service;

pub use service::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, ImageInfo, LogPart, Mount, Pull, RuntimeService,
    Sandbox, SandboxConfig, SandboxId, StopReason, User,
};
