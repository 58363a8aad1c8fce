//! The TTL-after-finished controller: deletes finished Jobs `ttlSecondsAfterFinished` after their end.
//!
//! Models Kubernetes 1.36 pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::apiserver::{DeleteOptions, Precondition, Propagation};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct TtlAfterFinishedController;

/// A new TTL-after-finished controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(TtlAfterFinishedController)
}

impl Controller for TtlAfterFinishedController {
    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:ttl-after-finished-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Job::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(job) = delta.new.as_ref().and_then(downcast::<Job>) else { return };
        if let Some(due) = expires_at(&job) {
            queue.add_at(ObjectKey::of(&*job), due.max(now));
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Ok(job) = context.client.get::<Job>(&key.namespace, &key.name) else { return Ok(()) };
        let Some(due) = expires_at(&job) else { return Ok(()) };
        if due > context.now {
            context.queue.add_at(key.clone(), due);
            return Ok(());
        }
        let options = DeleteOptions {
            propagation: Some(Propagation::Foreground),
            precondition: Precondition { uid: job.metadata.uid.clone(), resource_version: None },
            ..DeleteOptions::default()
        };
        context.client.delete::<Job>(&key.namespace, &key.name, &options).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// When the Job is to go; `None` while it runs, when it may stay, and once it goes.
fn expires_at(job: &Job) -> Option<Time> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let end =
        conditions.iter().find(|held| matches!(held.type_.as_str(), "Complete" | "Failed") && held.status == "True")?;
    if meta::is_deleting(&job.metadata) {
        return None;
    }
    let end = Time::from(end.last_transition_time.as_ref()?.0);
    Some(end + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Upstream's `TestTimeLeft`: how the Job has ended and how many seconds ago, its TTL, what is left.
    #[test]
    fn time_left() {
        let now = Time::from_seconds(1_700_000_000);
        for (name, end, ago, ttl, left) in [
            ("Error case: Job unfinished", "Suspended", 0, Some(100), None),
            ("Error case: Job completed now, no TTL", "Complete", 0, None, None),
            ("Job completed now, 0s TTL", "Complete", 0, Some(0), Some(0)),
            ("Job completed now, 10s TTL", "Complete", 0, Some(10), Some(10)),
            ("Job completed 10s ago, 15s TTL", "Complete", 10, Some(15), Some(5)),
            ("Error case: Job failed now, no TTL", "Failed", 0, None, None),
            ("Job failed now, 0s TTL", "Failed", 0, Some(0), Some(0)),
            ("Job failed now, 10s TTL", "Failed", 0, Some(10), Some(10)),
            ("Job failed 10s ago, 15s TTL", "Failed", 10, Some(15), Some(5)),
        ] {
            let ended = meta::time(Time::from_seconds(now.as_seconds() - ago));
            let job: Job = serde_json::from_value(json!({
                "metadata": {"name": "foobar"},
                "spec": {"ttlSecondsAfterFinished": ttl, "template": {}},
                "status": {"conditions": [{"type": end, "status": "True", "lastTransitionTime": ended}]},
            }))
            .unwrap();
            assert_eq!(expires_at(&job).map(|at| at.since(now).as_secs()), left, "{name}");
        }
    }
}
