//! JSON patch (RFC 6902): a list of operations on paths.

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
    let kind = text("op").unwrap_or_default();
    let path = text("path").ok_or_else(|| format!("{kind} operation missing path field"))?;
    let value = || operation.get("value").cloned().ok_or_else(|| format!("{kind} operation missing value field"));
    let from = || text("from").ok_or_else(|| format!("{kind} operation missing from field"));
    match kind {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(|_| ()),
        "replace" => {
            let value = value()?;
            // A key that is not there is replaced too: upstream's library looks only whether its object is.
            if let Some(Value::Object(map)) = split(path).and_then(|(parent, _)| document.pointer_mut(parent))
                && let Some((_, key)) = split(path)
            {
                map.insert(key, value);
                return Ok(());
            }
            *document.pointer_mut(path).ok_or_else(|| missing("replace", path))? = value;
            Ok(())
        }
        "move" => {
            let moved = remove(document, from()?)?;
            add(document, path, moved)
        }
        "copy" => {
            let from = from()?;
            let inside = split(from).and_then(|(parent, _)| document.pointer(parent)).is_some_and(Value::is_object);
            let copied = match document.pointer(from).cloned() {
                None if inside => Value::Null,
                held => held.ok_or_else(|| missing("copy", path))?,
            };
            add(document, path, copied)
        }
        "test" => {
            let wanted = operation.get("value").cloned().unwrap_or_default();
            let held = document.pointer(path).cloned().unwrap_or_default();
            if held == wanted { Ok(()) } else { Err(format!("testing value {path} failed: test failed")) }
        }
        _ => Err(format!("Unexpected kind: {kind}")),
    }
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing key: {path}: missing value")
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let absent = || format!("add operation does not apply: doc is missing path: {path:?}: missing value");
    let (parent, key) = split(path).ok_or_else(absent)?;
    match document.pointer_mut(parent).ok_or_else(absent)? {
        Value::Object(map) => {
            map.insert(key, value);
            Ok(())
        }
        Value::Array(items) => {
            let index = if key == "-" { Some(items.len()) } else { key.parse().ok() };
            match index.filter(|index| *index <= items.len()) {
                Some(index) => {
                    items.insert(index, value);
                    Ok(())
                }
                None => Err(format!(
                    "add operation does not apply: Unable to access invalid index: {key}: invalid index referenced"
                )),
            }
        }
        _ => Err(absent()),
    }
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    let absent = || missing("remove", path);
    let (parent, key) = split(path).ok_or_else(absent)?;
    match document.pointer_mut(parent).ok_or_else(absent)? {
        Value::Object(map) => map.remove(&key).ok_or_else(absent),
        Value::Array(items) => match key.parse::<usize>().ok().filter(|index| *index < items.len()) {
            Some(index) => Ok(items.remove(index)),
            None => Err(absent()),
        },
        _ => Err(absent()),
    }
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
