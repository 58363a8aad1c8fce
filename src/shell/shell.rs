//! The shell as a process: its state, and an interpreter whose stack is a list of frames, so that it can stop
//! anywhere, be cloned, and go on. Refuses recursion: what a frame needs done first, it pushes.

mod children;
mod complaints;
mod expansion;
mod jumps;
mod step;
mod terminal;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::applets::driver::Out;
use super::builtins;
use super::kernel::Kernel;
use super::machine::Dialect;
use super::process::Disposition;
use super::program::{Fd, Pid, Signal, Step, System};
use super::redirect;
use super::syntax::{CaseArm, Command, Condition, Redirect, Simple, Word};
use super::task::Task;
use crate::sim::Time;

/// Deepest stack of frames.
const FRAMES: usize = 20_000;
/// Most bytes of one command substitution.
const SUBSTITUTION: usize = 4 << 20;
/// Most lines of history.
const HISTORY: usize = 1_000;

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

/// A shell variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its value; `None` when it only has attributes.
    pub value: Option<String>,
    /// Whether children get it.
    pub exported: bool,
    /// Whether it cannot be changed.
    pub readonly: bool,
}

/// What `set` switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-e`
    pub errexit: bool,
    /// `-u`
    pub nounset: bool,
    /// `-x`
    pub xtrace: bool,
    /// `-f`
    pub noglob: bool,
    /// `-n`
    pub noexec: bool,
    /// `-v`
    pub verbose: bool,
    /// `-a`
    pub allexport: bool,
    /// `-C`
    pub noclobber: bool,
    /// `-m`
    pub monitor: bool,
    /// `-o pipefail`
    pub pipefail: bool,
    /// `-c` was given: shown in `$-`.
    pub command: bool,
    /// `-i`
    pub interactive: bool,
}

impl Options {
    /// The letters of `$-`.
    pub fn letters(&self) -> String {
        let all = [
            (self.allexport, 'a'),
            (self.errexit, 'e'),
            (self.noglob, 'f'),
            (self.interactive, 'i'),
            (self.monitor, 'm'),
            (self.nounset, 'u'),
            (self.xtrace, 'x'),
            (self.noclobber, 'C'),
            (self.command, 'c'),
        ];
        all.iter().filter(|(on, _)| *on).map(|(_, letter)| *letter).collect()
    }
}

/// A background job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: usize,
    /// Its process.
    pub pid: Pid,
    /// Its text.
    pub text: Arc<str>,
    /// Its status once it has ended.
    pub status: Option<i32>,
}

#[derive(Clone, Debug)]
pub(super) enum Goal {
    Simple(Arc<Simple>),
    For(Arc<str>, Arc<Vec<Word>>, Arc<Command>),
    ForArithmetic(Arc<[Word; 3]>, Arc<Command>, usize),
    Case(Arc<Word>, Arc<Vec<CaseArm>>, usize),
    Redirected(Arc<Command>, Arc<Vec<Redirect>>),
    Condition(Arc<Condition>),
    Arithmetic(Arc<Word>),
}

#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// Text that is read command by command.
    Source {
        text: Arc<Vec<char>>,
        at: usize,
        line: u32,
    },
    /// The bottom of an interactive shell.
    Prompt,
    Run(Command),
    List(Arc<Vec<Command>>, usize),
    AndOr(Arc<Vec<(bool, Command)>>, usize),
    Not,
    Unguard,
    If(Arc<Vec<(Command, Command)>>, Option<Arc<Command>>, usize),
    /// Whether it is `until`, the condition, the body, and the status of the body's last run.
    LoopTest(bool, Arc<Command>, Arc<Command>, i32),
    LoopBody(bool, Arc<Command>, Arc<Command>),
    For(Arc<str>, Arc<Vec<String>>, usize, Arc<Command>),
    ForArithmetic(Arc<[Word; 3]>, Arc<Command>, usize),
    Expand(Goal, Vec<String>, Option<i32>),
    Substitution {
        pid: Pid,
        fd: Fd,
        bytes: Vec<u8>,
    },
    RestoreFds(Vec<(Fd, Option<Fd>)>),
    RestoreVariables(Vec<(String, Option<Variable>)>),
    Function {
        params: Vec<String>,
    },
    Dot,
    Wait {
        pid: Pid,
        text: Option<Arc<str>>,
    },
    WaitPipeline {
        pids: Vec<Pid>,
        at: usize,
        statuses: Vec<i32>,
    },
    WaitJobs {
        pids: Vec<Pid>,
        all: bool,
    },
    Flush(Out),
    Status(i32),
    Time {
        started: Time,
        posix: bool,
    },
    Read(Box<builtins::read::Reading>),
    ExitTrap(i32),
}

/// A shell.
#[derive(Clone, Debug)]
pub struct Shell {
    pub(super) dialect: Dialect,
    /// `$0`
    pub(super) name: String,
    pub(super) params: Vec<String>,
    pub(super) vars: Arc<BTreeMap<String, Variable>>,
    pub(super) functions: Arc<BTreeMap<String, Arc<Command>>>,
    pub(super) aliases: Arc<BTreeMap<String, String>>,
    pub(super) options: Options,
    pub(super) traps: BTreeMap<String, String>,
    pub(super) status: i32,
    pub(super) shell_pid: Pid,
    pub(super) last_background: Option<Pid>,
    pub(super) jobs: Vec<Job>,
    pub(super) frames: Vec<Frame>,
    pub(super) interactive: bool,
    pub(super) line: u32,
    pub(super) guard: u32,
    pub(super) locals: Vec<Vec<(String, Option<Variable>)>>,
    pub(super) started: Time,
    pub(super) getopts: (usize, usize),
    history: Vec<String>,
    input: String,
    input_ready: bool,
    args: Option<Vec<String>>,
    exiting: Option<i32>,
    pending_traps: BTreeSet<Signal>,
    in_trap: bool,
}

enum Next {
    Go,
    Wait(Step),
}

impl Shell {
    /// A shell from its command line: `sh`, `sh -c text name args`, `sh file args`, with options.
    pub fn from_args(dialect: Dialect, argv: &[String]) -> Self {
        Self {
            dialect,
            name: argv.first().cloned().unwrap_or_else(|| "sh".into()),
            params: Vec::new(),
            vars: Arc::default(),
            functions: Arc::default(),
            aliases: Arc::default(),
            options: Options::default(),
            traps: BTreeMap::new(),
            status: 0,
            shell_pid: 0,
            last_background: None,
            jobs: Vec::new(),
            frames: Vec::new(),
            interactive: false,
            line: 1,
            guard: 0,
            locals: Vec::new(),
            started: Time::default(),
            getopts: (1, 0),
            history: Vec::new(),
            input: String::new(),
            input_ready: false,
            args: Some(argv.to_vec()),
            exiting: None,
            pending_traps: BTreeSet::new(),
            in_trap: false,
        }
    }

    fn begin(&mut self, kernel: &mut Kernel) -> Result<(), i32> {
        let args = self.args.take().unwrap_or_default();
        self.shell_pid = kernel.pid();
        self.started = kernel.now();
        let imported = kernel
            .environment()
            .into_iter()
            .map(|(name, value)| (name, Variable { value: Some(value), exported: true, readonly: false }));
        self.vars = Arc::new(imported.collect());
        self.set("PWD", &kernel.cwd());
        self.set("IFS", " \t\n");
        self.set("OPTIND", "1");
        if self.get("PATH").is_none() {
            self.set("PATH", super::process::DEFAULT_PATH);
        }
        if self.dialect == Dialect::Bash {
            let level = self.get("SHLVL").and_then(|level| level.parse::<i64>().ok()).unwrap_or(0) + 1;
            self.set("SHLVL", &level.to_string());
            self.set("BASH_VERSION", "5.2.37(1)-release");
            for name in ["PWD", "SHLVL"] {
                if let Some(variable) = Arc::make_mut(&mut self.vars).get_mut(name) {
                    variable.exported = true;
                }
            }
        }
        let mut words = args.into_iter().skip(1).peekable();
        let (mut command, mut from_input) = (false, false);
        while let Some(word) = words.peek() {
            if word == "--" || word == "-" {
                words.next();
                break;
            }
            let Some((on, letters)) = word
                .strip_prefix('-')
                .map(|letters| (true, letters))
                .or_else(|| word.strip_prefix('+').map(|letters| (false, letters)))
            else {
                break;
            };
            let letters = letters.to_owned();
            words.next();
            for letter in letters.chars() {
                match letter {
                    '-' => break,
                    'c' => command = true,
                    's' => from_input = true,
                    'i' => self.interactive = on,
                    'l' => {}
                    'o' => {
                        let name = words.next().unwrap_or_default();
                        builtins::set::set_named(&mut self.options, &name, on);
                    }
                    letter if builtins::set::set_letter(&mut self.options, letter, on) => {}
                    letter => {
                        let text = format!("{}: -{letter}: invalid option\n", self.name);
                        let _ = kernel.write(2, text.as_bytes());
                        return Err(2);
                    }
                }
            }
        }
        self.options.command = command;
        if command {
            let Some(text) = words.next() else {
                let text = match self.dialect {
                    Dialect::Bash => format!("{}: -c: option requires an argument\n", self.name),
                    Dialect::Dash => format!("{}: 0: -c requires an argument\n", self.name),
                    Dialect::Ash => format!("{}: -c requires an argument\n", self.name),
                };
                let _ = kernel.write(2, text.as_bytes());
                return Err(2);
            };
            if let Some(name) = words.next() {
                self.name = name;
            }
            self.params = words.collect();
            self.push_source(&text);
            return Ok(());
        }
        if let Some(file) = words.next_if(|_| !from_input) {
            let content = kernel.read_file(&file).map_err(|errno| {
                let words = match self.dialect {
                    Dialect::Bash => format!("{}: {file}: {}\n", self.name, errno.message()),
                    Dialect::Dash => {
                        format!("{}: 0: cannot open {file}: {}\n", self.name, redirect::short(errno, false))
                    }
                    Dialect::Ash => format!("{}: can't open '{file}': {}\n", self.name, errno.message()),
                };
                let _ = kernel.write(2, words.as_bytes());
                if self.dialect == Dialect::Bash { 127 } else { 2 }
            })?;
            self.name = file;
            self.params = words.collect();
            self.push_source(&String::from_utf8_lossy(&content));
            return Ok(());
        }
        self.params = words.collect();
        if self.interactive {
            self.options.monitor = true;
            self.options.interactive = true;
            for signal in [Signal::Int, Signal::Quit, Signal::Term, Signal::Tstp] {
                kernel.set_disposition(signal, Some(Disposition::Catch));
            }
            self.frames.push(Frame::Prompt);
        } else if kernel.is_terminal(0) {
            // A shell on a terminal that is not fed by lines reads them itself.
            self.interactive = true;
            self.options.interactive = true;
            for signal in [Signal::Int, Signal::Quit, Signal::Term] {
                kernel.set_disposition(signal, Some(Disposition::Catch));
            }
            self.frames.push(Frame::Read(Box::new(builtins::read::Reading::script(true))));
        } else {
            self.frames.push(Frame::Read(Box::new(builtins::read::Reading::script(false))));
        }
        Ok(())
    }

    pub(super) fn push_source(&mut self, text: &str) {
        self.frames.push(Frame::Source { text: Arc::new(text.chars().collect()), at: 0, line: 1 });
    }
}

impl Task for Shell {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        if self.args.is_some()
            && let Err(code) = self.begin(kernel)
        {
            return Step::Exit(code);
        }
        loop {
            self.signals(kernel);
            if !kernel.tick(1) {
                return Step::Yield;
            }
            match self.step(kernel) {
                Next::Go => {}
                Next::Wait(step) => return step,
            }
            if kernel.replacement.is_some() || kernel.is_dead() {
                return Step::Yield;
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        let vars: usize =
            self.vars.iter().map(|(name, variable)| name.len() + variable.value.as_ref().map_or(0, String::len)).sum();
        (vars + 200 * self.frames.len()) as u64
    }
    fn as_shell(&self) -> Option<&Shell> {
        Some(self)
    }
    fn as_shell_mut(&mut self) -> Option<&mut Shell> {
        Some(self)
    }
}
