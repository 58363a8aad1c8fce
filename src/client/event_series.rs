//! Records Events of the newer kind, as the scheduler does: they have an instant, an action and perhaps a second
//! object; repeats become a series.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/events/{event_recorder,event_broadcaster}.go.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSeries, ObjectReference};

use super::{Client, EventType};
use crate::apimachinery::{Object, meta};
use crate::sim::Time;

/// A series ends when nothing was added for so long.
const FINISH: Duration = Duration::from_secs(6 * 60);
/// How many Events are remembered in order to know repeats.
const REMEMBERED: usize = 4096;

/// What an Event says.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// Whether something is as it should be.
    pub kind: EventType,
    /// One word for why: `FailedScheduling`.
    pub reason: &'a str,
    /// What was being done: `Scheduling`.
    pub action: &'a str,
    /// The sentence.
    pub message: &'a str,
}

#[derive(Clone, Debug)]
struct Seen {
    name: String,
    count: i32,
    last: Time,
}

/// Writes Events for one component.
#[derive(Clone, Debug)]
pub struct SeriesRecorder {
    controller: &'static str,
    instance: String,
    seen: BTreeMap<String, Seen>,
}

impl SeriesRecorder {
    /// A recorder for `controller` (`default-scheduler`) on the machine `host`.
    pub fn new(controller: &'static str, host: &str) -> Self {
        Self { controller, instance: format!("{controller}-{host}"), seen: BTreeMap::new() }
    }

    /// Records an Event about an object, with a second object that has to do with it.
    pub fn event(&mut self, client: &mut Client<'_>, about: &dyn Object, related: Option<&dyn Object>, note: Note<'_>) {
        let version = about.meta().resource_version.as_deref().unwrap_or_default();
        let other = related.map(|object| meta::uid(object.meta())).unwrap_or_default();
        let (uid, now) = (meta::uid(about.meta()), client.now());
        let key = format!("{uid} {version} {other} {} {}", note.reason, note.action);
        let namespace = Some(meta::namespace(about.meta())).filter(|name| !name.is_empty()).unwrap_or("default");
        if let Some(seen) = self.seen.get_mut(&key).filter(|seen| now.since(seen.last) < FINISH) {
            seen.count += 1;
            seen.last = now;
            // The second makes it a series; the count of later ones is only written now and then.
            if seen.count == 2
                && let Ok(held) = client.get::<Event>(namespace, &seen.name)
            {
                let mut event = Event::clone(&held);
                event.series = Some(EventSeries { count: Some(2), last_observed_time: Some(meta::micro_time(now)) });
                // An Event that cannot be written is lost.
                let _ = client.update(event);
            }
            return;
        }
        let event = self.new_event(about, related, note, namespace, now);
        let name = meta::name(&event.metadata).to_owned();
        if client.create(event).is_ok() {
            if self.seen.len() >= REMEMBERED {
                self.seen.pop_first();
            }
            self.seen.insert(key, Seen { name, count: 1, last: now });
        }
    }

    fn new_event(
        &self,
        about: &dyn Object,
        related: Option<&dyn Object>,
        note: Note<'_>,
        namespace: &str,
        now: Time,
    ) -> Event {
        let reference = |object: &dyn Object| ObjectReference {
            api_version: Some(object.api_version().to_owned()),
            kind: Some(object.kind().to_owned()),
            name: object.meta().name.clone(),
            namespace: object.meta().namespace.clone(),
            uid: object.meta().uid.clone(),
            resource_version: object.meta().resource_version.clone(),
            field_path: None,
        };
        let nanos = now.as_micros().saturating_mul(1000) + self.seen.len() as u64 % 1000;
        let mut event = Event::default();
        event.metadata.name = Some(format!("{}.{nanos:x}", meta::name(about.meta())));
        event.metadata.namespace = Some(namespace.to_owned());
        event.involved_object = reference(about);
        event.related = related.map(reference);
        event.reason = Some(note.reason.to_owned());
        event.message = Some(note.message.to_owned());
        event.action = Some(note.action.to_owned());
        event.type_ = Some(note.kind.as_str().to_owned());
        event.event_time = Some(meta::micro_time(now));
        event.reporting_component = Some(self.controller.to_owned());
        event.reporting_instance = Some(self.instance.clone());
        event
    }
}
