//! Patches carried out on this side: `patch --local`, `--dry-run=client`, `--overrides`. Sends nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/patch (`getPatchedJSON`) and pkg/cmd/util/override_options.go.

use serde_json::{Value, json};

use super::failure::Failure;
use super::flags::Flags;
use super::print::str_at;
use crate::apimachinery::facts::facts;
use crate::apimachinery::patch::{json_patch, merge_patch, strategic_merge};
use crate::text::go_value::json_word;

/// An object after a patch of this form: `json`, `merge` or `strategic`.
///
/// # Errors
/// A patch that does not fit, or a strategic one for a kind without a schema.
pub fn patched(object: &Value, form: &str, patch: &Value) -> Result<Value, Failure> {
    match form {
        "json" => json_patch(object, patch).map_err(Failure::msg),
        "merge" => Ok(merge_patch(object.clone(), patch)),
        _ => {
            let (version, kind) = (str_at(object, "/apiVersion"), str_at(object, "/kind"));
            let known = facts().of_kind(version, kind);
            if known.is_none() {
                return Err(Failure::msg(format!(
                    "strategic merge patch is not supported for {version}, Kind={kind} locally, try --type merge"
                )));
            }
            strategic_merge(facts(), known, object.clone(), patch).map_err(Failure::msg)
        }
    }
}

/// A generated object after `--overrides` and `--override-type`.
///
/// # Errors
/// A type that does not exist, or text that is no patch.
pub fn overridden(flags: &Flags, object: Value) -> Result<Value, Failure> {
    let text = flags.text("overrides");
    if text.is_empty() {
        return Ok(object);
    }
    let form = flags.text("override-type");
    if !["json", "merge", "strategic"].contains(&form) {
        return Err(Failure::msg(format!("invalid override type: {form}")));
    }
    let patch: Value = serde_json::from_str(text).map_err(|_| Failure::msg("Invalid JSON Patch"))?;
    if form != "json" && !patch.is_object() && !patch.is_array() {
        return Err(Failure::msg("Invalid JSON Patch"));
    }
    if form != "json" && patch.is_array() {
        return Err(Failure::msg(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            json_word(&patch)
        )));
    }
    let mut object = patched(&object, form, &patch)?;
    // What is no pointer in Go's types is written even when it is empty.
    for (list, field, empty) in [("/spec/containers", "resources", json!({})), ("/spec/ports", "targetPort", json!(0))]
    {
        let items = object.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for item in items.filter_map(Value::as_object_mut) {
            item.entry(field).or_insert_with(|| empty.clone());
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::flags::{parse, text};

    #[test]
    fn each_form_of_a_patch_is_carried_out() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x"}]}});
        let change = json!({"spec": {"containers": [{"name": "a", "image": "y"}, {"name": "b"}]}});
        let names = |object: &Value| object.pointer("/spec/containers/0/image").cloned();
        assert_eq!(names(&patched(&pod, "strategic", &change).unwrap()), Some(json!("y")));
        assert_eq!(patched(&pod, "merge", &change).unwrap()["spec"], change["spec"]);
        let step = json!([{"op": "remove", "path": "/spec/containers/0/image"}]);
        assert_eq!(names(&patched(&pod, "json", &step).unwrap()), None);
        let custom = json!({"apiVersion": "example.com/v1", "kind": "Thing"});
        assert!(
            patched(&custom, "strategic", &json!({}))
                .unwrap_err()
                .text()
                .contains("not supported for example.com/v1, Kind=Thing locally")
        );
    }

    #[test]
    fn overrides_name_a_form_that_exists_and_are_json() {
        let known = || vec![text("overrides", "", ""), text("override-type", "merge", "")];
        let run = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            overridden(&parse(&words, known()).unwrap(), json!({"a": 1})).map_err(|failure| failure.text())
        };
        assert_eq!(run(&["--overrides={\"a\":2}"]), Ok(json!({"a": 2})));
        assert_eq!(run(&["--overrides={"]), Err("Invalid JSON Patch".to_owned()));
        assert_eq!(run(&["--overrides={}", "--override-type=foo"]), Err("invalid override type: foo".to_owned()));
    }
}
