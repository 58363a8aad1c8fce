//! What the kubelet says of its node: that it is ready, that it renews its lease no more, that it is back.
//!
//! While all is well nothing is written: a lease without an instant is one that is being renewed. When the machine goes
//! away its lease keeps the instant of the last renewal, which is all that the control plane learns.
//! Models Kubernetes 1.36 pkg/kubelet/{kubelet_node_status.go,nodestatus/setters.go} and
//! staging/src/k8s.io/component-helpers/apimachinery/lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition};

use super::{HOUSEKEEPING, Kubelet};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::sim::Time;

/// Where leases of nodes are.
const LEASES: &str = "kube-node-lease";
/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// The conditions of a node that is well.
pub fn healthy_conditions(now: Time) -> Vec<NodeCondition> {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| NodeCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(meta::time(now)),
        last_transition_time: Some(meta::time(now)),
    };
    vec![
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
}

impl Kubelet {
    /// Leaves the last renewal of its lease behind: from now on nobody hears of this node.
    pub fn fall_silent(&self, server: &mut ApiServer) {
        let period = RENEWAL.as_secs();
        let last = Time::from_seconds(server.now().as_seconds() / period * period);
        self.renew(server, Some(last));
    }

    fn renew(&self, server: &mut ApiServer, at: Option<Time>) {
        let mut client = self.client(server);
        let Ok(held) = client.get::<Lease>(LEASES, &self.node) else { return };
        let mut lease = Lease::clone(&held);
        lease.spec.get_or_insert_default().renew_time = at.map(meta::micro_time);
        // A lease that cannot be written is written at the next change.
        let _ = client.update(lease);
    }

    /// Says that the node is back, and looks at all its Pods again.
    pub fn come_back(&mut self, server: &mut ApiServer) {
        let now = server.now();
        self.renew(server, None);
        let mut client = Client::new(server, &self.caller);
        if let Ok(held) = client.get::<Node>("", &self.node) {
            let mut node = Node::clone(&held);
            let old = node.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
            let mut conditions = healthy_conditions(now);
            let mut was_ready = false;
            for condition in &mut conditions {
                let before = old.iter().find(|held| held.type_ == condition.type_ && held.status == condition.status);
                if let Some(before) = before {
                    condition.last_transition_time.clone_from(&before.last_transition_time);
                    was_ready |= condition.type_ == "Ready";
                }
            }
            node.status.get_or_insert_default().conditions = Some(conditions);
            // The next heartbeat would say the same.
            let _ = client.update_status(node);
            if !was_ready {
                let message = format!("Node {} status is now: NodeReady", self.node);
                self.events.event(&mut client, &*held, EventType::Normal, "NodeReady", &message);
            }
        }
        let all: Vec<_> = self.workers.keys().cloned().collect();
        for uid in all {
            self.wake(&uid, now + HOUSEKEEPING);
        }
    }
}
