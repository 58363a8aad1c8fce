//! The functions of Go templates, and kubectl's own: `exists` and `base64decode`.
//!
//! Models Go text/template/funcs.go and Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/printers/template.go.

use std::cmp::Ordering;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::printf::sprintf;
use super::value::Val;

/// Names, and how many arguments they take; a negative number means at least that many, less one.
pub const FUNCTIONS: &[(&str, i8)] = &[
    ("and", -2),
    ("base64decode", 1),
    ("call", -2),
    ("eq", -2),
    ("exists", -2),
    ("ge", 2),
    ("gt", 2),
    ("html", -1),
    ("index", -2),
    ("js", -1),
    ("le", 2),
    ("len", 1),
    ("lt", 2),
    ("ne", 2),
    ("not", 1),
    ("or", -2),
    ("print", -1),
    ("printf", -2),
    ("println", -1),
    ("slice", -2),
    ("urlquery", -1),
];

/// What is said of a function with too few or too many arguments.
pub fn wrong_number(name: &str, given: usize) -> Option<String> {
    let (_, wanted) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
    let least = usize::from(wanted.unsigned_abs()) - usize::from(*wanted < 0);
    let (fits, words) = if *wanted < 0 { (given >= least, "at least ") } else { (given == least, "") };
    (!fits).then(|| format!("wrong number of args for {name}: want {words}{least} got {given}"))
}

/// Calls a function that has the right number of arguments. `and` and `or` are the caller's: they stop early.
///
/// # Errors
/// The function's own words.
pub fn call(name: &str, args: &[Val]) -> Result<Val, String> {
    let first = args.first().unwrap_or(&Val::Missing);
    let second = args.get(1).unwrap_or(&Val::Missing);
    let rest = args.get(1..).unwrap_or_default();
    let boolean = |on: bool| Ok(Val::Json(Value::Bool(on)));
    match name {
        "not" => boolean(!first.truth()),
        "len" => length(first).map(|length| Val::Int(i64::try_from(length).unwrap_or(i64::MAX))),
        "index" => rest.iter().try_fold(first.clone(), |item, at| index(&item, at)),
        "exists" => boolean(rest.iter().try_fold(first.clone(), exists).is_some()),
        "slice" => slice(first, rest),
        "print" => Ok(Val::text(print(args))),
        "println" => Ok(Val::text(args.iter().map(Val::printed).collect::<Vec<_>>().join(" ") + "\n")),
        "printf" => Ok(Val::text(sprintf(first.as_text().unwrap_or_default(), rest))),
        "html" => Ok(Val::text(escaped(args, |c| match c {
            '\0' => Some("\u{FFFD}".to_owned()),
            '"' => Some("&#34;".to_owned()),
            '\'' => Some("&#39;".to_owned()),
            '&' => Some("&amp;".to_owned()),
            '<' => Some("&lt;".to_owned()),
            '>' => Some("&gt;".to_owned()),
            _ => None,
        }))),
        "js" => Ok(Val::text(escaped(args, |c| match c {
            '\\' | '\'' | '"' => Some(format!("\\{c}")),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => Some(format!("\\u{:04X}", u32::from(c))),
            _ => None,
        }))),
        "urlquery" => Ok(Val::text(escaped(args, |c| match c {
            ' ' => Some("+".to_owned()),
            c if c.is_ascii_alphanumeric() || "-_.~".contains(c) => None,
            c => Some(c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()),
        }))),
        "base64decode" => base64decode(first.as_text().unwrap_or_default()).map(Val::text),
        "call" => Err(match first {
            Val::Missing | Val::Json(Value::Null) => "call of nil".to_owned(),
            other => format!("non-function {{}} of type {}", other.go_type()),
        }),
        "eq" => equal(first, rest).and_then(boolean),
        "ne" => equal(first, rest).and_then(|same| boolean(!same)),
        "lt" => less(first, second).and_then(boolean),
        "le" => at_most(first, second).and_then(boolean),
        "gt" => at_most(first, second).and_then(|below| boolean(!below)),
        _ => less(first, second).and_then(|below| boolean(!below)),
    }
}

fn length(value: &Val) -> Result<usize, String> {
    match value {
        Val::Missing => Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        Val::Json(Value::Null) => Err("len of nil pointer".to_owned()),
        Val::Json(Value::String(text)) => Ok(text.len()),
        Val::Json(Value::Array(items)) => Ok(items.len()),
        Val::Json(Value::Object(fields)) => Ok(fields.len()),
        other => Err(format!("len of type {}", other.go_type())),
    }
}

/// A place in a list of a length; the end is one, too, as it is for Go.
fn place(at: &Val, length: usize) -> Result<usize, String> {
    match at.int() {
        Some(number) => usize::try_from(number)
            .ok()
            .filter(|place| *place <= length)
            .ok_or_else(|| format!("index out of range: {number}")),
        None if at.go_type() == "<nil>" => Err("cannot index slice/array with nil".to_owned()),
        None => Err(format!("cannot index slice/array with type {}", at.go_type())),
    }
}

fn index(item: &Val, at: &Val) -> Result<Val, String> {
    match item {
        Val::Missing => Err("index of untyped nil".to_owned()),
        Val::Json(Value::Null) => Err("index of nil pointer".to_owned()),
        Val::Json(Value::Array(items)) => match items.get(place(at, items.len())?) {
            Some(value) => Ok(Val::Json(value.clone())),
            None => Err("reflect: slice index out of range".to_owned()),
        },
        Val::Json(Value::String(text)) => match text.as_bytes().get(place(at, text.len())?) {
            Some(byte) => Ok(Val::Int(i64::from(*byte))),
            None => Err("reflect: string index out of range".to_owned()),
        },
        Val::Json(Value::Object(fields)) => match at.as_text() {
            Some(key) => Ok(Val::Json(fields.get(key).cloned().unwrap_or_default())),
            None if at.go_type() == "<nil>" => Err("value is nil; should be of type string".to_owned()),
            None => Err(format!("value has type {}; should be string", at.go_type())),
        },
        other => Err(format!("can't index item of type {}", other.go_type())),
    }
}

/// One step of `exists`.
fn exists(item: Val, at: &Val) -> Option<Val> {
    match (&item, at) {
        (Val::Json(Value::Object(fields)), at) => fields.get(at.as_text()?).cloned().map(Val::Json),
        (Val::Json(Value::Array(items)), at) => items.get(usize::try_from(at.int()?).ok()?).cloned().map(Val::Json),
        _ => None,
    }
}

fn slice(item: &Val, places: &[Val]) -> Result<Val, String> {
    let length = match item {
        Val::Missing => return Err("slice of untyped nil".to_owned()),
        _ if places.len() > 3 => return Err(format!("too many slice indexes: {}", places.len())),
        Val::Json(Value::String(_)) if places.len() == 3 => return Err("cannot 3-index slice a string".to_owned()),
        Val::Json(Value::String(text)) => text.len(),
        Val::Json(Value::Array(items)) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.go_type())),
    };
    let (mut from, mut to) = (0, length);
    for (at, given) in places.iter().enumerate() {
        let place = place(given, length)?;
        match at {
            0 => from = place,
            1 => to = place,
            _ => {}
        }
    }
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match item {
        Val::Json(Value::Array(items)) => Val::Json(Value::Array(items.get(from..to).unwrap_or_default().to_vec())),
        other => {
            let bytes = other.as_text().unwrap_or_default().as_bytes();
            Val::text(String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default()))
        }
    })
}

/// `fmt.Sprint`: a space stands between two values of which neither is text.
fn print(args: &[Val]) -> String {
    let mut out = String::new();
    let mut before_was_text = true;
    for (at, arg) in args.iter().enumerate() {
        let is_text = arg.as_text().is_some();
        if at > 0 && !is_text && !before_was_text {
            out.push(' ');
        }
        out.push_str(&arg.printed());
        before_was_text = is_text;
    }
    out
}

fn escaped(args: &[Val], escape: impl Fn(char) -> Option<String>) -> String {
    let shown: Vec<Val> = args
        .iter()
        .map(|arg| match arg {
            Val::Missing | Val::Json(Value::Null) => Val::text("<no value>"),
            other => other.clone(),
        })
        .collect();
    print(&shown).chars().map(|c| escape(c).unwrap_or_else(|| c.to_string())).collect()
}

fn base64decode(text: &str) -> Result<String, String> {
    let solid: String = text.chars().filter(|c| !['\r', '\n'].contains(c)).collect();
    let letter = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    let body = solid.trim_end_matches('=');
    let wrong = match body.bytes().position(|c| !letter(c)) {
        Some(at) => Some(at),
        None => match (body.len() % 4, solid.len() - body.len()) {
            (0, 0) | (2, 2) | (3, 1) => None,
            // Without the padding, Go names the beginning of the last four letters.
            (some, 0) => Some(body.len() - some),
            (0 | 1, _) => Some(body.len()),
            (2, 1) => Some(solid.len()),
            (2, _) => Some(body.len() + 2),
            _ => Some(body.len() + 1),
        },
    };
    if let Some(at) = wrong {
        return Err(format!("base64 decode failed: illegal base64 data at input byte {at}"));
    }
    // Bits that are left over do not matter to Go.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(&solid).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What two values may be compared as.
#[derive(PartialEq)]
enum Basic {
    Bool,
    Float,
    Int,
    Text,
    Other,
}

fn basic(value: &Val) -> Basic {
    match value {
        Val::Int(_) => Basic::Int,
        Val::Json(Value::Bool(_)) => Basic::Bool,
        Val::Json(Value::Number(number)) if number.is_f64() => Basic::Float,
        Val::Json(Value::Number(_)) => Basic::Int,
        Val::Json(Value::String(_)) => Basic::Text,
        _ => Basic::Other,
    }
}

fn incompatible(a: &Val, b: &Val) -> String {
    format!("incompatible types for comparison: {} and {}", a.go_type(), b.go_type())
}

fn equal(first: &Val, rest: &[Val]) -> Result<bool, String> {
    if rest.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    let nothing = |value: &Val| matches!(value, Val::Missing | Val::Json(Value::Null));
    for other in rest {
        let same = if basic(first) != basic(other) {
            if !nothing(first) && !nothing(other) {
                return Err(incompatible(first, other));
            }
            false
        } else if basic(first) == Basic::Other {
            match (nothing(first), nothing(other)) {
                (true, both) | (both, true) => both,
                _ => return Err(format!("non-comparable type {}: {}", other.printed(), other.go_type())),
            }
        } else {
            first.int().map_or(first == other, |number| other.int() == Some(number))
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

fn order(a: &Val, b: &Val) -> Result<Ordering, String> {
    let kind = basic(a);
    if kind == Basic::Other || basic(b) == Basic::Other {
        return Err("invalid type for comparison".to_owned());
    }
    if kind != basic(b) {
        return Err(incompatible(a, b));
    }
    let float = |value: &Val| match value {
        Val::Json(Value::Number(number)) => number.as_f64().unwrap_or(0.0),
        _ => 0.0,
    };
    match kind {
        Basic::Int => Ok(a.int().cmp(&b.int())),
        Basic::Float => Ok(float(a).total_cmp(&float(b))),
        Basic::Text => Ok(a.as_text().cmp(&b.as_text())),
        _ => Err("invalid type for comparison".to_owned()),
    }
}

fn less(a: &Val, b: &Val) -> Result<bool, String> {
    order(a, b).map(Ordering::is_lt)
}

fn at_most(a: &Val, b: &Val) -> Result<bool, String> {
    order(a, b).map(Ordering::is_le)
}
