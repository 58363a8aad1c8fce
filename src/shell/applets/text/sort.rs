//! `sort` and `uniq`: lines in order, and lines that repeat.

use super::{HELD, put_line};
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::shell::task::Task;

#[derive(Clone, Debug, Default)]
pub(super) struct Sort {
    lines: Vec<String>,
    size: usize,
    reverse: bool,
    numeric: bool,
    human: bool,
    version: bool,
    unique: bool,
    fold: bool,
    blanks: bool,
    separator: Option<char>,
    keys: Vec<(usize, usize, String)>,
    output: Option<String>,
}

impl Sort {
    fn part<'a>(&self, line: &'a str, from: usize, to: usize) -> &'a str {
        let mut bounds: Vec<(usize, usize)> = Vec::new();
        match self.separator {
            Some(separator) => {
                let mut at = 0;
                for piece in line.split(separator) {
                    bounds.push((at, at + piece.len()));
                    at += piece.len() + separator.len_utf8();
                }
            }
            None => {
                let (mut start, mut in_field) = (0, false);
                for (at, c) in line.char_indices() {
                    if c.is_whitespace() && in_field {
                        bounds.push((start, at));
                        start = at;
                        in_field = false;
                    } else if !c.is_whitespace() {
                        in_field = true;
                    }
                }
                bounds.push((start, line.len()));
            }
        }
        let start = bounds.get(from.saturating_sub(1)).map_or(line.len(), |bound| bound.0);
        let end = if to == 0 { line.len() } else { bounds.get(to - 1).map_or(line.len(), |bound| bound.1) };
        line.get(start..end.max(start)).unwrap_or_default()
    }

    fn compare_part(&self, a: &str, b: &str, flags: &str) -> std::cmp::Ordering {
        let number = |text: &str| -> f64 {
            let text = text.trim_start();
            let length = text
                .char_indices()
                .take_while(|(at, c)| c.is_ascii_digit() || *c == '.' || (*at == 0 && *c == '-'))
                .count();
            let value: f64 = text.get(..length).unwrap_or_default().parse().unwrap_or(0.0);
            let scale = match text.chars().nth(length) {
                Some('K' | 'k') if self.human => 1e3,
                Some('M') if self.human => 1e6,
                Some('G') if self.human => 1e9,
                _ => 1.0,
            };
            value * scale
        };
        if self.numeric || self.human || flags.contains('n') {
            return number(a).total_cmp(&number(b));
        }
        if self.version || flags.contains('V') {
            return version_compare(a, b);
        }
        let trimmed = self.blanks || flags.contains('b');
        let (a, b) = if trimmed { (a.trim_start(), b.trim_start()) } else { (a, b) };
        if self.fold || flags.contains('f') {
            return a.to_uppercase().cmp(&b.to_uppercase());
        }
        a.cmp(b)
    }

    fn compare(&self, a: &str, b: &str) -> std::cmp::Ordering {
        for (from, to, flags) in &self.keys {
            let mut order = self.compare_part(self.part(a, *from, *to), self.part(b, *from, *to), flags);
            if flags.contains('r') {
                order = order.reverse();
            }
            if order.is_ne() {
                return if self.reverse { order.reverse() } else { order };
            }
        }
        let order = if self.keys.is_empty() { self.compare_part(a, b, "") } else { std::cmp::Ordering::Equal };
        if self.reverse { order.reverse() } else { order }
    }
}

impl Filter for Sort {
    fn line(&mut self, line: &[u8], _: LineEnd, out: &mut Out) -> bool {
        self.size += line.len();
        if self.size > HELD {
            out.err("sort: out of memory\n");
            return false;
        }
        self.lines.push(String::from_utf8_lossy(line).into_owned());
        true
    }
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if failed {
            return 2;
        }
        let mut lines = std::mem::take(&mut self.lines);
        kernel.tick(lines.len() as u64 / 4);
        lines.sort_by(|a, b| {
            self.compare(a, b).then_with(|| {
                if self.unique {
                    std::cmp::Ordering::Equal
                } else if self.reverse {
                    b.cmp(a)
                } else {
                    a.cmp(b)
                }
            })
        });
        if self.unique {
            lines.dedup_by(|a, b| self.compare(a, b).is_eq());
        }
        let mut text = lines.join("\n");
        if !lines.is_empty() {
            text.push('\n');
        }
        match &self.output {
            Some(file) => match kernel.write_file(file, text.as_bytes()) {
                Ok(()) => 0,
                Err(errno) => {
                    out.err(&format!("sort: open failed: {file}: {}\n", errno.message()));
                    2
                }
            },
            None => {
                out.out(&text);
                0
            }
        }
    }
    fn name(&self) -> &'static str {
        "sort"
    }
    fn memory(&self) -> u64 {
        self.size as u64
    }
}

pub(super) fn version_compare(a: &str, b: &str) -> std::cmp::Ordering {
    let pieces = |text: &str| -> Vec<(u64, String)> {
        let mut list = Vec::new();
        let mut word = String::new();
        let mut digits = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_digit() {
                digits.push(c);
            } else {
                if !digits.is_empty() {
                    list.push((digits.parse().unwrap_or(u64::MAX), std::mem::take(&mut word)));
                    digits.clear();
                }
                word.push(c);
            }
        }
        list.push((0, word));
        list
    };
    let (a, b) = (pieces(a), pieces(b));
    a.iter().map(|(n, w)| (w, n)).cmp(b.iter().map(|(n, w)| (w, n)))
}

pub fn sort(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "rnuhVfbdisgM", "ktoS") {
        Ok(options) => options,
        Err(bad) => return bad.task("sort"),
    };
    let key = |text: &str| {
        let (from, to) = text.split_once(',').unwrap_or((text, ""));
        let number =
            |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        let flags: String = text.chars().filter(|c| c.is_ascii_alphabetic()).collect();
        (number(from), number(to), flags)
    };
    let sort = Sort {
        reverse: options.has('r'),
        numeric: options.has('n') || options.has('g'),
        human: options.has('h'),
        version: options.has('V'),
        unique: options.has('u'),
        fold: options.has('f'),
        blanks: options.has('b'),
        separator: options.value('t').and_then(|text| text.chars().next()),
        keys: options.values('k').map(key).collect(),
        output: options.value('o').map(str::to_owned),
        ..Sort::default()
    };
    filtering(sort, &options.words)
}

#[derive(Clone, Debug, Default)]
pub(super) struct Uniq {
    count: bool,
    repeated: bool,
    unique: bool,
    fold: bool,
    skip: usize,
    last: Option<(Vec<u8>, u64)>,
}

impl Uniq {
    fn flush(&mut self, kernel: Option<Flavour>, out: &mut Out) {
        let Some((line, times)) = self.last.take() else { return };
        if (self.repeated && times < 2) || (self.unique && times > 1) {
            return;
        }
        if self.count {
            let _ = kernel;
            out.out(&format!("{times:7} "));
        }
        put_line(out, &line, true);
    }
    fn key(&self, line: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.as_ref();
        for _ in 0..self.skip {
            rest = rest.trim_start();
            rest = rest.find(char::is_whitespace).and_then(|at| rest.get(at..)).unwrap_or_default();
        }
        if self.fold { rest.to_lowercase().into_bytes() } else { rest.as_bytes().to_vec() }
    }
}

impl Filter for Uniq {
    fn line(&mut self, line: &[u8], _: LineEnd, out: &mut Out) -> bool {
        let same = self.last.as_ref().is_some_and(|(last, _)| self.key(last) == self.key(line));
        match &mut self.last {
            Some((_, times)) if same => *times += 1,
            _ => {
                self.flush(None, out);
                self.last = Some((line.to_vec(), 1));
            }
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        self.flush(None, out);
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "uniq"
    }
}

pub fn uniq(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "cdui", "fsw") {
        Ok(options) => options,
        Err(bad) => return bad.task("uniq"),
    };
    let skip = options.value('f').and_then(|text| text.parse().ok()).unwrap_or(0);
    let uniq = Uniq {
        count: options.has('c'),
        repeated: options.has('d'),
        unique: options.has('u'),
        fold: options.has('i'),
        skip,
        last: None,
    };
    filtering(uniq, options.words.get(..1.min(options.words.len())).unwrap_or_default())
}
