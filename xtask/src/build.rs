//! Builds the site into `dist/`: static files that work from any folder of any host.
//!
//! Trunk compiles the module, the native CLI renders the lessons, `www/split/` takes out of the module what the first
//! lessons do not run, `www/build.mjs` bundles, names by content and weighs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::run::{Failure, Outcome, cargo, command, root, run, say};
use crate::{prose, setup};

/// Where the site ends up.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// `www/build.mjs` ends so when everything is built and too heavy.
const TOO_HEAVY: i32 = 3;

/// How the site came out.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The first load is within its budget.
    WithinBudget,
    /// It is not; the site is complete and can be looked at all the same.
    TooHeavy,
}

impl Weight {
    /// A failure, for whoever has to keep the budget.
    pub fn or_fail(self) -> Outcome {
        match self {
            Weight::WithinBudget => Ok(()),
            Weight::TooHeavy => Err(Failure("the first load is over its budget; see the list above".into())),
        }
    }
}

/// Installs what is missing and builds the site.
pub fn site() -> Outcome<Weight> {
    setup::tools()?;
    let map = module()?;
    let pages = root().join("target/site");
    say("rendering the lessons");
    fs::remove_dir_all(&pages).or_else(absent)?;
    run(cargo()
        .args(["run", "--quiet", "--package", "tabernetes", "--bin", "tabernetes", "--", "site", "build", "--out"])
        .arg(&pages))?;
    prose::native()?;
    fs::copy(root().join("target/prose.json"), pages.join("prose.json"))?;
    let trunk = root().join("target/trunk");
    say("splitting the engine: what the first lessons run, and the rest");
    run(command("node").arg("www/split/split.mjs").arg(&trunk).arg(&pages).arg(map))?;
    say("bundling the page");
    let mut bundle = command("node");
    bundle.arg("www/build.mjs").arg(&pages).arg(trunk.join("split")).arg(dist());
    match bundle.status()?.code() {
        Some(0) => Ok(Weight::WithinBudget),
        Some(TOO_HEAVY) => Ok(Weight::TooHeavy),
        _ => Err(Failure("the page could not be bundled".into())),
    }
}

/// Compiles the module, unless nothing that it is made of has changed. Gives the linker's map of it.
fn module() -> Outcome<PathBuf> {
    let profile = "wasm";
    say("compiling the engine for the browser");
    run(cargo()
        .args(["build", "--quiet", "--target", "wasm32-unknown-unknown", "--bin", "tabernetes-web"])
        .args(["--profile", profile]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let compiled = target.join("wasm32-unknown-unknown").join(profile).join("tabernetes-web.wasm");
    let map = compiled.with_extension("map");
    let packed = root().join("target/trunk/tabernetes-web_bg.wasm");
    let settings = ["Trunk.toml", "www/wasm.html", "www/package-lock.json"].map(|name| age(&root().join(name)));
    let newest = settings.into_iter().chain([age(&compiled)]).flatten().max();
    if age(&packed) > newest {
        return Ok(map);
    }
    say("packing it (wasm-bindgen, wasm-opt)");
    run(command("trunk").args(["build", "--log", "warn", "--skip-version-check"]).env_remove("NO_COLOR"))?;
    Ok(map)
}

fn age(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|facts| facts.modified()).ok()
}

fn absent(error: std::io::Error) -> Result<(), Failure> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error.into()) }
}
