//! Runs an expression that has been checked. What it costs is counted; too much ends it.
//!
//! Models google/cel-go interpreter/{interpretable,runtimecost}.go: `&&` and `||` take no notice of an error when the
//! other side decides. Costs are steps of our own: one for each part, and for texts and lists by their length.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expression::{Expr, Fold, Macro, Node};
use super::value::{Key, NO_OVERLOAD, Outcome, Val};
use super::{CALL_LIMIT, addresses, formats, lists, operators, strings, times};

const TOO_MUCH: &str = "operation cancelled: actual cost limit exceeded";

struct Run<'a> {
    scope: Vec<(&'a str, Val)>,
    steps: u64,
}

/// Runs an expression; gives what came of it and the steps it took.
pub(super) fn run(tree: &Expr, variables: &[(&str, Val)]) -> (Outcome, u64) {
    let mut run = Run { scope: variables.iter().map(|(name, value)| (*name, value.clone())).collect(), steps: 0 };
    let outcome = run.evaluate(tree);
    let outcome = if run.steps > CALL_LIMIT { Err(TOO_MUCH.to_owned()) } else { outcome };
    (outcome, run.steps)
}

/// Conversions of literals are tried when the expression is compiled.
pub(super) fn fold_constants(tree: &Expr) -> Result<(), String> {
    const CONVERSIONS: [&str; 8] = ["int", "uint", "double", "bool", "bytes", "string", "duration", "timestamp"];
    if let Node::Call { name, receiver: None, arguments } = &tree.node
        && let ([Expr { node: Node::Literal(value), .. }], true) =
            (arguments.as_slice(), CONVERSIONS.contains(&name.as_str()))
    {
        operators::call(name, std::slice::from_ref(value)).transpose()?;
    }
    let mut outcome = Ok(());
    tree.each(&mut |part| {
        if outcome.is_ok() {
            outcome = fold_constants(part);
        }
    });
    outcome
}

/// How much there is to look at.
fn weight(value: &Val) -> u64 {
    let size = match value {
        Val::Str(text) => text.len() / 10,
        Val::Bytes(bytes) => bytes.len() / 10,
        Val::List(list) => list.items.len(),
        Val::Map(map) => map.len(),
        _ => 0,
    };
    1 + size as u64
}

impl<'a> Run<'a> {
    fn pay(&mut self, steps: u64) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > CALL_LIMIT { Err(TOO_MUCH.to_owned()) } else { Ok(()) }
    }

    fn evaluate(&mut self, of: &'a Expr) -> Outcome {
        self.pay(1)?;
        match &of.node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Name(name) => self.name(name),
            Node::Select { of, field, optional } => {
                if let Some(known) = named(of, field, *optional) {
                    return Ok(known);
                }
                let whole = self.evaluate(of)?;
                select(whole, field, *optional)
            }
            Node::Has { of, field } => match self.evaluate(of)? {
                Val::Map(map) => Ok(Val::Bool(map.contains_key(&Key::Str(field.as_str().into())))),
                Val::Optional(held) => {
                    Ok(Val::Bool(held.is_some_and(|held| super::value::field(&held, field).is_some())))
                }
                _ => Err(NO_OVERLOAD.to_owned()),
            },
            Node::Call { name, receiver, arguments } => self.call(name, receiver.as_deref(), arguments),
            Node::List(items) => {
                let mut all = Vec::new();
                for (optional, item) in items {
                    all.extend(given(self.evaluate(item)?, *optional));
                }
                Ok(Val::list(all))
            }
            Node::Map(entries) => {
                let mut all = BTreeMap::new();
                for (optional, key, value) in entries {
                    let key = self.evaluate(key)?.key().ok_or("unsupported key type")?;
                    if let Some(value) = given(self.evaluate(value)?, *optional)
                        && all.insert(key.clone(), value).is_some()
                    {
                        return Err(format!("insert failed: key {} already exists", strings::shown(&key.value())));
                    }
                }
                Ok(Val::Map(Arc::new(all)))
            }
            Node::Message(name) => Err(format!("unknown type: {name}")),
            Node::Fold(fold) => self.fold(fold),
            Node::OptionalMap { of, variable, body, flat } => match self.evaluate(of)? {
                Val::Optional(Some(held)) => {
                    self.scope.push((variable, Val::clone(&held)));
                    let made = self.evaluate(body);
                    self.scope.pop();
                    Ok(if *flat { made? } else { Val::some(made?) })
                }
                Val::Optional(None) => Ok(Val::Optional(None)),
                _ => Err(NO_OVERLOAD.to_owned()),
            },
        }
    }

    fn name(&self, name: &str) -> Outcome {
        if let Some((_, held)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return Ok(held.clone());
        }
        match super::functions::named_type(name) {
            Some(super::Type::Kind(Some(of))) => Ok(Val::Kind(super::Type::clone(&of))),
            _ => Err(format!("no such attribute(s): {name}")),
        }
    }

    fn call(&mut self, name: &'a str, receiver: Option<&'a Expr>, arguments: &'a [Expr]) -> Outcome {
        match (name, arguments) {
            ("_&&_", [left, right]) => return self.decide(left, right, false),
            ("_||_", [left, right]) => return self.decide(left, right, true),
            ("_?_:_", [condition, yes, no]) => {
                return match self.evaluate(condition)? {
                    Val::Bool(true) => self.evaluate(yes),
                    Val::Bool(false) => self.evaluate(no),
                    _ => Err(NO_OVERLOAD.to_owned()),
                };
            }
            ("or" | "orValue", [otherwise]) => {
                return match receiver.map(|one| self.evaluate(one)).transpose()? {
                    Some(Val::Optional(Some(held))) if name == "orValue" => Ok(Val::clone(&held)),
                    Some(held @ Val::Optional(Some(_))) => Ok(held),
                    Some(Val::Optional(None)) => self.evaluate(otherwise),
                    _ => Err(NO_OVERLOAD.to_owned()),
                };
            }
            _ => {}
        }
        let mut given = Vec::with_capacity(arguments.len() + 1);
        for one in receiver.into_iter().chain(arguments) {
            let value = self.evaluate(one)?;
            if name != "_[_]" && name != "size" {
                self.pay(weight(&value))?;
            }
            given.push(value);
        }
        let known = [operators::call, strings::call, lists::call, times::call, formats::call, addresses::call];
        let found = known.iter().find_map(|call| call(name, &given));
        let value = found.unwrap_or_else(|| Err(NO_OVERLOAD.to_owned()))?;
        self.pay(weight(&value))?;
        Ok(value)
    }

    /// `&&` and `||`: whichever side decides, decides.
    fn decide(&mut self, left: &'a Expr, right: &'a Expr, by: bool) -> Outcome {
        let first = self.evaluate(left);
        if matches!(first, Ok(Val::Bool(held)) if held == by) {
            return first;
        }
        let second = self.evaluate(right);
        match (first, second) {
            (_, Ok(Val::Bool(held))) if held == by => Ok(Val::Bool(by)),
            (Ok(Val::Bool(_)), Ok(Val::Bool(_))) => Ok(Val::Bool(!by)),
            (Err(why), _) | (_, Err(why)) => Err(why),
            _ => Err(NO_OVERLOAD.to_owned()),
        }
    }

    fn fold(&mut self, fold: &'a Fold) -> Outcome {
        let range = self.evaluate(&fold.range)?;
        self.pay(weight(&range))?;
        let two = fold.variables.len() == 2;
        let entries: Vec<(Val, Val)> = match &range {
            Val::List(list) => {
                list.items.iter().zip(0i64..).map(|(item, place)| (Val::Int(place), item.clone())).collect()
            }
            Val::Map(map) if two => map.iter().map(|(key, value)| (key.value(), value.clone())).collect(),
            Val::Map(map) => map.keys().map(|key| (Val::Null, key.value())).collect(),
            _ => return Err(NO_OVERLOAD.to_owned()),
        };
        let mut state = State::default();
        let outer = self.scope.len();
        for (key, value) in entries {
            match fold.variables.as_slice() {
                [one, two] => self.scope.extend([(one.as_str(), key.clone()), (two.as_str(), value.clone())]),
                [one] => self.scope.push((one, value.clone())),
                _ => {}
            }
            let over = self.step(fold, &mut state, key, value);
            self.scope.truncate(outer);
            if over? {
                break;
            }
        }
        state.result(fold)
    }

    /// One round; `true` when no more can change what comes of it.
    fn step(&mut self, fold: &'a Fold, state: &mut State, key: Val, value: Val) -> Result<bool, String> {
        let asked = fold.condition.as_ref().map(|one| self.evaluate(one));
        if matches!(fold.kind, Macro::All | Macro::Exists) {
            let by = fold.kind == Macro::Exists;
            match asked {
                Some(Ok(Val::Bool(held))) if held == by => state.decided = true,
                Some(Ok(Val::Bool(_))) | None => {}
                Some(Ok(_)) => drop(state.error.get_or_insert_with(|| NO_OVERLOAD.to_owned())),
                Some(Err(why)) if why == TOO_MUCH => return Err(why),
                Some(Err(why)) => drop(state.error.get_or_insert(why)),
            }
            return Ok(state.decided);
        }
        match asked.transpose()? {
            Some(Val::Bool(false)) => return Ok(false),
            Some(Val::Bool(true)) | None => {}
            Some(_) => return Err(NO_OVERLOAD.to_owned()),
        }
        state.count += 1;
        let made = fold.result.as_ref().map(|one| self.evaluate(one)).transpose()?;
        match (fold.kind, made) {
            (Macro::Filter, _) => state.items.push(value),
            (Macro::Map | Macro::TransformList, Some(made)) => state.items.push(made),
            (Macro::SortBy, Some(made)) => {
                state.items.push(value);
                state.keys.push(made);
            }
            (Macro::TransformMap, Some(made)) => {
                let key = key.key().ok_or("unsupported key type")?;
                state.map.insert(key, made);
            }
            (Macro::TransformMapEntry, Some(Val::Map(made))) => {
                for (key, value) in made.iter() {
                    if state.map.insert(key.clone(), value.clone()).is_some() {
                        return Err(format!("insert failed: key {} already exists", strings::shown(&key.value())));
                    }
                }
            }
            _ => {}
        }
        Ok(false)
    }
}

/// What a macro has come to.
#[derive(Default)]
struct State {
    decided: bool,
    error: Option<String>,
    count: usize,
    items: Vec<Val>,
    keys: Vec<Val>,
    map: BTreeMap<Key, Val>,
}

impl State {
    fn result(self, fold: &Fold) -> Outcome {
        Ok(match fold.kind {
            Macro::All | Macro::Exists => match self.error {
                Some(why) if !self.decided => return Err(why),
                _ => Val::Bool(self.decided == (fold.kind == Macro::Exists)),
            },
            Macro::ExistsOne => Val::Bool(self.count == 1),
            Macro::Filter | Macro::Map | Macro::TransformList => Val::list(self.items),
            Macro::SortBy => lists::sorted_by(self.items, &self.keys)?,
            Macro::TransformMap | Macro::TransformMapEntry => Val::Map(Arc::new(self.map)),
        })
    }
}

/// What an element that may be absent puts into a list or map.
fn given(value: Val, optional: bool) -> Option<Val> {
    match value {
        Val::Optional(held) if optional => held.map(|held| Val::clone(&held)),
        value => Some(value),
    }
}

/// A name with dots that is a type: `google.protobuf.Timestamp`.
fn named(of: &Expr, field: &str, optional: bool) -> Option<Val> {
    fn path(of: &Expr) -> Option<String> {
        match &of.node {
            Node::Name(name) => Some(name.clone()),
            Node::Select { of, field, optional: false } => Some(format!("{}.{field}", path(of)?)),
            _ => None,
        }
    }
    // Nearly every path begins with a variable.
    if optional || !matches!(field, "Timestamp" | "Duration" | "IP" | "CIDR" | "Quantity" | "URL" | "Semver") {
        return None;
    }
    match super::functions::named_type(&format!("{}.{field}", path(of)?))? {
        super::Type::Kind(Some(of)) => Some(Val::Kind(super::Type::clone(&of))),
        _ => None,
    }
}

fn select(whole: Val, field: &str, optional: bool) -> Outcome {
    match whole {
        Val::Map(map) => match (map.get(&Key::Str(field.into())), optional) {
            (Some(found), false) => Ok(found.clone()),
            (Some(found), true) => Ok(Val::some(found.clone())),
            (None, true) => Ok(Val::Optional(None)),
            (None, false) => Err(format!("no such key: {field}")),
        },
        Val::Optional(None) => Ok(Val::Optional(None)),
        Val::Optional(Some(held)) => select(Val::clone(&held), field, true),
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}
