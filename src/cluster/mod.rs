//! The composition root: owns time and the seed, and runs the server, controllers, scheduler and kubelets.
//!
//! Time moves from event to event of one queue. A component that has nothing due costs nothing; a write wakes those
//! that watch, a little later, as a watch would.

mod bootstrap;
pub mod config;
mod faults;
mod network;
mod policy;
mod roles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use config::{Addon, Config, NodeConfig, PresentImages};

use k8s_openapi::api::core::v1::Node;

use crate::apimachinery::facts::Prose;
use crate::apimachinery::{Reason, Status};
use crate::apiserver::{
    ApiServer, Caller, ContainerRef, ExecOptions, LogOptions, LogRead, NodeProxy, PodRef, Refused, USAGE_WINDOW,
};
use crate::client::Worked;
use crate::controllers::{ControllerManager, certificate};
use crate::cri::{NodeRuntime, RuntimeConfig, RuntimeService};
use crate::images::{Catalog, Reference};
use crate::kubelet::Kubelet;
use crate::scheduler::Scheduler;
use crate::shell::program::{Host, ServiceAction, ServiceState};
use crate::sim::{EventQueue, Time};
use crate::text::http::{Request, Response, StreamId, StreamRead};
use network::Network;

/// How long the control plane's machine is alone at the start.
const JOIN: Duration = Duration::from_secs(1);

/// Who may have something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The scheduler.
    Scheduler,
    /// All controllers.
    Controllers,
    /// Whoever measures what Pods use, when somebody wants that.
    Metrics,
    /// The kubelet of the node with this place in [`Config::nodes`].
    Kubelet(usize),
}

impl Component {
    /// From a write to the instant at which the component has seen it.
    const fn watch_latency(self) -> Duration {
        match self {
            Component::Scheduler => Duration::from_millis(2),
            Component::Controllers => Duration::from_millis(4),
            Component::Metrics => Duration::from_secs(1),
            Component::Kubelet(_) => Duration::from_millis(6),
        }
    }

    const fn priority(self) -> u8 {
        match self {
            Component::Scheduler => 0,
            Component::Controllers => 1,
            Component::Kubelet(_) => 2,
            Component::Metrics => 3,
        }
    }

    const fn index(self) -> usize {
        match self {
            Component::Scheduler => 0,
            Component::Controllers => 1,
            Component::Metrics => 2,
            Component::Kubelet(node) => 3 + node,
        }
    }
}

/// What came of an attempt to move time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The present instant: the one asked for unless the budget ended before.
    pub now: Time,
    /// How many pieces of work were done.
    pub events: u64,
    /// When the budget ended first: the component with the most left to do.
    pub spinning: Option<String>,
}

/// A whole cluster as one value: clone it to keep a moment, and go on from either.
#[derive(Clone, Debug)]
pub struct Cluster {
    now: Time,
    queue: EventQueue<Component>,
    due: Vec<Option<Time>>,
    /// Until when each component stands still.
    stalled: Vec<Time>,
    seen_revision: u64,
    server: ApiServer,
    admin: Caller,
    controllers: ControllerManager,
    scheduler: Scheduler,
    kubelets: Vec<Kubelet>,
    /// The machines that are switched off.
    down: BTreeSet<usize>,
    /// The machines whose kubelet was stopped or started by hand: whether it runs, and since when.
    kubelet_states: BTreeMap<usize, ServiceState>,
    /// Connections to Services so far.
    connections: u64,
    events: u64,
}

impl Cluster {
    /// A cluster with its nodes joined and its system objects made.
    pub fn new(config: &Config) -> Self {
        let mut catalog = Catalog::default();
        for (name, script) in &config.scripted_images {
            // What is no name of an image cannot be asked for either.
            if let Ok(reference) = Reference::parse(name) {
                catalog.add_script(&reference, script);
            }
        }
        Self::with_runtime(config, |node| {
            let runtime = RuntimeConfig {
                node: node.name.clone(),
                pod_network: node.pod_network.clone(),
                node_ip: node.address.clone(),
                seed: config.seed.fork("runtime").fork(&node.name).value(),
                catalog: catalog.clone(),
            };
            Box::new(match &config.present_images {
                PresentImages::All => NodeRuntime::with_all_images(runtime),
                PresentImages::Listed(images) => NodeRuntime::with_images(runtime, images),
            })
        })
    }

    /// The same on other container runtimes: `runtime` makes the container runtime of a node.
    pub fn with_runtime(config: &Config, runtime: impl Fn(&NodeConfig) -> Box<dyn RuntimeService>) -> Self {
        let mut server = ApiServer::new(config.seed.fork("apiserver"), config.start);
        bootstrap::bootstrap(&mut server, &config.nodes, &certificate(config.seed));
        let kubelets: Vec<Kubelet> = config
            .nodes
            .iter()
            .map(|node| Kubelet::new(&node.name, &node.address, runtime(node), config.seed))
            .collect();
        let host = config.nodes.iter().find(|node| node.control_plane).map_or("controlplane", |node| &node.name);
        let mut admin = Caller::component("kubernetes-admin");
        admin.manager = "kubectl".into();
        admin.groups = ["system:masters", "system:authenticated"].map(Into::into).into();
        let mut cluster = Self {
            now: config.start,
            queue: EventQueue::default(),
            due: vec![None; 3 + kubelets.len()],
            stalled: vec![Time::default(); 3 + kubelets.len()],
            seen_revision: 0,
            server,
            admin,
            controllers: ControllerManager::new(config.seed),
            scheduler: Scheduler::new(config.seed, host),
            kubelets,
            down: BTreeSet::new(),
            kubelet_states: BTreeMap::new(),
            connections: 0,
            events: 0,
        };
        // The control plane's machine is up for a moment before the others join, as everywhere.
        cluster.wake_watchers();
        cluster.advance_to(config.start + JOIN, u64::MAX);
        bootstrap::join(&mut cluster.server, &config.nodes);
        bootstrap::install(&mut cluster.server, &config.addons);
        cluster.wake_watchers();
        cluster
    }

    /// The present instant.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How many pieces of work have been done since the start.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// When something next happens by itself; `None` when all is at rest.
    pub fn next_due(&mut self) -> Option<Time> {
        self.wake_watchers();
        while let Some((due, component)) = self.queue.peek() {
            if self.due.get(component.index()).copied().flatten() == Some(due) {
                return Some(due);
            }
            self.queue.pop_due(due);
        }
        None
    }

    /// Moves time to `target`, doing everything that is due on the way, at most `budget` pieces of work.
    pub fn advance_to(&mut self, target: Time, budget: u64) -> Advanced {
        let mut events = 0;
        while let Some(due) = self.next_due().filter(|due| *due <= target) {
            if events >= budget {
                return Advanced { now: self.now, events, spinning: Some(self.busiest()) };
            }
            let Some((_, component)) = self.queue.pop_due(due) else { break };
            if let Some(slot) = self.due.get_mut(component.index()) {
                *slot = None;
            }
            self.set_now(due.max(self.now));
            self.run(component);
            events += 1;
            self.events += 1;
        }
        self.set_now(target.max(self.now));
        Advanced { now: self.now, events, spinning: None }
    }

    fn set_now(&mut self, now: Time) {
        self.now = now;
        self.server.set_now(now);
    }

    fn run(&mut self, component: Component) {
        let worked = match component {
            Component::Scheduler => {
                self.scheduler.observe(&self.server);
                self.scheduler.work(&mut self.server)
            }
            Component::Controllers => {
                self.controllers.observe(&self.server);
                self.controllers.work(&mut self.server)
            }
            Component::Metrics => self.measure(),
            Component::Kubelet(node) => {
                if self.down.contains(&node) {
                    return;
                }
                let stopped = self.is_stopped(node);
                let Some((before, rest)) = self.kubelets.split_at_mut_checked(node) else { return };
                let Some((kubelet, after)) = rest.split_first_mut() else { return };
                if stopped && !kubelet.processes_wait(self.now) {
                    // Containers run on without their kubelet.
                    let next = kubelet.next_process_due();
                    if let Some(next) = next {
                        self.wake(component, next.max(self.now));
                    }
                    return;
                }
                if !stopped {
                    kubelet.observe(&self.server);
                }
                if kubelet.processes_wait(self.now) {
                    let (server, turn, now) = (&mut self.server, &mut self.connections, self.now);
                    let nodes = [(0, before), (node + 1, after)];
                    let mut network = Network { server, nodes, down: &self.down, turn, now };
                    kubelet.run_processes(now, &mut network);
                    self.wake_nodes();
                    Worked::Done
                } else {
                    kubelet.work(&mut self.server)
                }
            }
        };
        match worked {
            Worked::Done => self.wake(component, self.now),
            Worked::Idle(Some(next)) => self.wake(component, next.max(self.now)),
            Worked::Idle(None) => {}
        }
        self.wake_watchers();
    }

    fn wake(&mut self, component: Component, at: Time) {
        let at = self.stalled.get(component.index()).map_or(at, |until| at.max(*until));
        let Some(slot) = self.due.get_mut(component.index()) else { return };
        if slot.is_none_or(|set| at < set) {
            *slot = Some(at);
            self.queue.push(at, component.priority(), component);
        }
    }

    /// Wakes every component when something was written since the last call.
    fn wake_watchers(&mut self) {
        let revision = self.server.store().revision();
        if revision == self.seen_revision {
            return;
        }
        self.seen_revision = revision;
        if self.server.measures_usage() && self.due.get(Component::Metrics.index()).copied().flatten().is_none() {
            self.wake(Component::Metrics, self.now + Component::Metrics.watch_latency());
        }
        let kubelets = (0..self.kubelets.len()).map(Component::Kubelet);
        for component in [Component::Scheduler, Component::Controllers].into_iter().chain(kubelets) {
            self.wake(component, self.now + component.watch_latency());
        }
    }

    /// Brings the kubelets' measurements to the server.
    fn measure(&mut self) -> Worked {
        if !self.server.measures_usage() {
            return Worked::Idle(None);
        }
        let (down, states) = (&self.down, &self.kubelet_states);
        let speaks = |number: &usize| !down.contains(number) && states.get(number).is_none_or(|state| state.active);
        for (_, kubelet) in self.kubelets.iter().enumerate().filter(|(number, _)| speaks(number)) {
            let (own, pods) = kubelet.usage();
            self.server.take_usage(kubelet.node(), own, pods);
        }
        Worked::Idle(Some(self.now + USAGE_WINDOW))
    }

    /// Switches a machine off: its processes stand still, and nobody hears of it any more. Says whether there is a
    /// machine of this name that was on.
    pub fn stop_node(&mut self, name: &str) -> bool {
        let Some(number) = self.kubelets.iter().position(|kubelet| kubelet.node() == name) else { return false };
        let was_on = self.down.insert(number);
        if let Some(kubelet) = self.kubelets.get(number).filter(|_| was_on) {
            kubelet.fall_silent(&mut self.server);
        }
        self.wake_watchers();
        was_on
    }

    /// Switches a machine on again, which goes on where it stopped. Says whether there is one that was off.
    pub fn start_node(&mut self, name: &str) -> bool {
        let Some(number) = self.kubelets.iter().position(|kubelet| kubelet.node() == name) else { return false };
        let was_off = self.down.remove(&number);
        if let Some(kubelet) = self.kubelets.get_mut(number).filter(|_| was_off) {
            kubelet.observe(&self.server);
            kubelet.come_back(&mut self.server);
            self.wake(Component::Kubelet(number), self.now);
        }
        self.wake_watchers();
        was_off
    }

    /// The machine of that name or address: its own name, and whether it is on.
    pub fn machine(&self, name: &str) -> Option<(String, bool)> {
        let number = self.kubelets.iter().position(|kubelet| kubelet.node() == name || kubelet.address() == name)?;
        let node = self.kubelets.get(number)?.node().to_owned();
        Some((node, !self.down.contains(&number)))
    }

    /// Looks at the kubelet of a machine, stops or starts it. Its containers run on without it.
    pub fn kubelet(&mut self, name: &str, action: ServiceAction) -> Option<ServiceState> {
        let number = self.kubelets.iter().position(|kubelet| kubelet.node() == name)?;
        let since = self.server.get::<Node>("", name).ok()?.metadata.creation_timestamp.clone();
        let since = since.map_or(self.now, |at| Time::from_seconds(at.0.as_second().unsigned_abs()));
        let held = self.kubelet_states.get(&number).copied().unwrap_or(ServiceState { active: true, since });
        let wanted = match action {
            ServiceAction::Look => held.active,
            ServiceAction::Start => true,
            ServiceAction::Stop => false,
        };
        if wanted == held.active {
            return Some(held);
        }
        let state = ServiceState { active: wanted, since: self.now };
        self.kubelet_states.insert(number, state);
        let kubelet = self.kubelets.get_mut(number)?;
        if wanted {
            kubelet.observe(&self.server);
            kubelet.come_back(&mut self.server);
            self.wake(Component::Kubelet(number), self.now);
        } else {
            kubelet.fall_silent(&mut self.server);
        }
        self.wake_watchers();
        Some(state)
    }

    fn is_stopped(&self, number: usize) -> bool {
        self.kubelet_states.get(&number).is_some_and(|state| !state.active)
    }

    fn busiest(&self) -> String {
        if self.scheduler.pending() > 0 {
            return "default-scheduler".to_owned();
        }
        self.controllers.busiest().unwrap_or("kubelet").to_owned()
    }

    /// Answers a request of the cluster's administrator.
    pub fn handle(&mut self, request: &Request) -> Response {
        let admin = self.admin.clone();
        self.handle_as(&admin, request)
    }

    /// Answers a request of `caller`.
    pub fn handle_as(&mut self, caller: &Caller, request: &Request) -> Response {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        let response = self.server.handle(caller, request, &mut nodes);
        self.wake_watchers();
        self.wake_nodes();
        response
    }

    /// Answers a request that came over the network from who shows no certificate.
    pub fn handle_from_network(&mut self, request: &Request) -> Response {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        let response = self.server.handle_from_network(request, &mut nodes);
        self.wake_watchers();
        self.wake_nodes();
        response
    }

    /// Sends a request from a machine beside the cluster to `address:port`, as its network routes it.
    ///
    /// # Errors
    /// The words of a failed connection.
    pub fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        let (server, turn, now) = (&mut self.server, &mut self.connections, self.now);
        let nodes = [(0, self.kubelets.as_mut_slice()), (0, Default::default())];
        let mut network = Network { server, nodes, down: &self.down, turn, now };
        let target = network.route(authority)?;
        let answer = network.send(&target, request);
        self.wake_nodes();
        answer
    }

    /// Reads what a stream has.
    pub fn read_stream(&mut self, stream: StreamId) -> StreamRead {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        self.server.read_stream(stream, &mut nodes)
    }

    /// Writes one message to a stream.
    pub fn write_stream(&mut self, stream: StreamId, message: &[u8]) {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        self.server.write_stream(stream, message, &mut nodes);
        self.wake_nodes();
    }

    /// Connects to a port over a stream that forwards ports; gives the Pod's address.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn dial(&mut self, stream: StreamId, port: u16) -> Result<String, String> {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        self.server.dial(stream, port, &mut nodes)
    }

    /// Hands a request to a port over a stream that forwards ports.
    ///
    /// # Errors
    /// Why no answer came.
    pub fn forward(&mut self, stream: StreamId, to: (&str, u16), request: &Request) -> Result<Response, String> {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        let answer = self.server.forward(stream, to, request, &mut nodes);
        self.wake_nodes();
        answer
    }

    /// Ends a stream from the client's side.
    pub fn close_stream(&mut self, stream: StreamId) {
        let mut nodes =
            Nodes { kubelets: &mut self.kubelets, down: &self.down, states: &self.kubelet_states, now: self.now };
        self.server.close_stream(stream, &mut nodes);
        self.wake_nodes();
    }

    /// A process may have been started or fed through the node proxy.
    fn wake_nodes(&mut self) {
        for node in (0..self.kubelets.len()).filter(|node| !self.down.contains(node)).collect::<Vec<_>>() {
            if let Some(due) = self.kubelets.get(node).and_then(Kubelet::next_process_due) {
                self.wake(Component::Kubelet(node), due.max(self.now));
            }
        }
    }

    /// The API server, for a typed client of the administrator; call [`Cluster::advance_to`] for what follows.
    pub fn server_mut(&mut self) -> &mut ApiServer {
        &mut self.server
    }

    /// Brings the texts of `kubectl explain`.
    pub fn set_prose(&mut self, prose: Arc<Prose>) {
        self.server.set_prose(prose);
    }

    /// Forgets every Event, as the server does after an hour: a cluster that is handed over has been up for longer.
    pub fn expire_events(&mut self) {
        self.server.expire_events();
    }

    /// The API server, to read.
    pub const fn server(&self) -> &ApiServer {
        &self.server
    }

    /// A number that changes whenever something was written: an object, or a container's output.
    pub fn revision(&self) -> u64 {
        self.kubelets
            .iter()
            .fold(self.server.store().revision(), |sum, kubelet| sum.wrapping_add(kubelet.output_revision()))
    }
}

/// The kubelets, as the server reaches them.
struct Nodes<'a> {
    kubelets: &'a mut Vec<Kubelet>,
    down: &'a BTreeSet<usize>,
    states: &'a BTreeMap<usize, ServiceState>,
    now: Time,
}

impl Nodes<'_> {
    fn find(&mut self, node: &str) -> Option<&mut Kubelet> {
        let mut all = self.kubelets.iter_mut().enumerate();
        let serves = |number: &usize| self.states.get(number).is_none_or(|state| state.active);
        let up = |number: &usize| !self.down.contains(number) && serves(number);
        all.find(|(number, kubelet)| kubelet.node() == node && up(number)).map(|(_, kubelet)| kubelet)
    }

    /// Why a kubelet is not reached, and its address; `None` for the address of no node of ours.
    fn unreached(&self, node: &str) -> (&'static str, Option<String>) {
        let known = self.kubelets.iter().position(|kubelet| kubelet.node() == node);
        let why = if known.is_some_and(|number| self.down.contains(&number)) {
            "no route to host"
        } else {
            "connection refused"
        };
        let kubelet = known.and_then(|number| self.kubelets.get(number));
        (why, kubelet.map(|kubelet| format!("{}:10250", kubelet.address())))
    }

    fn reach(&mut self, node: &str) -> Result<&mut Kubelet, Status> {
        let text = match self.unreached(node) {
            (why, Some(address)) => format!("Get \"https://{address}\": dial tcp {address}: connect: {why}"),
            (_, None) => format!("nodes \"{node}\" not found"),
        };
        self.find(node).ok_or_else(|| Status::other(Reason::InternalError, text))
    }

    /// The same for a connection that becomes a stream.
    fn upgrade(&mut self, node: &str) -> Result<&mut Kubelet, Status> {
        let (why, address) = self.unreached(node);
        let text = address.map(|address| format!("error dialing backend: dial tcp {address}: connect: {why}"));
        let status = text.map(|text| Status::other(Reason::Unknown, text));
        self.find(node).ok_or_else(|| status.unwrap_or_else(|| Status::not_found("nodes", node)))
    }
}

impl NodeProxy for Nodes<'_> {
    fn read_log(&mut self, of: &ContainerRef, options: &LogOptions, position: u64) -> Result<LogRead, Status> {
        self.reach(&of.node)?.read_log(of, options, position)
    }
    fn exec(&mut self, of: &ContainerRef, options: &ExecOptions) -> Result<u64, Status> {
        let now = self.now;
        self.upgrade(&of.node)?.exec(of, options, now)
    }
    fn read_session(&mut self, node: &str, session: u64) -> StreamRead {
        self.find(node).map_or(StreamRead::End, |kubelet| kubelet.read_session(session))
    }
    fn write_session(&mut self, node: &str, session: u64, message: &[u8]) {
        let now = self.now;
        if let Some(kubelet) = self.find(node) {
            kubelet.write_session(session, message, now);
        }
    }
    fn close_session(&mut self, node: &str, session: u64) {
        if let Some(kubelet) = self.find(node) {
            kubelet.close_session(session);
        }
    }
    fn port_forward(&mut self, of: &PodRef) -> Result<(), Refused> {
        self.upgrade(&of.node).map_err(Refused::Unreached)?.port_forward(of)
    }
    fn dial(&mut self, of: &PodRef, port: u16) -> Result<String, String> {
        self.upgrade(&of.node).map_err(|status| status.message)?.dial(of, port)
    }
    fn request(&mut self, node: &str, address: &str, port: u16, request: &Request) -> Result<Response, String> {
        let now = self.now;
        // A Pod is reached whether or not its kubelet runs.
        let mut all = self.kubelets.iter_mut().enumerate().filter(|(number, _)| !self.down.contains(number));
        match all.find(|(_, kubelet)| kubelet.node() == node) {
            Some((_, kubelet)) => kubelet.request(address, port, request, now),
            None => Err(format!("dial tcp {address}:{port}: connect: no route to host")),
        }
    }
}
