//! The functions that awk has built in.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::records::{part, split_by, split_text};
use super::{FS, Machine, RLENGTH, RSTART};
use crate::shell::applets::awk::compile::{Array, Place};
use crate::shell::applets::awk::value::{Value, sprintf};

impl Machine {
    pub(super) fn regex(&self, value: &Value) -> Result<Regex, String> {
        if let Value::Pattern(number) = value
            && let Some(regex) = self.program.regexes.get(*number)
        {
            return Ok(regex.clone());
        }
        crate::shell::regex::compile(&self.text(value), true, false)
    }

    pub(super) fn substitute(&mut self, place: Place, all: bool) -> Result<(), String> {
        let key = self.key_of(place);
        let (replacement, pattern) = (self.pop(), self.pop());
        let (regex, replacement) = (self.regex(&pattern)?, self.text(&replacement));
        let held = self.load(place, key.as_ref())?;
        let text = self.text(&held);
        let (mut out, mut at, mut count) = (String::new(), 0, 0_u32);
        for found in regex.find_iter(&text) {
            // Nothing right after a match is not another one.
            if found.is_empty() && count > 0 && found.start() == at && at > 0 {
                continue;
            }
            out.push_str(text.get(at..found.start()).unwrap_or_default());
            replaced(&replacement, found.as_str(), &mut out);
            at = found.end();
            count += 1;
            if !all {
                break;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        if count > 0 {
            self.store(place, key, Value::Text(out));
        }
        self.stack.push(Value::Number(f64::from(count)));
        Ok(())
    }

    pub(super) fn function(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let text = |index: usize| arguments.get(index).map(|value| self.text(value)).unwrap_or_default();
        let number = |index: usize| arguments.get(index).map_or(0.0, Value::number);
        Ok(match name {
            "length" => match arguments.first() {
                Some(Value::Array(array)) => Value::Number(self.arrays.get(*array).map_or(0, BTreeMap::len) as f64),
                Some(_) => Value::Number(text(0).chars().count() as f64),
                None => {
                    self.ensure_joined();
                    Value::Number(self.record.chars().count() as f64)
                }
            },
            "substr" => Value::Text(part(&text(0), number(1), arguments.get(2).map(Value::number))),
            "index" => {
                let (within, wanted) = (text(0), text(1));
                let found = within.find(&wanted).map_or(0, |at| within.get(..at).unwrap_or("").chars().count() + 1);
                Value::Number(found as f64)
            }
            "split" => return self.split_into(arguments),
            "match" => {
                let within = text(0);
                let found = self.regex(arguments.get(1).unwrap_or(&Value::Unset))?.find(&within).map(|found| {
                    let start = within.get(..found.start()).unwrap_or("").chars().count() + 1;
                    (start as f64, found.as_str().chars().count() as f64)
                });
                let (start, length) = found.unwrap_or((0.0, -1.0));
                self.put(RSTART, Value::Number(start));
                self.put(RLENGTH, Value::Number(length));
                Value::Number(start)
            }
            "sprintf" => {
                let format = text(0);
                Value::Text(sprintf(&format, arguments.get(1..).unwrap_or_default(), &self.convfmt()))
            }
            "sin" => Value::Number(number(0).sin()),
            "cos" => Value::Number(number(0).cos()),
            "atan2" => Value::Number(number(0).atan2(number(1))),
            "exp" => Value::Number(number(0).exp()),
            "log" => Value::Number(number(0).ln()),
            "sqrt" => Value::Number(number(0).sqrt()),
            "int" => Value::Number(number(0).trunc()),
            "rand" => {
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                Value::Number((self.random >> 11) as f64 / (1_u64 << 53) as f64)
            }
            "srand" => {
                let before = self.seed;
                self.seed = number(0) as u64;
                self.random = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                Value::Number(before as f64)
            }
            "tolower" => Value::Text(text(0).to_lowercase()),
            "toupper" => Value::Text(text(0).to_uppercase()),
            "close" | "fflush" => Value::Number(0.0),
            other => return Err(format!("{other}() is not available here")),
        })
    }

    pub(super) fn split_into(&mut self, arguments: &[Value]) -> Result<Value, String> {
        let text = arguments.first().map(|value| self.text(value)).unwrap_or_default();
        let array = match arguments.get(1) {
            Some(Value::Array(number)) => *number,
            Some(Value::Open(slot)) => self.array(Array::Global(*slot)),
            _ => return Err("Not an array".to_owned()),
        };
        let parts = match arguments.get(2) {
            Some(Value::Pattern(number)) => {
                let regex = self.program.regexes.get(*number).cloned();
                regex.map(|regex| split_by(&text, &regex)).unwrap_or_default()
            }
            Some(other) => split_text(&text, &self.text(other)),
            None => split_text(&text, &self.global_text(FS)),
        };
        if let Some(array) = self.arrays.get_mut(array) {
            array.clear();
        }
        let count = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            self.insert(array, (index + 1).to_string(), Value::Input(part));
        }
        Ok(Value::Number(count as f64))
    }
}

/// A replacement: `&` is what was found.
pub(super) fn replaced(replacement: &str, found: &str, out: &mut String) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|c| matches!(c, '&' | '\\')) => out.extend(chars.next()),
            '&' => out.push_str(found),
            c => out.push(c),
        }
    }
}
