//! `pods/exec` and `pods/attach`: a session with a process in a container, as a stream of framed messages.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/rest/subresources.go.

use k8s_openapi::api::core::v1::Pod;

use crate::apimachinery::{Status, meta};
use crate::apiserver::call::{Call, truthy};
use crate::apiserver::route::Target;
use crate::apiserver::streams::{self, Session, Stream};
use crate::apiserver::{ContainerRef, ExecOptions, respond};
use crate::text::http::Response;

/// Opens a session.
pub(super) fn open(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let pod = call.server.get::<Pod>(target.namespace(), &target.name)?;
    let request = call.request;
    let container = super::container(&pod, request.query("container").unwrap_or_default())?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    if node.is_empty() {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", target.name)));
    }
    let values = |name: &str| -> Vec<String> {
        request.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    let flag = |name: &str| truthy(request.query(name).filter(|value| !value.is_empty()));
    let options = ExecOptions {
        command: if target.subresource == "exec" { values("command") } else { Vec::new() },
        stdin: flag("stdin"),
        stdout: flag("stdout"),
        stderr: flag("stderr"),
        tty: flag("tty"),
    };
    if target.subresource == "exec" && options.command.is_empty() {
        return Err(Status::bad_request("you must specify at least 1 command for the container"));
    }
    if !(options.stdin || options.stdout || options.stderr) {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    let of = ContainerRef {
        node: node.clone(),
        namespace: meta::namespace(&pod.metadata).to_owned(),
        pod: meta::name(&pod.metadata).to_owned(),
        pod_uid: meta::uid(&pod.metadata).to_owned(),
        container,
    };
    let number = call.nodes.exec(&of, &options)?;
    let opened = streams::open(call.server, Stream::Session(Session { node: node.clone(), number }));
    if opened.is_err() {
        call.nodes.close_session(&node, number);
    }
    Ok(respond::stream(101, "application/octet-stream", opened?))
}
