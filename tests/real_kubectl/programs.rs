//! The programs of this machine that a test lets play against ours.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where a program stands on the `PATH`; `None` when this machine lacks it.
pub fn program(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    folders().map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// The `PATH` for the real kubectl. `kubectl plugin list` speaks of every folder on it that does not exist, and of every
/// plugin; the recorded machine had neither, so folders with such are left out.
pub fn path() -> OsString {
    let of_the_machine = |folder: &PathBuf| folder.join("kubectl").is_file() || !has_plugin(folder);
    std::env::join_paths(folders().filter(|folder| folder.is_dir()).filter(of_the_machine)).unwrap_or_default()
}

fn folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn has_plugin(folder: &Path) -> bool {
    let named = |file: std::fs::DirEntry| file.file_name().to_string_lossy().starts_with("kubectl-");
    std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).any(named)
}
