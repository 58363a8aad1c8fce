//! What every process of a machine runs: the shell, an applet, or a program from outside behind the small contract.

use std::fmt::Debug;

use super::kernel::Kernel;
use super::program::{Program, Step};
use super::shell::Shell;
use crate::text::http::{Request, Response};

/// Something that runs as a process and may use the whole kernel of its machine.
pub trait Task: Send + Sync {
    /// Runs until it has to wait, has used its slice or ends.
    fn resume(&mut self, kernel: &mut Kernel) -> Step;
    /// A copy that goes on from the same point.
    fn clone_box(&self) -> Box<dyn Task>;
    /// Roughly the bytes it holds.
    fn memory(&self) -> u64 {
        1_000
    }
    /// Answers an HTTP request that came to a port it listens on.
    fn serve(&mut self, _request: &Request, _kernel: &mut Kernel) -> Option<Response> {
        None
    }
    /// The shell, when this is one.
    fn as_shell(&self) -> Option<&Shell> {
        None
    }
    /// The shell, when this is one.
    fn as_shell_mut(&mut self) -> Option<&mut Shell> {
        None
    }
}

/// Its name alone: the state of all of them would be shipped with the page.
impl std::fmt::Debug for dyn Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Clone for Box<dyn Task> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// A program from outside of this module, run as a task.
#[derive(Clone, Debug)]
pub struct Guest(pub Box<dyn Program>);

/// Steps that one turn of a guest counts for.
const GUEST_STEPS: u64 = 20;

impl Task for Guest {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        kernel.tick(GUEST_STEPS);
        self.0.resume(kernel)
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        self.0.memory()
    }
    fn serve(&mut self, request: &Request, kernel: &mut Kernel) -> Option<Response> {
        self.0.serve(request, kernel)
    }
}
