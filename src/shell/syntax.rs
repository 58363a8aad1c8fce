//! The tree of a shell program. Says nothing about how it runs.

use std::sync::Arc;

/// Something that runs.
#[derive(Clone, Debug)]
pub enum Command {
    /// Assignments, words and redirections.
    Simple(Arc<Simple>),
    /// Commands one after the other.
    List(Arc<Vec<Command>>),
    /// `left && right` and `left || right`, from the left.
    AndOr(Arc<Command>, Arc<Vec<(bool, Command)>>),
    /// `command &`, with its text for `jobs`.
    Background(Arc<Command>, Arc<str>),
    /// `a | b`
    Pipeline(Arc<Vec<Command>>),
    /// `! command`
    Not(Arc<Command>),
    /// `time command`; whether in the POSIX form.
    Time(Arc<Command>, bool),
    /// `( ... )`
    Subshell(Arc<Command>),
    /// `if`: pairs of condition and body, and the last body.
    If(Arc<Vec<(Command, Command)>>, Option<Arc<Command>>),
    /// `while` and (true) `until`.
    Loop(bool, Arc<Command>, Arc<Command>),
    /// `for name in words`; without words, the positional parameters.
    For(Arc<str>, Option<Arc<Vec<Word>>>, Arc<Command>),
    /// `for ((init; test; step))`
    ForArithmetic(Arc<[Word; 3]>, Arc<Command>),
    /// `case`
    Case(Arc<Word>, Arc<Vec<CaseArm>>),
    /// `name() body`
    Function(Arc<str>, Arc<Command>),
    /// A compound command with redirections.
    Redirected(Arc<Command>, Arc<Vec<Redirect>>),
    /// `[[ ... ]]`
    Condition(Arc<Condition>),
    /// `(( ... ))`
    Arithmetic(Arc<Word>),
}

/// An arm of `case`.
#[derive(Clone, Debug)]
pub struct CaseArm {
    /// Any of these patterns.
    pub patterns: Vec<Word>,
    /// What then runs.
    pub body: Command,
    /// How it ends: `;;`, `;&` (go on into the next body) or `;;&` (go on testing).
    pub end: CaseEnd,
}

/// How an arm of `case` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseEnd {
    /// `;;`
    Break,
    /// `;&`
    Fall,
    /// `;;&`
    Test,
}

/// The inside of `[[ ]]`.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `-f word`, or a word alone with the operator `-n`.
    Unary(String, Word),
    /// `a == b` and so on.
    Binary(Word, String, Word),
    /// `! x`
    Not(Box<Condition>),
    /// `a && b`
    And(Box<Condition>, Box<Condition>),
    /// `a || b`
    Or(Box<Condition>, Box<Condition>),
}

/// A simple command.
#[derive(Clone, Debug, Default)]
pub struct Simple {
    /// Assignments in front.
    pub assignments: Vec<(String, bool, Word)>,
    /// The command and its arguments.
    pub words: Vec<Word>,
    /// Redirections, in order.
    pub redirects: Vec<Redirect>,
    /// The line it stands on.
    pub line: u32,
}

/// A redirection.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// The descriptor in front, if written.
    pub fd: Option<i32>,
    /// What it does.
    pub kind: RedirectKind,
    /// Its target: a file, a descriptor, or the text of a here-document.
    pub target: Word,
}

/// What a redirection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>|`
    Clobber,
    /// `>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `<&`
    DupIn,
    /// `>&`
    DupOut,
    /// `&>`
    Both,
    /// `&>>`
    BothAppend,
    /// `<<`, `<<-`
    Document,
    /// `<<<`
    Text,
}

/// A word: parts that expand and are joined.
#[derive(Clone, Debug, Default)]
pub struct Word(pub Vec<Part>);

/// A part of a word.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it stands; its special characters are active.
    Literal(String),
    /// Quoted text.
    Quoted(String),
    /// `"..."`
    Double(Vec<Part>),
    /// `$x`, `${...}`
    Parameter(Box<Parameter>),
    /// `$(...)`, `` `...` ``
    Substitution(Arc<Command>),
    /// `$((...))`
    Arithmetic(Word),
}

/// A parameter expansion.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, number or sign.
    pub name: String,
    /// What is done with its value.
    pub action: Action,
}

/// What a parameter expansion does.
#[derive(Clone, Debug)]
pub enum Action {
    /// The value.
    Plain,
    /// `${#x}`
    Length,
    /// `${x-w}`, `${x:=w}`, ...: whether an empty value counts as unset, the sign, the word.
    Default(bool, char, Word),
    /// `${x#p}`, `${x%%p}`: from the end, longest, the pattern.
    Trim(bool, bool, Word),
    /// `${x:offset:length}`
    Slice(Word, Option<Word>),
    /// `${x/pattern/with}`: the sign after the slash (`/` all, `#` start, `%` end, or a space), the words.
    Replace(char, Word, Word),
    /// `${x^^}`, `${x,,}`, `${x^}`, `${x,}`
    Case(char, bool),
    /// `${!x}`
    Indirect,
    /// Not valid; the text for the message.
    Bad(String),
}

impl Word {
    /// The text of a word that is nothing but unquoted characters.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Literal(text)] => Some(text),
            [] => Some(""),
            _ => None,
        }
    }

    /// A word of quoted text.
    pub fn quoted(text: &str) -> Self {
        Word(vec![Part::Quoted(text.to_owned())])
    }
}
