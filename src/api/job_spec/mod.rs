//! What Jobs and the templates of Jobs share: the rules of the job spec.
//!
//! Refuses to know which kind holds the spec.

pub mod validation;
