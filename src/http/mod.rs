//! Native only: HTTP in front of the same API server, for a real kubectl. Decides nothing about Kubernetes: it turns
//! bytes into requests, streams into chunks, and sessions and forwarded ports into WebSockets or SPDY.

mod channel;
mod owner;
mod pages;
mod port_forward;
mod program;
mod protobuf;
mod session;
mod spdy;
mod translate;
mod upgrade;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes, HttpBody as _};
use axum::extract::State;
use axum::http::Request as HttpRequest;
use axum::response::{IntoResponse, Response as HttpResponse};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

pub use owner::{Owner, Settings};
pub use pages::{CHANGES, Pages, serve_pages};

use crate::text::http::{Body, StreamId, StreamRead};

/// What a client may send in one request, in bytes.
const BODY_LIMIT: usize = 3 * 1024 * 1024;
/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long a client may take to send the head of a request, the first one and each that follows.
const HEAD_TIME: Duration = Duration::from_secs(32);
/// How large a head may be, in bytes.
const HEAD_LIMIT: usize = 1024 * 1024;
/// How many headers a head may have.
const HEADERS_LIMIT: usize = 2_000;
/// How long the door stays shut when the machine has no more sockets to give.
const REST: Duration = Duration::from_millis(100);
/// How many chunks wait for a client that reads slowly; the stream is not read further until it has room.
const CHUNKS: usize = 16;
/// How often a stream is looked at though nothing was written: a watch may end by itself.
const IDLE: Duration = Duration::from_millis(500);

/// Serves a cluster until `stop` is done.
pub async fn serve(listener: tokio::net::TcpListener, owner: Owner, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let _ = socket.set_nodelay(true);
                    tokio::spawn(connection(socket, owner.clone(), HEAD_TIME));
                }
                Err(_) => tokio::time::sleep(REST).await,
            },
        }
    }
}

/// Serves one client until it goes, breaks the rules of HTTP or takes longer than `patience` to send a head.
pub async fn connection(
    client: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    owner: Owner,
    patience: Duration,
) {
    let service = TowerToHyperService::new(Router::new().fallback(answer).with_state(owner));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEAD_LIMIT).max_headers(HEADERS_LIMIT);
    // What goes wrong has been said to the client, or it is no longer there.
    let _ = http.serve_connection(TokioIo::new(client), service).with_upgrades().await;
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
    if let Some(refused) = translate::refused(&parts) {
        return refused;
    }
    let upgrade = upgrade::asked(&mut parts).await;
    let body = match tokio::time::timeout(BODY_TIME, whole(body, parts.headers.contains_key("expect"))).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(refused)) => return refused,
        Err(_) => return translate::failure(408, "Timeout", "the request did not arrive in time"),
    };
    let request = match translate::request(&parts, body) {
        Ok(request) => request,
        Err(refused) => return *refused,
    };
    let asked = upgrade::Session::of(&request);
    let Some(response) = owner.handle(request).await else {
        return translate::failure(503, "ServiceUnavailable", "the server is shutting down");
    };
    if response.status == 500
        && let (Body::Bytes(bytes), upgrade::Session::Process(_)) = (&response.body, &asked)
        && let Some(upgrade::Upgrade::WebSocket(upgrade, _)) = upgrade
    {
        return upgrade::refused(*upgrade, bytes);
    }
    match &response.body {
        Body::Stream(id) if response.status == 101 => upgrade::answer(upgrade, asked, owner, *id),
        Body::Stream(id) => {
            let chunks = ReceiverStream::new(follow(owner, *id));
            translate::head(&response).body(HttpBody::from_stream(chunks)).unwrap_or_else(|_| broken())
        }
        Body::Bytes(bytes) => {
            translate::head(&response).body(HttpBody::from(bytes.clone())).unwrap_or_else(|_| broken())
        }
    }
}

/// A body that is not too large. The rest of one that is goes unread by anybody, for most clients listen only when they
/// have said all; one that asks first (`polite`) is told at once.
async fn whole(body: HttpBody, polite: bool) -> Result<Vec<u8>, HttpResponse> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut too_large = announced > BODY_LIMIT;
    let mut bytes = Vec::with_capacity(if too_large { 0 } else { announced });
    let mut chunks = body.into_data_stream();
    while !(too_large && polite)
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk.map_err(|_| translate::failure(400, "BadRequest", "the body of the request broke off"))?;
        too_large |= bytes.len() + chunk.len() > BODY_LIMIT;
        if too_large {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if too_large {
        let text = format!("Request entity too large: limit is {BODY_LIMIT}");
        return Err(translate::failure(413, "RequestEntityTooLarge", &text));
    }
    Ok(bytes)
}

fn broken() -> HttpResponse {
    axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
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
