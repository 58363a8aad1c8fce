//! The kubeconfig: what all its files hold together, by name. Knows no flags of a command and sends nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/clientcmd (`api.Config`).

mod files;
pub mod schema;

pub use files::{Files, Loaded, alone, base, resolve};

use serde_json::{Map, Value, json};

use crate::text::go_number::quote;
use crate::text::go_value::json_word;
use crate::text::yaml::from_yaml;

/// What one file holds, or several together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kubeconfig {
    /// The fields, without zero values; lists of named objects are maps.
    pub content: Map<String, Value>,
}

impl Kubeconfig {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Text that is no YAML, another kind of object, a value of the wrong type.
    pub fn parse(text: &str) -> Result<Kubeconfig, String> {
        if text.is_empty() {
            return Ok(Kubeconfig::default());
        }
        let read = from_yaml(text).map_err(|why| {
            let why = why.to_string();
            why.trim_start_matches("error converting YAML to JSON: ").to_owned()
        })?;
        let content = match &read {
            Value::Object(content) => content.clone(),
            Value::Null => Map::new(),
            other => {
                let what = json_word(other);
                return Err(format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
                ));
            }
        };
        for name in ["apiVersion", "kind"] {
            if let Some(value) = content.get(name).filter(|value| !value.is_string() && !value.is_null()) {
                return Err(format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{name} of type string",
                    json_word(value)
                ));
            }
        }
        let of = |name: &str, usual: &'static str| match content.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => usual.to_owned(),
        };
        let (version, kind) = (of("apiVersion", "v1"), of("kind", "Config"));
        if version != "v1" || kind != "Config" {
            return Err(format!(
                "no kind {} is registered for version {} in scheme \"k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50\"",
                quote(&kind),
                quote(&version),
            ));
        }
        let mut content = schema::decode(&content)?;
        content.remove("kind");
        content.remove("apiVersion");
        Ok(Kubeconfig { content })
    }

    /// The file's content, as it is printed and written.
    pub fn file(&self) -> Value {
        schema::encode(&self.content)
    }

    /// The present context's name; empty when there is none.
    pub fn current(&self) -> &str {
        self.content.get("current-context").and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets the present context.
    pub fn set_current(&mut self, name: &str) {
        if name.is_empty() {
            self.content.remove("current-context");
        } else {
            self.content.insert("current-context".to_owned(), json!(name));
        }
    }

    /// The entries of a list (`clusters`, `contexts`, `users`), by name.
    pub fn entries(&self, list: &str) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let entries = self.content.get(list).and_then(Value::as_object);
        entries.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_object()?)))
    }

    /// An entry of a list.
    pub fn entry(&self, list: &str, name: &str) -> Option<&Map<String, Value>> {
        self.content.get(list)?.get(name)?.as_object()
    }

    /// An entry of a list, to put it there or to take it away.
    pub fn set(&mut self, list: &str, name: &str, entry: Option<Map<String, Value>>) {
        let entries = self.content.entry(list.to_owned()).or_insert_with(|| json!({}));
        let Some(entries) = entries.as_object_mut() else { return };
        match entry {
            Some(entry) => entries.insert(name.to_owned(), Value::Object(entry)),
            None => entries.remove(name),
        };
        if entries.is_empty() {
            self.content.remove(list);
        }
    }

    /// All entries of a list, to change them.
    pub fn entries_mut(&mut self, list: &str) -> impl Iterator<Item = &mut Map<String, Value>> {
        let entries = self.content.get_mut(list).and_then(Value::as_object_mut);
        entries.into_iter().flatten().filter_map(|(_, value)| value.as_object_mut())
    }

    /// Adds what another file has and this one has not: the first to name a thing has its way.
    fn merge(&mut self, other: Kubeconfig) {
        for (field, value) in other.content {
            match (self.content.get_mut(&field), value) {
                (None, value) => {
                    self.content.insert(field, value);
                }
                (Some(Value::Object(known)), Value::Object(more)) => {
                    for (name, one) in more {
                        known.entry(name).or_insert(one);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The text of a field.
pub fn text<'a>(entry: &'a Map<String, Value>, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_to_name_a_thing_has_its_way() {
        let mut both =
            Kubeconfig::parse("clusters: [{name: a, cluster: {server: one}}]\npreferences: {colors: true}").unwrap();
        let other = "clusters: [{name: a, cluster: {server: two, proxy-url: p}}, {name: b, cluster: {server: b}}]\ncurrent-context: x";
        both.merge(Kubeconfig::parse(other).unwrap());
        assert_eq!(
            both.file(),
            json!({
                "apiVersion": "v1", "kind": "Config", "preferences": {"colors": true}, "current-context": "x",
                "clusters": [{"name": "a", "cluster": {"server": "one"}}, {"name": "b", "cluster": {"server": "b"}}],
                "contexts": null, "users": null
            })
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_its_place() {
        let cases = [
            (
                "clusters: 5",
                "json: cannot unmarshal number into Go struct field Config.clusters of type []v1.NamedCluster",
            ),
            (
                "clusters: [{name: a, cluster: {server: 5}}]",
                "json: cannot unmarshal number into Go struct field Cluster.clusters.cluster.server of type string",
            ),
            ("users: [{name: a, user: {client-key-data: '%'}}]", "illegal base64 data at input byte 0"),
            (
                "kind: Pod",
                "no kind \"Pod\" is registered for version \"v1\" in scheme \"k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50\"",
            ),
        ];
        for (text, why) in cases {
            assert_eq!(Kubeconfig::parse(text), Err(why.to_owned()), "{text}");
        }
    }
}
