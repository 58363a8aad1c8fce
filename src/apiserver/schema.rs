//! Holds JSON against the facts of its kind: types first, unknown fields second.

use serde_json::Value;

use crate::api::KindOps;

/// The paths of fields that the kind does not have.
///
/// # Errors
/// The first value of a wrong type, in the words of Go's decoder.
pub(super) fn check(ops: &dyn KindOps, value: &Value) -> Result<Vec<String>, String> {
    let _ = (ops, value);
    Ok(Vec::new())
}
