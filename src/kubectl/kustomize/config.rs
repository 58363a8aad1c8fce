//! `configurations` and `crds`: which fields of which kinds the transformers change beside those they know.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/plugins/builtinconfig/transformerconfig.go and
//! api/internal/accumulator/loadconfigfromcrds.go (references to other objects).

use serde_json::{Map, Value, json};

use super::item::Item;
use crate::kubectl::print::{list_at, str_at};
use crate::text::go_value::json_word;
use crate::text::yaml::from_yaml;

/// The lists that a configuration may have.
const LISTS: &[&str] = &[
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "nameReference",
    "varReference",
    "images",
    "replicas",
];

/// Fields for the transformers, by the transformer's list.
#[derive(Clone, Debug, Default)]
pub struct Config(Map<String, Value>);

/// The path of a field without marks for lists, which are found out by looking.
fn path_of(spec: &Value) -> String {
    str_at(spec, "/path").replace("[]", "").trim_matches('/').to_owned()
}

fn fits(spec: &Value, item: &Item) -> bool {
    let version = item.text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let is = |field: &str, value: &str| ["", value].contains(&str_at(spec, field));
    is("/group", group) && is("/version", version) && is("/kind", &item.kind())
}

impl Config {
    /// Adds what another configuration says.
    pub fn merge(&mut self, other: Config) {
        for (name, list) in other.0 {
            let all = self.0.entry(name).or_insert_with(|| json!([]));
            if let (Value::Array(all), Value::Array(list)) = (all, list) {
                let new: Vec<Value> = list.into_iter().filter(|spec| !all.contains(spec)).collect();
                all.extend(new);
            }
        }
    }

    /// Adds a file of `configurations`.
    ///
    /// # Errors
    /// What is no configuration.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        let value = from_yaml(text)?;
        let fields = value.as_object().cloned().unwrap_or_default();
        if let Some(name) = fields.keys().find(|name| !LISTS.contains(&name.as_str())) {
            return Err(format!("error unmarshaling JSON: while decoding JSON: json: unknown field \"{name}\""));
        }
        if let Some((name, value)) = fields.iter().find(|(_, value)| !value.is_array() && !value.is_null()) {
            let (what, kind) =
                (json_word(value), if name == "nameReference" { "builtinconfig.nbrSlice" } else { "types.FsSlice" });
            return Err(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {what} into Go struct field TransformerConfig.{name} of type {kind}"
            ));
        }
        self.merge(Config(fields));
        Ok(())
    }

    /// Adds the references that a file of `crds` declares.
    ///
    /// # Errors
    /// What is no JSON or YAML.
    pub fn read_crds(&mut self, text: &str) -> Result<(), String> {
        let types = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|why| match why.is_eof() {
                true => "unexpected end of JSON input".to_owned(),
                false => why.to_string(),
            })?
        } else {
            from_yaml(text)?
        };
        let plain = types.as_object().and_then(|all| all.values().find(|value| !value.is_object() && !value.is_null()));
        if let Some(plain) = plain {
            let what = json_word(plain);
            return Err(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {what} into Go value of type accumulator.OpenAPIDefinition"
            ));
        }
        let properties = |name: &str| types.get(name)?.pointer("/Schema/properties")?.as_object();
        let names: Vec<&String> = types.as_object().map(|all| all.keys().collect()).unwrap_or_default();
        let mut references = Vec::new();
        for name in names {
            let Some(own) = properties(name) else { continue };
            if ["apiVersion", "kind", "metadata"].iter().all(|field| own.contains_key(*field)) {
                let kind = name.rsplit('.').next().unwrap_or(name);
                referring(&types, own, kind, "", 0, &mut references);
            }
        }
        self.merge(Config(Map::from_iter([("nameReference".to_owned(), Value::Array(references))])));
        Ok(())
    }

    fn list(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The fields of an object that a list names.
    pub fn paths(&self, list: &str, item: &Item) -> Vec<String> {
        self.list(list).iter().filter(|spec| fits(spec, item)).map(path_of).collect()
    }

    /// The same, with whether a field is made where it is missing.
    pub fn places(&self, list: &str, item: &Item) -> Vec<(String, bool)> {
        let make = |spec: &Value| spec.get("create").and_then(Value::as_bool).unwrap_or(false);
        self.list(list).iter().filter(|spec| fits(spec, item)).map(|spec| (path_of(spec), make(spec))).collect()
    }

    /// The fields of an object that name others: the kind that is named, and the field.
    pub fn references(&self, item: &Item) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for reference in self.list("nameReference") {
            let kind = str_at(reference, "/kind");
            let specs = list_at(reference, "/fieldSpecs").iter().filter(|spec| fits(spec, item));
            found.extend(specs.map(|spec| (kind.to_owned(), path_of(spec))));
        }
        found
    }
}

/// Fields below a type that name other objects.
fn referring(
    types: &Value,
    properties: &Map<String, Value>,
    kind: &str,
    path: &str,
    depth: usize,
    found: &mut Vec<Value>,
) {
    for (name, property) in properties {
        let here = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let of = |field: &str| property.get(field).and_then(Value::as_str).unwrap_or_default();
        let (version, named) = (of("x-kubernetes-object-ref-api-version"), of("x-kubernetes-object-ref-kind"));
        if !version.is_empty() && !named.is_empty() {
            let key = match of("x-kubernetes-object-ref-name-key") {
                "" => "name",
                key => key,
            };
            let spec = json!({"kind": kind, "path": format!("{here}/{key}")});
            found.push(json!({"kind": named, "version": version, "fieldSpecs": [spec]}));
        }
        let inner = types.get(of("$ref")).and_then(|of| of.pointer("/Schema/properties")?.as_object());
        if let (Some(inner), true) = (inner, depth < 16) {
            referring(types, inner, kind, &here, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_fields_and_nothing_else() {
        let mut config = Config::default();
        config.read("varReference:\n- {kind: Thing, path: 'spec/images[]/name'}\n").unwrap();
        let item = Item::new(json!({"apiVersion": "x/v1", "kind": "Thing", "metadata": {"name": "a"}}));
        assert_eq!(config.paths("varReference", &item), ["spec/images/name"]);
        assert!(config.read("foo: bar\n").unwrap_err().contains("unknown field \"foo\""));
    }

    #[test]
    fn a_definition_tells_what_its_objects_refer_to() {
        let crds = r#"{"x.Thing": {"Schema": {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"$ref": "x.Spec"}}}},
            "x.Spec": {"Schema": {"properties": {"ref": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"}}}}}"#;
        let mut config = Config::default();
        config.read_crds(crds).unwrap();
        let item = Item::new(json!({"apiVersion": "x/v1", "kind": "Thing", "metadata": {"name": "a"}}));
        assert_eq!(config.references(&item), [("ConfigMap".to_owned(), "spec/ref/name".to_owned())]);
    }
}
