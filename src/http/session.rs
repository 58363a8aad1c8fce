//! Exec and attach. Over a WebSocket messages pass through: our frames are those of `v5.channel.k8s.io`. Over SPDY, as
//! clients of old speak, each of the session's channels is a stream.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cri-streaming/pkg/streaming/remotecommand/httpstream.go (version 4 of the
//! protocol, which every client since Kubernetes 1.4 speaks).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use super::channel::{Channel, Incoming};
use super::owner::Owner;
use super::spdy;
use crate::text::http::{Request, StreamId, StreamRead};

/// The protocols that are spoken, best first.
pub const PROTOCOLS: &[&str] = &["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// The protocol on SPDY.
pub const SPDY_PROTOCOL: &str = "v4.channel.k8s.io";

/// A session's channels by their numbers, as SPDY's clients name them.
const CHANNELS: [&str; 5] = ["stdin", "stdout", "stderr", "error", "resize"];
/// Standard input.
const STDIN: u8 = 0;
/// How a session ended.
const ERROR: u8 = 3;
/// Closes the channel that the next byte names.
const CLOSE: u8 = 255;
/// How long a client may take to open its streams.
const OPENING: Duration = Duration::from_secs(30);

/// How often a session is looked at though nothing was written.
const IDLE: Duration = Duration::from_millis(50);

/// Carries messages until one side ends.
pub async fn run(mut socket: WebSocket, owner: Owner, id: StreamId) {
    let mut changes = owner.changes();
    loop {
        match owner.read(id).await {
            Some(StreamRead::Data(bytes)) => {
                if socket.send(Message::Binary(bytes.into())).await.is_err() {
                    owner.close(id);
                    return;
                }
            }
            Some(StreamRead::Pending) => {
                tokio::select! {
                    message = socket.recv() => match message {
                        Some(Ok(Message::Binary(bytes))) => owner.write(id, bytes.to_vec()),
                        Some(Ok(Message::Text(text))) => owner.write(id, text.as_bytes().to_vec()),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => {
                            owner.close(id);
                            return;
                        }
                    },
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
            Some(StreamRead::End) | None => {
                // Without a code the client takes the end for a broken connection.
                let normal = CloseFrame { code: close_code::NORMAL, reason: "".into() };
                let _ = socket.send(Message::Close(Some(normal))).await;
                return;
            }
        }
    }
}

/// Says why there is no session, and ends.
pub async fn refuse(mut socket: WebSocket, status: Value) {
    let mut message = vec![ERROR];
    message.extend(status.to_string().into_bytes());
    let _ = socket.send(Message::Binary(message.into())).await;
    let normal = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    let _ = socket.send(Message::Close(Some(normal))).await;
}

/// Which channels a client has asked for, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams(Vec<u8>);

impl Streams {
    /// The channels of a request's options.
    pub fn of(request: &Request) -> Self {
        let given = |name: &str| request.query(name).is_some_and(|value| !matches!(value, "" | "0" | "false"));
        let tty = given("tty");
        let wanted = |name: &str| match name {
            "error" => true,
            "resize" => tty,
            // A terminal has one output.
            "stderr" => given(name) && !tty,
            _ => given(name),
        };
        Self((0..).zip(CHANNELS).filter(|(_, name)| wanted(name)).map(|(number, _)| number).collect())
    }
}

/// Carries a session over SPDY until one side ends, once the client has opened a stream for each channel.
pub async fn over_spdy(
    io: impl AsyncRead + AsyncWrite + Send + 'static,
    owner: Owner,
    id: StreamId,
    Streams(wanted): Streams,
) {
    let mut opened = spdy::serve(io, |headers| number(headers).is_some());
    let mut channels: BTreeMap<u8, Channel> = BTreeMap::new();
    while !wanted.iter().all(|number| channels.contains_key(number)) {
        let Ok(Some(one)) = tokio::time::timeout(OPENING, opened.recv()).await else {
            owner.close(id);
            return;
        };
        channels.extend(number(&one.headers).map(|number| (number, one.channel)));
    }
    let mut readers = Vec::new();
    for number in [STDIN, 4] {
        if let Some(channel) = channels.remove(&number) {
            readers.push(tokio::spawn(listen(channel, number, owner.clone(), id)));
        }
    }
    let mut changes = owner.changes();
    loop {
        match owner.read(id).await {
            Some(StreamRead::Data(message)) => {
                let Some((number, bytes)) = message.split_first() else { continue };
                if let Some(channel) = channels.get(number).filter(|_| !bytes.is_empty())
                    && !channel.write(bytes.to_vec()).await
                {
                    break;
                }
            }
            Some(StreamRead::Pending) => {
                tokio::select! {
                    // Nothing is opened any more: what comes is the end of the connection.
                    end = opened.recv() => if end.is_none() { break },
                    changed = changes.changed() => if changed.is_err() { break },
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
            Some(StreamRead::End) | None => {
                for channel in channels.values() {
                    channel.end().await;
                }
                break;
            }
        }
    }
    owner.close(id);
    for reader in readers {
        reader.abort();
    }
}

/// The channel that a stream is for.
fn number(headers: &spdy::Headers) -> Option<u8> {
    let kind = headers.get("streamtype")?;
    u8::try_from(CHANNELS.iter().position(|name| name == kind)?).ok()
}

/// Gives what comes on a channel to the session.
async fn listen(mut channel: Channel, number: u8, owner: Owner, id: StreamId) {
    loop {
        match channel.read().await {
            Incoming::Data(bytes) => owner.write(id, [&[number], &*bytes].concat()),
            Incoming::End if number == STDIN => owner.write(id, vec![CLOSE, number]),
            Incoming::End => {}
            Incoming::Gone => return,
        }
    }
}
