//! CustomResourceDefinitions at work: their names are accepted, their kinds served, their objects go with them.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,finalizer} and
//! pkg/controlplane/controller/crdregistration. What
//! upstream's controllers do a moment after a write is done with it here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionNames,
};

use super::{ApiServer, Caller, DeleteOptions, Propagation, managed_fields};
use crate::api::custom::{CustomKind, kinds_of};
use crate::api::{self, KindOps, KindRef, api_service};
use crate::apimachinery::{Kind, Object, meta};
use crate::storage::Stored;

/// Keeps a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

impl ApiServer {
    /// The kind kept under a resource, built in or defined.
    pub(super) fn kind(&self, resource: &str) -> Option<KindRef> {
        api::by_resource(resource).map(KindRef::Known).or_else(|| {
            self.customs.iter().find(|kind| kind.names().resource == resource).cloned().map(KindRef::Custom)
        })
    }

    /// Every kind and version that has a path.
    pub(super) fn served(&self) -> Vec<KindRef> {
        let customs = self.customs.iter().cloned().map(KindRef::Custom);
        api::served().map(KindRef::Known).chain(customs).collect()
    }

    /// The resources of custom kinds, and whether they live in namespaces.
    pub fn custom_resources(&self) -> Vec<(&'static str, bool)> {
        let mut all: Vec<(&'static str, bool)> =
            self.customs.iter().map(|kind| (kind.names().resource, kind.names().namespaced)).collect();
        all.dedup();
        all
    }

    /// Whether objects of this kind can be asked for.
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        let custom = |one: &Arc<CustomKind>| one.names().kind == kind && one.names().api_version() == api_version;
        api::by_kind(api_version, kind).is_some() || self.customs.iter().any(custom)
    }

    /// Whether objects of a kind are in namespaces.
    pub fn is_namespaced(&self, api_version: &str, kind: &str) -> bool {
        let custom = |one: &&Arc<CustomKind>| one.names().kind == kind && one.names().api_version() == api_version;
        match api::by_kind(api_version, kind) {
            Some(known) => known.info().namespaced,
            None => self.customs.iter().find(custom).is_some_and(|one| one.names().namespaced),
        }
    }

    /// After a write of a definition: accepts its names, says so, and serves what is established.
    pub(super) fn follow_definition(&mut self, stored: Stored) -> Stored {
        let Some(definition) = stored.object.as_any().downcast_ref::<CustomResourceDefinition>() else { return stored };
        let mut settled = definition.clone();
        self.accept(&mut settled);
        let outcome = if settled == *definition {
            stored
        } else {
            let Some(ops) = self.kind(CustomResourceDefinition::RESOURCE) else { return stored };
            let caller = Caller::component("system:kube-apiserver");
            let by = managed_fields::writer(&caller, "status", self.now);
            let origin = managed_fields::updated(&*ops, &stored, by);
            self.store.put(Box::new(settled), origin, &caller.user)
        };
        self.serve_definitions();
        outcome
    }

    /// Serves the versions of every established definition.
    pub(super) fn serve_definitions(&mut self) {
        let established = |definition: &CustomResourceDefinition| {
            let status = definition.status.as_ref();
            let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
            conditions.filter(|one| one.type_ == "Established").any(|one| one.status == "True")
        };
        let definitions = self.list::<CustomResourceDefinition>(None).filter(|one| established(one));
        let kinds: Vec<Arc<CustomKind>> = definitions.flat_map(|definition| kinds_of(&definition)).collect();
        self.customs = kinds;
        self.register_definitions();
    }

    /// Keeps an APIService for each version of a defined group, and none for those that are gone.
    fn register_definitions(&mut self) {
        let resource = api_service::API_SERVICE.info().resource;
        let wanted: BTreeMap<String, (&'static str, &'static str)> = self
            .customs
            .iter()
            .map(|kind| (kind.names().group, kind.names().version))
            .map(|(group, version)| (format!("{version}.{group}"), (group, version)))
            .collect();
        let ours = |object: &Arc<dyn Object>| {
            let labels = object.meta().labels.as_ref();
            labels.and_then(|labels| labels.get(api_service::MANAGED)).is_some_and(|managed| managed == "true")
        };
        let held = self.store.list(resource, None).filter(|object| ours(object));
        let gone: Vec<String> =
            held.map(|object| meta::name(object.meta()).to_owned()).filter(|name| !wanted.contains_key(name)).collect();
        let caller = Caller::component("system:kube-apiserver");
        for name in gone {
            // That it is there was seen just now, and nothing holds it.
            let _ = self.delete_object(&caller, resource, "", &name, &DeleteOptions::default());
        }
        for (name, (group, version)) in wanted {
            if self.store.get(resource, "", &name).is_none()
                && let Ok(object) =
                    api_service::API_SERVICE.decode(api_service::local(group, version, (1000, 100), "true"))
            {
                // A group that somebody has claimed with an APIService of his own stays his.
                let _ = self.create_object(&caller, object, false);
            }
        }
    }

    fn accept(&self, definition: &mut CustomResourceDefinition) {
        let now = meta::time(self.now);
        let taken = self.taken_names(definition);
        let wanted = definition.spec.names.clone();
        let conflict = conflict_of(&wanted, &taken);
        let status = definition.status.get_or_insert_default();
        let conditions = status.conditions.get_or_insert_default();
        let mut set = |kind: &str, truth: bool, reason: &str, message: &str| {
            let text = if truth { "True" } else { "False" };
            if let Some(held) = conditions.iter_mut().find(|one| one.type_ == kind) {
                if (&*held.status, held.reason.as_deref()) == (text, Some(reason)) {
                    return;
                }
                held.status = text.to_owned();
                held.reason = Some(reason.to_owned());
                held.message = Some(message.to_owned());
                held.last_transition_time = Some(now.clone());
                return;
            }
            conditions.push(CustomResourceDefinitionCondition {
                type_: kind.to_owned(),
                status: text.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_transition_time: Some(now.clone()),
                ..CustomResourceDefinitionCondition::default()
            });
        };
        match &conflict {
            None => {
                set("NamesAccepted", true, "NoConflicts", "no conflicts found");
                set("Established", true, "InitialNamesAccepted", "the initial names have been accepted");
                status.accepted_names = Some(wanted);
            }
            Some((reason, message)) => {
                set("NamesAccepted", false, reason, message);
                if status.accepted_names.as_ref().is_none_or(|names| names.plural.is_empty()) {
                    let conditions = status.conditions.get_or_insert_default();
                    if !conditions.iter().any(|one| one.type_ == "Established") {
                        conditions.push(CustomResourceDefinitionCondition {
                            type_: "Established".to_owned(),
                            status: "False".to_owned(),
                            reason: Some("NotAccepted".to_owned()),
                            message: Some("not all names are accepted".to_owned()),
                            last_transition_time: Some(now),
                            ..CustomResourceDefinitionCondition::default()
                        });
                    }
                }
            }
        }
    }

    /// The names that other definitions of the group have.
    fn taken_names(&self, definition: &CustomResourceDefinition) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut resources, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        for other in self.list::<CustomResourceDefinition>(None) {
            if other.spec.group != definition.spec.group || other.metadata.name == definition.metadata.name {
                continue;
            }
            let Some(names) = other.status.as_ref().and_then(|status| status.accepted_names.clone()) else { continue };
            resources.insert(names.plural);
            resources.extend(names.singular);
            resources.extend(names.short_names.into_iter().flatten());
            kinds.insert(names.kind);
            kinds.extend(names.list_kind);
        }
        (resources, kinds)
    }

    /// Deletes the objects of a definition that is to go; keeps it while some of them have finalizers.
    pub(super) fn empty_definition(&mut self, caller: &Caller, definition: &mut dyn Object) {
        let Some(of) = definition.as_any().downcast_ref::<CustomResourceDefinition>() else { return };
        let resource = format!("{}.{}", of.spec.names.plural, of.spec.group);
        let objects: Vec<(String, String)> = self
            .store
            .list(&resource, None)
            .map(|object| (meta::namespace(object.meta()).to_owned(), meta::name(object.meta()).to_owned()))
            .collect();
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        for (namespace, name) in &objects {
            // What cannot be deleted stays, and the definition with it.
            let _ = self.delete_object(caller, &resource, namespace, name, &options);
        }
        if self.store.count(&resource) > 0 && !meta::has_finalizer(definition.meta(), CLEANUP) {
            definition.meta_mut().finalizers.get_or_insert_default().push(CLEANUP.to_owned());
        }
    }

    /// After the removal of an object: what waited for it goes too.
    pub(super) fn after_removal(&mut self, resource: &str) {
        if resource == CustomResourceDefinition::RESOURCE {
            self.serve_definitions();
            return;
        }
        if self.store.count(resource) > 0 || !self.customs.iter().any(|kind| kind.names().resource == resource) {
            return;
        }
        let Ok(definition) = self.get::<CustomResourceDefinition>("", resource) else { return };
        if meta::is_deleting(&definition.metadata) {
            let mut free = CustomResourceDefinition::clone(&definition);
            meta::remove_finalizer(&mut free.metadata, CLEANUP);
            // The definition is there, and nothing but its finalizer changes.
            let _ = self.update(&Caller::component("system:kube-apiserver"), free);
        }
    }
}

fn conflict_of(
    names: &CustomResourceDefinitionNames,
    (resources, kinds): &(BTreeSet<String>, BTreeSet<String>),
) -> Option<(&'static str, String)> {
    let taken = |name: &str| format!("{name:?} is already in use");
    if resources.contains(&names.plural) {
        return Some(("PluralConflict", taken(&names.plural)));
    }
    let singular = names.singular.as_deref().unwrap_or_default();
    if resources.contains(singular) {
        return Some(("SingularConflict", taken(singular)));
    }
    if let Some(short) = names.short_names.iter().flatten().find(|short| resources.contains(*short)) {
        return Some(("ShortNamesConflict", taken(short)));
    }
    if kinds.contains(&names.kind) {
        return Some(("KindConflict", taken(&names.kind)));
    }
    let list = names.list_kind.as_deref().unwrap_or_default();
    kinds.contains(list).then(|| ("ListKindConflict", taken(list)))
}
