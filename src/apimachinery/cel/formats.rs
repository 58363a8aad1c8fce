//! Amounts, versions, and the formats that have names.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel/library/{quantity,semverlib,format}.go.

use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine;

use super::times;
use super::url::Url;
use super::value::{Outcome, Val};
use super::version::Version;
use crate::apimachinery::content;
use crate::apimachinery::quantity::{Format, Quantity};

/// What a function of amounts, versions and formats gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    Some(match given {
        [Val::Quantity(held), rest @ ..] => return amount(name, held, rest),
        [Val::Version(held), rest @ ..] => return version(name, held, rest),
        [Val::Format(format), Val::Str(text)] if name == "validate" => {
            let wrong = faults(format, text);
            Ok(if wrong.is_empty() {
                Val::Optional(None)
            } else {
                Val::some(Val::list(wrong.iter().map(|why| Val::text(why)).collect()))
            })
        }
        [Val::Str(text), rest @ ..] => {
            let loose = matches!(rest, [Val::Bool(true)]);
            let parsed = || if loose { Version::normalized(text) } else { Version::parse(text) };
            match name {
                "quantity" => Quantity::parse(text).map(Val::Quantity).map_err(str::to_owned),
                "isQuantity" => Ok(Val::Bool(Quantity::parse(text).is_ok())),
                "semver" => parsed().map(|version| Val::Version(Arc::new(version))),
                "isSemver" => Ok(Val::Bool(parsed().is_ok())),
                "format.named" => {
                    let known = FORMATS.iter().find(|known| **known == &**text);
                    Ok(known.map_or(Val::Optional(None), |known| Val::some(Val::Format(known))))
                }
                _ => return None,
            }
        }
        [] => {
            let format = name.strip_prefix("format.")?;
            Ok(Val::Format(FORMATS.iter().find(|known| **known == format)?))
        }
        _ => return None,
    })
}

fn compared(name: &str, order: Ordering) -> Option<Val> {
    Some(match name {
        "isGreaterThan" => Val::Bool(order == Ordering::Greater),
        "isLessThan" => Val::Bool(order == Ordering::Less),
        "compareTo" => Val::Int(order as i64),
        _ => return None,
    })
}

fn amount(name: &str, held: &Quantity, rest: &[Val]) -> Option<Outcome> {
    let whole = |number: &i64| Quantity::new(*number, Format::DecimalSi);
    let is_whole = held.milli_value() % 1000 == 0 && Quantity::new(held.value(), Format::DecimalSi) == *held;
    Some(Ok(match (name, rest) {
        ("sign", []) => Val::Int(held.sign().into()),
        ("asApproximateFloat", []) => Val::Double(held.as_f64()),
        ("isInteger", []) => Val::Bool(is_whole),
        ("asInteger", []) if is_whole => Val::Int(held.value()),
        ("asInteger", []) => return Some(Err("cannot convert value to integer".to_owned())),
        ("add", [Val::Quantity(other)]) => Val::Quantity(held.plus(other)),
        ("add", [Val::Int(other)]) => Val::Quantity(held.plus(&whole(other))),
        ("sub", [Val::Quantity(other)]) => Val::Quantity(held.minus(other)),
        ("sub", [Val::Int(other)]) => Val::Quantity(held.minus(&whole(other))),
        (_, [Val::Quantity(other)]) => compared(name, held.cmp(other))?,
        _ => return None,
    }))
}

fn version(name: &str, held: &Version, rest: &[Val]) -> Option<Outcome> {
    let [major, minor, patch] = held.numbers;
    let number = |held: u64| Val::Int(i64::try_from(held).unwrap_or(i64::MAX));
    Some(Ok(match (name, rest) {
        ("major", []) => number(major),
        ("minor", []) => number(minor),
        ("patch", []) => number(patch),
        (_, [Val::Version(other)]) => compared(name, held.order(other))?,
        _ => return None,
    }))
}

const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// What keeps a text from having a format.
fn faults(format: &str, text: &str) -> Vec<String> {
    // A name to which something is added may end in a dash.
    let (format, text) = match format.strip_suffix("Prefix") {
        Some(format) if text.ends_with('-') => (format, format!("{}a", text.trim_end_matches('-'))),
        Some(format) => (format, text.to_owned()),
        None => (format, text.to_owned()),
    };
    let or = |fits: bool, why: &str| if fits { Vec::new() } else { vec![why.to_owned()] };
    match format {
        "dns1123Label" => content::dns1123_label(&text),
        "dns1123Subdomain" => content::dns1123_subdomain(&text),
        "dns1035Label" => content::dns1035_label(&text),
        "qualifiedName" => content::label_key(&text),
        "labelValue" => content::label_value(&text),
        "uri" => Url::parse(&text).err().into_iter().collect(),
        "uuid" => or(is_uuid(&text), "does not match the UUID format"),
        "byte" => or(base64::engine::general_purpose::STANDARD.decode(&text).is_ok(), "invalid base64"),
        "date" => or(text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(), "invalid date"),
        _ => or(times::timestamp(&text).is_ok(), "invalid datetime"),
    }
}

fn is_uuid(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|letter| *letter != '-').collect();
    let dashes = text.char_indices().filter(|(_, letter)| *letter == '-').map(|(at, _)| at);
    let placed = dashes.collect::<Vec<_>>();
    digits.len() == 32 && digits.iter().all(char::is_ascii_hexdigit) && (placed.is_empty() || placed == [8, 13, 18, 23])
}
