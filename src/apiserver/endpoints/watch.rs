//! `GET` with `watch=1`: opens a stream of changes. The stream itself is read in `streams`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/watch.go.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::collection;
use crate::api::KindOps;
use crate::apimachinery::{Reason, Status, field};
use crate::apiserver::call::{Call, integer, truthy};
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
        let form = negotiate::watched(self.request)?;
        let current = self.server.store().revision();
        let given = self.request.query("resourceVersion").unwrap_or_default();
        let timeout = integer(self.request.query("timeoutSeconds"))?.and_then(|seconds| u64::try_from(seconds).ok());
        let asked = self.request.query("sendInitialEvents").map(|value| truthy(Some(value)));
        self.check_initial_events(asked)?;
        // Nobody has given this failure a reason upstream.
        let wanted = super::list::version(given)
            .map_err(|error| Status::other(Reason::Unknown, error.to_string()))?
            .unwrap_or(0);
        let initial_events = asked.unwrap_or(wanted == 0);
        let mut target = target.clone();
        target.name.clear();
        let initial: VecDeque<Stored> = if initial_events {
            collection(self.server, &target, &filter, None).cloned().collect()
        } else {
            VecDeque::new()
        };
        let bookmarks = truthy(self.request.query("allowWatchBookmarks"));
        let now = self.server.now();
        let watch = Watch {
            ops: target.ops,
            namespace: target.namespace,
            filter,
            form,
            revision: if initial_events || wanted == 0 { current } else { wanted },
            initial,
            // A watch from nowhere is one that sends what is there first, whether it says so or not.
            initial_end: initial_events && bookmarks,
            bookmarks: bookmarks.then_some(now + streams::BOOKMARK_INTERVAL),
            deadline: timeout.filter(|seconds| *seconds > 0).map(|seconds| now + Duration::from_secs(seconds)),
            columns_sent: false,
            failed: false,
        };
        let id = streams::open(self.server, Stream::Watch(watch))?;
        Ok(respond::stream(200, "application/json", id))
    }

    fn check_initial_events(&self, asked: Option<bool>) -> Result<(), Status> {
        let query = |name: &str| self.request.query(name).unwrap_or_default();
        let (matching, path) = (query("resourceVersionMatch"), field::Path::new("resourceVersionMatch"));
        let mut errors = Vec::new();
        let mut forbidden = |why: &str| errors.push(field::Error::forbidden(&path, why));
        match asked {
            Some(_) if matching != "NotOlderThan" => {
                forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
            }
            None if !matching.is_empty() => {
                forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
            }
            _ => {}
        }
        if asked.is_some() && !matches!(matching, "" | "NotOlderThan") {
            errors.push(field::Error::not_supported(&path, matching, &["NotOlderThan"]));
        }
        // A watch from nowhere is one that sends what is there first, and that has a match.
        let from_nowhere = matches!(query("resourceVersion"), "" | "0");
        if !query("continue").is_empty() && (from_nowhere || !matching.is_empty()) {
            errors.push(field::Error::forbidden(&path, "resourceVersionMatch is forbidden when continue is provided"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Status::invalid("ListOptions.meta.k8s.io", "", &errors)) }
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
