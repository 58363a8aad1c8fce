//! Filters that change one line, or need all lines: `rev`, `tac`, `nl`, `fold`.

use super::put_line;
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) enum Whole {
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
