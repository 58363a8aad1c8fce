//! The kuberc file: a learner's own aliases and defaults of flags, taken in before a command is looked for.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/kuberc/kuberc.go. Which programs may hand out credentials
//! (`credentialPluginPolicy`) is read and judged; no program of this machine does.

mod file;

pub use file::{Preference, place};

use file::Setting;

use super::flags::{Flag, parse};
use super::output::Output;
use super::tree::{self, Found};
use crate::shell::program::System;

/// The command that a line names, with its aliases and defaults.
///
/// # Errors
/// What is wrong with the preferences.
pub fn find(system: &dyn System, args: &[String], out: &mut Output) -> Result<Option<Found>, String> {
    if args.is_empty() || system.env("KUBECTL_KUBERC").as_deref() == Some("false") {
        return Ok(None);
    }
    let named = file::named(args)?;
    let Some(preference) = file::load(system, &named, out).map_err(|why| format!("kuberc error {why}"))? else {
        return Ok(None);
    };
    preference.validate()?;
    let mut aliases = Vec::new();
    let mut found = match tree::find(args) {
        Ok(found) => Some(found),
        Err(_) => alias(&preference, args, &mut aliases, out)?,
    };
    if let Some(found) = &mut found {
        defaults(&preference, args, &aliases, found, out)?;
    }
    Ok(found)
}

/// The words of a text.
fn fields(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The command behind an alias, with the words that the alias adds.
fn alias(
    preference: &Preference,
    args: &[String],
    seen: &mut Vec<String>,
    out: &mut Output,
) -> Result<Option<Found>, String> {
    let Some(at) = args.iter().position(|arg| !arg.starts_with('-')) else { return Ok(None) };
    let name = args.get(at).cloned().unwrap_or_default();
    for alias in &preference.aliases {
        seen.push(alias.name.clone());
        if alias.name != name {
            continue;
        }
        if tree::find(std::slice::from_ref(&name)).is_ok() {
            out.err_line(&format!("Warning: Setting alias \"{name}\" to a built-in command is not supported"));
            return Ok(None);
        }
        let words = fields(&alias.command);
        let command = tree::find(&words).map_err(|_| {
            format!("command \"{}\" not found to set alias \"{name}\": [{}]", alias.command, words.join(" "))
        })?;
        let flags = command.command.all_flags();
        let mut line = args.to_vec();
        line.splice(at + 1..at + 1, alias.prepend.iter().cloned());
        line.extend(alias.append.iter().cloned());
        line.remove(at);
        let mut set = Vec::new();
        for option in &alias.options {
            // Upstream names itself, not the alias.
            let of = "in alias kubectl";
            if let Some(word) = option_word(option, &flags, args).map_err(|why| match why {
                Wrong::Unknown => format!("invalid alias flag {} {of}", option.name),
                Wrong::Value(why) => {
                    format!("could not apply value {} to flag {} {of} err: {why}", option.value, option.name)
                }
            })? {
                set.push(word);
            }
        }
        line.splice(0..0, set);
        // A command below the one that is meant keeps its own path.
        let path = command.path.clone();
        let mut found = tree::below(Found { words: line, ..command });
        if found.path == path {
            found.path = format!("kubectl {name}");
        }
        return Ok(Some(found));
    }
    Ok(None)
}

/// Sets the defaults of a command's flags, as if they stood in front of its words.
fn defaults(
    preference: &Preference,
    args: &[String],
    aliases: &[String],
    found: &mut Found,
    out: &mut Output,
) -> Result<(), String> {
    let called = found.path.rsplit(' ').next().unwrap_or_default().to_owned();
    let mut set = Vec::new();
    for default in &preference.defaults {
        let Ok(command) = tree::find(&fields(&default.command)) else {
            out.err_line(&format!("Warning: command \"{}\" not found to set kuberc override", default.command));
            continue;
        };
        if command.command.name != called {
            continue;
        }
        if aliases.contains(&called) {
            return Err(format!("alias {called} can not be overridden"));
        }
        let flags = found.command.all_flags();
        for option in &default.options {
            let of = format!("command {}", default.command);
            let word = option_word(option, &flags, args).map_err(|why| match why {
                Wrong::Unknown => format!("invalid flag {} for {of}", option.name),
                Wrong::Value(why) => {
                    format!(
                        "could not apply override value {} to flag {} in {of} err: {why}",
                        option.value, option.name
                    )
                }
            })?;
            set.extend(word);
        }
    }
    found.words.splice(0..0, set);
    Ok(())
}

enum Wrong {
    Unknown,
    Value(String),
}

/// `--name=value`, unless the line says itself what the flag is.
fn option_word(option: &Setting, flags: &[Flag], args: &[String]) -> Result<Option<String>, Wrong> {
    let flag = flags.iter().find(|flag| flag.name == option.name).ok_or(Wrong::Unknown)?;
    if given(flag, flags, args) {
        return Ok(None);
    }
    let word = format!("--{}={}", option.name, option.value);
    match parse(std::slice::from_ref(&word), flags.to_vec()) {
        Ok(_) => Ok(Some(word)),
        Err(why) => Err(Wrong::Value(why.unwrap_or_default())),
    }
}

/// Whether a flag stands in a line, in full or as a letter.
fn given(flag: &Flag, flags: &[Flag], args: &[String]) -> bool {
    let long = format!("--{}", flag.name);
    args.iter().any(|arg| {
        if *arg == long || arg.strip_prefix(&long).is_some_and(|rest| rest.starts_with('=')) {
            return true;
        }
        let (Some(letter), Some(group)) = (flag.short, arg.strip_prefix('-')) else { return false };
        let letters = !group.is_empty() && group.chars().all(|c| c.is_ascii_alphabetic());
        group.starts_with(letter)
            || letters && flags.iter().any(|one| one.short == Some(letter)) && group.contains(letter)
    })
}
