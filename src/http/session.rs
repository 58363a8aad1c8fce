//! Exec and attach over a WebSocket: our frames are those of `v5.channel.k8s.io`, so messages pass through.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};

use super::owner::Owner;
use crate::text::http::{StreamId, StreamRead};

/// The protocols that are spoken, best first.
pub const PROTOCOLS: &[&str] = &["v5.channel.k8s.io", "v4.channel.k8s.io"];

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
