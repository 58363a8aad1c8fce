//! Expressions, the weakest binding first.

use super::{Compiler, FUNCTIONS, Op, Result};
use crate::shell::applets::awk::lex::Token;

impl Compiler {
    pub(super) fn expression(&mut self) -> Result<()> {
        self.deeper()?;
        let done = self.ternary();
        self.depth -= 1;
        done
    }

    pub(super) fn ternary(&mut self) -> Result<()> {
        self.or()?;
        if self.eat("?") {
            self.newlines();
            let other = self.emit(Op::Branch(0, false));
            self.expression()?;
            self.newlines();
            self.expect(":")?;
            self.newlines();
            let end = self.emit(Op::Jump(0));
            self.land(other);
            self.expression()?;
            self.land(end);
        }
        Ok(())
    }

    pub(super) fn or(&mut self) -> Result<()> {
        self.and()?;
        while self.eat("||") {
            self.newlines();
            self.short(true)?;
        }
        Ok(())
    }

    pub(super) fn and(&mut self) -> Result<()> {
        self.membership()?;
        while self.eat("&&") {
            self.newlines();
            self.short(false)?;
        }
        Ok(())
    }

    /// The right side of `||` or `&&`, unless the left one has decided.
    pub(super) fn short(&mut self, decided: bool) -> Result<()> {
        let skip = self.emit(Op::Branch(0, decided));
        if decided {
            self.and()?
        } else {
            self.membership()?
        }
        self.emit(Op::Truth);
        let end = self.emit(Op::Jump(0));
        self.land(skip);
        self.emit(Op::Number(f64::from(u8::from(decided))));
        self.land(end);
        Ok(())
    }

    pub(super) fn membership(&mut self) -> Result<()> {
        self.matching()?;
        while !self.no_in && self.eat("in") {
            let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
            self.at += 1;
            let array = self.array(&name);
            self.emit(Op::In(array));
        }
        Ok(())
    }

    pub(super) fn matching(&mut self) -> Result<()> {
        self.comparison()?;
        while self.is("~") || self.is("!~") {
            let negated = self.is("!~");
            self.at += 1;
            match self.peek().clone() {
                Token::Regex(text) => {
                    self.at += 1;
                    let regex = self.regex(&text)?;
                    self.emit(Op::Pattern(regex));
                }
                _ => self.comparison()?,
            }
            self.emit(Op::Tilde(negated));
        }
        Ok(())
    }

    pub(super) fn comparison(&mut self) -> Result<()> {
        self.concatenation()?;
        for sign in ["<=", ">=", "==", "!=", "<", ">"] {
            if !(sign == ">" && self.no_greater) && self.eat(sign) {
                self.concatenation()?;
                self.emit(Op::Compare(sign));
                break;
            }
        }
        // A line of a file: `getline < "file"` stands tighter, in `primary`.
        Ok(())
    }

    pub(super) fn concatenation(&mut self) -> Result<()> {
        self.additive()?;
        while self.begins_operand() {
            self.additive()?;
            self.emit(Op::Binary(' '));
        }
        Ok(())
    }

    pub(super) fn begins_operand(&self) -> bool {
        match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(..) => true,
            Token::Word(word) => matches!(*word, "$" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    pub(super) fn additive(&mut self) -> Result<()> {
        self.multiplicative()?;
        while self.is("+") || self.is("-") {
            let sign = if self.eat("+") { '+' } else { '-' };
            self.at += usize::from(sign == '-');
            self.multiplicative()?;
            self.emit(Op::Binary(sign));
        }
        Ok(())
    }

    pub(super) fn multiplicative(&mut self) -> Result<()> {
        self.unary()?;
        while self.is("*") || self.is("/") || self.is("%") {
            let sign = if self.eat("*") {
                '*'
            } else if self.eat("/") {
                '/'
            } else {
                '%'
            };
            self.at += usize::from(sign == '%');
            self.unary()?;
            self.emit(Op::Binary(sign));
        }
        Ok(())
    }

    pub(super) fn unary(&mut self) -> Result<()> {
        self.deeper()?;
        let op = if self.eat("!") {
            Some(Op::Not)
        } else if self.eat("-") {
            Some(Op::Minus)
        } else if self.eat("+") {
            Some(Op::Plus)
        } else {
            None
        };
        match op {
            Some(op) => {
                self.unary()?;
                self.emit(op);
            }
            None => self.power()?,
        }
        self.depth -= 1;
        Ok(())
    }

    pub(super) fn power(&mut self) -> Result<()> {
        self.primary()?;
        if self.eat("^") || self.eat("**") {
            // The right side binds tighter than a sign before the left one.
            self.unary()?;
            self.emit(Op::Binary('^'));
        }
        Ok(())
    }

    pub(super) fn primary(&mut self) -> Result<()> {
        match self.peek().clone() {
            Token::Number(number) => {
                self.at += 1;
                self.emit(Op::Number(number));
            }
            Token::Text(text) => {
                self.at += 1;
                self.emit(Op::Text(text));
            }
            Token::Regex(text) => {
                self.at += 1;
                let regex = self.regex(&text)?;
                self.emit(Op::Matches(regex));
            }
            Token::Word("(") => return self.group(),
            Token::Word(sign @ ("++" | "--")) => {
                self.at += 1;
                let place = self.lvalue()?;
                self.emit(Op::Step(place, if sign == "++" { 1.0 } else { -1.0 }, true));
            }
            Token::Word("getline") => return self.getline(),
            Token::Word("$") => {
                let place = self.lvalue()?;
                return self.assigned(place);
            }
            Token::Name(name, called) => {
                let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
                if let Some((known, most)) = found {
                    return self.builtin(known, *most);
                }
                if called {
                    return self.call(&name);
                }
                let place = self.lvalue()?;
                return self.assigned(place);
            }
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    pub(super) fn group(&mut self) -> Result<()> {
        self.expect("(")?;
        let (no_in, greater) =
            (std::mem::replace(&mut self.no_in, false), std::mem::replace(&mut self.no_greater, false));
        let count = self.list(")")?;
        (self.no_in, self.no_greater) = (no_in, greater);
        self.expect(")")?;
        if count != 1 {
            // `(i, j) in array`
            self.emit(Op::Group(count));
            if !self.is("in") {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }
}
