//! What a definition may say in a schema, and what it may not say below `allOf`, `anyOf`, `oneOf` and `not`; scales,
//! columns and selectable fields of a version. Looks at no object.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
//! (`ValidateCustomResourceDefinitionOpenAPISchema` and its kin) and pkg/apiserver/schema/validation.go
//! (`validateNestedValueValidation`). Refuses rules (`x-kubernetes-validations`), which are judged elsewhere.

use serde_json::Value;

use super::structural::{flag, text};
use crate::apimachinery::field::{Error, Path};

const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];
const COLUMN_TYPES: &[&str] = &["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: &[&str] = &["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

/// The words that only the structure may say, each with how its absence is called.
const STRUCTURE: &[(&str, &str)] = &[
    ("type", "empty"),
    ("additionalProperties", "undefined"),
    ("default", "undefined"),
    ("title", "empty"),
    ("description", "empty"),
    ("nullable", "false"),
    ("x-kubernetes-preserve-unknown-fields", "false"),
    ("x-kubernetes-embedded-resource", "false"),
    ("x-kubernetes-int-or-string", "false"),
    ("x-kubernetes-list-map-keys", "empty"),
    ("x-kubernetes-list-type", "undefined"),
    ("x-kubernetes-map-type", "undefined"),
];

/// The words of JSON Schema that no definition may use.
const UNSUPPORTED: &[&str] = &["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];

type Errors = Vec<Error>;

fn list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Whether a word is there and says something.
fn says(schema: &Value, name: &str) -> bool {
    match schema.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => name == "additionalProperties" && schema.get(name).is_some(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

/// What stands below a schema, with its path.
fn below<'a>(path: &Path, schema: &'a Value) -> Vec<(Path, &'a Value)> {
    let mut all = Vec::new();
    for name in ["allOf", "anyOf", "oneOf"] {
        all.extend(list(schema, name).enumerate().map(|(index, inner)| (path.child(name).index(index), inner)));
    }
    all.extend(schema.get("not").map(|inner| (path.child("not"), inner)));
    all
}

/// What a schema says of values where it should say it of the structure, in no order.
pub fn nested(path: &Path, schema: &Value) -> Errors {
    let mut errors = Errors::new();
    structure(&mut errors, path, schema);
    errors
}

fn structure(errors: &mut Errors, path: &Path, schema: &Value) {
    if let Some(items) = schema.get("items") {
        structure(errors, &path.child("items"), items);
    }
    for (name, inner) in properties(schema) {
        structure(errors, &path.child("properties").key(name), inner);
    }
    if let Some(inner @ Value::Object(_)) = schema.get("additionalProperties") {
        structure(errors, &path.child("additionalProperties"), inner);
    }
    let either = |all: &Value| all.get("anyOf").is_some_and(is_int_or_string);
    let first = schema.get("allOf").and_then(|all| all.get(0)).is_some_and(either);
    for (at, inner) in below(path, schema) {
        let spared = either(schema) && at.to_string().starts_with(&path.child("anyOf").to_string());
        let own = first && at == path.child("allOf").index(0);
        if !spared {
            of_values(errors, &at, inner, own);
        }
    }
    pattern(errors, path, schema);
}

/// `anyOf: [{type: integer}, {type: string}]` is how older schemas say "either".
fn is_int_or_string(any: &Value) -> bool {
    *any == serde_json::json!([{"type": "integer"}, {"type": "string"}])
}

fn of_values(errors: &mut Errors, path: &Path, schema: &Value, spared: bool) {
    for (at, inner) in below(path, schema) {
        if !(spared && at.to_string().starts_with(&path.child("anyOf").to_string())) {
            of_values(errors, &at, inner, false);
        }
    }
    pattern(errors, path, schema);
    if let Some(items) = schema.get("items") {
        of_values(errors, &path.child("items"), items, false);
    }
    for (name, inner) in properties(schema) {
        of_values(errors, &path.child("properties").key(name), inner, false);
    }
    for (name, absence) in STRUCTURE.iter().filter(|(name, _)| says(schema, name)) {
        errors.push(Error::forbidden(&path.child(name), format!("must be {absence} to be structural")));
    }
    if schema.get("properties").is_some_and(|all| all.get("metadata").is_some()) {
        let at = path.child("properties").key("metadata");
        errors.push(Error::forbidden(&at, "must not be specified in a nested context"));
    }
}

fn pattern(errors: &mut Errors, path: &Path, schema: &Value) {
    let pattern = text(schema, "pattern");
    if let Err(why) = regex_lite::Regex::new(pattern) {
        let why = format!("must be a valid regular expression, but isn't: {why}");
        errors.push(Error::invalid(&path.child("pattern"), pattern, why));
    }
}

/// `ValidateCustomResourceDefinitionOpenAPISchema`
pub fn validate(path: &Path, schema: &Value) -> Errors {
    let mut errors = Errors::new();
    if flag(schema, "nullable") {
        errors.push(Error::forbidden(&path.child("nullable"), "nullable cannot be true at the root"));
    }
    check(&mut errors, path, schema, Place { is_root: true, no_default: "", in_meta: false });
    errors
}

/// Where a schema stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    is_root: bool,
    /// Why it may have no default, when it may not.
    no_default: &'a str,
    in_meta: bool,
}

fn check(errors: &mut Errors, path: &Path, schema: &Value, place: Place<'_>) {
    words(errors, path, schema, place);
    let inner = Place { is_root: false, ..place };
    if let Some(additional) = schema.get("additionalProperties") {
        let at = path.child("additionalProperties");
        if properties(schema).next().is_some() && *additional != Value::Bool(true) {
            errors.push(Error::forbidden(&at, "additionalProperties and properties are mutual exclusive"));
        }
        if additional.is_object() {
            let why = if place.in_meta { "inside additionalProperties applying to object metadata" } else { "" };
            check(
                errors,
                &at,
                additional,
                Place { no_default: if why.is_empty() { place.no_default } else { why }, ..inner },
            );
        }
    }
    let is_object = place.is_root || flag(schema, "x-kubernetes-embedded-resource");
    for (name, property) in properties(schema) {
        let own = is_object && matches!(name.as_str(), "metadata" | "kind" | "apiVersion");
        let why = format!("in top-level {name}");
        let no_default = if own && place.is_root { why.as_str() } else { place.no_default };
        let place = Place { in_meta: place.in_meta || own, no_default, ..inner };
        check(errors, &path.child("properties").key(name), property, place);
    }
    if let Some(not) = schema.get("not") {
        check(errors, &path.child("not"), not, inner);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        for (index, one) in list(schema, name).enumerate() {
            check(errors, &path.child(name).index(index), one, inner);
        }
    }
    if let Some(items) = schema.get("items") {
        check(errors, &path.child("items"), items, inner);
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let at = path.child("x-kubernetes-preserve-unknown-fields");
        errors.push(Error::invalid(&at, false, "must be true or undefined"));
    }
    topology(errors, path, schema);
    keys(errors, path, schema);
}

/// `specStandardValidatorV3.validate`
fn words(errors: &mut Errors, path: &Path, schema: &Value, place: Place<'_>) {
    let kind = text(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(Error::not_supported(&path.child("type"), kind, TYPES));
    }
    if schema.get("default").is_some_and(|default| !default.is_null()) && !place.no_default.is_empty() {
        errors.push(Error::forbidden(&path.child("default"), format!("must not be set {}", place.no_default)));
    }
    for name in UNSUPPORTED.iter().filter(|name| says(schema, name)) {
        errors.push(Error::forbidden(&path.child(name), format!("{name} is not supported")));
    }
    if kind == "null" {
        let why = "type cannot be set to null, use nullable as an alternative";
        errors.push(Error::forbidden(&path.child("type"), why));
    }
    if schema.get("items").is_some_and(Value::is_array) {
        errors.push(Error::forbidden(&path.child("items"), "items must be a schema object and not an array"));
    }
    if place.in_meta && flag(schema, "x-kubernetes-embedded-resource") {
        let at = path.child("x-kubernetes-embedded-resource");
        errors.push(Error::forbidden(&at, "must not be used inside of resource meta"));
    }
    if flag(schema, "uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(Error::forbidden(&path.child("uniqueItems"), why));
    }
}

/// Lists and maps, and what their words are for.
fn topology(errors: &mut Errors, path: &Path, schema: &Value) {
    let kind = text(schema, "type");
    for (word, wanted, known) in [
        ("x-kubernetes-map-type", "object", &["atomic", "granular"][..]),
        ("x-kubernetes-list-type", "array", &["atomic", "set", "map"][..]),
    ] {
        let Some(given) = schema.get(word).and_then(Value::as_str) else { continue };
        if kind != wanted {
            let (at, why) = (path.child("type"), format!("must be {wanted} if {word} is specified"));
            errors.push(if kind.is_empty() { Error::required(&at, why) } else { Error::invalid(&at, kind, why) });
        } else if let ("set", Some(items)) = (given, schema.get("items")) {
            let (word, at) = match text(items, "type") {
                "array" => ("x-kubernetes-list-type", text(items, "x-kubernetes-list-type")),
                "object" => ("x-kubernetes-map-type", text(items, "x-kubernetes-map-type")),
                _ => ("", "atomic"),
            };
            if at != "atomic" && !(at.is_empty() && word == "x-kubernetes-list-type") {
                let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
                let shown = items.get("x-kubernetes-list-type");
                errors.push(Error::invalid(&path.child("items").child(word), shown, why));
            }
        }
        if !known.contains(&given) {
            errors.push(Error::not_supported(&path.child(word), given, known));
        }
    }
}

/// The keys by which the elements of a list are told apart.
fn keys(errors: &mut Errors, path: &Path, schema: &Value) {
    let kind = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
    let keys: Vec<&str> = list(schema, "x-kubernetes-list-map-keys").filter_map(Value::as_str).collect();
    let at = path.child("x-kubernetes-list-type");
    let why = "must be map if x-kubernetes-list-map-keys is non-empty";
    match kind {
        None if !keys.is_empty() => errors.push(Error::required(&at, why)),
        Some(kind) if kind != "map" && !keys.is_empty() => errors.push(Error::invalid(&at, kind, why)),
        _ => {}
    }
    let (at, items) = (path.child("x-kubernetes-list-map-keys"), schema.get("items"));
    let below = path.child("items");
    if kind == Some("map") {
        if keys.is_empty() {
            errors.push(Error::required(&at, "must not be empty if x-kubernetes-list-type is map"));
        }
        match items.map(|items| text(items, "type")) {
            None => errors.push(Error::required(&below, "must have a schema if x-kubernetes-list-type is map")),
            Some("object") => {}
            Some(other) => {
                let why = "must be object if parent array's x-kubernetes-list-type is map";
                errors.push(Error::invalid(&below.child("type"), other, why));
            }
        }
    }
    let Some(items) = items.filter(|_| matches!(kind, Some("map" | "set"))) else { return };
    let of = |key: &str| items.get("properties").and_then(|all| all.get(key));
    let is_map = kind == Some("map");
    for (index, key) in keys.iter().enumerate().filter(|_| is_map && text(items, "type") == "object") {
        match of(key).map(|property| text(property, "type")) {
            Some("array" | "object") => {
                let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.push(Error::invalid(&below.child("properties").key(key).child("type"), "object", why));
            }
            Some(_) => {}
            None => errors.push(Error::invalid(&at, &keys, "entries must all be names of item properties")),
        }
        if keys.iter().take(index).any(|earlier| earlier == key) {
            errors.push(Error::invalid(&at, &keys, "must not contain duplicate entries"));
        }
    }
    if flag(items, "nullable") {
        let why = format!("cannot be nullable when x-kubernetes-list-type is {}", kind.unwrap_or_default());
        errors.push(Error::forbidden(&below.child("nullable"), why));
    }
    for key in keys.iter().filter(|_| is_map) {
        let Some(property) = of(key) else { continue };
        let at = below.child("properties").key(key);
        let required = list(items, "required").any(|name| name == key);
        if !required && property.get("default").is_none_or(Value::is_null) {
            let why =
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(Error::required(&at.child("default"), why));
        }
        if flag(property, "nullable") {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(Error::forbidden(&at.child("nullable"), why));
        }
    }
}

fn simple_path(errors: &mut Errors, at: &Path, path: &str) -> bool {
    let fits = path.starts_with('.');
    if path.is_empty() {
        errors.push(Error::required(at, ""));
    } else if !fits {
        errors.push(Error::invalid(at, path, "must be a simple json path starting with ."));
    }
    fits
}

/// Scales and columns of a version, or of all of them at once.
pub fn shown(errors: &mut Errors, path: &Path, version: &Value) {
    if let Some(scale) = version.get("subresources").and_then(|all| all.get("scale")) {
        for (name, roots, why) in [
            ("specReplicasPath", &[".spec."][..], "should be a json path under .spec"),
            ("statusReplicasPath", &[".status."][..], "should be a json path under .status"),
            ("labelSelectorPath", &[".spec.", ".status."][..], "should be a json path under either .spec or .status"),
        ] {
            let (at, given) = (path.child("subresources").child("scale").child(name), text(scale, name));
            if given.is_empty() && name == "labelSelectorPath" {
                continue;
            }
            if simple_path(errors, &at, given) && !roots.iter().any(|root| given.starts_with(root)) {
                errors.push(Error::invalid(&at, given, why));
            }
        }
    }
    for (index, column) in list(version, "additionalPrinterColumns").enumerate() {
        let path = path.child("additionalPrinterColumns").index(index);
        if text(column, "name").is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        }
        let (kind, why) = (text(column, "type"), format!("must be one of {}", COLUMN_TYPES.join(",")));
        if kind.is_empty() {
            errors.push(Error::required(&path.child("type"), why));
        } else if !COLUMN_TYPES.contains(&kind) {
            errors.push(Error::invalid(&path.child("type"), kind, why));
        }
        let format = text(column, "format");
        if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
            let why = format!("must be one of {}", COLUMN_FORMATS.join(","));
            errors.push(Error::invalid(&path.child("format"), format, why));
        }
        simple_path(errors, &path.child("JSONPath"), text(column, "jsonPath"));
    }
}

/// `ValidateCustomResourceSelectableFields`: paths that lead to a scalar of the schema, each once.
pub fn selectable(errors: &mut Errors, path: &Path, version: &Value, schema: Option<&Value>) {
    if list(version, "selectableFields").next().is_none() {
        return;
    }
    let path = path.child("selectableFields");
    let Some(schema) = schema else {
        let why = "may only be set when `version.schema.openAPIV3Schema` is not included";
        errors.push(Error::invalid(&path, "", why));
        return;
    };
    let mut seen: Vec<&str> = Vec::new();
    for (index, field) in list(version, "selectableFields").enumerate() {
        let (at, given) = (path.index(index).child("jsonPath"), text(field, "jsonPath"));
        if given.is_empty() {
            errors.push(Error::required(&at, ""));
            continue;
        }
        if !given.starts_with(['.', '[']) {
            let why = format!("is an invalid path: expected [ or . but got: {given}");
            errors.push(Error::invalid(&at, given, why));
            continue;
        }
        let names = given.trim_start_matches('.').split('.');
        let found =
            names.clone().try_fold(schema, |schema, name| schema.get("properties").and_then(|all| all.get(name)));
        let Some(found) = found else {
            errors.push(Error::invalid(&at, given, "is an invalid path: does not refer to a valid field"));
            continue;
        };
        if names.clone().next() == Some("metadata") {
            errors.push(Error::invalid(&at, given, "must not point to fields in metadata"));
        }
        if !matches!(text(found, "type"), "string" | "boolean" | "integer") {
            let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with \
                       formats are allowed.";
            errors.push(Error::invalid(&at, given, why));
        }
        if seen.contains(&given) {
            errors.push(Error::duplicate(&at, given));
        }
        seen.push(given);
    }
}

/// Whether the schema's format is one that its type may have.
pub fn is_known_format(schema: &Value) -> bool {
    let format = text(schema, "format");
    match text(schema, "type") {
        "" | "string" => FORMATS.contains(&format.replace('-', "").as_str()),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

/// The formats of a schema that nobody knows for its type, in the order in which they are met.
pub fn unknown_formats(schema: &Value, met: &mut Vec<String>) {
    let (format, known) = (text(schema, "format"), is_known_format(schema));
    if !format.is_empty() && !known && !met.iter().any(|one| one == format) {
        met.push(format.to_owned());
    }
    for (_, inner) in properties(schema) {
        unknown_formats(inner, met);
    }
    for inner in ["items", "additionalProperties"].iter().filter_map(|name| schema.get(name)) {
        unknown_formats(inner, met);
    }
    for (_, inner) in below(&Path::default(), schema) {
        unknown_formats(inner, met);
    }
}

/// `supportedVersionedFormats`, without their dashes.
const FORMATS: &[&str] = &[
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];
