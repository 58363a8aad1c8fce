//! Finds a browser of Chrome's family, or installs Debian's when it may.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::run::{Failure, Outcome, answer, command, run, say, which};

const NAMES: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
];

const MAC: [&str; 4] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Google Chrome Canary.app/Contents/MacOS/Google Chrome Canary",
];

/// A browser that the tests can drive.
pub fn path() -> Outcome<PathBuf> {
    if let Some(chosen) = std::env::var_os("CHROME").map(PathBuf::from) {
        return if chosen.is_file() {
            Ok(chosen)
        } else {
            Err(Failure(format!("CHROME={} is no file", chosen.display())))
        };
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    install();
    find().ok_or_else(|| {
        Failure(
            "the browser test needs a browser of Chrome's family and found none. Install one:\n  \
             Debian:  sudo apt-get install chromium\n  \
             Ubuntu:  https://www.google.com/chrome (.deb), or sudo snap install chromium\n  \
             macOS:   brew install --cask google-chrome\n\
             or name one that is elsewhere: CHROME=/path/to/chrome cargo xtask test"
                .into(),
        )
    })
}

fn find() -> Option<PathBuf> {
    let on_path = NAMES.iter().filter_map(|name| which(name));
    on_path.chain(MAC.iter().map(PathBuf::from).filter(|file| file.is_file())).find(|browser| works(browser))
}

/// Ubuntu's `chromium-browser` may be a script that only says how to install the snap.
fn works(browser: &Path) -> bool {
    answer(command(&browser.to_string_lossy()).arg("--version")).is_some()
}

/// Installs Debian's package as root or by a sudo that asks nothing; whatever comes of it, `find` looks again.
fn install() {
    if which("apt-get").is_none() {
        return;
    }
    let root = answer(command("id").arg("-u")).as_deref() == Some("0");
    let sudo = !root && answer(command("sudo").args(["-n", "true"])).is_some();
    if !root && !sudo {
        return;
    }
    say("installing the package chromium for the browser test");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "chromium"][..]] {
        let mut apt = command(if sudo { "sudo" } else { "apt-get" });
        if sudo {
            apt.args(["-n", "apt-get"]);
        }
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        // A list that could not be refreshed may still hold the package.
        let _ = run(apt.args(["-qq"]).args(arguments));
    }
}
