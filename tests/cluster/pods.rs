//! What a Pod's life comes to on a whole cluster: probes, hooks, sidecars, limits, volumes, the network.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Event, Pod, Service};
use serde_json::{Value, json};
use tabernetes::apiserver::Caller;
use tabernetes::cluster::{Cluster, Config, PresentImages};
use tabernetes::text::http::{Body, Method, Request};

struct Lab {
    cluster: Cluster,
    caller: Caller,
}

impl Lab {
    fn new() -> Self {
        let config = Config { present_images: PresentImages::All, ..Config::default() };
        let mut lab = Self { cluster: Cluster::new(&config), caller: Caller::component("test") };
        lab.pass(5);
        lab
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.cluster.now() + Duration::from_secs(seconds);
        assert_eq!(self.cluster.advance_to(end, 1_000_000).spinning, None);
    }

    /// Makes a Pod from its spec; containers without an image run busybox.
    fn pod(&mut self, name: &str, mut spec: Value) {
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let fields = container.as_object_mut().unwrap();
                fields.entry("image").or_insert_with(|| "busybox:1.36".into());
            }
        }
        let pod = json!({"metadata": {"name": name, "namespace": "default", "labels": {"app": name}}, "spec": spec});
        self.cluster.server_mut().create::<Pod>(&self.caller, serde_json::from_value(pod).unwrap()).unwrap();
    }

    fn get(&self, name: &str) -> Arc<Pod> {
        self.cluster.server().get::<Pod>("default", name).unwrap()
    }

    fn delete(&mut self, name: &str) {
        let request = Request::new(Method::Delete, format!("/api/v1/namespaces/default/pods/{name}"));
        assert_eq!(self.cluster.handle(&request).status, 200);
    }

    fn phase(&self, name: &str) -> String {
        self.get(name).status.clone().unwrap().phase.unwrap()
    }

    fn container(&self, pod: &str, name: &str) -> ContainerStatus {
        let status = self.get(pod).status.clone().unwrap();
        let all = status.container_statuses.into_iter().chain(status.init_container_statuses).flatten();
        all.into_iter().find(|status| status.name == name).unwrap()
    }

    fn condition(&self, pod: &str, kind: &str) -> String {
        let status = self.get(pod).status.clone().unwrap();
        status.conditions.unwrap().into_iter().find(|condition| condition.type_ == kind).unwrap().status
    }

    /// Reasons and messages of a Pod's events, oldest first.
    fn events(&self, pod: &str) -> Vec<(String, String)> {
        let mut all: Vec<_> = self
            .cluster
            .server()
            .list::<Event>(Some("default"))
            .filter(|event| event.involved_object.name.as_deref() == Some(pod))
            .collect();
        all.sort_by_key(|event| event.metadata.resource_version.as_ref().and_then(|text| text.parse::<u64>().ok()));
        all.iter().map(|event| (event.reason.clone().unwrap(), event.message.clone().unwrap())).collect()
    }

    fn has_event(&self, pod: &str, reason: &str, message: &str) -> bool {
        self.events(pod).iter().any(|(held, text)| held == reason && text.contains(message))
    }

    fn log(&mut self, pod: &str, container: &str) -> String {
        let request = Request::new(Method::Get, format!("/api/v1/namespaces/default/pods/{pod}/log"))
            .with_query("container", container);
        match self.cluster.handle(&request).body {
            Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Body::Stream(_) => String::new(),
        }
    }
}

fn ended(status: &ContainerStatus) -> (i32, String) {
    let end = status.state.clone().unwrap().terminated.unwrap();
    (end.exit_code, end.reason.unwrap())
}

fn sh(name: &str, script: &str) -> Value {
    json!({"name": name, "command": ["sh", "-c", script]})
}

#[test]
fn a_failed_liveness_probe_restarts_the_container_within_its_grace_period() {
    let mut lab = Lab::new();
    let mut container = sh("c", "touch /tmp/healthy; sleep 10; rm /tmp/healthy; sleep 600");
    container["livenessProbe"] = json!({"exec": {"command": ["cat", "/tmp/healthy"]}, "periodSeconds": 2});
    lab.pod("live", json!({"containers": [container], "terminationGracePeriodSeconds": 5}));
    lab.pass(9);
    assert_eq!(lab.container("live", "c").restart_count, 0);
    lab.pass(20);
    let status = lab.container("live", "c");
    assert_eq!(status.restart_count, 1);
    assert_eq!(status.last_state.unwrap().terminated.unwrap().exit_code, 137);
    assert!(lab.has_event("live", "Unhealthy", "Liveness probe failed: cat: can't open '/tmp/healthy'"));
    assert!(lab.has_event("live", "Killing", "Container c failed liveness probe, will be restarted"));
}

#[test]
fn a_startup_probe_holds_the_others_back() {
    let mut lab = Lab::new();
    let mut container = sh("c", "sleep 6; touch /tmp/up; sleep 600");
    container["startupProbe"] =
        json!({"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 30});
    container["livenessProbe"] =
        json!({"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 1});
    lab.pod("slow", json!({"containers": [container]}));
    lab.pass(5);
    let status = lab.container("slow", "c");
    assert_eq!((status.started, status.ready, status.restart_count), (Some(false), false, 0));
    lab.pass(10);
    let status = lab.container("slow", "c");
    assert_eq!((status.started, status.ready, status.restart_count), (Some(true), true, 0));
    assert!(!lab.has_event("slow", "Unhealthy", "Liveness"));
}

#[test]
fn a_readiness_probe_takes_the_pod_out_of_its_service() {
    let mut lab = Lab::new();
    let service = json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    lab.cluster.server_mut().create::<Service>(&lab.caller, serde_json::from_value(service).unwrap()).unwrap();
    let probe = json!({"httpGet": {"path": "/ready", "port": 80}, "periodSeconds": 1, "failureThreshold": 1});
    lab.pod("web", json!({"containers": [{"name": "c", "image": "nginx:1.27", "readinessProbe": probe,
        "command": ["sh", "-c", "echo > /usr/share/nginx/html/ready; (sleep 10; rm /usr/share/nginx/html/ready) & exec nginx"]}]}));
    lab.pod("client", json!({"containers": [sh("c", "sleep 3; wget -qO- web/ready && echo yes; sleep 12; wget -qO- web; sleep 600")]}));
    lab.pass(6);
    assert_eq!(lab.condition("web", "Ready"), "True");
    assert!(lab.log("client", "c").contains("yes"));
    lab.pass(14);
    assert_eq!(lab.condition("web", "Ready"), "False");
    assert!(lab.has_event("web", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404"));
    assert!(lab.log("client", "c").contains("Connection refused"), "{}", lab.log("client", "c"));
}

#[test]
fn sidecars_start_before_the_others_and_end_after_them_last_first() {
    let mut lab = Lab::new();
    let sidecar = |name: &str| {
        let mut made = sh(name, "trap 'echo bye; exit 0' TERM; while true; do sleep 1; done");
        made["restartPolicy"] = "Always".into();
        made
    };
    lab.pod(
        "job",
        json!({"restartPolicy": "Never", "initContainers": [sidecar("a"), sh("i", "sleep 1"), sidecar("b")],
        "containers": [sh("main", "sleep 3")]}),
    );
    lab.pass(5);
    let started = |lab: &Lab, name: &str| lab.container("job", name).state.unwrap().running.is_some();
    assert!(started(&lab, "a") && started(&lab, "b") && started(&lab, "main"));
    lab.pass(15);
    assert_eq!(lab.phase("job"), "Succeeded");
    let end =
        |lab: &Lab, name: &str| lab.container("job", name).state.unwrap().terminated.unwrap().finished_at.unwrap();
    assert!(end(&lab, "main") < end(&lab, "b") && end(&lab, "b") <= end(&lab, "a"));
    assert_eq!(ended(&lab.container("job", "a")), (0, "Completed".into()));
}

#[test]
fn an_init_container_that_fails_for_good_fails_the_pod() {
    let mut lab = Lab::new();
    lab.pod(
        "never",
        json!({"restartPolicy": "Never", "initContainers": [sh("i", "exit 4")], "containers": [sh("c", "true")]}),
    );
    lab.pod("again", json!({"initContainers": [sh("i", "exit 4")], "containers": [sh("c", "true")]}));
    lab.pass(8);
    assert_eq!(lab.phase("never"), "Failed");
    assert_eq!(lab.phase("again"), "Pending");
    let waiting = lab.container("never", "c").state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("PodInitializing"));
    assert!(lab.container("again", "i").restart_count >= 1);
}

#[test]
fn hooks_run_after_the_start_and_before_the_end() {
    let mut lab = Lab::new();
    let mut good = sh("c", "trap 'exit 0' TERM; while true; do sleep 1; done");
    good["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh", "-c", "sleep 3"]}},
        "preStop": {"exec": {"command": ["sleep", "4"]}}});
    lab.pod("good", json!({"containers": [good]}));
    let mut bad = sh("c", "sleep 600");
    bad["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh", "-c", "echo no >&2; exit 5"]}}});
    lab.pod("bad", json!({"containers": [bad], "terminationGracePeriodSeconds": 2}));
    lab.pass(2);
    assert!(lab.container("good", "c").state.unwrap().waiting.is_some(), "its hook has not ended");
    lab.pass(6);
    assert!(lab.container("good", "c").state.unwrap().running.is_some());
    assert!(lab.has_event("bad", "FailedPostStartHook", "PostStartHook failed"));
    assert!(lab.has_event("bad", "Killing", "FailedPostStartHook"));
    lab.delete("good");
    lab.pass(3);
    assert!(lab.container("good", "c").state.unwrap().running.is_some(), "its preStop hook runs");
    lab.pass(5);
    assert!(lab.cluster.server().get::<Pod>("default", "good").is_err());
}

#[test]
fn a_pod_ends_at_its_deadline_and_stays() {
    let mut lab = Lab::new();
    lab.pod(
        "late",
        json!({"activeDeadlineSeconds": 5, "terminationGracePeriodSeconds": 3, "containers": [sh("c", "sleep 600")]}),
    );
    lab.pass(20);
    let status = lab.get("late").status.clone().unwrap();
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("DeadlineExceeded")));
    assert_eq!(status.message.as_deref(), Some("Pod was active on the node longer than the specified deadline"));
    assert_eq!(ended(&lab.container("late", "c")).0, 137);
}

#[test]
fn what_outgrows_its_memory_limit_is_killed() {
    let mut lab = Lab::new();
    let limits = json!({"limits": {"memory": "50Mi"}});
    let hog = |name: &str, script: &str| {
        let mut made = sh(name, script);
        made["resources"] = limits.clone();
        made
    };
    let hogs = [
        ("zero", "tail /dev/zero"),
        ("double", "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done"),
        ("block", "dd if=/dev/zero of=/dev/null bs=80M count=1"),
        ("table", "awk 'BEGIN {while (1) a[i++]}'"),
    ];
    for (name, script) in hogs {
        lab.pod(name, json!({"restartPolicy": "Never", "containers": [hog("c", script)]}));
    }
    lab.pod(
        "stress",
        json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "polinux/stress",
        "command": ["stress"], "args": ["--vm", "1", "--vm-bytes", "60M"], "resources": limits}]}),
    );
    lab.pass(60);
    for name in ["zero", "double", "block", "table", "stress"] {
        assert_eq!(ended(&lab.container(name, "c")), (137, "OOMKilled".into()), "{name}");
    }
}

#[test]
fn the_end_of_the_log_is_the_message_of_a_failure_when_it_is_asked_for() {
    let mut lab = Lab::new();
    let mut told = sh("c", "echo the end; exit 3");
    told["terminationMessagePolicy"] = "FallbackToLogsOnError".into();
    lab.pod("told", json!({"restartPolicy": "Never", "containers": [told]}));
    let mut own = sh("c", "echo -n why > /tmp/why; exit 3");
    own["terminationMessagePath"] = "/tmp/why".into();
    lab.pod("own", json!({"restartPolicy": "Never", "containers": [own]}));
    lab.pass(5);
    let message = |lab: &Lab, pod: &str| lab.container(pod, "c").state.unwrap().terminated.unwrap().message;
    assert_eq!(message(&lab, "told").as_deref(), Some("the end\n"));
    assert_eq!(message(&lab, "own").as_deref(), Some("why"));
}

#[test]
fn a_changed_config_map_reaches_its_volume_within_a_minute() {
    let mut lab = Lab::new();
    let map = |value: &str| -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": "m", "namespace": "default"}, "data": {"k": value}}))
            .unwrap()
    };
    lab.cluster.server_mut().create::<ConfigMap>(&lab.caller, map("old")).unwrap();
    let mut container = sh("c", "while true; do echo $(cat /etc/m/k) $(cat /etc/one); sleep 5; done");
    container["volumeMounts"] =
        json!([{"name": "v", "mountPath": "/etc/m"}, {"name": "v", "mountPath": "/etc/one", "subPath": "k"}]);
    lab.pod("p", json!({"volumes": [{"name": "v", "configMap": {"name": "m"}}], "containers": [container]}));
    lab.pass(10);
    assert!(lab.log("p", "c").starts_with("old old\n"), "{}", lab.log("p", "c"));
    lab.cluster.server_mut().update::<ConfigMap>(&lab.caller, map("new")).unwrap();
    lab.pass(70);
    assert!(lab.log("p", "c").ends_with("new old\n"), "{}", lab.log("p", "c"));
}

#[test]
fn containers_of_a_pod_share_their_loopback_and_pods_reach_one_another() {
    let mut lab = Lab::new();
    lab.pod(
        "srv",
        json!({"containers": [
        sh("web", "mkdir /w; echo hello > /w/index.html; exec httpd -f -p 9000 -h /w"),
        sh("near", "sleep 2; wget -qO- localhost:9000; wget -qO- localhost:9001; sleep 600")]}),
    );
    lab.pass(3);
    let address = lab.get("srv").status.clone().unwrap().pod_ip.unwrap();
    lab.pod("far", json!({"nodeName": "controlplane", "containers": [sh("c", &format!("wget -qO- {address}:9000; nslookup nowhere; sleep 600"))]}));
    lab.pass(5);
    let near = lab.log("srv", "near");
    assert!(
        near.starts_with("hello\n") && near.contains("can't connect to remote host (127.0.0.1): Connection refused")
    );
    let far = lab.log("far", "c");
    assert!(
        far.starts_with("hello\n") && far.contains("can't find nowhere.default.svc.cluster.local: NXDOMAIN"),
        "{far}"
    );
}

#[test]
fn a_container_added_to_a_running_pod_starts_beside_the_others() {
    let mut lab = Lab::new();
    lab.pod("p", json!({"containers": [sh("c", "sleep 600")]}));
    lab.pass(3);
    let patch = json!({"spec": {"ephemeralContainers": [{"name": "look", "image": "busybox:1.36", "command": ["echo", "seen"]}]}});
    let request = Request::new(Method::Patch, "/api/v1/namespaces/default/pods/p/ephemeralcontainers")
        .with_header("Content-Type", "application/strategic-merge-patch+json")
        .with_body(patch.to_string());
    assert_eq!(lab.cluster.handle(&request).status, 200);
    lab.pass(5);
    let status = lab.get("p").status.clone().unwrap();
    let look = status.ephemeral_container_statuses.unwrap().remove(0);
    assert_eq!(ended(&look), (0, "Completed".into()));
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(lab.log("p", "look"), "seen\n");
}

#[test]
fn restart_rules_of_a_container_stand_above_the_policy_of_the_pod() {
    let mut lab = Lab::new();
    let mut container = sh("c", "exit 42");
    container["restartPolicy"] = "Never".into();
    container["restartPolicyRules"] = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
    lab.pod("p", json!({"restartPolicy": "Never", "containers": [container]}));
    lab.pass(8);
    assert!(lab.container("p", "c").restart_count >= 1);
    assert_eq!(lab.phase("p"), "Running");
}

#[test]
fn a_pod_that_fills_its_volume_is_evicted() {
    let mut lab = Lab::new();
    let mut container = sh("c", "dd if=/dev/zero of=/cache/f bs=64k count=40; sleep 600");
    container["volumeMounts"] = json!([{"name": "cache", "mountPath": "/cache"}]);
    lab.pod(
        "full",
        json!({"volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "1Mi"}}], "containers": [container]}),
    );
    lab.pass(30);
    let status = lab.get("full").status.clone().unwrap();
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Evicted")));
    let text = "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Mi\". ";
    assert_eq!(status.message.as_deref(), Some(text));
    assert!(lab.has_event("full", "Evicted", text));
}

#[test]
fn a_container_whose_settings_are_missing_waits_and_names_them_as_the_kubelet_does() {
    let mut lab = Lab::new();
    let container = |more: Value| {
        let mut container = sh("c", "sleep 600");
        container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"containers": [container]})
    };
    let from = |source: Value| json!({"env": [{"name": "A", "valueFrom": source}]});
    for (name, more, message) in [
        ("key", from(json!({"configMapKeyRef": {"name": "cm", "key": "a"}})), "configmap \"cm\" not found"),
        ("secret", from(json!({"secretKeyRef": {"name": "s", "key": "a"}})), "secret \"s\" not found"),
        ("all", json!({"envFrom": [{"configMapRef": {"name": "cm"}}]}), "configmap \"cm\" not found"),
        ("secrets", json!({"envFrom": [{"secretRef": {"name": "s"}}]}), "secret \"s\" not found"),
    ] {
        lab.pod(name, container(more));
        lab.pass(3);
        let waiting = lab.container(name, "c").state.unwrap().waiting.unwrap();
        assert_eq!(waiting.reason.as_deref(), Some("CreateContainerConfigError"));
        assert_eq!(waiting.message.as_deref(), Some(message), "{name}");
    }
}

#[test]
fn a_container_that_must_not_be_root_is_not_made_as_root() {
    let mut lab = Lab::new();
    let spec = |user: Value| json!({"securityContext": {"runAsNonRoot": true, "runAsUser": user}, "containers": [sh("c", "id -u; sleep 600")]});
    lab.pod("root", spec(Value::Null));
    lab.pod("user", spec(json!(1000)));
    lab.pass(5);
    let waiting = lab.container("root", "c").state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("CreateContainerConfigError"));
    assert!(
        waiting
            .message
            .unwrap()
            .starts_with("container has runAsNonRoot and image will run as root (pod: \"root_default(")
    );
    assert_eq!(lab.log("user", "c"), "1000\n");
}

#[test]
fn an_idle_day_with_probes_costs_little() {
    let mut lab = Lab::new();
    let mut container = sh("c", "sleep infinity");
    container["livenessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 10});
    container["readinessProbe"] = json!({"tcpSocket": {"port": 1}, "periodSeconds": 10});
    lab.pod("p", json!({"containers": [container]}));
    lab.pass(60);
    let before = lab.cluster.server().store().revision();
    let events = lab.cluster.events();
    lab.pass(86_400);
    let (writes, events) = (lab.cluster.server().store().revision() - before, lab.cluster.events() - events);
    // Two probes each ten seconds; what fails is told in one event that is counted up, at most every five minutes.
    assert!(events < 150_000, "{events} pieces of work");
    assert!(writes < 20_000, "{writes} writes");
}
