//! The file system of a machine: trees of inodes whose unchanged part is shared, and mounts. Refuses to know
//! processes, descriptors or a clock: whoever writes brings the time.

use std::collections::BTreeMap;
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
    base: Arc<BTreeMap<u32, Inode>>,
    upper: BTreeMap<u32, Option<Inode>>,
    next: u32,
    used: u64,
    limit: u64,
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

const ROOT: u32 = 1;

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

    fn get(&self, ino: u32) -> Option<&Inode> {
        match self.upper.get(&ino) {
            Some(inode) => inode.as_ref(),
            None => self.base.get(&ino),
        }
    }

    fn get_mut(&mut self, ino: u32) -> Option<&mut Inode> {
        if !self.upper.contains_key(&ino) {
            let inode = self.base.get(&ino)?.clone();
            self.upper.insert(ino, Some(inode));
        }
        self.upper.get_mut(&ino)?.as_mut()
    }

    fn add(&mut self, inode: Inode) -> Result<u32, Errno> {
        if self.upper.len() >= TREE_INODES {
            return Err(Errno::Enospc);
        }
        let ino = self.next;
        self.next += 1;
        self.upper.insert(ino, Some(inode));
        Ok(ino)
    }

    fn remove(&mut self, ino: u32) {
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

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The inode.
    pub node: NodeId,
    /// The path without links, `.` and `..`.
    pub path: String,
}

impl Vfs {
    /// A name space whose root is `tree`.
    pub fn new(tree: Tree) -> Self {
        Self { root: tree, mounts: Vec::new(), read_only: false }
    }

    /// Makes the root tree read-only (`readOnlyRootFilesystem`).
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// Takes the root tree out, to freeze it into an image.
    pub fn into_root(self) -> Tree {
        self.root
    }

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

    fn mount_tree(
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

    /// Bytes written on top of the image, without mounts.
    pub fn used(&self) -> u64 {
        self.root.used
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

    /// Whether the tree of that inode refuses changes.
    pub fn is_read_only(&self, node: NodeId) -> bool {
        match node.tree.checked_sub(1) {
            None => self.read_only,
            Some(index) => self.mounts.get(index as usize).is_none_or(|mount| mount.read_only),
        }
    }

    /// Whether the caller has these permission bits (4 read, 2 write, 1 execute) on the inode.
    pub fn allows(&self, node: NodeId, caller: Caller, bits: u32) -> bool {
        let Some(inode) = self.inode(node) else { return false };
        if caller.uid == 0 {
            return bits & 1 == 0 || inode.is_dir() || inode.mode & 0o111 != 0;
        }
        let shift = if inode.uid == caller.uid {
            6
        } else if inode.gid == caller.gid {
            3
        } else {
            0
        };
        (inode.mode >> shift) & bits == bits
    }

    fn top(&self) -> NodeId {
        self.covered(NodeId { tree: 0, ino: ROOT })
    }

    fn covered(&self, node: NodeId) -> NodeId {
        let mut node = node;
        for (index, mount) in self.mounts.iter().enumerate() {
            if mount.at == node {
                node = NodeId { tree: index as u32 + 1, ino: mount.top };
            }
        }
        node
    }

    /// Where `path` leads, seen from the directory `cwd`. `follow` says whether a link at the very end is followed.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP`, `ENAMETOOLONG`.
    pub fn find(&self, cwd: &str, path: &str, follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::Enoent);
        }
        if path.len() > PATH_BYTES {
            return Err(Errno::Enametoolong);
        }
        let mut rest: Vec<&str> = parts(path).rev().collect();
        if !path.starts_with('/') {
            rest.extend(parts(cwd).rev());
        }
        let must_be_dir = path.ends_with('/') || path.ends_with("/.");
        let mut stack: Vec<(&str, NodeId)> = Vec::new();
        let mut node = self.top();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            let inode = self.inode(node).ok_or(Errno::Enoent)?;
            let Kind::Directory(entries) = &inode.kind else { return Err(Errno::Enotdir) };
            match part {
                "." => continue,
                ".." => {
                    stack.pop();
                    node = stack.last().map_or_else(|| self.top(), |(_, node)| *node);
                    continue;
                }
                _ => {}
            }
            if part.len() > NAME_BYTES {
                return Err(Errno::Enametoolong);
            }
            let ino = *entries.get(part).ok_or(Errno::Enoent)?;
            let next = self.covered(NodeId { tree: node.tree, ino });
            if let Some(Inode { kind: Kind::Symlink(target), .. }) = self.inode(next)
                && (follow || !rest.is_empty() || must_be_dir)
            {
                links += 1;
                if links > SYMLINKS {
                    return Err(Errno::Eloop);
                }
                if target.starts_with('/') {
                    stack.clear();
                    node = self.top();
                }
                rest.extend(parts(target).rev());
                continue;
            }
            stack.push((part, next));
            node = next;
        }
        if must_be_dir && !self.inode(node).is_some_and(Inode::is_dir) {
            return Err(Errno::Enotdir);
        }
        let mut found = String::new();
        for (part, _) in &stack {
            found.push('/');
            found.push_str(part);
        }
        if found.is_empty() {
            found.push('/');
        }
        Ok(Found { node, path: found })
    }

    /// The directory that holds the last part of `path`, and that part. A link at the end whose target is absent is
    /// followed, as creating through it would.
    fn parent(&self, cwd: &str, path: &str) -> Result<(NodeId, String), Errno> {
        let trimmed = path.trim_end_matches('/');
        let (dir, name) = match trimmed.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((dir, name)) => (dir, name),
            None => (".", trimmed),
        };
        if name.is_empty() || name == "." || name == ".." {
            return Err(if path.is_empty() { Errno::Enoent } else { Errno::Eexist });
        }
        if name.len() > NAME_BYTES {
            return Err(Errno::Enametoolong);
        }
        let found = self.find(cwd, dir, true)?;
        if !self.inode(found.node).is_some_and(Inode::is_dir) {
            return Err(Errno::Enotdir);
        }
        Ok((found.node, name.to_owned()))
    }

    fn writable_dir(&self, dir: NodeId, caller: Caller) -> Result<(), Errno> {
        if self.is_read_only(dir) {
            return Err(Errno::Erofs);
        }
        if !self.allows(dir, caller, 3) {
            return Err(Errno::Eacces);
        }
        Ok(())
    }

    fn link_in(&mut self, dir: NodeId, name: &str, ino: u32, now: Time) -> Result<(), Errno> {
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

    fn unlink_in(&mut self, dir: NodeId, name: &str, now: Time) -> Option<u32> {
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

    fn create_in(&mut self, dir: NodeId, name: &str, kind: Kind, mode: u32, caller: Caller) -> Result<NodeId, Errno> {
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

    fn change(&mut self, node: NodeId, len: u64, now: Time, edit: impl FnOnce(&mut Vec<u8>)) -> Result<(), Errno> {
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

    fn drop_name(&mut self, dir: NodeId, name: &str, now: Time) -> Result<Option<NodeId>, Errno> {
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

    fn path_of_parent(&self, cwd: &str, path: &str) -> Result<String, Errno> {
        let trimmed = path.trim_end_matches('/');
        let dir = match trimmed.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((dir, _)) => dir,
            None => ".",
        };
        self.find(cwd, dir, true).map(|found| found.path)
    }

    fn move_across(
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

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// `path` seen from `cwd`, without touching links: `.` and `..` are taken away by their names.
pub fn lexical(cwd: &str, path: &str) -> String {
    let mut stack: Vec<&str> = Vec::new();
    let from = if path.starts_with('/') { "" } else { cwd };
    for part in parts(from).chain(parts(path)) {
        match part {
            "." => {}
            ".." => drop(stack.pop()),
            _ => stack.push(part),
        }
    }
    format!("/{}", stack.join("/"))
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
