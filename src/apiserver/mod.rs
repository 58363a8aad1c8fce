//! The API server: the one door to storage. Sans IO: a request comes in as a value, an answer goes out as one.
//!
//! Two ways in: the typed registry that controllers, the scheduler and the kubelet use without JSON, and
//! [`ApiServer::handle`], which speaks HTTP-shaped JSON to kubectl, the page and `tabernetes serve`. It refuses to
//! know the clock: the owner of time sets it with [`ApiServer::set_now`].

mod admission;
mod authentication;
mod authorization;
mod body;
mod call;
mod component_status;
mod definitions;
mod deletion;
mod discovery;
mod endpoints;
mod escalation;
mod event_leases;
mod filter;
mod health;
mod impersonation;
mod managed_fields;
mod metadata;
mod metrics;
mod negotiate;
mod node_leases;
mod node_proxy;
mod openapi;
mod registry;
mod respond;
mod reviews;
mod route;
mod schema;
mod service_ip;
mod streams;
mod subresources;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use deletion::{DeleteOptions, Precondition, Propagation};
pub use metrics::{PodMetrics, PodUsage, Usage, WINDOW as USAGE_WINDOW};
pub use node_proxy::{ContainerRef, ExecOptions, LogOptions, LogRead, NoNodes, NodeProxy, PodRef, Refused};

use crate::api::custom::CustomKind;
use crate::apimachinery::facts::Prose;
use crate::sim::{Seed, Time};
use crate::storage::Store;
use crate::text::http::{Body, Request, Response, SCHEME, StreamId, StreamRead};

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

    /// The administrator whose kubeconfig a practice machine has.
    pub fn admin() -> Self {
        Self {
            user: "kubernetes-admin".into(),
            groups: [Arc::from("system:masters"), Arc::from("system:authenticated")].into(),
            manager: "kubectl".into(),
        }
    }
}

/// The API server with its storage.
#[derive(Clone, Debug)]
pub struct ApiServer {
    store: Store,
    now: Time,
    names: fastrand::Rng,
    uids: fastrand::Rng,
    /// Off on a bare server: then nothing asks for namespaces, service accounts and the like.
    admission: bool,
    streams: BTreeMap<StreamId, streams::Stream>,
    next_stream: u64,
    /// The kinds of CustomResourceDefinitions.
    customs: Vec<Arc<CustomKind>>,
    /// What fields mean, once somebody has brought it.
    prose: Option<Arc<Prose>>,
    /// Before this instant no Event's lease ends.
    events_due: Time,
    metrics: metrics::Metrics,
    #[cfg(test)]
    trusts_statuses: bool,
}

impl ApiServer {
    /// An empty server. Names and uids are drawn from forks of `seed`. Admission is off until
    /// [`ApiServer::enable_admission`]: an empty server has no namespace that it could hold anybody to.
    pub fn new(seed: Seed, now: Time) -> Self {
        Self {
            store: Store::default(),
            now,
            names: seed.fork("names").rng(),
            uids: seed.fork("uids").rng(),
            admission: false,
            streams: BTreeMap::new(),
            next_stream: 0,
            customs: Vec::new(),
            prose: None,
            events_due: now,
            metrics: metrics::Metrics::default(),
            #[cfg(test)]
            trusts_statuses: false,
        }
    }

    /// Turns the admission plugins on; whoever has made the first namespaces calls it.
    pub fn enable_admission(&mut self) {
        self.admission = true;
    }

    /// The present instant, as set by the owner of time.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Moves the server's instant; whoever owns time calls it before anything else at that instant.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
        if now >= self.events_due {
            self.events_due = event_leases::end_due(&mut self.store, now);
        }
    }

    /// Drops every Event, as if all their leases had ended: a cluster that is handed over has been up for longer.
    pub fn expire_events(&mut self) {
        event_leases::end(&mut self.store, |_| true);
    }

    /// Gives the OpenAPI documents their descriptions. Clones share the texts.
    pub fn set_prose(&mut self, prose: Arc<Prose>) {
        self.prose = Some(prose);
    }

    /// Forgets the log of changes, as etcd does every five minutes: watchers that lag behind list again.
    pub fn compact(&mut self) {
        self.store.compact();
    }

    /// Takes every status as it comes, as the fake clients of upstream's tests do.
    #[cfg(test)]
    pub fn trust_statuses(&mut self) {
        self.trusts_statuses = true;
    }

    /// Stores an object as it is, for tests that begin with a certain state.
    #[cfg(test)]
    pub fn store_as_is(&mut self, object: Box<dyn crate::apimachinery::Object>) {
        let nobody = crate::apimachinery::managed_fields::Origin::nobody();
        self.store.put(object, nobody, &Arc::from("test"));
    }

    /// The storage, to read.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Answers a request. Failures are answers too: a `Status` in JSON. A watch, a followed log and an exec session
    /// answer with a stream, which the client reads with [`ApiServer::read_stream`] and ends with
    /// [`ApiServer::close_stream`].
    pub fn handle(&mut self, caller: &Caller, request: &Request, nodes: &mut dyn NodeProxy) -> Response {
        endpoints::answer(self, caller, request, nodes)
    }

    /// Answers a request that came over the network from who shows no certificate.
    pub fn handle_from_network(&mut self, request: &Request, nodes: &mut dyn NodeProxy) -> Response {
        if request.header(SCHEME) != Some("https") {
            let text = b"Client sent an HTTP request to an HTTPS server.\n".to_vec();
            return Response { status: 400, headers: Vec::new(), body: Body::Bytes(text) };
        }
        let answer = match authentication::caller(self, request) {
            Ok(caller) => endpoints::answer(self, &caller, request, nodes),
            Err(status) => respond::failure(&status, &[]),
        };
        respond::for_people(request, answer)
    }

    /// The next bytes of a stream; `End` for an id that is not open.
    pub fn read_stream(&mut self, id: StreamId, nodes: &mut dyn NodeProxy) -> StreamRead {
        streams::read(self, id, nodes)
    }

    /// Gives an exec or attach session one framed message; other streams take none.
    pub fn write_stream(&mut self, id: StreamId, message: &[u8], nodes: &mut dyn NodeProxy) {
        streams::write(self, id, message, nodes);
    }

    /// Connects to a port over a stream that forwards ports.
    ///
    /// # Errors
    /// The runtime's words, or that the stream is no longer open.
    pub fn dial(&self, id: StreamId, port: u16, nodes: &mut dyn NodeProxy) -> Result<String, String> {
        nodes.dial(streams::forwarded(self, id)?, port)
    }

    /// Hands a request to a port over a stream that forwards ports; `address` is what [`ApiServer::dial`] gave.
    ///
    /// # Errors
    /// Why no answer came.
    pub fn forward(
        &self,
        id: StreamId,
        (address, port): (&str, u16),
        request: &Request,
        nodes: &mut dyn NodeProxy,
    ) -> Result<Response, String> {
        nodes.request(&streams::forwarded(self, id)?.node, address, port, request)
    }

    /// Ends a stream from the client's side.
    pub fn close_stream(&mut self, id: StreamId, nodes: &mut dyn NodeProxy) {
        streams::close(self, id, nodes);
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }
}
