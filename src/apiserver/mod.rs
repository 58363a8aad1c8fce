//! The API server: the one door to storage. Sans IO: a request comes in as a value, an answer goes out as one.
//!
//! Two ways in: the typed registry that controllers, the scheduler and the kubelet use without JSON, and
//! [`ApiServer::handle`], which speaks HTTP-shaped JSON to kubectl, the page and `tabernetes serve`.

mod node_proxy;
mod registry;

use std::sync::Arc;

pub use node_proxy::{ContainerRef, ExecOptions, LogOptions, LogRead, NoNodes, NodeProxy};
pub use registry::{DeleteOptions, Precondition, Propagation};

use crate::apimachinery::Status;
use crate::sim::{Seed, Time};
use crate::storage::Store;
use crate::text::http::{Body, Request, Response, StreamId, StreamRead};

/// Who asks, and when.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user's name: `kubernetes-admin`, `system:kube-scheduler`, `system:node:node01`...
    pub user: Arc<str>,
    /// The user's groups, such as `system:masters`.
    pub groups: Arc<[Arc<str>]>,
    /// The field manager when the request names none: the client's program name, such as `kubectl`.
    pub manager: Arc<str>,
}

impl Caller {
    /// A component of the control plane, which may do everything.
    pub fn component(user: &str) -> Self {
        let manager = user.rsplit(':').next().unwrap_or(user);
        Self { user: user.into(), groups: [Arc::from("system:masters")].into(), manager: manager.into() }
    }
}

/// The API server with its storage.
#[derive(Clone, Debug)]
pub struct ApiServer {
    store: Store,
    now: Time,
    names: fastrand::Rng,
    uids: fastrand::Rng,
}

impl ApiServer {
    /// An empty server. Names and uids are drawn from forks of `seed`.
    pub fn new(seed: Seed, now: Time) -> Self {
        Self { store: Store::default(), now, names: seed.fork("names").rng(), uids: seed.fork("uids").rng() }
    }

    /// The present instant, as set by the owner of time.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Moves the server's instant; whoever owns time calls it before anything else at that instant.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// Answers a request. (The REST endpoints are being built.)
    pub fn handle(&mut self, _: &Caller, _: &Request, _: &mut dyn NodeProxy) -> Response {
        let body = Body::Bytes(Status::unknown_path().to_json().to_string().into_bytes());
        Response { status: 404, headers: Vec::new(), body }
    }

    /// Reads what a stream has.
    pub fn read_stream(&mut self, _: StreamId, _: &mut dyn NodeProxy) -> StreamRead {
        StreamRead::End
    }

    /// Writes one message to a stream.
    pub fn write_stream(&mut self, _: StreamId, _: &[u8], _: &mut dyn NodeProxy) {}

    /// Ends a stream from the client's side.
    pub fn close_stream(&mut self, _: StreamId, _: &mut dyn NodeProxy) {}

    /// The storage, to read.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}
