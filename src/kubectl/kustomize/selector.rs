//! Which objects a patch or replacement is for: regular expressions for group, version, kind, name and namespace,
//! selectors for labels and annotations.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/types/selector.go and `resWrangler.Select`.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use super::item::Item;
use crate::apimachinery::labels::{self, Selector as Pairs};
use crate::kubectl::print::str_at;

/// A target, read.
#[derive(Debug)]
pub struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Option<Pairs>,
    annotations: Option<Pairs>,
}

impl Selector {
    /// Reads a target.
    ///
    /// # Errors
    /// An expression that is none.
    pub fn read(target: &Value) -> Result<Selector, String> {
        let of = |name: &str| match str_at(target, &format!("/{name}")) {
            "" => Ok(None),
            pattern => compiled(pattern).map(Some),
        };
        let pairs = |name: &str| match str_at(target, &format!("/{name}")) {
            "" => Ok(None),
            text => labels::parse(text).map(Some),
        };
        Ok(Selector {
            group: of("group")?,
            version: of("version")?,
            kind: of("kind")?,
            name: of("name")?,
            namespace: of("namespace")?,
            labels: pairs("labelSelector")?,
            annotations: pairs("annotationSelector")?,
        })
    }

    /// Whether an object is selected by what it is, or was at first.
    pub fn fits(&self, item: &Item) -> bool {
        let is = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        let (group, version) = item.group_version();
        let now = (item.text("/metadata/name"), item.text("/metadata/namespace"));
        let first = item.was.first().unwrap_or(&now);
        let names = [&now.0, &first.0];
        let spaces = [item.effective(&now.1), item.effective(&first.1)];
        is(&self.group, &group)
            && is(&self.version, &version)
            && is(&self.kind, &item.kind())
            && names.iter().any(|name| is(&self.name, name))
            && spaces.iter().any(|space| is(&self.namespace, space))
            && self.selects(item)
    }

    /// Whether the labels and annotations of an object are those that are selected.
    pub fn selects(&self, item: &Item) -> bool {
        let fits = |pairs: &Option<Pairs>, path: &str| {
            let Some(pairs) = pairs else { return true };
            let values: BTreeMap<String, String> = item
                .object
                .pointer(path)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()))
                .collect();
            pairs.matches(Some(&values))
        };
        fits(&self.labels, "/metadata/labels") && fits(&self.annotations, "/metadata/annotations")
    }
}

/// A regular expression for the whole of a text.
fn compiled(pattern: &str) -> Result<Regex, String> {
    let whole = format!("^(?:{pattern})$");
    Regex::new(&whole).map_err(|_| format!("error parsing regexp: {}", complaint(&whole)))
}

/// What Go finds wrong with an expression, for the mistakes that are made: looking around, a repetition of nothing, a
/// bracket or parenthesis that is not closed.
fn complaint(whole: &str) -> String {
    if let Some(sign) = ["(?!", "(?=", "(?<!", "(?<="].into_iter().find(|sign| whole.contains(sign)) {
        let sign = sign.get(..3).unwrap_or(sign);
        return format!("invalid or unsupported Perl syntax: `{sign}`");
    }
    let mut before = None;
    for (at, c) in whole.char_indices() {
        let starts = matches!(before, None | Some('(' | '|' | ':'));
        if starts && matches!(c, '*' | '+') {
            return format!("missing argument to repetition operator: `{c}`");
        }
        if c == '[' && before != Some('\\') && !whole.get(at..).is_some_and(|rest| rest.contains(']')) {
            return format!("missing closing ]: `{}`", whole.get(at..).unwrap_or_default());
        }
        before = Some(c);
    }
    match whole.matches('(').count().cmp(&whole.matches(')').count()) {
        std::cmp::Ordering::Less => format!("unexpected ): `{whole}`"),
        _ => format!("missing closing ): `{whole}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_found_by_what_it_is_called_now_or_was_at_first() {
        let mut item = Item::new(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}));
        item.rename("a-web".to_owned());
        item.rename("b-a-web".to_owned());
        let fits = |target: Value| Selector::read(&target).unwrap().fits(&item);
        assert!(fits(json!({"name": "w.b"})) && fits(json!({"name": "b-.*"})) && !fits(json!({"name": "a-web"})));
        assert!(fits(json!({"kind": "Deploy.*|Service", "namespace": "default"})) && !fits(json!({"kind": "Deploy"})));
    }

    #[test]
    fn an_expression_that_is_none_is_told_in_the_words_of_go() {
        let told = |name: &str| Selector::read(&json!({"name": name})).unwrap_err();
        assert_eq!(told("["), "error parsing regexp: missing closing ]: `[)$`");
        assert_eq!(told("*"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(told("(?!web).*"), "error parsing regexp: invalid or unsupported Perl syntax: `(?!`");
        assert_eq!(told("(a"), "error parsing regexp: missing closing ): `^(?:(a)$`");
    }
}
