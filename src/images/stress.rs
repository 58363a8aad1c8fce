//! `stress`: a program that says it holds so much memory. It holds none.

use std::time::Duration;

use crate::shell::program::{Program, Signal, Step, System, Wait};
use crate::sim::Time;

#[derive(Clone, Debug, Default)]
struct Stress {
    hogs: [u64; 4],
    bytes: u64,
    timeout: Option<u64>,
    began: Option<Time>,
    problem: Option<String>,
}

/// Makes `stress --vm 1 --vm-bytes 150M --cpu 1 --timeout 10`.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    let mut stress = Stress { bytes: 256 << 20, ..Stress::default() };
    let mut words = argv.iter().skip(1);
    while let Some(word) = words.next() {
        let (name, attached) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let kind = match name {
            "--cpu" | "-c" => Some(0),
            "--io" | "-i" => Some(1),
            "--vm" | "-m" => Some(2),
            "--hdd" | "-d" => Some(3),
            _ => None,
        };
        let takes = kind.is_some() || matches!(name, "--vm-bytes" | "--vm-hang" | "--vm-stride" | "--timeout" | "-t");
        if !takes && !matches!(name, "--vm-keep" | "--quiet" | "-q" | "--verbose" | "-v") {
            stress.problem = Some(format!("stress: FAIL: [1] (244) unrecognized option: {word}\n"));
            break;
        }
        let value = if takes { attached.or_else(|| words.next().map(String::as_str)).unwrap_or("") } else { "" };
        match (kind, name) {
            (Some(kind), _) => {
                if let Some(slot) = stress.hogs.get_mut(kind) {
                    *slot = value.parse().unwrap_or(0);
                }
            }
            (None, "--vm-bytes") => stress.bytes = amount(value),
            (None, "--timeout" | "-t") => stress.timeout = Some(seconds(value)),
            _ => {}
        }
    }
    Box::new(stress)
}

fn amount(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..).and_then(|unit| unit.chars().next()) {
        Some('k' | 'K') => 1 << 10,
        Some('m' | 'M') => 1 << 20,
        Some('g' | 'G') => 1 << 30,
        _ => 1,
    };
    digits.parse::<u64>().unwrap_or(0).saturating_mul(factor)
}

fn seconds(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..) {
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => 1,
    };
    digits.parse::<u64>().unwrap_or(0).saturating_mul(factor)
}

impl Program for Stress {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if let Some(problem) = self.problem.take() {
            let _ = system.write(2, problem.as_bytes());
            return Step::Exit(1);
        }
        let now = system.now();
        let began = match self.began {
            Some(began) => began,
            None => {
                let [cpu, io, vm, hdd] = self.hogs;
                let line = format!("stress: info: [1] dispatching hogs: {cpu} cpu, {io} io, {vm} vm, {hdd} hdd\n");
                let _ = system.write(1, line.as_bytes());
                *self.began.insert(now)
            }
        };
        if matches!(system.take_signal(), Some(Signal::Term | Signal::Int)) {
            return Step::Exit(1);
        }
        let until = self.timeout.map(|seconds| began + Duration::from_secs(seconds));
        if let (Some(end), Some(seconds)) = (until, self.timeout)
            && end <= now
        {
            let line = format!("stress: info: [1] successful run completed in {seconds}s\n");
            let _ = system.write(1, line.as_bytes());
            return Step::Exit(0);
        }
        Step::Wait(Wait { until, ..Wait::default() })
    }
    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        let [_, _, vm, _] = self.hogs;
        if self.began.is_some() { vm.saturating_mul(self.bytes) } else { 1_000 }
    }
}
