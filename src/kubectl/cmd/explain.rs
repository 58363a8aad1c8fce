//! `kubectl explain`: the fields of a kind, from the server's schemas.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/explain/v2 (plaintext.tmpl).

use serde_json::{Map, Value};

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    text("api-version", "", "The group and version, such as batch/v1."),
    text("output", "plaintext", "plaintext or plaintext-openapiv2.").short('o'),
    switch("recursive", "All fields below, without their descriptions.").short('R'),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "explain",
    group: Group::Intermediate,
    short: "Explain the fields of a kind",
    long: "Explains a kind and its fields. Dots lead to the fields below.",
    examples: &[
        ("A kind", "kubectl explain jobs"),
        ("A field of it", "kubectl explain jobs.spec.completions"),
        ("All fields below", "kubectl explain jobs.spec --recursive"),
    ],
    usage: "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2] [options]",
    flags: &[FLAGS],
    run: Some(run),
    asks: 2,
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let word = match flags.args.as_slice() {
        [word] => word.clone(),
        [] => {
            return Err(Failure::msg(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
            ));
        }
        _ => return Err(Failure::msg("We accept only this format: explain RESOURCE\n")),
    };
    let output = flags.text("output");
    if !["plaintext", "plaintext-openapiv2"].contains(&output) {
        return Err(Failure::msg(format!("unrecognized format: {output}")));
    }
    let (name, mut path) = word.split_once('.').unwrap_or((&word, ""));
    let discovery = cx.discovery()?;
    if name.is_empty() {
        return Err(Failure::msg("a resource must be present, got: /, Resource="));
    }
    let mut resource = cx.resource(name).map_err(Failure::bare)?;
    // A group may stand between the resource and its fields: deployments.apps.spec.
    let grouped = discovery.resources.iter().filter(|one| one.plural == resource.plural && !one.group.is_empty());
    for one in grouped {
        if let Some(rest) = word.strip_prefix(&format!("{}.{}", one.plural, one.group)) {
            (resource, path) = (one.clone(), rest);
            break;
        }
    }
    if !flags.text("api-version").is_empty() {
        let named = flags.text("api-version");
        let (group, version) = named.split_once('/').unwrap_or(("", named));
        if version.contains('/') {
            return Err(Failure::msg(format!("unexpected GroupVersion string: {named}")));
        }
        let exact = discovery
            .resources
            .iter()
            .find(|one| one.plural == resource.plural && one.group == group && one.version == version);
        resource = exact.cloned().ok_or_else(|| {
            let served = discovery.resources.iter().any(|one| one.group == group && one.version == version);
            let version = if group.is_empty() { format!("/{version}") } else { format!("{group}/{version}") };
            if served {
                let plural = &resource.plural;
                return Failure::msg(format!("GVR ({version}, Resource={plural}) not found in OpenAPI schema"));
            }
            Failure::msg(format!("couldn't find resource for \"{version}, Resource={}\"", resource.plural))
        })?;
    }
    let place = if resource.group.is_empty() {
        format!("api/{}", resource.version)
    } else {
        format!("apis/{}/{}", resource.group, resource.version)
    };
    let index = cx.json(
        Request::new(Method::Get, "/openapi/v3")
            .with_query("timeout", "32s")
            .with_header("Accept", "application/json, */*"),
    )?;
    let address = index
        .pointer("/paths")
        .and_then(|paths| paths.get(&place))
        .map(|entry| str_at(entry, "/serverRelativeURL").to_owned());
    let Some(address) = address else {
        return Err(Failure::msg(format!("couldn't find openapi schema for {place}")));
    };
    let (address, query) = address.split_once('?').unwrap_or((&address, ""));
    let mut request = Request::new(Method::Get, address).with_header("Accept", "application/json");
    if let Some((name, value)) = query.split_once('=') {
        request = request.with_query(name, value);
    }
    // The older form asks the older document, which this server does not have: kubectl's words for that.
    if output == "plaintext-openapiv2" {
        let version = if resource.group.is_empty() { format!("/{}", resource.version) } else { resource.api_version() };
        return Err(Failure::msg(format!("couldn't find resource for \"{version}, Kind={}\"", resource.kind)));
    }
    let document = cx.json(request.with_query("timeout", "32s"))?;
    let schemas = map_at(&document, "/components/schemas").cloned().unwrap_or_default();
    let explainer = Explainer { schemas };
    if !resource.group.is_empty() {
        cx.out.line(&format!("GROUP:      {}", resource.group));
    }
    cx.out.line(&format!("KIND:       {}", resource.kind));
    cx.out.line(&format!("VERSION:    {}\n", resource.version));
    let Some(root) = explainer.root(&resource.group, &resource.version, &resource.kind) else {
        return Err(Failure::msg(format!("couldn't find schema for {}", resource.kind)));
    };
    let text = explainer.explain(root, path, flags.on("recursive"))?;
    cx.out.out(&text);
    DONE
}

struct Explainer {
    schemas: Map<String, Value>,
}

impl Explainer {
    fn root(&self, group: &str, version: &str, kind: &str) -> Option<&Value> {
        self.schemas.values().find(|schema| {
            list_at(schema, "/x-kubernetes-group-version-kind").iter().any(|gvk| {
                str_at(gvk, "/group") == group && str_at(gvk, "/version") == version && str_at(gvk, "/kind") == kind
            })
        })
    }

    /// The name and schema behind a `$ref`, direct or in `allOf`.
    fn reference<'a>(&'a self, schema: &'a Value) -> Option<(&'a str, &'a Value)> {
        let path =
            [str_at(schema, "/$ref"), str_at(schema, "/allOf/0/$ref")].into_iter().find(|path| !path.is_empty())?;
        let name = path.rsplit('/').next()?;
        Some((name, self.schemas.get(name)?))
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        self.reference(schema).map_or(schema, |(_, found)| found)
    }

    fn type_of(&self, schema: &Value) -> String {
        if let Some((name, found)) = self.reference(schema) {
            return match str_at(found, "/type") {
                "" | "object" => name.rsplit('.').next().unwrap_or(name).to_owned(),
                kind => kind.to_owned(),
            };
        }
        match str_at(schema, "/type") {
            "array" => format!("[]{}", schema.get("items").map_or("Object".to_owned(), |items| self.type_of(items))),
            "object" => match schema.get("additionalProperties").filter(|inner| inner.is_object()) {
                Some(inner) => format!("map[string]{}", self.type_of(inner)),
                None => "Object".to_owned(),
            },
            "" => "Object".to_owned(),
            kind => kind.to_owned(),
        }
    }

    /// What a schema's fields hang on: itself, what it refers to, its items or values.
    fn fields_of<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = self.resolve(schema);
        for _ in 0..8 {
            let inner =
                schema.get("items").or_else(|| schema.get("additionalProperties").filter(|inner| inner.is_object()));
            match inner {
                Some(inner) => schema = self.resolve(inner),
                None => break,
            }
        }
        schema
    }

    fn explain(&self, root: &Value, path: &str, recursive: bool) -> Result<String, Failure> {
        let mut out = String::new();
        let mut schema = root;
        let mut last = "";
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let fields = self.fields_of(schema);
            schema = fields.get("properties").and_then(|properties| properties.get(part)).ok_or_else(|| {
                // Upstream names the end of the path, wherever it breaks off.
                let end = path.rsplit('.').next().unwrap_or(part);
                Failure::msg(format!("field \"{end}\" does not exist"))
            })?;
            last = part;
        }
        if !last.is_empty() {
            out.push_str(&format!("FIELD: {last} <{}>\n", self.type_of(schema)));
            let choices = choices(self.resolve(schema));
            if choices.is_empty() {
                out.push('\n');
            } else {
                out.push_str("ENUM:\n");
                for choice in choices {
                    out.push_str(&format!("    {}\n", choice));
                }
            }
            out.push('\n');
        }
        out.push_str("DESCRIPTION:\n");
        let fields = self.fields_of(schema);
        let mut texts = vec![str_at(schema, "/description")];
        if !std::ptr::eq(fields, schema) {
            texts.push(str_at(fields, "/description"));
        }
        let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            out.push_str("    <empty>\n");
        }
        for text in texts {
            out.push_str(&indented(text));
        }
        out.push_str("    \n");
        if let Some(properties) = map_at(fields, "/properties").filter(|all| !all.is_empty()) {
            out.push_str("FIELDS:\n");
            let required = list_at(fields, "/required");
            if recursive {
                self.tree(&mut out, fields, 1, &mut Vec::new());
            } else {
                for (name, field) in properties {
                    let must = required.iter().any(|one| one.as_str() == Some(name));
                    self.field(&mut out, name, field, must, 1);
                    let text = str_at(field, "/description");
                    out.push_str(&if text.is_empty() { "    <no description>\n".to_owned() } else { indented(text) });
                    out.push('\n');
                }
            }
        }
        out.push('\n');
        Ok(out)
    }

    fn field(&self, out: &mut String, name: &str, field: &Value, must: bool, level: usize) {
        let indent = "  ".repeat(level);
        let mark = if must { " -required-" } else { "" };
        out.push_str(&format!("{indent}{name}\t<{}>{mark}\n", self.type_of(field)));
        let choices = choices(self.resolve(field));
        if choices.is_empty() {
            return;
        }
        if choices.len() > 4 {
            let first: Vec<&str> = choices.iter().take(4).copied().collect();
            out.push_str(&format!("{indent}enum: {}, ....\n", first.join(", ")));
        } else {
            out.push_str(&format!("{indent}enum: {}\n", choices.join(", ")));
        }
    }

    /// All fields below; a schema inside of itself is not entered again.
    fn tree<'a>(&'a self, out: &mut String, schema: &'a Value, level: usize, above: &mut Vec<*const Value>) {
        if above.contains(&std::ptr::from_ref(schema)) || level > 40 {
            return;
        }
        above.push(std::ptr::from_ref(schema));
        let required = list_at(schema, "/required");
        for (name, field) in map_at(schema, "/properties").into_iter().flatten() {
            let must = required.iter().any(|one| one.as_str() == Some(name));
            self.field(out, name, field, must, level);
            self.tree(out, self.fields_of(field), level + 1, above);
        }
        above.pop();
    }
}

/// The values that a text may have, as they are shown.
fn choices(schema: &Value) -> Vec<&str> {
    let choices = list_at(schema, "/enum").iter().filter_map(Value::as_str);
    choices.map(|choice| if choice.is_empty() { "\"\"" } else { choice }).collect()
}

/// A text behind four spaces, at most 76 characters a line.
fn indented(text: &str) -> String {
    wrap(text, 76).lines().map(|line| format!("    {line}\n")).collect()
}

/// Breaks lines at spaces as mitchellh/go-wordwrap does.
fn wrap(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let (mut word, mut space) = (String::new(), String::new());
    let (mut current, mut word_len, mut space_len) = (0, 0, 0);
    for c in text.chars() {
        if c == '\n' {
            if word_len > 0 || current + space_len <= limit {
                out.push_str(&space);
            }
            out.push_str(&word);
            word.clear();
            space.clear();
            (current, word_len, space_len) = (0, 0, 0);
            out.push('\n');
        } else if c.is_whitespace() && c != '\u{a0}' {
            if space_len == 0 || word_len > 0 {
                current += space_len + word_len;
                out.push_str(&space);
                out.push_str(&word);
                word.clear();
                space.clear();
                (word_len, space_len) = (0, 0);
            }
            space.push(c);
            space_len += 1;
        } else {
            word.push(c);
            word_len += 1;
            if current + word_len + space_len > limit && word_len < limit {
                out.push('\n');
                current = 0;
                space.clear();
                space_len = 0;
            }
        }
    }
    if word_len > 0 || current + space_len <= limit {
        out.push_str(&space);
    }
    out.push_str(&word);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn explainer() -> (Explainer, Value) {
        let job = json!({"description": "A job.", "type": "object", "properties": {
            "spec": {"description": "What is wanted.", "allOf": [{"$ref": "#/components/schemas/x.JobSpec"}]},
            "kind": {"type": "string"}}, "x-kubernetes-group-version-kind": [{"group": "batch", "version": "v1", "kind": "Job"}]});
        let spec = json!({"type": "object", "description": "The spec.", "required": ["mode"], "properties": {
            "mode": {"type": "string", "enum": ["A", "B"]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}}}});
        let schemas = [("x.Job".to_owned(), job.clone()), ("x.JobSpec".to_owned(), spec)].into_iter().collect();
        (Explainer { schemas }, job)
    }

    #[test]
    fn a_field_is_shown_with_its_type_its_choices_and_what_lies_below() {
        let (explainer, job) = explainer();
        assert_eq!(
            explainer.explain(&job, "spec", false).unwrap(),
            "FIELD: spec <JobSpec>\n\n\nDESCRIPTION:\n    What is wanted.\n    The spec.\n    \nFIELDS:\n  labels\t<map[string]string>\n    <no description>\n\n  mode\t<string> -required-\n  enum: A, B\n    <no description>\n\n\n"
        );
        assert_eq!(
            explainer.explain(&job, "spec.mode", false).unwrap(),
            "FIELD: mode <string>\nENUM:\n    A\n    B\n\nDESCRIPTION:\n    <empty>\n    \n\n"
        );
        assert_eq!(explainer.explain(&job, "nosuch", false).unwrap_err().text(), "field \"nosuch\" does not exist");
    }

    #[test]
    fn long_lines_break_at_spaces() {
        assert_eq!(wrap("aaa bbb  ccc\nd", 7), "aaa bbb\nccc\nd");
        assert_eq!(wrap("aaaaaaaaaaaa b", 7), "\naaaaaaaaaaaa\nb".trim_start());
    }
}
