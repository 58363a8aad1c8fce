//! Objects as Go's types hold them: which fields stand although nothing is in them, and in which order JSON has them.
//!
//! Some commands read objects into Go's types and print them from there; then what nobody wrote (`resources: {}`,
//! `status: {}`) is printed, and what the types do not know is not. `fields.txt` names the types of the kinds that such
//! commands meet; objects of other kinds stay as they are.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/api and Go's encoding/json.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::apimachinery::facts::{Shape, Type, facts};
use crate::text::go_json;

/// The fields of each type in Go's order.
static TABLE: &str = include_str!("fields.txt");

/// How a field stands in JSON when nothing, or a zero, is in it.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// It is left out (`omitempty`).
    Omitted,
    /// Its zero value stands.
    Always,
    /// A pointer: left out when there is none, kept when it leads to a zero.
    Pointer,
    /// A pointer that stands as `null` when there is none.
    Null,
}

/// The line of a type, without its name.
fn line(name: &str) -> Option<&'static str> {
    static LINES: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    let lines = LINES.get_or_init(|| TABLE.lines().filter_map(|line| line.split_once(' ')).collect());
    lines.get(name).copied()
}

/// The fields of a type in Go's order. A type without a line has them by name, none of which stands empty.
fn fields(of: &'static Type) -> Vec<(&'static str, Mark)> {
    let Some(line) = line(of.name) else { return of.fields.keys().map(|name| (*name, Mark::Omitted)).collect() };
    let marked = |word: &'static str| {
        let name = word.trim_end_matches(['!', '*', '&']);
        let mark = match word.get(name.len()..) {
            Some("!") => Mark::Always,
            Some("*") => Mark::Pointer,
            Some("&") => Mark::Null,
            _ => Mark::Omitted,
        };
        (name, mark)
    };
    line.split(' ').map(marked).collect()
}

/// The type of an object, when the table has it.
fn type_of(object: &Value) -> Option<&'static Type> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let of = facts().of_kind(text("apiVersion"), text("kind"))?;
    line(of.name).map(|_| of)
}

/// The object with all that Go's types hold, and nothing else.
pub fn complete(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(of) = type_of(&object) else {
        for item in object.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            *item = complete(item);
        }
        return object;
    };
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    facts().canonicalize(&version, &kind, &mut object);
    Value::Object(in_type(of, &object))
}

fn in_type(of: &'static Type, value: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, mark) in fields(of) {
        let Some(field) = of.fields.get(name) else { continue };
        let given = value.get(name).filter(|value| !value.is_null()).map(|value| in_shape(&field.shape, value));
        let value = match (given, mark) {
            (Some(value), Mark::Omitted) if is_zero(&field.shape, &value) => continue,
            (Some(value), _) => value,
            (None, Mark::Always) => zero(&field.shape),
            (None, Mark::Null) => Value::Null,
            (None, _) => continue,
        };
        all.insert(name.to_owned(), value);
    }
    all
}

fn in_shape(shape: &'static Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Ref(name), Value::Object(_)) => match facts().get(name) {
            Some(of) => Value::Object(in_type(of, value)),
            None => value.clone(),
        },
        (Shape::List(inner), Value::Array(list)) => list.iter().map(|one| in_shape(inner, one)).collect(),
        (Shape::Map(inner), Value::Object(map)) => {
            Value::Object(map.iter().map(|(key, one)| (key.clone(), in_shape(inner, one))).collect())
        }
        _ => value.clone(),
    }
}

/// Whether Go's `omitempty` leaves a value out. Objects by value always stand.
fn is_zero(shape: &Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Ref(_) | Shape::Any, _) => false,
        (_, Value::Array(list)) => list.is_empty(),
        (_, Value::Object(map)) => map.is_empty(),
        (_, Value::String(text)) => text.is_empty(),
        (_, Value::Bool(on)) => !on,
        (Shape::IntOrString | Shape::Quantity, _) => false,
        (_, Value::Number(number)) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

fn zero(shape: &'static Shape) -> Value {
    match shape {
        Shape::String(_) => json!(""),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => json!(0),
        Shape::Bool => json!(false),
        Shape::Quantity => json!("0"),
        Shape::Ref(name) => {
            facts().get(name).map_or(Value::Null, |of| Value::Object(in_type(of, &Value::Object(Map::new()))))
        }
        _ => Value::Null,
    }
}

/// The JSON of an object on one line, its fields in Go's order.
pub fn compact(object: &Value) -> String {
    let mut out = String::new();
    write(&mut out, object);
    out
}

fn write(out: &mut String, object: &Value) {
    if let Some(of) = type_of(object) {
        return write_type(out, of, object);
    }
    let (Some(fields), Some(items)) = (object.as_object(), object.get("items").and_then(Value::as_array)) else {
        return out.push_str(&go_json::to_compact(object));
    };
    let order = ["kind", "apiVersion", "metadata", "items"].into_iter();
    let all = order.filter_map(|name| Some((name, fields.get(name)?)));
    write_list(out, ('{', '}'), all, |out, (name, value)| {
        out.push_str(&go_json::quoted(name));
        out.push(':');
        match name {
            "items" => write_list(out, ('[', ']'), items.iter(), write),
            _ => out.push_str(&go_json::to_compact(value)),
        }
    });
}

/// The JSON of an object with four spaces a level, its fields in Go's order.
pub fn indented(object: &Value) -> String {
    go_json::reindented(&compact(object), "")
}

fn write_type(out: &mut String, of: &'static Type, value: &Value) {
    let Some(given) = value.as_object() else {
        out.push_str(&go_json::to_compact(value));
        return;
    };
    let known = fields(of);
    let order = known.iter().map(|(name, _)| *name).filter_map(|name| given.get(name).map(|value| (name, value)));
    let unknown = given.iter().filter(|(name, _)| !known.iter().any(|(field, _)| field == name));
    let all = order.chain(unknown.map(|(name, value)| (name.as_str(), value)));
    write_list(out, ('{', '}'), all, |out, (name, value)| {
        out.push_str(&go_json::quoted(name));
        out.push(':');
        match of.fields.get(name) {
            Some(field) => write_shape(out, &field.shape, value),
            None => out.push_str(&go_json::to_compact(value)),
        }
    });
}

fn write_shape(out: &mut String, shape: &'static Shape, value: &Value) {
    match (shape, value) {
        (Shape::Ref(name), Value::Object(_)) => match facts().get(name) {
            Some(of) => write_type(out, of, value),
            None => out.push_str(&go_json::to_compact(value)),
        },
        (Shape::List(inner), Value::Array(list)) => {
            write_list(out, ('[', ']'), list.iter(), |out, one| write_shape(out, inner, one));
        }
        (Shape::Map(inner), Value::Object(map)) => write_list(out, ('{', '}'), map.iter(), |out, (name, one)| {
            out.push_str(&go_json::quoted(name));
            out.push(':');
            write_shape(out, inner, one);
        }),
        (_, value) => out.push_str(&go_json::to_compact(value)),
    }
}

fn write_list<T>(
    out: &mut String,
    (open, close): (char, char),
    all: impl Iterator<Item = T>,
    one: impl Fn(&mut String, T),
) {
    out.push(open);
    for (index, value) in all.enumerate() {
        if index > 0 {
            out.push(',');
        }
        one(out, value);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_field_of_the_table_is_known() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let Some(name) = line.split(' ').next() else { continue };
            let known = facts().get(name);
            assert!(known.is_some(), "{name}");
            for (field, _) in known.map(fields).unwrap_or_default() {
                assert!(known.is_some_and(|known| known.fields.contains_key(field)), "{name}.{field}");
            }
        }
    }

    #[test]
    fn what_go_holds_by_value_stands_and_what_is_zero_goes() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {}},
            "spec": {"hostNetwork": false, "priority": 0, "nosuch": 1, "containers": [{"name": "c", "image": ""}],
                "volumes": [{"name": "v", "emptyDir": {}}]}
        });
        let whole = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {},
            "spec": {"priority": 0, "containers": [{"name": "c", "resources": {}}],
                "volumes": [{"name": "v", "emptyDir": {}}]}
        });
        assert_eq!(complete(&pod), whole);
        assert_eq!(
            compact(&whole),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c","resources":{}}],"priority":0},"status":{}}"#
        );
    }
}
