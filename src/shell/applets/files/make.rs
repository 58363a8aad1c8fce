//! What makes files and folders and takes them away: `mkdir`, `rmdir`, `rm`, `touch`, `mktemp`, `truncate`, `ln`.

use super::{missing, options, target_of};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::vfs::{Inode, Kind};

applet!(mkdir, |args, kernel, out| {
    let Some(options) = options(args, "pv", "m", kernel, out) else { return 1 };
    if options.words.is_empty() {
        return missing("mkdir", kernel, out);
    }
    let mut status = 0;
    for word in &options.words {
        if let Err(errno) = kernel.create_dir(word, options.has('p')) {
            status = 1;
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("mkdir: cannot create directory ‘{word}’: {}\n", errno.message()),
                Flavour::Busybox => format!("mkdir: can't create directory '{word}': {}\n", errno.message()),
            });
        }
    }
    status
});

applet!(rmdir, |args, kernel, out| {
    let Some(options) = options(args, "pv", "", kernel, out) else { return 1 };
    let mut status = 0;
    for word in &options.words {
        let (cwd, caller) = (kernel.cwd(), kernel.caller());
        if let Err(errno) = kernel.vfs_mut().remove_dir(&cwd, word, caller) {
            status = 1;
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("rmdir: failed to remove '{word}': {}\n", errno.message()),
                Flavour::Busybox => format!("rmdir: '{word}': {}\n", errno.message()),
            });
        }
    }
    status
});

/// Removes a file, or a directory with everything in it.
pub(super) fn remove(kernel: &mut Kernel, path: &str) -> Result<(), Errno> {
    let mut dirs = Vec::new();
    let mut files = Vec::new();
    crate::shell::applets::walk(kernel, path, &mut |_, path, inode| {
        if inode.is_dir() { dirs.push(path.to_owned()) } else { files.push(path.to_owned()) }
    });
    for file in files {
        kernel.remove_file(&file)?;
    }
    for dir in dirs.iter().rev() {
        let (cwd, caller) = (kernel.cwd(), kernel.caller());
        kernel.vfs_mut().remove_dir(&cwd, dir, caller)?;
    }
    Ok(())
}

applet!(rm, |args, kernel, out| {
    let Some(options) = options(args, "rRfivd", "", kernel, out) else { return 1 };
    if options.words.is_empty() && !options.has('f') {
        return missing("rm", kernel, out);
    }
    let recursive = options.has('r') || options.has('R');
    let gnu = kernel.flavour() == Flavour::Gnu;
    let mut status = 0;
    for word in &options.words {
        let last = word.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if word.trim_end_matches('/').is_empty() && recursive {
            out.err("rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n");
            status = 1;
            continue;
        }
        if matches!(last, "." | "..") {
            out.err(&format!("rm: refusing to remove '.' or '..' directory: skipping '{word}'\n"));
            status = 1;
            continue;
        }
        let found = kernel.vfs().find(&kernel.cwd(), word, false);
        let result = match found {
            Err(Errno::Enoent) if options.has('f') => Ok(()),
            Err(errno) => Err(errno),
            Ok(found) if kernel.vfs().inode(found.node).is_some_and(Inode::is_dir) && !recursive => Err(Errno::Eisdir),
            Ok(_) => remove(kernel, word),
        };
        if let Err(errno) = result {
            status = 1;
            out.err(&match (gnu, errno) {
                (true, errno) => format!("rm: cannot remove '{word}': {}\n", errno.message()),
                (false, Errno::Eisdir) => format!("rm: '{word}' is a directory\n"),
                (false, errno) => format!("rm: can't remove '{word}': {}\n", errno.message()),
            });
        }
    }
    status
});

applet!(touch, |args, kernel, out| {
    let Some(options) = options(args, "camh", "dtr", kernel, out) else { return 1 };
    if options.words.is_empty() {
        out.err("touch: missing file operand\nTry 'touch --help' for more information.\n");
        return 1;
    }
    let mut status = 0;
    for word in &options.words {
        let (cwd, now) = (kernel.cwd(), kernel.now());
        let result = match kernel.vfs().find(&cwd, word, true) {
            Ok(found) => {
                if let Some(inode) = kernel.vfs_mut().inode_mut(found.node) {
                    inode.modified = now;
                }
                Ok(())
            }
            Err(Errno::Enoent) if options.has('c') => Ok(()),
            Err(Errno::Enoent) => kernel.write_file(word, b""),
            Err(errno) => Err(errno),
        };
        if let Err(errno) = result {
            status = 1;
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("touch: cannot touch '{word}': {}\n", errno.message()),
                Flavour::Busybox => format!("touch: {word}: {}\n", errno.message()),
            });
        }
    }
    status
});

applet!(mktemp, |args, kernel, out| {
    let Some(options) = options(args, "dqut", "p", kernel, out) else { return 1 };
    let template = options
        .words
        .first()
        .cloned()
        .unwrap_or_else(|| format!("{}/tmp.XXXXXXXXXX", options.value('p').unwrap_or("/tmp")));
    let count = template.len() - template.trim_end_matches('X').len();
    let mut name = template.trim_end_matches('X').to_owned();
    for _ in 0..count {
        let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let index = kernel.random() as usize % alphabet.len();
        name.push(char::from(alphabet.get(index).copied().unwrap_or(b'a')));
    }
    let result = if options.has('d') { kernel.create_dir(&name, false) } else { kernel.write_file(&name, b"") };
    match result {
        Ok(()) => {
            out.out(&format!("{name}\n"));
            0
        }
        Err(errno) => {
            out.err(&format!("mktemp: {name}: {}\n", errno.message()));
            1
        }
    }
});

applet!(truncate, |args, kernel, out| {
    let Some(options) = options(args, "c", "s", kernel, out) else { return 1 };
    let size: usize = options.value('s').and_then(|text| text.parse().ok()).unwrap_or(0);
    for word in &options.words {
        let mut content = kernel.read_file(word).unwrap_or_default();
        content.resize(size.min(16 << 20), 0);
        if let Err(errno) = kernel.write_file(word, &content) {
            out.err(&format!("truncate: {word}: {}\n", errno.message()));
            return 1;
        }
    }
    0
});

applet!(ln, |args, kernel, out| {
    let Some(options) = options(args, "sfnvT", "t", kernel, out) else { return 1 };
    let Some((target, sources)) = options.words.split_last() else { return missing("ln", kernel, out) };
    let sources = if sources.is_empty() { std::slice::from_ref(target) } else { sources };
    let target = if options.words.len() == 1 { "." } else { target.as_str() };
    let mut status = 0;
    for source in sources {
        let to = if options.has('n') { target.to_owned() } else { target_of(kernel, source, target) };
        let (cwd, caller) = (kernel.cwd(), kernel.caller());
        if options.has('f') {
            let _ = kernel.remove_file(&to);
        }
        let result = if options.has('s') {
            kernel.vfs_mut().create(&cwd, &to, Kind::Symlink(source.clone()), 0o777, caller).map(drop)
        } else {
            kernel.vfs_mut().link(&cwd, source, &to, caller)
        };
        if let Err(errno) = result {
            status = 1;
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!(
                    "ln: failed to create {} link '{to}': {}\n",
                    if options.has('s') { "symbolic" } else { "hard" },
                    errno.message()
                ),
                Flavour::Busybox => format!("ln: {to}: {}\n", errno.message()),
            });
        }
    }
    status
});
