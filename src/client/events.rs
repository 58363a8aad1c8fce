//! Records Kubernetes Events; repeats of one raise its count instead of making another.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/record/events_cache.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};

use super::Client;
use crate::apimachinery::{Object, meta};

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// As it should be.
    Normal,
    /// A person may want to look.
    Warning,
}

impl EventType {
    /// The text in the Event.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }
    }
}

/// The longest message of an Event, in bytes.
const MAX_MESSAGE: usize = 1024;

/// How many distinct Events a recorder remembers in order to count repeats.
const REMEMBERED: usize = 4096;

type Identity = (String, EventType, String, String);

/// Writes Events for one component.
#[derive(Clone, Debug)]
pub struct EventRecorder {
    component: &'static str,
    host: String,
    seen: BTreeMap<Identity, (String, String)>,
}

impl EventRecorder {
    /// A recorder for `component` (`job-controller`); `host` is the node's name for a kubelet, else empty.
    pub fn new(component: &'static str, host: &str) -> Self {
        Self { component, host: host.to_owned(), seen: BTreeMap::new() }
    }

    /// Records an Event about an object.
    pub fn event(&mut self, client: &mut Client<'_>, about: &dyn Object, kind: EventType, reason: &str, message: &str) {
        self.event_at(client, about, "", kind, reason, message);
    }

    /// Records an Event about a part of an object, such as `spec.containers{hello}`.
    pub fn event_at(
        &mut self,
        client: &mut Client<'_>,
        about: &dyn Object,
        field_path: &str,
        kind: EventType,
        reason: &str,
        message: &str,
    ) {
        let message = truncate(message);
        let identity =
            (format!("{}{field_path}", meta::uid(about.meta())), kind, reason.to_owned(), message.to_owned());
        let now = meta::time(client.now());
        if let Some((namespace, name)) = self.seen.get(&identity).cloned()
            && let Ok(event) = client.get::<Event>(&namespace, &name)
        {
            let mut event = Event::clone(&event);
            event.count = Some(event.count.unwrap_or(1) + 1);
            event.last_timestamp = Some(now);
            // An Event that cannot be written is lost, as upstream's broadcaster loses it.
            let _ = client.update(event);
            return;
        }
        let event = self.new_event(client, about, field_path, kind, reason, message);
        if let Ok(event) = client.create(event) {
            if self.seen.len() >= REMEMBERED {
                self.seen.pop_first();
            }
            let place = (meta::namespace(&event.metadata).to_owned(), meta::name(&event.metadata).to_owned());
            self.seen.insert(identity, place);
        }
    }

    fn new_event(
        &self,
        client: &Client<'_>,
        about: &dyn Object,
        field_path: &str,
        kind: EventType,
        reason: &str,
        message: &str,
    ) -> Event {
        let (now, about_meta) = (meta::time(client.now()), about.meta());
        let namespace = match meta::namespace(about_meta) {
            "" => "default",
            namespace => namespace,
        };
        let mut event = Event::default();
        // The name that upstream gives: the object's name and the instant in hexadecimal nanoseconds; the message's
        // place in this recorder keeps two of one instant apart.
        let nanos = client.now().as_micros().saturating_mul(1000) + self.seen.len() as u64 % 1000;
        event.metadata.name = Some(format!("{}.{nanos:x}", meta::name(about_meta)));
        event.metadata.namespace = Some(namespace.to_owned());
        event.involved_object = ObjectReference {
            api_version: Some(about.api_version().to_owned()),
            kind: Some(about.kind().to_owned()),
            name: about_meta.name.clone(),
            namespace: about_meta.namespace.clone(),
            uid: about_meta.uid.clone(),
            resource_version: about_meta.resource_version.clone(),
            field_path: (!field_path.is_empty()).then(|| field_path.to_owned()),
        };
        event.reason = Some(reason.to_owned());
        event.message = Some(message.to_owned());
        event.type_ = Some(kind.as_str().to_owned());
        event.first_timestamp = Some(now.clone());
        event.last_timestamp = Some(now);
        event.count = Some(1);
        event.source = Some(EventSource {
            component: Some(self.component.to_owned()),
            host: (!self.host.is_empty()).then(|| self.host.clone()),
        });
        event.reporting_component = Some(self.component.to_owned());
        event.reporting_instance = Some(self.host.clone());
        event
    }
}

fn truncate(message: &str) -> &str {
    let mut end = message.len().min(MAX_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or(message)
}
