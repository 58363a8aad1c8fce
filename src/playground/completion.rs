//! What Tab offers at the learner's prompt: commands, files, and what kubectl knows. Changes nothing.

use serde_json::Value;

use super::lab::Lab;
use crate::kubectl;
use crate::shell::line_editor::{Candidate, Completer, Completion};
use crate::shell::program::Pid;
use crate::shell::vfs::Kind;
use crate::text::http::{Body, Method, Request};

/// Words of the shell's language that begin a command.
const WORDS: &[&str] =
    &["case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "then", "time", "until", "while"];
/// Directories whose programs are offered.
const PATH: &[&str] = &["/usr/local/bin", "/usr/bin"];
/// After these a command begins.
const BREAKS: &[char] = &[';', '|', '&', '(', '{', '`', '\n'];

/// The knowledge of a machine and its cluster, for one shell.
pub struct LabCompleter<'a> {
    /// Machine and cluster.
    pub lab: &'a mut Lab,
    /// The shell whose directory counts.
    pub shell: Pid,
}

impl Completer for LabCompleter<'_> {
    fn complete(&mut self, line: &str, cursor: usize) -> Completion {
        let head = line.get(..cursor).unwrap_or_default();
        let command = head.rfind(BREAKS).map_or(0, |at| at + 1);
        let command_text = head.get(command..).unwrap_or_default();
        let start = word_start(head);
        let word = head.get(start..).unwrap_or_default();
        let words: Vec<&str> = command_text.split_whitespace().collect();
        let before = words.len() - usize::from(!word.is_empty() && !words.is_empty());
        // `A=b kubectl` begins at kubectl.
        let assignments = words.iter().take_while(|word| word.contains('=') && !word.starts_with('-')).count();
        let redirect = head.get(..start).is_some_and(|before| before.trim_end().ends_with(['>', '<']));
        if redirect {
            return self.files(word, start);
        }
        if before <= assignments {
            return if word.contains('/') { self.files(word, start) } else { self.commands(word, start) };
        }
        let name = words.get(assignments).copied().unwrap_or_default();
        if name == "kubectl" || name == "k" {
            let args: Vec<String> =
                words.iter().take(before).skip(assignments + 1).map(|word| (*word).to_owned()).collect();
            return self.kubectl(&args, word, start);
        }
        self.files(word, start)
    }
}

impl LabCompleter<'_> {
    fn commands(&self, word: &str, start: usize) -> Completion {
        let vfs = self.lab.machine.vfs();
        let programs = PATH.iter().flat_map(|dir| vfs.list("/", dir).unwrap_or_default()).map(|(name, _)| name);
        let known = self.lab.machine.shell(self.shell).map(|shell| shell.command_names()).unwrap_or_default();
        let names = programs.chain(WORDS.iter().map(|name| (*name).to_owned())).chain(known);
        let fitting = names.filter(|name| name.starts_with(word) && !name.starts_with('['));
        Completion { start, candidates: fitting.map(Candidate::word).collect() }
    }

    fn files(&self, word: &str, start: usize) -> Completion {
        let plain = unquoted(word);
        let (dir, beginning) = match plain.rfind('/') {
            Some(at) => plain.split_at(at + 1),
            None => ("", plain.as_str()),
        };
        let vfs = self.lab.machine.vfs();
        let cwd = self.lab.machine.cwd(self.shell);
        let looked = match dir.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", super::machine::HOME),
            None if dir.is_empty() => ".".to_owned(),
            None => dir.to_owned(),
        };
        let entries = vfs.list(&cwd, &looked).unwrap_or_default();
        let fitting = entries
            .into_iter()
            .filter(|(name, _)| name.starts_with(beginning) && (beginning.starts_with('.') || !name.starts_with('.')));
        let candidates = fitting.map(|(name, node)| {
            let is_dir = vfs.inode(node).is_some_and(|inode| matches!(inode.kind, Kind::Directory(_)));
            let slash = if is_dir { "/" } else { "" };
            let text = format!("{}{}{slash}", escaped(dir), escaped(&name));
            Candidate { text, shown: format!("{name}{slash}"), closed: !is_dir }
        });
        Completion { start, candidates: candidates.collect() }
    }

    fn kubectl(&mut self, args: &[String], word: &str, start: usize) -> Completion {
        match kubectl::complete(args, word, &mut Reader { lab: self.lab }) {
            Some(candidates) => Completion { start, candidates },
            // Behind `--filename=` the file begins.
            None => match word.strip_prefix("--").and_then(|_| word.find('=')) {
                Some(at) => self.files(word.get(at + 1..).unwrap_or_default(), start + at + 1),
                None => self.files(word, start),
            },
        }
    }
}

/// Reads from the cluster, for kubectl.
struct Reader<'a> {
    lab: &'a mut Lab,
}

impl kubectl::Server for Reader<'_> {
    fn kubeconfig(&mut self) -> Option<kubectl::Kubeconfig> {
        let path = format!("{}/.kube/config", super::machine::HOME);
        let found = self.lab.machine.vfs().find("/", &path, true).ok()?;
        match &self.lab.machine.vfs().inode(found.node)?.kind {
            Kind::File(bytes) => kubectl::Kubeconfig::parse(&String::from_utf8_lossy(bytes)).ok(),
            _ => None,
        }
    }

    fn get(&mut self, path: &str) -> Option<Value> {
        let response = self.lab.cluster.handle(&Request::new(Method::Get, path));
        match response.body {
            Body::Bytes(bytes) if response.status == 200 => serde_json::from_slice(&bytes).ok(),
            Body::Bytes(_) => None,
            Body::Stream(stream) => {
                self.lab.cluster.close_stream(stream);
                None
            }
        }
    }
}

/// Where the word at the end of `head` begins: behind the last blank, redirection or break that is not quoted.
fn word_start(head: &str) -> usize {
    let (mut start, mut quote, mut escape) = (0, None, false);
    for (at, letter) in head.char_indices() {
        let next = at + letter.len_utf8();
        if escape {
            escape = false;
        } else if let Some(open) = quote {
            if letter == open {
                quote = None;
            }
        } else {
            match letter {
                '\\' => escape = true,
                '\'' | '"' => quote = Some(letter),
                ' ' | '\t' | '>' | '<' => start = next,
                _ if BREAKS.contains(&letter) => start = next,
                _ => {}
            }
        }
    }
    start
}

/// The word without its quotes and backslashes.
fn unquoted(word: &str) -> String {
    let mut out = String::new();
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            '\'' | '"' => {}
            _ => out.push(letter),
        }
    }
    out
}

/// The name with a backslash before whatever the shell would read.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if " \t'\"\\$&|;<>()*?[]#`!{}".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
