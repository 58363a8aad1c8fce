//! Redirections: their targets, and the change of descriptors with the way back.

use super::expand::{Expander, Halt};
use super::kernel::{Kernel, OpenMode};
use super::process::Dialect;
use super::program::{Errno, Fd};
use super::shell::Shell;
use super::syntax::{Redirect, RedirectKind};

/// A redirection whose target is known.
#[derive(Clone, Debug)]
pub struct Resolved {
    fd: Fd,
    kind: RedirectKind,
    target: String,
}

/// Expands the targets.
pub fn resolve(expander: &mut Expander, redirects: &[Redirect]) -> Result<Vec<Resolved>, Halt> {
    let mut list = Vec::new();
    for redirect in redirects {
        let mut target = expander.value(&redirect.target)?;
        if redirect.kind == RedirectKind::Text {
            target.push('\n');
        }
        let default = match redirect.kind {
            RedirectKind::Read
            | RedirectKind::ReadWrite
            | RedirectKind::DupIn
            | RedirectKind::Document
            | RedirectKind::Text => 0,
            _ => 1,
        };
        let mut kind = redirect.kind;
        // `>&file` is bash's and ash's older form of `&>file`.
        if kind == RedirectKind::DupOut && redirect.fd.is_none() && target != "-" && target.parse::<i32>().is_err() {
            kind = RedirectKind::Both;
        }
        list.push(Resolved { fd: redirect.fd.unwrap_or(default), kind, target });
    }
    Ok(list)
}

/// Changes the descriptors; what they were before comes back, to be given to `restore`. On an error everything is
/// put back and the message is the error.
pub fn apply(shell: &Shell, kernel: &mut Kernel, redirects: &[Resolved]) -> Result<Vec<(Fd, Option<Fd>)>, String> {
    let mut saved = Vec::new();
    for redirect in redirects {
        saved.push((redirect.fd, kernel.save_fd(redirect.fd)));
        if matches!(redirect.kind, RedirectKind::Both | RedirectKind::BothAppend) {
            saved.push((2, kernel.save_fd(2)));
        }
        if let Err(errno) = change(shell, kernel, redirect) {
            restore(kernel, saved);
            return Err(message(shell, redirect, errno));
        }
    }
    Ok(saved)
}

/// Puts descriptors back as they were.
pub fn restore(kernel: &mut Kernel, saved: Vec<(Fd, Option<Fd>)>) {
    for (fd, place) in saved.into_iter().rev() {
        match place {
            Some(place) => drop(kernel.move_fd(place, fd)),
            None => drop(kernel.close(fd)),
        }
    }
}

/// Forgets what was saved: the change stays (`exec >file`).
pub fn keep(kernel: &mut Kernel, saved: Vec<(Fd, Option<Fd>)>) {
    for place in saved.into_iter().filter_map(|(_, place)| place) {
        let _ = kernel.close(place);
    }
}

fn change(shell: &Shell, kernel: &mut Kernel, redirect: &Resolved) -> Result<(), Errno> {
    let mode = match redirect.kind {
        RedirectKind::Read => OpenMode::Read,
        RedirectKind::Write | RedirectKind::Both if shell.options.noclobber => OpenMode::Exclusive,
        RedirectKind::Write | RedirectKind::Clobber | RedirectKind::Both => OpenMode::Truncate,
        RedirectKind::Append | RedirectKind::BothAppend => OpenMode::Append,
        RedirectKind::ReadWrite => OpenMode::ReadWrite,
        RedirectKind::Document | RedirectKind::Text => {
            let fd = kernel.memory_file(redirect.target.clone().into_bytes())?;
            return kernel.move_fd(fd, redirect.fd);
        }
        RedirectKind::DupIn | RedirectKind::DupOut => {
            if redirect.target == "-" {
                let _ = kernel.close(redirect.fd);
                return Ok(());
            }
            let from: Fd = redirect.target.trim_end_matches('-').parse().map_err(|_| Errno::Einval)?;
            if !(0..1000).contains(&from) {
                return Err(Errno::Ebadf);
            }
            return kernel.dup2(from, redirect.fd);
        }
    };
    if redirect.target.is_empty() {
        return Err(Errno::Enoent);
    }
    // The descriptor is free while the file is opened, as `open` takes the lowest free one.
    let fd = kernel.open(&redirect.target, mode)?;
    kernel.move_fd(fd, redirect.fd)?;
    if matches!(redirect.kind, RedirectKind::Both | RedirectKind::BothAppend) {
        kernel.dup2(redirect.fd, 2)?;
    }
    Ok(())
}

/// dash's and ash's short forms of some errors.
pub fn short(errno: Errno, create: bool) -> &'static str {
    match (errno, create) {
        (Errno::Enoent, false) => "No such file",
        (Errno::Enoent, true) => "Directory nonexistent",
        (errno, _) => errno.message(),
    }
}

fn message(shell: &Shell, redirect: &Resolved, errno: Errno) -> String {
    let target = &redirect.target;
    let is_dup = matches!(redirect.kind, RedirectKind::DupIn | RedirectKind::DupOut);
    let create = !matches!(redirect.kind, RedirectKind::Read);
    let text = match (shell.dialect, errno) {
        (Dialect::Bash, Errno::Einval) if is_dup => format!("{target}: ambiguous redirect"),
        (Dialect::Bash, Errno::Eexist) => format!("{target}: cannot overwrite existing file"),
        (Dialect::Bash, errno) => format!("{target}: {}", errno.message()),
        (Dialect::Dash, _) if is_dup => format!("{target}: {}", errno.message()),
        (Dialect::Dash, errno) => {
            format!("cannot {} {target}: {}", if create { "create" } else { "open" }, short(errno, create))
        }
        (Dialect::Ash, _) if is_dup => format!("dup2({target},{}): {}", redirect.fd, errno.message()),
        (Dialect::Ash, Errno::Enoent) => format!(
            "can't {} {target}: {}",
            if create { "create" } else { "open" },
            if create { "nonexistent directory" } else { "no such file" }
        ),
        (Dialect::Ash, errno) => {
            format!("can't {} {target}: {}", if create { "create" } else { "open" }, errno.message())
        }
    };
    shell.complaint(&text)
}
