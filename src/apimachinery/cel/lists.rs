//! Functions of lists and sets.
//!
//! Models google/cel-go ext/{lists,sets}.go and Kubernetes 1.36
//! staging/src/k8s.io/apiserver/pkg/cel/library/lists.go.

use std::cmp::Ordering;

use super::operators;
use super::strings;
use super::value::{NO_OVERLOAD, Outcome, Val, count};

/// How long a list may get that an expression asks for.
const LONGEST: i64 = 1_000_000;

/// What a function of lists gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    if let ("lists.range", [Val::Int(length)]) = (name, given) {
        return Some(if *length > LONGEST {
            Err(format!("list range {length} is longer than {LONGEST}"))
        } else {
            Ok(Val::list((0..*length).map(Val::Int).collect()))
        });
    }
    let [Val::List(list), rest @ ..] = given else { return None };
    let items = &list.items;
    let optional = |found: Option<&Val>| Ok(found.map_or(Val::Optional(None), |found| Val::some(found.clone())));
    Some(match (name, rest) {
        ("isSorted", []) => {
            let mut pairs = items.iter().zip(items.iter().skip(1));
            Ok(Val::Bool(pairs.all(|(a, b)| a.order(b).is_some_and(|order| order != Ordering::Greater))))
        }
        ("sum", []) => sum(items),
        ("min" | "max", []) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            let best = |best: Val, next: &Val| if next.order(&best) == Some(wanted) { next.clone() } else { best };
            let first = items.first().cloned().ok_or_else(|| format!("{name} called on empty list"));
            first.map(|first| items.iter().fold(first, best))
        }
        ("indexOf", [item]) => Ok(items.iter().position(|held| held == item).map_or(Val::Int(-1), count)),
        ("lastIndexOf", [item]) => Ok(items.iter().rposition(|held| held == item).map_or(Val::Int(-1), count)),
        ("join", []) => join(items, ""),
        ("join", [Val::Str(by)]) => join(items, by),
        ("slice", [Val::Int(from), Val::Int(to)]) => slice(items, *from, *to),
        ("flatten", []) => Ok(Val::list(flat(items, 1))),
        ("flatten", [Val::Int(levels)]) if *levels < 0 => Err("level must be non-negative".to_owned()),
        ("flatten", [Val::Int(levels)]) => Ok(Val::list(flat(items, *levels))),
        ("sort", []) => sorted_by(items.clone(), items),
        ("reverse", []) => Ok(Val::list(items.iter().rev().cloned().collect())),
        ("distinct", []) => {
            let mut kept: Vec<Val> = Vec::new();
            items.iter().for_each(|item| {
                if !kept.contains(item) {
                    kept.push(item.clone())
                }
            });
            Ok(Val::list(kept))
        }
        ("first", []) => optional(items.first()),
        ("last", []) => optional(items.last()),
        ("unwrapOpt" | "optional.unwrap", []) => {
            let held = |item: &Val| match item {
                Val::Optional(held) => held.as_ref().map(|held| Val::clone(held)),
                other => Some(other.clone()),
            };
            Ok(Val::list(items.iter().filter_map(held).collect()))
        }
        ("sets.contains", [Val::List(part)]) => Ok(Val::Bool(part.items.iter().all(|item| items.contains(item)))),
        ("sets.intersects", [Val::List(other)]) => Ok(Val::Bool(other.items.iter().any(|item| items.contains(item)))),
        ("sets.equivalent", [Val::List(other)]) => {
            let both = other.items.iter().all(|item| items.contains(item));
            Ok(Val::Bool(both && items.iter().all(|item| other.items.contains(item))))
        }
        _ => return None,
    })
}

fn sum(items: &[Val]) -> Outcome {
    let Some((first, rest)) = items.split_first() else { return Ok(Val::Int(0)) };
    rest.iter().try_fold(first.clone(), |total, next| {
        operators::call("_+_", &[total, next.clone()]).unwrap_or_else(|| Err(NO_OVERLOAD.to_owned()))
    })
}

fn join(items: &[Val], by: &str) -> Outcome {
    let mut texts = Vec::new();
    for item in items {
        match item {
            Val::Str(text) => texts.push(&**text),
            other => return Err(format!("join: invalid input: {}", strings::shown(other))),
        }
    }
    Ok(Val::text(&texts.join(by)))
}

fn slice(items: &[Val], from: i64, to: i64) -> Outcome {
    let what = format!("cannot slice({from}, {to})");
    if from < 0 || to < 0 {
        return Err(format!("{what}, negative indexes not supported"));
    }
    if from > to {
        return Err(format!("{what}, start index must be less than or equal to end index"));
    }
    let range = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
    let found = items.get(range).ok_or_else(|| format!("{what}, list is length {}", items.len()))?;
    Ok(Val::list(found.to_vec()))
}

fn flat(items: &[Val], levels: i64) -> Vec<Val> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Val::List(inner) if levels > 0 => all.extend(flat(&inner.items, levels - 1)),
            other => all.push(other.clone()),
        }
    }
    all
}

/// The items in the order of their keys.
pub(super) fn sorted_by(items: Vec<Val>, keys: &[Val]) -> Outcome {
    if keys.iter().any(|key| keys.first().is_some_and(|first| first.order(key).is_none())) {
        return Err("list elements must have the same type".to_owned());
    }
    let mut pairs: Vec<(Val, &Val)> = items.into_iter().zip(keys).collect();
    pairs.sort_by(|(_, a), (_, b)| a.order(b).unwrap_or(Ordering::Equal));
    Ok(Val::list(pairs.into_iter().map(|(item, _)| item).collect()))
}
