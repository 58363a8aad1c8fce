//! The grammar of Go templates. Runs nothing.
//!
//! Models Go text/template/parse/parse.go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::constants::{number, unquote};
use super::functions::FUNCTIONS;
use super::lex::{Kind, Token, tokens};
use super::tree::{Arg, Command, Node, Operand, Pipe, Tree, written_operand};
use super::value::Val;
use crate::text::go_number::quote;

/// How deep a template may nest: input cannot exhaust the stack.
const DEPTH: usize = 64;

/// Reads a template.
///
/// # Errors
/// `LINE: why`.
pub fn parse(template: &str) -> Result<Tree, String> {
    let line = |at: usize| template.get(..at).unwrap_or(template).matches('\n').count() + 1;
    let tokens = tokens(template).map_err(|(at, why)| format!("{}: {why}", line(at)))?;
    let mut parser = Parser { tokens, at: 0, depth: 0, loops: 0, variables: Vec::new(), defined: BTreeMap::new() };
    let place = |parser: &Parser, why: String| {
        let last = parser.tokens.get(parser.at.saturating_sub(1)).map_or(0, |token| token.at);
        format!("{}: {why}", line(last))
    };
    match parser.list() {
        Ok((nodes, Stop::Eof)) => Ok(Tree { nodes, defined: parser.defined }),
        Ok((_, Stop::End)) => Err(place(&parser, "unexpected {{end}}".to_owned())),
        Ok((_, Stop::Else)) => Err(place(&parser, "unexpected {{else}}".to_owned())),
        Err(why) => Err(place(&parser, why)),
    }
}

/// What a list of nodes ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Eof,
    End,
    Else,
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// How many `range` stand around.
    loops: usize,
    variables: Vec<String>,
    defined: BTreeMap<String, Vec<Node>>,
}

impl Parser {
    fn next(&mut self) -> Token {
        let token = self.tokens.get(self.at).or(self.tokens.last()).cloned();
        self.at += 1;
        token.unwrap_or(Token { kind: Kind::Eof, text: String::new(), at: 0 })
    }

    fn peek(&self) -> Kind {
        self.tokens.get(self.at).map_or(Kind::Eof, |token| token.kind)
    }

    fn next_solid(&mut self) -> Token {
        if self.peek() == Kind::Space {
            self.at += 1;
        }
        self.next()
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH { Err("max expression depth exceeded".to_owned()) } else { Ok(()) }
    }

    fn list(&mut self) -> Result<(Vec<Node>, Stop), String> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let end = loop {
            let token = self.next();
            match token.kind {
                Kind::Text => nodes.push(Node::Text(token.text)),
                Kind::Eof => break Stop::Eof,
                _ => {
                    if let Some(end) = self.action(&mut nodes)? {
                        break end;
                    }
                }
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    /// What follows `{{`.
    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<Stop>, String> {
        let token = self.next_solid();
        let word = if token.kind == Kind::Word { token.text.as_str() } else { "" };
        match word {
            "end" => {
                self.close("end")?;
                return Ok(Some(Stop::End));
            }
            "else" => return Ok(Some(Stop::Else)),
            "if" | "range" | "with" => nodes.push(self.control(word)?),
            "break" | "continue" => {
                let word = word.to_owned();
                self.close(&format!("in {{{{{word}}}}}"))?;
                if self.loops == 0 {
                    return Err(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                nodes.push(if word == "break" { Node::Break } else { Node::Continue });
            }
            "define" => {
                let name = self.name("define clause")?;
                self.close("define clause")?;
                let body = self.definition()?;
                self.defined.insert(name, body);
            }
            "block" | "template" => {
                let clause = format!("{word} clause");
                let block = word == "block";
                let at = self.tokens.get(self.at + usize::from(self.peek() == Kind::Space)).map_or(0, |token| token.at);
                let name = self.name(&clause)?;
                let pipe = match self.next_solid() {
                    token if token.kind == Kind::Close => None,
                    _ => {
                        self.at -= 1;
                        Some(self.pipeline(&clause, Kind::Close)?)
                    }
                };
                if block {
                    let body = self.definition()?;
                    self.defined.insert(name.clone(), body);
                }
                nodes.push(Node::Template(name, pipe, at));
            }
            _ => {
                self.at -= 1;
                nodes.push(Node::Print(self.pipeline("command", Kind::Close)?));
            }
        }
        Ok(None)
    }

    fn close(&mut self, context: &str) -> Result<(), String> {
        match self.next_solid() {
            token if token.kind == Kind::Close => Ok(()),
            token => Err(format!("unexpected {} in {context}", described(&token))),
        }
    }

    fn name(&mut self, context: &str) -> Result<String, String> {
        let token = self.next_solid();
        match token.kind {
            Kind::Quoted | Kind::Raw => unquote(&token.text),
            _ => Err(format!("unexpected {} in {context}", described(&token))),
        }
    }

    /// The body of a template that is defined here; it sees none of the variables around.
    fn definition(&mut self) -> Result<Vec<Node>, String> {
        let (variables, loops) = (std::mem::take(&mut self.variables), std::mem::take(&mut self.loops));
        let (body, end) = self.list()?;
        (self.variables, self.loops) = (variables, loops);
        if end == Stop::End { Ok(body) } else { Err("unexpected EOF".to_owned()) }
    }

    fn control(&mut self, word: &str) -> Result<Node, String> {
        let known = self.variables.len();
        let pipe = self.pipeline(word, Kind::Close)?;
        let looped = usize::from(word == "range");
        self.loops += looped;
        let (body, end) = self.list()?;
        self.loops -= looped;
        let mut other = Vec::new();
        match end {
            Stop::Eof => return Err("unexpected EOF".to_owned()),
            Stop::End => {}
            Stop::Else => {
                let token = self.next_solid();
                if token.kind == Kind::Word && token.text == word && word != "range" {
                    // `else if` is an `if` of its own, which the same `end` closes.
                    other.push(self.control(word)?);
                } else if token.kind == Kind::Close {
                    let (nodes, end) = self.list()?;
                    match end {
                        Stop::End => other = nodes,
                        Stop::Else => return Err("expected end; found {{else}}".to_owned()),
                        Stop::Eof => return Err("unexpected EOF".to_owned()),
                    }
                } else {
                    return Err(format!("unexpected {} in else", described(&token)));
                }
            }
        }
        self.variables.truncate(known);
        Ok(match word {
            "if" => Node::If(pipe, body, other),
            "with" => Node::With(pipe, body, other),
            _ => Node::Range(pipe, body, other),
        })
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        self.deeper()?;
        let mut pipe = Pipe::default();
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_solid();
            let paren = token.kind == Kind::Mark && token.text == ")";
            if token.kind == end || (end == Kind::Mark && paren) {
                break;
            }
            let starts = !matches!(token.kind, Kind::Close | Kind::Eof | Kind::Declare | Kind::Text | Kind::Open)
                && (token.kind != Kind::Mark || token.text == "(");
            if !starts {
                return Err(format!("unexpected {} in {context}", described(&token)));
            }
            self.at -= 1;
            let command = self.command()?;
            pipe.commands.push(command);
        }
        if pipe.commands.is_empty() {
            return Err(format!("missing value for {context}"));
        }
        for (stage, command) in pipe.commands.iter().enumerate().skip(1) {
            let kind = command.args.first().map(|arg| &arg.kind);
            if let Some(Operand::Dot | Operand::Nil | Operand::Constant(..)) = kind {
                return Err(format!("non executable command in pipeline stage {}", stage + 1));
            }
        }
        self.depth -= 1;
        Ok(pipe)
    }

    /// `$x :=`, `$x =` and `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<(), String> {
        let begin = self.at;
        let mut names = Vec::new();
        loop {
            let variable = self.next_solid();
            if variable.kind != Kind::Variable {
                break;
            }
            names.push(variable.text.trim_start_matches('$').to_owned());
            let mark = self.next_solid();
            match (mark.kind, mark.text.as_str()) {
                (Kind::Declare, _) | (Kind::Mark, "=") => {
                    if names.len() > 1 && context != "range" || names.len() > 2 {
                        return Err(format!("too many declarations in {context}"));
                    }
                    pipe.assigns = mark.kind == Kind::Mark;
                    // Whether what is assigned to was declared shows when it runs.
                    self.variables.extend(names.iter().cloned());
                    pipe.variables = names;
                    return Ok(());
                }
                (Kind::Mark, ",") if context == "range" && names.len() < 2 => {}
                _ => break,
            }
        }
        self.at = begin;
        Ok(())
    }

    fn known(&self, name: &str) -> Result<(), String> {
        if name.is_empty() || self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(format!("undefined variable {}", quote(&format!("${name}"))))
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut args = Vec::new();
        loop {
            if self.peek() == Kind::Space {
                self.at += 1;
            }
            if let Some(arg) = self.operand()? {
                args.push(arg);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::Close => {
                    self.at -= 1;
                    break;
                }
                Kind::Mark if token.text == ")" => {
                    self.at -= 1;
                    break;
                }
                Kind::Mark if token.text == "|" => break,
                _ => return Err(format!("unexpected {} in operand", described(&token))),
            }
        }
        if args.is_empty() { Err("empty command".to_owned()) } else { Ok(Command { args }) }
    }

    fn operand(&mut self) -> Result<Option<Arg>, String> {
        let token = self.next();
        let mut at = token.at;
        let mut kind = match token.kind {
            Kind::Word => match token.text.as_str() {
                "true" | "false" => Operand::Constant(Val::Json(Value::Bool(token.text == "true")), token.text),
                "nil" => Operand::Nil,
                name if FUNCTIONS.iter().any(|(known, _)| *known == name) => Operand::Function(token.text),
                name => return Err(format!("function {} not defined", quote(name))),
            },
            Kind::Dot => Operand::Dot,
            Kind::Field => Operand::Field(vec![token.text.trim_start_matches('.').to_owned()]),
            Kind::Variable => {
                let name = token.text.trim_start_matches('$').to_owned();
                self.known(&name)?;
                Operand::Variable(name, Vec::new())
            }
            Kind::Number | Kind::Char => Operand::Constant(number(&token.text)?, token.text),
            Kind::Quoted | Kind::Raw => Operand::Constant(Val::Json(Value::String(unquote(&token.text)?)), token.text),
            Kind::Mark if token.text == "(" => {
                Operand::Nested(self.pipeline("parenthesized pipeline", Kind::Mark)?, Vec::new())
            }
            _ => {
                self.at -= 1;
                return Ok(None);
            }
        };
        let mut first = true;
        while self.peek() == Kind::Field {
            let field = self.next();
            match &mut kind {
                Operand::Field(fields) | Operand::Variable(_, fields) | Operand::Nested(_, fields) => {
                    fields.push(field.text.trim_start_matches('.').to_owned());
                }
                other => return Err(format!("unexpected . after term {}", quote(&written_operand(other)))),
            }
            if std::mem::take(&mut first) {
                at = field.at;
            }
        }
        Ok(Some(Arg { kind, at }))
    }
}

fn described(token: &Token) -> String {
    match token.kind {
        Kind::Eof => "EOF".to_owned(),
        Kind::Word
            if ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"]
                .contains(&token.text.as_str()) =>
        {
            format!("<{}>", token.text)
        }
        _ => quote(&token.text),
    }
}
