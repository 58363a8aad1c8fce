//! Native only: HTTP in front of the same API server, for a real kubectl. Decides nothing about Kubernetes: it turns
//! bytes into requests, streams into chunks and sessions into WebSockets.

mod owner;
mod pages;
mod session;
mod translate;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, State};
use axum::http::{HeaderMap, Request as HttpRequest};
use axum::response::{IntoResponse, Response as HttpResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

pub use owner::{Owner, Settings};
pub use pages::{CHANGES, Pages, serve_pages};

use crate::text::http::{Body, StreamId, StreamRead};

/// What a client may send in one request; the API server refuses what is above its own limit with its own words.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How many chunks wait for a client that reads slowly; the stream is not read further until it has room.
const CHUNKS: usize = 16;
/// How often a stream is looked at though nothing was written: a watch may end by itself.
const IDLE: Duration = Duration::from_millis(500);

/// Serves a cluster until Ctrl-C.
///
/// # Errors
/// The address cannot be listened at.
pub async fn serve(
    listener: tokio::net::TcpListener,
    owner: Owner,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().fallback(answer).with_state(owner);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Listens at an address such as `127.0.0.1:8001`.
///
/// # Errors
/// The address is taken or not one of this machine.
pub async fn listen(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

async fn answer(State(owner): State<Owner>, request: HttpRequest<HttpBody>) -> HttpResponse {
    let (mut parts, body) = request.into_parts();
    let upgrade = match is_upgrade(&parts.headers) {
        true => WebSocketUpgrade::from_request_parts(&mut parts, &()).await.ok(),
        false => None,
    };
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, BODY_LIMIT)).await;
    let body: Bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            return translate::failure(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
        }
        Err(_) => return translate::failure(408, "Timeout", "the request did not arrive in time"),
    };
    let request = match translate::request(&parts, body.to_vec()) {
        Ok(request) => request,
        Err(refused) => return *refused,
    };
    let Some(response) = owner.handle(request).await else {
        return translate::failure(503, "ServiceUnavailable", "the server is shutting down");
    };
    match (&response.body, upgrade) {
        (Body::Stream(id), Some(upgrade)) if response.status == 101 => {
            let id = *id;
            upgrade
                .protocols(session::PROTOCOLS.iter().copied())
                .max_message_size(1024 * 1024)
                .on_upgrade(move |socket| session::run(socket, owner, id))
        }
        (Body::Stream(id), _) if response.status == 101 => {
            owner.close(*id);
            translate::failure(400, "BadRequest", "Upgrade request required")
        }
        (Body::Stream(id), _) => {
            let chunks = ReceiverStream::new(follow(owner, *id));
            translate::head(&response).body(HttpBody::from_stream(chunks)).unwrap_or_else(|_| broken())
        }
        (Body::Bytes(bytes), _) => {
            translate::head(&response).body(HttpBody::from(bytes.clone())).unwrap_or_else(|_| broken())
        }
    }
}

fn broken() -> HttpResponse {
    axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get("upgrade").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Reads a stream into a channel until it ends or the client goes.
fn follow(owner: Owner, id: StreamId) -> mpsc::Receiver<Result<Bytes, std::convert::Infallible>> {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::spawn(async move {
        let mut changes = owner.changes();
        loop {
            match owner.read(id).await {
                Some(StreamRead::Data(bytes)) => {
                    if sender.send(Ok(Bytes::from(bytes))).await.is_err() {
                        break;
                    }
                }
                Some(StreamRead::Pending) => {
                    tokio::select! {
                        () = sender.closed() => break,
                        changed = changes.changed() => if changed.is_err() { break },
                        () = tokio::time::sleep(IDLE) => {}
                    }
                }
                Some(StreamRead::End) | None => return,
            }
        }
        owner.close(id);
    });
    receiver
}
