//! Lessons: what an author writes, what the page reads of it, the checks that tick its steps, and its proof.

#[cfg(not(target_arch = "wasm32"))]
pub mod html;
