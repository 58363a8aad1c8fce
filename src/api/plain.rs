//! Kinds that the server keeps without knowing them: whatever is written is kept and given back. No controller acts
//! on them and nothing of them is validated beyond their metadata.

use std::any::Any;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::{Cell, Column, KindInfo, KindOps, cells};
use crate::apimachinery::facts::facts;
use crate::apimachinery::{Object, field, meta};
use crate::sim::Time;

/// A kind known by its names alone.
pub struct PlainKind {
    info: &'static KindInfo,
}

macro_rules! plain_kinds {
    ($($name:ident = $group:literal $kind:literal $resource:literal $singular:literal $(. $more:ident($($with:expr)?))*;)*) => {
        $(
            #[doc = concat!("`", $resource, "`.")]
            pub static $name: PlainKind =
                PlainKind { info: &KindInfo::new($group, "v1", $kind, $resource, $singular)$(.$more($($with)?))* };
        )*
    };
}

plain_kinds! {
    CERTIFICATE_SIGNING_REQUEST = "certificates.k8s.io" "CertificateSigningRequest" "certificatesigningrequests.certificates.k8s.io" "certificatesigningrequest".short(&["csr"]).cluster_scoped().status();
    IPADDRESS = "networking.k8s.io" "IPAddress" "ipaddresses.networking.k8s.io" "ipaddress".short(&["ip"]).cluster_scoped();
    SERVICE_CIDR = "networking.k8s.io" "ServiceCIDR" "servicecidrs.networking.k8s.io" "servicecidr".cluster_scoped().status();
    CSI_DRIVER = "storage.k8s.io" "CSIDriver" "csidrivers.storage.k8s.io" "csidriver".cluster_scoped();
    CSINODE = "storage.k8s.io" "CSINode" "csinodes.storage.k8s.io" "csinode".cluster_scoped();
    CSISTORAGE_CAPACITY = "storage.k8s.io" "CSIStorageCapacity" "csistoragecapacities.storage.k8s.io" "csistoragecapacity";
    VOLUME_ATTACHMENT = "storage.k8s.io" "VolumeAttachment" "volumeattachments.storage.k8s.io" "volumeattachment".cluster_scoped().status();
    VOLUME_ATTRIBUTES_CLASS = "storage.k8s.io" "VolumeAttributesClass" "volumeattributesclasses.storage.k8s.io" "volumeattributesclass".short(&["vac"]).cluster_scoped();
    MUTATING_ADMISSION_POLICY = "admissionregistration.k8s.io" "MutatingAdmissionPolicy" "mutatingadmissionpolicies.admissionregistration.k8s.io" "mutatingadmissionpolicy".cluster_scoped().extension();
    MUTATING_ADMISSION_POLICY_BINDING = "admissionregistration.k8s.io" "MutatingAdmissionPolicyBinding" "mutatingadmissionpolicybindings.admissionregistration.k8s.io" "mutatingadmissionpolicybinding".cluster_scoped().extension();
    MUTATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations.admissionregistration.k8s.io" "mutatingwebhookconfiguration".cluster_scoped().extension();
    VALIDATING_ADMISSION_POLICY = "admissionregistration.k8s.io" "ValidatingAdmissionPolicy" "validatingadmissionpolicies.admissionregistration.k8s.io" "validatingadmissionpolicy".cluster_scoped().extension().status();
    VALIDATING_ADMISSION_POLICY_BINDING = "admissionregistration.k8s.io" "ValidatingAdmissionPolicyBinding" "validatingadmissionpolicybindings.admissionregistration.k8s.io" "validatingadmissionpolicybinding".cluster_scoped().extension();
    VALIDATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations.admissionregistration.k8s.io" "validatingwebhookconfiguration".cluster_scoped().extension();
    APISERVICE = "apiregistration.k8s.io" "APIService" "apiservices.apiregistration.k8s.io" "apiservice".cluster_scoped().extension().status();
    RUNTIME_CLASS = "node.k8s.io" "RuntimeClass" "runtimeclasses.node.k8s.io" "runtimeclass".cluster_scoped();
    DEVICE_CLASS = "resource.k8s.io" "DeviceClass" "deviceclasses.resource.k8s.io" "deviceclass".cluster_scoped();
    RESOURCE_CLAIM = "resource.k8s.io" "ResourceClaim" "resourceclaims.resource.k8s.io" "resourceclaim".status();
    RESOURCE_CLAIM_TEMPLATE = "resource.k8s.io" "ResourceClaimTemplate" "resourceclaimtemplates.resource.k8s.io" "resourceclaimtemplate";
    RESOURCE_SLICE = "resource.k8s.io" "ResourceSlice" "resourceslices.resource.k8s.io" "resourceslice".cluster_scoped();
    FLOW_SCHEMA = "flowcontrol.apiserver.k8s.io" "FlowSchema" "flowschemas.flowcontrol.apiserver.k8s.io" "flowschema".cluster_scoped().status();
    PRIORITY_LEVEL_CONFIGURATION = "flowcontrol.apiserver.k8s.io" "PriorityLevelConfiguration" "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" "prioritylevelconfiguration".cluster_scoped().status();
}

/// An object of such a kind: its metadata, and the rest as it was written.
#[derive(Clone, Debug)]
pub struct PlainObject {
    resource: &'static str,
    kind: &'static str,
    api_version: String,
    metadata: ObjectMeta,
    content: Map<String, Value>,
}

impl PlainObject {
    /// Takes an object apart.
    ///
    /// # Errors
    /// Why its metadata is none.
    pub fn read(
        resource: &'static str,
        kind: &'static str,
        api_version: &str,
        mut content: Map<String, Value>,
    ) -> Result<Self, String> {
        let metadata = content.remove("metadata").unwrap_or_else(|| json!({}));
        let metadata: ObjectMeta = crate::apimachinery::decode(metadata).map_err(|error| error.to_string())?;
        content.remove("apiVersion");
        content.remove("kind");
        Ok(Self { resource, kind, api_version: api_version.to_owned(), metadata, content })
    }

    /// Everything but kind, version and metadata.
    pub const fn content(&self) -> &Map<String, Value> {
        &self.content
    }

    /// The same, to change.
    pub const fn content_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.content
    }

    /// The same as a value.
    pub fn content_value(&self) -> Value {
        Value::Object(self.content.clone())
    }
}

impl Object for PlainObject {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
    fn api_version(&self) -> &str {
        &self.api_version
    }
    fn kind(&self) -> &str {
        self.kind
    }
    fn resource(&self) -> &str {
        self.resource
    }
    fn to_json(&self) -> Value {
        let mut json = self.content.clone();
        json.insert("apiVersion".to_owned(), json!(self.api_version));
        json.insert("kind".to_owned(), json!(self.kind));
        json.insert("metadata".to_owned(), json!(self.metadata));
        Value::Object(json)
    }
    fn clone_object(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<PlainObject>().is_some_and(|other| {
            self.resource == other.resource && self.metadata == other.metadata && self.content == other.content
        })
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn into_any_box(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }
}

/// Keeps the status of the old object, or everything but it.
fn keep(new: &mut dyn Object, old: &dyn Object, status: bool) {
    let (Some(new), Some(old)) =
        (new.as_any_mut().downcast_mut::<PlainObject>(), old.as_any().downcast_ref::<PlainObject>())
    else {
        return;
    };
    let (from, into) = if status { (&old.content, &mut new.content) } else { (&new.content, &mut old.content.clone()) };
    let kept = from.get("status").cloned();
    match kept {
        Some(kept) => into.insert("status".to_owned(), kept),
        None => into.remove("status"),
    };
    if !status {
        let merged = std::mem::take(into);
        new.content = merged;
    }
}

impl KindOps for PlainKind {
    fn info(&self) -> &KindInfo {
        self.info
    }
    fn columns(&self) -> &[Column] {
        &[Column::NAME, Column::AGE]
    }
    fn decode(&self, json: Value) -> Result<Box<dyn Object>, String> {
        let mut json = json;
        facts().canonicalize(&self.info.api_version(), self.info.kind, &mut json);
        let Value::Object(content) = json else { return Err("json: cannot unmarshal into an object".to_owned()) };
        Ok(Box::new(PlainObject::read(self.info.resource, self.info.kind, &self.info.api_version(), content)?))
    }
    fn encode(&self, object: &dyn Object) -> Value {
        object.to_json()
    }
    fn set_defaults(&self, _: &mut dyn Object) {}
    fn prepare_for_create(&self, object: &mut dyn Object) {
        if let (true, Some(object)) = (self.info.has_status, object.as_any_mut().downcast_mut::<PlainObject>()) {
            object.content.remove("status");
        }
    }
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if self.info.has_status {
            keep(new, old, true);
        }
    }
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object) {
        keep(new, old, false);
    }
    fn validate(&self, _: &dyn Object) -> Vec<field::Error> {
        Vec::new()
    }
    fn validate_update(&self, _: &dyn Object, _: &dyn Object) -> Vec<field::Error> {
        Vec::new()
    }
    fn validate_status_update(&self, _: &dyn Object, _: &dyn Object) -> Vec<field::Error> {
        Vec::new()
    }
    fn warnings(&self, _: &dyn Object, _: Option<&dyn Object>) -> Vec<String> {
        Vec::new()
    }
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell> {
        vec![json!(meta::name(object.meta())), json!(cells::age(object.meta(), now))]
    }
    fn selectable_fields(&self, _: &dyn Object) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_given_back_and_the_status_has_its_own_door() {
        let kind = &SERVICE_CIDR;
        let read = |json: Value| kind.decode(json).unwrap();
        let old = read(json!({"metadata": {"name": "a"}, "spec": {"cidrs": ["10.0.0.0/8"]}, "status": {"x": 1}}));
        let mut new = read(json!({"metadata": {"name": "a"}, "spec": {"cidrs": []}, "status": {"x": 2}}));
        let mut status = new.clone_object();
        kind.prepare_for_update(&mut *new, &*old);
        assert_eq!((&new.to_json()["spec"], &new.to_json()["status"]), (&json!({"cidrs": []}), &json!({"x": 1})));
        kind.prepare_for_status_update(&mut *status, &*old);
        assert_eq!(
            (&status.to_json()["spec"], &status.to_json()["status"]),
            (&json!({"cidrs": ["10.0.0.0/8"]}), &json!({"x": 2}))
        );
    }
}
