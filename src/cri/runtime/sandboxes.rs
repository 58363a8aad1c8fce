//! Sandboxes, the network of Pods: their addresses and what listens there; and volumes.

use super::{Runtime, Sandbox};
use crate::cri::ids::{ContainerId, SandboxId, VolumeId};
use crate::cri::service::SandboxConfig;
use crate::shell::connections::unanswered;
use crate::shell::program::NoHost;
use crate::shell::vfs::Tree;
use crate::sim::Time;
use crate::text::http::{Request, Response};

impl Runtime {
    /// Makes a sandbox with an address of its own.
    pub fn run_sandbox(&mut self, config: SandboxConfig) -> SandboxId {
        let id = SandboxId(self.id());
        let ip = if config.host_network { self.config.node_ip.clone() } else { self.free_address() };
        if !config.host_network {
            self.by_ip.insert(ip.clone(), id);
        }
        self.sandboxes.insert(id, Sandbox { config, ip, containers: Vec::new() });
        id
    }

    pub(super) fn free_address(&mut self) -> String {
        // A /24 has 253 Pod addresses; a node with more Pods than that goes on into wider numbers of 10.x.
        for _ in 0..65_000 {
            let number = self.next_address;
            self.next_address = if number >= 65_000 { 2 } else { number + 1 };
            let (high, low) = (number / 254, number % 254 + 1);
            let ip = if high == 0 {
                format!("{}.{low}", self.config.pod_network)
            } else {
                let mut parts = self.config.pod_network.split('.');
                let (a, b, c) =
                    (parts.next().unwrap_or("10"), parts.next().unwrap_or("244"), parts.next().unwrap_or("0"));
                let third = c.parse::<u32>().unwrap_or(0) + 8 * high;
                format!("{a}.{}.{}.{low}", b.parse::<u32>().unwrap_or(244) + third / 256, third % 256)
            };
            if !self.by_ip.contains_key(&ip) {
                return ip;
            }
        }
        format!("{}.1", self.config.pod_network)
    }

    /// The address of a sandbox.
    pub fn sandbox_ip(&self, sandbox: SandboxId) -> Option<&str> {
        self.sandboxes.get(&sandbox).map(|sandbox| sandbox.ip.as_str())
    }

    /// The containers of a sandbox, oldest first.
    pub fn containers_of(&self, sandbox: SandboxId) -> &[ContainerId] {
        self.sandboxes.get(&sandbox).map_or(&[], |sandbox| &sandbox.containers)
    }

    /// Frees a sandbox's address for others; the sandbox keeps its record of it.
    pub fn release_address(&mut self, sandbox: SandboxId) {
        if let Some(held) = self.sandboxes.get(&sandbox)
            && self.by_ip.get(&held.ip) == Some(&sandbox)
        {
            self.by_ip.remove(&held.ip);
        }
    }

    /// Ends what still runs in a sandbox and removes it with its containers.
    pub fn remove_sandbox(&mut self, sandbox: SandboxId) {
        for container in self.containers_of(sandbox).to_vec() {
            self.remove_container(container);
        }
        self.release_address(sandbox);
        self.sandboxes.remove(&sandbox);
    }

    /// The running container that listens on a port of an address of this node.
    pub(super) fn listener(&self, address: &str, port: u16) -> Option<ContainerId> {
        let sandbox = self.sandboxes.get(self.by_ip.get(address)?)?;
        self.listener_in(sandbox, port)
    }

    pub(super) fn listener_in(&self, sandbox: &Sandbox, port: u16) -> Option<ContainerId> {
        let listens = |id: &&ContainerId| {
            let machine = self.containers.get(id).and_then(|container| container.machine.as_ref());
            machine.is_some_and(|machine| machine.listening().contains(&port))
        };
        sandbox.containers.iter().find(listens).copied()
    }

    /// Whether a Pod of this node has an address.
    pub fn has_address(&self, address: &str) -> bool {
        self.by_ip.contains_key(address)
    }

    /// Whether something listens on a port of an address of this node.
    pub fn listens(&self, address: &str, port: u16) -> bool {
        self.listener(address, port).is_some()
    }

    /// Asks what listens on a port of an address of this node.
    ///
    /// # Errors
    /// The words of a connection that is refused, or closed without an answer.
    pub fn request(&mut self, address: &str, port: u16, request: &Request, now: Time) -> Result<Response, String> {
        let refused = || format!("dial tcp {address}:{port}: connect: connection refused");
        let id = self.listener(address, port).ok_or_else(refused)?;
        self.ask(id, port, request, now).ok_or_else(|| unanswered(request))
    }

    pub(super) fn ask(&mut self, id: ContainerId, port: u16, request: &Request, now: Time) -> Option<Response> {
        let container = self.container_mut(id)?;
        let mut machine = container.machine.take()?;
        let config = container.config.clone();
        let answer = self.with_volumes(&mut machine, &config, |machine| machine.serve(now, port, request, &mut NoHost));
        if let Some(container) = self.container_mut(id) {
            container.machine = Some(machine);
        }
        self.schedule(id, Some(now));
        answer
    }

    /// Makes a volume from a tree of files: an emptyDir, or the content of a ConfigMap or Secret.
    pub fn create_volume(&mut self, tree: Tree) -> VolumeId {
        let id = VolumeId(self.id());
        self.volumes.insert(id, tree);
        id
    }

    /// Bytes that were written to a volume.
    pub fn volume_bytes(&self, volume: VolumeId) -> u64 {
        self.volumes.get(&volume).map_or(0, Tree::used)
    }

    /// Bytes that a container has written to files of its own and to its log.
    pub fn own_bytes(&self, id: ContainerId) -> u64 {
        let Some(container) = self.containers.get(&id) else { return 0 };
        container.machine.as_ref().map_or(0, |machine| machine.vfs().used()) + container.log.bytes()
    }

    /// Replaces what a volume holds.
    pub fn replace_volume(&mut self, volume: VolumeId, tree: Tree) {
        if let Some(held) = self.volumes.get_mut(&volume) {
            *held = tree;
        }
    }

    /// What a volume holds.
    pub fn volume(&self, volume: VolumeId) -> Option<&Tree> {
        self.volumes.get(&volume)
    }

    /// Removes a volume.
    pub fn remove_volume(&mut self, volume: VolumeId) {
        self.volumes.remove(&volume);
    }
}
