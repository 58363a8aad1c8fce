//! From a path to an inode, with links followed and permissions asked.

use super::tree::{Inode, Kind, NodeId};
use super::{Caller, NAME_BYTES, PATH_BYTES, SYMLINKS, Vfs};
use crate::shell::program::Errno;

impl Vfs {
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
    pub(super) fn parent(&self, cwd: &str, path: &str) -> Result<(NodeId, String), Errno> {
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

    pub(super) fn writable_dir(&self, dir: NodeId, caller: Caller) -> Result<(), Errno> {
        if self.is_read_only(dir) {
            return Err(Errno::Erofs);
        }
        if !self.allows(dir, caller, 3) {
            return Err(Errno::Eacces);
        }
        Ok(())
    }

    pub(super) fn path_of_parent(&self, cwd: &str, path: &str) -> Result<String, Errno> {
        let trimmed = path.trim_end_matches('/');
        let dir = match trimmed.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((dir, _)) => dir,
            None => ".",
        };
        self.find(cwd, dir, true).map(|found| found.path)
    }
}

pub(super) fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
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

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The inode.
    pub node: NodeId,
    /// The path without links, `.` and `..`.
    pub path: String,
}
