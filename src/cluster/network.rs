//! What containers reach over the network: nothing yet, and they are told so in a connection's words.

use crate::shell::program::Host;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// A network without peers.
#[derive(Clone, Copy, Debug)]
pub struct NoNetwork;

impl Host for NoNetwork {
    fn send(&mut self, authority: &str, _: Request) -> Result<Response, String> {
        Err(format!("dial tcp {authority}: connect: connection refused"))
    }
    fn read_stream(&mut self, _: StreamId) -> StreamRead {
        StreamRead::End
    }
    fn write_stream(&mut self, _: StreamId, _: &[u8]) {}
    fn close_stream(&mut self, _: StreamId) {}
}
