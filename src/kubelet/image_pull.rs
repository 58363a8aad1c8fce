//! Whether a container's image is on the node, and the pull that brings it there.
//!
//! Models Kubernetes 1.36 pkg/kubelet/images/image_manager.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Container;

use super::Kubelet;
use super::sync::{BACKOFF_PERIOD, Progress, find_container, set_waiting};
use super::worker::{ContainerRecord, Stage, Worker};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::EventType;
use crate::cri::{ImageInfo, check_image_name};
use crate::sim::Time;
use crate::text::duration::go_duration;

impl Kubelet {
    /// Whether the container's image is on the node; begins a pull when it is not and may be fetched now.
    #[expect(clippy::too_many_arguments, reason = "what one look at a Pod has gathered so far")]
    pub(super) fn image_ready(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        container: &Container,
        path: &str,
        key: &str,
        progress: &mut Progress,
        now: Time,
    ) -> bool {
        let image = container.image.clone().unwrap_or_default();
        let pod = Arc::clone(&worker.pod);
        let record = worker.records.entry(container.name.clone()).or_default().clone();
        if let Err(why) = check_image_name(&image) {
            let text = format!("Failed to apply default image tag \"{image}\": {why}");
            self.record(server, &pod, path, EventType::Warning, "InspectFailed", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: InvalidImageName");
            set_waiting(worker, &container.name, "InvalidImageName", &text);
            progress.retry_at(now + BACKOFF_PERIOD);
            return false;
        }
        let present = self.runtime.image(&image, now).is_some();
        match (container.image_pull_policy.as_deref().unwrap_or("IfNotPresent"), present) {
            ("Always", _) if just_pulled(&record, now) => return true,
            ("Always", _) | (_, false) => {}
            (_, true) => {
                let text =
                    format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
                if !just_pulled(&record, now) {
                    self.record(server, &pod, path, EventType::Normal, "Pulled", &text);
                }
                return true;
            }
        }
        if container.image_pull_policy.as_deref() == Some("Never") {
            let text = format!("Container image \"{image}\" is not present with pull policy of Never");
            self.record(server, &pod, path, EventType::Warning, "ErrImageNeverPull", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: ErrImageNeverPull");
            set_waiting(worker, &container.name, "ErrImageNeverPull", &text);
            progress.retry_at(now + BACKOFF_PERIOD);
            return false;
        }
        if let Some((failed, why)) = &record.pull_failure
            && let Some(until) = self.pulls.until(key, *failed, now)
        {
            let text = format!("Back-off pulling image \"{image}\"");
            self.record(server, &pod, path, EventType::Normal, "BackOff", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: ImagePullBackOff");
            set_waiting(worker, &container.name, "ImagePullBackOff", &format!("{text}: ErrImagePull: {why}"));
            progress.retry_at(until);
            return false;
        }
        self.record(server, &pod, path, EventType::Normal, "Pulling", &format!("Pulling image \"{image}\""));
        let pull = self.runtime.pull(&image, now);
        let done = pull.done;
        worker.stage = Stage::Pulling { container: container.name.clone(), pull, began: now };
        self.again(worker, done);
        progress.pulling = true;
        false
    }

    pub(super) fn finish_pull(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        name: &str,
        result: Result<ImageInfo, String>,
        began: Time,
        now: Time,
    ) {
        let pod = Arc::clone(&worker.pod);
        let Some((list, container)) = find_container(&pod, name) else { return };
        let image = container.image.clone().unwrap_or_default();
        let path = format!("spec.{list}{{{name}}}");
        let key = format!("{}/{name}", meta::uid(&pod.metadata));
        let record = worker.records.entry(name.to_owned()).or_default();
        match result {
            Ok(info) => {
                record.pull_failure = None;
                record.pulled = Some(now);
                // The kubelet rounds to the millisecond.
                let millis = i64::try_from(now.since(began).as_millis()).unwrap_or(i64::MAX);
                let took = go_duration(millis.saturating_mul(1_000_000));
                let text = format!(
                    "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {} bytes.",
                    info.size
                );
                self.record(server, &pod, &path, EventType::Normal, "Pulled", &text);
            }
            Err(why) => {
                let before = record.pull_failure.as_ref().map_or(now, |(failed, _)| *failed);
                record.pull_failure = Some((now, why.clone()));
                record.waiting = Some(("ErrImagePull".to_owned(), why.clone()));
                self.pulls.next(&key, before, now);
                let text = format!("Failed to pull image \"{image}\": {why}");
                self.record(server, &pod, &path, EventType::Warning, "Failed", &text);
                self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: ErrImagePull");
                // What a relist saw meanwhile is looked at now; else the failed sync is tried again later.
                let retry = if worker.relisted { now } else { self.jittered(now, now + BACKOFF_PERIOD) };
                worker.relisted = false;
                self.again(worker, retry);
            }
        }
    }
}

/// Whether the container's image was pulled in this very sync.
fn just_pulled(record: &ContainerRecord, now: Time) -> bool {
    record.pulled == Some(now)
}
