//! `tabernetes bench`: how long Deployments and Jobs of many Pods take at full clock speed, a CronJob of every minute
//! over a day, and the longest frame.

use std::time::{Duration, Instant};

use super::{Failure, Subcommand};
use crate::playground::bench::{Bench, FRAME_BUDGET, Workload};

/// What is measured, and in which sizes; a CronJob of every minute runs 1,440 Pods a day.
const RUNS: [(Workload, &[u32]); 3] =
    [(Workload::Deployment, &[10, 100, 1000]), (Workload::Job, &[10, 100, 1000]), (Workload::CronJob, &[1440])];

pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "bench",
    usage: "",
    summary: "Measure how long 10, 100 and 1,000 Pods take from apply to Ready or Complete, and a CronJob's day.",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(extra) = arguments.first() {
        return Err(Failure::Usage(format!("`bench` takes no arguments, but was given `{extra}`")));
    }
    println!("{:<12}{:>6}{:>12}{:>16}{:>10}", "workload", "pods", "total", "longest frame", "events");
    for (workload, sizes) in RUNS {
        for &pods in sizes {
            let measured = measure(workload, pods)
                .ok_or_else(|| Failure::Failed(format!("a {} of {pods} Pods did not get there", workload.name())))?;
            println!(
                "{:<12}{pods:>6}{:>9.1} ms{:>13.1} ms{:>10}",
                workload.name(),
                millis(measured.total),
                millis(measured.longest),
                measured.events
            );
        }
    }
    Ok(())
}

struct Measured {
    total: Duration,
    longest: Duration,
    events: u64,
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the machine's clock; nothing below the edges does")]
fn measure(workload: Workload, pods: u32) -> Option<Measured> {
    let mut bench = Bench::new(workload, pods);
    let (before, began, mut longest) = (bench.events(), Instant::now(), Duration::ZERO);
    loop {
        let frame = Instant::now();
        let done = bench.frame(FRAME_BUDGET);
        longest = longest.max(frame.elapsed());
        if done {
            return Some(Measured { total: began.elapsed(), longest, events: bench.events() - before });
        }
        if bench.is_stuck() {
            return None;
        }
    }
}
