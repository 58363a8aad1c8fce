//! Requests to the server and what its answers mean. Knows no kinds: paths come from discovery.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/rest/request.go.

use std::time::Duration;

use serde_json::{Value, json};

use super::config::Config;
use super::failure::Failure;
use super::program::Context;
use super::request_log;
use crate::text::go_number::quote;
use crate::text::http::{Body, Method, Request, Response, StreamId};

/// The version this kubectl says it is.
pub const VERSION: &str = "v1.36.2";

/// What a Table is asked for with.
pub const TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

impl Context<'_> {
    /// Sends a request and gives the answer, whatever its status. Warnings are printed once each.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub fn send(&mut self, mut request: Request) -> Result<Response, Failure> {
        let config = self.config()?.clone();
        request.path = format!("{}{}", config.prefix, request.path);
        request.headers.push(("User-Agent".to_owned(), format!("kubectl/{VERSION} (linux/amd64) kubernetes/98b3519")));
        request.headers.extend(config.identity.iter().cloned());
        let told = self.tells();
        let sent = told.then(|| {
            (
                request_log::url(config.server.strip_suffix(&config.prefix).unwrap_or(&config.server), &request),
                request.clone(),
            )
        });
        if let Some((url, request)) = &sent {
            self.tell_request(url, request);
        }
        self.check_namespace(&config, &request)?;
        let place = Request { headers: Vec::new(), body: Vec::new(), ..request.clone() };
        let scheme = config.server.split_once("://").map_or("", |(scheme, _)| scheme);
        let answer = match scheme {
            "http" | "https" => self.system.host().send(&config.authority, request),
            other => Err(format!("unsupported protocol scheme {}", quote(other))),
        };
        let response = answer.map_err(|message| {
            let server = config.server.strip_suffix(&config.prefix).unwrap_or(&config.server);
            let verb = match place.method {
                Method::Get => "Get",
                Method::Post => "Post",
                Method::Put => "Put",
                Method::Patch => "Patch",
                Method::Delete => "Delete",
            };
            let request = format!("{verb} {}", quote(&request_log::url(server, &place)));
            Failure::Connection { host: config.authority.clone(), message, request }
        })?;
        if let Some((url, request)) = &sent {
            self.tell_response(&config.authority, url, request, &response);
        }
        self.warn(&response);
        Ok(response)
    }

    /// A namespace that is no part of a path is refused before anything is asked, and so is what has no time to be
    /// answered.
    fn check_namespace(&self, config: &Config, request: &Request) -> Result<(), Failure> {
        let namespace = &config.namespace;
        if request.path.contains(&format!("/namespaces/{namespace}")) {
            check_segment("namespace", namespace)?;
        }
        match self.request_timeout() {
            Some(span) if span < Duration::from_micros(100) => Err(Failure::msg("context deadline exceeded")),
            _ => Ok(()),
        }
    }

    /// Sends a request and gives the JSON of a successful answer.
    ///
    /// # Errors
    /// The server's `Status`, or a connection that failed.
    pub fn json(&mut self, request: Request) -> Result<Value, Failure> {
        let (method, path) = (request.method, request.path.clone());
        if let Some(last) = path.rsplit('/').next() {
            check_segment("resource name", last)?;
        }
        let response = self.send(request)?;
        let bytes = self.whole(&response);
        if response.status >= 400 {
            return Err(status_of(method, &path, response.status, &bytes));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::msg(format!("the server's answer is not JSON: {error}")))
    }

    /// Sends a request and gives the bytes of a successful answer.
    ///
    /// # Errors
    /// The server's `Status`, or a connection that failed.
    pub fn raw(&mut self, request: Request) -> Result<Vec<u8>, Failure> {
        let (method, path) = (request.method, request.path.clone());
        let response = self.send(request)?;
        let bytes = self.whole(&response);
        if response.status >= 400 {
            return Err(status_of(method, &path, response.status, &bytes));
        }
        Ok(bytes)
    }

    /// Opens a stream; bytes that came at once are given beside it.
    ///
    /// # Errors
    /// The server's `Status`, or a connection that failed.
    pub fn open(&mut self, request: Request) -> Result<(Option<StreamId>, Vec<u8>), Failure> {
        let (method, path) = (request.method, request.path.clone());
        let response = self.send(request)?;
        if response.status >= 400 {
            let bytes = self.whole(&response);
            return Err(status_of(method, &path, response.status, &bytes));
        }
        Ok(match response.body {
            Body::Stream(id) => (Some(id), Vec::new()),
            Body::Bytes(bytes) => (None, bytes),
        })
    }

    /// Reads one object.
    ///
    /// # Errors
    /// As [`Context::json`].
    pub fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.json(Request::new(Method::Get, path).with_header("Accept", "application/json"))
    }

    /// Sends an object with POST or PUT.
    ///
    /// # Errors
    /// As [`Context::json`].
    pub fn write(
        &mut self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        object: &Value,
    ) -> Result<Value, Failure> {
        let mut request = Request::new(method, path)
            .with_header("Accept", "application/json")
            .with_header("Content-Type", "application/json")
            .with_body(object.to_string());
        request.query = query.to_vec();
        self.json(request)
    }

    /// Sends a patch; `form` is `strategic-merge`, `merge`, `json` or `apply`.
    ///
    /// # Errors
    /// As [`Context::json`].
    pub fn patch(
        &mut self,
        path: &str,
        form: &str,
        query: &[(String, String)],
        patch: &[u8],
    ) -> Result<Value, Failure> {
        let form = match form {
            "strategic" | "strategic-merge" => "application/strategic-merge-patch+json",
            "merge" => "application/merge-patch+json",
            "json" => "application/json-patch+json",
            _ => "application/apply-patch+yaml",
        };
        let mut request = Request::new(Method::Patch, path)
            .with_header("Accept", "application/json")
            .with_header("Content-Type", form)
            .with_body(patch);
        request.query = query.to_vec();
        self.json(request)
    }

    /// `--match-server-version`: refuses a server of another version.
    ///
    /// # Errors
    /// A server that does not say which version it has, or has another one.
    pub fn check_version(&mut self) -> Result<(), Failure> {
        let request = Request::new(Method::Get, "/version").with_header("Accept", "application/json");
        let answer = self.json(request.with_query("timeout", "32s")).map_err(|failure| match failure {
            Failure::Connection { request, message, .. } => {
                Failure::msg(format!("couldn't read version from server: {request}: {message}"))
            }
            other => Failure::msg(format!("couldn't read version from server: {}", other.text())),
        })?;
        match answer.get("gitVersion").and_then(Value::as_str) {
            Some(VERSION) => Ok(()),
            other => Err(Failure::msg(format!(
                "server version ({}) differs from client version ({VERSION})!",
                other.unwrap_or_default()
            ))),
        }
    }

    fn whole(&mut self, response: &Response) -> Vec<u8> {
        match &response.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Stream(id) => {
                let host = self.system.host();
                let mut all = Vec::new();
                while let crate::text::http::StreamRead::Data(bytes) = host.read_stream(*id) {
                    all.extend(bytes);
                }
                host.close_stream(*id);
                all
            }
        }
    }

    fn warn(&mut self, response: &Response) {
        for (name, value) in &response.headers {
            if !name.eq_ignore_ascii_case("warning") {
                continue;
            }
            let text = warning_text(value);
            if !text.is_empty() {
                self.caution(text);
            }
        }
    }

    /// Prints a warning, once.
    pub fn caution(&mut self, text: String) {
        if !self.session.warned.contains(&text) {
            self.out.err_line(&format!("Warning: {text}"));
            self.session.warned.insert(text);
        }
    }
}

/// Refuses a namespace or a name that is no part of a path.
///
/// # Errors
/// What it may not be.
pub fn check_segment(what: &str, text: &str) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    if [".", ".."].contains(&text) {
        wrong.push(format!("may not be '{text}'"));
    }
    wrong
        .extend(['/', '%'].iter().filter(|mark| text.contains(**mark)).map(|mark| format!("may not contain '{mark}'")));
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::msg(format!("invalid {what} {}: [{}]", quote(text), wrong.join(" ")))),
    }
}

/// The sentence in `299 - "sentence"`.
fn warning_text(header: &str) -> String {
    let Some((_, quoted)) = header.split_once('"') else { return String::new() };
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

/// The failure behind an answer of 400 or more.
fn status_of(method: Method, path: &str, code: u16, bytes: &[u8]) -> Failure {
    if let Ok(status) = serde_json::from_slice::<Value>(bytes)
        && status.get("kind").and_then(Value::as_str) == Some("Status")
    {
        return Failure::Status { status, context: String::new() };
    }
    let body = String::from_utf8_lossy(bytes);
    let (reason, message) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason".to_owned()),
        401 => ("Unauthorized", "the server has asked for the client to provide credentials".to_owned()),
        403 => ("Forbidden", body.trim().to_owned()),
        404 => ("NotFound", "the server could not find the requested resource".to_owned()),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
        406 => ("NotAcceptable", body.trim().to_owned()),
        409 if method == Method::Post => ("AlreadyExists", "the server reported a conflict".to_owned()),
        409 => ("Conflict", "the server reported a conflict".to_owned()),
        410 => ("Expired", "the event or resource is no longer available".to_owned()),
        415 => ("UnsupportedMediaType", body.trim().to_owned()),
        422 => ("Invalid", "the server rejected our request due to an error in our request".to_owned()),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later".to_owned(),
        ),
        500 => (
            "InternalError",
            format!(
                "an error on the server ({}) has prevented the request from succeeding",
                serde_json::to_string(body.trim()).unwrap_or_default()
            ),
        ),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned()),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request"
                .to_owned(),
        ),
        _ => ("", format!("the server responded with the status code {code} but did not return more information")),
    };
    Failure::Status {
        status: json!({"kind": "Status", "code": code, "reason": reason, "message": message, "details": {"path": path}}),
        context: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_header_is_unquoted() {
        assert_eq!(warning_text("299 - \"unknown field \\\"spec.x\\\"\""), "unknown field \"spec.x\"");
    }
}
