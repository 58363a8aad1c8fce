//! What one object has that another has not, field by field; and all the fields that an object names.
//!
//! Models sigs.k8s.io/structured-merge-diff v6 typed/{compare,tofieldset,validate}.go. Go's objects have fields that
//! nobody wrote (a struct by value, a required number): [`compare`] takes them as being there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::schema::{Form, Schema};
use super::set::{Element, FieldSet, field_element, show_element};
use crate::text::go_value;

/// What a comparison found. No field is in two of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In the first object alone.
    pub removed: FieldSet,
    /// In both, with different values.
    pub modified: FieldSet,
    /// In the second object alone.
    pub added: FieldSet,
}

/// Compares two objects of one schema.
pub fn compare(schema: Schema<'_>, old: &Value, new: &Value) -> Comparison {
    let mut walk = Compare { path: Vec::new(), found: Comparison::default() };
    walk.value(schema, Some(old), Some(new));
    walk.found
}

struct Compare {
    path: Vec<Element>,
    found: Comparison,
}

impl Compare {
    fn value(&mut self, schema: Schema<'_>, old: Option<&Value>, new: Option<&Value>) {
        // Nothing and null take the form of the other.
        let telling = new.filter(|value| !value.is_null()).or(old).or(new);
        let form = telling.map_or(Form::Leaf, |value| schema.form(value));
        let empty = |value: Option<&Value>| match value {
            None | Some(Value::Null) => true,
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        };
        let zeros = form == Form::Map && schema.zeros().next().is_some();
        if form == Form::Leaf || (empty(old) && empty(new) && !zeros) {
            match (old, new) {
                (None, _) => self.found.added.insert(&self.path),
                (_, None) => self.found.removed.insert(&self.path),
                (Some(old), Some(new)) if old != new => self.found.modified.insert(&self.path),
                _ => {}
            }
            return;
        }
        if form == Form::Map {
            self.fields(schema, old.and_then(Value::as_object), new.and_then(Value::as_object));
        } else {
            self.items(schema, &form, old.and_then(Value::as_array), new.and_then(Value::as_array));
        }
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            _ => {}
        }
    }

    fn fields(&mut self, schema: Schema<'_>, old: Option<&Map<String, Value>>, new: Option<&Map<String, Value>>) {
        for (name, value) in old.into_iter().flatten() {
            let other = new.and_then(|new| new.get(name));
            if other != Some(value) {
                let zero = if other.is_none() && new.is_some() { zero_of(schema, name) } else { None };
                self.field(schema, name, Some(value), other.or(zero.as_ref()));
            }
        }
        for (name, value) in new.into_iter().flatten() {
            if old.is_some_and(|old| old.contains_key(name)) {
                continue;
            }
            let zero = if old.is_some() { zero_of(schema, name) } else { None };
            self.field(schema, name, zero.as_ref(), Some(value));
        }
        if old.is_some() == new.is_some() {
            // What nobody has written is the same on both sides.
            return;
        }
        let held = old.or(new);
        for (name, zero) in schema.zeros() {
            if !held.is_some_and(|held| held.contains_key(name)) {
                let (old, new) = (old.map(|_| &zero), new.map(|_| &zero));
                self.field(schema, name, old, new);
            }
        }
    }

    fn field(&mut self, schema: Schema<'_>, name: &str, old: Option<&Value>, new: Option<&Value>) {
        self.path.push(field_element(name));
        self.value(schema.child(name).unwrap_or(Schema::Unknown), old, new);
        self.path.pop();
    }

    fn items(&mut self, schema: Schema<'_>, form: &Form, old: Option<&Vec<Value>>, new: Option<&Vec<Value>>) {
        let (before, after) = (by_element(schema, form, old), by_element(schema, form, new));
        let elements: BTreeSet<&Element> = before.keys().chain(after.keys()).collect();
        for element in elements {
            let none = Vec::new();
            let (left, right) = (before.get(element).unwrap_or(&none), after.get(element).unwrap_or(&none));
            self.path.push(element.clone());
            match (left.as_slice(), right.as_slice()) {
                ([_, _, ..], [_, _, ..]) => {
                    if left != right {
                        self.found.modified.insert(&self.path);
                    }
                }
                ([_, _, ..], rest) => {
                    if let Some(first) = rest.first() {
                        self.value(schema.item(), None, Some(first));
                    }
                    self.found.removed.insert(&self.path);
                }
                (rest, [_, _, ..]) => {
                    if let Some(first) = rest.first() {
                        self.value(schema.item(), Some(first), None);
                    }
                    self.found.added.insert(&self.path);
                }
                (left, right) => self.value(schema.item(), left.first().copied(), right.first().copied()),
            }
            self.path.pop();
        }
    }
}

fn zero_of(schema: Schema<'_>, name: &str) -> Option<Value> {
    schema.zeros().find(|(of, _)| *of == name).map(|(_, zero)| zero)
}

fn by_element<'v>(schema: Schema<'_>, form: &Form, items: Option<&'v Vec<Value>>) -> BTreeMap<Element, Vec<&'v Value>> {
    let mut all: BTreeMap<Element, Vec<&'v Value>> = BTreeMap::new();
    for item in items.into_iter().flatten() {
        if let Ok(element) = schema.element(form, item) {
            all.entry(element).or_default().push(item);
        }
    }
    all
}

/// Every leaf, list element and map entry that an object names.
pub fn fields_of(schema: Schema<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(schema, value, &mut Vec::new(), &mut set);
    set
}

fn collect(schema: Schema<'_>, value: &Value, path: &mut Vec<Element>, set: &mut FieldSet) {
    match (schema.form(value), value) {
        (Form::Leaf, _) => set.insert(path),
        (Form::Map, Value::Object(map)) => {
            for (name, value) in map {
                path.push(field_element(name));
                collect(schema.child(name).unwrap_or(Schema::Unknown), value, path, set);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if empty || !schema.names(name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (form @ (Form::Keyed(_) | Form::Set), Value::Array(items)) => {
            for item in items {
                let Ok(element) = schema.element(&form, item) else { continue };
                let twice = items.iter().filter(|other| schema.element(&form, other).as_ref() == Ok(&element)).count();
                path.push(element);
                if twice < 2 {
                    collect(schema.item(), item, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        _ => {}
    }
}

/// What is wrong with an object by its schema, each with its path, as server-side apply complains of it.
pub fn check(schema: Schema<'_>, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check_value(schema, value, "", &mut errors);
    errors
}

/// Several complaints in the form of one text.
pub fn joined(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => {
            let lines: Vec<String> = many.iter().map(|one| format!("  {one}")).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    }
}

fn check_value(schema: Schema<'_>, value: &Value, path: &str, errors: &mut Vec<String>) {
    let say = |path: &str, why: &str| if path.is_empty() { why.to_owned() } else { format!("{path}: {why}") };
    match (schema.form(value), value) {
        (_, Value::Null) => {}
        (Form::Map, Value::Object(map)) => {
            for (name, value) in map {
                let path = format!("{path}.{name}");
                match schema.child(name) {
                    Some(child) => check_value(child, value, &path, errors),
                    None => {
                        errors.push(say(&path, "field not declared in schema"));
                        return;
                    }
                }
            }
        }
        (Form::Map, other) => errors.push(say(path, &format!("expected map, got &{{{}}}", go_value::shown(other)))),
        (form @ (Form::Keyed(_) | Form::Set), Value::Array(items)) => {
            let mut seen: BTreeSet<Element> = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let element = match schema.element(&form, item) {
                    Ok(element) => element,
                    Err(why) => {
                        errors.push(say(path, &format!("element {index}: {why}")));
                        return;
                    }
                };
                let step = show_element(&element);
                if !seen.insert(element) {
                    errors.push(say(path, &format!("duplicate entries for key {step}")));
                }
                check_value(schema.item(), item, &format!("{path}{step}"), errors);
            }
        }
        (Form::Keyed(_) | Form::Set, other) => {
            errors.push(say(path, &format!("expected list, got &{{{}}}", go_value::shown(other))));
        }
        (Form::Leaf, value) => {
            if let Some(why) = schema.misfit(value) {
                errors.push(say(path, &why));
            }
        }
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

    #[test]
    fn what_go_always_has_is_not_added() {
        let new = json!({"spec": {"containers": [{"name": "c", "image": "x"}], "securityContext": {}}});
        let found = compare(pod(), &json!({}), &new);
        let expected = json!({"f:spec": {
            "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}, "f:resources": {}}},
            "f:securityContext": {},
        }});
        assert_eq!(found.added.union(&found.modified).to_json(), expected);
        assert!(found.removed.is_empty());
    }

    #[test]
    fn a_change_names_the_leaf_and_a_removal_all_below() {
        let old =
            json!({"spec": {"containers": [{"name": "c", "image": "x"}, {"name": "d"}], "nodeSelector": {"a": "b"}}});
        let new = json!({"spec": {"containers": [{"name": "c", "image": "y"}]}});
        let found = compare(pod(), &old, &new);
        assert_eq!(
            found.modified.to_json(),
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {"f:image": {}}}}})
        );
        let expected = json!({"f:spec": {
            "f:containers": {"k:{\"name\":\"d\"}": {".": {}, "f:name": {}, "f:resources": {}}},
            "f:nodeSelector": {},
        }});
        assert_eq!(found.removed.to_json(), expected);
    }

    #[test]
    fn an_applied_object_names_leaves_elements_and_map_entries() {
        let applied = json!({"metadata": {"labels": {"app": "a"}, "finalizers": ["x/y"]},
            "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}], "tolerations": []}});
        let expected = json!({
            "f:metadata": {"f:finalizers": {"v:\"x/y\"": {}}, "f:labels": {"f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}},
                "f:tolerations": {}},
        });
        assert_eq!(fields_of(pod(), &applied).to_json(), expected);
    }

    #[test]
    fn what_does_not_fit_the_schema_is_said_with_its_path() {
        let wrong = json!({"spec": {"containers": [{"name": "a"}, {"name": "a", "imag": "x"}]}});
        assert_eq!(
            check(pod(), &wrong),
            [
                ".spec.containers: duplicate entries for key [name=\"a\"]",
                ".spec.containers[name=\"a\"].imag: field not declared in schema",
            ]
        );
        // A key that the schema requires is empty when it is not there: validation asks for it.
        let wrong =
            json!({"metadata": 5, "spec": {"containers": [{"image": "x"}], "terminationGracePeriodSeconds": "x"}});
        assert_eq!(
            check(pod(), &wrong),
            [
                ".metadata: expected map, got &{5}",
                ".spec.terminationGracePeriodSeconds: expected numeric (int or float), got string"
            ]
        );
    }
}
