//! What a kind tells the server about itself: names, defaults, validation, what clients may set, columns.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/rest/{create,update}.go (RESTCreateStrategy and
//! its kin) and pkg/printers.

use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;

use super::custom::{CustomKind, ScalePaths};

use crate::apimachinery::facts::facts;
use crate::apimachinery::{Kind, Object, decode, field};
use crate::sim::Time;

/// The names of a kind, as discovery answers them.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Plural with group: `jobs.batch`, `pods`.
    pub resource: &'static str,
    /// Empty for the core group.
    pub group: &'static str,
    /// Such as `v1`.
    pub version: &'static str,
    /// Such as `Job`.
    pub kind: &'static str,
    /// Such as `job`.
    pub singular: &'static str,
    /// Such as `po`.
    pub short_names: &'static [&'static str],
    /// Such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `status` is a subresource.
    pub has_status: bool,
    /// Whether `scale` is a subresource.
    pub has_scale: bool,
}

impl KindInfo {
    /// A namespaced kind without short names, categories and subresources.
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        resource: &'static str,
        singular: &'static str,
    ) -> Self {
        Self {
            resource,
            group,
            version,
            kind,
            singular,
            short_names: &[],
            categories: &[],
            namespaced: true,
            has_status: false,
            has_scale: false,
        }
    }

    /// The same kind with these short names.
    pub const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    /// The same kind as one that `kubectl get all` shows.
    pub const fn in_all(mut self) -> Self {
        self.categories = &["all"];
        self
    }

    /// The same kind as one that extends the API.
    pub const fn extension(mut self) -> Self {
        self.categories = &["api-extensions"];
        self
    }

    /// The same kind outside of namespaces.
    pub const fn cluster_scoped(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// The same kind with a `status` subresource.
    pub const fn status(mut self) -> Self {
        self.has_status = true;
        self
    }

    /// The same kind with a `scale` subresource.
    pub const fn scale(mut self) -> Self {
        self.has_scale = true;
        self
    }

    /// `batch/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `Job.batch`, or `Pod` for the core group, as `Invalid` names it.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The plural alone: `jobs`.
    pub fn plural(&self) -> &'static str {
        self.resource.split('.').next().unwrap_or(self.resource)
    }
}

/// A column of the kind's table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Such as `Name`; kubectl prints it in capitals.
    pub name: &'static str,
    /// OpenAPI type: `string`, `integer`, `date`...
    pub kind: &'static str,
    /// OpenAPI format: `name` for the name column.
    pub format: &'static str,
    /// 0 is always shown, 1 only with `-o wide`.
    pub priority: i32,
    /// What the column means, in our own words.
    pub description: &'static str,
}

impl Column {
    /// A text column that is always shown.
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, kind: "string", format: "", priority: 0, description }
    }

    /// The same column as a number.
    pub const fn integer(mut self) -> Self {
        self.kind = "integer";
        self
    }

    /// The same column, shown with `-o wide` only.
    pub const fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    /// The first column of nearly every table.
    pub const NAME: Column = Column {
        name: "Name",
        kind: "string",
        format: "name",
        priority: 0,
        description: "The object's name, unique for its kind in its namespace.",
    };

    /// When it was created, for kinds that upstream gives no columns of their own.
    pub const CREATED_AT: Column = Column { kind: "date", ..Column::new("Created At", "When the object was created.") };

    /// The time since creation.
    pub const AGE: Column = Column::new("Age", "How long ago the object was created.");
}

/// A cell of a table: text or a number, as JSON carries it.
pub type Cell = Value;

/// What a kind does at the server's door. The defaults suit a kind without status and without rules.
pub trait Strategy: Kind {
    /// Its names.
    const INFO: KindInfo;
    /// Its columns.
    const COLUMNS: &'static [Column];

    /// Fills what the client left open (`SetDefaults_*`). Must be idempotent.
    fn set_defaults(&mut self) {}

    /// Drops what a client may not set on creation (status), sets the first generation.
    fn prepare_for_create(&mut self) {}

    /// Keeps what a client may not change (status), raises the generation when the spec changed.
    fn prepare_for_update(&mut self, old: &Self) {
        let _ = old;
    }

    /// Keeps everything but the status.
    fn prepare_for_status_update(&mut self, old: &Self) {
        let _ = old;
    }

    /// Whether a new object is acceptable. Metadata is validated by the server for all kinds before.
    fn validate(&self) -> Vec<field::Error> {
        Vec::new()
    }

    /// Whether the change from `old` is acceptable. Metadata is validated by the server for all kinds before.
    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let _ = old;
        self.validate()
    }

    /// Whether the change of status from `old` is acceptable.
    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        let _ = old;
        Vec::new()
    }

    /// What the server warns of when it takes the object (`Warning:` lines).
    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let _ = old;
        Vec::new()
    }

    /// The cells of its row, one for each of `COLUMNS`.
    fn row(&self, now: Time) -> Vec<Cell>;

    /// The fields that a field selector may name, beside `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Puts into the JSON what Go always writes and the types leave out, such as `lastProbeTime: null`.
    fn complete_json(json: &mut Value) {
        let _ = json;
    }
}

/// The same door without the type, as the server holds it.
pub trait KindOps: Send + Sync {
    /// Its names.
    fn info(&self) -> &KindInfo;
    /// The schema that a custom resource's author wrote; kinds of our own have facts instead.
    fn structural_schema(&self) -> Option<&Value> {
        None
    }
    /// Where a custom resource's scale is.
    fn scale_paths(&self) -> Option<&ScalePaths> {
        None
    }
    /// The fields that a custom resource's schema does not have, by their paths.
    fn unknown_fields(&self, json: &Value) -> Vec<String> {
        let _ = json;
        Vec::new()
    }
    /// Its columns.
    fn columns(&self) -> &[Column];
    /// Reads an object from JSON that strict decoding has passed.
    ///
    /// # Errors
    /// The decoder's text.
    fn decode(&self, json: Value) -> Result<Box<dyn Object>, String>;
    /// Writes an object as the server answers it.
    fn encode(&self, object: &dyn Object) -> Value;
    /// See [`Strategy::set_defaults`].
    fn set_defaults(&self, object: &mut dyn Object);
    /// See [`Strategy::prepare_for_create`].
    fn prepare_for_create(&self, object: &mut dyn Object);
    /// See [`Strategy::prepare_for_update`].
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object);
    /// See [`Strategy::prepare_for_status_update`].
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object);
    /// See [`Strategy::validate`].
    fn validate(&self, object: &dyn Object) -> Vec<field::Error>;
    /// See [`Strategy::validate_update`].
    fn validate_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error>;
    /// See [`Strategy::validate_status_update`].
    fn validate_status_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error>;
    /// See [`Strategy::warnings`].
    fn warnings(&self, object: &dyn Object, old: Option<&dyn Object>) -> Vec<String>;
    /// See [`Strategy::row`].
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell>;
    /// See [`Strategy::selectable_fields`].
    fn selectable_fields(&self, object: &dyn Object) -> Vec<(&'static str, String)>;
}

/// A kind, built in or defined by somebody.
#[derive(Clone)]
pub enum KindRef {
    /// One of `KINDS` or `OTHER_VERSIONS`.
    Known(&'static dyn KindOps),
    /// One of a CustomResourceDefinition.
    Custom(Arc<CustomKind>),
}

impl std::ops::Deref for KindRef {
    type Target = dyn KindOps;
    fn deref(&self) -> &Self::Target {
        match self {
            KindRef::Known(kind) => *kind,
            KindRef::Custom(kind) => &**kind,
        }
    }
}

impl std::fmt::Debug for KindRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.info().resource)
    }
}

/// A strategy as an entry of `KINDS`.
pub const fn ops<T: Strategy>() -> Ops<T> {
    Ops(PhantomData)
}

/// See [`ops`].
pub struct Ops<T>(PhantomData<fn() -> T>);

fn typed<T: Strategy>(object: &dyn Object) -> Option<&T> {
    object.as_any().downcast_ref()
}

impl<T: Strategy> KindOps for Ops<T> {
    fn info(&self) -> &KindInfo {
        const { &T::INFO }
    }
    fn columns(&self) -> &[Column] {
        T::COLUMNS
    }
    fn decode(&self, json: Value) -> Result<Box<dyn Object>, String> {
        let mut json = json;
        facts().canonicalize(T::API_VERSION, T::KIND, &mut json);
        decode::<T>(json).map(|object| Box::new(object) as Box<dyn Object>).map_err(|e| e.to_string())
    }
    fn encode(&self, object: &dyn Object) -> Value {
        let mut json = object.to_json();
        T::complete_json(&mut json);
        json
    }
    fn set_defaults(&self, object: &mut dyn Object) {
        if let Some(object) = object.as_any_mut().downcast_mut::<T>() {
            object.set_defaults();
        }
    }
    fn prepare_for_create(&self, object: &mut dyn Object) {
        if let Some(object) = object.as_any_mut().downcast_mut::<T>() {
            object.prepare_for_create();
        }
    }
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if let (Some(new), Some(old)) = (new.as_any_mut().downcast_mut::<T>(), typed::<T>(old)) {
            new.prepare_for_update(old);
        }
    }
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if let (Some(new), Some(old)) = (new.as_any_mut().downcast_mut::<T>(), typed::<T>(old)) {
            new.prepare_for_status_update(old);
        }
    }
    fn validate(&self, object: &dyn Object) -> Vec<field::Error> {
        typed::<T>(object).map(Strategy::validate).unwrap_or_default()
    }
    fn validate_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        match (typed::<T>(new), typed::<T>(old)) {
            (Some(new), Some(old)) => new.validate_update(old),
            _ => Vec::new(),
        }
    }
    fn validate_status_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        match (typed::<T>(new), typed::<T>(old)) {
            (Some(new), Some(old)) => new.validate_status_update(old),
            _ => Vec::new(),
        }
    }
    fn warnings(&self, object: &dyn Object, old: Option<&dyn Object>) -> Vec<String> {
        typed::<T>(object).map(|object| object.warnings(old.and_then(typed::<T>))).unwrap_or_default()
    }
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell> {
        typed::<T>(object).map(|object| object.row(now)).unwrap_or_default()
    }
    fn selectable_fields(&self, object: &dyn Object) -> Vec<(&'static str, String)> {
        typed::<T>(object).map(Strategy::selectable_fields).unwrap_or_default()
    }
}
