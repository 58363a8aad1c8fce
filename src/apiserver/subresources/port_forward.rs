//! `pods/portforward`: connections to the ports of a Pod, as a stream over which they are dialled.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/rest/subresources.go (PortForwardREST) and pkg/kubelet/server/server.go
//! (getPortForward). Which ports, and in what protocol, is between the client and the one who carries the stream.

use k8s_openapi::api::core::v1::Pod;

use crate::apimachinery::{Status, meta};
use crate::apiserver::call::Call;
use crate::apiserver::route::Target;
use crate::apiserver::streams::{self, Stream};
use crate::apiserver::{PodRef, Refused, respond};
use crate::text::http::Response;

/// Opens the stream.
pub(super) fn open(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let pod = call.server.get::<Pod>(target.namespace(), &target.name)?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    if node.is_empty() {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", target.name)));
    }
    let of = PodRef {
        node,
        namespace: meta::namespace(&pod.metadata).to_owned(),
        name: meta::name(&pod.metadata).to_owned(),
        uid: meta::uid(&pod.metadata).to_owned(),
    };
    match call.nodes.port_forward(&of) {
        Ok(()) => {}
        Err(Refused::Said(code, words)) => return Ok(respond::bytes(code, "text/plain", words.into_bytes(), &[])),
        Err(Refused::Unreached(why)) => return Err(why),
    }
    let id = streams::open(call.server, Stream::Ports(of))?;
    Ok(respond::stream(101, "application/octet-stream", id))
}
