//! What a fresh cluster holds: namespaces, nodes, the objects of kube-system. All of it goes through the API server;
//! what controllers and kubelets would make of it, they make.
//!
//! Models Kubernetes 1.36 cmd/kubeadm/app/phases (addons, controlplane, marks of the control plane's node).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Node, Pod, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};

use super::{Addon, NodeConfig, roles};
use crate::api::KindOps as _;
use crate::api::api_service::{self, API_SERVICE};
use crate::apimachinery::{Kind, meta, names};
use crate::apiserver::{ApiServer, Caller};
use crate::kubelet::healthy_conditions;
use crate::sim::Time;

/// The version that every component says it is.
const VERSION: &str = "v1.36.2";
/// The address of the Service `kubernetes`.
const API_ADDRESS: &str = "10.96.0.1";
/// The address of the Service `kube-dns`.
const DNS_ADDRESS: &str = "10.96.0.10";
/// The port of the API server on its node.
const API_PORT: u16 = 6443;

/// What coredns serves, and how.
const COREFILE: &str = "\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";

/// Makes the objects of a fresh cluster, whose root certificate this is, and turns admission on.
pub fn bootstrap(server: &mut ApiServer, nodes: &[NodeConfig], certificate: &str) {
    let mut maker = Maker { server, caller: Caller::component("system:kube-apiserver") };
    maker.namespaces();
    maker.priority_classes();
    for config in nodes.iter().filter(|config| config.control_plane) {
        maker.node(config);
    }
    maker.roles();
    maker.accounts();
    maker.server.enable_admission();
    let control_plane = nodes.iter().find(|node| node.control_plane);
    maker.services(control_plane);
    maker.leases(nodes);
    if let Some(node) = control_plane {
        maker.static_pods(node);
        maker.settings(node);
        maker.trust(node, certificate);
        maker.addons();
    }
    maker.api_services();
}

/// Lets the other machines join.
pub fn join(server: &mut ApiServer, nodes: &[NodeConfig]) {
    let mut maker = Maker { server, caller: Caller::component("system:kube-apiserver") };
    for config in nodes.iter().filter(|config| !config.control_plane) {
        maker.node(config);
        maker.lease(config);
    }
}

/// Installs what is not part of every cluster: a storage class whose volumes are directories of a node, and the
/// measurements of usage.
pub fn install(server: &mut ApiServer, addons: &[Addon]) {
    let mut maker = Maker { server, caller: Caller::component("kubernetes-admin") };
    for addon in addons {
        match addon {
            Addon::LocalPathStorage => {
                let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
                maker.make::<StorageClass>(json!({
                    "metadata": {"name": "local-path", "annotations": annotations},
                    "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete",
                    "volumeBindingMode": "WaitForFirstConsumer",
                }));
            }
            Addon::MetricsServer => maker.metrics_service(),
        }
    }
}

struct Maker<'a> {
    server: &'a mut ApiServer,
    caller: Caller,
}

impl Maker<'_> {
    /// Creates an object from its JSON.
    fn make<T: Kind>(&mut self, mut value: Value) -> Option<std::sync::Arc<T>> {
        if let Some(map) = value.as_object_mut() {
            map.insert("apiVersion".to_owned(), json!(T::API_VERSION));
            map.insert("kind".to_owned(), json!(T::KIND));
        }
        let made = crate::apimachinery::decode::<T>(value)
            .ok()
            .and_then(|object| self.server.create(&self.caller, object).ok());
        debug_assert!(made.is_some(), "a {} of the fresh cluster was refused", T::KIND);
        made
    }

    fn namespaces(&mut self) {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let labels = json!({"kubernetes.io/metadata.name": name});
            self.make::<Namespace>(json!({"metadata": {"name": name, "labels": labels}}));
        }
    }

    fn priority_classes(&mut self) {
        let classes = [
            (
                "system-cluster-critical",
                2_000_000_000,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            ),
            (
                "system-node-critical",
                2_000_001_000,
                "Used for system critical pods that must not be moved from their current node.",
            ),
        ];
        for (name, value, description) in classes {
            let policy = "PreemptLowerPriority";
            self.make::<PriorityClass>(json!({
                "metadata": {"name": name}, "value": value, "preemptionPolicy": policy, "description": description,
            }));
        }
    }

    fn node(&mut self, config: &NodeConfig) {
        let mut labels = json!({
            "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": config.name, "kubernetes.io/os": "linux",
        });
        let mut spec = json!({
            "podCIDR": format!("{}.0/24", config.pod_network), "podCIDRs": [format!("{}.0/24", config.pod_network)],
        });
        if config.control_plane
            && let (Some(labels), Some(spec)) = (labels.as_object_mut(), spec.as_object_mut())
        {
            labels.insert("node-role.kubernetes.io/control-plane".to_owned(), json!(""));
            labels.insert("node.kubernetes.io/exclude-from-external-load-balancers".to_owned(), json!(""));
            let taint = json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"});
            spec.insert("taints".to_owned(), json!([taint]));
        }
        let status = node_status(config, self.server.now(), self.server.store().revision());
        self.make::<Node>(json!({
            "metadata": {
                "name": config.name, "labels": labels,
                "annotations": {
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": spec, "status": status,
        }));
    }

    fn accounts(&mut self) {
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            self.make::<ServiceAccount>(json!({"metadata": {"name": "default", "namespace": namespace}}));
        }
        for name in ["coredns", "kube-proxy"] {
            self.make::<ServiceAccount>(json!({"metadata": {"name": name, "namespace": "kube-system"}}));
        }
    }

    fn roles(&mut self) {
        let made =
            roles::make(self.server, &self.caller).and_then(|()| roles::make_accounts(self.server, &self.caller));
        debug_assert!(made.is_ok(), "a role of the fresh cluster was refused: {made:?}");
    }

    fn services(&mut self, control_plane: Option<&NodeConfig>) {
        self.make::<Service>(json!({
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "clusterIP": API_ADDRESS, "type": "ClusterIP",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_PORT}],
            },
        }));
        let Some(node) = control_plane else { return };
        let port = json!([{"name": "https", "port": API_PORT, "protocol": "TCP"}]);
        self.make::<Endpoints>(json!({
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            },
            "subsets": [{"addresses": [{"ip": node.address}], "ports": port}],
        }));
        self.make::<EndpointSlice>(json!({
            "metadata": {
                "name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4", "ports": port,
            "endpoints": [{"addresses": [node.address], "conditions": {"ready": true}}],
        }));
        self.make::<Service>(json!({
            "metadata": {
                "name": "kube-dns", "namespace": "kube-system",
                "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
                "labels": {
                    "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS",
                },
            },
            "spec": {
                "clusterIP": DNS_ADDRESS, "selector": {"k8s-app": "kube-dns"},
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
                    {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": "metrics"},
                ],
            },
        }));
    }

    /// A node's lease; its kubelet renews it.
    fn lease(&mut self, node: &NodeConfig) {
        let metadata = json!({"name": node.name, "namespace": "kube-node-lease"});
        let spec = json!({"holderIdentity": node.name, "leaseDurationSeconds": 40});
        self.make::<Lease>(json!({"metadata": metadata, "spec": spec}));
    }

    /// The object by which a metrics server says that it is there.
    fn metrics_service(&mut self) {
        let object = json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io", "labels": {"k8s-app": "metrics-server"}},
            "spec": {
                "group": "metrics.k8s.io", "groupPriorityMinimum": 100, "insecureSkipTLSVerify": true,
                "service": {"name": "metrics-server", "namespace": "kube-system"}, "version": "v1beta1",
                "versionPriority": 100,
            },
        });
        self.api_service(object);
    }

    fn api_service(&mut self, object: Value) {
        let object = API_SERVICE.decode(object).ok();
        let made = object.and_then(|object| self.server.create_object(&self.caller, object, false).ok());
        debug_assert!(made.is_some(), "an APIService was refused");
    }

    /// What the API server serves itself.
    fn api_services(&mut self) {
        for (group, version, by_group, by_version) in api_service::LOCAL {
            self.api_service(api_service::local(group, version, (by_group, by_version), "onstart"));
        }
    }

    fn leases(&mut self, nodes: &[NodeConfig]) {
        let held = |holder: &str, seconds: u32| json!({"holderIdentity": holder, "leaseDurationSeconds": seconds});
        if let Some(node) = nodes.iter().find(|node| node.control_plane) {
            self.lease(node);
            let mut ids = crate::sim::Seed::new(self.server.store().revision()).fork("leases").rng();
            let identity = format!("apiserver-{}", names::suffix(&mut ids, 26));
            for (name, host, seconds) in [
                (identity.as_str(), identity.as_str(), 3600),
                ("kube-controller-manager", node.name.as_str(), 15),
                ("kube-scheduler", node.name.as_str(), 15),
            ] {
                let holder = format!("{host}_{}", names::uid(&mut ids));
                let metadata = json!({"name": name, "namespace": "kube-system"});
                self.make::<Lease>(json!({"metadata": metadata, "spec": held(&holder, seconds)}));
            }
        }
        let since = self.server.now().timestamp().to_string();
        let tracking =
            json!({"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"});
        self.make::<ConfigMap>(json!({"metadata": tracking, "data": {"since": since.get(..10).unwrap_or_default()}}));
    }

    /// The control plane runs as Pods that its kubelet reads from files and shows to the server as mirrors.
    fn static_pods(&mut self, node: &NodeConfig) {
        let Ok(owner) = self.server.get::<Node>("", &node.name) else { return };
        let uid = meta::uid(&owner.metadata).to_owned();
        let image = |name: &str| format!("registry.k8s.io/{name}:{VERSION}");
        let components = [
            ("etcd", "registry.k8s.io/etcd:3.5.30-0".to_owned(), vec!["etcd", "--data-dir=/var/lib/etcd"], "100m"),
            (
                "kube-apiserver",
                image("kube-apiserver"),
                vec!["kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12", "--secure-port=6443"],
                "250m",
            ),
            (
                "kube-controller-manager",
                image("kube-controller-manager"),
                vec!["kube-controller-manager", "--cluster-cidr=10.244.0.0/16", "--leader-elect=true"],
                "200m",
            ),
            ("kube-scheduler", image("kube-scheduler"), vec!["kube-scheduler", "--leader-elect=true"], "100m"),
        ];
        let seen = self.server.now().timestamp().to_string();
        for (name, image, command, cpu) in components {
            // A static Pod's hash names its file's content; any stable 32 digits do.
            let hash = names::uid(&mut crate::sim::Seed::new(0).fork(name).rng()).replace('-', "");
            self.make::<Pod>(json!({
                "metadata": {
                    "name": format!("{name}-{}", node.name), "namespace": "kube-system",
                    "labels": {"component": name, "tier": "control-plane"},
                    "annotations": {
                        "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                        "kubernetes.io/config.seen": seen, "kubernetes.io/config.source": "file",
                    },
                    "ownerReferences": [{
                        "apiVersion": "v1", "kind": "Node", "name": node.name, "uid": uid, "controller": true,
                    }],
                },
                "spec": {
                    "nodeName": node.name, "hostNetwork": true, "priorityClassName": "system-node-critical",
                    "containers": [{
                        "name": name, "image": image, "command": command, "imagePullPolicy": "IfNotPresent",
                        "resources": {"requests": {"cpu": cpu}},
                    }],
                    "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                },
            }));
        }
    }

    /// The settings that the installer leaves behind, where its successors look for them.
    fn settings(&mut self, node: &NodeConfig) {
        let server = format!("https://{}:{API_PORT}", node.address);
        let in_pod = "/var/run/secrets/kubernetes.io/serviceaccount";
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority: {in_pod}/ca.crt\n    server: {server}\n  name: default\ncontexts:\n- context:\n    cluster: default\n    namespace: default\n    user: default\n  name: default\ncurrent-context: default\nusers:\n- name: default\n  user:\n    tokenFile: {in_pod}/token"
        );
        let kubeadm = format!(
            "apiServer: {{}}\napiVersion: kubeadm.k8s.io/v1beta4\ncaCertificateValidityPeriod: 87600h0m0s\ncertificateValidityPeriod: 8760h0m0s\ncertificatesDir: /etc/kubernetes/pki\nclusterName: kubernetes\ncontrollerManager: {{}}\ndns: {{}}\nencryptionAlgorithm: RSA-2048\netcd:\n  local:\n    dataDir: /var/lib/etcd\nimageRepository: registry.k8s.io\nkind: ClusterConfiguration\nkubernetesVersion: {VERSION}\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\nproxy: {{}}\nscheduler: {{}}\n"
        );
        let kubelet = format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nclusterDNS:\n- {DNS_ADDRESS}\nclusterDomain: cluster.local\nkind: KubeletConfiguration\nrotateCertificates: true\nstaticPodPath: /etc/kubernetes/manifests\n"
        );
        let proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nbindAddress: 0.0.0.0\nclientConnection:\n  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\nclusterCIDR: 10.244.0.0/16\nkind: KubeProxyConfiguration\nmode: \"\"\n";
        for (name, labels, data) in [
            ("coredns", json!(null), json!({"Corefile": COREFILE})),
            ("kube-proxy", json!({"app": "kube-proxy"}), json!({"config.conf": proxy, "kubeconfig.conf": kubeconfig})),
            ("kubeadm-config", json!(null), json!({"ClusterConfiguration": kubeadm})),
            ("kubelet-config", json!(null), json!({"kubelet": kubelet})),
        ] {
            let metadata = json!({"name": name, "namespace": "kube-system", "labels": labels});
            self.make::<ConfigMap>(json!({"metadata": metadata, "data": data}));
        }
    }

    /// What anybody may read who wants to join, and what aggregated servers need to know of this one.
    fn trust(&mut self, node: &NodeConfig, certificate: &str) {
        let encoded = BASE64_STANDARD.encode(certificate);
        let info = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {encoded}\n    server: https://{}:{API_PORT}\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\nusers: null\n",
            node.address
        );
        self.make::<ConfigMap>(json!({
            "metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": info},
        }));
        self.make::<ConfigMap>(json!({
            "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
            "data": {
                "client-ca-file": certificate, "requestheader-allowed-names": "[\"front-proxy-client\"]",
                "requestheader-client-ca-file": certificate,
                "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
                "requestheader-group-headers": "[\"X-Remote-Group\"]",
                "requestheader-username-headers": "[\"X-Remote-User\"]",
            },
        }));
    }

    fn addons(&mut self) {
        self.make::<Deployment>(json!({
            "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
                "template": {
                    "metadata": {"labels": {"k8s-app": "kube-dns"}},
                    "spec": {
                        "serviceAccountName": "coredns", "priorityClassName": "system-cluster-critical",
                        "containers": [{
                            "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.14.1",
                            "ports": [
                                {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                                {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
                            ],
                        }],
                        "tolerations": [
                            {"key": "CriticalAddonsOnly", "operator": "Exists"},
                            {"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"},
                        ],
                    },
                },
            },
        }));
        self.make::<DaemonSet>(json!({
            "metadata": {"name": "kube-proxy", "namespace": "kube-system", "labels": {"k8s-app": "kube-proxy"}},
            "spec": {
                "selector": {"matchLabels": {"k8s-app": "kube-proxy"}},
                "template": {
                    "metadata": {"labels": {"k8s-app": "kube-proxy"}},
                    "spec": {
                        "serviceAccountName": "kube-proxy", "priorityClassName": "system-node-critical",
                        "hostNetwork": true, "nodeSelector": {"kubernetes.io/os": "linux"},
                        "containers": [{"name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:{VERSION}")}],
                        "tolerations": [{"operator": "Exists"}],
                    },
                },
            },
        }));
    }
}

/// What the kubelet of this machine reports once it is up.
fn node_status(config: &NodeConfig, now: Time, salt: u64) -> Value {
    let cpu = match config.milli_cpu {
        whole if whole % 1000 == 0 => (whole / 1000).to_string(),
        part => format!("{part}m"),
    };
    let amounts = |memory: i64| {
        json!({
            "cpu": cpu, "ephemeral-storage": "20134592Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
            "memory": format!("{}Ki", memory / 1024), "pods": config.max_pods.to_string(),
        })
    };
    let mut ids = crate::sim::Seed::new(salt).fork(&config.name).rng();
    let (machine, system, boot) = (names::uid(&mut ids), names::uid(&mut ids), names::uid(&mut ids));
    json!({
        "capacity": amounts(config.memory),
        "allocatable": amounts(config.memory),
        "conditions": healthy_conditions(now),
        "addresses": [
            {"type": "InternalIP", "address": config.address}, {"type": "Hostname", "address": config.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": machine.replace('-', ""), "systemUUID": system, "bootID": boot,
            "kernelVersion": "6.8.0-94-generic", "osImage": "Ubuntu 24.04.4 LTS",
            "containerRuntimeVersion": "containerd://2.2.1", "kubeletVersion": VERSION, "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": "amd64",
        },
    })
}
