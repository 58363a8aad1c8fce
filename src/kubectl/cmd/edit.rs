//! `kubectl edit`: opens an object in the editor and sends what was changed.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go.

use serde_json::Value;

use crate::kubectl::apply::two_way;
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, as_list, drop_managed_fields, list_at, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DryRun, VALIDATE, field_manager};
use crate::shell::program::{Pid, Wait};
use crate::text::yaml::{from_yaml, to_yaml};

const FLAGS: &[Flag] = &[
    switch("output-patch", "Show the patch that was sent."),
    switch("save-config", "Remember the configuration in an annotation."),
    text("subresource", "", "Edit a subresource."),
    switch("windows-line-endings", "Edit with the line endings of Windows."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "edit",
    group: Group::Intermediate,
    short: "Edit an object in an editor",
    long: "Opens an object as YAML in the editor that KUBE_EDITOR or EDITOR names (nano otherwise) and sends what was changed when it is saved.",
    examples: &[("Edit a service", "kubectl edit service kubernetes")],
    usage: "(RESOURCE/NAME | -f FILENAME) [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, VALIDATE, &[field_manager("kubectl-edit")]],
    run: Some(run),
    ..Command::EMPTY
};

const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    query.list_without_name = true;
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    if !failures.is_empty() {
        return Err(if failures.len() == 1 { failures.remove(0) } else { Failure::Many(failures) });
    }
    if found.is_empty() {
        return Err(Failure::msg("edit cancelled, no objects found"));
    }
    let file = format!("/tmp/kubectl-edit-{}.yaml", cx.system.now().as_micros() % 10_000_000_000);
    let mut editing = Editing { targets: found, file, before: String::new(), child: None, complaint: String::new() };
    editing.open(cx, None)?;
    Ok(Next::Task(Box::new(editing)))
}

#[derive(Clone, Debug)]
struct Editing {
    targets: Vec<Target>,
    file: String,
    /// What the editor was given.
    before: String,
    child: Option<Pid>,
    complaint: String,
}

impl Editing {
    fn original(&self) -> Value {
        let clean = |target: &Target| {
            let mut object = target.object.clone().unwrap_or_default();
            drop_managed_fields(&mut object);
            object
        };
        match self.targets.as_slice() {
            [one] => clean(one),
            many => as_list(many.iter().map(clean).collect()),
        }
    }

    /// Writes the file and starts the editor; `content` is what the editor left the last time.
    fn open(&mut self, cx: &mut Context<'_>, content: Option<String>) -> Result<(), Failure> {
        let body = content.unwrap_or_else(|| to_yaml(&self.original()));
        let notes: String = self.complaint.lines().map(|line| format!("# {line}\n")).collect();
        let notes = if notes.is_empty() { notes } else { format!("{notes}#\n") };
        self.before = format!("{HEADER}{notes}{body}");
        let _ = cx.system.create_dir("/tmp", true);
        cx.system
            .write_file(&self.file, self.before.as_bytes())
            .map_err(|errno| Failure::msg(format!("open {}: {}", self.file, errno.message().to_lowercase())))?;
        let named = |name: &str| cx.system.env(name).filter(|value| !value.trim().is_empty());
        let editor = named("KUBE_EDITOR").or_else(|| named("EDITOR")).unwrap_or_else(|| "nano".to_owned());
        let mut argv: Vec<String> = editor.split_whitespace().map(str::to_owned).collect();
        argv.push(self.file.clone());
        let child = cx.system.spawn(&argv).map_err(|_| {
            let name = argv.first().cloned().unwrap_or_default();
            Failure::msg(format!("unable to launch the editor \"{name}\""))
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// What is done with what the editor left.
    fn finish(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let bytes = cx.system.read_file(&self.file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let given: String =
            self.before.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        if body == given {
            let _ = cx.system.remove_file(&self.file);
            if !self.complaint.is_empty() {
                return Err(Failure::Plain(format!(
                    "{}\nerror: Edit cancelled, no valid changes were saved.",
                    self.complaint
                )));
            }
            cx.out.err_line("Edit cancelled, no changes made.");
            return Ok(Progress::Next(Next::Exit(0)));
        }
        if body.trim().is_empty() {
            let _ = cx.system.remove_file(&self.file);
            cx.out.err_line("Edit cancelled, saved file was empty.");
            return Ok(Progress::Next(Next::Exit(0)));
        }
        let edited = match from_yaml(&body) {
            Ok(edited) => edited,
            Err(why) => return self.again(cx, body, format!("The edited file had a syntax error: {why}")),
        };
        let objects = if self.targets.len() == 1 { vec![edited] } else { list_at(&edited, "/items").to_vec() };
        let mut complaints = Vec::new();
        for target in self.targets.clone() {
            let name = target.name.clone();
            let found = objects
                .iter()
                .find(|one| str_at(one, "/metadata/name") == name && str_at(one, "/kind") == target.resource.kind);
            let Some(after) = found else {
                complaints.push("At least one of apiVersion, kind and name was changed".to_owned());
                continue;
            };
            match save(cx, &target, after) {
                Ok(()) => {}
                Err(failure) => {
                    let (words, _) = failure.report();
                    complaints.push(format!(
                        "{} was not valid:\n* {}",
                        plural(&target),
                        words.trim_end().trim_start_matches("error: ")
                    ));
                }
            }
        }
        if complaints.is_empty() {
            let _ = cx.system.remove_file(&self.file);
            return Ok(Progress::Next(Next::Exit(0)));
        }
        let complaint = complaints.join("\n");
        cx.out.err_line(&format!("error: {complaint}"));
        self.again(cx, body, complaint)
    }

    fn again(&mut self, cx: &mut Context<'_>, body: String, complaint: String) -> Result<Progress, Failure> {
        self.complaint = complaint;
        self.open(cx, Some(body))?;
        Ok(Progress::Wait(Wait { child: self.child, ..Wait::default() }))
    }
}

fn plural(target: &Target) -> String {
    format!("{} \"{}\"", target.resource.qualified(), target.name)
}

fn save(cx: &mut Context<'_>, target: &Target, after: &Value) -> Result<(), Failure> {
    let flags = cx.session.flags.clone();
    let mut before = target.object.clone().unwrap_or_default();
    drop_managed_fields(&mut before);
    let patch = two_way(&before, after);
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        cx.out.line(&format!("{} skipped", target.title()));
        return Ok(());
    }
    let query = writing::query(DryRun::None, flags.text("field-manager"), writing::validation(&flags)?);
    let body = crate::text::go_json::to_compact(&patch);
    if flags.on("output-patch") {
        cx.out.line(&format!("Patch: {body}"));
    }
    cx.patch(&target.path(), "strategic", &query, body.as_bytes())?;
    cx.out.line(&format!("{} edited", target.title()));
    Ok(())
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
                let _ = cx.system.remove_file(&self.file);
                Err(Failure::msg(format!("there was a problem with the editor: exit status {code}")))
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
