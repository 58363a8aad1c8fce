//! The file system of a machine: trees of inodes whose unchanged part is shared, and mounts. Refuses to know
//! processes, descriptors or a clock: whoever writes brings the time.

mod change;
mod lookup;
mod mounts;
mod tree;

pub use self::lookup::{Found, lexical};
pub use self::tree::{Device, Inode, Kind, NodeId, Tree};

use std::sync::Arc;

use super::program::Errno;
use crate::sim::Time;

/// Most bytes of file content that one tree may hold on top of its image.
pub const TREE_BYTES: u64 = 64 << 20;
/// Largest file, in bytes.
pub const FILE_BYTES: u64 = 16 << 20;
/// Most inodes that one tree may hold on top of its image.
pub const TREE_INODES: usize = 50_000;
const NAME_BYTES: usize = 255;
const PATH_BYTES: usize = 4096;
const SYMLINKS: u32 = 40;

#[derive(Clone, Debug)]
struct Mounted {
    at: NodeId,
    path: String,
    tree: Tree,
    /// The earlier mount whose tree this one shows too: two places of one volume.
    shares: Option<u32>,
    top: u32,
    read_only: bool,
}

/// The whole name space of a machine.
#[derive(Clone, Debug, Default)]
pub struct Vfs {
    root: Tree,
    mounts: Vec<Mounted>,
    read_only: bool,
}

/// Who asks, for permission checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// User id; 0 may do everything.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Bits that a new file must not have.
    pub umask: u32,
    /// The present instant.
    pub now: Time,
}

impl Vfs {
    /// A name space whose root is `tree`.
    pub fn new(tree: Tree) -> Self {
        Self { root: tree, mounts: Vec::new(), read_only: false }
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        match index.checked_sub(1) {
            None => Some(&self.root),
            Some(index) => {
                let mount = self.mounts.get(index as usize)?;
                match mount.shares {
                    None => Some(&mount.tree),
                    Some(first) => self.mounts.get(first as usize).map(|first| &first.tree),
                }
            }
        }
    }

    fn tree_mut(&mut self, index: u32) -> Option<&mut Tree> {
        match index.checked_sub(1) {
            None => Some(&mut self.root),
            Some(index) => {
                let first = self.mounts.get(index as usize)?.shares.unwrap_or(index);
                self.mounts.get_mut(first as usize).map(|mount| &mut mount.tree)
            }
        }
    }

    /// The inode of that id.
    pub fn inode(&self, node: NodeId) -> Option<&Inode> {
        self.tree(node.tree)?.get(node.ino)
    }

    /// The inode of that id, to be changed; the caller has checked that it may.
    pub fn inode_mut(&mut self, node: NodeId) -> Option<&mut Inode> {
        self.tree_mut(node.tree)?.get_mut(node.ino)
    }

    /// The content of a regular file.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR`, `EINVAL` for what is no file.
    pub fn read_file(&self, cwd: &str, path: &str) -> Result<Arc<Vec<u8>>, Errno> {
        let found = self.find(cwd, path, true)?;
        match self.inode(found.node).map(|inode| &inode.kind) {
            Some(Kind::File(content)) => Ok(content.clone()),
            Some(Kind::Directory(_)) => Err(Errno::Eisdir),
            Some(Kind::Program(name)) => Ok(Arc::new(format!("\u{7f}ELF {name}\n").into_bytes())),
            Some(Kind::Device(_)) => Ok(Arc::default()),
            _ => Err(Errno::Einval),
        }
    }

    /// Creates or replaces a file. The umask of the caller decides the mode of a new one.
    ///
    /// # Errors
    /// As `create` and `set_content`.
    pub fn write_file(&mut self, cwd: &str, path: &str, content: &[u8], caller: Caller) -> Result<(), Errno> {
        let node = match self.find(cwd, path, true) {
            Ok(found) if self.is_read_only(found.node) => return Err(Errno::Erofs),
            Ok(found) if !self.allows(found.node, caller, 2) => return Err(Errno::Eacces),
            Ok(found) => found.node,
            Err(Errno::Enoent) => self.create(cwd, path, Kind::File(Arc::default()), 0o666 & !caller.umask, caller)?,
            Err(errno) => return Err(errno),
        };
        if matches!(self.inode(node).map(|inode| &inode.kind), Some(Kind::Device(_))) {
            return Ok(());
        }
        self.set_content(node, content.to_vec(), caller.now)
    }

    /// Puts an entry with its parents, replacing what is there: how images and homes are furnished.
    pub fn put(&mut self, path: &str, kind: Kind, mode: u32) {
        let caller = Caller { umask: 0o022, ..Caller::default() };
        if let Some((dir, _)) = path.rsplit_once('/')
            && !dir.is_empty()
        {
            let _ = self.make_dir("/", dir, true, caller);
        }
        let Ok((dir, name)) = self.parent("/", path) else { return };
        let held = match self.inode(dir).map(|inode| &inode.kind) {
            Some(Kind::Directory(entries)) => entries.get(&name).map(|ino| NodeId { tree: dir.tree, ino: *ino }),
            _ => None,
        };
        if let Some(held) = held {
            if self.inode(self.covered(held)).is_some_and(Inode::is_dir) || self.writable_dir(dir, caller).is_err() {
                return;
            }
            if let Ok(Some(gone)) = self.drop_name(dir, &name, caller.now) {
                self.release(gone);
            }
        }
        let size = if let Kind::File(content) = &kind { content.len() as u64 } else { 0 };
        if let Ok(node) = self.create_in(dir, &name, kind, mode, caller)
            && let Some(tree) = self.tree_mut(node.tree)
        {
            tree.used += size;
        }
    }

    /// Names of the entries of a directory, in order.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn list(&self, cwd: &str, path: &str) -> Result<Vec<(String, NodeId)>, Errno> {
        let found = self.find(cwd, path, true)?;
        match self.inode(found.node).map(|inode| &inode.kind) {
            Some(Kind::Directory(entries)) => Ok(entries
                .iter()
                .map(|(name, ino)| (name.clone(), self.covered(NodeId { tree: found.node.tree, ino: *ino })))
                .collect()),
            _ => Err(Errno::Enotdir),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_of_a_frozen_tree_does_not_see_later_writes() {
        let mut vfs = Vfs::default();
        vfs.put("/etc/motd", Kind::File(Arc::new(b"one".to_vec())), 0o644);
        let tree = vfs.into_root().freeze();
        let (mut a, b) = (Vfs::new(tree.clone()), Vfs::new(tree));
        a.write_file("/", "etc/motd", b"two", Caller::default()).unwrap();
        assert_eq!(*a.read_file("/etc", "motd").unwrap(), b"two");
        assert_eq!(*b.read_file("/etc", "motd").unwrap(), b"one");
    }

    #[test]
    fn a_link_loop_ends_in_eloop() {
        let mut vfs = Vfs::default();
        vfs.put("/a", Kind::Symlink("b".into()), 0o777);
        vfs.put("/b", Kind::Symlink("a".into()), 0o777);
        assert_eq!(vfs.find("/", "/a", true), Err(Errno::Eloop));
    }

    #[test]
    fn a_directory_cannot_move_into_itself() {
        let mut vfs = Vfs::default();
        vfs.make_dir("/", "/a/b", true, Caller::default()).unwrap();
        assert_eq!(vfs.rename("/", "/a", "/a/b/c", Caller::default()), Err(Errno::Einval));
    }

    #[test]
    fn a_full_tree_says_enospc() {
        let mut vfs = Vfs::new(Tree::with_limit(10));
        assert_eq!(vfs.write_file("/", "/x", &[0; 11], Caller::default()), Err(Errno::Enospc));
        assert_eq!(vfs.write_file("/", "/x", &[0; 10], Caller::default()), Ok(()));
    }
}
