//! JSON patch (RFC 6902): a list of operations on paths.

use serde_json::Value;

/// How many operations a patch may have, as upstream's limit.
const MAX_OPERATIONS: usize = 10_000;

/// Applies the operations in order.
///
/// # Errors
/// What the first operation that does not fit complains of, in the words of evanphx/json-patch.
pub fn json_patch(target: &Value, patch: &Value) -> Result<Value, String> {
    let Some(operations) = patch.as_array() else {
        return Err("json: cannot unmarshal object into Go value of type jsonpatch.Patch".to_owned());
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.len()
        ));
    }
    let mut document = target.clone();
    for operation in operations {
        apply(&mut document, operation)?;
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
            let slot = document.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
            *slot = value()?;
            Ok(())
        }
        "move" => {
            let moved = remove(document, from()?)?;
            add(document, path, moved)
        }
        "copy" => {
            let copied = document.pointer(from()?).cloned().ok_or_else(|| missing("copy", path))?;
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
            json!([{"op": "test", "path": "/a", "value": 1}]),
            json!({"op": "add"}),
            json!([1]),
        ] {
            assert!(json_patch(&json!({"a": []}), &patch).is_err(), "{patch}");
        }
    }
}
