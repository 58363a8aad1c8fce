//! The rules that a schema has beside its types: `x-kubernetes-validations`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/{compilation,validation}.go.
//! What a rule may cost is counted in steps of our own while it runs; it is not estimated when it is written, so a rule
//! that a server refuses for its estimated cost is taken here. Below `allOf` and its kin there are none.

pub(super) mod definition;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use super::structural::{flag, text};
use crate::apimachinery::cel::{Program, Type, Val};
use crate::apimachinery::field::{Error, ErrorKind, Path};

/// What all rules of an object together may cost, in steps.
const BUDGET: u64 = 10_000_000;
/// How long a message may be that an expression makes, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;
/// What messages call the object that a rule is about; a server adds a number that differs from run to run.
const SELF_TYPE: &str = "selfType";
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// One rule.
struct Rule {
    /// As it is written.
    written: Value,
    program: Result<Program, String>,
    message: Option<Program>,
    /// Where its faults are, below what it is about.
    field: String,
}

/// The rules of a schema and of all that stands below it.
pub(super) struct Rules {
    schema: Value,
    root: bool,
    own: Vec<Rule>,
    items: Option<Box<Rules>>,
    additional: Option<Box<Rules>>,
    properties: BTreeMap<String, Rules>,
}

/// What rules find: what is wrong, and what was wrong before and has not changed.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Error>,
    pub(super) warnings: Vec<String>,
}

fn rule_texts(schema: &Value) -> &[Value] {
    schema.get("x-kubernetes-validations").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Rules {
    /// The rules of a schema; `None` when it has none.
    pub(super) fn of(schema: &Value) -> Option<Rules> {
        Self::within(schema, true)
    }

    fn within(schema: &Value, root: bool) -> Option<Rules> {
        let below = |name: &str| {
            let inner = schema.get(name)?;
            Self::within(inner, types::is_embedded(inner)).map(Box::new)
        };
        let mut properties = BTreeMap::new();
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(rules) = Self::within(inner, types::is_embedded(inner)) {
                properties.insert(name.clone(), rules);
            }
        }
        let (items, additional) = (below("items"), below("additionalProperties"));
        let texts = rule_texts(schema);
        if texts.is_empty() && items.is_none() && additional.is_none() && properties.is_empty() {
            return None;
        }
        let of = if texts.is_empty() { None } else { types::type_of(schema, root, SELF_TYPE) };
        let own: Vec<Rule> = texts.iter().map(|rule| Rule::compile(rule, schema, of.as_ref())).collect();
        let schema = if own.is_empty() { bare(schema) } else { schema.clone() };
        Some(Rules { schema, root, own, items, additional, properties })
    }

    /// What the rules say of an object; of `old`, when it is a change.
    pub(super) fn validate(&self, object: &Value, old: Option<&Value>) -> Findings {
        let mut run = Run { findings: Findings::default(), budget: BUDGET, over: false };
        run.node(self, &Path::default(), object, old, Ratchet { same: old == Some(object), correlated: true });
        run.findings
    }
}

/// What the way through an object needs of a schema that has no rules itself.
fn bare(schema: &Value) -> Value {
    let kept = ["x-kubernetes-list-type", "x-kubernetes-list-map-keys"];
    let kept = kept.iter().filter_map(|name| Some(((*name).to_owned(), schema.get(*name)?.clone())));
    kept.collect::<serde_json::Map<_, _>>().into()
}

impl Rule {
    fn compile(written: &Value, schema: &Value, of: Option<&Type>) -> Rule {
        let message = text(written, "messageExpression");
        let message = if message.is_empty() { None } else { compile(message, of, false, &Type::Str).ok() };
        let program = compile(text(written, "rule"), of, flag(written, "optionalOldSelf"), &Type::Bool);
        let field = definition::field_path(text(written, "fieldPath"), schema).unwrap_or_default();
        Rule { written: written.clone(), program, message, field }
    }

    /// Its message, or what it says.
    fn says(&self) -> String {
        let message = text(&self.written, "message");
        let says = if message.is_empty() { text(&self.written, "rule") } else { message };
        says.trim().to_owned()
    }
}

/// An expression over `self` and `oldSelf` that gives what is wanted.
fn compile(expression: &str, of: Option<&Type>, optional: bool, wanted: &Type) -> Result<Program, String> {
    let of = of.ok_or("failed to convert to declType for CEL validation rules")?;
    let old = if optional { Type::optional(of.clone()) } else { of.clone() };
    let program = Program::compile(expression, &[("self", of.clone()), ("oldSelf", old)])?;
    match (program.result == *wanted, wanted) {
        (true, _) => Ok(program),
        (false, Type::Bool) => Err("cel expression must evaluate to a bool".to_owned()),
        (false, _) => Err("messageExpression must evaluate to a string".to_owned()),
    }
}

/// Whether a fault was there before: the nearest value that can be found in the old object is the same there.
#[derive(Clone, Copy)]
struct Ratchet {
    same: bool,
    correlated: bool,
}

impl Ratchet {
    fn below(self, new: &Value, old: Option<&Value>, correlated: bool) -> Ratchet {
        if !self.correlated || !correlated {
            return Ratchet { correlated: false, ..self };
        }
        Ratchet { same: old == Some(new), correlated: true }
    }
}

struct Run {
    findings: Findings,
    budget: u64,
    over: bool,
}

impl Run {
    fn node(&mut self, rules: &Rules, path: &Path, object: &Value, old: Option<&Value>, ratchet: Ratchet) {
        if self.over || object.is_null() {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        self.own(rules, path, object, old, ratchet);
        match object {
            Value::Array(items) => {
                let Some(inner) = &rules.items else { return };
                let old = old.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                for (index, item) in items.iter().enumerate() {
                    let before = same_item(&rules.schema, item, old);
                    let ratchet = ratchet.below(item, before, text(&rules.schema, "x-kubernetes-list-type") == "map");
                    self.node(inner, &path.index(index), item, before, ratchet);
                }
            }
            Value::Object(map) => {
                for (name, held) in map {
                    let before = old.and_then(|old| old.get(name));
                    let ratchet = ratchet.below(held, before, true);
                    if let Some(inner) = rules.properties.get(name) {
                        self.node(inner, &path.child(name), held, before, ratchet);
                    } else if let Some(inner) = &rules.additional {
                        self.node(inner, &path.key(name), held, before, ratchet);
                    }
                }
            }
            _ => {}
        }
    }

    fn own(&mut self, rules: &Rules, path: &Path, object: &Value, old: Option<&Value>, ratchet: Ratchet) {
        if rules.own.is_empty() {
            return;
        }
        let kind = text(&rules.schema, "type");
        let value = types::value_of(&rules.schema, object, rules.root);
        let before = old.map(|old| types::value_of(&rules.schema, old, rules.root));
        for rule in &rules.own {
            if self.over {
                return;
            }
            let changes = rule.program.as_ref().is_ok_and(|program| program.uses("oldSelf"));
            let optional = flag(&rule.written, "optionalOldSelf");
            if changes && before.is_none() && !optional {
                continue;
            }
            match self.holds(rule, &variables(&value, before.as_ref(), optional)) {
                Ok(true) => {}
                Ok(false) => {
                    let detail = self.message(rule, &value, before.as_ref());
                    let at = if rule.field.is_empty() { path.clone() } else { path.child(&rule.field) };
                    let shown = if matches!(kind, "object" | "array") { None } else { Some(object) };
                    let fault = fault(&at, shown, detail, text(&rule.written, "reason"));
                    if !changes && ratchet.same {
                        self.findings.warnings.push(fault.to_string());
                    } else {
                        self.findings.errors.push(fault);
                    }
                }
                Err(why) => self.findings.errors.push(Error::invalid(path, kind, why)),
            }
        }
    }

    /// Whether a rule holds, or why nobody can say.
    fn holds(&mut self, rule: &Rule, variables: &[(&str, Val)]) -> Result<bool, String> {
        let program = rule.program.as_ref().map_err(|why| format!("rule compile error: {why}"))?;
        let (outcome, steps) = program.run(variables);
        if steps > self.budget {
            self.over = true;
            return Err(OUT_OF_BUDGET.to_owned());
        }
        self.budget -= steps;
        let why = match outcome {
            Ok(held) => return Ok(matches!(held, Val::Bool(true))),
            Err(why) => why,
        };
        let says = rule.says();
        self.over = why.starts_with("operation cancelled");
        let what = if self.over {
            "no further validation rules will be run due to call cost exceeds limit"
        } else if why.starts_with("no such overload") {
            "call arguments did not match a supported operator, function or macro signature"
        } else {
            return Err(format!("{why} evaluating rule: {says}"));
        };
        Err(format!("'{why}': {what} for rule: {says}"))
    }

    /// What a broken rule says: its expression's text when that is one, its message, or itself.
    fn message(&mut self, rule: &Rule, value: &Val, before: Option<&Val>) -> String {
        let made = rule.message.as_ref().map(|program| program.run(&variables(value, before, false)));
        if let Some((outcome, steps)) = made {
            self.budget = self.budget.saturating_sub(steps);
            if let Ok(Val::Str(made)) = outcome {
                let made = made.trim();
                if !made.is_empty() && made.len() <= LONGEST_MESSAGE && !made.contains('\n') {
                    return made.to_owned();
                }
            }
        }
        let says = rule.says();
        if text(&rule.written, "message").is_empty() { format!("failed rule: {says}") } else { says }
    }
}

fn variables(value: &Val, before: Option<&Val>, optional: bool) -> Vec<(&'static str, Val)> {
    let mut all = vec![("self", value.clone())];
    match (optional, before) {
        (true, Some(before)) => all.push(("oldSelf", Val::some(before.clone()))),
        (true, None) => all.push(("oldSelf", Val::Optional(None))),
        (false, Some(before)) => all.push(("oldSelf", before.clone())),
        (false, None) => {}
    }
    all
}

/// The fault that a rule's reason makes of it.
fn fault(at: &Path, value: Option<&Value>, detail: String, reason: &str) -> Error {
    match (reason, value) {
        ("FieldValueForbidden", _) => Error::forbidden(at, detail),
        ("FieldValueRequired", _) => Error::required(at, detail),
        ("FieldValueDuplicate", Some(value)) => Error::duplicate(at, value),
        ("FieldValueDuplicate", None) => Error::duplicate_shown(at, ""),
        (_, Some(value)) => Error::invalid(at, value, detail),
        (_, None) => Error::invalid_shown(at, "", detail),
    }
}

/// The item of the old list that a new one stands for: by its keys, in lists that have some.
fn same_item<'a>(schema: &Value, item: &Value, old: &'a [Value]) -> Option<&'a Value> {
    if text(schema, "x-kubernetes-list-type") != "map" {
        return None;
    }
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array)?;
    let same = |other: &&Value| keys.iter().filter_map(Value::as_str).all(|key| other.get(key) == item.get(key));
    old.iter().find(same)
}

/// Whether faults of the schema keep the rules from being looked at; then this says so.
pub(super) fn blocked(errors: &[Error]) -> Option<Error> {
    use ErrorKind::{Required, TooLong, TooMany, TypeInvalid};
    errors.iter().any(|error| matches!(error.kind, Required | TooLong | TooMany | TypeInvalid)).then(|| {
        let why = "some validation rules were not checked because the object was invalid; correct the existing errors \
                   to complete validation";
        Error::invalid(&Path::default(), Value::Null, why)
    })
}
