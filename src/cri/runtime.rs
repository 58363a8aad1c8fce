//! The runtime: what the kubelet calls. One event costs as much with a thousand containers as with one: containers
//! are found by the instant they wake at, and share their image's files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::container::{Container, ContainerConfig, ContainerId, ContainerState, ContainerStatus, Log};
use crate::apiserver::Usage;
use crate::images::{self, Catalog, Image, PROGRAMS, PullError, Reference, catalog};
use crate::shell::connections::unanswered;
use crate::shell::machine::{
    Dialect, Machine, MachineConfig, OutputChunk, SLICE, STEP_TIME, SpawnOptions, StartError, Stdio, TtyId,
};
use crate::shell::process::{ExitStatus, Flavour};
use crate::shell::program::{Errno, Host, NoHost, Pid, Signal};
use crate::shell::vfs::{Tree, Vfs};
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// Memory of a node for its containers without a limit of their own.
const NODE_MEMORY: u64 = 512 << 20;

/// Bytes of a termination log that are told.
const TERMINATION_LOG: usize = 4096;

/// How a runtime is set up.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// The node's name.
    pub node: String,
    /// The first three numbers of its Pod addresses: `10.244.1`.
    pub pod_network: String,
    /// The node's own address, for Pods on the host network.
    pub node_ip: String,
    /// Seed of ids and of the containers' random numbers.
    pub seed: u64,
    /// Images of lessons.
    pub catalog: Catalog,
}

/// Names a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub u64);
/// Names a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub u64);
/// Names an exec session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecId(pub u64);

/// What a sandbox is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Pod name.
    pub name: String,
    /// Pod namespace.
    pub namespace: String,
    /// Pod uid.
    pub uid: String,
    /// Host name; the Pod name when empty.
    pub hostname: String,
    /// Whether it has the node's address.
    pub host_network: bool,
}

#[derive(Clone, Debug)]
struct Sandbox {
    config: SandboxConfig,
    ip: String,
    containers: Vec<ContainerId>,
}

/// A pull that was begun: ask again at `done_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// When it ends.
    pub done_at: Time,
    /// How it will end: the image, or the error.
    pub result: Result<Image, PullError>,
}

/// An end of a container that the kubelet has not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerExit {
    /// Which container.
    pub container: ContainerId,
    /// Its status at the end.
    pub status: ContainerStatus,
}

/// What an exec session is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// The command.
    pub command: Vec<String>,
    /// Whether it reads from the client.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The terminal's columns and rows.
    pub window: (u16, u16),
}

#[derive(Clone, Debug)]
struct Exec {
    container: ContainerId,
    pid: Pid,
    tty: Option<TtyId>,
    output: VecDeque<OutputChunk>,
    exit: Option<i32>,
}

/// The container runtime of a node.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    config: RuntimeConfig,
    images: BTreeMap<String, (Time, Image)>,
    trees: BTreeMap<String, Tree>,
    sandboxes: BTreeMap<SandboxId, Sandbox>,
    by_ip: BTreeMap<String, SandboxId>,
    containers: BTreeMap<ContainerId, Arc<Container>>,
    volumes: BTreeMap<VolumeId, Tree>,
    execs: BTreeMap<ExecId, Exec>,
    due: BTreeSet<(Time, ContainerId)>,
    streaming: BTreeSet<ContainerId>,
    exits: VecDeque<ContainerExit>,
    ended_execs: Vec<ExecId>,
    next: u64,
    next_address: u32,
}

impl Runtime {
    /// A runtime without images or containers.
    pub fn new(config: RuntimeConfig) -> Self {
        Self { config, next_address: 2, ..Self::default() }
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.config.node
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    // ---- images

    /// The image of that name, if it is present at `now`.
    pub fn image_status(&self, image: &str, now: Time) -> Option<&Image> {
        let reference = Reference::parse(image).ok()?;
        self.images.get(&reference.to_string()).filter(|(present, _)| *present <= now).map(|(_, image)| image)
    }

    /// Begins to pull an image. It is present from `done_at` on when that works.
    pub fn pull(&mut self, image: &str, now: Time) -> Pull {
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(invalid) => {
                let message = format!("failed to parse reference \"{image}\": {invalid}");
                return Pull { done_at: now, result: Err(PullError { code: "InvalidArgument", message }) };
            }
        };
        let name = reference.to_string();
        if let Some((present, image)) = self.images.get(&name) {
            // A check with the registry, or the wait for a pull that is under way.
            return Pull { done_at: (*present).max(now + Duration::from_millis(400)), result: Ok(image.clone()) };
        }
        match self.config.catalog.resolve(&reference) {
            Ok(image) => {
                let done_at = now + images::pull_duration(image.size);
                self.images.insert(name, (done_at, image.clone()));
                Pull { done_at, result: Ok(image) }
            }
            Err(error) => Pull { done_at: now + Duration::from_millis(600), result: Err(error) },
        }
    }

    /// Puts an image onto the node without a pull, as a node image brings it. Whether the name exists.
    pub fn preload(&mut self, image: &str) -> bool {
        let Ok(reference) = Reference::parse(image) else { return false };
        match self.config.catalog.resolve(&reference) {
            Ok(image) => {
                self.images.insert(reference.to_string(), (Time::default(), image));
                true
            }
            Err(_) => false,
        }
    }

    // ---- sandboxes

    /// Makes a sandbox with an address of its own.
    pub fn run_sandbox(&mut self, config: SandboxConfig) -> SandboxId {
        let id = SandboxId(self.id());
        let ip = if config.host_network { self.config.node_ip.clone() } else { self.free_address() };
        if !config.host_network {
            self.by_ip.insert(ip.clone(), id);
        }
        self.sandboxes.insert(id, Sandbox { config, ip, containers: Vec::new() });
        id
    }

    fn free_address(&mut self) -> String {
        // A /24 has 253 Pod addresses; a node with more Pods than that goes on into wider numbers of 10.x.
        for _ in 0..65_000 {
            let number = self.next_address;
            self.next_address = if number >= 65_000 { 2 } else { number + 1 };
            let (high, low) = (number / 254, number % 254 + 1);
            let ip = if high == 0 {
                format!("{}.{low}", self.config.pod_network)
            } else {
                let mut parts = self.config.pod_network.split('.');
                let (a, b, c) =
                    (parts.next().unwrap_or("10"), parts.next().unwrap_or("244"), parts.next().unwrap_or("0"));
                let third = c.parse::<u32>().unwrap_or(0) + 8 * high;
                format!("{a}.{}.{}.{low}", b.parse::<u32>().unwrap_or(244) + third / 256, third % 256)
            };
            if !self.by_ip.contains_key(&ip) {
                return ip;
            }
        }
        format!("{}.1", self.config.pod_network)
    }

    /// The address of a sandbox.
    pub fn sandbox_ip(&self, sandbox: SandboxId) -> Option<&str> {
        self.sandboxes.get(&sandbox).map(|sandbox| sandbox.ip.as_str())
    }

    /// The containers of a sandbox, oldest first.
    pub fn containers_of(&self, sandbox: SandboxId) -> &[ContainerId] {
        self.sandboxes.get(&sandbox).map_or(&[], |sandbox| &sandbox.containers)
    }

    /// Frees a sandbox's address for others; the sandbox keeps its record of it.
    pub fn release_address(&mut self, sandbox: SandboxId) {
        if let Some(held) = self.sandboxes.get(&sandbox)
            && self.by_ip.get(&held.ip) == Some(&sandbox)
        {
            self.by_ip.remove(&held.ip);
        }
    }

    /// Ends what still runs in a sandbox and removes it with its containers.
    pub fn remove_sandbox(&mut self, sandbox: SandboxId) {
        for container in self.containers_of(sandbox).to_vec() {
            self.remove_container(container);
        }
        self.release_address(sandbox);
        self.sandboxes.remove(&sandbox);
    }

    // ---- volumes

    /// Makes a volume from a tree of files: an emptyDir, or the content of a ConfigMap or Secret.
    pub fn create_volume(&mut self, tree: Tree) -> VolumeId {
        let id = VolumeId(self.id());
        self.volumes.insert(id, tree);
        id
    }

    /// Bytes that were written to a volume.
    pub fn volume_bytes(&self, volume: VolumeId) -> u64 {
        self.volumes.get(&volume).map_or(0, Tree::used)
    }

    /// Bytes that a container has written to files of its own and to its log.
    pub fn own_bytes(&self, id: ContainerId) -> u64 {
        let Some(container) = self.containers.get(&id) else { return 0 };
        container.machine.as_ref().map_or(0, |machine| machine.vfs().used()) + container.log.bytes()
    }

    /// Replaces what a volume holds.
    pub fn replace_volume(&mut self, volume: VolumeId, tree: Tree) {
        if let Some(held) = self.volumes.get_mut(&volume) {
            *held = tree;
        }
    }

    /// What a volume holds.
    pub fn volume(&self, volume: VolumeId) -> Option<&Tree> {
        self.volumes.get(&volume)
    }

    /// Removes a volume.
    pub fn remove_volume(&mut self, volume: VolumeId) {
        self.volumes.remove(&volume);
    }

    // ---- containers

    /// Makes a container in a sandbox.
    ///
    /// # Errors
    /// The words of the CRI answer.
    pub fn create_container(
        &mut self,
        sandbox: SandboxId,
        config: ContainerConfig,
        now: Time,
    ) -> Result<ContainerId, String> {
        let Some(image) = self.image_status(&config.image, now).cloned() else {
            return Err(format!("failed to get image from containerd \"{}\": image \"{0}\": not found", config.image));
        };
        if command_line(&config, &image).is_empty() {
            return Err("failed to generate container spec: no command specified".to_owned());
        }
        if let Some(lost) = config.mounts.iter().find(|mount| !self.volumes.contains_key(&mount.volume)) {
            return Err(format!("failed to generate container mount at \"{}\": no such volume", lost.path));
        }
        let id = ContainerId(self.id());
        let Some(holder) = self.sandboxes.get_mut(&sandbox) else {
            return Err("failed to find sandbox: not found".to_owned());
        };
        holder.containers.push(id);
        let status = ContainerStatus {
            id: hex_id(self.config.seed, &self.config.node, id.0),
            name: config.name.clone(),
            attempt: config.attempt,
            state: ContainerState::Created,
            created_at: now,
            started_at: None,
            finished_at: None,
            exit_code: 0,
            reason: "",
            message: String::new(),
            termination_log: String::new(),
            image: image.reference.clone(),
            image_id: image.repo_digest.clone(),
        };
        let container = Container {
            sandbox,
            config,
            image,
            status,
            machine: None,
            init: 0,
            log: Log::default(),
            wake: None,
            kill_at: None,
            execs: Vec::new(),
            terminal: None,
            steps: 0,
        };
        self.containers.insert(id, Arc::new(container));
        Ok(id)
    }

    /// Starts a container's process. It first runs in the next `run`.
    ///
    /// # Errors
    /// The words of the CRI answer; the container is then `Exited` with code 128 and reason `StartError`.
    pub fn start_container(&mut self, id: ContainerId, now: Time) -> Result<(), String> {
        let Some(container) = self.containers.get(&id).cloned() else { return Err(not_found(id)) };
        if container.status.state != ContainerState::Created {
            return Err(format!("container \"{}\" is not in created state", container.status.id));
        }
        match self.start_machine(&container, id, now) {
            Ok((machine, init, terminal)) => {
                if let Some(container) = self.container_mut(id) {
                    (container.machine, container.init, container.terminal) = (Some(machine), init, terminal);
                    container.status.state = ContainerState::Running;
                    container.status.started_at = Some(now);
                }
                self.schedule(id, Some(now));
                Ok(())
            }
            Err(cause) => {
                let message = format!(
                    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: {cause}: unknown"
                );
                if let Some(container) = self.container_mut(id) {
                    let status = &mut container.status;
                    (status.state, status.exit_code, status.reason) = (ContainerState::Exited, 128, "StartError");
                    status.message.clone_from(&message);
                    // runc never ran it: containerd reports the beginning of the epoch.
                    status.started_at = Some(Time::default());
                    status.finished_at = Some(now);
                }
                Err(message)
            }
        }
    }

    fn start_machine(
        &mut self,
        container: &Container,
        id: ContainerId,
        now: Time,
    ) -> Result<(Machine, Pid, Option<TtyId>), String> {
        let (config, image) = (&container.config, &container.image);
        let sandbox = self.sandboxes.get(&container.sandbox).map(|sandbox| sandbox.config.clone()).unwrap_or_default();
        let hostname = match (sandbox.host_network, sandbox.hostname.is_empty()) {
            (true, _) => self.config.node.clone(),
            (false, true) => sandbox.name.clone(),
            (false, false) => sandbox.hostname.clone(),
        };
        let root = self.trees.entry(image.id.clone()).or_insert_with(|| images::root_tree(image).freeze()).clone();
        let user = (
            config.user.unwrap_or(image.user.0),
            config.group.unwrap_or(if config.user.is_some() { 0 } else { image.user.1 }),
        );
        let mut env: Vec<(String, String)> = image.env.clone();
        env.push(("HOSTNAME".into(), hostname.clone()));
        env.extend(config.env.iter().cloned());
        if config.tty {
            env.push(("TERM".into(), "xterm".into()));
        }
        if !env.iter().any(|(name, _)| name == "HOME") {
            env.push(("HOME".into(), if user.0 == 0 { "/root".into() } else { "/".into() }));
        }
        let (flavour, dialect) = image.shell.unwrap_or((Flavour::Busybox, Dialect::Ash));
        let cwd = config.working_dir.clone().filter(|dir| !dir.is_empty()).unwrap_or_else(|| image.workdir.clone());
        let mut machine = Machine::new(MachineConfig {
            hostname: hostname.clone(),
            env,
            programs: PROGRAMS,
            dialect,
            flavour,
            init: true,
            cwd: cwd.clone(),
            user,
            root,
            seed: self.config.seed ^ id.0,
        });
        self.furnish(machine.vfs_mut(), config, &hostname)?;
        // runc makes the working directory when the image does not have it.
        let _ = machine.vfs_mut().make_dir("/", &cwd, true, crate::shell::vfs::Caller { now, ..Default::default() });
        machine.vfs_mut().set_read_only(config.read_only_root);
        let terminal = config.tty.then(|| machine.add_terminal(80, 24));
        let stdio = match terminal {
            Some(tty) => Stdio::Terminal(tty),
            None => Stdio::Capture { input: config.stdin },
        };
        let init = self.with_volumes(&mut machine, config, |machine| {
            machine.spawn(&command_line(config, image), stdio, SpawnOptions::default())
        });
        init.map(|init| (machine, init, terminal)).map_err(|error| exec_error(&error))
    }

    fn furnish(&mut self, vfs: &mut Vfs, config: &ContainerConfig, hostname: &str) -> Result<(), String> {
        let text = |text: String| crate::shell::vfs::Kind::File(Arc::new(text.into_bytes()));
        vfs.put("/etc/hostname", text(format!("{hostname}\n")), 0o644);
        vfs.put("/etc/hosts", text(config.hosts.clone()), 0o644);
        vfs.put("/etc/resolv.conf", text(config.resolv_conf.clone()), 0o644);
        for mount in config.mounts.iter().filter(|mount| !mount.sub_path.is_empty()) {
            // A sub-path that is missing is made, in the volume itself.
            let mut scratch = Vfs::new(self.volumes.remove(&mount.volume).unwrap_or_default());
            if scratch.find("/", &mount.sub_path, true).is_err() {
                let _ = scratch.make_dir("/", &mount.sub_path, true, Default::default());
            }
            self.volumes.insert(mount.volume, scratch.into_root());
        }
        for (index, mount) in config.mounts.iter().enumerate() {
            let first = config.mounts.iter().take(index).position(|held| held.volume == mount.volume);
            let mounted = match first {
                Some(first) => vfs.mount_again(&mount.path, first, &mount.sub_path, mount.read_only),
                None => {
                    let tree = self.volumes.get(&mount.volume).cloned().unwrap_or_default();
                    vfs.mount(&mount.path, tree, &mount.sub_path, mount.read_only)
                }
            };
            mounted.map_err(|errno| {
                format!(
                    "error during container init: error mounting \"{0}\" to rootfs at \"{0}\": {1}",
                    mount.path,
                    errno.message().to_lowercase()
                )
            })?;
        }
        Ok(())
    }

    /// Lends the volumes of a container to its machine while `work` runs.
    fn with_volumes<T>(
        &mut self,
        machine: &mut Machine,
        config: &ContainerConfig,
        work: impl FnOnce(&mut Machine) -> T,
    ) -> T {
        self.lend(machine, config);
        let result = work(machine);
        self.lend(machine, config);
        result
    }

    fn lend(&mut self, machine: &mut Machine, config: &ContainerConfig) {
        for (index, mount) in config.mounts.iter().enumerate() {
            if let Some(tree) = self.volumes.get_mut(&mount.volume) {
                // A second mount of the same volume shows the first one's tree.
                machine.vfs_mut().swap_mount(index, tree);
            }
        }
    }

    fn container_mut(&mut self, id: ContainerId) -> Option<&mut Container> {
        self.containers.get_mut(&id).map(Arc::make_mut)
    }

    fn schedule(&mut self, id: ContainerId, wake: Option<Time>) {
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return };
        let wake = match (wake, container.kill_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let old = std::mem::replace(&mut container.wake, wake);
        if let Some(old) = old {
            self.due.remove(&(old, id));
        }
        if let Some(wake) = wake {
            self.due.insert((wake, id));
        }
    }

    /// Sets another limit of memory.
    pub fn limit_memory(&mut self, id: ContainerId, limit: Option<u64>) {
        if let Some(container) = self.container_mut(id) {
            container.config.memory_limit = limit;
        }
    }

    /// Asks a container to end: its stop signal now, SIGKILL after `grace`.
    pub fn stop_container(&mut self, id: ContainerId, grace: Duration, now: Time) {
        let Some(container) = self.container_mut(id) else { return };
        if container.status.state != ContainerState::Running {
            return;
        }
        let kill_at = now + grace;
        container.kill_at = Some(container.kill_at.map_or(kill_at, |earlier| earlier.min(kill_at)));
        let signal = container.config.stop_signal.unwrap_or(Signal::Term);
        let init = container.init;
        if let Some(machine) = &mut container.machine {
            machine.signal(init, signal);
        }
        self.schedule(id, Some(now));
    }

    /// Removes a container, ending it if it runs. Its exit is then not reported.
    pub fn remove_container(&mut self, id: ContainerId) {
        let Some(container) = self.containers.remove(&id) else { return };
        if let Some(wake) = container.wake {
            self.due.remove(&(wake, id));
        }
        self.streaming.remove(&id);
        self.execs.retain(|_, exec| exec.container != id || exec.exit.is_some());
        if let Some(sandbox) = self.sandboxes.get_mut(&container.sandbox) {
            sandbox.containers.retain(|other| *other != id);
        }
    }

    /// What is known of a container.
    pub fn container_status(&self, id: ContainerId) -> Option<&ContainerStatus> {
        self.containers.get(&id).map(|container| &container.status)
    }

    /// The image of a container.
    pub fn container_image(&self, id: ContainerId) -> Option<&Image> {
        self.containers.get(&id).map(|container| &container.image)
    }

    /// The user and group that a container was told to run as; `None` for its image's.
    pub fn container_user(&self, id: ContainerId) -> Option<(u32, u32)> {
        let config = &self.containers.get(&id)?.config;
        config.user.map(|user| (user, config.group.unwrap_or(0)))
    }

    /// The log of a container.
    pub fn log(&self, id: ContainerId) -> Option<&Log> {
        self.containers.get(&id).map(|container| &container.log)
    }

    /// Feeds the standard input of a container that was made with `stdin` or `tty`.
    pub fn write_stdin(&mut self, id: ContainerId, bytes: &[u8], now: Time) {
        if let Some(container) = self.container_mut(id) {
            let (init, terminal) = (container.init, container.terminal);
            if let Some(machine) = &mut container.machine {
                match terminal {
                    Some(tty) => machine.type_keys(tty, bytes),
                    None => drop(machine.write_input(init, bytes)),
                }
            }
        }
        self.schedule(id, Some(now));
    }

    /// Ends the standard input of a container.
    pub fn close_stdin(&mut self, id: ContainerId, now: Time) {
        if let Some(container) = self.container_mut(id) {
            let init = container.init;
            if let Some(machine) = &mut container.machine {
                machine.close_input(init);
            }
        }
        self.schedule(id, Some(now));
    }

    // ---- exec

    /// Runs a command in a running container. It first runs in the next `run`.
    ///
    /// # Errors
    /// The words of the CRI answer.
    pub fn exec(&mut self, id: ContainerId, request: &ExecRequest, now: Time) -> Result<ExecId, String> {
        let exec = self.id();
        let seed = self.config.seed;
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return Err(not_found(id)) };
        let name = container.status.id.clone();
        let config = container.config.clone();
        let Some(mut machine) = container.machine.take().filter(|_| container.status.state == ContainerState::Running)
        else {
            return Err(format!("failed to exec in container: container \"{name}\" is not running: unknown"));
        };
        let tty = request.tty.then(|| {
            let (columns, rows) = if request.window == (0, 0) { (80, 24) } else { request.window };
            machine.add_terminal(columns, rows)
        });
        let stdio = tty.map_or(Stdio::Capture { input: request.stdin }, Stdio::Terminal);
        let mut options = SpawnOptions::default();
        if request.tty {
            options.env.push(("TERM".into(), "xterm".into()));
        }
        let started =
            self.with_volumes(&mut machine, &config, |machine| machine.spawn(&request.command, stdio, options));
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return Err(not_found(id)) };
        container.machine = Some(machine);
        match started {
            Ok(pid) => {
                container.execs.push((exec, pid));
                self.execs.insert(ExecId(exec), Exec { container: id, pid, tty, output: VecDeque::new(), exit: None });
                self.schedule(id, Some(now));
                Ok(ExecId(exec))
            }
            Err(error) => Err(format!(
                "failed to exec in container: failed to start exec \"{}\": OCI runtime exec failed: exec failed: unable to start container process: {}",
                hex_id(seed, "exec", exec),
                exec_error(&error)
            )),
        }
    }

    /// The next piece that an exec session wrote.
    pub fn exec_next_output(&mut self, exec: ExecId) -> Option<OutputChunk> {
        self.execs.get_mut(&exec).and_then(|exec| exec.output.pop_front())
    }

    /// The exit code of an exec session that has ended.
    pub fn exec_exit(&self, exec: ExecId) -> Option<i32> {
        match self.execs.get(&exec) {
            Some(exec) => exec.exit,
            // The container went away with it.
            None => Some(137),
        }
    }

    /// Input of an exec session: keys when it has a terminal.
    pub fn exec_input(&mut self, exec: ExecId, bytes: &[u8], now: Time) {
        self.with_exec(exec, now, |machine, exec| match exec.tty {
            Some(tty) => machine.type_keys(tty, bytes),
            None => drop(machine.write_input(exec.pid, bytes)),
        });
    }

    /// Ends the input of an exec session.
    pub fn exec_close_input(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| match exec.tty {
            Some(tty) => machine.type_keys(tty, &[4]),
            None => machine.close_input(exec.pid),
        });
    }

    /// Sets the window of an exec session's terminal.
    pub fn exec_resize(&mut self, exec: ExecId, columns: u16, rows: u16, now: Time) {
        self.with_exec(exec, now, |machine, exec| {
            if let Some(tty) = exec.tty {
                machine.resize(tty, columns, rows);
            }
        });
    }

    /// The client went away: the session's terminal hangs up, and it is forgotten.
    pub fn exec_close(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| {
            machine.close_input(exec.pid);
            if exec.tty.is_some() {
                machine.signal(exec.pid, Signal::Hup);
            }
        });
        self.execs.remove(&exec);
    }

    /// Kills the process of an exec session.
    pub fn exec_kill(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| machine.signal(exec.pid, Signal::Kill));
    }

    /// Exec sessions whose process ended since the last call, in order.
    pub fn take_ended_execs(&mut self) -> Vec<ExecId> {
        std::mem::take(&mut self.ended_execs)
    }

    // ---- network

    /// The running container that listens on a port of an address of this node.
    fn listener(&self, address: &str, port: u16) -> Option<ContainerId> {
        let sandbox = self.sandboxes.get(self.by_ip.get(address)?)?;
        self.listener_in(sandbox, port)
    }

    fn listener_in(&self, sandbox: &Sandbox, port: u16) -> Option<ContainerId> {
        let listens = |id: &&ContainerId| {
            let machine = self.containers.get(id).and_then(|container| container.machine.as_ref());
            machine.is_some_and(|machine| machine.listening().contains(&port))
        };
        sandbox.containers.iter().find(listens).copied()
    }

    /// Whether a Pod of this node has an address.
    pub fn has_address(&self, address: &str) -> bool {
        self.by_ip.contains_key(address)
    }

    /// Whether something listens on a port of an address of this node.
    pub fn listens(&self, address: &str, port: u16) -> bool {
        self.listener(address, port).is_some()
    }

    /// Asks what listens on a port of an address of this node.
    ///
    /// # Errors
    /// The words of a connection that is refused, or closed without an answer.
    pub fn request(&mut self, address: &str, port: u16, request: &Request, now: Time) -> Result<Response, String> {
        let refused = || format!("dial tcp {address}:{port}: connect: connection refused");
        let id = self.listener(address, port).ok_or_else(refused)?;
        self.ask(id, port, request, now).ok_or_else(|| unanswered(request))
    }

    fn ask(&mut self, id: ContainerId, port: u16, request: &Request, now: Time) -> Option<Response> {
        let container = self.container_mut(id)?;
        let mut machine = container.machine.take()?;
        let config = container.config.clone();
        let answer = self.with_volumes(&mut machine, &config, |machine| machine.serve(now, port, request, &mut NoHost));
        if let Some(container) = self.container_mut(id) {
            container.machine = Some(machine);
        }
        self.schedule(id, Some(now));
        answer
    }

    fn with_exec(&mut self, id: ExecId, now: Time, work: impl FnOnce(&mut Machine, &Exec)) {
        let Some(exec) = self.execs.get(&id).cloned() else { return };
        if let Some(container) = self.container_mut(exec.container)
            && let Some(machine) = &mut container.machine
        {
            work(machine, &exec);
        }
        self.schedule(exec.container, Some(now));
    }

    // ---- running

    /// What a running container has used: processor time since its start, and memory now.
    pub fn container_usage(&self, id: ContainerId) -> Option<Usage> {
        let container = self.containers.get(&id)?;
        let cpu = container.steps.saturating_mul(u64::try_from(STEP_TIME.as_nanos()).unwrap_or(0));
        container.machine.as_ref().map(|machine| Usage { cpu, memory: machine.memory() })
    }

    /// When `run` has something to do next, apart from streams.
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(time, _)| *time)
    }

    /// Runs every container that is due at `now`. Gives the next instant to come back at.
    pub fn run(&mut self, now: Time, host: &mut dyn Host) -> Option<Time> {
        for id in self.streaming.iter().copied().collect::<Vec<_>>() {
            self.run_container(id, now, host);
        }
        // Each container runs once an instant; what it wakes in another runs at the same instant, but after.
        let mut rounds = 0;
        while let Some((time, id)) = self.due.first().copied() {
            if time > now || rounds > 100_000 {
                break;
            }
            rounds += 1;
            self.run_container(id, now, host);
        }
        self.next_due()
    }

    fn run_container(&mut self, id: ContainerId, now: Time, host: &mut dyn Host) {
        let Some(container) = self.container_mut(id) else { return };
        let Some(mut machine) = container.machine.take() else {
            container.kill_at = None;
            self.schedule(id, None);
            return;
        };
        let (config, init) = (container.config.clone(), container.init);
        let kill = container.kill_at.is_some_and(|at| at <= now);
        if kill {
            container.kill_at = None;
            machine.signal(init, Signal::Kill);
        }
        self.lend(&mut machine, &config);
        let outcome = machine.run(now, &mut Neighbours { runtime: self, container: id, host, now }, SLICE);
        self.lend(&mut machine, &config);
        let limit = config.memory_limit.unwrap_or(NODE_MEMORY);
        let out_of_memory = outcome.steps > 0
            && machine.memory() > limit
            && (machine.exit_status(init).is_none() || machine.memory() == u64::MAX);
        if out_of_memory {
            machine.signal(init, Signal::Kill);
        }
        self.collect(id, &mut machine);
        if outcome.streams {
            self.streaming.insert(id);
        } else {
            self.streaming.remove(&id);
        }
        let ended = machine.exit_status(init);
        if let Some(container) = self.container_mut(id) {
            container.machine = Some(machine);
            container.steps += outcome.steps;
        }
        match ended {
            Some(status) => self.end_container(id, status, out_of_memory, now),
            None => {
                // A machine that is ready at this very instant has used its slice or was given input: it comes
                // back a step of time later at the earliest, so that no instant lasts for ever.
                let next = outcome.next.map(|next| if next <= now { now + Duration::from_micros(100) } else { next });
                self.schedule(id, next);
            }
        }
    }

    fn collect(&mut self, id: ContainerId, machine: &mut Machine) {
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return };
        let chunks = match container.terminal {
            Some(tty) => machine.take_terminal_output(tty),
            None => machine.take_output(container.init),
        };
        for chunk in &chunks {
            container.log.append(chunk);
        }
        container.execs.retain(|(number, pid)| {
            let Some(exec) = self.execs.get_mut(&ExecId(*number)) else {
                return machine.exit_status(*pid).is_none();
            };
            let chunks = match exec.tty {
                Some(tty) => machine.take_terminal_output(tty),
                None => machine.take_output(*pid),
            };
            exec.output.extend(chunks);
            exec.exit = machine.exit_status(*pid).map(ExitStatus::code);
            if exec.exit.is_some() {
                machine.forget(*pid);
                self.ended_execs.push(ExecId(*number));
            }
            exec.exit.is_none()
        });
    }

    fn end_container(&mut self, id: ContainerId, status: ExitStatus, out_of_memory: bool, now: Time) {
        let Some(container) = self.container_mut(id) else { return };
        let machine = container.machine.take();
        let path = &container.config.termination_log;
        let left = machine.and_then(|machine| machine.vfs().read_file("/", path).ok());
        let left = left.map(|left| String::from_utf8_lossy(left.get(..TERMINATION_LOG).unwrap_or(&left)).into_owned());
        let mut message = left.unwrap_or_default();
        if message.is_empty() && container.config.log_is_message && status.code() != 0 {
            message = container.log.last_words();
        }
        container.status.termination_log = message;
        container.kill_at = None;
        let execs = std::mem::take(&mut container.execs);
        let report = &mut container.status;
        report.state = ContainerState::Exited;
        report.exit_code = if out_of_memory { ExitStatus::Signal(Signal::Kill).code() } else { status.code() };
        report.finished_at = Some(now);
        report.reason = match (out_of_memory, status.code()) {
            (true, _) => "OOMKilled",
            (false, 0) => "Completed",
            (false, _) => "Error",
        };
        let exit = ContainerExit { container: id, status: report.clone() };
        for (number, _) in execs {
            if let Some(exec) = self.execs.get_mut(&ExecId(number)) {
                exec.exit = Some(137);
                self.ended_execs.push(ExecId(number));
            }
        }
        self.streaming.remove(&id);
        self.schedule(id, None);
        self.exits.push_back(exit);
    }

    /// Containers that ended since the last call, in order.
    pub fn take_exits(&mut self) -> Vec<ContainerExit> {
        self.exits.drain(..).collect()
    }
}

/// The network as a container sees it: the containers of its own Pod, those of its node, and what the host reaches.
struct Neighbours<'a> {
    runtime: &'a mut Runtime,
    container: ContainerId,
    host: &'a mut dyn Host,
    now: Time,
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

fn command_line(config: &ContainerConfig, image: &Image) -> Vec<String> {
    let (mut words, args) = match (config.command.is_empty(), config.args.is_empty()) {
        (true, true) => (image.entrypoint.clone(), &image.cmd),
        (true, false) => (image.entrypoint.clone(), &config.args),
        (false, _) => (config.command.clone(), &config.args),
    };
    words.extend(args.iter().cloned());
    words
}

/// runc's words for a process that cannot be started.
fn exec_error(error: &StartError) -> String {
    match error {
        StartError::NotInPath(name) => format!("exec: \"{name}\": executable file not found in $PATH"),
        StartError::CannotRun(name, Errno::Enoent) => {
            format!("exec: \"{name}\": stat {name}: no such file or directory")
        }
        StartError::CannotRun(name, Errno::Eacces) => format!("exec: \"{name}\": permission denied"),
        StartError::CannotRun(name, Errno::Enoexec) => format!("exec {name}: exec format error"),
        StartError::CannotRun(name, errno) => format!("exec: \"{name}\": {}", errno.message().to_lowercase()),
        StartError::WorkingDirectory(path, errno) => format!(
            "error during container init: chdir to cwd (\"{path}\") set in config.json failed: {}",
            errno.message().to_lowercase()
        ),
        StartError::Limit => "fork/exec: resource temporarily unavailable".to_owned(),
    }
}

fn not_found(id: ContainerId) -> String {
    format!("an error occurred when try to find container \"{}\": not found", id.0)
}

fn hex_id(seed: u64, space: &str, number: u64) -> String {
    catalog::digest(&format!("{space} {seed} {number}")).trim_start_matches("sha256:").to_owned()
}
