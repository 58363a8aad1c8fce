//! Descriptors: opened, closed, copied and moved.

use std::sync::Arc;

use super::{Kernel, OpenMode};
use crate::shell::process::{DESCRIPTORS, FileId, SAVED_FD, Stream, Target};
use crate::shell::program::{Errno, Fd, System};
use crate::shell::vfs::{Device, Kind, NodeId};

impl<'a> Kernel<'a> {
    pub(super) fn file_of(&self, fd: Fd) -> Option<FileId> {
        self.process()?.fds.get(&fd).copied()
    }

    /// Whether the descriptor is open.
    pub fn is_open(&self, fd: Fd) -> bool {
        self.file_of(fd).is_some()
    }

    pub(super) fn lowest_free(&self, from: Fd) -> Result<Fd, Errno> {
        let process = self.process().ok_or(Errno::Esrch)?;
        if process.fds.len() >= DESCRIPTORS {
            return Err(Errno::Enospc);
        }
        (from..).find(|fd| !process.fds.contains_key(fd)).ok_or(Errno::Ebadf)
    }

    pub(super) fn install(&mut self, fd: Fd, file: FileId) {
        let old = self.process_mut().and_then(|process| process.fds.insert(fd, file));
        if let Some(old) = old {
            self.core.close_file(old);
        }
    }

    /// Opens a path on the lowest free descriptor.
    ///
    /// # Errors
    /// Those of the file system; `EISDIR` for writing to a directory.
    pub fn open(&mut self, path: &str, mode: OpenMode) -> Result<Fd, Errno> {
        let fd = self.lowest_free(0)?;
        let (readable, writable) = (matches!(mode, OpenMode::Read | OpenMode::ReadWrite), mode != OpenMode::Read);
        if let Some(content) = self.proc_file(path) {
            if writable {
                return Err(Errno::Eacces);
            }
            let file = self.core.open_file(Target::Memory(Arc::new(content?)), true, false, false);
            self.install(fd, file);
            return Ok(fd);
        }
        let node = self.node_to_open(path, mode)?;
        let target = match self.core.vfs.inode(node).map(|inode| &inode.kind) {
            Some(Kind::Device(Device::Descriptor(same))) => {
                let file = self.file_of(*same).ok_or(Errno::Enoent)?;
                self.core.share_file(file);
                self.install(fd, file);
                return Ok(fd);
            }
            Some(Kind::Device(Device::Tty)) => {
                let tty = self.process().and_then(|process| process.tty).ok_or(Errno::Enoexec)?;
                Target::Terminal(tty, Stream::Stdout)
            }
            Some(Kind::Device(device)) => Target::Device(*device),
            Some(Kind::Directory(_)) if writable => return Err(Errno::Eisdir),
            Some(Kind::Program(name)) => Target::Memory(Arc::new(format!("\u{7f}ELF {name}\n").into_bytes())),
            Some(_) => Target::File(node),
            None => return Err(Errno::Enoent),
        };
        if mode == OpenMode::Truncate
            && let Target::File(node) = target
        {
            self.core.vfs.set_content(node, Vec::new(), self.core.now)?;
        }
        let file = self.core.open_file(target, readable, writable, mode == OpenMode::Append);
        self.install(fd, file);
        Ok(fd)
    }

    pub(super) fn node_to_open(&mut self, path: &str, mode: OpenMode) -> Result<NodeId, Errno> {
        let (cwd, caller) = (self.cwd(), self.caller());
        match self.core.vfs.find(&cwd, path, true) {
            Ok(found) => {
                let is_file = matches!(self.core.vfs.inode(found.node).map(|inode| &inode.kind), Some(Kind::File(_)));
                let bits = match mode {
                    OpenMode::Read => 4,
                    OpenMode::ReadWrite => 6,
                    _ => 2,
                };
                if mode == OpenMode::Exclusive && is_file {
                    return Err(Errno::Eexist);
                }
                if !self.core.vfs.allows(found.node, caller, bits) {
                    return Err(Errno::Eacces);
                }
                if mode != OpenMode::Read && is_file && self.core.vfs.is_read_only(found.node) {
                    return Err(Errno::Erofs);
                }
                Ok(found.node)
            }
            Err(Errno::Enoent) if mode != OpenMode::Read => {
                let mode = 0o666 & !caller.umask;
                if path.ends_with('/') {
                    return Err(Errno::Eisdir);
                }
                self.core.vfs.create(&cwd, path, Kind::File(Arc::default()), mode, caller)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        let file = self.process_mut().and_then(|process| process.fds.remove(&fd)).ok_or(Errno::Ebadf)?;
        self.core.close_file(file);
        Ok(())
    }

    /// Makes `to` the same open file as `from`.
    ///
    /// # Errors
    /// `EBADF` when `from` is not open.
    pub fn dup2(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        let file = self.file_of(from).ok_or(Errno::Ebadf)?;
        if from != to {
            self.core.share_file(file);
            self.install(to, file);
        }
        Ok(())
    }

    /// Moves `from` to `to`.
    ///
    /// # Errors
    /// As `dup2`.
    pub fn move_fd(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        self.dup2(from, to)?;
        if from != to {
            self.close(from)?;
        }
        Ok(())
    }

    /// Puts the open file of `fd` aside where children do not get it.
    pub fn save_fd(&mut self, fd: Fd) -> Option<Fd> {
        self.file_of(fd)?;
        let place = self.lowest_free(SAVED_FD).ok()?;
        self.dup2(fd, place).ok()?;
        Some(place)
    }

    /// A new pipe: its reading and its writing descriptor.
    ///
    /// # Errors
    /// `ENOSPC` when the process has too many descriptors.
    pub fn pipe(&mut self) -> Result<(Fd, Fd), Errno> {
        let pipe = self.core.add_pipe();
        let read = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::PipeRead(pipe), true, false, false);
        self.install(read, file);
        let write = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::PipeWrite(pipe), false, true, false);
        self.install(write, file);
        Ok((read, write))
    }

    /// A descriptor that reads these bytes.
    ///
    /// # Errors
    /// `ENOSPC` when the process has too many descriptors.
    pub fn memory_file(&mut self, content: Vec<u8>) -> Result<Fd, Errno> {
        let fd = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::Memory(Arc::new(content)), true, false, false);
        self.install(fd, file);
        Ok(fd)
    }

    /// Goes back in a regular file or here-document by `bytes`, for what was read ahead.
    pub fn unread(&mut self, fd: Fd, bytes: usize) {
        if let Some(file) = self.file_of(fd).and_then(|file| self.core.files.get_mut(&file))
            && matches!(file.target, Target::File(_) | Target::Memory(_))
        {
            file.offset = file.offset.saturating_sub(bytes as u64);
        }
    }

    /// Whether the descriptor reads a file that can be gone back in.
    pub fn can_seek(&self, fd: Fd) -> bool {
        self.file_of(fd)
            .and_then(|file| self.core.files.get(&file))
            .is_some_and(|file| matches!(file.target, Target::File(_) | Target::Memory(_)))
    }

    /// The file that the descriptor leads to, if it is one.
    pub fn node_of(&self, fd: Fd) -> Option<NodeId> {
        match self.core.files.get(&self.file_of(fd)?)?.target {
            Target::File(node) => Some(node),
            _ => None,
        }
    }
}
