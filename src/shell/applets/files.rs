//! Applets on files: ls, mkdir, rmdir, rm, cp, mv, touch, chmod, ln, find, stat, mktemp, basename, dirname and their like.

use super::driver::Out;
use super::options::{Options, message, parse};
use super::system::strftime;
use crate::shell::kernel::Kernel;
use crate::shell::pattern::Pattern;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::vfs::{Inode, Kind};

/// Parses options inside of a function that runs at once; reports and gives 1 when that fails.
pub(super) fn options(args: &[String], flags: &str, valued: &str, kernel: &Kernel, out: &mut Out) -> Option<Options> {
    match parse(args, flags, valued) {
        Ok(options) => Some(options),
        Err(bad) => {
            let name = args.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
            out.err(&message(name, &bad.0, kernel.flavour()));
            None
        }
    }
}

fn missing(name: &str, kernel: &Kernel, out: &mut Out) -> i32 {
    out.err(&match kernel.flavour() {
        Flavour::Gnu => format!("{name}: missing operand\nTry '{name} --help' for more information.\n"),
        Flavour::Busybox => format!("{name}: missing operand\n"),
    });
    1
}

fn letters(inode: &Inode) -> String {
    let kind = match inode.kind {
        Kind::Directory(_) => 'd',
        Kind::Symlink(_) => 'l',
        Kind::Device(_) => 'c',
        Kind::Fifo => 'p',
        Kind::File(_) | Kind::Program(_) => '-',
    };
    let mut text = kind.to_string();
    for shift in [6, 3, 0] {
        let bits = inode.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        let sticky = shift == 0 && inode.mode & 0o1000 != 0;
        text.push(match (bits & 1 != 0, sticky) {
            (true, true) => 't',
            (false, true) => 'T',
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// The name of a user or group by the machine's files.
pub(super) fn account(kernel: &Kernel, file: &str, id: u32) -> String {
    let content = kernel.vfs().read_file("/", file).unwrap_or_default();
    let text = String::from_utf8_lossy(&content).into_owned();
    let found = text
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&id.to_string()))
        .and_then(|line| line.split(':').next());
    found.map_or_else(|| id.to_string(), str::to_owned)
}

pub(super) fn human(size: u64) -> String {
    let mut value = size as f64;
    for unit in ["", "K", "M", "G", "T"] {
        if value < 1024.0 {
            return if unit.is_empty() {
                format!("{size}")
            } else if value < 10.0 {
                format!("{value:.1}{unit}")
            } else {
                format!("{:.0}{unit}", value.ceil())
            };
        }
        value /= 1024.0;
    }
    format!("{value:.0}P")
}

struct Entry {
    name: String,
    path: String,
    inode: Inode,
}

applet!(ls, |args, kernel, out| {
    let Some(options) = options(args, "laA1hrtSRdFpiCxnogsuckLH", "wI", kernel, out) else { return 2 };
    let words = if options.words.is_empty() { vec![".".to_owned()] } else { options.words.clone() };
    let mut status = 0;
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    for word in words {
        match kernel
            .vfs()
            .find(&kernel.cwd(), &word, !options.has('l') || word.ends_with('/'))
            .or_else(|errno| kernel.vfs().find(&kernel.cwd(), &word, false).map_err(|_| errno))
        {
            Ok(found) => {
                let Some(inode) = kernel.vfs().inode(found.node).cloned() else { continue };
                if inode.is_dir() && !options.has('d') {
                    dirs.push(word)
                } else {
                    files.push(Entry { name: word.clone(), path: word, inode })
                }
            }
            Err(errno) => {
                status = if kernel.flavour() == Flavour::Gnu { 2 } else { 1 };
                out.err(&match kernel.flavour() {
                    Flavour::Gnu => format!("ls: cannot access '{word}': {}\n", errno.message()),
                    Flavour::Busybox => format!("ls: {word}: {}\n", errno.message()),
                });
            }
        }
    }
    let titles = dirs.len() + files.len() > 1 || options.has('R') || status != 0;
    let any = !files.is_empty();
    if any {
        list(kernel, &options, files, false, out);
    }
    let mut first = !any;
    let mut queue: std::collections::VecDeque<String> = dirs.into();
    while let Some(dir) = queue.pop_front() {
        let entries = match kernel.vfs().list(&kernel.cwd(), &dir) {
            Ok(entries) => entries,
            Err(_) => continue,
        };
        if titles {
            out.out(&format!("{}{dir}:\n", if first { "" } else { "\n" }));
        }
        first = false;
        let mut shown = Vec::new();
        for (name, node) in entries {
            if name.starts_with('.') && !options.has('a') && !options.has('A') {
                continue;
            }
            if let Some(inode) = kernel.vfs().inode(node).cloned() {
                shown.push(Entry { path: format!("{}/{name}", dir.trim_end_matches('/')), name, inode });
            }
        }
        if options.has('R') {
            for entry in shown.iter().rev().filter(|entry| entry.inode.is_dir()) {
                queue.push_front(entry.path.clone());
            }
        }
        if options.has('a') {
            for name in ["..", "."] {
                if let Ok(found) = kernel.vfs().find(&kernel.cwd(), &format!("{dir}/{name}"), true)
                    && let Some(inode) = kernel.vfs().inode(found.node).cloned()
                {
                    shown.insert(0, Entry { name: name.into(), path: found.path, inode });
                }
            }
        }
        list(kernel, &options, shown, true, out);
    }
    status
});

fn list(kernel: &Kernel, options: &Options, mut entries: Vec<Entry>, total: bool, out: &mut Out) {
    match options.last_of("tS") {
        Some('t') => entries.sort_by(|a, b| b.inode.modified.cmp(&a.inode.modified).then_with(|| a.name.cmp(&b.name))),
        Some(_) => entries.sort_by(|a, b| b.inode.size().cmp(&a.inode.size()).then_with(|| a.name.cmp(&b.name))),
        None => entries.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    if options.has('r') {
        entries.reverse();
    }
    let mark = |entry: &Entry| match &entry.inode.kind {
        Kind::Directory(_) if options.has('F') || options.has('p') => "/",
        Kind::Symlink(_) if options.has('F') => "@",
        _ if options.has('F') && entry.inode.mode & 0o111 != 0 && !entry.inode.is_dir() => "*",
        _ => "",
    };
    if !(options.has('l') || options.has('n') || options.has('o') || options.has('g')) {
        let names: Vec<String> = entries.iter().map(|entry| format!("{}{}", entry.name, mark(entry))).collect();
        if kernel.is_terminal(1) && !options.has('1') {
            out.out(&columns(&names, kernel.window().0 as usize));
        } else {
            for name in names {
                out.out(&format!("{name}\n"));
            }
        }
        return;
    }
    if total {
        let blocks: u64 = entries.iter().map(|entry| entry.inode.size().div_ceil(4096) * 4).sum();
        out.out(&format!("total {}\n", if options.has('h') { human(blocks * 1024) } else { blocks.to_string() }));
    }
    let rows: Vec<[String; 7]> = entries
        .iter()
        .map(|entry| {
            let inode = &entry.inode;
            let size = if options.has('h') { human(inode.size()) } else { inode.size().to_string() };
            let arrow = if let Kind::Symlink(target) = &inode.kind { format!(" -> {target}") } else { String::new() };
            let old = kernel.now().since(inode.modified).as_secs() > 15_552_000;
            let time = strftime(if old { "%b %e  %Y" } else { "%b %e %H:%M" }, inode.modified).unwrap_or_default();
            let (user, group) = if options.has('n') {
                (inode.uid.to_string(), inode.gid.to_string())
            } else {
                (account(kernel, "/etc/passwd", inode.uid), account(kernel, "/etc/group", inode.gid))
            };
            [
                letters(inode),
                inode.links.to_string(),
                user,
                group,
                size,
                time,
                format!("{}{}{arrow}", entry.name, mark(entry)),
            ]
        })
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let busybox = kernel.flavour() == Flavour::Busybox;
    let widths = [
        0,
        width(1).max(if busybox { 5 } else { 0 }),
        width(2).max(if busybox { 8 } else { 0 }),
        width(3).max(if busybox { 8 } else { 0 }),
        width(4).max(if busybox { 9 } else { 0 }),
    ];
    let [_, links, users, groups, sizes] = widths;
    for [mode, link, user, group, size, time, name] in &rows {
        out.out(&format!("{mode} {link:>links$} {user:<users$} {group:<groups$} {size:>sizes$} {time} {name}\n"));
    }
}

fn columns(names: &[String], width: usize) -> String {
    let count = names.len();
    for rows in 1..=count.max(1) {
        let columns: Vec<&[String]> = names.chunks(rows).collect();
        let widths: Vec<usize> = columns
            .iter()
            .map(|column| column.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2)
            .collect();
        if widths.iter().sum::<usize>() > width + 2 && rows < count {
            continue;
        }
        let mut text = String::new();
        for row in 0..rows {
            let mut line = String::new();
            for (column, width) in columns.iter().zip(&widths) {
                if let Some(name) = column.get(row) {
                    line.push_str(&format!("{name:<width$}"));
                }
            }
            if !line.trim_end().is_empty() {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        return text;
    }
    String::new()
}

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
fn remove(kernel: &mut Kernel, path: &str) -> Result<(), Errno> {
    let mut dirs = Vec::new();
    let mut files = Vec::new();
    super::walk(kernel, path, &mut |_, path, inode| {
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

fn target_of(kernel: &Kernel, source: &str, target: &str) -> String {
    if kernel.file_info(target).is_ok_and(|info| info.is_dir) {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        return format!("{}/{name}", target.trim_end_matches('/'));
    }
    target.to_owned()
}

fn copy(kernel: &mut Kernel, source: &str, target: &str) -> Result<(), Errno> {
    let mut entries = Vec::new();
    super::walk(kernel, source, &mut |_, path, inode| entries.push((path.to_owned(), inode.clone())));
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

fn transfer(args: &[String], kernel: &mut Kernel, out: &mut Out, moves: bool) -> i32 {
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

fn mode_of(text: &str, old: u32, is_dir: bool) -> Option<u32> {
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
            super::walk(kernel, &word, &mut |_, path, _| paths.push(path.to_owned()));
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

applet!(du, |args, kernel, out| {
    let Some(options) = options(args, "shakcmx", "d", kernel, out) else { return 1 };
    let words = if options.words.is_empty() { vec![".".to_owned()] } else { options.words.clone() };
    let mut status = 0;
    for word in words {
        let mut total = 0;
        super::walk(kernel, &word, &mut |_, _, inode| total += inode.size().div_ceil(4096) * 4);
        if total == 0 && kernel.file_info(&word).is_err() {
            out.err(&format!("du: cannot access '{word}': No such file or directory\n"));
            status = 1;
            continue;
        }
        out.out(&format!("{}\t{word}\n", if options.has('h') { human(total * 1024) } else { total.to_string() }));
    }
    status
});

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
        super::walk(kernel, &root, &mut |depth, path, inode| entries.push((depth, path.to_owned(), inode.clone())));
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

fn matches(
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
