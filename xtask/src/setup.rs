//! Installs what the build needs and this machine lacks; asks first what is there, so that a second run is quick.

use std::fs;

use crate::run::{Failure, Outcome, answer, cargo, command, npm, root, run, say, which};

/// Must be the very version of the crate in Cargo.toml.
const WASM_BINDGEN: &str = "0.2.130";
const TRUNK: &str = "0.21.14";

/// Everything that building the site needs.
pub fn tools() -> Outcome {
    wasm_target()?;
    wasm_bindgen()?;
    trunk()?;
    npm_packages()
}

/// The npm packages of `www/`, exactly as the lock file says.
pub fn npm_packages() -> Outcome {
    let www = root().join("www");
    let wanted = fs::read(www.join("package-lock.json"))?;
    let installed = www.join("node_modules/.tabernetes-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if which("node").is_none() {
        return Err(Failure("Node 18 or newer is missing: install it from nodejs.org or your package manager".into()));
    }
    say("installing the npm packages of www/");
    run(npm().args(["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"]).current_dir(&www))?;
    fs::write(installed, wanted)?;
    Ok(())
}

fn wasm_target() -> Outcome {
    let target = "wasm32-unknown-unknown";
    let library = answer(command("rustc").args(["--print", "target-libdir", "--target", target]));
    if library.is_some_and(|library| std::path::Path::new(&library).is_dir()) {
        return Ok(());
    }
    if which("rustup").is_none() {
        return Err(Failure(format!("Rust's standard library for {target} is missing, and rustup to install it too")));
    }
    say("installing Rust's standard library for WebAssembly");
    run(command("rustup").args(["target", "add", target]))
}

fn wasm_bindgen() -> Outcome {
    if has("wasm-bindgen", WASM_BINDGEN) {
        return Ok(());
    }
    say(&format!("installing wasm-bindgen {WASM_BINDGEN} (a few minutes, once)"));
    // Without --locked: its lock file names a version that no registry has.
    let mut install = cargo();
    install.args(["install", "wasm-bindgen-cli", "--version", WASM_BINDGEN, "--force", "--quiet"]);
    run(quick(&mut install))
}

fn trunk() -> Outcome {
    if has("trunk", TRUNK) {
        return Ok(());
    }
    say(&format!("installing Trunk {TRUNK} (a few minutes, once)"));
    let mut install = cargo();
    install.args(["install", "trunk", "--version", TRUNK, "--locked", "--force", "--quiet"]);
    run(quick(install.args(["--no-default-features", "--features", "rustls"])))
}

/// A tool that runs for a second does not have to be optimised for minutes.
fn quick(install: &mut std::process::Command) -> &mut std::process::Command {
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "off")
}

fn has(tool: &str, version: &str) -> bool {
    answer(command(tool).arg("--version")).is_some_and(|text| text.split_whitespace().nth(1) == Some(version))
}
