//! JSON patch (RFC 6902): a list of operations on paths. More lenient than the standard where upstream's library is: a
//! negative number counts from the end of a list, and a value that is not given is null.
//!
//! Models gopkg.in/evanphx/json-patch.v4 as vendored by Kubernetes 1.36.

use serde_json::Value;

/// How many operations a patch may have, as upstream's limit.
const MAX_OPERATIONS: usize = 10_000;

/// Why a patch is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has so many operations.
    TooMany(usize),
    /// What the first operation that does not fit complains of, in the words of evanphx/json-patch.
    DoesNotApply(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::TooMany(count) => {
                write!(f, "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}")
            }
            Refused::DoesNotApply(why) => f.write_str(why),
        }
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        refused.to_string()
    }
}

/// Applies the operations in order.
///
/// # Errors
/// See [`Refused`].
pub fn json_patch(target: &Value, patch: &Value) -> Result<Value, Refused> {
    let Some(operations) = patch.as_array() else {
        let why = "json: cannot unmarshal object into Go value of type jsonpatch.Patch";
        return Err(Refused::DoesNotApply(why.to_owned()));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(Refused::TooMany(operations.len()));
    }
    let mut document = target.clone();
    for operation in operations {
        apply(&mut document, operation).map_err(Refused::DoesNotApply)?;
    }
    Ok(document)
}

fn apply(document: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let kind = text("op").unwrap_or("unknown");
    let path = || {
        // Three of the operations say less of a path that is not given.
        let wrapped = if matches!(kind, "add" | "remove" | "copy") { "" } else { "operation missing path field: " };
        text("path").ok_or_else(|| format!("{kind} operation failed to decode path: {wrapped}{MISSING}"))
    };
    let from = || {
        let why = || format!("{kind} operation failed to decode from: operation, missing from field: {MISSING}");
        text("from").ok_or_else(why)
    };
    let value = operation.get("value").cloned().unwrap_or_default();
    match kind {
        "add" => {
            let path = path()?;
            let absent = || format!("add operation does not apply: doc is missing path: \"{path}\": {MISSING}");
            let (parent, key) = place(document, path).ok_or_else(absent)?;
            add(parent, key, value).map_err(|why| format!("error in add for path: '{path}': {why}"))
        }
        "remove" => {
            let path = path()?;
            let absent = || format!("remove operation does not apply: doc is missing path: \"{path}\": {MISSING}");
            let (parent, key) = place(document, path).ok_or_else(absent)?;
            remove(parent, &key).map_err(|why| format!("error in remove for path: '{path}': {why}"))?;
            Ok(())
        }
        "replace" => replace(document, path()?, value),
        "move" => {
            let from = from()?;
            let absent = || format!("move operation does not apply: doc is missing from path: {from}: {MISSING}");
            let (parent, key) = place(document, from).ok_or_else(absent)?;
            let moved = remove(parent, &key).map_err(|why| format!("error in move for path: '{key}': {why}"))?;
            let path = path()?;
            let absent =
                || format!("move operation does not apply: doc is missing destination path: {path}: {MISSING}");
            let (parent, key) = place(document, path).ok_or_else(absent)?;
            add(parent, key, moved).map_err(|why| format!("error in move for path: '{path}': {why}"))
        }
        "copy" => {
            let from = from()?;
            let absent = || format!("copy operation does not apply: doc is missing from path: {from}: {MISSING}");
            let (parent, key) = place(document, from).ok_or_else(absent)?;
            let held = get(parent, &key).map_err(|why| format!("error in copy for from: '{from}': {why}"))?;
            let copied = held.cloned().unwrap_or_default();
            let path = path()?;
            let absent =
                || format!("copy operation does not apply: doc is missing destination path: {path}: {MISSING}");
            let (parent, key) = place(document, path).ok_or_else(absent)?;
            add(parent, key, copied).map_err(|why| format!("error while adding value during copy: {why}"))
        }
        "test" => {
            let path = path()?;
            let held = if path.is_empty() {
                document.clone()
            } else {
                let absent = || format!("test operation does not apply: is missing path: {path}: {MISSING}");
                let (parent, key) = place(document, path).ok_or_else(absent)?;
                let held = get(parent, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?;
                held.cloned().unwrap_or_default()
            };
            if held == value { Ok(()) } else { Err(format!("testing value {path} failed: test failed")) }
        }
        _ => Err(format!("Unexpected kind: {kind}")),
    }
}

/// How the library says that something is not there.
const MISSING: &str = "missing value";

/// The object or list that the last part of a path is in, and that part. What stands before the first slash is not
/// looked at.
fn place<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let plain = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let (_, path) = path.split_once('/')?;
    let (parents, key) = path.rsplit_once('/').map_or((None, path), |(parents, key)| (Some(parents), key));
    let mut found = document;
    for part in parents.into_iter().flat_map(|parents| parents.split('/')) {
        let part = plain(part);
        found = match found {
            Value::Object(fields) => fields.get_mut(&part)?,
            Value::Array(items) => {
                let at = index(&part, items.len(), items.len()).ok()?;
                items.get_mut(at)?
            }
            _ => return None,
        };
    }
    (found.is_object() || found.is_array()).then(|| (found, plain(key)))
}

/// The place in a list that a number names, below `end`; a negative one counts from the end of so many `places`.
fn index(key: &str, end: usize, places: usize) -> Result<usize, String> {
    let given: i64 = key.parse().map_err(|_| format!("strconv.Atoi: parsing {key:?}: invalid syntax"))?;
    let invalid = || format!("Unable to access invalid index: {given}: invalid index referenced");
    let from_start = if given < 0 { given.checked_add_unsigned(places as u64) } else { Some(given) };
    from_start.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < end).ok_or_else(invalid)
}

fn get<'a>(parent: &'a Value, key: &str) -> Result<Option<&'a Value>, String> {
    match parent {
        Value::Array(items) => Ok(items.get(index(key, items.len(), items.len())?)),
        parent => Ok(parent.get(key)),
    }
}

fn add(parent: &mut Value, key: String, value: Value) -> Result<(), String> {
    match parent {
        Value::Object(fields) => {
            fields.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let ends = items.len() + 1;
            let told = |why: String| match why.starts_with("strconv") {
                true => format!("value was not a proper array index: '{key}': {why}"),
                false => why,
            };
            items.insert(index(&key, ends, ends).map_err(told)?, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(parent: &mut Value, key: &str) -> Result<Value, String> {
    match parent {
        Value::Array(items) => {
            let at = index(key, items.len(), items.len())?;
            Ok(items.remove(at))
        }
        parent => {
            let held = parent.as_object_mut().and_then(|fields| fields.remove(key));
            held.ok_or_else(|| format!("Unable to remove nonexistent key: {key}: {MISSING}"))
        }
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
        }
        *document = value;
        return Ok(());
    }
    let absent = |what: &str| format!("replace operation does not apply: doc is missing {what}: {path}: {MISSING}");
    let (parent, key) = place(document, path).ok_or_else(|| absent("path"))?;
    match parent {
        Value::Array(items) => {
            let at = index(&key, items.len(), items.len()).map_err(|_| absent("key"))?;
            if let Some(slot) = items.get_mut(at) {
                *slot = value;
            }
        }
        // A key that is not there is replaced too: upstream's library looks only whether its object is.
        parent => {
            if let Some(fields) = parent.as_object_mut() {
                fields.insert(key, value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_in_order() {
        let target = json!({"a": [1, 2], "b": {"c~/d": 1}});
        let patch = json!([
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "/b/c~0~1d", "value": 2},
            {"op": "move", "from": "/b", "path": "/e"},
            {"op": "test", "path": "/a", "value": [2, 3]},
            {"op": "copy", "from": "/a/0", "path": "/f"},
        ]);
        assert_eq!(json_patch(&target, &patch).unwrap(), json!({"a": [2, 3], "e": {"c~/d": 2}, "f": 2}));
    }

    #[test]
    fn an_operation_that_does_not_fit_fails_the_patch() {
        for patch in [
            json!([{"op": "remove", "path": "/spec/nosuch"}]),
            json!([{"op": "add", "path": "/a/9", "value": 1}]),
            json!([{"op": "replace", "path": "/a/0", "value": 1}]),
            json!([{"op": "replace", "path": "/no/such", "value": 1}]),
            json!([{"op": "test", "path": "/a", "value": 1}]),
            json!({"op": "add"}),
            json!([1]),
        ] {
            assert!(json_patch(&json!({"a": []}), &patch).is_err(), "{patch}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_words_of_the_library() {
        let told =
            |operation: Value| json_patch(&json!({"a": [1], "b": {}}), &json!([operation])).unwrap_err().to_string();
        for (operation, words) in [
            (json!({"op": "foo"}), "Unexpected kind: foo"),
            (json!({"path": "/a"}), "Unexpected kind: unknown"),
            (json!({"op": "remove"}), "remove operation failed to decode path: missing value"),
            (
                json!({"op": "test"}),
                "test operation failed to decode path: operation missing path field: missing value",
            ),
            (
                json!({"op": "remove", "path": "/b/c"}),
                "error in remove for path: '/b/c': Unable to remove nonexistent key: c: missing value",
            ),
            (
                json!({"op": "add", "path": "/c/d", "value": 1}),
                "add operation does not apply: doc is missing path: \"/c/d\": missing value",
            ),
            (
                json!({"op": "add", "path": "/a/5", "value": 1}),
                "error in add for path: '/a/5': Unable to access invalid index: 5: invalid index referenced",
            ),
            (
                json!({"op": "add", "path": "/a/x", "value": 1}),
                "error in add for path: '/a/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                json!({"op": "replace", "path": "/a/5", "value": 1}),
                "replace operation does not apply: doc is missing key: /a/5: missing value",
            ),
            (
                json!({"op": "copy", "path": "/a"}),
                "copy operation failed to decode from: operation, missing from field: missing value",
            ),
            (
                json!({"op": "move", "from": "/c/d", "path": "/a"}),
                "move operation does not apply: doc is missing from path: /c/d: missing value",
            ),
        ] {
            assert_eq!(told(operation), words);
        }
    }

    #[test]
    fn a_negative_number_counts_from_the_end() {
        let patch = json!([
            {"op": "remove", "path": "/a/-1"},
            {"op": "add", "path": "/a/-1", "value": 3},
            {"op": "replace", "path": "/a/-2", "value": 0},
            {"op": "add", "path": "x/b"},
        ]);
        assert_eq!(json_patch(&json!({"a": [1, 2]}), &patch).unwrap(), json!({"a": [0, 3], "b": null}));
    }

    #[test]
    fn a_key_that_is_not_there_can_be_replaced_and_copied_as_nothing() {
        let patch = json!([
            {"op": "replace", "path": "/b", "value": 1},
            {"op": "copy", "from": "/none", "path": "/c"},
        ]);
        assert_eq!(json_patch(&json!({"a": []}), &patch).unwrap(), json!({"a": [], "b": 1, "c": null}));
        let many = Value::Array(vec![json!({"op": "test", "path": "/a", "value": []}); MAX_OPERATIONS + 1]);
        assert_eq!(json_patch(&json!({"a": []}), &many), Err(Refused::TooMany(MAX_OPERATIONS + 1)));
    }
}
