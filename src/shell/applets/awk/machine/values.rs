//! Variables, elements and the stack.

use std::collections::BTreeMap;

use super::{CONVFMT, Machine, NF};
use crate::shell::applets::awk::compile::{Array, Place};
use crate::shell::applets::awk::value::Value;

impl Machine {
    /// Sets a variable by name, as `-v` does.
    pub fn assign(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.program.names.get(name).copied() {
            self.set_global(slot, value);
        }
    }

    /// Sets an element of an array by name.
    pub fn element(&mut self, array: &str, key: &str, value: Value) {
        if let Some(slot) = self.program.names.get(array).copied() {
            let array = self.array(Array::Global(slot));
            self.insert(array, key.to_owned(), value);
        }
    }

    pub(super) fn global_text(&self, slot: usize) -> String {
        self.globals.get(slot).map(|value| value.text("%.6g")).unwrap_or_default()
    }

    pub(super) fn convfmt(&self) -> String {
        self.global_text(CONVFMT)
    }

    pub(super) fn text(&self, value: &Value) -> String {
        match value {
            Value::Number(number) if number.fract() != 0.0 => value.text(&self.convfmt()),
            other => other.text("%.6g"),
        }
    }

    pub(super) fn set_global(&mut self, slot: usize, value: Value) {
        if slot == NF {
            self.ensure_split();
            self.fields.resize((value.number().max(0.0) as usize).min(10_000), Value::Unset);
            self.joined = false;
        }
        self.put(slot, value);
    }

    pub(super) fn locals(&mut self) -> Option<&mut Vec<Value>> {
        self.frames.last_mut().map(|frame| &mut frame.locals)
    }

    /// The number of an array, made when there is none yet.
    pub(super) fn array(&mut self, array: Array) -> usize {
        let held = match array {
            Array::Global(slot) => self.globals.get(slot),
            Array::Local(slot) => self.frames.last().and_then(|frame| frame.locals.get(slot)),
        };
        match held {
            Some(Value::Array(number)) => return *number,
            Some(Value::Open(slot)) => {
                let number = self.array(Array::Global(*slot));
                if let Array::Local(local) = array
                    && let Some(value) = self.locals().and_then(|locals| locals.get_mut(local))
                {
                    *value = Value::Array(number);
                }
                return number;
            }
            _ => {}
        }
        self.arrays.push(BTreeMap::new());
        let number = self.arrays.len() - 1;
        match array {
            Array::Global(slot) => self.put(slot, Value::Array(number)),
            Array::Local(slot) => {
                if let Some(value) = self.locals().and_then(|locals| locals.get_mut(slot)) {
                    *value = Value::Array(number);
                }
            }
        }
        number
    }

    pub(super) fn insert(&mut self, array: usize, key: String, value: Value) {
        self.inserted += 1;
        let sequence = self.inserted;
        self.held += 64 + key.len() as u64;
        if let Some(array) = self.arrays.get_mut(array) {
            match array.get_mut(&key) {
                Some(held) => held.0 = value,
                None => drop(array.insert(key, (value, sequence))),
            }
        }
    }

    pub(super) fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::Unset)
    }

    pub(super) fn key_of(&mut self, place: Place) -> Option<Value> {
        matches!(place, Place::Field | Place::Element(_)).then(|| self.pop())
    }

    pub(super) fn load(&mut self, place: Place, key: Option<&Value>) -> Result<Value, String> {
        Ok(match place {
            Place::Global(slot) => {
                if slot == NF {
                    self.ensure_split();
                }
                self.globals.get(slot).cloned().unwrap_or(Value::Unset)
            }
            Place::Local(slot) => {
                let held = self.frames.last().and_then(|frame| frame.locals.get(slot));
                held.cloned().unwrap_or(Value::Unset)
            }
            Place::Field => self.field(key.map_or(0.0, Value::number))?,
            Place::Element(array) => {
                let key = key.map(|key| self.text(key)).unwrap_or_default();
                let number = self.array(array);
                let held = self.arrays.get(number).and_then(|array| array.get(&key)).map(|(value, _)| value.clone());
                match held {
                    Some(value) => value,
                    None => {
                        self.insert(number, key, Value::Unset);
                        Value::Unset
                    }
                }
            }
        })
    }

    pub(super) fn store(&mut self, place: Place, key: Option<Value>, value: Value) {
        if let Value::Text(text) = &value {
            self.held = self.held.max(text.len() as u64);
        }
        match place {
            Place::Global(slot) => self.set_global(slot, value),
            Place::Local(slot) => {
                if let Some(held) = self.locals().and_then(|locals| locals.get_mut(slot)) {
                    *held = value;
                }
            }
            Place::Field => {
                let _ = self.set_field(key.map_or(0.0, |key| key.number()), value);
            }
            Place::Element(array) => {
                let key = key.map(|key| self.text(&key)).unwrap_or_default();
                let array = self.array(array);
                self.insert(array, key, value);
            }
        }
    }
}

/// The keys in the order of busybox' hash table, since that is what people have seen.
pub(super) fn walk_order(array: &BTreeMap<String, (Value, u64)>) -> Vec<String> {
    let sizes = [31_u32, 251, 1021, 4093];
    let size = sizes.into_iter().find(|size| array.len() / (*size as usize) <= 10).unwrap_or(4093);
    let bucket = |key: &str| {
        let hash =
            key.bytes().fold(0_u32, |hash, byte| u32::from(byte).wrapping_add(hash << 6).wrapping_add(hash >> 26));
        hash % size
    };
    let mut keys: Vec<(u32, std::cmp::Reverse<u64>, &String)> =
        array.iter().map(|(key, (_, sequence))| (bucket(key), std::cmp::Reverse(*sequence), key)).collect();
    keys.sort();
    keys.into_iter().map(|(.., key)| key.clone()).collect()
}
