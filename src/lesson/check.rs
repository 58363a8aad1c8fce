//! Checks over the objects of a cluster: whether they hold, and what is wrong first. Pure: reads objects, changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trial::{Item, Objects};
use crate::text::json_path::JsonPath;

type List = Arc<Vec<Box<dyn Item>>>;

/// One look at the cluster: what several checks ask for is listed once.
pub struct Look<'a> {
    objects: &'a dyn Objects,
    lists: BTreeMap<(String, Option<String>), List>,
}

impl<'a> Look<'a> {
    /// Nothing has been listed yet.
    pub fn new(objects: &'a dyn Objects) -> Self {
        Self { objects, lists: BTreeMap::new() }
    }

    fn list(&mut self, resource: &str, namespace: Option<&str>) -> List {
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
    /// What has to stand in it, in the order in which a reader is told what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// How many such objects there have to be.
    pub count: Comparison,
    /// What the author says when there is no such object, or when what is found is not right and no field says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Something that has to stand in an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// A JSONPath; what it finds has to be there, or to compare as `value` says.
    pub path: String,
    /// What `path` has to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Comparison>,
    /// What the author says when this is the first field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
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

/// What is wrong first, for a page to put into words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Wrong {
    /// What the author has to say about it.
    Told {
        /// The author's words.
        text: String,
    },
    /// There is no such object.
    Missing {
        /// The plural name.
        resource: String,
        /// Its name, if one was asked for.
        name: String,
    },
    /// A field is not as it has to be.
    Field {
        /// The object's name.
        name: String,
        /// The JSONPath.
        path: String,
        /// What stands there; empty for nothing.
        found: String,
    },
    /// A condition is not there, or not yet.
    Condition {
        /// The object's name.
        name: String,
        /// Its type.
        condition: String,
    },
    /// There are too few or too many.
    Count {
        /// The plural name.
        resource: String,
        /// How many are as described.
        found: usize,
    },
    /// What was tried on a copy did not come out well.
    Attempt {
        /// What was tried.
        command: String,
    },
}

impl Check {
    /// Looks at the cluster.
    pub fn evaluate(&self, look: &mut Look<'_>) -> CheckResult {
        let all = look.list(&self.resource, self.namespace.as_deref());
        let paths = self.paths();
        let found = all.iter().filter(|object| self.describes(object.as_ref(), look, &paths)).count();
        CheckResult { passed: self.count.holds(&found.to_string()), found }
    }

    /// What is wrong first; `None` when the check holds.
    pub fn wrong(&self, look: &mut Look<'_>) -> Option<Wrong> {
        let result = self.evaluate(look);
        if result.passed {
            return None;
        }
        let told = |hint: &Option<String>, otherwise: Wrong| {
            Some(hint.as_ref().map_or(otherwise, |text| Wrong::Told { text: text.clone() }))
        };
        let all = look.list(&self.resource, self.namespace.as_deref());
        let meant = all.iter().filter(|object| self.means(object.as_ref(), look));
        let meant: Vec<Cow<'_, Value>> = meant.map(|object| object.json()).collect();
        let (resource, name) = (self.resource.clone(), self.name.clone().unwrap_or_default());
        let paths = self.paths();
        // The object that is right the furthest is the one that the reader is working at.
        let right = |object: &Value| self.fields.iter().zip(&paths).take_while(|(f, p)| f.holds(p, object)).count();
        let Some(nearest) = meant.iter().map(Cow::as_ref).max_by_key(|object| right(object)) else {
            let nothing = Wrong::Missing { resource: resource.clone(), name };
            return told(
                &self.hint,
                if result.found == 0 { nothing } else { Wrong::Count { resource, found: result.found } },
            );
        };
        let name = nearest.name().to_owned();
        let at = right(nearest);
        if let (Some(field), Some(path)) = (self.fields.get(at), paths.get(at)) {
            let found = path.as_ref().ok().and_then(|path| path.execute(nearest).ok()).unwrap_or_default();
            return told(&field.hint, Wrong::Field { name, path: field.path.clone(), found });
        }
        match self.condition.as_ref().filter(|condition| !condition.holds(nearest)) {
            Some(condition) => told(&self.hint, Wrong::Condition { name, condition: condition.kind.clone() }),
            None => told(&self.hint, Wrong::Count { resource, found: result.found }),
        }
    }

    fn paths(&self) -> Vec<Result<JsonPath, String>> {
        self.fields.iter().map(|field| JsonPath::parse(&field.path).map(|path| path.allow_missing_keys(true))).collect()
    }

    fn describes(&self, object: &dyn Item, look: &mut Look<'_>, paths: &[Result<JsonPath, String>]) -> bool {
        if !self.means(object, look) {
            return false;
        }
        if self.condition.is_none() && self.fields.is_empty() {
            return true;
        }
        let object = object.json();
        self.condition.as_ref().is_none_or(|condition| condition.holds(&object))
            && self.fields.iter().zip(paths).all(|(field, path)| field.holds(path, &object))
    }

    /// Whether it is about this object, right or wrong.
    fn means(&self, object: &dyn Item, look: &mut Look<'_>) -> bool {
        self.name.as_deref().is_none_or(|name| object.name() == name)
            && self.labels.iter().all(|(key, value)| object.label(key) == Some(value))
            && self.owner.as_ref().is_none_or(|owner| is_owned(object, owner, look, 0))
    }
}

impl Field {
    fn holds(&self, path: &Result<JsonPath, String>, object: &Value) -> bool {
        let found = path.as_ref().ok().and_then(|path| path.execute(object).ok());
        found.is_some_and(|text| match &self.value {
            Some(value) => value.holds(&text),
            None => !text.trim().is_empty(),
        })
    }
}

/// Owners of owners are followed so far: a Pod, its ReplicaSet, its Deployment.
const OWNERS: usize = 4;

fn is_owned(object: &dyn Item, wanted: &Owner, look: &mut Look<'_>, depth: usize) -> bool {
    let namespace = Some(object.namespace()).filter(|namespace| !namespace.is_empty());
    object.owners().into_iter().any(|(kind, name)| {
        if kind == wanted.kind && name == wanted.name {
            return true;
        }
        // A CronJob's Pods belong to it through their Job.
        depth < OWNERS
            && look
                .list(&format!("{}s", kind.to_lowercase()), namespace)
                .iter()
                .any(|between| between.name() == name && is_owned(between.as_ref(), wanted, look, depth + 1))
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

#[cfg(test)]
mod tests;
