//! The texts of `kubectl explain`, when `cargo xtask prose` has made them: beside this program, or one folder up (which
//! is `target/`). Without them everything works, and `explain` says that there is no description.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use crate::apimachinery::facts::Prose;

/// The texts, if they are there.
///
/// # Errors
/// The file cannot be understood.
pub fn read() -> Result<Option<Arc<Prose>>, Failure> {
    let program = std::env::current_exe().unwrap_or_default();
    let places: Vec<PathBuf> =
        program.ancestors().skip(1).take(2).map(|folder: &Path| folder.join("prose.json")).collect();
    let found = places.iter().find_map(|path| Some((path, std::fs::read_to_string(path).ok()?)));
    let Some((path, text)) = found else { return Ok(None) };
    let prose = Prose::parse(&text).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    Ok(Some(Arc::new(prose)))
}
