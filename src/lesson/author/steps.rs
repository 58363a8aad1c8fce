//! A steps block: YAML that says what to do and how the cluster looks afterwards. Evaluates nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Reader, inline};
use crate::lesson::check::{Check, Comparison, Condition, Owner};
use crate::lesson::model::Step;
use crate::text::json_path::JsonPath;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorStep {
    id: String,
    text: String,
    after: Option<String>,
    checks: Vec<AuthorCheck>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorCheck {
    resource: String,
    /// `default` unless said otherwise; `all` for every namespace and for what has none.
    namespace: Option<String>,
    name: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// `Job/hello-job`
    owner: Option<String>,
    /// `Complete` or `Ready=False`
    condition: Option<String>,
    path: Option<String>,
    value: Option<Scalar>,
    count: Option<Scalar>,
}

/// A value that may be written with or without quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    fn comparison(&self) -> Comparison {
        Comparison::parse(&match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Int(value) => value.to_string(),
            Scalar::Float(value) => value.to_string(),
            Scalar::Text(text) => text.clone(),
        })
    }
}

impl Reader<'_> {
    pub(super) fn steps(&mut self, line: usize, content: &str) -> Vec<(usize, String)> {
        let steps: Vec<AuthorStep> = match serde_yaml::from_str(content) {
            Ok(steps) => steps,
            Err(error) => {
                self.yaml_problem(&error, content, line + 1);
                return Vec::new();
            }
        };
        let mut added = Vec::new();
        for step in steps {
            let own = content.lines().position(|text| text.trim_end().ends_with(&format!("id: {}", step.id)));
            let line = own.map_or(line, |at| line + 1 + at);
            if step.id.is_empty() || !step.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            {
                self.problem(line, format!("the id `{}` of a step is made of a-z, 0-9 and `-`", step.id));
            }
            if step.checks.is_empty() {
                self.problem(
                    line,
                    format!("the step `{}` checks nothing; say how the cluster looks when it is done", step.id),
                );
            }
            let checks = step.checks.into_iter().map(|check| self.check(line, check)).collect();
            let html = inline(&step.text);
            let text = step.text.replace(['`', '*'], "");
            added.push((self.add_step(line, Step { id: step.id, text, after: step.after, checks }), html));
        }
        added
    }

    fn check(&mut self, line: usize, given: AuthorCheck) -> Check {
        if !given.resource.ends_with('s') || !given.resource.chars().all(|c| c.is_ascii_lowercase()) {
            let plural = format!("{}s", given.resource.to_lowercase());
            self.problem(line, format!("`resource: {}` is a plural name; write `{plural}`", given.resource));
        }
        if let Some(Err(problem)) = given.path.as_deref().map(JsonPath::parse) {
            self.problem(
                line,
                format!("`path: {}` is no JSONPath: {problem}", given.path.as_deref().unwrap_or_default()),
            );
        }
        if given.path.as_deref().is_some_and(|path| !path.starts_with('{')) {
            self.problem(line, "a `path` stands in braces: `path: \"{.status.succeeded}\"`");
        }
        if given.value.is_some() && given.path.is_none() {
            self.problem(line, "`value` says what `path` gives; write a `path` too");
        }
        let owner = given.owner.as_deref().and_then(|owner| match owner.split_once('/') {
            Some((kind, name)) => Some(Owner { kind: kind.to_owned(), name: name.to_owned() }),
            None => {
                self.problem(line, format!("`owner: {owner}` names kind and name: `owner: Job/hello-job`"));
                None
            }
        });
        let condition = given.condition.map(|condition| {
            let (kind, status) = condition.split_once('=').unwrap_or((&condition, "True"));
            Condition { kind: kind.to_owned(), status: status.to_owned() }
        });
        let namespace = given.namespace.unwrap_or_else(|| "default".to_owned());
        Check {
            resource: given.resource,
            namespace: (namespace != "all").then_some(namespace),
            name: given.name,
            labels: given.labels.into_iter().collect(),
            owner,
            condition,
            path: given.path,
            value: given.value.as_ref().map(Scalar::comparison),
            count: given.count.as_ref().map_or_else(Comparison::at_least_one, Scalar::comparison),
        }
    }
}
