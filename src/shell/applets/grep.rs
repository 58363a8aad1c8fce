//! `grep`, `egrep`, `fgrep`.

use regex_lite::Regex;

use super::driver::{Filter, LineEnd, Out, filtering, once};
use super::options::{Options, parse};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, System};
use crate::shell::regex::compile;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
struct Grep {
    patterns: Vec<Regex>,
    invert: bool,
    count: bool,
    quiet: bool,
    number: bool,
    only: bool,
    list: Option<bool>,
    names: bool,
    silent: bool,
    most: Option<u64>,
    before: usize,
    after: usize,
    file: String,
    line: u64,
    hits: u64,
    any: bool,
    held: std::collections::VecDeque<(u64, Vec<u8>)>,
    left: usize,
    printed: u64,
    context: bool,
}

impl Grep {
    fn print(&mut self, out: &mut Out, number: u64, line: &[u8], mark: char) {
        if self.context && self.printed > 0 && number > self.printed + 1 {
            out.out("--\n");
        }
        self.printed = number;
        if self.names {
            out.out(&format!("{}{mark}", self.file));
        }
        if self.number {
            out.out(&format!("{number}{mark}"));
        }
        out.put(1, line);
        out.out("\n");
    }
}

impl Filter for Grep {
    fn begin(&mut self, file: &str, _: &mut Out) {
        self.file = if file == "-" { "(standard input)".into() } else { file.to_owned() };
        (self.line, self.hits, self.left, self.printed) = (0, 0, 0, 0);
        self.held.clear();
    }
    fn line(&mut self, line: &[u8], _: LineEnd, out: &mut Out) -> bool {
        self.line += 1;
        let text = String::from_utf8_lossy(line);
        let hit = self.patterns.iter().any(|pattern| pattern.is_match(&text)) != self.invert;
        if !hit {
            if self.left > 0 {
                self.left -= 1;
                self.print(out, self.line, line, '-');
            } else if self.before > 0 {
                self.held.push_back((self.line, line.to_vec()));
                if self.held.len() > self.before {
                    self.held.pop_front();
                }
            }
            return true;
        }
        if self.most.is_some_and(|most| self.hits >= most) {
            return self.names;
        }
        self.hits += 1;
        self.any = true;
        if self.quiet {
            return false;
        }
        if self.count || self.list.is_some() {
            return true;
        }
        if self.only {
            if !self.invert {
                let found: Vec<String> = self
                    .patterns
                    .iter()
                    .flat_map(|pattern| {
                        pattern.find_iter(&text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>()
                    })
                    .filter(|found| !found.is_empty())
                    .collect();
                for piece in found {
                    self.print(out, self.line, piece.as_bytes(), ':');
                }
            }
            return true;
        }
        for (number, earlier) in std::mem::take(&mut self.held) {
            self.print(out, number, &earlier, '-');
        }
        self.print(out, self.line, line, ':');
        self.left = self.after;
        self.most.is_none_or(|most| self.hits < most || self.after > 0) || self.names
    }
    fn end(&mut self, _: &mut Kernel, out: &mut Out) -> bool {
        if self.count {
            let name = if self.names { format!("{}:", self.file) } else { String::new() };
            out.out(&format!("{name}{}\n", self.hits));
        } else if let Some(with) = self.list
            && (self.hits > 0) == with
        {
            out.out(&format!("{}\n", self.file));
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        // A filter that stopped early has not ended its file.
        if self.count && self.most.is_some_and(|most| self.hits >= most) && !self.names {
            let _ = out;
        }
        if self.quiet && self.any {
            return 0;
        }
        if failed { 2 } else { i32::from(!self.any) }
    }
    fn name(&self) -> &'static str {
        "grep"
    }
    fn cannot(&self, file: &str, errno: Errno, flavour: Flavour) -> String {
        if self.silent { String::new() } else { super::driver::cannot_open("grep", file, errno, flavour) }
    }
}

pub fn make(args: &[String]) -> Box<dyn Task> {
    let called = args.first().map_or("grep", |name| name.rsplit('/').next().unwrap_or("grep"));
    // `-5` is `-C 5`.
    let args: Vec<String> = args
        .iter()
        .map(|arg| match arg.strip_prefix('-') {
            Some(digits) if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) => format!("-C{digits}"),
            _ => arg.clone(),
        })
        .collect();
    let options = match parse(&args, "EFGPivcqnolLHhswxrRazU", "efmABC") {
        Ok(options) => options,
        Err(bad) => return bad.task("grep"),
    };
    let extended = options.has('E') || options.has('P') || called == "egrep";
    let fixed = options.has('F') || called == "fgrep";
    let mut words = options.words.clone();
    let mut sources: Vec<String> = options.values('e').map(str::to_owned).collect();
    if sources.is_empty() && options.value('f').is_none() {
        if words.is_empty() {
            return once(&args, |_, kernel, out| {
                out.err(match kernel.flavour() {
                    Flavour::Gnu => {
                        "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n"
                    }
                    Flavour::Busybox => {
                        "Usage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... } [FILE]...\n"
                    }
                });
                2
            });
        }
        sources.push(words.remove(0));
    }
    let mut patterns = Vec::new();
    for source in sources.iter().flat_map(|source| source.split('\n')) {
        let text = if fixed { escape(source) } else { source.to_owned() };
        let text = match (options.has('w'), options.has('x'), extended || fixed) {
            (true, _, true) => format!("\\<({text})\\>"),
            (true, _, false) => format!("\\<\\({text}\\)\\>"),
            (_, true, true) => format!("^({text})$"),
            (_, true, false) => format!("^\\({text}\\)$"),
            _ => text,
        };
        match compile(&text, extended || fixed, options.has('i')) {
            Ok(pattern) => patterns.push(pattern),
            Err(_) => {
                return once(&[source.to_owned()], |args, _, out| {
                    out.err(&format!(
                        "grep: bad regex '{}': Invalid regular expression\n",
                        args.first().map_or("", String::as_str)
                    ));
                    2
                });
            }
        }
    }
    if options.has('r') || options.has('R') {
        return Box::new(Recursive { options, patterns, words, inner: None });
    }
    let names = (words.len() > 1 || options.has('H')) && !options.has('h');
    filtering(filter(&options, patterns, names), &words)
}

fn filter(options: &Options, patterns: Vec<Regex>, names: bool) -> Grep {
    let number = |letter: char| options.value(letter).and_then(|text| text.parse().ok());
    let around: usize = number('C').unwrap_or(0);
    let before = number('B').unwrap_or(around);
    let after = number('A').unwrap_or(around);
    Grep {
        patterns,
        invert: options.has('v'),
        count: options.has('c'),
        quiet: options.has('q'),
        number: options.has('n'),
        only: options.has('o'),
        list: if options.has('l') {
            Some(true)
        } else if options.has('L') {
            Some(false)
        } else {
            None
        },
        names,
        silent: options.has('s'),
        most: options.value('m').and_then(|text| text.parse().ok()),
        before,
        after,
        file: String::new(),
        line: 0,
        hits: 0,
        any: false,
        held: std::collections::VecDeque::new(),
        left: 0,
        printed: 0,
        context: before + after > 0,
    }
}

/// A fixed string as an extended expression.
fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if "\\.*+?()[]{}|^$".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

/// `grep -r`: the files are found first.
#[derive(Clone, Debug)]
struct Recursive {
    options: Options,
    patterns: Vec<Regex>,
    words: Vec<String>,
    inner: Option<Box<dyn Task>>,
}

impl Task for Recursive {
    fn resume(&mut self, kernel: &mut Kernel) -> crate::shell::program::Step {
        if self.inner.is_none() {
            let roots = if self.words.is_empty() { vec![".".to_owned()] } else { self.words.clone() };
            let mut files = Vec::new();
            for root in roots {
                super::walk(kernel, &root, &mut |_, path, info| {
                    if !info.is_dir() {
                        files.push(path.to_owned());
                    }
                });
            }
            let grep = filter(&self.options, self.patterns.clone(), !self.options.has('h'));
            if files.is_empty() {
                return crate::shell::program::Step::Exit(1);
            }
            self.inner = Some(filtering(grep, &files));
            let _ = kernel.now();
        }
        match &mut self.inner {
            Some(inner) => inner.resume(kernel),
            None => crate::shell::program::Step::Exit(1),
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
