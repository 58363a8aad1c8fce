//! Whether a container's image is on the node, and the pull that brings it there.
//!
//! Models Kubernetes 1.36 pkg/kubelet/images/image_manager.go, with images pulled one after another.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Container;

use super::Kubelet;
use super::containers::List;
use super::sync::{BACKOFF_PERIOD, set_waiting};
use super::worker::{Doing, Work, Worker};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::EventType;
use crate::cri::{ImageInfo, check_image_name};
use crate::sim::Time;
use crate::text::duration::go_duration;

impl Kubelet {
    /// Whether the container's image is on the node.
    ///
    /// # Errors
    /// The pull that was begun when it is not and may be fetched now; `None` when it cannot be had.
    pub(super) fn image_ready(
        &mut self,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        (list, index): (List, usize),
        container: &Container,
        now: Time,
    ) -> Result<(), Option<Doing>> {
        let image = container.image.clone().unwrap_or_default();
        let pod = Arc::clone(&worker.pod);
        let path = list.path(&container.name);
        let key = format!("{}/{}", meta::uid(&pod.metadata), container.name);
        let record = worker.records.entry(container.name.clone()).or_default().clone();
        if let Err(why) = check_image_name(&image) {
            let text = format!("Failed to apply default image tag \"{image}\": {why}");
            self.record(server, &pod, &path, EventType::Warning, "InspectFailed", &text);
            self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: InvalidImageName");
            set_waiting(worker, &container.name, "InvalidImageName", &text);
            work.retry_at(now + BACKOFF_PERIOD);
            return Err(None);
        }
        let present = self.runtime.image(&image, now).is_some();
        let policy = container.image_pull_policy.as_deref().unwrap_or("IfNotPresent");
        if present && policy != "Always" {
            let text = format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
            self.record(server, &pod, &path, EventType::Normal, "Pulled", &text);
            return Ok(());
        }
        if policy == "Never" {
            let text = format!("Container image \"{image}\" is not present with pull policy of Never");
            self.record(server, &pod, &path, EventType::Warning, "ErrImageNeverPull", &text);
            self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: ErrImageNeverPull");
            set_waiting(worker, &container.name, "ErrImageNeverPull", &text);
            work.retry_at(now + BACKOFF_PERIOD);
            return Err(None);
        }
        if let Some((failed, why)) = &record.pull_failure
            && let Some(until) = self.pulls.until(&key, *failed, now)
        {
            let text = format!("Back-off pulling image \"{image}\"");
            self.record(server, &pod, &path, EventType::Normal, "BackOff", &text);
            self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: ImagePullBackOff");
            set_waiting(worker, &container.name, "ImagePullBackOff", &format!("{text}: ErrImagePull: {why}"));
            work.retry_at(until);
            return Err(None);
        }
        self.record(server, &pod, &path, EventType::Normal, "Pulling", &format!("Pulling image \"{image}\""));
        let began = self.pulls_end.max(now);
        let pull = self.runtime.pull(&image, began);
        self.pulls_end = pull.done;
        worker.again(pull.done);
        Err(Some(Doing::Pull { list, index, pull, asked: now, began }))
    }

    /// Takes in what came of a pull; whether the image is there.
    #[expect(clippy::too_many_arguments, reason = "a pull is told of its container, its times and its end")]
    pub(super) fn finish_pull(
        &mut self,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        (list, container): (List, &Container),
        result: Result<ImageInfo, String>,
        (asked, began): (Time, Time),
        now: Time,
    ) -> bool {
        let pod = Arc::clone(&worker.pod);
        let image = container.image.clone().unwrap_or_default();
        let path = list.path(&container.name);
        let key = format!("{}/{}", meta::uid(&pod.metadata), container.name);
        let record = worker.records.entry(container.name.clone()).or_default();
        match result {
            Ok(info) => {
                record.pull_failure = None;
                // The kubelet rounds to the millisecond.
                let rounded = |from: Time| {
                    let millis = i64::try_from(now.since(from).as_millis()).unwrap_or(i64::MAX);
                    go_duration(millis.saturating_mul(1_000_000))
                };
                let text = format!(
                    "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {} bytes.",
                    rounded(began),
                    rounded(asked),
                    info.size
                );
                self.record(server, &pod, &path, EventType::Normal, "Pulled", &text);
                true
            }
            Err(why) => {
                let before = record.pull_failure.as_ref().map_or(now, |(failed, _)| *failed);
                record.pull_failure = Some((now, why.clone()));
                record.waiting = Some(("ErrImagePull".to_owned(), why.clone()));
                self.pulls.next(&key, before, now);
                let text = format!("Failed to pull image \"{image}\": {why}");
                self.record(server, &pod, &path, EventType::Warning, "Failed", &text);
                self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: ErrImagePull");
                work.retry_at(now + BACKOFF_PERIOD);
                false
            }
        }
    }
}
