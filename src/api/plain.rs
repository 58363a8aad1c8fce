//! Kinds that the server keeps without knowing them: whatever is written is kept and given back. No controller acts
//! on them; of most nothing is validated beyond their metadata.

use std::any::Any;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::{Cell, Column, KindInfo, KindOps, cells};
use crate::apimachinery::facts::facts;
use crate::apimachinery::{Object, field, meta};
use crate::sim::Time;

/// A kind known by its names, and perhaps by what its table shows.
pub struct PlainKind {
    /// Its names.
    info: &'static KindInfo,
    /// Its columns.
    columns: &'static [Column],
    /// Where that is what stands between name and age: `spec.handler`, `#webhooks` for how many, and after a `?` what
    /// stands for nothing.
    paths: &'static [&'static str],
    /// The same, when it takes more than a path.
    cells: fn(&PlainObject) -> Vec<Cell>,
    /// What the server adds to a new object.
    prepare: fn(&mut PlainObject),
    /// What is wrong with an object.
    validate: fn(&PlainObject) -> Vec<field::Error>,
    /// Whether its spec stays as it was created, whatever an update says.
    fixed: bool,
}

impl PlainKind {
    const fn new(info: &'static KindInfo, columns: &'static [Column], paths: &'static [&'static str]) -> Self {
        Self { info, columns, paths, cells: |_| Vec::new(), prepare: |_| {}, validate: |_| Vec::new(), fixed: false }
    }

    /// A kind whose cells, new objects and faults are worked out by functions of its own.
    pub(super) const fn with(
        info: &'static KindInfo,
        columns: &'static [Column],
        cells: fn(&PlainObject) -> Vec<Cell>,
        prepare: fn(&mut PlainObject),
        validate: fn(&PlainObject) -> Vec<field::Error>,
    ) -> Self {
        Self { info, columns, paths: &[], cells, prepare, validate, fixed: false }
    }

    /// The same kind, whose spec stays as it was created.
    pub(super) const fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }
}

/// What a column shows that is described by a path.
fn at_path(content: &Map<String, Value>, path: &str) -> Cell {
    let (path, nothing) = path.split_once('?').unwrap_or((path, ""));
    let (path, count) = path.strip_prefix('#').map_or((path, false), |path| (path, true));
    let mut parts = path.split('.');
    let first = parts.next().and_then(|part| content.get(part));
    match parts.fold(first, |held, part| held?.get(part)) {
        Some(Value::Array(items)) if count => json!(items.len()),
        Some(Value::Array(items)) => json!(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
        Some(held) => held.clone(),
        None if count => json!(0),
        None => json!(nothing),
    }
}

macro_rules! plain_kinds {
    ($(
        $name:ident = $group:literal $kind:literal $resource:literal $singular:literal $(. $more:ident($($with:expr)?))*
            $(=> $($column:literal $type:literal $path:literal),*)?;
    )*) => {
        $(
            #[doc = concat!("`", $resource, "`.")]
            pub static $name: PlainKind =
                PlainKind::new(
                    &KindInfo::new($group, "v1", $kind, $resource, $singular)$(.$more($($with)?))*,
                    &[
                        Column::NAME,
                        $($(Column { kind: $type, ..Column::new($column, concat!("What it has at ", $path, ".")) },)*)?
                        Column::AGE,
                    ],
                    &[$($($path),*)?],
                );
        )*
    };
}

plain_kinds! {
    SERVICE_CIDR = "networking.k8s.io" "ServiceCIDR" "servicecidrs.networking.k8s.io" "servicecidr".cluster_scoped().status()
        => "CIDRs" "string" "spec.cidrs";
    CSINODE = "storage.k8s.io" "CSINode" "csinodes.storage.k8s.io" "csinode".cluster_scoped()
        => "Drivers" "integer" "#spec.drivers";
    VOLUME_ATTRIBUTES_CLASS = "storage.k8s.io" "VolumeAttributesClass" "volumeattributesclasses.storage.k8s.io" "volumeattributesclass".short(&["vac"]).cluster_scoped()
        => "DriverName" "string" "driverName";
    MUTATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations.admissionregistration.k8s.io" "mutatingwebhookconfiguration".cluster_scoped().extension()
        => "Webhooks" "integer" "#webhooks";
    VALIDATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations.admissionregistration.k8s.io" "validatingwebhookconfiguration".cluster_scoped().extension()
        => "Webhooks" "integer" "#webhooks";
    RUNTIME_CLASS = "node.k8s.io" "RuntimeClass" "runtimeclasses.node.k8s.io" "runtimeclass".cluster_scoped()
        => "Handler" "string" "handler";
    DEVICE_CLASS = "resource.k8s.io" "DeviceClass" "deviceclasses.resource.k8s.io" "deviceclass".cluster_scoped();
    RESOURCE_CLAIM_TEMPLATE = "resource.k8s.io" "ResourceClaimTemplate" "resourceclaimtemplates.resource.k8s.io" "resourceclaimtemplate";
    RESOURCE_SLICE = "resource.k8s.io" "ResourceSlice" "resourceslices.resource.k8s.io" "resourceslice".cluster_scoped()
        => "Node" "string" "spec.nodeName", "Driver" "string" "spec.driver", "Pool" "string" "spec.pool.name";
    PRIORITY_LEVEL_CONFIGURATION = "flowcontrol.apiserver.k8s.io" "PriorityLevelConfiguration" "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" "prioritylevelconfiguration".cluster_scoped().status()
        => "Type" "string" "spec.type", "NominalConcurrencyShares" "string" "spec.limited.nominalConcurrencyShares?<none>", "Queues" "string" "spec.limited.limitResponse.queuing.queues?<none>", "HandSize" "string" "spec.limited.limitResponse.queuing.handSize?<none>", "QueueLengthLimit" "string" "spec.limited.limitResponse.queuing.queueLengthLimit?<none>";
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

/// Keeps what the old object has in this field.
fn keep(new: &mut dyn Object, old: &dyn Object, field: &str) {
    if let (Some(new), Some(old)) =
        (new.as_any_mut().downcast_mut::<PlainObject>(), old.as_any().downcast_ref::<PlainObject>())
    {
        take(&old.content, &mut new.content, field);
    }
}

/// Keeps all that the old object has but its status.
fn keep_but_status(new: &mut dyn Object, old: &dyn Object) {
    if let (Some(new), Some(old)) =
        (new.as_any_mut().downcast_mut::<PlainObject>(), old.as_any().downcast_ref::<PlainObject>())
    {
        let given = std::mem::replace(&mut new.content, old.content.clone());
        take(&given, &mut new.content, "status");
    }
}

fn take(from: &Map<String, Value>, into: &mut Map<String, Value>, field: &str) {
    match from.get(field) {
        Some(kept) => into.insert(field.to_owned(), kept.clone()),
        None => into.remove(field),
    };
}

impl KindOps for PlainKind {
    fn info(&self) -> &KindInfo {
        self.info
    }
    fn columns(&self) -> &[Column] {
        self.columns
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
            (self.prepare)(object);
        }
    }
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if self.info.has_status {
            keep(new, old, "status");
        }
        if self.fixed {
            keep(new, old, "spec");
        }
    }
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object) {
        keep_but_status(new, old);
    }
    fn validate(&self, object: &dyn Object) -> Vec<field::Error> {
        object.as_any().downcast_ref().map(self.validate).unwrap_or_default()
    }
    fn validate_update(&self, new: &dyn Object, _: &dyn Object) -> Vec<field::Error> {
        self.validate(new)
    }
    fn validate_status_update(&self, _: &dyn Object, _: &dyn Object) -> Vec<field::Error> {
        Vec::new()
    }
    fn warnings(&self, _: &dyn Object, _: Option<&dyn Object>) -> Vec<String> {
        Vec::new()
    }
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell> {
        let mut row = vec![json!(meta::name(object.meta()))];
        if let Some(held) = object.as_any().downcast_ref::<PlainObject>() {
            row.extend(self.paths.iter().map(|path| at_path(&held.content, path)));
            row.extend((self.cells)(held));
        }
        if let Some(place) = self.columns.iter().position(|column| column.name == Column::AGE.name) {
            row.insert(place.min(row.len()), json!(cells::age(object.meta(), now)));
        }
        row
    }
    fn selectable_fields(&self, object: &dyn Object) -> Vec<(&'static str, String)> {
        let named: &[&'static str] = match self.info.kind {
            "CertificateSigningRequest" => &["spec.signerName"],
            "ResourceSlice" => &["spec.nodeName", "spec.driver"],
            _ => return Vec::new(),
        };
        let Some(held) = object.as_any().downcast_ref::<PlainObject>() else { return Vec::new() };
        let text = |path: &str| at_path(&held.content, path).as_str().unwrap_or_default().to_owned();
        named.iter().map(|path| (*path, text(path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_shows_what_is_at_its_path() {
        let row = |kind: &PlainKind, json: Value| kind.row(&*kind.decode(json).unwrap(), Time::from_seconds(0));
        let named = |rest: Value| {
            let mut json = json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"}});
            json.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            json
        };
        let cidrs = named(json!({"spec": {"cidrs": ["10.0.0.0/8", "fd00::/108"]}}));
        assert_eq!(row(&SERVICE_CIDR, cidrs), [json!("a"), json!("10.0.0.0/8,fd00::/108"), json!("0s")]);
        let hooks = named(json!({"webhooks": [{}, {}]}));
        assert_eq!(row(&VALIDATING_WEBHOOK_CONFIGURATION, hooks), [json!("a"), json!(2), json!("0s")]);
        let level = row(&PRIORITY_LEVEL_CONFIGURATION, named(json!({"spec": {"type": "Exempt"}})));
        assert_eq!((&level[1], &level[2]), (&json!("Exempt"), &json!("<none>")));
    }

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
