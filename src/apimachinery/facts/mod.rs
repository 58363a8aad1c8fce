//! What is known of every field: its type, how lists and maps of it merge. Knows no prose and no defaults.
//!
//! The table `fields.txt` is made by `cargo xtask facts` from the server's OpenAPI documents; this module reads it.
//! Strict decoding, patches, server-side apply and `explain` all ask here.

mod decode;
mod prose;

pub use decode::Decoding;
pub use prose::Prose;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::quantity::Quantity;

static TABLE: &str = include_str!("fields.txt");

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text; the name is Go's when the text has a type of its own (`RestartPolicy`), else empty.
    String(&'static str),
    /// Text in base64.
    Bytes,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number.
    Double,
    /// `true` or `false`.
    Bool,
    /// Such as `500m` or `1Gi`, or a number.
    Quantity,
    /// A number or a text.
    IntOrString,
    /// An instant in whole seconds.
    Time,
    /// An instant with microseconds.
    MicroTime,
    /// Anything.
    Any,
    /// An object of this type (see [`Facts::get`]).
    Ref(&'static str),
    /// A list.
    List(Box<Shape>),
    /// A map from text.
    Map(Box<Shape>),
}

/// How two versions of a list become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// The list is replaced as a whole.
    Atomic,
    /// Elements are told apart by their keys.
    Map,
    /// Elements are told apart by their values.
    Set,
}

/// One field of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether the schema requires it.
    pub required: bool,
    /// How lists merge in server-side apply; `None` when the schema does not say (which means atomic).
    pub list: Option<ListType>,
    /// The keys of a [`ListType::Map`].
    pub list_keys: Vec<&'static str>,
    /// Whether a map or object is replaced as a whole in server-side apply.
    pub atomic: bool,
    /// Whether Go holds the object by value: then it is there, empty, even when nobody has written it.
    pub by_value: bool,
    /// Whether a strategic merge patch merges instead of replacing.
    pub patch_merge: bool,
    /// Whether a strategic merge patch drops the keys that it does not name (`retainKeys`).
    pub patch_retain_keys: bool,
    /// Whether a strategic merge patch replaces the object as a whole.
    pub patch_replace: bool,
    /// The key by which a strategic merge patch tells elements apart; empty for lists of plain values.
    pub patch_merge_key: &'static str,
    /// The value that the schema gives when the field is absent; empty when it gives none.
    pub default: &'static str,
    /// The only values that a text, or each element of a list, may have; empty when any will do.
    pub choices: Vec<&'static str>,
}

/// One type of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// Such as `batch.v1.JobSpec`.
    pub name: &'static str,
    /// Whether it is replaced as a whole in server-side apply.
    pub atomic: bool,
    /// `group/version/kind` when it is a kind; the core group is empty.
    pub kind: &'static str,
    /// Its fields by name.
    pub fields: BTreeMap<&'static str, Field>,
}

impl Type {
    /// The name in Go: `JobSpec`.
    pub fn go_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// The name in OpenAPI documents: `io.k8s.api.batch.v1.JobSpec`.
    pub fn schema_name(&self) -> String {
        match self.name.split('.').next() {
            Some("meta") => format!("io.k8s.apimachinery.pkg.apis.{}", self.name),
            Some("apiextensions") => format!("io.k8s.apiextensions-apiserver.pkg.apis.{}", self.name),
            _ => format!("io.k8s.api.{}", self.name),
        }
    }
}

/// The whole table.
#[derive(Debug, Default)]
pub struct Facts {
    types: BTreeMap<&'static str, Type>,
    /// From `apiVersion kind` to the type's name.
    kinds: BTreeMap<String, &'static str>,
}

/// The table, read once.
pub fn facts() -> &'static Facts {
    // Immutable and the same for every cluster: no state that a copy of a cluster would have to carry.
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts::parse(TABLE))
}

impl Facts {
    /// The type of this name (`batch.v1.JobSpec`).
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// The type of a kind (`batch/v1`, `Job`).
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Type> {
        self.kinds.get(&format!("{api_version} {kind}")).and_then(|name| self.get(name))
    }

    /// Every type, by name.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.values()
    }

    /// The type that a shape refers to, itself or by its elements.
    pub fn referred(&self, shape: &Shape) -> Option<&Type> {
        match shape {
            Shape::Ref(name) => self.get(name),
            Shape::List(inner) | Shape::Map(inner) => self.referred(inner),
            _ => None,
        }
    }

    /// Writes every quantity of a document in the one form in which the server stores it: `1000m` becomes `1`.
    pub fn canonicalize(&self, api_version: &str, kind: &str, document: &mut Value) {
        if let Some(known) = self.of_kind(api_version, kind) {
            self.canonicalize_type(known, document);
        }
    }

    fn canonicalize_type(&self, known: &Type, value: &mut Value) {
        for (name, value) in value.as_object_mut().into_iter().flatten() {
            if let Some(field) = known.fields.get(name.as_str()) {
                self.canonicalize_value(&field.shape, value);
            }
        }
    }

    fn canonicalize_value(&self, shape: &Shape, value: &mut Value) {
        match shape {
            Shape::Quantity => {
                let text = match &*value {
                    Value::String(text) => text.trim().to_owned(),
                    Value::Number(number) => number.to_string(),
                    _ => return,
                };
                if let Ok(quantity) = Quantity::parse(&text) {
                    *value = Value::String(quantity.to_string());
                }
            }
            Shape::Ref(name) => {
                if let Some(known) = self.get(name) {
                    self.canonicalize_type(known, value);
                }
            }
            Shape::List(inner) => {
                value.as_array_mut().into_iter().flatten().for_each(|one| self.canonicalize_value(inner, one));
            }
            Shape::Map(inner) => {
                let entries = value.as_object_mut().into_iter().flatten();
                entries.for_each(|(_, one)| self.canonicalize_value(inner, one));
            }
            _ => {}
        }
    }

    fn parse(table: &'static str) -> Self {
        let mut facts = Facts::default();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let Some(name) = words.next() else { continue };
            let mut parsed = Type { name, atomic: false, kind: "", fields: BTreeMap::new() };
            for word in words {
                if word == "@atomic" {
                    parsed.atomic = true;
                } else if let Some(kind) = word.strip_prefix("@kind=") {
                    parsed.kind = kind;
                    if let Some((version, kind)) = kind.rsplit_once('/') {
                        let version = version.strip_prefix('/').unwrap_or(version);
                        facts.kinds.insert(format!("{version} {kind}"), name);
                    }
                } else if let Some(field) = parse_field(word) {
                    parsed.fields.insert(field.name, field);
                }
            }
            facts.types.insert(name, parsed);
        }
        facts
    }
}

fn parse_field(word: &'static str) -> Option<Field> {
    let (name, rest) = word.split_once('=')?;
    let mut parts = rest.split(';');
    let shape = parse_shape(parts.next()?);
    let mut field = Field {
        name: name.strip_suffix('!').unwrap_or(name),
        shape,
        required: name.ends_with('!'),
        list: None,
        list_keys: Vec::new(),
        atomic: false,
        by_value: false,
        patch_merge: false,
        patch_retain_keys: false,
        patch_replace: false,
        patch_merge_key: "",
        default: "",
        choices: Vec::new(),
    };
    for part in parts {
        let Some((rule, value)) = part.split_once('=') else { continue };
        let (value, keys) = value.split_once(':').unwrap_or((value, ""));
        match rule {
            "list" => {
                field.list = match value {
                    "map" => Some(ListType::Map),
                    "set" => Some(ListType::Set),
                    _ => Some(ListType::Atomic),
                };
                field.list_keys = keys.split(',').filter(|key| !key.is_empty()).collect();
            }
            "map" => field.atomic = value == "atomic",
            "zero" => field.by_value = value == "object",
            "patch" => {
                field.patch_merge = value.split(',').any(|word| word == "merge");
                field.patch_retain_keys = value.split(',').any(|word| word == "retainKeys");
                field.patch_replace = value == "replace";
                field.patch_merge_key = keys;
            }
            "default" => field.default = value,
            "enum" => field.choices = value.split(',').collect(),
            _ => {}
        }
    }
    Some(field)
}

fn parse_shape(text: &'static str) -> Shape {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Shape::List(Box::new(parse_shape(inner)));
    }
    if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        return Shape::Map(Box::new(parse_shape(inner)));
    }
    match text {
        "string" => Shape::String(""),
        "bytes" => Shape::Bytes,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "double" => Shape::Double,
        "bool" => Shape::Bool,
        "quantity" => Shape::Quantity,
        "intstr" => Shape::IntOrString,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "any" => Shape::Any,
        _ => text.strip_prefix("string:").map_or(Shape::Ref(text), Shape::String),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_type() {
        let facts = facts();
        for known in facts.types() {
            for field in known.fields.values() {
                let mut shape = &field.shape;
                while let Shape::List(inner) | Shape::Map(inner) = shape {
                    shape = inner;
                }
                if let Shape::Ref(name) = shape {
                    assert!(facts.get(name).is_some(), "{} {} -> {name}", known.name, field.name);
                }
            }
        }
    }

    #[test]
    fn quantities_are_stored_in_one_form() {
        let limits = serde_json::json!({"cpu": 0.5, "memory": "1024Mi"});
        let mut pod = serde_json::json!({"spec": {"containers": [{"resources": {"limits": limits}}]}});
        facts().canonicalize("v1", "Pod", &mut pod);
        let expected = serde_json::json!({"cpu": "500m", "memory": "1Gi"});
        assert_eq!(pod["spec"]["containers"][0]["resources"]["limits"], expected);
    }

    #[test]
    fn containers_merge_by_name() {
        let spec = facts().get("core.v1.PodSpec").unwrap();
        let containers = &spec.fields["containers"];
        assert_eq!((containers.list, containers.list_keys.as_slice()), (Some(ListType::Map), &["name"][..]));
        assert!(containers.patch_merge && containers.required);
        assert_eq!(containers.patch_merge_key, "name");
        assert!(spec.fields["volumes"].patch_retain_keys);
    }
}
