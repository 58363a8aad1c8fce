//! What the server has: resources, short names, kinds, categories. Learnt from the server's answers alone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/restmapper and discovery.

use serde_json::Value;

use super::failure::Failure;
use super::program::Context;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// One resource as the server offers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The plural name that stands in paths.
    pub plural: String,
    /// The singular name.
    pub singular: String,
    /// The kind of its objects.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What may be done with it.
    pub verbs: Vec<String>,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories such as `all`.
    pub categories: Vec<String>,
    /// Names of subresources, such as `scale`.
    pub subresources: Vec<String>,
}

impl Resource {
    /// `apps/v1` or `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `jobs.batch` or `pods`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `job.batch` or `pod`: the kind in lower case with the group, as names are printed.
    pub fn printed_kind(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// The path of the collection; `namespace` is ignored where there are none, and empty for all.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// The path of one object.
    pub fn item(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }

    /// Whether the server lets that be done with it.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// Everything the server has, groups in the server's order, preferred versions first.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// All resources.
    pub resources: Vec<Resource>,
    /// `group/version` of everything served, in the server's order.
    pub versions: Vec<String>,
}

/// Asks the server what it has.
///
/// # Errors
/// A server that cannot be reached or refuses.
pub fn discover(cx: &mut Context<'_>) -> Result<Discovery, Failure> {
    let mut found = Discovery::default();
    for path in ["/api", "/apis"] {
        let answer =
            cx.json(Request::new(Method::Get, path).with_query("timeout", "32s").with_header("Accept", AGGREGATED))?;
        if answer.get("kind").and_then(Value::as_str) == Some("APIGroupDiscoveryList") {
            aggregated(&answer, &mut found);
        } else {
            plain(cx, path, &answer, &mut found)?;
        }
    }
    Ok(found)
}

impl Context<'_> {
    /// The resource behind a word, with a warning when a short name could mean another one as well.
    ///
    /// # Errors
    /// As [`Discovery::resolve`].
    pub fn resource(&mut self, word: &str) -> Result<Resource, Failure> {
        let discovery = self.discovery()?;
        let found = discovery.resolve(word)?;
        for other in discovery.also(word, found) {
            self.caution(format!("short name {} could also match lower priority resource {other}", quote(word)));
        }
        Ok(found.clone())
    }
}

fn str_of(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or("").to_owned()
}

fn strings(value: &Value, name: &str) -> Vec<String> {
    let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn aggregated(answer: &Value, found: &mut Discovery) {
    for item in list(answer, "items") {
        let group = item.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
        for version in list(item, "versions") {
            let version_name = str_of(version, "version");
            found.versions.push(if group.is_empty() {
                version_name.clone()
            } else {
                format!("{group}/{version_name}")
            });
            for resource in list(version, "resources") {
                found.resources.push(Resource {
                    group: group.clone(),
                    version: version_name.clone(),
                    plural: str_of(resource, "resource"),
                    singular: str_of(resource, "singularResource"),
                    kind: resource.pointer("/responseKind/kind").and_then(Value::as_str).unwrap_or("").to_owned(),
                    namespaced: str_of(resource, "scope") == "Namespaced",
                    verbs: strings(resource, "verbs"),
                    short_names: strings(resource, "shortNames"),
                    categories: strings(resource, "categories"),
                    subresources: list(resource, "subresources").iter().map(|sub| str_of(sub, "subresource")).collect(),
                });
            }
        }
    }
}

/// The discovery of servers that do not aggregate: one document a group version.
fn plain(cx: &mut Context<'_>, path: &str, answer: &Value, found: &mut Discovery) -> Result<(), Failure> {
    let versions: Vec<String> = if path == "/api" {
        strings(answer, "versions")
    } else {
        list(answer, "groups")
            .iter()
            .flat_map(|group| list(group, "versions").iter().map(|version| str_of(version, "groupVersion")))
            .collect()
    };
    for group_version in versions {
        let document = cx.get(&format!("{path}/{group_version}"))?;
        let (group, version) = group_version.split_once('/').unwrap_or(("", &group_version));
        found.versions.push(group_version.clone());
        let resources = list(&document, "resources");
        for resource in resources.iter().filter(|resource| !str_of(resource, "name").contains('/')) {
            let plural = str_of(resource, "name");
            let prefix = format!("{plural}/");
            found.resources.push(Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                singular: str_of(resource, "singularName"),
                kind: str_of(resource, "kind"),
                namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
                verbs: strings(resource, "verbs"),
                short_names: strings(resource, "shortNames"),
                categories: strings(resource, "categories"),
                subresources: resources
                    .iter()
                    .filter_map(|sub| str_of(sub, "name").strip_prefix(&prefix).map(str::to_owned))
                    .collect(),
                plural,
            });
        }
    }
    Ok(())
}

impl Discovery {
    /// The resource behind a word of the command line: plural, singular, short name or kind, perhaps with `.group` or
    /// `.version.group`.
    ///
    /// # Errors
    /// `the server doesn't have a resource type "x"`.
    pub fn resolve(&self, word: &str) -> Result<&Resource, Failure> {
        let mut parts = word.splitn(3, '.');
        let (first, second, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        if let (Some(version), Some(group)) = (second, third)
            && let Some(found) = self.find(first, |resource| resource.version == version && resource.group == group)
        {
            return Ok(found);
        }
        let (name, group) = word.split_once('.').unwrap_or((word, ""));
        let found = if group.is_empty() {
            self.find(name, |_| true)
        } else {
            self.find(name, |resource| resource.group == group)
                .or_else(|| self.find(name, |resource| resource.group.starts_with(group)))
        };
        found.ok_or_else(|| Failure::msg(format!("the server doesn't have a resource type {}", quote(name))))
    }

    /// Other resources that have this word as their short name.
    fn also(&self, word: &str, found: &Resource) -> Vec<String> {
        let short = |one: &&Resource| one.short_names.iter().any(|short| short == word);
        if !short(&found) || found.plural == word || found.singular == word {
            return Vec::new();
        }
        let mut names: Vec<String> = self.resources.iter().filter(short).map(Resource::qualified).collect();
        names.retain(|name| *name != found.qualified());
        names.dedup();
        names
    }

    fn find(&self, name: &str, fits: impl Fn(&Resource) -> bool) -> Option<&Resource> {
        let lower = name.to_lowercase();
        let by = |matches: &dyn Fn(&Resource) -> bool| self.resources.iter().find(|one| fits(one) && matches(one));
        by(&|one| one.plural == lower || one.singular == lower)
            .or_else(|| by(&|one| one.short_names.iter().any(|short| short == name)))
            .or_else(|| by(&|one| one.kind == name || one.kind.to_lowercase() == lower))
    }

    /// The resource of a kind in a version, as an object names it.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.resources.iter().find(|one| {
            one.group == group && one.version == version && (one.kind == kind || one.kind.to_lowercase() == kind)
        })
    }

    /// The preferred resource of a group and kind.
    pub fn of_group_kind(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.resources.iter().find(|one| one.group == group && one.kind == kind)
    }

    /// The preferred version of each resource, in the server's order.
    pub fn preferred(&self) -> Vec<&Resource> {
        let mut seen = std::collections::BTreeSet::new();
        self.resources.iter().filter(|one| seen.insert((one.group.as_str(), one.plural.as_str()))).collect()
    }

    /// The names of a category's resources, `None` when the word is no category.
    pub fn category(&self, word: &str) -> Option<Vec<String>> {
        let names: Vec<String> = self
            .preferred()
            .into_iter()
            .filter(|one| one.categories.iter().any(|category| category == word))
            .map(Resource::qualified)
            .collect();
        if names.is_empty() { None } else { Some(names) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn discovery() -> Discovery {
        let mut found = Discovery::default();
        let resource = |name: &str, singular: &str, kind: &str, short: &[&str], all: &[&str]| {
            json!({"resource": name, "singularResource": singular, "responseKind": {"kind": kind}, "scope": "Namespaced",
                   "verbs": ["get", "list"], "shortNames": short, "categories": all})
        };
        aggregated(
            &json!({"items": [
                {"metadata": {}, "versions": [{"version": "v1", "resources": [
                    resource("pods", "pod", "Pod", &["po"], &["all"]), resource("events", "event", "Event", &["ev"], &[])]}]},
                {"metadata": {"name": "events.k8s.io"}, "versions": [{"version": "v1", "resources": [
                    resource("events", "event", "Event", &["ev"], &[])]}]},
                {"metadata": {"name": "batch"}, "versions": [{"version": "v1", "resources": [
                    resource("jobs", "job", "Job", &[], &["all"])]}]}]}),
            &mut found,
        );
        found
    }

    #[test]
    fn a_word_finds_its_resource_in_every_spelling() {
        let found = discovery();
        for word in ["jobs", "job", "Job", "JOB", "jobs.batch", "jobs.v1.batch", "Job.v1.batch", "jobs.ba"] {
            assert_eq!(found.resolve(word).unwrap().kind, "Job", "{word}");
        }
        assert_eq!(found.resolve("ev").unwrap().group, "");
        let events = found.resolve("ev").unwrap();
        assert_eq!(found.also("ev", events), ["events.events.k8s.io"]);
        assert!(found.also("events", events).is_empty());
        assert_eq!(found.resolve("events.events.k8s.io").unwrap().group, "events.k8s.io");
        for (word, named) in [("pods.v1", "pods"), ("jobs.v2.batch", "jobs"), ("nosuch", "nosuch")] {
            let error = found.resolve(word).unwrap_err();
            assert_eq!(error.text(), format!("the server doesn't have a resource type \"{named}\""));
        }
    }

    #[test]
    fn a_category_stands_for_its_resources() {
        assert_eq!(discovery().category("all").unwrap(), ["pods", "jobs.batch"]);
        assert_eq!(discovery().category("nosuch"), None);
    }
}
