//! Strategic merge patch: a merge patch that knows which lists merge, and by which key.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::apimachinery::facts::{Facts, Field, Shape, Type};
use crate::text::go_value;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Why a strategic merge patch is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The patch, or what it is for, is no object.
    NoObject,
    /// `$retainKeys` is no list, or leaves out what the patch sets.
    RetainKeys,
    /// `$deleteFromPrimitiveList` names no list.
    PrimitiveList,
    /// `$setElementOrder` names no list, or is none.
    ElementOrder,
    /// What else a directive or an element of a list does not fit, in upstream's words.
    Content(String),
}

impl Misfit {
    /// Whether the patch itself has no proper form, whatever it is for.
    pub fn is_malformed(&self) -> bool {
        !matches!(self, Misfit::Content(_))
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Misfit::NoObject => "invalid JSON document",
            Misfit::RetainKeys => "invalid patch format of retainKeys",
            Misfit::PrimitiveList => "invalid patch format of primitive list",
            Misfit::ElementOrder => "invalid patch format of setElementOrder list",
            Misfit::Content(why) => why,
        })
    }
}

impl From<Misfit> for String {
    fn from(misfit: Misfit) -> Self {
        misfit.to_string()
    }
}

/// Applies a patch to an object of this type; `None` when the type is not known: then lists are replaced.
///
/// # Errors
/// See [`Misfit`].
pub fn strategic_merge(facts: &Facts, known: Option<&Type>, target: Value, patch: &Value) -> Result<Value, Misfit> {
    let Value::Object(changes) = patch else { return Err(Misfit::NoObject) };
    let Value::Object(target) = target else { return Err(Misfit::NoObject) };
    merge_map(facts, known, target, changes.clone()).map(Value::Object)
}

/// What a value's field is known to be.
#[derive(Clone, Copy)]
struct Known<'a> {
    field: Option<&'a Field>,
    shape: Option<&'a Shape>,
}

fn lookup<'a>(known: Option<&'a Type>, shape: Option<&'a Shape>, name: &str) -> Known<'a> {
    if let Some(Shape::Map(inner)) = shape {
        return Known { field: None, shape: Some(inner) };
    }
    let field = known.and_then(|known| known.fields.get(name));
    Known { field, shape: field.map(|field| &field.shape) }
}

fn type_of<'a>(facts: &'a Facts, shape: Option<&Shape>) -> Option<&'a Type> {
    match shape {
        Some(Shape::Ref(name)) => facts.get(name),
        _ => None,
    }
}

fn merge_map(
    facts: &Facts,
    known: Option<&Type>,
    target: Map<String, Value>,
    patch: Map<String, Value>,
) -> Result<Map<String, Value>, Misfit> {
    merge_shape(facts, known, None, target, patch)
}

/// Merges two maps. `shape` is the map's own when it is a map from text rather than an object of a type.
fn merge_shape(
    facts: &Facts,
    known: Option<&Type>,
    shape: Option<&Shape>,
    mut target: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Misfit> {
    match patch.remove(DIRECTIVE) {
        None => {}
        Some(Value::String(word)) if word == "replace" => return Ok(without_directives(patch)),
        Some(Value::String(word)) if word == "delete" => return Ok(Map::new()),
        Some(Value::String(word)) if word == "merge" => {}
        Some(other) => {
            let shown = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            patch.insert(DIRECTIVE.to_owned(), other);
            let map = go_value::shown(&Value::Object(patch));
            return Err(Misfit::Content(format!("unknown patch type: {shown} in map: {map}")));
        }
    }
    if let Some(keep) = patch.remove(RETAIN_KEYS) {
        let Value::Array(keep) = keep else { return Err(Misfit::RetainKeys) };
        let keep: BTreeSet<&str> = keep.iter().filter_map(Value::as_str).collect();
        let strays =
            |(key, value): (&String, &Value)| !value.is_null() && !key.starts_with('$') && !keep.contains(key.as_str());
        if patch.iter().any(strays) {
            return Err(Misfit::RetainKeys);
        }
        target.retain(|key, _| keep.contains(key.as_str()));
    }
    for (prefix, misfit) in [(SET_ORDER, Misfit::ElementOrder), (DELETE_PRIMITIVES, Misfit::PrimitiveList)] {
        if patch.contains_key(prefix.trim_end_matches('/')) {
            return Err(misfit);
        }
    }
    let mut orders = take_prefixed(&mut patch, SET_ORDER);
    for (name, gone) in take_prefixed(&mut patch, DELETE_PRIMITIVES) {
        if let (Some(Value::Array(items)), Value::Array(gone)) = (target.get_mut(&name), gone) {
            items.retain(|item| !gone.contains(item));
        }
    }
    for (name, change) in patch {
        let of = lookup(known, shape, &name);
        let order = orders.iter().position(|(of, _)| *of == name).map(|at| orders.swap_remove(at).1);
        match (target.remove(&name), change) {
            (_, Value::Null) => {}
            (Some(Value::Object(_)), Value::Object(change)) if of.field.is_some_and(|field| field.patch_replace) => {
                target.insert(name, Value::Object(change));
            }
            (Some(Value::Object(held)), Value::Object(change)) => {
                let merged = merge_shape(facts, type_of(facts, of.shape), of.shape, held, change)?;
                target.insert(name, Value::Object(merged));
            }
            (Some(Value::Array(held)), Value::Array(change)) => {
                fits_order(of, &change, order.as_ref())?;
                let merged = merge_list(facts, of, held, change, order.as_ref().and_then(Value::as_array))?;
                target.insert(name, Value::Array(merged));
            }
            (_, change) => {
                let kept = without_nulls(facts, of, change)?;
                target.insert(name, kept);
            }
        }
    }
    // An order may come without changes of the list itself.
    for (name, order) in &orders {
        let of = lookup(known, shape, name);
        if let (Some(Value::Array(items)), Value::Array(order)) = (target.get_mut(name), order) {
            let held = items.clone();
            *items = ordered(of, std::mem::take(items), order, &held);
        }
    }
    Ok(target)
}

fn take_prefixed(patch: &mut Map<String, Value>, prefix: &str) -> Vec<(String, Value)> {
    let names: Vec<String> = patch.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
    names
        .into_iter()
        .filter_map(|key| {
            let value = patch.remove(&key)?;
            Some((key.strip_prefix(prefix)?.to_owned(), value))
        })
        .collect()
}

fn merge_list(
    facts: &Facts,
    of: Known<'_>,
    mut held: Vec<Value>,
    mut change: Vec<Value>,
    order: Option<&Vec<Value>>,
) -> Result<Vec<Value>, Misfit> {
    let merges = of.field.is_some_and(|field| field.patch_merge);
    if !merges {
        return Ok(change);
    }
    let key = of.field.map(|field| field.patch_merge_key).unwrap_or_default();
    let before = held.clone();
    if key.is_empty() {
        for item in &change {
            if !held.contains(item) {
                held.push(item.clone());
            }
        }
        return Ok(ordered(of, held, order.unwrap_or(&change), &before));
    }
    let element = match of.shape {
        Some(Shape::List(inner)) => type_of(facts, Some(inner)),
        _ => None,
    };
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
    if change.iter().any(|item| directive(item).as_deref() == Some("replace")) {
        change.retain(|item| directive(item).as_deref() != Some("replace"));
        return Ok(change);
    }
    let mut named = Vec::new();
    for item in change {
        let Some(name) = item.get(key).cloned() else {
            let map = go_value::shown(&item);
            return Err(Misfit::Content(format!("map: {map} does not contain declared merge key: {key}")));
        };
        let same = |held: &Value| held.get(key) == Some(&name);
        if directive(&item).as_deref() == Some("delete") {
            held.retain(|one| !same(one));
            continue;
        }
        named.push(Value::Object([(key.to_owned(), name.clone())].into_iter().collect()));
        let Value::Object(change) = item else { continue };
        match held.iter_mut().find(|one| same(one)) {
            Some(slot) => {
                let before = match std::mem::take(slot) {
                    Value::Object(map) => map,
                    _ => Map::new(),
                };
                *slot = Value::Object(merge_map(facts, element, before, change)?);
            }
            None => held.push(Value::Object(merge_map(facts, element, Map::new(), change)?)),
        }
    }
    Ok(ordered(of, held, order.unwrap_or(&named), &before))
}

/// Whether what a list's patch brings stands in the order that the patch asks for.
fn fits_order(of: Known<'_>, change: &[Value], order: Option<&Value>) -> Result<(), Misfit> {
    let order = match order {
        None => return Ok(()),
        Some(Value::Array(order)) if order.is_empty() => return Ok(()),
        Some(Value::Array(order)) => order,
        Some(_) => return Err(Misfit::ElementOrder),
    };
    let key = of.field.map(|field| field.patch_merge_key).unwrap_or_default();
    let same = |one: &Value, other: &Value| if key.is_empty() { one == other } else { one.get(key) == other.get(key) };
    let brought = change.iter().filter(|item| item.get(DIRECTIVE).is_none());
    let mut left = order.iter();
    for item in brought {
        if !left.any(|wanted| same(wanted, item)) {
            let list = |items: &[Value]| go_value::shown(&Value::Array(items.to_vec()));
            return Err(Misfit::Content(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                list(change),
                list(order)
            )));
        }
    }
    Ok(())
}

/// Brings a merged list into the order of the patch: what `order` names stands as it says. The rest keeps the order
/// that it had on the server, each item before the first named one that it preceded there; what the patch has brought
/// comes as early as it can.
fn ordered(of: Known<'_>, items: Vec<Value>, order: &[Value], server: &[Value]) -> Vec<Value> {
    let key = of.field.map(|field| field.patch_merge_key).unwrap_or_default();
    let same = |one: &Value, other: &Value| if key.is_empty() { one == other } else { one.get(key) == other.get(key) };
    let place = |list: &[Value], item: &Value| list.iter().position(|one| same(one, item));
    let (mut named, rest): (Vec<Value>, Vec<Value>) = items.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let mut result = Vec::with_capacity(named.len() + rest.len());
    let (mut named, mut rest) = (named.into_iter().peekable(), rest.into_iter().peekable());
    while let (Some(left), Some(right)) = (rest.peek(), named.peek()) {
        let preceded = matches!((place(server, left), place(server, right)), (Some(left), Some(right)) if left < right);
        result.extend(if preceded { rest.next() } else { named.next() });
    }
    result.extend(named.chain(rest));
    result
}

/// A value that is new: its nulls and directives have nothing to act on.
fn without_nulls(facts: &Facts, of: Known<'_>, value: Value) -> Result<Value, Misfit> {
    match value {
        Value::Object(map) => {
            merge_shape(facts, type_of(facts, of.shape), of.shape, Map::new(), map).map(Value::Object)
        }
        Value::Array(items) if of.field.is_some_and(|field| field.patch_merge) => {
            merge_list(facts, of, Vec::new(), items, None).map(Value::Array)
        }
        other => Ok(other),
    }
}

fn without_directives(mut map: Map<String, Value>) -> Map<String, Value> {
    map.retain(|key, _| !key.starts_with('$'));
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apimachinery::facts::facts;
    use serde_json::json;

    fn merge(target: Value, patch: Value) -> Value {
        strategic_merge(facts(), facts().of_kind("v1", "Pod"), target, &patch).unwrap()
    }

    #[test]
    fn containers_merge_by_name_and_args_are_replaced() {
        let target = json!({"spec": {"containers": [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b"}]}});
        let patch = json!({"spec": {"containers": [{"name": "a", "args": ["2"]}, {"name": "c", "image": null}]}});
        assert_eq!(
            merge(target, patch),
            json!({"spec": {"containers": [{"name": "a", "image": "x", "args": ["2"]}, {"name": "c"}, {"name": "b"}]}})
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let target = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "y"}}});
        let patch = json!({"spec": {
            "containers": [{"name": "a", "$patch": "delete"}],
            "nodeSelector": {"$patch": "replace", "z": "w"},
        }});
        assert_eq!(merge(target, patch), json!({"spec": {"containers": [{"name": "b"}], "nodeSelector": {"z": "w"}}}));
    }

    #[test]
    fn an_order_moves_elements_and_keeps_strangers_in_place() {
        let target = json!({"spec": {"containers": [{"name": "a"}, {"name": "s"}, {"name": "b"}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "n"}, {"name": "b"}, {"name": "a"}],
            "containers": [{"name": "n"}],
        }});
        let merged = merge(target, patch);
        let names: Vec<&str> =
            merged["spec"]["containers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let at = |name: &str| names.iter().position(|one| *one == name).unwrap();
        assert_eq!(names.len(), 4);
        assert!(at("n") < at("b") && at("b") < at("a"), "{names:?}");
    }

    #[test]
    fn retain_keys_clears_the_rest_and_primitive_lists_merge() {
        let target = json!({
            "metadata": {"finalizers": ["a/a", "b/b"]},
            "spec": {"volumes": [{"name": "v", "emptyDir": {}}]},
        });
        let patch = json!({
            "metadata": {"finalizers": ["c/c"], "$deleteFromPrimitiveList/finalizers": ["a/a"]},
            "spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]},
        });
        assert_eq!(
            merge(target, patch),
            json!({
                "metadata": {"finalizers": ["c/c", "b/b"]},
                "spec": {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]},
            })
        );
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let target = json!({"spec": {"containers": [{"name": "a"}]}});
        let patch = json!({"spec": {"containers": [{"image": "x"}]}});
        let error = strategic_merge(facts(), facts().of_kind("v1", "Pod"), target, &patch).unwrap_err();
        assert_eq!(error.to_string(), "map: map[image:x] does not contain declared merge key: name");
        assert!(!error.is_malformed());
    }

    #[test]
    fn a_directive_of_no_proper_form_is_malformed() {
        let target = json!({"spec": {"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}]}});
        for (patch, misfit) in [
            (json!([]), Misfit::NoObject),
            (json!({"spec": {"volumes": [{"name": "v", "$retainKeys": "name"}]}}), Misfit::RetainKeys),
            (
                json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}, "$retainKeys": ["name"]}]}}),
                Misfit::RetainKeys,
            ),
            (json!({"metadata": {"$deleteFromPrimitiveList": ["a"]}}), Misfit::PrimitiveList),
            (json!({"spec": {"$setElementOrder": [{"name": "a"}]}}), Misfit::ElementOrder),
            (
                json!({"spec": {"$setElementOrder/containers": "a", "containers": [{"name": "a"}]}}),
                Misfit::ElementOrder,
            ),
        ] {
            let refused = strategic_merge(facts(), facts().of_kind("v1", "Pod"), target.clone(), &patch);
            assert_eq!(refused, Err(misfit.clone()), "{patch}");
            assert!(misfit.is_malformed());
        }
    }
}
