//! `replacements`: a value of one object is written into fields of others.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/filters/replacement/replacement.go.

use serde_json::{Map, Value, json};

use super::file::load;
use super::item::Item;
use super::place::Place;
use super::selector::Selector;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::Context;
use crate::text::go_json::{to_compact, to_indented_by};
use crate::text::yaml::{from_yaml, from_yaml_3, to_yaml};

/// What is replaced when nothing is said.
const NAME: &str = "metadata.name";

/// Reads the replacements, those of files too.
///
/// # Errors
/// A file that is not there or holds something else, told by `unfit`.
pub fn read(
    cx: &Context<'_>,
    at: &Place,
    rules: &Value,
    unfit: &dyn Fn(&str, &Value, &str) -> Failure,
) -> Result<Vec<Value>, Failure> {
    let list = list_at(rules, "/replacements");
    let told = |why: String| unfit("ReplacementTransformer", &json!({"Replacements": list}), &why);
    let mut found = Vec::new();
    for entry in list {
        let path = str_at(entry, "/path");
        if path.is_empty() {
            found.push(entry.clone());
            continue;
        }
        if entry.get("source").is_some() || entry.get("targets").is_some() {
            return Err(told("cannot specify both path and inline replacement".to_owned()));
        }
        let bytes = load(cx, &at.directory, path).map_err(told)?;
        match from_yaml(&String::from_utf8_lossy(&bytes)).map_err(told)? {
            Value::Array(list) => found.extend(list),
            entry @ Value::Object(_) => found.push(entry),
            _ => {
                return Err(told(
                    "unsupported replacement type encountered within replacement path: invalid".to_owned(),
                ));
            }
        }
    }
    Ok(found)
}

/// Makes every replacement, one after the other.
///
/// # Errors
/// A source or a field that is not there.
pub fn run(all: &[Value], items: &mut [Item]) -> Result<(), Failure> {
    all.iter().try_for_each(|entry| one(entry, items))
}

/// The value of a field of an object.
pub fn field(object: &Value, path: &str) -> Option<Value> {
    let (mut found, mut object) = (None, object.clone());
    visit(&mut object, &split(path), None, &mut |value| found = Some(value.clone()));
    found
}

fn one(rule: &Value, items: &mut [Item]) -> Result<(), Failure> {
    let (fixed, source) = (rule.get("sourceValue"), rule.get("source"));
    let (true, Some(targets)) = (fixed.is_some() || source.is_some(), rule.get("targets")) else {
        return Err(Failure::msg("replacements must specify a source and at least one target"));
    };
    let value = match (fixed, source) {
        (Some(_), Some(_)) => return Err(Failure::msg("value and resource selectors are mutually exclusive")),
        (Some(value), None) => value.clone(),
        (_, source) => value_of(source.unwrap_or(&Value::Null), items)?,
    };
    for target in list_at(targets, "") {
        let Some(select) = target.get("select") else {
            return Err(Failure::msg("target must specify resources to select"));
        };
        let selector = Selector::read(select).map_err(Failure::msg)?;
        let read = |reject: &Value| Ok((reject.clone(), Selector::read(reject)?));
        let rejects: Result<Vec<(Value, Selector)>, String> = list_at(target, "/reject").iter().map(read).collect();
        let rejects = rejects.map_err(Failure::msg)?;
        for item in items.iter_mut() {
            if selector.fits(item) && !rejects.iter().any(|(reject, selector)| is_rejected(item, reject, selector)) {
                write(&mut item.object, &value, target)?;
            }
        }
    }
    Ok(())
}

/// A reject names an object, or chooses it by labels or annotations.
fn is_rejected(item: &Item, reject: &Value, selector: &Selector) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| !str_at(reject, &format!("/{name}")).is_empty());
    has(&["group", "version", "kind", "name", "namespace"]) && selector.fits(item)
        || has(&["labelSelector", "annotationSelector"]) && selector.selects(item)
}

/// The value that is written: a field of the one object that is chosen.
fn value_of(source: &Value, items: &[Item]) -> Result<Value, Failure> {
    let of = |name: &str| str_at(source, &format!("/{name}"));
    let described = || {
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let version = or(of("version"), "[noVer]");
        let (group, kind) = (or(of("group"), "[noGrp]"), or(of("kind"), "[noKind]"));
        let (name, namespace) = (or(of("name"), "[noName]"), or(of("namespace"), "[noNs]"));
        format!("{kind}.{version}.{group}/{name}.{namespace}")
    };
    let path = if of("fieldPath").is_empty() { NAME } else { of("fieldPath") };
    let is = |item: &&Item| {
        let version = item.text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let same = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        let names = item.was.iter().cloned().chain([(item.text("/metadata/name"), item.text("/metadata/namespace"))]);
        same(of("group"), group)
            && same(of("version"), version)
            && same(of("kind"), &item.kind())
            && names.into_iter().any(|(name, namespace)| same(of("name"), &name) && same(of("namespace"), &namespace))
    };
    let found: Vec<&Item> = items.iter().filter(is).collect();
    let item = match found.as_slice() {
        [] => {
            let path = if str_at(source, "/fieldPath").is_empty() { String::new() } else { format!(":{path}") };
            return Err(Failure::msg(format!("nothing selected by {}{path}", described())));
        }
        [one] => *one,
        _ => {
            let path = if of("fieldPath").is_empty() { String::new() } else { format!(":{path}") };
            return Err(Failure::msg(format!("multiple matches for selector {}{path}", described())));
        }
    };
    let mut value = Value::Null;
    let mut object = item.object.clone();
    visit(&mut object, &split(path), None, &mut |found| value = found.clone());
    if value.is_null() || value == json!({}) || value == json!([]) {
        return Err(Failure::msg(format!("fieldPath `{path}` is missing for replacement source {}", described())));
    }
    let delimiter = str_at(source, "/options/delimiter");
    if delimiter.is_empty() {
        return Ok(value);
    }
    let Some(text) = scalar(&value) else {
        return Err(Failure::msg("delimiter option can only be used with scalar nodes"));
    };
    let index = source.pointer("/options/index").and_then(Value::as_i64).unwrap_or(0);
    match usize::try_from(index).ok().and_then(|index| text.split(delimiter).nth(index)) {
        Some(part) => Ok(json!(part)),
        None => Err(Failure::msg(format!("options.index {index} is out of bounds for value {text}"))),
    }
}

/// Writes a value into every field that a target names.
fn write(object: &mut Value, value: &Value, target: &Value) -> Result<(), Failure> {
    let paths = match list_at(target, "/fieldPaths") {
        [] => vec![NAME],
        paths => paths.iter().filter_map(Value::as_str).collect(),
    };
    let creates = target.pointer("/options/create").and_then(Value::as_bool).unwrap_or(false);
    for path in paths {
        let parts = split(path);
        if within_text(object, &parts, value, creates) {
            continue;
        }
        let mut failure = None;
        let made = creates.then_some(value);
        let count = visit(object, &parts, made, &mut |field| {
            if let Err(why) = put(field, value, target.get("options").unwrap_or(&Value::Null)) {
                failure = Some(why);
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        if count == 0 {
            let what = if creates { "find or create" } else { "find" };
            let beyond = beyond(object, &parts);
            return Err(Failure::msg(format!("unable to {what} field \"{path}\" in replacement target{beyond}")));
        }
    }
    Ok(())
}

/// What is said when a path counts further than a list goes.
fn beyond(object: &Value, parts: &[String]) -> String {
    let mut found = object;
    for part in parts {
        if let (Value::Array(items), Ok(index)) = (found, part.parse::<usize>())
            && index >= items.len()
        {
            return format!(": index {index} specified but only {} elements found", items.len());
        }
        let mut whole = found.clone();
        if visit(&mut whole, std::slice::from_ref(part), None, &mut |_| {}) == 0 {
            return String::new();
        }
        found = match found {
            Value::Array(items) => match part.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(item) => item,
                None => return String::new(),
            },
            found => match found.get(part) {
                Some(inner) => inner,
                None => return String::new(),
            },
        };
    }
    String::new()
}

fn put(field: &mut Value, value: &Value, options: &Value) -> Result<(), Failure> {
    let mut value = value.clone();
    let delimiter = str_at(options, "/delimiter");
    if !delimiter.is_empty() {
        let Some(text) = scalar(field) else {
            return Err(Failure::msg("delimiter option can only be used with scalar nodes"));
        };
        let mut parts: Vec<String> = text.split(delimiter).map(str::to_owned).collect();
        let index = options.get("index").and_then(Value::as_i64).unwrap_or(0);
        let new = scalar(&value).unwrap_or_default();
        match usize::try_from(index) {
            Err(_) => parts.insert(0, new),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = new,
                None => parts.push(new),
            },
        }
        value = json!(parts.join(delimiter));
    }
    *field = match (&*field, scalar(&value)) {
        // A text stays a text, and a number one when it can.
        (Value::String(_), Some(text)) => json!(text),
        (held @ (Value::Number(_) | Value::Bool(_)), Some(text)) => {
            let tag = match held {
                Value::Bool(_) => "bool",
                held if held.is_f64() => "float",
                _ => "int",
            };
            let cannot = || {
                // The field keeps its type, which the text is not of: it cannot be written.
                Failure::msg(format!("map[string]interface {{}}(nil): yaml: cannot decode !!str `{text}` as a !!{tag}"))
            };
            serde_json::from_str(&text).map_err(|_| cannot())?
        }
        _ => value,
    };
    Ok(())
}

/// Writes into YAML or JSON that a field holds as text; says whether it did.
fn within_text(object: &mut Value, parts: &[String], value: &Value, creates: bool) -> bool {
    for at in 1..parts.len() {
        let (outer, inner) = parts.split_at(at);
        let mut done = false;
        visit(object, outer, None, &mut |field| {
            let Some(text) = field.as_str().map(str::to_owned) else { return };
            let Ok(mut held) = from_yaml_3(&text) else { return };
            let made = creates.then_some(value);
            if visit(&mut held, inner, made, &mut |field| drop(put(field, value, &Value::Null))) == 0 {
                return;
            }
            done = true;
            let pretty = text.contains('\n') && text.contains("  ");
            *field = json!(match text.trim_start().starts_with(['{', '[']) {
                true if pretty => to_indented_by(&held, 2).trim_end().to_owned(),
                true => to_compact(&held),
                false => to_yaml(&held).trim_end().to_owned(),
            });
        });
        if done {
            return true;
        }
    }
    false
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    }
}

/// A path cut at its dots; those in brackets and those behind a backslash do not count.
fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut inside, mut escaped) = (false, false);
    for c in path.chars() {
        let Some(part) = parts.last_mut() else { break };
        match c {
            '.' if escaped => {
                part.pop();
                part.push('.');
            }
            '.' if !inside => parts.push(String::new()),
            c => {
                inside = (inside || c == '[') && c != ']';
                part.push(c);
            }
        }
        escaped = c == '\\';
    }
    parts
}

/// Calls `change` with every field that a path leads to, and counts them. With a value to make, fields that are
/// missing on the way are made.
fn visit(value: &mut Value, parts: &[String], made: Option<&Value>, change: &mut dyn FnMut(&mut Value)) -> usize {
    let Some((part, rest)) = parts.split_first() else {
        change(value);
        return 1;
    };
    if value.is_null() && made.is_some() {
        let list = part.starts_with('[') || part == "-" || part.parse::<usize>().is_ok();
        *value = if list { json!([]) } else { json!({}) };
    }
    match value {
        Value::Object(fields) if part == "*" => fields.values_mut().map(|field| visit(field, rest, made, change)).sum(),
        Value::Object(fields) => {
            if made.is_some() && !fields.contains_key(part) {
                fields.insert(part.clone(), Value::Null);
            }
            fields.get_mut(part).map_or(0, |field| visit(field, rest, made, change))
        }
        Value::Array(items) if part == "*" => items.iter_mut().map(|item| visit(item, rest, made, change)).sum(),
        Value::Array(items) => {
            if let Some((key, wanted)) = part.strip_prefix('[').and_then(|part| part.strip_suffix(']')?.split_once('='))
            {
                let fits = |item: &Value| {
                    let own = if key.is_empty() { Some(item) } else { item.get(key) };
                    own.and_then(scalar).is_some_and(|own| own == wanted)
                };
                if made.is_some() && !items.iter().any(fits) {
                    items.push(Value::Object(Map::from_iter([(key.to_owned(), json!(wanted))])));
                }
                return items.iter_mut().filter(|item| fits(item)).map(|item| visit(item, rest, made, change)).sum();
            }
            if part == "-" {
                items.push(Value::Null);
            }
            let last = items.len().saturating_sub(1);
            let index = if part == "-" { Some(last) } else { part.parse().ok() };
            index.and_then(|index| items.get_mut(index)).map_or(0, |item| visit(item, rest, made, change))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_at_dots_that_count() {
        assert_eq!(split("a.[name=b.c].d\\.e.0"), ["a", "[name=b.c]", "d.e", "0"]);
    }

    #[test]
    fn a_value_goes_into_part_of_a_text_and_into_text_that_holds_yaml() {
        let mut object = json!({"image": "nginx:1", "n": 1, "list": [{"name": "a", "v": "x"}], "text": "{\"a\": 1}"});
        let options = json!({"fieldPaths": ["image"], "options": {"delimiter": ":", "index": 1}});
        write(&mut object, &json!("2"), &options).unwrap();
        write(&mut object, &json!("7"), &json!({"fieldPaths": ["n", "list.[name=a].v", "text.a"]})).unwrap();
        assert_eq!(object, json!({"image": "nginx:2", "n": 7, "list": [{"name": "a", "v": "7"}], "text": "{\"a\":7}"}));
        let missing = write(&mut object, &json!("7"), &json!({"fieldPaths": ["no.such"]})).unwrap_err();
        assert_eq!(missing.text(), "unable to find field \"no.such\" in replacement target");
        write(&mut object, &json!("7"), &json!({"fieldPaths": ["no.such"], "options": {"create": true}})).unwrap();
        assert_eq!(object.pointer("/no/such"), Some(&json!("7")));
    }
}
