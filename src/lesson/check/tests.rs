//! Checks over a small cluster of values.

use super::super::trial::Trial;
use super::*;
use serde_json::json;

struct Cluster(Vec<(&'static str, Value)>);

impl Objects for Cluster {
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Box<dyn Item>> {
        let here = |object: &Value| namespace.is_none_or(|n| object["metadata"]["namespace"] == n);
        self.0.iter().filter(|(r, o)| *r == resource && here(o)).map(|(_, o)| Box::new(o.clone()) as _).collect()
    }
    fn seconds(&self) -> f64 {
        0.0
    }
    fn copy(&self) -> Box<dyn Trial> {
        panic!("no check tries anything")
    }
}

fn check(resource: &str) -> Check {
    Check {
        resource: resource.to_owned(),
        namespace: Some("default".to_owned()),
        name: None,
        labels: Vec::new(),
        owner: None,
        condition: None,
        fields: Vec::new(),
        count: Comparison::at_least_one(),
        hint: None,
    }
}

fn field(path: &str, value: Option<&str>) -> Field {
    Field { path: path.to_owned(), value: value.map(Comparison::parse), hint: None }
}

fn cluster() -> Cluster {
    let owner = |kind: &str, name: &str| json!([{"kind": kind, "name": name}]);
    Cluster(vec![
        (
            "jobs",
            json!({"metadata": {"name": "hello", "namespace": "default"}, "spec": {"completions": 3},
                        "status": {"succeeded": 10, "conditions": [{"type": "Complete", "status": "True"}]}}),
        ),
        (
            "replicasets",
            json!({"metadata": {"name": "web-1", "namespace": "default",
                                            "ownerReferences": owner("Deployment", "web")}}),
        ),
        (
            "pods",
            json!({"metadata": {"name": "web-1-a", "namespace": "default", "labels": {"app": "web"},
                                     "ownerReferences": owner("ReplicaSet", "web-1")}}),
        ),
    ])
}

#[test]
fn checks_see_names_labels_owners_conditions_and_paths() {
    let passes = |check: Check| check.evaluate(&mut Look::new(&cluster())).passed;
    let path = |path: &str, value: Option<&str>| Check { fields: vec![field(path, value)], ..check("jobs") };
    let complete = |status: &str| Condition { kind: "Complete".to_owned(), status: status.to_owned() };
    let web = Owner { kind: "Deployment".to_owned(), name: "web".to_owned() };
    assert!(passes(Check { name: Some("hello".to_owned()), ..check("jobs") }));
    assert!(!passes(Check { name: Some("bye".to_owned()), ..check("jobs") }));
    assert!(passes(Check { condition: Some(complete("True")), ..check("jobs") }));
    assert!(!passes(Check { condition: Some(complete("False")), ..check("jobs") }));
    assert!(passes(Check { owner: Some(web), ..check("pods") }), "through the ReplicaSet");
    assert!(passes(Check { labels: vec![("app".to_owned(), "web".to_owned())], ..check("pods") }));
    assert!(passes(path("{.status.succeeded}", Some("> 9"))), "as numbers");
    assert!(passes(path("{.spec.completions}", None)));
    assert!(passes(path("{.spec.completions} {.status.succeeded}", Some("3 10"))));
    assert!(!passes(path("{.spec.parallelism}", None)));
    assert!(!passes(path("{.spec[", Some("1"))));
    assert!(passes(Check { count: Comparison::parse("== 0"), ..check("cronjobs") }));
    assert!(!passes(Check { namespace: Some("other".to_owned()), ..check("pods") }));
}

#[test]
fn the_first_wrong_thing_is_told_by_the_author_or_in_our_words() {
    let wrong = |check: Check| check.wrong(&mut Look::new(&cluster()));
    let hint = |text: &str| Some(text.to_owned());
    let hello = || Check { name: Some("hello".to_owned()), ..check("jobs") };
    let told = |text: &str| Some(Wrong::Told { text: text.to_owned() });
    let fields = vec![
        field("{.spec.completions}", Some("3")),
        Field { hint: hint("more at once"), ..field("{.spec.parallelism}", Some("2")) },
        field("{.status.succeeded}", Some("11")),
    ];
    assert_eq!(wrong(hello()), None);
    assert_eq!(wrong(Check { fields: fields.clone(), ..hello() }), told("more at once"));
    let last = Wrong::Field { name: "hello".into(), path: "{.status.succeeded}".into(), found: "10".into() };
    assert_eq!(wrong(Check { fields: fields[2..].to_vec(), ..hello() }), Some(last));
    let bye = Check { name: Some("bye".to_owned()), ..check("jobs") };
    assert_eq!(wrong(bye.clone()), Some(Wrong::Missing { resource: "jobs".into(), name: "bye".into() }));
    assert_eq!(wrong(Check { hint: hint("make it"), ..bye }), told("make it"));
    let failed = Condition { kind: "Failed".to_owned(), status: "True".to_owned() };
    let condition = Wrong::Condition { name: "hello".into(), condition: "Failed".into() };
    assert_eq!(wrong(Check { condition: Some(failed), ..hello() }), Some(condition));
    let count = Wrong::Count { resource: "jobs".into(), found: 1 };
    assert_eq!(wrong(Check { count: Comparison::parse("0"), ..hello() }), Some(count));
}
