//! `PUT`: replaces an object.

use super::{Call, place};
use crate::apimachinery::Status;
use crate::apiserver::body;
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::text::http::Response;

impl Call<'_> {
    /// Replaces the object with the one in the body; `target.subresource` may be `status` or `finalize`.
    pub(in crate::apiserver) fn update(&mut self, target: &Target) -> Result<Response, Status> {
        let dry_run = body::dry_run(self.request, "UpdateOptions")?;
        let (mut object, document) = body::object(self.request, &*target.ops, "UpdateOptions", &mut self.warnings)?;
        place(&mut *object, target)?;
        let write = Write { dry_run, warnings: &mut self.warnings, document: Some(document), managed: None };
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, &*target.ops, &stored)
    }
}
