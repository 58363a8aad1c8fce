//! The runtime of a node as a kubelet drives it: CRI's names and messages on top of [`Runtime`].
//!
//! Refuses to decide: it translates ids, mounts, logs and exec sessions, nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::container::{self, ContainerState as State};
use super::runtime::{ExecRequest, Runtime, RuntimeConfig};
use super::service::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, HostKind, ImageInfo, LogPart, Pull, RuntimeService,
    Sandbox, SandboxConfig, StopReason, User,
};
use super::{disk, ids};
use crate::apiserver::{ExecOptions, LogOptions, Usage};
use crate::images::{Image, Reference};
use crate::shell::process::{Flavour, Stream};
use crate::shell::program::Host;
use crate::shell::vfs::{Kind, Tree, Vfs};
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamRead};

/// The group that busybox and its kin add to root's processes, as containerd reads it from the image's /etc/group.
const WHEEL: i64 = 10;

/// A sandbox's own things: its number in the runtime and its volumes by name.
#[derive(Clone, Debug)]
struct Placed {
    sandbox: ids::SandboxId,
    volumes: BTreeMap<String, ids::VolumeId>,
}

/// An exec session, or one that is attached to the container's own process.
#[derive(Clone, Debug)]
enum Session {
    Exec { exec: ids::ExecId, ended: bool },
    Attach { container: ids::ContainerId, position: u64, options: ExecOptions },
}

/// Whether a text can name an image.
///
/// # Errors
/// The kubelet's sentence with the fault that the reference parser finds.
pub fn check_image_name(image: &str) -> Result<(), String> {
    match Reference::parse(image) {
        Ok(_) => Ok(()),
        Err(fault) => Err(format!("couldn't parse image name \"{image}\": {fault}")),
    }
}

/// The container runtime of one node.
#[derive(Clone, Debug)]
pub struct NodeRuntime {
    runtime: Runtime,
    all_present: bool,
    sandboxes: BTreeMap<String, Placed>,
    /// The node's own files, from the first use on.
    disk: Option<ids::VolumeId>,
    containers: BTreeMap<ContainerId, ids::ContainerId>,
    names: BTreeMap<ids::ContainerId, ContainerId>,
    sessions: BTreeMap<u64, Session>,
    exec_sessions: BTreeMap<ids::ExecId, u64>,
    next_session: u64,
    output: u64,
    now: Time,
}

impl NodeRuntime {
    /// A runtime that has every image that exists.
    pub fn with_all_images(config: RuntimeConfig) -> Self {
        Self { all_present: true, ..Self::with_images(config, &[]) }
    }

    /// A runtime that has these images; a name that does not exist is left out.
    pub fn with_images(config: RuntimeConfig, images: &[String]) -> Self {
        let mut runtime = Runtime::new(config);
        for image in images {
            runtime.preload(image);
        }
        Self {
            runtime,
            all_present: false,
            sandboxes: BTreeMap::new(),
            disk: None,
            containers: BTreeMap::new(),
            names: BTreeMap::new(),
            sessions: BTreeMap::new(),
            exec_sessions: BTreeMap::new(),
            next_session: 0,
            output: 0,
            now: Time::default(),
        }
    }

    fn find(&self, id: &str) -> Option<ids::ContainerId> {
        self.containers.get(id).copied()
    }

    /// The node's own files.
    fn disk(&mut self) -> ids::VolumeId {
        match self.disk {
            Some(disk) => disk,
            None => *self.disk.insert(self.runtime.create_volume(disk::tree(self.runtime.node()))),
        }
    }

    fn on_disk<T>(&mut self, look: impl FnOnce(&mut Vfs) -> T) -> T {
        let disk = self.disk();
        let mut vfs = Vfs::new(self.runtime.volume(disk).cloned().unwrap_or_default());
        let found = look(&mut vfs);
        self.runtime.replace_volume(disk, vfs.into_root());
        found
    }

    /// The volumes of a container's mounts, made when they are first mounted.
    fn mounts(&mut self, sandbox: &str, config: &ContainerConfig) -> Vec<container::Mount> {
        let mut mounts = Vec::new();
        for mount in &config.mounts {
            if !mount.host_path.is_empty() {
                let whole = format!("{}/{}", mount.host_path.trim_end_matches('/'), mount.sub_path);
                mounts.push(container::Mount {
                    volume: self.disk(),
                    path: mount.path.clone(),
                    sub_path: whole.trim_matches('/').to_owned(),
                    read_only: mount.read_only,
                });
                continue;
            }
            let Some(placed) = self.sandboxes.get_mut(sandbox) else { return Vec::new() };
            // A part of a volume of files from the server is copied once: what changes later does not reach it.
            let copied = !mount.sub_path.is_empty() && !mount.files.is_empty();
            let key =
                if copied { format!("{} {} {}", mount.volume, config.name, mount.path) } else { mount.volume.clone() };
            let volume = match placed.volumes.get(&key).filter(|_| !copied) {
                Some(volume) => *volume,
                None => {
                    let volume = self.runtime.create_volume(tree(&mount.files));
                    if let Some(before) = placed.volumes.insert(key, volume) {
                        self.runtime.remove_volume(before);
                    }
                    volume
                }
            };
            mounts.push(container::Mount {
                volume,
                path: mount.path.clone(),
                sub_path: mount.sub_path.clone(),
                read_only: mount.read_only,
            });
        }
        mounts
    }
}

fn tree(files: &[(String, Vec<u8>, u32)]) -> Tree {
    let mut vfs = Vfs::new(Tree::default());
    for (path, content, mode) in files {
        vfs.put(&format!("/{path}"), Kind::File(Arc::new(content.clone())), *mode);
    }
    vfs.into_root()
}

fn user_of(image: &Image) -> User {
    let (uid, gid) = (i64::from(image.user.0), i64::from(image.user.1));
    let small = matches!(image.shell, Some((Flavour::Busybox, _)));
    let groups = if uid == 0 && small { vec![gid, WHEEL] } else { vec![gid] };
    User { uid, gid, groups }
}

fn info(image: &Image) -> ImageInfo {
    ImageInfo { name: image.reference.clone(), id: image.repo_digest.clone(), size: image.size, user: user_of(image) }
}

impl RuntimeService for NodeRuntime {
    fn image(&mut self, reference: &str, now: Time) -> Option<ImageInfo> {
        if self.all_present && self.runtime.image_status(reference, now).is_none() {
            self.runtime.preload(reference);
        }
        self.runtime.image_status(reference, now).map(info)
    }

    fn pull(&mut self, reference: &str, now: Time) -> Pull {
        let pull = self.runtime.pull(reference, now);
        Pull { done: pull.done_at, result: pull.result.map(|image| info(&image)).map_err(|error| error.to_string()) }
    }

    fn run_sandbox(&mut self, config: &SandboxConfig, _: Time) -> Result<Sandbox, String> {
        let sandbox = self.runtime.run_sandbox(config.clone());
        let id = format!("{:064x}", sandbox.0);
        let address = self.runtime.sandbox_ip(sandbox).unwrap_or_default().to_owned();
        self.sandboxes.insert(id.clone(), Placed { sandbox, volumes: BTreeMap::new() });
        Ok(Sandbox { id, address })
    }

    fn stop_sandbox(&mut self, id: &str, now: Time) {
        let Some(placed) = self.sandboxes.get(id) else { return };
        for container in self.runtime.containers_of(placed.sandbox).to_vec() {
            self.runtime.stop_container(container, Duration::ZERO, now);
        }
        self.runtime.release_address(placed.sandbox);
    }

    fn remove_sandbox(&mut self, id: &str) {
        let Some(placed) = self.sandboxes.remove(id) else { return };
        for container in self.runtime.containers_of(placed.sandbox).to_vec() {
            if let Some(name) = self.names.remove(&container) {
                self.containers.remove(&name);
            }
        }
        self.runtime.remove_sandbox(placed.sandbox);
        for volume in placed.volumes.values() {
            self.runtime.remove_volume(*volume);
        }
    }

    fn update_volume(&mut self, sandbox: &str, volume: &str, files: &[(String, Vec<u8>, u32)]) {
        if let Some(held) = self.sandboxes.get(sandbox).and_then(|placed| placed.volumes.get(volume)) {
            self.runtime.replace_volume(*held, tree(files));
        }
    }

    fn volume_file(&self, sandbox: &str, volume: &str, path: &str) -> Option<Vec<u8>> {
        let held = self.sandboxes.get(sandbox)?.volumes.get(volume)?;
        let vfs = Vfs::new(self.runtime.volume(*held)?.clone());
        vfs.read_file("/", path).ok().map(|content| content.to_vec())
    }

    fn host_kind(&mut self, path: &str) -> Option<HostKind> {
        self.on_disk(|disk| disk::kind(disk, path))
    }

    fn make_host(&mut self, path: &str, kind: HostKind) {
        self.on_disk(|disk| disk::make(disk, path, kind));
    }

    fn volume_bytes(&self, sandbox: &str, volume: &str) -> u64 {
        let held = self.sandboxes.get(sandbox).and_then(|placed| placed.volumes.get(volume));
        held.map_or(0, |volume| self.runtime.volume_bytes(*volume))
    }

    fn own_bytes(&self, id: &str) -> u64 {
        self.find(id).map_or(0, |container| self.runtime.own_bytes(container))
    }

    fn create_container(&mut self, sandbox: &str, config: &ContainerConfig, now: Time) -> Result<ContainerId, String> {
        let mounts = self.mounts(sandbox, config);
        let Some(placed) = self.sandboxes.get(sandbox) else {
            return Err("failed to find sandbox: not found".to_owned());
        };
        let number = |value: i64| u32::try_from(value).unwrap_or(0);
        let made = container::ContainerConfig {
            name: config.name.clone(),
            image: config.image.clone(),
            command: config.command.clone(),
            args: config.args.clone(),
            env: config.env.clone(),
            working_dir: (!config.working_dir.is_empty()).then(|| config.working_dir.clone()),
            mounts,
            user: config.user.as_ref().map(|user| number(user.uid)),
            group: config.user.as_ref().map(|user| number(user.gid)),
            tty: config.tty,
            stdin: config.stdin,
            read_only_root: config.read_only_root,
            memory_limit: u64::try_from(config.memory_limit).ok().filter(|limit| *limit > 0),
            stop_signal: None,
            termination_log: config.termination_log.clone(),
            log_is_message: config.log_is_message,
            hosts: config.hosts.clone(),
            resolv_conf: config.resolv_conf.clone(),
            attempt: config.attempt,
        };
        let container = self.runtime.create_container(placed.sandbox, made, now)?;
        let id = self.runtime.container_status(container).map(|status| status.id.clone()).unwrap_or_default();
        self.containers.insert(id.clone(), container);
        self.names.insert(container, id.clone());
        Ok(id)
    }

    fn start_container(&mut self, id: &str, now: Time) -> Result<(), String> {
        let container = self.find(id).ok_or_else(|| gone(id))?;
        self.runtime.start_container(container, now)
    }

    fn update_container(&mut self, id: &str, memory_limit: i64) {
        if let Some(container) = self.find(id) {
            self.runtime.limit_memory(container, u64::try_from(memory_limit).ok().filter(|limit| *limit > 0));
        }
    }

    fn stop_container(&mut self, id: &str, grace: Duration, now: Time) {
        if let Some(container) = self.find(id) {
            self.runtime.stop_container(container, grace, now);
        }
    }

    fn container(&self, id: &str) -> Option<ContainerStatus> {
        let number = self.find(id)?;
        let status = self.runtime.container_status(number)?;
        let image = self.runtime.container_image(number)?;
        let user = self.runtime.container_user(number).map_or_else(
            || user_of(image),
            |(uid, gid)| User { uid: i64::from(uid), gid: i64::from(gid), groups: vec![i64::from(gid)] },
        );
        let started = status.started_at.unwrap_or_default();
        let state = match status.state {
            State::Created => ContainerState::Created,
            State::Running => ContainerState::Running { started },
            State::Exited => ContainerState::Exited {
                started,
                finished: status.finished_at.unwrap_or(started),
                exit_code: status.exit_code,
                reason: match status.reason {
                    "Completed" => StopReason::Completed,
                    "OOMKilled" => StopReason::OomKilled,
                    "StartError" => StopReason::StartError,
                    _ => StopReason::Error,
                },
                message: status.message.clone(),
            },
        };
        Some(ContainerStatus {
            id: status.id.clone(),
            name: status.name.clone(),
            image: info(image),
            user,
            state,
            termination_log: status.termination_log.clone(),
        })
    }

    fn usage(&self, id: &str) -> Option<Usage> {
        self.runtime.container_usage(self.find(id)?)
    }

    fn remove_container(&mut self, id: &str) {
        if let Some(container) = self.containers.remove(id) {
            self.names.remove(&container);
            self.runtime.remove_container(container);
        }
    }

    fn read_log(&mut self, id: &str, options: &LogOptions, position: u64) -> Result<LogPart, String> {
        let container = self.find(id).ok_or_else(|| gone(id))?;
        let log = self.runtime.log(container).ok_or_else(|| gone(id))?;
        let ended = self.runtime.container_status(container).is_none_or(|status| status.state == State::Exited);
        Ok(log.part(options, position, ended))
    }

    fn exec(&mut self, id: &str, options: &ExecOptions, now: Time) -> Result<u64, String> {
        let container = self.find(id).ok_or_else(|| gone(id))?;
        let session = if options.command.is_empty() {
            let position = self.runtime.log(container).map_or(0, container::Log::end);
            Session::Attach { container, position, options: options.clone() }
        } else {
            let request = ExecRequest {
                command: options.command.clone(),
                stdin: options.stdin,
                tty: options.tty,
                window: (0, 0),
            };
            let exec = self.runtime.exec(container, &request, now).map_err(|text| {
                format!("error executing command in container: rpc error: code = Unknown desc = {text}")
            })?;
            Session::Exec { exec, ended: false }
        };
        self.next_session += 1;
        if let Session::Exec { exec, .. } = &session {
            self.exec_sessions.insert(*exec, self.next_session);
        }
        self.sessions.insert(self.next_session, session);
        Ok(self.next_session)
    }

    fn read_session(&mut self, session: u64) -> StreamRead {
        let read = match self.sessions.get_mut(&session) {
            None => return StreamRead::End,
            Some(Session::Exec { exec, ended }) => read_exec(&mut self.runtime, *exec, ended),
            Some(Session::Attach { container, position, options }) => {
                read_attached(&self.runtime, *container, position, options)
            }
        };
        if read == StreamRead::End {
            self.sessions.remove(&session);
        }
        read
    }

    fn write_session(&mut self, session: u64, message: &[u8], now: Time) {
        let Some((channel, bytes)) = message.split_first() else { return };
        match (self.sessions.get(&session), channel) {
            (Some(Session::Exec { exec, .. }), 0) => self.runtime.exec_input(*exec, bytes, now),
            (Some(Session::Exec { exec, .. }), 255) if bytes == [0] => self.runtime.exec_close_input(*exec, now),
            (Some(Session::Exec { exec, .. }), 4) => {
                if let Some((columns, rows)) = window(bytes) {
                    self.runtime.exec_resize(*exec, columns, rows, now);
                }
            }
            (Some(Session::Attach { container, .. }), 0) => self.runtime.write_stdin(*container, bytes, now),
            (Some(Session::Attach { container, .. }), 255) if bytes == [0] => self.runtime.close_stdin(*container, now),
            _ => {}
        }
    }

    fn close_session(&mut self, session: u64) {
        if let Some(Session::Exec { exec, .. }) = self.sessions.remove(&session) {
            self.exec_sessions.remove(&exec);
            self.runtime.exec_close(exec, self.now);
        }
    }

    fn kill_session(&mut self, session: u64, now: Time) {
        if let Some(Session::Exec { exec, .. }) = self.sessions.get(&session) {
            self.runtime.exec_kill(*exec, now);
        }
    }

    fn take_ended_sessions(&mut self) -> Vec<u64> {
        let ended = self.runtime.take_ended_execs();
        ended.iter().filter_map(|exec| self.exec_sessions.remove(exec)).collect()
    }

    fn has_address(&self, address: &str) -> bool {
        self.runtime.has_address(address)
    }

    fn listens(&self, address: &str, port: u16) -> bool {
        self.runtime.listens(address, port)
    }

    fn request(&mut self, address: &str, port: u16, request: &Request, now: Time) -> Result<Response, String> {
        self.runtime.request(address, port, request, now)
    }

    fn run(&mut self, now: Time, host: &mut dyn Host) {
        self.now = now;
        self.runtime.run(now, host);
        self.output += 1;
    }

    fn next_due(&self) -> Option<Time> {
        self.runtime.next_due()
    }

    fn take_exited(&mut self) -> Vec<ContainerId> {
        let exits = self.runtime.take_exits();
        exits.into_iter().filter_map(|exit| self.names.get(&exit.container).cloned()).collect()
    }

    fn output_revision(&self) -> u64 {
        self.output
    }

    fn clone_box(&self) -> Box<dyn RuntimeService> {
        Box::new(self.clone())
    }
}

/// Columns and rows of a resize message: `{"Width":80,"Height":24}`.
fn window(message: &[u8]) -> Option<(u16, u16)> {
    let size: serde_json::Value = serde_json::from_slice(message).ok()?;
    let side = |name: &str| size.get(name)?.as_u64().and_then(|number| u16::try_from(number).ok());
    Some((side("Width")?, side("Height")?))
}

fn framed(stream: Stream, bytes: &[u8]) -> StreamRead {
    let channel = if stream == Stream::Stderr { 2 } else { 1 };
    let mut message = vec![channel];
    message.extend_from_slice(bytes);
    StreamRead::Data(message)
}

/// Output first, then the `Status` of the end on channel 3, then the end.
fn read_exec(runtime: &mut Runtime, exec: ids::ExecId, ended: &mut bool) -> StreamRead {
    if *ended {
        return StreamRead::End;
    }
    if let Some(chunk) = runtime.exec_next_output(exec) {
        return framed(chunk.stream, &chunk.bytes);
    }
    let Some(code) = runtime.exec_exit(exec) else { return StreamRead::Pending };
    *ended = true;
    let status = if code == 0 {
        serde_json::json!({"metadata": {}, "status": "Success"})
    } else {
        serde_json::json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: error executing command, exit code {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        })
    };
    let mut message = vec![3];
    message.extend(status.to_string().into_bytes());
    StreamRead::Data(message)
}

fn read_attached(
    runtime: &Runtime,
    container: ids::ContainerId,
    position: &mut u64,
    options: &ExecOptions,
) -> StreamRead {
    let Some(log) = runtime.log(container) else { return StreamRead::End };
    for (number, line) in log.from(*position) {
        let wanted = if line.stream == Stream::Stderr { options.stderr } else { options.stdout };
        if wanted {
            *position = number + 1;
            return framed(line.stream, &line.bytes);
        }
    }
    *position = log.end();
    match runtime.container_status(container).map(|status| status.state) {
        Some(State::Running) => StreamRead::Pending,
        _ => StreamRead::End,
    }
}

fn gone(id: &str) -> String {
    format!("rpc error: code = NotFound desc = an error occurred when try to find container \"{id}\": not found")
}
