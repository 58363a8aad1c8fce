//! `xtask facts <file or folder of OpenAPI v3 documents>...`: prints the field table of `src/apimachinery/facts`.
//!
//! Takes names, types, list and patch rules; takes no prose.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Fields whose Go type is a string with a name of its own; that name is part of decoding errors.
const NAMED_STRINGS: &[(&str, &str)] = &[
    ("PodSpec.restartPolicy", "RestartPolicy"),
    ("PodSpec.dnsPolicy", "DNSPolicy"),
    ("PodSpec.preemptionPolicy", "PreemptionPolicy"),
    ("Container.imagePullPolicy", "PullPolicy"),
    ("Container.terminationMessagePolicy", "TerminationMessagePolicy"),
    ("Container.restartPolicy", "ContainerRestartPolicy"),
    ("ContainerPort.protocol", "Protocol"),
    ("ServicePort.protocol", "Protocol"),
    ("HTTPGetAction.scheme", "URIScheme"),
    ("VolumeMount.mountPropagation", "MountPropagationMode"),
    ("HostPathVolumeSource.type", "HostPathType"),
    ("EmptyDirVolumeSource.medium", "StorageMedium"),
    ("Toleration.operator", "TolerationOperator"),
    ("Toleration.effect", "TaintEffect"),
    ("Taint.effect", "TaintEffect"),
    ("TopologySpreadConstraint.whenUnsatisfiable", "UnsatisfiableConstraintAction"),
    ("NodeSelectorRequirement.operator", "NodeSelectorOperator"),
    ("LabelSelectorRequirement.operator", "LabelSelectorOperator"),
    ("SeccompProfile.type", "SeccompProfileType"),
    ("PodOS.name", "OSName"),
    ("PodStatus.phase", "PodPhase"),
    ("PodStatus.qosClass", "PodQOSClass"),
    ("PodCondition.type", "PodConditionType"),
    ("PodCondition.status", "ConditionStatus"),
    ("ServiceSpec.type", "ServiceType"),
    ("ServiceSpec.sessionAffinity", "ServiceAffinity"),
    ("ServiceSpec.externalTrafficPolicy", "ServiceExternalTrafficPolicy"),
    ("ServiceSpec.internalTrafficPolicy", "ServiceInternalTrafficPolicy"),
    ("ServiceSpec.ipFamilyPolicy", "IPFamilyPolicy"),
    ("Secret.type", "SecretType"),
    ("PersistentVolumeSpec.persistentVolumeReclaimPolicy", "PersistentVolumeReclaimPolicy"),
    ("PersistentVolumeSpec.volumeMode", "PersistentVolumeMode"),
    ("PersistentVolumeClaimSpec.volumeMode", "PersistentVolumeMode"),
    ("NamespaceStatus.phase", "NamespacePhase"),
    ("JobSpec.completionMode", "CompletionMode"),
    ("JobSpec.podReplacementPolicy", "PodReplacementPolicy"),
    ("JobCondition.type", "JobConditionType"),
    ("JobCondition.status", "ConditionStatus"),
    ("PodFailurePolicyRule.action", "PodFailurePolicyAction"),
    ("PodFailurePolicyOnExitCodesRequirement.operator", "PodFailurePolicyOnExitCodesOperator"),
    ("PodFailurePolicyOnPodConditionsPattern.type", "PodConditionType"),
    ("PodFailurePolicyOnPodConditionsPattern.status", "ConditionStatus"),
    ("CronJobSpec.concurrencyPolicy", "ConcurrencyPolicy"),
    ("DeploymentStrategy.type", "DeploymentStrategyType"),
    ("DaemonSetUpdateStrategy.type", "DaemonSetUpdateStrategyType"),
    ("StatefulSetUpdateStrategy.type", "StatefulSetUpdateStrategyType"),
    ("StatefulSetSpec.podManagementPolicy", "PodManagementPolicyType"),
    ("ObjectMeta.uid", "UID"),
    ("OwnerReference.uid", "UID"),
];

/// Prints the table made of the documents found under `paths`.
pub fn run(paths: &[String]) -> Result<(), Box<dyn Error>> {
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    for path in paths {
        for file in documents(Path::new(path))? {
            let document: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
            let Some(found) = document.pointer("/components/schemas").and_then(Value::as_object) else { continue };
            for (name, schema) in found {
                schemas.entry(name.clone()).or_insert_with(|| schema.clone());
            }
        }
    }
    println!("# Made by `cargo xtask facts`. A type a line: its kind, its fields, their types and rules.");
    for (name, schema) in &schemas {
        if let Some(line) = line(name, schema) {
            println!("{line}");
        }
    }
    Ok(())
}

fn documents(path: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// `io.k8s.api.batch.v1.JobSpec` -> `batch.v1.JobSpec`.
fn short(name: &str) -> String {
    let name = name.rsplit("io.k8s.").next().unwrap_or(name);
    let name = name.strip_prefix("api.").unwrap_or(name);
    name.replace("apimachinery.pkg.apis.", "")
        .replace("apimachinery.pkg.", "")
        .replace("apiextensions-apiserver.pkg.apis.", "")
}

fn line(name: &str, schema: &Value) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    // Lists are what endpoints answer; nobody writes them.
    if name.ends_with("List") && properties.contains_key("items") {
        return None;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut line = short(name);
    if let Some([kind]) = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array).map(Vec::as_slice) {
        let part = |key: &str| kind.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        line.push_str(&format!(" @kind={}/{}/{}", part("group"), part("version"), part("kind")));
    }
    if schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic") {
        line.push_str(" @atomic");
    }
    let type_name = name.rsplit('.').next().unwrap_or(name);
    for (field, property) in properties {
        let Some(property) = property.as_object() else { continue };
        let mark = if required.contains(&field.as_str()) { "!" } else { "" };
        let mut shape = shape(property);
        let full = format!("{type_name}.{field}");
        if let Some((_, named)) = NAMED_STRINGS.iter().find(|(known, _)| *known == full) {
            shape = format!("string:{named}");
        }
        line.push_str(&format!(" {field}{mark}={shape}{}", rules(property)));
    }
    Some(line)
}

fn shape(schema: &Map<String, Value>) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    let inner = |key: &str| schema.get(key).and_then(Value::as_object).map(shape);
    if let Some(one) = schema.get("allOf").and_then(Value::as_array).and_then(|all| all.first()) {
        return one.as_object().map(shape).unwrap_or_default();
    }
    if let Some(reference) = text("$ref").strip_prefix("#/components/schemas/") {
        let name = short(reference);
        return match name.as_str() {
            "api.resource.Quantity" => "quantity".to_owned(),
            "util.intstr.IntOrString" => "intstr".to_owned(),
            "meta.v1.Time" => "time".to_owned(),
            "meta.v1.MicroTime" => "microtime".to_owned(),
            "runtime.RawExtension" | "meta.v1.FieldsV1" => "any".to_owned(),
            _ => name,
        };
    }
    match (text("type"), text("format")) {
        ("array", _) => format!("[{}]", inner("items").unwrap_or_else(|| "any".to_owned())),
        ("object", _) => inner("additionalProperties").map_or_else(|| "any".to_owned(), |value| format!("{{{value}}}")),
        ("string", "byte") => "bytes".to_owned(),
        ("string", _) => "string".to_owned(),
        ("integer", "int64") => "int64".to_owned(),
        ("integer", _) => "int32".to_owned(),
        ("number", _) => "double".to_owned(),
        ("boolean", _) => "bool".to_owned(),
        _ => "any".to_owned(),
    }
}

fn rules(schema: &Map<String, Value>) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let mut rules = String::new();
    if let Some(list) = text("x-kubernetes-list-type") {
        let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
        rules.push_str(&format!(";list={list}"));
        if !keys.is_empty() {
            rules.push_str(&format!(":{}", keys.join(",")));
        }
    }
    if text("x-kubernetes-map-type") == Some("atomic") {
        rules.push_str(";map=atomic");
    }
    if let Some(strategy) = text("x-kubernetes-patch-strategy") {
        rules.push_str(&format!(";patch={strategy}"));
        if let Some(key) = text("x-kubernetes-patch-merge-key") {
            rules.push_str(&format!(":{key}"));
        }
    }
    if let Some(default) = schema.get("default").filter(|value| value.as_str().is_some_and(|text| !text.is_empty())) {
        rules.push_str(&format!(";default={}", default.as_str().unwrap_or_default()));
    }
    // An object that Go holds by value is there even when nobody has written it.
    if schema.get("default").and_then(Value::as_object).is_some_and(Map::is_empty) {
        rules.push_str(";zero=object");
    }
    let choices = schema.get("enum").or_else(|| schema.get("items").and_then(|items| items.get("enum")));
    if let Some(choices) = choices.and_then(Value::as_array) {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        rules.push_str(&format!(";enum={}", choices.join(",")));
    }
    rules
}
