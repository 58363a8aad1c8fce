//! What a session asks of the element around it. Holds nothing; www/src/lab.js has the other side.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The `<tabernetes-lab>` of a session.
    pub type Host;

    /// Bytes for the terminal; with `reset` they are all there is to see.
    #[wasm_bindgen(method)]
    pub fn terminal(this: &Host, bytes: &[u8], reset: bool);

    /// The lesson's steps, as JSON: `[{"id": "made", "done": true}]`.
    #[wasm_bindgen(method)]
    pub fn steps(this: &Host, json: &str);

    /// Something to tell the person in a line.
    #[wasm_bindgen(method)]
    pub fn notice(this: &Host, text: &str);

    /// Milliseconds of real time since some instant.
    #[wasm_bindgen(method)]
    pub fn clock(this: &Host) -> f64;

    /// There is something new to keep.
    #[wasm_bindgen(method)]
    pub fn changed(this: &Host);
}
