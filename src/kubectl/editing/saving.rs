//! What was edited is sent: as patches, as annotations, as new objects. Opens no editor.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Editing, Mode, Reason};
use crate::kubectl::apply::{patch_form, two_way};
use crate::kubectl::builder::Target;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{Printer, list_at, str_at};
use crate::kubectl::program::Context;
use crate::kubectl::writing::{self, DryRun, LAST_APPLIED};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::go_value;
use crate::text::http::Method;

/// What became of the objects of a file.
pub(super) enum Saved {
    /// Nothing is left to do.
    Well,
    /// The server refused some; they are edited again.
    Again,
    /// It cannot be tried again here: the words that tell where the changes are.
    Lost(String),
}

/// `deployments.apps "web"`.
pub(super) fn title(target: &Target) -> String {
    format!("{} {}", target.resource.qualified(), quote(&target.name))
}

fn uid(object: Option<&Value>) -> &str {
    object.map_or("", |object| str_at(object, "/metadata/uid"))
}

/// What a save works with.
struct Work {
    query: Vec<(String, String)>,
    printer: Printer,
    subresource: String,
    show_patch: bool,
}

impl Work {
    fn path(&self, target: &Target) -> String {
        let path = target.path();
        if self.subresource.is_empty() { path } else { format!("{path}/{}", self.subresource) }
    }
}

impl Editing {
    /// Sends the edited objects.
    pub(super) fn save(&mut self, cx: &mut Context<'_>, mut updated: Vec<Target>) -> Result<Saved, Failure> {
        let flags = cx.session.flags.clone();
        let namespace = cx.namespace()?;
        for target in &mut updated {
            require_namespace(target, &namespace)?;
        }
        let fields: BTreeMap<String, Value> = self.targets.iter().filter_map(managed_fields).collect();
        for target in &mut updated {
            let Some(object) = &mut target.object else { continue };
            if let (Some(fields), Some(metadata)) =
                (fields.get(str_at(object, "/metadata/uid")).cloned(), writing::metadata_mut(object))
            {
                metadata.insert("managedFields".to_owned(), fields);
            }
            if flags.on("save-config") {
                *object = writing::remember(object);
            }
        }
        let validation = writing::validation(&flags)?;
        let mut work = Work {
            query: writing::query(DryRun::None, flags.text("field-manager"), validation),
            printer: Printer::of(&flags, cx.system, false)?,
            subresource: flags.text("subresource").to_owned(),
            show_patch: flags.on("output-patch"),
        };
        let (mut missing, mut refused) = (false, false);
        // Every object is sent, and the last of them decides whether that ended badly.
        let mut end = Ok(());
        for target in &updated {
            let outcome = match self.mode {
                Mode::BeforeCreate => create(cx, &mut work, target).map(|()| None),
                Mode::LastApplied => self.annotate(cx, &mut work, target).map(|()| None),
                Mode::Normal => self.patch(cx, &mut work, target),
            };
            let failure = match outcome {
                Ok(failure) => {
                    end = Ok(());
                    failure
                }
                Err(failure) => {
                    end = Err(failure);
                    None
                }
            };
            let Some(failure) = failure else { continue };
            let name = title(target);
            match failure.reason() {
                "Invalid" => {
                    cx.out.err_line(&format!("error: {name} is invalid"));
                    self.reasons.push(invalid(&name, &failure));
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
        end?;
        Ok(if refused {
            Saved::Lost(format!("You can run `kubectl replace -f {}` to try this update again.", self.file))
        } else if missing {
            Saved::Lost(format!("The edits you made on deleted resources have been saved to {}", quote(&self.file)))
        } else if self.reasons.is_empty() {
            Saved::Well
        } else {
            Saved::Again
        })
    }

    /// The object that an edited one was: objects are told apart by their uid.
    fn original(&self, edited: &Target) -> Result<Value, Failure> {
        let own = uid(edited.object.as_ref());
        let found = self.targets.iter().find(|target| uid(target.object.as_ref()) == own);
        found.and_then(|target| target.object.clone()).ok_or_else(|| {
            let object = go_value::syntax(edited.object.as_ref().unwrap_or(&Value::Null));
            Failure::msg(format!("no original object found for &unstructured.Unstructured{{Object:{object}}}"))
        })
    }

    /// Sends a patch; what the server says against it is given back.
    fn patch(&self, cx: &mut Context<'_>, work: &mut Work, target: &Target) -> Result<Option<Failure>, Failure> {
        let before = self.original(target)?;
        let after = target.object.clone().unwrap_or_default();
        if before == after {
            return tell(cx, work, target, &after, "skipped").map(|()| None);
        }
        let kept = ["/apiVersion", "/kind", "/metadata/name"];
        if kept.iter().any(|path| before.pointer(path) != after.pointer(path)) {
            return Err(Failure::msg("At least one of apiVersion, kind and name was changed"));
        }
        let body = go_json::to_compact(&two_way(&before, &after));
        if work.show_patch {
            cx.out.line(&format!("Patch: {body}"));
        }
        match cx.patch(&work.path(target), patch_form(&after), &work.query, body.as_bytes()) {
            Ok(patched) => tell(cx, work, target, &patched, "edited").map(|()| None),
            Err(failure @ Failure::Status { .. }) => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// Writes what apply is to remember.
    fn annotate(&self, cx: &mut Context<'_>, work: &mut Work, target: &Target) -> Result<(), Failure> {
        let after = target.object.clone().unwrap_or_default();
        if self.original(target)? == after {
            return tell(cx, work, target, &after, "skipped");
        }
        let memory = go_json::to_compact(&after) + "\n";
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: memory}}}).to_string();
        cx.patch(&work.path(target), "merge", &work.query, patch.as_bytes())?;
        tell(cx, work, target, &after, "edited")
    }
}

fn create(cx: &mut Context<'_>, work: &mut Work, target: &Target) -> Result<(), Failure> {
    let object = target.object.clone().unwrap_or_default();
    let made = cx.write(Method::Post, &target.resource.path(&target.namespace), &work.query, &object)?;
    tell(cx, work, target, &made, "created")
}

fn tell(cx: &mut Context<'_>, work: &mut Work, target: &Target, object: &Value, what: &str) -> Result<(), Failure> {
    let text = work.printer.done(object, &target.resource, str_at(object, "/metadata/name"), what)?;
    cx.out.out(&text);
    Ok(())
}

fn managed_fields(target: &Target) -> Option<(String, Value)> {
    let object = target.object.as_ref()?;
    Some((str_at(object, "/metadata/uid").to_owned(), object.pointer("/metadata/managedFields")?.clone()))
}

/// The namespace cannot be changed by editing.
fn require_namespace(target: &mut Target, namespace: &str) -> Result<(), Failure> {
    if !target.resource.namespaced {
        return Ok(());
    }
    let Some(object) = &mut target.object else { return Ok(()) };
    let own = str_at(object, "/metadata/namespace").to_owned();
    if !own.is_empty() && own != namespace {
        return Err(Failure::msg(format!(
            "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={own}' to perform this operation.",
            quote(&own),
            quote(namespace),
        )));
    }
    if let Some(metadata) = writing::metadata_mut(object) {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    namespace.clone_into(&mut target.namespace);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let value = json!({"b": [1, true, null], "a": {"x": "y\n"}});
        assert_eq!(
            go_value::syntax(&value),
            "map[string]interface {}{\"a\":map[string]interface {}{\"x\":\"y\\n\"}, \"b\":[]interface {}{1, true, interface {}(nil)}}"
        );
    }
}
