//! A steps block: YAML that says what to do and how the cluster looks afterwards. Evaluates nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Reader, inline};
use crate::lesson::attempt::Attempt;
use crate::lesson::check::{Check, Comparison, Condition, Field, Owner};
use crate::lesson::model::Step;
use crate::text::duration::parse_go_duration;
use crate::text::json_path::JsonPath;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorStep {
    id: String,
    text: String,
    after: Option<String>,
    #[serde(default)]
    checks: Vec<AuthorCheck>,
    r#try: Option<AuthorAttempt>,
}

/// Something to do to a copy of the cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorAttempt {
    run: String,
    /// What `run` has to end with.
    exit: Option<i32>,
    /// The checks have to hold at some moment within this time ...
    within: Option<String>,
    /// ... or at the end of this one.
    after: Option<String>,
    #[serde(default)]
    checks: Vec<AuthorCheck>,
    hint: Option<String>,
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
    /// Several of them, each with its hint.
    #[serde(default)]
    fields: Vec<AuthorField>,
    count: Option<Scalar>,
    hint: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorField {
    path: String,
    value: Option<Scalar>,
    hint: Option<String>,
}

/// A step in a translation: its checks are those of the original.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TranslatedStep {
    id: String,
    text: String,
    #[serde(default)]
    hints: Vec<String>,
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

/// A copy of the cluster is followed no longer than this: the page does it between two frames.
const LONGEST_ATTEMPT: f64 = 120.0;

/// Words without markup, for where the page shows plain text.
fn plain(text: &str) -> String {
    text.replace(['`', '*'], "")
}

impl Reader<'_> {
    pub(super) fn steps(&mut self, line: usize, content: &str) -> Vec<(usize, String)> {
        if self.original.is_some() {
            return self.translated_steps(line, content);
        }
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
            if step.checks.is_empty() && step.r#try.is_none() {
                self.problem(
                    line,
                    format!("the step `{}` checks nothing; say how the cluster looks when it is done", step.id),
                );
            }
            let checks = step.checks.into_iter().map(|check| self.check(line, check)).collect();
            let attempt = step.r#try.map(|attempt| self.attempt(line, attempt));
            let html = inline(&step.text);
            let text = plain(&step.text);
            added.push((self.add_step(line, Step { id: step.id, text, after: step.after, checks, attempt }), html));
        }
        added
    }

    fn translated_steps(&mut self, line: usize, content: &str) -> Vec<(usize, String)> {
        let steps: Vec<TranslatedStep> = match serde_yaml::from_str(content) {
            Ok(steps) => steps,
            Err(error) => {
                self.yaml_problem(&error, content, line + 1);
                return Vec::new();
            }
        };
        let mut added = Vec::new();
        for step in steps {
            self.step_hints.push(step.hints.iter().map(|hint| plain(hint)).collect());
            let (text, html) = (plain(&step.text), inline(&step.text));
            added.push((self.add_step(line, Step { id: step.id, text, ..Step::default() }), html));
        }
        added
    }

    fn attempt(&mut self, line: usize, given: AuthorAttempt) -> Attempt {
        let (time, at_end) = match (&given.within, &given.after) {
            (Some(time), None) => (time.as_str(), false),
            (None, Some(time)) => (time.as_str(), true),
            // How a command ends is known when it does.
            (None, None) if given.exit.is_some() && given.checks.is_empty() => ("0s", true),
            _ => {
                self.problem(
                    line,
                    "a `try` says either `within: 10s` (the checks hold at some moment) or `after: 10s` (at its end)",
                );
                ("0s", true)
            }
        };
        let seconds = parse_go_duration(time).map(|nanoseconds| nanoseconds as f64 / 1e9).unwrap_or(-1.0);
        if !(0.0..=LONGEST_ATTEMPT).contains(&seconds) {
            let message =
                format!("`{time}` is no time up to {LONGEST_ATTEMPT} seconds; write one such as `within: 10s`");
            self.problem(line, message);
        }
        if given.checks.is_empty() && given.exit.is_none() {
            self.problem(line, "a `try` has `checks`: how the cluster looks after `run`; or an `exit` code");
        }
        let checks = given.checks.into_iter().map(|check| self.check(line, check)).collect();
        let hint = given.hint.as_deref().map(plain);
        Attempt { run: given.run, exit: given.exit, seconds, at_end, checks, hint }
    }

    fn check(&mut self, line: usize, given: AuthorCheck) -> Check {
        if !given.resource.ends_with('s') || !given.resource.chars().all(|c| c.is_ascii_lowercase()) {
            let plural = format!("{}s", given.resource.to_lowercase());
            self.problem(line, format!("`resource: {}` is a plural name; write `{plural}`", given.resource));
        }
        let mut fields: Vec<Field> = Vec::new();
        match (given.path, given.value) {
            (Some(path), value) => fields.push(self.field(line, AuthorField { path, value, hint: None })),
            (None, Some(_)) => self.problem(line, "`value` says what `path` gives; write a `path` too"),
            (None, None) => {}
        }
        for field in given.fields {
            fields.push(self.field(line, field));
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
            fields,
            count: given.count.as_ref().map_or_else(Comparison::at_least_one, Scalar::comparison),
            hint: given.hint.as_deref().map(plain),
        }
    }

    fn field(&mut self, line: usize, given: AuthorField) -> Field {
        let path = given.path;
        if !path.starts_with('{') {
            self.problem(line, format!("a `path` stands in braces: `path: \"{{{path}}}\"`"));
        } else if let Err(problem) = JsonPath::parse(&path) {
            self.problem(line, format!("`path: {path}` is no JSONPath: {problem}"));
        }
        let value = given.value.as_ref().map(Scalar::comparison);
        Field { path, value, hint: given.hint.as_deref().map(plain) }
    }
}
