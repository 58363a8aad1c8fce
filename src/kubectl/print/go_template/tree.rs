//! A Go template that was read: its parts, and how they would be written. Reads and runs nothing.
//!
//! Models Go text/template/parse/node.go.

use std::collections::BTreeMap;

use super::value::Val;

/// A part of a template.
#[derive(Clone, Debug)]
pub enum Node {
    /// Text as it stands.
    Text(String),
    /// A pipeline whose value is printed, unless it is kept in a variable.
    Print(Pipe),
    /// `if`: what decides, what is done, and what else.
    If(Pipe, Vec<Node>, Vec<Node>),
    /// `range`.
    Range(Pipe, Vec<Node>, Vec<Node>),
    /// `with`.
    With(Pipe, Vec<Node>, Vec<Node>),
    /// `template "name" pipeline`, with the place of its name.
    Template(String, Option<Pipe>, usize),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// A pipeline, perhaps kept in variables.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// The variables, without `$`.
    pub variables: Vec<String>,
    /// Whether they are there already (`=`).
    pub assigns: bool,
    /// The stages.
    pub commands: Vec<Command>,
}

/// One stage of a pipeline: an operand, or a function and its arguments.
#[derive(Clone, Debug)]
pub struct Command {
    /// The words.
    pub args: Vec<Arg>,
}

/// An operand and the byte that errors about it name.
#[derive(Clone, Debug)]
pub struct Arg {
    /// What it is.
    pub kind: Operand,
    /// Where it stands.
    pub at: usize,
}

/// What an operand is.
#[derive(Clone, Debug)]
pub enum Operand {
    /// `.`.
    Dot,
    /// `nil`.
    Nil,
    /// `.a.b`.
    Field(Vec<String>),
    /// `$x.a`.
    Variable(String, Vec<String>),
    /// A constant and how it was written.
    Constant(Val, String),
    /// A function.
    Function(String),
    /// `(pipeline).a`.
    Nested(Pipe, Vec<String>),
}

/// A template and those that it defines.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The template itself.
    pub nodes: Vec<Node>,
    /// What `define` and `block` made.
    pub defined: BTreeMap<String, Vec<Node>>,
}

/// A command as it would be written.
pub fn written(command: &Command) -> String {
    let words: Vec<String> = command.args.iter().map(|arg| written_operand(&arg.kind)).collect();
    words.join(" ")
}

/// An operand as it would be written.
pub fn written_operand(operand: &Operand) -> String {
    let fields = |fields: &[String]| fields.iter().map(|field| format!(".{field}")).collect::<String>();
    match operand {
        Operand::Dot => ".".to_owned(),
        Operand::Nil => "nil".to_owned(),
        Operand::Field(path) => fields(path),
        Operand::Variable(name, path) => format!("${name}{}", fields(path)),
        Operand::Constant(_, text) | Operand::Function(text) => text.clone(),
        Operand::Nested(pipe, path) => format!("({}){}", written_pipe(pipe), fields(path)),
    }
}

/// A pipeline as it would be written.
pub fn written_pipe(pipe: &Pipe) -> String {
    let commands: Vec<String> = pipe.commands.iter().map(written).collect();
    let names: Vec<String> = pipe.variables.iter().map(|name| format!("${name}")).collect();
    let mark = if pipe.assigns { " = " } else { " := " };
    let head = if names.is_empty() { String::new() } else { names.join(", ") + mark };
    head + &commands.join(" | ")
}
