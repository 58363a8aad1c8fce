//! What sandboxes, containers, volumes and exec sessions are called.

use crate::images::catalog;

/// Names a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub u64);
/// Names a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub u64);
/// Names an exec session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecId(pub u64);
/// Names a container of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub u64);

/// An id as containerd shows it: 64 digits that look drawn by lot, the same for the same seed.
pub fn hex_id(seed: u64, space: &str, number: u64) -> String {
    catalog::digest(&format!("{space} {seed} {number}")).trim_start_matches("sha256:").to_owned()
}
