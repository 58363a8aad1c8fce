//! How commands end and what they jump out of: `set -e`, `break`, `return`, `exit`, traps and signals.

use std::sync::Arc;

use super::{Frame, Next, Shell};
use crate::shell::builtins::{self, After};
use crate::shell::kernel::Kernel;
use crate::shell::program::Signal;
use crate::shell::syntax::Command;

impl Shell {
    /// A command ended with this status; `set -e` may end the shell.
    pub(in crate::shell) fn finish(&mut self, status: i32) {
        self.status = status;
        if status != 0 && self.options.errexit && self.guard == 0 && !self.in_trap {
            self.exit(status);
        }
    }

    pub(in crate::shell) fn call(&mut self, body: &Arc<Command>, params: Vec<String>) {
        let old = std::mem::replace(&mut self.params, params);
        self.locals.push(Vec::new());
        self.frames.push(Frame::Function { params: old });
        self.frames.push(Frame::Run((**body).clone()));
    }

    pub(super) fn leave_function(&mut self, params: Vec<String>) {
        self.params = params;
        for (name, old) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            self.restore(&name, old);
        }
    }

    /// `break` (true) or `continue` through `levels` loops.
    pub(in crate::shell) fn jump(&mut self, leave: bool, levels: usize) {
        let is_loop = |frame: &Frame| {
            matches!(frame, Frame::LoopBody(..) | Frame::For(..))
                || matches!(frame, Frame::ForArithmetic(_, _, stage) if *stage == 2)
        };
        let barrier = |frame: &Frame| matches!(frame, Frame::Function { .. } | Frame::Dot | Frame::Prompt);
        let around =
            self.frames.iter().rev().take_while(|frame| !barrier(frame)).filter(|frame| is_loop(frame)).count();
        let mut left = levels.min(around);
        let mut kept = Vec::new();
        while left > 0 {
            let Some(frame) = self.frames.pop() else { break };
            if is_loop(&frame) {
                left -= 1;
                if left == 0 && !leave {
                    self.frames.push(frame);
                }
            } else if let Frame::RestoreFds(saved) = frame {
                kept.push(Frame::RestoreFds(saved));
            } else {
                self.unwind(frame);
            }
        }
        self.frames.extend(kept.into_iter().rev());
        self.status = 0;
    }

    /// `return`: whether there was something to return from.
    pub(in crate::shell) fn return_from(&mut self, status: i32) -> bool {
        if !self.frames.iter().any(|frame| matches!(frame, Frame::Function { .. } | Frame::Dot)) {
            return false;
        }
        let mut kept = Vec::new();
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Function { params } => {
                    self.leave_function(params);
                    break;
                }
                Frame::Dot => break,
                Frame::RestoreFds(saved) => kept.push(Frame::RestoreFds(saved)),
                frame => self.unwind(frame),
            }
        }
        self.frames.extend(kept.into_iter().rev());
        self.status = status;
        true
    }

    pub(super) fn signals(&mut self, kernel: &mut Kernel) {
        while let Some(signal) = kernel.next_signal() {
            let name = builtins::trap::name(signal);
            if self.traps.contains_key(name) {
                self.pending_traps.insert(signal);
            } else if signal == Signal::Int && self.interactive {
                let waits = matches!(self.frames.last(), Some(Frame::Wait { .. } | Frame::WaitPipeline { .. }));
                if !waits {
                    self.abort(130);
                }
            }
        }
        // A trap waits for the command in the foreground, but not for `wait` or `read`.
        let busy = matches!(
            self.frames.last(),
            Some(Frame::Wait { .. } | Frame::WaitPipeline { .. } | Frame::Substitution { .. })
        );
        if busy || self.pending_traps.is_empty() {
            return;
        }
        for signal in std::mem::take(&mut self.pending_traps) {
            let Some(text) = self.traps.get(builtins::trap::name(signal)).cloned() else { continue };
            if let Some(Frame::WaitJobs { .. }) = self.frames.last() {
                self.frames.pop();
                self.status = 128 + signal as i32;
            }
            self.frames.push(Frame::Status(self.status));
            self.in_trap = true;
            self.push_source(&text);
        }
    }

    pub(super) fn read_step(&mut self, kernel: &mut Kernel, reading: Box<builtins::read::Reading>) -> Next {
        match builtins::read::advance(self, kernel, reading) {
            Some(step) => Next::Wait(step),
            None => Next::Go,
        }
    }

    /// What a builtin asks for after it has run.
    pub(in crate::shell) fn after(&mut self, kernel: &mut Kernel, after: After) {
        match after {
            After::Status(status) => self.finish(status),
            After::Fatal(status) => self.abort(status),
            After::Done => {}
            After::Frame(frame) => self.frames.push(frame),
        }
        let _ = kernel;
    }
}
