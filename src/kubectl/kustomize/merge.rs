//! How a kustomization merges a strategic patch into an object: what the patch adds to a list that merges stands in
//! front. Knows the schemas of Kubernetes, or the one that `openapi` names instead.
//!
//! Models sigs.k8s.io/kustomize kyaml/yaml/walk and kyaml/yaml/merge2.

use serde_json::{Map, Value};

use crate::apimachinery::facts::{Field, ListType, Shape, Type, facts};
use crate::kubectl::print::str_at;
use crate::text::yaml::to_yaml;

/// The mark by which a patch says what it does to a map or list.
const DIRECTIVE: &str = "$patch";

/// A schema of one's own: the definitions of an OpenAPI document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions(pub Value);

impl Definitions {
    /// The definition that is for a kind.
    fn of_kind(&self, version: &str, kind: &str) -> Option<&Value> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let is = |entry: &Value| {
            str_at(entry, "/group") == group && str_at(entry, "/version") == version && str_at(entry, "/kind") == kind
        };
        let all = self.0.get("definitions")?.as_object()?;
        all.values().find(|one| {
            let kinds = one.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            kinds.is_some_and(|kinds| kinds.iter().any(is))
        })
    }

    /// What a reference leads to.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/definitions/"));
        name.and_then(|name| self.0.get("definitions")?.get(name)).unwrap_or(schema)
    }
}

/// What is known of a value.
#[derive(Clone, Copy, Default)]
struct Known<'a> {
    field: Option<&'a Field>,
    shape: Option<&'a Shape>,
    of: Option<&'a Type>,
    /// The same in definitions of one's own.
    own: Option<(&'a Definitions, &'a Value)>,
}

impl<'a> Known<'a> {
    fn field(self, name: &str) -> Known<'a> {
        if let Some((definitions, schema)) = self.own {
            let found = schema.get("properties").and_then(|all| all.get(name)).or(schema.get("additionalProperties"));
            return Known { own: found.map(|found| (definitions, definitions.resolved(found))), ..Known::default() };
        }
        if let Some(Shape::Map(inner)) = self.shape {
            return Known::of_shape(None, inner);
        }
        let field = self.of.and_then(|of| of.fields.get(name));
        field.map_or_else(Known::default, |field| Known::of_shape(Some(field), &field.shape))
    }

    fn element(self) -> Known<'a> {
        if let Some((definitions, schema)) = self.own {
            let found = schema.get("items");
            return Known { own: found.map(|found| (definitions, definitions.resolved(found))), ..Known::default() };
        }
        match self.shape {
            Some(Shape::List(inner)) => Known::of_shape(None, inner),
            _ => Known::default(),
        }
    }

    fn of_shape(field: Option<&'a Field>, shape: &'a Shape) -> Known<'a> {
        let of = match shape {
            Shape::Ref(name) => facts().get(name),
            _ => None,
        };
        Known { field, shape: Some(shape), of, own: None }
    }

    /// The keys by which the elements of a list that merges are told apart; none for plain values.
    fn keys(self) -> Option<Vec<String>> {
        if let Some((_, schema)) = self.own {
            let strategy = str_at(schema, "/x-kubernetes-patch-strategy");
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys = keys.map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            let key = Some(str_at(schema, "/x-kubernetes-patch-merge-key")).filter(|key| !key.is_empty());
            return (strategy == "merge").then(|| keys.unwrap_or_else(|| key.into_iter().map(str::to_owned).collect()));
        }
        let field = self.field.filter(|field| field.patch_merge)?;
        if field.list == Some(ListType::Map) && !field.list_keys.is_empty() {
            return Some(field.list_keys.iter().map(|key| (*key).to_owned()).collect());
        }
        Some(Some(field.patch_merge_key).filter(|key| !key.is_empty()).into_iter().map(str::to_owned).collect())
    }
}

/// An object after a patch; `None` when nothing is left of it.
///
/// # Errors
/// A directive that does not exist, or a patch of another form than the object.
pub fn merged(object: Value, patch: &Value, schema: Option<&Definitions>) -> Result<Option<Value>, String> {
    let (version, kind) = (str_at(&object, "/apiVersion"), str_at(&object, "/kind"));
    let known = match schema {
        Some(definitions) => {
            Known { own: definitions.of_kind(version, kind).map(|own| (definitions, own)), ..Known::default() }
        }
        None => Known { of: facts().of_kind(version, kind), ..Known::default() },
    };
    walk(Some(object), Some(patch.clone()), known)
}

fn walk(held: Option<Value>, patch: Option<Value>, known: Known<'_>) -> Result<Option<Value>, String> {
    let first = [&held, &patch].into_iter().flatten().find(|value| !value.is_null());
    let fits = |is: fn(&Value) -> bool, wanted: &str| match [&held, &patch]
        .into_iter()
        .flatten()
        .find(|value| !value.is_null() && !is(value))
    {
        Some(other) => {
            let kind = match other {
                Value::Object(_) => "MappingNode",
                Value::Array(_) => "SequenceNode",
                _ => "ScalarNode",
            };
            let text = to_yaml(other);
            Err(format!("wrong node kind: expected {wanted} but got {kind}: node contents:\n{text}"))
        }
        None => Ok(()),
    };
    match first {
        Some(Value::Object(_)) | None => {
            fits(Value::is_object, "MappingNode")?;
            walk_map(held, patch, known)
        }
        Some(Value::Array(_)) => {
            fits(Value::is_array, "SequenceNode")?;
            walk_list(held, patch, known)
        }
        Some(_) => {
            fits(|value| !value.is_object() && !value.is_array(), "ScalarNode")?;
            Ok(patch.or(held))
        }
    }
}

fn walk_map(held: Option<Value>, patch: Option<Value>, known: Known<'_>) -> Result<Option<Value>, String> {
    let mut patch = patch;
    if patch.as_ref().is_some_and(Value::is_null) {
        return Ok(patch);
    }
    let word = patch.as_mut().map_or(Ok(None), directive_of_map)?;
    let here = held.as_ref().is_some_and(|held| !held.is_null());
    let base = match (here, word.as_deref()) {
        (_, Some("delete")) => return Ok(None),
        (false, _) if patch.is_none() => return Ok(held),
        (false, _) | (true, Some("replace")) => patch.clone(),
        (true, _) => held,
    };
    let Some(Value::Object(mut fields)) = base else { return Ok(base) };
    let Some(Value::Object(changes)) = patch else { return Ok(Some(Value::Object(fields))) };
    let names: Vec<String> = fields.keys().chain(changes.keys()).cloned().collect();
    let mut seen = std::collections::BTreeSet::new();
    for name in names.iter().filter(|name| seen.insert((*name).clone())) {
        let Some(change) = changes.get(name) else { continue };
        match walk(fields.remove(name), Some(change.clone()), known.field(name))? {
            Some(value) if !value.is_null() => drop(fields.insert(name.clone(), value)),
            _ => {}
        }
    }
    Ok(Some(Value::Object(fields)))
}

fn walk_list(held: Option<Value>, patch: Option<Value>, known: Known<'_>) -> Result<Option<Value>, String> {
    let Some(keys) = known.keys() else { return Ok(patch.or(held)) };
    let mut patch = patch;
    if patch.as_ref().is_some_and(Value::is_null) {
        return Ok(None);
    }
    let here = held.as_ref().is_some_and(|held| !held.is_null());
    let word = match (here, patch.as_mut()) {
        (true, Some(patch)) => directive_of_list(patch)?,
        _ => None,
    };
    let base = match (here, word.as_deref()) {
        (true, Some("delete")) => return Ok(None),
        (false, _) | (true, Some("replace")) => patch.clone(),
        (true, _) => held,
    };
    let list = |value: Option<Value>| match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let (base, patch) = (list(base), list(patch));
    if keys.is_empty() {
        let mut all = Vec::new();
        for item in patch.into_iter().chain(base) {
            if !all.contains(&item) {
                all.push(item);
            }
        }
        return Ok(Some(Value::Array(all)));
    }
    merge_elements(base, &patch, &keys, known.element()).map(|items| Some(Value::Array(items)))
}

/// The texts by which an element is known; empty where it lacks one.
fn values_of(item: &Value, keys: &[String]) -> Vec<String> {
    keys.iter().map(|key| item.get(key).map(plain).unwrap_or_default()).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn merge_elements(
    held: Vec<Value>,
    patch: &[Value],
    keys: &[String],
    element: Known<'_>,
) -> Result<Vec<Value>, String> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for values in patch.iter().chain(&held).map(|item| values_of(item, keys)) {
        if !all.contains(&values) {
            all.push(values);
        }
    }
    if keys.len() > 1 {
        agree(&mut all);
    }
    // A key that no element has is not looked at; without any, the first ones count.
    let given = |at: &usize| all.iter().any(|values| values.get(*at).is_some_and(|value| !value.is_empty()));
    let mut valid: Vec<usize> = (0..keys.len()).filter(given).collect();
    if valid.is_empty() {
        valid = (0..keys.len()).collect();
    }
    let is = |item: &Value, values: &[String]| {
        valid.iter().all(|at| match (keys.get(*at), values.get(*at)) {
            (Some(key), Some(value)) => match item.get(key) {
                Some(own) => plain(own) == *value,
                None => false,
            },
            _ => false,
        })
    };
    // The keys of one element that are given find it in the two lists.
    let finds = |item: &Value, values: &[String]| {
        let own = |at: &usize| values.get(*at).is_some_and(|value| !value.is_empty());
        if !valid.iter().any(own) {
            return is(item, values);
        }
        valid.iter().filter(|at| own(at)).all(|at| match (keys.get(*at), values.get(*at)) {
            (Some(key), Some(value)) => item.get(key).is_some_and(|own| plain(own) == *value),
            _ => false,
        })
    };
    let (mut merged, mut held) = (Vec::<Value>::new(), held);
    for values in &all {
        let find = |list: &[Value]| list.iter().find(|item| finds(item, values)).cloned();
        let change = find(patch);
        let value = walk(find(&held), change, element)?;
        match value {
            Some(Value::Object(mut fields)) if !fields.is_empty() => {
                for (key, value) in valid.iter().filter_map(|at| Some((keys.get(*at)?, values.get(*at)?))) {
                    if !value.is_empty() && !fields.contains_key(key) {
                        fields
                            .insert(key.clone(), serde_json::from_str(value).unwrap_or_else(|_| value.clone().into()));
                    }
                }
                let value = Value::Object(fields);
                match merged.iter_mut().find(|item| is(item, values)) {
                    Some(slot) => *slot = value,
                    None => merged.push(value),
                }
            }
            // What is gone takes along whatever its keys fit; a key without a value fits every one.
            _ => held.retain(|item| {
                !valid.iter().all(|at| match (keys.get(*at).and_then(|key| item.get(key)), values.get(*at)) {
                    (Some(own), Some(value)) => value.is_empty() || plain(own) == *value,
                    _ => false,
                })
            }),
        }
    }
    // With several keys, what was there is put behind what is new, one by one.
    if valid.len() > 1 {
        for values in held.iter().map(|item| values_of(item, keys)) {
            if let Some(at) = merged.iter().position(|item| finds(item, &values)) {
                let item = merged.remove(at);
                merged.push(item);
            }
        }
    }
    // An element without its only key has no place in the merge, nor has what came before it.
    for item in held {
        if valid.len() == 1 && !valid.iter().any(|at| keys.get(*at).is_some_and(|key| item.get(key).is_some())) {
            merged = vec![item];
        }
    }
    Ok(merged)
}

/// Two elements that agree in one key and differ only where one of them says nothing are the same one.
fn agree(all: &mut [Vec<String>]) {
    for one in 0..all.len() {
        for other in 0..all.len() {
            let (Some(left), Some(right)) = (all.get(one), all.get(other)) else { continue };
            let common = left.iter().zip(right).any(|(left, right)| left == right);
            let fits = left.iter().zip(right).all(|(left, right)| left == right || left.is_empty() || right.is_empty());
            if common && fits {
                let both: Vec<String> = left
                    .iter()
                    .zip(right)
                    .map(|(left, right)| if left.is_empty() { right } else { left }.clone())
                    .collect();
                for at in [one, other] {
                    if let Some(slot) = all.get_mut(at) {
                        slot.clone_from(&both);
                    }
                }
            }
        }
    }
}

/// Takes the directive out of a map.
fn directive_of_map(patch: &mut Value) -> Result<Option<String>, String> {
    let Some(word) = patch.get(DIRECTIVE).map(plain) else { return Ok(None) };
    if !["delete", "replace", "merge"].contains(&word.as_str()) {
        return Err(format!("unknown patch strategy '{word}'"));
    }
    if let Some(fields) = patch.as_object_mut() {
        fields.remove(DIRECTIVE);
    }
    Ok(Some(word))
}

/// Takes the directive out of a list: an element that says nothing else.
fn directive_of_list(patch: &mut Value) -> Result<Option<String>, String> {
    let Some(items) = patch.as_array_mut() else { return Ok(None) };
    let is = |item: &Value| item.as_object().map_or(0, Map::len) == 1 && item.get(DIRECTIVE).is_some();
    let Some(at) = items.iter().position(is) else { return Ok(None) };
    directive_of_map(&mut items.remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": spec})
    }

    #[test]
    fn what_a_patch_adds_stands_in_front() {
        let object = pod(json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}));
        let patch = json!({"spec": {"containers": [{"name": "c"}, {"name": "b", "image": "y"}]}});
        let expected =
            pod(json!({"containers": [{"name": "c"}, {"name": "b", "image": "y"}, {"name": "a", "image": "x"}]}));
        assert_eq!(merged(object, &patch, None), Ok(Some(expected)));
    }

    #[test]
    fn directives_delete_replace_and_nothing_else() {
        let object = pod(json!({"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "y"}}));
        let after = |patch: Value| merged(object.clone(), &json!({"spec": patch}), None);
        let patch =
            json!({"containers": [{"name": "a", "$patch": "delete"}], "nodeSelector": {"$patch": "replace", "z": "w"}});
        assert_eq!(after(patch), Ok(Some(pod(json!({"containers": [{"name": "b"}], "nodeSelector": {"z": "w"}})))));
        let patch = json!({"containers": [{"$patch": "replace"}, {"name": "c"}], "nodeSelector": null});
        assert_eq!(after(patch), Ok(Some(pod(json!({"containers": [{"name": "c"}]})))));
        assert_eq!(after(json!({"nodeSelector": {"$patch": "foo"}})), Err("unknown patch strategy 'foo'".to_owned()));
        assert_eq!(merged(object.clone(), &json!({"$patch": "delete"}), None), Ok(None));
        let wrong = after(json!({"containers": "x"})).unwrap_err();
        assert_eq!(wrong, "wrong node kind: expected SequenceNode but got ScalarNode: node contents:\nx\n");
    }

    #[test]
    fn a_list_with_several_keys_keeps_what_was_there_behind() {
        let ports = |ports: Value| pod(json!({"containers": [{"name": "a", "ports": ports}]}));
        let object = ports(json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]));
        let patch = ports(json!([{"containerPort": 80, "protocol": "UDP", "name": "dns"}, {"containerPort": 81}]));
        let expected = ports(json!([
            {"containerPort": 81},
            {"containerPort": 80, "protocol": "TCP"},
            {"containerPort": 80, "protocol": "UDP", "name": "dns"},
        ]));
        assert_eq!(merged(object, &patch, None), Ok(Some(expected)));
        let volumes = |volumes: Value| pod(json!({"volumes": volumes}));
        let object = volumes(json!([{"name": "v", "configMap": {"name": "c"}}, {"name": "s"}]));
        let patch = volumes(json!([{"name": "v", "configMap": null, "emptyDir": {}}]));
        assert_eq!(
            merged(object, &patch, None),
            Ok(Some(volumes(json!([{"name": "v", "emptyDir": {}}, {"name": "s"}]))))
        );
    }

    #[test]
    fn a_schema_of_ones_own_takes_the_place_of_the_known_ones() {
        let definitions = Definitions(json!({"definitions": {
            "Thing": {
                "properties": {"spec": {"$ref": "#/definitions/Spec"}},
                "x-kubernetes-group-version-kind": [{"group": "x.org", "version": "v1", "kind": "Thing"}],
            },
            "Spec": {"properties": {"list": {"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}}},
        }}));
        let thing = |list: Value| json!({"apiVersion": "x.org/v1", "kind": "Thing", "spec": {"list": list}});
        let patch = json!({"spec": {"list": [{"name": "b"}]}});
        let after = |schema: Option<&Definitions>| merged(thing(json!([{"name": "a"}])), &patch, schema);
        assert_eq!(after(Some(&definitions)), Ok(Some(thing(json!([{"name": "b"}, {"name": "a"}])))));
        assert_eq!(after(None), Ok(Some(thing(json!([{"name": "b"}])))));
    }
}
