//! Which change an object of endpoints shows: the earliest of those that have come since the last look.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Service};

use crate::apimachinery::{ObjectKey, meta};
use crate::controllers::pod_control;

/// The annotation with the instant of the change that the object shows.
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// What the last look at each Service saw.
#[derive(Clone, Debug, Default)]
pub struct TriggerTimes(BTreeMap<ObjectKey, Seen>);

#[derive(Clone, Debug, Default)]
struct Seen {
    service: Option<Timestamp>,
    pods: BTreeMap<String, Timestamp>,
}

impl TriggerTimes {
    /// Looks at a Service and its Pods: the instant that the objects to be written are to show, if there is any.
    pub fn look(&mut self, key: &ObjectKey, service: &Service, pods: &[Arc<Pod>]) -> Option<String> {
        let created = service.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let turned = |pod: &Pod| Some(pod_control::condition(pod, "Ready")?.last_transition_time.as_ref()?.0);
        let now = Seen {
            service: created,
            pods: pods.iter().filter_map(|pod| Some((meta::name(&pod.metadata).to_owned(), turned(pod)?))).collect(),
        };
        let first = match self.0.get(key) {
            None => created,
            Some(before) => {
                let is_new = |(name, time): &(&String, &Timestamp)| Some(*time) > before.pods.get(*name);
                let service = now.service.filter(|time| Some(*time) > before.service);
                now.pods.iter().filter(is_new).map(|(_, time)| *time).chain(service).min()
            }
        };
        self.0.insert(key.clone(), now);
        first.map(|time| time.to_string())
    }

    /// Forgets a Service that is gone.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }
}

/// Writes the instant into an object's annotations, or takes an older one out.
pub fn annotate(annotations: &mut Option<BTreeMap<String, String>>, time: Option<&String>) {
    match time {
        Some(time) => drop(annotations.get_or_insert_default().insert(TRIGGER_TIME.to_owned(), time.clone())),
        None => {
            if let Some(held) = annotations {
                held.remove(TRIGGER_TIME);
            }
            annotations.take_if(|held| held.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::{Pod, Service};
    use serde_json::json;

    use super::TriggerTimes;
    use crate::apimachinery::ObjectKey;

    #[test]
    fn the_earliest_change_since_the_last_look_is_shown() {
        let at = |second: u32| format!("2026-01-01T00:00:{second:02}Z");
        let service: Service =
            serde_json::from_value(json!({"metadata": {"name": "web", "creationTimestamp": at(1)}})).unwrap();
        let pod = |name: &str, second: u32| -> Arc<Pod> {
            let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": at(second)}]);
            Arc::new(
                serde_json::from_value(json!({"metadata": {"name": name}, "status": {"conditions": ready}})).unwrap(),
            )
        };
        let (mut times, key) = (TriggerTimes::default(), ObjectKey::of(&service));
        let mut look = |pods: &[Arc<Pod>]| times.look(&key, &service, pods);
        assert_eq!(look(&[pod("a", 9)]), Some(at(1)), "a Service that is new: when it was made");
        assert_eq!(look(&[pod("a", 9)]), None, "nothing has changed");
        assert_eq!(look(&[pod("a", 12), pod("b", 11)]), Some(at(11)), "two Pods: the earlier one");
        assert_eq!(look(&[pod("a", 10)]), None, "an older instant is no change");
        times.forget(&key);
        assert_eq!(times.look(&key, &service, &[]), Some(at(1)), "as if it were new");
    }
}
