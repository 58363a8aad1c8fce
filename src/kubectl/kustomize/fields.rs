//! What a kustomization may say: its fields with their types, and Go's words about what does not fit. Fields that are
//! written in other letters (`Resources`) get their own name, as Go's decoder finds them.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/types and the errors of Go's encoding/json.

use serde_json::{Map, Value};

/// What a field holds.
enum Kind {
    Text,
    /// A text of a type of its own.
    Named(&'static str),
    Flag,
    Number(&'static str),
    Texts,
    /// A list of texts of a type of their own.
    NamedTexts(&'static str),
    Pairs,
    Free,
    One(&'static Struct),
    Many(&'static Struct),
    /// A list of pointers, which Go names in the list's type.
    Pointers(&'static Struct),
}

/// A field: its name, the types that it is embedded by (as Go's errors name them), what it holds.
struct Field(&'static str, &'static str, Kind);

/// A type with the name that Go gives it.
struct Struct {
    name: &'static str,
    fields: &'static [Field],
}

use crate::text::go_value::json_word;
use Kind::{Flag, Free, Many, Named, NamedTexts, Number, One, Pairs, Pointers, Text, Texts};

const OPTIONS: Struct = Struct {
    name: "GeneratorOptions",
    fields: &[
        Field("labels", "", Pairs),
        Field("annotations", "", Pairs),
        Field("disableNameSuffixHash", "", Flag),
        Field("immutable", "", Flag),
    ],
};
const FIELD_SPEC: Struct = Struct {
    name: "FieldSpec",
    fields: &[
        Field("group", "Gvk.", Text),
        Field("version", "Gvk.", Text),
        Field("kind", "Gvk.", Text),
        Field("path", "", Text),
        Field("create", "", Flag),
    ],
};
const SELECTOR: Struct = Struct {
    name: "Selector",
    fields: &[
        Field("group", "ResId.Gvk.", Text),
        Field("version", "ResId.Gvk.", Text),
        Field("kind", "ResId.Gvk.", Text),
        Field("name", "ResId.", Text),
        Field("namespace", "ResId.", Text),
        Field("annotationSelector", "", Text),
        Field("labelSelector", "", Text),
    ],
};
const PATCH: Struct = Struct {
    name: "Patch",
    fields: &[
        Field("path", "", Text),
        Field("patch", "", Text),
        Field("target", "", One(&SELECTOR)),
        Field(
            "options",
            "",
            One(&Struct {
                name: "PatchArgs",
                fields: &[Field("allowNameChange", "", Flag), Field("allowKindChange", "", Flag)],
            }),
        ),
    ],
};
const IMAGE: Struct = Struct {
    name: "Image",
    fields: &[
        Field("name", "", Text),
        Field("newName", "", Text),
        Field("tagSuffix", "", Text),
        Field("newTag", "", Text),
        Field("digest", "", Text),
    ],
};
const FIELD_OPTIONS: Struct = Struct {
    name: "FieldOptions",
    fields: &[
        Field("delimiter", "", Text),
        Field("index", "", Number("int")),
        Field("encoding", "", Text),
        Field("create", "", Flag),
    ],
};
const SOURCE: Struct = Struct {
    name: "SourceSelector",
    fields: &[
        Field("group", "ResId.Gvk.", Text),
        Field("version", "ResId.Gvk.", Text),
        Field("kind", "ResId.Gvk.", Text),
        Field("name", "ResId.", Text),
        Field("namespace", "ResId.", Text),
        Field("fieldPath", "", Text),
        Field("options", "", One(&FIELD_OPTIONS)),
    ],
};
const TARGET: Struct = Struct {
    name: "TargetSelector",
    fields: &[
        Field("select", "", One(&SELECTOR)),
        Field("reject", "", Pointers(&SELECTOR)),
        Field("fieldPaths", "", Texts),
        Field("options", "", One(&FIELD_OPTIONS)),
    ],
};
const REPLACEMENT: Struct = Struct {
    name: "ReplacementField",
    fields: &[
        Field("source", "Replacement.", One(&SOURCE)),
        Field("targets", "Replacement.", Pointers(&TARGET)),
        Field("sourceValue", "Replacement.", Text),
        Field("path", "", Text),
    ],
};
const VAR: Struct = Struct {
    name: "Var",
    fields: &[
        Field("name", "", Text),
        Field(
            "objref",
            "",
            One(&Struct {
                name: "Target",
                fields: &[
                    Field("apiVersion", "", Text),
                    Field("group", "Gvk.", Text),
                    Field("version", "Gvk.", Text),
                    Field("kind", "Gvk.", Text),
                    Field("name", "", Text),
                    Field("namespace", "", Text),
                ],
            }),
        ),
        Field("fieldref", "", One(&Struct { name: "FieldSelector", fields: &[Field("fieldPath", "", Text)] })),
    ],
};
const CONFIG_MAP: Struct = Struct {
    name: "ConfigMapArgs",
    fields: &[
        Field("namespace", "GeneratorArgs.", Text),
        Field("name", "GeneratorArgs.", Text),
        Field("behavior", "GeneratorArgs.", Text),
        Field("literals", "GeneratorArgs.KvPairSources.", Texts),
        Field("files", "GeneratorArgs.KvPairSources.", Texts),
        Field("envs", "GeneratorArgs.KvPairSources.", Texts),
        Field("env", "GeneratorArgs.KvPairSources.", Text),
        Field("options", "GeneratorArgs.", One(&OPTIONS)),
    ],
};
const SECRET: Struct = Struct {
    name: "SecretArgs",
    fields: &[
        Field("namespace", "GeneratorArgs.", Text),
        Field("name", "GeneratorArgs.", Text),
        Field("behavior", "GeneratorArgs.", Text),
        Field("literals", "GeneratorArgs.KvPairSources.", Texts),
        Field("files", "GeneratorArgs.KvPairSources.", Texts),
        Field("envs", "GeneratorArgs.KvPairSources.", Texts),
        Field("env", "GeneratorArgs.KvPairSources.", Text),
        Field("options", "GeneratorArgs.", One(&OPTIONS)),
        Field("type", "", Text),
    ],
};
const LABEL: Struct = Struct {
    name: "Label",
    fields: &[
        Field("pairs", "", Pairs),
        Field("includeSelectors", "", Flag),
        Field("includeTemplates", "", Flag),
        Field("fields", "", Many(&FIELD_SPEC)),
    ],
};
const HELM_CHART: Struct = Struct {
    name: "HelmChart",
    fields: &[
        Field("name", "", Text),
        Field("version", "", Text),
        Field("repo", "", Text),
        Field("releaseName", "", Text),
        Field("namespace", "", Text),
        Field("additionalValuesFiles", "", Texts),
        Field("valuesFile", "", Text),
        Field("valuesInline", "", Free),
        Field("valuesMerge", "", Text),
        Field("includeCRDs", "", Flag),
        Field("skipHooks", "", Flag),
        Field("apiVersions", "", Texts),
        Field("kubeVersion", "", Text),
        Field("nameTemplate", "", Text),
        Field("skipTests", "", Flag),
        Field("debug", "", Flag),
        Field("devel", "", Flag),
    ],
};
const OLD_HELM_CHART: Struct = Struct {
    name: "HelmChartArgs",
    fields: &[
        Field("chartName", "", Text),
        Field("chartVersion", "", Text),
        Field("chartRepoUrl", "", Text),
        Field("chartHome", "", Text),
        Field("chartRepoName", "", Text),
        Field("helmBin", "", Text),
        Field("helmHome", "", Text),
        Field("values", "", Text),
        Field("valuesLocal", "", Free),
        Field("valuesMerge", "", Text),
        Field("releaseName", "", Text),
        Field("releaseNamespace", "", Text),
        Field("extraArgs", "", Texts),
    ],
};
const KUSTOMIZATION: Struct = Struct {
    name: "Kustomization",
    fields: &[
        Field("apiVersion", "TypeMeta.", Text),
        Field("kind", "TypeMeta.", Text),
        Field(
            "metadata",
            "",
            One(&Struct {
                name: "ObjectMeta",
                fields: &[
                    Field("name", "", Text),
                    Field("namespace", "", Text),
                    Field("labels", "", Pairs),
                    Field("annotations", "", Pairs),
                ],
            }),
        ),
        Field("openapi", "", Pairs),
        Field("namePrefix", "", Text),
        Field("nameSuffix", "", Text),
        Field("namespace", "", Text),
        Field("commonLabels", "", Pairs),
        Field("labels", "", Many(&LABEL)),
        Field("commonAnnotations", "", Pairs),
        Field("patchesStrategicMerge", "", NamedTexts("types.PatchStrategicMerge")),
        Field("patchesJson6902", "", Many(&PATCH)),
        Field("patches", "", Many(&PATCH)),
        Field("images", "", Many(&IMAGE)),
        Field("imageTags", "", Many(&IMAGE)),
        Field("replacements", "", Many(&REPLACEMENT)),
        Field(
            "replicas",
            "",
            Many(&Struct { name: "Replica", fields: &[Field("name", "", Text), Field("count", "", Number("int64"))] }),
        ),
        Field("vars", "", Many(&VAR)),
        Field(
            "sortOptions",
            "",
            One(&Struct {
                name: "SortOptions",
                fields: &[
                    Field("order", "", Named("types.SortOrder")),
                    Field(
                        "legacySortOptions",
                        "",
                        One(&Struct {
                            name: "LegacySortOptions",
                            fields: &[Field("orderFirst", "", Texts), Field("orderLast", "", Texts)],
                        }),
                    ),
                ],
            }),
        ),
        Field("resources", "", Texts),
        Field("components", "", Texts),
        Field("crds", "", Texts),
        Field("bases", "", Texts),
        Field("configMapGenerator", "", Many(&CONFIG_MAP)),
        Field("secretGenerator", "", Many(&SECRET)),
        Field(
            "helmGlobals",
            "",
            One(&Struct {
                name: "HelmGlobals",
                fields: &[Field("chartHome", "", Text), Field("configHome", "", Text)],
            }),
        ),
        Field("helmCharts", "", Many(&HELM_CHART)),
        Field("helmChartInflationGenerator", "", Many(&OLD_HELM_CHART)),
        Field("generatorOptions", "", One(&OPTIONS)),
        Field("configurations", "", Texts),
        Field("generators", "", Texts),
        Field("transformers", "", Texts),
        Field("validators", "", Texts),
        Field("buildMetadata", "", Texts),
    ],
};

/// A kustomization with the names of its fields as they should be.
///
/// # Errors
/// What Go says of the first thing that does not fit, without `json: `.
pub fn fitted(rules: &Value) -> Result<Value, String> {
    match rules {
        Value::Null => Ok(Value::Object(Map::new())),
        Value::Object(fields) => of_struct(&KUSTOMIZATION, fields, "").map(Value::Object),
        other => Err(format!("cannot unmarshal {} into Go value of type types.Kustomization", json_word(other))),
    }
}

/// The fields of a type; `at` is the way to it.
fn of_struct(of: &Struct, fields: &Map<String, Value>, at: &str) -> Result<Map<String, Value>, String> {
    let mut fitted = Map::new();
    for (name, value) in fields {
        let exact = of.fields.iter().find(|field| field.0 == name);
        let Some(field) = exact.or_else(|| of.fields.iter().find(|field| field.0.eq_ignore_ascii_case(name))) else {
            return Err(format!("unknown field \"{name}\""));
        };
        let path = format!("{at}{}{}", field.1, field.0);
        let value = if value.is_null() { Value::Null } else { of_kind(of.name, &field.2, value, &path)? };
        fitted.insert(field.0.to_owned(), value);
    }
    Ok(fitted)
}

fn of_kind(owner: &str, kind: &Kind, value: &Value, path: &str) -> Result<Value, String> {
    let wrong = |value: &Value, wanted: &str| {
        let given = match value {
            Value::Number(number) if matches!(kind, Number(_)) => format!("number {number}"),
            value => json_word(value).to_owned(),
        };
        Err(format!("cannot unmarshal {given} into Go struct field {owner}.{path} of type {wanted}"))
    };
    let texts = |text: &str| {
        let Value::Array(items) = value else { return wrong(value, &format!("[]{text}")) };
        match items.iter().find(|item| !item.is_string() && !item.is_null()) {
            Some(item) => wrong(item, text),
            // What is null is an empty text.
            None => Ok(Value::Array(items.iter().map(|item| item.as_str().unwrap_or_default().into()).collect())),
        }
    };
    match kind {
        Text if value.is_string() => Ok(value.clone()),
        Text => wrong(value, "string"),
        Named(_) if value.is_string() => Ok(value.clone()),
        Named(name) => wrong(value, name),
        Flag if value.is_boolean() => Ok(value.clone()),
        Flag => wrong(value, "bool"),
        Number(_) if value.is_i64() => Ok(value.clone()),
        Number(name) => wrong(value, name),
        Texts => texts("string"),
        NamedTexts(name) => texts(name),
        Pairs => match value {
            Value::Object(pairs) => match pairs.values().find(|value| !value.is_string() && !value.is_null()) {
                Some(value) => wrong(value, "string"),
                None => Ok(value.clone()),
            },
            value => wrong(value, "map[string]string"),
        },
        Free if value.is_object() => Ok(value.clone()),
        Free => wrong(value, "map[string]interface {}"),
        One(inner) => match value {
            Value::Object(fields) => of_struct(inner, fields, &format!("{path}.")).map(Value::Object),
            value => wrong(value, &format!("types.{}", inner.name)),
        },
        Many(inner) | Pointers(inner) => {
            let mark = if matches!(kind, Pointers(_)) { "*" } else { "" };
            let Value::Array(items) = value else { return wrong(value, &format!("[]{mark}types.{}", inner.name)) };
            let mut fitted = Vec::with_capacity(items.len());
            for item in items {
                fitted.push(match item {
                    Value::Null => Value::Object(Map::new()),
                    Value::Object(fields) => Value::Object(of_struct(inner, fields, &format!("{path}."))?),
                    item => return wrong(item, &format!("types.{}", inner.name)),
                });
            }
            Ok(Value::Array(fitted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_named_as_go_names_it() {
        let told = |rules: Value| fitted(&rules).unwrap_err();
        for (rules, words) in [
            (json!("x"), "cannot unmarshal string into Go value of type types.Kustomization"),
            (json!({"foo": 1}), "unknown field \"foo\""),
            (json!({"patches": [{"target": {"foo": 1}}]}), "unknown field \"foo\""),
            (
                json!({"resources": "a"}),
                "cannot unmarshal string into Go struct field Kustomization.resources of type []string",
            ),
            (
                json!({"resources": [1]}),
                "cannot unmarshal number into Go struct field Kustomization.resources of type string",
            ),
            (
                json!({"images": ["a"]}),
                "cannot unmarshal string into Go struct field Kustomization.images of type types.Image",
            ),
            (
                json!({"configMapGenerator": [{"literals": "a"}]}),
                "cannot unmarshal string into Go struct field ConfigMapArgs.configMapGenerator.GeneratorArgs.KvPairSources.literals of type []string",
            ),
            (
                json!({"patches": [{"options": {"allowNameChange": "a"}}]}),
                "cannot unmarshal string into Go struct field PatchArgs.patches.options.allowNameChange of type bool",
            ),
        ] {
            assert_eq!(told(rules), words);
        }
    }

    #[test]
    fn names_of_fields_are_found_in_any_letters() {
        let rules = json!({"Resources": ["a", null], "NAMEPREFIX": "p-", "images": null});
        let expected = json!({"resources": ["a", ""], "namePrefix": "p-", "images": null});
        assert_eq!(fitted(&rules), Ok(expected));
    }
}
