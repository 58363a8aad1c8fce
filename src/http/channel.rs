//! One of the streams that share a connection, whatever protocol carries them: SPDY, or a WebSocket's channels.

use axum::body::Bytes;
use tokio::sync::mpsc;

/// How many pieces wait on each side of a stream: who does not read holds up who writes.
pub const PIECES: usize = 16;

/// What comes from the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Some bytes.
    Data(Bytes),
    /// It has said all, and still listens.
    End,
    /// It is gone.
    Gone,
}

/// What goes to the other end of a stream, which is named by its number on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Some bytes.
    Data(u32, Bytes),
    /// We have said all.
    End(u32),
    /// We neither speak nor listen any more.
    Reset(u32),
}

/// Our end of a stream.
#[derive(Debug)]
pub struct Channel {
    number: u32,
    incoming: mpsc::Receiver<Incoming>,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Channel {
    /// A stream of a connection that takes what goes out by `outgoing`; what comes in is given to the sender.
    pub fn new(number: u32, outgoing: mpsc::Sender<Outgoing>) -> (Self, mpsc::Sender<Incoming>) {
        let (sender, incoming) = mpsc::channel(PIECES);
        (Self { number, incoming, outgoing }, sender)
    }

    /// The next of what comes; waits for it.
    pub async fn read(&mut self) -> Incoming {
        self.incoming.recv().await.unwrap_or(Incoming::Gone)
    }

    /// Says something; whether the connection still stands.
    pub async fn write(&self, bytes: impl Into<Bytes>) -> bool {
        self.outgoing.send(Outgoing::Data(self.number, bytes.into())).await.is_ok()
    }

    /// Says that no more comes.
    pub async fn end(&self) {
        let _ = self.outgoing.send(Outgoing::End(self.number)).await;
    }

    /// Gives the stream up.
    pub async fn reset(&self) {
        let _ = self.outgoing.send(Outgoing::Reset(self.number)).await;
    }
}
