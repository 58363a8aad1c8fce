//! Fields that a manifest leaves out: filled by the server, or left out again.
//!
//! Models how Go's `omitempty` and the defaulting functions of Kubernetes 1.36 (pkg/apis/*/v1/defaults.go) see them.

/// Fills what is absent.
pub fn fill<T>(slot: &mut Option<T>, value: impl FnOnce() -> T) {
    if slot.is_none() {
        *slot = Some(value());
    }
}

/// Fills a text that is absent or empty: Go cannot tell these apart for plain strings.
pub fn fill_text(slot: &mut Option<String>, value: &str) {
    if slot.as_deref().unwrap_or_default().is_empty() {
        *slot = Some(value.to_owned());
    }
}

/// Drops a text that is empty, as Go's `omitempty` does.
pub fn drop_empty(slot: &mut Option<String>) {
    if slot.as_deref() == Some("") {
        *slot = None;
    }
}
