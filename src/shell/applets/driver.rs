//! How applets run: output that can wait for a full pipe, input line by line, and the three shapes of a program: one
//! that ends at once, one that filters its input, and one with a state of its own (which needs no driver).

use std::collections::VecDeque;

use super::Run;
use crate::shell::kernel::{Kernel, OpenMode, readable, writable};
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, Fd, Read, Step, System};
use crate::shell::task::Task;

/// Output that was made and not yet written, in order.
#[derive(Clone, Debug, Default)]
pub struct Out {
    chunks: VecDeque<(Fd, Vec<u8>)>,
    held: usize,
    /// Whether the reader of standard output went away, or the device is full.
    pub broken: bool,
}

/// Most bytes an applet may have waiting.
const OUT_BYTES: usize = 8 << 20;

impl Out {
    /// Adds bytes for a descriptor.
    pub fn put(&mut self, fd: Fd, bytes: &[u8]) {
        if bytes.is_empty() || self.held > OUT_BYTES {
            return;
        }
        self.held += bytes.len();
        match self.chunks.back_mut() {
            Some((last, chunk)) if *last == fd => chunk.extend_from_slice(bytes),
            _ => self.chunks.push_back((fd, bytes.to_vec())),
        }
    }
    /// Adds text for standard output.
    pub fn out(&mut self, text: &str) {
        self.put(1, text.as_bytes());
    }
    /// Adds text for standard error.
    pub fn err(&mut self, text: &str) {
        self.put(2, text.as_bytes());
    }
    /// Bytes that wait.
    pub fn held(&self) -> usize {
        self.held
    }
    /// Writes what can be written; the step to return when that is not all.
    pub fn flush(&mut self, kernel: &mut Kernel) -> Option<Step> {
        while let Some((fd, bytes)) = self.chunks.front_mut() {
            match kernel.write(*fd, bytes) {
                Ok(count) => {
                    self.held = self.held.saturating_sub(count);
                    if count >= bytes.len() {
                        self.chunks.pop_front();
                    } else {
                        bytes.drain(..count);
                    }
                }
                Err(Errno::Eagain) => return Some(writable(*fd)),
                Err(_) => {
                    self.broken |= *fd == 1;
                    self.held = self.held.saturating_sub(bytes.len());
                    self.chunks.pop_front();
                    if kernel.is_dead() {
                        return Some(Step::Exit(141));
                    }
                }
            }
        }
        None
    }
    /// What was written to standard output and waits, taken away (for tests and captures).
    pub fn take(&mut self) -> VecDeque<(Fd, Vec<u8>)> {
        self.held = 0;
        std::mem::take(&mut self.chunks)
    }
}

/// A program that does its work at once and then only writes.
#[derive(Clone, Debug)]
pub struct Once {
    args: Vec<String>,
    run: Run,
    out: Out,
    code: Option<i32>,
}

impl Once {
    /// From its arguments.
    pub fn new(args: &[String], run: Run) -> Self {
        Self { args: args.to_vec(), run, out: Out::default(), code: None }
    }
}

/// A program from a function.
pub fn once(args: &[String], run: Run) -> Box<dyn Task> {
    Box::new(Once::new(args, run))
}

impl Task for Once {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        let code = match self.code {
            Some(code) => code,
            None => {
                kernel.tick(5);
                let code = (self.run)(&self.args, kernel, &mut self.out);
                *self.code.insert(code)
            }
        };
        if let Some(step) = self.out.flush(kernel) {
            return step;
        }
        Step::Exit(code)
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        self.out.held() as u64
    }
}

/// What a filter does with its input.
pub trait Filter: Clone + Send + Sync + 'static {
    /// Whether it takes chunks as they come instead of lines.
    const BYTES: bool = false;
    /// Whether it must know that a line is the last one.
    fn looks_ahead(&self) -> bool {
        false
    }
    /// Before anything is read; a code ends the program.
    fn start(&mut self, _kernel: &mut Kernel, _out: &mut Out) -> Option<i32> {
        None
    }
    /// A file begins (`-` is standard input).
    fn begin(&mut self, _file: &str, _out: &mut Out) {}
    /// A line without its newline, or a chunk. False stops reading.
    fn line(&mut self, line: &[u8], end: LineEnd, out: &mut Out) -> bool;
    /// A file ended. False stops reading.
    fn end(&mut self, _kernel: &mut Kernel, _out: &mut Out) -> bool {
        true
    }
    /// Everything was read; `failed` says that a file could not be. Gives the exit code.
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32;
    /// The exit code when a file could not be read, for messages made by the driver.
    fn name(&self) -> &'static str;
    /// The message for a file that cannot be read.
    fn cannot(&self, file: &str, errno: Errno, flavour: Flavour) -> String {
        cannot_open(self.name(), file, errno, flavour)
    }
    /// Bytes it holds.
    fn memory(&self) -> u64 {
        0
    }
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEnd {
    /// With a newline.
    pub newline: bool,
    /// It is the last of all input; only known when the filter looks ahead.
    pub last: bool,
}

/// `cat: x: No such file or directory`, in the words of the flavour.
pub fn cannot_open(name: &str, file: &str, errno: Errno, flavour: Flavour) -> String {
    match (flavour, name) {
        (
            Flavour::Busybox,
            "cat" | "wc" | "head" | "tail" | "sort" | "cut" | "uniq" | "tac" | "nl" | "rev" | "md5sum" | "sha256sum"
            | "sha1sum" | "base64",
        ) if errno != Errno::Eisdir => {
            format!("{name}: can't open '{file}': {}\n", errno.message())
        }
        (Flavour::Busybox, "cat" | "wc" | "head" | "tail") => format!("{name}: read error: {}\n", errno.message()),
        (Flavour::Gnu, "head") if errno == Errno::Eisdir => format!("head: error reading '{file}': Is a directory\n"),
        (Flavour::Gnu, "tail") if errno == Errno::Eisdir => format!("tail: error reading '{file}': Is a directory\n"),
        (Flavour::Gnu, "head" | "tail") => format!("{name}: cannot open '{file}' for reading: {}\n", errno.message()),
        (Flavour::Gnu, "sort") if errno != Errno::Eisdir => format!("sort: cannot read: {file}: {}\n", errno.message()),
        (Flavour::Gnu, "sort") => format!("sort: read failed: {file}: {}\n", errno.message()),
        (Flavour::Gnu, "tac") => format!("tac: failed to open '{file}' for reading: {}\n", errno.message()),
        (Flavour::Gnu, "grep") if errno == Errno::Eisdir => format!("grep: {file}: Is a directory\n"),
        _ => format!("{name}: {file}: {}\n", errno.message()),
    }
}

/// Longest line that is held in memory.
const LINE_BYTES: usize = 4 << 20;
/// So many zeroes of one line are held; a reader that wants the line's end gets no further in any case.
const ZEROES: usize = 1 << 20;

/// Runs a filter over files or standard input.
#[derive(Clone, Debug)]
pub struct Filtering<F> {
    filter: F,
    files: VecDeque<String>,
    current: Option<Fd>,
    buffer: Vec<u8>,
    /// Bytes of a line without end that are only counted.
    counted: u64,
    start: usize,
    ahead: Option<(Vec<u8>, bool)>,
    out: Out,
    started: bool,
    stopped: bool,
    failed: bool,
    code: Option<i32>,
}

/// A program that filters these files, or standard input when there are none.
pub fn filtering<F: Filter>(filter: F, files: &[String]) -> Box<dyn Task> {
    let files = if files.is_empty() { VecDeque::from(["-".to_owned()]) } else { files.iter().cloned().collect() };
    Box::new(Filtering {
        filter,
        files,
        current: None,
        buffer: Vec::new(),
        counted: 0,
        start: 0,
        ahead: None,
        out: Out::default(),
        started: false,
        stopped: false,
        failed: false,
        code: None,
    })
}

impl<F: Filter> Task for Filtering<F> {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        if !self.started {
            self.started = true;
            if let Some(code) = self.filter.start(kernel, &mut self.out) {
                self.code = Some(code);
            }
        }
        loop {
            if (self.out.held() > 32 << 10 || self.code.is_some())
                && let Some(step) = self.out.flush(kernel)
            {
                return step;
            }
            if let Some(code) = self.code {
                return Step::Exit(code);
            }
            if !kernel.tick(1) {
                return self.out.flush(kernel).unwrap_or(Step::Yield);
            }
            if self.out.broken || self.stopped {
                self.finish(kernel);
                continue;
            }
            if let Some(step) = self.advance(kernel) {
                // Whatever is known goes out before the wait.
                return self.out.flush(kernel).unwrap_or(step);
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        (self.buffer.len() + self.out.held()) as u64 + self.counted + self.filter.memory()
    }
}

impl<F: Filter> Filtering<F> {
    fn finish(&mut self, kernel: &mut Kernel) {
        if let Some((line, newline)) = self.ahead.take() {
            self.filter.line(&line, LineEnd { newline, last: true }, &mut self.out);
        }
        self.code = Some(self.filter.finish(kernel, &mut self.out, self.failed));
    }

    fn deliver(&mut self, line: Vec<u8>, newline: bool) {
        if !self.filter.looks_ahead() {
            self.stopped |= !self.filter.line(&line, LineEnd { newline, last: false }, &mut self.out);
            return;
        }
        if let Some((line, newline)) = self.ahead.replace((line, newline))
            && !self.filter.line(&line, LineEnd { newline, last: false }, &mut self.out)
        {
            self.stopped = true;
            self.ahead = None;
        }
    }

    fn advance(&mut self, kernel: &mut Kernel) -> Option<Step> {
        let Some(fd) = self.current else {
            self.open_next(kernel);
            return None;
        };
        if !F::BYTES {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest.get(..end).unwrap_or_default().to_vec();
                self.start += end + 1;
                self.deliver(line, true);
                return None;
            }
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.start = 0;
            if self.buffer.len() > LINE_BYTES {
                let line = std::mem::take(&mut self.buffer);
                self.deliver(line, false);
            }
        }
        match kernel.read(fd, 64 << 10) {
            Ok(Read::Data(data)) if F::BYTES => {
                let end = LineEnd { newline: false, last: false };
                self.stopped |= !self.filter.line(&data, end, &mut self.out);
            }
            // `/dev/zero` has one line without end: what no machine could hold is counted.
            Ok(Read::Data(data))
                if self.buffer.len() >= ZEROES && self.buffer.iter().rev().take(64).all(|b| *b == 0) =>
            {
                self.counted += data.len() as u64;
            }
            Ok(Read::Data(data)) => self.buffer.extend(data),
            Ok(Read::WouldBlock) => return Some(readable(fd)),
            Ok(Read::Eof) => self.end_file(kernel, fd),
            Err(errno) => {
                let message = self.filter.cannot("-", errno, kernel.flavour());
                self.out.err(&message);
                self.failed = true;
                self.end_file(kernel, fd);
            }
        }
        None
    }

    fn end_file(&mut self, kernel: &mut Kernel, fd: Fd) {
        if !self.buffer.is_empty() {
            let line = std::mem::take(&mut self.buffer);
            self.deliver(line, false);
        }
        if fd != 0 {
            let _ = kernel.close(fd);
        }
        self.current = None;
        self.stopped |= !self.filter.end(kernel, &mut self.out);
    }

    fn open_next(&mut self, kernel: &mut Kernel) {
        let Some(file) = self.files.pop_front() else {
            self.finish(kernel);
            return;
        };
        let opened = if file == "-" { Ok(0) } else { kernel.open(&file, OpenMode::Read) };
        let opened = opened.and_then(|fd| {
            let is_dir = file != "-" && kernel.file_info(&file).is_ok_and(|info| info.is_dir);
            if is_dir { Err(Errno::Eisdir) } else { Ok(fd) }
        });
        match opened {
            Ok(fd) => {
                self.current = Some(fd);
                self.filter.begin(&file, &mut self.out);
            }
            Err(errno) => {
                let message = self.filter.cannot(&file, errno, kernel.flavour());
                self.out.err(&message);
                self.failed = true;
            }
        }
    }
}
