//! Reading for a kustomization: its own file and what it may say, files in and below its directory, places of other
//! machines. Changes no object.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/types/kustomization.go, api/internal/loader and api/internal/git/repospec.go.

use serde_json::{Map, Value};

use super::fields::fitted;
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::shell::vfs::lexical;
use crate::text::yaml::from_yaml;

/// The names that a kustomization's file may have.
pub const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that are told to be old, and what takes their place.
const OLD: &[(&str, &str)] = &[
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
];

/// What is said of a directory that is not there.
pub fn missing_directory(path: &str, lost: &str) -> Failure {
    Failure::msg(format!(
        "must build at directory: not a valid directory: evalsymlink failure on '{path}' : lstat {lost}: no such file or directory"
    ))
}

/// The first part of a way that is not there.
pub fn lost(cx: &Context<'_>, path: &str) -> String {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    let parts = ends.filter_map(|end| path.get(..end));
    parts.into_iter().find(|part| cx.system.file_info(part).is_err()).unwrap_or(path).to_owned()
}

/// Reads a file of a kustomization: one in or below its directory.
///
/// # Errors
/// kustomize's words about a file that is not there, or is elsewhere.
pub fn load(cx: &Context<'_>, directory: &str, file: &str) -> Result<Vec<u8>, String> {
    if let Some(host) = file.strip_prefix("https://").or_else(|| file.strip_prefix("http://")) {
        let host = host.split('/').next().unwrap_or_default();
        let why = match host {
            "" => "http: no Host in request URL".to_owned(),
            host => format!("dial tcp: lookup {host} on 10.96.0.10:53: no such host"),
        };
        let url = if host.is_empty() { file.trim_end_matches('/') } else { file };
        return Err(format!("Get \"{url}\": {why}"));
    }
    let path = lexical(&lexical(&cx.system.cwd(), directory), file);
    let Ok(info) = cx.system.file_info(&path) else {
        let lost = lost(cx, &path);
        return Err(format!("evalsymlink failure on '{path}' : lstat {lost}: no such file or directory"));
    };
    if info.is_dir {
        return Err(format!("'{path}' must resolve to a file"));
    }
    let anywhere = cx.session.flags.text("load-restrictor") == "LoadRestrictionsNone";
    if !anywhere && !path.starts_with(&format!("{}/", directory.trim_end_matches('/'))) {
        return Err(format!("security; file '{path}' is not in or below '{directory}'"));
    }
    Ok(cx.system.read_file(&path).unwrap_or_default())
}

/// A list of the kustomization, as texts.
pub fn texts(rules: &Value, name: &str) -> Vec<String> {
    let list = rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The kustomization of a directory, with a word about what is old or not known.
///
/// # Errors
/// No such file, several, or one that says what none may say.
pub fn rules(cx: &mut Context<'_>, directory: &str) -> Result<Value, Failure> {
    let paths = FILES.iter().map(|name| format!("{directory}/{name}"));
    let found: Vec<String> = paths.filter(|path| cx.system.read_file(path).is_ok()).collect();
    let file = match found.as_slice() {
        [] => {
            return Err(Failure::msg(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{directory}'"
            )));
        }
        [file] => file.clone(),
        _ => return Err(Failure::msg(format!("Found multiple kustomization files under: {directory}\n"))),
    };
    let bytes = cx.system.read_file(&file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim().is_empty() {
        return Err(Failure::msg("kustomization.yaml is empty"));
    }
    let rules = from_yaml(&text).map_err(|why| {
        let why = why.replace("error converting YAML to JSON: yaml: ", "yaml: ");
        Failure::msg(format!("invalid Kustomization: {why}"))
    })?;
    let rules = fitted(&rules).map_err(|why| Failure::msg(format!("invalid Kustomization: json: {why}")))?;
    let fields = rules.as_object().cloned().unwrap_or_default();
    for (old, new) in OLD.iter().filter(|(old, _)| fields.get(*old).is_some_and(|value| !value.is_null())) {
        cx.out.err_line(&format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically."));
    }
    if fields.get("vars").is_some_and(|value| !value.is_null()) {
        cx.out.err_line("# Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] Run 'kustomize edit fix' to update your Kustomization automatically.");
    }
    let says = |(name, value): (&String, &Value)| !["apiVersion", "kind"].contains(&name.as_str()) && !value.is_null();
    if !fields.iter().any(says) {
        return Err(Failure::msg("kustomization.yaml is empty"));
    }
    of_its_kind(directory, &fields)?;
    Ok(rules)
}

/// The kind and version that a kustomization says it has.
fn of_its_kind(directory: &str, fields: &Map<String, Value>) -> Result<(), Failure> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or("");
    let (kind, version) = (text("kind"), text("apiVersion"));
    let wanted = if kind == "Component" { "v1alpha1" } else { "v1beta1" };
    let mut problems = Vec::new();
    if !["", "Kustomization", "Component"].contains(&kind) {
        problems.push("kind should be Kustomization or Component".to_owned());
    } else if !version.is_empty() && version != format!("kustomize.config.k8s.io/{wanted}") {
        let kind = if kind.is_empty() { "Kustomization" } else { kind };
        problems.push(format!("apiVersion for {kind} should be kustomize.config.k8s.io/{wanted}"));
    }
    match problems.as_slice() {
        [] => Ok(()),
        _ => {
            Err(Failure::msg(format!("Failed to read kustomization file under {directory}:\n{}", problems.join("\n"))))
        }
    }
}

/// What kustomize says of a place that names git before it does.
pub fn bare_git(place: &str) -> Option<&'static str> {
    place.starts_with("git::").then_some(
        "Warning: Forcing the git protocol using the 'git::' URL prefix is not supported. Kustomize currently strips this invalid prefix, but will stop doing so in a future release. Please remove the 'git::' prefix from your configuration.",
    )
}

/// How `git` fails to fetch a place of another machine, which this one does not reach; `None` for a path of this one.
pub fn unreachable(place: &str) -> Option<String> {
    if let Some(path) = place.strip_prefix("file://") {
        let told = format!(
            "fatal: '{path}' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
        );
        return Some(format!("failed to run '/usr/bin/git fetch --depth=1 {place} HEAD': {told}: exit status 128"));
    }
    let (rest, query) = place.split_once('?').unwrap_or((place, ""));
    let rest = rest.strip_prefix("git::").unwrap_or(rest);
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let branch = value("ref").or(value("version")).filter(|branch| !branch.is_empty()).unwrap_or("HEAD");
    let scheme = ["https://", "http://", "ssh://"].into_iter().find(|scheme| rest.starts_with(scheme));
    let rest = rest.strip_prefix(scheme.unwrap_or("")).unwrap_or(rest);
    let (user, rest) = match rest.split_once('@') {
        Some((user, rest)) if !user.contains('/') => (format!("{user}@"), rest),
        _ => (String::new(), rest),
    };
    let github = ["github.com/", "github.com:"].iter().any(|host| rest.starts_with(host));
    if scheme.is_none() && user.is_empty() && !github {
        return None;
    }
    let secure = scheme == Some("ssh://") || (scheme.is_none() && !user.is_empty());
    let end = rest.find(if secure { ['/', ':'] } else { ['/', '/'] })?;
    let (host, mark) = (rest.get(..end)?, rest.get(end..=end)?);
    let path = rest.get(end + 1..)?;
    let repository = path.split_once("//").map(|(repository, _)| repository.to_owned()).or_else(|| {
        path.find(".git").and_then(|at| path.get(..at + 4)).map(str::to_owned).or_else(|| {
            let mut parts = path.splitn(3, '/');
            Some(format!("{}/{}", parts.next()?, parts.next()?))
        })
    })?;
    let lead = match (github, secure) {
        (true, true) => "git@github.com:".to_owned(),
        (true, false) => "https://github.com/".to_owned(),
        _ => format!("{}{user}{host}{mark}", scheme.unwrap_or("")),
    };
    let url = format!("{lead}{repository}");
    let told = if secure {
        format!(
            "ssh: Could not resolve hostname {host}: Name or service not known\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
        )
    } else {
        format!("fatal: unable to access '{url}/': Could not resolve host: {host}\n")
    };
    Some(format!("failed to run '/usr/bin/git fetch --depth=1 {url} {branch}': {told}: exit status 128"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_another_machine_is_taken_apart_as_git_needs_it() {
        let url = |place: &str| {
            unreachable(place).and_then(|told| Some(told.split_once('\'')?.1.split_once('\'')?.0.to_owned()))
        };
        let fetch = |rest: &str| Some(format!("/usr/bin/git fetch --depth=1 {rest}"));
        assert_eq!(url("https://github.com/a/b//c/d?ref=v1"), fetch("https://github.com/a/b v1"));
        assert_eq!(url("github.com/a/b/c?ref=main"), fetch("https://github.com/a/b main"));
        assert_eq!(url("git@github.com:a/b.git"), fetch("git@github.com:a/b.git HEAD"));
        assert_eq!(url("https://x.org/a/b.git/c"), fetch("https://x.org/a/b.git HEAD"));
        assert_eq!(url("../base"), None);
    }
}
