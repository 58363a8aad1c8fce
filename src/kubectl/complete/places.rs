//! What belongs where on a line of kubectl: which arguments a command takes, and the values that flags choose from.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/completion and the commands' own completions.

/// What can stand in a place.
pub enum Place {
    /// A type of object, or `TYPE/NAME`; then names of that type.
    Objects,
    /// The name of an object of this resource; also `TYPE/NAME` when `slashed`.
    Names { resource: &'static str, slashed: bool },
    /// A type of object only.
    Types,
    /// A type of object, or a field of one behind dots.
    Fields,
    /// A type of these, or `TYPE/NAME`; then names of that type.
    Few(&'static [&'static str]),
    /// A Pod or a namespace to copy from or to; else a file.
    Copy,
    /// One of these words.
    Words(&'static [&'static str]),
    /// The name of a context, cluster or user of the kubeconfig.
    Config(&'static str),
    /// A command.
    Commands,
    /// A file.
    File,
    /// Nothing.
    Nothing,
}

pub const OUTPUTS: &[&str] = &[
    "json",
    "yaml",
    "kyaml",
    "name",
    "go-template",
    "go-template-file",
    "template",
    "templatefile",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "custom-columns",
    "custom-columns-file",
    "wide",
];

/// Types in front of a slash that stand for one of their Pods.
pub const WITH_PODS: &[&str] =
    &["daemonsets", "deployments", "pods", "jobs", "replicasets", "replicationcontrollers", "services", "statefulsets"];

/// What has images that can be set.
const SET_IMAGE: &[&str] =
    &["daemonsets", "deployments", "pods", "cronjobs", "replicasets", "replicationcontrollers", "statefulsets"];

/// What commands print that have forms of their own.
pub const OWN_OUTPUTS: &[(&str, &[&str])] = &[
    ("api-resources", &["json", "name", "wide", "yaml"]),
    ("apply view-last-applied", &["json", "yaml"]),
    ("config get-contexts", &["name"]),
    ("explain", &["plaintext", "plaintext-openapiv2"]),
    ("version", &["json", "yaml"]),
];

/// The values of flags that take one of a few.
pub const VALUES: &[(&str, &[&str])] = &[
    ("dry-run", &["none", "server", "client"]),
    ("cascade", &["background", "foreground", "orphan"]),
    ("restart", &["Always", "OnFailure", "Never"]),
    ("image-pull-policy", &["Always", "IfNotPresent", "Never"]),
    ("validate", &["strict", "warn", "ignore"]),
    ("type", &["json", "merge", "strategic"]),
    ("types", &["Normal", "Warning"]),
    ("subresource", &["status", "scale", "resize"]),
    ("sort-by", &["cpu", "memory", "name", "kind", ".metadata.name", ".metadata.creationTimestamp"]),
    ("for", &["condition=", "jsonpath=", "create", "delete"]),
    ("profile", &["general", "baseline", "restricted", "netadmin", "sysadmin"]),
    ("protocol", &["TCP", "UDP", "SCTP"]),
    ("override-type", &["json", "merge", "strategic"]),
    ("session-affinity", &["None", "ClientIP"]),
    ("preemption-policy", &["PreemptLowerPriority", "Never"]),
];

/// What the argument number `index` of a command is.
pub fn place(path: &str, index: usize) -> Place {
    let path = path.strip_prefix("kubectl ").unwrap_or(path);
    let one = |resource| if index == 0 { Place::Names { resource, slashed: false } } else { Place::Nothing };
    match path {
        "get"
        | "describe"
        | "delete"
        | "edit"
        | "label"
        | "annotate"
        | "patch"
        | "wait"
        | "set env"
        | "set resources"
        | "set selector"
        | "set serviceaccount"
        | "set subject"
        | "apply view-last-applied"
        | "apply edit-last-applied"
        | "debug" => Place::Objects,
        "logs" | "exec" | "attach" | "port-forward" if index == 0 => Place::Names { resource: "pods", slashed: true },
        "scale" | "autoscale" => Place::Few(&["deployment", "replicaset", "replicationcontroller", "statefulset"]),
        "expose" => Place::Few(&["pod", "service", "replicationcontroller", "deployment", "replicaset"]),
        "set image" => Place::Few(SET_IMAGE),
        "rollout pause" | "rollout resume" => Place::Few(&["deployment"]),
        "cp" if index < 2 => Place::Copy,
        "cordon" | "uncordon" | "drain" => Place::Names { resource: "nodes", slashed: false },
        "top node" => one("nodes"),
        "top pod" => one("pods"),
        "taint" if index == 0 => Place::Words(&["node"]),
        "taint" => Place::Names { resource: "nodes", slashed: false },
        "certificate approve" | "certificate deny" => {
            Place::Names { resource: "certificatesigningrequests", slashed: false }
        }
        "create token" => one("serviceaccounts"),
        "auth can-i" if index == 0 => Place::Words(&[
            "create",
            "delete",
            "deletecollection",
            "get",
            "impersonate",
            "list",
            "patch",
            "update",
            "watch",
        ]),
        "auth can-i" if index == 1 => Place::Types,
        "explain" if index == 0 => Place::Fields,
        "completion" if index == 0 => Place::Words(&["bash", "zsh", "fish", "powershell"]),
        "config use-context" | "config delete-context" | "config get-contexts" | "config set-context" => {
            Place::Config("contexts")
        }
        "config rename-context" if index == 0 => Place::Config("contexts"),
        "config set-cluster" | "config delete-cluster" | "config get-clusters" => Place::Config("clusters"),
        "config set-credentials" | "config delete-user" => Place::Config("users"),
        "help" => Place::Commands,
        "apply" | "diff" | "replace" | "kustomize" | "create" | "apply set-last-applied" => Place::File,
        path if path.starts_with("rollout ") => Place::Few(&["deployment", "daemonset", "statefulset"]),
        _ => Place::Nothing,
    }
}
