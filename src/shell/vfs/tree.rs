//! Trees of inodes whose unchanged part is shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{TREE_BYTES, TREE_INODES};
use crate::shell::program::Errno;
use crate::sim::Time;

/// Names an inode: which tree (0 is the root, others are mounts) and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// Index of the tree.
    pub tree: u32,
    /// Inode number.
    pub ino: u32,
}

/// A device file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random`, `/dev/urandom`: seeded, not secret.
    Random,
    /// `/dev/tty`
    Tty,
    /// `/dev/stdin`, `/dev/stdout`, `/dev/stderr`: the process's own descriptor.
    Descriptor(i32),
}

/// What an inode is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File(Arc<Vec<u8>>),
    /// A directory: names and inode numbers of the same tree.
    Directory(BTreeMap<String, u32>),
    /// A symbolic link and where it points.
    Symlink(String),
    /// A device.
    Device(Device),
    /// An executable that the machine provides, by its name in the tables of programs and applets.
    Program(Arc<str>),
    /// A named pipe.
    Fifo,
}

/// A file, directory or link with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, such as 0o644, with set-uid and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When its content last changed.
    pub modified: Time,
    /// Directory entries that name it.
    pub links: u32,
}

impl Inode {
    /// Content length as `ls -l` prints it.
    pub fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.len() as u64,
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory(_) => 4096,
            Kind::Program(name) => 1_000_000 + 997 * name.len() as u64,
            Kind::Device(_) | Kind::Fifo => 0,
        }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }
}

/// One file system: a shared, unchanging base (an image) and what was changed on top of it.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) base: Arc<BTreeMap<u32, Inode>>,
    pub(super) upper: BTreeMap<u32, Option<Inode>>,
    pub(super) next: u32,
    pub(super) used: u64,
    pub(super) limit: u64,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Inode {
            kind: Kind::Directory(BTreeMap::new()),
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: Time::default(),
            links: 2,
        };
        Self {
            base: Arc::default(),
            upper: BTreeMap::from([(ROOT, Some(root))]),
            next: ROOT + 1,
            used: 0,
            limit: TREE_BYTES,
        }
    }
}

impl Tree {
    /// An empty tree with room for `limit` bytes of content.
    pub fn with_limit(limit: u64) -> Self {
        Self { limit: limit.min(TREE_BYTES), ..Self::default() }
    }

    /// The same tree with all of its content in the shared part: clones of it cost next to nothing.
    pub fn freeze(mut self) -> Self {
        let base = Arc::make_mut(&mut self.base);
        for (ino, inode) in std::mem::take(&mut self.upper) {
            match inode {
                Some(inode) => base.insert(ino, inode),
                None => base.remove(&ino),
            };
        }
        self.used = 0;
        self
    }

    /// Bytes of content that were written on top of the image.
    pub fn used(&self) -> u64 {
        self.used
    }

    pub(super) fn get(&self, ino: u32) -> Option<&Inode> {
        match self.upper.get(&ino) {
            Some(inode) => inode.as_ref(),
            None => self.base.get(&ino),
        }
    }

    pub(super) fn get_mut(&mut self, ino: u32) -> Option<&mut Inode> {
        if !self.upper.contains_key(&ino) {
            let inode = self.base.get(&ino)?.clone();
            self.upper.insert(ino, Some(inode));
        }
        self.upper.get_mut(&ino)?.as_mut()
    }

    pub(super) fn add(&mut self, inode: Inode) -> Result<u32, Errno> {
        if self.upper.len() >= TREE_INODES {
            return Err(Errno::Enospc);
        }
        let ino = self.next;
        self.next += 1;
        self.upper.insert(ino, Some(inode));
        Ok(ino)
    }

    pub(super) fn remove(&mut self, ino: u32) {
        if let Some(Inode { kind: Kind::File(content), .. }) = self.get(ino) {
            self.used = self.used.saturating_sub(content.len() as u64);
        }
        if self.base.contains_key(&ino) {
            self.upper.insert(ino, None);
        } else {
            self.upper.remove(&ino);
        }
    }
}

pub(super) const ROOT: u32 = 1;
