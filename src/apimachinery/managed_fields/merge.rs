//! Lays what is applied over what is there, and takes fields away from a value.
//!
//! Models sigs.k8s.io/structured-merge-diff v6 typed/{merge,remove}.go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::schema::{Form, Schema};
use super::set::{Element, FieldSet, field_element};

/// The live object with everything that is applied; where both have a leaf, the applied one counts.
pub fn merge(schema: Schema<'_>, live: Value, applied: &Value) -> Value {
    let form = schema.form(applied);
    match (live, applied) {
        (Value::Object(mut live), Value::Object(applied)) if form == Form::Map => {
            for (name, value) in applied {
                let child = schema.child(name).unwrap_or(Schema::Unknown);
                let merged = match live.remove(name) {
                    Some(held) => merge(child, held, value),
                    None => value.clone(),
                };
                live.insert(name.clone(), merged);
            }
            Value::Object(live)
        }
        (Value::Array(live), Value::Array(applied)) if matches!(form, Form::Keyed(_) | Form::Set) => {
            Value::Array(merge_items(schema, &form, live, applied))
        }
        // A map or list of null leaves what is there.
        (live @ (Value::Object(_) | Value::Array(_)), Value::Null) if form != Form::Leaf => live,
        (live @ Value::Object(_), Value::Object(applied)) if applied.is_empty() && form == Form::Map => live,
        (_, applied) => applied.clone(),
    }
}

/// Elements in the order of the applied list; those that only the live list has stay beside what they followed.
fn merge_items(schema: Schema<'_>, form: &Form, live: Vec<Value>, applied: &[Value]) -> Vec<Value> {
    let of = |item: &Value| schema.element(form, item).ok();
    let left: Vec<(Element, Value)> = live.into_iter().filter_map(|item| Some((of(&item)?, item))).collect();
    let right: Vec<(Element, &Value)> = applied.iter().filter_map(|item| Some((of(item)?, item))).collect();
    let mut held: BTreeMap<Element, Option<Value>> = BTreeMap::new();
    for (element, item) in &left {
        // What is there twice does not merge with what is applied.
        held.entry(element.clone()).and_modify(|one| *one = None).or_insert_with(|| Some(item.clone()));
    }
    let wanted: BTreeSet<&Element> = right.iter().map(|(element, _)| element).collect();
    let mut shared: VecDeque<&Element> =
        right.iter().map(|(element, _)| element).filter(|element| held.contains_key(*element)).collect();
    let mut next = shared.pop_front();
    let mut merged: BTreeSet<&Element> = BTreeSet::new();
    let (mut out, mut l, mut r) = (Vec::new(), 0, 0);
    let join = |element: &Element, item: &Value| match held.get(element).cloned().flatten() {
        Some(before) => merge(schema.item(), before, item),
        None => item.clone(),
    };
    while l < left.len() || r < right.len() {
        if let (Some((element, _)), Some((theirs, item))) = (left.get(l), right.get(r)) {
            if element == theirs {
                merged.insert(theirs);
                out.push(join(theirs, item));
                (l, r) = (l + 1, r + 1);
                next = shared.pop_front();
                continue;
            }
            if wanted.contains(element) && next.is_some_and(|next| next != element) {
                l += 1;
                continue;
            }
        }
        if let Some((element, item)) = left.get(l) {
            if !wanted.contains(element) {
                out.push(item.clone());
                l += 1;
                continue;
            }
            if merged.contains(element) {
                l += 1;
            }
        }
        if let Some((element, item)) = right.get(r) {
            merged.insert(element);
            out.push(join(element, item));
            r += 1;
            if next == Some(element) {
                next = shared.pop_front();
            }
        }
    }
    out
}

/// The value without the fields and elements that are members of the set.
pub fn remove(schema: Schema<'_>, value: Value, gone: &FieldSet) -> Value {
    match (schema.form(&value), value) {
        (Form::Map, Value::Object(map)) => {
            let kept: Map<String, Value> = map
                .into_iter()
                .filter_map(|(name, value)| {
                    let element = field_element(&name);
                    if gone.has(&element) {
                        return None;
                    }
                    let value = match gone.below(&element) {
                        Some(below) => remove(schema.child(&name).unwrap_or(Schema::Unknown), value, below),
                        None => value,
                    };
                    Some((name, value))
                })
                .collect();
            Value::Object(kept)
        }
        (form @ (Form::Keyed(_) | Form::Set), Value::Array(items)) => {
            let kept = items.into_iter().filter_map(|item| {
                let Ok(element) = schema.element(&form, &item) else { return Some(item) };
                if gone.has(&element) {
                    return None;
                }
                match gone.below(&element) {
                    Some(below) => Some(remove(schema.item(), item, below)),
                    None => Some(item),
                }
            });
            Value::Array(kept.collect())
        }
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apimachinery::facts::facts;
    use serde_json::json;

    fn pod() -> Schema<'static> {
        Schema::Type(facts(), facts().of_kind("v1", "Pod").unwrap())
    }

    fn names(merged: &Value) -> Vec<&str> {
        merged["spec"]["containers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn elements_merge_by_key_and_atomic_lists_are_replaced() {
        let live = json!({"spec": {"containers": [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b"}]}});
        let applied = json!({"spec": {"containers": [{"name": "c"}, {"name": "a", "args": ["2"]}]}});
        let merged = merge(pod(), live, &applied);
        assert_eq!(names(&merged), ["c", "a", "b"]);
        assert_eq!(merged["spec"]["containers"][1], json!({"name": "a", "image": "x", "args": ["2"]}));
    }

    #[test]
    fn strangers_keep_their_place_and_shared_elements_follow_the_applied_order() {
        let live = json!({"spec": {"containers": [{"name": "a"}, {"name": "s"}, {"name": "b"}]}});
        let applied = json!({"spec": {"containers": [{"name": "b"}, {"name": "a"}]}});
        assert_eq!(names(&merge(pod(), live, &applied)), ["s", "b", "a"]);
    }

    #[test]
    fn what_is_removed_leaves_its_container() {
        let live = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let gone = FieldSet::from_json(&json!({
            "f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {".": {}}}},
        }));
        let left = json!({"metadata": {"labels": {}}, "spec": {"containers": [{"name": "a"}]}});
        assert_eq!(remove(pod(), live, &gone.unwrap()), left);
    }
}
