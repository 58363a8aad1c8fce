//! `head` and `tail`: the beginning and the end of what comes, and what is added later.

use std::collections::VecDeque;

use super::{HELD, put_line};
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering, once};
use crate::shell::applets::options::parse;
use crate::shell::kernel::{Kernel, OpenMode};
use crate::shell::process::Flavour;
use crate::shell::program::{Fd, Read, Step, System, Wait};
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Head<const BYTES: bool> {
    lines: i64,
    bytes: Option<usize>,
    bytes_left: usize,
    left: i64,
    many: bool,
    files: u32,
    held: VecDeque<Vec<u8>>,
}

impl<const BYTES: bool> Filter for Head<BYTES> {
    const BYTES: bool = BYTES;
    fn begin(&mut self, file: &str, out: &mut Out) {
        self.left = self.lines;
        self.bytes_left = self.bytes.unwrap_or_default();
        if self.many {
            let gap = if self.files > 0 { "\n" } else { "" };
            out.out(&format!("{gap}==> {} <==\n", if file == "-" { "standard input" } else { file }));
        }
        self.files += 1;
    }
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool {
        if BYTES {
            let taken = line.get(..self.bytes_left).unwrap_or(line);
            out.put(1, taken);
            self.bytes_left -= taken.len();
            return self.bytes_left > 0 || self.many;
        }
        if self.lines < 0 {
            let mut all = line.to_vec();
            if end.newline {
                all.push(b'\n');
            }
            self.held.push_back(all);
            if self.held.len() as i64 > -self.lines
                && let Some(first) = self.held.pop_front()
            {
                out.put(1, &first);
            }
            return true;
        }
        if self.left <= 0 {
            return self.many;
        }
        self.left -= 1;
        put_line(out, line, end.newline);
        self.left > 0 || self.many
    }
    fn start(&mut self, _: &mut Kernel, _: &mut Out) -> Option<i32> {
        (if BYTES { self.bytes == Some(0) } else { self.lines == 0 }).then_some(0)
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "head"
    }
}

/// `-5` for `-n 5`.
pub(super) fn old_count(args: &[String]) -> Vec<String> {
    args.iter()
        .enumerate()
        .flat_map(|(index, arg)| match arg.strip_prefix('-') {
            Some(digits)
                if index > 0
                    && !args.get(index - 1).is_some_and(|before| before == "-n" || before == "-c")
                    && !digits.is_empty()
                    && digits.chars().all(|c| c.is_ascii_digit()) =>
            {
                vec!["-n".to_owned(), digits.to_owned()]
            }
            _ => vec![arg.clone()],
        })
        .collect()
}

pub fn head(args: &[String]) -> Box<dyn Task> {
    let options = match parse(&old_count(args), "qv", "nc") {
        Ok(options) => options,
        Err(bad) => return bad.task("head"),
    };
    let text = options.value('n').unwrap_or("10").to_owned();
    let Ok(lines) = text.parse::<i64>() else { return invalid_count("head", &text, "lines") };
    let bytes = options.value('c').and_then(|text| text.parse().ok());
    let many = (options.words.len() > 1 || options.has('v')) && !options.has('q');
    let (words, held) = (&options.words, VecDeque::new());
    match bytes {
        Some(_) => filtering(Head::<true> { lines, bytes, bytes_left: 0, left: lines, many, files: 0, held }, words),
        None => filtering(Head::<false> { lines, bytes, bytes_left: 0, left: lines, many, files: 0, held }, words),
    }
}

pub(super) fn invalid_count(name: &str, text: &str, what: &str) -> Box<dyn Task> {
    once(&[name.to_owned(), text.to_owned(), what.to_owned()], |args, kernel, out| {
        let (name, text, what) = (
            args.first().map_or("", String::as_str),
            args.get(1).map_or("", String::as_str),
            args.get(2).map_or("", String::as_str),
        );
        out.err(&match kernel.flavour() {
            Flavour::Gnu => format!("{name}: invalid number of {what}: ‘{text}’\n"),
            Flavour::Busybox => format!("{name}: invalid number '{text}'\n"),
        });
        1
    })
}

#[derive(Clone, Debug)]
pub(super) struct Tail {
    lines: usize,
    from: Option<u64>,
    bytes: bool,
    seen: u64,
    held: VecDeque<Vec<u8>>,
    size: usize,
    many: bool,
    files: u32,
}

impl Filter for Tail {
    fn begin(&mut self, file: &str, out: &mut Out) {
        self.seen = 0;
        if self.many {
            let gap = if self.files > 0 { "\n" } else { "" };
            out.out(&format!("{gap}==> {} <==\n", if file == "-" { "standard input" } else { file }));
        }
        self.files += 1;
    }
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool {
        let mut all = line.to_vec();
        if end.newline {
            all.push(b'\n');
        }
        self.seen += 1;
        if let Some(from) = self.from {
            if self.seen >= from {
                out.put(1, &all);
            }
            return true;
        }
        if self.bytes {
            for byte in all {
                self.held.push_back(vec![byte]);
            }
            while self.held.len() > self.lines {
                self.held.pop_front();
            }
            return true;
        }
        self.size += all.len();
        self.held.push_back(all);
        while self.held.len() > self.lines || self.size > HELD {
            self.size -= self.held.pop_front().map_or(0, |line| line.len());
        }
        true
    }
    fn end(&mut self, _: &mut Kernel, out: &mut Out) -> bool {
        for line in self.held.drain(..) {
            out.put(1, &line);
        }
        self.size = 0;
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "tail"
    }
}

pub fn tail(args: &[String]) -> Box<dyn Task> {
    let options = match parse(&old_count(args), "fFqv", "ncs") {
        Ok(options) => options,
        Err(bad) => return bad.task("tail"),
    };
    let text = options.value('c').or_else(|| options.value('n')).unwrap_or("10").to_owned();
    let number: Option<u64> = text.trim_start_matches(['+', '-']).parse().ok();
    let Some(number) = number else { return invalid_count("tail", &text, "lines") };
    let from = text.starts_with('+').then_some(number.max(1));
    let many = (options.words.len() > 1 || options.has('v')) && !options.has('q');
    let lines = usize::try_from(number).unwrap_or(usize::MAX);
    let tail = Tail { lines, from, bytes: options.has('c'), seen: 0, held: VecDeque::new(), size: 0, many, files: 0 };
    let files = if options.words.is_empty() { vec!["-".to_owned()] } else { options.words.clone() };
    let first = filtering(tail, &files);
    if !(options.has('f') || options.has('F')) || files.iter().all(|file| file == "-") {
        return first;
    }
    Box::new(Follow { first: Some(first), files, open: None, out: Out::default() })
}

/// `tail -f`: the end of the files, then what is added to the last of them, looked for every second.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    first: Option<Box<dyn Task>>,
    files: Vec<String>,
    open: Option<(Fd, u64)>,
    out: Out,
}

impl Task for Follow {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        if let Some(first) = &mut self.first {
            match first.resume(kernel) {
                Step::Exit(_) => self.first = None,
                step => return step,
            }
            let Some(file) = self.files.last() else { return Step::Exit(1) };
            let size = kernel.file_info(file).map_or(0, |info| info.size);
            match kernel.open(file, OpenMode::Read) {
                Ok(fd) => {
                    let mut left = size;
                    while left > 0 {
                        match kernel.read(fd, usize::try_from(left).unwrap_or(4096).min(1 << 20)) {
                            Ok(Read::Data(data)) => left = left.saturating_sub(data.len() as u64),
                            _ => break,
                        }
                    }
                    self.open = Some((fd, size));
                }
                Err(_) => return Step::Exit(1),
            }
        }
        let Some((fd, size)) = self.open else { return Step::Exit(1) };
        if let Ok(Read::Data(data)) = kernel.read(fd, 64 << 10) {
            self.open = Some((fd, size + data.len() as u64));
            self.out.put(1, &data);
        }
        if let Some(step) = self.out.flush(kernel) {
            return step;
        }
        if self.out.broken {
            return Step::Exit(1);
        }
        let until = kernel.now() + std::time::Duration::from_secs(1);
        Step::Wait(Wait { until: Some(until), ..Wait::default() })
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
