//! Go templates over an object: the part of text/template that people use with kubectl. Refuses `define`, `block` and
//! methods.
//!
//! Models Go text/template with kubectl's functions (`exists`, `base64decode`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::template::plain;
use crate::kubectl::failure::Failure;
use crate::text::go_number::quote;

/// How deep a template may nest, and how many steps it may take: input cannot make kubectl hang.
const DEPTH: usize = 64;

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Print(Pipe),
    If(Vec<(Pipe, Vec<Node>)>, Vec<Node>),
    Range(Pipe, Vec<String>, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
}

/// A pipeline, perhaps kept in a variable.
#[derive(Clone, Debug, Default)]
struct Pipe {
    variable: Option<String>,
    commands: Vec<Vec<Arg>>,
}

#[derive(Clone, Debug)]
enum Arg {
    Dot,
    Path(Vec<String>),
    Variable(String, Vec<String>),
    Constant(Value),
    Function(String),
    Nested(Pipe, Vec<String>),
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct GoTemplate {
    text: String,
    nodes: Vec<Node>,
}

impl GoTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// `error parsing template ...`.
    pub fn parse(text: &str) -> Result<GoTemplate, Failure> {
        let bad = |why: String| Failure::msg(format!("error parsing template {text}, template: output:{why}"));
        let pieces = pieces(text).map_err(bad)?;
        let mut parser = Parser { pieces, at: 0 };
        let (nodes, end) = parser.list(0).map_err(bad)?;
        match end {
            None => Ok(GoTemplate { text: text.to_owned(), nodes }),
            Some(word) => Err(bad(format!("1: unexpected {{{{{word}}}}}"))),
        }
    }

    /// The template's text for an object.
    ///
    /// # Errors
    /// A template that does not fit the object.
    pub fn render(&self, object: &Value) -> Result<String, Failure> {
        let mut run = Run { out: String::new(), variables: vec![(String::new(), object.clone())] };
        run.nodes(&self.nodes, object).map_err(|why| {
            Failure::msg(format!("error executing template {}: template: output:1: {why}", quote(&self.text)))
        })?;
        Ok(run.out)
    }
}

enum Piece {
    Text(String),
    Action(String),
}

/// Text and actions, with the space that `{{-` and `-}}` take away already gone.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut trim = false;
    let mut line = 1;
    loop {
        let (before, after) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        line += before.matches('\n').count();
        let mut shown = if trim { before.trim_start() } else { before };
        let Some(after) = after else {
            out.push(Piece::Text(shown.to_owned()));
            return Ok(out);
        };
        let after = match after.strip_prefix('-').filter(|rest| rest.starts_with([' ', '\n', '\t'])) {
            Some(after) => {
                shown = shown.trim_end();
                after
            }
            None => after,
        };
        out.push(Piece::Text(shown.to_owned()));
        let end = close(after).ok_or_else(|| match after.find('}') {
            Some(_) => format!("{line}: bad character U+007D '}}'"),
            None => format!("{line}: unclosed action"),
        })?;
        let (action, tail) = after.split_at_checked(end).unwrap_or((after, ""));
        rest = tail.strip_prefix("}}").unwrap_or(tail);
        let (action, trims) = match action.strip_suffix('-').filter(|rest| rest.ends_with([' ', '\n', '\t'])) {
            Some(action) => (action, true),
            None => (action, false),
        };
        trim = trims;
        let action = action.trim();
        if !action.starts_with("/*") {
            out.push(Piece::Action(action.to_owned()));
        }
    }
}

/// Where an action ends; quotes hide braces.
fn close(text: &str) -> Option<usize> {
    let mut quoted: Option<char> = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quoted {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(mark) if c == mark => quoted = None,
            Some(_) => {}
            None if c == '"' || c == '`' => quoted = Some(c),
            None if c == '}' && text.get(at..)?.starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

struct Parser {
    pieces: Vec<Piece>,
    at: usize,
}

impl Parser {
    /// Nodes up to an `end` or `else`, which is given back.
    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, Option<String>), String> {
        if depth > DEPTH {
            return Err("1: too deep".to_owned());
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.get(self.at) {
            self.at += 1;
            let action = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text.clone()));
                    continue;
                }
                Piece::Action(action) => action.clone(),
            };
            let (word, rest) = action.split_once([' ', '\t', '\n']).unwrap_or((&action, ""));
            match word {
                "end" | "else" => return Ok((nodes, Some(action.clone()))),
                "if" => nodes.push(self.branch(rest, depth)?),
                "range" => {
                    let (names, source) = match rest.split_once(":=") {
                        Some((names, source)) => (
                            names.split(',').map(|name| name.trim().trim_start_matches('$').to_owned()).collect(),
                            source,
                        ),
                        None => (Vec::new(), rest),
                    };
                    let pipe = pipeline(source)?;
                    let (body, other) = self.body(depth)?;
                    nodes.push(Node::Range(pipe, names, body, other));
                }
                "with" => {
                    let pipe = pipeline(rest)?;
                    let (body, other) = self.body(depth)?;
                    nodes.push(Node::With(pipe, body, other));
                }
                _ => nodes.push(Node::Print(pipeline(&action)?)),
            }
        }
        if depth > 0 { Err("1: unexpected EOF".to_owned()) } else { Ok((nodes, None)) }
    }

    fn body(&mut self, depth: usize) -> Result<(Vec<Node>, Vec<Node>), String> {
        let (body, end) = self.list(depth + 1)?;
        if end.as_deref() != Some("else") {
            return Ok((body, Vec::new()));
        }
        let (other, _) = self.list(depth + 1)?;
        Ok((body, other))
    }

    fn branch(&mut self, condition: &str, depth: usize) -> Result<Node, String> {
        let mut arms = Vec::new();
        let mut condition = condition.to_owned();
        loop {
            let pipe = pipeline(&condition)?;
            let (body, end) = self.list(depth + 1)?;
            arms.push((pipe, body));
            let end = end.unwrap_or_default();
            if let Some(next) = end.strip_prefix("else if ") {
                condition = next.to_owned();
            } else if end == "else" {
                let (other, _) = self.list(depth + 1)?;
                return Ok(Node::If(arms, other));
            } else {
                return Ok(Node::If(arms, Vec::new()));
            }
        }
    }
}

fn pipeline(text: &str) -> Result<Pipe, String> {
    let mut words = Words { rest: text.trim(), depth: 0 };
    let pipe = words.pipe()?;
    if words.rest.is_empty() { Ok(pipe) } else { Err(format!("1: unexpected {} in command", quote(words.rest))) }
}

struct Words<'a> {
    rest: &'a str,
    depth: usize,
}

impl Words<'_> {
    fn pipe(&mut self) -> Result<Pipe, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("1: too deep".to_owned());
        }
        let mut pipe = Pipe::default();
        if self.rest.starts_with('$')
            && let Some((name, rest)) = self.rest.split_once([':', '='])
            && name.trim().chars().skip(1).all(|c| c.is_alphanumeric() || c == '_')
            && let Some(rest) = rest.strip_prefix('=').or(Some(rest))
        {
            pipe.variable = Some(name.trim().trim_start_matches('$').to_owned());
            self.rest = rest.trim_start();
        }
        let mut command = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix('|') {
                pipe.commands.push(std::mem::take(&mut command));
                self.rest = rest;
            } else if self.rest.is_empty() || self.rest.starts_with(')') {
                pipe.commands.push(command);
                self.depth -= 1;
                if pipe.commands.iter().any(Vec::is_empty) {
                    return Err("1: missing value for command".to_owned());
                }
                return Ok(pipe);
            } else {
                command.push(self.arg()?);
            }
        }
    }

    fn fields(&mut self) -> Vec<String> {
        let mut fields = Vec::new();
        while let Some(rest) = self.rest.strip_prefix('.') {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
            self.rest = rest;
            if name.is_empty() {
                break;
            }
            fields.push(name.to_owned());
        }
        fields
    }

    fn arg(&mut self) -> Result<Arg, String> {
        if self.rest.starts_with('.') {
            let fields = self.fields();
            return Ok(if fields.is_empty() { Arg::Dot } else { Arg::Path(fields) });
        }
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let pipe = self.pipe()?;
            self.rest = self.rest.strip_prefix(')').ok_or("1: unclosed left paren")?;
            return Ok(Arg::Nested(pipe, self.fields()));
        }
        if let Some(rest) = self.rest.strip_prefix('`') {
            let (text, rest) = rest.split_once('`').ok_or("1: unterminated raw quoted string")?;
            self.rest = rest;
            return Ok(Arg::Constant(Value::String(text.to_owned())));
        }
        if self.rest.starts_with('"') {
            let mut end = None;
            let mut escaped = false;
            for (at, c) in self.rest.char_indices().skip(1) {
                if escaped {
                    escaped = false;
                } else if c == '\\' {
                    escaped = true;
                } else if c == '"' {
                    end = Some(at + 1);
                    break;
                }
            }
            let end = end.ok_or("1: unterminated quoted string")?;
            let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
            self.rest = rest;
            let value = serde_json::from_str(text).map_err(|_| "1: invalid syntax".to_owned())?;
            return Ok(Arg::Constant(value));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "|().".contains(c)).unwrap_or(self.rest.len()).max(1);
        let (word, rest) = self.rest.split_at_checked(end).ok_or("1: unexpected character")?;
        if let Some(name) = word.strip_prefix('$') {
            self.rest = rest;
            return Ok(Arg::Variable(name.to_owned(), self.fields()));
        }
        self.rest = rest;
        Ok(match word {
            "true" => Arg::Constant(Value::Bool(true)),
            "false" => Arg::Constant(Value::Bool(false)),
            "nil" => Arg::Constant(Value::Null),
            _ => match word.parse::<i64>() {
                Ok(number) => Arg::Constant(number.into()),
                Err(_) if FUNCTIONS.contains(&word) => Arg::Function(word.to_owned()),
                Err(_) => return Err(format!("1: function {} not defined", quote(word))),
            },
        })
    }
}

const FUNCTIONS: &[&str] = &[
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "exists",
    "base64decode",
    "html",
    "js",
    "urlquery",
];

struct Run {
    out: String,
    variables: Vec<(String, Value)>,
}

impl Run {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Print(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variable.is_none() {
                        let text = shown(value.as_ref());
                        self.out.push_str(&text);
                    }
                }
                Node::If(arms, other) => {
                    let mut done = false;
                    for (pipe, body) in arms {
                        if truth(self.pipe(pipe, dot)?.as_ref()) {
                            self.scope(body, dot)?;
                            done = true;
                            break;
                        }
                    }
                    if !done {
                        self.scope(other, dot)?;
                    }
                }
                Node::With(pipe, body, other) => match self.pipe(pipe, dot)? {
                    Some(value) if truth(Some(&value)) => self.scope(body, &value)?,
                    _ => self.scope(other, dot)?,
                },
                Node::Range(pipe, names, body, other) => self.range(pipe, names, body, other, dot)?,
            }
        }
        Ok(())
    }

    fn scope(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        let length = self.variables.len();
        self.nodes(nodes, dot)?;
        self.variables.truncate(length);
        Ok(())
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        names: &[String],
        body: &[Node],
        other: &[Node],
        dot: &Value,
    ) -> Result<(), String> {
        let items: Vec<(Value, Value)> = match self.pipe(pipe, dot)? {
            Some(Value::Array(items)) => items.into_iter().enumerate().map(|(at, item)| (at.into(), item)).collect(),
            Some(Value::Object(fields)) => fields.into_iter().map(|(key, value)| (Value::String(key), value)).collect(),
            None | Some(Value::Null) => Vec::new(),
            Some(other) => return Err(format!("range can't iterate over {}", shown(Some(&other)))),
        };
        if items.is_empty() {
            return self.scope(other, dot);
        }
        for (key, value) in items {
            let length = self.variables.len();
            match names {
                [one] => self.variables.push((one.clone(), value.clone())),
                [first, second] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), value.clone()));
                }
                _ => {}
            }
            self.nodes(body, &value)?;
            self.variables.truncate(length);
        }
        Ok(())
    }

    /// The value of a pipeline; `None` for a field that is not there.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Option<Value>, String> {
        let mut last: Option<Option<Value>> = None;
        for command in &pipe.commands {
            last = Some(self.command(command, last, dot)?);
        }
        let value = last.flatten();
        if let Some(name) = &pipe.variable {
            self.variables.push((name.clone(), value.clone().unwrap_or_default()));
        }
        Ok(value)
    }

    fn command(&mut self, command: &[Arg], piped: Option<Option<Value>>, dot: &Value) -> Result<Option<Value>, String> {
        let Some((first, rest)) = command.split_first() else { return Ok(None) };
        let Arg::Function(name) = first else {
            return self.arg(first, dot);
        };
        let mut args = Vec::new();
        for arg in rest {
            args.push(self.arg(arg, dot)?);
        }
        args.extend(piped);
        call(name, args)
    }

    fn arg(&mut self, arg: &Arg, dot: &Value) -> Result<Option<Value>, String> {
        Ok(match arg {
            Arg::Dot => Some(dot.clone()),
            Arg::Constant(value) => Some(value.clone()),
            Arg::Path(fields) => descend(Some(dot), fields)?,
            Arg::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let Some((_, value)) = known else { return Err(format!("undefined variable \"${name}\"")) };
                descend(Some(value), fields)?
            }
            Arg::Nested(pipe, fields) => {
                let value = self.pipe(pipe, dot)?;
                descend(value.as_ref(), fields)?
            }
            Arg::Function(name) => call(name, Vec::new())?,
        })
    }
}

fn descend(value: Option<&Value>, fields: &[String]) -> Result<Option<Value>, String> {
    let mut value = value;
    for field in fields {
        value = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(map)) => map.get(field),
            Some(other) => return Err(format!("can't evaluate field {field} in type {}", go_type(other))),
        };
    }
    Ok(value.cloned())
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "interface {}",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn truth(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or("<no value>".to_owned(), |value| sprint(value, "<no value>"))
}

/// A value as Go's `fmt.Sprint` prints it: maps and lists without quotes.
pub fn sprint(value: &Value, null: &str) -> String {
    match value {
        Value::Null => null.to_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| sprint(item, null)).collect::<Vec<_>>().join(" "))
        }
        Value::Object(fields) => {
            let parts: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", sprint(value, null))).collect();
            format!("map[{}]", parts.join(" "))
        }
        other => plain(other),
    }
}

fn call(name: &str, args: Vec<Option<Value>>) -> Result<Option<Value>, String> {
    let first = || args.first().cloned().flatten();
    let text = |value: String| Ok(Some(Value::String(value)));
    let all: Vec<String> = args.iter().map(|arg| shown(arg.as_ref())).collect();
    match name {
        "and" => Ok(args.iter().find(|arg| !truth(arg.as_ref())).or(args.last()).cloned().flatten()),
        "or" => Ok(args.iter().find(|arg| truth(arg.as_ref())).or(args.last()).cloned().flatten()),
        "not" => Ok(Some(Value::Bool(!truth(first().as_ref())))),
        "len" => match first() {
            Some(Value::String(text)) => Ok(Some(text.len().into())),
            Some(Value::Array(items)) => Ok(Some(items.len().into())),
            Some(Value::Object(fields)) => Ok(Some(fields.len().into())),
            _ => Err("error calling len: len of nil pointer".to_owned()),
        },
        "exists" => {
            let path: Vec<String> = all.iter().skip(1).cloned().collect();
            Ok(Some(Value::Bool(walk(first(), &path).is_some())))
        }
        "index" => Ok(walk(first(), all.get(1..).unwrap_or_default())),
        "print" => text(all.join(" ")),
        "println" => text(all.join(" ") + "\n"),
        "printf" => text(printf(&args)),
        "base64decode" => {
            let bytes = STANDARD.decode(all.concat().trim()).map_err(|why| format!("base64 decode failed: {why}"))?;
            text(String::from_utf8_lossy(&bytes).into_owned())
        }
        "eq" => {
            let Some((head, rest)) = args.split_first() else {
                return Err("missing argument for comparison".to_owned());
            };
            Ok(Some(Value::Bool(rest.iter().any(|other| other == head))))
        }
        "ne" => Ok(Some(Value::Bool(args.first() != args.get(1)))),
        "lt" | "le" | "gt" | "ge" => {
            let order = compare(args.first(), args.get(1))?;
            Ok(Some(Value::Bool(match name {
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            })))
        }
        _ => text(all.join(" ")),
    }
}

fn compare(a: Option<&Option<Value>>, b: Option<&Option<Value>>) -> Result<std::cmp::Ordering, String> {
    match (a, b) {
        (Some(Some(Value::Number(a))), Some(Some(Value::Number(b)))) => {
            Ok(a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(std::cmp::Ordering::Equal))
        }
        (Some(Some(Value::String(a))), Some(Some(Value::String(b)))) => Ok(a.cmp(b)),
        _ => Err("incompatible types for comparison".to_owned()),
    }
}

fn walk(value: Option<Value>, path: &[String]) -> Option<Value> {
    let mut value = value?;
    for part in path {
        value = match value {
            Value::Object(fields) => fields.get(part)?.clone(),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?.clone(),
            _ => return None,
        };
    }
    Some(value)
}

/// `%s`, `%v`, `%d`, `%q` with a width, and `%%`.
fn printf(args: &[Option<Value>]) -> String {
    let format = shown(args.first().and_then(Option::as_ref));
    let mut rest = args.iter().skip(1);
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut width = String::new();
        while let Some(digit) = chars.next_if(|c| c.is_ascii_digit() || *c == '-') {
            width.push(digit);
        }
        let verb = chars.next();
        if verb == Some('%') {
            out.push('%');
            continue;
        }
        let value = rest.next().and_then(Option::as_ref);
        let text = if verb == Some('q') { quote(&shown(value)) } else { shown(value) };
        let wide: usize = width.trim_start_matches('-').parse().unwrap_or(0).min(1000);
        if width.starts_with('-') {
            out.push_str(&format!("{text:<wide$}"));
        } else {
            out.push_str(&format!("{text:>wide$}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(template: &str) -> String {
        let object = json!({"metadata": {"name": "one", "labels": {"a": "b"}}, "items": [{"n": 1}, {"n": 2}], "data": {"pw": "eA=="}});
        GoTemplate::parse(template).unwrap().render(&object).unwrap()
    }

    #[test]
    fn templates_print_what_go_prints() {
        for (template, text) in [
            ("{{.metadata.name}} {{.nosuch}}{{\"\\n\"}}", "one <no value>\n"),
            ("{{range .items}}{{.n}};{{end}}", "1;2;"),
            ("{{range $i, $v := .items}}{{$i}}={{$v.n}} {{end}}", "0=1 1=2 "),
            ("{{if eq .metadata.name \"two\"}}a{{else if gt (len .items) 1}}b{{else}}c{{end}}", "b"),
            ("{{with .metadata}}{{.name}}{{end}} {{- \" x\"}}", "one x"),
            ("{{.data.pw | base64decode}}", "x"),
            ("{{index .metadata.labels \"a\"}} {{printf \"%-4s|%d\" .metadata.name 3}}", "b one |3"),
            ("{{$x := .metadata.name}}{{$x}}", "one"),
            ("{{.metadata.labels}}", "map[a:b]"),
        ] {
            assert_eq!(render(template), text, "{template}");
        }
    }

    #[test]
    fn a_broken_template_is_told() {
        let error = |template: &str| GoTemplate::parse(template).unwrap_err().text();
        assert_eq!(error("{{.nosuch"), "error parsing template {{.nosuch, template: output:1: unclosed action");
        assert!(error("{{.items}").ends_with("output:1: bad character U+007D '}'"));
        assert!(error("{{range .items}}").contains("unexpected EOF"));
        assert!(error("{{nosuch .a}}").contains("function \"nosuch\" not defined"));
    }
}
