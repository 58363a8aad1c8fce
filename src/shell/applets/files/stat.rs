//! What is known of files: `stat` and `du`.

use super::ls::letters;
use super::{account, human, options};
use crate::shell::applets::system::strftime;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::shell::vfs::Kind;

applet!(stat, |args, kernel, out| {
    let Some(options) = options(args, "Ltf", "c", kernel, out) else { return 1 };
    let mut status = 0;
    for word in &options.words {
        let found = kernel.vfs().find(&kernel.cwd(), word, options.has('L'));
        let Some(inode) = found.as_ref().ok().and_then(|found| kernel.vfs().inode(found.node)) else {
            status = 1;
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("stat: cannot statx '{word}': No such file or directory\n"),
                Flavour::Busybox => format!("stat: can't stat '{word}': No such file or directory\n"),
            });
            continue;
        };
        let kind = match inode.kind {
            Kind::Directory(_) => "directory",
            Kind::Symlink(_) => "symbolic link",
            Kind::File(ref content) if content.is_empty() => "regular empty file",
            Kind::Device(_) => "character special file",
            Kind::Fifo => "fifo",
            Kind::File(_) | Kind::Program(_) => "regular file",
        };
        let user = account(kernel, "/etc/passwd", inode.uid);
        let time = strftime("%Y-%m-%d %H:%M:%S.000000000 +0000", inode.modified).unwrap_or_default();
        match options.value('c') {
            Some(format) => {
                let text = format
                    .replace("%n", word)
                    .replace("%s", &inode.size().to_string())
                    .replace("%a", &format!("{:o}", inode.mode))
                    .replace("%A", &letters(inode))
                    .replace("%U", &user)
                    .replace("%u", &inode.uid.to_string())
                    .replace("%F", kind)
                    .replace("%Y", &inode.modified.as_seconds().to_string())
                    .replace("%y", &time);
                out.out(&format!("{text}\n"));
            }
            None => out.out(&format!("  File: {word}\n  Size: {:<10}\tBlocks: {:<10} IO Block: 4096   {kind}\nAccess: ({:04o}/{})  Uid: ({:5}/{user:>8})   Gid: ({:5}/{:>8})\nModify: {time}\n", inode.size(), inode.size().div_ceil(512), inode.mode, letters(inode), inode.uid, inode.gid, account(kernel, "/etc/group", inode.gid))),
        }
    }
    status
});

applet!(du, |args, kernel, out| {
    let Some(options) = options(args, "shakcmx", "d", kernel, out) else { return 1 };
    let words = if options.words.is_empty() { vec![".".to_owned()] } else { options.words.clone() };
    let mut status = 0;
    for word in words {
        let mut total = 0;
        crate::shell::applets::walk(kernel, &word, &mut |_, _, inode| total += inode.size().div_ceil(4096) * 4);
        if total == 0 && kernel.file_info(&word).is_err() {
            out.err(&format!("du: cannot access '{word}': No such file or directory\n"));
            status = 1;
            continue;
        }
        out.out(&format!("{}\t{word}\n", if options.has('h') { human(total * 1024) } else { total.to_string() }));
    }
    status
});
