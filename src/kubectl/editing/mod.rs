//! Editing objects in the terminal's editor: writes the file, starts the editor, sends what was changed, and opens the
//! file again with the reasons when it cannot be read or the server refuses it.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/util/editor.

mod saving;

use super::builder::{self, Target};
use super::failure::{Failure, path_error};
use super::print::{Printer, as_list, drop_managed_fields};
use super::program::{Context, Next, Outcome, Progress, Task};
use super::writing;
use crate::shell::program::{Errno, Pid, Wait};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::yaml::from_yaml;

/// What is edited, and what becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Objects of the server; changes are sent as patches.
    #[default]
    Normal,
    /// What apply remembers of objects; it is written back into their annotation.
    LastApplied,
    /// Objects that are to be created.
    BeforeCreate,
}

const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";
const HEADER_LAST_APPLIED: &str = "# Please edit the 'last-applied-configuration' annotations below.\n# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.\n#\n";

/// Edits groups of objects, a file each, one after the other.
///
/// # Errors
/// A file that cannot be written, or an editor that is not there.
pub fn start(cx: &mut Context<'_>, mut groups: Vec<Vec<Target>>, mode: Mode) -> Outcome {
    groups.reverse();
    let mut editing = Editing { groups, mode, ..Editing::default() };
    editing.next_group(cx).map(|progress| match progress {
        Progress::Next(next) => next,
        Progress::Wait(_) => Next::Task(Box::new(editing)),
    })
}

/// Why a file has to be edited again.
#[derive(Clone, Debug)]
struct Reason {
    head: String,
    causes: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Editing {
    /// What is still to be edited, the next at the end.
    groups: Vec<Vec<Target>>,
    targets: Vec<Target>,
    mode: Mode,
    /// How many files have been written.
    files: u64,
    /// The file that the editor has.
    file: String,
    /// The file of the round before, which was refused.
    before: String,
    /// The text of the objects as the editor got them first.
    original: String,
    /// What the editor left the last time, when that was refused.
    refused: Option<String>,
    reasons: Vec<Reason>,
    /// What went wrong with groups that are done.
    failures: Vec<Failure>,
    child: Option<Pid>,
}

/// The text without the lines that are comments.
fn without_comments(text: &str) -> String {
    let kept = |line: &&str| !line.trim().starts_with('#') || line.trim().starts_with("#!");
    text.split('\n').filter(kept).collect::<Vec<_>>().join("\n")
}

/// A text as a comment: its lines but the first get a `#`, unless they have one.
fn commented(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        out.push_str(line);
        out.push_str(if after.is_empty() || after.starts_with('#') { "\n" } else { "\n# " });
        rest = after;
    }
    out + rest
}

/// What a text means: its first document, or its lines where it cannot be read.
fn meaning(text: &str) -> String {
    from_yaml(text).map_or_else(|_| without_comments(text), |value| go_json::to_compact(&value))
}

/// The editor's command line, and the words that name it in a message.
fn editor(cx: &Context<'_>, file: &str) -> (Vec<String>, String) {
    let named = |name: &str| cx.system.env(name).filter(|value| !value.is_empty());
    let editor = named("KUBE_EDITOR").or_else(|| named("EDITOR")).unwrap_or_else(|| "nano".to_owned());
    if !editor.contains(' ') || !editor.contains(['"', '\'', '\\']) {
        let argv = editor.split(' ').map(str::to_owned).chain([file.to_owned()]).collect();
        return (argv, editor);
    }
    // As a shell would run it, when there are quotes.
    let shell = named("SHELL").unwrap_or_else(|| "/bin/bash".to_owned());
    let title = format!("{shell} -c {editor}");
    (vec![shell, "-c".to_owned(), format!("{editor} {}", quote(file))], title)
}

impl Editing {
    /// Opens the file of the next group, or ends when there is none.
    fn next_group(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let Some(targets) = self.groups.pop() else {
            return match std::mem::take(&mut self.failures) {
                none if none.is_empty() => Ok(Progress::Next(Next::Exit(0))),
                failures => Err(Failure::Many(failures)),
            };
        };
        self.targets = targets;
        self.refused = None;
        self.reasons.clear();
        self.before.clear();
        let mut objects: Vec<_> = self.targets.iter().map(|target| target.object.clone().unwrap_or_default()).collect();
        let mut whole = match objects.as_mut_slice() {
            [one] => std::mem::take(one),
            _ => {
                let mut list = as_list(objects);
                if let Some(metadata) = writing::metadata_mut(&mut list) {
                    metadata.clear();
                }
                list
            }
        };
        drop_managed_fields(&mut whole);
        self.original = Printer::json_or_yaml(cx.session.flags.text("output"))?.print(&whole)?;
        self.open(cx)
    }

    /// Writes the file and starts the editor.
    fn open(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let json = cx.session.flags.text("output") == "json";
        let mut text = if json { String::new() } else { self.header() };
        let lines = |text: &str| {
            if cx.session.flags.on("windows-line-endings") { text.replace('\n', "\r\n") } else { text.to_owned() }
        };
        match &self.refused {
            None => text = lines(&(text + &self.original)),
            Some(refused) => text = lines(&text) + &without_comments(refused),
        }
        self.files += 1;
        let stamp = (cx.system.now().as_micros() + self.files) % 10_000_000_000;
        self.file = format!("/tmp/kubectl-edit-{stamp}.{}", if json { "json" } else { "yaml" });
        let _ = cx.system.create_dir("/tmp", true);
        let unwritable = |errno: Errno, file: &str| Failure::msg(path_error("open", file, errno));
        cx.system.write_file(&self.file, text.as_bytes()).map_err(|errno| unwritable(errno, &self.file))?;
        let (argv, title) = editor(cx, &self.file);
        match cx.system.spawn(&argv) {
            Ok(child) => {
                self.child = Some(child);
                Ok(Progress::Wait(Wait { child: Some(child), ..Wait::default() }))
            }
            Err(_) => {
                let failure = Failure::msg(format!("unable to launch the editor {}", quote(&title)));
                self.end(cx, failure, false)
            }
        }
    }

    fn header(&self) -> String {
        let mut text = if self.mode == Mode::LastApplied { HEADER_LAST_APPLIED } else { HEADER }.to_owned();
        for reason in &self.reasons {
            let mark = if reason.causes.is_empty() { "" } else { ":" };
            text.push_str(&format!("# {}{mark}\n", commented(&reason.head)));
            for cause in &reason.causes {
                text.push_str(&format!("# * {}\n", commented(cause)));
            }
            text.push_str("#\n");
        }
        text
    }

    /// A group ends with an error; the file with the changes stays, and is named when there are any in it.
    fn end(&mut self, cx: &mut Context<'_>, failure: Failure, edited: bool) -> Result<Progress, Failure> {
        let file = if edited { &self.file } else { &self.before };
        if !file.is_empty() && cx.system.file_info(file).is_ok() {
            cx.out.err_line(&format!("A copy of your changes has been stored to {}", quote(file)));
        }
        self.failures.push(failure);
        if self.mode == Mode::BeforeCreate {
            return self.next_group(cx);
        }
        Err(if self.failures.len() == 1 { self.failures.remove(0) } else { Failure::Many(self.failures.clone()) })
    }

    /// A group ends well, or with nothing to do.
    fn done(&mut self, cx: &mut Context<'_>, words: &str) -> Result<Progress, Failure> {
        let _ = cx.system.remove_file(&self.file);
        if !words.is_empty() {
            cx.out.err_line(words);
        }
        self.next_group(cx)
    }

    fn again(&mut self, cx: &mut Context<'_>, text: String) -> Result<Progress, Failure> {
        self.refused = Some(text);
        self.before.clone_from(&self.file);
        self.open(cx)
    }

    /// What is done with what the editor left.
    fn finish(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let bytes = cx.system.read_file(&self.file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let means = meaning(&text);
        if self.refused.as_deref().is_some_and(|refused| meaning(refused) == means) {
            return self.end(cx, Failure::msg("Edit cancelled, no valid changes were saved."), true);
        }
        if !self.before.is_empty() {
            let _ = cx.system.remove_file(&self.before);
        }
        self.reasons.clear();
        let validation = match writing::validation(&cx.session.flags) {
            Ok(validation) => validation,
            Err(failure) => return self.end(cx, failure, true),
        };
        if validation != "Ignore"
            && let Err(why) = builder::validate_text(&means)
        {
            let Some(first) = self.targets.first() else { return self.next_group(cx) };
            let name = saving::title(first);
            cx.out.err_line(&format!("error: {name} is invalid"));
            let causes = vec![format!("<nil>: Invalid value: \"The edited file failed validation\": {why}")];
            self.reasons.push(Reason { head: format!("{name} was not valid"), causes });
            return self.again(cx, text);
        }
        if meaning(&self.original) == means {
            return self.done(cx, "Edit cancelled, no changes made.");
        }
        if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
            return self.done(cx, "Edit cancelled, saved file was empty.");
        }
        let updated = match builder::of_text(cx, "edited-file", &text) {
            Ok(updated) => updated,
            Err(why) => {
                let head = format!("The edited file had a syntax error: {}", why.text());
                self.reasons.push(Reason { head, causes: Vec::new() });
                return self.again(cx, text);
            }
        };
        match self.save(cx, updated) {
            Err(failure) => self.end(cx, failure, true),
            Ok(saving::Saved::Well) => self.done(cx, ""),
            Ok(saving::Saved::Again) => self.again(cx, text),
            Ok(saving::Saved::Lost(words)) => {
                cx.out.err_line(&words);
                Err(Failure::Exit(1, String::new()))
            }
        }
    }
}

impl Task for Editing {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let Some(child) = self.child else { return Ok(Progress::Next(Next::Exit(0))) };
        match cx.system.exit_code(child) {
            None => Ok(Progress::Wait(Wait { child: Some(child), ..Wait::default() })),
            Some(0) => {
                self.child = None;
                self.finish(cx)
            }
            Some(_) => {
                let (_, title) = editor(cx, &self.file);
                let failure = Failure::msg(format!("there was a problem with the editor {}", quote(&title)));
                self.end(cx, failure, false)
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_matter_and_what_cannot_be_read_is_compared_by_its_lines() {
        assert_eq!(meaning("# x\na: 1\n"), meaning("a:   1 # y\n"));
        assert_eq!(meaning("# x\na: [\n"), "a: [\n");
        assert_ne!(meaning("a: [\n"), meaning("a: [ \n"));
        assert_eq!(commented("a\nb\n# c\n"), "a\n# b\n# c\n");
        assert_eq!(without_comments("#!kept\n  # gone\nb"), "#!kept\nb");
    }
}
