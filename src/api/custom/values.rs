//! What a schema says of a value: types, bounds, patterns, formats, choices, and what must hold all at once, at least
//! once, once or never. Looks at no other value than the one it is given.
//!
//! Models Kubernetes 1.36 vendor/k8s.io/kube-openapi/pkg/validation/{validate,errors} and
//! staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/validation/validation.go (`kubeOpenAPIResultToFieldErrors`).

use regex_lite::Regex;
use serde_json::{Map, Number, Value};

use super::formats;
use super::schema::is_known_format;
use super::structural::{flag, text};
use crate::apimachinery::field::{Error, ErrorKind, Path};
use crate::text::go_number::format_general;

/// What is wrong with a value; the errors' paths begin with `within`. Of what is as it was in `old` nothing is said.
pub fn validate(schema: &Value, value: &Value, old: Option<&Value>, within: &Path) -> Vec<Error> {
    let mut found = check(schema, value, old, "");
    if *within != Path::default() {
        for error in &mut found.errors {
            let own = (error.path != Path::default()).then(|| error.path.to_string());
            error.path = own.map_or_else(|| within.clone(), |own| within.child(&own));
        }
    }
    found.errors
}

/// What a look has found, and how much of it was right: of several schemas that do not hold, the one of which most holds
/// is told.
#[derive(Default)]
struct Found {
    errors: Vec<Error>,
    right: usize,
}

impl Found {
    fn error(error: Error) -> Self {
        Self { errors: vec![error], right: 0 }
    }

    fn right() -> Self {
        Self { errors: Vec::new(), right: 1 }
    }

    fn add(&mut self, error: Error) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn merge(&mut self, other: Found) {
        other.errors.into_iter().for_each(|error| self.add(error));
        self.right += other.right;
    }
}

/// Go names a field below nothing with a leading dot, and leaves the dot out of the error's path.
fn path_of(path: &str) -> Path {
    match path.strip_prefix('.').unwrap_or(path) {
        "" => Path::default(),
        path => Path::new(path),
    }
}

fn invalid(path: &str, value: &Value, why: &str) -> Error {
    Error::invalid(&path_of(path), value, format!("{path} in body {why}"))
}

fn wrong_type(path: &str, wanted: &str, given: &str) -> Error {
    let why = format!("must be of type {wanted}: {}", crate::text::go_number::quote(given));
    let mut error = invalid(path, &Value::String(given.to_owned()), &why);
    error.kind = ErrorKind::TypeInvalid;
    error
}

/// What is wrong with the value as a whole is told of no field.
fn general(why: String) -> Error {
    Error::invalid(&Path::default(), "", why)
}

fn limit(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok())
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn types(schema: &Value) -> Vec<&str> {
    match text(schema, "type") {
        _ if flag(schema, "x-kubernetes-int-or-string") => vec!["integer", "string"],
        "" => Vec::new(),
        one => vec![one],
    }
}

fn check(schema: &Value, value: &Value, old: Option<&Value>, path: &str) -> Found {
    if old == Some(value) {
        return Found::right();
    }
    let mut found = Found::default();
    if value.is_null() {
        found.merge(of_type(schema, value, path));
        found.merge(choice(schema, value, path));
        return found;
    }
    let format = text(schema, "format");
    if !types(schema).is_empty() || (!format.is_empty() && is_known_format(schema)) {
        found.merge(of_type(schema, value, path));
        found.right += 1;
    }
    found.merge(combined(schema, value, old, path));
    match value {
        Value::String(held) => {
            found.merge(string(schema, held, value, path));
            if !format.is_empty() && is_known_format(schema) && formats::is_known(format) {
                found.right += 1;
                if !formats::fits(format, held) {
                    found.add(wrong_type(path, format, held));
                }
            }
            found.right += 1;
        }
        Value::Number(number) => {
            found.merge(self::number(schema, number, value, path));
            found.right += 1;
        }
        Value::Array(items) => {
            found.merge(items_of(schema, items, old, path));
            found.right += 1;
        }
        Value::Object(map) => {
            found.merge(choice(schema, value, path));
            found.merge(object(schema, map, old, path));
            found.right += 1;
        }
        _ => {}
    }
    if !value.is_object() {
        found.merge(choice(schema, value, path));
    }
    // The look at what is combined, the look at the choices, and this one.
    found.right += 3;
    found
}

/// Whether a number stands for a whole one, as Go decides it.
fn is_whole(number: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    let whole = number.trunc();
    number.abs() <= MOST && (number - whole).abs() <= (number.abs() + whole.abs()) * 1e-9
}

/// `typeValidator`
fn of_type(schema: &Value, value: &Value, path: &str) -> Found {
    let types = types(schema);
    let joined = || types.join(",");
    let (kind, own) = match value {
        Value::Null if types.is_empty() || flag(schema, "nullable") => return Found::right(),
        Value::Null => return Found::error(wrong_type(path, &joined(), "null")),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(number) if number.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    };
    let has = |name: &str| types.contains(&name);
    let float = value.as_f64().filter(|_| kind == "number");
    let either = float.is_some_and(|float| is_whole(float) && has("integer")) || (kind == "integer" && has("number"));
    let format = text(schema, "format");
    if !format.is_empty() && is_known_format(schema) {
        let textual = matches!(kind, "string" | "array");
        if !textual && !has(kind) && own != format && !either {
            return Found::error(wrong_type(path, format, own));
        }
        if textual && !has("number") && !has("integer") {
            return Found::right();
        }
    }
    if has(kind) || either { Found::right() } else { Found::error(wrong_type(path, &joined(), kind)) }
}

/// `schemaPropsValidator`
fn combined(schema: &Value, value: &Value, old: Option<&Value>, path: &str) -> Found {
    let mut found = Found::right();
    let any = list(schema, "anyOf");
    let mut best: Option<Found> = None;
    let mut held = any.is_empty();
    for one in any {
        let outcome = check(one, value, old, path);
        if outcome.errors.is_empty() {
            held = true;
            best = Some(outcome);
            break;
        }
        if best.as_ref().is_none_or(|best| outcome.right > best.right) {
            best = Some(outcome);
        }
    }
    if !held {
        found.add(general(format!("\"{path}\" must validate at least one schema (anyOf)")));
    }
    best.into_iter().for_each(|best| found.merge(best));
    once(&mut found, list(schema, "oneOf"), (value, old), path);
    let all = list(schema, "allOf");
    let outcomes: Vec<Found> = all.iter().map(|one| check(one, value, old, path)).collect();
    let right = outcomes.iter().filter(|outcome| outcome.errors.is_empty()).count();
    outcomes.into_iter().for_each(|outcome| found.merge(outcome));
    if right < all.len() {
        let none = if right == 0 { ". None validated" } else { "" };
        found.add(general(format!("\"{path}\" must validate all the schemas (allOf){none}")));
    }
    if schema.get("not").is_some_and(|not| check(not, value, old, path).errors.is_empty()) {
        found.add(general(format!("\"{path}\" must not validate the schema (not)")));
    }
    found
}

/// One of the schemas holds and no other.
fn once(found: &mut Found, some: &[Value], (value, old): (&Value, Option<&Value>), path: &str) {
    let (mut count, mut first, mut best): (usize, Option<Found>, Option<Found>) = (0, None, None);
    for one in some {
        let outcome = check(one, value, old, path);
        if outcome.errors.is_empty() {
            count += 1;
            first.get_or_insert(outcome);
        } else if best.as_ref().is_none_or(|best| outcome.right > best.right) {
            best = Some(outcome);
        }
    }
    match count {
        _ if some.is_empty() => {}
        1 => first.into_iter().for_each(|first| found.merge(first)),
        0 => {
            found.add(general(format!("\"{path}\" must validate one and only one schema (oneOf). Found none valid")));
            best.into_iter().for_each(|best| found.merge(best));
        }
        _ => {
            let why = format!("must validate one and only one schema (oneOf). Found {count} valid alternatives");
            found.add(general(format!("\"{path}\" {why}")));
        }
    }
}

/// `basicCommonValidator`: one of the values that are listed.
fn choice(schema: &Value, value: &Value, path: &str) -> Found {
    let choices = list(schema, "enum");
    let same = |one: &Value| match (one.as_f64(), value.as_f64()) {
        (Some(one), Some(given)) => (one - given).abs() < f64::EPSILON,
        _ => one == value && !value.is_null(),
    };
    if choices.is_empty() || choices.iter().any(same) {
        return Found::default();
    }
    let shown: Vec<String> =
        choices.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    Found::error(Error::not_supported(&path_of(path), value, &shown))
}

/// `stringValidator`: the first that is wrong.
fn string(schema: &Value, held: &str, value: &Value, path: &str) -> Found {
    let length = held.chars().count();
    if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
        return Found::error(Error::too_long(&path_of(path), most));
    }
    if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
        return Found::error(invalid(path, value, &format!("should be at least {least} chars long")));
    }
    let pattern = text(schema, "pattern");
    if !pattern.is_empty() && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(held)) {
        return Found::error(invalid(path, value, &format!("should match '{pattern}'")));
    }
    Found::default()
}

/// Whether a number is one of its type at all (`IsValueValidAgainstRange`).
fn in_range(schema: &Value, number: f64, what: &str, path: &str) -> Option<Error> {
    let (kind, format) = (types(schema), text(schema, "format"));
    let kind = if let [one] = kind.as_slice() { one } else { "" };
    let whole = number.fract() == 0.0;
    let fits = match (kind, format) {
        ("integer", "int32") => whole && (-2_147_483_648.0..=2_147_483_647.0).contains(&number),
        ("integer", _) => whole && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number),
        ("number", "float") => number.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    let of = match format {
        "int32" | "int64" if kind == "integer" => format!("with format {format}"),
        "float" | "double" if kind == "number" => format!("with format {format}"),
        _ => "(default format)".to_owned(),
    };
    (!fits).then(|| general(format!("{what} value must be of type {kind} {of} in {path}")))
}

/// `numberValidator`
fn number(schema: &Value, number: &Number, value: &Value, path: &str) -> Found {
    let held = number.as_f64().unwrap_or_default();
    let mut found = Found::right();
    in_range(schema, held, "Checked", path).into_iter().for_each(|error| found.add(error));
    // A whole number is held against the whole part of a bound, which is shown as a whole number then.
    let bound = |name: &str, what: &str, found: &mut Found| {
        let bound = schema.get(name).and_then(Value::as_f64)?;
        match in_range(schema, bound, what, path) {
            Some(error) => found.add(error),
            None if !number.is_f64() => return Some((bound.trunc(), format!("{:.0}", bound.trunc()))),
            None => {}
        }
        Some((bound, format_general(bound)))
    };
    if let Some((of, shown)) = bound("multipleOf", "MultipleOf", &mut found) {
        let times = if of < 1.0 { 1.0 / of * held } else { held / of };
        if of <= 0.0 {
            let why = format!("factor MultipleOf declared for {path} must be positive: {shown}");
            found.add(Error::invalid(&path_of(path), of, why));
        } else if !is_whole(times) {
            found.add(invalid(path, value, &format!("should be a multiple of {shown}")));
        }
    }
    if let Some((least, shown)) = bound("minimum", "Minimum boundary", &mut found) {
        let exclusive = flag(schema, "exclusiveMinimum");
        if held < least || (exclusive && held <= least) {
            let than = if exclusive { "should be greater than" } else { "should be greater than or equal to" };
            found.add(invalid(path, value, &format!("{than} {shown}")));
        }
    }
    if let Some((most, shown)) = bound("maximum", "Maximum boundary", &mut found) {
        let exclusive = flag(schema, "exclusiveMaximum");
        if held > most || (exclusive && held >= most) {
            let than = if exclusive { "should be less than" } else { "should be less than or equal to" };
            found.add(invalid(path, value, &format!("{than} {shown}")));
        }
    }
    found
}

/// `schemaSliceValidator`
fn items_of(schema: &Value, items: &[Value], old: Option<&Value>, path: &str) -> Found {
    let mut found = Found::right();
    let keys = list(schema, "x-kubernetes-list-map-keys");
    // Elements that have keys can be told to be the same as before.
    let before = |item: &Value| {
        let same = |held: &&Value| keys.iter().filter_map(Value::as_str).all(|key| held.get(key) == item.get(key));
        old.and_then(Value::as_array)?.iter().find(same).filter(|_| !keys.is_empty())
    };
    if let Some(inner) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            found.merge(check(inner, item, before(item), &format!("{path}[{index}]")));
        }
    }
    if let Some(least) = limit(schema, "minItems").filter(|least| items.len() < *least) {
        let why = format!("should have at least {least} items");
        found.add(invalid(path, &Value::from(items.len()), &why));
    }
    if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() > *most) {
        found.add(Error::too_many(&path_of(path), items.len(), most));
    }
    let twice = |(index, item): (usize, &Value)| items.iter().take(index).any(|earlier| earlier == item);
    if flag(schema, "uniqueItems") && items.iter().enumerate().any(twice) {
        found.add(Error::invalid(&path_of(path), "", format!("{path} in body shouldn't contain duplicates")));
    }
    found
}

/// `objectValidator`
fn object(schema: &Value, map: &Map<String, Value>, old: Option<&Value>, path: &str) -> Found {
    let mut found = Found::default();
    if let Some(least) = limit(schema, "minProperties").filter(|least| map.len() < *least) {
        let why = format!("should have at least {least} properties");
        found.add(invalid(path, &Value::from(map.len()), &why));
    }
    if let Some(most) = limit(schema, "maxProperties").filter(|most| map.len() > *most) {
        found.add(Error::too_many(&path_of(path), map.len(), most));
    }
    let property = |name: &str| schema.get("properties").and_then(|all| all.get(name));
    for (name, value) in map {
        let (own, before) = (format!("{path}.{name}"), old.and_then(|old| old.get(name)));
        match (property(name), schema.get("additionalProperties")) {
            (Some(inner), _) if path.is_empty() => found.merge(check(inner, value, before, name)),
            (Some(inner), _) => found.merge(check(inner, value, before, &own)),
            (None, Some(Value::Bool(false))) => {
                let why = format!("{own} in body is a forbidden property");
                found.add(Error::invalid(&path_of(path), name, why));
            }
            (None, Some(inner @ Value::Object(_))) => found.merge(check(inner, value, before, &own)),
            (None, _) => {}
        }
    }
    for name in list(schema, "required").iter().filter_map(Value::as_str).filter(|name| !map.contains_key(*name)) {
        found.add(Error::required(&path_of(&format!("{path}.{name}")), ""));
    }
    found
}
