//! The screen: Leptos views mounted inside the custom elements, and the session that brings keys and real time in.
//!
//! Decides nothing about Kubernetes: it turns keys and clicks into `Action`s, and what the playground says into DOM.
//! The elements themselves, the terminal's drawing and what is kept in the browser are in `www/src`.

mod bench;
mod core;
mod host;
mod rest;
mod session;
mod signals;
mod view;

pub use bench::PageBench;
pub use rest::need_rest;
pub use session::Session;

use wasm_bindgen::JsValue;

/// Prepares the module once it is loaded; mounts nothing, the custom elements ask for what they show.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The lab's banner tells it; see `broke` in www/src/lab.js.
        let text = JsValue::from_str(&info.to_string());
        let _ = js_sys::Reflect::set(&js_sys::global(), &JsValue::from_str("tabernetesPanic"), &text);
    }));
}
