//! From the words of an awk program to steps of its machine: one pass, no tree.

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

    fn items(&mut self) -> Result<()> {
        self.ends();
        while !matches!(self.peek(), Token::End) {
            self.item()?;
            self.ends();
        }
        Ok(())
    }

    fn item(&mut self) -> Result<()> {
        if self.eat("function") || self.eat("func") {
            return self.function();
        }
        let start = self.here();
        if self.eat("BEGIN") {
            self.program.begin.push(start);
            self.block()?;
        } else if self.eat("END") {
            self.program.end.push(start);
            self.block()?;
        } else {
            self.program.rules.push(start);
            self.rule()?;
        }
        self.emit(Op::Return);
        Ok(())
    }

    fn rule(&mut self) -> Result<()> {
        let mut skip = None;
        if !self.is("{") {
            let range = self.program.ranges;
            let open = self.emit(Op::RangeOpen(range, 0));
            self.expression()?;
            if self.eat(",") {
                self.program.ranges += 1;
                self.newlines();
                // Outside of the range the first pattern decides, within it the last one is asked.
                let outside = self.emit(Op::Branch(0, false));
                self.land(open);
                self.expression()?;
                self.emit(Op::RangeClose(range));
                let inside = self.emit(Op::Jump(0));
                self.land(outside);
                self.emit(Op::Return);
                self.land(inside);
            } else {
                if let Some(op) = self.program.ops.get_mut(open) {
                    *op = Op::Jump(open + 1);
                }
                skip = Some(self.emit(Op::Branch(0, false)));
            }
        }
        if self.is("{") {
            self.block()?;
        } else {
            self.emit(Op::Print(0, Target::Stdout));
        }
        if let Some(skip) = skip {
            self.land(skip);
        }
        Ok(())
    }

    fn function(&mut self) -> Result<()> {
        let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
        self.at += 1;
        self.expect("(")?;
        self.locals.clear();
        while let Token::Name(param, _) = self.peek().clone() {
            self.at += 1;
            self.locals.push(param);
            if !self.eat(",") {
                break;
            }
            self.newlines();
        }
        self.expect(")")?;
        self.newlines();
        let index = self.user(&name);
        let (start, params) = (self.here(), self.locals.len());
        if let Some(function) = self.program.functions.get_mut(index) {
            (function.start, function.params) = (Some(start), params);
        }
        self.in_function = true;
        self.block()?;
        self.in_function = false;
        self.locals.clear();
        self.emit(Op::Text(String::new()));
        self.emit(Op::Return);
        Ok(())
    }

    fn user(&mut self, name: &str) -> usize {
        if let Some(found) = self.program.functions.iter().position(|function| function.name == name) {
            return found;
        }
        self.program.functions.push(Function { name: name.to_owned(), params: 0, start: None });
        self.program.functions.len() - 1
    }

    fn block(&mut self) -> Result<()> {
        self.newlines();
        self.expect("{")?;
        self.ends();
        while !self.eat("}") {
            if matches!(self.peek(), Token::End) {
                return Err(self.unexpected());
            }
            self.statement()?;
            self.ends();
        }
        Ok(())
    }

    fn body(&mut self) -> Result<()> {
        self.newlines();
        if self.eat(";") { Ok(()) } else { self.statement() }
    }

    fn statement(&mut self) -> Result<()> {
        self.deeper()?;
        let done = self.statement_inner();
        self.depth -= 1;
        done
    }

    fn statement_inner(&mut self) -> Result<()> {
        if self.is("{") {
            return self.block();
        }
        if self.eat("if") {
            return self.if_statement();
        }
        if self.eat("while") {
            return self.while_statement();
        }
        if self.eat("do") {
            return self.do_statement();
        }
        if self.eat("for") {
            return self.for_statement();
        }
        self.simple()?;
        if self.eat(";") || self.is("}") || matches!(self.peek(), Token::Newline | Token::End) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn if_statement(&mut self) -> Result<()> {
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        let skip = self.emit(Op::Branch(0, false));
        self.body()?;
        let before = self.at;
        self.ends();
        if self.eat("else") {
            let end = self.emit(Op::Jump(0));
            self.land(skip);
            self.body()?;
            self.land(end);
        } else {
            self.at = before;
            self.land(skip);
        }
        Ok(())
    }

    fn while_statement(&mut self) -> Result<()> {
        let top = self.here();
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        let out = self.emit(Op::Branch(0, false));
        self.loops.push((vec![out], Vec::new(), false));
        self.body()?;
        self.emit(Op::Jump(top));
        self.end_loop(top);
        Ok(())
    }

    fn do_statement(&mut self) -> Result<()> {
        let top = self.here();
        self.loops.push((Vec::new(), Vec::new(), false));
        self.body()?;
        self.ends();
        self.expect("while")?;
        let on = self.here();
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        self.emit(Op::Branch(top, true));
        self.end_loop(on);
        Ok(())
    }

    /// Lets what leaves the innermost loop lead here, and what goes on with it to `on`.
    fn end_loop(&mut self, on: usize) {
        let Some((outs, ons, _)) = self.loops.pop() else { return };
        for jump in outs {
            self.land(jump);
        }
        for jump in ons {
            if let Some(Op::Jump(to)) = self.program.ops.get_mut(jump) {
                *to = on;
            }
        }
    }

    fn for_statement(&mut self) -> Result<()> {
        self.expect("(")?;
        if let (
            Token::Name(name, false),
            Some(Token::Word("in")),
            Some(Token::Name(array, _)),
            Some(Token::Word(")")),
        ) = (
            self.peek().clone(),
            self.tokens.get(self.at + 1).cloned(),
            self.tokens.get(self.at + 2).cloned(),
            self.tokens.get(self.at + 3).cloned(),
        ) {
            self.at += 4;
            let (place, array) = (self.place(&name), self.array(&array));
            self.emit(Op::Walk(array));
            let top = self.emit(Op::Turn(place, 0));
            self.loops.push((Vec::new(), Vec::new(), true));
            self.body()?;
            self.emit(Op::Jump(top));
            self.land(top);
            self.end_loop(top);
            return Ok(());
        }
        if !self.is(";") {
            self.simple()?;
        }
        self.expect(";")?;
        self.newlines();
        let top = self.here();
        let mut outs = Vec::new();
        if !self.is(";") {
            self.expression()?;
            outs.push(self.emit(Op::Branch(0, false)));
        }
        self.expect(";")?;
        self.newlines();
        let to_body = self.emit(Op::Jump(0));
        let on = self.here();
        if !self.is(")") {
            self.simple()?;
        }
        self.expect(")")?;
        self.emit(Op::Jump(top));
        self.land(to_body);
        self.loops.push((outs, Vec::new(), false));
        self.body()?;
        self.emit(Op::Jump(on));
        self.end_loop(on);
        Ok(())
    }

    fn simple(&mut self) -> Result<()> {
        if self.is("print") || self.is("printf") {
            return self.print();
        }
        if self.eat("next") {
            self.emit(Op::Next);
        } else if self.eat("exit") {
            if self.ends_statement() {
                self.emit(Op::Text(String::new()));
            } else {
                self.expression()?;
            }
            self.emit(Op::Exit);
        } else if self.is("return") && self.in_function {
            self.at += 1;
            if self.ends_statement() {
                self.emit(Op::Text(String::new()));
            } else {
                self.expression()?;
            }
            self.emit(Op::Return);
        } else if self.is("break") || self.is("continue") {
            let breaks = self.eat("break") || !self.eat("continue");
            let jump = if breaks && self.loops.last().is_some_and(|(_, _, walks)| *walks) {
                self.emit(Op::Leave);
                self.emit(Op::Jump(0))
            } else {
                self.emit(Op::Jump(0))
            };
            let Some((outs, ons, _)) = self.loops.last_mut() else { return Err(self.unexpected()) };
            if breaks { outs.push(jump) } else { ons.push(jump) }
        } else if self.eat("delete") {
            let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
            self.at += 1;
            let array = self.array(&name);
            if self.eat("[") {
                self.subscript()?;
                self.emit(Op::Delete(array));
            } else {
                self.emit(Op::Clear(array));
            }
        } else {
            self.expression()?;
            self.emit(Op::Pop);
        }
        Ok(())
    }

    fn ends_statement(&self) -> bool {
        self.is(";") || self.is("}") || matches!(self.peek(), Token::Newline | Token::End)
    }

    fn print(&mut self) -> Result<()> {
        let formatted = self.is("printf");
        self.at += 1;
        let mut count = 0;
        let before = std::mem::replace(&mut self.no_greater, true);
        if !self.ends_statement() && !self.is(">") && !self.is(">>") && !self.is("|") {
            count = self.arguments()?;
        }
        self.no_greater = before;
        let target = if self.eat(">") {
            Target::File
        } else if self.eat(">>") {
            Target::Append
        } else if self.is("|") {
            return Err("pipes to commands are not available here".to_owned());
        } else {
            Target::Stdout
        };
        if target != Target::Stdout {
            self.concatenation()?;
        }
        self.emit(if formatted { Op::Printf(count, target) } else { Op::Print(count, target) });
        Ok(())
    }

    /// What `print` prints: a list, perhaps in parentheses.
    fn arguments(&mut self) -> Result<usize> {
        if self.is("(") {
            // `print (a, b)` is a list in parentheses, `print (a) b` begins with a group.
            let (start, code, regexes) = (self.at, self.here(), self.program.regexes.len());
            self.at += 1;
            let greater = std::mem::replace(&mut self.no_greater, false);
            let count = self.list(")")?;
            self.no_greater = greater;
            self.expect(")")?;
            if self.ends_statement() || self.is(">") || self.is(">>") || self.is("|") {
                return Ok(count);
            }
            self.at = start;
            self.program.ops.truncate(code);
            self.program.regexes.truncate(regexes);
        }
        self.list("")
    }

    fn list(&mut self, close: &str) -> Result<usize> {
        let mut count = 0;
        if !close.is_empty() && self.is(close) {
            return Ok(0);
        }
        loop {
            self.newlines();
            self.expression()?;
            count += 1;
            if !self.eat(",") {
                return Ok(count);
            }
        }
    }

    fn place(&mut self, name: &str) -> Place {
        match self.locals.iter().position(|local| local == name) {
            Some(local) => Place::Local(local),
            None => Place::Global(self.global(name)),
        }
    }

    fn array(&mut self, name: &str) -> Array {
        match self.place(name) {
            Place::Local(local) => Array::Local(local),
            Place::Global(global) => Array::Global(global),
            Place::Field | Place::Element(_) => Array::Global(0),
        }
    }

    fn subscript(&mut self) -> Result<()> {
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        let count = self.list("]")?;
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect("]")?;
        if count != 1 {
            self.emit(Op::Group(count));
        }
        Ok(())
    }

    // ---- expressions, from the loosest operator to the tightest

    fn expression(&mut self) -> Result<()> {
        self.deeper()?;
        let done = self.ternary();
        self.depth -= 1;
        done
    }

    fn ternary(&mut self) -> Result<()> {
        self.or()?;
        if self.eat("?") {
            self.newlines();
            let other = self.emit(Op::Branch(0, false));
            self.expression()?;
            self.newlines();
            self.expect(":")?;
            self.newlines();
            let end = self.emit(Op::Jump(0));
            self.land(other);
            self.expression()?;
            self.land(end);
        }
        Ok(())
    }

    fn or(&mut self) -> Result<()> {
        self.and()?;
        while self.eat("||") {
            self.newlines();
            self.short(true)?;
        }
        Ok(())
    }

    fn and(&mut self) -> Result<()> {
        self.membership()?;
        while self.eat("&&") {
            self.newlines();
            self.short(false)?;
        }
        Ok(())
    }

    /// The right side of `||` or `&&`, unless the left one has decided.
    fn short(&mut self, decided: bool) -> Result<()> {
        let skip = self.emit(Op::Branch(0, decided));
        if decided {
            self.and()?
        } else {
            self.membership()?
        }
        self.emit(Op::Truth);
        let end = self.emit(Op::Jump(0));
        self.land(skip);
        self.emit(Op::Number(f64::from(u8::from(decided))));
        self.land(end);
        Ok(())
    }

    fn membership(&mut self) -> Result<()> {
        self.matching()?;
        while !self.no_in && self.eat("in") {
            let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
            self.at += 1;
            let array = self.array(&name);
            self.emit(Op::In(array));
        }
        Ok(())
    }

    fn matching(&mut self) -> Result<()> {
        self.comparison()?;
        while self.is("~") || self.is("!~") {
            let negated = self.is("!~");
            self.at += 1;
            match self.peek().clone() {
                Token::Regex(text) => {
                    self.at += 1;
                    let regex = self.regex(&text)?;
                    self.emit(Op::Pattern(regex));
                }
                _ => self.comparison()?,
            }
            self.emit(Op::Tilde(negated));
        }
        Ok(())
    }

    fn comparison(&mut self) -> Result<()> {
        self.concatenation()?;
        for sign in ["<=", ">=", "==", "!=", "<", ">"] {
            if !(sign == ">" && self.no_greater) && self.eat(sign) {
                self.concatenation()?;
                self.emit(Op::Compare(sign));
                break;
            }
        }
        // A line of a file: `getline < "file"` stands tighter, in `primary`.
        Ok(())
    }

    fn concatenation(&mut self) -> Result<()> {
        self.additive()?;
        while self.begins_operand() {
            self.additive()?;
            self.emit(Op::Binary(' '));
        }
        Ok(())
    }

    fn begins_operand(&self) -> bool {
        match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(..) => true,
            Token::Word(word) => matches!(*word, "$" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    fn additive(&mut self) -> Result<()> {
        self.multiplicative()?;
        while self.is("+") || self.is("-") {
            let sign = if self.eat("+") { '+' } else { '-' };
            self.at += usize::from(sign == '-');
            self.multiplicative()?;
            self.emit(Op::Binary(sign));
        }
        Ok(())
    }

    fn multiplicative(&mut self) -> Result<()> {
        self.unary()?;
        while self.is("*") || self.is("/") || self.is("%") {
            let sign = if self.eat("*") {
                '*'
            } else if self.eat("/") {
                '/'
            } else {
                '%'
            };
            self.at += usize::from(sign == '%');
            self.unary()?;
            self.emit(Op::Binary(sign));
        }
        Ok(())
    }

    fn unary(&mut self) -> Result<()> {
        self.deeper()?;
        let op = if self.eat("!") {
            Some(Op::Not)
        } else if self.eat("-") {
            Some(Op::Minus)
        } else if self.eat("+") {
            Some(Op::Plus)
        } else {
            None
        };
        match op {
            Some(op) => {
                self.unary()?;
                self.emit(op);
            }
            None => self.power()?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn power(&mut self) -> Result<()> {
        self.primary()?;
        if self.eat("^") || self.eat("**") {
            // The right side binds tighter than a sign before the left one.
            self.unary()?;
            self.emit(Op::Binary('^'));
        }
        Ok(())
    }

    fn primary(&mut self) -> Result<()> {
        match self.peek().clone() {
            Token::Number(number) => {
                self.at += 1;
                self.emit(Op::Number(number));
            }
            Token::Text(text) => {
                self.at += 1;
                self.emit(Op::Text(text));
            }
            Token::Regex(text) => {
                self.at += 1;
                let regex = self.regex(&text)?;
                self.emit(Op::Matches(regex));
            }
            Token::Word("(") => return self.group(),
            Token::Word(sign @ ("++" | "--")) => {
                self.at += 1;
                let place = self.lvalue()?;
                self.emit(Op::Step(place, if sign == "++" { 1.0 } else { -1.0 }, true));
            }
            Token::Word("getline") => return self.getline(),
            Token::Word("$") => {
                let place = self.lvalue()?;
                return self.assigned(place);
            }
            Token::Name(name, called) => {
                let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
                if let Some((known, most)) = found {
                    return self.builtin(known, *most);
                }
                if called {
                    return self.call(&name);
                }
                let place = self.lvalue()?;
                return self.assigned(place);
            }
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    fn group(&mut self) -> Result<()> {
        self.expect("(")?;
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        let count = self.list(")")?;
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect(")")?;
        if count != 1 {
            // `(i, j) in array`
            self.emit(Op::Group(count));
            if !self.is("in") {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    /// A place to keep a value; what it needs is put on the stack.
    fn lvalue(&mut self) -> Result<Place> {
        if self.eat("$") {
            if self.is("++") || self.is("--") || self.is("-") || self.is("+") || self.is("!") {
                self.unary()?;
            } else {
                self.dollar()?;
            }
            return Ok(Place::Field);
        }
        let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
        self.at += 1;
        if self.eat("[") {
            let array = self.array(&name);
            self.subscript()?;
            return Ok(Place::Element(array));
        }
        Ok(self.place(&name))
    }

    /// What stands right behind `$`: `$1`, `$NF`, `$i++` is `($i)++`.
    fn dollar(&mut self) -> Result<()> {
        match self.peek().clone() {
            Token::Name(name, called) if !called && !FUNCTIONS.iter().any(|(known, _)| *known == name) => {
                let place = self.lvalue()?;
                self.emit(Op::Get(place));
                Ok(())
            }
            Token::Word("$") => {
                let place = self.lvalue()?;
                self.emit(Op::Get(place));
                Ok(())
            }
            _ => self.primary(),
        }
    }

    /// What is done with a place: read, set, changed.
    fn assigned(&mut self, place: Place) -> Result<()> {
        if self.eat("++") {
            self.emit(Op::Step(place, 1.0, false));
        } else if self.eat("--") {
            self.emit(Op::Step(place, -1.0, false));
        } else if self.eat("=") {
            self.newlines();
            self.expression()?;
            self.emit(Op::Set(place));
        } else {
            let change = [("+=", '+'), ("-=", '-'), ("*=", '*'), ("/=", '/'), ("%=", '%'), ("^=", '^'), ("**=", '^')];
            for (sign, operator) in change {
                if self.eat(sign) {
                    self.newlines();
                    self.expression()?;
                    self.emit(Op::Change(place, operator));
                    return Ok(());
                }
            }
            self.emit(Op::Get(place));
        }
        Ok(())
    }

    fn getline(&mut self) -> Result<()> {
        self.at += 1;
        let place = match self.peek() {
            Token::Name(name, called) if !called && !FUNCTIONS.iter().any(|(known, _)| known == name) => {
                Some(self.lvalue()?)
            }
            Token::Word("$") => Some(self.lvalue()?),
            _ => None,
        };
        if self.eat("<") {
            self.primary()?;
            self.emit(Op::GetlineFile(place));
        } else {
            self.emit(Op::Getline(place));
        }
        Ok(())
    }

    fn call(&mut self, name: &str) -> Result<()> {
        self.at += 1;
        self.expect("(")?;
        let mut count = 0;
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        while !self.is(")") {
            self.newlines();
            let bare = matches!(
                (self.peek(), self.tokens.get(self.at + 1)),
                (Token::Name(_, false), Some(Token::Word("," | ")")))
            );
            match self.peek().clone() {
                Token::Name(name, _) if bare => {
                    self.at += 1;
                    let array = self.array(&name);
                    self.emit(Op::Share(array));
                }
                _ => self.expression()?,
            }
            count += 1;
            if !self.eat(",") {
                break;
            }
        }
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect(")")?;
        let index = self.user(name);
        self.emit(Op::User(index, count));
        Ok(())
    }

    fn builtin(&mut self, name: &'static str, most: usize) -> Result<()> {
        self.at += 1;
        let mut count = 0;
        if self.eat("(") {
            let (no_in, greater) =
                (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
            let mut target = None;
            while !self.is(")") {
                self.newlines();
                let second = count == 1 && matches!(name, "split");
                match self.peek().clone() {
                    Token::Name(array, false)
                        if second
                            || (name == "length" && matches!(self.tokens.get(self.at + 1), Some(Token::Word(")")))) =>
                    {
                        self.at += 1;
                        let array = self.array(&array);
                        self.emit(Op::Share(array));
                    }
                    Token::Regex(text)
                        if matches!((name, count), ("split", 2) | ("sub" | "gsub", 0) | ("match", 1)) =>
                    {
                        self.at += 1;
                        let regex = self.regex(&text)?;
                        self.emit(Op::Pattern(regex));
                    }
                    _ if count == 2 && matches!(name, "sub" | "gsub") => {
                        let place = self.lvalue()?;
                        target = Some(place);
                    }
                    _ => self.expression()?,
                }
                count += 1;
                if !self.eat(",") {
                    break;
                }
            }
            (self.no_in, self.no_greater) = (no_in, greater);
            self.expect(")")?;
            if matches!(name, "sub" | "gsub") {
                return self.substitution(name, count, target);
            }
        }
        if count > most
            || (count == 0 && !matches!(name, "length" | "rand" | "srand" | "fflush" | "systime" | "strftime"))
        {
            return Err("Too few arguments".to_owned());
        }
        self.emit(Op::Call(name, count));
        Ok(())
    }

    /// `sub` and `gsub` end in a place: what they made is kept there.
    fn substitution(&mut self, name: &'static str, count: usize, target: Option<Place>) -> Result<()> {
        let place = match (count, target) {
            (2, None) => {
                self.emit(Op::Number(0.0));
                Place::Field
            }
            (3, Some(place)) => place,
            _ => return Err("Too few arguments".to_owned()),
        };
        self.emit(Op::Substitute(place, name == "gsub"));
        Ok(())
    }
}
