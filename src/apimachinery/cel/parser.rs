//! Reads an expression.
//!
//! Models google/cel-go parser/parser.go and parser/gen/CEL.g4.
//! Where the expression is no CEL at all the first mistake is told; upstream goes on and tells more.

use super::expression::{Expr, Node, fold, macro_of, simple_name};
use super::lexer::{Token, Word, tokens};
use super::value::Val;
use super::{Fault, functions};

/// How deep an expression may be; a server takes 250, on a bigger stack.
const MAX_DEPTH: usize = 100;
/// How long an expression may be, in characters.
const MAX_LENGTH: usize = 100_000;
/// Words that no name may be.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
/// Whether the language keeps a word for itself, so that it cannot be a name; its literals and `in` aside.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// What may begin an expression, in the words of the server.
const BEGINNING: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, \
                         STRING, BYTES, IDENTIFIER}";

/// The tree of an expression.
pub(super) fn parse(text: &str) -> Result<Expr, Vec<Fault>> {
    let length = text.chars().count();
    if length > MAX_LENGTH {
        let why = format!("expression code point size exceeds limit: size: {length}, limit {MAX_LENGTH}");
        return Err(vec![Fault::nowhere(why)]);
    }
    let (tokens, faults) = tokens(text);
    let mut parser = Parser { tokens, next: 0, faults, depth: 0 };
    let parsed = parser
        .expression()
        .and_then(|expression| if parser.word() == &Word::End { Ok(expression) } else { Err(parser.trailing()) });
    if let Err(fault) = &parsed {
        parser.faults.push(fault.clone());
    }
    match parsed {
        Ok(expression) if parser.faults.is_empty() => Ok(expression),
        _ => Err(parser.faults),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    faults: Vec<Fault>,
    depth: usize,
}

type Parsed = Result<Expr, Fault>;

/// How tightly the operators bind, and the functions that they are.
const BINARY: [(&str, u8, &str); 12] = [
    ("<", 1, "_<_"),
    ("<=", 1, "_<=_"),
    (">=", 1, "_>=_"),
    (">", 1, "_>_"),
    ("==", 1, "_==_"),
    ("!=", 1, "_!=_"),
    ("in", 1, "@in"),
    ("+", 2, "_+_"),
    ("-", 2, "_-_"),
    ("*", 3, "_*_"),
    ("/", 3, "_/_"),
    ("%", 3, "_%_"),
];

impl Parser {
    fn token(&self) -> Token {
        let token = self.tokens.get(self.next).or(self.tokens.last());
        token.cloned().unwrap_or(Token { word: Word::End, text: "<EOF>".to_owned(), at: 0 })
    }

    fn word(&self) -> &Word {
        self.tokens.get(self.next).map_or(&Word::End, |token| &token.word)
    }

    fn is(&self, sign: &str) -> bool {
        self.tokens.get(self.next).is_some_and(|token| token.word == Word::Sign && token.text == sign)
    }

    /// Takes the sign when it is next; gives where it stands.
    fn take(&mut self, sign: &str) -> Option<usize> {
        let at = self.token().at;
        self.is(sign).then(|| {
            self.next += 1;
            at
        })
    }

    fn wanted(&mut self, sign: &str) -> Result<usize, Fault> {
        if let Some(at) = self.take(sign) {
            return Ok(at);
        }
        let token = self.token();
        if self.is_after(sign) {
            self.faults.push(syntax(token.at, &format!("extraneous input '{}' expecting '{sign}'", token.text)));
            self.next += 2;
        } else if token.word == Word::End && matches!(sign, "]" | "}") {
            let why = format!("mismatched input '<EOF>' expecting {{'{sign}', ','}}");
            return Err(syntax(token.at, &why));
        } else if if sign == ":" { self.begins() } else { matches!(token.word, Word::End | Word::Sign) } {
            // As if it were there.
            self.faults.push(syntax(token.at, &format!("missing '{sign}' at '{}'", token.text)));
        } else {
            return Err(syntax(token.at, &format!("mismatched input '{}' expecting '{sign}'", token.text)));
        }
        Ok(token.at)
    }

    fn name(&mut self) -> Result<(String, usize), Fault> {
        let token = self.token();
        match token.word {
            Word::Name => {
                self.next += 1;
                Ok((token.text, token.at))
            }
            _ => Err(syntax(token.at, &format!("no viable alternative at input '.{}'", shown(&token)))),
        }
    }

    fn trailing(&self) -> Fault {
        let token = self.token();
        let kind = if self.is_after("<EOF>") { "extraneous" } else { "mismatched" };
        syntax(token.at, &format!("{kind} input '{}' expecting <EOF>", token.text))
    }

    fn make(&self, at: usize, node: Node, parts: &[usize]) -> Parsed {
        let depth = 1 + parts.iter().max().copied().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(Fault::nowhere("max recursion depth exceeded".to_owned()));
        }
        Ok(Expr { at, node, depth })
    }

    fn call(&self, at: usize, name: &str, arguments: Vec<Expr>) -> Parsed {
        let depths: Vec<usize> = arguments.iter().map(|one| one.depth).collect();
        self.make(at, Node::Call { name: name.to_owned(), receiver: None, arguments }, &depths)
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::nowhere(format!("expression recursion limit exceeded: {MAX_DEPTH}")));
        }
        let condition = self.logical("||", "_||_")?;
        let whole = match self.take("?") {
            None => Ok(condition),
            Some(at) => {
                let yes = self.logical("||", "_||_")?;
                self.wanted(":")?;
                let no = self.expression()?;
                self.call(at, "_?_:_", vec![condition, yes, no])
            }
        };
        self.depth -= 1;
        whole
    }

    /// Terms joined by `||` or `&&`, as a tree that is as flat as can be.
    fn logical(&mut self, sign: &str, name: &str) -> Parsed {
        let mut terms = Vec::new();
        let mut signs = Vec::new();
        loop {
            terms.push(if sign == "||" { self.logical("&&", "_&&_")? } else { self.binary(1)? });
            match self.take(sign) {
                Some(at) => signs.push(at),
                None => return self.balanced(name, terms, &signs),
            }
        }
    }

    fn balanced(&self, name: &str, mut terms: Vec<Expr>, signs: &[usize]) -> Parsed {
        let middle = signs.len() / 2;
        let (Some(at), true) = (signs.get(middle), terms.len() > 1) else {
            return terms.pop().ok_or_else(|| Fault::nowhere("unknown parse element encountered".to_owned()));
        };
        let right = terms.split_off(middle + 1);
        let left = self.balanced(name, terms, signs.get(..middle).unwrap_or_default())?;
        let right = self.balanced(name, right, signs.get(middle + 1..).unwrap_or_default())?;
        self.call(*at, name, vec![left, right])
    }

    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let token = self.token();
            let known = BINARY.iter().find(|(sign, level, _)| self.is(sign) && *level >= least);
            let Some((_, level, name)) = known else { return Ok(left) };
            self.next += 1;
            let right = self.binary(level + 1)?;
            left = self.call(token.at, name, vec![left, right])?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let start = self.token();
        for (sign, name) in [("!", "!_"), ("-", "-_")] {
            let mut count = 0;
            let mut literal = false;
            while self.is(sign) && !literal {
                // A minus before a number belongs to it.
                let after = self.tokens.get(self.next + 1).map(|token| &token.word);
                literal = sign == "-" && matches!(after, Some(Word::Int | Word::Float)) && count == 0;
                if !literal {
                    self.next += 1;
                    count += 1;
                }
            }
            if count > 0 {
                let inner = self.member()?;
                return if count % 2 == 1 { self.call(start.at, name, vec![inner]) } else { Ok(inner) };
            }
        }
        self.member()
    }

    fn member(&mut self) -> Parsed {
        let mut left = self.primary()?;
        loop {
            if let Some(at) = self.take(".") {
                let optional = self.take("?").is_some();
                let token = self.token();
                if token.word == Word::Quoted {
                    self.next += 1;
                    left = self.select(at, left, token.text.trim_matches('`').to_owned(), optional)?;
                    continue;
                }
                let (name, _) = self.name()?;
                left = match self.take("(") {
                    Some(open) if !optional => {
                        let arguments = self.arguments()?;
                        self.member_call(open, left, name, arguments)?
                    }
                    _ => self.select(at, left, name, optional)?,
                };
            } else if let Some(at) = self.take("[") {
                let name = if self.take("?").is_some() { "_[?_]" } else { "_[_]" };
                let index = self.expression()?;
                self.wanted("]")?;
                left = self.call(at, name, vec![left, index])?;
            } else {
                return Ok(left);
            }
        }
    }

    fn select(&self, at: usize, of: Expr, field: String, optional: bool) -> Parsed {
        let depth = of.depth;
        self.make(at, Node::Select { of: Box::new(of), field, optional }, &[depth])
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut all = Vec::new();
        if self.take(")").is_some() {
            return Ok(all);
        }
        if *self.word() == Word::End {
            let wanted = BEGINNING.replace("'(', ", "'(', ')', ");
            return Err(syntax(self.token().at, &format!("mismatched input '<EOF>' expecting {wanted}")));
        }
        loop {
            all.push(self.expression()?);
            if self.take(",").is_none() {
                self.wanted(")")?;
                return Ok(all);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.token();
        let start = token.at;
        let literal = |value: Val| Node::Literal(value);
        self.next += 1;
        let node = match &token.word {
            Word::Str(text) => literal(Val::text(text)),
            Word::Bytes(bytes) => literal(Val::Bytes(bytes.as_slice().into())),
            Word::Int | Word::Uint | Word::Float => literal(number(&token, false)?),
            Word::Name => return self.name_or_call(token, false),
            Word::Sign => match token.text.as_str() {
                "true" => literal(Val::Bool(true)),
                "false" => literal(Val::Bool(false)),
                "null" => literal(Val::Null),
                "-" if matches!(self.word(), Word::Int | Word::Float) => {
                    let digits = self.token();
                    self.next += 1;
                    let value = number(&digits, true).map_err(|fault| Fault { at: Some(start), ..fault })?;
                    literal(value)
                }
                "." if *self.word() == Word::Name => {
                    let name = self.token();
                    self.next += 1;
                    return self.name_or_call(name, true);
                }
                "(" => {
                    let inner = self.expression()?;
                    self.wanted(")")?;
                    return Ok(inner);
                }
                "[" => return self.list(start),
                "{" => return self.map(start),
                _ => return self.no_expression(&token),
            },
            Word::Quoted | Word::End => return self.no_expression(&token),
        };
        self.make(start, node, &[])
    }

    /// Whether what comes next can begin an expression.
    fn begins(&self) -> bool {
        match self.word() {
            Word::End | Word::Quoted => false,
            Word::Sign => ["[", "{", "(", ".", "-", "!", "true", "false", "null"].iter().any(|sign| self.is(sign)),
            _ => true,
        }
    }

    /// After something that begins no expression: goes on behind it when that does.
    fn no_expression(&mut self, token: &Token) -> Parsed {
        let kind = if self.begins() && token.word != Word::End { "extraneous" } else { "mismatched" };
        let fault = syntax(token.at, &format!("{kind} input '{}' expecting {BEGINNING}", token.text));
        if kind == "mismatched" {
            return Err(fault);
        }
        self.faults.push(fault);
        self.primary()
    }

    fn name_or_call(&mut self, token: Token, absolute: bool) -> Parsed {
        if is_reserved(&token.text) {
            self.faults.push(Fault::new(token.at, format!("reserved identifier: {}", token.text)));
        }
        let dot = if absolute { "." } else { "" };
        if let Some(open) = self.take("(") {
            let mut arguments = self.arguments()?;
            if token.text == "has" && arguments.len() == 1 {
                let argument = arguments.swap_remove(0);
                let depth = argument.depth;
                return match argument.node {
                    Node::Select { of, field, optional: false } => {
                        self.make(argument.at, Node::Has { of, field }, &[depth])
                    }
                    _ => Err(Fault::new(argument.at, "invalid argument to has() macro".to_owned())),
                };
            }
            return self.call(open, &token.text, arguments);
        }
        if self.is("{") && (self.is_after("}") || self.is_field()) {
            let open = self.token().at;
            let mut level = 0;
            // What is in it does not matter: there is no such type.
            while *self.word() != Word::End {
                level += i32::from(self.is("{")) - i32::from(self.is("}"));
                self.next += 1;
                if level == 0 {
                    break;
                }
            }
            return self.make(open, Node::Message(format!("{dot}{}", token.text)), &[]);
        }
        self.make(token.at, Node::Name(token.text), &[])
    }

    fn is_after(&self, sign: &str) -> bool {
        self.tokens.get(self.next + 1).is_some_and(|token| token.text == sign)
    }

    fn is_field(&self) -> bool {
        let word = |ahead: usize| self.tokens.get(self.next + ahead);
        word(1).is_some_and(|token| token.word == Word::Name) && word(2).is_some_and(|token| token.text == ":")
    }

    fn list(&mut self, at: usize) -> Parsed {
        let mut all = Vec::new();
        while self.take("]").is_none() {
            let optional = self.take("?").is_some();
            all.push((optional, self.expression()?));
            if self.take(",").is_none() {
                self.wanted("]")?;
                break;
            }
        }
        let depths: Vec<usize> = all.iter().map(|(_, one)| one.depth).collect();
        self.make(at, Node::List(all), &depths)
    }

    fn map(&mut self, at: usize) -> Parsed {
        let mut all = Vec::new();
        while self.take("}").is_none() {
            let optional = self.take("?").is_some();
            let key = self.expression()?;
            self.wanted(":")?;
            all.push((optional, key, self.expression()?));
            if self.take(",").is_none() {
                self.wanted("}")?;
                break;
            }
        }
        let depths: Vec<usize> = all.iter().map(|(_, key, value)| key.depth.max(value.depth)).collect();
        self.make(at, Node::Map(all), &depths)
    }

    fn member_call(&self, at: usize, receiver: Expr, name: String, mut arguments: Vec<Expr>) -> Parsed {
        let depths: Vec<usize> = arguments.iter().chain([&receiver]).map(|one| one.depth).collect();
        if let Some(kind) = macro_of(&name, arguments.len()) {
            let fold = fold(kind, &name, receiver, arguments)?;
            return self.make(at, Node::Fold(Box::new(fold)), &depths);
        }
        if matches!(name.as_str(), "optMap" | "optFlatMap") && arguments.len() == 2 {
            let body = arguments.pop().map(Box::new);
            let variable = arguments.pop().map(simple_name);
            let (Some(body), Some(variable)) = (body, variable) else { return Err(Fault::nowhere(String::new())) };
            let (of, flat) = (Box::new(receiver), name == "optFlatMap");
            return self.make(at, Node::OptionalMap { of, variable: variable?, body, flat }, &depths);
        }
        // `sets.contains(a, b)` is a function with a dot in its name.
        if let Node::Name(space) = &receiver.node
            && functions::is_known(&format!("{space}.{name}"))
        {
            return self.call(at, &format!("{space}.{name}"), arguments);
        }
        self.make(at, Node::Call { name, receiver: Some(Box::new(receiver)), arguments }, &depths)
    }
}

fn number(token: &Token, negative: bool) -> Result<Val, Fault> {
    let sign = if negative { "-" } else { "" };
    let wrong = |kind: &str| Fault::new(token.at, format!("invalid {kind} literal"));
    let digits = token.text.trim_end_matches(['u', 'U']);
    let (digits, radix) = digits.strip_prefix("0x").map_or((digits, 10), |rest| (rest, 16));
    match token.word {
        Word::Float => format!("{sign}{}", token.text).parse().map(Val::Double).map_err(|_| wrong("double")),
        Word::Uint => u64::from_str_radix(digits, radix).map(Val::Uint).map_err(|_| wrong("uint")),
        _ => i64::from_str_radix(&format!("{sign}{digits}"), radix).map(Val::Int).map_err(|_| wrong("int")),
    }
}

fn shown(token: &Token) -> &str {
    if token.word == Word::End { "" } else { &token.text }
}

fn syntax(at: usize, message: &str) -> Fault {
    Fault::new(at, format!("Syntax error: {message}"))
}
