//! Forwarded ports: each connection to a port is a pair of streams, one of data and one of errors.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cri-streaming/pkg/streaming/portforward (httpstream.go, websocket.go).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::channel::{Channel, Incoming, Outgoing, PIECES};
use super::owner::Owner;
use super::program;
use super::spdy::{self, Headers, Opened};
use crate::text::http::StreamId;

/// The protocol, by the name that it has in SPDY.
pub const PROTOCOL: &str = "portforward.k8s.io";
/// The same through a WebSocket, which carries SPDY's bytes.
pub const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// The protocols of a WebSocket with channels of its own.
pub const CHANNELS: &[&str] = &["v4.channel.k8s.io"];

/// How long one half of a pair waits for the other.
const PAIRING: Duration = Duration::from_secs(30);
/// What waits between a stream and the program that it leads to, in bytes.
const PIPE: usize = 64 * 1024;

/// Half of a pair, and since when it waits.
struct Half {
    kind: String,
    channel: Channel,
    since: Instant,
}

/// Serves the streams of a SPDY connection until the client goes.
pub async fn over_spdy(io: impl AsyncRead + AsyncWrite + Send + 'static, owner: Owner, id: StreamId) {
    let mut streams = spdy::serve(io, admissible);
    let mut halves: BTreeMap<String, Half> = BTreeMap::new();
    loop {
        let next = tokio::time::timeout(PAIRING, streams.recv()).await;
        let late = |half: &Half| half.since.elapsed() >= PAIRING;
        let late: Vec<String> =
            halves.iter().filter(|(_, half)| late(half)).map(|(request, _)| request.clone()).collect();
        for request in late {
            let Some(half) = halves.remove(&request) else { continue };
            if half.kind == "error" {
                half.channel.write(format!("(request={request}) timed out waiting for streams")).await;
            }
            half.channel.reset().await;
        }
        let opened = match next {
            Ok(Some(opened)) => opened,
            Ok(None) => break,
            Err(_) => continue,
        };
        let (request, kind, port) = (request_of(&opened), header(&opened.headers, "streamtype"), port(&opened.headers));
        let kind = kind.unwrap_or_default().to_owned();
        match halves.remove(&request) {
            None => drop(halves.insert(request, Half { kind, channel: opened.channel, since: Instant::now() })),
            Some(held) if held.kind == kind => {
                let text = format!("error processing stream for request {request}: {kind} stream already assigned");
                if kind == "error" {
                    held.channel.write(text).await;
                }
                halves.insert(request, held);
            }
            Some(held) => {
                let (data, error) =
                    if kind == "data" { (opened.channel, held.channel) } else { (held.channel, opened.channel) };
                tokio::spawn(forward(owner.clone(), id, port.unwrap_or(0), data, error));
            }
        }
    }
    owner.close(id);
}

/// Whether a stream says which port it is for, and what it carries.
fn admissible(headers: &Headers) -> bool {
    port(headers).is_some_and(|port| port > 0) && matches!(header(headers, "streamtype"), Some("data" | "error"))
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.get(name).map(String::as_str)
}

fn port(headers: &Headers) -> Option<u16> {
    header(headers, "port")?.parse().ok()
}

/// What the two streams of a pair have in common. Clients of old say nothing, and open the stream of data right after
/// the one of errors.
fn request_of(opened: &Opened) -> String {
    match header(&opened.headers, "requestid") {
        Some(given) if !given.is_empty() => given.to_owned(),
        _ if header(&opened.headers, "streamtype") == Some("data") => opened.number.saturating_sub(2).to_string(),
        _ => opened.number.to_string(),
    }
}

/// Carries SPDY's bytes through a WebSocket.
pub async fn over_tunnel(mut socket: WebSocket, owner: Owner, id: StreamId) {
    let (mut ours, theirs) = tokio::io::duplex(PIPE);
    let served = tokio::spawn(over_spdy(theirs, owner, id));
    let mut bytes = vec![0; PIPE];
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => if ours.write_all(&bytes).await.is_err() { break },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Close(_)) | Err(_)) | None => break,
            },
            count = ours.read(&mut bytes) => match count {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let part = bytes.get(..count).unwrap_or_default().to_vec();
                    if socket.send(Message::Binary(part.into())).await.is_err() {
                        break;
                    }
                }
            },
        }
    }
    drop(ours);
    let _ = served.await;
    let normal = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    let _ = socket.send(Message::Close(Some(normal))).await;
}

/// Serves a WebSocket with two channels for each port, which are named by a first message with the port in them.
pub async fn over_channels(mut socket: WebSocket, owner: Owner, id: StreamId, ports: Vec<u16>) {
    let (said, mut saying) = mpsc::channel(PIECES);
    let mut senders = BTreeMap::new();
    for (number, port) in (0_u32..).step_by(2).zip(ports) {
        let (data, heard) = Channel::new(number, said.clone());
        let (error, _) = Channel::new(number + 1, said.clone());
        senders.insert(number, heard);
        let owner = owner.clone();
        tokio::spawn(async move {
            data.write(port.to_le_bytes().to_vec()).await;
            error.write(port.to_le_bytes().to_vec()).await;
            forward(owner, id, port, data, error).await;
        });
    }
    drop(said);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let Some((number, _)) = bytes.split_first() else { continue };
                    if let Some(heard) = senders.get(&u32::from(*number)) {
                        let _ = heard.send(Incoming::Data(bytes.slice(1..))).await;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            what = saying.recv() => match what {
                Some(Outgoing::Data(number, bytes)) => {
                    let message = [&[u8::try_from(number).unwrap_or(u8::MAX)], &*bytes].concat();
                    if socket.send(Message::Binary(message.into())).await.is_err() {
                        break;
                    }
                }
                Some(Outgoing::End(_) | Outgoing::Reset(_)) => {}
                None => break,
            },
        }
    }
    owner.close(id);
    let normal = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    let _ = socket.send(Message::Close(Some(normal))).await;
}

/// One connection to a port, from the dial to its end.
async fn forward(owner: Owner, id: StreamId, port: u16, data: Channel, error: Channel) {
    match owner.dial(id, port).await {
        Ok(address) => {
            let (ours, theirs) = tokio::io::duplex(PIPE);
            let program = tokio::spawn(program::serve(theirs, owner, id, address, port));
            let data = carry(data, ours).await;
            let _ = program.await;
            data.end().await;
            error.end().await;
        }
        Err(why) => {
            error.write(why).await;
            // What is wrong is most probably the data: both streams are given up, so that new ones may be tried.
            data.reset().await;
            error.reset().await;
        }
    }
}

/// Carries bytes between a stream and a program until the program has said all or the client is gone.
async fn carry(mut data: Channel, mut pipe: DuplexStream) -> Channel {
    let mut bytes = vec![0; PIPE];
    let mut listening = true;
    loop {
        tokio::select! {
            heard = data.read(), if listening => match heard {
                Incoming::Data(bytes) => listening = pipe.write_all(&bytes).await.is_ok(),
                Incoming::End => {
                    listening = false;
                    let _ = pipe.shutdown().await;
                }
                Incoming::Gone => return data,
            },
            count = pipe.read(&mut bytes) => match count {
                Ok(0) | Err(_) => return data,
                Ok(count) => {
                    let part = bytes.get(..count).unwrap_or_default().to_vec();
                    if !data.write(part).await {
                        return data;
                    }
                }
            },
        }
    }
}
