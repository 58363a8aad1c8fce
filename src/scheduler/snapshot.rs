//! The cluster as one attempt to place a Pod sees it: the nodes, and the objects that rules refer to.
//!
//! Models Kubernetes 1.36 pkg/scheduler/backend/cache/snapshot.go.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node};

use super::node_info::NodeInfo;
use crate::apimachinery::labels::Labels;
use crate::client::Caches;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    nodes: &'a BTreeMap<Arc<str>, NodeInfo>,
    /// What the scheduler has seen of Services, claims, volumes and the like.
    pub caches: &'a Caches,
    /// A node whose Pods are thought to be others than they are.
    supposed: Option<(&'a str, &'a NodeInfo)>,
}

impl<'a> Snapshot<'a> {
    /// The nodes as they are.
    pub fn new(nodes: &'a BTreeMap<Arc<str>, NodeInfo>, caches: &'a Caches) -> Self {
        Self { nodes, caches, supposed: None }
    }

    /// The same with other Pods on one node.
    pub fn suppose<'b>(&self, name: &'b str, info: &'b NodeInfo) -> Snapshot<'b>
    where
        'a: 'b,
    {
        Snapshot { nodes: self.nodes, caches: self.caches, supposed: Some((name, info)) }
    }

    /// Whether a node is thought to have other Pods than it has.
    pub fn is_supposed(&self) -> bool {
        self.supposed.is_some()
    }

    /// The nodes by name, without those of which only Pods are known.
    pub fn nodes(&self) -> impl Iterator<Item = (&'a str, &'a Arc<Node>, &'a NodeInfo)> + use<'a> {
        let supposed = self.supposed;
        self.nodes.iter().filter_map(move |(name, info)| {
            let info = supposed.filter(|(other, _)| **other == **name).map_or(info, |(_, info)| info);
            Some((&**name, info.node()?, info))
        })
    }

    /// One node.
    pub fn node(&self, name: &str) -> Option<&'a NodeInfo> {
        match self.supposed {
            Some((supposed, info)) if supposed == name => Some(info),
            _ => self.nodes.get(name).filter(|info| info.node().is_some()),
        }
    }

    /// The labels of a namespace.
    pub fn namespace_labels(&self, name: &str) -> Option<Labels> {
        self.caches.get::<Namespace>("", name)?.metadata.labels.clone()
    }
}
