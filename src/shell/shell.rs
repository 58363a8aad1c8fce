//! The shell as a process: its state, and an interpreter whose stack is a list of frames, so that it can stop
//! anywhere, be cloned, and go on. Refuses recursion: what a frame needs done first, it pushes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::applets::driver::Out;
use super::builtins::{self, After};
use super::expand::{Expander, Halt};
use super::kernel::Kernel;
use super::machine::Dialect;
use super::parser::{Open, ParseError, Parser};
use super::process::Disposition;
use super::program::{Errno, Fd, Pid, Read, Signal, Step, System, Wait};
use super::redirect::{self, Resolved};
use super::syntax::{CaseArm, CaseEnd, Command, Condition, Redirect, Simple, Word};
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

    // ---- for the terminal

    /// Whether it waits for a line.
    pub fn wants_line(&self) -> bool {
        self.args.is_none() && matches!(self.frames.as_slice(), [Frame::Prompt]) && !self.input_ready
    }

    /// Takes a line without its newline.
    pub fn enter_line(&mut self, line: &str) -> LineState {
        if !self.input.is_empty() || !line.trim().is_empty() {
            if self.history.len() >= HISTORY {
                self.history.remove(0);
            }
            if self.input.is_empty() && self.history.last().map(String::as_str) != Some(line) {
                self.history.push(line.to_owned());
            } else if let Some(last) = self.history.last_mut().filter(|_| !self.input.is_empty()) {
                last.push('\n');
                last.push_str(line);
            }
        }
        self.input.push_str(line);
        self.input.push('\n');
        if self.is_unfinished() {
            return LineState::More;
        }
        self.input_ready = true;
        LineState::Running
    }

    fn is_unfinished(&self) -> bool {
        self.is_incomplete(&self.input)
    }

    /// Whether a text needs more lines to be commands.
    pub(super) fn is_incomplete(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        if text.ends_with("\\\n") && !text.ends_with("\\\\\n") {
            return true;
        }
        let mut parser = Parser::new(&chars, 0, 1, self.dialect, &self.aliases);
        loop {
            match parser.next_command() {
                Ok(Some(_)) => {}
                Err(ParseError::Incomplete(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    }

    /// Forgets unfinished lines.
    pub fn abandon_line(&mut self) {
        self.input.clear();
        self.input_ready = false;
        self.status = 130;
    }

    /// Lines entered so far, oldest first.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Replaces the history, as after a reload.
    pub fn set_history(&mut self, lines: Vec<String>) {
        self.history = lines;
    }

    /// The aliases.
    pub fn aliases(&self) -> &BTreeMap<String, String> {
        &self.aliases
    }

    /// Defines an alias.
    pub fn set_alias(&mut self, name: &str, value: &str) {
        Arc::make_mut(&mut self.aliases).insert(name.to_owned(), value.to_owned());
    }

    /// Names of functions and builtins, for completion.
    pub fn command_names(&self) -> Vec<String> {
        let builtins = builtins::BUILTINS.iter().map(|builtin| builtin.name.to_owned());
        self.functions.keys().cloned().chain(self.aliases.keys().cloned()).chain(builtins).collect()
    }

    /// The prompt: `$PS1` or, within an unfinished command, `$PS2`.
    pub fn prompt(&self, hostname: &str, cwd: &str, uid: u32) -> String {
        if !self.input.is_empty() && !self.input_ready {
            return self.get("PS2").unwrap_or_else(|| "> ".into());
        }
        let template = self.get("PS1").unwrap_or_else(|| match self.dialect {
            Dialect::Bash => r"\u@\h:\w\$ ".into(),
            Dialect::Dash => {
                if uid == 0 {
                    "# ".into()
                } else {
                    "$ ".into()
                }
            }
            Dialect::Ash => r"\w \$ ".into(),
        });
        let short = match self.get("HOME") {
            Some(home) if cwd == home => "~".to_owned(),
            Some(home) if home != "/" && cwd.starts_with(&format!("{home}/")) => {
                format!("~{}", cwd.strip_prefix(&home).unwrap_or_default())
            }
            _ => cwd.to_owned(),
        };
        let mut text = String::new();
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some('u') => text.push_str(
                    &self.get("USER").unwrap_or_else(|| if uid == 0 { "root".into() } else { "learner".into() }),
                ),
                Some('h') => text.push_str(hostname.split('.').next().unwrap_or_default()),
                Some('H') => text.push_str(hostname),
                Some('w') => text.push_str(&short),
                Some('W') => text.push_str(short.rsplit('/').next().filter(|part| !part.is_empty()).unwrap_or(&short)),
                Some('$') => text.push(if uid == 0 { '#' } else { '$' }),
                Some('n') => text.push('\n'),
                Some('e') => text.push('\x1b'),
                Some('[' | ']') => {}
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            }
        }
        text
    }

    // ---- variables

    /// The variable of that name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.vars.get(name)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        self.vars.get(name)?.value.clone()
    }

    /// Sets a variable, whatever its attributes.
    pub fn set(&mut self, name: &str, value: &str) {
        let export = self.options.allexport;
        let variable = Arc::make_mut(&mut self.vars).entry(name.to_owned()).or_default();
        variable.value = Some(value.to_owned());
        variable.exported |= export;
        if name == "OPTIND" {
            self.getopts = (value.parse().unwrap_or(1), 0);
        }
    }

    pub(super) fn restore(&mut self, name: &str, old: Option<Variable>) {
        let vars = Arc::make_mut(&mut self.vars);
        match old {
            Some(old) => vars.insert(name.to_owned(), old),
            None => vars.remove(name),
        };
    }

    pub(super) fn env_map(&self) -> Arc<BTreeMap<String, String>> {
        let exported = self.vars.iter().filter(|(_, variable)| variable.exported);
        Arc::new(exported.filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?))).collect())
    }

    pub(super) fn last_status(&self) -> i32 {
        self.status
    }

    // ---- words of errors

    /// `bash: line 1: text` and its kind.
    pub(super) fn complaint(&self, text: &str) -> String {
        match self.dialect {
            Dialect::Bash if self.interactive => format!("bash: {text}\n"),
            Dialect::Bash => format!("{}: line {}: {text}\n", self.name, self.line),
            Dialect::Dash if !self.interactive => format!("{}: {}: {text}\n", self.name, self.line),
            Dialect::Dash => format!("{}: {text}\n", self.name),
            Dialect::Ash => format!("{}: {text}\n", self.name.trim_start_matches('-')),
        }
    }

    /// The same for a builtin.
    pub(super) fn builtin_complaint(&self, builtin: &str, text: &str) -> String {
        match self.dialect {
            Dialect::Ash if !self.interactive => {
                format!("{}: {builtin}: line {}: {text}\n", self.name, self.line.saturating_sub(1))
            }
            _ => self.complaint(&format!("{builtin}: {text}")),
        }
    }

    pub(super) fn words_readonly(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Bash => format!("{name}: readonly variable"),
            _ => format!("{name}: is read only"),
        }
    }

    fn syntax_error(&self, error: &ParseError, line: u32, text: &str) -> String {
        let bash = self.dialect == Dialect::Bash;
        let words = match error {
            ParseError::Incomplete(Open::Quote('`')) if !bash => "EOF in backquote substitution".into(),
            ParseError::Incomplete(Open::Quote('}')) if !bash => {
                if self.dialect == Dialect::Dash {
                    "Missing '}'".into()
                } else {
                    "missing '}'".into()
                }
            }
            ParseError::Incomplete(Open::Quote(')')) if !bash => "end of file unexpected (expecting \")\")".into(),
            ParseError::Incomplete(Open::Quote(_)) if !bash => {
                if self.dialect == Dialect::Dash {
                    "Unterminated quoted string".into()
                } else {
                    "unterminated quoted string".into()
                }
            }
            ParseError::Incomplete(Open::Quote(quote)) => {
                format!("unexpected EOF while looking for matching `{quote}'")
            }
            ParseError::Incomplete(Open::Keyword(keyword)) if !bash => {
                format!("end of file unexpected (expecting \"{keyword}\")")
            }
            ParseError::Incomplete(_) if !bash => "end of file unexpected".into(),
            ParseError::Incomplete(_) => "syntax error: unexpected end of file".into(),
            ParseError::Unexpected(token, _) if bash => format!("syntax error near unexpected token `{token}'"),
            ParseError::Unexpected(token, expected) => {
                let token = if token == "newline" || token == "end of file" {
                    token.clone()
                } else if token.starts_with(['<', '>']) {
                    "redirection".into()
                } else {
                    format!("\"{token}\"")
                };
                let expecting = expected
                    .filter(|_| token != "\"then\"")
                    .map(|word| format!(" (expecting \"{word}\")"))
                    .unwrap_or_default();
                format!("{token} unexpected{expecting}")
            }
            ParseError::TooDeep => "too many levels of nesting".into(),
            ParseError::Other(words) => words.clone(),
        };
        match self.dialect {
            Dialect::Bash => {
                let place = if self.interactive {
                    "bash".to_owned()
                } else if self.options.command {
                    format!("{}: -c: line {line}", self.name)
                } else {
                    format!("{}: line {line}", self.name)
                };
                let shown = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
                match error {
                    ParseError::Unexpected(..) if !self.interactive => {
                        format!("{place}: {words}\n{place}: `{shown}'\n")
                    }
                    _ => format!("{place}: {words}\n"),
                }
            }
            Dialect::Dash => format!("{}: {line}: Syntax error: {words}\n", self.name),
            Dialect::Ash => {
                // ash names the token after the word "unexpected".
                let words = match words.split_once(" unexpected") {
                    Some((token, rest)) => format!("unexpected {token}{rest}"),
                    None => words,
                };
                let place =
                    if self.options.command || self.interactive { String::new() } else { format!("line {line}: ") };
                format!("{}: {place}syntax error: {words}\n", self.name)
            }
        }
    }

    // ---- start

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

    // ---- the interpreter

    fn step(&mut self, kernel: &mut Kernel) -> Next {
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

    fn at_end(&mut self, kernel: &mut Kernel) -> Next {
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

    fn read_command(&mut self, kernel: &mut Kernel, text: Arc<Vec<char>>, at: usize, line: u32) {
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
    fn fail(&mut self, message: String, status: i32) {
        let mut out = Out::default();
        out.err(&message);
        self.abort(status);
        self.frames.push(Frame::Flush(out));
    }

    fn abort(&mut self, status: i32) {
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
    fn unwind(&mut self, frame: Frame) {
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

    pub(super) fn exit(&mut self, status: i32) {
        self.frames.clear();
        self.guard = 0;
        self.interactive = false;
        self.exiting = Some(status & 0xff);
    }

    fn at_prompt(&mut self, kernel: &mut Kernel) -> Next {
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

    fn job_notes(&mut self, kernel: &mut Kernel) -> String {
        self.poll_jobs(kernel);
        let last = self.jobs.iter().map(|job| job.id).max().unwrap_or(0);
        let mut notes = String::new();
        for job in self.jobs.iter().filter(|job| job.status.is_some()) {
            notes.push_str(&builtins::jobs::describe(job, last, self.dialect));
        }
        self.jobs.retain(|job| job.status.is_none());
        notes
    }

    pub(super) fn poll_jobs(&mut self, kernel: &mut Kernel) {
        for job in self.jobs.iter_mut().filter(|job| job.status.is_none()) {
            if kernel.has_ended(job.pid) {
                job.status = Some(kernel.reap(job.pid).map_or(127, |status| status.code()));
            }
        }
    }

    fn run(&mut self, kernel: &mut Kernel, command: Command) {
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

    fn run_guarded(&mut self, command: Command) {
        self.guard += 1;
        self.frames.push(Frame::Unguard);
        self.frames.push(Frame::Run(command));
    }

    fn test_loop(&mut self, until: bool, condition: Arc<Command>, body: Arc<Command>, last: i32) {
        self.frames.push(Frame::LoopTest(until, condition.clone(), body, last));
        self.run_guarded((*condition).clone());
    }

    fn and_or(&mut self, rest: &Arc<Vec<(bool, Command)>>, at: usize) {
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

    fn after_condition(&mut self, arms: &Arc<Vec<(Command, Command)>>, last: Option<Arc<Command>>, at: usize) {
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

    fn next_item(
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

    // ---- expansion

    fn expand(&mut self, kernel: &mut Kernel, goal: Goal, outputs: Vec<String>, substituted: Option<i32>) {
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

    fn cannot_fork(&mut self, errno: Errno) {
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
                super::execute::simple(self, kernel, &simple, words, redirects, undo, substituted);
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

    fn substitute(&mut self, kernel: &mut Kernel, command: &Arc<Command>) -> Result<Frame, Errno> {
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

    fn collect(&mut self, kernel: &mut Kernel, pid: Pid, fd: Fd, mut bytes: Vec<u8>) -> Next {
        loop {
            match kernel.read(fd, 16 << 10) {
                Ok(Read::Data(data)) if bytes.len() + data.len() <= SUBSTITUTION => bytes.extend(data),
                Ok(Read::WouldBlock) => {
                    self.frames.push(Frame::Substitution { pid, fd, bytes });
                    return Next::Wait(super::kernel::readable(fd));
                }
                Ok(Read::Data(_)) => {
                    let _ = kernel.close(fd);
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

    // ---- children

    /// A copy of this shell that runs one command, for a child process.
    pub(super) fn child(&self, command: Command) -> Shell {
        let mut child = self.clone();
        child.frames = vec![Frame::Run(command)];
        child.interactive = false;
        child.options.monitor = false;
        child.traps.retain(|_, text| text.is_empty());
        child.jobs.clear();
        child.history.clear();
        child.guard = u32::from(self.guard > 0);
        child.pending_traps.clear();
        child.in_trap = false;
        child.exiting = None;
        child
    }

    fn subshell(&mut self, kernel: &mut Kernel, inner: &Arc<Command>) {
        if self.can_replace() {
            // Nothing comes after it: this process can be the subshell.
            self.frames.push(Frame::Run((**inner).clone()));
            return;
        }
        match kernel.fork(Box::new(self.child((**inner).clone()))) {
            Ok(pid) => {
                self.own_group(kernel, pid, pid);
                self.frames.push(Frame::Wait { pid, text: None });
            }
            Err(errno) => self.cannot_fork(errno),
        }
    }

    /// Whether nothing is left to do in this process after the present command.
    pub(super) fn can_replace(&self) -> bool {
        self.frames.is_empty() && !self.interactive && self.traps.is_empty()
    }

    pub(super) fn own_group(&self, kernel: &mut Kernel, pid: Pid, group: Pid) {
        if self.options.monitor && self.interactive {
            kernel.set_group(pid, group);
            kernel.set_foreground(group);
        }
    }

    fn background(&mut self, kernel: &mut Kernel, inner: &Arc<Command>, text: &Arc<str>) {
        self.poll_jobs(kernel);
        let saved = if self.interactive { None } else { kernel.save_fd(0) };
        if !self.interactive
            && let Ok(null) = kernel.open("/dev/null", super::kernel::OpenMode::Read)
            && null != 0
        {
            let _ = kernel.move_fd(null, 0);
        }
        let started = kernel.fork(Box::new(self.child((**inner).clone())));
        if !self.interactive {
            redirect::restore(kernel, vec![(0, saved)]);
        }
        match started {
            Ok(pid) => {
                let id = self.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1;
                self.last_background = Some(pid);
                if self.interactive {
                    kernel.set_group(pid, pid);
                    let _ = kernel.write(2, format!("[{id}] {pid}\n").as_bytes());
                }
                self.jobs.push(Job { id, pid, text: text.clone(), status: None });
                if !self.interactive && self.jobs.len() > 500 {
                    self.jobs.retain(|job| job.status.is_none());
                }
                self.status = 0;
            }
            Err(errno) => self.cannot_fork(errno),
        }
    }

    fn pipeline(&mut self, kernel: &mut Kernel, commands: &Arc<Vec<Command>>) {
        let mut pids = Vec::new();
        let mut previous: Option<Fd> = None;
        let (saved_in, saved_out) = (kernel.save_fd(0), kernel.save_fd(1));
        let mut failed = None;
        for (index, command) in commands.iter().enumerate() {
            let mut next = None;
            if let Some(read) = previous.take() {
                let _ = kernel.move_fd(read, 0);
            }
            if index + 1 < commands.len() {
                match kernel.pipe() {
                    Ok((read, write)) => {
                        let _ = kernel.move_fd(write, 1);
                        next = Some(read);
                    }
                    Err(errno) => {
                        failed = Some(errno);
                        break;
                    }
                }
            } else {
                match saved_out {
                    Some(saved) => drop(kernel.dup2(saved, 1)),
                    None => drop(kernel.close(1)),
                }
            }
            match kernel.fork(Box::new(self.child(command.clone()))) {
                Ok(pid) => {
                    let group = pids.first().copied().unwrap_or(pid);
                    self.own_group(kernel, pid, group);
                    pids.push(pid);
                }
                Err(errno) => failed = Some(errno),
            }
            previous = next;
        }
        if let Some(read) = previous {
            let _ = kernel.close(read);
        }
        redirect::restore(kernel, vec![(0, saved_in), (1, saved_out)]);
        self.frames.push(Frame::WaitPipeline { pids, at: 0, statuses: Vec::new() });
        if let Some(errno) = failed {
            self.cannot_fork(errno);
        }
    }

    fn wait_pipeline(&mut self, kernel: &mut Kernel, pids: Vec<Pid>, mut at: usize, mut statuses: Vec<i32>) -> Next {
        while let Some(pid) = pids.get(at).copied() {
            if !kernel.has_ended(pid) {
                self.frames.push(Frame::WaitPipeline { pids, at, statuses });
                return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
            }
            statuses.push(kernel.reap(pid).map_or(127, |status| status.code()));
            at += 1;
        }
        let last = statuses.last().copied().unwrap_or(0);
        let failed = statuses.iter().rev().find(|status| **status != 0).copied().unwrap_or(0);
        kernel.set_foreground_if(self.interactive, kernel.pid());
        self.finish(if self.options.pipefail { failed } else { last });
        Next::Go
    }

    fn wait_for(&mut self, kernel: &mut Kernel, pid: Pid, text: Option<Arc<str>>) -> Next {
        if !kernel.has_ended(pid) {
            self.frames.push(Frame::Wait { pid, text });
            return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
        }
        let status = kernel.reap(pid);
        self.jobs.retain(|job| job.pid != pid);
        kernel.set_foreground_if(self.interactive, kernel.pid());
        let code = status.map_or(127, |status| status.code());
        if let Some(super::process::ExitStatus::Signal(signal)) = status {
            let note = match signal {
                Signal::Int | Signal::Pipe => None,
                Signal::Kill => Some("Killed"),
                Signal::Term => Some("Terminated"),
                Signal::Hup => Some("Hangup"),
                Signal::Quit => Some("Quit"),
                _ => None,
            };
            if let Some(note) = note.filter(|_| self.interactive || self.dialect == Dialect::Ash) {
                let _ = kernel.write(2, format!("{note}\n").as_bytes());
            }
            if signal == Signal::Int && self.interactive {
                self.abort(130);
                return Next::Go;
            }
        }
        self.finish(code);
        Next::Go
    }

    fn wait_jobs(&mut self, kernel: &mut Kernel, mut pids: Vec<Pid>, all: bool) -> Next {
        self.poll_jobs(kernel);
        while let Some(pid) = pids.first().copied() {
            let known = self.jobs.iter().find(|job| job.pid == pid).map(|job| job.status);
            match known {
                Some(None) => {
                    self.frames.push(Frame::WaitJobs { pids, all });
                    return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
                }
                Some(Some(status)) => {
                    if !all {
                        self.status = status;
                    }
                    self.jobs.retain(|job| job.pid != pid);
                }
                None if !all => {
                    self.status = 127;
                    if self.dialect == Dialect::Bash {
                        let text = self.builtin_complaint("wait", &format!("pid {pid} is not a child of this shell"));
                        let _ = kernel.write(2, text.as_bytes());
                    }
                }
                None => {}
            }
            pids.remove(0);
        }
        let status = if all { 0 } else { self.status };
        self.finish(status);
        Next::Go
    }

    fn report_time(&mut self, kernel: &mut Kernel, started: Time, posix: bool) {
        let took = kernel.now().since(started).as_secs_f64();
        let text = if posix {
            format!("real {took:.2}\nuser 0.00\nsys 0.00\n")
        } else {
            let minutes = (took / 60.0).floor();
            format!("\nreal\t{minutes}m{:.3}s\nuser\t0m0.000s\nsys\t0m0.000s\n", took - minutes * 60.0)
        };
        let mut out = Out::default();
        out.err(&text);
        self.frames.push(Frame::Flush(out));
    }

    // ---- ends and jumps

    /// A command ended with this status; `set -e` may end the shell.
    pub(super) fn finish(&mut self, status: i32) {
        self.status = status;
        if status != 0 && self.options.errexit && self.guard == 0 && !self.in_trap {
            self.exit(status);
        }
    }

    pub(super) fn call(&mut self, body: &Arc<Command>, params: Vec<String>) {
        let old = std::mem::replace(&mut self.params, params);
        self.locals.push(Vec::new());
        self.frames.push(Frame::Function { params: old });
        self.frames.push(Frame::Run((**body).clone()));
    }

    fn leave_function(&mut self, params: Vec<String>) {
        self.params = params;
        for (name, old) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            self.restore(&name, old);
        }
    }

    /// `break` (true) or `continue` through `levels` loops.
    pub(super) fn jump(&mut self, leave: bool, levels: usize) {
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
    pub(super) fn return_from(&mut self, status: i32) -> bool {
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

    // ---- signals

    fn signals(&mut self, kernel: &mut Kernel) {
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

    fn read_step(&mut self, kernel: &mut Kernel, reading: Box<builtins::read::Reading>) -> Next {
        match builtins::read::advance(self, kernel, reading) {
            Some(step) => Next::Wait(step),
            None => Next::Go,
        }
    }

    /// What a builtin asks for after it has run.
    pub(super) fn after(&mut self, kernel: &mut Kernel, after: After) {
        match after {
            After::Status(status) => self.finish(status),
            After::Fatal(status) => self.abort(status),
            After::Done => {}
            After::Frame(frame) => self.frames.push(frame),
        }
        let _ = kernel;
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
