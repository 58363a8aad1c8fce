//! Objects from files: `-f` with files, directories, `-` and patterns, `-k` with a kustomization.

use std::borrow::Cow;

use serde_json::Value;

use super::{Built, Query, Resource, Target};
use crate::kubectl::failure::{Failure, unreadable};
use crate::kubectl::kustomize;
use crate::kubectl::program::Context;
use crate::shell::pattern::Pattern;
use crate::text::go_number::quote;
use crate::text::go_time;
use crate::text::go_value::json_word;
use crate::text::yaml::{documents, from_yaml};

const STOP: &str = "if you choose to ignore these errors, turn validation off with --validate=false";

/// A place objects are read from.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file.
    File(String),
    /// Standard input.
    Stdin,
    /// A text, and what it is called.
    Text(&'static str, String),
    /// Documents that a kustomization gave.
    Documents(String, Vec<Value>),
}

/// The places behind `-f` and `-k`.
pub fn paths(cx: &mut Context<'_>, query: &Query) -> Result<Vec<Place>, Failure> {
    if !query.kustomize.is_empty() {
        if !query.files.is_empty() {
            return Err(Failure::msg("only one of -f or -k can be specified"));
        }
        if query.recursive {
            return Err(Failure::msg("the -k flag can't be used with -f or -R"));
        }
        let documents = kustomize::build(cx, &query.kustomize)?;
        return Ok(vec![Place::Documents(query.kustomize.clone(), documents)]);
    }
    let (mut places, mut missing) = (Vec::new(), Vec::new());
    for name in &query.files {
        if name == "-" {
            places.push(Place::Stdin);
            continue;
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            return Err(unreachable_url(name));
        }
        let Ok(info) = cx.system.file_info(name) else {
            let matches = matching(cx, name);
            if matches.is_empty() {
                missing.push(Failure::msg(format!("the path {} does not exist", quote(name))));
            }
            places.extend(matches.into_iter().map(Place::File));
            continue;
        };
        if !info.is_dir {
            places.push(Place::File(name.clone()));
            continue;
        }
        let mut found = Vec::new();
        walk(cx, &clean(name), query.recursive, &mut found, 0);
        if found.is_empty() {
            return Err(Failure::msg(format!(
                "error reading [{name}]: recognized file extensions are [.json .yaml .yml]"
            )));
        }
        places.extend(found.into_iter().map(Place::File));
    }
    match missing.len() {
        0 => Ok(places),
        1 => Err(missing.remove(0)),
        _ => Err(Failure::Many(missing)),
    }
}

fn unreachable_url(url: &str) -> Failure {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = host.split(':').next().unwrap_or(host);
    let message = match host {
        "" => "http: no Host in request URL".to_owned(),
        _ => format!("dial tcp: lookup {host} on 10.96.0.10:53: no such host"),
    };
    Failure::Connection { host: host.to_owned(), message, request: format!("Get {}", quote(url)) }
}

/// A path without empty and `.` parts, and without `..` where it can be followed; what is empty then is `.`.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match joined.as_str() {
        _ if path.starts_with('/') => format!("/{joined}"),
        "" => ".".to_owned(),
        _ => joined,
    }
}

fn walk(cx: &Context<'_>, directory: &str, recursive: bool, found: &mut Vec<String>, depth: usize) {
    let Ok(mut entries) = cx.system.read_dir(directory) else { return };
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in entries {
        let path = match directory {
            "." => entry.name.clone(),
            "/" => format!("/{}", entry.name),
            _ => format!("{directory}/{}", entry.name),
        };
        if entry.is_dir {
            if recursive && depth < 32 {
                walk(cx, &path, recursive, found, depth + 1);
            }
        } else if [".json", ".yaml", ".yml"].iter().any(|ending| entry.name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// The files a pattern such as `*.yaml` matches; kubectl expands patterns that the shell left alone.
fn matching(cx: &Context<'_>, pattern: &str) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return Vec::new();
    }
    let (directory, last) = match pattern.rsplit_once('/') {
        Some((directory, last)) => (directory, last),
        None => (".", pattern),
    };
    let wanted = Pattern::wildcards(last);
    let mut names: Vec<String> = cx
        .system
        .read_dir(directory)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| !entry.is_dir && wanted.matches_str(&entry.name))
        .map(|entry| if directory == "." { entry.name } else { format!("{directory}/{}", entry.name) })
        .collect();
    names.sort();
    names
}

/// Reads the documents of a place.
///
/// # Errors
/// A file that cannot be read; a document that is no YAML comes as an item.
pub fn read_documents(cx: &mut Context<'_>, place: &Place) -> (String, Vec<Result<Value, Failure>>) {
    let (source, bytes) = match place {
        Place::Documents(source, values) => return (source.clone(), values.iter().cloned().map(Ok).collect()),
        Place::Stdin => ("STDIN".to_owned(), cx.session.stdin.clone()),
        Place::Text(source, text) => ((*source).to_owned(), text.clone().into_bytes()),
        Place::File(path) => match cx.system.read_file(path) {
            Ok(bytes) => (path.clone(), bytes),
            Err(errno) => {
                return (path.clone(), vec![Err(Failure::msg(unreadable(path, errno)))]);
            }
        },
    };
    let list = documents(decoded(&bytes).as_bytes())
        .map(|document| document.map_err(|why| Failure::msg(format!("error parsing {source}: {why}"))))
        .collect();
    (source, list)
}

/// The text of a file: UTF-16 when it begins with the mark of that, else UTF-8, without its mark; what is neither is
/// replaced.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// Reads all places into targets and collects what goes wrong. A document that cannot be read, or whose form is wrong,
/// ends its file; one that is no object of this server does not.
pub fn load(cx: &mut Context<'_>, query: &Query, places: &[Place], built: &mut Built) -> Result<(), Failure> {
    for place in places {
        let (source, documents) = read_documents(cx, place);
        for document in documents {
            let read = document.and_then(|document| {
                let wrong = if query.validate { absent(cx).or_else(|| validate(&document).err()) } else { None };
                match wrong {
                    Some(why) => Err(Failure::msg(format!(
                        "error validating {}: error validating data: {why}; {STOP}",
                        quote(&source)
                    ))),
                    None => Ok(document),
                }
            });
            let ends = read.is_err();
            match read.and_then(|document| add(cx, &source, document, built, query)) {
                Ok(()) => {}
                Err(failure @ (Failure::Connection { .. } | Failure::Plain(_))) => return Err(failure),
                Err(failure) => built.failures.push(failure),
            }
            if ends {
                break;
            }
        }
    }
    built.one_file = matches!(places, [Place::File(_)]) && !matches!(place_is_dir(query, cx), Some(true));
    built.single = built.targets.len() == 1 && places.len() == 1 && !matches!(place_is_dir(query, cx), Some(true));
    Ok(())
}

fn place_is_dir(query: &Query, cx: &Context<'_>) -> Option<bool> {
    query.files.first().and_then(|name| cx.system.file_info(name).ok()).map(|info| info.is_dir)
}

/// The objects of a text, without a namespace of ours.
///
/// # Errors
/// Everything that is wrong with it.
pub fn of_text(cx: &mut Context<'_>, source: &'static str, text: &str) -> Result<Vec<Target>, Failure> {
    let mut built = Built::default();
    let query = Query { local: true, ..Query::default() };
    load(cx, &query, &[Place::Text(source, text.to_owned())], &mut built)?;
    match built.failures {
        none if none.is_empty() => Ok(built.targets),
        failures => Err(Failure::Many(failures)),
    }
}

/// What kubectl itself has against a text, before anything is made of it.
///
/// # Errors
/// A text that is no YAML, or whose first document is no object.
pub fn validate_text(text: &str) -> Result<(), String> {
    let value = from_yaml(text).map_err(|why| why.trim_start_matches("error converting YAML to JSON: ").to_owned())?;
    validate(&value)
}

/// What the schema check of kubectl itself still looks at, now that the server checks fields.
fn validate(document: &Value) -> Result<(), String> {
    let mut problems = kind_problems(document);
    let of = |name: &str| document.get(name).and_then(Value::as_str);
    // Of a list, and of it alone, every item is looked at.
    if problems.is_empty() && of("apiVersion") == Some("v1") && of("kind") == Some("List") {
        match document.get("items").and_then(Value::as_array) {
            Some(items) => problems.extend(items.iter().flat_map(kind_problems)),
            None => problems.push("invalid object to validate".to_owned()),
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for problem in problems {
        if !seen.contains(&problem) {
            seen.push(problem);
        }
    }
    match seen.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

fn kind_problems(document: &Value) -> Vec<String> {
    let Some(fields) = document.as_object() else { return vec!["invalid object to validate".to_owned()] };
    let mut problems = Vec::new();
    for name in ["apiVersion", "kind"] {
        match fields.get(name) {
            None | Some(Value::Null) => problems.push(format!("{name} not set")),
            Some(Value::String(version)) if name == "apiVersion" && version.matches('/').count() > 1 => {
                problems.push(format!("unexpected GroupVersion string: {version}"));
            }
            Some(Value::String(_)) => {}
            Some(_) => problems.push(format!("{name} isn't string type")),
        }
    }
    problems
}

/// Why a value is no object of the API, in the words of Go's decoder.
pub fn object_failure(document: &Value, source: &str) -> Option<Failure> {
    let undecodable = |why: String| Some(Failure::msg(format!("unable to decode {}: {why}", quote(source))));
    let Some(fields) = document.as_object() else {
        return undecodable(format!(
            "json: cannot unmarshal {} into Go value of type unstructured.detector",
            json_word(document)
        ));
    };
    match fields.get("metadata") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(other) => {
            return undecodable(format!(
                "json: cannot unmarshal {} into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta",
                json_word(other)
            ));
        }
    }
    if fields.get("kind").and_then(Value::as_str).unwrap_or("").is_empty() {
        return undecodable(format!("Object 'Kind' is missing in '{}'", document));
    }
    for name in ["name", "namespace", "generateName"] {
        match fields.get("metadata").and_then(|metadata| metadata.get(name)) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(other) => {
                return undecodable(format!(
                    "json: cannot unmarshal {} into Go struct field ObjectMeta.metadata.{name} of type string",
                    json_word(other)
                ));
            }
        }
    }
    for name in ["creationTimestamp", "deletionTimestamp"] {
        let given = fields.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
        if let Some(Err(why)) = given.map(|text| go_time::parse(text, go_time::RFC3339)) {
            return undecodable(why);
        }
    }
    for name in ["labels", "annotations"] {
        let given = fields.get("metadata").and_then(|metadata| metadata.get(name)).unwrap_or(&Value::Null);
        if !given.is_object() && !given.is_null() {
            return undecodable(format!(
                "json: cannot unmarshal {} into Go struct field ObjectMeta.metadata.{name} of type map[string]string",
                json_word(given)
            ));
        }
        for value in given.as_object().into_iter().flat_map(|map| map.values()) {
            if !matches!(value, Value::String(_) | Value::Null) {
                return undecodable(format!(
                    "json: cannot unmarshal {} into Go struct field ObjectMeta.metadata.{name} of type string",
                    json_word(value)
                ));
            }
        }
    }
    None
}

fn add(cx: &mut Context<'_>, source: &str, document: Value, built: &mut Built, query: &Query) -> Result<(), Failure> {
    if let Some(failure) = object_failure(&document, source) {
        return Err(failure);
    }
    let of = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
    let (api_version, kind) = (of("/apiVersion"), of("/kind"));
    let (name, own_namespace) = (of("/metadata/name"), of("/metadata/namespace"));
    if kind.ends_with("List") && document.get("items").is_some_and(Value::is_array) {
        let items = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut failures = Vec::new();
        if let Some(other) = items.iter().find(|item| !item.is_object()) {
            let why =
                format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", json_word(other));
            return Err(Failure::msg(format!("unable to decode {}: {why}", quote(source))));
        }
        for mut item in items {
            if kind != "List"
                && let Some(fields) = item.as_object_mut()
            {
                fields.entry("apiVersion").or_insert_with(|| Value::String(api_version.clone()));
                fields.entry("kind").or_insert_with(|| Value::String(kind.trim_end_matches("List").to_owned()));
            }
            if item.get("kind").and_then(Value::as_str).unwrap_or("").is_empty() {
                failures.push(Failure::msg("unable to get type info from the object \"*unstructured.Unstructured\": Object 'Kind' is missing in 'object has no kind field '"));
                continue;
            }
            if item.get("items").is_some_and(Value::is_array) {
                let why = "*unstructured.Unstructured is not a list: no Items field in this object";
                return Err(Failure::msg(why));
            }
            if let Err(failure) = add(cx, source, item, built, query) {
                failures.push(of_list(failure));
            }
        }
        return if failures.is_empty() { Ok(()) } else { Err(Failure::Many(failures)) };
    }
    if query.offline {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
        let (group, version) = (group.to_owned(), version.to_owned());
        let resource = Resource { group, version, plural: kind.to_lowercase() + "s", kind, ..Resource::default() };
        let (object, source) = (Some(document), Some(source.to_owned()));
        built.targets.push(Target { resource, namespace: String::new(), name, object, source });
        return Ok(());
    }
    // Upstream asks once for each object of a file.
    let discovery = cx.discover(1).map_err(|failure| match failure {
        Failure::Connection { request, message, .. } => {
            Failure::msg(format!("unable to recognize {}: {request}: {message}", quote(source)))
        }
        other => other,
    })?;
    let Some(resource) = discovery.of_kind(&api_version, &kind) else {
        return Err(Failure::msg(format!(
            "resource mapping not found for name: {} namespace: {} from {}: no matches for kind {} in version {}\nensure CRDs are installed first",
            quote(&name),
            quote(&own_namespace),
            quote(source),
            quote(&kind),
            quote(&api_version)
        )));
    };
    let mut namespace = String::new();
    let mut document = document;
    if resource.namespaced && !query.local {
        let config = cx.config()?;
        let own = own_namespace;
        if config.namespace_forced && !own.is_empty() && own != config.namespace {
            return Err(Failure::msg(format!(
                "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={}' to perform this operation.",
                quote(&own),
                quote(&config.namespace),
                own
            )));
        }
        namespace = if own.is_empty() { config.namespace.clone() } else { own };
        set_namespace(&mut document, &namespace);
    }
    built.targets.push(Target {
        resource: resource.clone(),
        namespace,
        name,
        object: Some(document),
        source: Some(source.to_owned()),
    });
    Ok(())
}

/// Of an item of a list less is said when the server has no such kind.
fn of_list(failure: Failure) -> Failure {
    let text = failure.text();
    match text.split_once(": no matches for kind ") {
        Some((_, rest)) => {
            Failure::msg(format!("unable to recognize no matches for kind {}", rest.lines().next().unwrap_or(rest)))
        }
        None => failure,
    }
}

/// Why nothing can be checked: the server is not there to say what objects look like.
fn absent(cx: &mut Context<'_>) -> Option<String> {
    let Err(Failure::Connection { message, .. }) = cx.discover(0) else { return None };
    let server = cx.config().map(|config| config.server.clone()).unwrap_or_default();
    let url = quote(&format!("{server}/openapi/v2?timeout=32s"));
    Some(format!("failed to download openapi: Get {url}: {message}"))
}

fn set_namespace(document: &mut Value, namespace: &str) {
    let Some(fields) = document.as_object_mut() else { return };
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(serde_json::Map::new());
    }
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_object_is_told_in_gos_words() {
        let text = |value: Value| object_failure(&value, "g.yaml").map(|failure| failure.text()).unwrap_or_default();
        assert_eq!(
            text(json!({"apiVersion": "v1", "kind": "Pod", "metadata": "name:t"})),
            "unable to decode \"g.yaml\": json: cannot unmarshal string into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta"
        );
        assert_eq!(text(json!({"apiVersion": "v1", "kind": "Pod"})), "");
        assert_eq!(validate(&json!({})).unwrap_err(), "[apiVersion not set, kind not set]");
        assert_eq!(validate(&json!("hello world")).unwrap_err(), "invalid object to validate");
    }
}
