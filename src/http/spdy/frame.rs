//! The frames of SPDY/3.1 that Kubernetes' clients speak, as bytes. Knows no connection.
//!
//! Models Kubernetes 1.36 vendor/github.com/moby/spdystream/spdy (read.go, write.go).

use super::headers::{Headers, Packer, Unpacker};

/// The bit that says that a frame is none of data, with the version beside it.
const CONTROL: u16 = 0x8003;
/// The end of what one side has to say.
const FIN: u8 = 1;
/// A frame's first bytes.
const HEAD: usize = 8;
/// The longest frame that is taken, in bytes: clients send 32 KiB at a time.
const LIMIT: usize = 1024 * 1024;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A new stream, and whether its opener has said all.
    Open(u32, Headers, bool),
    /// The other side takes the stream.
    Reply(u32, Headers),
    /// The stream is over, for this reason.
    Reset(u32, u32),
    /// A sign of life, which is answered with the same.
    Ping(u32),
    /// The other side opens no more streams.
    GoAway,
    /// Bytes of a stream, and whether they are the last.
    Data(u32, Vec<u8>, bool),
    /// What needs no answer: settings, windows, further headers.
    Other,
}

/// The reason of a [`Frame::Reset`] that whoever speaks no longer wants the stream.
pub const CANCEL: u32 = 5;

/// Bytes that are no frame.
#[derive(Debug)]
pub struct Broken;

/// Makes frames of bytes.
#[derive(Default)]
pub struct Reader {
    bytes: Vec<u8>,
    unpacker: Unpacker,
}

impl Reader {
    /// Takes further bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if it is here.
    ///
    /// # Errors
    /// What comes is no SPDY, or too large.
    pub fn next(&mut self) -> Result<Option<Frame>, Broken> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [a, b, c, d, flags, high, middle, low] = *head;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if length > LIMIT {
            return Err(Broken);
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = if a & 0x80 == 0 {
            Frame::Data(u32::from_be_bytes([a, b, c, d]), body.to_vec(), flags & FIN != 0)
        } else {
            control(u16::from_be_bytes([c, d]), flags, body, &mut self.unpacker).ok_or(Broken)?
        };
        self.bytes.drain(..HEAD + length);
        Ok(Some(frame))
    }
}

fn control(kind: u16, flags: u8, body: &[u8], unpacker: &mut Unpacker) -> Option<Frame> {
    let number = |at: usize| Some(u32::from_be_bytes(*body.get(at..)?.first_chunk::<4>()?) & 0x7fff_ffff);
    Some(match kind {
        // Behind the number stand the stream that this one belongs to, its priority and its slot.
        1 => Frame::Open(number(0)?, unpacker.unpack(body.get(10..)?)?, flags & FIN != 0),
        2 => Frame::Reply(number(0)?, unpacker.unpack(body.get(4..)?)?),
        3 => Frame::Reset(number(0)?, number(4)?),
        6 => Frame::Ping(number(0)?),
        7 => Frame::GoAway,
        8 => {
            // Nobody reads them, but all blocks are one zlib stream.
            unpacker.unpack(body.get(4..)?)?;
            Frame::Other
        }
        _ => Frame::Other,
    })
}

/// Makes bytes of frames.
#[derive(Default)]
pub struct Writer {
    packer: Packer,
}

impl Writer {
    /// A frame's bytes.
    pub fn write(&mut self, frame: &Frame) -> Vec<u8> {
        match frame {
            Frame::Open(id, headers, last) => {
                let mut body = [id.to_be_bytes(), [0; 4]].concat();
                body.extend_from_slice(&[0, 0]);
                body.extend_from_slice(&self.packer.pack(headers));
                control_frame(1, u8::from(*last), &body)
            }
            Frame::Reply(id, headers) => {
                control_frame(2, 0, &[id.to_be_bytes().to_vec(), self.packer.pack(headers)].concat())
            }
            Frame::Reset(id, why) => control_frame(3, 0, &[id.to_be_bytes(), why.to_be_bytes()].concat()),
            Frame::Ping(number) => control_frame(6, 0, &number.to_be_bytes()),
            Frame::GoAway => control_frame(7, 0, &[0; 8]),
            Frame::Data(id, bytes, last) => {
                [&id.to_be_bytes()[..], &length(u8::from(*last), bytes.len()), bytes].concat()
            }
            Frame::Other => Vec::new(),
        }
    }
}

fn control_frame(kind: u16, flags: u8, body: &[u8]) -> Vec<u8> {
    [&CONTROL.to_be_bytes()[..], &kind.to_be_bytes(), &length(flags, body.len()), body].concat()
}

fn length(flags: u8, length: usize) -> [u8; 4] {
    let [_, high, middle, low] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [flags, high, middle, low]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at once")]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads_however_it_is_cut() {
        let headers =
            Headers::from([("port".to_owned(), "80".to_owned()), ("streamtype".to_owned(), "data".to_owned())]);
        let frames = [
            Frame::Open(1, headers.clone(), true),
            Frame::Open(3, headers, false),
            Frame::Reply(1, Headers::new()),
            Frame::Data(3, vec![7; 40_000], false),
            Frame::Data(3, Vec::new(), true),
            Frame::Reset(3, CANCEL),
            Frame::Ping(9),
            Frame::GoAway,
        ];
        let mut writer = Writer::default();
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| writer.write(frame)).collect();
        for step in [1, 7, 1000, bytes.len()] {
            let (mut reader, mut seen) = (Reader::default(), Vec::new());
            for part in bytes.chunks(step) {
                reader.take(part);
                while let Some(frame) = reader.next().unwrap() {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, frames, "{step} bytes at a time");
        }
    }

    #[test]
    fn headers_that_go_compressed_with_the_dictionary_are_read_in_their_order() {
        // Two streams as moby/spdystream opens them: the second block refers to the first.
        let bytes: Vec<u8> = COMPRESSED.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let mut reader = Reader::default();
        reader.take(&bytes);
        for (id, kind) in [(1, "error"), (3, "data")] {
            let Some(Frame::Open(number, headers, false)) = reader.next().unwrap() else { unreachable!() };
            assert_eq!(number, id);
            let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(pairs, [("port", "80"), ("requestid", "0"), ("streamtype", kind)]);
        }
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let broken = |bytes: &[u8]| {
            let mut reader = Reader::default();
            reader.take(bytes);
            reader.next().is_err()
        };
        assert!(broken(b"GET / HTTP/1.1\r\n\r\n"), "a frame of 2 MB");
        assert!(broken(&[0x80, 3, 0, 3, 0, 0, 0, 2, 0, 0]), "a reset without its number");
        assert!(
            broken(&[0x80, 3, 0, 1, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3]),
            "a block that breaks off"
        );
    }

    const COMPRESSED: &str = "
        80 03 00 01 00 00 00 3c 00 00 00 01 00 00 00 00 00 00 78 f9 e3 c6 a7 c2 02 25 3a 70 3a 2b 29 4a 4d
        cc 85 16 25 ac a9 a0 80 86 14 cb 45 a0 24 cc 64 61 00 24 39 8b 20 91 98 09 4a dc 8c 06 00 00 00 00
        ff ff 80 03 00 01 00 00 00 18 00 00 00 03 00 00 00 00 00 00 c2 aa 15 54 0a 25 12 d2 09 00 00 00 ff
        ff
    ";
}
