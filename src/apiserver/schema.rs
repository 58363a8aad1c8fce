//! Holds JSON against the facts of its kind: types first, unknown fields second.

use serde_json::Value;

use crate::api::KindOps;
use crate::apimachinery::facts::facts;

/// What strict decoding complains of, such as `unknown field "spec.foo"`.
///
/// # Errors
/// The first value of a wrong type, in the words of Go's decoder.
pub(super) fn check(ops: &dyn KindOps, value: &Value) -> Result<Vec<String>, String> {
    let info = ops.info();
    let Some(found) = facts().decode(&info.api_version(), info.kind, value) else { return Ok(Vec::new()) };
    match found.error {
        Some(error) => Err(error),
        None => Ok(found.unknown),
    }
}
