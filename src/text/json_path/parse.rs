//! A JSONPath template to its nodes. Evaluates nothing.
//!
//! Models k8s.io/client-go util/jsonpath/parser.go.

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// What stood in one pair of braces.
    List(Vec<Node>),
    Text(String),
    Field(String),
    Wildcard,
    Recursive,
    /// `[from:to:step]`.
    Array([Param; 3]),
    Union(Vec<Vec<Node>>),
    Filter {
        left: Vec<Node>,
        right: Vec<Node>,
        operator: String,
    },
    Int(i64),
    Float(f64),
    Bool(bool),
    /// `range`, `end`, or a word that means nothing.
    Identifier(String),
}

/// One number of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Param {
    pub(super) value: i64,
    /// Whether it was given.
    pub(super) known: bool,
    /// Whether it stands for "one more than the first", as in `[2]`.
    pub(super) derived: bool,
}

/// Parses text and actions.
pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    let mut root = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, action) = rest.split_at(at);
        if !before.is_empty() {
            root.push(Node::Text(before.to_owned()));
        }
        let mut parser = Parser { input: action, at: 1 };
        root.push(Node::List(parser.action()?));
        rest = parser.rest();
    }
    if !rest.is_empty() {
        root.push(Node::Text(rest.to_owned()));
    }
    Ok(root)
}

/// Parses what would stand between braces.
fn expression(text: &str) -> Result<Vec<Node>, String> {
    let braced = format!("{{{text}}}");
    match template(&braced)?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Err("unclosed action".to_owned()),
    }
}

struct Parser<'a> {
    input: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn since(&self, start: usize) -> &'a str {
        self.input.get(start..self.at).unwrap_or_default()
    }

    /// Whether the character before the last one was a backslash.
    fn was_escaped(&self) -> bool {
        self.at.checked_sub(2).and_then(|at| self.input.as_bytes().get(at)) == Some(&b'\\')
    }

    /// From inside of a brace to after its closing one.
    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with('}') {
                self.at += 1;
                return Ok(nodes);
            }
            if rest.starts_with("[?(") {
                self.at += 3;
                nodes.push(self.filter()?);
                continue;
            }
            if rest.starts_with("..") {
                self.at += 2;
                if nodes.last() == Some(&Node::Recursive) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(is_word) {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
                Some(' ' | '@' | '$') => {}
                Some('[') => self.array(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(self.quoted(quote)?),
                Some('.') => nodes.push(self.field()),
                Some(c) if c == '+' || c == '-' || c.is_numeric() => {
                    self.at -= c.len_utf8();
                    nodes.push(self.number()?);
                }
                Some(c) if is_word(c) => {
                    self.at -= c.len_utf8();
                    nodes.push(self.identifier());
                }
                Some(c) => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32));
                }
            }
        }
    }

    fn identifier(&mut self) -> Node {
        let start = self.at;
        while self.peek().is_some_and(|c| !is_terminator(c)) {
            self.next();
        }
        match self.since(start) {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            word => Node::Identifier(word.to_owned()),
        }
    }

    fn field(&mut self) -> Node {
        let start = self.at;
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.next();
            } else if is_terminator(c) {
                break;
            }
            self.next();
        }
        match self.since(start) {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let start = self.at;
        if matches!(self.peek(), Some('+' | '-')) {
            self.next();
        }
        while self.peek().is_some_and(|c| c == '.' || c.is_numeric()) {
            self.next();
        }
        let text = self.since(start);
        if let Ok(number) = text.parse() {
            return Ok(Node::Int(number));
        }
        let digits = text.bytes().any(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Node::Float(number)),
            _ => Err(format!("cannot parse number {text}")),
        }
    }

    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let start = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".to_owned()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = self.since(start);
        let text = text.strip_suffix(']').unwrap_or(text);
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|part| expression(&format!("[{}]", part.trim_matches(' '))));
            nodes.push(Node::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let key = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            nodes.extend(expression(&format!(".{key}"))?);
            return Ok(());
        }
        nodes.push(Node::Array(slice(text)?));
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        let start = self.at;
        let (mut begun, mut ended) = (false, false);
        let mut pair = '"';
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some(quote @ ('"' | '\'')) => {
                    if !begun {
                        begun = true;
                        pair = quote;
                    } else if quote == pair && !self.was_escaped() {
                        ended = true;
                    }
                }
                Some(')') if begun == ended => break,
                Some(_) => {}
            }
        }
        let text = self.since(start);
        let text = text.strip_suffix(')').unwrap_or(text);
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        match comparison(text) {
            None => Ok(Node::Filter { left: expression(text)?, right: Vec::new(), operator: "exists".to_owned() }),
            Some((left, operator, right)) => {
                Ok(Node::Filter { left: expression(left)?, right: expression(right)?, operator: operator.to_owned() })
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Node, String> {
        let start = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(c) if c == quote && !self.was_escaped() => break,
                Some(_) => {}
            }
        }
        let text = self.since(start);
        let text = text.strip_suffix(quote).unwrap_or(text);
        match unquote(text, quote) {
            Some(plain) => Ok(Node::Text(plain)),
            None => Err(format!("unquote string {quote}{text}{quote} error invalid syntax")),
        }
    }
}

/// `^(-?[\d]*)(:-?[\d]*)?(:-?[\d]*)?$`
fn slice(text: &str) -> Result<[Param; 3], String> {
    let parts: Vec<&str> = text.split(':').collect();
    let number_like = |part: &&str| part.strip_prefix('-').unwrap_or(part).bytes().all(|b| b.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(number_like) {
        return Err(format!("invalid array index {text}"));
    }
    let mut params = [Param::default(); 3];
    let mut first = 0;
    for (at, param) in params.iter_mut().enumerate() {
        match parts.get(at) {
            Some(&"") => {
                // `[]` is the first element, like `[0]`; an empty bound is the end of the list.
            }
            Some(part) => {
                let value = part.parse::<i64>().map_err(|_| format!("array index {part} is not a number"))?;
                *param = Param { value, known: true, derived: false };
            }
            None if at == 1 => *param = Param { value: first + 1, known: true, derived: true },
            None => {}
        }
        if at == 0 {
            first = param.value.min(i64::MAX - 1);
        }
    }
    Ok(params)
}

/// `^([^!<>=]+)([!<>=]+)(.+?)$`
fn comparison(text: &str) -> Option<(&str, &str, &str)> {
    let sign = |c: char| matches!(c, '!' | '<' | '>' | '=');
    let start = text.find(sign).filter(|&at| at > 0)?;
    let (left, rest) = text.split_at(start);
    let mut end = rest.find(|c| !sign(c)).unwrap_or(rest.len());
    // Nothing to the right: the last sign is taken for it.
    if end == rest.len() {
        end -= 1;
    }
    let (operator, right) = rest.split_at_checked(end)?;
    (!operator.is_empty()).then_some((left, operator, right))
}

fn is_terminator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

/// Go's `strconv.Unquote`, for single quotes too.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == quote {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match characters.next()? {
            'x' => hex(&mut characters, 2)?,
            'u' => hex(&mut characters, 4)?,
            'U' => hex(&mut characters, 8)?,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            digit @ '0'..='7' => {
                let rest: String = characters.by_ref().take(2).collect();
                let octal = u32::from_str_radix(&format!("{digit}{rest}"), 8).ok()?;
                char::from(u8::try_from(octal).ok().filter(|_| rest.len() == 2)?)
            }
            c if c == quote => c,
            _ => return None,
        });
    }
    Some(out)
}

/// The character of so many hexadecimal digits.
fn hex(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let text: String = characters.take(digits).collect();
    let whole = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(&text, 16).ok().filter(|_| whole).and_then(char::from_u32)
}
