//! Lessons: what an author writes, what the page reads of it, the checks that tick its steps, and its proof.
//!
//! [`Lesson`], [`Check`] and [`Checklist`] are what the page needs and exist on every target; reading an author's
//! Markdown, rendering it and proving it happen natively, before anybody opens the page. Opens no file: whoever calls
//! brings the texts.
//!
//! How to write a lesson is told in `lessons/README.md`.

mod check;
mod model;

#[cfg(not(target_arch = "wasm32"))]
mod author;
#[cfg(not(target_arch = "wasm32"))]
pub mod html;
#[cfg(not(target_arch = "wasm32"))]
mod proof;

#[cfg(not(target_arch = "wasm32"))]
pub use author::{Block, Choice, Commands, Document, Piece, Problem, Quiz, Run, Source, read};
pub use check::{Check, CheckResult, Checklist, Comparison, Condition, Look, Objects, Operator, Owner};
pub use model::{File, Lesson, Step};
#[cfg(not(target_arch = "wasm32"))]
pub use proof::{Outcome, Rehearsal, Stage, prove};
