//! The tar format (ustar): what `tar` writes and reads, and what `kubectl cp` sends. Files, directories and symbolic
//! links; refuses everything else.
//!
//! Models POSIX ustar as GNU tar and Go's archive/tar write it.

/// One entry of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The path, without a slash at the beginning or at the end.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: u64,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    #[default]
    Directory,
    /// A file with this content.
    File(Vec<u8>),
    /// A symbolic link to this.
    Link(String),
}

const BLOCK: usize = 512;

/// The archive of these entries.
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let (letter, content, link): (u8, &[u8], &str) = match &entry.kind {
            EntryKind::Directory => (b'5', &[], ""),
            EntryKind::File(content) => (b'0', content, ""),
            EntryKind::Link(target) => (b'2', &[], target),
        };
        let mut path = entry.path.clone();
        if letter == b'5' {
            path.push('/');
        }
        if path.len() > 100 {
            // The path does not fit: GNU's entry with the long name stands before.
            let mut name = path.clone().into_bytes();
            name.push(0);
            header(&mut out, "././@LongLink", b'L', name.len(), 0, 0, "");
            body(&mut out, &name);
        }
        header(&mut out, &path, letter, content.len(), entry.mode, entry.modified, link);
        body(&mut out, content);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn header(out: &mut Vec<u8>, path: &str, letter: u8, size: usize, mode: u32, modified: u64, link: &str) {
    let start = out.len();
    let mut text = |text: &[u8], width: usize| {
        let kept = text.get(..width.min(text.len())).unwrap_or_default();
        out.extend_from_slice(kept);
        out.resize(out.len() + width - kept.len(), 0);
    };
    text(path.as_bytes(), 100);
    text(format!("{:07o}", mode & 0o7777).as_bytes(), 8);
    text(b"0000000", 8);
    text(b"0000000", 8);
    text(format!("{size:011o}").as_bytes(), 12);
    text(format!("{modified:011o}").as_bytes(), 12);
    text(b"        ", 8);
    text(&[letter], 1);
    text(link.as_bytes(), 100);
    text(b"ustar\0", 6);
    text(b"00", 2);
    text(b"root", 32);
    text(b"root", 32);
    text(b"", 183);
    let sum: u32 = out.iter().skip(start).map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    if let Some(slot) = out.get_mut(start + 148..start + 156) {
        slot.copy_from_slice(sum.as_bytes());
    }
}

fn body(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(content);
    out.resize(out.len().div_ceil(BLOCK) * BLOCK, 0);
}

/// The entries of an archive.
///
/// # Errors
/// A text for what is no archive, or one that ends too early.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, &'static str> {
    let mut entries = Vec::new();
    let mut at = 0;
    let mut long = None;
    while let Some(block) = bytes.get(at..at + BLOCK) {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        let field = |from: usize, to: usize| {
            let field = block.get(from..to).unwrap_or_default();
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
        };
        let number = |from: usize, to: usize| u64::from_str_radix(field(from, to).trim(), 8).ok();
        if field(257, 262) != "ustar" {
            return Err("invalid tar header");
        }
        let size = number(124, 136).and_then(|size| usize::try_from(size).ok()).ok_or("invalid tar header")?;
        at += BLOCK;
        let content = bytes.get(at..at.saturating_add(size)).ok_or("unexpected end of file")?;
        at += size.div_ceil(BLOCK) * BLOCK;
        let prefix = field(345, 500);
        let name = if prefix.is_empty() { field(0, 100) } else { format!("{prefix}/{}", field(0, 100)) };
        let letter = block.get(156).copied().unwrap_or(b'0');
        if letter == b'L' {
            long = Some(String::from_utf8_lossy(content).trim_end_matches('\0').to_owned());
            continue;
        }
        let kind = match letter {
            b'0' | 0 => EntryKind::File(content.to_vec()),
            b'5' => EntryKind::Directory,
            b'2' => EntryKind::Link(field(157, 257)),
            _ => {
                long = None;
                continue;
            }
        };
        let path = long.take().unwrap_or(name);
        entries.push(Entry {
            path: path.trim_matches('/').trim_start_matches("./").to_owned(),
            mode: number(100, 108).and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644),
            modified: number(136, 148).unwrap_or(0),
            kind,
        });
    }
    if bytes.is_empty() { Err("unexpected end of file") } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let long = "d/".repeat(60) + "file";
        let entries = vec![
            Entry { path: "d".into(), mode: 0o755, modified: 7, kind: EntryKind::Directory },
            Entry { path: "d/a".into(), mode: 0o600, modified: 8, kind: EntryKind::File(vec![b'x'; 700]) },
            Entry { path: "d/l".into(), mode: 0o777, modified: 9, kind: EntryKind::Link("a".into()) },
            Entry { path: long, mode: 0o644, modified: 0, kind: EntryKind::File(Vec::new()) },
        ];
        let archive = write(&entries);
        assert_eq!(archive.len() % 512, 0);
        assert_eq!(read(&archive), Ok(entries));
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        assert_eq!(read(&[b'x'; 512]), Err("invalid tar header"));
        assert_eq!(read(b""), Err("unexpected end of file"));
    }
}
