//! One step after another: jumps, calls, sums.

use super::values::walk_order;
use super::{DEPTH, Frame, Machine, OFMT, OFS, ORS, STACK, SUBSEP, Step, Want};
use crate::shell::applets::awk::compile::{Array, Op, Place, Program, SPECIAL, Target};
use crate::shell::applets::awk::value::{Value, sprintf};

impl Machine {
    /// Runs at most so many steps.
    pub fn run(&mut self, steps: u64) -> Want {
        for _ in 0..steps {
            match self.step() {
                Ok(None) => {}
                Ok(Some(want)) => return want,
                Err(text) => return Want::Fail(text),
            }
        }
        Want::More
    }

    pub(super) fn step(&mut self) -> Step {
        let program = std::sync::Arc::clone(&self.program);
        let Some(op) = program.ops.get(self.pc) else { return Ok(Some(Want::Done)) };
        self.pc += 1;
        if self.stack.len() > STACK {
            return Err("out of memory".to_owned());
        }
        match op {
            Op::Number(number) => self.stack.push(Value::Number(*number)),
            Op::Text(text) => self.stack.push(Value::Text(text.clone())),
            Op::Pattern(regex) => self.stack.push(Value::Pattern(*regex)),
            Op::Matches(regex) => {
                self.ensure_joined();
                let found = program.regexes.get(*regex).is_some_and(|regex| regex.is_match(&self.record));
                self.push_truth(found);
            }
            Op::Get(place) => {
                let key = self.key_of(*place);
                let value = self.load(*place, key.as_ref())?;
                self.stack.push(value);
            }
            Op::Set(place) => {
                let value = self.pop();
                let key = self.key_of(*place);
                self.store(*place, key, value.clone());
                self.stack.push(value);
            }
            Op::Step(place, delta, after) => {
                let key = self.key_of(*place);
                let before = self.load(*place, key.as_ref())?.number();
                self.store(*place, key, Value::Number(before + delta));
                self.stack.push(Value::Number(if *after { before + delta } else { before }));
            }
            Op::Change(place, operator) => {
                let right = self.pop();
                let key = self.key_of(*place);
                let left = self.load(*place, key.as_ref())?;
                let value = self.binary(*operator, &left, &right)?;
                self.store(*place, key, value.clone());
                self.stack.push(value);
            }
            Op::Binary(operator) => {
                let (right, left) = (self.pop(), self.pop());
                let value = self.binary(*operator, &left, &right)?;
                self.stack.push(value);
            }
            Op::Compare(sign) => {
                let (right, left) = (self.pop(), self.pop());
                let found = self.compare(sign, &left, &right);
                self.push_truth(found);
            }
            Op::Tilde(negated) => {
                let (pattern, text) = (self.pop(), self.pop());
                let text = self.text(&text);
                let found = self.regex(&pattern)?.is_match(&text);
                self.push_truth(found != *negated);
            }
            Op::Not => {
                let value = self.pop();
                self.push_truth(!value.truth());
            }
            Op::Truth => {
                let value = self.pop();
                self.push_truth(value.truth());
            }
            Op::Minus => {
                let value = self.pop().number();
                self.stack.push(Value::Number(-value));
            }
            Op::Plus => {
                let value = self.pop().number();
                self.stack.push(Value::Number(value));
            }
            Op::Group(count) => {
                let at = self.stack.len().saturating_sub(*count);
                let parts: Vec<String> = self.stack.split_off(at).iter().map(|value| self.text(value)).collect();
                let separator = self.global_text(SUBSEP);
                self.stack.push(Value::Text(parts.join(&separator)));
            }
            Op::Pop => drop(self.pop()),
            _ => return self.flow(op, &program),
        }
        Ok(None)
    }

    pub(super) fn push_truth(&mut self, truth: bool) {
        self.stack.push(Value::Number(f64::from(u8::from(truth))));
    }

    pub(super) fn flow(&mut self, op: &Op, program: &Program) -> Step {
        match op {
            Op::In(array) => {
                let key = self.pop();
                let (key, number) = (self.text(&key), self.array(*array));
                let found = self.arrays.get(number).is_some_and(|array| array.contains_key(&key));
                self.push_truth(found);
            }
            Op::Delete(array) => {
                let key = self.pop();
                let (key, number) = (self.text(&key), self.array(*array));
                if let Some(array) = self.arrays.get_mut(number) {
                    array.remove(&key);
                }
            }
            Op::Clear(array) => {
                let number = self.array(*array);
                if let Some(array) = self.arrays.get_mut(number) {
                    array.clear();
                }
            }
            Op::Jump(to) => self.pc = *to,
            Op::Branch(to, when) => {
                if self.pop().truth() == *when {
                    self.pc = *to;
                }
            }
            Op::Walk(array) => {
                let number = self.array(*array);
                let keys = self.arrays.get(number).map(walk_order).unwrap_or_default();
                self.walks.push(keys.into_iter());
            }
            Op::Turn(place, end) => match self.walks.last_mut().and_then(Iterator::next) {
                Some(key) => self.store(*place, None, Value::Input(key)),
                None => {
                    self.walks.pop();
                    self.pc = *end;
                }
            },
            Op::Leave => drop(self.walks.pop()),
            Op::RangeOpen(range, inside) => {
                if self.ranges.get(*range) == Some(&true) {
                    self.pc = *inside;
                }
            }
            Op::RangeClose(range) => {
                let last = self.pop().truth();
                if let Some(open) = self.ranges.get_mut(*range) {
                    *open = !last;
                }
            }
            Op::Next => return Ok(Some(Want::Next)),
            Op::Exit => {
                let code = self.pop();
                if !matches!(&code, Value::Text(text) if text.is_empty()) {
                    self.code = (code.number() as i64 & 0xff) as i32;
                }
                return Ok(Some(Want::Exit(self.code)));
            }
            Op::Return => return self.leave(),
            Op::User(index, count) => self.call(program, *index, *count)?,
            Op::Share(array) => {
                let value = match array {
                    Array::Global(slot) => match self.globals.get(*slot) {
                        Some(Value::Unset) if *slot >= SPECIAL.len() => Value::Open(*slot),
                        _ => self.load(Place::Global(*slot), None)?,
                    },
                    Array::Local(slot) => self.load(Place::Local(*slot), None)?,
                };
                self.stack.push(value);
            }
            _ => return self.service(op),
        }
        Ok(None)
    }

    /// Input, output and functions.
    pub(super) fn service(&mut self, op: &Op) -> Step {
        match op {
            Op::Print(count, target) => {
                let file = self.file_of(*target);
                let (separator, end, format) = (self.global_text(OFS), self.global_text(ORS), self.global_text(OFMT));
                let at = self.stack.len().saturating_sub(*count);
                let mut text = if *count == 0 {
                    self.ensure_joined();
                    self.record.clone()
                } else {
                    let parts: Vec<String> = self.stack.split_off(at).iter().map(|value| value.text(&format)).collect();
                    parts.join(&separator)
                };
                text.push_str(&end);
                return Ok(Some(Want::Write(*target, file, text)));
            }
            Op::Printf(count, target) => {
                let file = self.file_of(*target);
                let at = self.stack.len().saturating_sub(*count);
                let values = self.stack.split_off(at);
                let Some((format, rest)) = values.split_first() else { return Err("Too few arguments".to_owned()) };
                let format = self.text(format);
                let text = sprintf(&format, rest, &self.convfmt());
                return Ok(Some(Want::Write(*target, file, text)));
            }
            Op::Getline(place) => {
                self.waiting = Some(*place);
                return Ok(Some(Want::Record));
            }
            Op::GetlineFile(place) => {
                let file = self.pop();
                self.waiting = Some(*place);
                return Ok(Some(Want::Line(self.text(&file))));
            }
            Op::Substitute(place, all) => self.substitute(*place, *all)?,
            Op::Call(name, count) => {
                let at = self.stack.len().saturating_sub(*count);
                let arguments = self.stack.split_off(at);
                let value = self.function(name, &arguments)?;
                self.stack.push(value);
            }
            _ => {}
        }
        Ok(None)
    }

    pub(super) fn file_of(&mut self, target: Target) -> String {
        if target == Target::Stdout {
            return String::new();
        }
        let file = self.pop();
        self.text(&file)
    }

    /// Returns from a function, or from the part of the program that was begun.
    pub(super) fn leave(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(Some(Want::Done)) };
        if frame.back == usize::MAX {
            return Ok(Some(Want::Done));
        }
        self.walks.truncate(frame.walks);
        self.pc = frame.back;
        Ok(None)
    }

    pub(super) fn call(&mut self, program: &Program, index: usize, count: usize) -> Result<(), String> {
        let Some(function) = program.functions.get(index) else { return Err("Call to undefined function".to_owned()) };
        if count > function.params {
            return Err("Too many arguments".to_owned());
        }
        if self.frames.len() > DEPTH {
            return Err("out of memory".to_owned());
        }
        let at = self.stack.len().saturating_sub(count);
        let mut locals = self.stack.split_off(at);
        locals.resize(function.params, Value::Unset);
        self.frames.push(Frame { back: self.pc, locals, walks: self.walks.len() });
        self.pc = function.start.unwrap_or(usize::MAX);
        Ok(())
    }

    pub(super) fn binary(&self, operator: char, left: &Value, right: &Value) -> Result<Value, String> {
        if operator == ' ' {
            let mut text = self.text(left);
            text.push_str(&self.text(right));
            return Ok(Value::Text(text));
        }
        let (a, b) = (left.number(), right.number());
        Ok(Value::Number(match operator {
            '+' => a + b,
            '-' => a - b,
            '*' => a * b,
            '/' if b == 0.0 => return Err("Division by zero".to_owned()),
            '/' => a / b,
            '%' if b == 0.0 => return Err("Division by zero".to_owned()),
            '%' => a % b,
            _ => a.powf(b),
        }))
    }

    pub(super) fn compare(&self, sign: &str, left: &Value, right: &Value) -> bool {
        let order = match (left.numeric(), right.numeric()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(self.text(left).cmp(&self.text(right))),
        };
        let Some(order) = order else { return sign == "!=" };
        match sign {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "==" => order.is_eq(),
            _ => order.is_ne(),
        }
    }
}
