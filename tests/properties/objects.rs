//! Objects by chance: of any type that the table of facts knows, with every field that the schema has.

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tabernetes::apimachinery::facts::{Shape, Type, facts};

/// Texts that readers of YAML and JSON stumble over.
const TEXTS: &[&str] = &[
    "a",
    "web",
    "yes",
    "no",
    "on",
    "null",
    "~",
    "true",
    "1",
    "0x1f",
    "1e3",
    ".5",
    "012",
    "12:30:45",
    "2026-01-01",
    " a",
    "a ",
    "a: b",
    "- a",
    "# a",
    "a #b",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "'",
    "\"",
    "a\nb",
    "a\nb\n",
    "\n",
    "a\n\n",
    "a\tb",
    "\t",
    "é",
    "日本",
    "🦀",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\\",
    "{}",
    "[]",
    "{a}",
    "|",
    ">",
    "?",
    "a\r\nb",
    "=",
    "<<",
    "---",
    "...",
];
const QUANTITIES: &[&str] = &["0", "1", "100m", "1500m", "0.5", "1Gi", "1024Mi", "1e3", "12E", "3n", "-1", "1.5Gi"];

/// Makes values of a shape.
pub struct Maker {
    /// Where chance comes from.
    pub rng: Rng,
    /// How many fields in a hundred are there.
    pub density: u32,
}

impl Maker {
    /// A text.
    pub fn text(&mut self) -> String {
        TEXTS[self.rng.usize(..TEXTS.len())].to_owned()
    }

    /// An object of a type.
    pub fn object(&mut self, of: &Type, depth: usize) -> Map<String, Value> {
        let mut object = Map::new();
        for field in of.fields.values() {
            let leaf = !matches!(field.shape, Shape::Ref(_) | Shape::List(_) | Shape::Map(_));
            let wanted = field.required || (self.rng.u32(..100) < self.density && (leaf || depth > 0));
            if !wanted || matches!(field.name, "apiVersion" | "kind") && !of.kind.is_empty() {
                continue;
            }
            let mut value = match field.choices.as_slice() {
                // What the table calls anything is a schema, a list of schemas or a truth here.
                [] if of.go_name() == "JSONSchemaProps" && field.shape != Shape::String("") => match field.name {
                    "additionalItems" | "additionalProperties" => json!(self.rng.bool()),
                    "items" => json!({"type": "string"}),
                    "dependencies" => json!({"a": ["b"]}),
                    _ => self.value(&field.shape, depth),
                },
                [] => self.value(&field.shape, depth),
                choices if field.shape == Shape::String("") || matches!(field.shape, Shape::String(_)) => {
                    json!(choices[self.rng.usize(..choices.len())])
                }
                choices => json!([choices[self.rng.usize(..choices.len())]]),
            };
            if let Value::Array(items) = &mut value {
                tell_apart(items, field.patch_merge_key);
                field.list_keys.iter().for_each(|key| tell_apart(items, key));
            }
            object.insert(field.name.to_owned(), value);
        }
        object
    }

    /// A value of a shape.
    pub fn value(&mut self, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::String(_) => json!(self.text()),
            Shape::Bytes => json!(["", "YQ==", "AAEC/w=="][self.rng.usize(..3)]),
            Shape::Int32 => json!([0, 1, -1, i32::MAX, i32::MIN][self.rng.usize(..5)]),
            Shape::Int64 => json!([0, 1, -1, i64::MAX, i64::MIN][self.rng.usize(..5)]),
            Shape::Double => json!([0.5, -1.25, 2.75][self.rng.usize(..3)]),
            Shape::Bool => json!(self.rng.bool()),
            Shape::Quantity => json!(QUANTITIES[self.rng.usize(..QUANTITIES.len())]),
            Shape::IntOrString => {
                if self.rng.bool() {
                    json!(self.rng.i32(..))
                } else {
                    json!(self.text())
                }
            }
            Shape::Time => json!("2026-03-04T05:06:07Z"),
            Shape::MicroTime => json!("2026-03-04T05:06:07.000089Z"),
            Shape::Any => json!({"x": self.text(), "y": [1, null, {"z": true}]}),
            Shape::Ref(name) => match facts().get(name) {
                Some(of) if depth > 0 => Value::Object(self.object(of, depth - 1)),
                _ => json!({}),
            },
            Shape::List(inner) => {
                let count = if depth == 0 { 1 } else { self.rng.usize(1..4) };
                (0..count).map(|_| self.value(inner, depth.saturating_sub(1))).collect()
            }
            Shape::Map(inner) => {
                let entries =
                    (0..self.rng.usize(1..4)).map(|_| (self.text(), self.value(inner, depth.saturating_sub(1))));
                Value::Object(entries.collect())
            }
        }
    }
}

/// Gives the items of a list that is told apart by a key different values of it, and lists of plain values each once.
fn tell_apart(items: &mut Vec<Value>, key: &str) {
    if items.iter().all(|item| !item.is_object()) {
        let mut seen = Vec::new();
        items.retain(|item| {
            !seen.contains(item) && {
                seen.push(item.clone());
                true
            }
        });
    }
    for (place, item) in items.iter_mut().enumerate() {
        if let Some(fields) = item.as_object_mut().filter(|_| !key.is_empty()) {
            let number = fields.get(key).is_some_and(Value::is_number);
            fields.insert(key.to_owned(), if number { json!(place + 1) } else { json!(format!("k{place}")) });
        }
    }
}

/// An object of a kind (`batch/v1`, `Job`).
pub fn of_kind(maker: &mut Maker, api_version: &str, kind: &str, depth: usize) -> Option<Value> {
    let mut object = maker.object(facts().of_kind(api_version, kind)?, depth);
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Some(Value::Object(object))
}
