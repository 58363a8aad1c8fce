//! The door to the rest of the module: `www/split/` cuts what the first lessons do not run out of the module after it
//! is linked; what stands in its place calls `need_rest` first, when the rest has not arrived yet.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Loads the rest, now; `www/src/engine.js` has it.
    #[wasm_bindgen(js_name = tabernetesRest)]
    fn load();
}

/// Returns once the rest is there; what cannot be loaded is thrown as an error of JavaScript.
#[wasm_bindgen]
pub fn need_rest() {
    load();
}
