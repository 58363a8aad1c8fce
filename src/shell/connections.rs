//! How a program reaches others: names, addresses, and the listeners of its own machine before the world outside.

use super::kernel::Kernel;
use super::process::{Core, Process, State};
use super::program::{Host, Pid};
use crate::text::http::{Request, Response, SCHEME};

/// Whether a name is an address: four numbers up to 255.
pub fn is_address(name: &str) -> bool {
    name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok())
}

impl Kernel<'_> {
    /// The address of a name: the name itself when it is one, what `/etc/hosts` says, or what the host knows.
    ///
    /// # Errors
    /// The words of a resolver.
    pub fn resolve(&mut self, name: &str) -> Result<String, String> {
        if is_address(name) {
            return Ok(name.to_owned());
        }
        if matches!(name, "localhost" | "[::1]") {
            return Ok("127.0.0.1".to_owned());
        }
        let listed = self
            .hosts()
            .into_iter()
            .find(|(address, names)| !address.contains(':') && names.iter().any(|held| held == name));
        match listed {
            Some((address, _)) => Ok(address),
            None => self.host.lookup(name)?.into_iter().next().ok_or(format!("lookup {name}: no such host")),
        }
    }

    /// The lines of `/etc/hosts`.
    fn hosts(&self) -> Vec<(String, Vec<String>)> {
        let text = self.core.vfs.read_file("/", "/etc/hosts").unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let words = |line: &str| {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace().map(str::to_owned);
            Some((words.next()?, words.collect::<Vec<_>>()))
        };
        text.lines().filter_map(words).collect()
    }

    /// Whether an address is this machine's.
    fn is_own(&self, address: &str) -> bool {
        address.starts_with("127.")
            || self.hosts().iter().any(|(held, names)| held == address && names.contains(&self.core.hostname))
    }

    /// Sends a request to whatever `authority` leads to: a program of this machine, or the world outside.
    ///
    /// # Errors
    /// The words of a failed connection.
    pub fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        let (target, own) = self.target(authority)?;
        match own {
            Some(port) => self.core.serve(port, &request, self.host).ok_or_else(|| unanswered(&request)),
            None => self.host.send(&target, request),
        }
    }

    /// Opens a connection to whatever `authority` leads to, and closes it.
    ///
    /// # Errors
    /// The words of a failed connection.
    pub fn connect(&mut self, authority: &str) -> Result<(), String> {
        match self.target(authority)? {
            (_, Some(_)) => Ok(()),
            (target, None) => self.host.connect(&target),
        }
    }

    /// Where a connection ends, and the port when that is a listener of this machine.
    fn target(&mut self, authority: &str) -> Result<(String, Option<u16>), String> {
        let (name, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let address = self.resolve(name)?;
        let target = self.host.route(&format!("{address}:{port}"))?;
        let own = target.rsplit_once(':').filter(|(address, _)| self.is_own(address));
        let port = own.and_then(|(_, port)| port.parse().ok()).filter(|port| self.core.listener(*port).is_some());
        Ok((target, port))
    }
}

/// The words for a connection that was closed without an answer.
pub fn unanswered(request: &Request) -> String {
    let encrypted = request.header(SCHEME).is_some();
    if encrypted { "tls: first record does not look like a TLS handshake" } else { "EOF" }.to_owned()
}

impl Core {
    /// The process that listens on a port.
    pub(super) fn listener(&self, port: u16) -> Option<Pid> {
        let listens = |process: &Process| process.listening.contains(&port);
        self.processes.iter().find(|(_, process)| listens(process)).map(|(pid, _)| *pid)
    }

    /// Hands a request to whatever listens on a port.
    pub(super) fn serve(&mut self, port: u16, request: &Request, host: &mut dyn Host) -> Option<Response> {
        if request.header(SCHEME).is_some() {
            // No program here encrypts.
            return None;
        }
        let pid = self.listener(port)?;
        let mut task = self.tasks.remove(&pid)?;
        let answer = task.serve(request, &mut Kernel::new(self, pid, host));
        self.tasks.insert(pid, task);
        // What came in may be what it has waited for.
        if let Some(process) = self.processes.get_mut(&pid)
            && matches!(process.state, State::Waiting(_))
        {
            process.state = State::Ready;
        }
        answer
    }
}
