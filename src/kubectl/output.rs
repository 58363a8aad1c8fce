//! What a command has printed and the machine has not yet taken. Decides nothing about wording.

use std::collections::VecDeque;

use crate::shell::program::{Errno, Fd, System};

/// Bytes on their way to standard output and standard error, in order.
#[derive(Clone, Debug, Default)]
pub struct Output {
    queue: VecDeque<(Fd, Vec<u8>)>,
    /// The reader of standard output went away.
    pub broken: bool,
}

impl Output {
    /// Prints to standard output.
    pub fn out(&mut self, text: &str) {
        self.bytes(1, text.as_bytes());
    }

    /// Prints to standard error.
    pub fn err(&mut self, text: &str) {
        self.bytes(2, text.as_bytes());
    }

    /// Prints a line to standard output.
    pub fn line(&mut self, text: &str) {
        self.bytes(1, text.as_bytes());
        self.bytes(1, b"\n");
    }

    /// Prints a line to standard error.
    pub fn err_line(&mut self, text: &str) {
        self.bytes(2, text.as_bytes());
        self.bytes(2, b"\n");
    }

    /// Prints bytes to a descriptor.
    pub fn bytes(&mut self, fd: Fd, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.queue.back_mut() {
            Some((last, queued)) if *last == fd => queued.extend_from_slice(bytes),
            _ => self.queue.push_back((fd, bytes.to_vec())),
        }
    }

    /// Hands over what the machine takes; `Some(fd)` when a descriptor has to be waited for.
    pub fn flush(&mut self, system: &mut dyn System) -> Option<Fd> {
        while let Some((fd, bytes)) = self.queue.front_mut() {
            let fd = *fd;
            match system.write(fd, bytes) {
                Ok(taken) if taken >= bytes.len() => {
                    self.queue.pop_front();
                }
                Ok(0) | Err(Errno::Eagain) => return Some(fd),
                Ok(taken) => {
                    bytes.drain(..taken);
                }
                Err(_) => {
                    self.broken |= fd == 1;
                    self.queue.pop_front();
                }
            }
        }
        None
    }
}
