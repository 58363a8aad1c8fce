//! From a name to a program that runs.

use super::{Core, Dialect};
use crate::shell::applets;
use crate::shell::program::Errno;
use crate::shell::shell::Shell;
use crate::shell::task::{Guest, Task};
use crate::shell::vfs::{Caller, Inode, Kind};

impl Core {
    /// The file that `name` runs: itself when it has a `/`, else the first in the directories of `$PATH`.
    pub(in crate::shell) fn which(
        &self,
        name: &str,
        path: Option<&str>,
        cwd: &str,
        user: (u32, u32),
    ) -> Result<String, Errno> {
        let caller = Caller { uid: user.0, gid: user.1, ..Caller::default() };
        let runnable = |path: &str| -> Result<String, Errno> {
            let found = self.vfs.find(cwd, path, true)?;
            if self.vfs.inode(found.node).is_none_or(Inode::is_dir) {
                return Err(Errno::Eacces);
            }
            if !self.vfs.allows(found.node, caller, 1) {
                return Err(Errno::Eacces);
            }
            Ok(path.to_owned())
        };
        if name.is_empty() {
            return Err(Errno::Enoent);
        }
        if name.contains('/') {
            return runnable(name);
        }
        let mut refused = Errno::Enoent;
        for dir in path.unwrap_or(DEFAULT_PATH).split(':') {
            let dir = if dir.is_empty() { "." } else { dir };
            match runnable(&format!("{}/{name}", dir.trim_end_matches('/'))) {
                Ok(path) => return Ok(path),
                Err(Errno::Eacces)
                    if self
                        .vfs
                        .find(cwd, &format!("{dir}/{name}"), true)
                        .is_ok_and(|found| !self.vfs.inode(found.node).is_some_and(Inode::is_dir)) =>
                {
                    refused = Errno::Eacces;
                }
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// What the executable at `path` runs when called with `argv`, and the arguments it gets.
    pub(in crate::shell) fn load(
        &self,
        path: &str,
        argv: &[String],
        cwd: &str,
    ) -> Result<(Box<dyn Task>, Vec<String>), Errno> {
        let mut path = path.to_owned();
        let mut argv = argv.to_vec();
        for _ in 0..4 {
            let found = self.vfs.find(cwd, &path, true)?;
            match self.vfs.inode(found.node).map(|inode| &inode.kind) {
                Some(Kind::Program(name)) => return Ok((self.start(name, &argv)?, argv)),
                Some(Kind::File(content)) => {
                    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    let Some(interpreter) = line.strip_prefix(b"#!") else {
                        if content.iter().take(80).any(|byte| *byte == 0) {
                            return Err(Errno::Enoexec);
                        }
                        // As execvp and every shell do: a text without `#!` is a script for `sh`.
                        argv = script_argv("sh", None, &path, &argv);
                        return Ok((self.start("sh", &argv)?, argv));
                    };
                    let text = String::from_utf8_lossy(interpreter).trim().to_owned();
                    let (program, argument) = match text.split_once(char::is_whitespace) {
                        Some((program, argument)) => (program.to_owned(), Some(argument.trim().to_owned())),
                        None => (text, None),
                    };
                    argv = script_argv(&program, argument.as_deref(), &path, &argv);
                    path = program;
                }
                Some(Kind::Directory(_)) => return Err(Errno::Eacces),
                _ => return Err(Errno::Enoexec),
            }
        }
        Err(Errno::Eloop)
    }

    pub(super) fn start(&self, name: &str, argv: &[String]) -> Result<Box<dyn Task>, Errno> {
        let called = argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
        if name == "busybox" {
            return match argv.split_first() {
                Some((_, rest)) if called == "busybox" && !rest.is_empty() => {
                    let applet = rest.first().map(String::as_str).unwrap_or_default();
                    if applets::find(applet).is_none() && !SHELLS.contains(&applet) {
                        return Ok(applets::not_found(applet));
                    }
                    self.start(applet, rest)
                }
                _ if called != "busybox" => self.start(called.trim_start_matches('-'), argv),
                _ => self.start("busybox-help", argv),
            };
        }
        if SHELLS.contains(&name) {
            let dialect = match name {
                "bash" => Dialect::Bash,
                "dash" => Dialect::Dash,
                _ => self.dialect,
            };
            return Ok(Box::new(Shell::from_args(dialect, argv)));
        }
        if let Some(make) = self.programs.find(name) {
            return Ok(Box::new(Guest(make(argv))));
        }
        applets::find(name).map(|applet| (applet.make)(argv)).ok_or(Errno::Enoexec)
    }
}

/// Names that start the shell.
pub const SHELLS: [&str; 4] = ["sh", "ash", "bash", "dash"];

/// Where commands are looked for without `$PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn script_argv(interpreter: &str, argument: Option<&str>, path: &str, argv: &[String]) -> Vec<String> {
    let mut new = vec![interpreter.to_owned()];
    new.extend(argument.map(str::to_owned));
    new.push(path.to_owned());
    new.extend(argv.iter().skip(1).cloned());
    new
}
