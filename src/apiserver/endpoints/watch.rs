//! `GET` with `watch=1`: opens a stream of changes. The stream itself is read in `streams`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/watch.go.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, collection, truthy};
use crate::api::KindOps;
use crate::apimachinery::{Status, field};
use crate::apiserver::filter::Filter;
use crate::apiserver::managed_fields;
use crate::apiserver::negotiate::{self, Form};
use crate::apiserver::respond;
use crate::apiserver::route::Target;
use crate::apiserver::streams::{self, Stream, Watch};
use crate::apiserver::table;
use crate::sim::Time;
use crate::storage::Stored;
use crate::text::http::Response;

impl Call<'_> {
    /// Opens a watch.
    pub(super) fn watch(&mut self, target: &Target) -> Result<Response, Status> {
        let filter = Filter::of(self.request, &*target.ops, &target.name)?;
        let form = negotiate::form(self.request)?;
        let current = self.server.store().revision();
        let given = self.request.query("resourceVersion").unwrap_or_default();
        let wanted = super::list::check_version(Some(given), current)?;
        let asked = self.request.query("sendInitialEvents").map(|value| truthy(Some(value)));
        self.check_initial_events(asked)?;
        let initial_events = asked.unwrap_or(wanted == 0);
        let mut target = target.clone();
        target.name.clear();
        let initial: VecDeque<Stored> = if initial_events {
            collection(self.server, &target, &filter, None).cloned().collect()
        } else {
            VecDeque::new()
        };
        let bookmarks = truthy(self.request.query("allowWatchBookmarks"));
        let timeout = self.request.query("timeoutSeconds").and_then(|text| text.parse::<u64>().ok());
        let now = self.server.now();
        let watch = Watch {
            ops: target.ops,
            namespace: target.namespace,
            filter,
            form,
            revision: if initial_events || wanted == 0 { current } else { wanted },
            initial,
            initial_end: asked == Some(true) && bookmarks,
            bookmarks: bookmarks.then_some(now + streams::BOOKMARK_INTERVAL),
            deadline: timeout.filter(|seconds| *seconds > 0).map(|seconds| now + Duration::from_secs(seconds)),
            columns_sent: false,
            failed: false,
        };
        let id = streams::open(self.server, Stream::Watch(watch))?;
        Ok(respond::stream(200, "application/json", id))
    }

    fn check_initial_events(&self, asked: Option<bool>) -> Result<(), Status> {
        let matching = self.request.query("resourceVersionMatch").unwrap_or_default();
        let path = field::Path::new("resourceVersionMatch");
        let error = match (asked, matching) {
            (None, "") | (Some(_), "NotOlderThan") => return Ok(()),
            (Some(_), "") => field::Error::forbidden(
                &path,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (None, _) => field::Error::forbidden(
                &path,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
            (Some(_), other) => field::Error::not_supported(&path, other, &["NotOlderThan"]),
        };
        Err(Status::invalid("ListOptions.meta.k8s.io", "", &[error]))
    }
}

/// An object as an event of a watch carries it.
pub(in crate::apiserver) fn encode(
    ops: &dyn KindOps,
    stored: &Stored,
    form: Form,
    with_columns: bool,
    now: Time,
) -> Value {
    match form {
        Form::Object => managed_fields::encode(ops, stored),
        Form::Metadata => table::metadata(ops, stored),
        Form::Table(include) => {
            let columns = if with_columns { table::columns(ops) } else { Value::Null };
            let metadata = json!({"resourceVersion": stored.object.meta().resource_version});
            table::table(metadata, columns, vec![table::row(ops, stored, now, include)])
        }
    }
}
