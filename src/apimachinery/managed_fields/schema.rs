//! How a value merges: which lists are maps or sets, which objects are one piece. Facts for the kinds that are known
//! at compile time, a structural schema for custom resources, a guess for what no schema tells.
//!
//! Models sigs.k8s.io/structured-merge-diff v6 schema/elements.go and typed/helpers.go.

use serde_json::{Map, Value, json};

use super::set::Element;
use crate::apimachinery::facts::{Facts, Field, ListType, Shape, Type};
use crate::text::go_value;

/// What is known of a value.
#[derive(Clone, Copy)]
pub enum Schema<'a> {
    /// An object of a known type.
    Type(&'a Facts, &'a Type),
    /// A value of a known shape; the field tells how it merges.
    Shape(&'a Facts, &'a Shape, Option<&'a Field>),
    /// A structural schema (`openAPIV3Schema`), as its author wrote it.
    Custom(&'a Value),
    /// The metadata of a custom resource, which its schema does not describe.
    CustomObject(&'a Facts, &'a Value),
    /// Nothing: maps merge, lists are one piece.
    Unknown,
}

/// How a value is taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// Not at all.
    Leaf,
    /// An object, field by field.
    Map,
    /// A list whose elements are told apart by these keys.
    Keyed(Vec<String>),
    /// A list of values that are told apart by themselves.
    Set,
}

impl<'a> Schema<'a> {
    /// How values of it are taken apart. `value` is one of them: where nothing is known it decides.
    pub fn form(self, value: &Value) -> Form {
        match self {
            Schema::Type(_, known) => {
                if known.atomic {
                    Form::Leaf
                } else {
                    Form::Map
                }
            }
            Schema::Shape(facts, shape, field) => shape_form(facts, shape, field, value),
            Schema::CustomObject(..) => Form::Map,
            Schema::Custom(schema) => custom_form(schema, value),
            Schema::Unknown => {
                if value.is_object() {
                    Form::Map
                } else {
                    Form::Leaf
                }
            }
        }
    }

    /// What is known of a field; `None` when the schema declares no such field.
    pub fn child(self, name: &str) -> Option<Schema<'a>> {
        match self {
            Schema::Type(facts, known) => {
                known.fields.get(name).map(|field| Schema::Shape(facts, &field.shape, Some(field)))
            }
            Schema::Shape(facts, Shape::Ref(name_of), _) => {
                facts.get(name_of).map_or(Some(Schema::Unknown), |known| Schema::Type(facts, known).child(name))
            }
            Schema::Shape(facts, Shape::Map(inner), _) => Some(Schema::Shape(facts, inner, None)),
            Schema::Shape(..) | Schema::Unknown => Some(Schema::Unknown),
            Schema::CustomObject(facts, _) if name == "metadata" => {
                Some(facts.get("meta.v1.ObjectMeta").map_or(Schema::Unknown, |known| Schema::Type(facts, known)))
            }
            Schema::CustomObject(..) if matches!(name, "apiVersion" | "kind") => Some(Schema::Unknown),
            Schema::CustomObject(_, schema) | Schema::Custom(schema) => custom_child(schema, name),
        }
    }

    /// Whether the field is one of an object of a type, rather than an entry of a map.
    pub fn names(self, name: &str) -> bool {
        match self {
            Schema::Type(_, known) => known.fields.contains_key(name),
            Schema::Shape(facts, Shape::Ref(name_of), _) => {
                facts.get(name_of).is_some_and(|known| known.fields.contains_key(name))
            }
            Schema::CustomObject(_, schema) => {
                matches!(name, "apiVersion" | "kind" | "metadata") || Schema::Custom(schema).names(name)
            }
            Schema::Custom(schema) => schema.pointer("/properties").is_some_and(|all| all.get(name).is_some()),
            _ => false,
        }
    }

    /// What is known of a list's elements.
    pub fn item(self) -> Schema<'a> {
        match self {
            Schema::Shape(facts, Shape::List(inner), _) => Schema::Shape(facts, inner, None),
            Schema::Custom(schema) => schema.get("items").map_or(Schema::Unknown, Schema::Custom),
            _ => Schema::Unknown,
        }
    }

    /// The fields that Go always has, with what stands there when nobody has written them.
    pub fn zeros(self) -> impl Iterator<Item = (&'static str, Value)> {
        let known = match self {
            Schema::Type(_, known) => Some(known),
            Schema::Shape(facts, Shape::Ref(name), _) => facts.get(name),
            _ => None,
        };
        let fields = known.into_iter().flat_map(|known| known.fields.values());
        fields.filter(|field| field.by_value || field.required).map(|field| (field.name, zero(field)))
    }

    /// The path element of an element of a list of this form.
    ///
    /// # Errors
    /// Why it has none.
    pub fn element(self, form: &Form, item: &Value) -> Result<Element, String> {
        let Form::Keyed(keys) = form else {
            return match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
                plain => Ok(format!("v:{plain}").into()),
            };
        };
        let Value::Object(map) = item else {
            let what = if item.is_null() { "a null element" } else { "non-map elements" };
            return Err(format!("associative list with keys may not have {what}"));
        };
        let mut held = Map::new();
        for key in keys {
            match map.get(key) {
                Some(value) => drop(held.insert(key.clone(), value.clone())),
                None => {
                    if let Some(default) = self.item().default_of(key) {
                        held.insert(key.clone(), default);
                    }
                }
            }
        }
        if held.is_empty() {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                keys.join(" ")
            ));
        }
        Ok(format!("k:{}", Value::Object(held)).into())
    }

    /// Why a value that is one piece does not fit, `None` when it does.
    pub fn misfit(self, value: &Value) -> Option<String> {
        let Schema::Shape(_, shape, _) = self else { return None };
        let plain = value.is_string() || value.is_number() || value.is_boolean();
        match shape {
            Shape::Int32 | Shape::Int64 | Shape::Double if !value.is_number() => {
                Some(format!("expected numeric (int or float), got {}", go_value::type_name(value)))
            }
            Shape::Bool if !value.is_boolean() => Some(format!("expected boolean, got {}", go_value::shown(value))),
            Shape::String(_) | Shape::Bytes if !value.is_string() => {
                let shown = go_value::shown(value);
                Some(format!("expected string, got &value.valueUnstructured{{Value:{shown}}}"))
            }
            Shape::Quantity | Shape::IntOrString if !plain => {
                Some(format!("expected any scalar, got {}", go_value::shown(value)))
            }
            Shape::List(_) if !value.is_array() => Some(format!("expected list, got &{{{}}}", go_value::shown(value))),
            _ => None,
        }
    }

    fn default_of(self, name: &str) -> Option<Value> {
        match self {
            Schema::Shape(facts, Shape::Ref(name_of), _) => {
                let field = facts.get(name_of)?.fields.get(name)?;
                match field.shape {
                    _ if !field.default.is_empty() => Some(json!(field.default)),
                    _ if !field.required => None,
                    Shape::String(_) => Some(json!("")),
                    Shape::Int32 | Shape::Int64 => Some(json!(0)),
                    _ => None,
                }
            }
            Schema::Custom(schema) => schema.get("properties")?.get(name)?.get("default").cloned(),
            _ => None,
        }
    }
}

fn shape_form(facts: &Facts, shape: &Shape, field: Option<&Field>, value: &Value) -> Form {
    if field.is_some_and(|field| field.atomic) {
        return Form::Leaf;
    }
    match shape {
        Shape::Ref(name) => match facts.get(name) {
            Some(known) if known.atomic => Form::Leaf,
            _ => Form::Map,
        },
        Shape::Map(_) => Form::Map,
        Shape::List(_) => match field.map(|field| (field.list, &field.list_keys)) {
            Some((Some(ListType::Map), keys)) => Form::Keyed(keys.iter().map(|key| (*key).to_owned()).collect()),
            Some((Some(ListType::Set), _)) => Form::Set,
            _ => Form::Leaf,
        },
        Shape::Any if value.is_object() => Form::Map,
        _ => Form::Leaf,
    }
}

fn custom_form(schema: &Value, value: &Value) -> Form {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "object" if text("x-kubernetes-map-type") == "atomic" => Form::Leaf,
        "object" => Form::Map,
        "array" => match text("x-kubernetes-list-type") {
            "set" => Form::Set,
            "map" => {
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                Form::Keyed(keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => Form::Leaf,
        },
        "" if value.is_object() => Form::Map,
        _ => Form::Leaf,
    }
}

fn custom_child<'a>(schema: &'a Value, name: &str) -> Option<Schema<'a>> {
    if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
        return Some(Schema::Custom(property));
    }
    match schema.get("additionalProperties") {
        Some(inner @ Value::Object(_)) => return Some(Schema::Custom(inner)),
        Some(Value::Bool(true)) => return Some(Schema::Unknown),
        _ => {}
    }
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
    (keeps || schema.get("properties").is_none()).then_some(Schema::Unknown)
}

fn zero(field: &Field) -> Value {
    match &field.shape {
        Shape::Ref(_) if field.by_value => Value::Object(Map::new()),
        Shape::String(_) => json!(""),
        Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString => json!(0),
        Shape::Bool => json!(false),
        Shape::Quantity => json!("0"),
        _ => Value::Null,
    }
}
