//! Applets about the machine and its processes: date, hostname, id, ps, env, sleep, timeout, xargs, seq, yes and so on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::driver::{Out, once};
use super::files::{account, options};
use super::options::{Bad, message, parse_until};
use crate::shell::builtins;
use crate::shell::kernel::{Kernel, readable};
use crate::shell::process::{Dialect, Flavour};
use crate::shell::program::{Errno, Pid, Read, Signal, Step, System, Wait};
use crate::shell::task::Task;
use crate::sim::Time;

/// An instant in a format of strftime, in UTC. `None` when the format is none.
pub(super) fn strftime(format: &str, time: Time) -> Option<String> {
    let format = format.replace("%N", "%9f").replace("%3N", "%3f");
    strtime::format(format, &time.timestamp().to_zoned(TimeZone::UTC)).ok()
}

applet!(date, |args, kernel, out| {
    let Some(options) = options(args, "uRI", "dDrs\u{2}", kernel, out) else { return 1 };
    let mut time = kernel.now();
    if let Some(text) = options.value('d') {
        let parsed = text.strip_prefix('@').and_then(|seconds| seconds.parse().ok()).map(Time::from_seconds);
        let parsed = parsed.or_else(|| {
            text.replace(' ', "T")
                .parse::<jiff::civil::DateTime>()
                .ok()
                .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
                .map(|zoned| Time::from(zoned.timestamp()))
        });
        let parsed =
            parsed.or_else(|| text.parse::<jiff::Timestamp>().ok().map(Time::from)).or((text == "now").then_some(time));
        match parsed {
            Some(parsed) => time = parsed,
            None => {
                out.err(&if kernel.flavour() == Flavour::Gnu {
                    format!("date: invalid date ‘{text}’\n")
                } else {
                    format!("date: invalid date '{text}'\n")
                });
                return 1;
            }
        }
    }
    let format = match options.words.first() {
        Some(word) => match word.strip_prefix('+') {
            Some(format) => format.to_owned(),
            None => {
                out.err(&format!("date: invalid date '{word}'\n"));
                return 1;
            }
        },
        None if options.has('R') => "%a, %d %b %Y %H:%M:%S +0000".into(),
        None if options.has('I') => "%Y-%m-%d".into(),
        None => "%a %b %e %H:%M:%S UTC %Y".into(),
    };
    out.out(&format!("{}\n", strftime(&format, time).unwrap_or(format)));
    0
});

applet!(hostname, |args, kernel, out| {
    match args.get(1).map(String::as_str) {
        Some("-i" | "-I") => {
            let hosts = kernel.read_file("/etc/hosts").unwrap_or_default();
            let text = String::from_utf8_lossy(&hosts).into_owned();
            let name = kernel.hostname().to_owned();
            let ip = text
                .lines()
                .rev()
                .find(|line| line.split_whitespace().skip(1).any(|word| word == name))
                .and_then(|line| line.split_whitespace().next());
            out.out(&format!("{}\n", ip.unwrap_or("127.0.0.1")));
        }
        Some(flag) if flag.starts_with('-') => out.out(&format!("{}\n", kernel.hostname())),
        Some(name) if kernel.user().0 == 0 => kernel.set_hostname(name),
        Some(_) => {
            out.err("hostname: you must be root to change the host name\n");
            return 1;
        }
        None => out.out(&format!("{}\n", kernel.hostname())),
    }
    0
});

applet!(uname, |args, kernel, out| {
    let Some(options) = options(args, "asnrvmpio", "", kernel, out) else { return 1 };
    let all = [
        ('s', "Linux".to_owned()),
        ('n', kernel.hostname().to_owned()),
        ('r', "6.1.0".into()),
        ('v', "#1 SMP".into()),
        ('m', "x86_64".into()),
        ('o', "GNU/Linux".into()),
    ];
    let chosen: Vec<String> = all
        .iter()
        .filter(|(letter, _)| options.has('a') || options.has(*letter))
        .map(|(_, text)| text.clone())
        .collect();
    out.out(&format!("{}\n", if chosen.is_empty() { "Linux".into() } else { chosen.join(" ") }));
    0
});

applet!(whoami, |_, kernel, out| {
    out.out(&format!("{}\n", account(kernel, "/etc/passwd", kernel.user().0)));
    0
});

applet!(id, |args, kernel, out| {
    let (uid, gid) = kernel.user();
    let (user, group) = (account(kernel, "/etc/passwd", uid), account(kernel, "/etc/group", gid));
    let named = args.iter().any(|word| word.starts_with('-') && word.contains('n'));
    let text = match args.get(1).and_then(|word| word.chars().nth(1)) {
        Some('u') => {
            if named {
                user
            } else {
                uid.to_string()
            }
        }
        Some('g' | 'G') => {
            if named {
                group
            } else {
                gid.to_string()
            }
        }
        _ => format!("uid={uid}({user}) gid={gid}({group}) groups={gid}({group})"),
    };
    out.out(&format!("{text}\n"));
    0
});

applet!(printenv, |args, kernel, out| {
    let mut status = 0;
    if args.len() == 1 {
        for (name, value) in kernel.environment() {
            out.out(&format!("{name}={value}\n"));
        }
    }
    for name in args.iter().skip(1) {
        match kernel.env(name) {
            Some(value) => out.out(&format!("{value}\n")),
            None => status = 1,
        }
    }
    status
});

applet!(true_, |_, _, _| 0);
applet!(false_, |_, _, _| 1);
applet!(nproc, |_, _, out| {
    out.out("2\n");
    0
});
applet!(clear, |_, _, out| {
    out.out("\x1b[H\x1b[2J\x1b[3J");
    0
});
applet!(pwd, |_, kernel, out| {
    out.out(&format!("{}\n", kernel.cwd()));
    0
});
applet!(echo, |args, kernel, out| {
    let dialect = if kernel.dialect() == Dialect::Dash { Dialect::Bash } else { kernel.dialect() };
    out.out(&builtins::echo::text(args.get(1..).unwrap_or_default(), dialect));
    0
});
applet!(printf, |args, _, out| {
    let Some(format) = args.get(1) else {
        out.err("printf: missing operand\n");
        return 1;
    };
    let (text, problems) = builtins::printf::format_text(format, args.get(2..).unwrap_or_default());
    for problem in &problems {
        out.err(&format!("printf: ‘{problem}’: expected a numeric value\n"));
    }
    out.out(&text);
    i32::from(!problems.is_empty())
});
applet!(test, |args, kernel, out| match builtins::test::evaluate(kernel, args) {
    Ok(truth) => i32::from(!truth),
    Err(problem) => {
        let name = args.first().map_or("test", |name| name.rsplit('/').next().unwrap_or("test"));
        out.err(&format!("{name}: {}\n", builtins::test::describe(&problem, kernel.dialect())));
        2
    }
});
applet!(kill, |args, kernel, out| {
    let dialect = kernel.dialect();
    builtins::jobs::send(kernel, args.get(1..).unwrap_or_default(), dialect, &|text| format!("kill: {text}\n"), out)
});
applet!(free, |args, _, out| {
    let unit: u64 = if args.iter().any(|word| word == "-m") { 1024 } else { 1 };
    out.out("               total        used        free      shared  buff/cache   available\n");
    let [total, used, free, shared, cache, available] =
        [2_097_152, 262_144, 1_572_864, 1_024, 262_144, 1_835_008].map(|kib| kib / unit);
    out.out(&format!("Mem:    {total:>12}{used:>12}{free:>12}{shared:>12}{cache:>12}{available:>12}\nSwap:   {0:>12}{0:>12}{0:>12}\n", 0));
    0
});
applet!(df, |args, kernel, out| {
    let human = args.iter().any(|word| word == "-h");
    let used = kernel.vfs().used() / 1024;
    let show = |kib: u64| if human { super::files::human(kib * 1024) } else { kib.to_string() };
    out.out(&format!(
        "Filesystem     {:>12} {:>10} {:>10} Use% Mounted on\n",
        if human { "Size" } else { "1K-blocks" },
        "Used",
        "Available"
    ));
    let total = 65_536;
    out.out(&format!(
        "{:<14} {:>12} {:>10} {:>10} {:>3}% /\n",
        "overlay",
        show(total),
        show(used),
        show(total.saturating_sub(used)),
        used * 100 / total
    ));
    for (path, _) in kernel.vfs().mount_points() {
        out.out(&format!("{:<14} {:>12} {:>10} {:>10} {:>3}% {path}\n", "tmpfs", show(total), show(0), show(total), 0));
    }
    0
});
applet!(uptime, |_, kernel, out| {
    let up = kernel.now().since(kernel.boot_time()).as_secs();
    out.out(&format!(
        " {} up {} min,  load average: 0.00, 0.00, 0.00\n",
        strftime("%H:%M:%S", kernel.now()).unwrap_or_default(),
        up / 60
    ));
    0
});
applet!(which, |args, kernel, out| {
    let mut status = 0;
    for name in args.iter().skip(1).filter(|word| !word.starts_with('-')) {
        match kernel.which(name, kernel.env("PATH").as_deref()) {
            Ok(path) => out.out(&format!("{path}\n")),
            Err(_) => status = 1,
        }
    }
    status
});
applet!(ps, |args, kernel, out| {
    let gnu = kernel.flavour() == Flavour::Gnu;
    let all = !gnu || args.iter().skip(1).any(|word| word.contains(['e', 'a', 'A', 'x']));
    let mine = kernel.user().0;
    let full = args.iter().skip(1).any(|word| word.contains(['f', 'u']));
    out.out(if !gnu {
        "PID   USER     TIME  COMMAND\n"
    } else if full {
        "UID          PID    PPID  C STIME TTY          TIME CMD\n"
    } else {
        "    PID TTY          TIME CMD\n"
    });
    for process in kernel.process_list() {
        if !all && (process.uid != mine || !process.has_terminal) {
            continue;
        }
        let seconds = process.steps / 100_000;
        let command = process.argv.join(" ");
        let name = process.argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default()).to_owned();
        let user = account(kernel, "/etc/passwd", process.uid);
        let command = if process.zombie { format!("[{name}]") } else { command };
        let tty = if process.has_terminal { "pts/0" } else { "?" };
        out.out(&if !gnu {
            format!("{:5} {user:<8} {:2}:{:02} {command}\n", process.pid, seconds / 60, seconds % 60)
        } else if full {
            format!(
                "{user:<8} {:>7} {:>7}  0 {} {tty:<8} {:02}:{:02}:{:02} {command}\n",
                process.pid,
                process.parent,
                strftime("%H:%M", process.started).unwrap_or_default(),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        } else {
            format!(
                "{:>7} {tty:<8} {:02}:{:02}:{:02} {name}\n",
                process.pid,
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        });
    }
    0
});
applet!(expr, |args, _, out| {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let mut parser = Expr { words: &words, at: 0, depth: 0 };
    match parser.level(0) {
        Ok(value) if parser.at == words.len() => {
            out.out(&format!("{value}\n"));
            i32::from(value.is_empty() || value == "0")
        }
        Ok(_) | Err(None) => {
            out.err("expr: syntax error\n");
            2
        }
        Err(Some(problem)) => {
            out.err(&format!("expr: {problem}\n"));
            2
        }
    }
});

struct Expr<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

const LEVELS: [&[&str]; 5] = [&["|"], &["&"], &["=", "==", "!=", "<", ">", "<=", ">="], &["+", "-"], &["*", "/", "%"]];

impl Expr<'_> {
    fn level(&mut self, level: usize) -> Result<String, Option<&'static str>> {
        let Some(operators) = LEVELS.get(level) else { return self.matching() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.words.get(self.at).filter(|word| operators.contains(*word)).copied() {
            self.at += 1;
            let right = self.level(level + 1)?;
            let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
            let compare = || numbers.map_or_else(|| left.cmp(&right), |(a, b)| a.cmp(&b));
            let truth = |truth: bool| i32::from(truth).to_string();
            let empty = |text: &str| text.is_empty() || text == "0";
            left = match operator {
                "|" => {
                    if empty(&left) {
                        right
                    } else {
                        left
                    }
                }
                "&" => {
                    if empty(&left) || empty(&right) {
                        "0".into()
                    } else {
                        left
                    }
                }
                "=" | "==" => truth(compare().is_eq()),
                "!=" => truth(compare().is_ne()),
                "<" => truth(compare().is_lt()),
                ">" => truth(compare().is_gt()),
                "<=" => truth(compare().is_le()),
                ">=" => truth(compare().is_ge()),
                operator => {
                    let (a, b) = numbers.ok_or(Some("non-integer argument"))?;
                    match operator {
                        "+" => a.wrapping_add(b),
                        "-" => a.wrapping_sub(b),
                        "*" => a.wrapping_mul(b),
                        _ if b == 0 => return Err(Some("division by zero")),
                        "/" => a.wrapping_div(b),
                        _ => a.wrapping_rem(b),
                    }
                    .to_string()
                }
            };
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<String, Option<&'static str>> {
        let mut left = self.primary()?;
        while self.words.get(self.at) == Some(&":") {
            self.at += 1;
            let pattern = self.primary()?;
            let regex = crate::shell::regex::compile(&format!("^{}", pattern.trim_start_matches('^')), false, false)
                .map_err(|_| None)?;
            left = match regex.captures(&left) {
                Some(found) if regex.captures_len() > 1 => {
                    found.get(1).map_or(String::new(), |group| group.as_str().to_owned())
                }
                Some(found) => found.get(0).map_or(0, |all| all.as_str().chars().count()).to_string(),
                None if regex.captures_len() > 1 => String::new(),
                None => "0".into(),
            };
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, Option<&'static str>> {
        let word = self.words.get(self.at).copied().ok_or(None)?;
        self.at += 1;
        match word {
            "(" => {
                self.depth += 1;
                if self.depth > 100 {
                    return Err(None);
                }
                let value = self.level(0)?;
                if self.words.get(self.at) != Some(&")") {
                    return Err(None);
                }
                self.at += 1;
                Ok(value)
            }
            "length" if self.at < self.words.len() => Ok(self.primary()?.chars().count().to_string()),
            word => Ok(word.to_owned()),
        }
    }
}

/// A duration as sleep and timeout read it.
fn duration(text: &str) -> Option<Duration> {
    let (number, scale) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at)?, 1.0),
        Some((at, 'm')) => (text.get(..at)?, 60.0),
        Some((at, 'h')) => (text.get(..at)?, 3_600.0),
        Some((at, 'd')) => (text.get(..at)?, 86_400.0),
        _ => (text, 1.0),
    };
    if matches!(number, "inf" | "infinity") {
        return Some(Duration::from_secs(1 << 33));
    }
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') || number.is_empty() {
        return None;
    }
    let seconds: f64 = number.parse().ok()?;
    Some(Duration::from_secs_f64((seconds * scale).clamp(0.0, 1e10)))
}

#[derive(Clone, Debug)]
struct Sleep {
    lasts: Duration,
    until: Option<Time>,
}
impl Task for Sleep {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        let until = *self.until.get_or_insert(kernel.now() + self.lasts);
        if kernel.now() >= until { Step::Exit(0) } else { Step::Wait(Wait { until: Some(until), ..Wait::default() }) }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

pub fn sleep(args: &[String]) -> Box<dyn Task> {
    let mut lasts = Duration::ZERO;
    for arg in args.iter().skip(1) {
        match duration(arg) {
            Some(more) => lasts += more,
            None => {
                return once(std::slice::from_ref(arg), |args, kernel, out| {
                    let word = args.first().map_or("", String::as_str);
                    out.err(&match kernel.flavour() {
                        Flavour::Gnu => {
                            format!("sleep: invalid time interval ‘{word}’\nTry 'sleep --help' for more information.\n")
                        }
                        Flavour::Busybox => format!("sleep: invalid number '{word}'\n"),
                    });
                    1
                });
            }
        }
    }
    if args.len() < 2 {
        return once(args, |_, kernel, out| {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "sleep: missing operand\nTry 'sleep --help' for more information.\n",
                Flavour::Busybox => "BusyBox v1.36.1 multi-call binary.\n\nUsage: sleep [N]...\n",
            });
            1
        });
    }
    Box::new(Sleep { lasts, until: None })
}

/// Endless or long output: `yes` and `seq`.
#[derive(Clone, Debug)]
struct Stream {
    next: f64,
    step: f64,
    last: f64,
    word: Option<String>,
    separator: String,
    places: usize,
    width: usize,
    first: bool,
    out: Out,
}
impl Task for Stream {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        loop {
            if let Some(step) = self.out.flush(kernel) {
                return step;
            }
            if self.out.broken {
                return Step::Exit(1);
            }
            let mut made = String::new();
            while made.len() < 4096 {
                match &self.word {
                    Some(word) => made.push_str(word),
                    None => {
                        let more = if self.step >= 0.0 {
                            self.next <= self.last + 1e-9
                        } else {
                            self.next >= self.last - 1e-9
                        };
                        if !more {
                            break;
                        }
                        if !std::mem::take(&mut self.first) {
                            made.push_str(&self.separator);
                        }
                        made.push_str(&format!(
                            "{:0width$.places$}",
                            self.next,
                            width = self.width,
                            places = self.places
                        ));
                        self.next += self.step;
                    }
                }
            }
            if made.is_empty() {
                if !self.first {
                    self.out.out("\n");
                    self.first = true;
                    continue;
                }
                return Step::Exit(0);
            }
            self.out.out(&made);
            if !kernel.tick(made.len() as u64 / 16) {
                return self.out.flush(kernel).unwrap_or(Step::Yield);
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

pub fn yes(args: &[String]) -> Box<dyn Task> {
    let word = if args.len() > 1 { args.get(1..).unwrap_or_default().join(" ") } else { "y".into() };
    Box::new(Stream {
        next: 0.0,
        step: 1.0,
        last: 0.0,
        word: Some(format!("{word}\n")),
        separator: String::new(),
        places: 0,
        width: 0,
        first: true,
        out: Out::default(),
    })
}

pub fn seq(args: &[String]) -> Box<dyn Task> {
    let (mut separator, mut wide, mut words) = ("\n".to_owned(), false, Vec::new());
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-w" => wide = true,
            "-s" => separator = rest.next().cloned().unwrap_or_default(),
            attached if attached.starts_with("-s") => separator = attached.trim_start_matches("-s").to_owned(),
            arg => words.push(arg.to_owned()),
        }
    }
    let numbers: Vec<Option<f64>> =
        words.iter().map(|word| word.parse::<f64>().ok().filter(|number| number.is_finite())).collect();
    if words.is_empty() || words.len() > 3 || numbers.contains(&None) {
        let bad = words.iter().zip(&numbers).find(|(_, number)| number.is_none()).map(|(word, _)| word.clone());
        return once(&[bad.unwrap_or_default()], |args, kernel, out| {
            let word = args.first().map_or("", String::as_str);
            out.err(&match kernel.flavour() {
                _ if word.is_empty() => "seq: missing operand\n".to_owned(),
                Flavour::Gnu => {
                    format!("seq: invalid floating point argument: ‘{word}’\nTry 'seq --help' for more information.\n")
                }
                Flavour::Busybox => format!("seq: invalid number '{word}'\n"),
            });
            1
        });
    }
    let numbers: Vec<f64> = numbers.into_iter().flatten().collect();
    let (next, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last, ..] => (*first, *step, *last),
        [] => (1.0, 1.0, 0.0),
    };
    let step = if step == 0.0 { 1.0 } else { step };
    let places = words
        .iter()
        .take(2.min(words.len().max(1)))
        .filter_map(|word| word.split_once('.'))
        .map(|(_, digits)| digits.len())
        .max()
        .unwrap_or(0);
    let width = if wide { words.iter().map(String::len).max().unwrap_or(0) } else { 0 };
    Box::new(Stream { next, step, last, word: None, separator, places, width, first: true, out: Out::default() })
}

/// Commands that run a command: env, timeout, nohup, nice, time, setsid, sudo, watch.
#[derive(Clone, Debug)]
struct Wrapper {
    name: &'static str,
    args: Vec<String>,
    state: WrapperState,
}
#[derive(Clone, Debug)]
enum WrapperState {
    Start,
    Child { pid: Pid, until: Option<Time>, signal: Signal, killed: bool, started: Time },
    Pause { until: Time },
}

impl Wrapper {
    fn cannot(&self, kernel: &mut Kernel, command: &str, errno: Errno) -> Step {
        let text = match (kernel.flavour(), self.name) {
            (Flavour::Gnu, "env") => format!("env: ‘{command}’: {}\n", errno.message()),
            (Flavour::Gnu, name @ "timeout") => {
                format!("{name}: failed to run command ‘{command}’: {}\n", errno.message())
            }
            (Flavour::Gnu, "sudo") => format!("sudo: {command}: command not found\n"),
            (_, name) => format!("{name}: can't execute '{command}': {}\n", errno.message()),
        };
        let _ = kernel.write(2, text.as_bytes());
        Step::Exit(if errno == Errno::Enoent { 127 } else { 126 })
    }

    fn refuse(&self, kernel: &mut Kernel, text: &str, code: i32) -> Step {
        let _ = kernel.write(2, text.as_bytes());
        Step::Exit(code)
    }

    fn start(&mut self, kernel: &mut Kernel) -> Step {
        match self.name {
            "env" => self.start_env(kernel),
            "timeout" => self.start_timeout(kernel),
            "watch" => self.start_watch(kernel),
            "time" => {
                let command = self.args.get(1..).unwrap_or_default().to_vec();
                self.child(kernel, &command, None, Signal::Term)
            }
            _ => {
                let command: Vec<String> = self
                    .args
                    .iter()
                    .skip(1)
                    .skip_while(|word| word.starts_with('-') || (self.name == "nice" && word.parse::<i32>().is_ok()))
                    .cloned()
                    .collect();
                if command.is_empty() {
                    return self.refuse(kernel, &format!("{}: missing operand\n", self.name), 125);
                }
                let name = command.first().cloned().unwrap_or_default();
                if self.name == "nohup" {
                    kernel.set_disposition(Signal::Hup, Some(crate::shell::process::Disposition::Ignore));
                }
                let env = kernel.env_map();
                kernel.exec_command(&command, env).unwrap_or_else(|errno| self.cannot(kernel, &name, errno))
            }
        }
    }

    fn start_env(&mut self, kernel: &mut Kernel) -> Step {
        let mut env = kernel.env_map().as_ref().clone();
        let mut words = self.args.iter().skip(1).peekable();
        while let Some(word) = words.peek() {
            match word.as_str() {
                "-i" | "-" | "--ignore-environment" => env.clear(),
                "-u" => {
                    words.next();
                    if let Some(name) = words.peek() {
                        env.remove(*name);
                    }
                }
                "--" => {}
                word => match word.split_once('=') {
                    Some((name, value)) => drop(env.insert(name.to_owned(), value.to_owned())),
                    None => break,
                },
            }
            words.next();
        }
        let command: Vec<String> = words.cloned().collect();
        let Some(name) = command.first().cloned() else {
            let text: String = env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            let _ = kernel.write(1, text.as_bytes());
            return Step::Exit(0);
        };
        kernel.exec_command(&command, Arc::new(env)).unwrap_or_else(|errno| self.cannot(kernel, &name, errno))
    }

    fn start_timeout(&mut self, kernel: &mut Kernel) -> Step {
        let options = match parse_until(&self.args, "v", "sk", true) {
            Ok(options) => options,
            Err(Bad(what)) => {
                let text = message("timeout", &what, kernel.flavour());
                return self.refuse(kernel, &text, 125);
            }
        };
        let signal = options.value('s').and_then(builtins::trap::signal).unwrap_or(Signal::Term);
        let [limit, command @ ..] = options.words.as_slice() else {
            return self.refuse(kernel, "timeout: missing operand\nTry 'timeout --help' for more information.\n", 125);
        };
        let Some(lasts) = duration(limit) else {
            let text = if kernel.flavour() == Flavour::Gnu {
                format!("timeout: invalid time interval ‘{limit}’\nTry 'timeout --help' for more information.\n")
            } else {
                format!("timeout: invalid number '{limit}'\n")
            };
            return self.refuse(kernel, &text, if kernel.flavour() == Flavour::Gnu { 125 } else { 1 });
        };
        if command.is_empty() {
            return self.refuse(kernel, "timeout: missing operand\nTry 'timeout --help' for more information.\n", 125);
        }
        let until = (lasts > Duration::ZERO).then(|| kernel.now() + lasts);
        let command = command.to_vec();
        self.child(kernel, &command, until, signal)
    }

    fn start_watch(&mut self, kernel: &mut Kernel) -> Step {
        let options = match parse_until(&self.args, "tdcegpx", "n", true) {
            Ok(options) => options,
            Err(Bad(what)) => {
                let text = message("watch", &what, kernel.flavour());
                return self.refuse(kernel, &text, 1);
            }
        };
        if options.words.is_empty() {
            return self.refuse(kernel, "watch: no command given\n", 1);
        }
        let every = options.value('n').unwrap_or("2").to_owned();
        let line = options.words.join(" ");
        let title = format!(
            "Every {:.1}s: {line}   {}\n\n",
            duration(&every).unwrap_or_default().as_secs_f64(),
            strftime("%a %b %e %H:%M:%S %Y", kernel.now()).unwrap_or_default()
        );
        let _ = kernel.write(1, format!("\x1b[H\x1b[2J{title}").as_bytes());
        self.child(kernel, &["sh".to_owned(), "-c".to_owned(), line], None, Signal::Term)
    }

    fn child(&mut self, kernel: &mut Kernel, command: &[String], until: Option<Time>, signal: Signal) -> Step {
        let env = kernel.env_map();
        match kernel.spawn_command(command, env) {
            Ok(pid) => {
                if self.name == "timeout" {
                    kernel.set_disposition(Signal::Term, Some(crate::shell::process::Disposition::Catch));
                }
                self.state = WrapperState::Child { pid, until, signal, killed: false, started: kernel.now() };
                Step::Wait(Wait { until, child: Some(pid), ..Wait::default() })
            }
            Err(errno) => {
                let name = command.first().cloned().unwrap_or_default();
                self.cannot(kernel, &name, errno)
            }
        }
    }
}

impl Task for Wrapper {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        match self.state.clone() {
            WrapperState::Start => self.start(kernel),
            WrapperState::Pause { until } if kernel.now() < until => {
                Step::Wait(Wait { until: Some(until), ..Wait::default() })
            }
            WrapperState::Pause { .. } => self.start(kernel),
            WrapperState::Child { pid, until, signal, killed, started } => {
                if kernel.next_signal().is_some() {
                    let _ = kernel.kill(i64::from(pid), Some(signal));
                }
                if let Some(status) = kernel.reap(pid) {
                    if self.name == "watch" {
                        let every = parse_until(&self.args, "tdcegpx", "n", true)
                            .ok()
                            .and_then(|options| duration(options.value('n').unwrap_or("2")));
                        let until =
                            kernel.now() + every.unwrap_or(Duration::from_secs(2)).max(Duration::from_millis(100));
                        self.state = WrapperState::Pause { until };
                        return Step::Wait(Wait { until: Some(until), ..Wait::default() });
                    }
                    if self.name == "time" {
                        let took = kernel.now().since(started).as_secs_f64();
                        let minutes = (took / 60.0).floor();
                        let text =
                            format!("real\t{minutes}m {:.2}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n", took - minutes * 60.0);
                        let _ = kernel.write(2, text.as_bytes());
                    }
                    // busybox's timeout gives the status of the command as the signal left it.
                    let expired = if kernel.flavour() == Flavour::Busybox { 143 } else { 124 };
                    return Step::Exit(if killed { expired } else { status.code() });
                }
                if !killed && until.is_some_and(|until| until <= kernel.now()) {
                    let _ = kernel.kill(i64::from(pid), Some(signal));
                    self.state = WrapperState::Child { pid, until: None, signal, killed: true, started };
                    return Step::Wait(Wait { child: Some(pid), ..Wait::default() });
                }
                Step::Wait(Wait { until, child: Some(pid), ..Wait::default() })
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

fn wrapper(name: &'static str, args: &[String]) -> Box<dyn Task> {
    Box::new(Wrapper { name, args: args.to_vec(), state: WrapperState::Start })
}
pub fn env(args: &[String]) -> Box<dyn Task> {
    wrapper("env", args)
}
pub fn timeout(args: &[String]) -> Box<dyn Task> {
    wrapper("timeout", args)
}
pub fn nohup(args: &[String]) -> Box<dyn Task> {
    wrapper("nohup", args)
}
pub fn nice(args: &[String]) -> Box<dyn Task> {
    wrapper("nice", args)
}
pub fn sudo(args: &[String]) -> Box<dyn Task> {
    wrapper("sudo", args)
}
pub fn time(args: &[String]) -> Box<dyn Task> {
    wrapper("time", args)
}
pub fn watch(args: &[String]) -> Box<dyn Task> {
    wrapper("watch", args)
}

#[derive(Clone, Debug)]
struct Xargs {
    command: Vec<String>,
    each: usize,
    replace: Option<String>,
    zero: bool,
    trace: bool,
    no_empty: bool,
    input: Vec<u8>,
    batches: Option<VecDeque<Vec<String>>>,
    child: Option<Pid>,
    status: i32,
}

impl Xargs {
    fn batches(&self) -> VecDeque<Vec<String>> {
        let text = String::from_utf8_lossy(&self.input).into_owned();
        if let Some(mark) = &self.replace {
            return text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(|line| self.command.iter().map(|word| word.replace(mark.as_str(), line)).collect())
                .collect();
        }
        let items: Vec<String> = if self.zero {
            text.split('\0').filter(|item| !item.is_empty()).map(str::to_owned).collect()
        } else {
            words(&text)
        };
        if items.is_empty() {
            return if self.no_empty { VecDeque::new() } else { VecDeque::from([self.command.clone()]) };
        }
        items.chunks(self.each.max(1)).map(|chunk| self.command.iter().chain(chunk).cloned().collect()).collect()
    }
}

fn words(text: &str) -> Vec<String> {
    let (mut list, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(sign), c) if c == sign => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                open = true;
            }
            (None, '\\') => word.extend(chars.next()),
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() || open {
                    list.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (None, c) => word.push(c),
        }
    }
    if !word.is_empty() || open {
        list.push(word);
    }
    list
}

impl Task for Xargs {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        while self.batches.is_none() {
            match kernel.read(0, 16 << 10) {
                Ok(Read::Data(data)) if self.input.len() < 4 << 20 => self.input.extend(data),
                Ok(Read::WouldBlock) => return readable(0),
                _ => self.batches = Some(self.batches()),
            }
        }
        loop {
            if let Some(pid) = self.child {
                let Some(status) = kernel.reap(pid) else {
                    return Step::Wait(Wait { child: Some(pid), ..Wait::default() });
                };
                self.child = None;
                match status.code() {
                    0 => {}
                    255 => return Step::Exit(124),
                    _ => self.status = 123,
                }
            }
            let Some(command) = self.batches.as_mut().and_then(VecDeque::pop_front) else {
                return Step::Exit(self.status);
            };
            if self.trace {
                let _ = kernel.write(2, format!("{}\n", command.join(" ")).as_bytes());
            }
            let env = kernel.env_map();
            match kernel.spawn_command(&command, env) {
                Ok(pid) => self.child = Some(pid),
                Err(errno) => {
                    let text = format!("xargs: {}: {}\n", command.first().map_or("", String::as_str), errno.message());
                    let _ = kernel.write(2, text.as_bytes());
                    return Step::Exit(if errno == Errno::Enoent { 127 } else { 126 });
                }
            }
            if !kernel.tick(1) {
                return Step::Yield;
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

pub fn xargs(args: &[String]) -> Box<dyn Task> {
    let options = match parse_until(args, "0rtpx", "nIPLsdE", true) {
        Ok(options) => options,
        Err(bad) => return bad.task("xargs"),
    };
    let command = if options.words.is_empty() { vec!["echo".to_owned()] } else { options.words.clone() };
    let each = options.value('n').or_else(|| options.value('L')).and_then(|text| text.parse().ok()).unwrap_or(5_000);
    Box::new(Xargs {
        command,
        each,
        replace: options.value('I').map(str::to_owned),
        zero: options.has('0'),
        trace: options.has('t'),
        no_empty: options.has('r'),
        input: Vec::new(),
        batches: None,
        child: None,
        status: 0,
    })
}
