//! Between axum's requests and answers and our own. Percent escapes end here.

use axum::body::Body as HttpBody;
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::response::Response as HttpResponse;
use serde_json::json;

use super::protobuf::{self, Unread};
use crate::text::http::{Method, Request, Response};

/// A request as the API server takes it.
///
/// # Errors
/// The answer to what it would not understand.
pub fn request(parts: &Parts, body: Vec<u8>) -> Result<Request, Box<HttpResponse>> {
    let path = decode(parts.uri.path(), false).ok_or_else(|| Box::new(malformed()))?;
    let method = match parts.method.as_str() {
        "GET" => Method::Get,
        // What is kept in objects has no heads.
        "HEAD" if !path.starts_with("/api/") && path.matches('/').count() < 4 => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => {
            let text = "the server does not allow this method on the requested resource";
            return Err(Box::new(failure(405, "MethodNotAllowed", text)));
        }
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    // A parameter that cannot be read is dropped, as Go does.
    let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let query = pairs.filter_map(pair).collect();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut request = Request { method, path, query, headers, body };
    if request.header("Content-Type").is_some_and(|media| media.starts_with(protobuf::MEDIA_TYPE)) {
        as_json(&mut request)?;
    }
    Ok(request)
}

/// The same request with its body in JSON. A kind that is not known stays as it is: the server says what it takes.
fn as_json(request: &mut Request) -> Result<(), Box<HttpResponse>> {
    if !request.body.is_empty() {
        match protobuf::to_json(&request.body) {
            Ok(value) => request.body = value.to_string().into_bytes(),
            Err(Unread::UnknownKind) => return Ok(()),
            Err(Unread::Broken(why)) => return Err(Box::new(failure(400, "BadRequest", &why))),
        }
    }
    for (_, value) in request.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Type")) {
        *value = "application/json".to_owned();
    }
    Ok(())
}

/// Status and headers of an answer.
pub fn head(response: &Response) -> Builder {
    let mut builder = axum::http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        // What is no valid header value (a warning with letters beyond ASCII) goes as bytes.
        if let Ok(value) = axum::http::HeaderValue::from_bytes(value.as_bytes()) {
            builder = builder.header(name.as_str(), value);
        }
    }
    builder
}

/// A failure that never reached the API server.
pub fn failure(code: u16, reason: &str, message: &str) -> HttpResponse {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    // What a code says by itself has details, though nothing stands in them.
    if let (405, Some(map)) = (code, status.as_object_mut()) {
        map.insert("details".to_owned(), json!({}));
    }
    let mut response = HttpResponse::new(HttpBody::from(status.to_string()));
    *response.status_mut() =
        axum::http::StatusCode::from_u16(code).unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    response.headers_mut().insert("cache-control", axum::http::HeaderValue::from_static("no-cache, private"));
    response
}

/// Refuses what Go's HTTP server refuses and this one's library lets through: a request that names no host or several,
/// one that expects what nobody can do.
pub fn refused(parts: &Parts) -> Option<HttpResponse> {
    let hosts = parts.headers.get_all("host").iter().count();
    if hosts == 0 && parts.version == axum::http::Version::HTTP_11 && parts.uri.host().is_none() {
        return Some(plain("400 Bad Request: missing required Host header"));
    }
    if hosts > 1 {
        return Some(malformed());
    }
    let expected = parts.headers.get("expect").map(|expected| expected.as_bytes().to_ascii_lowercase());
    if expected.is_some_and(|expected| expected != b"100-continue") {
        let mut response = HttpResponse::new(HttpBody::empty());
        *response.status_mut() = axum::http::StatusCode::EXPECTATION_FAILED;
        response.headers_mut().insert("connection", axum::http::HeaderValue::from_static("close"));
        return Some(response);
    }
    None
}

/// What Go's HTTP server says to what is no HTTP, before anybody's code has seen it.
fn malformed() -> HttpResponse {
    plain("400 Bad Request")
}

fn plain(text: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(text));
    *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert("connection", axum::http::HeaderValue::from_static("close"));
    response
}

/// Undoes percent escapes; in a query a plus is a space. `None` when an escape is broken or is no UTF-8.
fn decode(text: &str, query: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if query => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_undone_and_broken_ones_refused() {
        assert_eq!(decode("a%3Db+c", true).as_deref(), Some("a=b c"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        assert_eq!(decode("%4", true), None);
        assert_eq!(decode("%zz", true), None);
        assert_eq!(decode("%ff", true), None);
    }
}
