//! What makes Pods: Job, CronJob, Deployment, ReplicaSet, DaemonSet, StatefulSet, ReplicationController.

use serde_json::Value;

use super::Describer;
use super::parts::{label_list, selector, shown, timestamp};
use super::pod::spread;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::Context;
use crate::text::duration::human_duration;
use crate::text::http::{Method, Request};
use crate::text::table::Description;

impl Describer<'_, '_> {
    /// A Pod template.
    pub fn pod_template(&mut self, template: Option<&Value>) {
        self.w.line(0, "Pod Template:");
        let Some(template) = template else {
            self.w.write(1, "<unset>");
            return;
        };
        self.labels("  Labels", map_at(template, "/metadata/labels"));
        if map_at(template, "/metadata/annotations").is_some_and(|all| !all.is_empty()) {
            self.annotations("  Annotations", map_at(template, "/metadata/annotations"));
        }
        if !str_at(template, "/spec/serviceAccountName").is_empty() {
            self.w.line(1, &format!("Service Account:\t{}", str_at(template, "/spec/serviceAccountName")));
        }
        let init = list_at(template, "/spec/initContainers");
        if !init.is_empty() {
            self.containers("Init Containers", init, &[], None, "  ");
        }
        self.containers("Containers", list_at(template, "/spec/containers"), &[], None, "  ");
        self.volumes(list_at(template, "/spec/volumes"), "  ");
        spread(self, list_at(template, "/spec/topologySpreadConstraints"), "  ");
        if !str_at(template, "/spec/priorityClassName").is_empty() {
            self.w.line(1, &format!("Priority Class Name:\t{}", str_at(template, "/spec/priorityClassName")));
        }
        self.labels("  Node-Selectors", map_at(template, "/spec/nodeSelector"));
        self.tolerations("  Tolerations", list_at(template, "/spec/tolerations"));
    }

    /// `Pods Status:` of the Pods that an object controls.
    fn pods_status(&mut self, object: &Value, labels: &str) -> Result<(), Failure> {
        let path = format!("/api/v1/namespaces/{}/pods", str_at(object, "/metadata/namespace"));
        let request = Request::new(Method::Get, path)
            .with_header("Accept", "application/json")
            .with_query("labelSelector", labels)
            .with_query("limit", "500");
        let answer = self.cx.json(request)?;
        let uid = str_at(object, "/metadata/uid");
        let mut counts = [0; 4];
        for pod in list_at(&answer, "/items") {
            let owners = list_at(pod, "/metadata/ownerReferences");
            let ours = owners.iter().any(|owner| {
                owner.get("controller").and_then(Value::as_bool) == Some(true) && str_at(owner, "/uid") == uid
            });
            let slot = match str_at(pod, "/status/phase") {
                "Running" => 0,
                "Pending" => 1,
                "Succeeded" => 2,
                "Failed" => 3,
                _ => continue,
            };
            if let Some(count) = counts.get_mut(slot).filter(|_| ours) {
                *count += 1;
            }
        }
        let [running, waiting, succeeded, failed] = counts;
        self.field(
            "Pods Status",
            format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"),
        );
        Ok(())
    }
}

/// A Pod template whose columns are left as tabs, as the history of a rollout shows it.
pub fn pod_template_with_tabs(cx: &mut Context<'_>, template: &Value) -> String {
    let mut d = Describer { cx, w: Description::with_tabs(), show_events: false };
    d.pod_template(Some(template));
    d.w.finish()
}

fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

fn or_unset(object: &Value, path: &str) -> String {
    object.pointer(path).map_or_else(|| "<unset>".to_owned(), shown)
}

/// Describes a Job.
pub fn job(d: &mut Describer<'_, '_>, job: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(job, path);
    d.field("Name", of("/metadata/name"));
    d.field("Namespace", of("/metadata/namespace"));
    d.field("Selector", selector(job.pointer("/spec/selector")));
    d.labels("Labels", map_at(job, "/metadata/labels"));
    d.annotations("Annotations", map_at(job, "/metadata/annotations"));
    d.controlled_by(job);
    if job.pointer("/spec/parallelism").is_some() {
        d.field("Parallelism", number(job, "/spec/parallelism").to_string());
    }
    d.field("Completions", or_unset(job, "/spec/completions"));
    for (title, path) in [
        ("Completion Mode", "/spec/completionMode"),
        ("Suspend", "/spec/suspend"),
        ("Backoff Limit", "/spec/backoffLimit"),
        ("TTL Seconds After Finished", "/spec/ttlSecondsAfterFinished"),
    ] {
        if let Some(value) = job.pointer(path) {
            d.field(title, shown(value));
        }
    }
    let (start, end) = (of("/status/startTime"), of("/status/completionTime"));
    if !start.is_empty() {
        d.field("Start Time", timestamp(start));
    }
    if !end.is_empty() {
        d.field("Completed At", timestamp(end));
    }
    if let (Ok(start), Ok(end)) = (start.parse::<jiff::Timestamp>(), end.parse::<jiff::Timestamp>()) {
        let micros = end.as_microsecond().saturating_sub(start.as_microsecond());
        d.field("Duration", human_duration(micros.saturating_mul(1000)));
    }
    if job.pointer("/spec/activeDeadlineSeconds").is_some() {
        d.field("Active Deadline Seconds", format!("{}s", number(job, "/spec/activeDeadlineSeconds")));
    }
    let ready = match job.pointer("/status/ready") {
        Some(ready) => format!(" ({} Ready)", shown(ready)),
        None => String::new(),
    };
    let counts = ["/status/active", "/status/succeeded", "/status/failed"].map(|path| number(job, path));
    let [active, succeeded, failed] = counts;
    d.field("Pods Statuses", format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed"));
    if of("/spec/completionMode") == "Indexed" {
        d.field("Completed Indexes", indexes(of("/status/completedIndexes")));
    }
    d.pod_template(job.pointer("/spec/template"));
    d.events(job);
    Ok(())
}

/// A list of indexes, cut at the first comma after fifty characters.
fn indexes(list: &str) -> String {
    if list.is_empty() {
        return "<none>".to_owned();
    }
    match list.get(50..).and_then(|rest| rest.find(',')) {
        Some(at) => format!("{}...", list.get(..50 + at + 1).unwrap_or(list)),
        None => list.to_owned(),
    }
}

/// Describes a CronJob.
pub fn cron_job(d: &mut Describer<'_, '_>, cron: &Value) -> Result<(), Failure> {
    d.head(cron);
    d.field("Schedule", str_at(cron, "/spec/schedule"));
    d.field("Concurrency Policy", str_at(cron, "/spec/concurrencyPolicy"));
    let suspend = match cron.pointer("/spec/suspend").and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    d.field("Suspend", suspend);
    d.field("Time Zone", or_unset(cron, "/spec/timeZone"));
    d.field("Successful Job History Limit", or_unset(cron, "/spec/successfulJobsHistoryLimit"));
    d.field("Failed Job History Limit", or_unset(cron, "/spec/failedJobsHistoryLimit"));
    let deadline = match cron.pointer("/spec/startingDeadlineSeconds") {
        Some(seconds) => format!("{}s", shown(seconds)),
        None => "<unset>".to_owned(),
    };
    d.field("Starting Deadline Seconds", deadline);
    let template = "/spec/jobTemplate/spec";
    let labels = match cron.pointer(&format!("{template}/selector")) {
        Some(labels) => selector(Some(labels)),
        None => "<unset>".to_owned(),
    };
    d.field("Selector", labels);
    d.field("Parallelism", or_unset(cron, &format!("{template}/parallelism")));
    d.field("Completions", or_unset(cron, &format!("{template}/completions")));
    if let Some(seconds) = cron.pointer(&format!("{template}/activeDeadlineSeconds")) {
        d.field("Active Deadline Seconds", format!("{}s", shown(seconds)));
    }
    d.pod_template(cron.pointer(&format!("{template}/template")));
    let last = str_at(cron, "/status/lastScheduleTime");
    d.field("Last Schedule Time", if last.is_empty() { "<unset>".to_owned() } else { timestamp(last) });
    let active: Vec<&str> = list_at(cron, "/status/active").iter().map(|job| str_at(job, "/name")).collect();
    d.field("Active Jobs", if active.is_empty() { "<none>".to_owned() } else { active.join(", ") });
    d.events(cron);
    Ok(())
}

/// Describes a Deployment.
pub fn deployment(d: &mut Describer<'_, '_>, deployment: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(deployment, path);
    let n = |path: &str| number(deployment, path);
    d.field("Name", of("/metadata/name"));
    d.field("Namespace", of("/metadata/namespace"));
    d.field("CreationTimestamp", timestamp(of("/metadata/creationTimestamp")));
    d.labels("Labels", map_at(deployment, "/metadata/labels"));
    d.annotations("Annotations", map_at(deployment, "/metadata/annotations"));
    let labels = selector(deployment.pointer("/spec/selector"));
    d.field("Selector", &labels);
    d.field(
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            n("/spec/replicas"),
            n("/status/updatedReplicas"),
            n("/status/replicas"),
            n("/status/availableReplicas"),
            n("/status/unavailableReplicas")
        ),
    );
    d.field("StrategyType", of("/spec/strategy/type"));
    d.field("MinReadySeconds", n("/spec/minReadySeconds").to_string());
    if let Some(rolling) = deployment.pointer("/spec/strategy/rollingUpdate") {
        let part = |name: &str| rolling.get(name).map(shown).unwrap_or_default();
        d.field(
            "RollingUpdateStrategy",
            format!("{} max unavailable, {} max surge", part("maxUnavailable"), part("maxSurge")),
        );
    }
    d.pod_template(deployment.pointer("/spec/template"));
    d.conditions_with_reason(deployment);
    let (old, new) = replica_sets(d, deployment, &labels);
    if !old.is_empty() || !new.is_empty() {
        let text = |sets: &[Value]| {
            let list: Vec<String> = sets
                .iter()
                .map(|set| {
                    let (have, want) = (number(set, "/status/replicas"), number(set, "/spec/replicas"));
                    format!("{} ({have}/{want} replicas created)", str_at(set, "/metadata/name"))
                })
                .collect();
            if list.is_empty() { "<none>".to_owned() } else { list.join(", ") }
        };
        d.field("OldReplicaSets", text(&old));
        d.field("NewReplicaSet", text(&new));
    }
    d.events(deployment);
    Ok(())
}

/// The replica sets of a deployment: those of old templates, and the one of the present template.
fn replica_sets(d: &mut Describer<'_, '_>, deployment: &Value, labels: &str) -> (Vec<Value>, Vec<Value>) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets", str_at(deployment, "/metadata/namespace"));
    let request = Request::new(Method::Get, path)
        .with_header("Accept", "application/json")
        .with_query("labelSelector", labels)
        .with_query("limit", "500");
    let Ok(answer) = d.cx.json(request) else { return (Vec::new(), Vec::new()) };
    let uid = str_at(deployment, "/metadata/uid");
    let mut owned: Vec<Value> = list_at(&answer, "/items")
        .iter()
        .filter(|set| list_at(set, "/metadata/ownerReferences").iter().any(|owner| str_at(owner, "/uid") == uid))
        .cloned()
        .collect();
    owned.sort_by_key(|set| str_at(set, "/metadata/creationTimestamp").to_owned());
    let wanted = deployment.pointer("/spec/template").cloned().unwrap_or_default();
    let same = |set: &Value| {
        let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
        template == wanted
    };
    let position = owned.iter().position(same);
    let new = position.map(|at| owned.remove(at));
    (owned, new.into_iter().collect())
}

/// Describes a ReplicaSet.
pub fn replica_set(d: &mut Describer<'_, '_>, set: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(set, "/metadata/name"));
    d.field("Namespace", str_at(set, "/metadata/namespace"));
    let labels = selector(set.pointer("/spec/selector"));
    d.field("Selector", &labels);
    d.labels("Labels", map_at(set, "/metadata/labels"));
    d.annotations("Annotations", map_at(set, "/metadata/annotations"));
    d.controlled_by(set);
    d.field(
        "Replicas",
        format!("{} current / {} desired", number(set, "/status/replicas"), number(set, "/spec/replicas")),
    );
    d.pods_status(set, &labels)?;
    d.pod_template(set.pointer("/spec/template"));
    d.conditions_with_reason(set);
    d.events(set);
    Ok(())
}

/// Describes a ReplicationController.
pub fn replication_controller(d: &mut Describer<'_, '_>, controller: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(controller, "/metadata/name"));
    d.field("Namespace", str_at(controller, "/metadata/namespace"));
    let labels = label_list(map_at(controller, "/spec/selector"));
    d.field("Selector", &labels);
    d.labels("Labels", map_at(controller, "/metadata/labels"));
    d.annotations("Annotations", map_at(controller, "/metadata/annotations"));
    let counts = (number(controller, "/status/replicas"), number(controller, "/spec/replicas"));
    d.field("Replicas", format!("{} current / {} desired", counts.0, counts.1));
    d.pods_status(controller, &labels)?;
    d.pod_template(controller.pointer("/spec/template"));
    d.conditions_with_reason(controller);
    d.events(controller);
    Ok(())
}

/// Describes a DaemonSet.
pub fn daemon_set(d: &mut Describer<'_, '_>, set: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(set, "/metadata/name"));
    d.field("Namespace", str_at(set, "/metadata/namespace"));
    let labels = selector(set.pointer("/spec/selector"));
    d.field("Selector", &labels);
    d.field("Node-Selector", label_list(map_at(set, "/spec/template/spec/nodeSelector")));
    d.labels("Labels", map_at(set, "/metadata/labels"));
    d.annotations("Annotations", map_at(set, "/metadata/annotations"));
    for (title, path) in [
        ("Desired Number of Nodes Scheduled", "/status/desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "/status/currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "/status/updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "/status/numberAvailable"),
        ("Number of Nodes Misscheduled", "/status/numberMisscheduled"),
    ] {
        d.w.line(0, &format!("{title}: {}", number(set, path)));
    }
    d.pods_status(set, &labels)?;
    d.pod_template(set.pointer("/spec/template"));
    d.events(set);
    Ok(())
}

/// Describes a StatefulSet.
pub fn stateful_set(d: &mut Describer<'_, '_>, set: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(set, "/metadata/name"));
    d.field("Namespace", str_at(set, "/metadata/namespace"));
    d.field("CreationTimestamp", timestamp(str_at(set, "/metadata/creationTimestamp")));
    let labels = selector(set.pointer("/spec/selector"));
    d.field("Selector", &labels);
    d.labels("Labels", map_at(set, "/metadata/labels"));
    d.annotations("Annotations", map_at(set, "/metadata/annotations"));
    d.field(
        "Replicas",
        format!("{} desired | {} total", number(set, "/spec/replicas"), number(set, "/status/replicas")),
    );
    d.field("Update Strategy", str_at(set, "/spec/updateStrategy/type"));
    if let Some(partition) = set.pointer("/spec/updateStrategy/rollingUpdate/partition") {
        d.w.line(1, &format!("Partition:\t{}", shown(partition)));
    }
    d.pods_status(set, &labels)?;
    d.pod_template(set.pointer("/spec/template"));
    let claims = list_at(set, "/spec/volumeClaimTemplates");
    d.w.line(0, if claims.is_empty() { "Volume Claims:\t<none>" } else { "Volume Claims:" });
    for claim in claims {
        d.w.line(1, &format!("Name:\t{}", str_at(claim, "/metadata/name")));
        d.w.line(1, &format!("StorageClass:\t{}", str_at(claim, "/spec/storageClassName")));
        d.labels("  Labels", map_at(claim, "/metadata/labels"));
        d.labels("  Annotations", map_at(claim, "/metadata/annotations"));
        let capacity = claim.pointer("/spec/resources/requests/storage").map_or_else(|| "<default>".to_owned(), shown);
        d.w.line(1, &format!("Capacity:\t{capacity}"));
        d.w.line(
            1,
            &format!(
                "Access Modes:\t{}",
                shown(claim.pointer("/spec/accessModes").unwrap_or(&Value::Array(Vec::new())))
            ),
        );
    }
    d.events(set);
    Ok(())
}
