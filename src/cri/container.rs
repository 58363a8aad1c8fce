//! A container: its configuration, its machine while it runs, its status and log. Decides nothing about Pods.

use std::collections::VecDeque;

use super::ids::{SandboxId, VolumeId};
use super::service::LogPart;
use crate::apiserver::LogOptions;
use crate::images::Image;
use crate::shell::machine::{Machine, OutputChunk, Stream};
use crate::shell::program::{Pid, Signal};
use crate::sim::Time;

/// Bytes of log that are kept of one container; the oldest lines go first.
pub const LOG_BYTES: usize = 2 << 20;
/// A longer line is kept in pieces, as the CRI log format does.
pub const LOG_LINE: usize = 16 << 10;

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Which volume.
    pub volume: VolumeId,
    /// Where, absolute.
    pub path: String,
    /// What part of the volume; empty for all of it.
    pub sub_path: String,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// What a container is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// Its name in the Pod.
    pub name: String,
    /// The image, as the Pod writes it; it must be present.
    pub image: String,
    /// Replaces the entrypoint of the image (and its arguments) unless empty.
    pub command: Vec<String>,
    /// Replaces the arguments of the image unless empty.
    pub args: Vec<String>,
    /// Variables on top of the image's.
    pub env: Vec<(String, String)>,
    /// Replaces the working directory of the image.
    pub working_dir: Option<String>,
    /// Volumes.
    pub mounts: Vec<Mount>,
    /// Replaces the user of the image.
    pub user: Option<u32>,
    /// Replaces the group of the image.
    pub group: Option<u32>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub stdin: bool,
    /// Whether the root file system refuses writes.
    pub read_only_root: bool,
    /// Memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// The signal that stops it; `None` is SIGTERM.
    pub stop_signal: Option<Signal>,
    /// The file whose content is the message of its end.
    pub termination_log: String,
    /// What `/etc/hosts` says.
    pub hosts: String,
    /// What `/etc/resolv.conf` says.
    pub resolv_conf: String,
    /// Whether the end of its log is that message when the file is empty and it failed.
    pub log_is_message: bool,
    /// How often a container of this name was made in the sandbox before.
    pub attempt: u32,
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Its process runs.
    Running,
    /// Its process has ended, or could not be started.
    Exited,
}

/// What the runtime says about a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// 64 hexadecimal digits, without `containerd://`.
    pub id: String,
    /// Name in the Pod.
    pub name: String,
    /// Attempt.
    pub attempt: u32,
    /// State.
    pub state: ContainerState,
    /// When it was made.
    pub created_at: Time,
    /// When its process started.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// Exit code: 128 and the signal's number after a signal, 128 when it could not be started.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled` or `StartError`; empty while it has not ended.
    pub reason: &'static str,
    /// Why it could not be started; else empty.
    pub message: String,
    /// What it left in `/dev/termination-log`.
    pub termination_log: String,
    /// The normalised image name.
    pub image: String,
    /// `registry/repository@sha256:...`
    pub image_id: String,
}

/// A line of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its first byte came.
    pub time: Time,
    /// Which stream.
    pub stream: Stream,
    /// The text with its newline; without one when it was cut or is not finished.
    pub bytes: Vec<u8>,
}

/// The log of a container. Lines keep their numbers when old ones are dropped.
#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    first: u64,
    held: usize,
}

impl Log {
    /// The lines from number `from` on, with their numbers. The last line of each stream may still grow.
    pub fn from(&self, from: u64) -> impl DoubleEndedIterator<Item = (u64, &LogLine)> {
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.lines.iter().enumerate().skip(skip).map(|(index, line)| (self.first + index as u64, line))
    }

    /// The number after the last line.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The part of the log that `options` ask for, from `position` on; whole lines while the container runs.
    pub fn part(&self, options: &LogOptions, position: u64, ended: bool) -> LogPart {
        let wanted = |line: &LogLine| match options.stream.as_deref() {
            Some("Stdout") => line.stream == Stream::Stdout,
            Some("Stderr") => line.stream == Stream::Stderr,
            _ => true,
        };
        let mut lines: Vec<(u64, &LogLine)> = self
            .from(position.saturating_sub(1))
            .filter(|(_, line)| wanted(line) && options.since.is_none_or(|since| line.time >= since))
            .collect();
        if position == 0
            && let Some(tail) = options.tail_lines
        {
            lines.drain(..lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX)));
        }
        let (mut bytes, mut next) = (Vec::new(), self.end());
        for (number, line) in lines {
            if !ended && options.follow && line.bytes.last() != Some(&b'\n') && line.bytes.len() < LOG_LINE {
                // The rest of this line comes later; it is given whole.
                next = number;
                break;
            }
            if options.timestamps {
                bytes.extend(format!("{} ", nanoseconds(line.time)).into_bytes());
            }
            bytes.extend_from_slice(&line.bytes);
        }
        if let Some(limit) = options.limit_bytes {
            bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        // Positions count from 1, so that 0 is left for the beginning.
        LogPart { bytes, position: next + 1, ended }
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> u64 {
        self.held as u64
    }

    /// The end of the log, to be the message of a failure: at most 80 lines and 2048 bytes.
    pub(super) fn last_words(&self) -> String {
        let skip = self.lines.len().saturating_sub(80);
        let bytes: Vec<u8> = self.lines.iter().skip(skip).flat_map(|line| line.bytes.iter().copied()).collect();
        let start = bytes.len().saturating_sub(2048);
        String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
    }

    pub(super) fn append(&mut self, chunk: &OutputChunk) {
        for piece in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(LOG_LINE) {
                self.append_piece(chunk, piece);
            }
        }
        while self.held > LOG_BYTES {
            let Some(line) = self.lines.pop_front() else { return };
            self.held -= line.bytes.len();
            self.first += 1;
        }
    }

    fn append_piece(&mut self, chunk: &OutputChunk, piece: &[u8]) {
        self.held += piece.len();
        // Only the latest line of this stream can be unfinished, and the other stream has at most one after it.
        let open = self.lines.iter_mut().rev().take(16).find(|line| line.stream == chunk.stream);
        if let Some(open) = open
            && open.bytes.last() != Some(&b'\n')
            && open.bytes.len() + piece.len() <= LOG_LINE
        {
            open.bytes.extend_from_slice(piece);
            return;
        }
        self.lines.push_back(LogLine { time: chunk.time, stream: chunk.stream, bytes: piece.to_vec() });
    }
}

/// A container of a runtime.
#[derive(Clone, Debug)]
pub struct Container {
    pub(super) sandbox: SandboxId,
    pub(super) config: ContainerConfig,
    pub(super) image: Image,
    pub(super) status: ContainerStatus,
    pub(super) machine: Option<Machine>,
    pub(super) init: Pid,
    pub(super) log: Log,
    pub(super) wake: Option<Time>,
    pub(super) kill_at: Option<Time>,
    pub(super) execs: Vec<(u64, Pid)>,
    pub(super) terminal: Option<crate::shell::machine::TtyId>,
    /// Processor steps used since the start.
    pub(super) steps: u64,
}

/// An instant as log lines carry it: nine digits after the second.
fn nanoseconds(time: Time) -> String {
    let text = jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%S", time.timestamp()).unwrap_or_default();
    format!("{text}.{:06}000Z", time.as_micros() % 1_000_000)
}
