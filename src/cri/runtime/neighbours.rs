//! What a container sees of the others: their addresses and what they answer.

use super::Runtime;
use crate::cri::ids::ContainerId;
use crate::shell::connections::unanswered;
use crate::shell::program::Host;
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// The network as a container sees it: the containers of its own Pod, those of its node, and what the host reaches.
pub(super) struct Neighbours<'a> {
    pub(super) runtime: &'a mut Runtime,
    pub(super) container: ContainerId,
    pub(super) host: &'a mut dyn Host,
    pub(super) now: Time,
}

impl Neighbours<'_> {
    /// The container of this node that a connection leads to.
    fn listener(&self, authority: &str) -> Option<(ContainerId, u16)> {
        let (address, port) = authority.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let own = self.runtime.sandboxes.get(&self.runtime.containers.get(&self.container)?.sandbox)?;
        let found = if address.starts_with("127.") || address == own.ip {
            self.runtime.listener_in(own, port)
        } else {
            self.runtime.listener(address, port)
        };
        found.map(|id| (id, port))
    }

    /// Whether packets of the container's Pod get to where they go.
    fn leave(&mut self, authority: &str) -> Result<(), String> {
        let sandbox = self.runtime.containers.get(&self.container).map(|container| container.sandbox);
        let own = sandbox.and_then(|sandbox| self.runtime.sandboxes.get(&sandbox));
        let Some(ip) = own.filter(|own| !own.config.host_network).map(|own| own.ip.clone()) else { return Ok(()) };
        let address = authority.rsplit_once(':').map_or(authority, |(address, _)| address);
        // Within a Pod nothing is asked.
        if address.starts_with("127.") || address == ip { Ok(()) } else { self.host.permits(&ip, authority) }
    }

    /// Whether the address is of this very node, so that nobody else is to be asked.
    fn is_here(&self, authority: &str) -> bool {
        let address = authority.rsplit_once(':').map_or(authority, |(address, _)| address);
        address.starts_with("127.") || self.runtime.has_address(address)
    }
}

impl Host for Neighbours<'_> {
    fn lookup(&mut self, name: &str) -> Result<Vec<String>, String> {
        let dns = self.runtime.containers.get(&self.container).map(|container| container.config.resolv_conf.clone());
        let dns = dns.unwrap_or_default();
        let words = |key: &'static str| {
            dns.lines().filter_map(move |line| line.strip_prefix(key)).flat_map(str::split_whitespace)
        };
        let dots =
            words("options ").filter_map(|option| option.strip_prefix("ndots:")?.parse().ok()).next().unwrap_or(1);
        let within: Vec<String> = words("search ").map(|domain| format!("{name}.{domain}")).collect();
        let as_it_is = vec![name.to_owned()];
        let absolute = name.ends_with('.');
        self.leave(&format!("{}:53", words("nameserver ").next().unwrap_or("127.0.0.53")))
            .map_err(|_| format!("lookup {name}: i/o timeout"))?;
        let order = match (absolute, name.matches('.').count() >= dots) {
            (true, _) => as_it_is,
            (false, true) => [as_it_is, within].concat(),
            (false, false) => [within, as_it_is].concat(),
        };
        let found = order.iter().find_map(|name| self.host.lookup(name).ok());
        found.ok_or_else(|| format!("dial tcp: lookup {name} on 10.96.0.10:53: no such host"))
    }

    fn route(&mut self, authority: &str) -> Result<String, String> {
        self.host.route(authority)
    }

    fn permits(&mut self, from: &str, authority: &str) -> Result<(), String> {
        self.host.permits(from, authority)
    }

    fn connect(&mut self, authority: &str) -> Result<(), String> {
        self.leave(authority)?;
        match self.listener(authority) {
            Some(_) => Ok(()),
            None if self.is_here(authority) => Err(format!("dial tcp {authority}: connect: connection refused")),
            None => self.host.connect(authority),
        }
    }

    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        self.leave(authority)?;
        match self.listener(authority) {
            Some((id, port)) => self.runtime.ask(id, port, &request, self.now).ok_or_else(|| unanswered(&request)),
            None if self.is_here(authority) => Err(format!("dial tcp {authority}: connect: connection refused")),
            None => self.host.send(authority, request),
        }
    }

    fn read_stream(&mut self, stream: StreamId) -> StreamRead {
        self.host.read_stream(stream)
    }
    fn write_stream(&mut self, stream: StreamId, message: &[u8]) {
        self.host.write_stream(stream, message);
    }
    fn close_stream(&mut self, stream: StreamId) {
        self.host.close_stream(stream);
    }
}
