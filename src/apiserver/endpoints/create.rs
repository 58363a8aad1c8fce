//! `POST`: creates an object.

use crate::apimachinery::Status;
use crate::apiserver::body;
use crate::apiserver::call::{Call, place};
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::text::http::Response;

impl Call<'_> {
    /// Creates the object in the body.
    pub(super) fn create(&mut self, target: &Target) -> Result<Response, Status> {
        let dry_run = body::dry_run(self.request, "CreateOptions")?;
        let (mut object, document) = body::object(self.request, &*target.ops, "CreateOptions", &mut self.warnings)?;
        place(object.meta_mut(), target)?;
        let write =
            Write { dry_run, warnings: &mut self.warnings, document: Some(document), patched: false, managed: None };
        let stored = self.server.create_with(self.caller, object, write)?;
        self.object(201, &*target.ops, &stored)
    }
}
