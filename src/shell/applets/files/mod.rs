//! Applets on files: ls, mkdir, rmdir, rm, cp, mv, touch, chmod, ln, find, stat, mktemp, basename, dirname and their like.

mod chmod;
mod find;
mod ls;
mod make;
mod paths;
mod stat;
mod transfer;

pub use self::chmod::chmod;
pub use self::find::find;
pub use self::ls::ls;
pub use self::make::{ln, mkdir, mktemp, rm, rmdir, touch, truncate};
pub use self::paths::{basename, dirname, readlink};
pub use self::stat::{du, stat};
pub use self::transfer::{cp, mv};

use super::driver::Out;
use super::options::{Options, message, parse};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::System;

/// Parses options inside of a function that runs at once; reports and gives 1 when that fails.
pub(super) fn options(args: &[String], flags: &str, valued: &str, kernel: &Kernel, out: &mut Out) -> Option<Options> {
    match parse(args, flags, valued) {
        Ok(options) => Some(options),
        Err(bad) => {
            let name = args.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
            out.err(&message(name, &bad.0, kernel.flavour()));
            None
        }
    }
}

/// Where something goes: into the target, when that is a folder.
fn target_of(kernel: &Kernel, source: &str, target: &str) -> String {
    if kernel.file_info(target).is_ok_and(|info| info.is_dir) {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        return format!("{}/{name}", target.trim_end_matches('/'));
    }
    target.to_owned()
}

fn missing(name: &str, kernel: &Kernel, out: &mut Out) -> i32 {
    out.err(&match kernel.flavour() {
        Flavour::Gnu => format!("{name}: missing operand\nTry '{name} --help' for more information.\n"),
        Flavour::Busybox => format!("{name}: missing operand\n"),
    });
    1
}

/// The name of a user or group by the machine's files.
pub(super) fn account(kernel: &Kernel, file: &str, id: u32) -> String {
    let content = kernel.vfs().read_file("/", file).unwrap_or_default();
    let text = String::from_utf8_lossy(&content).into_owned();
    let found = text
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&id.to_string()))
        .and_then(|line| line.split(':').next());
    found.map_or_else(|| id.to_string(), str::to_owned)
}

pub(super) fn human(size: u64) -> String {
    let mut value = size as f64;
    for unit in ["", "K", "M", "G", "T"] {
        if value < 1024.0 {
            return if unit.is_empty() {
                format!("{size}")
            } else if value < 10.0 {
                format!("{value:.1}{unit}")
            } else {
                format!("{:.0}{unit}", value.ceil())
            };
        }
        value /= 1024.0;
    }
    format!("{value:.0}P")
}
