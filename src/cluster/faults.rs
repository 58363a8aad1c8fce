//! What may go wrong with a cluster, for simulations that hold it against its promises. Decides nothing: whoever plays
//! says what fails and when.

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Cluster, Component};
use crate::apimachinery::{Kind, ObjectKey, meta};
use crate::client::node_of;
use crate::sim::Time;

impl Cluster {
    /// Keeps a component from doing anything before `until`. A kubelet's containers stand still with it.
    pub fn stall(&mut self, component: Component, until: Time) {
        if let (Some(stalled), Some(slot)) =
            (self.stalled.get_mut(component.index()), self.due.get_mut(component.index()))
        {
            *stalled = until;
            // Whatever it was to be woken for, it looks at all of it then.
            *slot = None;
            self.wake(component, until);
        }
    }

    /// Drops the log of changes, as etcd does every five minutes: who has not seen all of it by now has missed some and
    /// lists again.
    pub fn compact(&mut self) {
        self.server.compact();
    }

    /// Whether nobody has news to take in: what is not awaited now never will be, unless somebody acts from outside.
    pub fn is_up_to_date(&self) -> bool {
        let stalled = |component| self.is_stalled(component);
        (stalled(Component::Scheduler) || self.scheduler.is_up_to_date(&self.server))
            && (stalled(Component::Controllers) || self.controllers.is_up_to_date(&self.server))
            && self
                .kubelets
                .iter()
                .enumerate()
                .all(|(number, kubelet)| stalled(Component::Kubelet(number)) || kubelet.is_up_to_date(&self.server))
    }

    fn is_stalled(&self, component: Component) -> bool {
        self.stalled.get(component.index()).is_some_and(|until| *until > self.now)
    }

    /// Whether a controller will look at the object of this key by itself, or will when it no longer stands still.
    pub fn awaits(&self, key: &ObjectKey) -> bool {
        self.is_stalled(Component::Controllers) || self.controllers.awaits(key)
    }

    /// Whether somebody will go on with this Pod by himself: the scheduler, its kubelet, or, when its node is gone, the
    /// collector of such Pods.
    pub fn awaits_pod(&self, pod: &Pod) -> bool {
        let node = node_of(pod);
        if node.is_empty() {
            let key = ObjectKey::of(pod);
            let scheduler = self.is_stalled(Component::Scheduler) || self.scheduler.awaits(&key);
            return scheduler || self.awaits(&key);
        }
        if self.awaits(&ObjectKey::new(Node::RESOURCE, "", node)) {
            return true;
        }
        let kubelet = self.kubelets.iter().position(|kubelet| kubelet.node() == node);
        kubelet.is_some_and(|number| {
            let stalled = self.is_stalled(Component::Kubelet(number));
            stalled || self.kubelets.get(number).is_some_and(|kubelet| kubelet.awaits(meta::uid(&pod.metadata)))
        })
    }
}
