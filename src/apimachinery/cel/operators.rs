//! Operators, conversions, types and optionals.
//!
//! Models google/cel-go common/types (overflow.go, int.go, double.go, string.go) and cel/library.go.

use std::cmp::Ordering;

use super::value::{List, NO_OVERLOAD, Outcome, Val, count};
use super::{strings, times};
use crate::text::duration::parse_go_duration;

/// What an operator or conversion gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    Some(match (name, given) {
        ("_==_", [a, b]) => Ok(Val::Bool(a == b)),
        ("_!=_", [a, b]) => Ok(Val::Bool(a != b)),
        ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) => compare(name, a, b),
        ("!_", [Val::Bool(held)]) => Ok(Val::Bool(!held)),
        ("-_", [Val::Int(held)]) => held.checked_neg().map(Val::Int).ok_or_else(overflow),
        ("-_", [Val::Double(held)]) => Ok(Val::Double(-held)),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [a, b]) => arithmetic(name, a, b),
        ("@in", [item, Val::List(list)]) => Ok(Val::Bool(list.items.contains(item))),
        ("@in", [item, Val::Map(map)]) => Ok(Val::Bool(item.key().is_some_and(|key| map.contains_key(&key)))),
        ("_[_]", [Val::Optional(held), index]) | ("_[?_]", [Val::Optional(held), index]) => {
            let found = held.as_ref().map(|held| element(held, index)).transpose();
            found.map(|found| found.flatten().map_or(Val::Optional(None), Val::some))
        }
        ("_[?_]", [whole, index]) => element(whole, index).map(|found| found.map_or(Val::Optional(None), Val::some)),
        ("_[_]", [whole, index]) => element(whole, index).and_then(|found| {
            found.ok_or_else(|| match whole {
                Val::List(_) => format!("index out of bounds: {}", strings::shown(index)),
                _ => format!("no such key: {}", strings::shown(index)),
            })
        }),
        ("size", [whole]) => match whole {
            Val::Str(text) => Ok(count(text.chars().count())),
            Val::Bytes(bytes) => Ok(count(bytes.len())),
            Val::List(list) => Ok(count(list.items.len())),
            Val::Map(map) => Ok(count(map.len())),
            _ => Err(NO_OVERLOAD.to_owned()),
        },
        ("type", [value]) => Ok(Val::Kind(value.type_of())),
        ("dyn", [value]) => Ok(value.clone()),
        ("int" | "uint" | "double" | "bool" | "bytes" | "string" | "duration" | "timestamp", [value]) => {
            convert(name, value)
        }
        ("optional.of", [value]) => Ok(Val::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) if value.is_zero() => Ok(Val::Optional(None)),
        ("optional.ofNonZeroValue", [value]) => Ok(Val::some(value.clone())),
        ("optional.none", []) => Ok(Val::Optional(None)),
        ("hasValue", [Val::Optional(held)]) => Ok(Val::Bool(held.is_some())),
        ("value", [Val::Optional(Some(held))]) => Ok(Val::clone(held)),
        ("value", [Val::Optional(None)]) => Err("optional.none() dereference".to_owned()),
        _ => return None,
    })
}

/// The element of a list or a map; `None` where there is none.
pub(super) fn element(whole: &Val, index: &Val) -> Result<Option<Val>, String> {
    match whole {
        Val::List(list) => {
            let List { items, .. } = &**list;
            let place = match index {
                Val::Int(place) => usize::try_from(*place).ok(),
                Val::Uint(place) => usize::try_from(*place).ok(),
                Val::Double(place) if place.fract() == 0.0 && *place >= 0.0 => Some(*place as usize),
                _ => return Err(NO_OVERLOAD.to_owned()),
            };
            Ok(place.and_then(|place| items.get(place)).cloned())
        }
        Val::Map(map) => Ok(index.key().and_then(|key| map.get(&key)).cloned()),
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

fn overflow() -> String {
    "integer overflow".to_owned()
}

fn compare(name: &str, a: &Val, b: &Val) -> Outcome {
    let Some(order) = a.order(b) else {
        let numbers =
            matches!((a, b), (Val::Double(_), Val::Double(_) | Val::Int(_) | Val::Uint(_)) | (_, Val::Double(_)));
        return Err(if numbers { "NaN values cannot be ordered".to_owned() } else { NO_OVERLOAD.to_owned() });
    };
    Ok(Val::Bool(match name {
        "_<_" => order == Ordering::Less,
        "_<=_" => order != Ordering::Greater,
        "_>_" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn arithmetic(name: &str, a: &Val, b: &Val) -> Outcome {
    match (a, b) {
        (Val::Int(_) | Val::Uint(_), Val::Int(0) | Val::Uint(0)) if name == "_/_" => Err("division by zero".to_owned()),
        (Val::Int(_) | Val::Uint(_), Val::Int(0) | Val::Uint(0)) if name == "_%_" => Err("modulus by zero".to_owned()),
        (Val::Int(a), Val::Int(b)) => {
            let found = match name {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            found.map(Val::Int).ok_or_else(overflow)
        }
        (Val::Uint(a), Val::Uint(b)) => {
            let found = match name {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            found.map(Val::Uint).ok_or_else(|| "unsigned integer overflow".to_owned())
        }
        (Val::Double(a), Val::Double(b)) => match name {
            "_+_" => Ok(Val::Double(a + b)),
            "_-_" => Ok(Val::Double(a - b)),
            "_*_" => Ok(Val::Double(a * b)),
            "_/_" => Ok(Val::Double(a / b)),
            _ => Err(NO_OVERLOAD.to_owned()),
        },
        (Val::Str(a), Val::Str(b)) if name == "_+_" => Ok(Val::text(&format!("{a}{b}"))),
        (Val::Bytes(a), Val::Bytes(b)) if name == "_+_" => Ok(Val::Bytes([a.as_ref(), b.as_ref()].concat().into())),
        (Val::List(a), Val::List(b)) if name == "_+_" => Ok(Val::List(a.plus(b).into())),
        _ => times::arithmetic(name, a, b),
    }
}

fn convert(name: &str, value: &Val) -> Outcome {
    let wrong = |from: &str| Err(format!("type conversion error from '{from}' to '{name}'"));
    Ok(match (name, value) {
        ("int", Val::Int(_))
        | ("uint", Val::Uint(_))
        | ("double", Val::Double(_))
        | ("bool", Val::Bool(_))
        | ("bytes", Val::Bytes(_))
        | ("string", Val::Str(_))
        | ("duration", Val::Duration(_))
        | ("timestamp", Val::Timestamp(_)) => value.clone(),
        ("int", Val::Uint(held)) => Val::Int(i64::try_from(*held).map_err(|_| overflow())?),
        ("int", Val::Double(held)) if held.abs() < 9.223_372_036_854_775e18 => Val::Int(*held as i64),
        ("int", Val::Double(_)) => return Err(overflow()),
        ("int", Val::Duration(held)) => Val::Int(*held),
        ("int", Val::Timestamp(held)) => Val::Int(held.as_second()),
        ("int", Val::Str(text)) => match text.parse() {
            Ok(number) => Val::Int(number),
            Err(_) => return wrong("string"),
        },
        ("uint", Val::Int(held)) => Val::Uint(u64::try_from(*held).map_err(|_| "unsigned integer overflow")?),
        ("uint", Val::Double(held)) if *held >= 0.0 && *held < 1.844_674_407_370_955e19 => Val::Uint(*held as u64),
        ("uint", Val::Double(_)) => return Err("unsigned integer overflow".to_owned()),
        ("uint", Val::Str(text)) => match text.parse() {
            Ok(number) => Val::Uint(number),
            Err(_) => return wrong("string"),
        },
        ("double", Val::Int(held)) => Val::Double(*held as f64),
        ("double", Val::Uint(held)) => Val::Double(*held as f64),
        ("double", Val::Str(text)) => match text.parse() {
            Ok(number) => Val::Double(number),
            Err(_) => return wrong("string"),
        },
        ("bool", Val::Str(text)) => match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Val::Bool(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Val::Bool(false),
            _ => return wrong("string"),
        },
        ("bytes", Val::Str(text)) => Val::Bytes(text.as_bytes().into()),
        ("string", Val::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Val::text(text),
            Err(_) => return Err("invalid UTF-8 in bytes, cannot convert to string".to_owned()),
        },
        ("string", Val::List(_) | Val::Map(_) | Val::Null | Val::Optional(_) | Val::Kind(_)) => {
            return Err(NO_OVERLOAD.to_owned());
        }
        ("string", other) => Val::text(&strings::shown(other)),
        ("duration", Val::Str(text)) => match parse_go_duration(text) {
            Ok(length) => Val::Duration(length),
            Err(_) => return Err("type conversion error from 'string' to 'google.protobuf.Duration'".to_owned()),
        },
        ("duration", Val::Int(held)) => Val::Duration(*held),
        ("timestamp", Val::Str(text)) => match times::timestamp(text) {
            Ok(moment) => Val::Timestamp(moment),
            Err(()) => return Err("type conversion error from 'string' to 'google.protobuf.Timestamp'".to_owned()),
        },
        ("timestamp", Val::Int(held)) => match jiff::Timestamp::from_second(*held) {
            Ok(moment) => Val::Timestamp(moment),
            Err(_) => return Err("timestamp overflow".to_owned()),
        },
        _ => return Err(NO_OVERLOAD.to_owned()),
    })
}
