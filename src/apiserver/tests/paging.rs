//! Lists in pages, at versions, and the health of the server.

use super::*;

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|one| one["metadata"]["name"].as_str().unwrap()).collect()
}

fn maps(count: usize) -> Server {
    let mut server = Server::new();
    for number in 0..count {
        server.post("/api/v1/namespaces/default/configmaps", json!({"metadata": {"name": format!("m{number}")}}));
    }
    server
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn the_pages_of_a_list_show_one_moment() {
    let mut server = maps(4);
    let (_, first) = server.get(&format!("{MAPS}?limit=2"));
    assert_eq!(names(&first), ["m0", "m1"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    server.delete(&format!("{MAPS}/m2"), json!({}));
    server.post(MAPS, json!({"metadata": {"name": "m9"}}));
    let (_, second) = server.get(&format!("{MAPS}?limit=2&continue={token}"));
    assert_eq!(names(&second), ["m2", "m3"], "as it was when the first page was read");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(second["metadata"]["continue"], Value::Null);
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let (_, exact) = server.get(&format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact"));
    assert_eq!(names(&exact), ["m0", "m1", "m2", "m3"]);
    let (_, latest) = server.get(&format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan"));
    assert_eq!(names(&latest), ["m0", "m1", "m3", "m9"]);
}

#[test]
fn an_old_token_expires_and_says_how_to_go_on() {
    let mut server = maps(3);
    let (_, first) = server.get(&format!("{MAPS}?limit=1"));
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    for round in 0..17_000 {
        let map = json!({"metadata": {"name": "m0"}, "data": {"round": round.to_string()}});
        server.put(&format!("{MAPS}/m0"), &map);
    }
    let (status, expired) = server.get(&format!("{MAPS}?limit=1&continue={token}"));
    assert_eq!((status, &expired["reason"]), (410, &json!("Expired")));
    let next = expired["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(names(&server.get(&format!("{MAPS}?continue={next}")).1), ["m1", "m2"]);
}

#[test]
fn what_makes_no_sense_is_refused_in_the_servers_words() {
    let mut server = maps(1);
    let cases = [
        ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("resourceVersion=0&resourceVersionMatch=Exact", 422, "resourceVersionMatch \"exact\" is forbidden for"),
        ("resourceVersion=1&resourceVersionMatch=Soon", 422, "supported values: \"Exact\", \"NotOlderThan\""),
        ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
        ("continue=x&resourceVersion=1", 400, "specifying resource version is not allowed when using continue"),
        ("continue=%", 400, "continue key is not valid"),
        ("limit=x", 400, "invalid syntax"),
        ("resourceVersion=x", 400, "invalid resource version: resourceVersion: Invalid value: \"x\""),
        ("resourceVersion=99999", 504, "Too large resource version: 99999, current:"),
        ("labelSelector=a=b=c", 400, "found '=', expected: ',' or 'end of string'"),
        ("fieldSelector=spec.x=1", 400, "spec.x"),
    ];
    for (query, code, text) in cases {
        let (status, refused) = server.get(&format!("{MAPS}?{query}"));
        assert_eq!(status, code, "{query} {refused}");
        assert!(refused["message"].as_str().unwrap().contains(text), "{query} {refused}");
    }
}

#[test]
fn health_is_told_check_by_check() {
    let mut server = Server::new();
    let mut text = |path: &str, query: &[(&str, &str)]| {
        let mut request = Request::new(Method::Get, path);
        for (name, value) in query {
            request = request.with_query(*name, *value);
        }
        match server.send(&request).2.body {
            Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Body::Stream(_) => String::new(),
        }
    };
    assert_eq!(text("/livez/ping", &[]), "ok");
    let verbose = text("/readyz", &[("verbose", ""), ("exclude", "ping"), ("exclude", "nosuch")]);
    assert!(verbose.starts_with("[+]ping excluded: ok\n[+]log ok\n"), "{verbose}");
    let end = "warn: some health checks cannot be excluded: no matches for \"nosuch\"\nreadyz check passed\n";
    assert!(verbose.ends_with(end), "{verbose}");
    assert!(text("/metrics", &[]).contains("apiserver_resource_objects{group=\"\",resource=\"namespaces\"} 1\n"));
    assert_eq!(text("/livez/nosuch", &[]), "404 page not found\n");
}

#[test]
fn an_autoscaler_and_an_event_have_two_versions() {
    let mut server = Server::new();
    let autoscaler = json!({"metadata": {"name": "web"}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "targetCPUUtilizationPercentage": 50}});
    let (status, created) = server.post("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", autoscaler);
    assert_eq!((status, &created["apiVersion"]), (201, &json!("autoscaling/v1")), "{created}");
    let (_, newer) = server.get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web");
    assert_eq!(newer["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Said", "message": "hello", "type": "Normal"});
    server.post("/api/v1/namespaces/default/events", event);
    let (_, newer) = server.get("/apis/events.k8s.io/v1/namespaces/default/events");
    assert_eq!((&newer["items"][0]["note"], &newer["kind"]), (&json!("hello"), &json!("EventList")));
}
