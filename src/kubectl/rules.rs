//! Rules of roles as people read them: each about one resource and one name, the verbs of equal ones together.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/rbac (`BreakdownRule`, `CompactRules`, `CombineResourceGroup`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::print::list_at;

/// What may be done with one resource or path.
#[derive(Default)]
struct Access {
    verbs: Vec<String>,
    group: Option<String>,
    resource: Option<String>,
    names: Vec<String>,
    urls: Vec<String>,
}

impl Access {
    /// The text that the rows are sorted by: the rule as Go prints it.
    fn sort_key(&self) -> String {
        format!(
            "Verbs:[{}],APIGroups:[{}],Resources:[{}],ResourceNames:[{}],NonResourceURLs:[{}],",
            self.verbs.join(" "),
            self.group.as_deref().unwrap_or_default(),
            self.resource.as_deref().unwrap_or_default(),
            self.names.join(" "),
            self.urls.join(" ")
        )
    }

    fn row(&self) -> String {
        let resource = self.resource.as_deref().unwrap_or_default();
        let (name, sub) = resource.split_once('/').map_or((resource, ""), |(name, sub)| (name, sub));
        let part = |mark: char, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        let group = part('.', self.group.as_deref().unwrap_or_default());
        let list = |texts: &[String]| format!("[{}]", texts.join(" "));
        let sub = part('/', sub);
        format!("{name}{group}{sub}\t{}\t{}\t{}", list(&self.urls), list(&self.names), list(&self.verbs))
    }
}

/// The columns `Resources`, `Non-Resource URLs`, `Resource Names` and `Verbs` of rules, with tabs between them: of the
/// rules about resources, and of those about paths.
pub fn rows(resources: &[Value], paths: &[Value]) -> Vec<String> {
    let texts = |rule: &Value, path: &str| -> Vec<String> {
        list_at(rule, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut all: Vec<Access> = Vec::new();
    for rule in paths {
        for url in texts(rule, "/nonResourceURLs") {
            for verb in texts(rule, "/verbs") {
                all.push(Access { verbs: vec![verb], urls: vec![url.clone()], ..Access::default() });
            }
        }
    }
    let mut places = BTreeMap::new();
    for rule in resources {
        let names: Vec<Option<String>> = match texts(rule, "/resourceNames") {
            names if names.is_empty() => vec![None],
            names => names.into_iter().map(Some).collect(),
        };
        for group in texts(rule, "/apiGroups") {
            for resource in texts(rule, "/resources") {
                for name in &names {
                    let place = *places.entry((group.clone(), resource.clone(), name.clone())).or_insert(all.len());
                    if place == all.len() {
                        let (group, resource) = (Some(group.clone()), Some(resource.clone()));
                        all.push(Access {
                            group,
                            resource,
                            names: name.iter().cloned().collect(),
                            ..Access::default()
                        });
                    }
                    let Some(held) = all.get_mut(place) else { continue };
                    for verb in texts(rule, "/verbs") {
                        if !held.verbs.contains(&verb) {
                            held.verbs.push(verb);
                        }
                    }
                }
            }
        }
    }
    all.sort_by_cached_key(Access::sort_key);
    all.iter().map(Access::row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_taken_apart_by_resource_and_name_and_their_verbs_put_together() {
        let rules = [
            json!({"apiGroups": ["", "apps"], "resources": ["pods/log"], "verbs": ["get"]}),
            json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["list", "get"]}),
            json!({"apiGroups": [""], "resources": ["cm"], "resourceNames": ["a", "b"], "verbs": ["get"]}),
            json!({"nonResourceURLs": ["/healthz"], "verbs": ["get", "post"]}),
        ];
        assert_eq!(
            rows(&rules, &rules),
            [
                "pods/log\t[]\t[]\t[get list]",
                "\t[/healthz]\t[]\t[get]",
                "cm\t[]\t[a]\t[get]",
                "cm\t[]\t[b]\t[get]",
                "pods.apps/log\t[]\t[]\t[get]",
                "\t[/healthz]\t[]\t[post]",
            ]
        );
    }
}
