//! Which files make up the kubeconfig, reading them together, and writing a change back to the file that it belongs to.
//!
//! `--kubeconfig` names one file; `KUBECONFIG` lists several; else there is `~/.kube/config`.
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/clientcmd/{loader,config}.go.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Kubeconfig, schema, text};
use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::Flags;
use crate::shell::program::{Errno, System};
use crate::shell::vfs::lexical;
use crate::text::yaml::to_yaml;

/// The lists whose entries know the file they came from.
const LISTS: [&str; 3] = ["clusters", "contexts", "users"];

/// Where the kubeconfig stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Files {
    /// The files, the first one first.
    paths: Vec<String>,
    /// Whether a flag named the one file.
    explicit: bool,
    /// Whether the environment named them.
    listed: bool,
}

/// What came of reading the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// What they hold together.
    pub config: Kubeconfig,
    /// The files that were read.
    pub read: Vec<String>,
    /// The files that the environment names, when none of them is there.
    pub missing: Vec<String>,
}

impl Files {
    /// The files of a command.
    pub fn of(system: &dyn System, flags: &Flags) -> Files {
        let named = flags.text("kubeconfig");
        if !named.is_empty() {
            return Files { paths: vec![named.to_owned()], explicit: true, listed: false };
        }
        if let Some(list) = system.env("KUBECONFIG").filter(|list| !list.is_empty()) {
            let mut paths: Vec<String> = Vec::new();
            for path in list.split(':').map(str::to_owned) {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
            return Files { paths, explicit: false, listed: true };
        }
        let home = system.env("HOME").unwrap_or_else(|| "/root".to_owned());
        let path = format!("{}/.kube/config", home.trim_end_matches('/'));
        Files { paths: vec![path], explicit: false, listed: false }
    }

    /// The one file that a flag names.
    pub fn explicit(&self) -> Option<&str> {
        self.paths.first().filter(|_| self.explicit).map(String::as_str)
    }

    /// The file that new entries are written to.
    pub fn usual(&self, system: &dyn System) -> &str {
        let there = self.paths.iter().find(|path| system.file_info(path).is_ok());
        there.or(self.paths.last()).map_or("", String::as_str)
    }

    /// Reads all files; paths in them stay as they are written.
    ///
    /// # Errors
    /// A file that is named by a flag and not there, files that cannot be read.
    pub fn load(&self, system: &dyn System) -> Result<Loaded, Failure> {
        let (mut loaded, mut wrong) = (Loaded::default(), Vec::new());
        for path in self.paths.iter().filter(|path| !path.is_empty()) {
            match read(system, path) {
                Ok(config) => {
                    loaded.config.merge(config);
                    loaded.read.push(path.clone());
                }
                Err(Unread::Missing) if self.explicit => {
                    return Err(Failure::msg(format!("stat {path}: no such file or directory")));
                }
                Err(Unread::Missing) => loaded.missing.push(path.clone()),
                Err(Unread::Because(why)) => {
                    wrong.push(Failure::msg(format!("error loading config file \"{path}\": {why}")));
                }
            }
        }
        if !self.listed || !loaded.read.is_empty() {
            loaded.missing.clear();
        }
        match (wrong.pop(), wrong.is_empty()) {
            (None, _) => Ok(loaded),
            (Some(one), true) => Err(one),
            (Some(last), false) => Err(Failure::Many(wrong.into_iter().chain([last]).collect())),
        }
    }

    /// As [`Files::load`]; a file that is not there is empty, whoever named it.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn start(&self, system: &dyn System) -> Result<Loaded, Failure> {
        match self.explicit() {
            Some(path) if system.file_info(path) == Err(Errno::Enoent) => Ok(Loaded::default()),
            _ => self.load(system),
        }
    }

    /// Writes what is different from what the files hold, each entry to the file that it came from. With `relative`,
    /// the paths of a changed entry are written as seen from its file where they lead downwards. The files that were
    /// read on the way are added to `seen`.
    ///
    /// # Errors
    /// A file that cannot be locked, read or written.
    pub fn modify(
        &self,
        system: &mut dyn System,
        new: &Kubeconfig,
        relative: bool,
        seen: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let mut locked = Vec::new();
        let done = self.lock(system, &mut locked).and_then(|()| self.write_changes(system, new, relative, seen));
        for lock in locked {
            let _ = system.remove_file(&lock);
        }
        done.map_err(Failure::msg)
    }

    fn lock(&self, system: &mut dyn System, locked: &mut Vec<String>) -> Result<(), String> {
        let paths: BTreeSet<&String> = self.paths.iter().collect();
        for path in paths {
            make_folder(system, path)?;
            let lock = format!("{path}.lock");
            let refused = |errno: Errno| path_error("open", &lock, errno);
            if system.file_info(&lock).is_ok() {
                return Err(refused(Errno::Eexist));
            }
            system.write_file(&lock, b"").map_err(refused)?;
            locked.push(lock);
        }
        Ok(())
    }

    fn write_changes(
        &self,
        system: &mut dyn System,
        new: &Kubeconfig,
        relative: bool,
        seen: &mut Vec<String>,
    ) -> Result<(), String> {
        let Loaded { config: old, read, .. } = self.start(system).map_err(|why| why.text())?;
        seen.extend(read.iter().cloned());
        if old.current() != new.current() {
            seen.extend(read.iter().cloned());
            self.write_current(system, new.current(), seen)?;
        }
        if old.content.get("preferences") != new.content.get("preferences") {
            seen.extend(read.iter().cloned());
            self.write_preferences(system, new.content.get("preferences"), seen)?;
        }
        for list in LISTS {
            for (name, entry) in new.entries(list).filter(|(name, entry)| old.entry(list, name) != Some(*entry)) {
                self.write_entry(system, list, (name, entry), Some(relative), seen)?;
            }
        }
        for list in LISTS {
            for (name, entry) in old.entries(list).filter(|(name, _)| new.entry(list, name).is_none()) {
                self.write_entry(system, list, (name, entry), None, seen)?;
            }
        }
        Ok(())
    }

    /// Writes an entry, or takes it away where `relative` is `None`.
    fn write_entry(
        &self,
        system: &mut dyn System,
        list: &str,
        (name, entry): (&str, &Map<String, Value>),
        relative: Option<bool>,
        seen: &mut Vec<String>,
    ) -> Result<(), String> {
        let path = match text(entry, schema::ORIGIN) {
            "" => self.usual(system).to_owned(),
            origin => origin.to_owned(),
        };
        let mut config = of_file(system, &path, seen)?;
        let entry = relative.map(|relative| {
            let mut entry = entry.clone();
            if relative {
                relativize(&mut entry, &base(system, &path));
            }
            entry
        });
        config.set(list, name, entry);
        write(system, &path, &config)
    }

    fn write_current(&self, system: &mut dyn System, name: &str, seen: &mut Vec<String>) -> Result<(), String> {
        if self.explicit || !name.is_empty() {
            let path = self.explicit().unwrap_or_else(|| self.usual(system)).to_owned();
            let mut config = of_file(system, &path, seen)?;
            config.set_current(name);
            return write(system, &path, &config);
        }
        // The first file that names one loses it.
        for path in self.paths.iter().filter(|path| system.file_info(path).is_ok()).cloned().collect::<Vec<_>>() {
            let mut config = of_file(system, &path, seen)?;
            if !config.current().is_empty() {
                config.set_current("");
                return write(system, &path, &config);
            }
        }
        Err("no config found to write context".to_owned())
    }

    fn write_preferences(
        &self,
        system: &mut dyn System,
        preferences: Option<&Value>,
        seen: &mut Vec<String>,
    ) -> Result<(), String> {
        for path in &self.paths {
            let mut config = of_file(system, path, seen)?;
            if self.explicit || config.content.get("preferences") != preferences {
                match preferences {
                    Some(value) => config.content.insert("preferences".to_owned(), value.clone()),
                    None => config.content.remove("preferences"),
                };
                return write(system, path, &config);
            }
        }
        Err("no config found to write preferences".to_owned())
    }
}

/// Why a file was not read.
enum Unread {
    Missing,
    Because(String),
}

/// Reads one file; its entries know where they came from.
fn read(system: &dyn System, path: &str) -> Result<Kubeconfig, Unread> {
    let bytes = system.read_file(path).map_err(|errno| match errno {
        Errno::Enoent => Unread::Missing,
        Errno::Eisdir => Unread::Because(format!("read {path}: is a directory")),
        errno => Unread::Because(path_error("open", path, errno)),
    })?;
    let mut config = Kubeconfig::parse(&String::from_utf8_lossy(&bytes)).map_err(Unread::Because)?;
    for list in LISTS {
        for entry in config.entries_mut(list) {
            entry.insert(schema::ORIGIN.to_owned(), json!(path));
        }
    }
    Ok(config)
}

/// The content of one file; empty when it is not there.
fn of_file(system: &dyn System, path: &str, seen: &mut Vec<String>) -> Result<Kubeconfig, String> {
    match read(system, path) {
        Ok(config) => {
            seen.push(path.to_owned());
            Ok(config)
        }
        Err(Unread::Missing) => Ok(Kubeconfig::default()),
        Err(Unread::Because(why)) => Err(why),
    }
}

/// Reads one file and nothing else.
///
/// # Errors
/// A file that is not there or cannot be read.
pub fn alone(system: &dyn System, path: &str) -> Result<Kubeconfig, Failure> {
    read(system, path).map_err(|why| {
        Failure::msg(match why {
            Unread::Missing => format!("open {path}: no such file or directory"),
            Unread::Because(why) => why,
        })
    })
}

fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

fn make_folder(system: &mut dyn System, path: &str) -> Result<(), String> {
    let folder = folder(path);
    if system.file_info(folder) != Err(Errno::Enoent) {
        return Ok(());
    }
    let refused = |errno: Errno| path_error("mkdir", folder, errno);
    system.create_dir(folder, true).map_err(refused)
}

fn write(system: &mut dyn System, path: &str, config: &Kubeconfig) -> Result<(), String> {
    make_folder(system, path)?;
    let text = to_yaml(&config.file());
    system.write_file(path, text.as_bytes()).map_err(|errno| path_error("open", path, errno))
}

/// The folder of a file, as an absolute path.
pub fn base(system: &dyn System, path: &str) -> String {
    lexical(&system.cwd(), folder(path))
}

/// The fields of an entry that name files.
pub fn references(entry: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for (name, value) in entry.iter_mut() {
        match name.as_str() {
            "certificate-authority" | "client-certificate" | "client-key" | "tokenFile" => found.push(value),
            "exec" => found.extend(
                value
                    .get_mut("command")
                    .filter(|program| program.as_str().is_some_and(|program| program.contains('/'))),
            ),
            _ => {}
        }
    }
    found
}

/// Makes the paths of an entry absolute.
pub fn resolve(entry: &mut Map<String, Value>, base: &str) {
    for path in references(entry) {
        if let Some(short) = path.as_str().filter(|path| !path.is_empty() && !path.starts_with('/')) {
            *path = json!(lexical(base, short));
        }
    }
}

/// Writes the paths of an entry as seen from a folder, where they lead into it.
fn relativize(entry: &mut Map<String, Value>, base: &str) {
    resolve(entry, base);
    for path in references(entry) {
        let whole = path.as_str().map(|path| lexical(base, path)).unwrap_or_default();
        if let Some(below) = whole.strip_prefix(base.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/')) {
            *path = json!(below);
        }
    }
}
