//! What Go's decoder says of JSON that does not fit a kind: wrong types and unknown fields.
//!
//! Models sigs.k8s.io/json (`internal/golang/encoding/json/decode.go`): the first wrong type is kept while decoding
//! goes on, an error of a type with a decoder of its own ends it at once.

use serde_json::{Map, Value};

use super::{Facts, Shape, Type};
use crate::apimachinery::quantity::Quantity;
use crate::text::go_time;
use crate::text::go_value::json_word;

/// What decoding found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The decoder's error, such as `json: cannot unmarshal string into Go struct field JobSpec.spec.completions of
    /// type int32`. While there is one, unknown fields do not matter.
    pub error: Option<String>,
    /// Such as `unknown field "spec.foo"`, in the order of the document.
    pub unknown: Vec<String>,
}

impl Facts {
    /// Decodes a document as this kind, or `None` when the kind is not known.
    pub fn decode(&self, api_version: &str, kind: &str, document: &Value) -> Option<Decoding> {
        self.decode_as(self.of_kind(api_version, kind)?.name, document)
    }

    /// Decodes a document as this type (`meta.v1.ObjectMeta`), or `None` when the type is not known.
    pub fn decode_as(&self, type_name: &str, document: &Value) -> Option<Decoding> {
        let root = self.get(type_name)?;
        let mut walk =
            Walk { facts: self, names: Vec::new(), path: String::new(), within: "", found: Decoding::default() };
        if let Err(fatal) = walk.object(root, document) {
            walk.found.error = Some(fatal);
        }
        Some(walk.found)
    }
}

struct Walk<'a> {
    facts: &'a Facts,
    /// The names of the fields down to here, without indices, as errors show them.
    names: Vec<String>,
    /// The same with indices, as unknown fields are shown.
    path: String,
    /// The innermost struct.
    within: &'static str,
    found: Decoding,
}

/// An error that ends decoding.
type Fatal = String;

impl Walk<'_> {
    fn wrong(&self, value: &str, go_type: &str) -> String {
        if self.names.is_empty() {
            return format!("json: cannot unmarshal {value} into Go value of type {go_type}");
        }
        let field = self.names.join(".");
        format!("json: cannot unmarshal {value} into Go struct field {}.{field} of type {go_type}", self.within)
    }

    fn keep(&mut self, value: &str, go_type: &str) {
        if self.found.error.is_none() {
            self.found.error = Some(self.wrong(value, go_type));
        }
    }

    fn object(&mut self, known: &Type, value: &Value) -> Result<(), Fatal> {
        let Some(fields) = self.fields(value, || go_struct(known.name)) else { return Ok(()) };
        let (outer, length) = (self.within, self.path.len());
        for (name, value) in fields {
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(name);
            match known.fields.get(name.as_str()) {
                Some(field) => {
                    self.within = known.go_name();
                    self.names.push(name.clone());
                    let outcome = self.value(&field.shape, value);
                    self.names.pop();
                    self.within = outer;
                    outcome?;
                }
                None => self.found.unknown.push(format!("unknown field \"{}\"", self.path)),
            }
            self.path.truncate(length);
        }
        Ok(())
    }

    /// The entries of an object; anything else but `null` is an error.
    fn fields<'v>(&mut self, value: &'v Value, go_type: impl Fn() -> String) -> Option<&'v Map<String, Value>> {
        match value {
            Value::Object(fields) => return Some(fields),
            Value::Null => {}
            other => self.keep(json_word(other), &go_type()),
        }
        None
    }

    fn value(&mut self, shape: &Shape, value: &Value) -> Result<(), Fatal> {
        if value.is_null() {
            return Ok(());
        }
        match (shape, value) {
            (Shape::Any, _)
            | (Shape::String(_), Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Double, Value::Number(_))
            | (Shape::IntOrString, Value::String(_)) => {}
            (Shape::Ref(name), _) => {
                if let Some(known) = self.facts.get(name) {
                    return self.object(known, value);
                }
            }
            (Shape::List(inner), Value::Array(elements)) => {
                let length = self.path.len();
                for (index, element) in elements.iter().enumerate() {
                    self.path.push_str(&format!("[{index}]"));
                    let outcome = self.value(inner, element);
                    self.path.truncate(length);
                    outcome?;
                }
            }
            (Shape::Map(inner), Value::Object(entries)) => {
                let length = self.path.len();
                for (key, entry) in entries {
                    self.path.push('.');
                    self.path.push_str(key);
                    let outcome = self.value(inner, entry);
                    self.path.truncate(length);
                    outcome?;
                }
            }
            (Shape::Int32 | Shape::Int64, Value::Number(number)) => {
                let fits = number.as_i64().is_some_and(|n| *shape == Shape::Int64 || i32::try_from(n).is_ok());
                if !fits {
                    self.keep(&format!("number {number}"), &go_type(shape));
                }
            }
            (Shape::IntOrString, Value::Number(number)) => {
                if number.as_i64().and_then(|n| i32::try_from(n).ok()).is_none() {
                    return Err(self.wrong(&format!("number {number}"), "int32"));
                }
            }
            (Shape::IntOrString, other) => return Err(self.wrong(json_word(other), "int32")),
            (Shape::Bytes, Value::String(text)) => {
                if let Some(at) = bad_base64(text) {
                    self.found.error.get_or_insert_with(|| format!("illegal base64 data at input byte {at}"));
                }
            }
            (Shape::Quantity, value) => {
                let text = match value {
                    Value::String(text) => text.trim().to_owned(),
                    other => other.to_string(),
                };
                Quantity::parse(&text).map_err(str::to_owned)?;
            }
            (Shape::Time | Shape::MicroTime, Value::String(text)) => check_time(text, *shape == Shape::MicroTime)?,
            (Shape::Time | Shape::MicroTime, other) => return Err(self.wrong(json_word(other), "string")),
            (shape, other) => self.keep(json_word(other), &go_type(shape)),
        }
        Ok(())
    }
}

/// `batch.v1.JobSpec` -> `v1.JobSpec`.
fn go_struct(name: &str) -> String {
    name.split_once('.').map_or(name, |(_, rest)| rest).to_owned()
}

/// The type as Go writes it.
fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::String("") => "string".to_owned(),
        Shape::String("UID") => "types.UID".to_owned(),
        Shape::String(name) => format!("v1.{name}"),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Int32 => "int32".to_owned(),
        Shape::Int64 => "int64".to_owned(),
        Shape::Double => "float64".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::IntOrString => "intstr.IntOrString".to_owned(),
        Shape::Time => "v1.Time".to_owned(),
        Shape::MicroTime => "v1.MicroTime".to_owned(),
        Shape::Any => "interface {}".to_owned(),
        Shape::Ref(name) => go_struct(name),
        Shape::List(inner) => format!("[]{}", go_type(inner)),
        Shape::Map(inner) if **inner == Shape::Quantity => "v1.ResourceList".to_owned(),
        Shape::Map(inner) => format!("map[string]{}", go_type(inner)),
    }
}

/// Where standard base64 goes wrong, counted as Go counts.
fn bad_base64(text: &str) -> Option<usize> {
    let kept: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\n' | b'\r')).collect();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let digits = kept.iter().take_while(|(_, byte)| is_digit(*byte)).count();
    let padding = kept.iter().skip(digits).take_while(|(_, byte)| *byte == b'=').count();
    let wanted = match digits % 4 {
        0 => 0,
        1 => usize::MAX,
        rest => 4 - rest,
    };
    let at = |index: usize| kept.get(index).map_or(text.len(), |(at, _)| *at);
    if digits + padding == kept.len() && padding == wanted {
        return None;
    }
    if digits == kept.len() {
        // The text ends before its last group of four does: Go names where that group began.
        return Some(text.len() - digits % 4);
    }
    if padding == 0 {
        return Some(at(digits));
    }
    if padding > wanted || wanted == usize::MAX {
        return Some(at(digits + if wanted == usize::MAX { 0 } else { wanted }));
    }
    if digits + padding < kept.len() {
        return Some(at(digits + padding));
    }
    Some(text.len())
}

/// RFC 3339, with Go's complaint when it is not.
fn check_time(text: &str, micro: bool) -> Result<(), Fatal> {
    let layout = if micro { go_time::RFC3339_MICRO } else { go_time::RFC3339 };
    go_time::parse(text, layout).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::facts;
    use super::*;
    use serde_json::json;

    fn job(spec: Value) -> Decoding {
        let document = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "t"}, "spec": spec});
        facts().decode("batch/v1", "Job", &document).unwrap()
    }

    #[test]
    fn a_wrong_type_is_named_as_go_names_it() {
        let cases = [
            (json!({"completions": "3"}), "string into Go struct field JobSpec.spec.completions of type int32"),
            (json!({"completions": 1.5}), "number 1.5 into Go struct field JobSpec.spec.completions of type int32"),
            (
                json!({"completions": 99999999999i64}),
                "number 99999999999 into Go struct field JobSpec.spec.completions of type int32",
            ),
            (json!({"completions": [1]}), "array into Go struct field JobSpec.spec.completions of type int32"),
            (json!({"suspend": "yes"}), "string into Go struct field JobSpec.spec.suspend of type bool"),
            (
                json!({"template": {"metadata": {"labels": {"app": true}}}}),
                "bool into Go struct field ObjectMeta.spec.template.metadata.labels of type string",
            ),
            (
                json!({"template": {"spec": {"containers": [{"command": "ls"}]}}}),
                "string into Go struct field Container.spec.template.spec.containers.command of type []string",
            ),
            (
                json!({"template": {"spec": {"containers": {"name": "c"}}}}),
                "object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
            ),
            (
                json!({"template": {"spec": {"restartPolicy": 1}}}),
                "number into Go struct field PodSpec.spec.template.spec.restartPolicy of type v1.RestartPolicy",
            ),
            (json!("x"), "string into Go struct field Job.spec of type v1.JobSpec"),
        ];
        for (spec, expected) in cases {
            assert_eq!(job(spec).error, Some(format!("json: cannot unmarshal {expected}")));
        }
        assert_eq!(job(json!({"completions": null})), Decoding::default());
    }

    #[test]
    fn unknown_fields_are_named_with_indices_in_the_order_of_the_document() {
        let found = job(json!({"completion": 3, "template": {"spec": {"containers": [{"name": "c"}, {"img": "x"}]}}}));
        assert_eq!(found.error, None);
        let expected = ["unknown field \"spec.completion\"", "unknown field \"spec.template.spec.containers[1].img\""];
        assert_eq!(found.unknown, expected);
    }

    #[test]
    fn a_quantity_that_cannot_be_read_ends_decoding() {
        let spec = json!({"completions": "x", "template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]}}});
        let expected = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        assert_eq!(job(spec).error.as_deref(), Some(expected));
    }

    #[test]
    fn base64_is_checked_as_go_checks_it() {
        let cases =
            [("aGk=", None), ("aGk", Some(0)), ("a-b=", Some(1)), ("aGk=x", Some(4)), ("", None), ("hello", Some(4))];
        for (text, expected) in cases {
            assert_eq!(bad_base64(text), expected, "{text}");
        }
    }
}
