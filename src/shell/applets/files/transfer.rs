//! `cp` and `mv`.

use super::make::remove;
use super::{options, target_of};
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::vfs::{Inode, Kind};

pub(super) fn copy(kernel: &mut Kernel, source: &str, target: &str) -> Result<(), Errno> {
    let mut entries = Vec::new();
    crate::shell::applets::walk(kernel, source, &mut |_, path, inode| entries.push((path.to_owned(), inode.clone())));
    for (path, inode) in entries {
        let to = format!("{target}{}", path.strip_prefix(source).unwrap_or_default());
        match inode.kind {
            Kind::Directory(_) => kernel.create_dir(&to, true)?,
            Kind::Symlink(link) if path != source => {
                let (cwd, caller) = (kernel.cwd(), kernel.caller());
                kernel.vfs_mut().create(&cwd, &to, Kind::Symlink(link), 0o777, caller)?;
            }
            Kind::Program(name) => {
                let (cwd, caller) = (kernel.cwd(), kernel.caller());
                kernel.vfs_mut().create(&cwd, &to, Kind::Program(name), inode.mode, caller)?;
            }
            _ => {
                let content = kernel.read_file(&path)?;
                kernel.write_file(&to, &content)?;
                let (cwd, umask) = (kernel.cwd(), kernel.umask());
                if let Ok(found) = kernel.vfs().find(&cwd, &to, true)
                    && let Some(new) = kernel.vfs_mut().inode_mut(found.node)
                {
                    new.mode = inode.mode & !umask;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn transfer(args: &[String], kernel: &mut Kernel, out: &mut Out, moves: bool) -> i32 {
    let name = if moves { "mv" } else { "cp" };
    let Some(options) = options(args, "rRafvpinLPdTu", "t", kernel, out) else { return 1 };
    let gnu = kernel.flavour() == Flavour::Gnu;
    let Some((target, sources)) = options.words.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        out.err(&match (gnu, options.words.first()) {
            (true, Some(only)) => format!(
                "{name}: missing destination file operand after '{only}'\nTry '{name} --help' for more information.\n"
            ),
            (true, None) => format!("{name}: missing file operand\nTry '{name} --help' for more information.\n"),
            (false, _) => format!("{name}: missing operand\n"),
        });
        return 1;
    };
    let is_dir = kernel.file_info(target).is_ok_and(|info| info.is_dir);
    if sources.len() > 1 && !is_dir {
        out.err(&if gnu {
            format!(
                "{name}: target '{target}': {}\n",
                if kernel.file_info(target).is_ok() { "Not a directory" } else { "No such file or directory" }
            )
        } else {
            format!("{name}: can't stat '{target}': No such file or directory\n")
        });
        return 1;
    }
    let mut status = 0;
    for source in sources {
        let to = target_of(kernel, source, target);
        let recursive = moves || options.has('r') || options.has('R') || options.has('a');
        let (cwd, caller) = (kernel.cwd(), kernel.caller());
        let result = match kernel.vfs().find(&cwd, source, !moves) {
            Err(errno) => Err((errno, true)),
            Ok(found) => {
                let source_is_dir = kernel.vfs().inode(found.node).is_some_and(Inode::is_dir);
                if source_is_dir && !recursive {
                    out.err(&if gnu {
                        format!("cp: -r not specified; omitting directory '{source}'\n")
                    } else {
                        format!("cp: omitting directory '{source}'\n")
                    });
                    status = 1;
                    continue;
                }
                if kernel.vfs().find(&cwd, &to, true).is_ok_and(|other| other.node == found.node) {
                    out.err(&format!("{name}: '{source}' and '{to}' are the same file\n"));
                    status = 1;
                    continue;
                }
                let into_itself = source_is_dir
                    && format!("{}/", crate::shell::vfs::lexical(&cwd, &to)).starts_with(&format!("{}/", found.path));
                if into_itself {
                    out.err(&format!(
                        "{name}: cannot {} '{source}' to a subdirectory of itself, '{to}'\n",
                        if moves { "move" } else { "copy a directory," }
                    ));
                    status = 1;
                    continue;
                }
                if moves {
                    match kernel.vfs_mut().rename(&cwd, source, &to, caller) {
                        Err(Errno::Eperm) => copy(kernel, source, &to)
                            .and_then(|()| remove(kernel, source))
                            .map_err(|errno| (errno, false)),
                        result => result.map_err(|errno| (errno, false)),
                    }
                } else {
                    copy(kernel, source, &to).map_err(|errno| (errno, false))
                }
            }
        };
        if let Err((errno, stat)) = result {
            status = 1;
            out.err(&match (gnu, stat) {
                (true, true) => format!("{name}: cannot stat '{source}': {}\n", errno.message()),
                (true, false) if moves => format!("mv: cannot move '{source}' to '{to}': {}\n", errno.message()),
                (true, false) => format!("cp: cannot create regular file '{to}': {}\n", errno.message()),
                (false, true) if moves => format!("mv: can't rename '{source}': {}\n", errno.message()),
                (false, true) => format!("cp: can't stat '{source}': {}\n", errno.message()),
                (false, false) => format!("{name}: can't create '{to}': {}\n", errno.message()),
            });
        }
    }
    status
}

applet!(cp, |args, kernel, out| transfer(args, kernel, out, false));

applet!(mv, |args, kernel, out| transfer(args, kernel, out, true));
