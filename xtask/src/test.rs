//! Every test, with all the set-up that it needs: native, the lessons' proofs, the page in a headless browser.

use crate::run::{Failure, Outcome, answer, cargo, run, say};
use crate::{build, chrome, prose, serve, setup};

/// `cargo xtask test`.
pub fn command_line(arguments: &[&str]) -> Outcome<(bool, bool)> {
    match arguments {
        [] => Ok((true, true)),
        ["--native"] => Ok((true, false)),
        ["--browser"] => Ok((false, true)),
        other => Err(Failure(format!("test knows no {}; it knows --native and --browser", other.join(" ")))),
    }
}

/// Runs them all; the first failure ends it.
pub fn command(arguments: &[&str]) -> Outcome {
    let (native, browser) = command_line(arguments)?;
    if native {
        prose::native()?;
        native_tests()?;
        say("proving the lessons");
        run(cargo().args([
            "run",
            "--quiet",
            "--package",
            "tabernetes",
            "--bin",
            "tabernetes",
            "--",
            "lesson",
            "check",
        ]))?;
    }
    if browser {
        in_browser("tests/browser/run.mjs")?;
    }
    Ok(())
}

/// `cargo xtask bench`.
pub fn bench() -> Outcome {
    say("natively");
    run(cargo().args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "tabernetes",
        "--bin",
        "tabernetes",
        "--",
        "bench",
    ]))?;
    say("in a headless browser");
    in_browser("tests/browser/bench.mjs")
}

fn native_tests() -> Outcome {
    if answer(cargo().args(["nextest", "--version"])).is_none() {
        say("native tests");
        return run(cargo().args(["test", "--quiet", "--workspace"]));
    }
    say("native tests (nextest)");
    run(cargo().args(["nextest", "run", "--workspace", "--status-level", "fail", "--no-tests", "pass"]))?;
    // Examples in the documentation, which nextest leaves out.
    run(cargo().args(["test", "--quiet", "--doc", "--workspace"]))
}

fn in_browser(script: &str) -> Outcome {
    setup::npm_packages()?;
    let browser = chrome::path()?;
    let weight = build::site()?;
    // Two origins and two folders: the site itself, and the same files embedded in somebody else's page.
    let site = serve::in_background(build::dist(), "/some/where/")?;
    let foreign = serve::in_background(crate::run::root().join("tests/browser/foreign"), "/blog/")?;
    say(&format!("{script} in {}", browser.display()));
    run(crate::run::command("node")
        .arg(script)
        .env("CHROME", browser)
        .env("SITE", site)
        .env("FOREIGN", foreign)
        .env("DIST", build::dist())
        .env("SHOTS", crate::run::root().join("target/screenshots")))?;
    weight.or_fail()
}
