//! The rest of a sync: ending and starting containers in order, and what is waited for on the way.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod, doBackOff) and
//! kuberuntime_container.go (startContainer).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::container_config::{self, Refused};
use super::containers::{self, List};
use super::handler::{Handling, Ran, Target};
use super::sync::{BACKOFF_PERIOD, set_waiting};
use super::worker::{ContainerRecord, Doing, KillReason, Op, Stage, Work, Worker};
use super::{Kubelet, Uid};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::cri::ContainerState;
use crate::sim::Time;
use crate::text::duration::go_duration;
use crate::text::go_number::quote;

impl Kubelet {
    /// Goes on with a sync until it has to wait or has come to its end.
    pub(super) fn go_on(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let Stage::Busy(mut work) = std::mem::replace(&mut worker.stage, Stage::Sync) else { return };
        loop {
            let doing = match work.doing.take() {
                Some(doing) => self.proceed(worker, &mut work, server, doing, now),
                None => match work.ops.pop_front() {
                    Some(op) => self.begin(uid, worker, &mut work, server, op, now),
                    None => break,
                },
            };
            if doing.is_some() {
                work.doing = doing;
                worker.stage = Stage::Busy(work);
                return;
            }
        }
        self.complete_work(worker, &work, now);
    }

    fn begin(
        &mut self,
        uid: &Uid,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        op: Op,
        now: Time,
    ) -> Option<Doing> {
        match op {
            Op::KillPod => {
                self.begin_kill_pod(worker, server, None, now);
                self.proceed(worker, work, server, Doing::KillPod, now)
            }
            Op::Kill(orders) => {
                for order in orders {
                    self.begin_kill(worker, server, &order.name, (&order.message, order.reason), None, now);
                }
                self.proceed(worker, work, server, Doing::Kill { after: None }, now)
            }
            Op::Reset => {
                for name in self.running(worker) {
                    self.begin_kill(worker, server, &name, ("killing", KillReason::Other), Some(0), now);
                }
                self.proceed(worker, work, server, Doing::Reset, now)
            }
            Op::Resize(names) => {
                self.resize_containers(worker, server, &names, now);
                // The containers are looked at soon, so that their new limits are told.
                worker.relist = Some(self.next_relist(now));
                None
            }
            Op::Start(list, index) => {
                let container = containers::at(&super::resize::allocated(worker), list, index)?;
                if self.backs_off(uid, worker, work, server, (list, &container), now) {
                    stop_after(work, list, &container);
                    return None;
                }
                match self.image_ready(worker, work, server, (list, index), &container, now) {
                    Err(doing) => {
                        if doing.is_none() {
                            stop_after(work, list, &container);
                        }
                        doing
                    }
                    Ok(()) => self.make(worker, work, server, (list, &container), now),
                }
            }
        }
    }

    /// Looks whether what is waited for has come.
    fn proceed(
        &mut self,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        doing: Doing,
        now: Time,
    ) -> Option<Doing> {
        match doing {
            Doing::Pull { list, index, pull, asked, began } => {
                if pull.done > now {
                    worker.again(pull.done);
                    return Some(Doing::Pull { list, index, pull, asked, began });
                }
                let container = containers::at(&super::resize::allocated(worker), list, index)?;
                if self.finish_pull(worker, work, server, (list, &container), pull.result, (asked, began), now) {
                    return self.make(worker, work, server, (list, &container), now);
                }
                stop_after(work, list, &container);
                None
            }
            Doing::PostStart { name, mut handling } => {
                let Some(ran) = self.poll(&mut handling, now) else {
                    if let Some(until) = handling.until() {
                        worker.again(until);
                    }
                    return Some(Doing::PostStart { name, handling });
                };
                self.finish_post_start(worker, work, server, &name, ran, now)
            }
            Doing::Kill { after } => {
                if !self.go_on_killing(worker, server, now) {
                    return Some(Doing::Kill { after });
                }
                if let Some((name, text)) = after {
                    set_waiting(worker, &name, "PostStartHookError", &text);
                    work.retry_at(now + BACKOFF_PERIOD);
                }
                None
            }
            Doing::Reset => {
                if !self.go_on_killing(worker, server, now) {
                    return Some(Doing::Reset);
                }
                self.forget_containers(worker);
                worker.pending = true;
                None
            }
            Doing::KillPod => {
                if !self.go_on_killing(worker, server, now) {
                    return Some(Doing::KillPod);
                }
                self.stop_sandbox(worker, now);
                None
            }
        }
    }

    /// Removes all containers but the ephemeral ones; how often each was started is not forgotten.
    fn forget_containers(&mut self, worker: &mut Worker) {
        let pod = Arc::clone(&worker.pod);
        for (name, record) in &mut worker.records {
            if containers::find(&pod, name).is_none_or(|(list, _)| list == List::Ephemeral) {
                continue;
            }
            for id in record.current.iter().chain(record.last.as_ref().map(|last| &last.id)) {
                self.runtime.remove_container(id);
                self.owners.remove(id);
            }
            *record = ContainerRecord { restarts: record.restarts + 1, reset: true, ..ContainerRecord::default() };
        }
    }

    /// Whether a container that has ended has to wait before it is started again; if so, that is told.
    fn backs_off(
        &mut self,
        uid: &Uid,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        (list, container): (List, &Container),
        now: Time,
    ) -> bool {
        let record = worker.records.entry(container.name.clone()).or_default();
        // What this sync has just ended is not what it knew of when it began.
        let ended = |status: &Option<crate::cri::ContainerStatus>| match status.as_ref().map(|status| &status.state) {
            Some(ContainerState::Exited { finished, .. }) => Some(*finished),
            _ => None,
        };
        let Some(finished) = ended(&record.seen).or_else(|| ended(&record.last)) else { return false };
        let key = format!("{uid}/{}", container.name);
        let Some(until) = self.restarts.until(&key, finished, now) else {
            self.restarts.next(&key, finished, now);
            return false;
        };
        let pod = Arc::clone(&worker.pod);
        let (name, namespace) = (meta::name(&pod.metadata), meta::namespace(&pod.metadata));
        let text = format!("Back-off restarting failed container {} in pod {name}_{namespace}({uid})", container.name);
        self.record(server, &pod, &list.path(&container.name), EventType::Warning, "BackOff", &text);
        let wait = go_duration(i64::try_from(until.since(finished).as_nanos()).unwrap_or(i64::MAX));
        let message =
            format!("back-off {wait} restarting failed container={} pod={name}_{namespace}({uid})", container.name);
        set_waiting(worker, &container.name, "CrashLoopBackOff", &message);
        work.retry_at(until);
        true
    }

    /// Makes a container whose image is there, and starts it.
    fn make(
        &mut self,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        (list, container): (List, &Container),
        now: Time,
    ) -> Option<Doing> {
        match self.start(worker, server, list, container, now) {
            Ok(None) => {
                self.note_started(worker, &container.name, now);
                work.started = true;
                None
            }
            Ok(Some(handling)) => {
                let doing = Doing::PostStart { name: container.name.clone(), handling };
                self.proceed(worker, work, server, doing, now)
            }
            Err(refused) => {
                let pod = Arc::clone(&worker.pod);
                let text = format!("Error: {}", refused.message);
                self.record(server, &pod, &list.path(&container.name), EventType::Warning, "Failed", &text);
                set_waiting(worker, &container.name, refused.reason, &refused.message);
                work.retry_at(now + BACKOFF_PERIOD);
                stop_after(work, list, container);
                // A container that exists but could not be started has ended; the next relist sees it.
                if refused.reason == "RunContainerError" {
                    worker.relist = Some(self.next_relist(now));
                }
                None
            }
        }
    }

    fn start(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        list: List,
        container: &Container,
        now: Time,
    ) -> Result<Option<Handling>, Refused> {
        let pod = super::resize::allocated(worker);
        let path = list.path(&container.name);
        let Some(sandbox) = worker.sandbox.clone() else { return Ok(None) };
        let attempt = worker
            .records
            .get(&container.name)
            .map_or(0, |record| if record.current.is_some() { record.restarts + 1 } else { record.restarts });
        let context = container_config::Surroundings {
            node: &self.node,
            node_address: &self.address,
            pod_address: &sandbox.address,
            attempt,
        };
        let files = |volume: &str, path: &str| self.runtime.volume_file(&sandbox.id, volume, path);
        let config = container_config::build(&pod, container, &context, &Client::new(server, &self.caller), &files)?;
        let image = self.runtime.image(&config.image, now);
        container_config::verify_user(&pod, container, image.map_or(0, |image| image.user.uid))?;
        let id = self
            .runtime
            .create_container(&sandbox.id, &config, now)
            .map_err(|message| Refused { reason: "CreateContainerError", message })?;
        self.record(server, &pod, &path, EventType::Normal, "Created", "Container created");
        self.owners.insert(id.clone(), meta::uid(&pod.metadata).into());
        let record = worker.records.entry(container.name.clone()).or_default();
        if let Some(before) = record.current.take() {
            record.restarts += 1;
            let seen = record.seen.take();
            record.last = self.runtime.container(&before).or(seen);
            record.reset = false;
        }
        record.current = Some(id.clone());
        record.image = container.image.clone().unwrap_or_default();
        record.resources.clone_from(&container.resources);
        (record.waiting, record.probed) = (None, [None; 3]);
        if let Err(message) = self.runtime.start_container(&id, now) {
            return Err(Refused { reason: "RunContainerError", message });
        }
        self.record(server, &pod, &path, EventType::Normal, "Started", "Container started");
        let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.as_ref());
        let target = Target { container, id: &id, address: &sandbox.address };
        Ok(hook.map(|hook| self.begin_hook(&pod, hook, target, now)))
    }

    /// A container has been started: from here on the kubelet knows it as running.
    fn note_started(&self, worker: &mut Worker, name: &str, now: Time) {
        let Some(record) = worker.records.get_mut(name) else { return };
        let mut status = record.current.as_ref().and_then(|id| self.runtime.container(id));
        // What starts and ends at one instant is first seen running, as a relist would not have come between.
        if let Some(status) = status.as_mut() {
            let started = match &status.state {
                ContainerState::Running { started } | ContainerState::Exited { started, .. } => *started,
                ContainerState::Created => now,
            };
            status.state = ContainerState::Running { started };
        }
        record.seen = status;
    }

    fn finish_post_start(
        &mut self,
        worker: &mut Worker,
        work: &mut Work,
        server: &mut ApiServer,
        name: &str,
        ran: Ran,
        now: Time,
    ) -> Option<Doing> {
        let pod = Arc::clone(&worker.pod);
        if matches!(ran, Ran::Success | Ran::Warning(_)) {
            self.note_started(worker, name, now);
            work.started = true;
            return None;
        }
        let (list, container) = containers::find(&pod, name)?;
        self.record(server, &pod, &list.path(name), EventType::Warning, "FailedPostStartHook", "PostStartHook failed");
        let running = worker.records.get(name).and_then(|record| record.current.clone()).filter(|id| self.runs(id));
        self.note_started(worker, name, now);
        let text = post_start_text(&container, &pod, &ran);
        if running.is_some() {
            self.begin_kill(worker, server, name, ("FailedPostStartHook", KillReason::Other), None, now);
        }
        worker.relist = Some(self.next_relist(now));
        stop_after(work, list, &container);
        self.proceed(worker, work, server, Doing::Kill { after: Some((name.to_owned(), text)) }, now)
    }
}

/// After an init container that could not be started nothing else is; a sidecar does not hold up the others.
fn stop_after(work: &mut Work, list: List, container: &Container) {
    if list == List::Init && !containers::is_sidecar(container) {
        work.ops.clear();
    }
}

/// What the container waits for after a failed postStart hook.
fn post_start_text(container: &Container, pod: &Pod, ran: &Ran) -> String {
    let (name, namespace, uid) = (meta::name(&pod.metadata), meta::namespace(&pod.metadata), meta::uid(&pod.metadata));
    let tail = format!("for Container \"{}\" in Pod \"{name}_{namespace}({uid})\" failed - error: ", container.name);
    let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.as_ref());
    let (error, output) = match ran {
        Ran::Failure(text) | Ran::Error(text) | Ran::Warning(text) => (text.clone(), ""),
        Ran::Success => (String::new(), ""),
        Ran::Exited { code, output, stderr } => {
            let command = hook.and_then(|hook| hook.exec.as_ref()).and_then(|exec| exec.command.as_deref());
            let command = command.unwrap_or_default().join(" ");
            (format!("command '{command}' exited with {code}: {stderr}"), output.as_str())
        }
    };
    if let Some(exec) = hook.and_then(|hook| hook.exec.as_ref()) {
        let command = exec.command.as_deref().unwrap_or_default().join(" ");
        return format!("Exec lifecycle hook ([{command}]) {tail}{error}, message: {}", quote(output));
    }
    let path = hook.and_then(|hook| hook.http_get.as_ref()).and_then(|get| get.path.clone()).unwrap_or_default();
    format!("HTTP lifecycle hook ({path}) {tail}{error}")
}
