//! `buildMetadata`: annotations that tell where an object is from and which transformers have had it.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/resource/origin.go.

use serde_json::{Map, Value, json};

use super::place::Place;

/// Where an object is from: a file, or what has made it. In the form of the annotation.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    from: String,
    changes: Vec<String>,
}

/// Who makes or changes an object, as the annotation names it: the file, and the plugin in it.
pub fn by(file: &str, plugin: &Value) -> String {
    let of = |path: &str| plugin.pointer(path).and_then(Value::as_str).unwrap_or("");
    let mut text = format!("configuredIn: {file}\nconfiguredBy:\n");
    let fields = [
        ("apiVersion", "/apiVersion"),
        ("kind", "/kind"),
        ("name", "/metadata/name"),
        ("namespace", "/metadata/namespace"),
    ];
    for (name, path) in fields.iter().filter(|(_, path)| !of(path).is_empty()) {
        text.push_str(&format!("  {name}: {}\n", of(path)));
    }
    text
}

impl Origin {
    /// An object of a file.
    pub fn of_file(path: &str) -> Origin {
        Origin { from: format!("path: {path}\n"), changes: Vec::new() }
    }

    /// An object that something has made.
    pub fn made(by: String) -> Origin {
        Origin { from: by, changes: Vec::new() }
    }

    /// The file that it is of; empty for what is of none.
    pub fn file(&self) -> &str {
        self.from.strip_prefix("path: ").map_or("", str::trim_end)
    }

    /// Remembers who has had it.
    pub fn changed(&mut self, by: &str) {
        if self.from.is_empty() {
            by.clone_into(&mut self.from);
        } else {
            self.changes.push(by.to_owned());
        }
    }

    /// Writes down what is asked for.
    pub fn tell(&self, object: &mut Value, origin: bool, changes: bool) {
        let mut more = Map::new();
        if origin && !self.from.is_empty() {
            more.insert("config.kubernetes.io/origin".to_owned(), json!(self.from));
        }
        if changes && !self.changes.is_empty() {
            let indented = |change: &String| format!("- {}\n", change.trim_end().replace('\n', "\n  "));
            let text: String = self.changes.iter().map(indented).collect();
            more.insert("alpha.config.kubernetes.io/transformations".to_owned(), json!(text));
        }
        if more.is_empty() {
            return;
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && let Some(all) = metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut()
        {
            all.extend(more);
        }
    }
}

/// The transformers that the fields of a kustomization stand for, in the order in which they run.
pub fn transformers(place: &Place, rules: &Value) -> Vec<String> {
    let count = |field: &str| rules.get(field).and_then(Value::as_array).map_or(0, Vec::len);
    let has = |field: &str| usize::from(rules.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    let map = |field: &str| usize::from(rules.get(field).and_then(Value::as_object).is_some_and(|map| !map.is_empty()));
    let labels = count("labels") + 1;
    let labels = if labels == 1 { map("commonLabels") } else { labels };
    let all = [
        ("PatchStrategicMergeTransformer", count("patchesStrategicMerge").min(1)),
        ("PatchTransformer", count("patches")),
        ("NamespaceTransformer", has("namespace")),
        ("PrefixTransformer", has("namePrefix")),
        ("SuffixTransformer", has("nameSuffix")),
        ("LabelTransformer", labels),
        ("AnnotationsTransformer", map("commonAnnotations")),
        ("PatchJson6902Transformer", count("patchesJson6902")),
        ("ReplicaCountTransformer", count("replicas")),
        ("ImageTagTransformer", count("images") + count("imageTags")),
        ("ReplacementTransformer", count("replacements").min(1)),
    ];
    let file = place.file();
    let named = |kind: &str| by(&file, &json!({"apiVersion": "builtin", "kind": kind}));
    all.iter().flat_map(|(kind, count)| std::iter::repeat_n(named(kind), *count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_tells_where_it_is_from_and_who_has_had_it() {
        let mut origin = Origin::of_file("base/a.yaml");
        origin.changed(&by("kustomization.yaml", &json!({"apiVersion": "builtin", "kind": "PrefixTransformer"})));
        let mut object = json!({"metadata": {"name": "a"}});
        origin.tell(&mut object, true, true);
        let annotations = object.pointer("/metadata/annotations").unwrap();
        assert_eq!(annotations.get("config.kubernetes.io/origin"), Some(&json!("path: base/a.yaml\n")));
        let changes = "- configuredIn: kustomization.yaml\n  configuredBy:\n    apiVersion: builtin\n    kind: PrefixTransformer\n";
        assert_eq!(annotations.get("alpha.config.kubernetes.io/transformations"), Some(&json!(changes)));
    }
}
