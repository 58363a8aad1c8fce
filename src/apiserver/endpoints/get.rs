//! `GET` of one object.

use super::Call;
use crate::apimachinery::Status;
use crate::apiserver::route::Target;
use crate::text::http::Response;

impl Call<'_> {
    /// One object.
    pub(super) fn get(&mut self, target: &Target) -> Result<Response, Status> {
        let stored = self.stored(target)?;
        self.object(200, &*target.ops, &stored)
    }
}
