//! The interpreter: takes the topmost frame of the stack and does what it says. Never calls itself: what a frame needs
//! done first, it pushes.

use std::sync::Arc;

use super::{FRAMES, Frame, Goal, Next, Shell};
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::parser::{Open, ParseError, Parser};
use crate::shell::program::{Step, System, Wait};
use crate::shell::syntax::Command;
use crate::shell::{builtins, redirect};

impl Shell {
    pub(super) fn step(&mut self, kernel: &mut Kernel) -> Next {
        let Some(frame) = self.frames.pop() else { return self.at_end(kernel) };
        match frame {
            Frame::Source { text, at, line } => self.read_command(kernel, text, at, line),
            Frame::Prompt => return self.at_prompt(kernel),
            Frame::Run(command) => self.run(kernel, command),
            Frame::List(list, at) => {
                if let Some(command) = list.get(at) {
                    if at + 1 < list.len() {
                        self.frames.push(Frame::List(list.clone(), at + 1));
                    }
                    self.frames.push(Frame::Run(command.clone()));
                }
            }
            Frame::AndOr(rest, at) => self.and_or(&rest, at),
            Frame::Not => self.status = i32::from(self.status == 0),
            Frame::Unguard => self.guard = self.guard.saturating_sub(1),
            Frame::If(arms, last, at) => self.after_condition(&arms, last, at),
            Frame::LoopTest(until, condition, body, last) => {
                if (self.status == 0) != until {
                    self.frames.push(Frame::LoopBody(until, condition, body.clone()));
                    self.frames.push(Frame::Run((*body).clone()));
                } else {
                    self.status = last;
                }
            }
            Frame::LoopBody(until, condition, body) => self.test_loop(until, condition, body, self.status),
            Frame::For(name, items, at, body) => self.next_item(kernel, name, items, at, body),
            Frame::ForArithmetic(parts, body, stage) => {
                self.expand(kernel, Goal::ForArithmetic(parts, body, stage), Vec::new(), None)
            }
            Frame::Expand(goal, outputs, status) => self.expand(kernel, goal, outputs, status),
            Frame::Substitution { pid, fd, bytes } => return self.collect(kernel, pid, fd, bytes),
            Frame::RestoreFds(saved) => redirect::restore(kernel, saved),
            Frame::RestoreVariables(saved) => {
                for (name, old) in saved.into_iter().rev() {
                    self.restore(&name, old);
                }
            }
            Frame::Function { params } => self.leave_function(params),
            Frame::Dot => {}
            Frame::Status(status) => {
                self.status = status;
                self.in_trap = false;
            }
            Frame::Wait { pid, text } => return self.wait_for(kernel, pid, text),
            Frame::WaitPipeline { pids, at, statuses } => return self.wait_pipeline(kernel, pids, at, statuses),
            Frame::WaitJobs { pids, all } => return self.wait_jobs(kernel, pids, all),
            Frame::Flush(mut out) => {
                if let Some(step) = out.flush(kernel) {
                    self.frames.push(Frame::Flush(out));
                    return Next::Wait(step);
                }
            }
            Frame::Time { started, posix } => self.report_time(kernel, started, posix),
            Frame::Read(reading) => return self.read_step(kernel, reading),
            Frame::ExitTrap(status) => self.exiting = Some(status),
        }
        Next::Go
    }

    pub(super) fn at_end(&mut self, kernel: &mut Kernel) -> Next {
        let status = self.exiting.unwrap_or(self.status);
        if let Some(text) = self.traps.remove("EXIT").filter(|text| !text.is_empty()) {
            self.status = status;
            self.exiting = None;
            self.frames.push(Frame::ExitTrap(status));
            self.push_source(&text);
            return Next::Go;
        }
        let _ = kernel;
        Next::Wait(Step::Exit(status))
    }

    pub(super) fn read_command(&mut self, kernel: &mut Kernel, text: Arc<Vec<char>>, at: usize, line: u32) {
        let mut parser = Parser::new(&text, at, line, self.dialect, &self.aliases);
        let parsed = parser.next_command();
        let (left, reached) = parser.rest();
        kernel.tick((text.len() - at).saturating_sub(left) as u64 / 64);
        match parsed {
            Ok(Some(command)) => {
                // Aliases make the text longer than it was; what is left is counted from the end.
                let at = text.len().saturating_sub(left);
                self.line = line;
                if text.iter().skip(at).any(|c| !c.is_whitespace()) {
                    self.frames.push(Frame::Source { text, at, line: reached });
                }
                if !self.options.noexec || self.interactive {
                    self.frames.push(Frame::Run(command));
                }
            }
            Ok(None) => {}
            Err(error) => {
                let all: String = text.iter().collect();
                // What is missing at the end of the text is missed on the line after it.
                let after_end = matches!(error, ParseError::Incomplete(ref open) if !matches!(open, Open::Quote('\'' | '"' | '}' | '`')));
                let at_line = if after_end && self.dialect == Dialect::Bash && !all.ends_with('\n') {
                    reached + 1
                } else {
                    reached
                };
                let message = self.syntax_error(&error, at_line, &all);
                self.fail(message, 2);
            }
        }
    }

    /// An error that ends a shell that is not interactive, and only the command of one that is.
    pub(super) fn fail(&mut self, message: String, status: i32) {
        let mut out = Out::default();
        out.err(&message);
        self.abort(status);
        self.frames.push(Frame::Flush(out));
    }

    pub(super) fn abort(&mut self, status: i32) {
        self.status = status;
        if self.interactive {
            let mut kept = Vec::new();
            while let Some(frame) = self.frames.pop() {
                match frame {
                    Frame::RestoreFds(saved) => kept.push(Frame::RestoreFds(saved)),
                    Frame::Prompt => {
                        self.frames.push(Frame::Prompt);
                        break;
                    }
                    Frame::Read(reading) if reading.is_script() => {
                        self.frames.push(Frame::Read(reading));
                        break;
                    }
                    frame => self.unwind(frame),
                }
            }
            self.frames.extend(kept.into_iter().rev());
            self.guard = 0;
        } else {
            self.exit(status);
        }
    }

    /// What a frame owes when it is left by a jump: nothing of this needs the kernel but descriptors, which are put
    /// back by frames that stay.
    pub(super) fn unwind(&mut self, frame: Frame) {
        match frame {
            Frame::Unguard => self.guard = self.guard.saturating_sub(1),
            Frame::Function { params } => self.leave_function(params),
            Frame::RestoreVariables(saved) => {
                for (name, old) in saved.into_iter().rev() {
                    self.restore(&name, old);
                }
            }
            Frame::Status(_) => self.in_trap = false,
            _ => {}
        }
    }

    pub(in crate::shell) fn exit(&mut self, status: i32) {
        self.frames.clear();
        self.guard = 0;
        self.interactive = false;
        self.exiting = Some(status & 0xff);
    }

    pub(super) fn at_prompt(&mut self, kernel: &mut Kernel) -> Next {
        self.frames.push(Frame::Prompt);
        if self.input_ready {
            self.input_ready = false;
            let text = std::mem::take(&mut self.input);
            self.push_source(&text);
            return Next::Go;
        }
        kernel.set_foreground(kernel.pid());
        let notes = self.job_notes(kernel);
        if !notes.is_empty() {
            let _ = kernel.write(2, notes.as_bytes());
        }
        Next::Wait(Step::Wait(Wait::default()))
    }

    pub(super) fn job_notes(&mut self, kernel: &mut Kernel) -> String {
        self.poll_jobs(kernel);
        let last = self.jobs.iter().map(|job| job.id).max().unwrap_or(0);
        let mut notes = String::new();
        for job in self.jobs.iter().filter(|job| job.status.is_some()) {
            notes.push_str(&builtins::jobs::describe(job, last, self.dialect));
        }
        self.jobs.retain(|job| job.status.is_none());
        notes
    }

    pub(in crate::shell) fn poll_jobs(&mut self, kernel: &mut Kernel) {
        for job in self.jobs.iter_mut().filter(|job| job.status.is_none()) {
            if kernel.has_ended(job.pid) {
                job.status = Some(kernel.reap(job.pid).map_or(127, |status| status.code()));
            }
        }
    }

    pub(super) fn run(&mut self, kernel: &mut Kernel, command: Command) {
        if self.frames.len() > FRAMES {
            let text = match self.dialect {
                Dialect::Bash => "maximum function nesting level exceeded",
                _ => "maximum recursion depth exceeded",
            };
            self.fail(self.complaint(text), 2);
            return;
        }
        match command {
            Command::Simple(simple) => {
                self.line = self.line.max(simple.line);
                self.expand(kernel, Goal::Simple(simple), Vec::new(), None);
            }
            Command::List(list) => self.frames.push(Frame::List(list, 0)),
            Command::AndOr(first, rest) => {
                self.frames.push(Frame::AndOr(rest, 0));
                self.run_guarded((*first).clone());
            }
            Command::Background(inner, text) => self.background(kernel, &inner, &text),
            Command::Pipeline(commands) => self.pipeline(kernel, &commands),
            Command::Not(inner) => {
                self.frames.push(Frame::Not);
                self.run_guarded((*inner).clone());
            }
            Command::Time(inner, posix) => {
                self.frames.push(Frame::Time { started: kernel.now(), posix });
                self.frames.push(Frame::Run((*inner).clone()));
            }
            Command::Subshell(inner) => self.subshell(kernel, &inner),
            Command::If(arms, last) => {
                if let Some((condition, _)) = arms.first().cloned() {
                    self.frames.push(Frame::If(arms, last, 0));
                    self.run_guarded(condition);
                }
            }
            Command::Loop(until, condition, body) => self.test_loop(until, condition, body, 0),
            Command::For(name, words, body) => match words {
                Some(words) => self.expand(kernel, Goal::For(name, words, body), Vec::new(), None),
                None => {
                    let items = Arc::new(self.params.clone());
                    self.status = 0;
                    self.frames.push(Frame::For(name, items, 0, body));
                }
            },
            Command::ForArithmetic(parts, body) => self.frames.push(Frame::ForArithmetic(parts, body, 0)),
            Command::Case(word, arms) => self.expand(kernel, Goal::Case(word, arms, 0), Vec::new(), None),
            Command::Function(name, body) => {
                Arc::make_mut(&mut self.functions).insert(name.to_string(), body);
                self.status = 0;
            }
            Command::Redirected(inner, redirects) => {
                self.expand(kernel, Goal::Redirected(inner, redirects), Vec::new(), None)
            }
            Command::Condition(condition) => self.expand(kernel, Goal::Condition(condition), Vec::new(), None),
            Command::Arithmetic(word) => self.expand(kernel, Goal::Arithmetic(word), Vec::new(), None),
        }
    }

    pub(super) fn run_guarded(&mut self, command: Command) {
        self.guard += 1;
        self.frames.push(Frame::Unguard);
        self.frames.push(Frame::Run(command));
    }

    pub(super) fn test_loop(&mut self, until: bool, condition: Arc<Command>, body: Arc<Command>, last: i32) {
        self.frames.push(Frame::LoopTest(until, condition.clone(), body, last));
        self.run_guarded((*condition).clone());
    }

    pub(super) fn and_or(&mut self, rest: &Arc<Vec<(bool, Command)>>, at: usize) {
        for (index, (and, command)) in rest.iter().enumerate().skip(at) {
            if *and != (self.status == 0) {
                continue;
            }
            if index + 1 < rest.len() {
                self.frames.push(Frame::AndOr(rest.clone(), index + 1));
                self.run_guarded(command.clone());
            } else {
                self.frames.push(Frame::Run(command.clone()));
            }
            return;
        }
    }

    pub(super) fn after_condition(
        &mut self,
        arms: &Arc<Vec<(Command, Command)>>,
        last: Option<Arc<Command>>,
        at: usize,
    ) {
        if self.status == 0 {
            if let Some((_, body)) = arms.get(at) {
                self.frames.push(Frame::Run(body.clone()));
            }
            return;
        }
        match arms.get(at + 1) {
            Some((condition, _)) => {
                let condition = condition.clone();
                self.frames.push(Frame::If(arms.clone(), last, at + 1));
                self.run_guarded(condition);
            }
            None => {
                self.status = 0;
                if let Some(last) = last {
                    self.frames.push(Frame::Run((*last).clone()));
                }
            }
        }
    }

    pub(super) fn next_item(
        &mut self,
        kernel: &mut Kernel,
        name: Arc<str>,
        items: Arc<Vec<String>>,
        at: usize,
        body: Arc<Command>,
    ) {
        let Some(item) = items.get(at).cloned() else { return };
        if self.variable(&name).is_some_and(|variable| variable.readonly) {
            let text = self.complaint(&self.words_readonly(&name));
            self.fail(text, 2);
            return;
        }
        self.set(&name, &item);
        if self.options.xtrace && self.dialect == Dialect::Bash {
            let text = format!(
                "+ for {name} in {}\n",
                items.iter().map(|item| builtins::quote(item)).collect::<Vec<_>>().join(" ")
            );
            let _ = kernel.write(2, text.as_bytes());
        }
        self.frames.push(Frame::For(name, items, at + 1, body.clone()));
        self.frames.push(Frame::Run((*body).clone()));
    }
}
