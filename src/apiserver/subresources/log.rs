//! `pods/log`: a container's log, at once or followed.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/rest/log.go and pkg/apis/core/validation (PodLogOptions).

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Status, meta};
use crate::apiserver::call::{Call, truthy};
use crate::apiserver::route::Target;
use crate::apiserver::streams::{self, Log, Stream};
use crate::apiserver::{ContainerRef, LogOptions, respond};
use crate::sim::Time;
use crate::text::go_time;
use crate::text::http::Response;

/// A log that is not followed has at most so many bytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// The log of a container of the Pod that the path names.
pub(super) fn get(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let pod = call.server.get::<Pod>(target.namespace(), &target.name)?;
    let options = options(call, &target.name)?;
    let container = super::container(&pod, call.request.query("container").unwrap_or_default())?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    if node.is_empty() {
        // A Pod without a node has said nothing yet.
        return Ok(respond::bytes(200, "text/plain", Vec::new(), &call.warnings));
    }
    let of = ContainerRef {
        node,
        namespace: meta::namespace(&pod.metadata).to_owned(),
        pod: meta::name(&pod.metadata).to_owned(),
        pod_uid: meta::uid(&pod.metadata).to_owned(),
        container,
    };
    let limit = options.limit_bytes.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT).min(LIMIT);
    let mut first = call.nodes.read_log(&of, &options, 0)?;
    if options.follow {
        let left = options.limit_bytes;
        let log = Log { of, options, position: 0, ended: false, left };
        let id = streams::open(call.server, Stream::Log(log))?;
        return Ok(respond::stream(200, "text/plain", id));
    }
    let mut bytes = Vec::new();
    while !first.bytes.is_empty() {
        bytes.append(&mut first.bytes);
        if first.ended || bytes.len() >= limit {
            break;
        }
        first = call.nodes.read_log(&of, &options, first.position)?;
    }
    bytes.truncate(limit);
    Ok(respond::bytes(200, "text/plain", bytes, &call.warnings))
}

fn options(call: &Call<'_>, pod: &str) -> Result<LogOptions, Status> {
    let query = |name: &str| call.request.query(name).filter(|value| !value.is_empty());
    let mut errors = Vec::new();
    let mut number = |name: &str, least: i64, words: &str| -> Result<Option<u64>, Status> {
        let Some(text) = query(name) else { return Ok(None) };
        let Ok(value) = text.parse::<i64>() else {
            let why = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
            return Err(Status::bad_request(why));
        };
        if value < least {
            errors.push(Error::invalid(&Path::new(name), value, words));
        }
        Ok(u64::try_from(value).ok())
    };
    let positive = "must be greater than 0";
    let tail = number("tailLines", 0, "must be greater than or equal to 0")?;
    let limit = number("limitBytes", 1, positive)?;
    let since = number("sinceSeconds", 1, positive)?;
    let mut start = since.map(|seconds| {
        let now = call.server.now().as_micros();
        Time::from_micros(
            now.saturating_sub(u64::try_from(Duration::from_secs(seconds).as_micros()).unwrap_or(u64::MAX)),
        )
    });
    if let Some(text) = query("sinceTime") {
        if since.is_some() {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(Error::forbidden(&Path::new(""), why));
        }
        let instant = go_time::parse(text, go_time::RFC3339).map_err(Status::bad_request)?;
        start = Some(Time::from(instant));
    }
    if !errors.is_empty() {
        return Err(Status::invalid("PodLogOptions", pod, &errors));
    }
    Ok(LogOptions {
        previous: truthy(query("previous")),
        since: start,
        tail_lines: tail,
        limit_bytes: limit,
        timestamps: truthy(query("timestamps")),
        follow: truthy(query("follow")),
        stream: query("stream").filter(|stream| *stream != "All").map(str::to_owned),
    })
}
