//! Rules of metadata that hold for every kind: names, labels, annotations, owners, what never changes.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::api::KindInfo;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Object, content};

/// The most bytes that all annotations of an object may have together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Whether new metadata is acceptable.
pub(super) fn validate(info: &KindInfo, meta: &ObjectMeta) -> Vec<Error> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    let check = name_rule(info);
    let invalid = |child: &str, value: &str, why: String| Error::invalid(&path.child(child), value, why);
    if let Some(base) = meta.generate_name.as_deref().filter(|base| !base.is_empty()) {
        // The base may end in a dash, which the suffix turns into a good name.
        let masked = match base.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => {
                // Upstream takes the letter before the dash along.
                let kept: Vec<char> = rest.chars().collect();
                kept.iter().take(kept.len() - 1).chain(&['a']).collect()
            }
            _ => base.to_owned(),
        };
        errors.extend(check(&masked).into_iter().map(|why| invalid("generateName", base, why)));
    }
    match meta.name.as_deref().unwrap_or_default() {
        "" => errors.push(Error::required(&path.child("name"), "name or generateName is required")),
        name => errors.extend(check(name).into_iter().map(|why| invalid("name", name, why))),
    }
    match (info.namespaced, meta.namespace.as_deref().unwrap_or_default()) {
        (true, "") => errors.push(Error::required(&path.child("namespace"), "")),
        (true, name) => {
            errors.extend(content::dns1123_label(name).into_iter().map(|why| invalid("namespace", name, why)));
        }
        (false, "") => {}
        (false, _) => errors.push(Error::forbidden(&path.child("namespace"), "not allowed on this type")),
    }
    for (key, value) in meta.labels.iter().flatten() {
        errors.extend(content::label_key(key).into_iter().map(|why| invalid("labels", key, why)));
        errors.extend(content::label_value(value).into_iter().map(|why| invalid("labels", value, why)));
    }
    let mut size = 0;
    for (key, value) in meta.annotations.iter().flatten() {
        let wrong = content::label_key(&key.to_lowercase());
        errors.extend(wrong.into_iter().map(|why| invalid("annotations", key, why)));
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(Error::too_long(&path.child("annotations"), ANNOTATIONS_LIMIT));
    }
    owners(meta, &path.child("ownerReferences"), &mut errors);
    finalizers(info, meta, &path.child("finalizers"), &mut errors);
    errors
}

/// `ValidateFinalizers`, and for the older groups that a name without a prefix is one of a few.
fn finalizers(info: &KindInfo, meta: &ObjectMeta, path: &Path, errors: &mut Vec<Error>) {
    let held = meta.finalizers.as_deref().unwrap_or_default();
    for finalizer in held {
        let wrong = content::label_key(finalizer);
        errors.extend(wrong.into_iter().map(|why| Error::invalid(path, finalizer, why)));
    }
    if ["orphan", "foregroundDeletion"].iter().all(|name| held.iter().any(|one| one == name)) {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(Error::invalid(path, held, why));
    }
    // Not by group alone: these two leave it to the rules for all.
    let others = matches!(info.kind, "Event" | "Lease");
    let older = !others && OLDER_GROUPS.contains(&info.group);
    for (index, finalizer) in held.iter().enumerate().filter(|_| older) {
        let wrong = content::label_key(finalizer);
        if wrong.is_empty() && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer.as_str()) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(Error::invalid(&path.index(index), finalizer, why));
        } else {
            errors.extend(wrong.into_iter().map(|why| Error::invalid(&path.index(index), finalizer, why)));
        }
    }
}

const OLDER_GROUPS: &[&str] = &[
    "",
    "apps",
    "autoscaling",
    "batch",
    "discovery.k8s.io",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// What is wrong with the finalizers in a namespace's spec.
pub(super) fn of_namespace(object: &dyn Object) -> Vec<Error> {
    let Some(namespace) = object.as_any().downcast_ref::<Namespace>() else { return Vec::new() };
    let (path, mut errors) = (Path::new("spec").child("finalizers"), Vec::new());
    let held = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default();
    for (index, finalizer) in held.iter().enumerate() {
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer.as_str()) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(Error::invalid(&path.index(index), finalizer, why));
        }
    }
    errors
}

const STANDARD_FINALIZERS: &[&str] = &["orphan", "foregroundDeletion", "kubernetes"];

fn owners(meta: &ObjectMeta, path: &Path, errors: &mut Vec<Error>) {
    let mut controller: Option<String> = None;
    for owner in meta.owner_references.iter().flatten() {
        for (field, value, why) in [
            ("apiVersion", &owner.api_version, "version must not be empty"),
            ("kind", &owner.kind, "must not be empty"),
            ("name", &owner.name, "must not be empty"),
            ("uid", &owner.uid, "must not be empty"),
        ] {
            // A version with two slashes is as good as none.
            if value.is_empty() || (field == "apiVersion" && value.matches('/').count() > 1) {
                errors.push(Error::invalid(&path.child(field), value, why));
            }
        }
        if owner.kind == "Event" && owner.api_version == "v1" {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(Error::invalid(path, owner, why));
        }
        if owner.controller == Some(true) {
            let named = format!("{}/{}", owner.kind, owner.name);
            match &controller {
                Some(first) => {
                    let why = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} \
                         and {named}"
                    );
                    errors.push(Error::invalid(path, &meta.owner_references, why));
                }
                None => controller = Some(named),
            }
        }
    }
}

/// Whether a change of metadata is acceptable.
pub(super) fn validate_update(info: &KindInfo, new: &ObjectMeta, old: &ObjectMeta) -> Vec<Error> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    if old.deletion_timestamp.is_some() {
        let before: Vec<&String> = old.finalizers.iter().flatten().collect();
        let added: Vec<String> = new.finalizers.iter().flatten().filter(|one| !before.contains(one)).cloned().collect();
        if !added.is_empty() {
            let shown: Vec<String> = added.iter().map(|one| format!("{one:?}")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                shown.join(", ")
            );
            errors.push(Error::forbidden(&path.child("finalizers"), why));
        }
    }
    for (field, new, old) in
        [("name", &new.name, &old.name), ("namespace", &new.namespace, &old.namespace), ("uid", &new.uid, &old.uid)]
    {
        if new.as_deref().unwrap_or_default() != old.as_deref().unwrap_or_default() {
            let value = new.clone().unwrap_or_default();
            errors.push(Error::invalid(&path.child(field), value, "field is immutable"));
        }
    }
    if new.deletion_timestamp != old.deletion_timestamp {
        let path = path.child("deletionTimestamp");
        errors.push(Error::invalid(&path, &new.deletion_timestamp, "field is immutable"));
    }
    if new.deletion_grace_period_seconds != old.deletion_grace_period_seconds {
        let path = path.child("deletionGracePeriodSeconds");
        errors.push(Error::invalid(&path, new.deletion_grace_period_seconds, "field is immutable"));
    }
    // Names and namespaces were judged at creation; labels and the like may be new. What is as it was has been judged.
    let same = new.labels == old.labels
        && new.annotations == old.annotations
        && new.owner_references == old.owner_references
        && new.finalizers == old.finalizers;
    if same && errors.is_empty() {
        return errors;
    }
    let own = validate(info, new);
    errors.extend(own.into_iter().filter(|error| !error.path.to_string().ends_with("metadata.name")));
    errors
}

/// Forgets owners that are named twice, as the server has done since such requests were let through.
pub(super) fn forget_twins(meta: &mut ObjectMeta, warnings: &mut Vec<String>) {
    let Some(owners) = meta.owner_references.as_mut().filter(|owners| owners.len() > 1) else { return };
    let mut kept: Vec<OwnerReference> = Vec::with_capacity(owners.len());
    let mut twice: Vec<String> = Vec::new();
    for owner in std::mem::take(owners) {
        if kept.contains(&owner) {
            twice.push(owner.uid);
        } else {
            kept.push(owner);
        }
    }
    *owners = kept;
    if !twice.is_empty() {
        twice.sort();
        twice.dedup();
        warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            twice.join(", ")
        ));
    }
}

/// The rule for the names of a kind.
fn name_rule(info: &KindInfo) -> fn(&str) -> Vec<String> {
    match info.resource {
        "namespaces" | "services" | "statefulsets.apps" => content::dns1123_label,
        "poddisruptionbudgets.policy" | "apiservices.apiregistration.k8s.io" => content::path_segment,
        resource if resource.ends_with(".rbac.authorization.k8s.io") => content::path_segment,
        _ => content::dns1123_subdomain,
    }
}
