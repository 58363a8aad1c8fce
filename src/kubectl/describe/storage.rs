//! Volumes, claims and storage classes.

use serde_json::Value;

use super::Describer;
use super::parts::{age, joined, label_list, shown, timestamp};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};

/// `RWO,ROX` for a list of access modes.
fn modes(object: &Value, path: &str) -> String {
    let list: Vec<&str> = list_at(object, path)
        .iter()
        .filter_map(Value::as_str)
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    list.join(",")
}

fn status(d: &mut Describer<'_, '_>, object: &Value) {
    let deleted = str_at(object, "/metadata/deletionTimestamp");
    if deleted.is_empty() {
        d.field("Status", str_at(object, "/status/phase"));
    } else {
        let lasts = age(d.cx.system.now(), deleted);
        d.field("Status", format!("Terminating (lasts {lasts})"));
    }
}

fn finalizers(d: &mut Describer<'_, '_>, object: &Value) {
    let list: Vec<String> = list_at(object, "/metadata/finalizers").iter().map(shown).collect();
    d.field("Finalizers", format!("[{}]", list.join(" ")));
}

/// Describes a persistent volume.
pub fn persistent_volume(d: &mut Describer<'_, '_>, volume: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(volume, path);
    d.head(volume);
    finalizers(d, volume);
    d.field("StorageClass", of("/spec/storageClassName"));
    status(d, volume);
    let claim = match of("/spec/claimRef/name") {
        "" => String::new(),
        name => format!("{}/{name}", of("/spec/claimRef/namespace")),
    };
    d.field("Claim", claim);
    d.field("Reclaim Policy", of("/spec/persistentVolumeReclaimPolicy"));
    d.field("Access Modes", modes(volume, "/spec/accessModes"));
    if !of("/spec/volumeMode").is_empty() {
        d.field("VolumeMode", of("/spec/volumeMode"));
    }
    d.field("Capacity", of("/spec/capacity/storage"));
    let terms = list_at(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
    if terms.is_empty() {
        d.field("Node Affinity", "<none>");
    } else {
        d.field("Node Affinity", "");
        d.w.line(1, "Required Terms:\t");
        for (index, term) in terms.iter().enumerate() {
            let texts = list_at(term, "/matchExpressions").iter().map(|one| {
                let operator = str_at(one, "/operator").to_lowercase();
                expression(one, &operator)
            });
            numbered(d, 2, &format!("Term {index}"), &texts.collect::<Vec<_>>());
        }
    }
    d.field("Message", of("/status/message"));
    d.w.line(0, "Source:");
    let mut spec = volume.get("spec").cloned().unwrap_or_default();
    // Only that of a volume for claims tells the namespace of its secret, given or not.
    if let Some(azure) = spec.get_mut("azureFile").and_then(Value::as_object_mut) {
        azure.entry("secretNamespace").or_insert_with(|| "".into());
    }
    d.volume_source(&spec);
    d.events(volume);
    Ok(())
}

/// A term of a selector: `a in [b, c]`.
fn expression(one: &Value, operator: &str) -> String {
    let text = format!("{} {operator}", str_at(one, "/key"));
    match list_at(one, "/values") {
        [] => text,
        values => format!("{text} [{}]", joined(values, ", ", "")),
    }
}

/// Several texts under one title.
fn numbered(d: &mut Describer<'_, '_>, level: usize, title: &str, texts: &[String]) {
    if texts.is_empty() {
        d.w.line(level, &format!("{title}:\t<none>"));
    }
    for (index, text) in texts.iter().enumerate() {
        let head = if index == 0 { format!("{title}:") } else { String::new() };
        d.w.line(level, &format!("{head}\t{text}"));
    }
}

impl Describer<'_, '_> {
    /// A claim, or (not `whole`) the template of one, under a volume of this level.
    pub fn claim(&mut self, claim: &Value, whole: bool, level: usize) {
        let of = |path: &str| str_at(claim, path);
        let space = "  ".repeat(level);
        let title = |name: &str| format!("{space}{name}");
        if whole {
            self.field("Name", of("/metadata/name"));
            self.field("Namespace", of("/metadata/namespace"));
        }
        self.field(&title("StorageClass"), of("/spec/storageClassName"));
        if whole {
            status(self, claim);
        }
        self.field(&title("Volume"), of("/spec/volumeName"));
        self.labels(&title("Labels"), map_at(claim, "/metadata/labels"));
        self.annotations(&title("Annotations"), map_at(claim, "/metadata/annotations"));
        if whole {
            finalizers(self, claim);
        }
        let bound = !of("/spec/volumeName").is_empty();
        let capacity = if of("/status/capacity/storage").is_empty() { "0" } else { of("/status/capacity/storage") };
        self.field(&title("Capacity"), if bound { capacity } else { "" });
        self.field(&title("Access Modes"), if bound { modes(claim, "/status/accessModes") } else { String::new() });
        if !of("/spec/volumeMode").is_empty() {
            self.field(&title("VolumeMode"), of("/spec/volumeMode"));
        }
        if let Some(source) = claim.pointer("/spec/dataSource") {
            self.field(&title("DataSource"), "");
            for (name, path) in [("APIGroup", "/apiGroup"), ("Kind", "/kind"), ("Name", "/name")] {
                if path != "/apiGroup" || source.pointer(path).is_some() {
                    self.field(&title(&format!("  {name}")), str_at(source, path));
                }
            }
        }
    }
}

/// Describes a claim.
pub fn persistent_volume_claim(d: &mut Describer<'_, '_>, claim: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(claim, path);
    d.claim(claim, true, 0);
    let pods = d.cx.get(&format!("/api/v1/namespaces/{}/pods", of("/metadata/namespace")))?;
    let mut users: Vec<String> = list_at(&pods, "/items")
        .iter()
        .flat_map(|pod| {
            let uses = |volume: &&Value| str_at(volume, "/persistentVolumeClaim/claimName") == of("/metadata/name");
            let times = list_at(pod, "/spec/volumes").iter().filter(uses).count();
            // What uses a claim twice is told twice, what owns it once.
            let owns = |owner: &Value| {
                str_at(owner, "/kind") == "Pod" && str_at(owner, "/uid") == str_at(pod, "/metadata/uid")
            };
            let owned = list_at(claim, "/metadata/ownerReferences").iter().any(owns);
            std::iter::repeat_n(str_at(pod, "/metadata/name").to_owned(), times.max(usize::from(owned)))
        })
        .collect();
    users.sort();
    d.lines("Used By", &users);
    let conditions = list_at(claim, "/status/conditions");
    if !conditions.is_empty() {
        d.w.line(0, "Conditions:");
        d.w.line(1, "Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage");
        d.w.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for one in conditions {
            let of = |path: &str| str_at(one, path);
            let (probe, change) = (timestamp(of("/lastProbeTime")), timestamp(of("/lastTransitionTime")));
            let head = format!("{} \t{} \t{probe} \t{change} \t", of("/type"), of("/status"));
            d.w.line(1, &format!("{head}{} \t{}", of("/reason"), of("/message")));
        }
    }
    d.events(claim);
    Ok(())
}

/// Describes a storage class.
pub fn storage_class(d: &mut Describer<'_, '_>, class: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(class, path);
    d.field("Name", of("/metadata/name"));
    let annotations = map_at(class, "/metadata/annotations");
    let default = annotations.and_then(|all| all.get("storageclass.kubernetes.io/is-default-class"));
    d.field("IsDefaultClass", if default.and_then(Value::as_str) == Some("true") { "Yes" } else { "No" });
    d.field("Annotations", label_list(annotations));
    d.field("Provisioner", of("/provisioner"));
    d.field("Parameters", label_list(map_at(class, "/parameters")));
    let expand = match class.get("allowVolumeExpansion").and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    d.field("AllowVolumeExpansion", expand);
    let options = list_at(class, "/mountOptions");
    d.w.line(0, if options.is_empty() { "MountOptions:\t<none>" } else { "MountOptions:" });
    for option in options {
        d.w.line(1, &shown(option));
    }
    for (title, path) in [("ReclaimPolicy", "/reclaimPolicy"), ("VolumeBindingMode", "/volumeBindingMode")] {
        if !of(path).is_empty() {
            d.field(title, of(path));
        }
    }
    let topologies = list_at(class, "/allowedTopologies");
    if !topologies.is_empty() {
        d.field("AllowedTopologies", "");
    }
    for (index, term) in topologies.iter().enumerate() {
        let texts = list_at(term, "/matchLabelExpressions").iter().map(|one| expression(one, "in"));
        numbered(d, 1, &format!("Term {index}"), &texts.collect::<Vec<_>>());
    }
    d.events(class);
    Ok(())
}

/// Describes a class of attributes.
pub fn attributes_class(d: &mut Describer<'_, '_>, class: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(class, "/metadata/name"));
    d.field("Annotations", label_list(map_at(class, "/metadata/annotations")));
    d.field("DriverName", str_at(class, "/driverName"));
    d.field("Parameters", label_list(map_at(class, "/parameters")));
    d.events(class);
    Ok(())
}

/// Describes what the drivers of a node say of it.
pub fn csi_node(d: &mut Describer<'_, '_>, node: &Value) -> Result<(), Failure> {
    d.head(node);
    d.field("CreationTimestamp", timestamp(str_at(node, "/metadata/creationTimestamp")));
    d.w.line(0, "Spec:");
    if let Some(drivers) = node.pointer("/spec/drivers") {
        d.w.line(1, "Drivers:");
        for driver in list_at(drivers, "") {
            d.w.line(2, &format!("{}:", str_at(driver, "/name")));
            d.w.line(3, &format!("Node ID:\t{}", str_at(driver, "/nodeID")));
            if let Some(count) = driver.pointer("/allocatable/count") {
                d.w.line(3, "Allocatables:");
                d.w.line(4, &format!("Count:\t{}", shown(count)));
            }
            if let Some(keys) = driver.get("topologyKeys") {
                d.w.line(3, &format!("Topology Keys:\t{}", shown(keys)));
            }
        }
    }
    d.events(node);
    Ok(())
}
