//! Requests whose connection becomes something else: which protocol a client may speak on it from here on, for a
//! session in a container or for forwarded ports.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/streaming/pkg/httpstream/httpstream.go (Handshake), spdy/upgrade.go and
//! staging/src/k8s.io/apiserver/pkg/util/proxy/streamtunnel.go.

use std::future::Future;

use axum::body::Body as HttpBody;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response as HttpResponse, StatusCode};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::owner::Owner;
use super::{port_forward, session, translate};
use crate::apimachinery::Status;
use crate::text::http::{Request, StreamId};

/// The old way, by its name in the `Upgrade` header.
const SPDY: &str = "SPDY/3.1";
/// Where SPDY's clients say which protocols they speak on it, and the server which one it takes.
const PROTOCOL: &str = "x-stream-protocol-version";

/// What a client asks its connection to become.
pub enum Upgrade {
    /// A WebSocket, and the protocols on it that the client speaks.
    WebSocket(Box<WebSocketUpgrade>, Vec<String>),
    /// SPDY, and the same.
    Spdy(OnUpgrade, Offered),
}

/// The protocols that a client speaks on SPDY, among how many headers it says so.
pub struct Offered {
    protocols: Vec<String>,
    headers: usize,
}

/// What a connection would be used for.
pub enum Session {
    /// A process in a container.
    Process(session::Streams),
    /// The ports of a Pod, named by those who speak no SPDY; or why they cannot be read.
    Ports(Result<Vec<u16>, String>),
}

impl Session {
    /// What a request is about.
    pub fn of(request: &Request) -> Self {
        if !request.path.ends_with("/portforward") {
            return Self::Process(session::Streams::of(request));
        }
        let given = request.query.iter().filter(|(name, _)| name == "ports").flat_map(|(_, value)| value.split(','));
        let ports: Vec<Result<u16, String>> = given
            .map(|text| match text.parse() {
                Ok(0) => Err(format!("port \"{text}\" must be > 0")),
                Ok(port) => Ok(port),
                Err(_) => Err(format!("unable to parse \"{text}\" as a port")),
            })
            .collect();
        if ports.is_empty() {
            return Self::Ports(Err("query parameter \"port\" is required".to_owned()));
        }
        Self::Ports(ports.into_iter().collect())
    }
}

/// What the head of a request asks for, if it asks for anything that is known here.
pub async fn asked(parts: &mut Parts) -> Option<Upgrade> {
    let wanted = parts.headers.get("upgrade")?.to_str().ok()?.to_owned();
    if wanted.eq_ignore_ascii_case("websocket") {
        let protocols = listed(&parts.headers, "sec-websocket-protocol");
        let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await.ok()?;
        return Some(Upgrade::WebSocket(Box::new(upgrade), protocols));
    }
    if wanted.eq_ignore_ascii_case(SPDY) {
        let offered = Offered { protocols: listed(&parts.headers, PROTOCOL), headers: parts.headers.keys_len() };
        return Some(Upgrade::Spdy(parts.extensions.remove::<OnUpgrade>()?, offered));
    }
    None
}

fn listed(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|one| one.trim().to_owned()).collect()
}

/// Turns the connection over to who serves the stream, or says why not.
pub fn answer(upgrade: Option<Upgrade>, asked: Session, owner: Owner, id: StreamId) -> Response {
    let refused = |owner: Owner, code: u16, text: &str| {
        owner.close(id);
        plain(code, text)
    };
    match (upgrade, asked) {
        (None, _) => {
            owner.close(id);
            translate::failure(400, "BadRequest", "Upgrade request required")
        }
        (Some(Upgrade::WebSocket(upgrade, _)), Session::Process(_)) => upgrade
            .protocols(session::PROTOCOLS.iter().copied())
            .max_message_size(1024 * 1024)
            .on_upgrade(move |socket| session::run(socket, owner, id)),
        (Some(Upgrade::WebSocket(upgrade, offered)), Session::Ports(ports)) => {
            let tunnelled: Vec<&str> = offered.iter().filter_map(|one| one.strip_prefix("SPDY/3.1+")).collect();
            if !tunnelled.is_empty() {
                return match negotiate(&tunnelled, port_forward::PROTOCOL) {
                    Err((code, text)) => refused(owner, code, &text),
                    Ok(()) => upgrade
                        .protocols([port_forward::TUNNEL])
                        .max_message_size(1024 * 1024)
                        .on_upgrade(move |socket| port_forward::over_tunnel(socket, owner, id)),
                };
            }
            match ports {
                Err(text) => refused(owner, 400, &text),
                Ok(ports) => upgrade
                    .protocols(port_forward::CHANNELS.iter().copied())
                    .max_message_size(1024 * 1024)
                    .on_upgrade(move |socket| port_forward::over_channels(socket, owner, id, ports)),
            }
        }
        (Some(Upgrade::Spdy(upgrade, offered)), Session::Process(streams)) => {
            match offered.negotiate(session::SPDY_PROTOCOL) {
                Err((code, text)) => refused(owner, code, &text),
                Ok(()) => switch(upgrade, session::SPDY_PROTOCOL, owner.clone(), id, move |io| {
                    session::over_spdy(io, owner, id, streams)
                }),
            }
        }
        (Some(Upgrade::Spdy(upgrade, offered)), Session::Ports(_)) => match offered.negotiate(port_forward::PROTOCOL) {
            Err((code, text)) => refused(owner, code, &text),
            Ok(()) => switch(upgrade, port_forward::PROTOCOL, owner.clone(), id, move |io| {
                port_forward::over_spdy(io, owner, id)
            }),
        },
    }
}

/// A session that its node refused: over a WebSocket that is told when the connection is upgraded.
pub fn refused(upgrade: WebSocketUpgrade, status: &[u8]) -> Response {
    let status: Value = serde_json::from_slice(status).unwrap_or_default();
    let message = status.get("message").and_then(Value::as_str);
    let told = Status::of_refused_session(message.unwrap_or_default()).to_json();
    upgrade.protocols(session::PROTOCOLS.iter().copied()).on_upgrade(move |socket| session::refuse(socket, told))
}

impl Offered {
    fn negotiate(&self, spoken: &str) -> Result<(), (u16, String)> {
        if self.protocols.is_empty() {
            let text = format!(
                "unable to upgrade: header X-Stream-Protocol-Version does not exist in request with {} headers",
                self.headers
            );
            return Err((400, text));
        }
        negotiate(&self.protocols, spoken)
    }
}

/// Whether a client speaks the protocol that the server speaks; the status code and the text that say no.
fn negotiate(offered: &[impl AsRef<str>], spoken: &str) -> Result<(), (u16, String)> {
    if offered.iter().any(|one| one.as_ref() == spoken) {
        return Ok(());
    }
    let offered: Vec<&str> = offered.iter().map(AsRef::as_ref).collect();
    let text = format!(
        "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{spoken}]",
        offered.join(" ")
    );
    Err((403, text))
}

/// Answers that the connection is SPDY's from here on, and serves it.
fn switch<Served: Future<Output = ()> + Send + 'static>(
    upgrade: OnUpgrade,
    protocol: &'static str,
    owner: Owner,
    id: StreamId,
    serve: impl FnOnce(TokioIo<Upgraded>) -> Served + Send + 'static,
) -> Response {
    tokio::spawn(async move {
        match upgrade.await {
            Ok(io) => serve(TokioIo::new(io)).await,
            Err(_) => owner.close(id),
        }
    });
    let mut response = HttpResponse::new(HttpBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static(SPDY));
    headers.insert(PROTOCOL, HeaderValue::from_static(protocol));
    response
}

fn plain(code: u16, text: &str) -> Response {
    let mut response = HttpResponse::new(HttpBody::from(format!("{text}\n")));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
