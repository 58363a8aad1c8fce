//! The record and its fields: split when asked for, joined when changed.

use regex_lite::Regex;

use super::{FNR, FS, Machine, NF, NR, OFS};
use crate::shell::applets::awk::value::Value;

impl Machine {
    /// Takes in a record of the input.
    pub fn take_record(&mut self, text: String, first_of_file: bool) {
        self.count(first_of_file);
        self.set_record(text);
    }

    /// Takes in the record that `getline` asked for.
    pub fn take_line(&mut self, text: String, first_of_file: bool) {
        self.count(first_of_file);
        self.answer(Ok(Some(text)));
    }

    pub(super) fn count(&mut self, first_of_file: bool) {
        let count = |machine: &Self, slot: usize| machine.globals.get(slot).map_or(0.0, Value::number);
        let (all, here) = (count(self, NR) + 1.0, if first_of_file { 1.0 } else { count(self, FNR) + 1.0 });
        self.put(NR, Value::Number(all));
        self.put(FNR, Value::Number(here));
    }

    pub(super) fn set_record(&mut self, text: String) {
        self.record = text;
        (self.split, self.joined) = (false, true);
    }

    pub(super) fn ensure_split(&mut self) {
        if self.split {
            return;
        }
        self.split = true;
        let separator = self.global_text(FS);
        let parts = split_text(&self.record, &separator);
        self.fields = parts.into_iter().map(Value::Input).collect();
        self.put(NF, Value::Number(self.fields.len() as f64));
    }

    pub(super) fn ensure_joined(&mut self) {
        if self.joined {
            return;
        }
        self.joined = true;
        let separator = self.global_text(OFS);
        let texts: Vec<String> = self.fields.iter().map(|field| self.text(field)).collect();
        self.record = texts.join(&separator);
    }

    pub(super) fn field(&mut self, number: f64) -> Result<Value, String> {
        if number < 0.0 {
            return Err("Access to negative field".to_owned());
        }
        let index = number as usize;
        if index == 0 {
            self.ensure_joined();
            return Ok(Value::Input(self.record.clone()));
        }
        self.ensure_split();
        Ok(self.fields.get(index - 1).cloned().unwrap_or(Value::Unset))
    }

    pub(super) fn set_field(&mut self, number: f64, value: Value) -> Result<(), String> {
        if !(0.0..=10_000.0).contains(&number) {
            return Err("Access to negative field".to_owned());
        }
        let index = number as usize;
        if index == 0 {
            let text = self.text(&value);
            self.set_record(text);
            return Ok(());
        }
        self.ensure_split();
        if self.fields.len() < index {
            self.fields.resize(index, Value::Unset);
            self.put(NF, Value::Number(index as f64));
        }
        if let Some(field) = self.fields.get_mut(index - 1) {
            *field = value;
        }
        self.joined = false;
        Ok(())
    }
}

/// The parts of a text between separators, as fields are made.
pub fn split_text(text: &str, separator: &str) -> Vec<String> {
    if separator == " " {
        return text.split_ascii_whitespace().map(str::to_owned).collect();
    }
    if text.is_empty() {
        return Vec::new();
    }
    let mut chars = separator.chars();
    match (chars.next(), chars.next()) {
        (None, _) => text.chars().map(String::from).collect(),
        (Some(one), None) if one != '\\' => text.split(one).map(str::to_owned).collect(),
        _ => match crate::shell::regex::compile(separator, true, false) {
            Ok(regex) => split_by(text, &regex),
            Err(_) => vec![text.to_owned()],
        },
    }
}

pub(super) fn split_by(text: &str, regex: &Regex) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { regex.split(text).map(str::to_owned).collect() }
}

/// As busybox has it: a start before the text is its beginning, and takes nothing from the length.
pub(super) fn part(text: &str, from: f64, length: Option<f64>) -> String {
    let skip = (from.trunc() - 1.0).max(0.0) as usize;
    let take = length.map_or(usize::MAX, |length| length.trunc().max(0.0) as usize);
    text.chars().skip(skip).take(take).collect()
}
