//! `tee`: input to files and on.

use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::parse;
use crate::shell::kernel::{Kernel, OpenMode};
use crate::shell::program::Fd;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Tee {
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
