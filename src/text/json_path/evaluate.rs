//! A parsed JSONPath template on a value. Parses nothing; bounded in steps, so no template can hang.
//!
//! Models k8s.io/client-go util/jsonpath/jsonpath.go and its forked template comparisons.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::parse::{Node, Param};
use crate::text::go_value;

/// A template may visit so many values.
const MAX_STEPS: usize = 2_000_000;
/// Ranges may stand in one another so deep.
const MAX_RANGES: usize = 100;

/// Something found.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    Value(Cow<'a, Value>),
    /// What an empty range is run on, to find its end.
    Absent,
}

impl<'a> Item<'a> {
    pub(super) fn into_value(self) -> Option<Cow<'a, Value>> {
        match self {
            Item::Value(value) => Some(value),
            Item::Absent => None,
        }
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Item::Value(value) => Some(value),
            Item::Absent => None,
        }
    }

    /// The parts of a map, list or string; those of borrowed data are borrowed.
    fn children(&self) -> Vec<Item<'a>> {
        match self {
            Item::Absent => Vec::new(),
            Item::Value(Cow::Borrowed(value)) => match value {
                Value::Object(fields) => fields.values().map(borrowed).collect(),
                Value::Array(items) => items.iter().map(borrowed).collect(),
                Value::String(text) => text.bytes().map(|byte| owned(Value::from(byte))).collect(),
                _ => Vec::new(),
            },
            Item::Value(Cow::Owned(value)) => match value {
                Value::Object(fields) => fields.values().cloned().map(owned).collect(),
                Value::Array(items) => items.iter().cloned().map(owned).collect(),
                Value::String(text) => text.bytes().map(|byte| owned(Value::from(byte))).collect(),
                _ => Vec::new(),
            },
        }
    }

    fn field(&self, name: &str) -> Option<Item<'a>> {
        match self {
            Item::Value(Cow::Borrowed(value)) => value.as_object().and_then(|fields| fields.get(name)).map(borrowed),
            Item::Value(Cow::Owned(value)) => value.as_object().and_then(|fields| fields.get(name).cloned()).map(owned),
            Item::Absent => None,
        }
    }
}

fn borrowed(value: &Value) -> Item<'_> {
    Item::Value(Cow::Borrowed(value))
}

fn owned<'a>(value: Value) -> Item<'a> {
    Item::Value(Cow::Owned(value))
}

/// One run of a template.
pub(super) struct Evaluation<'n> {
    nodes: &'n [Node],
    allow_missing_keys: bool,
    begin_range: usize,
    in_range: usize,
    end_range: usize,
    last_end: Option<usize>,
    steps: usize,
}

type Found<'a> = Result<Vec<Item<'a>>, String>;

impl<'n> Evaluation<'n> {
    pub(super) fn new(nodes: &'n [Node], allow_missing_keys: bool) -> Self {
        Self { nodes, allow_missing_keys, begin_range: 0, in_range: 0, end_range: 0, last_end: None, steps: 0 }
    }

    pub(super) fn run<'a>(&mut self, data: &'a Value) -> Result<Vec<Vec<Item<'a>>>, String> {
        self.from(0, &borrowed(data))
    }

    /// Runs the nodes from `start` to the end of the present range.
    fn from<'a>(&mut self, start: usize, data: &Item<'a>) -> Result<Vec<Vec<Item<'a>>>, String> {
        let nodes = self.nodes;
        let mut found = Vec::new();
        let mut at = start;
        while let Some(node) = nodes.get(at) {
            let results = self.walk(vec![data.clone()], node)?;
            if self.end_range > 0 && self.end_range <= self.in_range {
                self.end_range -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.begin_range > 0 {
                self.begin_range -= 1;
                self.in_range += 1;
                if self.in_range > MAX_RANGES {
                    return Err("too many ranges in one another".to_owned());
                }
                if results.is_empty() {
                    self.from(at + 1, &Item::Absent)?;
                }
                for value in &results {
                    found.extend(self.from(at + 1, value)?);
                }
                self.in_range -= 1;
                // Goes on after the end that was met last.
                at = self.last_end.filter(|&end| end > at).unwrap_or(at) + 1;
                continue;
            }
            found.push(results);
            at += 1;
        }
        Ok(found)
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        self.steps += steps + 1;
        if self.steps > MAX_STEPS { Err("the template visits too many values".to_owned()) } else { Ok(()) }
    }

    fn walk<'a>(&mut self, input: Vec<Item<'a>>, node: &Node) -> Found<'a> {
        self.spend(input.len())?;
        let constant = |value: Value| Ok(input.iter().map(|_| owned(value.clone())).collect());
        match node {
            Node::List(nodes) => self.list(input, nodes),
            Node::Text(text) => Ok(vec![owned(Value::String(text.clone()))]),
            Node::Field(name) => self.field(&input, name),
            Node::Array(params) => array(&input, params),
            Node::Filter { left, right, operator } => self.filter(&input, left, right, operator),
            Node::Int(number) => constant(Value::from(*number)),
            Node::Bool(value) => constant(Value::from(*value)),
            Node::Float(number) => constant(Value::from(*number)),
            Node::Wildcard => Ok(input.iter().flat_map(Item::children).collect()),
            Node::Recursive => {
                let mut found = Vec::new();
                for item in &input {
                    self.descend(item, &mut found)?;
                }
                Ok(found)
            }
            Node::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    found.extend(self.list(input.clone(), part)?);
                }
                Ok(found)
            }
            Node::Identifier(word) => match word.as_str() {
                "range" => {
                    self.begin_range += 1;
                    Ok(input)
                }
                "end" if self.in_range > 0 => {
                    self.end_range += 1;
                    Ok(Vec::new())
                }
                "end" => Err("not in range, nothing to end".to_owned()),
                _ => Err(format!("unrecognized identifier {word}")),
            },
        }
    }

    fn list<'a>(&mut self, input: Vec<Item<'a>>, nodes: &[Node]) -> Found<'a> {
        nodes.iter().try_fold(input, |input, node| self.walk(input, node))
    }

    fn field<'a>(&self, input: &[Item<'a>], name: &str) -> Found<'a> {
        let found: Vec<Item<'a>> = input.iter().filter_map(|item| item.field(name)).collect();
        if found.is_empty() && !input.is_empty() && !self.allow_missing_keys {
            return Err(format!("{name} is not found"));
        }
        Ok(found)
    }

    /// Every value that has parts, before its parts.
    fn descend<'a>(&mut self, item: &Item<'a>, found: &mut Vec<Item<'a>>) -> Result<(), String> {
        self.spend(1)?;
        let children = item.children();
        if children.is_empty() {
            return Ok(());
        }
        found.push(item.clone());
        children.iter().try_for_each(|child| self.descend(child, found))
    }

    fn filter<'a>(&mut self, input: &[Item<'a>], left: &[Node], right: &[Node], operator: &str) -> Found<'a> {
        let mut found = Vec::new();
        for item in input {
            if !item.value().is_some_and(Value::is_array) {
                let shown = item.value().map_or("<nil>".to_owned(), go_value::shown);
                return Err(format!("{shown} is not array or slice and cannot be filtered"));
            }
            for element in item.children() {
                let lefts = self.list(vec![element.clone()], left);
                if operator == "exists" {
                    if lefts.is_ok_and(|lefts| !lefts.is_empty()) {
                        found.push(element);
                    }
                    continue;
                }
                let Some(left) = only(lefts?)? else { continue };
                let Some(right) = only(self.list(vec![element.clone()], right)?)? else { continue };
                if compare(&left, &right, operator)? {
                    found.push(element);
                }
            }
        }
        Ok(found)
    }
}

fn only(mut items: Vec<Item<'_>>) -> Result<Option<Value>, String> {
    if items.len() > 1 {
        return Err("can only compare one element at a time".to_owned());
    }
    Ok(items.pop().and_then(Item::into_value).map(Cow::into_owned))
}

fn array<'a>(input: &[Item<'a>], params: &[Param; 3]) -> Found<'a> {
    let mut found = Vec::new();
    for item in input {
        let value = item.value();
        if matches!(value, Some(Value::Null)) {
            continue;
        }
        if !value.is_some_and(Value::is_array) {
            return Err(format!("{} is not array or slice", value.map_or("<nil>", go_value::type_name)));
        }
        let elements = item.children();
        let length = elements.len() as i64;
        let [from, to, step] = params;
        let mut first = if from.known { from.value } else { 0 };
        if first < 0 {
            first = first.saturating_add(length);
        }
        let mut last = if to.known { to.value } else { length };
        if last < 0 || (last == 0 && to.derived) {
            last = last.saturating_add(length);
        }
        if first == last {
            return Ok(found);
        }
        let outside = |index: i64| Err(format!("array index out of bounds: index {index}, length {length}"));
        if first >= length || first < 0 {
            return outside(first);
        }
        if last > length || last < 0 {
            return outside(last - 1);
        }
        if first > last {
            return Err(format!("starting index {first} is greater than ending index {last}"));
        }
        if step.known && step.value <= 0 {
            return Err("step must be > 0".to_owned());
        }
        let step = if step.known { usize::try_from(step.value).unwrap_or(usize::MAX) } else { 1 };
        found.extend(elements.into_iter().take(last as usize).skip(first as usize).step_by(step));
    }
    Ok(found)
}

fn compare(left: &Value, right: &Value, operator: &str) -> Result<bool, String> {
    const WRONG_TYPE: &str = "invalid type for comparison";
    const DIFFERENT_TYPES: &str = "incompatible types for comparison";
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) if matches!(operator, "==" | "!=") => Some(a.cmp(b)),
        (Value::Bool(_), Value::Bool(_)) => return Err(WRONG_TYPE.to_owned()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => compare_numbers(a, b),
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => {
            return Err(WRONG_TYPE.to_owned());
        }
        _ => return Err(DIFFERENT_TYPES.to_owned()),
    };
    let (less, equal) = (order == Some(Ordering::Less), order == Some(Ordering::Equal));
    match operator {
        "<" => Ok(less),
        ">" => Ok(!(less || equal)),
        "==" => Ok(equal),
        "!=" => Ok(!equal),
        "<=" => Ok(less || equal),
        ">=" => Ok(!less),
        _ => Err(format!("unrecognized filter operator {operator}")),
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
