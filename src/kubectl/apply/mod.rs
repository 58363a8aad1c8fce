//! Patches: what has to be sent to turn what is on the server into what is wanted; and what nothing wants any more.
//! Changes nothing on the server.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.

mod prunable;
mod upgrade;

use serde_json::{Map, Value, json};

pub use prunable::{allowed, prunable, with_kind};
pub use upgrade::upgrade_patch;

use crate::apimachinery::facts::{Field, Shape, Type, facts};

/// The strategic merge patch from what was applied last, what is wanted and what is there: fields that were applied
/// before and are wanted no more go, everything wanted comes, what others set stays.
pub fn three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    let known = Known::of_document(modified);
    let (original, modified, current) = (fields(original), fields(modified), fields(current));
    let additions = diff(&current, &modified, known, false, Mode::Additions);
    let deletions = diff(&original, &modified, known, false, Mode::Deletions);
    Value::Object(merge(deletions, additions, known))
}

/// The strategic merge patch from one object to another.
pub fn two_way(original: &Value, modified: &Value) -> Value {
    let known = Known::of_document(modified);
    Value::Object(diff(&fields(original), &fields(modified), known, false, Mode::Both))
}

/// The form of a patch that objects of this kind take: custom kinds know no strategy.
pub fn patch_form(object: &Value) -> &'static str {
    let of = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    if facts().of_kind(of("apiVersion"), of("kind")).is_some() { "strategic" } else { "merge" }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Additions,
    Deletions,
    Both,
}

type Fields = Map<String, Value>;

fn fields(value: &Value) -> Fields {
    value.as_object().cloned().unwrap_or_default()
}

/// What the schemas say of an object.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// It has these fields.
    Type(&'static Type),
    /// It is a map, and its values are so.
    MapOf(&'static Shape),
    /// No more than its value shows.
    Nothing,
}

impl Known {
    fn of_document(document: &Value) -> Self {
        let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
        facts().of_kind(text("apiVersion"), text("kind")).map_or(Self::Nothing, Self::Type)
    }

    /// Of a value of that shape, or of the elements of a list.
    fn of(shape: &'static Shape) -> Self {
        match shape {
            Shape::Ref(name) => facts().get(name).map_or(Self::Nothing, Self::Type),
            Shape::List(inner) => Self::of(inner),
            Shape::Map(inner) => Self::MapOf(inner),
            _ => Self::Nothing,
        }
    }

    fn field(self, name: &str) -> Option<&'static Field> {
        match self {
            Self::Type(known) => known.fields.get(name),
            Self::MapOf(_) | Self::Nothing => None,
        }
    }

    fn child(self, name: &str) -> Self {
        match self {
            Self::Type(_) => self.field(name).map_or(Self::Nothing, |field| Self::of(&field.shape)),
            Self::MapOf(shape) => Self::of(shape),
            Self::Nothing => Self::Nothing,
        }
    }
}

/// How a list is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// As a whole.
    Atomic,
    /// Value by value.
    Set,
    /// Item by item, told apart by this field.
    Map(&'static str),
}

fn list_kind(field: Option<&'static Field>, old: &[Value], new: &[Value]) -> List {
    match field {
        Some(field) if field.patch_merge && field.patch_merge_key.is_empty() => List::Set,
        // Items without their key cannot be told apart; the server says what is missing.
        Some(field) if field.patch_merge => {
            let key = field.patch_merge_key;
            if old.iter().chain(new).all(|item| item.get(key).is_some()) { List::Map(key) } else { List::Atomic }
        }
        _ => List::Atomic,
    }
}

/// What leads from one object to another. `retains`: of a union such as a deployment's strategy only the keys that are
/// wanted stay.
fn diff(original: &Fields, modified: &Fields, known: Known, retains: bool, mode: Mode) -> Fields {
    let mut patch = Map::new();
    for (key, new) in modified {
        let Some(old) = original.get(key) else {
            if mode != Mode::Deletions {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        };
        let field = known.field(key);
        // Such an object is told as a whole, changed or not.
        let whole = new.is_object() && field.is_some_and(|field| field.patch_replace);
        if whole && mode != Mode::Deletions {
            patch.insert(key.clone(), new.clone());
        }
        if whole || old == new {
            continue;
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let retains = field.is_some_and(|field| field.patch_retain_keys);
                let inner = diff(old, new, known.child(key), retains, mode);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Value::Array(old), Value::Array(new)) if old != new => match list_kind(field, old, new) {
                List::Map(merge_key) => {
                    let retains = field.is_some_and(|field| field.patch_retain_keys);
                    let list = Keyed { name: key, merge_key, items: known.child(key), retains };
                    list.diff(&mut patch, old, new, mode);
                }
                kind => plain_list(&mut patch, key, kind, (old, new), mode),
            },
            _ if mode != Mode::Deletions && old != new => {
                patch.insert(key.clone(), new.clone());
            }
            _ => {}
        }
    }
    let gone = || original.keys().filter(|key| !modified.contains_key(*key));
    if retains && mode != Mode::Deletions && (!patch.is_empty() || gone().next().is_some()) {
        patch.insert("$retainKeys".to_owned(), modified.keys().cloned().map(Value::String).collect());
    }
    if mode != Mode::Additions {
        patch.extend(gone().map(|key| (key.clone(), Value::Null)));
    }
    patch
}

fn plain_list(patch: &mut Fields, key: &str, kind: List, (old, new): (&[Value], &[Value]), mode: Mode) {
    if kind != List::Set || old.is_empty() {
        if mode != Mode::Deletions {
            patch.insert(key.to_owned(), Value::Array(new.to_vec()));
        }
        return;
    }
    let added: Vec<Value> = new.iter().filter(|item| !old.contains(item)).cloned().collect();
    let mut gone: Vec<Value> = old.iter().filter(|item| !new.contains(item)).cloned().collect();
    gone.sort_by_key(Value::to_string);
    gone.dedup();
    let deletes = mode != Mode::Additions && !gone.is_empty();
    if (deletes || mode != Mode::Deletions) && !new.is_empty() {
        patch.insert(format!("$setElementOrder/{key}"), Value::Array(new.to_vec()));
    }
    if mode != Mode::Deletions && !added.is_empty() {
        patch.insert(key.to_owned(), Value::Array(added));
    }
    if deletes {
        patch.insert(format!("$deleteFromPrimitiveList/{key}"), Value::Array(gone));
    }
}

/// A list whose items are told apart by a field of theirs.
struct Keyed<'a> {
    name: &'a str,
    merge_key: &'static str,
    items: Known,
    retains: bool,
}

impl Keyed<'_> {
    fn diff(&self, patch: &mut Fields, old: &[Value], new: &[Value], mode: Mode) {
        let Self { name, merge_key, items, retains } = *self;
        if old.is_empty() {
            if mode != Mode::Deletions {
                patch.insert(name.to_owned(), Value::Array(new.to_vec()));
            }
            return;
        }
        let find = |list: &'_ [Value], wanted: Option<&Value>| {
            list.iter().find(|item| item.get(merge_key).is_some() && item.get(merge_key) == wanted).cloned()
        };
        let mut changes = Vec::new();
        for item in new {
            let id = item.get(merge_key);
            match find(old, id) {
                Some(before) => {
                    let mut inner = diff(&fields(&before), &fields(item), items, retains, mode);
                    if !inner.is_empty() {
                        inner.insert(merge_key.to_owned(), id.cloned().unwrap_or_default());
                        changes.push(Value::Object(inner));
                    }
                }
                None if mode != Mode::Deletions => changes.push(item.clone()),
                None => {}
            }
        }
        if mode != Mode::Additions {
            let mut gone: Vec<&Value> = old.iter().filter(|item| find(new, item.get(merge_key)).is_none()).collect();
            gone.sort_by_key(|item| item.get(merge_key).map(Value::to_string));
            changes.extend(gone.iter().map(|item| json!({"$patch": "delete", merge_key: item.get(merge_key)})));
        }
        let id = |item: &Value| item.get(merge_key).cloned();
        let moved = mode != Mode::Deletions && !old.iter().map(id).eq(new.iter().map(id));
        if (moved || !changes.is_empty()) && !new.is_empty() {
            let order: Vec<Value> = new.iter().map(|item| json!({merge_key: item.get(merge_key)})).collect();
            patch.insert(format!("$setElementOrder/{name}"), Value::Array(order));
        }
        if !changes.is_empty() {
            patch.insert(name.to_owned(), Value::Array(changes));
        }
    }
}

/// Joins two patches that touch the same object.
fn merge(mut one: Fields, other: Fields, known: Known) -> Fields {
    for (key, value) in other {
        match (one.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => {
                *inner = merge(std::mem::take(inner), more, known.child(&key))
            }
            (Some(Value::Array(inner)), Value::Array(more)) if !key.starts_with('$') => {
                let kind = list_kind(known.field(&key), inner, &more);
                let items = known.child(&key);
                for item in more {
                    let same = match kind {
                        List::Map(merge_key) => {
                            inner.iter_mut().find(|held| held.get(merge_key) == item.get(merge_key))
                        }
                        _ => None,
                    };
                    match (same, item) {
                        (Some(Value::Object(held)), Value::Object(item)) => {
                            *held = merge(std::mem::take(held), item, items)
                        }
                        (_, item) => inner.push(item),
                    }
                }
            }
            (_, value) => {
                one.insert(key, value);
            }
        }
    }
    in_order(&mut one, known);
    one
}

/// What was joined stands in the order that the patch asks for; what it deletes comes last.
fn in_order(patch: &mut Fields, known: Known) {
    let names: Vec<String> =
        patch.keys().filter_map(|key| key.strip_prefix("$setElementOrder/")).map(str::to_owned).collect();
    for name in names {
        let merge_key = known.field(&name).map(|field| field.patch_merge_key).unwrap_or_default();
        let Some(Value::Array(order)) = patch.get(&format!("$setElementOrder/{name}")).cloned() else { continue };
        if let Some(Value::Array(items)) = patch.get_mut(&name).filter(|_| !merge_key.is_empty()) {
            let place = |item: &Value| order.iter().position(|one| one.get(merge_key) == item.get(merge_key));
            items.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(spec: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})
    }

    #[test]
    fn what_was_applied_and_is_wanted_no_more_goes_and_what_others_set_stays() {
        let pod = |containers: Value| json!({"spec": {"containers": containers}});
        let original = deployment(json!({"replicas": 2, "paused": true, "template": pod(json!([
            {"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}]}, {"name": "b", "image": "y"}]))}));
        let modified = deployment(json!({"replicas": 3, "template": pod(json!([{"name": "a", "image": "z"}]))}));
        let current = deployment(json!({"replicas": 2, "paused": true, "strategy": {"type": "Recreate"},
            "template": pod(json!([
                {"name": "a", "image": "x", "imagePullPolicy": "Always", "env": [{"name": "A", "value": "1"}]},
                {"name": "b", "image": "y"}]))}));
        let containers = json!({"$setElementOrder/containers": [{"name": "a"}],
            "containers": [{"name": "a", "image": "z", "env": null}, {"name": "b", "$patch": "delete"}]});
        let patch = three_way(&original, &modified, &current);
        assert_eq!(patch, json!({"spec": {"replicas": 3, "paused": null, "template": {"spec": containers}}}));
    }

    #[test]
    fn the_same_configuration_gives_an_empty_patch() {
        let service = |port: Value, x: Value| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"finalizers": ["a"]},
                "spec": {"ports": [port], "type": x}})
        };
        let mut wanted = service(json!({"port": 80}), Value::Null);
        wanted["spec"].as_object_mut().unwrap().remove("type");
        let current = service(json!({"port": 80, "protocol": "TCP"}), json!("ClusterIP"));
        assert_eq!(three_way(&wanted, &wanted, &current), json!({}));
    }

    #[test]
    fn ports_merge_where_the_schema_says_so_and_are_replaced_elsewhere() {
        let policy = |port: u16| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "spec": {"ingress": [{"ports": [{"port": port}]}]}})
        };
        let replaced = json!({"spec": {"ingress": [{"ports": [{"port": 81}]}]}});
        assert_eq!(two_way(&policy(80), &policy(81)), replaced);
        let service = |ports: Value| json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": ports}});
        let named = service(json!([{"port": 80, "name": "web"}]));
        let merged =
            json!({"spec": {"$setElementOrder/ports": [{"port": 80}], "ports": [{"port": 80, "name": "web"}]}});
        assert_eq!(two_way(&service(json!([{"port": 80}])), &named), merged);
    }

    #[test]
    fn an_order_is_told_when_it_changes_and_when_somebody_else_has_added_an_item() {
        let pod = |names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}})
        };
        let order = |names: &[&str]| {
            let names: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"spec": {"$setElementOrder/containers": names}})
        };
        assert_eq!(two_way(&pod(&["a", "b"]), &pod(&["b", "a"])), order(&["b", "a"]));
        assert_eq!(three_way(&pod(&["a"]), &pod(&["a"]), &pod(&["a", "sidecar"])), order(&["a"]));
    }

    #[test]
    fn of_a_strategy_only_what_is_wanted_stays() {
        let rolling = deployment(json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}));
        let recreate = deployment(json!({"strategy": {"type": "Recreate"}}));
        let patch = three_way(&Value::Null, &recreate, &rolling);
        assert_eq!(patch, json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}));
    }
}
