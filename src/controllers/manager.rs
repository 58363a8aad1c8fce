//! Runs the controllers of one process on shared caches, one key at a time.
//!
//! Models Kubernetes 1.36 cmd/kube-controller-manager: a key of one controller never keeps another's waiting for
//! ever, and a failed key comes back after its back-off.

use std::collections::{BTreeMap, BTreeSet};

use super::{CONTROLLERS, Context, Controller};
use crate::apimachinery::ObjectKey;
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Caches, Client, EventRecorder, WorkQueue, Worked};
use crate::sim::Seed;

#[derive(Clone, Debug)]
struct Running {
    controller: Box<dyn Controller>,
    caller: Caller,
    queue: WorkQueue,
    events: EventRecorder,
}

/// The controller manager.
#[derive(Clone, Debug)]
pub struct ControllerManager {
    caches: Caches,
    running: Vec<Running>,
    /// Which of them watch a resource.
    watchers: BTreeMap<&'static str, BTreeSet<usize>>,
    turn: usize,
}

impl ControllerManager {
    /// Starts every controller of [`CONTROLLERS`].
    pub fn new(seed: Seed) -> Self {
        let running: Vec<Running> = CONTROLLERS
            .iter()
            .map(|make| {
                let controller = make(seed);
                let (name, user) = (controller.name(), controller.user());
                let mut caller = Caller::component(user);
                caller.manager = "kube-controller-manager".into();
                let (base, max) = controller.backoff();
                let (queue, events) = (WorkQueue::with_backoff(base, max), EventRecorder::new(name, ""));
                Running { controller, caller, queue, events }
            })
            .collect();
        let mut watchers: BTreeMap<&'static str, BTreeSet<usize>> = BTreeMap::new();
        for (index, one) in running.iter().enumerate() {
            for resource in one.controller.watches() {
                watchers.entry(resource).or_default().insert(index);
            }
        }
        Self { caches: Caches::new(watchers.keys().copied()), running, watchers, turn: 0 }
    }

    /// Takes in the server's changes and hands them to the controllers that watch them.
    pub fn observe(&mut self, server: &ApiServer) {
        if !self.caches.is_behind(server) {
            return;
        }
        for (resource, _) in server.custom_resources() {
            self.caches.add(resource);
            let all = self.running.iter().enumerate();
            let watching = all.filter(|(_, one)| one.controller.watches_custom_resources());
            self.watchers.entry(resource).or_default().extend(watching.map(|(index, _)| index));
        }
        let now = server.now();
        for delta in self.caches.pull(server) {
            for index in self.watchers.get(&*delta.resource).into_iter().flatten() {
                if let Some(one) = self.running.get_mut(*index) {
                    one.controller.observe(&delta, &self.caches, &mut one.queue, now);
                }
            }
        }
    }

    /// Reconciles one key that is due, taking the controllers in turn.
    pub fn work(&mut self, server: &mut ApiServer) -> Worked {
        let now = server.now();
        let count = self.running.len();
        for offset in 0..count {
            let index = (self.turn + offset) % count;
            let Some(one) = self.running.get_mut(index) else { continue };
            let Some(key) = one.queue.pop_due(now) else { continue };
            self.turn = (index + 1) % count;
            let mut context = Context {
                client: Client::new(server, &one.caller),
                caches: &self.caches,
                queue: &mut one.queue,
                events: &mut one.events,
                now,
            };
            match one.controller.reconcile(&key, &mut context) {
                Ok(()) => one.queue.forget(&key),
                Err(_) => one.queue.add_rate_limited(key, now),
            }
            return Worked::Done;
        }
        Worked::Idle(self.running.iter().filter_map(|one| one.queue.next_due()).min())
    }

    /// Whether the controllers have seen all that the server has.
    pub fn is_up_to_date(&self, server: &ApiServer) -> bool {
        !self.caches.is_behind(server)
    }

    /// Whether a controller will look at this key by itself.
    pub fn awaits(&self, key: &ObjectKey) -> bool {
        self.running.iter().any(|one| one.queue.holds(key))
    }

    /// The controller with the most keys waiting, for the message when a budget is spent.
    pub fn busiest(&self) -> Option<&'static str> {
        self.running.iter().max_by_key(|one| one.queue.len()).map(|one| one.controller.name())
    }
}
