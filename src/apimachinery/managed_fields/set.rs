//! A set of fields: a tree of path elements, each of which may itself be a member.
//!
//! Models sigs.k8s.io/structured-merge-diff v6 fieldpath/set.go. An element is kept as it is written in `fieldsV1`:
//! `f:NAME`, `k:{KEYS}`, `v:VALUE`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One step of a path, as `fieldsV1` writes it.
pub type Element = Box<str>;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<Element, Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

/// The element of a field's name.
pub fn field_element(name: &str) -> Element {
    format!("f:{name}").into()
}

impl FieldSet {
    /// No field.
    pub const fn new() -> Self {
        Self { nodes: BTreeMap::new() }
    }

    /// A set of one field, named by its path: `["metadata", "labels"]`.
    pub fn of_paths(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let elements: Vec<Element> = path.iter().map(|name| field_element(name)).collect();
            set.insert(&elements);
        }
        set
    }

    /// Adds a field. Its parents are not added. The empty path, the object itself, is nobody's.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut set = self;
        for element in parents {
            if !set.nodes.contains_key(element) {
                set.nodes.insert(element.clone(), Node::default());
            }
            let Some(node) = set.nodes.get_mut(element) else { return };
            set = &mut node.below;
        }
        match set.nodes.get_mut(last) {
            Some(node) => node.member = true,
            None => drop(set.nodes.insert(last.clone(), Node { member: true, below: FieldSet::default() })),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.nodes.values().all(|node| !node.member && node.below.is_empty())
    }

    /// Whether the element is a member at the top.
    pub fn has(&self, element: &str) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// Whether the field that these names lead to is a member.
    pub fn has_path(&self, names: &[&str]) -> bool {
        let Some((last, parents)) = names.split_last() else { return false };
        let mut set = Some(self);
        for name in parents {
            set = set.and_then(|set| set.below(&field_element(name)));
        }
        set.is_some_and(|set| set.has(&field_element(last)))
    }

    /// The members below an element, `None` when there is nothing.
    pub fn below(&self, element: &str) -> Option<&FieldSet> {
        self.nodes.get(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// What is in one of the two.
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.add(other);
        set
    }

    fn add(&mut self, other: &Self) {
        for (element, theirs) in &other.nodes {
            match self.nodes.get_mut(element) {
                Some(node) => {
                    node.member |= theirs.member;
                    node.below.add(&theirs.below);
                }
                None => drop(self.nodes.insert(element.clone(), theirs.clone())),
            }
        }
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| Node {
            member: mine.member && theirs.is_some_and(|node| node.member),
            below: theirs.map(|node| mine.below.intersection(&node.below)).unwrap_or_default(),
        })
    }

    /// What is here and not there. A parent there does not take its children from here.
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| Node {
            member: mine.member && !theirs.is_some_and(|node| node.member),
            below: theirs.map_or_else(|| mine.below.clone(), |node| mine.below.difference(&node.below)),
        })
    }

    /// What is here and neither there nor below something there.
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| match theirs {
            Some(node) if node.member => Node::default(),
            Some(node) => Node { member: mine.member, below: mine.below.recursive_difference(&node.below) },
            None => mine.clone(),
        })
    }

    fn combine(&self, other: &Self, rule: impl Fn(&Node, Option<&Node>) -> Node) -> Self {
        let nodes = self.nodes.iter().filter_map(|(element, mine)| {
            let node = rule(mine, other.nodes.get(element));
            (node.member || !node.below.is_empty()).then(|| (element.clone(), node))
        });
        Self { nodes: nodes.collect() }
    }

    /// The same set with every element added for which `wanted` holds and below which there are members; `wanted` and
    /// what it gives for the children are asked on the way down.
    pub(super) fn with_parents<S: Copy>(&self, state: S, step: &impl Fn(S, &str) -> (bool, S)) -> Self {
        let nodes = self.nodes.iter().map(|(element, node)| {
            let (wanted, below) = step(state, element);
            let has_children = !node.below.is_empty();
            let node =
                Node { member: node.member || (wanted && has_children), below: node.below.with_parents(below, step) };
            (element.clone(), node)
        });
        Self { nodes: nodes.collect() }
    }

    /// Every member's path, members of a level before what lies deeper.
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut all = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut all);
        all
    }

    fn collect_paths(&self, path: &mut Vec<Element>, all: &mut Vec<Vec<Element>>) {
        for (element, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            path.push(element.clone());
            all.push(path.clone());
            path.pop();
        }
        for (element, node) in &self.nodes {
            path.push(element.clone());
            node.below.collect_paths(path, all);
            path.pop();
        }
    }

    /// The set as `fieldsV1`.
    pub fn to_json(&self) -> Value {
        let entries = self.nodes.iter().filter_map(|(element, node)| {
            let mut value = node.below.to_json();
            let below = value.as_object_mut()?;
            if node.member && !below.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (node.member || !below.is_empty()).then(|| (element.to_string(), value))
        });
        Value::Object(entries.collect())
    }

    /// Reads `fieldsV1`; `None` when it is none.
    pub fn from_json(value: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (element, below) in value.as_object()? {
            if element == "." {
                continue;
            }
            let known = ["f:", "k:", "v:", "i:"].iter().any(|kind| element.starts_with(kind));
            let entries = below.as_object()?;
            if !known {
                return None;
            }
            let node = Node { member: entries.is_empty() || entries.contains_key("."), below: Self::from_json(below)? };
            set.nodes.insert(element.as_str().into(), node);
        }
        Some(set)
    }
}

/// A path as conflicts show it: `.spec.template.spec.containers[name="c"].image`.
pub fn show_path(path: &[Element]) -> String {
    path.iter().map(|element| show_element(element)).collect()
}

pub(super) fn show_element(element: &str) -> String {
    let (kind, text) = element.split_at_checked(2).unwrap_or((element, ""));
    match kind {
        "f:" => format!(".{text}"),
        "k:" => {
            let keys: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        "v:" => format!("[={text}]"),
        _ => format!("[{text}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(json: Value) -> FieldSet {
        FieldSet::from_json(&json).unwrap()
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        let fields = json!({"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}}});
        assert_eq!(set(fields.clone()).to_json(), fields);
        assert!(FieldSet::from_json(&json!({"x": {}})).is_none());
        assert!(FieldSet::from_json(&json!({"f:x": 1})).is_none());
    }

    #[test]
    fn sets_combine_as_upstream_says() {
        let all = set(json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let parent = set(json!({"f:a": {}}));
        assert_eq!(all.difference(&parent), set(json!({"f:a": {"f:b": {}}, "f:c": {}})));
        assert_eq!(all.recursive_difference(&parent), set(json!({"f:c": {}})));
        assert_eq!(all.intersection(&parent), parent);
        assert_eq!(parent.union(&set(json!({"f:a": {"f:b": {}}, "f:c": {}}))), all);
        assert!(parent.difference(&all).is_empty());
    }

    #[test]
    fn a_path_is_shown_as_conflicts_show_it() {
        let fields = set(json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}}}}}));
        let shown: Vec<String> = fields.paths().iter().map(|path| show_path(path)).collect();
        assert_eq!(shown, [".spec.ports[port=80,protocol=\"TCP\"].name"]);
    }
}
