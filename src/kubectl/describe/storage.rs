//! Volumes, claims and storage classes.

use serde_json::Value;

use super::Describer;
use super::parts::{age, label_list, shown, timestamp};
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
            for (at, one) in list_at(term, "/matchExpressions").iter().enumerate() {
                let values: Vec<String> = list_at(one, "/values").iter().map(shown).collect();
                let text = format!(
                    "{} {} [{}]",
                    str_at(one, "/key"),
                    str_at(one, "/operator").to_lowercase(),
                    values.join(", ")
                );
                let head = if at == 0 { format!("Term {index}:") } else { String::new() };
                d.w.line(2, &format!("{head}\t{text}"));
            }
        }
    }
    d.field("Message", of("/status/message"));
    d.w.line(0, "Source:");
    d.volume_source(volume.get("spec").unwrap_or(&Value::Null));
    d.events(volume);
    Ok(())
}

/// Describes a claim.
pub fn persistent_volume_claim(d: &mut Describer<'_, '_>, claim: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(claim, path);
    d.field("Name", of("/metadata/name"));
    d.field("Namespace", of("/metadata/namespace"));
    d.field("StorageClass", of("/spec/storageClassName"));
    status(d, claim);
    d.field("Volume", of("/spec/volumeName"));
    d.labels("Labels", map_at(claim, "/metadata/labels"));
    d.annotations("Annotations", map_at(claim, "/metadata/annotations"));
    finalizers(d, claim);
    let bound = !of("/spec/volumeName").is_empty();
    d.field("Capacity", if bound { of("/status/capacity/storage") } else { "" });
    d.field("Access Modes", if bound { modes(claim, "/status/accessModes") } else { String::new() });
    if !of("/spec/volumeMode").is_empty() {
        d.field("VolumeMode", of("/spec/volumeMode"));
    }
    let pods = d.cx.get(&format!("/api/v1/namespaces/{}/pods", of("/metadata/namespace")))?;
    let mut users: Vec<String> = list_at(&pods, "/items")
        .iter()
        .filter(|pod| {
            let name = of("/metadata/name");
            list_at(pod, "/spec/volumes")
                .iter()
                .any(|volume| str_at(volume, "/persistentVolumeClaim/claimName") == name)
        })
        .map(|pod| str_at(pod, "/metadata/name").to_owned())
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
            d.w.line(
                1,
                &format!(
                    "{} \t{} \t{probe} \t{change} \t{} \t{}",
                    of("/type"),
                    of("/status"),
                    of("/reason"),
                    of("/message")
                ),
            );
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
    d.events(class);
    Ok(())
}
