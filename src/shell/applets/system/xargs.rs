//! `xargs`: words of the input as arguments.

use std::collections::VecDeque;

use crate::shell::applets::options::parse_until;
use crate::shell::kernel::{Kernel, readable};
use crate::shell::program::{Errno, Pid, Read, Step, System, Wait};
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Xargs {
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

pub(super) fn words(text: &str) -> Vec<String> {
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
