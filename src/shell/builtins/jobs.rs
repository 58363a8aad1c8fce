//! `jobs`, `wait`, `fg`, `bg`, `disown`, `kill`.

use super::{After, trap};
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::{Errno, Pid, Signal};
use crate::shell::shell::{Frame, Job, Shell};

/// The line of a job: `[1]+  Running                 sleep 5 &`.
pub(in crate::shell) fn describe(job: &Job, last: usize, dialect: Dialect) -> String {
    let mark = if job.id == last {
        '+'
    } else if job.id + 1 == last {
        '-'
    } else {
        ' '
    };
    let state = match job.status {
        None => "Running".to_owned(),
        Some(0) => "Done".to_owned(),
        Some(143) => "Terminated".to_owned(),
        Some(137) => "Killed".to_owned(),
        Some(130) => "Interrupt".to_owned(),
        Some(code) if dialect == Dialect::Bash => format!("Exit {code}"),
        Some(code) => format!("Done({code})"),
    };
    let ampersand = if job.status.is_none() && dialect == Dialect::Bash { " &" } else { "" };
    let (gap, width) = if dialect == Dialect::Bash { ("  ", 24) } else { (" ", 27) };
    format!("[{}]{mark}{gap}{state:<width$}{}{ampersand}\n", job.id, job.text)
}

fn find(shell: &Shell, word: Option<&str>) -> Option<Pid> {
    let spec = match word {
        None | Some("%" | "%%" | "%+") => {
            return shell.jobs.iter().rev().find(|job| job.status.is_none()).map(|job| job.pid);
        }
        Some("%-") => return shell.jobs.iter().rev().nth(1).map(|job| job.pid),
        Some(word) => word,
    };
    match spec.strip_prefix('%') {
        Some(number) => match number.parse::<usize>() {
            Ok(id) => shell.jobs.iter().find(|job| job.id == id).map(|job| job.pid),
            Err(_) => shell.jobs.iter().find(|job| job.text.starts_with(number)).map(|job| job.pid),
        },
        None => spec.parse().ok(),
    }
}

fn no_job(shell: &Shell, builtin: &str, word: Option<&str>, out: &mut Out) -> After {
    let text = match (shell.dialect, word) {
        (Dialect::Bash, _) if !shell.interactive && builtin != "wait" => "no job control".to_owned(),
        (Dialect::Bash, None) => "current: no such job".to_owned(),
        (Dialect::Bash, Some(word)) => format!("{word}: no such job"),
        (_, None) => "No current job".to_owned(),
        (_, Some(word)) => format!("No such job: {word}"),
    };
    out.err(&shell.builtin_complaint(builtin, &text));
    After::Status(if shell.dialect == Dialect::Bash { 1 } else { 2 })
}

pub(in crate::shell) fn run(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    shell.poll_jobs(kernel);
    let only_pids = words.iter().any(|word| word == "-p");
    let last = shell.jobs.iter().map(|job| job.id).max().unwrap_or(0);
    for job in &shell.jobs {
        if only_pids {
            out.out(&format!("{}\n", job.pid));
        } else {
            out.out(&describe(job, last, shell.dialect));
        }
    }
    shell.jobs.retain(|job| job.status.is_none());
    After::Status(0)
}

pub(in crate::shell) fn wait(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    shell.poll_jobs(kernel);
    let rest: Vec<&String> = words.iter().skip(1).filter(|word| !word.starts_with('-')).collect();
    if rest.is_empty() {
        let pids = shell.jobs.iter().map(|job| job.pid).collect();
        return After::Frame(Frame::WaitJobs { pids, all: true });
    }
    let mut pids = Vec::new();
    for word in rest {
        match find(shell, Some(word)) {
            Some(pid) => pids.push(pid),
            None if word.starts_with('%') => return no_job(shell, "wait", Some(word), out),
            None => {
                let text = if shell.dialect == Dialect::Bash {
                    format!("`{word}': not a pid or valid job spec")
                } else {
                    format!("Illegal number: {word}")
                };
                out.err(&shell.builtin_complaint("wait", &text));
                return After::Status(if shell.dialect == Dialect::Bash { 1 } else { 2 });
            }
        }
    }
    shell.status = 0;
    After::Frame(Frame::WaitJobs { pids, all: false })
}

pub(in crate::shell) fn fg(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let word = words.get(1).map(String::as_str);
    let found = find(shell, word).and_then(|pid| shell.jobs.iter().find(|job| job.pid == pid).cloned());
    let Some(job) = found.filter(|_| shell.interactive) else { return no_job(shell, "fg", word, out) };
    out.out(&format!("{}\n", job.text));
    kernel.set_foreground(job.pid);
    After::Frame(Frame::Wait { pid: job.pid, text: Some(job.text) })
}

pub(in crate::shell) fn bg(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let word = words.get(1).map(String::as_str);
    match find(shell, word).and_then(|pid| shell.jobs.iter().find(|job| job.pid == pid)).filter(|_| shell.interactive) {
        Some(job) => {
            out.err(&shell.builtin_complaint("bg", &format!("job {} already in background", job.id)));
            After::Status(0)
        }
        None => no_job(shell, "bg", word, out),
    }
}

pub(in crate::shell) fn disown(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let word = words.get(1).map(String::as_str);
    match find(shell, word) {
        Some(pid) => {
            shell.jobs.retain(|job| job.pid != pid);
            After::Status(0)
        }
        None => no_job(shell, "disown", word, out),
    }
}

pub(in crate::shell) fn kill(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut targets: Vec<String> = words.iter().skip(1).cloned().collect();
    for target in &mut targets {
        if target.starts_with('%')
            && let Some(pid) = find(shell, Some(target))
        {
            *target = pid.to_string();
        }
    }
    let complaints = |text: &str| match shell.dialect {
        Dialect::Ash => shell.complaint(text),
        _ => shell.builtin_complaint("kill", text),
    };
    After::Status(send(kernel, &targets, shell.dialect, &complaints, out))
}

/// The work of `kill`, which is also a program.
pub fn send(
    kernel: &mut Kernel,
    words: &[String],
    dialect: Dialect,
    complain: &dyn Fn(&str) -> String,
    out: &mut Out,
) -> i32 {
    let mut signal = Some(Signal::Term);
    let mut words = words.iter().peekable();
    if let Some(flag) = words.next_if(|word| word.starts_with('-') && word.len() > 1) {
        let name = match flag.as_str() {
            "-l" | "-L" => {
                if let Some(wanted) = words.next() {
                    let number: i32 = wanted.parse().unwrap_or(0);
                    let found =
                        trap::signal(&(if number > 128 { number - 128 } else { number }).to_string()).map(trap::name);
                    out.out(&format!("{}\n", found.unwrap_or("EXIT")));
                    return 0;
                }
                for (number, name) in trap::list() {
                    out.out(&if dialect == Dialect::Bash {
                        format!("{number:2}) SIG{name}\n")
                    } else {
                        format!("{number:2}) {name}\n")
                    });
                }
                return 0;
            }
            "-s" | "-n" => words.next().cloned().unwrap_or_default(),
            "--" => "TERM".to_owned(),
            flag => flag.trim_start_matches('-').to_owned(),
        };
        signal = match name.as_str() {
            "0" => None,
            name => match trap::signal(name) {
                Some(signal) => Some(signal),
                None => {
                    out.err(&complain(&if dialect == Dialect::Bash {
                        format!("{name}: invalid signal specification")
                    } else {
                        format!("bad signal name '{name}'")
                    }));
                    return 1;
                }
            },
        };
    }
    if words.peek().is_none() {
        out.err(&complain(match dialect {
            Dialect::Bash => "usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]",
            Dialect::Dash => "Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or kill -l [exitstatus]",
            Dialect::Ash => "you need to specify whom to kill",
        }));
        return if dialect == Dialect::Ash { 1 } else { 2 };
    }
    let mut status = 0;
    for word in words {
        let result = word.parse::<i64>().map_err(|_| Errno::Einval).and_then(|pid| kernel.kill(pid, signal));
        if let Err(errno) = result {
            status = 1;
            let text = match (dialect, errno) {
                (Dialect::Bash, Errno::Einval) => format!("{word}: arguments must be process or job IDs"),
                (Dialect::Bash, errno) => format!("({word}) - {}", errno.message()),
                (Dialect::Dash, Errno::Einval) => format!("Illegal number: {word}"),
                (Dialect::Dash, errno) => errno.message().to_owned(),
                (Dialect::Ash, Errno::Einval) => format!("invalid number '{word}'"),
                (Dialect::Ash, errno) => format!("can't kill pid {word}: {}", errno.message()),
            };
            out.err(&complain(&text));
        }
    }
    status
}
