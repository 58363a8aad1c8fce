//! Records Kubernetes Events; repeats of one raise its count instead of making another, too many are not written.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/record/event.go.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};

use super::Client;
use super::event_correlation::{Correlated, Correlation, Written};
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

/// Writes Events for one component.
#[derive(Clone, Debug)]
pub struct EventRecorder {
    component: &'static str,
    host: String,
    correlation: Correlation,
    /// How many Events were written, which keeps two of one instant apart.
    written: u64,
}

impl EventRecorder {
    /// A recorder for `component` (`job-controller`); `host` is the node's name for a kubelet, else empty.
    pub fn new(component: &'static str, host: &str) -> Self {
        Self { component, host: host.to_owned(), correlation: Correlation::default(), written: 0 }
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
        // The name that upstream gives: the object's name and the instant in hexadecimal nanoseconds.
        let nanos = client.now().as_micros().saturating_mul(1000) + self.written % 1000;
        let name = format!("{}.{nanos:x}", meta::name(about.meta()));
        let object = (meta::uid(about.meta()).into(), kind);
        let Some(correlated) = self.correlation.take(&object, field_path, reason, message, name, client.now()) else {
            return;
        };
        let Correlated { message, combined, event: Written { name, count, first } } = correlated;
        let namespace = Some(meta::namespace(about.meta())).filter(|name| !name.is_empty()).unwrap_or("default");
        if count > 1
            && let Ok(event) = client.get::<Event>(namespace, &name)
        {
            let mut event = Event::clone(&event);
            event.count = Some(count);
            event.message = Some(message);
            event.last_timestamp = Some(meta::time(client.now()));
            // An Event that cannot be written is lost, as upstream's broadcaster loses it.
            let _ = client.update(event);
            return;
        }
        self.written += 1;
        let mut event = self.new_event(client, about, field_path, kind, reason, &message);
        event.metadata.name = Some(name);
        event.metadata.namespace = Some(namespace.to_owned());
        (event.count, event.first_timestamp) = (Some(count), Some(first));
        if combined {
            // As upstream, which makes a combined one without them.
            (event.reporting_component, event.reporting_instance) = (Some(String::new()), Some(String::new()));
        }
        let _ = client.create(event);
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
        let involved_object = ObjectReference {
            api_version: Some(about.api_version().to_owned()),
            kind: Some(about.kind().to_owned()),
            name: about_meta.name.clone(),
            namespace: about_meta.namespace.clone(),
            uid: about_meta.uid.clone(),
            resource_version: about_meta.resource_version.clone(),
            field_path: (!field_path.is_empty()).then(|| field_path.to_owned()),
        };
        let source = EventSource {
            component: Some(self.component.to_owned()),
            host: (!self.host.is_empty()).then(|| self.host.clone()),
        };
        Event {
            involved_object,
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            type_: Some(kind.as_str().to_owned()),
            last_timestamp: Some(now),
            source: Some(source),
            reporting_component: Some(self.component.to_owned()),
            reporting_instance: Some(self.host.clone()),
            ..Event::default()
        }
    }
}

fn truncate(message: &str) -> &str {
    let mut end = message.len().min(MAX_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or(message)
}
