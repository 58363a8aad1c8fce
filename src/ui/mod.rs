//! The screen: Leptos views mounted inside the custom elements, and the driver that brings real time in.
//!
//! Decides nothing about Kubernetes: it turns keys and clicks into `Action`s, and what the playground says into DOM.

/// Prepares the module once it is loaded; mounts nothing, the custom elements ask for what they show.
pub fn start() {
    console_error_panic_hook::set_once();
}
