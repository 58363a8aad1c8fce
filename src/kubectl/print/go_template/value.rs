//! What a Go template works with, and how Go prints it. Runs nothing.

use serde_json::Value;

use crate::text::go_value;

/// A value of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// No value: a field that is not there.
    Missing,
    /// A Go `int`: a constant, a length, an index.
    Int(i64),
    /// What came from the object, or text.
    Json(Value),
}

impl Val {
    /// Text.
    pub fn text(text: impl Into<String>) -> Val {
        Val::Json(Value::String(text.into()))
    }

    /// Whether an `if` takes it for true.
    pub fn truth(&self) -> bool {
        match self {
            Val::Missing | Val::Json(Value::Null) => false,
            Val::Int(number) => *number != 0,
            Val::Json(Value::Bool(on)) => *on,
            Val::Json(Value::Number(number)) => number.as_f64() != Some(0.0),
            Val::Json(Value::String(text)) => !text.is_empty(),
            Val::Json(Value::Array(items)) => !items.is_empty(),
            Val::Json(Value::Object(fields)) => !fields.is_empty(),
        }
    }

    /// The name of its Go type.
    pub fn go_type(&self) -> &'static str {
        match self {
            Val::Missing => "<nil>",
            Val::Int(_) => "int",
            Val::Json(value) => go_value::type_name(value),
        }
    }

    /// As an action prints it.
    pub fn shown(&self) -> String {
        match self {
            Val::Missing | Val::Json(Value::Null) => "<no value>".to_owned(),
            Val::Int(number) => number.to_string(),
            Val::Json(value) => go_value::shown(value),
        }
    }

    /// As `fmt.Sprint` prints it.
    pub fn printed(&self) -> String {
        match self {
            Val::Missing | Val::Json(Value::Null) => "<nil>".to_owned(),
            other => other.shown(),
        }
    }

    /// A whole number, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Val::Int(number) => Some(*number),
            Val::Json(Value::Number(number)) if !number.is_f64() => number.as_i64(),
            _ => None,
        }
    }

    /// Text, if it is that.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Val::Json(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}
