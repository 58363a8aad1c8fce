//! Pods for which room was made on a node that they have not got yet: others must not take it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/backend/queue/nominator.go and framework/runtime
//! (RunFilterPluginsWithNominatedPods).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::filters::{self, Wanted};
use super::node_info::NodeInfo;
use super::queue::priority;
use super::reasons::Refusal;
use super::snapshot::Snapshot;
use crate::apimachinery::meta;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Nominated {
    by_uid: BTreeMap<String, (String, Arc<Pod>)>,
}

impl Nominated {
    /// Notes that a Pod is to have this node; an empty name takes the note back.
    pub fn set(&mut self, pod: &Arc<Pod>, node: &str) {
        let uid = meta::uid(&pod.metadata);
        if node.is_empty() {
            self.by_uid.remove(uid);
        } else {
            self.by_uid.insert(uid.to_owned(), (node.to_owned(), Arc::clone(pod)));
        }
    }

    /// The Pods that are to have this node.
    pub fn on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Arc<Pod>> {
        self.by_uid.values().filter(move |(name, _)| name == node).map(|(_, pod)| pod)
    }

    /// Why the node does not fit: with the nominated Pods of at least the same priority on it, and without them.
    pub fn refusal(&self, name: &str, wanted: &Wanted, info: &NodeInfo, snapshot: &Snapshot<'_>) -> Option<Refusal> {
        let own = meta::uid(&wanted.pod.metadata);
        let rivals: Vec<&Arc<Pod>> = self
            .on(name)
            .filter(|pod| priority(pod) >= priority(&wanted.pod) && meta::uid(&pod.metadata) != own)
            .collect();
        // Rules about neighbours were counted before this node was thought to be another.
        let counted = snapshot.is_supposed().then(|| wanted.again(snapshot));
        let wanted = counted.as_ref().unwrap_or(wanted);
        if !rivals.is_empty() {
            let mut crowded = info.clone();
            rivals.into_iter().for_each(|pod| crowded.add_pod(Arc::clone(pod)));
            let snapshot = snapshot.suppose(name, &crowded);
            if let Some(refusal) = filters::first_refusal(&wanted.again(&snapshot), &crowded, &snapshot) {
                return Some(refusal);
            }
        }
        filters::first_refusal(wanted, info, snapshot)
    }
}
