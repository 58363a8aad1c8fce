//! `chmod`: permissions in numbers and in letters.

use super::missing;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};

pub(super) fn mode_of(text: &str, old: u32, is_dir: bool) -> Option<u32> {
    if let Ok(mode) = u32::from_str_radix(text, 8) {
        return (mode <= 0o7777).then_some(mode);
    }
    let mut mode = old;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let mut mask = 0;
        for c in who.chars() {
            mask |= match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        if who.is_empty() {
            mask = 0o777;
        }
        let mut chars = rest.chars();
        let sign = chars.next()?;
        let mut bits = 0;
        for c in chars {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if is_dir || old & 0o111 != 0 => 0o111,
                'X' => 0,
                't' => 0o1000,
                's' => 0,
                _ => return None,
            };
        }
        let bits = bits & (mask | 0o1000);
        mode = match sign {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !mask) | bits,
        };
    }
    Some(mode)
}

applet!(chmod, |args, kernel, out| {
    let mut words: Vec<String> =
        args.iter().skip(1).filter(|word| !matches!(word.as_str(), "-R" | "-v" | "-f" | "--")).cloned().collect();
    let recursive = args.iter().any(|word| word == "-R");
    if words.len() < 2 {
        return missing("chmod", kernel, out);
    }
    let text = words.remove(0);
    let mut status = 0;
    for word in words {
        let mut paths = vec![word.clone()];
        if recursive {
            paths.clear();
            crate::shell::applets::walk(kernel, &word, &mut |_, path, _| paths.push(path.to_owned()));
        }
        for path in paths {
            let found = kernel.vfs().find(&kernel.cwd(), &path, true);
            let uid = kernel.user().0;
            let result = found.and_then(|found| {
                if kernel.vfs().is_read_only(found.node) {
                    return Err(Errno::Erofs);
                }
                let inode = kernel.vfs_mut().inode_mut(found.node).ok_or(Errno::Enoent)?;
                if uid != 0 && inode.uid != uid {
                    return Err(Errno::Eperm);
                }
                inode.mode = mode_of(&text, inode.mode, inode.is_dir()).ok_or(Errno::Einval)?;
                Ok(())
            });
            match result {
                Err(Errno::Einval) => {
                    out.err(&if kernel.flavour() == Flavour::Gnu {
                        format!("chmod: invalid mode: ‘{text}’\nTry 'chmod --help' for more information.\n")
                    } else {
                        format!("chmod: invalid mode '{text}'\n")
                    });
                    return 1;
                }
                Err(errno) => {
                    status = 1;
                    out.err(&if kernel.flavour() == Flavour::Gnu && errno != Errno::Eperm {
                        format!("chmod: cannot access '{path}': {}\n", errno.message())
                    } else {
                        format!("chmod: {path}: {}\n", errno.message())
                    });
                }
                Ok(()) => {}
            }
        }
    }
    status
});
