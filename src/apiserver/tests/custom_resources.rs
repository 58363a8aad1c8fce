//! CustomResourceDefinitions from outside.

use super::*;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRON_TABS: &str = "/apis/stable.example.com/v1/namespaces/default/crontabs";

fn definition() -> Value {
    json!({
        "metadata": {"name": "crontabs.stable.example.com"},
        "spec": {
            "group": "stable.example.com", "scope": "Namespaced",
            "names": {"plural": "crontabs", "singular": "crontab", "kind": "CronTab", "shortNames": ["ct"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [{"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["cronSpec"], "properties": {
                        "cronSpec": {"type": "string", "pattern": "^[0-9* ]+$"},
                        "replicas": {"type": "integer", "minimum": 1, "default": 1},
                        "hosts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}},
                    }},
                    "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                }}},
            }],
        },
    })
}

fn cron_tab(name: &str) -> Value {
    json!({"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": name}, "spec": {"cronSpec": "* *"}})
}

fn defined() -> Server {
    let mut server = Server::new();
    let (status, created) = server.post(DEFINITIONS, definition());
    assert_eq!(status, 201, "{created}");
    server
}

#[test]
fn a_definition_is_established_discovered_and_described() {
    let mut server = defined();
    let (_, held) = server.get(&format!("{DEFINITIONS}/crontabs.stable.example.com"));
    let reasons: Vec<&Value> =
        held["status"]["conditions"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, ["NoConflicts", "InitialNamesAccepted"]);
    assert_eq!(held["status"]["acceptedNames"]["kind"], "CronTab");
    let (_, list) = server.get("/apis/stable.example.com/v1");
    let names: Vec<&Value> = list["resources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["crontabs", "crontabs/scale", "crontabs/status"]);
    assert_eq!(list["resources"][0]["shortNames"], json!(["ct"]));
    let (_, document) = server.get("/openapi/v3/apis/stable.example.com/v1");
    let schema = &document["components"]["schemas"]["com.example.stable.v1.CronTab"];
    assert_eq!(schema["properties"]["spec"]["properties"]["replicas"]["type"], "integer");
    assert_eq!(schema["x-kubernetes-group-version-kind"][0]["kind"], "CronTab");
}

#[test]
fn an_object_gets_defaults_and_is_validated_pruned_and_shown() {
    let mut server = defined();
    let (status, created) = server.post(CRON_TABS, cron_tab("a"));
    assert_eq!((status, &created["spec"]["replicas"]), (201, &json!(1)), "{created}");
    assert_eq!(created["metadata"]["generation"], 1);
    let mut wrong = cron_tab("b");
    wrong["spec"] = json!({"cronSpec": "x", "replicas": 0});
    let (status, refused) = server.post(CRON_TABS, wrong);
    assert_eq!(status, 422);
    assert_eq!(
        refused["message"],
        "CronTab.stable.example.com \"b\" is invalid: [spec.cronSpec: Invalid value: \"x\": spec.cronSpec in body \
         should match '^[0-9* ]+$', spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or \
         equal to 1]"
    );
    let mut unknown = cron_tab("c");
    unknown["spec"]["foo"] = json!(1);
    let request = Request::new(Method::Post, CRON_TABS).with_query("fieldValidation", "Strict");
    let (status, refused, _) = server.send(&request.with_body(unknown.to_string()));
    assert_eq!(status, 400);
    assert!(refused["message"].as_str().unwrap().ends_with("strict decoding error: unknown field \"spec.foo\""));
    let (_, kept) = server.post(CRON_TABS, unknown);
    assert_eq!(kept["spec"], json!({"cronSpec": "* *", "replicas": 1}));
    let request =
        Request::new(Method::Get, CRON_TABS).with_header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let (_, table, _) = server.send(&request);
    assert_eq!(table["rows"][0]["cells"], json!(["a", "* *"]));
}

#[test]
fn status_and_scale_have_doors_of_their_own() {
    let mut server = defined();
    let (_, mut held) = server.post(CRON_TABS, cron_tab("a"));
    held["status"] = json!({"replicas": 3});
    held["spec"]["cronSpec"] = json!("1 1");
    let (_, after) = server.put(&format!("{CRON_TABS}/a/status"), &held);
    assert_eq!((&after["status"]["replicas"], &after["spec"]["cronSpec"]), (&json!(3), &json!("* *")));
    let (_, scale) = server.get(&format!("{CRON_TABS}/a/scale"));
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(1), &json!(3)));
    let (_, scale, _) = server.patch(&format!("{CRON_TABS}/a/scale"), "merge-patch", json!({"spec": {"replicas": 4}}));
    assert_eq!(scale["spec"]["replicas"], 4);
    assert_eq!(server.get(&format!("{CRON_TABS}/a")).1["metadata"]["generation"], 2);
}

#[test]
fn patches_know_its_lists_in_apply_and_no_strategy() {
    let mut server = defined();
    let path = format!("{CRON_TABS}/a");
    let mut apply = |manager: &str, hosts: Value| {
        let mut object = cron_tab("a");
        object["spec"]["hosts"] = hosts;
        let request = Request::new(Method::Patch, &*path)
            .with_header("Content-Type", "application/apply-patch+yaml")
            .with_query("fieldManager", manager)
            .with_body(object.to_string());
        server.send(&request).1
    };
    apply("one", json!([{"name": "x", "port": 1}]));
    let both = apply("two", json!([{"name": "y"}]));
    assert_eq!(both["spec"]["hosts"], json!([{"name": "x", "port": 1}, {"name": "y"}]));
    let (status, _, _) = server.patch(&path, "strategic-merge-patch", json!({"spec": {"replicas": 2}}));
    assert_eq!(status, 415);
    let (_, merged, _) = server.patch(&path, "merge-patch", json!({"spec": {"replicas": 2}}));
    assert_eq!(merged["spec"]["replicas"], 2);
}

#[test]
fn its_objects_go_with_the_definition_once_their_finalizers_are_gone() {
    let mut server = defined();
    server.post(CRON_TABS, cron_tab("a"));
    let mut held = cron_tab("b");
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    server.post(CRON_TABS, held);
    let name = format!("{DEFINITIONS}/crontabs.stable.example.com");
    server.delete(&name, json!({}));
    let (_, left) = server.get(CRON_TABS);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get(&name).1["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    server.patch(&format!("{CRON_TABS}/b"), "merge-patch", json!({"metadata": {"finalizers": null}}));
    assert_eq!(server.get(&name).0, 404);
    assert_eq!(server.get(CRON_TABS).0, 404);
}

#[test]
fn names_that_are_taken_are_not_accepted() {
    let mut server = defined();
    let mut second = definition();
    second["metadata"]["name"] = json!("cronjobs2.stable.example.com");
    second["spec"]["names"] = json!({"plural": "cronjobs2", "singular": "cronjob2", "kind": "CronTab"});
    let (_, created) = server.post(DEFINITIONS, second);
    let conditions = &created["status"]["conditions"];
    assert_eq!(
        (&conditions[0]["reason"], &conditions[0]["message"]),
        (&json!("KindConflict"), &json!("\"CronTab\" is already in use"))
    );
    assert_eq!(conditions[1]["reason"], "NotAccepted");
    assert_eq!(server.get("/apis/stable.example.com/v1/namespaces/default/cronjobs2").0, 404);
}

#[test]
fn the_rules_of_its_schema_are_run() {
    let mut server = Server::new();
    let mut ruled = definition();
    let spec = &mut ruled["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["x-kubernetes-validations"] = json!([
        {"rule": "self.replicas <= 5", "message": "at most five"},
        {"rule": "self.cronSpec == oldSelf.cronSpec", "reason": "FieldValueForbidden", "fieldPath": ".cronSpec"},
    ]);
    let mut wrong = ruled.clone();
    wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] =
        json!([{"rule": "self.nope"}]);
    let (status, refused) = server.post(DEFINITIONS, wrong);
    assert_eq!(status, 422);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope\n"),
        "{message}"
    );
    assert_eq!(server.post(DEFINITIONS, ruled).0, 201);
    let mut many = cron_tab("a");
    many["spec"]["replicas"] = json!(6);
    let (status, refused) = server.post(CRON_TABS, many.clone());
    assert_eq!(status, 422);
    let why = "CronTab.stable.example.com \"a\" is invalid: spec: Invalid value: at most five";
    assert_eq!(refused["message"], why);
    many["spec"] = json!({"replicas": 6});
    let (_, refused) = server.post(CRON_TABS, many);
    let why = "CronTab.stable.example.com \"a\" is invalid: [spec.cronSpec: Required value, <nil>: Invalid value: null: \
               some validation rules were not checked because the object was invalid; correct the existing errors to \
               complete validation]";
    assert_eq!(refused["message"], why);
    assert_eq!(server.post(CRON_TABS, cron_tab("a")).0, 201);
    let patch = json!({"spec": {"cronSpec": "1 1"}});
    let (status, refused, _) = server.patch(&format!("{CRON_TABS}/a"), "merge-patch", patch);
    assert_eq!((status, &refused["details"]["causes"][0]["reason"]), (422, &json!("FieldValueForbidden")));
    let patch = json!({"spec": {"replicas": 4}});
    assert_eq!(server.patch(&format!("{CRON_TABS}/a"), "merge-patch", patch).0, 200);
}
