//! Resource quotas.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateResourceQuota`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use serde_json::json;

use super::pod_resources::amounts;
use super::pod_spec::validation::quantity;
use super::{Cell, Column, KindInfo, Strategy, cells, resource_names, validate};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for ResourceQuota {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ResourceQuota", "resourcequotas", "resourcequota").short(&["quota"]).status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Request", "What is requested, of how much."),
        Column::new("Limit", "What is allowed as limits, of how much."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let Some(status) = &self.status else { return errors };
        let path = field::Path::new("status");
        named_amounts(&mut errors, &path.child("hard"), amounts(status.hard.as_ref()));
        named_amounts(&mut errors, &path.child("used"), amounts(status.used.as_ref()));
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let Some(spec) = &self.spec else { return errors };
        let path = field::Path::new("spec");
        named_amounts(&mut errors, &path.child("hard"), amounts(spec.hard.as_ref()));
        scopes(&mut errors, &path, spec);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        let set = |quota: &Self| -> BTreeSet<String> {
            quota.spec.iter().flat_map(|spec| spec.scopes.iter().flatten()).cloned().collect()
        };
        if set(self) != set(old) {
            let given = self.spec.as_ref().map(|spec| &spec.scopes);
            let path = field::Path::new("spec").child("scopes");
            errors.push(field::Error::invalid(&path, given, "field is immutable"));
        }
        errors
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let hard = self.spec.as_ref().and_then(|spec| spec.hard.as_ref());
        let Some(hard) = hard.filter(|_| old.is_none()) else { return Vec::new() };
        let of = |name: String| {
            let amount = Quantity::parse(&hard.get(&name)?.0).ok()?;
            Some((name, amount))
        };
        let mut all = Vec::new();
        for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
            let bare = matches!(name, "cpu" | "memory").then(|| of(name.to_owned())).flatten();
            let (Some((request, asked)), Some((limit, most))) =
                (of(format!("requests.{name}")).or(bare), of(format!("limits.{name}")))
            else {
                continue;
            };
            if asked > most {
                all.push(format!("ResourceQuota {request} ({asked}) should be less than {limit} ({most})"));
            }
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in status.hard.iter().flatten() {
            let used = cells::or(Some(cells::quantity(status.used.as_ref(), name)), "0");
            let text = format!("{name}: {used}/{}", hard.0);
            if name.starts_with("limits") { limits.push(text) } else { requests.push(text) }
        }
        vec![
            json!(meta::name(&self.metadata)),
            json!(requests.join(", ")),
            json!(limits.join(", ")),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

fn named_amounts(
    errors: &mut validate::Errors,
    path: &field::Path,
    amounts: impl IntoIterator<Item = (String, Quantity)>,
) {
    for (name, amount) in amounts {
        let at = path.key(&name);
        resource_names::of_quota(errors, &at, &name);
        quantity(errors, &at, &name, &amount);
    }
}

/// Whether a scope is about what the quota calls `name`; a scope that nobody knows is about everything.
fn is_about(scope: &str, name: &str) -> bool {
    let computes = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || computes.contains(&name)
        }
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "VolumeAttributesClass",
    "CrossNamespacePodAffinity",
];

/// `validateResourceQuotaScopes` and `validateScopedResourceSelectorRequirement`
fn scopes(errors: &mut validate::Errors, path: &field::Path, spec: &ResourceQuotaSpec) {
    let foreign = |scope: &str| {
        let names = spec.hard.iter().flatten().map(|(name, _)| name.as_str());
        names.filter(|name| resource_names::is_of_quotas(name) && !is_about(scope, name)).count()
    };
    let conflict = |held: &[&str]| {
        let both = |one: &str, other: &str| held.contains(&one) && held.contains(&other);
        usize::from(both("BestEffort", "NotBestEffort")) + usize::from(both("Terminating", "NotTerminating"))
    };
    let at = path.child("scopes");
    let given = spec.scopes.as_deref().unwrap_or_default();
    for scope in given {
        if !SCOPES.contains(&scope.as_str()) {
            errors.push(field::Error::invalid(&at, given, "unsupported scope"));
        }
        let wrong = || field::Error::invalid(&at, given, "unsupported scope applied to resource");
        errors.extend(std::iter::repeat_with(wrong).take(foreign(scope)));
    }
    let held: Vec<&str> = given.iter().map(String::as_str).collect();
    let wrong = || field::Error::invalid(&at, given, "conflicting scopes");
    errors.extend(std::iter::repeat_with(wrong).take(conflict(&held)));

    let Some(selector) = &spec.scope_selector else { return };
    let at = path.child("scopeSelector").child("matchExpressions");
    let expressions = selector.match_expressions.as_deref().unwrap_or_default();
    for given in expressions {
        let (scope, values) = (given.scope_name.as_str(), given.values.as_deref().unwrap_or_default());
        if !SCOPES.contains(&scope) {
            errors.push(field::Error::invalid(&at.child("scopeName"), scope, "unsupported scope"));
        }
        let wrong = || field::Error::invalid(&at, json!(selector), "unsupported scope applied to resource");
        errors.extend(std::iter::repeat_with(wrong).take(foreign(scope)));
        let by_name = matches!(scope, "PriorityClass" | "VolumeAttributesClass") || !SCOPES.contains(&scope);
        if !by_name && given.operator != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                       ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort \
                       or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(field::Error::invalid(&at.child("operator"), &given.operator, why));
        }
        match given.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(field::Error::required(&at.child("values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(field::Error::invalid(&at.child("values"), values, why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                errors.push(field::Error::invalid(&at.child("operator"), other, "not a valid selector operator"));
            }
        }
    }
    let held: Vec<&str> = expressions.iter().map(|given| given.scope_name.as_str()).collect();
    let wrong = || field::Error::invalid(&at, &spec.scopes, "conflicting scopes");
    errors.extend(std::iter::repeat_with(wrong).take(conflict(&held)));
}
