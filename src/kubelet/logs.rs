//! Logs and exec: which instance of a container is meant, and what to say when there is none.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (validateContainerLogStatus).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::Kubelet;
use crate::apimachinery::Status;
use crate::apiserver::{ContainerRef, ExecOptions, LogOptions, LogRead};
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamRead};

impl Kubelet {
    /// Asks whatever listens on a port of an address of this node.
    ///
    /// # Errors
    /// Why no answer came.
    pub fn request(&mut self, address: &str, port: u16, request: &Request, now: Time) -> Result<Response, String> {
        self.runtime.request(address, port, request, now)
    }

    /// Reads a container's log.
    ///
    /// # Errors
    /// `BadRequest` with the kubelet's words when the container has no log yet.
    pub fn read_log(&mut self, of: &ContainerRef, options: &LogOptions, position: u64) -> Result<LogRead, Status> {
        let worker = self.workers.get(of.pod_uid.as_str());
        let pod = worker.map(|worker| &worker.pod).ok_or_else(|| not_here(of))?;
        let id = instance(pod, of, options.previous).map_err(Status::bad_request)?;
        match self.runtime.read_log(&id, options, position) {
            Ok(part) => Ok(LogRead { bytes: part.bytes, position: part.position, ended: part.ended }),
            // The kubelet answers 200 and says it in the body.
            Err(_) => Ok(LogRead {
                bytes: format!("unable to retrieve container logs for containerd://{id}").into_bytes(),
                position: u64::MAX,
                ended: true,
            }),
        }
    }

    /// Starts a command in a container, or attaches to it.
    ///
    /// # Errors
    /// The kubelet's words when the container does not run or the command cannot be started.
    pub fn exec(&mut self, of: &ContainerRef, options: &ExecOptions, now: Time) -> Result<u64, Status> {
        let worker = self.workers.get(of.pod_uid.as_str()).ok_or_else(|| not_here(of))?;
        let record = worker.records.get(&of.container);
        let id = record.and_then(|record| record.current.clone());
        let id = id.ok_or_else(|| {
            Status::internal(&match options.command.is_empty() {
                false => format!("container not found (\"{}\")", of.container),
                true => format!("container {} not found in pod {}_{}", of.container, of.pod, of.namespace),
            })
        })?;
        self.runtime.exec(&id, options, now).map_err(|text| Status::internal(&text))
    }

    /// The next message of a session.
    pub fn read_session(&mut self, session: u64) -> StreamRead {
        self.runtime.read_session(session)
    }

    /// Gives a session one framed message.
    pub fn write_session(&mut self, session: u64, message: &[u8], now: Time) {
        self.runtime.write_session(session, message, now);
    }

    /// Ends a session.
    pub fn close_session(&mut self, session: u64) {
        self.runtime.close_session(session);
    }
}

fn not_here(of: &ContainerRef) -> Status {
    Status::not_found("pods", &of.pod)
}

/// The id of the instance whose log is meant.
fn instance(pod: &Pod, of: &ContainerRef, previous: bool) -> Result<String, String> {
    let (container, name) = (&of.container, &of.pod);
    let status = pod.status.as_ref().and_then(|status| {
        let init = status.init_container_statuses.iter().flatten();
        let ephemeral = status.ephemeral_container_statuses.iter().flatten();
        init.chain(status.container_statuses.iter().flatten()).chain(ephemeral).find(|status| status.name == *container)
    });
    let Some(status) = status else {
        return Err(format!("container \"{container}\" in pod \"{name}\" is waiting to start - no logs yet"));
    };
    let ended = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| {
        state.as_ref().and_then(|state| state.terminated.as_ref()).and_then(|end| end.container_id.clone())
    };
    let id = if previous {
        let text = || format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
        ended(&status.last_state).ok_or_else(text)?
    } else if status.state.as_ref().is_some_and(|state| state.running.is_some()) {
        status.container_id.clone().unwrap_or_default()
    } else if let Some(id) = ended(&status.state).or_else(|| ended(&status.last_state)) {
        id
    } else {
        return Err(waiting_text(status, of));
    };
    Ok(id.trim_start_matches("containerd://").to_owned())
}

fn waiting_text(status: &ContainerStatus, of: &ContainerRef) -> String {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let head = format!("container \"{}\" in pod \"{}\" is waiting to start", of.container, of.pod);
    match waiting.and_then(|waiting| waiting.reason.as_deref()) {
        Some("ErrImagePull") => format!("{head}: image can't be pulled"),
        Some("ImagePullBackOff") => format!("{head}: trying and failing to pull image"),
        Some(reason) => format!("{head}: {reason}"),
        None => format!("{head} - no logs yet"),
    }
}
