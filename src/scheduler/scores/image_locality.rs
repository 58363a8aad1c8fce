//! Nodes that have large images of the Pod already are better.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/imagelocality.

use k8s_openapi::api::core::v1::Node;

use super::{Candidate, MAX, Snapshot, Wanted};

const MEGABYTE: i64 = 1024 * 1024;
/// Images below this do not matter.
const LEAST: i64 = 23 * MEGABYTE;
/// More than this for each container does not matter.
const MOST: i64 = 1000 * MEGABYTE;

pub fn score(wanted: &Wanted, nodes: &[Candidate<'_>], snapshot: &Snapshot<'_>) -> Vec<i64> {
    let containers = wanted.spec().init_containers.iter().flatten().chain(&wanted.spec().containers);
    let images: Vec<String> = containers.filter_map(|container| container.image.as_deref()).map(normal).collect();
    let total = snapshot.nodes().count().max(1) as i64;
    let having = |image: &str| snapshot.nodes().filter(|(_, node, _)| size(node, image).is_some()).count() as i64;
    let score = |(_, node, _): &Candidate<'_>| {
        let present = images.iter().filter_map(|image| Some((image, size(node, image)?)));
        // An image that is on few nodes counts less, or those few would get all the Pods.
        let sum: i64 = present.map(|(image, size)| size * having(image) / total).sum();
        let most = MOST * i64::try_from(images.len()).unwrap_or(1).max(1);
        MAX * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
    };
    nodes.iter().map(score).collect()
}

/// The name with a tag.
fn normal(image: &str) -> String {
    if image.rfind(':') <= image.rfind('/') { format!("{image}:latest") } else { image.to_owned() }
}

fn size(node: &Node, image: &str) -> Option<i64> {
    let images = node.status.as_ref()?.images.as_ref()?;
    let held = images.iter().find(|held| held.names.iter().flatten().any(|name| name == image))?;
    held.size_bytes
}
