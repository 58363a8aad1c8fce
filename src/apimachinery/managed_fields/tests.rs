//! The cases of upstream's merge tests, in short.

use serde_json::{Value, json};

use super::*;
use crate::apimachinery::Status;
use crate::apimachinery::facts::facts;

fn schema() -> Schema<'static> {
    Schema::Type(facts(), facts().of_kind("apps/v1", "Deployment").unwrap())
}

fn request(manager: &str, force: bool) -> super::apply::Request<'_> {
    static NONE: FieldSet = FieldSet::new();
    super::apply::Request {
        schema: schema(),
        api_version: "apps/v1",
        manager,
        subresource: "",
        reset: &NONE,
        force,
        now: Some(7),
    }
}

fn updated(managed: &Managed, live: &Value, new: &Value, name: &str) -> Managed {
    let manager = Manager::updater(&name.into(), &"apps/v1".into(), &"".into());
    update(schema(), managed, (live, new), &manager, &FieldSet::default(), Some(1))
}

fn owned(managed: &Managed, name: &str) -> Value {
    let entries = managed.to_json();
    let of = entries.as_array().unwrap().iter().find(|entry| entry["manager"] == name).cloned();
    of.map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

#[test]
fn an_update_takes_what_it_changes_and_leaves_the_rest() {
    let first = json!({"spec": {"replicas": 1, "paused": true}});
    let second = json!({"spec": {"replicas": 2, "paused": true}});
    let managed = updated(&Managed::default(), &json!({}), &first, "one");
    let managed = updated(&managed, &first, &second, "two");
    assert_eq!(owned(&managed, "one"), json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(owned(&managed, "two"), json!({"f:spec": {"f:replicas": {}}}));
}

#[test]
fn an_apply_of_what_another_owns_is_a_conflict_unless_the_value_is_the_same() {
    let live = json!({"spec": {"replicas": 1, "paused": true}});
    let managed = updated(&Managed::default(), &json!({}), &live, "one");
    let refused = apply(request("two", false), &managed, &live, &json!({"spec": {"replicas": 2}})).unwrap_err();
    let status = Status::from(refused);
    assert_eq!(status.code(), 409);
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"one\" using apps/v1: .spec.replicas");
    let both = json!({"spec": {"replicas": 2, "paused": false}});
    assert_eq!(
        Status::from(apply(request("two", false), &managed, &live, &both).unwrap_err()).message,
        "Apply failed with 2 conflicts: conflicts with \"one\" using apps/v1:\n- .spec.paused\n- .spec.replicas"
    );
    let shared = apply(request("two", false), &managed, &live, &json!({"spec": {"replicas": 1}})).unwrap();
    assert_eq!(owned(&shared.managed, "one"), owned(&managed, "one"));
    assert_eq!(owned(&shared.managed, "two"), json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(shared.managed.to_json()[0]["time"], Value::Null, "nothing has changed, so nothing has an instant");
    let forced = apply(request("two", true), &managed, &live, &json!({"spec": {"replicas": 2}})).unwrap();
    assert_eq!(forced.object["spec"], json!({"replicas": 2, "paused": true}));
    assert_eq!(owned(&forced.managed, "one"), json!({"f:spec": {"f:paused": {}}}));
}

#[test]
fn what_is_applied_no_more_goes_unless_somebody_else_owns_it() {
    let first = json!({"spec": {"replicas": 1, "paused": true, "minReadySeconds": 3}});
    let one = apply(request("one", false), &Managed::default(), &json!({}), &first).unwrap();
    let two = apply(request("two", false), &one.managed, &one.object, &json!({"spec": {"paused": true}})).unwrap();
    let less = apply(request("one", false), &two.managed, &two.object, &json!({"spec": {"replicas": 1}})).unwrap();
    assert_eq!(less.object, json!({"spec": {"replicas": 1, "paused": true}}));
    assert_eq!(owned(&less.managed, "one"), json!({"f:spec": {"f:replicas": {}}}));
}

#[test]
fn a_container_that_is_applied_no_more_goes() {
    let pods = |names: &[&str]| {
        let containers: Vec<Value> = names.iter().map(|name| json!({"name": name, "image": "x"})).collect();
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    };
    let one = apply(request("one", false), &Managed::default(), &json!({}), &pods(&["a", "b"])).unwrap();
    let less = apply(request("one", false), &one.managed, &one.object, &pods(&["b"])).unwrap();
    assert_eq!(less.object, pods(&["b"]));
}

#[test]
fn kubectl_takes_over_what_it_applied_on_the_client() {
    let last = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"replicas\":1}}\n";
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": last});
    let live = json!({"metadata": {"annotations": annotations}, "spec": {"replicas": 1, "minReadySeconds": 3}});
    let managed = updated(&Managed::default(), &json!({}), &live, "kubectl-client-side-apply");
    let applied = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}});
    let taken = apply(request("kubectl", false), &managed, &live, &applied).unwrap();
    assert_eq!(taken.object["spec"]["replicas"], 2);
    assert_eq!(
        taken.object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"],
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"replicas\":2}}\n"
    );
    let beyond = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"minReadySeconds": 4}});
    assert!(apply(request("kubectl", false), &managed, &live, &beyond).is_err());
    assert!(apply(request("other", false), &managed, &live, &applied).is_err());
}

#[test]
fn the_oldest_of_too_many_updaters_become_one() {
    let mut managed = Managed::default();
    let mut live = json!({});
    for number in 0..14 {
        let mut new = live.clone();
        new["metadata"]["labels"][format!("l{number}")] = json!("x");
        let manager = Manager::updater(&format!("m{number:02}").into(), &"apps/v1".into(), &"".into());
        managed = update(schema(), &managed, (&live, &new), &manager, &FieldSet::default(), Some(number));
        live = new;
    }
    let entries = managed.to_json();
    let names: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["manager"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
}

#[test]
fn managed_fields_are_read_as_they_are_written() {
    let live = json!({"spec": {"replicas": 1}});
    let managed = updated(&Managed::default(), &json!({}), &live, "one");
    let written = managed.to_json();
    assert_eq!(Managed::from_json(written.as_array().unwrap()).unwrap(), managed);
    assert!(Managed::from_json(&[json!({"operation": "Other"})]).is_none());
}
