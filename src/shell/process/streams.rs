//! Open files, pipes and outputs: who holds them, and whether one can be read or written.

use std::collections::BTreeMap;

use super::{Core, FileId, OpenFile, PIPE_BYTES, Pipe, PipeId, Process, Sink, SinkId, Stream, Target};
use crate::shell::machine::Stdio;
use crate::shell::program::{Fd, Pid};
use crate::shell::vfs::{Device, NodeId};

impl Core {
    pub(in crate::shell) fn open_file(
        &mut self,
        target: Target,
        readable: bool,
        writable: bool,
        append: bool,
    ) -> FileId {
        match &target {
            Target::PipeRead(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(pipe) {
                    pipe.readers += 1;
                }
            }
            Target::PipeWrite(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(pipe) {
                    pipe.writers += 1;
                }
            }
            _ => {}
        }
        let id = self.id();
        self.files.insert(id, OpenFile { target, offset: 0, readable, writable, append, references: 1 });
        id
    }

    pub(in crate::shell) fn share_file(&mut self, file: FileId) {
        if let Some(file) = self.files.get_mut(&file) {
            file.references += 1;
        }
    }

    pub(in crate::shell) fn close_file(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.references = file.references.saturating_sub(1);
        if file.references > 0 {
            return;
        }
        let Some(file) = self.files.remove(&id) else { return };
        match file.target {
            Target::PipeRead(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.readers = pipe.readers.saturating_sub(1);
                }
                self.drop_pipe(pipe);
            }
            Target::PipeWrite(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.writers = pipe.writers.saturating_sub(1);
                }
                self.drop_pipe(pipe);
            }
            Target::File(node) if !self.is_open(node) => self.vfs.release(node),
            _ => {}
        }
    }

    pub(super) fn drop_pipe(&mut self, id: PipeId) {
        if self.pipes.get(&id).is_some_and(|pipe| pipe.readers == 0 && pipe.writers == 0) {
            self.pipes.remove(&id);
        }
    }

    pub(in crate::shell) fn is_open(&self, node: NodeId) -> bool {
        self.files.values().any(|file| matches!(file.target, Target::File(open) if open == node))
    }

    pub(in crate::shell) fn add_pipe(&mut self) -> PipeId {
        let id = self.id();
        self.pipes.insert(id, Pipe::default());
        id
    }

    pub(in crate::shell) fn sink_of(&self, file: FileId) -> Option<SinkId> {
        match self.files.get(&file)?.target {
            Target::Sink(sink, _) => Some(sink),
            _ => None,
        }
    }

    pub(in crate::shell) fn open_stdio(&mut self, stdio: Stdio) -> BTreeMap<Fd, FileId> {
        let null = Target::Device(Device::Null);
        let [stdin, stdout, stderr] = match stdio {
            Stdio::Terminal(tty) => [
                self.open_file(Target::Terminal(tty, Stream::Stdout), true, true, false),
                self.open_file(Target::Terminal(tty, Stream::Stdout), true, true, false),
                self.open_file(Target::Terminal(tty, Stream::Stderr), true, true, false),
            ],
            Stdio::Capture { input } => {
                let sink = self.add_sink(Sink::default());
                let stdin = if input {
                    let pipe = self.add_pipe();
                    if let Some(pipe) = self.pipes.get_mut(&pipe) {
                        pipe.writers = 1;
                    }
                    Target::PipeRead(pipe)
                } else {
                    null
                };
                [
                    self.open_file(stdin, true, false, false),
                    self.open_file(Target::Sink(sink, Stream::Stdout), false, true, false),
                    self.open_file(Target::Sink(sink, Stream::Stderr), false, true, false),
                ]
            }
            Stdio::Null => [
                self.open_file(null.clone(), true, false, false),
                self.open_file(null.clone(), false, true, false),
                self.open_file(null, false, true, false),
            ],
        };
        BTreeMap::from([(0, stdin), (1, stdout), (2, stderr)])
    }

    pub(in crate::shell) fn feed(&mut self, pid: Pid, bytes: &[u8]) -> usize {
        let Some(pipe) = self.feeds.get(&pid).and_then(|pipe| self.pipes.get_mut(pipe)) else { return bytes.len() };
        let taken = bytes.len().min(PIPE_BYTES.saturating_sub(pipe.buffer.len()));
        pipe.buffer.extend(bytes.iter().take(taken));
        taken
    }

    pub(in crate::shell) fn end_feed(&mut self, pid: Pid) {
        if let Some(id) = self.feeds.remove(&pid) {
            if let Some(pipe) = self.pipes.get_mut(&id) {
                pipe.writers = pipe.writers.saturating_sub(1);
            }
            self.drop_pipe(id);
        }
    }

    pub(in crate::shell) fn add_sink(&mut self, sink: Sink) -> SinkId {
        let id = SinkId(self.id());
        self.sinks.insert(id, sink);
        id
    }

    pub(super) fn can_read(&self, process: &Process, fd: Fd) -> bool {
        let Some(file) = process.fds.get(&fd).and_then(|file| self.files.get(file)) else { return true };
        match &file.target {
            Target::PipeRead(pipe) => {
                self.pipes.get(pipe).is_none_or(|pipe| !pipe.buffer.is_empty() || pipe.writers == 0)
            }
            Target::Terminal(tty, _) => self.ttys.get(tty).is_none_or(|tty| !tty.input.is_empty() || tty.eof),
            _ => true,
        }
    }

    pub(super) fn can_write(&self, process: &Process, fd: Fd) -> bool {
        let Some(file) = process.fds.get(&fd).and_then(|file| self.files.get(file)) else { return true };
        match &file.target {
            Target::PipeWrite(pipe) => {
                self.pipes.get(pipe).is_none_or(|pipe| pipe.readers == 0 || pipe.buffer.len() < PIPE_BYTES)
            }
            Target::Sink(sink, _) => self.sinks.get(sink).is_none_or(|sink| sink.room() > 0),
            Target::Terminal(tty, _) => {
                self.ttys.get(tty).and_then(|tty| self.sinks.get(&tty.sink)).is_none_or(|sink| sink.room() > 0)
            }
            _ => true,
        }
    }
}
