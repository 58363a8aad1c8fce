//! `cat`, by lines where they are numbered, else by bytes.

use super::put_line;
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Cat {
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
pub(super) struct RawCat;

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
