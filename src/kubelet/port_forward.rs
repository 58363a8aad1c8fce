//! Forwarded ports: whether a Pod is here to be connected to, and connections from inside of it.
//!
//! Models Kubernetes 1.36 pkg/kubelet/server/server.go (getPortForward) and pkg/kubelet/kubelet_pods.go
//! (GetPortForward); what the runtime says of a port is containerd's.

use super::Kubelet;
use crate::apiserver::{PodRef, Refused};

impl Kubelet {
    /// Readies a Pod's ports to be forwarded.
    ///
    /// # Errors
    /// The Pod is not here or does not run.
    pub fn port_forward(&mut self, of: &PodRef) -> Result<(), Refused> {
        let Some(worker) = self.workers.get(of.uid.as_str()) else {
            return Err(Refused::Said(404, "pod does not exist".to_owned()));
        };
        if !worker.sandbox_ready {
            let text = format!("pod not found (\"{}_{}\")", of.name, of.namespace);
            return Err(Refused::Said(500, text));
        }
        Ok(())
    }

    /// Connects to a port from inside a Pod; gives the Pod's address.
    ///
    /// # Errors
    /// The runtime's words, and the kubelet's before them.
    pub fn dial(&mut self, of: &PodRef, port: u16) -> Result<String, String> {
        let worker = self.workers.get(of.uid.as_str());
        let Some(sandbox) = worker.and_then(|worker| worker.sandbox.as_ref()) else {
            return Err(format!(
                "error forwarding port {port} to pod {}, uid : failed to find sandbox \"{}\" in store: not found",
                of.name, of.name
            ));
        };
        let id = &sandbox.id;
        let failed = |why: String| Err(format!("error forwarding port {port} to pod {id}, uid : {why}"));
        if !worker.is_some_and(|worker| worker.sandbox_ready) {
            return failed(format!("network namespace for sandbox \"{id}\" is closed"));
        }
        if !self.runtime.listens(&sandbox.address, port) {
            let on =
                |family: &str, address: &str| format!("dial {family} {address}:{port}: connect: connection refused");
            let (four, six) = (on("tcp4", "127.0.0.1"), on("tcp6", "[::1]"));
            return failed(format!(
                "failed to execute portforward in network namespace \"{}\": failed to connect to localhost:{port} inside namespace \"{id}\", IPv4: {four} IPv6 {six} ",
                namespace(id)
            ));
        }
        Ok(sandbox.address.clone())
    }
}

/// Where a sandbox's network is found on its node: a name that the network's plugin gives by chance, here by the id.
fn namespace(id: &str) -> String {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    let uid = [part(32, 40), part(40, 44), part(44, 48), part(48, 52), part(52, 64)].join("-");
    format!("/var/run/netns/cni-{uid}")
}
