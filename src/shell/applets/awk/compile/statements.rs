//! Rules, functions and statements.

use super::{Compiler, Function, Op, Result, Target};
use crate::shell::applets::awk::lex::Token;

impl Compiler {
    pub(super) fn items(&mut self) -> Result<()> {
        self.ends();
        while !matches!(self.peek(), Token::End) {
            self.item()?;
            self.ends();
        }
        Ok(())
    }

    pub(super) fn item(&mut self) -> Result<()> {
        if self.eat("function") || self.eat("func") {
            return self.function();
        }
        let start = self.here();
        if self.eat("BEGIN") {
            self.program.begin.push(start);
            self.block()?;
        } else if self.eat("END") {
            self.program.end.push(start);
            self.block()?;
        } else {
            self.program.rules.push(start);
            self.rule()?;
        }
        self.emit(Op::Return);
        Ok(())
    }

    pub(super) fn rule(&mut self) -> Result<()> {
        let mut skip = None;
        if !self.is("{") {
            let range = self.program.ranges;
            let open = self.emit(Op::RangeOpen(range, 0));
            self.expression()?;
            if self.eat(",") {
                self.program.ranges += 1;
                self.newlines();
                // Outside of the range the first pattern decides, within it the last one is asked.
                let outside = self.emit(Op::Branch(0, false));
                self.land(open);
                self.expression()?;
                self.emit(Op::RangeClose(range));
                let inside = self.emit(Op::Jump(0));
                self.land(outside);
                self.emit(Op::Return);
                self.land(inside);
            } else {
                if let Some(op) = self.program.ops.get_mut(open) {
                    *op = Op::Jump(open + 1);
                }
                skip = Some(self.emit(Op::Branch(0, false)));
            }
        }
        if self.is("{") {
            self.block()?;
        } else {
            self.emit(Op::Print(0, Target::Stdout));
        }
        if let Some(skip) = skip {
            self.land(skip);
        }
        Ok(())
    }

    pub(super) fn function(&mut self) -> Result<()> {
        let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
        self.at += 1;
        self.expect("(")?;
        self.locals.clear();
        while let Token::Name(param, _) = self.peek().clone() {
            self.at += 1;
            self.locals.push(param);
            if !self.eat(",") {
                break;
            }
            self.newlines();
        }
        self.expect(")")?;
        self.newlines();
        let index = self.user(&name);
        let (start, params) = (self.here(), self.locals.len());
        if let Some(function) = self.program.functions.get_mut(index) {
            (function.start, function.params) = (Some(start), params);
        }
        self.in_function = true;
        self.block()?;
        self.in_function = false;
        self.locals.clear();
        self.emit(Op::Text(String::new()));
        self.emit(Op::Return);
        Ok(())
    }

    pub(super) fn user(&mut self, name: &str) -> usize {
        if let Some(found) = self.program.functions.iter().position(|function| function.name == name) {
            return found;
        }
        self.program.functions.push(Function { name: name.to_owned(), params: 0, start: None });
        self.program.functions.len() - 1
    }

    pub(super) fn block(&mut self) -> Result<()> {
        self.newlines();
        self.expect("{")?;
        self.ends();
        while !self.eat("}") {
            if matches!(self.peek(), Token::End) {
                return Err(self.unexpected());
            }
            self.statement()?;
            self.ends();
        }
        Ok(())
    }

    pub(super) fn body(&mut self) -> Result<()> {
        self.newlines();
        if self.eat(";") { Ok(()) } else { self.statement() }
    }

    pub(super) fn statement(&mut self) -> Result<()> {
        self.deeper()?;
        let done = self.statement_inner();
        self.depth -= 1;
        done
    }

    pub(super) fn statement_inner(&mut self) -> Result<()> {
        if self.is("{") {
            return self.block();
        }
        if self.eat("if") {
            return self.if_statement();
        }
        if self.eat("while") {
            return self.while_statement();
        }
        if self.eat("do") {
            return self.do_statement();
        }
        if self.eat("for") {
            return self.for_statement();
        }
        self.simple()?;
        if self.eat(";") || self.is("}") || matches!(self.peek(), Token::Newline | Token::End) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    pub(super) fn if_statement(&mut self) -> Result<()> {
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        let skip = self.emit(Op::Branch(0, false));
        self.body()?;
        let before = self.at;
        self.ends();
        if self.eat("else") {
            let end = self.emit(Op::Jump(0));
            self.land(skip);
            self.body()?;
            self.land(end);
        } else {
            self.at = before;
            self.land(skip);
        }
        Ok(())
    }

    pub(super) fn while_statement(&mut self) -> Result<()> {
        let top = self.here();
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        let out = self.emit(Op::Branch(0, false));
        self.loops.push((vec![out], Vec::new(), false));
        self.body()?;
        self.emit(Op::Jump(top));
        self.end_loop(top);
        Ok(())
    }

    pub(super) fn do_statement(&mut self) -> Result<()> {
        let top = self.here();
        self.loops.push((Vec::new(), Vec::new(), false));
        self.body()?;
        self.ends();
        self.expect("while")?;
        let on = self.here();
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        self.emit(Op::Branch(top, true));
        self.end_loop(on);
        Ok(())
    }

    /// Lets what leaves the innermost loop lead here, and what goes on with it to `on`.
    pub(super) fn end_loop(&mut self, on: usize) {
        let Some((outs, ons, _)) = self.loops.pop() else { return };
        for jump in outs {
            self.land(jump);
        }
        for jump in ons {
            if let Some(Op::Jump(to)) = self.program.ops.get_mut(jump) {
                *to = on;
            }
        }
    }

    pub(super) fn for_statement(&mut self) -> Result<()> {
        self.expect("(")?;
        if let (
            Token::Name(name, false),
            Some(Token::Word("in")),
            Some(Token::Name(array, _)),
            Some(Token::Word(")")),
        ) = (
            self.peek().clone(),
            self.tokens.get(self.at + 1).cloned(),
            self.tokens.get(self.at + 2).cloned(),
            self.tokens.get(self.at + 3).cloned(),
        ) {
            self.at += 4;
            let (place, array) = (self.place(&name), self.array(&array));
            self.emit(Op::Walk(array));
            let top = self.emit(Op::Turn(place, 0));
            self.loops.push((Vec::new(), Vec::new(), true));
            self.body()?;
            self.emit(Op::Jump(top));
            self.land(top);
            self.end_loop(top);
            return Ok(());
        }
        if !self.is(";") {
            self.simple()?;
        }
        self.expect(";")?;
        self.newlines();
        let top = self.here();
        let mut outs = Vec::new();
        if !self.is(";") {
            self.expression()?;
            outs.push(self.emit(Op::Branch(0, false)));
        }
        self.expect(";")?;
        self.newlines();
        let to_body = self.emit(Op::Jump(0));
        let on = self.here();
        if !self.is(")") {
            self.simple()?;
        }
        self.expect(")")?;
        self.emit(Op::Jump(top));
        self.land(to_body);
        self.loops.push((outs, Vec::new(), false));
        self.body()?;
        self.emit(Op::Jump(on));
        self.end_loop(on);
        Ok(())
    }

    pub(super) fn simple(&mut self) -> Result<()> {
        if self.is("print") || self.is("printf") {
            return self.print();
        }
        if self.eat("next") {
            self.emit(Op::Next);
        } else if self.eat("exit") {
            if self.ends_statement() {
                self.emit(Op::Text(String::new()));
            } else {
                self.expression()?;
            }
            self.emit(Op::Exit);
        } else if self.is("return") && self.in_function {
            self.at += 1;
            if self.ends_statement() {
                self.emit(Op::Text(String::new()));
            } else {
                self.expression()?;
            }
            self.emit(Op::Return);
        } else if self.is("break") || self.is("continue") {
            let breaks = self.eat("break") || !self.eat("continue");
            let jump = if breaks && self.loops.last().is_some_and(|(_, _, walks)| *walks) {
                self.emit(Op::Leave);
                self.emit(Op::Jump(0))
            } else {
                self.emit(Op::Jump(0))
            };
            let Some((outs, ons, _)) = self.loops.last_mut() else { return Err(self.unexpected()) };
            if breaks { outs.push(jump) } else { ons.push(jump) }
        } else if self.eat("delete") {
            let Token::Name(name, _) = self.peek().clone() else { return Err(self.unexpected()) };
            self.at += 1;
            let array = self.array(&name);
            if self.eat("[") {
                self.subscript()?;
                self.emit(Op::Delete(array));
            } else {
                self.emit(Op::Clear(array));
            }
        } else {
            self.expression()?;
            self.emit(Op::Pop);
        }
        Ok(())
    }

    pub(super) fn ends_statement(&self) -> bool {
        self.is(";") || self.is("}") || matches!(self.peek(), Token::Newline | Token::End)
    }

    pub(super) fn print(&mut self) -> Result<()> {
        let formatted = self.is("printf");
        self.at += 1;
        let mut count = 0;
        let before = std::mem::replace(&mut self.no_greater, true);
        if !self.ends_statement() && !self.is(">") && !self.is(">>") && !self.is("|") {
            count = self.arguments()?;
        }
        self.no_greater = before;
        let target = if self.eat(">") {
            Target::File
        } else if self.eat(">>") {
            Target::Append
        } else if self.is("|") {
            return Err("pipes to commands are not available here".to_owned());
        } else {
            Target::Stdout
        };
        if target != Target::Stdout {
            self.concatenation()?;
        }
        self.emit(if formatted { Op::Printf(count, target) } else { Op::Print(count, target) });
        Ok(())
    }
}
