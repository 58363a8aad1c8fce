//! Blocks of headers, as SPDY packs them: one zlib stream a connection and direction, with the protocol's dictionary.
//! What we send is stored rather than compressed, which every reader takes: an answer carries no headers.
//!
//! Models Kubernetes 1.36 vendor/github.com/moby/spdystream/spdy.

use std::collections::BTreeMap;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Headers by their names in lower case; several values stand with a NUL between them.
pub type Headers = BTreeMap<String, String>;

/// How far back a zlib stream refers, in bytes.
const WINDOW: usize = 32 * 1024;
/// What one block may hold, in bytes.
const LIMIT: usize = 64 * 1024;
/// The bit of a zlib stream's second byte that says that four bytes follow which name the dictionary.
const NAMED: u8 = 0x20;
/// An empty stored block: Go's reader hands out what came before it, and waits for more.
const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// The dictionary's words, each with its length before it in the dictionary itself.
const WORDS: &[&str] = &[
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
];
/// And what stands behind them.
const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
    203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden\
    404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
    Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
    chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,\
    publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS {
        put(&mut bytes, word.as_bytes());
    }
    bytes.extend_from_slice(REST.as_bytes());
    bytes
}

/// A text with its length before it.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(text);
}

/// Reads the blocks of one connection, in the order in which they come.
pub struct Unpacker {
    inflate: Box<DecompressorOxide>,
    /// What was written last, as a ring: the dictionary stands at its start.
    window: Vec<u8>,
    position: usize,
    begun: bool,
}

impl Default for Unpacker {
    fn default() -> Self {
        let mut window = dictionary();
        let position = window.len();
        window.resize(WINDOW, 0);
        Self { inflate: Box::default(), window, position, begun: false }
    }
}

impl Unpacker {
    /// The headers in a block; `None` when it is broken or too large.
    pub fn unpack(&mut self, block: &[u8]) -> Option<Headers> {
        let mut block = block;
        if !std::mem::replace(&mut self.begun, true) {
            let named = block.get(1)? & NAMED != 0;
            block = block.get(if named { 6 } else { 2 }..)?;
        }
        let mut plain = Vec::new();
        loop {
            let (status, read, written) =
                decompress(&mut self.inflate, block, &mut self.window, self.position, TINFL_FLAG_HAS_MORE_INPUT);
            plain.extend_from_slice(self.window.get(self.position..self.position + written)?);
            self.position = (self.position + written) % WINDOW;
            block = block.get(read..)?;
            match status {
                TINFLStatus::NeedsMoreInput if block.is_empty() => return parse(&plain),
                TINFLStatus::HasMoreOutput if plain.len() <= LIMIT => {}
                _ => return None,
            }
        }
    }
}

fn parse(plain: &[u8]) -> Option<Headers> {
    let mut rest = plain;
    let mut number = || {
        let (bytes, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        usize::try_from(u32::from_be_bytes(*bytes)).ok()
    };
    let count = number()?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let (name, behind) = text(rest)?;
        let (value, behind) = text(behind)?;
        rest = behind;
        headers.insert(name.to_lowercase(), value);
    }
    Some(headers)
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

/// Writes the blocks of one connection.
#[derive(Default)]
pub struct Packer {
    begun: bool,
}

impl Packer {
    /// A block with these headers, of less than 64 KiB.
    pub fn pack(&mut self, headers: &Headers) -> Vec<u8> {
        let mut plain = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        for (name, value) in headers {
            put(&mut plain, name.as_bytes());
            put(&mut plain, value.as_bytes());
        }
        let mut block = if self.begun { Vec::new() } else { vec![0x78, 0x01] };
        self.begun = true;
        // A stored block that is not the last one: its length, and the same turned over.
        let length = u16::try_from(plain.len()).unwrap_or(u16::MAX);
        block.push(0);
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&(!length).to_le_bytes());
        block.extend_from_slice(&plain);
        block.extend_from_slice(&FLUSH);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_the_one_that_every_stream_names() {
        let (mut low, mut high) = (1_u32, 0_u32);
        for byte in dictionary() {
            low = (low + u32::from(byte)) % 65_521;
            high = (high + low) % 65_521;
        }
        assert_eq!(high << 16 | low, 0xe3c6_a7c2);
    }
}
