//! Runs the steps of an awk program. It can stop after any step, so no program holds up the machine it runs on.

mod functions;
mod records;
mod steps;
mod values;

use std::collections::BTreeMap;

use super::compile::{Place, Program, Target};
use super::value::Value;

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

    /// Begins a part of the program.
    pub fn begin(&mut self, start: usize) {
        self.pc = start;
        self.stack.clear();
        self.walks.clear();
        self.frames = vec![Frame { back: usize::MAX, locals: Vec::new(), walks: 0 }];
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
}
