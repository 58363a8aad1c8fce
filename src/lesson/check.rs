//! Checks over the objects of a cluster, and the list of steps they tick. Pure: reads objects, changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::Step;
use crate::text::json_path::JsonPath;

/// Whoever knows the objects of a cluster.
pub trait Objects {
    /// The objects of a resource such as `jobs`: those of one namespace, or all of them.
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Value>;
}

/// One look at the cluster: what several checks ask for is listed once.
pub struct Look<'a> {
    objects: &'a dyn Objects,
    lists: BTreeMap<(String, Option<String>), Arc<Vec<Value>>>,
}

impl<'a> Look<'a> {
    /// Nothing has been listed yet.
    pub fn new(objects: &'a dyn Objects) -> Self {
        Self { objects, lists: BTreeMap::new() }
    }

    fn list(&mut self, resource: &str, namespace: Option<&str>) -> Arc<Vec<Value>> {
        let key = (resource.to_owned(), namespace.map(str::to_owned));
        let list = || Arc::new(self.objects.list(resource, namespace));
        self.lists.entry(key).or_insert_with(list).clone()
    }
}

/// One thing to look for: how many objects of a resource are as described.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The plural name: `jobs`, `pods`, `nodes`.
    pub resource: String,
    /// Where to look; all namespaces without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Labels it has to have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
    /// Whom it has to belong to, directly or through its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// A condition in its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// A JSONPath; what it finds has to be there, or to compare as `value` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What `path` has to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Comparison>,
    /// How many such objects there have to be.
    pub count: Comparison,
}

/// The controller or other owner of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its kind, such as `Job`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A condition such as `Complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// An operator and what stands to its right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How to compare.
    pub operator: Operator,
    /// With what. Numbers compare as numbers, everything else as text.
    pub value: String,
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `contains`
    Contains,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Whether it holds.
    pub passed: bool,
    /// How many objects are as described.
    pub found: usize,
}

impl Check {
    /// Looks at the cluster.
    pub fn evaluate(&self, look: &mut Look<'_>) -> CheckResult {
        let all = look.list(&self.resource, self.namespace.as_deref());
        let path = self.path.as_deref().map(|path| JsonPath::parse(path).map(|path| path.allow_missing_keys(true)));
        let found = all.iter().filter(|object| self.describes(object, look, path.as_ref())).count();
        CheckResult { passed: self.count.holds(&found.to_string()), found }
    }

    fn describes(&self, object: &Value, look: &mut Look<'_>, path: Option<&Result<JsonPath, String>>) -> bool {
        let metadata = object.get("metadata");
        let text = |field: &str| metadata.and_then(|m| m.get(field)).and_then(Value::as_str);
        let labels = metadata.and_then(|m| m.get("labels"));
        let label = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
        self.name.as_deref().is_none_or(|name| text("name") == Some(name))
            && self.labels.iter().all(|(key, value)| label(key) == Some(value))
            && self.owner.as_ref().is_none_or(|owner| is_owned(object, owner, look, 0))
            && self.condition.as_ref().is_none_or(|condition| condition.holds(object))
            && path.is_none_or(|path| path.as_ref().is_ok_and(|path| self.path_holds(path, object)))
    }

    fn path_holds(&self, path: &JsonPath, object: &Value) -> bool {
        path.execute(object).is_ok_and(|text| match &self.value {
            Some(value) => value.holds(&text),
            None => !text.trim().is_empty(),
        })
    }
}

/// Owners of owners are followed so far: a Pod, its ReplicaSet, its Deployment.
const OWNERS: usize = 4;

fn is_owned(object: &Value, wanted: &Owner, look: &mut Look<'_>, depth: usize) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
    owners.into_iter().flatten().any(|owner| {
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("kind") == wanted.kind && text("name") == wanted.name {
            return true;
        }
        // A CronJob's Pods belong to it through their Job.
        depth < OWNERS
            && look.list(&format!("{}s", text("kind").to_lowercase()), namespace).iter().any(|between| {
                between.pointer("/metadata/name").and_then(Value::as_str) == Some(text("name"))
                    && is_owned(between, wanted, look, depth + 1)
            })
    })
}

impl Condition {
    fn holds(&self, object: &Value) -> bool {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|condition| {
            let text = |field: &str| condition.get(field).and_then(Value::as_str);
            text("type") == Some(&self.kind) && text("status") == Some(&self.status)
        })
    }
}

impl Comparison {
    /// `>= 1`, the usual count.
    pub fn at_least_one() -> Self {
        Self { operator: Operator::AtLeast, value: "1".to_owned() }
    }

    /// Reads `>= 1`, `!= Failed`, `contains busybox`; without an operator the value has to be equal.
    pub fn parse(text: &str) -> Self {
        const OPERATORS: [(&str, Operator); 7] = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("contains ", Operator::Contains),
        ];
        let text = text.trim();
        let given = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
        let (operator, value) = given.unwrap_or((Operator::Equal, text));
        Self { operator, value: value.trim().to_owned() }
    }

    /// Whether `left` compares so.
    pub fn holds(&self, left: &str) -> bool {
        let right = self.value.as_str();
        let order = match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right),
            _ => Some(left.cmp(right)),
        };
        let Some(order) = order else { return false };
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
            Operator::Contains => left.contains(right),
        }
    }
}

/// Which steps of a lesson are done. What is ticked stays ticked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checklist {
    steps: Vec<Step>,
    done: Vec<bool>,
}

impl Checklist {
    /// No step is done.
    pub fn new(steps: Vec<Step>) -> Self {
        let done = vec![false; steps.len()];
        Self { steps, done }
    }

    /// The steps and whether they are done.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, bool)> {
        self.steps.iter().zip(self.done.iter().copied())
    }

    /// Marks steps as done that were done before, by id: after a reload.
    pub fn restore<S: AsRef<str>>(&mut self, ids: &[S]) {
        for (step, done) in self.steps.iter().zip(&mut self.done) {
            *done |= ids.iter().any(|id| id.as_ref() == step.id);
        }
    }

    /// Looks at the cluster and says which steps were ticked just now, by index.
    pub fn update(&mut self, objects: &dyn Objects) -> Vec<usize> {
        let mut ticked = Vec::new();
        let mut look = Look::new(objects);
        for at in 0..self.steps.len() {
            let Some(step) = self.steps.get(at) else { break };
            let waits = step.after.as_ref().is_some_and(|after| !self.is_done(after));
            if waits || self.done.get(at) == Some(&true) {
                continue;
            }
            if !step.checks.is_empty() && step.checks.iter().all(|check| check.evaluate(&mut look).passed) {
                if let Some(done) = self.done.get_mut(at) {
                    *done = true;
                }
                ticked.push(at);
            }
        }
        ticked
    }

    fn is_done(&self, id: &str) -> bool {
        self.steps().any(|(step, done)| done && step.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Cluster(Vec<(&'static str, Value)>);

    impl Objects for Cluster {
        fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Value> {
            let here = |object: &Value| namespace.is_none_or(|n| object["metadata"]["namespace"] == n);
            self.0.iter().filter(|(r, o)| *r == resource && here(o)).map(|(_, o)| o.clone()).collect()
        }
    }

    fn check(resource: &str) -> Check {
        Check {
            resource: resource.to_owned(),
            namespace: Some("default".to_owned()),
            name: None,
            labels: Vec::new(),
            owner: None,
            condition: None,
            path: None,
            value: None,
            count: Comparison::at_least_one(),
        }
    }

    fn cluster() -> Cluster {
        let owner = |kind: &str, name: &str| json!([{"kind": kind, "name": name}]);
        Cluster(vec![
            (
                "jobs",
                json!({"metadata": {"name": "hello", "namespace": "default"}, "spec": {"completions": 3},
                            "status": {"succeeded": 10, "conditions": [{"type": "Complete", "status": "True"}]}}),
            ),
            (
                "replicasets",
                json!({"metadata": {"name": "web-1", "namespace": "default",
                                                "ownerReferences": owner("Deployment", "web")}}),
            ),
            (
                "pods",
                json!({"metadata": {"name": "web-1-a", "namespace": "default", "labels": {"app": "web"},
                                         "ownerReferences": owner("ReplicaSet", "web-1")}}),
            ),
        ])
    }

    #[test]
    fn checks_see_names_labels_owners_conditions_and_paths() {
        let passes = |check: Check| check.evaluate(&mut Look::new(&cluster())).passed;
        let path = |path: &str, value: Option<&str>| Check {
            path: Some(path.to_owned()),
            value: value.map(Comparison::parse),
            ..check("jobs")
        };
        let complete = |status: &str| Condition { kind: "Complete".to_owned(), status: status.to_owned() };
        let web = Owner { kind: "Deployment".to_owned(), name: "web".to_owned() };
        assert!(passes(Check { name: Some("hello".to_owned()), ..check("jobs") }));
        assert!(!passes(Check { name: Some("bye".to_owned()), ..check("jobs") }));
        assert!(passes(Check { condition: Some(complete("True")), ..check("jobs") }));
        assert!(!passes(Check { condition: Some(complete("False")), ..check("jobs") }));
        assert!(passes(Check { owner: Some(web), ..check("pods") }), "through the ReplicaSet");
        assert!(passes(Check { labels: vec![("app".to_owned(), "web".to_owned())], ..check("pods") }));
        assert!(passes(path("{.status.succeeded}", Some("> 9"))), "as numbers");
        assert!(passes(path("{.spec.completions}", None)));
        assert!(passes(path("{.spec.completions} {.status.succeeded}", Some("3 10"))));
        assert!(!passes(path("{.spec.parallelism}", None)));
        assert!(!passes(path("{.spec[", Some("1"))));
        assert!(passes(Check { count: Comparison::parse("== 0"), ..check("cronjobs") }));
        assert!(!passes(Check { namespace: Some("other".to_owned()), ..check("pods") }));
    }

    #[test]
    fn a_step_waits_for_the_one_before_it_and_stays_ticked() {
        let step = |id: &str, after: Option<&str>, count: &str| Step {
            id: id.to_owned(),
            text: String::new(),
            after: after.map(str::to_owned),
            checks: vec![Check { count: Comparison::parse(count), ..check("jobs") }],
        };
        let mut list = Checklist::new(vec![step("deleted", Some("made"), "0"), step("made", None, "1")]);
        assert_eq!(list.update(&Cluster(vec![])), Vec::<usize>::new());
        assert_eq!(list.update(&cluster()), [1]);
        assert_eq!(list.update(&Cluster(vec![])), [0]);
        assert_eq!(list.steps().filter(|(_, done)| *done).count(), 2);
    }
}
