//! How much work a cluster does: a Deployment or a Job of many Pods, from apply to all Ready or Complete, and a CronJob
//! that runs every minute.
//!
//! Counts and steps only; whoever has a clock times the frames.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use crate::cluster::{Cluster, Config, NodeConfig, PresentImages};
use crate::sim::Time;
use crate::text::http::{Method, Request};

/// Pods that one node takes.
const PODS_PER_NODE: u32 = 100;

/// Pieces of work in a frame: few enough to stay below 100 ms in a browser.
pub const FRAME_BUDGET: u64 = 200;

/// Virtual time after which a run that is not done counts as stuck.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A Deployment: done when every Pod is Ready.
    Deployment,
    /// A Job that runs all its Pods at once: done when it is Complete.
    Job,
    /// A CronJob of every minute: done after as many minutes as there are Pods to run.
    CronJob,
}

impl Workload {
    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Workload::Deployment => "Deployment",
            Workload::Job => "Job",
            Workload::CronJob => "CronJob",
        }
    }
}

/// One measured run.
#[derive(Debug)]
pub struct Bench {
    cluster: Cluster,
    workload: Workload,
    pods: u32,
    began: Time,
}

impl Bench {
    /// A cluster with room for `pods`, at rest, with the workload applied.
    pub fn new(workload: Workload, pods: u32) -> Self {
        let at_once = if workload == Workload::CronJob { 1 } else { pods };
        let workers = u8::try_from(at_once.div_ceil(PODS_PER_NODE)).unwrap_or(u8::MAX).max(1);
        let mut nodes = vec![NodeConfig::control_plane()];
        nodes.extend((1..=workers).map(NodeConfig::worker));
        let mut cluster = Cluster::new(&Config { nodes, present_images: PresentImages::All, ..Config::default() });
        let settled = cluster.now() + Duration::from_secs(60);
        cluster.advance_to(settled, u64::MAX);
        let (path, manifest) = manifest(workload, pods);
        let request = Request::new(Method::Post, path)
            .with_header("content-type", "application/json")
            .with_body(manifest.to_string());
        cluster.handle(&request);
        let began = cluster.now();
        Self { cluster, workload, pods, began }
    }

    /// Does up to `budget` pieces of work, each at its own virtual instant; true when the workload is there.
    pub fn frame(&mut self, budget: u64) -> bool {
        let mut left = budget;
        while left > 0 && !self.is_stuck() {
            let Some(due) = self.cluster.next_due() else { break };
            left -= self.cluster.advance_to(due, left).events.clamp(1, left);
        }
        self.is_done()
    }

    /// Whether nothing happens any more, or for too long.
    pub fn is_stuck(&mut self) -> bool {
        let patience = self.minutes() + PATIENCE;
        self.cluster.next_due().is_none_or(|due| due.since(self.began) > patience)
    }

    /// How long a CronJob is to go on.
    fn minutes(&self) -> Duration {
        if self.workload == Workload::CronJob { Duration::from_secs(60) * self.pods } else { Duration::ZERO }
    }

    /// Whether every Pod is Ready, or the Job Complete.
    pub fn is_done(&self) -> bool {
        let wanted = i32::try_from(self.pods).unwrap_or(i32::MAX);
        match self.workload {
            Workload::Deployment => self
                .cluster
                .server()
                .get::<Deployment>("default", "bench")
                .is_ok_and(|found| found.status.as_ref().and_then(|status| status.ready_replicas) == Some(wanted)),
            Workload::Job => self.cluster.server().get::<Job>("default", "bench").is_ok_and(|found| {
                let conditions = found.status.as_ref().and_then(|status| status.conditions.as_ref());
                conditions.into_iter().flatten().any(|condition| condition.type_ == "Complete")
            }),
            Workload::CronJob => self.cluster.now().since(self.began) >= self.minutes(),
        }
    }

    /// Pieces of work done since the cluster's start.
    pub fn events(&self) -> u64 {
        self.cluster.events()
    }
}

fn manifest(workload: Workload, pods: u32) -> (&'static str, serde_json::Value) {
    let container = |command: &str| json!([{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", command]}]);
    match workload {
        Workload::Deployment => (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bench", "namespace": "default"},
                "spec": {"replicas": pods, "selector": {"matchLabels": {"app": "bench"}}, "template": {
                    "metadata": {"labels": {"app": "bench"}}, "spec": {"containers": container("sleep 86400")}}},
            }),
        ),
        Workload::Job => (
            "/apis/batch/v1/namespaces/default/jobs",
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "bench", "namespace": "default"},
                "spec": {"completions": pods, "parallelism": pods, "template": {
                    "spec": {"restartPolicy": "Never", "containers": container("echo done")}}},
            }),
        ),
        Workload::CronJob => (
            "/apis/batch/v1/namespaces/default/cronjobs",
            json!({
                "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "bench", "namespace": "default"},
                "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {
                    "spec": {"restartPolicy": "Never", "containers": container("echo done")}}}}},
            }),
        ),
    }
}
