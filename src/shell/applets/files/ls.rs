//! `ls`: names, or a line a file.

use super::{account, human, options};
use crate::shell::applets::driver::Out;
use crate::shell::applets::options::Options;
use crate::shell::applets::system::strftime;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::shell::vfs::{Inode, Kind};

pub(super) fn letters(inode: &Inode) -> String {
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

pub(super) struct Entry {
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

pub(super) fn list(kernel: &Kernel, options: &Options, mut entries: Vec<Entry>, total: bool, out: &mut Out) {
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

pub(super) fn columns(names: &[String], width: usize) -> String {
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
