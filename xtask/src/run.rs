//! Starting other programs: what is said before, what a failure says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a task could not go on, as a sentence for the person who started it.
pub struct Failure(pub String);

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure(error.to_string())
    }
}

/// What a task comes to.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The folder of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Says what is being done, in a short line.
pub fn say(line: &str) {
    eprintln!("· {line}");
}

/// The Cargo that started this program.
pub fn cargo() -> Command {
    let mut command = command(std::env::var("CARGO").as_deref().unwrap_or("cargo"));
    // Set by `cargo run` for xtask itself; an inner Cargo must not take them for its own.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// A command in the folder of the repository, with npm's tools and Cargo's on its `PATH`.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", path());
    command
}

/// Node's package manager, whose file is called otherwise on Windows.
pub fn npm() -> Command {
    command(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Runs it to its end, its output shown.
pub fn run(command: &mut Command) -> Outcome {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure(format!("`{shown}` ended with {status}"))),
        Err(error) => Err(Failure(format!("cannot start `{shown}`: {error}"))),
    }
}

/// Runs it to its end and gives its standard output; none when it cannot start or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where a program stands on the `PATH`, if it does.
pub fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path()).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn path() -> std::ffi::OsString {
    let mut folders = vec![root().join("www/node_modules/.bin")];
    // `cargo install` may put tools where this shell does not look yet.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    folders.extend(home.map(|home| home.join("bin")));
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap_or_default()
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
