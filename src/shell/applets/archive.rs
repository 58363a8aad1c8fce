//! tar: makes, lists and unpacks archives. Refuses compression.

use super::driver::{Filter, LineEnd, Out, filtering, once};
use super::options::{Options, message, parse};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::task::Task;
use crate::text::tar::{Entry, EntryKind, read, write};

/// Letters that take a value, and those that do not.
const LETTERS: &str = "ctxvmpOhP";

pub fn tar(args: &[String]) -> Box<dyn Task> {
    // The first word may leave out its dash; GNU's long options about owners change nothing here.
    let mut args: Vec<String> = args.iter().filter(|word| !word.starts_with("--no-same-")).cloned().collect();
    if let Some(first) = args.get_mut(1)
        && !first.starts_with('-')
    {
        first.insert(0, '-');
    }
    let options = match parse(&args, LETTERS, "fC") {
        Ok(options) => options,
        Err(bad) => return bad.task("tar"),
    };
    if options.has('c') {
        return once(&args, |args, kernel, out| {
            let options = parse(args, LETTERS, "fC").unwrap_or_default();
            create(&options, kernel, out)
        });
    }
    if !options.has('x') && !options.has('t') {
        return once(&args, |_, kernel, out| {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\nTry 'tar --help' or 'tar --usage' for more information.\n",
                Flavour::Busybox => "tar: must specify one of -c, -t or -x\n",
            });
            if kernel.flavour() == Flavour::Gnu { 2 } else { 1 }
        });
    }
    let file = options.value('f').unwrap_or("-").to_owned();
    filtering(Unpack { options, bytes: Vec::new() }, &[file])
}

fn at(options: &Options, path: &str) -> String {
    match options.value('C') {
        Some(folder) if !path.starts_with('/') => format!("{}/{path}", folder.trim_end_matches('/')),
        _ => path.to_owned(),
    }
}

fn create(options: &Options, kernel: &mut Kernel, out: &mut Out) -> i32 {
    if options.words.is_empty() {
        out.err(match kernel.flavour() {
            Flavour::Gnu => "tar: Cowardly refusing to create an empty archive\nTry 'tar --help' or 'tar --usage' for more information.\n",
            Flavour::Busybox => "tar: empty archive\n",
        });
        return if kernel.flavour() == Flavour::Gnu { 2 } else { 1 };
    }
    let (mut entries, mut code) = (Vec::new(), 0);
    for word in &options.words {
        if word.starts_with('/') && word.len() > 1 {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "tar: Removing leading `/' from member names\n",
                Flavour::Busybox => "tar: removing leading '/' from member names\n",
            });
        }
        if let Err(errno) = gather(kernel, &at(options, word), word.trim_matches('/'), &mut entries, 0) {
            code = if kernel.flavour() == Flavour::Gnu { 2 } else { 1 };
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!(
                    "tar: {word}: Cannot stat: {}\ntar: Exiting with failure status due to previous errors\n",
                    errno.message()
                ),
                Flavour::Busybox => {
                    format!("tar: {word}: {}\ntar: error exit delayed from previous errors\n", errno.message())
                }
            });
        }
    }
    if options.has('v') {
        let names: String = entries.iter().map(|entry| shown(entry) + "\n").collect();
        out.put(if options.value('f').is_none_or(|file| file == "-") { 2 } else { 1 }, names.as_bytes());
    }
    let archive = write(&entries);
    match options.value('f') {
        None | Some("-") => out.put(1, &archive),
        Some(file) => {
            if let Err(errno) = kernel.write_file(file, &archive) {
                out.err(&format!("tar: {file}: {}\n", errno.message()));
                return 1;
            }
        }
    }
    code
}

fn shown(entry: &Entry) -> String {
    if entry.kind == EntryKind::Directory { format!("{}/", entry.path) } else { entry.path.clone() }
}

fn gather(kernel: &Kernel, path: &str, name: &str, entries: &mut Vec<Entry>, depth: usize) -> Result<(), Errno> {
    let info = kernel.file_info(path)?;
    let modified = info.modified.as_micros() / 1_000_000;
    let entry = |kind| Entry { path: name.to_owned(), mode: info.mode, modified, kind };
    if !info.is_dir {
        entries.push(entry(EntryKind::File(kernel.read_file(path)?)));
        return Ok(());
    }
    if !name.is_empty() {
        entries.push(entry(EntryKind::Directory));
    }
    for one in kernel.read_dir(path)?.into_iter().filter(|_| depth < 64) {
        let inner = if name.is_empty() { one.name.clone() } else { format!("{name}/{}", one.name) };
        gather(kernel, &format!("{}/{}", path.trim_end_matches('/'), one.name), &inner, entries, depth + 1)?;
    }
    Ok(())
}

/// Reads an archive to its end, then lists or unpacks it.
#[derive(Clone, Debug)]
struct Unpack {
    options: Options,
    bytes: Vec<u8>,
}

impl Unpack {
    fn unpack(&self, kernel: &mut Kernel, out: &mut Out, entry: &Entry) -> Result<(), Errno> {
        let path = at(&self.options, &entry.path);
        match &entry.kind {
            EntryKind::Directory => kernel.create_dir(&path, true),
            EntryKind::File(content) if self.options.has('O') => {
                out.put(1, content);
                Ok(())
            }
            EntryKind::File(content) => {
                if let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
                    let _ = kernel.create_dir(folder, true);
                }
                kernel.write_file(&path, content)
            }
            EntryKind::Link(_) => Ok(()),
        }
    }
}

impl Filter for Unpack {
    const BYTES: bool = true;
    fn line(&mut self, bytes: &[u8], _: LineEnd, _: &mut Out) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() < 64 << 20
    }
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if failed {
            return 2;
        }
        let entries = match read(&self.bytes) {
            Ok(entries) => entries,
            Err(_) => {
                out.err(match kernel.flavour() {
                    Flavour::Gnu => {
                        "tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n"
                    }
                    Flavour::Busybox => "tar: invalid tar magic\n",
                });
                return if kernel.flavour() == Flavour::Gnu { 2 } else { 1 };
            }
        };
        let wanted = |entry: &Entry| {
            self.options.words.is_empty()
                || self.options.words.iter().any(|word| {
                    let word = word.trim_matches('/');
                    entry.path == word || entry.path.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
                })
        };
        let mut code = 0;
        for entry in entries.iter().filter(|entry| wanted(entry)) {
            // A path that climbs out of the directory is never followed.
            if entry.path.split('/').any(|part| part == "..") {
                out.err(&message("tar", "..", kernel.flavour()));
                code = 2;
                continue;
            }
            if self.options.has('t') || self.options.has('v') {
                out.out(&(shown(entry) + "\n"));
            }
            if self.options.has('t') {
                continue;
            }
            if let Err(errno) = self.unpack(kernel, out, entry) {
                out.err(&format!("tar: {}: Cannot open: {}\n", entry.path, errno.message()));
                code = if kernel.flavour() == Flavour::Gnu { 2 } else { 1 };
            }
        }
        code
    }
    fn name(&self) -> &'static str {
        "tar"
    }
}
