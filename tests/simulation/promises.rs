//! What has to hold whatever happens. Each finds its own words for what is broken.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use tabernetes::apiserver::ApiServer;

const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

/// The status of a condition, of an object in JSON.
fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|condition| condition["type"] == kind);
    found.and_then(|condition| condition["status"].as_str()).unwrap_or("")
}

fn is_finished(job: &Value) -> bool {
    condition(job, "Complete") == "True" || condition(job, "Failed") == "True"
}

/// Of two versions of a Pod or Job, one after the other.
pub fn of_change(resource: &str, before: &Value, after: &Value) -> Vec<String> {
    let name = after["metadata"]["name"].as_str().unwrap_or_default();
    let mut broken = Vec::new();
    if resource == "pods" {
        let phase = |pod: &Value| pod["status"]["phase"].as_str().unwrap_or_default().to_owned();
        let (was, is) = (phase(before), phase(after));
        if is_over(&was) && was != is {
            broken.push(format!("pod {name} was {was} and is {is}: a final phase has changed"));
        }
        if was == "Running" && is == "Pending" {
            broken.push(format!("pod {name} went back from Running to Pending"));
        }
        let node = |pod: &Value| pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned();
        if !node(before).is_empty() && node(before) != node(after) {
            broken.push(format!("pod {name} moved from {} to {}", node(before), node(after)));
        }
        return broken;
    }
    for count in ["succeeded", "failed"] {
        let number = |job: &Value| job["status"][count].as_i64().unwrap_or(0);
        if number(after) < number(before) {
            broken.push(format!("{name}: {count} went from {} to {}", number(before), number(after)));
        }
    }
    for kind in ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"] {
        if condition(before, kind) == "True" && condition(after, kind) != "True" {
            broken.push(format!("{name}: the condition {kind} is no longer true"));
        }
    }
    if is_finished(before) && before["status"] != after["status"] {
        broken.push(format!("{name}: the status changed after the end: {} -> {}", before["status"], after["status"]));
    }
    let (was, is) = (&before["status"]["completionTime"], &after["status"]["completionTime"]);
    if !was.is_null() && was != is {
        broken.push(format!("{name}: completionTime went from {was} to {is}"));
    }
    broken
}

/// Of all that stands at one moment.
pub fn of_moment(server: &ApiServer) -> Vec<String> {
    let mut broken = Vec::new();
    let pods: Vec<_> = server.list::<Pod>(Some("default")).collect();
    for job in server.list::<Job>(Some("default")) {
        let name = job.metadata.name.clone().unwrap_or_default();
        let spec = job.spec.clone().unwrap_or_default();
        let parallelism = spec.parallelism.unwrap_or(1);
        let running = pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none() && belongs(pod, &job))
            .filter(|pod| !is_over(pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")))
            .count();
        if running > usize::try_from(parallelism).unwrap_or(0) {
            broken.push(format!("{name}: {running} Pods run, {parallelism} may"));
        }
        broken.extend(of_job(&name, &job));
    }
    broken
}

fn belongs(pod: &Pod, job: &Job) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| Some(&owner.uid) == job.metadata.uid.as_ref())
}

fn of_job(name: &str, job: &Job) -> Vec<String> {
    let mut broken = Vec::new();
    let (spec, status) = (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    let active = status.active.unwrap_or(0);
    if active > spec.parallelism.unwrap_or(1) {
        broken.push(format!("{name}: {active} active, {:?} may be", spec.parallelism));
    }
    // While new Pods have to wait for a back-off, the real controller reports none as active, yet those that are ready.
    if active > 0 && status.ready.unwrap_or(0) > active {
        broken.push(format!("{name}: {:?} ready of {active} active", status.ready));
    }
    let succeeded = status.succeeded.unwrap_or(0);
    if spec.completions.is_some_and(|completions| succeeded > completions) {
        broken.push(format!("{name}: {succeeded} succeeded of {:?}", spec.completions));
    }
    let is = |kind: &str| status.conditions.iter().flatten().any(|one| one.type_ == kind && one.status == "True");
    for (one, other) in [("Complete", "Failed"), ("SuccessCriteriaMet", "FailureTarget"), ("Complete", "FailureTarget")]
    {
        if is(one) && is(other) {
            broken.push(format!("{name}: {one} and {other}"));
        }
    }
    for (end, before) in [("Complete", "SuccessCriteriaMet"), ("Failed", "FailureTarget")] {
        if is(end) && !is(before) {
            broken.push(format!("{name}: {end} without {before}"));
        }
    }
    if is("Complete") != status.completion_time.is_some() {
        broken.push(format!("{name}: Complete is {} with completionTime {:?}", is("Complete"), status.completion_time));
    }
    if (is("Complete") || is("Failed")) && (active > 0 || status.terminating.unwrap_or(0) > 0) {
        broken.push(format!("{name}: over with {active} active and {:?} terminating", status.terminating));
    }
    if is("Suspended") && active > 0 {
        broken.push(format!("{name}: suspended with {active} active"));
    }
    if spec.completion_mode.as_deref() == Some("Indexed") {
        let completed = indexes(status.completed_indexes.as_deref().unwrap_or(""));
        if completed.len() != usize::try_from(succeeded).unwrap_or(0) {
            broken.push(format!("{name}: {succeeded} succeeded, indexes {:?}", status.completed_indexes));
        }
        let failed = indexes(status.failed_indexes.as_deref().unwrap_or(""));
        if completed.iter().any(|index| failed.contains(index)) {
            broken.push(format!(
                "{name}: indexes {:?} both done and failed {:?}",
                status.completed_indexes, status.failed_indexes
            ));
        }
    }
    broken
}

/// `0,2-4` is 0, 2, 3, 4.
fn indexes(text: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX - 1);
    let ranges = text.split(',').filter(|range| !range.is_empty()).map(|range| match range.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(range)..=number(range),
    });
    ranges.flatten().collect()
}

/// Of the time when nothing more happens.
pub fn of_the_end(server: &ApiServer) -> Vec<String> {
    let mut broken = Vec::new();
    let jobs: Vec<_> = server.list::<Job>(Some("default")).collect();
    for job in &jobs {
        let name = job.metadata.name.clone().unwrap_or_default();
        let (spec, status) = (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
        let is = |kind: &str| status.conditions.iter().flatten().any(|one| one.type_ == kind && one.status == "True");
        if !is("Complete") && !is("Failed") {
            broken.push(format!("{name} never ended: {status:?}"));
        }
        if is("Complete")
            && spec.success_policy.is_none()
            && status.succeeded.unwrap_or(0) < spec.completions.unwrap_or(1)
        {
            broken.push(format!("{name} is complete with {:?} of {:?}", status.succeeded, spec.completions));
        }
        let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
        if !uncounted.failed.unwrap_or_default().is_empty() || !uncounted.succeeded.unwrap_or_default().is_empty() {
            broken.push(format!("{name} has ended with Pods that were not counted"));
        }
    }
    for pod in server.list::<Pod>(Some("default")) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        if !is_over(&phase) || pod.metadata.deletion_timestamp.is_some() {
            broken.push(format!("pod {name} is left, {phase}, deleted {:?}", pod.metadata.deletion_timestamp));
        }
        if pod.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER) {
            broken.push(format!("pod {name} still has the Job controller's finalizer"));
        }
        if !jobs.iter().any(|job| belongs(&pod, job)) {
            broken.push(format!("pod {name} has outlived its Job"));
        }
    }
    broken
}
