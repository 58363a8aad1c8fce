//! Paths that must not lead out of where they start.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateLocalDescendingPath`).

use crate::api::validate::Errors;
use crate::apimachinery::field::{Error, Path};

/// A path that stays below where it starts (`validateLocalDescendingPath`).
pub fn descending(errors: &mut Errors, path: &Path, text: &str) {
    if text.starts_with('/') {
        errors.push(Error::invalid(path, text, "must be a relative path"));
    }
    no_backsteps(errors, path, text);
}

/// `validatePathNoBacksteps`
pub fn no_backsteps(errors: &mut Errors, path: &Path, text: &str) {
    if text.split('/').any(|part| part == "..") {
        errors.push(Error::invalid(path, text, "must not contain '..'"));
    }
}
