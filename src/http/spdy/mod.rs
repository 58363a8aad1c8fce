//! SPDY/3.1 from the server's side: the streams that a client opens on one connection. Opens none itself, and knows
//! nothing of what they carry.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/streaming/pkg/httpstream/spdy/connection.go.

mod frame;
mod headers;

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::sync::mpsc;

pub use frame::{CANCEL, Frame, Reader, Writer};
pub use headers::Headers;

use super::channel::{Channel, Incoming, Outgoing, PIECES};

/// How many streams of one connection may be open.
const STREAMS: usize = 1024;
/// What is read at once, in bytes.
const CHUNK: usize = 32 * 1024;

/// A stream that a client has opened.
#[derive(Debug)]
pub struct Opened {
    /// Its number: odd, and larger than those before.
    pub number: u32,
    /// What the client says of it.
    pub headers: Headers,
    /// Our end.
    pub channel: Channel,
}

/// Speaks with a client until it goes. Streams whose headers `admit` refuses are reset; the others come out of the
/// channel, which ends with the connection.
pub fn serve(io: impl AsyncRead + AsyncWrite + Send + 'static, admit: fn(&Headers) -> bool) -> mpsc::Receiver<Opened> {
    let (opened, streams) = mpsc::channel(1);
    tokio::spawn(async move {
        let (mut read, write) = tokio::io::split(io);
        let (said, saying) = mpsc::channel(PIECES);
        let (answers, answering) = mpsc::channel(PIECES);
        let writer = tokio::spawn(speak(write, saying, answering));
        let mut connection = Connection { open: BTreeMap::new(), said, answers, opened };
        let mut frames = Reader::default();
        let mut bytes = vec![0; CHUNK];
        'connection: loop {
            match frames.next() {
                Ok(Some(frame)) => {
                    if !connection.hear(frame, admit).await {
                        break;
                    }
                }
                Ok(None) => {
                    tokio::select! {
                        count = read.read(&mut bytes) => match count {
                            Ok(0) | Err(_) => break 'connection,
                            Ok(count) => frames.take(bytes.get(..count).unwrap_or_default()),
                        },
                        // Whoever served the streams has said all.
                        () = connection.opened.closed() => break 'connection,
                    }
                }
                Err(_) => break,
            }
        }
        drop(connection);
        let _ = writer.await;
    });
    streams
}

struct Connection {
    open: BTreeMap<u32, mpsc::Sender<Incoming>>,
    said: mpsc::Sender<Outgoing>,
    /// What the connection itself answers.
    answers: mpsc::Sender<Frame>,
    opened: mpsc::Sender<Opened>,
}

impl Connection {
    /// Takes a frame; whether the connection goes on.
    async fn hear(&mut self, frame: Frame, admit: fn(&Headers) -> bool) -> bool {
        match frame {
            Frame::Open(number, headers, last) => {
                self.open.retain(|_, sender| !sender.is_closed());
                if self.open.len() >= STREAMS || !admit(&headers) {
                    return self.answers.send(Frame::Reset(number, CANCEL)).await.is_ok();
                }
                let (channel, sender) = Channel::new(number, self.said.clone());
                if last {
                    let _ = sender.send(Incoming::End).await;
                }
                self.open.insert(number, sender);
                // The reply goes first: nothing is said on a stream that is not taken.
                self.answers.send(Frame::Reply(number, Headers::new())).await.is_ok()
                    && self.opened.send(Opened { number, headers, channel }).await.is_ok()
            }
            Frame::Data(number, bytes, last) => {
                if !bytes.is_empty() {
                    self.give(number, Incoming::Data(bytes.into())).await;
                }
                if last {
                    self.give(number, Incoming::End).await;
                }
                true
            }
            Frame::Reset(number, _) => {
                self.open.remove(&number);
                true
            }
            Frame::Ping(number) => self.answers.send(Frame::Ping(number)).await.is_ok(),
            Frame::Reply(..) | Frame::GoAway | Frame::Other => true,
        }
    }

    async fn give(&mut self, number: u32, what: Incoming) {
        if let Some(sender) = self.open.get(&number)
            && sender.send(what).await.is_err()
        {
            self.open.remove(&number);
        }
    }
}

/// Writes what the streams and the connection say, until all of them are gone.
async fn speak<Io: AsyncWrite>(
    mut to: WriteHalf<Io>,
    mut saying: mpsc::Receiver<Outgoing>,
    mut answering: mpsc::Receiver<Frame>,
) {
    let mut frames = Writer::default();
    loop {
        let frame = tokio::select! {
            biased;
            Some(answer) = answering.recv() => answer,
            Some(said) = saying.recv() => match said {
                Outgoing::Data(number, bytes) => Frame::Data(number, bytes.to_vec(), false),
                Outgoing::End(number) => Frame::Data(number, Vec::new(), true),
                Outgoing::Reset(number) => Frame::Reset(number, CANCEL),
            },
            else => break,
        };
        if to.write_all(&frames.write(&frame)).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
