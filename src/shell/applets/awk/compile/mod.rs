//! From the words of an awk program to steps of its machine: one pass, no tree.

mod expressions;
mod places;
mod statements;

use std::collections::BTreeMap;

use super::lex::{Token, words};

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Global(usize),
    Local(usize),
    /// A field; its number is on the stack.
    Field,
    /// An element of an array; its key is on the stack.
    Element(Array),
}

/// An array by the variable that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    Global(usize),
    Local(usize),
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    /// A file whose name is on the stack.
    File,
    /// The same, written at its end.
    Append,
}

/// One step.
#[derive(Clone, Debug)]
pub enum Op {
    Number(f64),
    Text(String),
    /// Whether the record matches an expression.
    Matches(usize),
    /// The expression itself, as the argument of a function.
    Pattern(usize),
    Get(Place),
    Set(Place),
    /// Adds, and gives the value after (or before) that.
    Step(Place, f64, bool),
    /// Changes by an operator: the value is on top.
    Change(Place, char),
    Binary(char),
    Compare(&'static str),
    /// Text and expression on the stack; `true` for `!~`.
    Tilde(bool),
    Not,
    Minus,
    Plus,
    Group(usize),
    In(Array),
    Delete(Array),
    Clear(Array),
    Jump(usize),
    /// Jumps when the value on top is false (or true).
    Branch(usize, bool),
    Truth,
    Pop,
    Call(&'static str, usize),
    User(usize, usize),
    /// `sub`, or with `true` `gsub`: expression, replacement and what the place needs are on the stack.
    Substitute(Place, bool),
    /// A bare name as an argument: an array goes by reference.
    Share(Array),
    Return,
    Walk(Array),
    /// The next key into a place, or on to where the loop ends.
    Turn(Place, usize),
    /// The loop is left early.
    Leave,
    Print(usize, Target),
    Printf(usize, Target),
    /// The next record of the input, into `$0` or a place.
    Getline(Option<Place>),
    /// A line of the file whose name is on top.
    GetlineFile(Option<Place>),
    Next,
    Exit,
    /// A range pattern by number: its begin and end are on the stack as steps; see `Machine`.
    RangeOpen(usize, usize),
    RangeClose(usize),
}

/// A function: how many parameters, where it begins.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub params: usize,
    pub start: Option<usize>,
}

/// A program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub ops: Vec<Op>,
    pub begin: Vec<usize>,
    pub rules: Vec<usize>,
    pub end: Vec<usize>,
    pub functions: Vec<Function>,
    pub regexes: Vec<regex_lite::Regex>,
    pub ranges: usize,
    pub names: BTreeMap<String, usize>,
}

/// The variables that awk itself reads and writes stand first.
pub const SPECIAL: &[&str] = &[
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "FILENAME", "RSTART", "RLENGTH", "CONVFMT", "OFMT",
    "ENVIRON", "ARGC", "ARGV",
];

/// Functions, and the most arguments they take.
const FUNCTIONS: &[(&str, usize)] = &[
    ("length", 1),
    ("substr", 3),
    ("index", 2),
    ("split", 3),
    ("sub", 3),
    ("gsub", 3),
    ("match", 2),
    ("sprintf", usize::MAX),
    ("sin", 1),
    ("cos", 1),
    ("atan2", 2),
    ("exp", 1),
    ("log", 1),
    ("sqrt", 1),
    ("int", 1),
    ("rand", 0),
    ("srand", 1),
    ("tolower", 1),
    ("toupper", 1),
    ("close", 1),
    ("fflush", 1),
    ("systime", 0),
    ("system", 1),
    ("strftime", 3),
];

struct Compiler {
    tokens: Vec<Token>,
    at: usize,
    program: Program,
    locals: Vec<String>,
    /// Loops around: places of jumps out and on, and whether it walks an array.
    loops: Vec<(Vec<usize>, Vec<usize>, bool)>,
    no_in: bool,
    no_greater: bool,
    in_function: bool,
    depth: usize,
}

type Result<T> = std::result::Result<T, String>;

/// The program that a text holds.
///
/// # Errors
/// What is wrong, in busybox' words.
pub fn compile(text: &str) -> Result<Program> {
    let mut program = Program::default();
    for name in SPECIAL {
        let next = program.names.len();
        program.names.insert((*name).to_owned(), next);
    }
    let mut compiler = Compiler {
        tokens: words(text)?,
        at: 0,
        program,
        locals: Vec::new(),
        loops: Vec::new(),
        no_in: false,
        no_greater: false,
        in_function: false,
        depth: 0,
    };
    compiler.items()?;
    if let Some(unknown) = compiler.program.functions.iter().find(|function| function.start.is_none()) {
        return Err(format!("Call to undefined function: {}", unknown.name));
    }
    Ok(compiler.program)
}

impl Compiler {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }
    fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(held) if *held == word)
    }
    fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }
    fn expect(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected()) }
    }
    fn unexpected(&self) -> String {
        match self.peek() {
            Token::End => "Unexpected end of string".to_owned(),
            _ => "Unexpected token".to_owned(),
        }
    }
    fn newlines(&mut self) {
        while matches!(self.peek(), Token::Newline) {
            self.at += 1;
        }
    }
    fn ends(&mut self) {
        while matches!(self.peek(), Token::Newline) || self.is(";") {
            self.at += 1;
        }
    }
    fn here(&self) -> usize {
        self.program.ops.len()
    }
    fn emit(&mut self, op: Op) -> usize {
        self.program.ops.push(op);
        self.program.ops.len() - 1
    }
    /// Lets the jump at `from` lead here.
    fn land(&mut self, from: usize) {
        let here = self.here();
        if let Some(Op::Jump(to) | Op::Branch(to, _) | Op::Turn(_, to) | Op::RangeOpen(_, to)) =
            self.program.ops.get_mut(from)
        {
            *to = here;
        }
    }
    fn global(&mut self, name: &str) -> usize {
        let next = self.program.names.len();
        *self.program.names.entry(name.to_owned()).or_insert(next)
    }
    fn regex(&mut self, text: &str) -> Result<usize> {
        let made = crate::shell::regex::compile(text, true, false)?;
        self.program.regexes.push(made);
        Ok(self.program.regexes.len() - 1)
    }
    /// Deeper nesting than any person writes is refused.
    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > 150 { Err("Unexpected token".to_owned()) } else { Ok(()) }
    }
}
