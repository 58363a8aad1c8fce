//! Containers: made, started, stopped, removed, and what is asked of them.

use std::sync::Arc;
use std::time::Duration;

use super::exec::exec_error;
use super::{Runtime, not_found};
use crate::apiserver::Usage;
use crate::cri::container::{Container, ContainerConfig, ContainerState, ContainerStatus, Log};
use crate::cri::ids::{ContainerId, SandboxId, hex_id};
use crate::images;
use crate::images::{Image, PROGRAMS};
use crate::shell::machine::{Dialect, Machine, MachineConfig, STEP_TIME, SpawnOptions, Stdio, TtyId};
use crate::shell::process::Flavour;
use crate::shell::program::{Pid, Signal};
use crate::shell::vfs::Vfs;
use crate::sim::Time;

impl Runtime {
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

    pub(super) fn start_machine(
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

    pub(super) fn furnish(&mut self, vfs: &mut Vfs, config: &ContainerConfig, hostname: &str) -> Result<(), String> {
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
    pub(super) fn with_volumes<T>(
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

    pub(super) fn lend(&mut self, machine: &mut Machine, config: &ContainerConfig) {
        for (index, mount) in config.mounts.iter().enumerate() {
            if let Some(tree) = self.volumes.get_mut(&mount.volume) {
                // A second mount of the same volume shows the first one's tree.
                machine.vfs_mut().swap_mount(index, tree);
            }
        }
    }

    pub(super) fn container_mut(&mut self, id: ContainerId) -> Option<&mut Container> {
        self.containers.get_mut(&id).map(Arc::make_mut)
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

    /// What a running container has used: processor time since its start, and memory now.
    pub fn container_usage(&self, id: ContainerId) -> Option<Usage> {
        let container = self.containers.get(&id)?;
        let cpu = container.steps.saturating_mul(u64::try_from(STEP_TIME.as_nanos()).unwrap_or(0));
        container.machine.as_ref().map(|machine| Usage { cpu, memory: machine.memory() })
    }
}

pub(super) fn command_line(config: &ContainerConfig, image: &Image) -> Vec<String> {
    let (mut words, args) = match (config.command.is_empty(), config.args.is_empty()) {
        (true, true) => (image.entrypoint.clone(), &image.cmd),
        (true, false) => (image.entrypoint.clone(), &config.args),
        (false, _) => (config.command.clone(), &config.args),
    };
    words.extend(args.iter().cloned());
    words
}
