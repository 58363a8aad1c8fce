//! Where a kustomization stands: its directory, those that led to it, and the way from the first of them.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/loader/fileloader.go.

use super::file::{self, FILES, lost, missing_directory};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::shell::vfs::lexical;

/// Where a kustomization stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its directory.
    pub directory: String,
    /// The directories of those that led here, and its own.
    visited: Vec<String>,
    /// The way here from the first one; `None` when nobody asks where objects are from.
    way: Option<String>,
    /// The name of its file.
    name: String,
}

impl Place {
    /// The place that everything starts from.
    pub fn first(cx: &Context<'_>, directory: &str, told: bool) -> Place {
        let visited = vec![directory.to_owned()];
        Place { directory: directory.to_owned(), visited, way: told.then(String::new), name: name_of(cx, directory) }
    }

    /// The place of a kustomization that this one names.
    ///
    /// # Errors
    /// No directory, or one that is being read already.
    pub fn enter(&self, cx: &Context<'_>, named: &str) -> Result<Place, Failure> {
        if named.is_empty() {
            return Err(Failure::msg("new root cannot be empty"));
        }
        if let Some(git) = file::unreachable(named) {
            return Err(Failure::msg(git));
        }
        if named.starts_with('/') {
            return Err(Failure::msg(format!("new root '{named}' cannot be absolute")));
        }
        let directory = lexical(&self.directory, named);
        let Ok(info) = cx.system.file_info(&directory) else {
            return Err(missing_directory(&directory, &lost(cx, &directory)));
        };
        if !info.is_dir {
            return Err(Failure::msg(format!("must build at directory: '{directory}': file is not directory")));
        }
        let holds =
            |root: &&String| **root == directory || root.starts_with(&format!("{}/", directory.trim_end_matches('/')));
        if let Some(root) = self.visited.iter().rev().find(holds) {
            return Err(Failure::msg(format!(
                "cycle detected: candidate root '{directory}' contains visited root '{root}'"
            )));
        }
        let visited = self.visited.iter().cloned().chain([directory.clone()]).collect();
        let name = name_of(cx, &directory);
        Ok(Place { visited, way: self.way.as_ref().map(|_| self.told(named)), name, directory })
    }

    /// The way to a file from the first place.
    pub fn told(&self, named: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        let way = self.way.as_deref().unwrap_or_default();
        for part in way.split('/').chain(named.split('/')) {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// The kustomization's own file, from the first place.
    pub fn file(&self) -> String {
        self.told(&self.name)
    }

    /// Whether objects tell where they are from.
    pub fn is_told(&self) -> bool {
        self.way.is_some()
    }
}

fn name_of(cx: &Context<'_>, directory: &str) -> String {
    let is = |name: &&&str| cx.system.read_file(&format!("{directory}/{name}")).is_ok();
    FILES.iter().find(is).copied().unwrap_or(FILES[0]).to_owned()
}
