//! Many Pods for nobody: the bench of `cargo xtask bench` in a headless browser, and what a page warms up with. Measures
//! nothing; the script has the clock.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::playground::bench::{Bench, FRAME_BUDGET, Workload};

/// Many Pods, from apply to all Ready or Complete.
#[wasm_bindgen]
pub struct PageBench {
    bench: Bench,
}

#[wasm_bindgen]
impl PageBench {
    /// A Job of so many Pods, or else a Deployment.
    #[wasm_bindgen(constructor)]
    pub fn new(job: bool, pods: u32) -> PageBench {
        let workload = if job { Workload::Job } else { Workload::Deployment };
        PageBench { bench: Bench::new(workload, pods) }
    }

    /// Does so many pieces of work, or a frame's worth; whether all is done.
    pub fn frame(&mut self, pieces: Option<u32>) -> bool {
        self.bench.frame(pieces.map_or(FRAME_BUDGET, u64::from))
    }

    /// Whether nothing more will happen.
    pub fn is_stuck(&mut self) -> bool {
        self.bench.is_stuck()
    }
}
