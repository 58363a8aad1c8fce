//! `PUT`: replaces an object, and makes one of a kind that may be made this way.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/update.go and `AllowCreateOnUpdate` of the
//! strategies.

use serde_json::Value;

use crate::apimachinery::{Object, Status};
use crate::apiserver::authorization::{self, Wish};
use crate::apiserver::body;
use crate::apiserver::call::{Call, place};
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::text::http::Response;

/// The kinds that an update creates when they are not there.
const CREATED: &[&str] = &[
    "endpoints",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "limitranges",
    "services",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "runtimeclasses.node.k8s.io",
];

impl Call<'_> {
    /// Replaces the object with the one in the body; `target.subresource` may be `status` or `finalize`.
    pub(in crate::apiserver) fn update(&mut self, target: &Target) -> Result<Response, Status> {
        let dry_run = body::dry_run(self.request, "UpdateOptions")?;
        let (mut object, document) = body::object(self.request, &*target.ops, "UpdateOptions", &mut self.warnings)?;
        place(object.meta_mut(), target)?;
        if target.subresource.is_empty()
            && CREATED.contains(&target.ops.info().resource)
            && self.stored(target).is_err()
        {
            return self.create_by_update(target, object, document, dry_run);
        }
        let write =
            Write { dry_run, warnings: &mut self.warnings, document: Some(document), patched: false, managed: None };
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, &*target.ops, &stored)
    }

    fn create_by_update(
        &mut self,
        target: &Target,
        mut object: Box<dyn Object>,
        document: Value,
        dry_run: bool,
    ) -> Result<Response, Status> {
        let wish = Wish { verb: "create".to_owned(), ..Wish::of(self.request, Some(target)) };
        authorization::of_caller(self.server, self.caller, &wish)?;
        object.meta_mut().resource_version = None;
        let write =
            Write { dry_run, warnings: &mut self.warnings, document: Some(document), patched: false, managed: None };
        let stored = self.server.create_with(self.caller, object, write)?;
        self.object(201, &*target.ops, &stored)
    }
}
