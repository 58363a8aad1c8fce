//! The leases that Events have in etcd: an hour after it was last written an Event is gone. Other kinds have none.
//!
//! Models Kubernetes 1.36 pkg/registry/core/rest/storage_core_generic.go and kube-apiserver's `--event-ttl`.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;

use crate::apimachinery::{Object, ObjectKey, downcast};
use crate::sim::Time;
use crate::storage::Store;

/// How long an Event is kept after its last write.
const TTL: Duration = Duration::from_secs(60 * 60);

/// Drops the Events whose lease has ended by `now`. Answers when it is worth looking again: a whole scan then, and
/// none before.
pub(super) fn end_due(store: &mut Store, now: Time) -> Time {
    end(store, |event| lease_end(event) <= now);
    let next = store.list("events", None).filter_map(downcast::<Event>).map(|event| lease_end(&event)).min();
    // An Event that is not there yet has a whole lease before it.
    next.unwrap_or(now + TTL)
}

/// Drops the Events that `ended` holds for.
pub(super) fn end(store: &mut Store, ended: impl Fn(&Event) -> bool) {
    let by: Arc<str> = "etcd".into();
    let events = store.list("events", None).filter_map(downcast::<Event>).filter(|event| ended(event));
    let events: Vec<ObjectKey> = events.map(|event| ObjectKey::of(&*event as &dyn Object)).collect();
    for event in events {
        store.remove(&event.resource, &event.namespace, &event.name, &by);
    }
}

/// When an Event's lease ends, reckoned from the latest time that it carries: each write brings one.
fn lease_end(event: &Event) -> Time {
    let observed = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let times = [
        event.metadata.creation_timestamp.as_ref().map(|time| time.0),
        event.last_timestamp.as_ref().map(|time| time.0),
        event.event_time.as_ref().map(|time| time.0),
        observed,
    ];
    Time::from(times.into_iter().flatten().max().unwrap_or_default()) + TTL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apimachinery::managed_fields::Origin;
    use crate::apimachinery::meta;

    fn event(name: &str, written: Time) -> Box<dyn Object> {
        let mut event = Event { last_timestamp: Some(meta::time(written)), ..Event::default() };
        event.metadata.name = Some(name.to_owned());
        event.metadata.namespace = Some("default".to_owned());
        Box::new(event)
    }

    #[test]
    fn an_event_is_gone_an_hour_after_its_last_write_and_nobody_looks_before() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        let start = Time::from_seconds(1_000_000);
        let minutes = |count: u64| start + Duration::from_secs(60 * count);
        store.put(event("early", start), Origin::nobody(), &by);
        store.put(event("late", minutes(20)), Origin::nobody(), &by);
        assert_eq!(end_due(&mut store, minutes(59)), minutes(60));
        assert_eq!(store.count("events"), 2);
        assert_eq!(end_due(&mut store, minutes(60)), minutes(80));
        assert!(store.get("events", "default", "early").is_none());
        store.put(event("late", minutes(70)), Origin::nobody(), &by);
        assert_eq!(end_due(&mut store, minutes(80)), minutes(130));
        assert_eq!(end_due(&mut store, minutes(130)), minutes(190));
        assert_eq!(store.count("events"), 0);
    }
}
