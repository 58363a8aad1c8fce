//! Filters of lines and bytes: cat, head, tail, wc, sort, uniq, cut, tr, tee, rev, tac, nl, base64 and checksums.

use std::collections::VecDeque;

use base64::Engine;
use sha2::{Digest, Sha256};

use super::driver::{Filter, LineEnd, Out, filtering, once};
use super::options::{Options, parse};
use crate::shell::kernel::{Kernel, OpenMode};
use crate::shell::pattern::named;
use crate::shell::process::Flavour;
use crate::shell::program::{Fd, Read, Step, System, Wait};
use crate::shell::task::Task;

/// Most bytes that a filter which needs all of its input may hold.
const HELD: usize = 16 << 20;

fn put_line(out: &mut Out, line: &[u8], newline: bool) {
    out.put(1, line);
    if newline {
        out.put(1, b"\n");
    }
}

#[derive(Clone, Debug)]
struct Cat {
    number: bool,
    nonblank: bool,
    ends: bool,
    count: u64,
}
impl Filter for Cat {
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool {
        if self.number && !(self.nonblank && line.is_empty()) {
            self.count += 1;
            out.out(&format!("{:6}\t", self.count));
        }
        out.put(1, line);
        if self.ends && end.newline {
            out.out("$");
        }
        put_line(out, &[], end.newline);
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "cat"
    }
}

#[derive(Clone, Debug)]
struct RawCat;
impl Filter for RawCat {
    const BYTES: bool = true;
    fn line(&mut self, bytes: &[u8], _: LineEnd, out: &mut Out) -> bool {
        out.put(1, bytes);
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "cat"
    }
}

pub fn cat(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "nbeEAvtTsu", "") {
        Ok(options) => options,
        Err(bad) => return bad.task("cat"),
    };
    let number = options.has('n') || options.has('b');
    let ends = options.has('e') || options.has('E') || options.has('A');
    if number || ends {
        return filtering(Cat { number, nonblank: options.has('b'), ends, count: 0 }, &options.words);
    }
    filtering(RawCat, &options.words)
}

#[derive(Clone, Debug)]
struct Head<const BYTES: bool> {
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
fn old_count(args: &[String]) -> Vec<String> {
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

fn invalid_count(name: &str, text: &str, what: &str) -> Box<dyn Task> {
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
struct Tail {
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
struct Follow {
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

#[derive(Clone, Debug)]
struct Count {
    show: Vec<char>,
    now: [u64; 5],
    total: [u64; 5],
    in_word: bool,
    files: u32,
    file: String,
    alone: bool,
    rows: Vec<([u64; 5], String)>,
}
impl Filter for Count {
    const BYTES: bool = true;
    fn begin(&mut self, file: &str, _: &mut Out) {
        self.now = [0; 5];
        self.in_word = false;
        self.files += 1;
        file.clone_into(&mut self.file);
    }
    fn line(&mut self, bytes: &[u8], _: LineEnd, _: &mut Out) -> bool {
        let [lines, words, characters, count, _] = &mut self.now;
        *count += bytes.len() as u64;
        for byte in bytes {
            *lines += u64::from(*byte == b'\n');
            *characters += u64::from(byte & 0xc0 != 0x80);
            let white = byte.is_ascii_whitespace();
            *words += u64::from(!white && !self.in_word);
            self.in_word = !white;
        }
        true
    }
    fn end(&mut self, _: &mut Kernel, _: &mut Out) -> bool {
        for (total, now) in self.total.iter_mut().zip(self.now) {
            *total += now;
        }
        self.rows.push((self.now, self.file.clone()));
        true
    }
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if self.files > 1 || self.rows.len() > 1 {
            self.rows.push((self.total, "total".into()));
        }
        let digits = self.rows.iter().flat_map(|(row, _)| row.iter()).max().map_or(1, |most| most.to_string().len());
        let one = self.show.len() == 1 && self.rows.len() == 1;
        for (row, name) in &self.rows {
            let columns = [('l', 0), ('w', 1), ('m', 2), ('c', 3)];
            let shown: Vec<String> = columns
                .iter()
                .filter(|(letter, _)| self.show.contains(letter))
                .filter_map(|(_, index)| row.get(*index))
                .map(|number| match kernel.flavour() {
                    Flavour::Gnu if one => number.to_string(),
                    Flavour::Gnu if self.alone => format!("{number:>7}"),
                    Flavour::Gnu => format!("{number:>digits$}"),
                    Flavour::Busybox if self.show.len() == 1 => number.to_string(),
                    Flavour::Busybox => format!("{number:>9}"),
                })
                .collect();
            let text = shown.join(" ");
            let name = if name == "-" && self.alone { String::new() } else { format!(" {name}") };
            out.out(&format!("{text}{name}\n"));
        }
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "wc"
    }
}

pub fn wc(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "lwcmL", "") {
        Ok(options) => options,
        Err(bad) => return bad.task("wc"),
    };
    let mut show: Vec<char> = "lwmc".chars().filter(|letter| options.has(*letter)).collect();
    if show.is_empty() {
        show = vec!['l', 'w', 'c'];
    }
    let alone = options.words.is_empty();
    filtering(
        Count {
            show,
            now: [0; 5],
            total: [0; 5],
            in_word: false,
            files: 0,
            file: String::new(),
            alone,
            rows: Vec::new(),
        },
        &options.words,
    )
}

#[derive(Clone, Debug, Default)]
struct Sort {
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

fn version_compare(a: &str, b: &str) -> std::cmp::Ordering {
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
struct Uniq {
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

#[derive(Clone, Debug)]
struct Cut {
    fields: bool,
    ranges: Vec<(usize, usize)>,
    delimiter: char,
    only: bool,
    output: String,
}
impl Filter for Cut {
    fn line(&mut self, line: &[u8], _: LineEnd, out: &mut Out) -> bool {
        let text = String::from_utf8_lossy(line);
        let wanted = |index: usize| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&(index + 1)));
        if self.fields {
            if !text.contains(self.delimiter) {
                if !self.only {
                    put_line(out, line, true);
                }
                return true;
            }
            let kept: Vec<&str> = text
                .split(self.delimiter)
                .enumerate()
                .filter(|(index, _)| wanted(*index))
                .map(|(_, part)| part)
                .collect();
            out.out(&format!("{}\n", kept.join(&self.output)));
        } else {
            let kept: String = text.chars().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, c)| c).collect();
            out.out(&format!("{kept}\n"));
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "cut"
    }
}

pub fn cut(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "sn", "dfcbO") {
        Ok(options) => options,
        Err(bad) => return bad.task("cut"),
    };
    let list = options.value('f').or_else(|| options.value('c')).or_else(|| options.value('b'));
    let Some(list) = list else {
        return once(args, |_, kernel, out| {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\n",
                Flavour::Busybox => "cut: expected a list of bytes, characters, or fields\n",
            });
            1
        });
    };
    let range = |text: &str| match text.split_once('-') {
        Some((from, to)) => (from.parse().unwrap_or(1), to.parse().unwrap_or(usize::MAX)),
        None => {
            let number = text.parse().unwrap_or(0);
            (number, number)
        }
    };
    let delimiter = options.value('d').and_then(|text| text.chars().next()).unwrap_or('\t');
    let cut = Cut {
        fields: options.value('f').is_some(),
        ranges: list.split(',').map(range).collect(),
        delimiter,
        only: options.has('s'),
        output: delimiter.to_string(),
    };
    filtering(cut, &options.words)
}

#[derive(Clone, Debug)]
struct Translate {
    from: Vec<char>,
    to: Vec<char>,
    delete: bool,
    squeeze: bool,
    complement: bool,
    last: Option<char>,
    rest: Vec<u8>,
}
impl Filter for Translate {
    const BYTES: bool = true;
    fn line(&mut self, bytes: &[u8], _: LineEnd, out: &mut Out) -> bool {
        self.rest.extend_from_slice(bytes);
        let valid = match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.rest.len(),
        };
        let text: String = String::from_utf8_lossy(self.rest.get(..valid).unwrap_or_default()).into_owned();
        self.rest.drain(..valid);
        let mut result = String::new();
        for c in text.chars() {
            let place = self.from.iter().position(|known| *known == c);
            let hit = place.is_some() != self.complement;
            if hit && self.delete {
                continue;
            }
            let new = match (hit && !self.to.is_empty(), place) {
                (true, Some(at)) if !self.complement => self.to.get(at).or(self.to.last()).copied().unwrap_or(c),
                (true, _) => self.to.last().copied().unwrap_or(c),
                _ => c,
            };
            let squeezed = if self.to.is_empty() {
                hit
            } else if self.delete {
                self.to.contains(&new)
            } else {
                hit
            };
            if self.squeeze && squeezed && self.last == Some(new) {
                continue;
            }
            self.last = if squeezed { Some(new) } else { None };
            result.push(new);
        }
        out.out(&result);
        true
    }
    fn finish(&mut self, _: &mut Kernel, out: &mut Out, _: bool) -> i32 {
        out.put(1, &self.rest);
        0
    }
    fn name(&self) -> &'static str {
        "tr"
    }
}

fn character_set(text: &str) -> Vec<char> {
    let (text, _) = crate::shell::escape::unescape(text, crate::shell::escape::Style::Printf);
    let chars: Vec<char> = text.chars().collect();
    let mut set = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        if c == '[' && chars.get(at + 1) == Some(&':') {
            let rest: String = chars.iter().skip(at + 2).collect();
            if let Some(end) = rest.find(":]") {
                for (low, high) in named(rest.get(..end).unwrap_or_default()) {
                    set.extend(low..=high);
                }
                at += end + 4;
                continue;
            }
        }
        if let (Some('-'), Some(high)) = (chars.get(at + 1), chars.get(at + 2))
            && *high >= c
        {
            set.extend((c..=*high).take(70_000));
            at += 3;
            continue;
        }
        set.push(c);
        at += 1;
    }
    set
}

pub fn tr(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "dscCt", "") {
        Ok(options) => options,
        Err(bad) => return bad.task("tr"),
    };
    let delete = options.has('d');
    let Some(from) = options.words.first() else {
        return once(args, |_, _, out| {
            out.err("tr: missing operand\nTry 'tr --help' for more information.\n");
            1
        });
    };
    let to = options.words.get(1).map(|text| character_set(text)).unwrap_or_default();
    let translate = Translate {
        from: character_set(from),
        to,
        delete,
        squeeze: options.has('s'),
        complement: options.has('c') || options.has('C'),
        last: None,
        rest: Vec::new(),
    };
    filtering(translate, &[])
}

#[derive(Clone, Debug)]
struct Tee {
    files: Vec<String>,
    append: bool,
    fds: Vec<Fd>,
    failed: bool,
}
impl Filter for Tee {
    const BYTES: bool = true;
    fn start(&mut self, kernel: &mut Kernel, out: &mut Out) -> Option<i32> {
        for file in &self.files {
            match kernel.open(file, if self.append { OpenMode::Append } else { OpenMode::Truncate }) {
                Ok(fd) => self.fds.push(fd),
                Err(errno) => {
                    out.err(&format!("tee: {file}: {}\n", errno.message()));
                    self.failed = true;
                }
            }
        }
        None
    }
    fn line(&mut self, bytes: &[u8], _: LineEnd, out: &mut Out) -> bool {
        out.put(1, bytes);
        for fd in &self.fds {
            out.put(*fd, bytes);
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, _: bool) -> i32 {
        i32::from(self.failed)
    }
    fn name(&self) -> &'static str {
        "tee"
    }
}

pub fn tee(args: &[String]) -> Box<dyn Task> {
    match parse(args, "ai", "") {
        Ok(options) => {
            filtering(Tee { append: options.has('a'), files: options.words, fds: Vec::new(), failed: false }, &[])
        }
        Err(bad) => bad.task("tee"),
    }
}

#[derive(Clone, Debug)]
enum Whole {
    Rev,
    Tac(Vec<Vec<u8>>),
    Number(u64, bool),
    Fold(usize),
}
impl Filter for Whole {
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool {
        match self {
            Whole::Rev => {
                let text: String = String::from_utf8_lossy(line).chars().rev().collect();
                put_line(out, text.as_bytes(), end.newline);
            }
            Whole::Tac(lines) => lines.push(line.to_vec()),
            Whole::Number(count, all) => {
                if line.is_empty() && !*all {
                    out.out("       \n");
                } else {
                    *count += 1;
                    out.out(&format!("{count:6}\t"));
                    put_line(out, line, true);
                }
            }
            Whole::Fold(width) => {
                let chars: Vec<char> = String::from_utf8_lossy(line).chars().collect();
                let pieces: Vec<String> = chars.chunks(*width).map(|piece| piece.iter().collect()).collect();
                put_line(out, pieces.join("\n").as_bytes(), end.newline);
            }
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if let Whole::Tac(lines) = self {
            for line in lines.drain(..).rev() {
                put_line(out, &line, true);
            }
        }
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        match self {
            Whole::Rev => "rev",
            Whole::Tac(_) => "tac",
            Whole::Number(..) => "nl",
            Whole::Fold(_) => "fold",
        }
    }
}

pub fn rev(args: &[String]) -> Box<dyn Task> {
    filtering(Whole::Rev, args.get(1..).unwrap_or_default())
}
pub fn tac(args: &[String]) -> Box<dyn Task> {
    filtering(Whole::Tac(Vec::new()), args.get(1..).unwrap_or_default())
}
pub fn nl(args: &[String]) -> Box<dyn Task> {
    match parse(args, "", "bwsn") {
        Ok(options) => filtering(Whole::Number(0, options.value('b') == Some("a")), &options.words),
        Err(bad) => bad.task("nl"),
    }
}
pub fn fold(args: &[String]) -> Box<dyn Task> {
    match parse(args, "sb", "w") {
        Ok(options) => filtering(
            Whole::Fold(options.value('w').and_then(|text| text.parse().ok()).unwrap_or(80).max(1)),
            &options.words,
        ),
        Err(bad) => bad.task("fold"),
    }
}

#[derive(Clone, Debug)]
struct Sum {
    kind: SumKind,
    bytes: Vec<u8>,
    file: String,
    decode: bool,
    wrap: usize,
    failed: bool,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SumKind {
    Sha256,
    Md5,
    Base64,
}
impl Filter for Sum {
    const BYTES: bool = true;
    fn begin(&mut self, file: &str, _: &mut Out) {
        file.clone_into(&mut self.file);
        self.bytes.clear();
    }
    fn line(&mut self, bytes: &[u8], _: LineEnd, _: &mut Out) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() < HELD
    }
    fn end(&mut self, kernel: &mut Kernel, out: &mut Out) -> bool {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let engine = base64::engine::general_purpose::STANDARD;
        match self.kind {
            SumKind::Sha256 => out.out(&format!("{}  {}\n", hex(&Sha256::digest(&self.bytes)), self.file)),
            SumKind::Md5 => out.out(&format!("{}  {}\n", hex(&super::md5::digest(&self.bytes)), self.file)),
            SumKind::Base64 if self.decode => {
                let clean: Vec<u8> = self.bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                let whole = clean.len() / 4 * 4;
                match engine.decode(&clean) {
                    Ok(bytes) => out.put(1, &bytes),
                    Err(_) => {
                        // What comes before the mistake is printed, as the real tools do.
                        let mut good = whole;
                        while good > 0 && engine.decode(clean.get(..good).unwrap_or_default()).is_err() {
                            good -= 4;
                        }
                        out.put(1, &engine.decode(clean.get(..good).unwrap_or_default()).unwrap_or_default());
                        self.failed = true;
                        out.err(match kernel.flavour() {
                            Flavour::Gnu => "base64: invalid input\n",
                            Flavour::Busybox => "base64: truncated input\n",
                        });
                    }
                }
            }
            SumKind::Base64 => {
                let text = engine.encode(&self.bytes);
                if self.wrap == 0 {
                    out.out(&text);
                } else {
                    for line in text.as_bytes().chunks(self.wrap) {
                        put_line(out, line, true);
                    }
                }
            }
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed || self.failed)
    }
    fn name(&self) -> &'static str {
        match self.kind {
            SumKind::Sha256 => "sha256sum",
            SumKind::Md5 => "md5sum",
            SumKind::Base64 => "base64",
        }
    }
}

fn sum(kind: SumKind, options: Options) -> Box<dyn Task> {
    let wrap = options.value('w').and_then(|text| text.parse().ok()).unwrap_or(76);
    filtering(
        Sum { kind, bytes: Vec::new(), file: String::new(), decode: options.has('d'), wrap, failed: false },
        &options.words,
    )
}
pub fn sha256sum(args: &[String]) -> Box<dyn Task> {
    parse(args, "bt", "").map_or_else(|bad| bad.task("sha256sum"), |options| sum(SumKind::Sha256, options))
}
pub fn md5sum(args: &[String]) -> Box<dyn Task> {
    parse(args, "bt", "").map_or_else(|bad| bad.task("md5sum"), |options| sum(SumKind::Md5, options))
}
pub fn base64(args: &[String]) -> Box<dyn Task> {
    parse(args, "di", "w").map_or_else(|bad| bad.task("base64"), |options| sum(SumKind::Base64, options))
}
