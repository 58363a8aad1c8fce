//! What the Pods of this node use, for the metrics API.
//!
//! Models Kubernetes 1.36 pkg/kubelet/server/stats (the resource metrics endpoint). Processor time is that of the
//! simulated processes, memory what their machine holds and a little for a process's own image.

use std::collections::BTreeMap;

use super::Kubelet;
use crate::apimachinery::meta;
use crate::apiserver::{PodUsage, Usage};

/// What the machine itself uses: the kubelet, the container runtime and the system. Billionths of a processor, bytes.
const OWN: Usage = Usage { cpu: 25_000_000, memory: 400 << 20 };
/// What a container holds beside what its processes write: their programs.
const PROGRAMS: u64 = 1 << 20;

impl Kubelet {
    /// What the node itself uses (a rate), and what the running containers of its Pods have used since their start.
    pub fn usage(&self) -> (Usage, Vec<PodUsage>) {
        let mut pods = Vec::new();
        for worker in self.workers.values() {
            let mut containers = BTreeMap::new();
            for (name, record) in &worker.records {
                let Some(usage) = record.current.as_ref().and_then(|id| self.runtime.usage(id)) else { continue };
                containers.insert(name.clone(), Usage { memory: usage.memory + PROGRAMS, ..usage });
            }
            if !containers.is_empty() {
                let of = &worker.pod.metadata;
                pods.push(PodUsage {
                    namespace: meta::namespace(of).to_owned(),
                    name: meta::name(of).to_owned(),
                    containers,
                });
            }
        }
        (OWN, pods)
    }
}
