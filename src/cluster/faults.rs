//! What may go wrong with a cluster, for simulations that hold it against its promises. Decides nothing: whoever plays
//! says what fails and when.

use super::{Cluster, Component};
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
}
