//! Mounts: which tree stands at which path.

use std::sync::Arc;

use super::tree::{Inode, Kind, NodeId, ROOT, Tree};
use super::{Caller, Mounted, Vfs};
use crate::shell::program::Errno;

impl Vfs {
    /// Mounts `tree` (or its `sub_path`) at `path`, which is created when absent: as a file when what is mounted is one.
    ///
    /// # Errors
    /// When the mount point or the sub-path cannot be made.
    pub fn mount(&mut self, path: &str, tree: Tree, sub_path: &str, read_only: bool) -> Result<usize, Errno> {
        self.mount_tree(path, tree, None, sub_path, read_only)
    }

    /// Mounts what is mounted as number `first` (or a `sub_path` of it) at another path: both show the same files.
    ///
    /// # Errors
    /// As [`Vfs::mount`].
    pub fn mount_again(&mut self, path: &str, first: usize, sub_path: &str, read_only: bool) -> Result<usize, Errno> {
        let shares = u32::try_from(first).map_err(|_| Errno::Einval)?;
        let tree = std::mem::take(&mut self.mounts.get_mut(first).ok_or(Errno::Einval)?.tree);
        self.mount_tree(path, tree, Some(shares), sub_path, read_only)
    }

    pub(super) fn mount_tree(
        &mut self,
        path: &str,
        mut tree: Tree,
        shares: Option<u32>,
        sub_path: &str,
        read_only: bool,
    ) -> Result<usize, Errno> {
        let mut top = ROOT;
        if !sub_path.is_empty() {
            let mut scratch = Vfs::new(std::mem::take(&mut tree));
            if scratch.find("/", sub_path, true).is_err() {
                scratch.make_dir("/", sub_path, true, Caller::default())?;
            }
            top = scratch.find("/", sub_path, true)?.node.ino;
            tree = scratch.into_root();
        }
        let is_dir = tree.get(top).is_none_or(Inode::is_dir);
        if let Some(first) = shares.and_then(|first| self.mounts.get_mut(first as usize)) {
            first.tree = std::mem::take(&mut tree);
        }
        let (root_only, caller) = (std::mem::replace(&mut self.read_only, false), Caller::default());
        if self.find("/", path, true).is_err() {
            if is_dir {
                self.make_dir("/", path, true, caller)?;
            } else {
                let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
                self.make_dir("/", parent, true, caller)?;
                self.create("/", path, Kind::File(Arc::default()), 0o644, caller)?;
            }
        }
        self.read_only = root_only;
        let found = self.find("/", path, true)?;
        self.mounts.push(Mounted { at: found.node, path: found.path, tree, shares, top, read_only });
        Ok(self.mounts.len() - 1)
    }

    /// The mount points with whether they are read-only.
    pub fn mount_points(&self) -> impl Iterator<Item = (&str, bool)> {
        self.mounts.iter().map(|mount| (mount.path.as_str(), mount.read_only))
    }

    /// Exchanges the tree mounted as number `index` with `tree`: how a volume that several machines share is lent to
    /// the one that runs.
    pub fn swap_mount(&mut self, index: usize, tree: &mut Tree) {
        if let Some(mount) = self.mounts.get_mut(index).filter(|mount| mount.shares.is_none()) {
            std::mem::swap(&mut mount.tree, tree);
        }
    }

    /// Takes the root tree out, to freeze it into an image.
    pub fn into_root(self) -> Tree {
        self.root
    }

    /// Makes the root tree read-only (`readOnlyRootFilesystem`).
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// Bytes written on top of the image, without mounts.
    pub fn used(&self) -> u64 {
        self.root.used
    }

    /// Whether the tree of that inode refuses changes.
    pub fn is_read_only(&self, node: NodeId) -> bool {
        match node.tree.checked_sub(1) {
            None => self.read_only,
            Some(index) => self.mounts.get(index as usize).is_none_or(|mount| mount.read_only),
        }
    }

    pub(super) fn top(&self) -> NodeId {
        self.covered(NodeId { tree: 0, ino: ROOT })
    }

    pub(super) fn covered(&self, node: NodeId) -> NodeId {
        let mut node = node;
        for (index, mount) in self.mounts.iter().enumerate() {
            if mount.at == node {
                node = NodeId { tree: index as u32 + 1, ino: mount.top };
            }
        }
        node
    }
}
