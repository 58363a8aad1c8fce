//! Whether rules are fit to be kept, when a definition is written.
//!
//! Models Kubernetes 1.36
//! staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go (x-kubernetes-validations)
//! and pkg/apiserver/schema/cel/validation.go (`ValidFieldPath`).

use serde_json::Value;

use super::{SELF_TYPE, compile, rule_texts, types};
use crate::api::custom::structural::{flag, text};
use crate::apimachinery::cel::Type;
use crate::apimachinery::field::{Error, Path};
use crate::text::go_json;

const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// What is wrong with the rules of a structural schema.
pub(in crate::api) fn validate(path: &Path, schema: &Value) -> Vec<Error> {
    let mut faults = Faults::default();
    faults.node(path, schema, true, None);
    faults.words.into_iter().chain(faults.expressions).collect()
}

#[derive(Default)]
struct Faults {
    /// Of how rules are written down.
    words: Vec<Error>,
    /// Of what they say.
    expressions: Vec<Error>,
}

impl Faults {
    /// `lost` is the nearest place above at which an old value cannot be found again.
    fn node(&mut self, path: &Path, schema: &Value, root: bool, lost: Option<&Path>) {
        let before = self.words.len();
        if let Some(inner @ Value::Object(_)) = schema.get("additionalProperties") {
            self.node(&path.child("additionalProperties"), inner, types::is_embedded(inner), lost);
        }
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.node(&path.child("properties").key(name), inner, types::is_embedded(inner), lost);
        }
        if let Some(inner) = schema.get("items") {
            let by_keys = text(schema, "x-kubernetes-list-type") == "map";
            let lost = lost.or(if by_keys { None } else { Some(path) });
            self.node(&path.child("items"), inner, types::is_embedded(inner), lost);
        }
        let path = path.child("x-kubernetes-validations");
        for (index, rule) in rule_texts(schema).iter().enumerate() {
            self.words(&path.index(index), rule, schema);
        }
        if self.words.len() > before || rule_texts(schema).is_empty() {
            return;
        }
        let Some(of) = types::type_of(schema, root, SELF_TYPE) else {
            let why = "internal error: failed to retrieve type information for x-kubernetes-validations";
            self.expressions.push(Error::internal(&path, why));
            return;
        };
        for (index, rule) in rule_texts(schema).iter().enumerate() {
            self.expressions(&path.index(index), rule, &of, lost);
        }
    }

    fn words(&mut self, path: &Path, rule: &Value, schema: &Value) {
        let (written, message) = (text(rule, "rule").trim(), text(rule, "message"));
        let lines = |text: &str| text.contains(['\n', '\r']);
        let words = &mut self.words;
        if written.is_empty() {
            words.push(Error::required(&path.child("rule"), "rule is not specified"));
        } else if !message.is_empty() && message.trim().is_empty() {
            words.push(Error::invalid(&path.child("message"), message, "must be non-empty if specified"));
        } else if lines(message.trim()) {
            words.push(Error::invalid(&path.child("message"), message, "must not contain line breaks"));
        } else if lines(written) && message.trim().is_empty() {
            let why = "message must be specified if rule contains line breaks";
            words.push(Error::required(&path.child("message"), why));
        }
        let expression = text(rule, "messageExpression");
        if !expression.is_empty() && expression.trim().is_empty() {
            let why = "messageExpression must be non-empty if specified";
            words.push(Error::required(&path.child("messageExpression"), why));
        }
        if let Some(reason) = rule.get("reason").and_then(Value::as_str).filter(|reason| !REASONS.contains(reason)) {
            words.push(Error::not_supported(&path.child("reason"), reason, &REASONS));
        }
        let (at, field) = (path.child("fieldPath"), text(rule, "fieldPath"));
        if !field.is_empty() && field.trim().is_empty() {
            words.push(Error::invalid(&at, field, "must be non-empty if specified"));
        }
        if lines(field) {
            words.push(Error::invalid(&at, field, "must not contain line breaks"));
        }
        if !field.is_empty() && field_path(field, schema).is_none() {
            words.push(Error::invalid(&at, field, "must be a valid path"));
        }
    }

    fn expressions(&mut self, path: &Path, rule: &Value, of: &Type, lost: Option<&Path>) {
        let optional = flag(rule, "optionalOldSelf");
        let program = compile(text(rule, "rule"), Some(of), optional, &Type::Bool);
        let at = path.child("rule");
        match &program {
            Err(why) => self.expressions.push(Error::invalid_shown(&at, shown(rule), why)),
            Ok(_) => {
                let expression = text(rule, "messageExpression");
                if !expression.is_empty()
                    && let Err(why) = compile(expression, Some(of), optional, &Type::Str)
                {
                    let why =
                        if why.starts_with("messageExpression") { why } else { format!("messageExpression {why}") };
                    let at = path.child("messageExpression");
                    self.expressions.push(Error::invalid_shown(&at, shown(rule), why));
                }
            }
        }
        if program.is_ok_and(|program| program.uses("oldSelf")) {
            if let Some(lost) = lost {
                let why = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {lost}");
                self.expressions.push(Error::invalid(&at, text(rule, "rule"), why));
            }
        } else if let Some(optional) = rule.get("optionalOldSelf").and_then(Value::as_bool) {
            let why = "may not be set if oldSelf is not used in rule";
            self.expressions.push(Error::invalid(&path.child("optionalOldSelf"), optional, why));
        }
    }
}

/// A rule as Go shows its own form of it.
fn shown(rule: &Value) -> String {
    let quoted = |name: &str| go_json::quoted(text(rule, name));
    let or_null = |name: &str| rule.get(name).map_or_else(|| "null".to_owned(), go_json::to_compact);
    format!(
        r#"{{"Rule":{},"Message":{},"MessageExpression":{},"Reason":{},"FieldPath":{},"OptionalOldSelf":{}}}"#,
        quoted("rule"),
        quoted("message"),
        quoted("messageExpression"),
        or_null("reason"),
        quoted("fieldPath"),
        or_null("optionalOldSelf"),
    )
}

/// `.spec['a.b']` as a path of fields; `None` when the schema has no such field.
pub(super) fn field_path(written: &str, schema: &Value) -> Option<String> {
    let (mut rest, mut schema, mut whole) = (written, schema, Path::default());
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix("['") {
            let end = closing(after)?;
            name = unescaped(after.get(..end)?)?;
            rest = after.get(end..)?.strip_prefix("']")?;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[', ']']).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            name = word.to_owned();
            rest = after;
        }
        (schema, whole) = match (schema.get("properties"), schema.get("additionalProperties")) {
            (Some(properties), _) => (properties.get(&name)?, whole.child(&name)),
            (None, Some(inner @ Value::Object(_))) => (inner, whole.key(&name)),
            _ => return None,
        };
    }
    if written.is_empty() { Some(String::new()) } else { Some(whole.to_string()) }
}

/// Where the quote is that ends a text.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let end = letter == '\'' && !escaped;
        escaped = letter == '\\' && !escaped;
        end.then_some(at)
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        whole.push(match letter {
            '\\' => match letters.next()? {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                letter @ ('\'' | '\\') => letter,
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(whole)
}
