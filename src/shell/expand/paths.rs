//! Braces, `~` and patterns on file names.

use super::{Chars, Expander, FIELDS};
use crate::shell::kernel::Kernel;
use crate::shell::pattern::Pattern;
use crate::shell::process::Dialect;
use crate::shell::program::System;
use crate::shell::shell::Shell;
use crate::shell::syntax::{Part, Word};

impl<'a, 'k> Expander<'a, 'k> {
    /// `{a,b}` and `{1..3}`, where the shell has them.
    pub(super) fn braces(&mut self, word: &Word) -> Vec<Word> {
        let has_brace = word.0.iter().any(|part| matches!(part, Part::Literal(text) if text.contains('{')));
        if self.shell.dialect != Dialect::Bash || !has_brace {
            return vec![word.clone()];
        }
        crate::shell::braces::expand(word)
    }

    pub(super) fn file_names(&mut self, chars: Chars, result: &mut Vec<String>) {
        let plain: String = chars.iter().map(|(c, _)| *c).collect();
        let special = chars.iter().any(|(c, quoted)| !quoted && matches!(c, '*' | '?' | '['));
        if !special || self.shell.options.noglob {
            result.push(plain);
            return;
        }
        let mut found = glob(&chars, self.kernel);
        if found.is_empty() {
            result.push(plain);
        } else {
            found.sort();
            result.extend(found);
        }
    }
}

/// `~` and `~user` at the start (and, in an assignment, after each colon).
pub(super) fn tilde(word: &Word, colons: bool, shell: &Shell) -> Word {
    let Some(Part::Literal(first)) = word.0.first() else { return word.clone() };
    if !first.contains('~') {
        return word.clone();
    }
    let alone = word.0.len() == 1;
    let home = |piece: &str, ends: bool| -> Option<(String, String)> {
        let rest = piece.strip_prefix('~')?;
        let (user, tail) = match rest.split_once('/') {
            Some((user, tail)) => (user, format!("/{tail}")),
            None if ends => (rest, String::new()),
            None => return None,
        };
        let dir = match user {
            "" => shell.get("HOME")?,
            "+" => shell.get("PWD")?,
            "-" => shell.get("OLDPWD")?,
            "root" => "/root".into(),
            "learner" => "/home/learner".into(),
            _ => return None,
        };
        Some((dir, tail))
    };
    let mut parts = Vec::new();
    let pieces: Vec<&str> = if colons { first.split(':').collect() } else { vec![first.as_str()] };
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            parts.push(Part::Literal(":".into()));
        }
        match home(piece, alone || index < last) {
            Some((dir, tail)) => parts.extend([Part::Quoted(dir), Part::Literal(tail)]),
            None => parts.push(Part::Literal(piece.to_owned())),
        }
    }
    parts.extend(word.0.iter().skip(1).cloned());
    Word(parts)
}

/// The paths that a pattern matches.
pub(super) fn glob(chars: &[(char, bool)], kernel: &mut Kernel) -> Vec<String> {
    let mut found = vec![String::new()];
    let absolute = chars.first().map(|c| c.0) == Some('/');
    if absolute {
        found = vec!["/".to_owned()];
    }
    let segments: Vec<Vec<(char, bool)>> = chars.split(|(c, _)| *c == '/').map(<[_]>::to_vec).collect();
    let segments: Vec<_> =
        segments.into_iter().enumerate().filter(|(index, segment)| !segment.is_empty() || *index > 0).collect();
    let count = segments.len();
    for (position, (_, segment)) in segments.into_iter().enumerate() {
        let last = position + 1 == count;
        let pattern = Pattern::new(&segment);
        let mut next = Vec::new();
        for base in &found {
            let join = |name: &str| {
                if base.is_empty() || base.ends_with('/') { format!("{base}{name}") } else { format!("{base}/{name}") }
            };
            if segment.is_empty() {
                if last && !base.ends_with('/') && kernel.file_info(base).is_ok_and(|info| info.is_dir) {
                    next.push(format!("{base}/"));
                } else if !last {
                    next.push(base.clone());
                }
                continue;
            }
            if !pattern.is_special() {
                let path = join(&segment.iter().map(|(c, _)| *c).collect::<String>());
                if kernel.vfs().find(&kernel.cwd(), &path, false).is_ok() {
                    next.push(path);
                }
                continue;
            }
            let dir = if base.is_empty() { "." } else { base.as_str() };
            let entries = kernel.vfs().list(&kernel.cwd(), dir).unwrap_or_default();
            kernel.tick(entries.len() as u64 / 8);
            for (name, _) in entries {
                let hidden = name.starts_with('.') && !pattern.starts_with_dot();
                if !hidden && pattern.matches_str(&name) {
                    next.push(join(&name));
                }
            }
        }
        next.truncate(FIELDS);
        found = next;
    }
    found
}
