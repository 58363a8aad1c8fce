//! Pages that somebody is working at, over plain HTTP on this machine: whatever the caller brings for a path, and a
//! number that changes when the pages do. Renders nothing and reads no file.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

/// Where a page asks whether it has changed: `/.changes?3` answers when the number is no longer 3.
pub const CHANGES: &str = "/.changes";
/// How long a page waits for a change before it asks again.
const PATIENCE: Duration = Duration::from_secs(25);

/// What stands at a path, without its slash at the start; `None` for nothing.
pub type Pages = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Serves pages until the process ends.
///
/// # Errors
/// The connection is lost.
pub async fn serve_pages(
    listener: tokio::net::TcpListener,
    pages: Pages,
    version: watch::Receiver<u64>,
) -> std::io::Result<()> {
    axum::serve(listener, Router::new().fallback(answer).with_state((pages, version))).await
}

async fn answer(State((pages, mut version)): State<(Pages, watch::Receiver<u64>)>, uri: Uri) -> Response {
    if uri.path() == CHANGES {
        let known: Option<u64> = uri.query().and_then(|number| number.parse().ok());
        let changed = version.wait_for(|now| known != Some(*now));
        let _ = tokio::time::timeout(PATIENCE, changed).await;
        let now = *version.borrow();
        return ([(header::CACHE_CONTROL, "no-store")], now.to_string()).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    match pages(&path) {
        Some(bytes) => {
            let headers = [(header::CONTENT_TYPE, kind(&path)), (header::CACHE_CONTROL, "no-store")];
            (headers, HttpBody::from(bytes)).into_response()
        }
        None => (StatusCode::NOT_FOUND, format!("there is no {path}\n")).into_response(),
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "xml" => "application/xml",
        _ => "text/plain; charset=utf-8",
    }
}
