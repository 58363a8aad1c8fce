//! Lessons: what an author writes, what the page reads of it, the checks that tick its steps, and its proof.
//!
//! [`Lesson`], [`Check`] and [`Checklist`] are what the page needs and exist on every target; reading an author's
//! Markdown, rendering it and proving it happen natively, before anybody opens the page. Opens no file: whoever calls
//! brings the texts.
//!
//! How to write a lesson is told in `lessons/README.md`.

mod attempt;
mod check;
mod checklist;
mod model;
mod trial;

#[cfg(not(target_arch = "wasm32"))]
mod author;
#[cfg(not(target_arch = "wasm32"))]
pub mod html;
#[cfg(not(target_arch = "wasm32"))]
pub mod killercoda;
#[cfg(not(target_arch = "wasm32"))]
mod links;
#[cfg(not(target_arch = "wasm32"))]
pub mod normalise;
#[cfg(not(target_arch = "wasm32"))]
mod proof;
#[cfg(not(target_arch = "wasm32"))]
mod spelling;
#[cfg(not(target_arch = "wasm32"))]
pub mod transcript;

pub use attempt::Attempt;
#[cfg(not(target_arch = "wasm32"))]
pub use author::{
    Block, Chapter, Choice, Commands, Course, Document, Link, Piece, Problem, Quiz, Run, Source, fingerprint, read,
    translate,
};
pub use check::{Check, CheckResult, Comparison, Condition, Field, Look, Operator, Owner, Wrong};
pub use checklist::Checklist;
#[cfg(not(target_arch = "wasm32"))]
pub use links::check_links;
pub use model::{File, Lesson, Step};
#[cfg(not(target_arch = "wasm32"))]
pub use proof::{Proof, Rehearsal, Stage, prove};
#[cfg(not(target_arch = "wasm32"))]
pub use spelling::Vocabulary;
pub use trial::{Item, Objects, Outcome, Trial};
