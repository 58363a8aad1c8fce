//! JSON values in the words of Go's fmt, which upstream's messages hold: `%v`, `%#v` and `%T` of what Kubernetes decodes
//! JSON into. Maps are written in the order of their keys.
//!
//! Models Go fmt (print.go) and Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/json.

use serde_json::{Number, Value};

use super::go_number::{format_general, quote};

/// `%v`: `map[a:1 b:[x y]]`.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// `%#v`: `map[string]interface {}{"a":1}`.
pub fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{}:{}", quote(name), syntax(value))).collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        plain => shown(plain),
    }
}

/// `%T`: `map[string]interface {}`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What Go's decoder of JSON calls a value: `number`.
pub fn json_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A number in its `%v` form.
pub fn number_text(number: &Number) -> String {
    match (number.is_f64(), number.as_f64()) {
        (true, Some(float)) => format_general(float),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let value = json!({"a": [1, 2.5, null], "b": {"c": "x"}, "d": true});
        assert_eq!(shown(&value), "map[a:[1 2.5 <nil>] b:map[c:x] d:true]");
        assert_eq!(
            syntax(&value),
            r#"map[string]interface {}{"a":[]interface {}{1, 2.5, interface {}(nil)}, "b":map[string]interface {}{"c":"x"}, "d":true}"#
        );
        assert_eq!(
            [&value["a"], &value["a"][0], &value["a"][1]].map(type_name),
            ["[]interface {}", "int64", "float64"]
        );
    }
}
