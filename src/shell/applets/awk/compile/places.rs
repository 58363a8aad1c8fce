//! What can be assigned to, and what is called: fields, variables, elements, functions.

use super::{Array, Compiler, FUNCTIONS, Op, Place, Result};
use crate::shell::applets::awk::lex::Token;

impl Compiler {
    /// What `print` prints: a list, perhaps in parentheses.
    pub(super) fn arguments(&mut self) -> Result<usize> {
        if self.is("(") {
            // `print (a, b)` is a list in parentheses, `print (a) b` begins with a group.
            let (start, code, regexes) = (self.at, self.here(), self.program.regexes.len());
            self.at += 1;
            let greater = std::mem::replace(&mut self.no_greater, false);
            let count = self.list(")")?;
            self.no_greater = greater;
            self.expect(")")?;
            if self.ends_statement() || self.is(">") || self.is(">>") || self.is("|") {
                return Ok(count);
            }
            self.at = start;
            self.program.ops.truncate(code);
            self.program.regexes.truncate(regexes);
        }
        self.list("")
    }

    pub(super) fn list(&mut self, close: &str) -> Result<usize> {
        let mut count = 0;
        if !close.is_empty() && self.is(close) {
            return Ok(0);
        }
        loop {
            self.newlines();
            self.expression()?;
            count += 1;
            if !self.eat(",") {
                return Ok(count);
            }
        }
    }

    pub(super) fn place(&mut self, name: &str) -> Place {
        match self.locals.iter().position(|local| local == name) {
            Some(local) => Place::Local(local),
            None => Place::Global(self.global(name)),
        }
    }

    pub(super) fn array(&mut self, name: &str) -> Array {
        match self.place(name) {
            Place::Local(local) => Array::Local(local),
            Place::Global(global) => Array::Global(global),
            Place::Field | Place::Element(_) => Array::Global(0),
        }
    }

    pub(super) fn subscript(&mut self) -> Result<()> {
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        let count = self.list("]")?;
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect("]")?;
        if count != 1 {
            self.emit(Op::Group(count));
        }
        Ok(())
    }

    /// A place to keep a value; what it needs is put on the stack.
    pub(super) fn lvalue(&mut self) -> Result<Place> {
        if self.eat("$") {
            if self.is("++") || self.is("--") || self.is("-") || self.is("+") || self.is("!") {
                self.unary()?;
            } else {
                self.dollar()?;
            }
            return Ok(Place::Field);
        }
        let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
        self.at += 1;
        if self.eat("[") {
            let array = self.array(&name);
            self.subscript()?;
            return Ok(Place::Element(array));
        }
        Ok(self.place(&name))
    }

    /// What stands right behind `$`: `$1`, `$NF`, `$i++` is `($i)++`.
    pub(super) fn dollar(&mut self) -> Result<()> {
        match self.peek().clone() {
            Token::Name(name, called) if !called && !FUNCTIONS.iter().any(|(known, _)| *known == name) => {
                let place = self.lvalue()?;
                self.emit(Op::Get(place));
                Ok(())
            }
            Token::Word("$") => {
                let place = self.lvalue()?;
                self.emit(Op::Get(place));
                Ok(())
            }
            _ => self.primary(),
        }
    }

    /// What is done with a place: read, set, changed.
    pub(super) fn assigned(&mut self, place: Place) -> Result<()> {
        if self.eat("++") {
            self.emit(Op::Step(place, 1.0, false));
        } else if self.eat("--") {
            self.emit(Op::Step(place, -1.0, false));
        } else if self.eat("=") {
            self.newlines();
            self.expression()?;
            self.emit(Op::Set(place));
        } else {
            let change = [("+=", '+'), ("-=", '-'), ("*=", '*'), ("/=", '/'), ("%=", '%'), ("^=", '^'), ("**=", '^')];
            for (sign, operator) in change {
                if self.eat(sign) {
                    self.newlines();
                    self.expression()?;
                    self.emit(Op::Change(place, operator));
                    return Ok(());
                }
            }
            self.emit(Op::Get(place));
        }
        Ok(())
    }

    pub(super) fn getline(&mut self) -> Result<()> {
        self.at += 1;
        let place = match self.peek() {
            Token::Name(name, called) if !called && !FUNCTIONS.iter().any(|(known, _)| known == name) => {
                Some(self.lvalue()?)
            }
            Token::Word("$") => Some(self.lvalue()?),
            _ => None,
        };
        if self.eat("<") {
            self.primary()?;
            self.emit(Op::GetlineFile(place));
        } else {
            self.emit(Op::Getline(place));
        }
        Ok(())
    }

    pub(super) fn call(&mut self, name: &str) -> Result<()> {
        self.at += 1;
        self.expect("(")?;
        let mut count = 0;
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        while !self.is(")") {
            self.newlines();
            let bare = matches!(
                (self.peek(), self.tokens.get(self.at + 1)),
                (Token::Name(_, false), Some(Token::Word("," | ")")))
            );
            match self.peek().clone() {
                Token::Name(name, _) if bare => {
                    self.at += 1;
                    let array = self.array(&name);
                    self.emit(Op::Share(array));
                }
                _ => self.expression()?,
            }
            count += 1;
            if !self.eat(",") {
                break;
            }
        }
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect(")")?;
        let index = self.user(name);
        self.emit(Op::User(index, count));
        Ok(())
    }

    pub(super) fn builtin(&mut self, name: &'static str, most: usize) -> Result<()> {
        self.at += 1;
        let mut count = 0;
        if self.eat("(") {
            let (no_in, greater) =
                (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
            let mut target = None;
            while !self.is(")") {
                self.newlines();
                let second = count == 1 && matches!(name, "split");
                match self.peek().clone() {
                    Token::Name(array, false)
                        if second
                            || (name == "length" && matches!(self.tokens.get(self.at + 1), Some(Token::Word(")")))) =>
                    {
                        self.at += 1;
                        let array = self.array(&array);
                        self.emit(Op::Share(array));
                    }
                    Token::Regex(text)
                        if matches!((name, count), ("split", 2) | ("sub" | "gsub", 0) | ("match", 1)) =>
                    {
                        self.at += 1;
                        let regex = self.regex(&text)?;
                        self.emit(Op::Pattern(regex));
                    }
                    _ if count == 2 && matches!(name, "sub" | "gsub") => {
                        let place = self.lvalue()?;
                        target = Some(place);
                    }
                    _ => self.expression()?,
                }
                count += 1;
                if !self.eat(",") {
                    break;
                }
            }
            (self.no_in, self.no_greater) = (no_in, greater);
            self.expect(")")?;
            if matches!(name, "sub" | "gsub") {
                return self.substitution(name, count, target);
            }
        }
        if count > most
            || (count == 0 && !matches!(name, "length" | "rand" | "srand" | "fflush" | "systime" | "strftime"))
        {
            return Err("Too few arguments".to_owned());
        }
        self.emit(Op::Call(name, count));
        Ok(())
    }

    /// `sub` and `gsub` end in a place: what they made is kept there.
    pub(super) fn substitution(&mut self, name: &'static str, count: usize, target: Option<Place>) -> Result<()> {
        let place = match (count, target) {
            (2, None) => {
                self.emit(Op::Number(0.0));
                Place::Field
            }
            (3, Some(place)) => place,
            _ => return Err("Too few arguments".to_owned()),
        };
        self.emit(Op::Substitute(place, name == "gsub"));
        Ok(())
    }
}
