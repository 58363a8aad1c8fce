//! What commands that write have in common: dry runs, field validation, field managers, whose file was at fault.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/util/helpers.go.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::flags::{Flag, Flags, switch, text};
use super::program::Context;
use crate::apimachinery::names;
use crate::apimachinery::quantity::Quantity;
use crate::sim::Time;
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::http::Method;

/// The annotation in which `apply` remembers what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `--dry-run`.
pub const DRY_RUN: &[Flag] = &[text(
    "dry-run",
    "none",
    "Only show what would be sent (client), or let the server check it without keeping it (server); or none.",
)
.bare("unchanged")];

/// `--validate`.
pub const VALIDATE: &[Flag] = &[text(
    "validate",
    "strict",
    "What to do with unknown or repeated fields: strict refuses, warn tells, ignore is silent.",
)
.bare("strict")];

/// `--field-manager`, with the command's own name.
pub const fn field_manager(own: &'static str) -> Flag {
    text("field-manager", own, "The name that fields are recorded under.")
}

/// `--save-config`.
pub const SAVE_CONFIG: &[Flag] =
    &[switch("save-config", "Remember the configuration in an annotation, so that apply can be used later.")];

/// Whether anything is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It is.
    #[default]
    None,
    /// Nothing is sent.
    Client,
    /// The server goes through the motions.
    Server,
}

impl DryRun {
    /// Reads `--dry-run`. What is deprecated is told once, however often it is read.
    ///
    /// # Errors
    /// A value that does not exist.
    pub fn of(cx: &mut Context<'_>) -> Result<DryRun, Failure> {
        let (place, text) = match cx.session.flags.text("dry-run") {
            "" if !cx.session.flags.changed("dry-run") => return Ok(DryRun::None),
            "none" | "false" => return Ok(DryRun::None),
            "client" => return Ok(DryRun::Client),
            "server" => return Ok(DryRun::Server),
            "unchanged" => ("helpers.go:719", "--dry-run is"),
            "true" => ("helpers.go:708", "--dry-run=true is"),
            other => {
                return Err(Failure::msg(format!(
                    "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
                )));
            }
        };
        let boolean = if place.ends_with('8') { " (boolean value)" } else { "" };
        let text = format!("{text} deprecated{boolean} and can be replaced with --dry-run=client.");
        let line = klog('W', cx.system.now(), place, &text);
        cx.out.err_line(&line);
        cx.session.flags.set("dry-run", "client");
        Ok(DryRun::Client)
    }

    /// What is put behind the sentence about what was done.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }

    /// The query parameters of a write.
    pub fn query(self) -> Vec<(String, String)> {
        match self {
            DryRun::Server => vec![("dryRun".to_owned(), "All".to_owned())],
            _ => Vec::new(),
        }
    }
}

/// `fieldValidation` from `--validate`.
///
/// # Errors
/// A value that does not exist.
pub fn validation(flags: &Flags) -> Result<&'static str, Failure> {
    match flags.text("validate") {
        "strict" | "true" => Ok("Strict"),
        "" if !flags.changed("validate") => Ok("Strict"),
        "warn" => Ok("Warn"),
        "ignore" | "false" => Ok("Ignore"),
        other => Err(Failure::msg(format!(
            "invalid - validate option {}; must be one of: strict (or true), warn, ignore (or false)",
            quote(other)
        ))),
    }
}

/// What becomes of the objects that belong to a deleted one, from `--cascade`, in the server's word.
///
/// # Errors
/// A value that does not exist.
pub fn cascade(cx: &mut Context<'_>) -> Result<&'static str, Failure> {
    let flags = &cx.session.flags;
    let given = flags.text("cascade").to_owned();
    let (policy, instead) = match given.as_str() {
        "background" => ("Background", ""),
        "foreground" => ("Foreground", ""),
        "orphan" => ("Orphan", ""),
        "" if !flags.changed("cascade") => ("Background", ""),
        "1" | "t" | "T" | "TRUE" | "true" | "True" => ("Background", "background"),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => ("Orphan", "orphan"),
        other => {
            return Err(Failure::msg(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    if !instead.is_empty() {
        cx.out.err_line(&format!(
            "warning: --cascade={given} is deprecated (boolean value) and can be replaced with --cascade={instead}."
        ));
    }
    Ok(policy)
}

/// A log line as klog writes it.
pub fn klog(severity: char, now: Time, place: &str, text: &str) -> String {
    let stamp = now.timestamp().to_string();
    let part = |from: usize, to: usize| stamp.get(from..to).unwrap_or("00").to_owned();
    let micros = now.as_micros() % 1_000_000;
    format!("{severity}{}{} {}.{micros:06}       1 {place}] {text}", part(5, 7), part(8, 10), part(11, 19))
}

/// Puts the file at fault before the server's words.
pub fn blame(failure: Failure, verb: &str, source: Option<&str>) -> Failure {
    match source {
        Some(source) => failure.context(&format!("error when {verb} {}: ", quote(source))),
        None => failure,
    }
}

/// The query of a write: dry run, field manager, field validation.
pub fn query(dry_run: DryRun, manager: &str, validation: &str) -> Vec<(String, String)> {
    let mut query = dry_run.query();
    query.push(("fieldManager".to_owned(), manager.to_owned()));
    if !validation.is_empty() {
        query.push(("fieldValidation".to_owned(), validation.to_owned()));
    }
    query
}

/// The field manager of `apply` and `diff`: on the server's side it has another name.
pub fn apply_manager(flags: &Flags) -> &str {
    if flags.on("server-side") && !flags.changed("field-manager") { "kubectl" } else { flags.text("field-manager") }
}

/// `cpu=100m,memory=256Mi` as a list of resources.
///
/// # Errors
/// A part without `=`, or what is no quantity.
pub fn quantities(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut list = Map::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let pair = part.split_once('=').filter(|(_, value)| !value.contains('='));
        let Some((key, value)) = pair else {
            return Err(Failure::msg(format!("Invalid argument syntax {part}, expected <resource>=<value>")));
        };
        let value = Quantity::parse(value).map_err(Failure::msg)?;
        list.insert(key.to_owned(), Value::String(value.to_string()));
    }
    Ok(list)
}

/// The name of an environment variable, as `create configmap --from-env-file` and `set env` take it.
///
/// # Errors
/// What is none.
pub fn variable_name(name: &str) -> Result<(), Failure> {
    let digit = name.starts_with(|letter: char| letter.is_ascii_digit());
    if !name.is_empty() && !digit && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c)) {
        return Ok(());
    }
    Err(Failure::msg(format!(
        "{} is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')",
        quote(name)
    )))
}

/// Five letters for a name, as chance gives them.
pub fn random_letters(cx: &mut Context<'_>) -> String {
    names::suffix(&mut fastrand::Rng::with_seed(cx.system.random().into()), 5)
}

/// The object as `apply` remembers it: without the memory of earlier applies.
pub fn last_applied(object: &Value) -> String {
    let mut bare = object.clone();
    if let Some(metadata) = metadata_mut(&mut bare) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if annotations.is_null() {
            *annotations = Value::Object(Map::new());
        }
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove(LAST_APPLIED);
        }
    }
    go_json::to_compact(&bare) + "\n"
}

/// The object with the memory of what is applied.
pub fn remember(object: &Value) -> Value {
    let memory = last_applied(object);
    let mut object = object.clone();
    set_annotation(&mut object, LAST_APPLIED, &memory);
    object
}

/// Sets an annotation.
pub fn set_annotation(object: &mut Value, name: &str, value: &str) {
    let Some(metadata) = metadata_mut(object) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

/// The metadata of an object, made when it is missing.
pub fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = object.as_object_mut()?.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut()
}

/// Creates an object and gives what the server made of it; a client dry run sends nothing.
///
/// # Errors
/// The server's.
pub fn create(
    cx: &mut Context<'_>,
    collection: &str,
    object: &Value,
    dry_run: DryRun,
    manager: &str,
    validation: &str,
) -> Result<Value, Failure> {
    if dry_run == DryRun::Client {
        return Ok(object.clone());
    }
    cx.write(Method::Post, collection, &query(dry_run, manager, validation), object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_remembered_leaves_out_the_memory() {
        let object =
            json!({"kind": "Job", "metadata": {"name": "a", "annotations": {LAST_APPLIED: "old", "x": "y & z"}}});
        assert_eq!(
            last_applied(&object),
            "{\"kind\":\"Job\",\"metadata\":{\"annotations\":{\"x\":\"y \\u0026 z\"},\"name\":\"a\"}}\n"
        );
        let plain = json!({"metadata": {"name": "a"}});
        assert_eq!(last_applied(&plain), "{\"metadata\":{\"annotations\":{},\"name\":\"a\"}}\n");
    }

    #[test]
    fn log_lines_look_like_klog() {
        let now = Time::from_micros(1_795_456_653_736_481);
        assert_eq!(klog('W', now, "helpers.go:719", "x"), "W1123 17:57:33.736481       1 helpers.go:719] x");
    }
}
