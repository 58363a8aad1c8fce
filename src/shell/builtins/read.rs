//! `read`, and the reading of a script from standard input.

use std::time::Duration;

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::{Kernel, readable};
use crate::shell::machine::Dialect;
use crate::shell::parser::is_name;
use crate::shell::program::{Fd, Read, Step, System, Wait};
use crate::shell::shell::{Frame, Shell};
use crate::sim::Time;

/// A `read` under way.
#[derive(Clone, Debug)]
pub(in crate::shell) struct Reading {
    names: Vec<String>,
    raw: bool,
    end: u8,
    count: Option<usize>,
    until: Option<Time>,
    fd: Fd,
    bytes: Vec<u8>,
    escaped: Vec<usize>,
    script: Option<bool>,
}

impl Reading {
    /// Reads commands from standard input; `prompts` when that is a terminal.
    pub(in crate::shell) fn script(prompts: bool) -> Self {
        Self {
            names: Vec::new(),
            raw: true,
            end: b'\n',
            count: None,
            until: None,
            fd: 0,
            bytes: Vec::new(),
            escaped: Vec::new(),
            script: Some(prompts),
        }
    }
    /// Whether it reads commands.
    pub(in crate::shell) fn is_script(&self) -> bool {
        self.script.is_some()
    }
}

pub(in crate::shell) fn run(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut reading = Reading { script: None, raw: false, ..Reading::script(false) };
    let mut rest = words.iter().skip(1).peekable();
    while let Some(word) = rest.next_if(|word| word.starts_with('-') && word.len() > 1) {
        if word == "--" {
            break;
        }
        let letters: Vec<char> = word.chars().skip(1).collect();
        for (index, letter) in letters.iter().enumerate() {
            let attached: String = letters.iter().skip(index + 1).collect();
            let mut argument =
                || if attached.is_empty() { rest.next().cloned().unwrap_or_default() } else { attached.clone() };
            match letter {
                'r' => {
                    reading.raw = true;
                    continue;
                }
                's' | 'e' => continue,
                'p' => {
                    let prompt = argument();
                    if kernel.is_terminal(0) {
                        out.err(&prompt);
                    }
                }
                'n' | 'N' => reading.count = argument().parse().ok(),
                'd' => reading.end = argument().bytes().next().unwrap_or(0),
                't' => {
                    let seconds: f64 = argument().parse().unwrap_or(0.0);
                    reading.until = Some(kernel.now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
                }
                'u' => reading.fd = argument().parse().unwrap_or(0),
                letter => {
                    let text = if shell.dialect == Dialect::Bash {
                        format!("-{letter}: invalid option")
                    } else {
                        format!("Illegal option -{letter}")
                    };
                    out.err(&shell.builtin_complaint("read", &text));
                    return After::Status(2);
                }
            }
            break;
        }
    }
    reading.names = rest.cloned().collect();
    if let Some(bad) = reading.names.iter().find(|name| !is_name(name)) {
        let text = if shell.dialect == Dialect::Bash {
            format!("`{bad}': not a valid identifier")
        } else {
            format!("{bad}: bad variable name")
        };
        out.err(&shell.builtin_complaint("read", &text));
        return After::Status(if shell.dialect == Dialect::Bash { 1 } else { 2 });
    }
    if reading.names.is_empty() {
        if shell.dialect == Dialect::Dash {
            out.err(&shell.builtin_complaint("read", "arg count"));
            return After::Status(2);
        }
        reading.names.push("REPLY".into());
    }
    After::Frame(Frame::Read(Box::new(reading)))
}

/// Goes on reading: a step to wait for, or `None` when the frame is done (or pushed again).
pub(in crate::shell) fn advance(shell: &mut Shell, kernel: &mut Kernel, mut reading: Box<Reading>) -> Option<Step> {
    if reading.is_script() && reading.bytes.is_empty() && reading.script == Some(true) {
        let prompt = shell.prompt(kernel.hostname(), &kernel.cwd(), kernel.user().0);
        let _ = kernel.write(2, prompt.as_bytes());
        reading.script = Some(true);
    }
    // What can be gone back in is read in blocks.
    let block = if kernel.can_seek(reading.fd) { 4096 } else { 1 };
    loop {
        if reading.count.is_some_and(|count| reading.bytes.len() >= count) {
            finish(shell, &reading, true);
            return None;
        }
        match kernel.read(reading.fd, block) {
            Ok(Read::Data(data)) => {
                kernel.tick(1);
                let mut used = 0;
                let mut complete = false;
                for byte in &data {
                    used += 1;
                    if take(&mut reading, *byte) {
                        complete = true;
                        break;
                    }
                    if reading.count.is_some_and(|count| reading.bytes.len() >= count) || reading.bytes.len() > 1 << 20
                    {
                        complete = true;
                        break;
                    }
                }
                kernel.unread(reading.fd, data.len() - used);
                if complete {
                    return end(shell, reading, true);
                }
            }
            Ok(Read::WouldBlock) => {
                if reading.until.is_some_and(|until| until <= kernel.now()) {
                    finish(shell, &reading, false);
                    shell.status = if shell.dialect == Dialect::Bash { 142 } else { 1 };
                    return None;
                }
                let (until, fd) = (reading.until, reading.fd);
                shell.frames.push(Frame::Read(reading));
                return Some(match until {
                    Some(_) => Step::Wait(Wait { until, readable: Some(fd), ..Wait::default() }),
                    None => readable(fd),
                });
            }
            Ok(Read::Eof) | Err(_) => return end(shell, reading, false),
        }
    }
}

fn end(shell: &mut Shell, mut reading: Box<Reading>, complete: bool) -> Option<Step> {
    let Some(prompts) = reading.script else {
        finish(shell, &reading, complete);
        return None;
    };
    let text = String::from_utf8_lossy(&reading.bytes).into_owned();
    if !complete && text.is_empty() {
        if shell.interactive {
            let status = shell.status;
            shell.exit(status);
        }
        return None;
    }
    if complete {
        reading.bytes.push(b'\n');
        if shell.is_incomplete(&format!("{text}\n")) {
            reading.script = Some(false);
            shell.frames.push(Frame::Read(reading));
            return None;
        }
        shell.frames.push(Frame::Read(Box::new(Reading {
            script: Some(shell.interactive || prompts),
            ..Reading::script(prompts)
        })));
    }
    shell.push_source(&text);
    None
}

/// Takes a byte; whether it ended the line.
fn take(reading: &mut Reading, byte: u8) -> bool {
    let after_backslash = !reading.raw
        && reading.bytes.last() == Some(&b'\\')
        && reading.escaped.last() != Some(&(reading.bytes.len() - 1));
    if after_backslash {
        reading.bytes.pop();
        if byte != b'\n' {
            reading.escaped.push(reading.bytes.len());
            reading.bytes.push(byte);
        }
        return false;
    }
    if byte == reading.end {
        return true;
    }
    reading.bytes.push(byte);
    false
}

/// Sets the variables and `$?`.
fn finish(shell: &mut Shell, reading: &Reading, complete: bool) {
    let ifs = shell.get("IFS").unwrap_or_else(|| " \t\n".into());
    let text = String::from_utf8_lossy(&reading.bytes).replace('\0', "");
    let mut chars: Vec<(char, bool)> = text.char_indices().map(|(at, c)| (c, reading.escaped.contains(&at))).collect();
    let white = |c: &(char, bool)| !c.1 && ifs.contains(c.0) && " \t\n".contains(c.0);
    let separator = |c: &(char, bool)| !c.1 && ifs.contains(c.0);
    let alone = reading.names.len() == 1
        && reading.names.first().is_some_and(|name| name == "REPLY")
        && shell.dialect == Dialect::Bash;
    for (index, name) in reading.names.iter().enumerate() {
        if alone {
            shell.set(name, &text);
            break;
        }
        let start = chars.iter().take_while(|c| white(c)).count();
        chars.drain(..start);
        let last = index + 1 == reading.names.len();
        let field: String = if last {
            while chars.last().is_some_and(white) {
                chars.pop();
            }
            let mut rest = std::mem::take(&mut chars);
            // One separator at the very end belongs to the only field.
            if rest.last().is_some_and(separator) && rest.iter().filter(|c| separator(c)).count() == 1 {
                rest.pop();
            }
            rest.into_iter().map(|(c, _)| c).collect()
        } else {
            let length = chars.iter().take_while(|c| !separator(c)).count();
            let field: String = chars.drain(..length).map(|(c, _)| c).collect();
            let blanks = chars.iter().take_while(|c| white(c)).count();
            chars.drain(..blanks);
            if blanks == 0 && chars.first().is_some_and(separator)
                || chars.first().is_some_and(|c| separator(c) && !white(c))
            {
                chars.drain(..1);
            }
            field
        };
        shell.set(name, &field);
    }
    let status = i32::from(!complete);
    shell.finish(status);
}
