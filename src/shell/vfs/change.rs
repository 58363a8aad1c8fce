//! What changes a tree: files and folders made, linked, renamed and taken away.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lookup::parts;
use super::tree::{Inode, Kind, NodeId};
use super::{Caller, FILE_BYTES, Vfs};
use crate::shell::program::Errno;
use crate::sim::Time;

impl Vfs {
    pub(super) fn link_in(&mut self, dir: NodeId, name: &str, ino: u32, now: Time) -> Result<(), Errno> {
        let inode = self.inode_mut(dir).ok_or(Errno::Enoent)?;
        inode.modified = now;
        match &mut inode.kind {
            Kind::Directory(entries) => {
                entries.insert(name.to_owned(), ino);
                Ok(())
            }
            _ => Err(Errno::Enotdir),
        }
    }

    pub(super) fn unlink_in(&mut self, dir: NodeId, name: &str, now: Time) -> Option<u32> {
        let inode = self.inode_mut(dir)?;
        inode.modified = now;
        match &mut inode.kind {
            Kind::Directory(entries) => entries.remove(name),
            _ => None,
        }
    }

    /// Creates a new entry that must not exist yet.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EACCES`, `EROFS`, `ENOSPC`.
    pub fn create(&mut self, cwd: &str, path: &str, kind: Kind, mode: u32, caller: Caller) -> Result<NodeId, Errno> {
        let (dir, name) = match self.find(cwd, path, false) {
            Ok(found) => match self.inode(found.node).map(|inode| &inode.kind) {
                Some(Kind::Symlink(target)) if matches!(kind, Kind::File(_)) => {
                    let holder =
                        found.path.rsplit_once('/').map_or("/", |(dir, _)| if dir.is_empty() { "/" } else { dir });
                    self.parent(holder, &target.clone())?
                }
                _ => return Err(Errno::Eexist),
            },
            Err(_) => self.parent(cwd, path)?,
        };
        self.create_in(dir, &name, kind, mode, caller)
    }

    pub(super) fn create_in(
        &mut self,
        dir: NodeId,
        name: &str,
        kind: Kind,
        mode: u32,
        caller: Caller,
    ) -> Result<NodeId, Errno> {
        self.writable_dir(dir, caller)?;
        let links = if matches!(kind, Kind::Directory(_)) { 2 } else { 1 };
        let inode = Inode { kind, mode, uid: caller.uid, gid: caller.gid, modified: caller.now, links };
        let ino = self.tree_mut(dir.tree).ok_or(Errno::Enoent)?.add(inode)?;
        self.link_in(dir, name, ino, caller.now)?;
        Ok(NodeId { tree: dir.tree, ino })
    }

    /// Creates a directory; with `parents`, also those above it, and an existing one is no error.
    ///
    /// # Errors
    /// As `create`.
    pub fn make_dir(&mut self, cwd: &str, path: &str, parents: bool, caller: Caller) -> Result<(), Errno> {
        let mode = 0o777 & !caller.umask;
        let empty = || Kind::Directory(BTreeMap::new());
        if !parents {
            return self.create(cwd, path, empty(), mode, caller).map(drop);
        }
        if self.find(cwd, path, true).is_ok_and(|found| self.inode(found.node).is_some_and(Inode::is_dir)) {
            return Ok(());
        }
        let mut built = if path.starts_with('/') { String::new() } else { cwd.trim_end_matches('/').to_owned() };
        for part in parts(path) {
            built.push('/');
            built.push_str(part);
            match self.find("/", &built, true) {
                Ok(found) if self.inode(found.node).is_some_and(Inode::is_dir) => {}
                Ok(_) => return Err(Errno::Enotdir),
                Err(Errno::Enoent) => drop(self.create("/", &built, empty(), mode, caller)?),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Replaces the content of the file `node`.
    ///
    /// # Errors
    /// `ENOSPC` over a limit, `EISDIR` or `EINVAL` for what is no file.
    pub fn set_content(&mut self, node: NodeId, content: Vec<u8>, now: Time) -> Result<(), Errno> {
        self.change(node, content.len() as u64, now, |old| *old = content)
    }

    /// Writes `bytes` at `offset`, filling a gap with zeroes.
    ///
    /// # Errors
    /// As `set_content`.
    pub fn write_at(&mut self, node: NodeId, offset: u64, bytes: &[u8], now: Time) -> Result<(), Errno> {
        let old_len = self.inode(node).map_or(0, Inode::size);
        let end = offset.saturating_add(bytes.len() as u64);
        self.change(node, old_len.max(end), now, |content| {
            let start = offset as usize;
            if content.len() < start + bytes.len() {
                content.resize(start + bytes.len(), 0);
            }
            if let Some(room) = content.get_mut(start..start + bytes.len()) {
                room.copy_from_slice(bytes);
            }
        })
    }

    pub(super) fn change(
        &mut self,
        node: NodeId,
        len: u64,
        now: Time,
        edit: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Errno> {
        let tree = self.tree_mut(node.tree).ok_or(Errno::Enoent)?;
        let (used, limit) = (tree.used, tree.limit);
        let inode = tree.get_mut(node.ino).ok_or(Errno::Enoent)?;
        let content = match &mut inode.kind {
            Kind::File(content) => content,
            Kind::Directory(_) => return Err(Errno::Eisdir),
            _ => return Err(Errno::Einval),
        };
        let old = content.len() as u64;
        let new_used = used.saturating_sub(old).saturating_add(len);
        if len > FILE_BYTES || (new_used > limit && len > old) {
            return Err(Errno::Enospc);
        }
        edit(Arc::make_mut(content));
        inode.modified = now;
        tree.used = new_used;
        Ok(())
    }

    /// Removes the name `path` of something that is no directory. Gives the inode when that was its last name: free
    /// it with `release` when nothing has it open.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR`, `EACCES`, `EROFS`.
    pub fn unlink(&mut self, cwd: &str, path: &str, caller: Caller) -> Result<Option<NodeId>, Errno> {
        let found = self.find(cwd, path, false)?;
        if self.inode(found.node).is_some_and(Inode::is_dir) {
            return Err(Errno::Eisdir);
        }
        let (dir, name) = self.parent(cwd, path)?;
        self.writable_dir(dir, caller)?;
        self.drop_name(dir, &name, caller.now)
    }

    pub(super) fn drop_name(&mut self, dir: NodeId, name: &str, now: Time) -> Result<Option<NodeId>, Errno> {
        let ino = self.unlink_in(dir, name, now).ok_or(Errno::Enoent)?;
        let node = NodeId { tree: dir.tree, ino };
        let Some(inode) = self.inode_mut(node) else { return Ok(None) };
        inode.links = inode.links.saturating_sub(1);
        Ok((inode.links == 0).then_some(node))
    }

    /// Frees an inode without names that nothing has open.
    pub fn release(&mut self, node: NodeId) {
        if self.inode(node).is_some_and(|inode| inode.links == 0)
            && let Some(tree) = self.tree_mut(node.tree)
        {
            tree.remove(node.ino);
        }
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOTDIR`, and as `unlink`.
    pub fn remove_dir(&mut self, cwd: &str, path: &str, caller: Caller) -> Result<(), Errno> {
        let found = self.find(cwd, path, false)?;
        match self.inode(found.node).map(|inode| &inode.kind) {
            Some(Kind::Directory(entries)) if entries.is_empty() => {}
            Some(Kind::Directory(_)) => return Err(Errno::Enotempty),
            _ => return Err(Errno::Enotdir),
        }
        if self.mounts.iter().any(|mount| mount.path == found.path) {
            return Err(Errno::Eperm);
        }
        let (dir, name) = self.parent("/", &found.path)?;
        self.writable_dir(dir, caller)?;
        if let Some(ino) = self.unlink_in(dir, &name, caller.now)
            && let Some(tree) = self.tree_mut(dir.tree)
        {
            tree.remove(ino);
        }
        Ok(())
    }

    /// Gives the inode at `from` a second name.
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` for a directory or across file systems.
    pub fn link(&mut self, cwd: &str, from: &str, to: &str, caller: Caller) -> Result<(), Errno> {
        let found = self.find(cwd, from, false)?;
        if self.inode(found.node).is_some_and(Inode::is_dir) {
            return Err(Errno::Eperm);
        }
        if self.find(cwd, to, false).is_ok() {
            return Err(Errno::Eexist);
        }
        let (dir, name) = self.parent(cwd, to)?;
        if dir.tree != found.node.tree {
            return Err(Errno::Eperm);
        }
        self.writable_dir(dir, caller)?;
        self.link_in(dir, &name, found.node.ino, caller.now)?;
        if let Some(inode) = self.inode_mut(found.node) {
            inode.links += 1;
        }
        Ok(())
    }

    /// Moves `from` to `to`, replacing a file there. A directory moves only within its file system.
    ///
    /// # Errors
    /// As the calls it is made of; `EINVAL` when a directory would go into itself.
    pub fn rename(&mut self, cwd: &str, from: &str, to: &str, caller: Caller) -> Result<(), Errno> {
        let source = self.find(cwd, from, false)?;
        let is_dir = self.inode(source.node).is_some_and(Inode::is_dir);
        let (from_dir, from_name) = self.parent("/", &source.path)?;
        let (to_dir, to_name) = self.parent(cwd, to)?;
        self.writable_dir(from_dir, caller)?;
        self.writable_dir(to_dir, caller)?;
        if let Ok(target) = self.find(cwd, to, false) {
            if target.node == source.node {
                return Ok(());
            }
            if is_dir && format!("{}/", target.path).starts_with(&format!("{}/", source.path)) {
                return Err(Errno::Einval);
            }
            let target_is_dir = self.inode(target.node).is_some_and(Inode::is_dir);
            match (is_dir, target_is_dir) {
                (false, true) => return Err(Errno::Eisdir),
                (true, false) => return Err(Errno::Enotdir),
                (true, true) => self.remove_dir("/", &target.path, caller)?,
                (false, false) => {
                    if let Some(gone) = self.unlink("/", &target.path, caller)? {
                        self.release(gone);
                    }
                }
            }
        } else if is_dir {
            let into = self.path_of_parent(cwd, to)?;
            if format!("{into}/").starts_with(&format!("{}/", source.path)) {
                return Err(Errno::Einval);
            }
        }
        if from_dir.tree != to_dir.tree {
            return self.move_across(source.node, from_dir, &from_name, to_dir, &to_name, caller);
        }
        let ino = self.unlink_in(from_dir, &from_name, caller.now).ok_or(Errno::Enoent)?;
        self.link_in(to_dir, &to_name, ino, caller.now)
    }

    pub(super) fn move_across(
        &mut self,
        node: NodeId,
        from_dir: NodeId,
        from_name: &str,
        to_dir: NodeId,
        to_name: &str,
        caller: Caller,
    ) -> Result<(), Errno> {
        let inode = self.inode(node).cloned().ok_or(Errno::Enoent)?;
        if inode.is_dir() {
            return Err(Errno::Eperm);
        }
        let len = inode.size();
        let tree = self.tree_mut(to_dir.tree).ok_or(Errno::Enoent)?;
        if tree.used + len > tree.limit {
            return Err(Errno::Enospc);
        }
        if matches!(inode.kind, Kind::File(_)) {
            tree.used += len;
        }
        let ino = tree.add(Inode { links: 1, ..inode })?;
        self.link_in(to_dir, to_name, ino, caller.now)?;
        if let Some(gone) = self.drop_name(from_dir, from_name, caller.now)? {
            self.release(gone);
        }
        Ok(())
    }
}
