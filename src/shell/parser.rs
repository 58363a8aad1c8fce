//! Shell text to tree. Reads one complete command at a time, as a shell does, so that what stands before a mistake
//! still runs. Refuses to expand or run anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::process::Dialect;
use super::syntax::{
    Action, CaseArm, CaseEnd, Command, Condition, Parameter, Part, Redirect, RedirectKind, Simple, Word,
};

/// Deepest nesting of constructs.
const DEPTH: u32 = 120;
/// Most constructs looked at, which bounds what `$((` against `$( (` can cost.
const ENTERED: u32 = 300_000;

/// Why a text is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// It ends too early: what was open (a quote, `)`, `}`, a keyword; or nothing to name).
    Incomplete(Open),
    /// This token must not stand here, and what was expected.
    Unexpected(String, Option<&'static str>),
    /// Constructs are nested too deeply.
    TooDeep,
    /// Another mistake, in words.
    Other(String),
}

/// What was open at the end of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// A quote or bracket.
    Quote(char),
    /// A construct that this keyword or sign would close or continue.
    Keyword(&'static str),
    /// An operator wants something after it.
    Operator,
    /// A here-document: its end mark.
    Document(String),
    /// A backslash at the very end.
    Backslash,
}

type Result<T> = std::result::Result<T, ParseError>;

/// A text that is being parsed.
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    line: u32,
    depth: u32,
    dialect: Dialect,
    aliases: &'a BTreeMap<String, String>,
    /// Aliases that must not be expanded before this many characters are left.
    blocked: Vec<(String, usize)>,
    alias_next: bool,
    documents: Vec<PendingDocument>,
    texts: BTreeMap<usize, Word>,
    /// The token that was looked at and not yet taken: nested constructs are read once, not once a level.
    seen: Option<Seen>,
    entered: u32,
}

#[derive(Clone, Debug)]
struct Seen {
    at: usize,
    token: Token,
    end: (usize, u32),
}

#[derive(Clone, Debug)]
struct PendingDocument {
    id: usize,
    end: String,
    strip: bool,
    quoted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(WordToken),
    Operator(&'static str),
    Number(i32),
    Newline,
    End,
}

#[derive(Clone, Debug)]
struct WordToken(Word);

impl PartialEq for WordToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.literal().is_some() && self.0.literal() == other.0.literal()
    }
}
impl Eq for WordToken {}

const OPERATORS: [&str; 24] = [
    "&>>", "<<<", "<<-", ";;&", "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|&", "&", "|", ";",
    "<", ">", "(", ")", "((",
];
const CLOSERS: [&str; 9] = ["then", "else", "elif", "fi", "do", "done", "esac", "}", "in"];

impl<'a> Parser<'a> {
    /// Parses `text` from the character `at`, which is on line `line`.
    pub fn new(text: &[char], at: usize, line: u32, dialect: Dialect, aliases: &'a BTreeMap<String, String>) -> Self {
        Self {
            chars: text.get(at..).unwrap_or_default().to_vec(),
            at: 0,
            line,
            depth: 0,
            dialect,
            aliases,
            blocked: Vec::new(),
            alias_next: false,
            documents: Vec::new(),
            texts: BTreeMap::new(),
            seen: None,
            entered: 0,
        }
    }

    /// How many characters are left, and the line reached.
    pub fn rest(&self) -> (usize, u32) {
        (self.chars.len().saturating_sub(self.at), self.line)
    }

    /// The next complete command, up to and with its newline; `None` at the end of the text.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn next_command(&mut self) -> Result<Option<Command>> {
        loop {
            match self.peek()? {
                Token::Newline => self.take_newline()?,
                Token::End => return Ok(None),
                _ => break,
            }
        }
        let mut items = Vec::new();
        loop {
            items.push(self.item()?);
            match self.peek()? {
                Token::Newline => {
                    self.take_newline()?;
                    break;
                }
                Token::End => {
                    self.read_documents()?;
                    break;
                }
                Token::Operator(sign) if sign != "(" && !sign.contains(['<', '>']) => return Err(unexpected(sign)),
                Token::Word(word) if self.is_closer(&word) => {
                    return Err(unexpected(word.0.literal().unwrap_or_default()));
                }
                _ => {}
            }
        }
        let mut command = list(items);
        self.fill(&mut command);
        Ok(Some(command))
    }

    fn is_closer(&self, word: &WordToken) -> bool {
        word.0.literal().is_some_and(|text| CLOSERS.contains(&text) && text != "in")
    }

    // ---- characters

    fn ch(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.ch(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, c)| self.ch(index) == Some(c))
    }

    fn blanks(&mut self) {
        loop {
            match self.ch(0) {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.ch(1) == Some('\n') => {
                    self.at += 2;
                    self.line += 1;
                }
                Some('#') => {
                    while self.ch(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        self.entered += 1;
        if self.depth > DEPTH || self.entered > ENTERED { Err(ParseError::TooDeep) } else { Ok(()) }
    }

    // ---- tokens

    fn operator(&self) -> Option<&'static str> {
        let bash = self.dialect == Dialect::Bash;
        OPERATORS.iter().copied().find(|operator| {
            let bash_only = matches!(*operator, "&>>" | "<<<" | "&>" | "|&" | ";;&" | "((") && !bash;
            // busybox ash knows `&>` too.
            let known = !bash_only || (matches!(*operator, "&>" | "&>>") && self.dialect == Dialect::Ash);
            known && *operator != "((" && self.starts(operator)
        })
    }

    fn peek(&mut self) -> Result<Token> {
        let (at, line) = (self.at, self.line);
        if let Some(seen) = &self.seen
            && seen.at == at
        {
            return Ok(seen.token.clone());
        }
        let token = self.token()?;
        self.seen = Some(Seen { at, token: token.clone(), end: (self.at, self.line) });
        (self.at, self.line) = (at, line);
        Ok(token)
    }

    fn token(&mut self) -> Result<Token> {
        if let Some(seen) = self.seen.take()
            && seen.at == self.at
        {
            (self.at, self.line) = seen.end;
            return Ok(seen.token);
        }
        self.blanks();
        let Some(c) = self.ch(0) else { return Ok(Token::End) };
        if c == '\n' {
            self.bump();
            return Ok(Token::Newline);
        }
        if let Some(operator) = self.operator() {
            self.at += operator.len();
            return Ok(Token::Operator(operator));
        }
        if c.is_ascii_digit() {
            let digits = (0..).take_while(|index| self.ch(*index).is_some_and(|c| c.is_ascii_digit())).count();
            if matches!(self.ch(digits), Some('<' | '>')) && digits < 4 {
                let text: String = self.chars.get(self.at..self.at + digits).unwrap_or_default().iter().collect();
                self.at += digits;
                return Ok(Token::Number(text.parse().unwrap_or(0)));
            }
        }
        let word = self.word(Stop::Word)?;
        Ok(Token::Word(WordToken(word)))
    }

    fn take_newline(&mut self) -> Result<()> {
        self.blanks();
        self.bump();
        self.read_documents()
    }

    fn skip_newlines(&mut self) -> Result<()> {
        while self.peek()? == Token::Newline {
            self.take_newline()?;
        }
        Ok(())
    }

    fn accept(&mut self, sign: &str) -> Result<bool> {
        if self.peek()? == Token::Operator(OPERATORS.iter().find(|known| **known == sign).copied().unwrap_or_default())
        {
            self.token()?;
            return Ok(true);
        }
        Ok(false)
    }

    fn keyword(&mut self) -> Result<Option<String>> {
        match self.peek()? {
            Token::Word(word) => Ok(word.0.literal().map(str::to_owned)),
            _ => Ok(None),
        }
    }

    fn expect_keyword(&mut self, keyword: &'static str) -> Result<()> {
        match self.peek()? {
            Token::Word(word) if word.0.literal() == Some(keyword) => {
                self.token()?;
                Ok(())
            }
            Token::End => Err(ParseError::Incomplete(Open::Keyword(keyword))),
            token => Err(ParseError::Unexpected(text_of(&token), Some(keyword))),
        }
    }

    // ---- here-documents

    fn read_documents(&mut self) -> Result<()> {
        for pending in std::mem::take(&mut self.documents) {
            let mut text = String::new();
            loop {
                if self.ch(0).is_none() {
                    return Err(ParseError::Incomplete(Open::Document(pending.end)));
                }
                let mut line = String::new();
                while let Some(c) = self.bump() {
                    if c == '\n' {
                        break;
                    }
                    line.push(c);
                }
                let shown = if pending.strip { line.trim_start_matches('\t') } else { &line };
                if shown == pending.end {
                    break;
                }
                text.push_str(shown);
                text.push('\n');
            }
            let word = if pending.quoted { Word::quoted(&text) } else { self.document_text(&text)? };
            self.texts.insert(pending.id, word);
        }
        Ok(())
    }

    fn document_text(&self, text: &str) -> Result<Word> {
        let chars: Vec<char> = text.chars().collect();
        let mut inner = Parser::new(&chars, 0, self.line, self.dialect, self.aliases);
        inner.depth = self.depth + 1;
        if inner.depth > DEPTH {
            return Err(ParseError::TooDeep);
        }
        Ok(Word(vec![Part::Double(inner.double(None)?)]))
    }

    /// Puts the texts of here-documents, which come after the line they are named on, into the finished command.
    fn fill(&mut self, command: &mut Command) {
        if !self.texts.is_empty() {
            let texts = std::mem::take(&mut self.texts);
            fill_command(command, &texts);
        }
    }

    // ---- grammar

    fn list_until(&mut self, closers: &[&'static str], closing: &'static str) -> Result<Command> {
        self.enter()?;
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek()? {
                Token::End => return Err(ParseError::Incomplete(Open::Keyword(closing))),
                Token::Operator(sign) if closers.contains(&sign) => break,
                Token::Word(word) if word.0.literal().is_some_and(|text| closers.contains(&text)) => break,
                Token::Word(word) if self.is_closer(&word) => {
                    return Err(ParseError::Unexpected(word.0.literal().unwrap_or_default().to_owned(), Some(closing)));
                }
                _ => {}
            }
            items.push(self.item()?);
            match self.peek()? {
                Token::Newline | Token::End | Token::Word(_) => {}
                Token::Operator(sign) if closers.contains(&sign) => {}
                Token::Operator(sign) if sign != "(" => {
                    return Err(ParseError::Unexpected(sign.to_owned(), Some(closing)));
                }
                _ => {}
            }
        }
        self.depth -= 1;
        if items.is_empty() {
            return match self.peek()? {
                Token::Operator(";;" | ";&" | ";;&") => Ok(list(items)),
                Token::Word(word) if word.0.literal() == Some("esac") => Ok(list(items)),
                token => Err(ParseError::Unexpected(text_of(&token), None)),
            };
        }
        Ok(list(items))
    }

    /// An and-or list with the `;` or `&` after it.
    fn item(&mut self) -> Result<Command> {
        let from = self.at;
        let command = self.and_or()?;
        let to = self.at;
        match self.peek()? {
            Token::Operator("&") => {
                let text: String = self.chars.get(from..to).unwrap_or_default().iter().collect();
                self.token()?;
                Ok(Command::Background(Arc::new(command), Arc::from(text.trim())))
            }
            Token::Operator(";") => {
                self.token()?;
                Ok(command)
            }
            _ => Ok(command),
        }
    }

    fn and_or(&mut self) -> Result<Command> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let and = match self.peek()? {
                Token::Operator("&&") => true,
                Token::Operator("||") => false,
                _ => break,
            };
            self.token()?;
            self.skip_newlines()?;
            if self.peek()? == Token::End {
                return Err(ParseError::Incomplete(Open::Operator));
            }
            rest.push((and, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Command::AndOr(Arc::new(first), Arc::new(rest)) })
    }

    fn pipeline(&mut self) -> Result<Command> {
        let mut not = false;
        let mut timed = None;
        loop {
            match self.keyword()?.as_deref() {
                Some("!") => {
                    self.token()?;
                    not = !not;
                }
                Some("time") if timed.is_none() && self.dialect == Dialect::Bash => {
                    self.token()?;
                    timed = Some(false);
                    if self.keyword()?.as_deref() == Some("-p") {
                        self.token()?;
                        timed = Some(true);
                    }
                }
                _ => break,
            }
        }
        if timed.is_some() && matches!(self.peek()?, Token::Newline | Token::End | Token::Operator(";")) {
            return Ok(Command::Time(Arc::new(list(Vec::new())), timed == Some(true)));
        }
        let mut commands = vec![self.command()?];
        loop {
            let both = match self.peek()? {
                Token::Operator("|") => false,
                Token::Operator("|&") => true,
                _ => break,
            };
            self.token()?;
            self.skip_newlines()?;
            if self.peek()? == Token::End {
                return Err(ParseError::Incomplete(Open::Operator));
            }
            if both && let Some(last) = commands.pop() {
                let redirect = Redirect { fd: Some(2), kind: RedirectKind::DupOut, target: Word::quoted("1") };
                commands.push(Command::Redirected(Arc::new(last), Arc::new(vec![redirect])));
            }
            commands.push(self.command()?);
        }
        let mut command = match commands.pop() {
            Some(only) if commands.is_empty() => only,
            Some(last) => {
                commands.push(last);
                Command::Pipeline(Arc::new(commands))
            }
            None => list(Vec::new()),
        };
        if not {
            command = Command::Not(Arc::new(command));
        }
        if let Some(posix) = timed {
            command = Command::Time(Arc::new(command), posix);
        }
        Ok(command)
    }

    fn command(&mut self) -> Result<Command> {
        self.enter()?;
        self.expand_alias()?;
        let command = match self.peek()? {
            Token::Operator("(") => self.parenthesis()?,
            Token::Operator(
                sign @ ("<" | ">" | ">>" | "<<" | "<<-" | "<<<" | "<&" | ">&" | "<>" | ">|" | "&>" | "&>>"),
            ) => {
                let _ = sign;
                self.simple()?
            }
            Token::Operator(sign) => return Err(unexpected(sign)),
            Token::Newline => return Err(unexpected("newline")),
            Token::End => return Err(ParseError::Incomplete(Open::Operator)),
            Token::Number(_) => self.simple()?,
            Token::Word(word) => match word.0.literal().unwrap_or_default() {
                "if" => self.if_command()?,
                "while" => self.loop_command(false)?,
                "until" => self.loop_command(true)?,
                "for" => self.for_command()?,
                "case" => self.case_command()?,
                "{" => {
                    self.token()?;
                    let body = self.list_until(&["}"], "}")?;
                    self.expect_keyword("}")?;
                    body
                }
                "function" if self.dialect != Dialect::Dash => self.function_keyword()?,
                "[[" if self.dialect != Dialect::Dash => self.condition_command()?,
                text if CLOSERS.contains(&text) && text != "in" => return Err(unexpected(text)),
                _ => {
                    let command = self.simple()?;
                    self.depth -= 1;
                    return Ok(command);
                }
            },
        };
        self.depth -= 1;
        if matches!(command, Command::Simple(_) | Command::Function(..)) {
            return Ok(command);
        }
        self.trailing_redirects(command)
    }

    fn trailing_redirects(&mut self, command: Command) -> Result<Command> {
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        if let Token::Word(word) = self.peek()?
            && !self.is_closer(&word)
        {
            return Err(ParseError::Unexpected(text_of(&Token::Word(word)), None));
        }
        Ok(if redirects.is_empty() { command } else { Command::Redirected(Arc::new(command), Arc::new(redirects)) })
    }

    fn parenthesis(&mut self) -> Result<Command> {
        self.blanks();
        if self.dialect != Dialect::Dash && self.starts("((") {
            let (at, line) = (self.at, self.line);
            self.at += 2;
            if let Ok(word) = self.arithmetic_text() {
                return Ok(Command::Arithmetic(Arc::new(word)));
            }
            (self.at, self.line) = (at, line);
        }
        self.token()?;
        let body = self.list_until(&[")"], ")")?;
        self.token()?;
        Ok(Command::Subshell(Arc::new(body)))
    }

    fn if_command(&mut self) -> Result<Command> {
        self.token()?;
        let mut arms = Vec::new();
        let mut last = None;
        loop {
            let condition = self.list_until(&["then"], "then")?;
            self.expect_keyword("then")?;
            let body = self.list_until(&["elif", "else", "fi"], "fi")?;
            arms.push((condition, body));
            match self.keyword()?.as_deref() {
                Some("elif") => drop(self.token()?),
                Some("else") => {
                    self.token()?;
                    last = Some(Arc::new(self.list_until(&["fi"], "fi")?));
                    self.expect_keyword("fi")?;
                    break;
                }
                _ => {
                    self.expect_keyword("fi")?;
                    break;
                }
            }
        }
        Ok(Command::If(Arc::new(arms), last))
    }

    fn loop_command(&mut self, until: bool) -> Result<Command> {
        self.token()?;
        let condition = self.list_until(&["do"], "do")?;
        let body = self.do_group()?;
        Ok(Command::Loop(until, Arc::new(condition), Arc::new(body)))
    }

    fn do_group(&mut self) -> Result<Command> {
        self.expect_keyword("do")?;
        let body = self.list_until(&["done"], "done")?;
        self.expect_keyword("done")?;
        Ok(body)
    }

    fn for_command(&mut self) -> Result<Command> {
        self.token()?;
        self.blanks();
        if self.starts("((") && self.dialect == Dialect::Bash {
            self.at += 2;
            let init = self.until_char(';')?;
            let test = self.until_char(';')?;
            let step = self.arithmetic_text()?;
            self.accept(";")?;
            self.skip_newlines()?;
            let body = self.do_group()?;
            return Ok(Command::ForArithmetic(Arc::new([init, test, step]), Arc::new(body)));
        }
        let name = match self.token()? {
            Token::Word(word) => match word.0.literal() {
                Some(name) if is_name(name) => name.to_owned(),
                _ if self.dialect == Dialect::Bash => {
                    return Err(ParseError::Other(format!("`{}': not a valid identifier", plain(&word.0))));
                }
                _ => return Err(ParseError::Other("Bad for loop variable".into())),
            },
            Token::End => return Err(ParseError::Incomplete(Open::Operator)),
            token => return Err(unexpected(&text_of(&token))),
        };
        self.skip_newlines()?;
        let mut words = None;
        if self.keyword()?.as_deref() == Some("in") {
            self.token()?;
            let mut list = Vec::new();
            loop {
                match self.token()? {
                    Token::Word(word) => list.push(word.0),
                    Token::Number(number) => list.push(Word(vec![Part::Literal(number.to_string())])),
                    Token::Newline => {
                        self.read_documents()?;
                        break;
                    }
                    Token::Operator(";") => break,
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("do"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
            }
            words = Some(Arc::new(list));
        } else {
            self.accept(";")?;
        }
        self.skip_newlines()?;
        let body = self.do_group()?;
        Ok(Command::For(Arc::from(name), words, Arc::new(body)))
    }

    fn case_command(&mut self) -> Result<Command> {
        self.token()?;
        let subject = match self.token()? {
            Token::Word(word) => word.0,
            Token::End => return Err(ParseError::Incomplete(Open::Keyword("in"))),
            token => return Err(unexpected(&text_of(&token))),
        };
        self.skip_newlines()?;
        self.expect_keyword("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.keyword()?.as_deref() == Some("esac") {
                self.token()?;
                break;
            }
            self.accept("(")?;
            let mut patterns = Vec::new();
            loop {
                match self.token()? {
                    Token::Word(word) => patterns.push(word.0),
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("esac"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
                match self.token()? {
                    Token::Operator("|") => {}
                    Token::Operator(")") => break,
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("esac"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
            }
            let body = self.list_until(&[";;", ";&", ";;&", "esac"], "esac")?;
            let end = match self.peek()? {
                Token::Operator(";&") => CaseEnd::Fall,
                Token::Operator(";;&") => CaseEnd::Test,
                _ => CaseEnd::Break,
            };
            if matches!(self.peek()?, Token::Operator(_)) {
                self.token()?;
            }
            arms.push(CaseArm { patterns, body, end });
        }
        Ok(Command::Case(Arc::new(subject), Arc::new(arms)))
    }

    fn function_keyword(&mut self) -> Result<Command> {
        self.token()?;
        let name = match self.token()? {
            Token::Word(word) => plain(&word.0),
            token => return Err(unexpected(&text_of(&token))),
        };
        if self.accept("(")? {
            self.accept(")")?;
        }
        self.function_body(&name)
    }

    fn function_body(&mut self, name: &str) -> Result<Command> {
        self.skip_newlines()?;
        if self.peek()? == Token::End {
            return Err(ParseError::Incomplete(Open::Operator));
        }
        let body = self.command()?;
        Ok(Command::Function(Arc::from(name), Arc::new(body)))
    }

    fn simple(&mut self) -> Result<Command> {
        let mut simple = Simple { line: self.line, ..Simple::default() };
        loop {
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            if self.alias_next {
                self.expand_alias()?;
            }
            match self.peek()? {
                Token::Word(word) => {
                    self.token()?;
                    if simple.words.is_empty()
                        && let Some((name, append, value)) = self.assignment(&word.0)?
                    {
                        simple.assignments.push((name, append, value));
                        self.expand_alias()?;
                        continue;
                    }
                    simple.words.push(word.0);
                }
                Token::Operator("(") => {
                    let name = simple.words.first().and_then(Word::literal).map(str::to_owned);
                    let alone = simple.words.len() == 1 && simple.assignments.is_empty() && simple.redirects.is_empty();
                    match name {
                        Some(name) if alone && !name.is_empty() => {
                            self.token()?;
                            match self.token()? {
                                Token::Operator(")") => return self.function_body(&name),
                                Token::End => return Err(ParseError::Incomplete(Open::Keyword(")"))),
                                token => return Err(unexpected(&text_of(&token))),
                            }
                        }
                        _ => return Err(unexpected("(")),
                    }
                }
                Token::Number(number) => {
                    self.token()?;
                    simple.words.push(Word(vec![Part::Literal(number.to_string())]));
                }
                _ => break,
            }
        }
        Ok(Command::Simple(Arc::new(simple)))
    }

    fn assignment(&mut self, word: &Word) -> Result<Option<(String, bool, Word)>> {
        let Some(Part::Literal(first)) = word.0.first() else { return Ok(None) };
        let Some((name, value)) = first.split_once('=') else { return Ok(None) };
        let (name, append) = match name.strip_suffix('+') {
            Some(name) if self.dialect == Dialect::Bash => (name, true),
            _ => (name, false),
        };
        if !is_name(name) {
            return Ok(None);
        }
        if value.is_empty() && word.0.len() == 1 && self.ch(0) == Some('(') {
            if self.dialect == Dialect::Bash {
                return Err(ParseError::Other("this shell has no arrays; use words and a for loop".into()));
            }
            return Err(unexpected("("));
        }
        let mut parts = word.0.clone();
        if let Some(first) = parts.first_mut() {
            *first = Part::Literal(value.to_owned());
        }
        if value.is_empty() {
            parts.remove(0);
        }
        Ok(Some((name.to_owned(), append, Word(parts))))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>> {
        let (at, line) = (self.at, self.line);
        let mut fd = None;
        let mut token = self.peek()?;
        if let Token::Number(number) = token {
            fd = Some(number);
            self.token()?;
            token = self.peek()?;
        }
        let Token::Operator(sign) = token else {
            (self.at, self.line) = (at, line);
            return Ok(None);
        };
        let kind = match sign {
            "<" => RedirectKind::Read,
            ">" => RedirectKind::Write,
            ">|" => RedirectKind::Clobber,
            ">>" => RedirectKind::Append,
            "<>" => RedirectKind::ReadWrite,
            "<&" => RedirectKind::DupIn,
            ">&" => RedirectKind::DupOut,
            "&>" => RedirectKind::Both,
            "&>>" => RedirectKind::BothAppend,
            "<<" | "<<-" => RedirectKind::Document,
            "<<<" => RedirectKind::Text,
            _ => return Ok(None),
        };
        self.token()?;
        let target = match self.token()? {
            Token::Word(word) => word.0,
            Token::Number(number) => Word(vec![Part::Literal(number.to_string())]),
            Token::End => return Err(ParseError::Unexpected("newline".into(), None)),
            token => return Err(unexpected(&text_of(&token))),
        };
        if kind == RedirectKind::Document {
            let id = self.documents.len() + self.texts.len() * 1000 + self.at;
            let quoted = !matches!(target.0.as_slice(), [Part::Literal(_)] | []);
            self.documents.push(PendingDocument { id, end: plain(&target), strip: sign == "<<-", quoted });
            return Ok(Some(Redirect { fd, kind, target: Word(vec![Part::Literal(format!("\0{id}"))]) }));
        }
        Ok(Some(Redirect { fd, kind, target }))
    }

    fn condition_command(&mut self) -> Result<Command> {
        self.token()?;
        let condition = self.condition_or()?;
        self.skip_newlines()?;
        self.expect_keyword("]]")?;
        Ok(Command::Condition(Arc::new(condition)))
    }

    fn condition_or(&mut self) -> Result<Condition> {
        let mut left = self.condition_and()?;
        while self.accept("||")? {
            left = Condition::Or(Box::new(left), Box::new(self.condition_and()?));
        }
        Ok(left)
    }

    fn condition_and(&mut self) -> Result<Condition> {
        let mut left = self.condition_one()?;
        while self.accept("&&")? {
            left = Condition::And(Box::new(left), Box::new(self.condition_one()?));
        }
        Ok(left)
    }

    fn condition_one(&mut self) -> Result<Condition> {
        self.enter()?;
        self.skip_newlines()?;
        let result = self.condition_primary();
        self.depth -= 1;
        result
    }

    fn condition_primary(&mut self) -> Result<Condition> {
        if self.accept("(")? {
            let inner = self.condition_or()?;
            if !self.accept(")")? {
                return Err(ParseError::Incomplete(Open::Keyword(")")));
            }
            return Ok(inner);
        }
        let word = self.condition_word()?;
        match word.literal() {
            Some("!") => return Ok(Condition::Not(Box::new(self.condition_one()?))),
            Some(sign) if sign.len() == 2 && sign.starts_with('-') && self.keyword()?.as_deref() != Some("]]") => {
                let sign = sign.to_owned();
                return Ok(Condition::Unary(sign, self.condition_word()?));
            }
            _ => {}
        }
        let sign = match self.peek()? {
            Token::Operator(sign @ ("<" | ">")) => {
                self.token()?;
                sign.to_owned()
            }
            Token::Word(next)
                if matches!(
                    next.0.literal(),
                    Some(
                        "=" | "=="
                            | "!="
                            | "=~"
                            | "-eq"
                            | "-ne"
                            | "-lt"
                            | "-le"
                            | "-gt"
                            | "-ge"
                            | "-nt"
                            | "-ot"
                            | "-ef"
                    )
                ) =>
            {
                self.token()?;
                next.0.literal().unwrap_or_default().to_owned()
            }
            _ => return Ok(Condition::Unary("-n".into(), word)),
        };
        let right = if sign == "=~" { self.regex_word()? } else { self.condition_word()? };
        Ok(Condition::Binary(word, sign, right))
    }

    fn regex_word(&mut self) -> Result<Word> {
        self.blanks();
        self.word(Stop::Regex)
    }

    fn condition_word(&mut self) -> Result<Word> {
        match self.token()? {
            Token::Word(word) => Ok(word.0),
            Token::Number(number) => Ok(Word(vec![Part::Literal(number.to_string())])),
            Token::End | Token::Newline => Err(ParseError::Incomplete(Open::Keyword("]]"))),
            token => Err(unexpected(&text_of(&token))),
        }
    }

    // ---- aliases

    fn expand_alias(&mut self) -> Result<()> {
        self.alias_next = false;
        for _ in 0..32 {
            if self.aliases.is_empty() {
                return Ok(());
            }
            self.blanks();
            let left = self.chars.len().saturating_sub(self.at);
            self.blocked.retain(|(_, until)| left > *until);
            let length = (0..)
                .take_while(|index| {
                    self.ch(*index).is_some_and(|c| !c.is_whitespace() && !"|&;<>()$`\\\"'".contains(c))
                })
                .count();
            if self.ch(length).is_some_and(|c| "$`\\\"'(".contains(c)) || length == 0 {
                return Ok(());
            }
            let name: String = self.chars.get(self.at..self.at + length).unwrap_or_default().iter().collect();
            let Some(value) = self.aliases.get(&name) else { return Ok(()) };
            if self.blocked.iter().any(|(blocked, _)| *blocked == name) {
                return Ok(());
            }
            self.blocked.push((name, left - length));
            self.alias_next = value.ends_with([' ', '\t']);
            let text: Vec<char> = value.chars().collect();
            self.chars.splice(self.at..self.at + length, text);
            self.seen = None;
        }
        Ok(())
    }

    // ---- words

    fn word(&mut self, stop: Stop) -> Result<Word> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut nesting = 0_u32;
        macro_rules! push {
            ($part:expr) => {{
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push($part);
            }};
        }
        loop {
            let Some(c) = self.ch(0) else {
                if let Stop::Brace = stop {
                    return Err(ParseError::Incomplete(Open::Quote('}')));
                }
                break;
            };
            match stop {
                Stop::Word if c.is_whitespace() || "|&;<>()".contains(c) => break,
                Stop::Regex if c.is_whitespace() && nesting == 0 => break,
                Stop::Regex if c == '(' => nesting += 1,
                Stop::Regex if c == ')' => nesting = nesting.saturating_sub(1),
                Stop::Brace if c == '}' => break,
                Stop::Slash if c == '}' || c == '/' => break,
                Stop::Colon if c == '}' || c == ':' => break,
                _ => {}
            }
            match c {
                '\\' => {
                    self.at += 1;
                    match self.bump() {
                        Some('\n') => {}
                        Some(next) => push!(Part::Quoted(next.to_string())),
                        None if self.dialect == Dialect::Bash || parts.is_empty() => literal.push('\\'),
                        None => literal.push('\\'),
                    }
                }
                '\'' => {
                    let text = self.single()?;
                    push!(Part::Quoted(text));
                }
                '"' => {
                    self.at += 1;
                    let inner = self.double(Some('"'))?;
                    push!(Part::Double(inner));
                }
                '$' | '`' => match self.dollar()? {
                    Some(part) => push!(part),
                    None => literal.push(c),
                },
                _ => {
                    self.bump();
                    literal.push(c);
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Word(parts))
    }

    fn single(&mut self) -> Result<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('\''))),
            }
        }
    }

    /// The inside of double quotes up to `end` (or, for a here-document, the end of the text).
    fn double(&mut self, end: Option<char>) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let Some(c) = self.ch(0) else {
                if let Some(end) = end {
                    return Err(ParseError::Incomplete(Open::Quote(end)));
                }
                break;
            };
            if Some(c) == end {
                self.at += 1;
                break;
            }
            match c {
                '\\' => {
                    self.at += 1;
                    match self.ch(0) {
                        Some('\n') => drop(self.bump()),
                        Some(next) if "$`\\".contains(next) || Some(next) == end => {
                            text.push(next);
                            self.at += 1;
                        }
                        _ => text.push('\\'),
                    }
                }
                '$' | '`' => match self.dollar()? {
                    Some(part) => {
                        if !text.is_empty() {
                            parts.push(Part::Quoted(std::mem::take(&mut text)));
                        }
                        parts.push(part);
                    }
                    None => text.push(c),
                },
                _ => {
                    self.bump();
                    text.push(c);
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(parts)
    }

    /// What begins with `$` or a backquote; `None` (one character taken) when the sign is just itself.
    fn dollar(&mut self) -> Result<Option<Part>> {
        self.enter()?;
        let result = self.dollar_inner();
        self.depth -= 1;
        result
    }

    fn dollar_inner(&mut self) -> Result<Option<Part>> {
        if self.ch(0) == Some('`') {
            return self.backquote().map(Some);
        }
        self.at += 1;
        match self.ch(0) {
            Some('(') if self.ch(1) == Some('(') => {
                let (at, line) = (self.at, self.line);
                self.at += 2;
                match self.arithmetic_text() {
                    Ok(word) => Ok(Some(Part::Arithmetic(word))),
                    Err(ParseError::Incomplete(open)) => Err(ParseError::Incomplete(open)),
                    Err(_) => {
                        (self.at, self.line) = (at, line);
                        self.substitution().map(Some)
                    }
                }
            }
            Some('(') => self.substitution().map(Some),
            Some('{') => {
                self.at += 1;
                self.braced().map(|parameter| Some(Part::Parameter(Box::new(parameter))))
            }
            Some('\'') if self.dialect != Dialect::Dash => {
                let text = self.ansi_quote()?;
                Ok(Some(Part::Quoted(text)))
            }
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                let name = self.name();
                Ok(Some(Part::Parameter(Box::new(Parameter { name, action: Action::Plain }))))
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.at += 1;
                Ok(Some(Part::Parameter(Box::new(Parameter { name: c.to_string(), action: Action::Plain }))))
            }
            _ => Ok(None),
        }
    }

    fn ansi_quote(&mut self) -> Result<String> {
        self.at += 1;
        let mut raw = String::new();
        loop {
            match self.bump() {
                Some('\'') => break,
                Some('\\') => {
                    raw.push('\\');
                    raw.extend(self.bump());
                }
                Some(c) => raw.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('\''))),
            }
        }
        Ok(super::escape::unescape(&raw, super::escape::Style::Ansi).0)
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.ch(0).filter(|c| *c == '_' || c.is_ascii_alphanumeric()) {
            name.push(c);
            self.at += 1;
        }
        name
    }

    fn substitution(&mut self) -> Result<Part> {
        self.at += 1;
        let documents = std::mem::take(&mut self.documents);
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek()? {
                Token::Operator(")") => break,
                Token::End => return Err(ParseError::Incomplete(Open::Quote(')'))),
                _ => {}
            }
            items.push(self.item()?);
            match self.peek()? {
                Token::Operator(")") | Token::Newline | Token::End | Token::Word(_) | Token::Number(_) => {}
                Token::Operator(sign) if sign == "(" || sign.starts_with(['<', '>']) => {}
                Token::Operator(sign) => return Err(unexpected(sign)),
            }
        }
        self.token()?;
        self.documents = documents;
        let mut command = list(items);
        self.fill(&mut command);
        Ok(Part::Substitution(Arc::new(command)))
    }

    fn backquote(&mut self) -> Result<Part> {
        self.at += 1;
        let mut text: Vec<char> = Vec::new();
        loop {
            match self.bump() {
                Some('`') => break,
                Some('\\') => match self.bump() {
                    Some(c @ ('`' | '\\' | '$')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => return Err(ParseError::Incomplete(Open::Quote('`'))),
                },
                Some(c) => text.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('`'))),
            }
        }
        let mut inner = Parser::new(&text, 0, self.line, self.dialect, self.aliases);
        inner.depth = self.depth;
        let mut items = Vec::new();
        while let Some(command) = inner.next_command()? {
            items.push(command);
        }
        Ok(Part::Substitution(Arc::new(list(items))))
    }

    /// Text up to the `))` that ends an arithmetic expression.
    fn arithmetic_text(&mut self) -> Result<Word> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut depth = 0;
        loop {
            match self.ch(0) {
                None => return Err(ParseError::Incomplete(Open::Quote(')'))),
                Some(')') if depth == 0 => {
                    if self.ch(1) != Some(')') {
                        return Err(unexpected(")"));
                    }
                    self.at += 2;
                    break;
                }
                Some('$' | '`') => match self.dollar()? {
                    Some(part) => {
                        if !text.is_empty() {
                            parts.push(Part::Quoted(std::mem::take(&mut text)));
                        }
                        parts.push(part);
                    }
                    None => text.push('$'),
                },
                Some(c) => {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    self.bump();
                    if c != '"' {
                        text.push(c);
                    }
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(Word(parts))
    }

    fn until_char(&mut self, end: char) -> Result<Word> {
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            match self.ch(0) {
                None => return Err(ParseError::Incomplete(Open::Quote(')'))),
                Some(c) if c == end => {
                    self.at += 1;
                    break;
                }
                Some('$' | '`') => {
                    if let Some(part) = self.dollar()? {
                        parts.push(Part::Quoted(std::mem::take(&mut text)));
                        parts.push(part);
                    }
                }
                Some(c) => {
                    self.bump();
                    text.push(c);
                }
            }
        }
        parts.push(Part::Quoted(text));
        Ok(Word(parts))
    }

    /// The inside of `${...}`, after the brace.
    fn braced(&mut self) -> Result<Parameter> {
        let from = self.at;
        if self.ch(0) == Some('#')
            && !matches!(self.ch(1), Some('}'))
            && !(self.ch(1).is_some_and(|c| "-=?+%:#".contains(c)) && self.ch(2) != Some('}'))
        {
            self.at += 1;
            let name = self.parameter_name();
            if self.ch(0) == Some('}') && !name.is_empty() {
                self.at += 1;
                return Ok(Parameter { name, action: Action::Length });
            }
            return self.bad_braces(from);
        }
        if self.ch(0) == Some('!')
            && self.dialect == Dialect::Bash
            && self.ch(1).is_some_and(|c| c == '_' || c.is_ascii_alphanumeric())
        {
            self.at += 1;
            let name = self.parameter_name();
            if self.ch(0) == Some('}') {
                self.at += 1;
                return Ok(Parameter { name, action: Action::Indirect });
            }
            return self.bad_braces(from);
        }
        let name = self.parameter_name();
        if name.is_empty() {
            return self.bad_braces(from);
        }
        let action = self.braced_action()?;
        match (action, self.ch(0)) {
            (_, None) => Err(ParseError::Incomplete(Open::Quote('}'))),
            (Some(action), Some('}')) => {
                self.at += 1;
                Ok(Parameter { name, action })
            }
            _ => self.bad_braces(from),
        }
    }

    fn braced_action(&mut self) -> Result<Option<Action>> {
        let Some(c) = self.ch(0) else { return Err(ParseError::Incomplete(Open::Quote('}'))) };
        let extended = self.dialect != Dialect::Dash;
        Ok(Some(match c {
            '}' => Action::Plain,
            '-' | '=' | '?' | '+' => {
                self.at += 1;
                Action::Default(false, c, self.word(Stop::Brace)?)
            }
            ':' => match self.ch(1) {
                Some(sign @ ('-' | '=' | '?' | '+')) => {
                    self.at += 2;
                    Action::Default(true, sign, self.word(Stop::Brace)?)
                }
                _ if extended => {
                    self.at += 1;
                    let offset = self.word(Stop::Colon)?;
                    let length = if self.ch(0) == Some(':') {
                        self.at += 1;
                        Some(self.word(Stop::Brace)?)
                    } else {
                        None
                    };
                    Action::Slice(offset, length)
                }
                _ => return Ok(None),
            },
            '#' | '%' => {
                self.at += 1;
                let longest = self.ch(0) == Some(c);
                if longest {
                    self.at += 1;
                }
                Action::Trim(c == '%', longest, self.word(Stop::Brace)?)
            }
            '/' if extended => {
                self.at += 1;
                let sign = match self.ch(0) {
                    Some(sign @ ('/' | '#' | '%')) => {
                        self.at += 1;
                        sign
                    }
                    _ => ' ',
                };
                let pattern = self.word(Stop::Slash)?;
                let with = if self.ch(0) == Some('/') {
                    self.at += 1;
                    self.word(Stop::Brace)?
                } else {
                    Word::default()
                };
                Action::Replace(sign, pattern, with)
            }
            '^' | ',' if self.dialect == Dialect::Bash => {
                self.at += 1;
                let all = self.ch(0) == Some(c);
                if all {
                    self.at += 1;
                }
                Action::Case(c, all)
            }
            _ => return Ok(None),
        }))
    }

    fn parameter_name(&mut self) -> String {
        match self.ch(0) {
            Some(c) if c == '_' || c.is_ascii_alphabetic() => self.name(),
            Some(c) if c.is_ascii_digit() => {
                let mut digits = String::new();
                while let Some(c) = self.ch(0).filter(char::is_ascii_digit) {
                    digits.push(c);
                    self.at += 1;
                }
                digits
            }
            Some(c) if "@*#?-$!".contains(c) => {
                self.at += 1;
                c.to_string()
            }
            _ => String::new(),
        }
    }

    fn bad_braces(&mut self, from: usize) -> Result<Parameter> {
        loop {
            match self.bump() {
                Some('}') => break,
                Some(_) => {}
                None => return Err(ParseError::Incomplete(Open::Quote('}'))),
            }
        }
        let text: String = self.chars.get(from..self.at).unwrap_or_default().iter().collect();
        Ok(Parameter { name: String::new(), action: Action::Bad(format!("${{{text}")) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Word,
    Brace,
    Slash,
    Colon,
    Regex,
}

fn list(mut items: Vec<Command>) -> Command {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        Some(last) => {
            items.push(last);
            Command::List(Arc::new(items))
        }
        None => Command::List(Arc::default()),
    }
}

fn unexpected(token: &str) -> ParseError {
    ParseError::Unexpected(token.to_owned(), None)
}

fn text_of(token: &Token) -> String {
    match token {
        Token::Word(word) => plain(&word.0),
        Token::Operator(sign) => (*sign).to_owned(),
        Token::Number(number) => number.to_string(),
        Token::Newline => "newline".to_owned(),
        Token::End => "end of file".to_owned(),
    }
}

/// The text of a word without its quotes; what would expand is left out.
pub fn plain(word: &Word) -> String {
    fn parts(list: &[Part], text: &mut String) {
        for part in list {
            match part {
                Part::Literal(piece) | Part::Quoted(piece) => text.push_str(piece),
                Part::Double(inner) => parts(inner, text),
                Part::Parameter(parameter) => {
                    text.push('$');
                    text.push_str(&parameter.name);
                }
                Part::Substitution(_) | Part::Arithmetic(_) => {}
            }
        }
    }
    let mut text = String::new();
    parts(&word.0, &mut text);
    text
}

/// Whether a text can name a variable.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

type Texts = BTreeMap<usize, Word>;

fn fill_command(command: &mut Command, texts: &Texts) {
    let all =
        |list: &mut Arc<Vec<Command>>| Arc::make_mut(list).iter_mut().for_each(|command| fill_command(command, texts));
    match command {
        Command::Simple(simple) => fill_redirects(&mut Arc::make_mut(simple).redirects, texts),
        Command::List(list) | Command::Pipeline(list) => all(list),
        Command::AndOr(first, rest) => {
            fill_command(Arc::make_mut(first), texts);
            Arc::make_mut(rest).iter_mut().for_each(|(_, command)| fill_command(command, texts));
        }
        Command::Background(inner, _)
        | Command::Not(inner)
        | Command::Time(inner, _)
        | Command::Subshell(inner)
        | Command::Function(_, inner) => {
            fill_command(Arc::make_mut(inner), texts);
        }
        Command::If(arms, last) => {
            for (condition, body) in Arc::make_mut(arms) {
                fill_command(condition, texts);
                fill_command(body, texts);
            }
            if let Some(last) = last {
                fill_command(Arc::make_mut(last), texts);
            }
        }
        Command::Loop(_, condition, body) => {
            fill_command(Arc::make_mut(condition), texts);
            fill_command(Arc::make_mut(body), texts);
        }
        Command::For(_, _, body) | Command::ForArithmetic(_, body) => fill_command(Arc::make_mut(body), texts),
        Command::Case(_, arms) => {
            Arc::make_mut(arms).iter_mut().for_each(|arm| fill_command(&mut arm.body, texts));
        }
        Command::Redirected(inner, redirects) => {
            fill_command(Arc::make_mut(inner), texts);
            fill_redirects(Arc::<Vec<Redirect>>::make_mut(redirects).as_mut_slice(), texts);
        }
        Command::Condition(_) | Command::Arithmetic(_) => {}
    }
}

fn fill_redirects(redirects: &mut [Redirect], texts: &Texts) {
    for redirect in redirects.iter_mut().filter(|redirect| redirect.kind == RedirectKind::Document) {
        let id = redirect.target.literal().and_then(|text| text.strip_prefix('\0')).and_then(|id| id.parse().ok());
        if let Some(text) = id.and_then(|id: usize| texts.get(&id)) {
            redirect.target = text.clone();
        }
    }
}
