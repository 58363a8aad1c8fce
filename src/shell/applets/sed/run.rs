//! Runs a script over lines: the cycle of `sed`.

use regex_lite::{Captures, Regex};

use super::{Action, Address, End, Order, Piece};
use crate::shell::applets::driver::{Filter, LineEnd, Out};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};

#[derive(Clone, Debug)]
pub(super) struct Sed {
    orders: Vec<Order>,
    /// For each range, the line it ends at (or that only a match ends it).
    active: Vec<Option<u64>>,
    quiet: bool,
    in_place: Option<String>,
    file: String,
    number: u64,
    pattern: Option<String>,
    hold: String,
    queue: String,
    pending: usize,
    quit: Option<i32>,
    body: String,
    original: Vec<u8>,
    newline: bool,
    code: i32,
}

impl Sed {
    /// A script that has not begun. `in_place`: what is added to the names of the files that are kept.
    pub fn new(orders: Vec<Order>, quiet: bool, in_place: Option<String>) -> Self {
        Self {
            active: vec![None; orders.len()],
            orders,
            quiet,
            in_place,
            file: String::new(),
            number: 0,
            pattern: None,
            hold: String::new(),
            queue: String::new(),
            pending: 0,
            quit: None,
            body: String::new(),
            original: Vec::new(),
            newline: true,
            code: 0,
        }
    }

    fn emit(&mut self, text: &str, newline: bool, out: &mut Out) {
        if self.in_place.is_some() {
            self.body.push_str(text);
            if newline {
                self.body.push('\n');
            }
        } else {
            out.out(text);
            if newline {
                out.out("\n");
            }
        }
    }

    fn matches(&self, address: &Address, text: &str, last: bool) -> bool {
        match address {
            Address::Line(line) => *line == self.number,
            Address::Last => last,
            Address::Match(pattern) => pattern.is_match(text),
            Address::Step(first, step) => {
                if *step == 0 {
                    self.number == *first
                } else {
                    self.number >= *first && (self.number - first).is_multiple_of(*step)
                }
            }
        }
    }

    fn selected(&mut self, index: usize, text: &str, last: bool) -> bool {
        let Some(order) = self.orders.get(index).cloned() else { return false };
        let chosen = match (&order.from, &order.to) {
            (None, _) => true,
            (Some(from), None) => self.matches(from, text, last),
            (Some(from), Some(to)) => {
                let running = self.active.get(index).copied().flatten();
                if let Some(until) = running {
                    let over = match to {
                        End::Address(Address::Match(pattern)) => pattern.is_match(text),
                        End::Address(Address::Last) => last,
                        _ => self.number >= until,
                    };
                    if over && let Some(place) = self.active.get_mut(index) {
                        *place = None;
                    }
                    // A range whose last line lies before is over.
                    !(matches!(to, End::Address(Address::Line(_))) && self.number > until)
                } else if self.matches(from, text, last) || (matches!(from, Address::Line(0)) && self.number == 1) {
                    let zero = matches!(from, Address::Line(0));
                    let until = match to {
                        End::Address(Address::Line(line)) => *line,
                        End::Plus(count) => self.number + count,
                        End::Multiple(count) if *count > 0 => self.number.div_ceil(*count) * count,
                        End::Multiple(_) => self.number,
                        End::Address(_) => u64::MAX,
                    };
                    let ended = match to {
                        End::Address(Address::Match(pattern)) => zero && pattern.is_match(text),
                        End::Address(Address::Last) => last,
                        _ => until <= self.number,
                    };
                    if !ended && let Some(place) = self.active.get_mut(index) {
                        *place = Some(until);
                    }
                    true
                } else {
                    false
                }
            }
        };
        chosen != order.negated
    }

    /// Runs the script from `at` on the pattern space. Gives where to go on when `n` or `N` wants the next line.
    fn cycle(&mut self, mut text: String, at: usize, last: bool, newline: bool, out: &mut Out) {
        let mut at = at;
        let mut replaced = false;
        let mut steps = 0;
        while let Some(order) = self.orders.get(at).cloned() {
            steps += 1;
            if steps > STEPS {
                out.err("sed: too many commands for one line\n");
                self.quit = Some(1);
                return;
            }
            let here = at;
            at += 1;
            if matches!(order.action, Action::Label(_) | Action::Close) {
                continue;
            }
            let chosen = self.selected(here, &text, last);
            if let Action::Open(end) = order.action {
                if !chosen {
                    at = end + 1;
                }
                continue;
            }
            if !chosen {
                continue;
            }
            match order.action {
                Action::Substitute { pattern, with, nth, all, print, write } => {
                    let _ = write;
                    if let Some(new) = substitute(&pattern, &with, &text, nth, all) {
                        text = new;
                        replaced = true;
                        if print {
                            self.emit(&text.clone(), true, out);
                        }
                    }
                }
                Action::Translate(pairs) => {
                    text = text
                        .chars()
                        .map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to))
                        .collect();
                }
                Action::Text('a', added) => self.queue.push_str(&format!("{added}\n")),
                Action::Text('i', added) => self.emit(&added, true, out),
                Action::Text(_, added) => {
                    let in_range = order.to.is_some() && self.active.get(here).copied().flatten().is_some();
                    if !in_range {
                        self.emit(&added, true, out);
                    }
                    return self.flush_queue(out);
                }
                Action::Quit(print, code) => {
                    if print && !self.quiet {
                        self.emit(&text, newline, out);
                    }
                    self.flush_queue(out);
                    self.quit = Some(code);
                    return;
                }
                Action::Branch(kind, label) => {
                    let go = match kind {
                        'b' => true,
                        't' => std::mem::take(&mut replaced),
                        _ => !std::mem::take(&mut replaced),
                    };
                    if go {
                        at = self
                            .orders
                            .iter()
                            .position(|order| matches!(&order.action, Action::Label(name) if *name == label))
                            .unwrap_or(self.orders.len());
                    }
                }
                Action::Simple(letter) => match letter {
                    'd' => return self.flush_queue(out),
                    'D' => match text.split_once('\n') {
                        Some((_, rest)) => {
                            text = rest.to_owned();
                            at = 0;
                        }
                        None => return self.flush_queue(out),
                    },
                    'p' => self.emit(&text.clone(), true, out),
                    'P' => {
                        let first = text.split('\n').next().unwrap_or_default().to_owned();
                        self.emit(&first, true, out);
                    }
                    '=' => {
                        let number = self.number.to_string();
                        self.emit(&number, true, out);
                    }
                    'l' => {
                        let shown = text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
                        self.emit(&format!("{shown}$"), true, out);
                    }
                    'g' => text.clone_from(&self.hold),
                    'G' => text = format!("{text}\n{}", self.hold),
                    'h' => self.hold.clone_from(&text),
                    'H' => self.hold = format!("{}\n{text}", self.hold),
                    'x' => std::mem::swap(&mut text, &mut self.hold),
                    'n' | 'N' => {
                        if last {
                            if !self.quiet {
                                self.emit(&text, newline, out);
                            }
                            self.flush_queue(out);
                            return;
                        }
                        if letter == 'n' {
                            if !self.quiet {
                                self.emit(&text, true, out);
                            }
                            self.flush_queue(out);
                            text.clear();
                        } else {
                            text.push('\n');
                        }
                        self.pattern = Some(text);
                        self.pending = at;
                        return;
                    }
                    _ => {}
                },
                Action::Label(_) | Action::Open(_) | Action::Close => {}
            }
            if text.len() > 1 << 20 || self.hold.len() > 1 << 20 {
                out.err("sed: out of memory\n");
                self.quit = Some(4);
                return;
            }
        }
        if !self.quiet {
            self.emit(&text, newline, out);
        }
        self.flush_queue(out);
    }

    fn flush_queue(&mut self, out: &mut Out) {
        let queue = std::mem::take(&mut self.queue);
        if !queue.is_empty() {
            self.emit(&queue, false, out);
        }
    }
}

impl Filter for Sed {
    fn looks_ahead(&self) -> bool {
        let is_last = |address: &Option<Address>| matches!(address, Some(Address::Last));
        self.orders.iter().any(|order| {
            is_last(&order.from)
                || matches!(order.to, Some(End::Address(Address::Last)))
                || matches!(order.action, Action::Simple('n' | 'N'))
        })
    }
    fn begin(&mut self, file: &str, _: &mut Out) {
        file.clone_into(&mut self.file);
        if self.in_place.is_some() {
            self.number = 0;
            self.body.clear();
            self.original.clear();
        }
    }
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool {
        if self.in_place.as_deref().is_some_and(|suffix| !suffix.is_empty()) {
            self.original.extend_from_slice(line);
            self.original.push(b'\n');
        }
        self.number += 1;
        self.newline = end.newline;
        let text = String::from_utf8_lossy(line).into_owned();
        let (text, at) = match self.pattern.take() {
            Some(before) => (format!("{before}{text}"), self.pending),
            None => (text, 0),
        };
        self.cycle(text, at, end.last, end.newline, out);
        self.quit.is_none()
    }
    fn end(&mut self, kernel: &mut Kernel, out: &mut Out) -> bool {
        let Some(suffix) = self.in_place.clone() else { return true };
        if !suffix.is_empty() {
            let _ = kernel.write_file(&format!("{}{suffix}", self.file), &self.original);
        }
        if let Err(errno) = kernel.write_file(&self.file, self.body.as_bytes()) {
            out.err(&format!("sed: couldn't open file {}: {}\n", self.file, errno.message()));
            self.code = 4;
        }
        true
    }
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if self.quit.is_some() && self.in_place.is_some() {
            self.end(kernel, out);
        }
        match self.quit {
            Some(code) => code,
            None if failed => {
                if kernel.flavour() == Flavour::Gnu {
                    2
                } else {
                    1
                }
            }
            None => self.code,
        }
    }
    fn name(&self) -> &'static str {
        "sed"
    }
    fn cannot(&self, file: &str, errno: Errno, flavour: Flavour) -> String {
        match (flavour, errno) {
            (Flavour::Gnu, Errno::Eisdir) if self.in_place.is_some() => {
                format!("sed: couldn't edit {file}: not a regular file\n")
            }
            (Flavour::Gnu, Errno::Eisdir) => format!("sed: read error on {file}: Is a directory\n"),
            (Flavour::Gnu, errno) => format!("sed: can't read {file}: {}\n", errno.message()),
            (Flavour::Busybox, errno) => format!("sed: {file}: {}\n", errno.message()),
        }
    }
}

/// Most commands that one line may run, so that a loop of branches ends.
pub(super) const STEPS: u32 = 100_000;

pub(super) fn substitute(pattern: &Regex, with: &[Piece], text: &str, nth: usize, all: bool) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    let mut count = 0;
    let mut changed = false;
    for captures in pattern.captures_iter(text) {
        let Some(found) = captures.get(0) else { continue };
        count += 1;
        if count < nth {
            continue;
        }
        out.push_str(text.get(at..found.start()).unwrap_or_default());
        expand(with, &captures, &mut out);
        at = found.end();
        changed = true;
        if !all {
            break;
        }
    }
    changed.then(|| {
        out.push_str(text.get(at..).unwrap_or_default());
        out
    })
}

pub(super) fn expand(with: &[Piece], captures: &Captures, out: &mut String) {
    let (mut case, mut once) = ('E', ' ');
    for piece in with {
        let text = match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Group(index) => captures.get(*index).map_or("", |found| found.as_str()),
            Piece::Case(kind @ ('u' | 'l')) => {
                once = *kind;
                continue;
            }
            Piece::Case(kind) => {
                case = *kind;
                continue;
            }
        };
        for c in text.chars() {
            let kind = if once == ' ' { case } else { std::mem::replace(&mut once, ' ') };
            match kind {
                'U' | 'u' => out.extend(c.to_uppercase()),
                'L' | 'l' => out.extend(c.to_lowercase()),
                _ => out.push(c),
            }
        }
    }
}
