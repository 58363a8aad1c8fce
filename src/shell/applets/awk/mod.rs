//! `awk`: a program over the lines of its input, as POSIX has it. Refuses pipes to commands and `system()`.

mod compile;
mod lex;
mod machine;
mod value;

use std::collections::{BTreeMap, VecDeque};

use super::driver::Out;
use super::options::parse_until;
use crate::shell::kernel::{Kernel, OpenMode, readable};
use crate::shell::program::{Fd, Read, Step, System};
use crate::shell::task::Task;
use compile::{Program, Target};
use machine::{Machine, Want};
use value::Value;

/// Steps of a program that one turn takes, and what such a turn counts for in the machine.
const TURN: u64 = 200;
const TURN_COST: u64 = 20;

/// What the program is doing.
#[derive(Clone, Debug)]
enum Phase {
    /// Nothing yet.
    Start,
    /// Part number so many of BEGIN.
    Begin(usize),
    /// Waits for a record to give it to the rules.
    Read,
    /// Rule number so many, for this record.
    Rule(usize),
    /// Part number so many of END.
    End(usize),
    Over(i32),
}

/// A file or the input, read by lines.
#[derive(Clone, Debug, Default)]
struct Lines {
    fd: Option<Fd>,
    buffer: Vec<u8>,
    ended: bool,
}

/// What reading a line gave.
enum Line {
    Text(String),
    End,
    Wait(Step),
}

impl Lines {
    fn next(&mut self, kernel: &mut Kernel) -> Line {
        loop {
            let Some(fd) = self.fd else { return Line::End };
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Line::Text(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned());
            }
            if self.ended {
                self.fd = None;
                if fd != 0 {
                    let _ = kernel.close(fd);
                }
                if self.buffer.is_empty() {
                    return Line::End;
                }
                return Line::Text(String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned());
            }
            match kernel.read(fd, 16 << 10) {
                Ok(Read::Data(data)) => self.buffer.extend(data),
                Ok(Read::WouldBlock) => return Line::Wait(readable(fd)),
                Ok(Read::Eof) | Err(_) => self.ended = true,
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Awk {
    machine: Machine,
    phase: Phase,
    files: VecDeque<String>,
    /// Whether any operand was a file.
    named: bool,
    input: Lines,
    first: bool,
    /// Files that `getline` reads, and those that were written.
    reading: BTreeMap<String, Lines>,
    written: Vec<String>,
    /// What the program waits for.
    want: Option<Want>,
    out: Out,
    failed: bool,
}

/// An awk that only says what is wrong with its arguments.
fn refused(text: String, code: i32) -> Box<dyn Task> {
    let mut out = Out::default();
    out.err(&text);
    let machine = Machine::new(Program::default());
    Box::new(Awk { out, phase: Phase::Over(code), ..Awk::new(machine) })
}

/// Makes the applet.
pub fn make(args: &[String]) -> Box<dyn Task> {
    let options = match parse_until(args, "", "Fvf", true) {
        Ok(options) => options,
        Err(bad) => {
            return refused(format!("awk: unrecognized option: {}\n", bad.0.trim_start_matches('-')), 1);
        }
    };
    let mut words = options.words.iter().cloned();
    if options.value('f').is_some() {
        return refused("awk: -f is not available here: give the program as a word\n".to_owned(), 1);
    }
    let Some(text) = words.next() else {
        let usage = "Usage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...\n\n\t-v VAR=VAL\tSet variable\n\t-F SEP\t\tUse SEP as field separator\n";
        return refused(usage.to_owned(), 1);
    };
    let program = match compile::compile(&text) {
        Ok(program) => program,
        Err(problem) => return refused(format!("awk: cmd. line:1: {problem}\n"), 1),
    };
    let mut awk = Awk::new(Machine::new(program));
    if let Some(separator) = options.value('F') {
        let separator = if separator == "t" { "\t".to_owned() } else { lex::escapes(separator) };
        awk.machine.assign("FS", Value::Text(separator));
    }
    for assignment in options.values('v') {
        let Some((name, value)) = assignment.split_once('=') else { continue };
        awk.machine.assign(name, Value::Input(lex::escapes(value)));
    }
    awk.files = words.collect();
    let count = awk.files.len() + 1;
    awk.machine.assign("ARGC", Value::Number(count as f64));
    awk.machine.element("ARGV", "0", Value::Input("awk".to_owned()));
    for (index, file) in awk.files.clone().into_iter().enumerate() {
        awk.machine.element("ARGV", &(index + 1).to_string(), Value::Input(file));
    }
    Box::new(awk)
}

impl Awk {
    fn new(machine: Machine) -> Self {
        Self {
            machine,
            phase: Phase::Start,
            files: VecDeque::new(),
            named: false,
            input: Lines::default(),
            first: true,
            reading: BTreeMap::new(),
            written: Vec::new(),
            want: None,
            out: Out::default(),
            failed: false,
        }
    }

    /// The next part of the program after this one.
    fn turn_to(&mut self, phase: Phase) {
        let program = self.machine.program();
        let rules = program.rules.len();
        let (start, phase) = match phase {
            Phase::Begin(number) => match program.begin.get(number).copied() {
                Some(start) => (Some(start), Phase::Begin(number)),
                None if rules == 0 && program.end.is_empty() => (None, Phase::Over(0)),
                None => (None, Phase::Read),
            },
            Phase::Rule(number) => match program.rules.get(number).copied() {
                Some(start) => (Some(start), Phase::Rule(number)),
                None => (None, Phase::Read),
            },
            Phase::End(number) => match program.end.get(number).copied() {
                Some(start) => (Some(start), Phase::End(number)),
                None => (None, Phase::Over(if self.failed { 2 } else { self.machine.code() })),
            },
            other => (None, other),
        };
        if let Some(start) = start {
            self.machine.begin(start);
        }
        self.phase = phase;
    }

    /// The next record of the input.
    fn record(&mut self, kernel: &mut Kernel) -> Line {
        loop {
            match self.input.next(kernel) {
                Line::End => {}
                other => return other,
            }
            let Some(file) = self.files.pop_front() else {
                if std::mem::replace(&mut self.named, true) {
                    return Line::End;
                }
                self.first = true;
                self.input = Lines { fd: Some(0), ..Lines::default() };
                continue;
            };
            if let Some((name, value)) = file.split_once('=').filter(|(name, _)| crate::shell::parser::is_name(name)) {
                self.machine.assign(name, Value::Input(lex::escapes(value)));
                continue;
            }
            self.named = true;
            let opened = if file == "-" { Ok(0) } else { kernel.open(&file, OpenMode::Read) };
            match opened {
                Ok(fd) => {
                    self.machine.assign("FILENAME", Value::Text(file));
                    self.first = true;
                    self.input = Lines { fd: Some(fd), ..Lines::default() };
                }
                Err(errno) => {
                    self.out.err(&format!("awk: {file}: {}\n", errno.message()));
                    self.failed = true;
                }
            }
        }
    }

    fn line_of(&mut self, file: &str, kernel: &mut Kernel) -> Result<Line, ()> {
        if !self.reading.contains_key(file) {
            let fd = if file == "-" { Ok(0) } else { kernel.open(file, OpenMode::Read) };
            let fd = fd.map_err(drop)?;
            self.reading.insert(file.to_owned(), Lines { fd: Some(fd), ..Lines::default() });
        }
        Ok(self.reading.get_mut(file).map_or(Line::End, |lines| lines.next(kernel)))
    }

    /// Does what the program wants; a step when that has to be waited for.
    fn answer(&mut self, want: Want, kernel: &mut Kernel) -> Option<Step> {
        match want {
            Want::More => {}
            Want::Done => self.part_done(),
            Want::Next => self.turn_to(Phase::Read),
            Want::Write(Target::Stdout, _, text) => self.out.out(&text),
            Want::Write(target, file, text) => self.write(target, &file, &text, kernel),
            Want::Record => match self.record(kernel) {
                Line::Text(text) => {
                    let first = std::mem::take(&mut self.first);
                    self.machine.take_line(text, first);
                }
                Line::End => self.machine.answer(Ok(None)),
                Line::Wait(step) => {
                    self.want = Some(Want::Record);
                    return Some(step);
                }
            },
            Want::Line(file) => match self.line_of(&file, kernel) {
                Ok(Line::Text(text)) => self.machine.answer(Ok(Some(text))),
                Ok(Line::End) => self.machine.answer(Ok(None)),
                Ok(Line::Wait(step)) => {
                    self.want = Some(Want::Line(file));
                    return Some(step);
                }
                Err(()) => self.machine.answer(Err(())),
            },
            Want::Exit(code) => {
                // An exit runs the END parts, one within them ends all.
                if matches!(self.phase, Phase::End(_)) {
                    self.phase = Phase::Over(code);
                } else {
                    self.turn_to(Phase::End(0));
                }
            }
            Want::Fail(text) => {
                self.out.err(&format!("awk: cmd. line:1: {text}\n"));
                self.phase = Phase::Over(2);
            }
        }
        None
    }

    fn part_done(&mut self) {
        match self.phase {
            Phase::Begin(number) => self.turn_to(Phase::Begin(number + 1)),
            Phase::Rule(number) => self.turn_to(Phase::Rule(number + 1)),
            Phase::End(number) => self.turn_to(Phase::End(number + 1)),
            _ => self.phase = Phase::Over(0),
        }
    }

    fn write(&mut self, target: Target, file: &str, text: &str, kernel: &mut Kernel) {
        match file {
            "/dev/stdout" => return self.out.out(text),
            "/dev/stderr" => return self.out.err(text),
            _ => {}
        }
        let again = self.written.iter().any(|held| held == file) || target == Target::Append;
        let before = if again { kernel.read_file(file).unwrap_or_default() } else { Vec::new() };
        if !again {
            self.written.push(file.to_owned());
        }
        if let Err(errno) = kernel.write_file(file, &[before, text.as_bytes().to_vec()].concat()) {
            self.out.err(&format!("awk: can't open '{file}': {}\n", errno.message()));
            self.phase = Phase::Over(2);
        }
    }

    fn begin(&mut self, kernel: &Kernel) {
        for (name, value) in kernel.environment() {
            self.machine.element("ENVIRON", &name, Value::Input(value));
        }
        self.turn_to(Phase::Begin(0));
    }
}

impl Task for Awk {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        loop {
            if (self.out.held() > 32 << 10 || matches!(self.phase, Phase::Over(_)))
                && let Some(step) = self.out.flush(kernel)
            {
                return step;
            }
            if let Phase::Over(code) = self.phase {
                return Step::Exit(code);
            }
            if self.out.broken {
                self.phase = Phase::Over(0);
                continue;
            }
            if !kernel.tick(TURN_COST) {
                return self.out.flush(kernel).unwrap_or(Step::Yield);
            }
            if let Some(want) = self.want.take() {
                if let Some(step) = self.answer(want, kernel) {
                    return self.out.flush(kernel).unwrap_or(step);
                }
                continue;
            }
            match self.phase {
                Phase::Start => self.begin(kernel),
                Phase::Read => match self.record(kernel) {
                    Line::Text(text) => {
                        let first = std::mem::take(&mut self.first);
                        self.machine.take_record(text, first);
                        self.turn_to(Phase::Rule(0));
                    }
                    Line::End => self.turn_to(Phase::End(0)),
                    Line::Wait(step) => return self.out.flush(kernel).unwrap_or(step),
                },
                _ => {
                    let want = self.machine.run(TURN);
                    if let Some(step) = self.answer(want, kernel) {
                        return self.out.flush(kernel).unwrap_or(step);
                    }
                }
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        self.machine.held + (self.input.buffer.len() + self.out.held()) as u64
    }
}

#[cfg(test)]
mod tests;
