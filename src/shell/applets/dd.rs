//! `dd`: copies blocks. It holds one block, so a large one meets the memory limit of its container.

use super::driver::{Out, once};
use crate::shell::kernel::{Kernel, OpenMode, readable, writable};
use crate::shell::program::{Errno, Fd, Read, Step, System};
use crate::shell::task::Task;

/// Bytes that are carried in one turn.
const CHUNK: usize = 64 << 10;

#[derive(Clone, Debug)]
struct Dd {
    from: String,
    to: String,
    block: u64,
    count: Option<u64>,
    quiet: bool,
    open: Option<(Fd, Fd)>,
    done: u64,
    held: Vec<u8>,
    claimed: bool,
    out: Out,
    code: Option<i32>,
}

/// A size such as `1M`, `10k` or `4096`.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let factor = match text.get(digits.len()..)? {
        "" | "c" => 1,
        "w" => 2,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1_000,
        "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Makes the applet.
pub fn make(args: &[String]) -> Box<dyn Task> {
    let mut dd = Dd {
        from: String::new(),
        to: String::new(),
        block: 512,
        count: None,
        quiet: false,
        open: None,
        done: 0,
        held: Vec::new(),
        claimed: false,
        out: Out::default(),
        code: None,
    };
    for arg in args.iter().skip(1) {
        let (name, value) = arg.split_once('=').unwrap_or((arg, ""));
        let number = size(value);
        match (name, number) {
            ("if", _) => value.clone_into(&mut dd.from),
            ("of", _) => value.clone_into(&mut dd.to),
            ("bs" | "ibs" | "obs", Some(size @ 1..)) => dd.block = size,
            ("count", Some(count)) => dd.count = Some(count),
            ("status", _) => dd.quiet = value == "none",
            ("conv" | "oflag" | "iflag", _) => {}
            _ => {
                return once(std::slice::from_ref(arg), |args, _, out| {
                    out.err(&format!("dd: invalid argument '{}'\n", args.first().map_or("", String::as_str)));
                    1
                });
            }
        }
    }
    Box::new(dd)
}

impl Dd {
    fn start(&mut self, kernel: &mut Kernel) -> Result<(Fd, Fd), String> {
        let failed = |file: &str, errno: Errno| format!("dd: can't open '{file}': {}\n", errno.message());
        let from = match self.from.as_str() {
            "" => 0,
            file => kernel.open(file, OpenMode::Read).map_err(|errno| failed(file, errno))?,
        };
        let to = match self.to.as_str() {
            "" => 1,
            file => kernel.open(file, OpenMode::Truncate).map_err(|errno| failed(file, errno))?,
        };
        Ok((from, to))
    }

    fn end(&mut self, code: i32) {
        let (whole, part) = (self.done / self.block, u64::from(!self.done.is_multiple_of(self.block)));
        if !self.quiet {
            let human = match self.done {
                0..1_000 => format!("{}B", self.done),
                1_000..1_000_000 => format!("{:.1}KB", self.done as f64 / 1024.0),
                1_000_000..1_000_000_000 => format!("{:.1}MB", self.done as f64 / 1_048_576.0),
                _ => format!("{:.1}GB", self.done as f64 / 1_073_741_824.0),
            };
            self.out.err(&format!("{whole}+{part} records in\n{whole}+{part} records out\n"));
            self.out.err(&format!("{} bytes ({human}) copied, 0.001000 seconds, {human}/s\n", self.done));
        }
        self.code = Some(code);
    }

    /// Carries a chunk; a step when that has to be waited for.
    fn carry(&mut self, from: Fd, to: Fd, kernel: &mut Kernel) -> Option<Step> {
        if self.held.is_empty() {
            let left = self.count.map_or(u64::MAX, |count| (count * self.block).saturating_sub(self.done));
            let wanted = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            if wanted == 0 {
                self.end(0);
                return None;
            }
            match kernel.read(from, wanted) {
                Ok(Read::Data(data)) => self.held = data,
                Ok(Read::WouldBlock) => return Some(readable(from)),
                Ok(Read::Eof) => {
                    self.end(0);
                    return None;
                }
                Err(errno) => {
                    self.out.err(&format!("dd: {}: {}\n", self.from, errno.message()));
                    self.end(1);
                    return None;
                }
            }
        }
        match kernel.write(to, &self.held) {
            Ok(written) => {
                self.held.drain(..written.min(self.held.len()));
                self.done += written as u64;
            }
            Err(Errno::Eagain) => return Some(writable(to)),
            Err(errno) => {
                self.out.err(&format!("dd: error writing '{}': {}\n", self.to, errno.message()));
                self.end(1);
            }
        }
        None
    }
}

impl Task for Dd {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        if !self.claimed {
            self.claimed = true;
            kernel.tick(1);
            return Step::Yield;
        }
        loop {
            if let Some(code) = self.code {
                return self.out.flush(kernel).unwrap_or(Step::Exit(code));
            }
            if !kernel.tick(20) {
                return Step::Yield;
            }
            let (from, to) = match self.open {
                Some(open) => open,
                None => match self.start(kernel) {
                    Ok(open) => *self.open.insert(open),
                    Err(text) => {
                        self.out.err(&text);
                        self.code = Some(1);
                        continue;
                    }
                },
            };
            if let Some(step) = self.carry(from, to, kernel) {
                return step;
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        self.block + 1_000
    }
}
