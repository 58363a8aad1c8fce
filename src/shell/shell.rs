//! The shell as a process.

use super::kernel::Kernel;
use super::machine::Dialect;
use super::program::Step;
use super::task::Task;

/// What became of an entered line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// The command is complete and runs.
    Running,
    /// The command needs more lines: prompt with `$PS2`.
    More,
    /// The shell is gone.
    Ended,
}

/// A shell.
#[derive(Clone, Debug)]
pub struct Shell {
    argv: Vec<String>,
    dialect: Dialect,
}

impl Shell {
    /// A shell from its command line.
    pub fn from_args(dialect: Dialect, argv: &[String]) -> Self {
        Self { argv: argv.to_vec(), dialect }
    }
    /// Whether it waits for a line.
    pub fn wants_line(&self) -> bool {
        false
    }
    /// Takes a line.
    pub fn enter_line(&mut self, _line: &str) -> LineState {
        LineState::Ended
    }
    /// Forgets unfinished lines.
    pub fn abandon_line(&mut self) {}
    /// The prompt.
    pub fn prompt(&self, _hostname: &str, _cwd: &str, _uid: u32) -> String {
        format!("{:?} {:?}", self.dialect, self.argv)
    }
}

impl Task for Shell {
    fn resume(&mut self, _kernel: &mut Kernel) -> Step {
        Step::Exit(127)
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn as_shell(&self) -> Option<&Shell> {
        Some(self)
    }
    fn as_shell_mut(&mut self) -> Option<&mut Shell> {
        Some(self)
    }
}
