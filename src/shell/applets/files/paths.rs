//! Paths as words: `basename`, `dirname`, `readlink`.

use super::{missing, options};
use crate::shell::program::System;
use crate::shell::vfs::Kind;

applet!(basename, |args, kernel, out| {
    let Some(path) = args.get(1) else { return missing("basename", kernel, out) };
    let trimmed = path.trim_end_matches('/');
    let name =
        if trimmed.is_empty() && !path.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or_default() };
    let name = args
        .get(2)
        .and_then(|suffix| name.strip_suffix(suffix.as_str()).filter(|name| !name.is_empty()))
        .unwrap_or(name);
    out.out(&format!("{name}\n"));
    0
});

applet!(dirname, |args, kernel, out| {
    let Some(path) = args.get(1) else { return missing("dirname", kernel, out) };
    let dir = match path.trim_end_matches('/').rsplit_once('/') {
        Some((dir, _)) if dir.trim_end_matches('/').is_empty() => "/",
        Some((dir, _)) => dir.trim_end_matches('/'),
        None if path.starts_with('/') => "/",
        None => ".",
    };
    out.out(&format!("{dir}\n"));
    0
});

applet!(readlink, |args, kernel, out| {
    let Some(options) = options(args, "fenmvqs", "", kernel, out) else { return 1 };
    let mut status = 0;
    for word in &options.words {
        let full = options.has('f') || options.has('e') || args.first().is_some_and(|name| name.ends_with("realpath"));
        let found = kernel.vfs().find(&kernel.cwd(), word, full);
        let text = match found {
            Ok(found) if full => Some(found.path),
            Ok(found) => kernel
                .vfs()
                .inode(found.node)
                .and_then(|inode| if let Kind::Symlink(target) = &inode.kind { Some(target.clone()) } else { None }),
            Err(errno) => {
                if args.first().is_some_and(|name| name.ends_with("realpath")) {
                    out.err(&format!("realpath: {word}: {}\n", errno.message()));
                }
                None
            }
        };
        match text {
            Some(text) => out.out(&format!("{text}\n")),
            None => status = 1,
        }
    }
    status
});
