//! Words become fields before a command runs; a command substitution stops the expansion, which is then tried again
//! with its output.

use std::sync::Arc;

use super::{Frame, Goal, Next, SUBSTITUTION, Shell, Variable};
use crate::shell::applets::driver::Out;
use crate::shell::builtins;
use crate::shell::expand::{Expander, Halt};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::{Errno, Fd, Pid, Read, Step, System, Wait};
use crate::shell::redirect::{self, Resolved};
use crate::shell::syntax::{CaseEnd, Command};

impl Shell {
    pub(super) fn expand(&mut self, kernel: &mut Kernel, goal: Goal, outputs: Vec<String>, substituted: Option<i32>) {
        kernel.tick(1);
        let mut expander = Expander::new(self, kernel, &outputs);
        let done = attempt(&mut expander, &goal);
        match done {
            Ok(done) => {
                let undo = expander.take_undo();
                self.expanded(kernel, goal, done, undo, substituted);
            }
            Err(Halt::Needs(command)) => {
                let undo = expander.take_undo();
                let started = self.substitute(kernel, &command);
                for (name, old) in undo.into_iter().rev() {
                    self.restore(&name, old);
                }
                match started {
                    Ok(frame) => {
                        self.frames.push(Frame::Expand(goal, outputs, substituted));
                        self.frames.push(frame);
                    }
                    Err(errno) => self.cannot_fork(errno),
                }
            }
            Err(Halt::Failed(text, status)) => {
                expander.roll_back();
                let text = self.complaint(&text);
                self.fail(text, status);
            }
        }
    }

    pub(super) fn cannot_fork(&mut self, errno: Errno) {
        let text = match self.dialect {
            Dialect::Bash => format!("fork: {}", errno.message()),
            Dialect::Dash => "Cannot fork".to_owned(),
            Dialect::Ash => format!("can't fork: {}", errno.message()),
        };
        let text = self.complaint(&text);
        self.fail(text, 2);
    }

    fn expanded(
        &mut self,
        kernel: &mut Kernel,
        goal: Goal,
        done: Done,
        undo: Vec<(String, Option<Variable>)>,
        substituted: Option<i32>,
    ) {
        match (goal, done) {
            (Goal::Simple(simple), Done::Simple(words, redirects)) => {
                crate::shell::execute::simple(self, kernel, &simple, words, redirects, undo, substituted);
            }
            (Goal::For(name, _, body), Done::Words(items)) => {
                self.status = 0;
                self.frames.push(Frame::For(name, Arc::new(items), 0, body));
            }
            (Goal::Case(word, arms, _), Done::Arm(arm)) => match arm
                .and_then(|arm| arms.get(arm).map(|found| (arm, found)))
            {
                Some((index, arm)) => {
                    match arm.end {
                        CaseEnd::Break => {}
                        CaseEnd::Fall => {
                            let bodies: Vec<Command> = arms
                                .iter()
                                .skip(index + 1)
                                .scan(true, |go, arm| {
                                    let take = *go;
                                    *go = arm.end == CaseEnd::Fall;
                                    take.then(|| arm.body.clone())
                                })
                                .collect();
                            self.frames.push(Frame::List(Arc::new(bodies), 0));
                        }
                        CaseEnd::Test => {
                            self.frames.push(Frame::Expand(Goal::Case(word, arms.clone(), index + 1), Vec::new(), None))
                        }
                    }
                    self.status = 0;
                    self.frames.push(Frame::Run(arm.body.clone()));
                }
                None => self.status = 0,
            },
            (Goal::Redirected(inner, _), Done::Redirects(redirects)) => match redirect::apply(self, kernel, &redirects)
            {
                Ok(saved) => {
                    self.frames.push(Frame::RestoreFds(saved));
                    self.frames.push(Frame::Run((*inner).clone()));
                }
                Err(text) => {
                    let mut out = Out::default();
                    out.err(&text);
                    self.frames.push(Frame::Flush(out));
                    self.finish(if self.dialect == Dialect::Dash { 2 } else { 1 });
                }
            },
            (Goal::Condition(_), Done::Truth(truth)) => self.finish(i32::from(!truth)),
            (Goal::Arithmetic(_), Done::Number(number)) => self.finish(i32::from(number == 0)),
            (Goal::ForArithmetic(parts, body, stage), Done::Number(number)) => match stage {
                0 | 2 => self.frames.push(Frame::ForArithmetic(parts, body, 1)),
                _ if number != 0 => {
                    self.frames.push(Frame::ForArithmetic(parts, body.clone(), 2));
                    self.frames.push(Frame::Run((*body).clone()));
                }
                _ => self.status = 0,
            },
            _ => {}
        }
    }

    pub(super) fn substitute(&mut self, kernel: &mut Kernel, command: &Arc<Command>) -> Result<Frame, Errno> {
        let (read, write) = kernel.pipe()?;
        let saved = kernel.save_fd(1);
        kernel.move_fd(write, 1)?;
        let mut child = self.child((**command).clone());
        child.options.errexit &= self.dialect != Dialect::Bash;
        let pid = kernel.fork(Box::new(child));
        redirect::restore(kernel, vec![(1, saved)]);
        match pid {
            Ok(pid) => Ok(Frame::Substitution { pid, fd: read, bytes: Vec::new() }),
            Err(errno) => {
                let _ = kernel.close(read);
                Err(errno)
            }
        }
    }

    pub(super) fn collect(&mut self, kernel: &mut Kernel, pid: Pid, fd: Fd, mut bytes: Vec<u8>) -> Next {
        loop {
            match kernel.read(fd, 16 << 10) {
                Ok(Read::Data(data)) if bytes.len() + data.len() <= SUBSTITUTION => bytes.extend(data),
                Ok(Read::WouldBlock) => {
                    self.frames.push(Frame::Substitution { pid, fd, bytes });
                    return Next::Wait(crate::shell::kernel::readable(fd));
                }
                Ok(Read::Data(_)) => {
                    let _ = kernel.close(fd);
                    kernel.exhaust();
                    let text = self.complaint("out of memory");
                    self.fail(text, 2);
                    return Next::Go;
                }
                Ok(Read::Eof) | Err(_) => break,
            }
        }
        if !kernel.has_ended(pid) {
            self.frames.push(Frame::Substitution { pid, fd, bytes });
            return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
        }
        let _ = kernel.close(fd);
        let status = kernel.reap(pid).map_or(127, |status| status.code());
        let text = String::from_utf8_lossy(&bytes).replace('\0', "");
        let text = text.trim_end_matches('\n').to_owned();
        if let Some(Frame::Expand(_, outputs, substituted)) = self.frames.last_mut() {
            outputs.push(text);
            *substituted = Some(status);
        }
        Next::Go
    }
}

#[derive(Clone, Debug)]
enum Done {
    Simple(Vec<String>, Vec<Resolved>),
    Words(Vec<String>),
    Arm(Option<usize>),
    Redirects(Vec<Resolved>),
    Truth(bool),
    Number(i64),
}

fn attempt(expander: &mut Expander, goal: &Goal) -> Result<Done, Halt> {
    Ok(match goal {
        Goal::Simple(simple) => {
            let words = expander.fields(&simple.words)?;
            let redirects = redirect::resolve(expander, &simple.redirects)?;
            for (name, append, word) in &simple.assignments {
                let mut value = expander.value(word)?;
                if *append {
                    value = format!("{}{value}", expander.shell.get(name).unwrap_or_default());
                }
                expander.assign(name, &value)?;
            }
            Done::Simple(words, redirects)
        }
        Goal::For(_, words, _) => Done::Words(expander.fields(words)?),
        Goal::Case(word, arms, from) => {
            let subject: Vec<char> = expander.text(word)?.chars().collect();
            for (index, arm) in arms.iter().enumerate().skip(*from) {
                for pattern in &arm.patterns {
                    if expander.pattern(pattern)?.matches(&subject) {
                        return Ok(Done::Arm(Some(index)));
                    }
                }
            }
            Done::Arm(None)
        }
        Goal::Redirected(_, redirects) => Done::Redirects(redirect::resolve(expander, redirects)?),
        Goal::Condition(condition) => Done::Truth(builtins::test::condition(expander, condition)?),
        Goal::Arithmetic(word) => Done::Number(expander.arithmetic(word)?),
        Goal::ForArithmetic(parts, _, stage) => {
            let word = parts.get(match stage {
                0 => 0,
                1 => 1,
                _ => 2,
            });
            let text = word.map(|word| expander.text(word)).transpose()?.unwrap_or_default();
            Done::Number(if text.trim().is_empty() && *stage == 1 { 1 } else { expander.number(&text)? })
        }
    })
}
