//! Shell text to tree. Reads one complete command at a time, as a shell does, so that what stands before a mistake
//! still runs. Refuses to expand or run anything.

mod compound;
mod conditions;
mod documents;
mod lists;
mod parameters;
mod simple;
mod tokens;
mod words;

pub use self::words::is_name;

use std::collections::BTreeMap;

use self::documents::PendingDocument;
use self::lists::list;
use self::tokens::{Seen, Token, unexpected};
use super::process::Dialect;
use super::syntax::{Command, Word};

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
}
