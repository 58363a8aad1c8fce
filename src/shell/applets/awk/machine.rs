//! Runs the steps of an awk program. It can stop after any step, so no program holds up the machine it runs on.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::compile::{Array, Op, Place, Program, SPECIAL, Target};
use super::value::{Value, sprintf};

const NF: usize = 0;
const NR: usize = 1;
const FNR: usize = 2;
const FS: usize = 3;
const OFS: usize = 4;
const ORS: usize = 5;
const SUBSEP: usize = 7;
const RSTART: usize = 9;
const RLENGTH: usize = 10;
const CONVFMT: usize = 11;
const OFMT: usize = 12;

/// What the program asks of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// Go on: a turn is over.
    More,
    /// The part of the program that was begun is done.
    Done,
    /// Write to standard output, or to a file (at its end).
    Write(Target, String, String),
    /// The next record of the input.
    Record,
    /// A line of a file.
    Line(String),
    /// The rest of the rules is left out for this record.
    Next,
    /// The end, with a code.
    Exit(i32),
    /// An error.
    Fail(String),
}

/// A call: where it returns to, its variables, and how many array walks there were.
#[derive(Clone, Debug)]
struct Frame {
    back: usize,
    locals: Vec<Value>,
    walks: usize,
}

/// Calls within calls.
const DEPTH: usize = 2_000;
/// Values on the stack.
const STACK: usize = 100_000;

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    program: std::sync::Arc<Program>,
    pc: usize,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    globals: Vec<Value>,
    arrays: Vec<BTreeMap<String, (Value, u64)>>,
    walks: Vec<std::vec::IntoIter<String>>,
    record: String,
    fields: Vec<Value>,
    /// Whether `fields` are those of `record`, and whether `record` is made of `fields`.
    split: bool,
    joined: bool,
    ranges: Vec<bool>,
    inserted: u64,
    seed: u64,
    random: u64,
    waiting: Option<Option<Place>>,
    code: i32,
    /// Roughly the bytes that it holds.
    pub held: u64,
}

type Step = Result<Option<Want>, String>;

impl Machine {
    /// A machine for a program.
    pub fn new(program: Program) -> Self {
        let mut globals = vec![Value::Unset; program.names.len()];
        let texts =
            [(FS, " "), (OFS, " "), (ORS, "\n"), (6, "\n"), (SUBSEP, "\u{1c}"), (CONVFMT, "%.6g"), (OFMT, "%.6g")];
        for (slot, text) in texts {
            if let Some(value) = globals.get_mut(slot) {
                *value = Value::Text(text.to_owned());
            }
        }
        let ranges = vec![false; program.ranges];
        Self {
            program: std::sync::Arc::new(program),
            pc: 0,
            stack: Vec::new(),
            frames: Vec::new(),
            globals,
            arrays: Vec::new(),
            walks: Vec::new(),
            record: String::new(),
            fields: Vec::new(),
            split: true,
            joined: true,
            ranges,
            inserted: 0,
            seed: 0,
            random: 1,
            waiting: None,
            code: 0,
            held: 0,
        }
    }

    /// Where the parts of the program begin.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The code to exit with.
    pub fn code(&self) -> i32 {
        self.code
    }

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

    /// Begins a part of the program.
    pub fn begin(&mut self, start: usize) {
        self.pc = start;
        self.stack.clear();
        self.walks.clear();
        self.frames = vec![Frame { back: usize::MAX, locals: Vec::new(), walks: 0 }];
    }

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

    fn count(&mut self, first_of_file: bool) {
        let count = |machine: &Self, slot: usize| machine.globals.get(slot).map_or(0.0, Value::number);
        let (all, here) = (count(self, NR) + 1.0, if first_of_file { 1.0 } else { count(self, FNR) + 1.0 });
        self.put(NR, Value::Number(all));
        self.put(FNR, Value::Number(here));
    }

    /// Answers `getline`: a line, the end, or that the file cannot be read.
    pub fn answer(&mut self, line: Result<Option<String>, ()>) {
        let Some(place) = self.waiting.take() else { return };
        let result = match line {
            Ok(Some(text)) => {
                match place {
                    Some(place) => {
                        let key = self.key_of(place);
                        self.store(place, key, Value::Input(text));
                    }
                    None => self.set_record(text),
                }
                1.0
            }
            other => {
                if let Some(place) = place {
                    self.key_of(place);
                }
                if other.is_ok() { 0.0 } else { -1.0 }
            }
        };
        self.stack.push(Value::Number(result));
    }

    fn put(&mut self, slot: usize, value: Value) {
        if let Some(held) = self.globals.get_mut(slot) {
            *held = value;
        }
    }

    fn set_record(&mut self, text: String) {
        self.record = text;
        (self.split, self.joined) = (false, true);
    }

    fn global_text(&self, slot: usize) -> String {
        self.globals.get(slot).map(|value| value.text("%.6g")).unwrap_or_default()
    }

    fn convfmt(&self) -> String {
        self.global_text(CONVFMT)
    }

    fn text(&self, value: &Value) -> String {
        match value {
            Value::Number(number) if number.fract() != 0.0 => value.text(&self.convfmt()),
            other => other.text("%.6g"),
        }
    }

    // ---- fields

    fn ensure_split(&mut self) {
        if self.split {
            return;
        }
        self.split = true;
        let separator = self.global_text(FS);
        let parts = split_text(&self.record, &separator);
        self.fields = parts.into_iter().map(Value::Input).collect();
        self.put(NF, Value::Number(self.fields.len() as f64));
    }

    fn ensure_joined(&mut self) {
        if self.joined {
            return;
        }
        self.joined = true;
        let separator = self.global_text(OFS);
        let texts: Vec<String> = self.fields.iter().map(|field| self.text(field)).collect();
        self.record = texts.join(&separator);
    }

    fn field(&mut self, number: f64) -> Result<Value, String> {
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

    fn set_field(&mut self, number: f64, value: Value) -> Result<(), String> {
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

    // ---- variables

    fn set_global(&mut self, slot: usize, value: Value) {
        if slot == NF {
            self.ensure_split();
            self.fields.resize((value.number().max(0.0) as usize).min(10_000), Value::Unset);
            self.joined = false;
        }
        self.put(slot, value);
    }

    fn locals(&mut self) -> Option<&mut Vec<Value>> {
        self.frames.last_mut().map(|frame| &mut frame.locals)
    }

    /// The number of an array, made when there is none yet.
    fn array(&mut self, array: Array) -> usize {
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

    fn insert(&mut self, array: usize, key: String, value: Value) {
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

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::Unset)
    }

    fn key_of(&mut self, place: Place) -> Option<Value> {
        matches!(place, Place::Field | Place::Element(_)).then(|| self.pop())
    }

    fn load(&mut self, place: Place, key: Option<&Value>) -> Result<Value, String> {
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

    fn store(&mut self, place: Place, key: Option<Value>, value: Value) {
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

    // ---- running

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

    fn step(&mut self) -> Step {
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

    fn push_truth(&mut self, truth: bool) {
        self.stack.push(Value::Number(f64::from(u8::from(truth))));
    }

    fn flow(&mut self, op: &Op, program: &Program) -> Step {
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
    fn service(&mut self, op: &Op) -> Step {
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

    fn file_of(&mut self, target: Target) -> String {
        if target == Target::Stdout {
            return String::new();
        }
        let file = self.pop();
        self.text(&file)
    }

    /// Returns from a function, or from the part of the program that was begun.
    fn leave(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(Some(Want::Done)) };
        if frame.back == usize::MAX {
            return Ok(Some(Want::Done));
        }
        self.walks.truncate(frame.walks);
        self.pc = frame.back;
        Ok(None)
    }

    fn call(&mut self, program: &Program, index: usize, count: usize) -> Result<(), String> {
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

    fn binary(&self, operator: char, left: &Value, right: &Value) -> Result<Value, String> {
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

    fn compare(&self, sign: &str, left: &Value, right: &Value) -> bool {
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

    fn regex(&self, value: &Value) -> Result<Regex, String> {
        if let Value::Pattern(number) = value
            && let Some(regex) = self.program.regexes.get(*number)
        {
            return Ok(regex.clone());
        }
        crate::shell::regex::compile(&self.text(value), true, false)
    }

    fn substitute(&mut self, place: Place, all: bool) -> Result<(), String> {
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

    fn function(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
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

    fn split_into(&mut self, arguments: &[Value]) -> Result<Value, String> {
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
fn replaced(replacement: &str, found: &str, out: &mut String) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|c| matches!(c, '&' | '\\')) => out.extend(chars.next()),
            '&' => out.push_str(found),
            c => out.push(c),
        }
    }
}

/// As busybox has it: a start before the text is its beginning, and takes nothing from the length.
fn part(text: &str, from: f64, length: Option<f64>) -> String {
    let skip = (from.trunc() - 1.0).max(0.0) as usize;
    let take = length.map_or(usize::MAX, |length| length.trunc().max(0.0) as usize);
    text.chars().skip(skip).take(take).collect()
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

fn split_by(text: &str, regex: &Regex) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { regex.split(text).map(str::to_owned).collect() }
}

/// The keys in the order of busybox' hash table, since that is what people have seen.
fn walk_order(array: &BTreeMap<String, (Value, u64)>) -> Vec<String> {
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
