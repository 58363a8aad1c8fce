//! `find`: files below a folder that a condition holds for.

use crate::shell::kernel::Kernel;
use crate::shell::pattern::Pattern;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::shell::vfs::{Inode, Kind};

applet!(find, |args, kernel, out| {
    let split = args
        .iter()
        .skip(1)
        .position(|word| word.starts_with('-') || word == "!" || word == "(")
        .map_or(args.len(), |at| at + 1);
    let roots: Vec<String> = args.get(1..split).unwrap_or_default().to_vec();
    let roots = if roots.is_empty() { vec![".".to_owned()] } else { roots };
    let tests = args.get(split..).unwrap_or_default();
    let mut status = 0;
    let mut doomed = Vec::new();
    for root in roots {
        if let Err(errno) = kernel.vfs().find(&kernel.cwd(), &root, false) {
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("find: ‘{root}’: {}\n", errno.message()),
                Flavour::Busybox => format!("find: {root}: {}\n", errno.message()),
            });
            status = 1;
            continue;
        }
        let mut entries = Vec::new();
        crate::shell::applets::walk(kernel, &root, &mut |depth, path, inode| {
            entries.push((depth, path.to_owned(), inode.clone()))
        });
        for (depth, path, inode) in entries {
            match matches(tests, depth, &path, &inode, kernel) {
                Ok((true, printed, delete)) => {
                    if delete {
                        doomed.push(path);
                    } else if printed == '0' {
                        out.out(&format!("{path}\0"));
                    } else {
                        out.out(&format!("{path}\n"));
                    }
                }
                Ok(_) => {}
                Err(problem) => {
                    out.err(&match kernel.flavour() {
                        Flavour::Gnu => format!("find: unknown predicate `{problem}'\n"),
                        Flavour::Busybox => format!("find: unrecognized: {problem}\n"),
                    });
                    return 1;
                }
            }
        }
    }
    for path in doomed.iter().rev() {
        let (cwd, caller) = (kernel.cwd(), kernel.caller());
        if kernel.remove_file(path).is_err() && kernel.vfs_mut().remove_dir(&cwd, path, caller).is_err() {
            status = 1;
        }
    }
    status
});

pub(super) fn matches(
    tests: &[String],
    depth: usize,
    path: &str,
    inode: &Inode,
    kernel: &Kernel,
) -> Result<(bool, char, bool), String> {
    let (mut truth, mut any, mut negate, mut printed, mut delete) = (true, false, false, 'n', false);
    let mut words = tests.iter();
    let name = path.rsplit('/').next().unwrap_or_default();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().unwrap_or_default();
        let amount = |text: &str, actual: u64| -> bool {
            let number: u64 =
                text.trim_start_matches(['+', '-']).trim_end_matches(|c: char| c.is_alphabetic()).parse().unwrap_or(0);
            match text.chars().next() {
                Some('+') => actual > number,
                Some('-') => actual < number,
                _ => actual == number,
            }
        };
        let result = match word.as_str() {
            "!" | "-not" => {
                negate = !negate;
                continue;
            }
            "-a" | "-and" | "(" | ")" => continue,
            "-o" | "-or" => {
                any |= truth;
                truth = true;
                continue;
            }
            "-print" => continue,
            "-print0" => {
                printed = '0';
                continue;
            }
            "-delete" => {
                delete = true;
                continue;
            }
            "-name" => Pattern::active(&value()).matches_str(name),
            "-iname" => Pattern::active(&value().to_lowercase()).matches_str(&name.to_lowercase()),
            "-path" | "-wholename" => Pattern::active(&value()).matches_str(path),
            "-type" => match value().as_str() {
                "d" => inode.is_dir(),
                "l" => matches!(inode.kind, Kind::Symlink(_)),
                "c" => matches!(inode.kind, Kind::Device(_)),
                _ => matches!(inode.kind, Kind::File(_) | Kind::Program(_)),
            },
            "-maxdepth" => depth <= value().parse().unwrap_or(usize::MAX),
            "-mindepth" => depth >= value().parse().unwrap_or(0),
            "-empty" => match &inode.kind {
                Kind::Directory(entries) => entries.is_empty(),
                _ => inode.size() == 0,
            },
            "-size" => {
                let text = value();
                let unit = match text.chars().last() {
                    Some('c') => 1,
                    Some('k') => 1024,
                    Some('M') => 1 << 20,
                    _ => 512,
                };
                amount(&text, inode.size().div_ceil(unit))
            }
            "-mtime" => amount(&value(), kernel.now().since(inode.modified).as_secs() / 86_400),
            "-mmin" => amount(&value(), kernel.now().since(inode.modified).as_secs() / 60),
            other => return Err(other.to_owned()),
        };
        truth &= result != std::mem::take(&mut negate);
    }
    Ok((any || truth, printed, delete))
}
