//! Runs a template over an object. Prints nothing itself.
//!
//! Models Go text/template/exec.go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::functions::{call, wrong_number};
use super::tree::{Arg, Command, Node, Operand, Pipe, Tree, written, written_operand, written_pipe};
use super::value::Val;
use crate::text::go_number::quote;

/// How deep templates may call one another, and how many steps one may take: input cannot make kubectl hang.
const DEPTH: usize = 64;
const STEPS: usize = 1_000_000;

/// Why a template stopped, and where.
#[derive(Debug)]
pub struct Fault {
    /// The byte of the template.
    pub at: usize,
    /// What stands there.
    pub written: String,
    /// The template that was running: the whole, or one that it defines.
    pub running: String,
    /// The words.
    pub why: String,
}

/// A value, and whether it is an element of a map or list, whose type Go does not know.
type Held = (Val, bool);

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    Through,
    Break,
    Continue,
}

/// A running template.
pub struct Run<'a> {
    /// What it has printed.
    pub out: String,
    defined: &'a BTreeMap<String, Vec<Node>>,
    strict: bool,
    variables: Vec<(String, Held)>,
    running: String,
    depth: usize,
    steps: usize,
}

impl<'a> Run<'a> {
    /// Runs a template over an object. With `strict`, a field that is not there is an error.
    pub fn of(tree: &'a Tree, object: &Value, strict: bool) -> (String, Result<(), Fault>) {
        let dot = (Val::Json(object.clone()), false);
        let mut run = Run {
            out: String::new(),
            defined: &tree.defined,
            strict,
            variables: vec![(String::new(), dot.clone())],
            running: "output".to_owned(),
            depth: 0,
            steps: 0,
        };
        let result = run.nodes(&tree.nodes, &dot).map(|_| ());
        (run.out, result)
    }

    fn fault<T>(&self, at: usize, written: String, why: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at, written, running: self.running.clone(), why: why.into() })
    }

    fn nodes(&mut self, nodes: &'a [Node], dot: &Held) -> Result<Flow, Fault> {
        let known = self.variables.len();
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::Through {
                self.variables.truncate(known);
                return Ok(flow);
            }
        }
        self.variables.truncate(known);
        Ok(Flow::Through)
    }

    fn node(&mut self, node: &'a Node, dot: &Held) -> Result<Flow, Fault> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Print(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.out.push_str(&value.shown());
                }
            }
            Node::If(pipe, body, other) | Node::With(pipe, body, other) => {
                let known = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                let flow = match (value.truth(), matches!(node, Node::With(..))) {
                    (true, true) => self.nodes(body, &(value, false)),
                    (true, false) => self.nodes(body, dot),
                    (false, _) => self.nodes(other, dot),
                }?;
                self.variables.truncate(known);
                return Ok(flow);
            }
            Node::Range(pipe, body, other) => return self.range(pipe, body, other, dot),
            Node::Template(name, pipe, at) => self.template(name, pipe.as_ref(), *at, dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Through)
    }

    fn template(&mut self, name: &str, pipe: Option<&'a Pipe>, at: usize, dot: &Held) -> Result<(), Fault> {
        let tail = pipe.map_or(String::new(), |pipe| format!(" {}", written_pipe(pipe)));
        let written = || format!("{{{{template {}{tail}}}}}", quote(name));
        let Some(body) = self.defined.get(name) else {
            return self.fault(at, written(), format!("template {} not defined", quote(name)));
        };
        if self.depth >= DEPTH {
            return self.fault(at, written(), format!("exceeded maximum template depth ({DEPTH})"));
        }
        let value = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Val::Missing,
        };
        let outside = std::mem::replace(&mut self.variables, vec![(String::new(), (value.clone(), false))]);
        let caller = std::mem::replace(&mut self.running, name.to_owned());
        self.depth += 1;
        self.nodes(body, &(value, false))?;
        self.depth -= 1;
        (self.variables, self.running) = (outside, caller);
        Ok(())
    }

    fn range(&mut self, pipe: &'a Pipe, body: &'a [Node], other: &'a [Node], dot: &Held) -> Result<Flow, Fault> {
        let known = self.variables.len();
        let value = self.pipe(pipe, dot)?;
        self.variables.truncate(known);
        let items: Vec<(Val, Held)> = match value {
            Val::Json(Value::Array(items)) => {
                let place = |at: usize| Val::Int(i64::try_from(at).unwrap_or(i64::MAX));
                items.into_iter().enumerate().map(|(at, item)| (place(at), (Val::Json(item), true))).collect()
            }
            Val::Json(Value::Object(fields)) => {
                fields.into_iter().map(|(key, value)| (Val::text(key), (Val::Json(value), true))).collect()
            }
            Val::Missing | Val::Json(Value::Null) => Vec::new(),
            other => match other.int() {
                Some(number) => {
                    let number = number.clamp(0, i64::try_from(STEPS).unwrap_or(i64::MAX));
                    (0..number).map(|at| (Val::Int(at), (Val::Int(at), false))).collect()
                }
                None => {
                    let arg = pipe.commands.first().and_then(|command| command.args.first());
                    let (at, written) = arg.map_or((0, String::new()), |arg| (arg.at, written_operand(&arg.kind)));
                    return self.fault(at, written, format!("range can't iterate over {}", other.printed()));
                }
            },
        };
        if items.is_empty() {
            return self.nodes(other, dot);
        }
        for (key, value) in items {
            match pipe.variables.as_slice() {
                [one] => self.keep(one, value.clone(), pipe.assigns),
                [first, second] => {
                    self.keep(first, (key, false), pipe.assigns);
                    self.keep(second, value.clone(), pipe.assigns);
                }
                _ => {}
            }
            let flow = self.nodes(body, &value)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Through)
    }

    fn keep(&mut self, name: &str, value: Held, assigns: bool) {
        match self.variables.iter_mut().rev().find(|(known, _)| assigns && known == name) {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Held) -> Result<Val, Fault> {
        let mut last: Option<Val> = None;
        for command in &pipe.commands {
            self.steps += 1;
            if self.steps > STEPS {
                return self.fault(0, written(command), "too many steps");
            }
            last = Some(self.command(command, last, dot)?);
        }
        let value = last.unwrap_or(Val::Missing);
        // A range sets its variables for each element.
        if let [name] = pipe.variables.as_slice() {
            let last = pipe.commands.last().and_then(|command| command.args.first());
            if let (true, Some(last)) = (pipe.assigns && !self.variables.iter().any(|(known, _)| known == name), last) {
                let why = format!("undefined variable: ${name}");
                return self.fault(last.at, written_operand(&last.kind), why);
            }
            self.keep(name, (value.clone(), false), pipe.assigns);
        }
        Ok(value)
    }

    fn command(&mut self, command: &'a Command, piped: Option<Val>, dot: &Held) -> Result<Val, Fault> {
        let Some(first) = command.args.first() else { return Ok(Val::Missing) };
        let alone = command.args.len() == 1 && piped.is_none();
        match &first.kind {
            Operand::Function(name) => self.function(name, command, piped, dot),
            Operand::Nil => self.fault(first.at, "nil".to_owned(), "nil is not a command"),
            Operand::Field(fields) if !alone => {
                let (before, last) = fields.split_at(fields.len().saturating_sub(1));
                let value = self.descend(dot.clone(), before, first)?;
                match (value.0, last) {
                    (Val::Json(Value::Object(_)), [name]) => {
                        let why = format!("{name} is not a method but has arguments");
                        self.fault(first.at, written_operand(&first.kind), why)
                    }
                    (value, last) => Ok(self.descend((value, value_is_loose(before)), last, first)?.0),
                }
            }
            kind if !alone => {
                let written = written_operand(kind);
                let why = format!("can't give argument to non-function {written}");
                self.fault(first.at, written, why)
            }
            _ => Ok(self.arg(first, dot)?.0),
        }
    }

    fn function(&mut self, name: &str, command: &'a Command, piped: Option<Val>, dot: &Held) -> Result<Val, Fault> {
        let at = command.args.first().map_or(0, |arg| arg.at);
        let words = command.args.get(1..).unwrap_or_default();
        if let Some(why) = wrong_number(name, words.len() + usize::from(piped.is_some())) {
            return self.fault(at, name.to_owned(), why);
        }
        let mut args = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let value = self.arg(word, dot)?.0;
            // These two stop as soon as they know.
            if (name == "and" && !value.truth()) || (name == "or" && value.truth()) {
                return Ok(value);
            }
            if place == 0 && ["printf", "base64decode"].contains(&name) && value.as_text().is_none() {
                let written = written_operand(&word.kind);
                let why = match (&word.kind, &value) {
                    (Operand::Constant(..), _) => format!("expected string; found {written}"),
                    (_, Val::Missing) => "invalid value; expected string".to_owned(),
                    (_, value) => format!("wrong type for value; expected string; got {}", value.go_type()),
                };
                return self.fault(word.at, written, why);
            }
            args.push(value);
        }
        args.extend(piped);
        if ["and", "or"].contains(&name) {
            return Ok(args.pop().unwrap_or(Val::Missing));
        }
        call(name, &args).or_else(|why| {
            let why = why.replace("{}", &words.first().map_or(String::new(), |word| written_operand(&word.kind)));
            self.fault(at, written(command), format!("error calling {name}: {why}"))
        })
    }

    fn arg(&mut self, arg: &'a Arg, dot: &Held) -> Result<Held, Fault> {
        match &arg.kind {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok((Val::Json(Value::Null), false)),
            Operand::Constant(value, _) => Ok((value.clone(), false)),
            Operand::Field(fields) => self.descend(dot.clone(), fields, arg),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = known.map_or((Val::Missing, false), |(_, value)| value.clone());
                self.descend(value, fields, arg)
            }
            Operand::Nested(pipe, fields) => {
                let value = self.pipe(pipe, dot)?;
                self.descend((value, false), fields, arg)
            }
            Operand::Function(name) => match wrong_number(name, 0) {
                Some(why) => self.fault(arg.at, name.clone(), why),
                None => {
                    call(name, &[]).or_else(|why| self.fault(arg.at, name.clone(), why)).map(|value| (value, false))
                }
            },
        }
    }

    /// The field of a field of a value.
    fn descend(&self, from: Held, fields: &[String], arg: &Arg) -> Result<Held, Fault> {
        let (mut value, mut loose) = from;
        for field in fields {
            let why = match value {
                Val::Json(Value::Object(mut map)) => {
                    loose = true;
                    match map.remove(field) {
                        Some(found) => {
                            value = Val::Json(found);
                            continue;
                        }
                        None if !self.strict => {
                            value = Val::Missing;
                            continue;
                        }
                        None => format!("map has no entry for key {}", quote(field)),
                    }
                }
                Val::Missing if !self.strict => continue,
                Val::Missing => format!("nil data; no entry for key {}", quote(field)),
                Val::Json(Value::Null) => format!("nil pointer evaluating interface {{}}.{field}"),
                other => {
                    let kind = if loose { "interface {}" } else { other.go_type() };
                    format!("can't evaluate field {field} in type {kind}")
                }
            };
            return self.fault(arg.at, written_operand(&arg.kind), why);
        }
        Ok((value, loose))
    }
}

/// Whether a value that these fields led to came out of a map.
fn value_is_loose(fields: &[String]) -> bool {
    !fields.is_empty()
}
