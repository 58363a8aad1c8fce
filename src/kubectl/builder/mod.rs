//! The resource builder: turns words, files and selectors into the objects a command works on.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/resource/builder.go.

mod files;

pub use files::{of_text, validate_text};

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::check_segment;
use super::discovery::{Discovery, Resource};
use super::failure::Failure;
use super::flags::{Flag, Flags, slice, switch, text};
use super::program::Context;
use crate::apimachinery::labels;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

const FILENAME: Flag = slice("filename", "File, directory or - for standard input; may be repeated.").short('f');

/// The flag of commands that take an object from a file.
pub const FILE_FLAG: &[Flag] = &[FILENAME];

/// The flags of commands that read files.
pub const FILE_FLAGS: &[Flag] = &[
    FILENAME,
    text("kustomize", "", "Directory with a kustomization; cannot be used with -f.").short('k'),
    switch("recursive", "Read the directories of -f with everything below them.").short('R'),
];

/// What to build from.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Words such as `job`, `a`, `job/a`.
    pub args: Vec<String>,
    /// Files of `-f`.
    pub files: Vec<String>,
    /// The directory of `-k`.
    pub kustomize: String,
    /// Whether directories are read with everything below.
    pub recursive: bool,
    /// A label selector.
    pub selector: Option<String>,
    /// A field selector.
    pub field_selector: Option<String>,
    /// Whether every object of the types is meant (`--all`).
    pub all: bool,
    /// Whether a type without a name means every object of it.
    pub list_without_name: bool,
    /// Whether namespaces do not matter.
    pub all_namespaces: bool,
    /// Whether files are checked as for writing.
    pub validate: bool,
    /// Whether objects of files are taken as they stand there, without a namespace of ours.
    pub local: bool,
    /// Whether the server is not asked what the kinds of files are.
    pub offline: bool,
}

impl Query {
    /// The query of a command's flags and arguments.
    pub fn of(flags: &Flags) -> Query {
        Query {
            args: flags.args.clone(),
            files: flags.list("filename"),
            kustomize: flags.text("kustomize").to_owned(),
            recursive: flags.on("recursive"),
            selector: Some(flags.text("selector").to_owned()).filter(|text| !text.is_empty()),
            field_selector: Some(flags.text("field-selector").to_owned()).filter(|text| !text.is_empty()),
            all: flags.on("all"),
            list_without_name: false,
            all_namespaces: flags.on("all-namespaces"),
            validate: false,
            local: false,
            offline: false,
        }
    }
}

/// One object by its name, or a whole list.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is.
    pub resource: Resource,
    /// Where it is; empty when there are no namespaces, or all are meant.
    pub namespace: String,
    /// Its name; empty for a list.
    pub name: String,
    /// Its content, when it came from a file or was fetched.
    pub object: Option<Value>,
    /// The file it came from.
    pub source: Option<String>,
}

impl Target {
    /// The path of the object or list.
    pub fn path(&self) -> String {
        if self.name.is_empty() {
            self.resource.path(&self.namespace)
        } else {
            self.resource.item(&self.namespace, &self.name)
        }
    }

    /// Whether it is one object, of a file, that has no name: there is no path to it.
    pub fn nameless(&self) -> bool {
        self.name.is_empty() && self.source.is_some()
    }

    /// `job.batch/hello`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.resource.printed_kind(), self.name)
    }
}

/// What a query gave.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Objects and lists, in order.
    pub targets: Vec<Target>,
    /// Whether exactly one object was asked for.
    pub single: bool,
    /// Whether everything comes from one file.
    pub one_file: bool,
    /// What went wrong with some of the files.
    pub failures: Vec<Failure>,
    /// The selectors that lists are asked with.
    pub selectors: Vec<(String, String)>,
}

/// What is said when a command got nothing to work on.
pub const MISSING: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// What is said of an object of a file that has no name where one is needed.
pub const NAMELESS: &str = "resource name may not be empty";

/// Resolves a query without fetching anything but discovery.
///
/// # Errors
/// The builder's own sentences.
pub fn build(cx: &mut Context<'_>, query: &Query) -> Result<Built, Failure> {
    let mut built = Built::default();
    for (name, value) in [("labelSelector", &query.selector), ("fieldSelector", &query.field_selector)] {
        if let Some(value) = value {
            built.selectors.push((name.to_owned(), value.clone()));
        }
    }
    let args = one_type_each(&query.args);
    // A directory with a kustomization is looked into last.
    let paths = if query.kustomize.is_empty() { files::paths(cx, query)? } else { Vec::new() };
    let tuples = combined(&args)?;
    let namespace = if query.all_namespaces { String::new() } else { cx.namespace()? };
    if !paths.is_empty() || !query.kustomize.is_empty() {
        if !query.args.is_empty() {
            return Err(Failure::msg(if tuples.is_some() {
                "resource/name arguments cannot be provided when a path is specified"
            } else {
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            }));
        }
        let paths = if query.kustomize.is_empty() { paths } else { files::paths(cx, query)? };
        files::load(cx, query, &paths, &mut built)?;
        if let Some(selector) = &query.selector {
            let wrong = |why| Failure::msg(format!("the provided selector {} is not valid: {why}", quote(selector)));
            let selector = labels::parse(selector).map_err(wrong)?;
            built.targets.retain(|target| selector.matches(Some(&labels_of(target))));
        }
        return Ok(built);
    }
    let selected = query.selector.is_some() || query.field_selector.is_some() || query.all;
    if args.is_empty() {
        return Err(Failure::msg(if selected {
            "at least one resource must be specified to use a selector"
        } else {
            MISSING
        }));
    }
    if let Some(tuples) = tuples {
        return by_tuples(cx, query, tuples, &namespace, built);
    }
    let discovery = cx.discovery()?;
    let types = expand(&discovery, args.first().map_or("", String::as_str));
    let names = args.get(1..).unwrap_or_default();
    if selected || (query.list_without_name && names.is_empty()) {
        if !names.is_empty() {
            return Err(Failure::msg("name cannot be provided when a selector is specified"));
        }
        for word in &types {
            let resource = cx.resource(word)?;
            // The short name and the plural of a type mean one list.
            if built.targets.iter().any(|target| target.resource == resource) {
                continue;
            }
            let namespace = if resource.namespaced { namespace.clone() } else { String::new() };
            built.targets.push(Target { resource, namespace, name: String::new(), object: None, source: None });
        }
        return Ok(built);
    }
    if names.is_empty() {
        for word in &types {
            discovery.resolve(word)?;
        }
        return Err(Failure::msg("resource(s) were provided, but no name was specified"));
    }
    let [word] = types.as_slice() else { return Err(Failure::msg("you must specify only one resource")) };
    built.single = names.len() == 1;
    let resource = cx.resource(word)?;
    // One that is alone is refused alone, not as one of several.
    if let [name] = names {
        if resource.namespaced {
            check_segment("namespace", &namespace)?;
        }
        check_segment("resource name", name)?;
    }
    if query.all_namespaces && resource.namespaced {
        return Err(Failure::msg("a resource cannot be retrieved by name across all namespaces"));
    }
    built.targets.extend(names.iter().filter(|name| !name.is_empty()).map(|name| named(&resource, &namespace, name)));
    if names.iter().any(String::is_empty) {
        if built.single {
            return Err(Failure::msg(NAMELESS));
        }
        built.failures.push(Failure::msg(NAMELESS));
    }
    Ok(built)
}

/// The labels of an object that came from a file.
fn labels_of(target: &Target) -> BTreeMap<String, String> {
    let labels = target.object.as_ref().and_then(|object| object.pointer("/metadata/labels")?.as_object());
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    labels.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn named(resource: &Resource, namespace: &str, name: &str) -> Target {
    Target {
        namespace: if resource.namespaced { namespace.to_owned() } else { String::new() },
        resource: resource.clone(),
        name: name.to_owned(),
        object: None,
        source: None,
    }
}

fn by_tuples(
    cx: &mut Context<'_>,
    query: &Query,
    tuples: Vec<(String, String)>,
    namespace: &str,
    mut built: Built,
) -> Result<Built, Failure> {
    if query.selector.is_some() || query.field_selector.is_some() || query.all {
        return Err(Failure::msg("selectors and the all flag cannot be used when passing resource/name arguments"));
    }
    built.single = tuples.len() == 1;
    for (word, name) in tuples {
        let resource = cx.resource(&word)?;
        if query.all_namespaces && resource.namespaced {
            return Err(Failure::msg("a resource cannot be retrieved by name across all namespaces"));
        }
        built.targets.push(named(&resource, namespace, &name));
    }
    Ok(built)
}

/// `a,b x y` as `a/x a/y b/x b/y`; anything else as it is.
fn one_type_each(args: &[String]) -> Vec<String> {
    let mut types: Vec<&str> = Vec::new();
    for word in args.first().map_or("", String::as_str).split(',') {
        if !types.contains(&word) {
            types.push(word);
        }
    }
    let names = args.get(1..).unwrap_or_default();
    if types.len() < 2 || names.is_empty() {
        return args.to_vec();
    }
    types.iter().flat_map(|word| names.iter().map(move |name| format!("{word}/{name}"))).collect()
}

/// `TYPE/NAME` words as pairs; `None` when no word has a slash.
fn combined(args: &[String]) -> Result<Option<Vec<(String, String)>>, Failure> {
    let slashes = args.iter().filter(|arg| arg.contains('/')).count();
    if slashes == 0 {
        return Ok(None);
    }
    if slashes != args.len() {
        return Err(Failure::msg(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
        ));
    }
    let mut pairs = Vec::new();
    for arg in args {
        let parts: Vec<&str> = arg.split('/').collect();
        let [word, name] = parts.as_slice() else {
            return Err(Failure::msg("arguments in resource/name form may not have more than one slash"));
        };
        if word.is_empty() || name.is_empty() || word.contains(',') {
            return Err(Failure::msg("arguments in resource/name form must have a single resource and name"));
        }
        pairs.push(((*word).to_owned(), (*name).to_owned()));
    }
    Ok(Some(pairs))
}

/// The types of a comma list, with categories replaced by what they stand for.
pub fn expand(discovery: &Discovery, word: &str) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for part in word.split(',') {
        let names = discovery.category(part).unwrap_or_else(|| vec![part.to_owned()]);
        for name in names {
            if !types.contains(&name) {
                types.push(name);
            }
        }
    }
    types
}

/// Lists the objects of a target without a name.
///
/// # Errors
/// The server's, with the words kubectl puts before a selector it refused.
pub fn list(
    cx: &mut Context<'_>,
    target: &Target,
    selectors: &[(String, String)],
    accept: &str,
) -> Result<Value, Failure> {
    let mut request = Request::new(Method::Get, target.path()).with_header("Accept", accept);
    request.query = selectors.to_vec();
    let limit = match cx.session.flags.text("chunk-size") {
        "" => "500",
        size => size,
    };
    if limit != "0" {
        request.query.push(("limit".to_owned(), limit.to_owned()));
    }
    let mut answer = cx.json(request.clone()).map_err(|failure| refused(failure, target, selectors))?;
    loop {
        let next = answer.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or("").to_owned();
        if next.is_empty() {
            return Ok(answer);
        }
        let mut more = request.clone();
        more.query.push(("continue".to_owned(), next));
        let page = cx.json(more)?;
        for field in ["items", "rows"] {
            let added = page.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
            if let Some(all) = answer.get_mut(field).and_then(Value::as_array_mut) {
                all.extend(added);
            }
        }
        let metadata = page.get("metadata").cloned().unwrap_or(Value::Null);
        if let Some(slot) = answer.get_mut("metadata") {
            *slot = metadata;
        }
    }
}

/// What was listed, and by which selector, stands before what the server said of it.
fn refused(failure: Failure, target: &Target, selectors: &[(String, String)]) -> Failure {
    let selector = |name: &str| selectors.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
    if !["BadRequest", "NotFound"].contains(&failure.reason()) {
        return failure;
    }
    let resource = &target.resource;
    let group_version =
        if resource.group.is_empty() { format!("/{}", resource.version) } else { resource.api_version() };
    let what = quote(&format!("{group_version}, Resource={}", resource.plural));
    let (labels, fields) = (selector("labelSelector"), selector("fieldSelector"));
    failure.context(&if labels.is_empty() && fields.is_empty() {
        format!("Unable to list {what}: ")
    } else {
        format!("Unable to find {what} that match label selector {}, field selector {}: ", quote(labels), quote(fields))
    })
}

/// Fetches every object a build stands for: named ones one by one, lists at once.
///
/// Failures of single objects are collected, so that the others are still worked on.
pub fn fetch(cx: &mut Context<'_>, built: &Built) -> (Vec<Target>, Vec<Failure>) {
    let mut found = Vec::new();
    let mut failures = built.failures.clone();
    for target in &built.targets {
        if target.nameless() {
            failures.push(Failure::msg(NAMELESS));
        } else if target.name.is_empty() {
            match list(cx, target, &built.selectors, "application/json") {
                Ok(answer) => found.extend(items(&answer, &target.resource)),
                Err(failure) => failures.push(failure),
            }
        } else {
            match cx.get(&target.path()) {
                Ok(object) => found.push(Target { object: Some(object), ..target.clone() }),
                Err(failure) => failures.push(of_namespace(cx, target, failure)),
            }
        }
    }
    (found, failures)
}

/// Does something with every object that a build stands for, one after the other; objects of files are taken as they
/// stand there when they are `local`. Gives what went wrong, in the order of the objects.
pub fn visit(
    cx: &mut Context<'_>,
    built: &Built,
    local: bool,
    each: &mut dyn FnMut(&mut Context<'_>, &Target) -> Result<(), Failure>,
) -> Vec<Failure> {
    let mut failures = built.failures.clone();
    for target in &built.targets {
        let one = Built { targets: vec![target.clone()], selectors: built.selectors.clone(), ..Built::default() };
        let (found, wrong) = if local { (one.targets, Vec::new()) } else { fetch(cx, &one) };
        failures.extend(wrong);
        failures.extend(found.iter().filter_map(|target| each(cx, target).err()));
    }
    failures
}

/// When an object is not found because its namespace is not there, that is what is said.
pub fn of_namespace(cx: &mut Context<'_>, target: &Target, failure: Failure) -> Failure {
    if !failure.is_not_found() || matches!(target.namespace.as_str(), "" | "default") {
        return failure;
    }
    match cx.get(&format!("/api/v1/namespaces/{}", target.namespace)) {
        Err(missing) if missing.is_not_found() => missing,
        _ => failure,
    }
}

/// The objects of a list, with the kind and version that a list leaves out.
pub fn items(answer: &Value, resource: &Resource) -> Vec<Target> {
    let items = answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let mut object = item.clone();
            if let Some(fields) = object.as_object_mut() {
                fields.entry("apiVersion").or_insert_with(|| Value::String(resource.api_version()));
                fields.entry("kind").or_insert_with(|| Value::String(resource.kind.clone()));
            }
            let of = |name: &str| item.pointer(name).and_then(Value::as_str).unwrap_or("").to_owned();
            Target {
                resource: resource.clone(),
                namespace: of("/metadata/namespace"),
                name: of("/metadata/name"),
                object: Some(object),
                source: None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn slashes_make_pairs_and_mixtures_are_refused() {
        let pairs = combined(&words("job/a pod/b")).unwrap().unwrap();
        assert_eq!(pairs, [("job".to_owned(), "a".to_owned()), ("pod".to_owned(), "b".to_owned())]);
        assert_eq!(combined(&words("job a")).unwrap(), None);
        let text = |line: &str| combined(&words(line)).unwrap_err().text();
        assert_eq!(text("jobs/"), "arguments in resource/name form must have a single resource and name");
        assert_eq!(text("a/b/c"), "arguments in resource/name form may not have more than one slash");
        assert!(text("job/t2 pods").starts_with("there is no need to specify a resource type"));
    }
}
