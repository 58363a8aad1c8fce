//! Functions of texts, and values as texts.
//!
//! Models google/cel-go ext/{strings,formatting}.go and Kubernetes 1.36
//! staging/src/k8s.io/apiserver/pkg/cel/library/regex.go.

use regex_lite::Regex;

use super::value::{NO_OVERLOAD, Outcome, Val, count};
use crate::text::go_number;

/// A regular expression, whole or not at all.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|why| why.to_string())
}

/// What a function of texts gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    if let ("strings.quote", [Val::Str(text)]) = (name, given) {
        return Some(Ok(Val::text(&quoted(text))));
    }
    let [Val::Str(text), rest @ ..] = given else { return None };
    Some(match (name, rest) {
        ("contains", [Val::Str(part)]) => Ok(Val::Bool(text.contains(&**part))),
        ("startsWith", [Val::Str(part)]) => Ok(Val::Bool(text.starts_with(&**part))),
        ("endsWith", [Val::Str(part)]) => Ok(Val::Bool(text.ends_with(&**part))),
        ("matches", [Val::Str(of)]) => match pattern(of) {
            Ok(pattern) => Ok(Val::Bool(pattern.is_match(text))),
            Err(why) => Err(format!("error parsing regexp: {why}")),
        },
        ("find", [Val::Str(of)]) => match pattern(of) {
            Ok(pattern) => Ok(Val::text(pattern.find(text).map_or("", |found| found.as_str()))),
            Err(why) => Err(format!("Illegal regex: {why}")),
        },
        ("findAll", [Val::Str(of), limit @ ..]) => match pattern(of) {
            Ok(pattern) => {
                let most = most(limit.first());
                Ok(texts(pattern.find_iter(text).take(most).map(|found| found.as_str().to_owned())))
            }
            Err(why) => Err(format!("Illegal regex: {why}")),
        },
        ("charAt", [Val::Int(at)]) => {
            let length = text.chars().count();
            match usize::try_from(*at) {
                Ok(at) if at <= length => Ok(Val::text(&text.chars().skip(at).take(1).collect::<String>())),
                _ => Err(format!("index out of range: {at}")),
            }
        }
        ("indexOf", [Val::Str(part)]) => index_of(text, part, 0),
        ("indexOf", [Val::Str(part), Val::Int(from)]) => index_of(text, part, *from),
        ("lastIndexOf", [Val::Str(part)]) => {
            let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            if part.is_empty() { Ok(Val::Int(length)) } else { last_index_of(text, part, length - 1) }
        }
        ("lastIndexOf", [Val::Str(part), Val::Int(from)]) => last_index_of(text, part, *from),
        ("lowerAscii", []) => Ok(Val::text(&text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Val::text(&text.to_ascii_uppercase())),
        ("trim", []) => Ok(Val::text(text.trim())),
        ("replace", [Val::Str(old), Val::Str(new)]) => Ok(Val::text(&text.replace(&**old, new))),
        ("replace", [Val::Str(old), Val::Str(new), limit @ Val::Int(_)]) => {
            Ok(Val::text(&text.replacen(&**old, new, most(Some(limit)))))
        }
        ("split", [Val::Str(by), limit @ ..]) => Ok(split(text, by, most(limit.first()))),
        ("substring", [Val::Int(from)]) => {
            let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            if (0..=length).contains(from) { substring(text, *from, length) } else { out_of_range(*from) }
        }
        ("substring", [Val::Int(from), Val::Int(to)]) => substring(text, *from, *to),
        ("format", [Val::List(list)]) => format(text, &list.items).map(|text| Val::text(&text)),
        _ => return None,
    })
}

fn texts(all: impl Iterator<Item = String>) -> Val {
    Val::list(all.map(|text| Val::text(&text)).collect())
}

/// How many at most; a negative number is no limit.
fn most(limit: Option<&Val>) -> usize {
    match limit {
        Some(Val::Int(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn out_of_range(at: i64) -> Outcome {
    Err(format!("index out of range: {at}"))
}

fn substring(text: &str, from: i64, to: i64) -> Outcome {
    if from > to {
        return Err(format!("invalid substring range. start: {from}, end: {to}"));
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    for at in [from, to] {
        if !(0..=length).contains(&at) {
            return out_of_range(at);
        }
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from).unwrap_or(0));
    Ok(Val::text(&text.chars().skip(skip).take(take).collect::<String>()))
}

fn index_of(text: &str, part: &str, from: i64) -> Outcome {
    if part.is_empty() {
        return Ok(Val::Int(from));
    }
    let Ok(skip) = usize::try_from(from) else { return out_of_range(from) };
    let start = text.char_indices().nth(skip).map(|(at, _)| at);
    let found = start.and_then(|start| text.get(start..)?.find(part).map(|at| start + at));
    let before = found.and_then(|at| text.get(..at)).map(|before| before.chars().count());
    Ok(before.map_or(Val::Int(-1), count))
}

fn last_index_of(text: &str, part: &str, from: i64) -> Outcome {
    if part.is_empty() {
        return Ok(Val::Int(from));
    }
    let Ok(last) = usize::try_from(from) else {
        // Of an empty text there is no last place.
        return if text.is_empty() { Ok(Val::Int(-1)) } else { out_of_range(from) };
    };
    if last >= text.chars().count() {
        return Ok(Val::Int(-1));
    }
    let end = text.char_indices().nth(last).map_or(text.len(), |(at, _)| at);
    let whole = (end + part.len()).min(text.len());
    // The part may begin at the last place and go on behind it.
    let within = (0..=whole).rev().find_map(|end| text.get(..end));
    let found = within.and_then(|within| within.rfind(part)).and_then(|at| text.get(..at));
    Ok(found.map_or(Val::Int(-1), |before| count(before.chars().count())))
}

fn split(text: &str, by: &str, most: usize) -> Val {
    let mut parts: Vec<String> = match (most, by) {
        (0, _) => Vec::new(),
        (_, "") => {
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let (alone, rest) = letters.split_at(letters.len().min(most.saturating_sub(1)));
            let mut parts = alone.to_vec();
            if !rest.is_empty() {
                parts.push(rest.concat());
            }
            if most == usize::MAX { letters } else { parts }
        }
        _ => text.splitn(most, by).map(str::to_owned).collect(),
    };
    Val::list(parts.drain(..).map(|part| Val::text(&part)).collect())
}

/// A value as `string()` and messages show it.
pub(super) fn shown(value: &Val) -> String {
    match value {
        Val::Null => "null".to_owned(),
        Val::Bool(held) => held.to_string(),
        Val::Int(held) => held.to_string(),
        Val::Uint(held) => held.to_string(),
        Val::Double(held) => go_number::format_general(*held),
        Val::Str(text) => text.to_string(),
        Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Val::Duration(held) => format!("{}s", *held as f64 / 1e9),
        Val::Timestamp(at) => at.to_string(),
        Val::Kind(of) => of.to_string(),
        Val::Quantity(held) => held.to_string(),
        Val::Ip(held) => held.to_string(),
        Val::Cidr(held, bits) => format!("{held}/{bits}"),
        Val::Url(held) => held.text.clone(),
        Val::Version(held) => held.to_string(),
        Val::Format(name) => (*name).to_owned(),
        Val::List(list) => {
            let items: Vec<String> = list.items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Val::Map(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", shown(&key.value()), shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Val::Optional(Some(held)) => shown(held),
        Val::Optional(None) => "none".to_owned(),
    }
}

/// A value as `%s` shows it: texts within lists and maps are quoted.
fn formatted(value: &Val, within: bool) -> String {
    match value {
        Val::Str(text) if within => go_number::quote(text),
        Val::List(list) => {
            let items: Vec<String> = list.items.iter().map(|item| formatted(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Val::Map(map) => {
            let pair = |(key, value): (&super::Key, &Val)| {
                format!("{}: {}", formatted(&key.value(), true), formatted(value, true))
            };
            let entries: Vec<String> = map.iter().map(pair).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => shown(other),
    }
}

fn quoted(text: &str) -> String {
    let mut whole = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\u{7}' => whole.push_str("\\a"),
            '\u{8}' => whole.push_str("\\b"),
            '\u{c}' => whole.push_str("\\f"),
            '\n' => whole.push_str("\\n"),
            '\r' => whole.push_str("\\r"),
            '\t' => whole.push_str("\\t"),
            '\u{b}' => whole.push_str("\\v"),
            '\\' => whole.push_str("\\\\"),
            '"' => whole.push_str("\\\""),
            _ => whole.push(letter),
        }
    }
    whole.push('"');
    whole
}

/// `'%s has %d'.format([...])`
fn format(text: &str, arguments: &[Val]) -> Result<String, String> {
    let (mut whole, mut next) = (String::new(), 0);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            whole.push(letter);
            continue;
        }
        if letters.next_if_eq(&'%').is_some() {
            whole.push('%');
            continue;
        }
        let mut precision = None;
        if letters.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = Some(digits.parse::<usize>().map_err(|_| "error while parsing precision")?.min(100));
        }
        let verb = letters.next().ok_or("unexpected end of string")?;
        let value = arguments.get(next).ok_or_else(|| format!("index {next} out of range"))?;
        next += 1;
        whole.push_str(&clause(verb, precision, value)?);
    }
    Ok(whole)
}

fn clause(verb: char, precision: Option<usize>, value: &Val) -> Result<String, String> {
    let wrong = |of: &str| Err(format!("{of} clause can only be used on numbers, was given {}", value.type_of()));
    Ok(match (verb, value) {
        ('s', value) => formatted(value, false),
        ('d', Val::Int(_) | Val::Uint(_)) => shown(value),
        ('d', _) => return wrong("decimal"),
        ('f', Val::Double(held)) => format!("{held:.*}", precision.unwrap_or(6)),
        ('f', Val::Int(held)) => format!("{held}.{}", "0".repeat(precision.unwrap_or(6))),
        ('f', _) => return wrong("fixed-point"),
        ('e', Val::Double(held)) => exponent(*held, precision.unwrap_or(6)),
        ('e', Val::Int(held)) => exponent(*held as f64, precision.unwrap_or(6)),
        ('e', _) => return wrong("scientific"),
        ('b', Val::Bool(held)) => u8::from(*held).to_string(),
        ('b', Val::Int(held)) => format!("{}{:b}", if *held < 0 { "-" } else { "" }, held.unsigned_abs()),
        ('b', Val::Uint(held)) => format!("{held:b}"),
        ('o', Val::Int(held)) => format!("{}{:o}", if *held < 0 { "-" } else { "" }, held.unsigned_abs()),
        ('o', Val::Uint(held)) => format!("{held:o}"),
        ('x' | 'X', value) => {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let text = match value {
                Val::Int(held) => format!("{}{:x}", if *held < 0 { "-" } else { "" }, held.unsigned_abs()),
                Val::Uint(held) => format!("{held:x}"),
                Val::Str(held) => hex(held.as_bytes()),
                Val::Bytes(held) => hex(held),
                _ => return Err(NO_OVERLOAD.to_owned()),
            };
            if verb == 'X' { text.to_uppercase() } else { text }
        }
        ('b' | 'o', _) => return Err(NO_OVERLOAD.to_owned()),
        _ => return Err(format!("could not parse formatting clause: unrecognized formatting clause \"{verb}\"")),
    })
}

/// `1.500000e+00`
fn exponent(held: f64, digits: usize) -> String {
    let text = format!("{held:.digits$e}");
    let Some((mantissa, power)) = text.split_once('e') else { return text };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{mantissa}e{sign}{power:0>2}")
}
