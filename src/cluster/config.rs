//! What a cluster is made of: its seed, its first instant, its nodes.

use crate::sim::{Seed, Time};

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Such as `node01`.
    pub name: String,
    /// The address of the machine, such as `172.30.2.2`.
    pub address: String,
    /// The first two parts of three of the Pods' addresses, such as `10.244.1`: Pods get its hosts from 2 on.
    pub pod_network: String,
    /// Whether the control plane runs here; such a node is tainted.
    pub control_plane: bool,
    /// CPU in millicores.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// How many Pods it takes.
    pub max_pods: i64,
}

impl NodeConfig {
    /// A worker with two cores and 4 GiB: the machine number `index` (from 1) of the practice cluster.
    pub fn worker(index: u8) -> Self {
        Self {
            name: format!("node{index:02}"),
            address: format!("172.30.{}.2", u16::from(index) + 1),
            pod_network: format!("10.244.{index}"),
            control_plane: false,
            milli_cpu: 2000,
            memory: 4 * 1024 * 1024 * 1024,
            max_pods: 110,
        }
    }

    /// The machine of the control plane.
    pub fn control_plane() -> Self {
        Self {
            name: "controlplane".to_owned(),
            address: "172.30.1.2".to_owned(),
            pod_network: "10.244.0".to_owned(),
            control_plane: true,
            ..Self::worker(0)
        }
    }
}

/// Which images the nodes have before the first pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentImages {
    /// Every image that exists, as on a machine that is used daily.
    All,
    /// These alone; the first Pod of any other image waits for its pull.
    Listed(Vec<String>),
}

impl Default for PresentImages {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// What may be installed besides what every cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addon {
    /// The default StorageClass `local-path`: volumes are directories of a node.
    LocalPathStorage,
    /// `metrics.k8s.io`, for `kubectl top` and autoscalers.
    MetricsServer,
}

/// A cluster to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where all randomness comes from.
    pub seed: Seed,
    /// The first instant. A person sees it in timestamps; two clusters that differ only here behave alike.
    pub start: Time,
    /// The machines.
    pub nodes: Vec<NodeConfig>,
    /// What need not be pulled.
    pub present_images: PresentImages,
    /// What is installed besides.
    pub addons: Vec<Addon>,
    /// Images that exist in this cluster alone: a name, and the script that its containers run.
    pub scripted_images: Vec<(String, String)>,
}

impl Config {
    /// The machine of the control plane and so many workers.
    pub fn nodes(workers: u8) -> Vec<NodeConfig> {
        std::iter::once(NodeConfig::control_plane()).chain((1..=workers).map(NodeConfig::worker)).collect()
    }
}

impl Default for Config {
    /// A control plane and one worker, with nothing pulled yet.
    fn default() -> Self {
        Self {
            seed: Seed::new(1),
            // 2026-11-23 20:44 UTC.
            start: Time::from_seconds(1_795_466_640),
            nodes: Self::nodes(1),
            present_images: PresentImages::default(),
            addons: Vec::new(),
            scripted_images: Vec::new(),
        }
    }
}
