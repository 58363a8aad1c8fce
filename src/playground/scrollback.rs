//! What a terminal was sent, kept to fill it again: bounded, cheap to clone. Interprets nothing but line ends and
//! the two modes that a reader has to know.

use std::collections::VecDeque;
use std::sync::Arc;

/// A chunk is closed at this size, in bytes.
const CHUNK: usize = 8 * 1024;
/// The most that is kept, in chunks: half a megabyte.
const CHUNKS: usize = 64;
/// The longest unfinished line that a prompt is put behind.
const PARTIAL: usize = 1_000;

/// The last half megabyte of a terminal's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrollback {
    chunks: VecDeque<Arc<Vec<u8>>>,
    tail: Vec<u8>,
    /// What stands on the last row, since its line end; `None` when it is not plain text.
    partial: Vec<u8>,
    /// Whether the program has asked for bracketed paste.
    bracketed: bool,
}

impl Scrollback {
    /// Takes bytes of a program, whose lines end in `\n` alone, and gives them as a terminal wants them.
    pub fn print(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        let mut last = 0;
        for byte in bytes {
            if *byte == b'\n' && last != b'\r' {
                out.push(b'\r');
            }
            out.push(*byte);
            last = *byte;
        }
        self.push(&out);
        out
    }

    /// Takes bytes as a terminal gets them.
    pub fn push(&mut self, bytes: &[u8]) {
        for (mode, on) in [(&b"\x1b[?2004h"[..], true), (&b"\x1b[?2004l"[..], false)] {
            if bytes.windows(mode.len()).any(|window| window == mode) {
                self.bracketed = on;
            }
        }
        match bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(at) => self.partial = bytes.get(at + 1..).unwrap_or_default().to_vec(),
            None => self.partial.extend_from_slice(bytes),
        }
        if self.partial.len() > PARTIAL {
            self.partial.drain(..self.partial.len() - PARTIAL);
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= CHUNK {
            self.chunks.push_back(Arc::new(std::mem::take(&mut self.tail)));
            if self.chunks.len() > CHUNKS {
                self.chunks.pop_front();
            }
        }
    }

    /// Everything that is kept. What was cut off at its start is cut at a line end.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        if self.chunks.len() >= CHUNKS
            && let Some(end) = all.iter().position(|byte| *byte == b'\n')
        {
            all.drain(..=end);
        }
        all.extend_from_slice(&self.tail);
        all
    }

    /// The text on the last row that a prompt has to stand behind. Control bytes other than colours make it empty.
    pub fn partial(&self) -> String {
        let text = String::from_utf8_lossy(&self.partial).into_owned();
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            let colour = letter == '\x1b' && rest.by_ref().find(char::is_ascii_alphabetic) == Some('m');
            if letter.is_control() && !colour {
                return String::new();
            }
        }
        text
    }

    /// Tells that the last row belongs to an editor of lines now.
    pub fn forget_partial(&mut self) {
        self.partial.clear();
    }

    /// Whether pasted text is to be put between marks.
    pub fn is_bracketed(&self) -> bool {
        self.bracketed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_get_the_return_that_a_terminal_wants_and_the_last_one_is_known() {
        let mut scrollback = Scrollback::default();
        assert_eq!(scrollback.print(b"a\nb"), b"a\r\nb");
        assert_eq!(scrollback.partial(), "b");
        scrollback.print(b"\x1b[31mc\x1b[0m");
        assert_eq!(scrollback.partial(), "b\x1b[31mc\x1b[0m");
        scrollback.print(b"\x1b[2J");
        assert_eq!(scrollback.partial(), "");
    }

    #[test]
    fn output_without_end_is_kept_within_bounds() {
        let mut scrollback = Scrollback::default();
        for _ in 0..2_000 {
            scrollback.print(&[b'y'; 1_000]);
            scrollback.print(b"\n");
        }
        assert!(scrollback.bytes().len() < (CHUNKS + 1) * (CHUNK + 2_000));
        assert!(scrollback.bytes().starts_with(b"yyy"));
    }
}
