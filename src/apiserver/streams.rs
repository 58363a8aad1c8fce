//! Open streams: watches, followed logs, exec sessions, forwarded ports. Plain values, a bounded number; a read costs what is new.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/storage/cacher (watch semantics).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::filter::Filter;
use super::negotiate::Form;
use super::{ApiServer, ContainerRef, LogOptions, NodeProxy, PodRef, endpoints, respond};
use crate::api::{KindOps, KindRef};
use crate::apimachinery::{Reason, Status, meta};
use crate::sim::Time;
use crate::storage::{Change, ChangeKind, Stored};
use crate::text::http::{StreamId, StreamRead};

/// How many streams may be open at once.
const LIMIT: usize = 1024;
/// A read gives at most about so many bytes.
const CHUNK: usize = 64 * 1024;
/// How often a quiet watch tells its client where it stands.
pub(super) const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// A stream.
#[derive(Clone, Debug)]
pub(super) enum Stream {
    /// Changes of objects.
    Watch(Watch),
    /// A container's log, followed.
    Log(Log),
    /// A process in a container.
    Session(Session),
    /// The ports of a Pod.
    Ports(PodRef),
}

/// Where a watch stands.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// The kind.
    pub ops: KindRef,
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// Which objects are wanted.
    pub filter: Filter,
    /// How they are written.
    pub form: Form,
    /// Changes up to here have been seen.
    pub revision: u64,
    /// Objects that were there at the start and have not been sent.
    pub initial: VecDeque<Stored>,
    /// Whether a bookmark tells the end of the initial objects.
    pub initial_end: bool,
    /// When the next bookmark is due; `None` when the client wants none.
    pub bookmarks: Option<Time>,
    /// When the watch ends by itself.
    pub deadline: Option<Time>,
    /// Whether the columns of the table have been sent.
    pub columns_sent: bool,
    /// Whether it has ended in an error.
    pub failed: bool,
}

/// Where a followed log stands.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Whose log.
    pub of: ContainerRef,
    /// Which part.
    pub options: LogOptions,
    /// Where to go on.
    pub position: u64,
    /// Whether everything has been read.
    pub ended: bool,
    /// How many bytes may still be sent.
    pub left: Option<u64>,
}

/// An exec or attach session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The node where it runs.
    pub node: String,
    /// Its number there.
    pub number: u64,
}

/// Keeps a stream open.
pub(super) fn open(server: &mut ApiServer, stream: Stream) -> Result<StreamId, Status> {
    if server.streams.len() >= LIMIT {
        let mut refused = Status::other(Reason::TooManyRequests, "Too many requests, please try again later.");
        refused.retry_after_seconds = 1;
        return Err(refused);
    }
    server.next_stream += 1;
    let id = StreamId(server.next_stream);
    server.streams.insert(id, stream);
    Ok(id)
}

/// See [`ApiServer::read_stream`].
pub(super) fn read(server: &mut ApiServer, id: StreamId, nodes: &mut dyn NodeProxy) -> StreamRead {
    let Some(mut stream) = server.streams.remove(&id) else { return StreamRead::End };
    let read = match &mut stream {
        Stream::Watch(watch) => watch.read(server),
        Stream::Log(log) => log.read(nodes),
        Stream::Session(session) => nodes.read_session(&session.node, session.number),
        // What goes to a port and comes from it goes by `dial` and `forward`.
        Stream::Ports(_) => StreamRead::Pending,
    };
    if read != StreamRead::End {
        server.streams.insert(id, stream);
    }
    read
}

/// Whose ports a stream forwards.
pub(super) fn forwarded(server: &ApiServer, id: StreamId) -> Result<&PodRef, String> {
    match server.streams.get(&id) {
        Some(Stream::Ports(of)) => Ok(of),
        _ => Err("use of closed network connection".to_owned()),
    }
}

/// See [`ApiServer::write_stream`].
pub(super) fn write(server: &mut ApiServer, id: StreamId, message: &[u8], nodes: &mut dyn NodeProxy) {
    if let Some(Stream::Session(session)) = server.streams.get(&id) {
        nodes.write_session(&session.node, session.number, message);
    }
}

/// See [`ApiServer::close_stream`].
pub(super) fn close(server: &mut ApiServer, id: StreamId, nodes: &mut dyn NodeProxy) {
    if let Some(Stream::Session(session)) = server.streams.remove(&id) {
        nodes.close_session(&session.node, session.number);
    }
}

impl Watch {
    fn read(&mut self, server: &ApiServer) -> StreamRead {
        let ops = self.ops.clone();
        let ops = &*ops;
        if self.failed {
            return StreamRead::End;
        }
        let (mut out, now) = (Vec::new(), server.now());
        while let Some(stored) = self.initial.pop_front() {
            self.event(ops, "ADDED", &stored, now, &mut out);
            if out.len() >= CHUNK {
                return StreamRead::Data(out);
            }
        }
        if self.initial_end {
            self.initial_end = false;
            self.bookmark(ops, true, &mut out);
        }
        self.changes(server, ops, now, &mut out);
        if out.is_empty()
            && let Some(due) = self.bookmarks
            && due <= now
        {
            self.bookmarks = Some(now + BOOKMARK_INTERVAL);
            self.bookmark(ops, false, &mut out);
        }
        match (out.is_empty(), self.deadline) {
            (false, _) => StreamRead::Data(out),
            (true, Some(deadline)) if deadline <= now => StreamRead::End,
            (true, _) => StreamRead::Pending,
        }
    }

    fn changes(&mut self, server: &ApiServer, ops: &dyn KindOps, now: Time, out: &mut Vec<u8>) {
        let changes = match server.store().since(ops.info().resource, self.revision) {
            Ok(changes) => changes,
            Err(old) => {
                self.failed = true;
                let text = format!("too old resource version: {} ({})", self.revision, old.oldest);
                write_event("ERROR", &Status::expired(text).to_json(), out);
                return;
            }
        };
        for change in changes {
            self.revision = change.revision;
            if let Some(kind) = self.seen_as(ops, change) {
                let stored = Stored { object: Arc::clone(&change.object), origin: Arc::clone(&change.origin) };
                self.event(ops, kind, &stored, now, out);
            }
            if out.len() >= CHUNK {
                return;
            }
        }
        // Nothing of this resource is left behind: what comes later has a later revision.
        self.revision = self.revision.max(server.store().revision());
    }

    /// What a change is to this watch: an object that begins to match is new, one that ceases to match is gone.
    fn seen_as(&self, ops: &dyn KindOps, change: &Change) -> Option<&'static str> {
        if let Some(namespace) = &self.namespace
            && meta::namespace(change.object.meta()) != namespace
        {
            return None;
        }
        let before = change.previous.as_ref().is_some_and(|previous| self.filter.matches(ops, &**previous));
        let after = change.kind != ChangeKind::Deleted && self.filter.matches(ops, &*change.object);
        match (before, after) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn event(&mut self, ops: &dyn KindOps, kind: &str, stored: &Stored, now: Time, out: &mut Vec<u8>) {
        let value = endpoints::encode_watched(ops, stored, self.form, !self.columns_sent, now);
        self.columns_sent = true;
        write_event(kind, &value, out);
    }

    fn bookmark(&self, ops: &dyn KindOps, initial_end: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let (true, Some(map)) = (initial_end, metadata.as_object_mut()) {
            map.insert("annotations".to_owned(), json!({"k8s.io/initial-events-end": "true"}));
        }
        let value = match self.form {
            Form::Table(_) => {
                let object =
                    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
                let cells: Vec<Value> = ops.columns().iter().map(|_| json!("")).collect();
                super::table::table(
                    json!({"resourceVersion": self.revision.to_string()}),
                    Value::Null,
                    vec![json!({"cells": cells, "object": object})],
                )
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Object => {
                let info = ops.info();
                json!({"kind": info.kind, "apiVersion": info.api_version(), "metadata": metadata})
            }
        };
        write_event("BOOKMARK", &value, out);
    }
}

fn write_event(kind: &str, object: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    respond::write(object, out);
    out.extend_from_slice(b"}\n");
}

impl Log {
    fn read(&mut self, nodes: &mut dyn NodeProxy) -> StreamRead {
        if self.ended {
            return StreamRead::End;
        }
        let Ok(mut part) = nodes.read_log(&self.of, &self.options, self.position) else { return StreamRead::End };
        self.position = part.position;
        self.ended = part.ended;
        if let Some(left) = &mut self.left {
            part.bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= part.bytes.len() as u64;
            self.ended |= *left == 0;
        }
        match (part.bytes.is_empty(), self.ended) {
            (false, _) => StreamRead::Data(part.bytes),
            (true, true) => StreamRead::End,
            (true, false) => StreamRead::Pending,
        }
    }
}
