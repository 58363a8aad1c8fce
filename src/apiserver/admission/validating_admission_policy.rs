//! Asks of objects what the cluster's own policies say: expressions over the object, the object before, the request, the
//! namespace, and objects that hold parameters.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/admission/plugin/policy (matching, generic, validating).
//! Looks at what is created and updated; not at deletions, connections and subresources. Who asks is not told to
//! expressions (`request.userInfo`, `authorizer`), and nothing is audited.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::Attributes;
use crate::api::by_kind;
use crate::api::validating_admission_policy::compile;
use crate::apimachinery::cel::{Key, Type, Val};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Cause, Object, Reason, Status, meta};

const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";
const BINDINGS: &str = "validatingadmissionpolicybindings.admissionregistration.k8s.io";

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a policy says no to: its words, and the reason that it gives.
struct Denied {
    message: String,
    reason: Reason,
}

/// Refuses or warns of what breaks a policy that is bound.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let store = attributes.store;
    // Policies do not judge themselves.
    if store.count(BINDINGS) == 0 || [POLICIES, BINDINGS].contains(&attributes.info.resource) {
        return Ok(());
    }
    let whole = object.to_json();
    let mut refused: Option<Status> = None;
    for binding in store.list(BINDINGS, None) {
        let bound = binding.to_json();
        let bound = bound.get("spec").unwrap_or(&Value::Null);
        let Some(policy) = store.get(POLICIES, "", text(bound, "policyName")) else { continue };
        let held = policy.to_json();
        let spec = held.get("spec").unwrap_or(&Value::Null);
        let constraints = spec.get("matchConstraints").unwrap_or(&Value::Null);
        let matches = |constraints: &Value| matches(attributes, object, constraints);
        if !matches(constraints) || !bound.get("matchResources").is_none_or(matches) {
            continue;
        }
        let names = (meta::name(policy.meta()), meta::name(binding.meta()));
        for denied in judge(attributes, object, &whole, spec, bound) {
            for action in list(bound, "validationActions").iter().filter_map(Value::as_str) {
                match action {
                    "Deny" if refused.is_none() => refused = Some(refusal(attributes, object, names, &denied)),
                    "Warn" => attributes.warnings.push(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                        names.0, names.1, denied.message
                    )),
                    _ => {}
                }
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

fn refusal(attributes: &Attributes<'_>, object: &dyn Object, names: (&str, &str), denied: &Denied) -> Status {
    let (policy, binding) = names;
    let message =
        format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {}", denied.message);
    let mut status = attributes.forbidden(object, &message);
    status.reason = denied.reason;
    status.causes.push(Cause { reason: String::new(), message, field: String::new() });
    status
}

/// Whether a write is one of those that constraints name.
fn matches(attributes: &Attributes<'_>, object: &dyn Object, constraints: &Value) -> bool {
    let info = attributes.info;
    let operation = if attributes.old.is_some() { "UPDATE" } else { "CREATE" };
    let named = |rule: &Value| {
        let has = |list_name: &str, word: &str| {
            list(rule, list_name).iter().filter_map(Value::as_str).any(|held| held == word || held == "*")
        };
        let resources = list(rule, "resources").iter().filter_map(Value::as_str);
        let names = list(rule, "resourceNames");
        let scope = match text(rule, "scope") {
            "Namespaced" => info.namespaced,
            "Cluster" => !info.namespaced,
            _ => true,
        };
        has("apiGroups", info.group)
            && has("apiVersions", info.version)
            && has("operations", operation)
            && resources.into_iter().any(|held| held == info.plural() || held == "*" || held == "*/*")
            && (names.is_empty() || names.iter().any(|held| held == meta::name(object.meta())))
            && scope
    };
    let rules = list(constraints, "resourceRules");
    if !(rules.is_empty() || rules.iter().any(named)) || list(constraints, "excludeResourceRules").iter().any(named) {
        return false;
    }
    let selects = |name: &str, labels: Option<&BTreeMap<String, String>>| {
        let Some(selector) = constraints.get(name).filter(|held| !held.is_null()) else { return true };
        let selector: Option<LabelSelector> = serde_json::from_value(selector.clone()).ok();
        Selector::from_label_selector(selector.as_ref()).is_some_and(|selector| selector.matches(labels))
    };
    let space = match info.resource {
        "namespaces" => Some(object.meta().labels.clone()),
        _ if info.namespaced => {
            let space = attributes.store.get("namespaces", "", meta::namespace(object.meta()));
            space.map(|space| space.meta().labels.clone())
        }
        _ => None,
    };
    selects("objectSelector", object.meta().labels.as_ref())
        && space.is_none_or(|labels| selects("namespaceSelector", labels.as_ref()))
}

/// The objects that hold a binding's parameters; `None` alone when it has none.
fn parameters(
    attributes: &Attributes<'_>,
    object: &dyn Object,
    spec: &Value,
    bound: &Value,
) -> Result<Vec<Option<Value>>, String> {
    let (Some(kind), Some(wanted)) = (spec.get("paramKind"), bound.get("paramRef")) else { return Ok(vec![None]) };
    let known = by_kind(text(kind, "apiVersion"), text(kind, "kind"));
    let known = known.ok_or_else(|| {
        format!(
            "failed to configure policy: paramKind kind `{}, Kind={}` not known",
            text(kind, "apiVersion"),
            text(kind, "kind")
        )
    })?;
    let space = match (known.info().namespaced, text(wanted, "namespace")) {
        (false, _) => "",
        (true, "") => meta::namespace(object.meta()),
        (true, space) => space,
    };
    let (resource, name) = (known.info().resource, text(wanted, "name"));
    let found: Vec<Option<Value>> = if name.is_empty() {
        let selector: Option<LabelSelector> =
            wanted.get("selector").and_then(|held| serde_json::from_value(held.clone()).ok());
        let selector = Selector::from_label_selector(selector.as_ref());
        let all = attributes.store.list(resource, Some(space).filter(|space| !space.is_empty()));
        let fits = |held: &&Arc<dyn Object>| {
            selector.as_ref().is_some_and(|selector| selector.matches(held.meta().labels.as_ref()))
        };
        all.filter(fits).map(|held| Some(held.to_json())).collect()
    } else {
        attributes.store.get(resource, space, name).map(|held| Some(held.to_json())).into_iter().collect()
    };
    if found.is_empty() && text(wanted, "parameterNotFoundAction") == "Deny" {
        let why = "no params found for policy binding with `Deny` parameterNotFoundAction";
        return Err(format!("failed to configure binding: {why}"));
    }
    Ok(found)
}

/// What a policy that is bound says no to.
fn judge(attributes: &Attributes<'_>, object: &dyn Object, whole: &Value, spec: &Value, bound: &Value) -> Vec<Denied> {
    let ignores = text(spec, "failurePolicy") == "Ignore";
    let failed = |message: String| (!ignores).then_some(Denied { message, reason: Reason::Invalid });
    let found = match parameters(attributes, object, spec, bound) {
        Ok(found) => found,
        Err(why) => return failed(why).into_iter().collect(),
    };
    let old = attributes.old.map_or(Val::Null, |old| Val::from_json(&old.to_json()));
    let space = attributes.store.get("namespaces", "", meta::namespace(object.meta()));
    let mut all = Vec::new();
    for params in found {
        let mut known: Vec<(&str, Val)> = vec![
            ("object", Val::from_json(whole)),
            ("oldObject", old.clone()),
            ("request", Val::from_json(&request(attributes, object))),
            ("params", params.map_or(Val::Null, |params| Val::from_json(&params))),
            ("namespaceObject", space.map_or(Val::Null, |space| Val::from_json(&space.to_json()))),
        ];
        let mut variables = BTreeMap::new();
        for variable in list(spec, "variables") {
            known.push(("variables", Val::Map(Arc::new(variables.clone()))));
            // One that fails is missing where it is asked for.
            if let Ok(value) = run(text(variable, "expression"), &Type::Dyn, &known) {
                variables.insert(Key::Str(text(variable, "name").into()), value);
            }
            known.pop();
        }
        known.push(("variables", Val::Map(Arc::new(variables))));
        let mut applies = true;
        for condition in list(spec, "matchConditions") {
            match run(text(condition, "expression"), &Type::Bool, &known) {
                Ok(Val::Bool(true)) => {}
                Ok(_) => applies = false,
                Err(why) => {
                    all.extend(failed(why));
                    applies = false;
                }
            }
        }
        for validation in list(spec, "validations").iter().filter(|_| applies) {
            match run(text(validation, "expression"), &Type::Bool, &known) {
                Ok(Val::Bool(true)) => {}
                Ok(_) => all.push(denied(validation, &known)),
                Err(why) => all.extend(failed(why)),
            }
        }
    }
    all
}

fn run(expression: &str, wanted: &Type, known: &[(&str, Val)]) -> Result<Val, String> {
    let outcome = compile(expression, wanted).and_then(|program| program.run(known).0);
    outcome.map_err(|why| format!("expression '{}' resulted in error: {why}", expression.trim()))
}

fn denied(validation: &Value, known: &[(&str, Val)]) -> Denied {
    let expression = text(validation, "messageExpression");
    let made = match run(expression, &Type::Str, known) {
        Ok(Val::Str(made)) if !expression.is_empty() && !made.contains('\n') => made.trim().to_owned(),
        _ => String::new(),
    };
    let message = match (made.as_str(), text(validation, "message").trim()) {
        ("", "") => format!("failed expression: {}", text(validation, "expression").trim()),
        ("", message) => message.to_owned(),
        (made, _) => made.to_owned(),
    };
    let reason = match text(validation, "reason") {
        "Unauthorized" => Reason::Unauthorized,
        "Forbidden" => Reason::Forbidden,
        "RequestEntityTooLarge" => Reason::RequestEntityTooLarge,
        _ => Reason::Invalid,
    };
    Denied { message, reason }
}

fn request(attributes: &Attributes<'_>, object: &dyn Object) -> Value {
    let info = attributes.info;
    let kind = json!({"group": info.group, "version": info.version, "kind": info.kind});
    let resource = json!({"group": info.group, "version": info.version, "resource": info.plural()});
    json!({
        "kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource,
        "name": meta::name(object.meta()), "namespace": meta::namespace(object.meta()),
        "operation": if attributes.old.is_some() { "UPDATE" } else { "CREATE" },
    })
}
