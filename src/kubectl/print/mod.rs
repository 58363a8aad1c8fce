//! How objects are shown: `-o yaml|json|kyaml|name|jsonpath|custom-columns|go-template|wide`. Fetches nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/genericclioptions/print_flags.go and pkg/printers.

mod columns;
mod go_sort;
mod go_template;
mod kyaml;
mod sort;
mod table;
mod template;

pub use go_sort::order as go_order;
pub use sort::{sort_items, sort_rows, unsortable};
pub use table::{Grid, TableOptions};
pub use template::{Path, relaxed};

use serde_json::{Map, Value, json};

use super::discovery::Resource;
use super::failure::{Failure, unreadable};
use super::flags::{Flag, Flags, switch, text};
use super::typed;
use crate::shell::program::System;
use crate::text::go_number::quote;
use crate::text::{go_json, yaml::to_yaml};

const ALLOW_MISSING: Flag = switch(
    "allow-missing-template-keys",
    "Keep quiet about fields and keys that a template names and the object lacks.",
)
.on();
const SHOW_MANAGED: Flag = switch("show-managed-fields", "Keep managedFields when printing JSON or YAML.");
const TEMPLATE: Flag = text("template", "", "Template, or file with one, for -o go-template and -o go-template-file.");

/// The flags of commands that print objects in a form of their own unless told otherwise.
pub const fn print_flags(default: &'static str) -> [Flag; 4] {
    let output = text(
        "output",
        default,
        "Output format: json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file.",
    );
    [output.short('o'), ALLOW_MISSING, SHOW_MANAGED, TEMPLATE]
}

/// The flags of commands that print objects.
pub const PRINT_FLAGS: &[Flag] = &print_flags("");

/// The form objects are printed in.
#[derive(Clone, Debug)]
pub enum Format {
    /// A sentence or a table.
    Human,
    /// YAML.
    Yaml,
    /// YAML in braces.
    Kyaml,
    /// Indented JSON.
    Json,
    /// `kind.group/name`.
    Name,
    /// A JSONPath template.
    Path(Path),
    /// The values of a JSONPath template as a JSON list.
    PathJson(Path),
    /// A table of chosen fields.
    Columns(columns::Columns),
    /// A Go template.
    Go(go_template::GoTemplate),
}

/// Prints objects in one form.
#[derive(Clone, Debug)]
pub struct Printer {
    /// The form.
    pub format: Format,
    show_managed: bool,
    printed: usize,
    /// Whether objects are printed from Go's types.
    typed: bool,
}

const PLAIN: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml";
const TABLES: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// The forms that a template may stand behind.
const TEMPLATED: [&str; 9] = [
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "go-template",
    "go-template-file",
    "template",
    "templatefile",
    "custom-columns",
    "custom-columns-file",
];

impl Printer {
    /// Whether the flags ask for a table, told without reading any template.
    pub fn asks_for_table(flags: &Flags) -> bool {
        flags.text("output") == "wide" || (flags.text("output").is_empty() && flags.text("template").is_empty())
    }

    /// The printer that the flags ask for. With `tables`, `wide` and `custom-columns` are allowed too.
    ///
    /// # Errors
    /// A form that does not exist, or a template that cannot be read.
    pub fn of(flags: &Flags, system: &dyn System, tables: bool) -> Result<Printer, Failure> {
        let (output, argument) = (flags.text("output"), flags.text("template"));
        // A template stands behind the form's name, or in a flag of its own.
        let (name, template) = match output.split_once('=') {
            _ if output.is_empty() && !argument.is_empty() => ("go-template", argument),
            Some((name, template)) if argument.is_empty() && TEMPLATED.contains(&name) => (name, template),
            _ => (output, argument),
        };
        let strict = flags.text("allow-missing-template-keys") == "false";
        let given = |what: &str| match template {
            "" => Err(Failure::msg(what)),
            template => Ok(template),
        };
        let from_file = |what: &str, path: &str| {
            let bytes = system
                .read_file(path)
                .map_err(|errno| Failure::msg(format!("error reading {what} {path}, {}", unreadable(path, errno))))?;
            Ok::<String, Failure>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = |name: &str| {
            let template = given("template format specified but no template given")?;
            if name.ends_with("file") { from_file("--template", template) } else { Ok(template.to_owned()) }
        };
        let columns = || given("custom-columns format specified but no custom columns given");
        let headless = flags.on("no-headers");
        let format = match name {
            "" => Format::Human,
            "wide" if tables => Format::Human,
            "jsonpath" | "jsonpath-file" => Format::Path(Path::strict(&text(name)?, strict)?),
            "jsonpath-as-json" => Format::PathJson(Path::strict(&text(name)?, strict)?),
            "go-template" | "template" | "go-template-file" | "templatefile" => {
                Format::Go(go_template::GoTemplate::parse(&text(name)?, strict)?)
            }
            "custom-columns" if tables => Format::Columns(columns::Columns::parse(columns()?, headless)?),
            "custom-columns-file" if tables => {
                let content = from_file("template", columns()?).or_else(|failure| match system.file_info(template) {
                    Ok(info) if info.is_dir => Ok(String::new()),
                    _ => Err(failure),
                });
                Format::Columns(columns::Columns::parse_file(&content?)?)
            }
            _ => match name.to_lowercase().as_str() {
                "yaml" => Format::Yaml,
                "kyaml" => Format::Kyaml,
                "json" => Format::Json,
                "name" => Format::Name,
                _ => {
                    let allowed = if tables { TABLES } else { PLAIN };
                    return Err(Failure::msg(format!(
                        "unable to match a printer suitable for the output format {}, allowed formats are: {allowed}",
                        quote(output)
                    )));
                }
            },
        };
        Ok(Printer { format, show_managed: flags.on("show-managed-fields"), printed: 0, typed: false })
    }

    /// The printer of commands that show nothing but JSON and YAML; YAML unless told otherwise.
    ///
    /// # Errors
    /// Another form.
    pub fn json_or_yaml(output: &str) -> Result<Printer, Failure> {
        let format = match output.to_lowercase().as_str() {
            "" | "yaml" => Format::Yaml,
            "json" => Format::Json,
            "kyaml" => Format::Kyaml,
            _ => {
                return Err(Failure::msg(format!(
                    "unable to match a printer suitable for the output format {}, allowed formats are: json,kyaml,yaml",
                    quote(output)
                )));
            }
        };
        Ok(Printer { format, show_managed: false, printed: 0, typed: false })
    }

    /// The same printer for a command that reads objects into Go's types and prints them from there.
    pub fn typed(mut self) -> Printer {
        self.typed = true;
        self
    }

    /// Whether it prints sentences or tables.
    pub fn is_human(&self) -> bool {
        matches!(self.format, Format::Human)
    }

    /// The text of one object (or list).
    ///
    /// # Errors
    /// A template that does not fit.
    pub fn print(&mut self, object: &Value) -> Result<String, Failure> {
        let mut object = if self.typed { typed::complete(object) } else { object.clone() };
        // Templates see the object as it came.
        if !self.show_managed && matches!(self.format, Format::Yaml | Format::Kyaml | Format::Json) {
            drop_managed_fields(&mut object);
        }
        self.printed += 1;
        let fence = if self.printed > 1 { "---\n" } else { "" };
        Ok(match &mut self.format {
            Format::Yaml => format!("{fence}{}", to_yaml(&object)),
            Format::Kyaml => kyaml::to_kyaml(&object),
            Format::Json if self.typed => typed::indented(&object) + "\n",
            Format::Json => go_json::to_indented(&object) + "\n",
            Format::Name | Format::Human => names(&object),
            Format::Path(path) => path.render(&object)?,
            Format::PathJson(path) => path.render_json(&object)?,
            Format::Columns(columns) => columns.print(&object)?,
            Format::Go(template) => template.render(&object)?,
        })
    }

    /// The text of what a command did to an object: a sentence, or the object in the wanted form.
    ///
    /// # Errors
    /// As [`Printer::print`].
    pub fn done(&mut self, object: &Value, resource: &Resource, name: &str, what: &str) -> Result<String, Failure> {
        match self.format {
            Format::Human => Ok(format!("{}/{name} {what}\n", resource.printed_kind())),
            Format::Name => Ok(format!("{}/{name}\n", resource.printed_kind())),
            _ => self.print(object),
        }
    }
}

/// `kind.group/name` of an object, or of every item of a list, a line each.
fn names(object: &Value) -> String {
    let of = |object: &Value| {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
        let (version, kind, name) = (text("/apiVersion"), text("/kind").to_lowercase(), text("/metadata/name"));
        let name = if name.is_empty() { "<unknown>".to_owned() } else { name };
        match version.split_once('/') {
            Some((group, _)) => format!("{kind}.{group}/{name}\n"),
            None => format!("{kind}/{name}\n"),
        }
    };
    match object.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().map(of).collect(),
        None => of(object),
    }
}

/// Leaves out `metadata.managedFields` of an object and of a list's items.
pub fn drop_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
        }
    }
}

/// Several objects as the `List` that `-o yaml` shows.
pub fn as_list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

/// The string at a path, or empty.
pub fn str_at<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The object at a path as a map, if it is one.
pub fn map_at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    object.pointer(pointer).and_then(Value::as_object)
}

/// The list at a path; empty when there is none.
pub fn list_at<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
