//! kubectl's JSONPath dialect: templates such as `{range .items[*]}{.metadata.name}{"\n"}{end}`. Reads values; sorts
//! and prints no tables.
//!
//! Models k8s.io/client-go util/jsonpath and cli-runtime's `RelaxedJSONPathExpression`.

mod evaluate;
mod parse;

use std::borrow::Cow;

use serde_json::Value;

use crate::text::go_json;
use crate::text::go_value;
use evaluate::{Evaluation, Item};
use parse::Node;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    nodes: Vec<Node>,
    allow_missing_keys: bool,
}

impl JsonPath {
    /// Parses a template: text, and actions in braces.
    ///
    /// # Errors
    /// client-go's words, such as `unclosed action`.
    pub fn parse(template: &str) -> Result<Self, String> {
        Ok(Self { nodes: parse::template(template)?, allow_missing_keys: false })
    }

    /// Whether a field that is not there gives nothing (as in `kubectl get -o jsonpath`) instead of an error.
    pub fn allow_missing_keys(mut self, allow: bool) -> Self {
        self.allow_missing_keys = allow;
        self
    }

    /// What each part of the template finds, in order; text finds itself. This is client-go's `FindResults`.
    ///
    /// # Errors
    /// client-go's words, such as `spec is not found` or `array index out of bounds: index 3, length 1`.
    pub fn find<'a>(&'a self, data: &'a Value) -> Result<Vec<Vec<Cow<'a, Value>>>, String> {
        let found = Evaluation::new(&self.nodes, self.allow_missing_keys).run(data)?;
        let plain = |results: Vec<Item<'a>>| results.into_iter().filter_map(Item::into_value).collect();
        Ok(found.into_iter().map(plain).collect())
    }

    /// The values that a template of one action finds, without their grouping.
    ///
    /// # Errors
    /// As for [`JsonPath::find`].
    pub fn values<'a>(&'a self, data: &'a Value) -> Result<Vec<Cow<'a, Value>>, String> {
        Ok(self.find(data)?.into_iter().flatten().collect())
    }

    /// The text `kubectl get -o jsonpath=TEMPLATE` prints: several results of one part stand a space apart.
    ///
    /// # Errors
    /// As for [`JsonPath::find`].
    pub fn execute(&self, data: &Value) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data)? {
            let texts: Vec<String> = results.iter().map(|value| printed(value)).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }

    /// The text `kubectl get -o jsonpath-as-json=TEMPLATE` prints: each part's results as an indented array.
    ///
    /// # Errors
    /// As for [`JsonPath::find`].
    pub fn execute_as_json(&self, data: &Value) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data)? {
            let array = Value::Array(results.into_iter().map(Cow::into_owned).collect());
            out.push_str(&go_json::to_indented(&array));
            out.push('\n');
        }
        Ok(out)
    }
}

/// Turns `metadata.name`, `.metadata.name` and `{metadata.name}` into `{.metadata.name}`, as flags such as
/// `--sort-by` and `custom-columns` take them.
///
/// # Errors
/// kubectl's words for anything else.
pub fn relaxed(expression: &str) -> Result<String, String> {
    if expression.is_empty() {
        return Ok(String::new());
    }
    let inner = expression.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(expression);
    let fields = match inner.strip_prefix('.') {
        Some(rest) if !rest.is_empty() => rest,
        _ => inner,
    };
    if fields.is_empty() || fields.contains(['{', '}']) {
        return Err("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or \
                    '{.name1.name2}'"
            .to_owned());
    }
    Ok(format!("{{.{fields}}}"))
}

/// One value as a template prints it: maps and lists as JSON, the rest plainly.
pub fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => go_value::number_text(number),
        other => go_json::to_compact(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> Value {
        json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}}, "n": 1, "ok": true, "f": 1.5,
             "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Init", "status": "False"}]}},
            {"metadata": {"name": "b"}, "n": 2, "status": {"conditions": []}, "none": null}]})
    }

    fn run(template: &str) -> String {
        let data = pods();
        JsonPath::parse(template)
            .map(|path| path.allow_missing_keys(true))
            .and_then(|path| path.execute(&data))
            .unwrap_or_else(|problem| format!("error: {problem}"))
    }

    #[test]
    fn templates_print_what_kubectl_prints() {
        for (template, text) in [
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].metadata.name}{\"\\n\"}", "a\n"),
            ("{.items[-1:].metadata.name}", "b"),
            ("{.items[-1].metadata.name}", "b"),
            ("{.items[0:2:2].metadata.name}", "a"),
            ("{range .items[*]}{.metadata.name}={.n}{\"\\t\"}{end}!", "a=1\tb=2\t!"),
            ("{range .items[*]}{.metadata.name}:{range .status.conditions[*]} {.type}{end};{end}", "a: Ready Init;b:;"),
            ("{.items[*].status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.items[?(@.n>1)].metadata.name}", "b"),
            ("{.items[?(@.ok)].metadata.name}", "a"),
            ("{.items[?(@.f==1.5)].metadata.name}", "a"),
            ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "x"),
            ("{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "x"),
            ("{.items[0]['metadata.name', 'n']}", "a 1"),
            ("{..name}", "a b"),
            ("{.items[1].metadata}", "{\"name\":\"b\"}"),
            ("{.items[0].f} {.items[0].ok} {.items[1].none}", "1.5 true null"),
            ("{.nothing.here}", ""),
            ("plain text", "plain text"),
            ("{$.kind}", "List"),
            ("{.items[*].n}", "1 2"),
        ] {
            assert_eq!(run(template), text, "{template}");
        }
    }

    #[test]
    fn wrong_templates_are_refused_in_client_gos_words() {
        for (template, problem) in [
            ("{.items", "unclosed action"),
            ("{.items[}", "unterminated array"),
            ("{.items[x]}", "invalid array index x"),
            ("{.items[5].n}", "array index out of bounds: index 5, length 2"),
            ("{.kind[0]}", "string is not array or slice"),
            ("{end}", "not in range, nothing to end"),
            ("{foo}", "unrecognized identifier foo"),
            ("{\"x}", "unterminated quoted string"),
            ("{.items[?(@.n==\"x\")].n}", "incompatible types for comparison"),
            ("{.items[?(@.n>1 && @.ok)]}", "unrecognized character in action: U+0026 '&'"),
            ("{.items[?(@.n>1]}", "unterminated filter"),
            ("{....a}", "invalid multiple recursive descent"),
        ] {
            assert_eq!(run(template), format!("error: {problem}"), "{template}");
        }
        let strict = JsonPath::parse("{.spec.x}").unwrap();
        assert_eq!(strict.execute(&pods()), Err("spec is not found".to_owned()));
    }

    #[test]
    fn relaxed_expressions_get_their_braces() {
        for given in ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"] {
            assert_eq!(relaxed(given).as_deref(), Ok("{.metadata.name}"));
        }
        assert!(relaxed("{.a}{.b}").is_err());
    }

    #[test]
    fn explosive_templates_are_stopped() {
        assert!(JsonPath::parse(&"{range .}".repeat(60)).unwrap().execute(&pods()).is_err());
        assert!(JsonPath::parse(&"{range $.items[*]}".repeat(10_000)).unwrap().execute(&pods()).is_err());
        let _ = JsonPath::parse(&"[?(".repeat(10_000));
        let _ = JsonPath::parse(&format!("{{{}}}", "..*".repeat(30))).map(|path| path.execute(&pods()).is_err());
    }
}
