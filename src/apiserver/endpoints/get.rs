//! `GET` of one object.

use crate::apimachinery::Status;
use crate::apiserver::call::Call;
use crate::apiserver::negotiate;
use crate::apiserver::node_leases;
use crate::apiserver::route::Target;
use crate::text::http::Response;

impl Call<'_> {
    /// One object.
    pub(super) fn get(&mut self, target: &Target) -> Result<Response, Status> {
        let stored = self.stored(target)?;
        let stored = node_leases::renewed(&stored, self.server.now()).unwrap_or(stored);
        let accept = self.request.header("Accept").unwrap_or_default();
        if accept.contains("as=PartialObjectMetadataList") {
            negotiate::is_no_list(self.request, target.ops.info())?;
        }
        self.object(200, &*target.ops, &stored)
    }
}
