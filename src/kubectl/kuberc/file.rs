//! The kuberc file as it is read: where it is, which of its documents counts, what it may say. Changes no command.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/kuberc (kuberc.go, marshal.go) and pkg/config.

use serde_json::{Map, Value};

use crate::kubectl::failure::path_error;
use crate::kubectl::output::Output;
use crate::shell::program::System;
use crate::text::go_number::quote;
use crate::text::yaml::documents;

/// A flag and its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    /// The flag's long name.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// A command and what its flags are by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Such as `create job`.
    pub command: String,
    /// Its flags.
    pub options: Vec<Setting>,
}

/// A name for a command with arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// The command it stands for.
    pub command: String,
    /// Arguments before those of the line.
    pub prepend: Vec<String>,
    /// Arguments after those of the line.
    pub append: Vec<String>,
    /// Flags.
    pub options: Vec<Setting>,
}

/// What a kuberc file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preference {
    /// Defaults of flags.
    pub defaults: Vec<Defaults>,
    /// Names for commands.
    pub aliases: Vec<Alias>,
    policy: String,
    allowed: Option<Vec<String>>,
}

/// The kuberc file to use and whether it was asked for; `None` when there is to be none.
///
/// # Errors
/// A file that is named although there is to be none.
pub fn place(system: &dyn System, named: &str) -> Result<Option<(String, bool)>, String> {
    let of_env = system.env("KUBERC").unwrap_or_default();
    if of_env == "off" {
        if !named.is_empty() {
            return Err("disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive".to_owned());
        }
        return Ok(None);
    }
    if !named.is_empty() {
        return Ok(Some((named.to_owned(), true)));
    }
    if !of_env.is_empty() {
        return Ok(Some((of_env, true)));
    }
    let home = system.env("HOME").unwrap_or_else(|| "/root".to_owned());
    Ok(Some((format!("{}/.kube/kuberc", home.trim_end_matches('/')), false)))
}

/// The file that `--kuberc` names in a line that is not yet taken apart.
///
/// # Errors
/// The flag without a name.
pub fn named(args: &[String]) -> Result<String, String> {
    let missing = || "kuberc file is not found".to_owned();
    for (index, arg) in args.iter().enumerate() {
        if arg == "--" {
            break;
        }
        if arg == "--kuberc" {
            return args.get(index + 1).cloned().ok_or_else(missing);
        }
        if arg.contains("--kuberc=") {
            return arg.split('=').nth(1).filter(|path| !path.is_empty()).map(str::to_owned).ok_or_else(missing);
        }
    }
    Ok(String::new())
}

/// The preferences of the file that counts for a line.
///
/// # Errors
/// A file that was asked for and cannot be used; of another that cannot be used only a line is printed.
pub fn load(system: &dyn System, named: &str, out: &mut Output) -> Result<Option<Preference>, String> {
    let Some((path, explicit)) = place(system, named)? else { return Ok(None) };
    let why = match system.read_file(&path) {
        Err(_) if !explicit && system.file_info(&path).is_err() => return Ok(None),
        Err(errno) => {
            let verb = if system.file_info(&path).is_ok() { "read" } else { "open" };
            path_error(verb, &path, errno)
        }
        Ok(bytes) => match decode(&bytes) {
            Ok((preference, unknown)) => {
                if !unknown.is_empty() {
                    let unknown = unknown.join(", ");
                    out.err(&format!(
                        "kuberc: ignoring strict decoding error in {path}: strict decoding error: {unknown}"
                    ));
                }
                return Ok(Some(preference));
            }
            Err(false) => return Ok(None),
            Err(true) => format!("no valid preferences found in {path}, use --v=5 to see details"),
        },
    };
    if explicit {
        return Err(format!("kuberc: {why}"));
    }
    out.err(&format!("kuberc: no preferences loaded from {path}: {why}"));
    Ok(None)
}

/// The first document that can be used, and what it has that nobody knows. `Err` says whether there was any document.
fn decode(bytes: &[u8]) -> Result<(Preference, Vec<String>), bool> {
    let mut any = false;
    for document in documents(bytes) {
        any = true;
        let Ok(document) = document else { continue };
        let mut reader = Reader { unknown: Vec::new() };
        if let Some(preference) = reader.preference(&document) {
            return Ok((preference, reader.unknown));
        }
    }
    Err(any)
}

/// Reads a document; `None` where a field has another type than it should.
struct Reader {
    unknown: Vec<String>,
}

impl Reader {
    fn preference(&mut self, document: &Value) -> Option<Preference> {
        let fields = document.as_object()?;
        let (defaults, options) = match fields.get("apiVersion")?.as_str()? {
            "kubectl.config.k8s.io/v1beta1" => ("defaults", "options"),
            "kubectl.config.k8s.io/v1alpha1" => ("overrides", "flags"),
            _ => return None,
        };
        if fields.get("kind")?.as_str()? != "Preference" {
            return None;
        }
        let mut preference = Preference::default();
        for (name, value) in fields {
            match name.as_str() {
                "apiVersion" | "kind" => {}
                "aliases" => {
                    preference.aliases =
                        self.list(value, "aliases", |reader, fields, place| reader.alias(fields, place, options))?;
                }
                name if name == defaults => {
                    preference.defaults = self.list(value, defaults, |reader, fields, place| {
                        let mut default = Defaults::default();
                        for (name, value) in fields {
                            match name.as_str() {
                                "command" => default.command = string(value)?,
                                name if name == options => default.options = reader.options(value, place, options)?,
                                name => {
                                    reader.unknown.push(format!("unknown field {}", quote(&format!("{place}.{name}"))))
                                }
                            }
                        }
                        Some(default)
                    })?;
                }
                "credentialPluginPolicy" if defaults == "defaults" => preference.policy = string(value)?,
                "credentialPluginAllowlist" if defaults == "defaults" => {
                    let entries = self.list(value, name, |reader, fields, place| reader.allowed(fields, place))?;
                    preference.allowed = (!value.is_null()).then_some(entries);
                }
                name => self.unknown.push(format!("unknown field {}", quote(name))),
            }
        }
        Some(preference)
    }

    fn list<T>(
        &mut self,
        value: &Value,
        place: &str,
        read: impl Fn(&mut Self, &Map<String, Value>, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        if value.is_null() {
            return Some(Vec::new());
        }
        let items = value.as_array()?.iter().enumerate();
        items.map(|(index, item)| read(self, item.as_object()?, &format!("{place}[{index}]"))).collect()
    }

    fn alias(&mut self, fields: &Map<String, Value>, place: &str, options: &str) -> Option<Alias> {
        let mut alias = Alias::default();
        for (name, value) in fields {
            match name.as_str() {
                "name" => alias.name = string(value)?,
                "command" => alias.command = string(value)?,
                "prependArgs" => alias.prepend = strings(value)?,
                "appendArgs" => alias.append = strings(value)?,
                name if name == options => alias.options = self.options(value, place, options)?,
                name => self.unknown.push(format!("unknown field {}", quote(&format!("{place}.{name}")))),
            }
        }
        Some(alias)
    }

    fn options(&mut self, value: &Value, place: &str, options: &str) -> Option<Vec<Setting>> {
        self.list(value, &format!("{place}.{options}"), |reader, fields, place| {
            let mut setting = Setting::default();
            for (name, value) in fields {
                match name.as_str() {
                    "name" => setting.name = string(value)?,
                    "default" => setting.value = string(value)?,
                    name => reader.unknown.push(format!("unknown field {}", quote(&format!("{place}.{name}")))),
                }
            }
            Some(setting)
        })
    }

    fn allowed(&mut self, fields: &Map<String, Value>, place: &str) -> Option<String> {
        let (mut own, mut old) = (String::new(), String::new());
        for (name, value) in fields {
            match name.as_str() {
                "command" => own = string(value)?,
                "name" => old = string(value)?,
                name => self.unknown.push(format!("unknown field {}", quote(&format!("{place}.{name}")))),
            }
        }
        if !own.is_empty() && !old.is_empty() && own != old {
            return None;
        }
        Some(if own.is_empty() { old } else { own })
    }
}

fn string(value: &Value) -> Option<String> {
    if value.is_null() { Some(String::new()) } else { value.as_str().map(str::to_owned) }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    if value.is_null() {
        return Some(Vec::new());
    }
    value.as_array()?.iter().map(string).collect()
}

impl Preference {
    /// What makes preferences unusable.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let dashed = |options: &[Setting]| match options.iter().find(|option| option.name.starts_with('-')) {
            Some(option) => Err(format!("flag name {} should be in long form without dashes", option.name)),
            None => Ok(()),
        };
        for (index, alias) in self.aliases.iter().enumerate() {
            if alias.name.is_empty() || !alias.name.chars().all(|c| c.is_ascii_alphabetic()) {
                return Err("invalid alias name, can only include alphabetical characters".to_owned());
            }
            dashed(&alias.options)?;
            if self.aliases.iter().take(index).any(|other| other.name == alias.name) {
                return Err(format!("duplicate alias name {}", alias.name));
            }
        }
        for default in &self.defaults {
            dashed(&default.options)?;
        }
        match (self.policy.as_str(), &self.allowed) {
            ("" | "AllowAll" | "DenyAll", None) => Ok(()),
            (policy @ ("" | "AllowAll" | "DenyAll"), Some(_)) => Err(format!(
                "misconfigured credential plugin allowlist: plugin policy is {} but allowlist is non-nil",
                quote(policy)
            )),
            ("Allowlist", None) => {
                Err("credential plugin policy set to \"Allowlist\", but allowlist is unspecified".to_owned())
            }
            ("Allowlist", Some(list)) if list.is_empty() => Err(
                "credential plugin policy set to \"Allowlist\", but allowlist is empty; use \"DenyAll\" policy instead"
                    .to_owned(),
            ),
            ("Allowlist", Some(list)) => match list.iter().position(String::is_empty) {
                Some(index) => {
                    Err(format!("misconfigured credential plugin allowlist: empty allowlist entry #{}", index + 1))
                }
                None => Ok(()),
            },
            (policy, _) => Err(format!("unknown plugin policy: {}", quote(policy))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: kubectl.config.k8s.io/v1alpha1\nkind: Preference\noverrides:\n- command: get\n  flags: [{name: output, default: wide}]\naliases:\n- name: getn\n  command: get\n  prependArgs: [nodes]\n  x: y\n";

    #[test]
    fn the_first_document_that_can_be_used_counts() {
        let text = format!(
            "kind: Other\n---\napiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\naliases: 3\n---\n{FILE}"
        );
        let (preference, unknown) = decode(text.as_bytes()).unwrap();
        assert_eq!(preference.defaults[0].options[0].value, "wide");
        assert_eq!(preference.aliases[0].prepend, ["nodes"]);
        assert_eq!(unknown, ["unknown field \"aliases[0].x\""]);
        assert_eq!(decode(b""), Err(false));
        assert_eq!(decode(b"a: b\n"), Err(true));
    }

    #[test]
    fn names_with_dashes_and_doubles_are_refused() {
        let of = |text: &str| decode(text.as_bytes()).unwrap().0.validate().unwrap_err();
        assert_eq!(of(&FILE.replace("getn", "get-n")), "invalid alias name, can only include alphabetical characters");
        assert_eq!(of(&FILE.replace("output", "--output")), "flag name --output should be in long form without dashes");
        assert_eq!(of(&format!("{FILE}- name: getn\n")), "duplicate alias name getn");
    }
}
