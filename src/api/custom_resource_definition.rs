//! Custom resource definitions.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
};
use serde_json::{Value, json};

use super::custom::{invariants, schema, validate_rules};
use super::{Cell, Column, KindInfo, Strategy, cells, generation, internal, validate};
use crate::api::validate::Errors;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

impl Strategy for CustomResourceDefinition {
    const INFO: KindInfo = KindInfo {
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        ..KindInfo::new(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions.apiextensions.k8s.io",
            "customresourcedefinition",
        )
        .cluster_scoped()
        .status()
    };
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::CREATED_AT];

    fn set_defaults(&mut self) {
        let names = &mut self.spec.names;
        if names.singular.as_deref().unwrap_or_default().is_empty() {
            names.singular = Some(names.kind.to_lowercase());
        }
        if names.list_kind.as_deref().unwrap_or_default().is_empty() && !names.kind.is_empty() {
            names.list_kind = Some(format!("{}List", names.kind));
        }
        let none = || CustomResourceConversion { strategy: "None".to_owned(), ..Default::default() };
        self.spec.conversion.get_or_insert_with(none);
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        let stored = self.spec.versions.iter().filter(|version| version.storage).map(|version| version.name.clone());
        if let Some(status) = self.status.as_mut() {
            status.stored_versions = Some(stored.collect());
        }
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let wanted = format!("{}.{}", self.spec.names.plural, self.spec.group);
        let name = meta::name(&self.metadata);
        if name != wanted {
            let why = "must be spec.names.plural+\".\"+spec.group";
            errors.push(field::Error::invalid(&field::Path::new("metadata").child("name"), name, why));
        }
        spec_rules(&mut errors, &self.spec);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        spec_rules(&mut errors, &self.spec);
        let (new, old, path) = (&self.spec, &old.spec, field::Path::new("spec"));
        let names = path.child("names");
        validate::immutable(&mut errors, &path.child("scope"), &new.scope, &old.scope);
        validate::immutable(&mut errors, &names.child("kind"), &new.names.kind, &old.names.kind);
        validate::immutable(&mut errors, &path.child("group"), &new.group, &old.group);
        validate::immutable(&mut errors, &names.child("plural"), &new.names.plural, &old.names.plural);
        stored_versions(&mut errors, self);
        errors
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if let Some(names) = self.status.as_ref().and_then(|status| status.accepted_names.as_ref()) {
            validate_names(&mut errors, &field::Path::new("status").child("acceptedNames"), names, false);
        }
        errors
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let formats = |of: &Self| {
            let mut met = Vec::new();
            for version in &of.spec.versions {
                let found = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
                schema::unknown_formats(&json!(found), &mut met);
            }
            met
        };
        let known = old.map(formats).unwrap_or_default();
        let new = formats(self).into_iter().filter(|format| !known.contains(format));
        new.map(|format| format!("unrecognized format {}", crate::text::go_json::quoted(&format))).collect()
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::created_at(&self.metadata))]
    }
}

/// `validateCustomResourceDefinitionSpec`
fn spec_rules(errors: &mut Errors, spec: &CustomResourceDefinitionSpec) {
    let (names, group) = (&spec.names, spec.group.as_str());
    let path = field::Path::new("spec");
    let wrong = content::dns1123_subdomain(group);
    match group {
        "" => errors.push(field::Error::required(&path.child("group"), "")),
        _ if !wrong.is_empty() => {
            errors.push(field::Error::invalid(&path.child("group"), group, wrong.join(",")));
        }
        _ if !group.contains('.') => {
            let why = "should be a domain with at least one dot";
            errors.push(field::Error::invalid(&path.child("group"), group, why));
        }
        _ => {}
    }
    validate::choice(errors, &path.child("scope"), Some(&spec.scope), &["Cluster", "Namespaced"]);
    validate_versions(errors, &path, &spec.versions);
    // The first version has a place of its own, from before there were several.
    if let Some(first) = spec.versions.first().filter(|first| !first.name.is_empty()) {
        let wrong = content::dns1035_label(&first.name);
        if !wrong.is_empty() {
            errors.push(field::Error::invalid(&path.child("version"), &first.name, wrong.join(",")));
        }
    }
    validate_names(errors, &path.child("names"), names, true);
    let mut shared = json!(spec.versions.first());
    if let Some(shared) = shared.as_object_mut() {
        let hoisted = hoisted(&spec.versions);
        shared.retain(|name, _| hoisted.contains(&name.as_str()));
    }
    validate_version(errors, &path, "validation", &shared);
    if let Some(given) = &spec.conversion {
        conversion(errors, &path.child("conversion"), given);
    }
}

/// `ValidateCustomResourceDefinitionStoredVersions`: what objects may be stored as must go on to be known.
fn stored_versions(errors: &mut Errors, definition: &CustomResourceDefinition) {
    let path = field::Path::new("status").child("storedVersions");
    let stored = definition.status.as_ref().and_then(|status| status.stored_versions.as_deref()).unwrap_or_default();
    for (index, name) in stored.iter().enumerate() {
        if !definition.spec.versions.iter().any(|version| version.name == *name) {
            let why = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
                 until a storage migration ensures no data remains persisted in {name} and removes {name} from \
                 status.storedVersions"
            );
            errors.push(field::Error::invalid(&path.index(index), name, why));
        }
    }
}

/// `validateCustomResourceConversion`. That a webhook can be reached is not judged.
fn conversion(errors: &mut Errors, path: &field::Path, given: &CustomResourceConversion) {
    validate::choice(errors, &path.child("strategy"), Some(&given.strategy), &["None", "Webhook"]);
    let client = given.webhook.as_ref().and_then(|webhook| webhook.client_config.as_ref());
    let (at, versions) = (path.child("webhookClientConfig"), path.child("conversionReviewVersions"));
    let none = given.webhook.as_ref().is_none_or(|webhook| webhook.conversion_review_versions.is_empty());
    if given.strategy == "Webhook" {
        match client {
            None => errors.push(field::Error::required(&at, "required when strategy is set to Webhook")),
            Some(client) if client.url.is_none() == client.service.is_none() => {
                errors.push(field::Error::required(&at, "exactly one of url or service is required"));
            }
            Some(_) => {}
        }
        if none {
            errors.push(field::Error::required(&versions, ""));
        }
        return;
    }
    let why = "should not be set when strategy is not set to Webhook";
    if client.is_some() {
        errors.push(field::Error::forbidden(&at, why));
    }
    if !none {
        errors.push(field::Error::forbidden(&versions, why));
    }
}

/// Every version has a name and a structural schema, and one of them is stored.
fn validate_versions(errors: &mut Errors, path: &field::Path, versions: &[CustomResourceDefinitionVersion]) {
    let has_none = |version: &CustomResourceDefinitionVersion| {
        version.schema.as_ref().is_none_or(|schema| schema.open_api_v3_schema.is_none())
    };
    for (at, _) in versions.iter().enumerate().filter(|(_, version)| has_none(version)) {
        let path = path.child("versions").index(at).child("schema").child("openAPIV3Schema");
        errors.push(field::Error::required(&path, ""));
    }
    let hoisted = hoisted(versions);
    for (at, version) in versions.iter().enumerate() {
        let path = path.child("versions").index(at);
        let wrong = content::dns1035_label(&version.name);
        if !wrong.is_empty() {
            errors.push(field::Error::invalid(&path.child("name"), &version.name, wrong.join(",")));
        }
        let mut own = json!(version);
        if let Some(own) = own.as_object_mut() {
            own.retain(|name, _| !hoisted.contains(&name.as_str()));
        }
        deprecation(errors, &path.child("deprecationWarning"), version);
        validate_version(errors, &path, "schema", &own);
    }
    let names: BTreeSet<&str> = versions.iter().map(|version| version.name.as_str()).collect();
    let own = |version: &CustomResourceDefinitionVersion| {
        let mut own = json!(version);
        own.as_object_mut().into_iter().for_each(|own| own.retain(|name, _| !hoisted.contains(&name.as_str())));
        internal::dump("CustomResourceDefinitionVersion", &own)
    };
    let shown = || format!("[{}]", versions.iter().map(own).collect::<Vec<_>>().join(","));
    let at = path.child("versions");
    if names.len() < versions.len() {
        errors.push(field::Error::invalid_shown(&at, shown(), "must contain unique version names"));
    }
    if versions.iter().filter(|version| version.storage).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        errors.push(field::Error::invalid_shown(&at, shown(), why));
    }
}

/// What all versions share belongs to the definition as a whole.
const SHARED: &[&str] = &["schema", "subresources", "additionalPrinterColumns", "selectableFields"];

/// The fields that all versions have alike.
fn hoisted(versions: &[CustomResourceDefinitionVersion]) -> Vec<&'static str> {
    let all: Vec<Value> = versions.iter().map(|version| json!(version)).collect();
    let alike =
        |name: &&&str| all.iter().all(|version| version.get(**name) == all.first().and_then(|one| one.get(**name)));
    SHARED.iter().filter(alike).copied().collect()
}

/// `validateCustomResourceDefinitionVersion`, of one version or of what they share.
fn validate_version(errors: &mut Errors, path: &field::Path, of_schema: &str, version: &Value) {
    let found = version.get("schema").and_then(|schema| schema.get("openAPIV3Schema"));
    if let Some(found) = found {
        let at = path.child(of_schema).child("openAPIV3Schema");
        let has_status = version.get("subresources").is_some_and(|all| all.get("status").is_some());
        let kind = found.get("type").and_then(Value::as_str).unwrap_or_default();
        if has_status && !kind.is_empty() && kind != "object" {
            let why =
                "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
            errors.push(field::Error::invalid(&at.child("type"), kind, why));
        }
        let mut structure = invariants::validate(&at, found);
        structure.extend(schema::nested(&at, found));
        structure.sort_by_cached_key(ToString::to_string);
        structure.dedup();
        if structure.is_empty() {
            structure = super::custom::defaults(&at, found);
        }
        structure.extend(schema::validate(&at, found));
        // The rules of a schema are looked at when all else of it is right.
        if structure.is_empty() {
            structure = validate_rules(&at, found);
        }
        errors.extend(structure);
    }
    schema::shown(errors, path, version);
    schema::selectable(errors, path, version, found);
}

/// `validateDeprecationWarning`
fn deprecation(errors: &mut Errors, path: &field::Path, version: &CustomResourceDefinitionVersion) {
    let Some(text) = version.deprecation_warning.as_deref() else { return };
    let wrong = match (version.deprecated == Some(true), text) {
        (false, _) => "can only be set for deprecated versions",
        (true, "") => "must not be an empty string",
        (true, text) if text.len() > 256 => "must be <= 256 characters long",
        _ => return,
    };
    errors.push(field::Error::invalid(path, text, wrong));
}

/// `ValidateCustomResourceDefinitionNames`
fn validate_names(errors: &mut Errors, path: &field::Path, names: &CustomResourceDefinitionNames, required: bool) {
    let singular = names.singular.as_deref().unwrap_or_default();
    let listed = names.list_kind.as_deref().unwrap_or_default();
    let all = [
        ("plural", names.plural.as_str()),
        ("singular", singular),
        ("kind", names.kind.as_str()),
        ("listKind", listed),
    ];
    for (field, _) in all.iter().filter(|(_, name)| required && name.is_empty()) {
        errors.push(field::Error::required(&path.child(field), ""));
    }
    for (field, name) in all.into_iter().filter(|(_, name)| !name.is_empty()) {
        let mixed = matches!(field, "kind" | "listKind");
        let wrong = content::dns1035_label(&if mixed { name.to_lowercase() } else { name.to_owned() });
        if !wrong.is_empty() {
            let but = if mixed { "may have mixed case, but should otherwise match: " } else { "" };
            errors.push(field::Error::invalid(&path.child(field), name, format!("{but}{}", wrong.join(","))));
        }
    }
    for (field, list) in [("shortNames", &names.short_names), ("categories", &names.categories)] {
        for (at, name) in list.iter().flatten().enumerate() {
            let wrong = content::dns1035_label(name);
            if !wrong.is_empty() {
                errors.push(field::Error::invalid(&path.child(field).index(at), name, wrong.join(",")));
            }
        }
        // Upstream says it between the two.
        if field == "shortNames" && !listed.is_empty() && names.kind == listed {
            errors.push(field::Error::invalid(
                &path.child("listKind"),
                listed,
                "kind and listKind may not be the same",
            ));
        }
    }
}
