//! What a person at the terminal sees of Pods and nodes: volumes that are not there, resizes, servers and their clients,
//! the API from within a Pod, network policies, and a node whose kubelet is stopped.

use std::time::Duration;

use serde_json::{Value, json};
use tabernetes::cluster::PresentImages;
use tabernetes::playground::{Config, Session};

struct Desk(Session);

impl Desk {
    fn new() -> Self {
        let config = Config { present_images: PresentImages::All, ..Config::default() };
        Self(Session::with_config(&config))
    }

    fn pod(&mut self, name: &str, mut spec: Value) {
        for container in spec["containers"].as_array_mut().unwrap() {
            let fields = container.as_object_mut().unwrap();
            fields.entry("image").or_insert_with(|| "busybox:1.36".into());
            fields.entry("name").or_insert_with(|| "c".into());
        }
        self.make(&json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}));
    }

    fn make(&mut self, object: &Value) {
        self.0.write("o.yaml", &object.to_string()).unwrap();
        assert_eq!(self.0.run("kubectl apply -f o.yaml").exit, 0, "{object}");
    }

    fn pass(&mut self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds));
    }

    fn run(&mut self, line: &str) -> String {
        let outcome = self.0.run(line);
        outcome.stdout + &outcome.stderr
    }

    fn has(&mut self, line: &str, words: &str) {
        let text = self.run(line);
        assert!(text.contains(words), "{line}\n{text}");
    }

    fn events(&mut self, pod: &str) -> Vec<String> {
        let text = self.run(&format!(
            "kubectl get events --field-selector involvedObject.name={pod} -o jsonpath='{{range .items[*]}}{{.count}} {{.reason}}: {{.message}}{{\"\\n\"}}{{end}}'"
        ));
        text.lines().map(str::to_owned).collect()
    }

    fn has_event(&mut self, pod: &str, words: &str) {
        let all = self.events(pod);
        assert!(all.iter().any(|line| line.contains(words)), "{words}\n{all:#?}");
    }
}

fn sleeps() -> Value {
    json!(["sleep", "100000"])
}

#[test]
fn volumes_that_are_not_there_are_tried_again_and_again_with_longer_waits() {
    let mut desk = Desk::new();
    let volume = |source: Value| {
        json!({"containers": [{"command": sleeps(), "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "volumes": [source]})
    };
    desk.pod("map", volume(json!({"name": "v", "configMap": {"name": "nope"}})));
    desk.pod("key", volume(json!({"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}})));
    desk.pod("dir", volume(json!({"name": "v", "hostPath": {"path": "/data/x", "type": "Directory"}})));
    desk.pod("file", volume(json!({"name": "v", "hostPath": {"path": "/etc", "type": "File"}})));
    desk.pod("sock", volume(json!({"name": "v", "hostPath": {"path": "/etc/hostname", "type": "Socket"}})));
    desk.pod("made", volume(json!({"name": "v", "hostPath": {"path": "/data/new", "type": "DirectoryOrCreate"}})));
    desk.run("kubectl create secret generic s --from-literal=other=1");
    desk.pass(90);
    let failed = "FailedMount: MountVolume.SetUp failed for volume \"v\" : ";
    desk.has_event("map", &format!("8 {failed}configmap \"nope\" not found"));
    desk.has_event("key", &format!("{failed}references non-existent secret key: k"));
    desk.has_event("dir", &format!("{failed}hostPath type check failed: /data/x is not a directory"));
    desk.has_event("file", &format!("{failed}hostPath type check failed: /etc is not a file"));
    desk.has_event("sock", &format!("{failed}hostPath type check failed: /etc/hostname is not a socket file"));
    desk.has("kubectl get pod made", "Running");
    desk.pass(40);
    desk.has_event(
        "map",
        "FailedMount: Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process \
         volumes=[]: context deadline exceeded",
    );
    desk.run("kubectl create configmap nope --from-literal=a=1");
    desk.pass(125);
    desk.has("kubectl get pod map", "Running");
}

#[test]
fn a_volume_mounted_at_two_places_shows_the_same_files() {
    let mut desk = Desk::new();
    desk.pod(
        "p",
        json!({"containers": [{"command": ["sh", "-c", "echo one > /a/f; echo two > /b/g; sleep 1000"],
            "env": [{"name": "SUB", "value": "deep"}],
            "volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b", "subPathExpr": "$(SUB)"}]}],
            "volumes": [{"name": "v", "emptyDir": {}}]}),
    );
    desk.pass(5);
    assert_eq!(desk.run("kubectl exec p -- sh -c 'cat /a/f /a/deep/g; ls /b'"), "one\ntwo\ng\n");
    desk.pod(
        "q",
        json!({"containers": [{"command": sleeps(),
            "volumeMounts": [{"name": "v", "mountPath": "/b", "subPathExpr": "$(NOPE)"}]}],
            "volumes": [{"name": "v", "emptyDir": {}}]}),
    );
    desk.pass(5);
    desk.has("kubectl get pod q", "CreateContainerConfigError");
    desk.has_event("q", "Failed: Error: missing value for NOPE");
}

#[test]
fn variables_come_from_services_limits_of_the_node_and_files() {
    let mut desk = Desk::new();
    desk.pod(
        "p",
        json!({"initContainers": [{"name": "i", "image": "busybox:1.36", "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                "command": ["sh", "-c", "echo \"KEY='from a file'\" > /v/env"]}],
            "containers": [{"command": ["sh", "-c", "echo \"$HOST $CPU $KEY\"; sleep 1000"], "env": [
                {"name": "HOST", "value": "at $(KUBERNETES_SERVICE_HOST)"},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "KEY", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "env", "key": "KEY"}}}]}],
            "volumes": [{"name": "v", "emptyDir": {}}]}),
    );
    desk.pod(
        "q",
        json!({"containers": [{"command": sleeps(), "env": [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "a"}}}]}]}),
    );
    desk.pass(10);
    assert_eq!(desk.run("kubectl logs p -c c"), "at 10.96.0.1 2 from a file\n");
    desk.has_event("q", "Failed: Error: configmap \"nope\" not found");
}

#[test]
fn a_pod_is_resized_in_place() {
    let mut desk = Desk::new();
    let policy = json!([{"resourceName": "memory", "restartPolicy": "RestartContainer"}]);
    desk.pod(
        "p",
        json!({"containers": [{"command": sleeps(), "resizePolicy": policy,
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}}}]}),
    );
    desk.pass(5);
    let patch = |resources: &str| {
        format!(
            "kubectl patch pod p --subresource resize -p '{{\"spec\":{{\"containers\":[{{\"name\":\"c\",\"resources\":{resources}}}]}}}}'"
        )
    };
    assert_eq!(desk.run(&patch("{\"requests\":{\"cpu\":\"200m\"}}")), "pod/p patched\n");
    desk.pass(3);
    let status = "kubectl get pod p -o jsonpath='{.status.containerStatuses[0].resources.requests.cpu} {.status.containerStatuses[0].allocatedResources.cpu} {.status.containerStatuses[0].restartCount}'";
    assert_eq!(desk.run(status), "200m 200m 0");
    desk.has_event("p", "ResizeStarted: Pod resize started: {\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"128Mi\"},\"requests\":{\"cpu\":\"200m\",\"memory\":\"64Mi\"}}}],\"generation\":2}");
    desk.has_event("p", "ResizeCompleted: Pod resize completed: ");
    desk.run(&patch("{\"limits\":{\"memory\":\"256Mi\"}}"));
    desk.pass(40);
    desk.has_event("p", "Killing: Container c resize requires restart");
    assert_eq!(desk.run(status), "200m 200m 1");
    desk.has(
        &patch("{\"requests\":{\"cpu\":\"3\"},\"limits\":{\"cpu\":\"3\"}}"),
        "pods \"p\" is forbidden: node didn't have enough allocatable resources: cpu, requested: 3000, allocatable: 2000",
    );
    desk.pod("other", json!({"nodeName": "node01", "containers": [{"command": sleeps(), "resources": {"requests": {"cpu": "100m"}}}]}));
    desk.pass(3);
    desk.has(&patch("{\"requests\":{\"cpu\":\"2\"},\"limits\":{\"cpu\":\"2\"}}"), "pod/p patched");
    desk.pass(3);
    assert_eq!(desk.run(status), "200m 200m 1");
    let pending = "kubectl get pod p -o jsonpath='{.status.conditions[?(@.type==\"PodResizePending\")].reason}: {.status.conditions[?(@.type==\"PodResizePending\")].message}'";
    desk.has(pending, "Deferred: Node didn't have enough resource: cpu, requested: 2000, used: ");
    desk.has(
        &patch("{\"requests\":{\"cpu\":\"3\",\"memory\":\"256Mi\"},\"limits\":{\"cpu\":\"3\"}}"),
        "The Pod \"p\" is invalid: spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing",
    );
}

#[test]
fn a_resize_stays_within_quotas_and_ranges() {
    let mut desk = Desk::new();
    let resources = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}});
    desk.pod("p", json!({"containers": [{"command": sleeps(), "resources": resources}]}));
    desk.run("kubectl create quota q --hard=requests.cpu=500m");
    desk.pass(10);
    let patch = |cpu: &str| {
        format!(
            "kubectl patch pod p --subresource resize -p '{{\"spec\":{{\"containers\":[{{\"name\":\"c\",\"resources\":{{\"requests\":{{\"cpu\":\"{cpu}\"}}}}}}]}}}}'"
        )
    };
    desk.has(&patch("600m"), "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=100m, limited: ");
    assert_eq!(desk.run(&patch("400m")), "pod/p patched\n");
    assert_eq!(desk.run("kubectl get quota q -o jsonpath='{.status.used}'"), "{\"requests.cpu\":\"400m\"}");
    let limits = json!([{"type": "Container", "min": {"cpu": "300m"}}]);
    desk.make(
        &json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r"}, "spec": {"limits": limits}}),
    );
    desk.has(&patch("200m"), "minimum cpu usage per Container is 300m, but request is 200m");
}

#[test]
fn one_container_may_start_all_of_them_again() {
    let mut desk = Desk::new();
    let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]);
    desk.pod("p", json!({"restartPolicy": "Never", "containers": [
        {"name": "main", "command": sleeps()},
        {"name": "watch", "command": ["sh", "-c", "sleep 5; exit 42"], "restartPolicy": "Never", "restartPolicyRules": rules}],
        "volumes": []}));
    desk.pass(12);
    let count = "kubectl get pod p -o jsonpath='{.status.phase} {.status.containerStatuses[*].restartCount} {.status.containerStatuses[0].lastState.terminated.reason}'";
    assert_eq!(desk.run(count), "Running 1 1 RestartingAllContainers");
    desk.has_event("p", "Killing: killing");
}

#[test]
fn redis_agnhost_and_nginx_serve_their_clients() {
    let mut desk = Desk::new();
    desk.pod("redis", json!({"containers": [{"image": "redis"}]}));
    desk.pod(
        "net",
        json!({"containers": [{"image": "registry.k8s.io/e2e-test-images/agnhost:2.40", "args": ["netexec"]}]}),
    );
    desk.pod(
        "grpc",
        json!({"containers": [{"image": "registry.k8s.io/e2e-test-images/agnhost:2.40",
        "args": ["grpc-health-checking"], "readinessProbe": {"grpc": {"port": 5000}, "periodSeconds": 1},
        "livenessProbe": {"grpc": {"port": 5000, "service": "x"}, "periodSeconds": 1, "failureThreshold": 100}}]}),
    );
    desk.pod(
        "web",
        json!({"containers": [{"image": "nginx:1.27", "readinessProbe": {"grpc": {"port": 80}, "periodSeconds": 5}}]}),
    );
    desk.run("kubectl expose pod redis --port=6379");
    desk.pass(8);
    assert_eq!(desk.run("kubectl exec web -- nginx -v"), "nginx version: nginx/1.27.5\n");
    desk.has("kubectl exec web -- nginx -t", "configuration file /etc/nginx/nginx.conf test is successful");
    desk.has(
        "kubectl run t -i --rm --restart=Never --image=redis -- redis-cli -h redis rpush job2 apple banana",
        "2\n",
    );
    desk.has(
        "kubectl run t -i --rm --restart=Never --image=redis -- redis-cli -h redis lrange job2 0 -1",
        "apple\nbanana\n",
    );
    let ip = desk.run("kubectl get pod net -o jsonpath='{.status.podIP}'");
    assert_eq!(desk.run(&format!("kubectl exec web -- curl -s '{ip}:8080/echo?msg=hi'")).trim(), "hi");
    desk.has("kubectl get pod grpc", "1/1");
    desk.has_event("grpc", "Unhealthy: Liveness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service");
    desk.has_event("web", ":80\" within 1s: context deadline exceeded");
}

#[test]
fn a_pod_asks_the_api_with_its_token() {
    let mut desk = Desk::new();
    desk.pod("p", json!({"containers": [{"image": "curlimages/curl", "command": sleeps()}]}));
    desk.pass(8);
    let account = "/var/run/secrets/kubernetes.io/serviceaccount";
    let ask = |path: &str| {
        format!(
            "kubectl exec p -- sh -c 'curl -s --cacert {account}/ca.crt -H \"Authorization: Bearer $(cat {account}/token)\" https://kubernetes.default.svc{path}'"
        )
    };
    desk.has("kubectl exec p -- curl https://kubernetes.default.svc/api", "curl: (60) SSL certificate problem");
    desk.has(
        "kubectl exec p -- curl -sk https://kubernetes.default.svc/api/v1/pods",
        "User \\\"system:anonymous\\\" cannot list",
    );
    desk.has(
        "kubectl exec p -- curl -sk -H 'Authorization: Bearer x' https://kubernetes.default.svc/api",
        "\"message\": \"Unauthorized\"",
    );
    let pods = ask("/api/v1/namespaces/default/pods");
    desk.has(&pods, "User \\\"system:serviceaccount:default:default\\\" cannot list resource \\\"pods\\\"");
    desk.run("kubectl create rolebinding r --clusterrole=view --serviceaccount=default:default");
    desk.has(&pods, "\"kind\": \"PodList\"");
}

#[test]
fn a_network_policy_lets_through_whom_it_names() {
    let mut desk = Desk::new();
    desk.pod("web", json!({"containers": [{"image": "nginx"}]}));
    desk.pod("a", json!({"containers": [{"command": sleeps()}]}));
    desk.pass(8);
    let ip = desk.run("kubectl get pod web -o jsonpath='{.status.podIP}'");
    let ask = format!("kubectl exec a -- wget -qO- -T 2 {ip}");
    desk.has(&ask, "Welcome to nginx!");
    let from = |app: &str| json!([{"from": [{"podSelector": {"matchLabels": {"app": app}}}], "ports": [{"port": 80}]}]);
    let policy = |rules: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "n"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": rules}})
    };
    desk.make(&policy(json!([])));
    desk.has(&ask, "wget: download timed out");
    desk.make(&policy(from("b")));
    desk.has(&ask, "wget: download timed out");
    desk.make(&policy(from("a")));
    desk.has(&ask, "Welcome to nginx!");
    desk.make(&json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "out"},
        "spec": {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Egress"]}}));
    desk.has(&ask, "wget: download timed out");
    desk.has("kubectl exec a -- wget -qO- -T 2 web", "wget: bad address 'web'");
}

#[test]
fn a_stopped_kubelet_is_missed_and_comes_back() {
    let mut desk = Desk::new();
    desk.pod("p", json!({"containers": [{"command": ["sh", "-c", "while true; do date; sleep 1; done"]}]}));
    desk.pass(5);
    assert_eq!(desk.run("ssh nowhere"), "ssh: Could not resolve hostname nowhere: Name or service not known\n");
    desk.has("systemctl stop kubelet", "Failed to stop kubelet.service: Unit kubelet.service not loaded.");
    desk.has("ssh node01 systemctl status kubelet", "Active: active (running) since ");
    assert_eq!(desk.run("ssh node01 systemctl stop kubelet"), "");
    assert_eq!(desk.run("ssh node01 systemctl is-active kubelet"), "inactive\n");
    desk.has("kubectl logs p", "connect: connection refused");
    desk.pass(60);
    desk.has("kubectl get nodes", "NotReady");
    desk.has("kubectl describe node node01", "node.kubernetes.io/unreachable:NoExecute");
    desk.pass(310);
    desk.has("kubectl get pod p", "Terminating");
    desk.run("ssh node01 systemctl start kubelet");
    desk.pass(60);
    desk.has("kubectl get nodes", "node01         Ready");
    desk.has("kubectl get pods", "No resources found");
}
