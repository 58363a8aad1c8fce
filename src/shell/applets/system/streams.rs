//! Programs that print for long: `yes` and `seq`.

use crate::shell::applets::driver::{Out, once};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::Step;
use crate::shell::task::Task;

/// Endless or long output: `yes` and `seq`.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    next: f64,
    step: f64,
    last: f64,
    word: Option<String>,
    separator: String,
    places: usize,
    width: usize,
    first: bool,
    out: Out,
}

impl Task for Stream {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        loop {
            if let Some(step) = self.out.flush(kernel) {
                return step;
            }
            if self.out.broken {
                return Step::Exit(1);
            }
            let mut made = String::new();
            while made.len() < 4096 {
                match &self.word {
                    Some(word) => made.push_str(word),
                    None => {
                        let more = if self.step >= 0.0 {
                            self.next <= self.last + 1e-9
                        } else {
                            self.next >= self.last - 1e-9
                        };
                        if !more {
                            break;
                        }
                        if !std::mem::take(&mut self.first) {
                            made.push_str(&self.separator);
                        }
                        made.push_str(&format!(
                            "{:0width$.places$}",
                            self.next,
                            width = self.width,
                            places = self.places
                        ));
                        self.next += self.step;
                    }
                }
            }
            if made.is_empty() {
                if !self.first {
                    self.out.out("\n");
                    self.first = true;
                    continue;
                }
                return Step::Exit(0);
            }
            self.out.out(&made);
            if !kernel.tick(made.len() as u64 / 16) {
                return self.out.flush(kernel).unwrap_or(Step::Yield);
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

pub fn yes(args: &[String]) -> Box<dyn Task> {
    let word = if args.len() > 1 { args.get(1..).unwrap_or_default().join(" ") } else { "y".into() };
    Box::new(Stream {
        next: 0.0,
        step: 1.0,
        last: 0.0,
        word: Some(format!("{word}\n")),
        separator: String::new(),
        places: 0,
        width: 0,
        first: true,
        out: Out::default(),
    })
}

pub fn seq(args: &[String]) -> Box<dyn Task> {
    let (mut separator, mut wide, mut words) = ("\n".to_owned(), false, Vec::new());
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-w" => wide = true,
            "-s" => separator = rest.next().cloned().unwrap_or_default(),
            attached if attached.starts_with("-s") => separator = attached.trim_start_matches("-s").to_owned(),
            arg => words.push(arg.to_owned()),
        }
    }
    let numbers: Vec<Option<f64>> =
        words.iter().map(|word| word.parse::<f64>().ok().filter(|number| number.is_finite())).collect();
    if words.is_empty() || words.len() > 3 || numbers.contains(&None) {
        let bad = words.iter().zip(&numbers).find(|(_, number)| number.is_none()).map(|(word, _)| word.clone());
        return once(&[bad.unwrap_or_default()], |args, kernel, out| {
            let word = args.first().map_or("", String::as_str);
            out.err(&match kernel.flavour() {
                _ if word.is_empty() => "seq: missing operand\n".to_owned(),
                Flavour::Gnu => {
                    format!("seq: invalid floating point argument: ‘{word}’\nTry 'seq --help' for more information.\n")
                }
                Flavour::Busybox => format!("seq: invalid number '{word}'\n"),
            });
            1
        });
    }
    let numbers: Vec<f64> = numbers.into_iter().flatten().collect();
    let (next, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last, ..] => (*first, *step, *last),
        [] => (1.0, 1.0, 0.0),
    };
    let step = if step == 0.0 { 1.0 } else { step };
    let places = words
        .iter()
        .take(2.min(words.len().max(1)))
        .filter_map(|word| word.split_once('.'))
        .map(|(_, digits)| digits.len())
        .max()
        .unwrap_or(0);
    let width = if wide { words.iter().map(String::len).max().unwrap_or(0) } else { 0 };
    Box::new(Stream { next, step, last, word: None, separator, places, width, first: true, out: Out::default() })
}
