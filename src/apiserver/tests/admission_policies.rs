//! ValidatingAdmissionPolicies from outside.

use super::*;

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(replicas: u32) -> Value {
    json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}})
}

fn bound(validations: Value, more: Value, actions: Value) -> Server {
    let mut server = Server::new();
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]});
    let mut spec = json!({"matchConstraints": {"resourceRules": [rule]}, "validations": validations});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let policy = json!({"metadata": {"name": "few"}, "spec": spec});
    let (status, made) = server.post(&format!("{GROUP}/validatingadmissionpolicies"), policy);
    assert_eq!(status, 201, "{made}");
    let reference = json!({"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"});
    let spec = json!({"policyName": "few", "validationActions": actions, "paramRef": reference});
    let binding = json!({"metadata": {"name": "everywhere"}, "spec": spec});
    assert_eq!(server.post(&format!("{GROUP}/validatingadmissionpolicybindings"), binding).0, 201);
    server
}

#[test]
fn what_breaks_a_policy_is_refused_in_its_words() {
    let validations = json!([{"expression": "object.spec.replicas <= 5"},
        {"expression": "!has(object.metadata.labels.old)", "message": "no old ones", "reason": "Forbidden"}]);
    let mut server = bound(validations, json!({}), json!(["Deny"]));
    let (status, refused) = server.post(DEPLOYMENTS, deployment(6));
    let why = "ValidatingAdmissionPolicy 'few' with binding 'everywhere' denied request: failed expression: \
               object.spec.replicas <= 5";
    assert_eq!((status, &refused["reason"]), (422, &json!("Invalid")), "{refused}");
    assert_eq!(refused["message"], format!("deployments.apps \"web\" is forbidden: {why}"));
    assert_eq!(refused["details"]["causes"], json!([{"message": why}]));
    let mut old = deployment(1);
    old["metadata"]["labels"]["old"] = json!("1");
    let (status, refused) = server.post(DEPLOYMENTS, old);
    assert_eq!((status, &refused["reason"]), (403, &json!("Forbidden")));
    assert_eq!(server.post(DEPLOYMENTS, deployment(5)).0, 201);
    let patch = json!({"spec": {"replicas": 9}});
    assert_eq!(server.patch(&format!("{DEPLOYMENTS}/web"), "merge-patch", patch).0, 422);
}

#[test]
fn a_policy_has_variables_conditions_and_parameters() {
    let validations = json!([{"expression": "variables.wanted <= int(params.data.most)",
        "messageExpression": "'at most ' + params.data.most + ' in ' + request.namespace"}]);
    let more = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "variables": [{"name": "wanted", "expression": "object.spec.replicas"}],
        "matchConditions": [{"name": "web", "expression": "object.metadata.name == 'web'"}],
    });
    let mut server = bound(validations, more, json!(["Deny"]));
    let (_, refused) = server.post(DEPLOYMENTS, deployment(1));
    let why = "no params found for policy binding with `Deny` parameterNotFoundAction";
    assert!(refused["message"].as_str().unwrap().ends_with(why), "{refused}");
    let limits = json!({"metadata": {"name": "limits"}, "data": {"most": "2"}});
    assert_eq!(server.post("/api/v1/namespaces/default/configmaps", limits).0, 201);
    let (_, refused) = server.post(DEPLOYMENTS, deployment(3));
    assert!(refused["message"].as_str().unwrap().ends_with("denied request: at most 2 in default"), "{refused}");
    assert_eq!(server.post(DEPLOYMENTS, deployment(2)).0, 201);
    let mut other = deployment(9);
    other["metadata"]["name"] = json!("other");
    assert_eq!(server.post(DEPLOYMENTS, other).0, 201);
}

#[test]
fn a_warning_lets_through_and_an_error_is_a_refusal_unless_it_is_ignored() {
    let validations = json!([{"expression": "object.spec.nope > 1"}]);
    let mut server = bound(validations.clone(), json!({}), json!(["Warn"]));
    let request = Request::new(Method::Post, DEPLOYMENTS).with_body(deployment(1).to_string());
    let (status, _, response) = server.send(&request);
    let why = "Validation failed for ValidatingAdmissionPolicy 'few' with binding 'everywhere': expression \
               'object.spec.nope > 1' resulted in error: no such key: nope";
    assert_eq!((status, response.header("Warning")), (201, Some(&*format!("299 - \"{why}\""))));
    let mut server = bound(validations, json!({"failurePolicy": "Ignore"}), json!(["Deny"]));
    assert_eq!(server.post(DEPLOYMENTS, deployment(1)).0, 201);
}
