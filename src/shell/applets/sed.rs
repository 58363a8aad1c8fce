//! `sed`: the commands s, d, D, p, P, q, Q, a, i, c, n, N, y, =, g, G, h, H, x, l, b, t, T, :, { }, with addresses; -n, -i, -E, -s.

use regex_lite::{Captures, Regex};

use super::driver::{Filter, LineEnd, Out, filtering, once};
use super::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::regex::compile;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
enum Address {
    Line(u64),
    Last,
    Match(Regex),
    Step(u64, u64),
}

#[derive(Clone, Debug)]
enum End {
    Address(Address),
    Plus(u64),
    Multiple(u64),
}

#[derive(Clone, Debug)]
enum Action {
    Substitute { pattern: Regex, with: Vec<Piece>, nth: usize, all: bool, print: bool, write: bool },
    Translate(Vec<(char, char)>),
    Text(char, String),
    Quit(bool, i32),
    Branch(char, String),
    Label(String),
    Open(usize),
    Close,
    Simple(char),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Group(usize),
    Case(char),
}

#[derive(Clone, Debug)]
struct Order {
    from: Option<Address>,
    to: Option<End>,
    negated: bool,
    action: Action,
}

#[derive(Clone, Debug)]
struct Sed {
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
    status: i32,
    newline: bool,
    code: i32,
}

/// Most commands that one line may run, so that a loop of branches ends.
const STEPS: u32 = 100_000;

impl Sed {
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

fn substitute(pattern: &Regex, with: &[Piece], text: &str, nth: usize, all: bool) -> Option<String> {
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

fn expand(with: &[Piece], captures: &Captures, out: &mut String) {
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

struct Script {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    last: Option<Regex>,
}

type Parsed<T> = Result<T, String>;

impl Script {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }
    fn blanks(&mut self, also: &str) {
        while self.peek().is_some_and(|c| c.is_whitespace() && c != '\n' || also.contains(c)) {
            self.at += 1;
        }
    }
    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars.get(start..self.at)?.iter().collect::<String>().parse().ok()
    }

    /// Text up to `end`, in which `\end` is `end`.
    fn until(&mut self, end: char, missing: &str, regex: bool) -> Parsed<String> {
        let mut text = String::new();
        let mut bracket = false;
        loop {
            match self.peek() {
                None => return Err(missing.to_owned()),
                Some(c) if c == end && !bracket => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') if !bracket => {
                    self.at += 1;
                    match self.peek() {
                        Some(c) if c == end => text.push(c),
                        Some('n') if regex => text.push_str("\\n"),
                        Some(c) => text.extend(['\\', c]),
                        None => return Err(missing.to_owned()),
                    }
                    self.at += 1;
                }
                Some(c) => {
                    if regex && c == '[' && !bracket {
                        bracket = true;
                        text.push(c);
                        self.at += 1;
                        for sign in ['^', ']'] {
                            if self.peek() == Some(sign) {
                                text.push(sign);
                                self.at += 1;
                            }
                        }
                        continue;
                    }
                    if c == ']' {
                        bracket = false;
                    }
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn regex(&mut self, text: &str, ignore_case: bool) -> Parsed<Regex> {
        if text.is_empty() {
            return self.last.clone().ok_or_else(|| "no previous regular expression".to_owned());
        }
        let regex = compile(text, self.extended, ignore_case).map_err(|_| "Invalid regular expression".to_owned())?;
        self.last = Some(regex.clone());
        Ok(regex)
    }

    fn address(&mut self) -> Parsed<Option<Address>> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().unwrap_or(0);
                if self.peek() == Some('~') {
                    self.at += 1;
                    return Ok(Some(Address::Step(first, self.number().unwrap_or(0))));
                }
                Ok(Some(Address::Line(first)))
            }
            Some(c @ ('/' | '\\')) => {
                self.at += 1;
                let mut end = c;
                if c == '\\' {
                    end = self.peek().unwrap_or('/');
                    self.at += 1;
                }
                let text = self.until(end, "unterminated address regex", true)?;
                let ignore = self.peek() == Some('I');
                if ignore {
                    self.at += 1;
                }
                Ok(Some(Address::Match(self.regex(&text, ignore)?)))
            }
            _ => Ok(None),
        }
    }

    fn orders(&mut self) -> Parsed<Vec<Order>> {
        let mut orders: Vec<Order> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            self.blanks(";\n");
            let Some(_) = self.peek() else { break };
            if self.peek() == Some('#') {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                continue;
            }
            let from = self.address()?;
            let mut to = None;
            self.blanks("");
            if from.is_some() && self.peek() == Some(',') {
                self.at += 1;
                self.blanks("");
                to = Some(match self.peek() {
                    Some(sign @ ('+' | '~')) => {
                        self.at += 1;
                        let count = self.number().unwrap_or(0);
                        if sign == '+' { End::Plus(count) } else { End::Multiple(count) }
                    }
                    _ => End::Address(self.address()?.ok_or("unexpected `,'")?),
                });
            }
            self.blanks("");
            let mut negated = false;
            while self.peek() == Some('!') {
                negated = true;
                self.at += 1;
                self.blanks("");
            }
            let Some(letter) = self.peek() else { return Err("missing command".into()) };
            self.at += 1;
            let action = self.action(letter)?;
            match &action {
                Action::Open(_) => open.push(orders.len()),
                Action::Close => {
                    let start = open.pop().ok_or("unexpected `}'")?;
                    let end = orders.len();
                    if let Some(order) = orders.get_mut(start) {
                        order.action = Action::Open(end);
                    }
                }
                _ => {}
            }
            orders.push(Order { from, to, negated, action });
        }
        if open.is_empty() { Ok(orders) } else { Err("unmatched `{'".into()) }
    }

    fn action(&mut self, letter: char) -> Parsed<Action> {
        Ok(match letter {
            '{' => Action::Open(0),
            '}' => Action::Close,
            's' => return self.substitution(),
            'y' => {
                let end = self.peek().ok_or("unterminated `y' command")?;
                self.at += 1;
                let from = self.until(end, "unterminated `y' command", false)?;
                let to = self.until(end, "unterminated `y' command", false)?;
                let plain =
                    |text: String| text.replace("\\n", "\n").replace("\\\\", "\\").chars().collect::<Vec<char>>();
                let (from, to) = (plain(from), plain(to));
                if from.len() != to.len() {
                    return Err("strings for `y' command are different lengths".into());
                }
                Action::Translate(from.into_iter().zip(to).collect())
            }
            'a' | 'i' | 'c' => {
                self.blanks("");
                if self.peek() == Some('\\') {
                    self.at += 1;
                    self.blanks("\n");
                }
                let mut text = String::new();
                while let Some(c) = self.peek() {
                    self.at += 1;
                    match c {
                        '\n' => break,
                        '\\' => {
                            text.extend(self.peek());
                            self.at += 1;
                        }
                        c => text.push(c),
                    }
                }
                if text.is_empty() {
                    return Err("expected \\ after `a', `c' or `i'".into());
                }
                Action::Text(letter, text)
            }
            'q' | 'Q' => {
                self.blanks("");
                let code = self.number().unwrap_or(0);
                Action::Quit(letter == 'q', (code & 0xff) as i32)
            }
            'b' | 't' | 'T' | ':' => {
                self.blanks("");
                let mut label = String::new();
                while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && *c != ';' && *c != '}') {
                    label.push(c);
                    self.at += 1;
                }
                if letter == ':' { Action::Label(label) } else { Action::Branch(letter, label) }
            }
            'd' | 'D' | 'p' | 'P' | '=' | 'l' | 'g' | 'G' | 'h' | 'H' | 'x' | 'n' | 'N' => {
                self.blanks("");
                match self.peek() {
                    None | Some(';' | '\n' | '}' | '#') => Action::Simple(letter),
                    Some(_) => return Err("extra characters after command".into()),
                }
            }
            other => return Err(format!("unknown command: `{other}'")),
        })
    }

    fn substitution(&mut self) -> Parsed<Action> {
        const OPEN: &str = "unterminated `s' command";
        let end = self.peek().ok_or(OPEN)?;
        self.at += 1;
        let pattern = self.until(end, OPEN, true)?;
        let with = self.until(end, OPEN, false)?;
        let (mut nth, mut all, mut print, mut ignore) = (1, false, false, false);
        loop {
            match self.peek() {
                Some('g') => all = true,
                Some('p') => print = true,
                Some('i' | 'I') => ignore = true,
                Some('m' | 'M' | 'e') => {}
                Some(c) if c.is_ascii_digit() => {
                    nth = usize::try_from(self.number().unwrap_or(1)).unwrap_or(1);
                    if nth == 0 {
                        return Err("number option to `s' command may not be zero".into());
                    }
                    continue;
                }
                None | Some(';' | '\n' | '}' | '#') => break,
                Some(c) if c.is_whitespace() => {}
                Some(_) => return Err("unknown option to `s'".into()),
            }
            self.at += 1;
        }
        let pattern = self.regex(&pattern, ignore)?;
        let with = pieces(&with);
        let most = with
            .iter()
            .filter_map(|piece| if let Piece::Group(index) = piece { Some(*index) } else { None })
            .max()
            .unwrap_or(0);
        if most >= pattern.captures_len() {
            return Err(format!("invalid reference \\{most} on `s' command's RHS"));
        }
        Ok(Action::Substitute { pattern, with, nth, all, print, write: false })
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '&' => Piece::Group(0),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => Piece::Group(digit.to_digit(10).unwrap_or(0) as usize),
                Some(kind @ ('U' | 'L' | 'E' | 'u' | 'l')) => Piece::Case(kind),
                Some('n') => {
                    literal.push('\n');
                    continue;
                }
                Some('t') => {
                    literal.push('\t');
                    continue;
                }
                Some(other) => {
                    literal.push(other);
                    continue;
                }
                None => continue,
            },
            c => {
                literal.push(c);
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    pieces
}

pub fn make(args: &[String]) -> Box<dyn Task> {
    // `-i.bak` has its value attached or none at all.
    let mut in_place = None;
    let plain: Vec<String> = args
        .iter()
        .enumerate()
        .filter_map(|(index, arg)| {
            let suffix = arg
                .strip_prefix("-i")
                .or_else(|| arg.strip_prefix("--in-place="))
                .or(if arg == "--in-place" { Some("") } else { None });
            match suffix {
                Some(suffix) if index > 0 => {
                    in_place = Some(suffix.to_owned());
                    None
                }
                _ => Some(arg.clone()),
            }
        })
        .collect();
    let options = match parse(&plain, "nErsuz", "efl") {
        Ok(options) => options,
        Err(bad) => return bad.task("sed"),
    };
    let mut words = options.words.clone();
    let mut script: Vec<String> = options.values('e').map(str::to_owned).collect();
    if script.is_empty() {
        if words.is_empty() {
            return once(args, |_, _, out| {
                out.err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
                1
            });
        }
        script.push(words.remove(0));
    }
    let text = script.join("\n");
    let mut parser =
        Script { chars: text.chars().collect(), at: 0, extended: options.has('E') || options.has('r'), last: None };
    match parser.orders() {
        Ok(orders) => {
            let active = vec![None; orders.len()];
            let sed = Sed {
                orders,
                active,
                quiet: options.has('n'),
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
                status: 0,
                newline: true,
                code: 0,
            };
            let _ = sed.status;
            filtering(sed, &words)
        }
        Err(problem) => once(&[problem, parser.at.to_string(), text], |args, kernel, out| {
            let (problem, at) = (args.first().map_or("", String::as_str), args.get(1).map_or("", String::as_str));
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("sed: -e expression #1, char {at}: {problem}\n"),
                Flavour::Busybox => format!("sed: {}\n", problem.replace(['`', '\''], "")),
            });
            1
        }),
    }
}
