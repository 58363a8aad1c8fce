//! `--record`: a command that writes notes its own line in the annotation that `rollout history` shows. Deprecated, and
//! still in many fingers.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/genericclioptions/record_flags.go.

use serde_json::{Value, json};

use super::flags::{Flag, switch};
use super::program::Context;
use super::writing::set_annotation;

/// The annotation that says why an object was changed.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// `--record`.
pub const RECORD: &[Flag] = &[switch("record", "Note the command in an annotation of the object.")
    .deprecated("--record will be removed in the future")];

/// The line that is noted: the words, then the flags in their long form; `None` when nothing is to be noted.
pub fn cause(cx: &Context<'_>) -> Option<String> {
    let flags = &cx.session.flags;
    if !flags.on("record") {
        return None;
    }
    let words = flags.args.iter().map(|word| format!(" {word}"));
    let flags = flags.in_order().iter().map(|(name, value)| format!(" --{name}={value}"));
    Some(cx.path() + &words.chain(flags).collect::<String>())
}

/// Notes the line in an object.
pub fn note(cx: &Context<'_>, object: &mut Value) {
    if let Some(cause) = cause(cx) {
        set_annotation(object, CHANGE_CAUSE, &cause);
    }
}

/// The merge patch that notes the line in an object of the server.
pub fn patch(cx: &Context<'_>) -> Option<String> {
    let cause = cause(cx)?;
    Some(json!({"metadata": {"annotations": {CHANGE_CAUSE: cause}}}).to_string())
}
