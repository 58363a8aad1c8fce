//! `kubectl apply --prune --applyset`: a parent object remembers which kinds and namespaces its members have, and what is
//! labelled as a member and no longer applied goes.
//!
//! Behind the gate `KUBECTL_APPLYSET=true`, as upstream's alpha is. Models Kubernetes 1.36
//! staging/src/k8s.io/kubectl/pkg/cmd/apply/applyset.go and applyset_pruner.go.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::prune;
use crate::kubectl::apply::with_kind;
use crate::kubectl::builder::Target;
use crate::kubectl::client::VERSION;
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::Context;
use crate::kubectl::writing::{self, DryRun, klog};
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

/// The environment variable that has to be `true`.
pub const GATE: &str = "KUBECTL_APPLYSET";

const TOOLING: &str = "applyset.kubernetes.io/tooling";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const RESOURCES: &str = "applyset.kubernetes.io/contains-group-resources";
const ID: &str = "applyset.kubernetes.io/id";
const PART_OF: &str = "applyset.kubernetes.io/part-of";
const PARENT_TYPE: &str = "applyset.kubernetes.io/is-parent-type";
const MANAGER: &str = "kubectl-applyset";

/// A set of objects and the object that stands for it.
#[derive(Clone, Debug)]
pub struct ApplySet {
    parent: Resource,
    namespace: String,
    name: String,
    /// The kinds that members had before, by `Kind.group`.
    before: BTreeMap<String, Resource>,
    namespaces_before: BTreeSet<String>,
    now: BTreeMap<String, Resource>,
    namespaces_now: BTreeSet<String>,
}

/// `/v1, Resource=secrets`, as Go prints a resource with its version.
fn gvr(resource: &Resource) -> String {
    format!("{}/{}, Resource={}", resource.group, resource.version, resource.plural)
}

fn group_kind(resource: &Resource) -> String {
    if resource.group.is_empty() { resource.kind.clone() } else { format!("{}.{}", resource.kind, resource.group) }
}

impl ApplySet {
    /// The set that `--applyset` names; `None` without it.
    ///
    /// # Errors
    /// A parent of a type that the server does not have.
    pub fn of(cx: &mut Context<'_>) -> Result<Option<ApplySet>, Failure> {
        let text = cx.session.flags.text("applyset").to_owned();
        if text.is_empty() {
            return Ok(None);
        }
        let (word, name) = text.split_once('/').unwrap_or(("secrets", &text));
        let refused = |why: &str| Failure::msg(format!("invalid parent reference {}: {why}", quote(&text)));
        if name.is_empty() {
            return Err(refused("name cannot be blank"));
        }
        let parent = cx.discovery()?.resolve(word).cloned().map_err(|_| {
            let (plural, group) = word.split_once('.').unwrap_or((word, ""));
            refused(&format!("no matches for {group}/, Resource={plural}"))
        })?;
        let forced = cx.config()?.namespace_forced && parent.namespaced;
        let namespace = if forced { cx.namespace()? } else { String::new() };
        let name = name.to_owned();
        Ok(Some(ApplySet {
            parent,
            namespace,
            name,
            before: BTreeMap::new(),
            namespaces_before: BTreeSet::new(),
            now: BTreeMap::new(),
            namespaces_now: BTreeSet::new(),
        }))
    }

    /// Refuses a parent that cannot be one, and flags that do not go with a set.
    ///
    /// # Errors
    /// kubectl's sentences about it.
    pub fn check(&self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let flags = cx.session.flags.clone();
        if !flags.on("prune") {
            return Err(Failure::msg("--applyset requires --prune"));
        }
        let mut failures = Vec::new();
        if self.parent.namespaced && self.namespace.is_empty() {
            failures.push(Failure::msg("namespace is required to use namespace-scoped ApplySet"));
        }
        let parent = &self.parent;
        if !(parent.group.is_empty() && matches!(parent.plural.as_str(), "secrets" | "configmaps")) {
            let request = Request::new(Method::Get, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
                .with_header("Accept", "application/json")
                .with_query("labelSelector", PARENT_TYPE);
            let list = cx.json(request)?;
            let allowed =
                list_at(&list, "/items").iter().any(|one| str_at(one, "/metadata/name") == parent.qualified());
            if !allowed {
                let what = quote(&gvr(parent));
                failures.push(Failure::msg(format!("resource {what} is not permitted as an ApplySet parent")));
            }
        }
        match failures.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            _ => return Err(Failure::Many(failures)),
        }
        let why = if flags.on("force") {
            "--force cannot be used with --prune"
        } else if flags.on("all") {
            "--all is incompatible with --applyset"
        } else if !flags.text("selector").is_empty() {
            "--selector is incompatible with --applyset"
        } else if !flags.list("prune-allowlist").is_empty() {
            "--prune-allowlist is incompatible with --applyset"
        } else {
            return Ok(());
        };
        Err(Failure::msg(why))
    }

    /// The value of the labels of the parent and its members.
    fn id(&self) -> String {
        let place = [&self.name, &self.namespace, &self.parent.kind, &self.parent.group].map(String::as_str).join(".");
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(Sha256::digest(place.as_bytes())))
    }

    /// `secrets./name`
    fn title(&self) -> String {
        quote(&format!("{}.{}/{}", self.parent.plural, self.parent.group, self.name))
    }

    /// Labels what will be applied as members, and has the parent know their kinds before any of them is there.
    ///
    /// # Errors
    /// A parent that belongs to another tool, or the server's.
    pub fn begin(&mut self, cx: &mut Context<'_>, targets: &mut [Target], dry_run: DryRun) -> Result<(), Failure> {
        let id = self.id();
        for target in targets.iter_mut() {
            let Some(metadata) = target.object.as_mut().and_then(writing::metadata_mut) else { continue };
            let labels = metadata.entry("labels").or_insert_with(|| json!({}));
            if labels.is_null() {
                *labels = json!({});
            }
            let Some(labels) = labels.as_object_mut() else { continue };
            if labels.contains_key(PART_OF) {
                return Err(Failure::msg(format!("ApplySet label {} already set in input data", quote(PART_OF))));
            }
            labels.insert(PART_OF.to_owned(), json!(id));
        }
        self.fetch(cx)?;
        for target in targets.iter() {
            self.now.insert(group_kind(&target.resource), target.resource.clone());
            if !target.namespace.is_empty() {
                self.namespaces_now.insert(target.namespace.clone());
            }
        }
        let kinds = self.before.keys().chain(self.now.keys()).cloned().collect();
        let namespaces = self.namespaces_before.union(&self.namespaces_now).cloned().collect();
        self.update(cx, kinds, namespaces, dry_run)
    }

    /// Reads what the parent knows of the set.
    fn fetch(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let title = self.title();
        let builtin = self.parent.group.is_empty() && matches!(self.parent.plural.as_str(), "secrets" | "configmaps");
        let object = match cx.get(&self.parent.item(&self.namespace, &self.name)) {
            Ok(object) => object,
            Err(failure) if failure.is_not_found() && builtin => return Ok(()),
            Err(failure) if failure.is_not_found() => {
                return Err(Failure::msg("custom resource ApplySet parents cannot be created automatically"));
            }
            Err(failure) => {
                return Err(failure.context(&format!("failed to fetch ApplySet parent object {title}: ")));
            }
        };
        let of = |map: &str, name: &str| object.pointer(map)?.get(name)?.as_str().map(str::to_owned);
        let annotation = |name: &str| of("/metadata/annotations", name);
        let Some(tooling) = annotation(TOOLING) else {
            let tooling = quote(TOOLING);
            return Err(Failure::msg(format!(
                "ApplySet parent object {title} already exists and is missing required annotation {tooling}"
            )));
        };
        let tool = tooling.rsplit_once('/').map_or(tooling.as_str(), |(tool, _)| tool);
        if tool != "kubectl" {
            let tool = quote(tool);
            return Err(Failure::msg(format!(
                "ApplySet parent object {title} already exists and is managed by tooling {tool} instead of \"kubectl\""
            )));
        }
        match of("/metadata/labels", ID) {
            None => {
                return Err(Failure::msg(format!(
                    "ApplySet parent object {title} exists and does not have required label {ID}"
                )));
            }
            Some(id) if id != self.id() => {
                return Err(Failure::msg(format!(
                    "ApplySet parent object {title} exists and has incorrect value for label {} (got: {id}, want: {})",
                    quote(ID),
                    self.id()
                )));
            }
            Some(_) => {}
        }
        let parsing = |why: String| Failure::msg(format!("parsing ApplySet annotation on {title}: {why}"));
        let discovery = cx.discovery()?;
        match (annotation(KINDS), annotation(RESOURCES).filter(|text| !text.is_empty())) {
            (Some(kinds), _) => {
                for text in kinds.split(',').filter(|_| !kinds.is_empty()) {
                    let (kind, group) = text.split_once('.').unwrap_or((text, ""));
                    let found = discovery.of_group_kind(group, kind).ok_or_else(|| {
                        parsing(format!(
                            "could not find mapping for kind in {} annotation: no matches for kind {} in group {}",
                            quote(KINDS),
                            quote(kind),
                            quote(group)
                        ))
                    })?;
                    self.before.insert(text.to_owned(), found.clone());
                }
            }
            (None, Some(resources)) => {
                for text in resources.split(',') {
                    let found = discovery.resolve(text).map_err(|_| {
                        let (plural, group) = text.split_once('.').unwrap_or((text, ""));
                        parsing(format!(
                            "invalid group resource in {} annotation: no matches for {group}/, Resource={plural}",
                            quote(RESOURCES)
                        ))
                    })?;
                    self.before.insert(group_kind(found), found.clone());
                }
            }
            (None, None) => {
                return Err(parsing(format!(
                    "kubectl requires the {} annotation to be set on all ApplySet parent objects",
                    quote(KINDS)
                )));
            }
        }
        let namespaces = annotation(NAMESPACES).unwrap_or_default();
        self.namespaces_before.extend(namespaces.split(',').filter(|one| !one.is_empty()).map(str::to_owned));
        if self.parent.namespaced {
            self.namespaces_before.insert(self.namespace.clone());
        }
        Ok(())
    }

    /// Writes what the parent knows.
    fn update(
        &self,
        cx: &mut Context<'_>,
        kinds: BTreeSet<String>,
        mut namespaces: BTreeSet<String>,
        dry_run: DryRun,
    ) -> Result<(), Failure> {
        if dry_run == DryRun::Client {
            return Ok(());
        }
        namespaces.remove(&self.namespace);
        let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(",");
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(self.name));
        if !self.namespace.is_empty() {
            metadata.insert("namespace".to_owned(), json!(self.namespace));
        }
        metadata.insert("labels".to_owned(), json!({ID: self.id()}));
        let annotations =
            json!({TOOLING: format!("kubectl/{VERSION}"), KINDS: list(kinds), NAMESPACES: list(namespaces)});
        metadata.insert("annotations".to_owned(), annotations);
        let patch = json!({"kind": self.parent.kind, "apiVersion": self.parent.api_version(), "metadata": metadata});
        let path = self.parent.item(&self.namespace, &self.name);
        let mut failed = None;
        for force in ["false", "true"] {
            let validation = writing::validation(&cx.session.flags)?;
            let mut query = writing::query(dry_run, MANAGER, validation);
            query.push(("force".to_owned(), force.to_owned()));
            match cx.patch(&path, "apply", &query, patch.to_string().as_bytes()) {
                Ok(_) => return Ok(()),
                Err(failure) if failure.reason() == "Conflict" && force == "false" => {
                    let text = format!(
                        "WARNING: failed to update ApplySet: {}\nApplySet field manager {MANAGER} should own these fields. Retrying with conflicts forced.",
                        failure.text()
                    );
                    let line = klog('W', cx.system.now(), "applyset.go:475", &text);
                    cx.out.err_line(&line);
                    failed = Some(failure);
                }
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        match failed {
            Some(failure) => Err(failure.context("failed to update ApplySet: ")),
            None => Ok(()),
        }
    }

    /// Deletes the members that were not applied now, and has the parent forget their kinds.
    ///
    /// # Errors
    /// The server's; what has gone until then is told in `gone`.
    pub fn prune(
        &self,
        cx: &mut Context<'_>,
        applied: &BTreeSet<String>,
        dry_run: DryRun,
        gone: &mut Vec<(Resource, Value)>,
    ) -> Result<(), Failure> {
        let selector = format!("{PART_OF}={}", self.id());
        let mut found = Vec::new();
        let everywhere = BTreeSet::from([String::new()]);
        for kind in self.before.values() {
            for namespace in if kind.namespaced { &self.namespaces_before } else { &everywhere } {
                let request = Request::new(Method::Get, kind.path(namespace))
                    .with_header("Accept", "application/json")
                    .with_query("labelSelector", &selector);
                let list = cx.json(request).map_err(|failure| {
                    let place = format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind);
                    failure.context(&format!("listing {place} objects for pruning: "))
                })?;
                let left = |object: &&Value| !applied.contains(str_at(object, "/metadata/uid"));
                found.extend(
                    list_at(&list, "/items").iter().filter(left).map(|object| (kind, namespace, object.clone())),
                );
            }
        }
        for (kind, namespace, object) in found {
            let name = str_at(&object, "/metadata/name");
            prune::delete(cx, kind, namespace, name, dry_run).map_err(|failure| {
                let place = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
                failure.context(&format!("pruning {} {place}: ", group_kind(kind)))
            })?;
            gone.push((kind.clone(), with_kind(kind, &object)));
        }
        let namespaces = self.namespaces_now.clone();
        self.update(cx, self.now.keys().cloned().collect(), namespaces, dry_run)
            .map_err(|failure| failure.context("apply and prune succeeded, but ApplySet update failed: "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_a_hash_of_the_parents_place() {
        let set = ApplySet {
            parent: Resource { kind: "Secret".to_owned(), namespaced: true, ..Resource::default() },
            namespace: "my-ns".to_owned(),
            name: "my-set".to_owned(),
            before: BTreeMap::new(),
            namespaces_before: BTreeSet::new(),
            now: BTreeMap::new(),
            namespaces_now: BTreeSet::new(),
        };
        assert!(set.id().starts_with("applyset-") && set.id().ends_with("-v1") && set.id().len() == 9 + 43 + 3);
        assert_ne!(set.id(), ApplySet { name: "other".to_owned(), ..set.clone() }.id());
    }
}
