//! Editing objects in the terminal's editor: writes the file, starts the editor, sends what was changed, and opens the
//! file again with the reasons when the server refuses.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go.

use serde_json::{Map, Value, json};

use super::apply::{patch_form, two_way};
use super::builder::Target;
use super::failure::Failure;
use super::print::{Printer, drop_managed_fields, list_at, str_at};
use super::program::{Context, Next, Outcome, Progress, Task};
use super::writing::{self, DryRun, LAST_APPLIED};
use crate::shell::program::{Pid, Wait};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::http::Method;
use crate::text::yaml::{documents, to_yaml};

/// What is edited, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Objects of the server; changes are sent as patches.
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
    let ending = if cx.session.flags.text("output") == "json" { "json" } else { "yaml" };
    let stamp = cx.system.now().as_micros() % 10_000_000_000;
    let file = format!("/tmp/kubectl-edit-{stamp}.{ending}");
    let mut editing = Editing { groups, mode, file, ..Editing::default() };
    Ok(if editing.next_file(cx)? { Next::Task(Box::new(editing)) } else { Next::Exit(0) })
}

/// Why a file has to be edited again.
#[derive(Clone, Debug)]
struct Reason {
    head: String,
    causes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Editing {
    groups: Vec<Vec<Target>>,
    targets: Vec<Target>,
    mode: Mode,
    file: String,
    /// The text of the objects as the editor got them first.
    original: String,
    /// What the editor left the last time, when that was refused.
    refused: Option<String>,
    reasons: Vec<Reason>,
    child: Option<Pid>,
}

impl Default for Editing {
    fn default() -> Self {
        Editing {
            groups: Vec::new(),
            targets: Vec::new(),
            mode: Mode::Normal,
            file: String::new(),
            original: String::new(),
            refused: None,
            reasons: Vec::new(),
            child: None,
        }
    }
}

/// The lines that are no comments.
fn stripped(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn parsed(text: &str) -> Result<Vec<Value>, String> {
    documents(stripped(text).as_bytes()).filter(|document| !matches!(document, Ok(Value::Null))).collect()
}

/// Whether two texts mean the same objects.
fn same(one: &str, other: &str) -> bool {
    match (parsed(one), parsed(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => stripped(one) == stripped(other),
    }
}

impl Editing {
    /// Opens the file of the next group; `false` when there is none.
    fn next_file(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let Some(targets) = self.groups.pop() else { return Ok(false) };
        self.targets = targets;
        self.refused = None;
        self.reasons.clear();
        let clean = |target: &Target| {
            let mut object = target.object.clone().unwrap_or_default();
            drop_managed_fields(&mut object);
            object
        };
        let whole = match self.targets.as_slice() {
            [one] => clean(one),
            many => {
                let items: Vec<Value> = many.iter().map(clean).collect();
                json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}})
            }
        };
        self.original = if self.file.ends_with("json") { go_json::to_indented(&whole) + "\n" } else { to_yaml(&whole) };
        self.open(cx)?;
        Ok(true)
    }

    /// Writes the file and starts the editor.
    fn open(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let mut text = if self.mode == Mode::LastApplied { HEADER_LAST_APPLIED } else { HEADER }.to_owned();
        for reason in &self.reasons {
            let head = reason.head.replace('\n', "\n# ");
            text.push_str(&format!("# {head}{}\n", if reason.causes.is_empty() { "" } else { ":" }));
            for cause in &reason.causes {
                text.push_str(&format!("# * {}\n", cause.replace('\n', "\n# ")));
            }
            text.push_str("#\n");
        }
        text.push_str(self.refused.as_deref().map(stripped).as_deref().unwrap_or(&self.original));
        let _ = cx.system.create_dir("/tmp", true);
        cx.system
            .write_file(&self.file, text.as_bytes())
            .map_err(|errno| Failure::msg(format!("open {}: {}", self.file, errno.message().to_lowercase())))?;
        let named = |name: &str| cx.system.env(name).filter(|value| !value.trim().is_empty());
        let editor = named("KUBE_EDITOR").or_else(|| named("EDITOR")).unwrap_or_else(|| "nano".to_owned());
        // As a shell would run it, when it is more than a name.
        let argv: Vec<String> = if editor.contains(['"', '\'', '\\', '$', ';', '|', '&']) {
            vec!["sh".to_owned(), "-c".to_owned(), format!("{editor} {}", self.file)]
        } else {
            editor.split_whitespace().map(str::to_owned).chain([self.file.clone()]).collect()
        };
        let child = cx.system.spawn(&argv).map_err(|_| {
            let name = argv.first().cloned().unwrap_or_default();
            Failure::msg(format!("unable to launch the editor {}", quote(&name)))
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// An error that leaves the edited file behind.
    fn keep(&self, cx: &mut Context<'_>, failure: Failure) -> Failure {
        cx.out.err_line(&format!("A copy of your changes has been stored to {}", quote(&self.file)));
        failure
    }

    fn again(&mut self, cx: &mut Context<'_>, text: String) -> Result<Progress, Failure> {
        self.refused = Some(text);
        self.open(cx)?;
        Ok(Progress::Wait(Wait { child: self.child, ..Wait::default() }))
    }

    fn done(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let _ = cx.system.remove_file(&self.file);
        if self.next_file(cx)? {
            return Ok(Progress::Wait(Wait { child: self.child, ..Wait::default() }));
        }
        Ok(Progress::Next(Next::Exit(0)))
    }

    /// What is done with what the editor left.
    fn finish(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let bytes = cx.system.read_file(&self.file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if self.refused.as_deref().is_some_and(|refused| same(refused, &text)) {
            return Err(self.keep(cx, Failure::msg("Edit cancelled, no valid changes were saved.")));
        }
        if same(&self.original, &text) {
            cx.out.err_line("Edit cancelled, no changes made.");
            return self.done(cx);
        }
        if stripped(&text).trim().is_empty() {
            cx.out.err_line("Edit cancelled, saved file was empty.");
            return self.done(cx);
        }
        self.reasons.clear();
        let objects = match parsed(&text) {
            Ok(objects) => objects,
            Err(why) => {
                self.reasons
                    .push(Reason { head: format!("The edited file had a syntax error: {why}"), causes: Vec::new() });
                return self.again(cx, text);
            }
        };
        let objects: Vec<Value> = objects
            .into_iter()
            .flat_map(|one| if str_at(&one, "/kind") == "List" { list_at(&one, "/items").to_vec() } else { vec![one] })
            .collect();
        let (mut missing, mut refused) = (false, false);
        for after in &objects {
            match self.save(cx, after) {
                Ok(()) => {}
                Err((failure, None)) => return Err(self.keep(cx, failure)),
                Err((failure, Some(target))) => {
                    let name = format!("{} {}", target.resource.qualified(), quote(&target.name));
                    match failure.reason() {
                        "Invalid" => {
                            self.reasons.push(invalid(&name, &failure));
                            cx.out.err_line(&format!("error: {name} is invalid"));
                        }
                        "NotFound" => {
                            missing = true;
                            cx.out.err_line(&format!("error: {name} could not be found on the server"));
                        }
                        _ => {
                            refused = true;
                            cx.out.err_line(&format!("error: {name} could not be patched: {}", failure.text()));
                        }
                    }
                }
            }
        }
        if refused {
            cx.out.err_line(&format!("You can run `kubectl replace -f {}` to try this update again.", self.file));
            return Err(Failure::Exit(1, String::new()));
        }
        if missing {
            cx.out
                .err_line(&format!("The edits you made on deleted resources have been saved to {}", quote(&self.file)));
            return Err(Failure::Exit(1, String::new()));
        }
        if self.reasons.is_empty() { self.done(cx) } else { self.again(cx, text) }
    }

    /// Sends one edited object. An error with a target is one to tell and to edit again; one without ends it all.
    fn save(&mut self, cx: &mut Context<'_>, after: &Value) -> Result<(), (Failure, Option<Target>)> {
        let flags = cx.session.flags.clone();
        let end = |failure: Failure| (failure, None);
        let (name, uid) = (str_at(after, "/metadata/name"), str_at(after, "/metadata/uid"));
        let found = self.targets.iter().find(|target| {
            let own = target.object.as_ref().map_or("", |object| str_at(object, "/metadata/uid"));
            if own.is_empty() || self.mode != Mode::Normal { target.name == name } else { own == uid }
        });
        let found = found.or(if self.targets.len() == 1 && uid.is_empty() { self.targets.first() } else { None });
        let Some(target) = found.cloned() else {
            return Err(end(Failure::msg(format!("no original object found for {name}"))));
        };
        let mut before = target.object.clone().unwrap_or_default();
        drop_managed_fields(&mut before);
        let validation = writing::validation(&flags).map_err(end)?;
        let query = writing::query(DryRun::None, flags.text("field-manager"), validation);
        let mut printer = Printer::of(&flags, cx.system, false).map_err(end)?;
        if flags.text("output") == "json" || flags.text("output") == "yaml" {
            printer.format = crate::kubectl::print::Format::Human { wide: false };
        }
        let (result, what) = match self.mode {
            Mode::BeforeCreate => {
                let mut object = after.clone();
                if flags.on("save-config") {
                    object = writing::remember(&object);
                }
                let collection = target.resource.path(&target.namespace);
                (cx.write(Method::Post, &collection, &query, &object).map_err(end)?, "created")
            }
            _ if before == *after => (after.clone(), "skipped"),
            Mode::LastApplied => {
                let memory = go_json::to_compact(after);
                let patch = json!({"metadata": {"annotations": {LAST_APPLIED: memory}}}).to_string();
                cx.patch(&target.path(), "merge", &query, patch.as_bytes()).map_err(end)?;
                (after.clone(), "edited")
            }
            Mode::Normal => {
                let kept = ["/apiVersion", "/kind", "/metadata/name"];
                if kept.iter().any(|path| before.pointer(path) != after.pointer(path)) {
                    return Err(end(Failure::msg("At least one of apiVersion, kind and name was changed")));
                }
                let mut after = after.clone();
                if flags.on("save-config") {
                    after = writing::remember(&after);
                }
                let patch = two_way(&before, &after);
                let body = go_json::to_compact(&patch);
                if flags.on("output-patch") {
                    cx.out.line(&format!("Patch: {body}"));
                }
                if patch.as_object().is_none_or(Map::is_empty) {
                    (after, "skipped")
                } else {
                    let sub = flags.text("subresource");
                    let path = if sub.is_empty() { target.path() } else { format!("{}/{sub}", target.path()) };
                    let sent = cx.patch(&path, patch_form(&after), &query, body.as_bytes());
                    (sent.map_err(|failure| (failure, Some(target.clone())))?, "edited")
                }
            }
        };
        let text = printer.done(&result, &target.resource, str_at(&result, "/metadata/name"), what).map_err(end)?;
        cx.out.out(&text);
        Ok(())
    }
}

fn invalid(name: &str, failure: &Failure) -> Reason {
    let causes = match failure {
        Failure::Status { status, .. } => list_at(status, "/details/causes")
            .iter()
            .map(|cause| format!("{}: {}", str_at(cause, "/field"), str_at(cause, "/message")))
            .collect(),
        _ => Vec::new(),
    };
    Reason { head: format!("{name} was not valid"), causes }
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
            Some(code) => {
                let named = |name: &str| cx.system.env(name).filter(|value| !value.trim().is_empty());
                let editor = named("KUBE_EDITOR").or_else(|| named("EDITOR")).unwrap_or_else(|| "nano".to_owned());
                let _ = cx.system.remove_file(&self.file);
                let what = quote(&editor);
                Err(Failure::msg(format!("there was a problem with the editor {what}: exit status {code}")))
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
