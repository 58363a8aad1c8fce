//! Reading for a kustomization: its own file and what it may say, files in and below its directory, places of other
//! machines. Changes no object.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/types/kustomization.go, api/internal/loader and api/internal/git/repospec.go.

use serde_json::{Map, Value};

use super::absolute;
use crate::kubectl::builder::go_word;
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::text::yaml::{from_yaml, to_yaml};

/// The names that a kustomization's file may have.
pub const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The fields of a kustomization that are understood here.
const FIELDS: &[&str] = &[
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "imageTags",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
    "transformers",
    "vars",
];

/// Fields that kustomize has and this does not.
const ABSENT: &[&str] = &["helmChartInflationGenerator", "helmCharts", "helmGlobals", "validators"];

/// Fields that are told to be old, and what takes their place.
const OLD: &[(&str, &str)] = &[
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
];

/// Fields inside of others that hold texts or numbers: the list or map, the field (`*` for all), the struct as Go names
/// it in an error, its type.
const TYPED: &[(&str, &str, &str, &str)] = &[
    ("commonAnnotations", "*", "Kustomization.commonAnnotations", "string"),
    ("commonLabels", "*", "Kustomization.commonLabels", "string"),
    ("images", "digest", "Image.images.digest", "string"),
    ("images", "name", "Image.images.name", "string"),
    ("images", "newName", "Image.images.newName", "string"),
    ("images", "newTag", "Image.images.newTag", "string"),
    ("labels", "pairs", "Label.labels.pairs", "string"),
    ("replicas", "count", "Replica.replicas.count", "int64"),
    ("replicas", "name", "Replica.replicas.name", "string"),
];

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
    let path = absolute(cx, &if file.starts_with('/') { file.to_owned() } else { format!("{directory}/{file}") });
    let Ok(info) = cx.system.file_info(&path) else {
        let lost = lost(cx, &path);
        return Err(format!("evalsymlink failure on '{path}' : lstat {lost}: no such file or directory"));
    };
    if info.is_dir {
        return Err(format!("'{path}' must resolve to a file"));
    }
    if !path.starts_with(&format!("{}/", directory.trim_end_matches('/'))) {
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
    let Some(fields) = rules.as_object() else {
        return Err(Failure::msg(
            "invalid Kustomization: json: cannot unmarshal into Go value of type types.Kustomization",
        ));
    };
    let known = |name: &&str| FIELDS.contains(name) || ABSENT.contains(name);
    if let Some(name) = fields.keys().map(String::as_str).find(|name| !known(name)) {
        return Err(Failure::msg(format!("invalid Kustomization: json: unknown field \"{name}\"")));
    }
    typed(fields)?;
    for (old, new) in OLD.iter().filter(|(old, _)| fields.contains_key(*old)) {
        cx.out.err_line(&format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically."));
    }
    if fields.contains_key("vars") {
        cx.out.err_line("# Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] Run 'kustomize edit fix' to update your Kustomization automatically.");
    }
    let says = |(name, value): (&String, &Value)| !["apiVersion", "kind"].contains(&name.as_str()) && !value.is_null();
    if !fields.iter().any(says) {
        return Err(Failure::msg("kustomization.yaml is empty"));
    }
    of_its_kind(directory, fields)?;
    refuse(fields)?;
    Ok(rules)
}

/// Fields that hold something else than they should.
fn typed(fields: &Map<String, Value>) -> Result<(), Failure> {
    let wrong = |value: &Value, kind: &str| match kind {
        "int64" => !value.is_i64() && !value.is_null(),
        _ => !value.is_string() && !value.is_null(),
    };
    let told = |value: &Value, name: &str, kind: &str| {
        let what = go_word(value);
        Err(Failure::msg(format!(
            "invalid Kustomization: json: cannot unmarshal {what} into Go struct field {name} of type {kind}"
        )))
    };
    let texts = ["apiVersion", "kind", "namePrefix", "nameSuffix", "namespace"];
    for (name, value) in fields {
        if texts.contains(&name.as_str()) && wrong(value, "string") {
            return told(value, &format!("Kustomization.{name}"), "string");
        }
        for (_, field, title, kind) in TYPED.iter().filter(|(of, _, _, _)| of == name) {
            let values: Vec<&Value> = match value {
                Value::Object(map) if *field == "*" => map.values().collect(),
                Value::Array(list) => list
                    .iter()
                    .filter_map(|entry| entry.get(*field))
                    .flat_map(|value| value.as_object().map_or_else(|| vec![value], |map| map.values().collect()))
                    .collect(),
                _ => Vec::new(),
            };
            if let Some(value) = values.into_iter().find(|value| wrong(value, kind)) {
                return told(value, title, kind);
            }
        }
    }
    Ok(())
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

/// Says of what is not here, in kustomize's words where it has some: Helm has to be allowed.
fn refuse(fields: &Map<String, Value>) -> Result<(), Failure> {
    let list = |name: &str| fields.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(chart) = list(name).first() {
            let mut chart = chart.clone();
            if let Some(chart) = chart.as_object_mut()
                && let Some(old) = chart.remove("chartName")
            {
                chart.insert("name".to_owned(), old);
            }
            return Err(Failure::msg(format!(
                "trouble configuring builtin HelmChartInflationGenerator with config: `\n{}`: must specify --enable-helm",
                to_yaml(&chart)
            )));
        }
    }
    let here = |(name, value): &(&String, &Value)| {
        ABSENT.contains(&name.as_str()) && !value.is_null() && **value != Value::Array(Vec::new())
    };
    match fields.iter().find(here) {
        Some((name, _)) => Err(Failure::msg(format!("invalid Kustomization: {name} is not available on this machine"))),
        None => Ok(()),
    }
}

/// How `git` fails to fetch a place of another machine, which this one does not reach; `None` for a path of this one.
pub fn unreachable(place: &str) -> Option<String> {
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
            "ssh: Could not resolve hostname {host}: Name or service not known\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
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
