//! Reads what a depot shows from its object: counts, conditions, a note. Knows nothing of time or of what was before.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::model::{Condition, Depot, DepotKind};

/// What a Job shows of itself.
pub fn job_depot(job: &Job) -> Depot {
    let status = job.status.clone().unwrap_or_default();
    let spec = job.spec.as_ref();
    let mut depot = depot(DepotKind::Job, &job.metadata, status.succeeded, spec.and_then(|spec| spec.completions));
    depot.active = count(status.active);
    depot.failed = count(status.failed);
    let ends = ["Complete", "Failed", "Suspended"];
    depot.condition = ends.iter().find_map(|kind| {
        let conditions = status.conditions.iter().flatten();
        let mut conditions = conditions.filter(|condition| condition.type_ == *kind && condition.status == "True");
        conditions.next().map(|condition| Condition {
            kind: (*kind).to_owned(),
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        })
    });
    let mut notes = Vec::new();
    if let Some(parallelism) = spec.and_then(|spec| spec.parallelism).filter(|parallelism| *parallelism != 1) {
        notes.push(format!("parallelism {parallelism}"));
    }
    if spec.and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed") {
        notes.push("Indexed".to_owned());
    }
    depot.note = notes.join(", ");
    depot
}

/// What a CronJob shows of itself.
pub fn cron_job_depot(cron: &CronJob) -> Depot {
    let running = cron.status.as_ref().and_then(|status| status.active.as_ref()).map_or(0, Vec::len);
    let mut depot = depot(DepotKind::CronJob, &cron.metadata, i32::try_from(running).ok(), None);
    depot.note = cron.spec.schedule.clone();
    if cron.spec.suspend == Some(true) {
        depot.condition =
            Some(Condition { kind: "Suspended".to_owned(), reason: String::new(), message: String::new() });
    }
    depot
}

/// What a Deployment shows of itself.
pub fn deployment_depot(deployment: &Deployment) -> Depot {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).or(Some(1));
    let status = deployment.status.as_ref();
    let mut depot =
        depot(DepotKind::Deployment, &deployment.metadata, status.and_then(|status| status.ready_replicas), wanted);
    depot.active = count(status.and_then(|status| status.replicas));
    depot
}

/// What a ReplicaSet shows of itself.
pub fn replica_set_depot(set: &ReplicaSet) -> Depot {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).or(Some(1));
    let ready = set.status.as_ref().and_then(|status| status.ready_replicas);
    let mut depot = depot(DepotKind::ReplicaSet, &set.metadata, ready, wanted);
    depot.active = count(set.status.as_ref().map(|status| status.replicas));
    depot
}

/// What a DaemonSet shows of itself.
pub fn daemon_set_depot(set: &DaemonSet) -> Depot {
    let status = set.status.as_ref();
    let wanted = status.map(|status| status.desired_number_scheduled).or(Some(0));
    let mut depot = depot(DepotKind::DaemonSet, &set.metadata, status.map(|status| status.number_ready), wanted);
    depot.active = count(status.map(|status| status.current_number_scheduled));
    depot
}

fn depot(kind: DepotKind, meta: &ObjectMeta, done: Option<i32>, wanted: Option<i32>) -> Depot {
    Depot {
        uid: meta.uid.clone().unwrap_or_default(),
        kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        done: count(done),
        wanted: wanted.map(|wanted| count(Some(wanted))),
        active: 0,
        failed: 0,
        condition: None,
        back_off: None,
        terminating: meta.deletion_timestamp.is_some(),
        note: String::new(),
        first_lane: 0,
        lanes: 1,
    }
}

fn count(number: Option<i32>) -> u32 {
    u32::try_from(number.unwrap_or(0)).unwrap_or(0)
}
