//! `perl`, as far as Kubernetes' own Job example goes: it evaluates `print bpi(N)` by computing pi. It refuses
//! everything else and says so; it is no interpreter of the language.

use std::time::Duration;

use crate::shell::program::{Program, Step, System, Wait};
use crate::sim::Time;

/// Most digits it computes.
const DIGITS: usize = 10_000;

#[derive(Clone, Debug)]
struct Perl {
    args: Vec<String>,
    until: Option<Time>,
    output: Vec<u8>,
    code: i32,
    stream: i32,
}

/// Makes the program from its arguments.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    Box::new(Perl { args: argv.to_vec(), until: None, output: Vec::new(), code: 0, stream: 1 })
}

impl Program for Perl {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        let until = match self.until {
            Some(until) => until,
            None => {
                let took = self.evaluate();
                *self.until.insert(system.now() + took)
            }
        };
        if system.now() < until {
            return Step::Wait(Wait { until: Some(until), ..Wait::default() });
        }
        while !self.output.is_empty() {
            match system.write(self.stream, &self.output) {
                Ok(count) => drop(self.output.drain(..count.min(self.output.len()))),
                Err(crate::shell::program::Errno::Eagain) => {
                    return Step::Wait(Wait { writable: Some(self.stream), ..Wait::default() });
                }
                Err(_) => return Step::Exit(1),
            }
        }
        Step::Exit(self.code)
    }
    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

impl Perl {
    /// Evaluates the arguments and says how long a real perl would have taken.
    fn evaluate(&mut self) -> Duration {
        match run(&self.args) {
            Ok((digits, newline)) => {
                self.output = pi(digits).into_bytes();
                if newline {
                    self.output.push(b'\n');
                }
                Duration::from_millis((digits * digits / 800) as u64)
            }
            Err((text, code)) => {
                self.stream = if code == 0 { 1 } else { 2 };
                (self.output, self.code) = (text.into_bytes(), code);
                Duration::ZERO
            }
        }
    }
}

/// The digits that the arguments ask for and whether `-l` ends the line, or a text with an exit code.
fn run(args: &[String]) -> Result<(usize, bool), (String, i32)> {
    let (mut newline, mut bpi, mut script) = (false, false, None);
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(module) = word.strip_prefix("-M") {
            match module {
                "bignum=bpi" | "bigrat=bpi" | "bigint=bpi" | "bigfloat=bpi" => bpi = true,
                "bignum" | "strict" | "warnings" => {}
                other => {
                    let name = other.split('=').next().unwrap_or_default().replace("::", "/");
                    return Err((
                        format!(
                            "Can't locate {name}.pm in @INC (this perl has only bignum).\nBEGIN failed--compilation aborted.\n"
                        ),
                        2,
                    ));
                }
            }
        } else if word == "-v" || word == "--version" {
            return Err(("\nThis is perl 5, of which this machine has one function: print bpi(N)\n\n".into(), 0));
        } else if let Some(flags) = word.strip_prefix('-') {
            newline |= flags.contains('l');
            if flags.ends_with(['e', 'E']) {
                script = words.next().cloned();
            }
        } else {
            return Err((format!("Can't open perl script \"{word}\": No such file or directory\n"), 2));
        }
    }
    let script = script.unwrap_or_default();
    let call = script.trim().trim_end_matches(';').trim();
    let refuse =
        || (format!("perl: cannot evaluate '{call}': this perl only knows print bpi(N), N up to {DIGITS}\n"), 255);
    let argument = call.strip_prefix("print").map(str::trim).and_then(|rest| rest.strip_prefix("bpi")).map(str::trim);
    let argument = argument.and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')'));
    let digits: usize = argument.and_then(|text| text.trim().parse().ok()).ok_or_else(refuse)?;
    if !bpi {
        return Err(("Undefined subroutine &main::bpi called at -e line 1.\n".into(), 255));
    }
    if digits == 0 || digits > DIGITS {
        return Err(refuse());
    }
    Ok((digits, newline))
}

const LIMB: u64 = 1_000_000_000;

/// Pi to `digits` significant digits, the last one rounded: Machin's formula on limbs of nine digits, the first
/// limb before the point.
fn pi(digits: usize) -> String {
    let limbs = digits / 9 + 4;
    let mut sum = arctan_inverse(5, 16, limbs);
    let other = arctan_inverse(239, 4, limbs);
    subtract(&mut sum, &other);
    let mut text = String::new();
    for (index, limb) in sum.iter().enumerate() {
        text.push_str(&if index == 0 { limb.to_string() } else { format!("{limb:09}") });
    }
    let mut kept: Vec<u8> = text.bytes().take(digits).collect();
    if text.as_bytes().get(digits).is_some_and(|next| *next >= b'5') {
        for digit in kept.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
    }
    let (whole, rest) = kept.split_at(1.min(kept.len()));
    let (whole, rest) = (String::from_utf8_lossy(whole), String::from_utf8_lossy(rest));
    if rest.is_empty() { whole.into_owned() } else { format!("{whole}.{rest}") }
}

/// `factor * arctan(1/x)`
fn arctan_inverse(x: u64, factor: u64, limbs: usize) -> Vec<u64> {
    let mut power = vec![0; limbs];
    if let Some(first) = power.first_mut() {
        *first = factor;
    }
    divide(&mut power, x);
    let mut sum = power.clone();
    let (mut n, mut negative) = (3, true);
    while power.iter().any(|limb| *limb != 0) {
        divide(&mut power, x * x);
        let mut term = power.clone();
        divide(&mut term, n);
        if negative {
            subtract(&mut sum, &term);
        } else {
            add(&mut sum, &term);
        }
        n += 2;
        negative = !negative;
    }
    sum
}

fn divide(number: &mut [u64], by: u64) {
    let mut rest = 0;
    for limb in number.iter_mut() {
        let value = rest * LIMB + *limb;
        *limb = value / by;
        rest = value % by;
    }
}

fn add(number: &mut [u64], other: &[u64]) {
    let mut carry = 0;
    for (limb, more) in number.iter_mut().zip(other).rev() {
        let value = *limb + more + carry;
        *limb = value % LIMB;
        carry = value / LIMB;
    }
}

fn subtract(number: &mut [u64], other: &[u64]) {
    let mut borrow = 0;
    for (limb, less) in number.iter_mut().zip(other).rev() {
        let value = *limb + LIMB - less - borrow;
        *limb = value % LIMB;
        borrow = 1 - value / LIMB;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pi_is_right_to_its_last_rounded_digit() {
        assert_eq!(pi(1), "3");
        assert_eq!(pi(5), "3.1416");
        assert_eq!(pi(50), "3.1415926535897932384626433832795028841971693993751");
        let long = pi(1000);
        assert!(long.ends_with("642019894") || long.ends_with("6420199"), "{long}");
        assert_eq!(long.len(), 1001);
    }

    #[test]
    fn it_says_what_it_cannot_do() {
        let args = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(run(&args(&["perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"])), Ok((2000, true)));
        assert_eq!(run(&args(&["perl", "-e", "print 1"])).unwrap_err().1, 255);
    }
}
