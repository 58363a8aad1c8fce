//! The build script: has the linker write its map beside the page's module, which tells the split of the module where each
//! constant lies. Does nothing for other targets.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=xtask/link.rs");
    let told = |name| std::env::var(name).unwrap_or_default();
    // Build scripts write to `build/<package>/out` below the folder that the module comes to.
    let out = told("OUT_DIR");
    if told("CARGO_CFG_TARGET_ARCH") == "wasm32"
        && let Some(folder) = Path::new(&out).ancestors().nth(3)
    {
        println!("cargo::rustc-link-arg-bin=tabernetes-web=-Map={}", folder.join("tabernetes-web.map").display());
    }
}
