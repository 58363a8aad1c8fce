//! The terminal: keys in, lines out.

use super::{Core, PIPE_BYTES, Stream, TtyId};
use crate::shell::program::Signal;

impl Core {
    pub(in crate::shell) fn tty_read(&mut self, id: TtyId, max: usize) -> Option<Vec<u8>> {
        let tty = self.ttys.get_mut(&id)?;
        if tty.input.is_empty() {
            return std::mem::take(&mut tty.eof).then(Vec::new);
        }
        let mut count = tty.input.len().min(max);
        if tty.raw_by.is_none()
            && let Some(end) = tty.input.iter().position(|byte| *byte == b'\n')
        {
            count = count.min(end + 1);
        }
        Some(tty.input.drain(..count).collect())
    }

    pub(in crate::shell) fn type_keys(&mut self, id: TtyId, bytes: &[u8]) {
        for byte in bytes {
            let Some(tty) = self.ttys.get_mut(&id) else { return };
            let (sink, now) = (tty.sink, self.now);
            if tty.raw_by.is_some() {
                if tty.input.len() < PIPE_BYTES {
                    tty.input.push_back(*byte);
                }
                continue;
            }
            let mut echo: Vec<u8> = Vec::new();
            match *byte {
                3 | 28 => {
                    tty.line.clear();
                    let (mark, signal) = if *byte == 3 { ("^C\n", Signal::Int) } else { ("^\\\n", Signal::Quit) };
                    let group = tty.foreground;
                    if let Some(sink) = self.sinks.get_mut(&sink) {
                        sink.push(now, Stream::Stdout, mark.as_bytes());
                    }
                    self.signal_group(group, signal);
                    continue;
                }
                4 if tty.line.is_empty() => tty.eof = true,
                4 => tty.input.extend(std::mem::take(&mut tty.line)),
                8 | 127 => {
                    while let Some(last) = tty.line.pop() {
                        if last & 0xc0 != 0x80 {
                            echo.extend(b"\x08 \x08");
                            break;
                        }
                    }
                }
                21 => {
                    let shown = String::from_utf8_lossy(&tty.line).chars().count();
                    tty.line.clear();
                    echo.extend(b"\x08 \x08".repeat(shown));
                }
                b'\r' | b'\n' => {
                    tty.line.push(b'\n');
                    echo.push(b'\n');
                    tty.input.extend(std::mem::take(&mut tty.line));
                }
                byte if tty.line.len() < 4096 => {
                    tty.line.push(byte);
                    if byte >= 32 || byte == b'\t' {
                        echo.push(byte);
                    } else {
                        echo.extend([b'^', byte + 64]);
                    }
                }
                _ => echo.push(7),
            }
            if let Some(sink) = self.sinks.get_mut(&sink) {
                sink.push(now, Stream::Stdout, &echo);
            }
        }
    }
}
