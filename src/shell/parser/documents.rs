//! Here-documents: their texts come after the line that names them, and are put into the command when both are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DEPTH, Open, ParseError, Parser, Result};
use crate::shell::syntax::{Command, Part, Redirect, RedirectKind, Word};

impl<'a> Parser<'a> {
    pub(super) fn read_documents(&mut self) -> Result<()> {
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

    pub(super) fn document_text(&self, text: &str) -> Result<Word> {
        let chars: Vec<char> = text.chars().collect();
        let mut inner = Parser::new(&chars, 0, self.line, self.dialect, self.aliases);
        inner.depth = self.depth + 1;
        if inner.depth > DEPTH {
            return Err(ParseError::TooDeep);
        }
        Ok(Word(vec![Part::Double(inner.double(None)?)]))
    }

    /// Puts the texts of here-documents, which come after the line they are named on, into the finished command.
    pub(super) fn fill(&mut self, command: &mut Command) {
        if !self.texts.is_empty() {
            let texts = std::mem::take(&mut self.texts);
            fill_command(command, &texts);
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct PendingDocument {
    pub(super) id: usize,
    pub(super) end: String,
    pub(super) strip: bool,
    pub(super) quoted: bool,
}

pub(super) type Texts = BTreeMap<usize, Word>;

pub(super) fn fill_command(command: &mut Command, texts: &Texts) {
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

pub(super) fn fill_redirects(redirects: &mut [Redirect], texts: &Texts) {
    for redirect in redirects.iter_mut().filter(|redirect| redirect.kind == RedirectKind::Document) {
        let id = redirect.target.literal().and_then(|text| text.strip_prefix('\0')).and_then(|id| id.parse().ok());
        if let Some(text) = id.and_then(|id: usize| texts.get(&id)) {
            redirect.target = text.clone();
        }
    }
}
