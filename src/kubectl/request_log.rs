//! What `-v=6` and more print about each request: klog lines on standard error. Sends nothing and changes nothing.
//!
//! Durations are those of virtual time: a request that the server answers at once took 0 milliseconds.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/transport/round_trippers.go (`debuggingRoundTripper`) and
//! rest/request.go (`logBody`).

use super::failure::Failure;
use super::program::Context;
use super::writing::klog;
use crate::shell::pattern::Pattern;
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::http::{Body, Method, Request, Response};

/// From here on every request is told.
const REQUESTS: i64 = 6;
/// From here on with the headers that were sent.
const HEADERS: i64 = 7;
/// From here on with bodies and the headers that came.
const BODIES: i64 = 8;
/// From here on as a curl command, with more about the time.
const CURL: i64 = 9;

/// The gates of client-go that are told at `-v=1`.
const GATES: &[(&str, bool)] = &[
    ("AtomicFIFO", true),
    ("ClientsAllowCARotation", true),
    ("ClientsAllowCBOR", false),
    ("ClientsAllowTLSCacheGC", true),
    ("ClientsPreferCBOR", false),
    ("InOrderInformers", true),
    ("InOrderInformersBatchProcess", true),
    ("InformerResourceVersion", true),
    ("UnlockWhileProcessingFIFO", true),
    ("WatchListClient", true),
];

impl Context<'_> {
    /// Whether a file of upstream's tells what belongs to a level: by `-v`, or by `--vmodule` for files of its name.
    fn told(&self, file: &str, level: i64) -> bool {
        let flags = &self.session.flags;
        let own = flags.text("vmodule").split(',').filter_map(|one| one.split_once('='));
        let mut own = own.filter(|(pattern, _)| Pattern::wildcards(pattern).matches_str(file));
        let own = own.next().and_then(|(_, level)| level.parse::<i64>().ok());
        flags.number("v") >= level || own.is_some_and(|own| own >= level)
    }

    /// Whether anything at all may be told of requests.
    pub(super) fn tells(&self) -> bool {
        self.session.flags.number("v") > 0 || !self.session.flags.text("vmodule").is_empty()
    }

    fn tell(&mut self, place: &str, text: &str) {
        let line = klog('I', self.system.now(), place, text);
        self.out.err_line(&line);
    }

    /// Tells which kubeconfig files were read, or that none of those that the environment names is there.
    pub(super) fn tell_files(&mut self, read: &[String], missing: &[String]) {
        if self.told("loader", REQUESTS) {
            for path in read {
                self.tell("loader.go:407", &format!("Config loaded from file:  {path}"));
            }
        }
        if self.told("loader", 1) && !missing.is_empty() {
            self.tell("loader.go:141", &format!("Config not found: {}", missing.join(", ")));
        }
    }

    /// Tells the gates of the client.
    pub(super) fn tell_gates(&mut self) {
        if self.told("envvar", 1) {
            for (gate, on) in GATES {
                self.tell("envvar.go:195", &format!("\"Feature gate default state\" feature=\"{gate}\" enabled={on}"));
            }
        }
    }

    /// Tells that the server does not say what it has, as often as it was asked.
    pub(super) fn tell_absent(&mut self, failure: &Failure, asks: usize) {
        let Failure::Connection { message, request, .. } = failure else { return };
        let why = format!("couldn't get current server API group list: {request}: {message}");
        for _ in 0..asks {
            let text = format!("\"Unhandled Error\" err={}", quote(&why));
            let line = klog('E', self.system.now(), "memcache.go:265", &text);
            self.out.err_line(&line);
        }
    }

    /// Tells that a request goes out.
    pub(super) fn tell_request(&mut self, url: &str, request: &Request) {
        if self.told("helper", BODIES) {
            self.tell_body("Request Body", request, &request.body);
        }
        if self.told("round_trippers", CURL) {
            let headers: String = sorted(&request.headers)
                .iter()
                .map(|(name, value)| format!(" -H {}", quote(&format!("{name}: {value}"))))
                .collect();
            let command = format!("curl -v -X{} {headers} '{url}'\n", request.method.as_str());
            self.tell("round_trippers.go:527", &format!("\"Request\"{}", field("curlCommand", &command)));
        } else if self.told("round_trippers", HEADERS) {
            let text = format!("\"Request\"{}{}", verb_and(url, request), field("headers", &lines(&request.headers)));
            self.tell("round_trippers.go:527", &text);
        }
    }

    /// Tells what came back.
    pub(super) fn tell_response(&mut self, authority: &str, url: &str, request: &Request, response: &Response) {
        if !self.told("round_trippers", REQUESTS) {
            return;
        }
        let first = !std::mem::replace(&mut self.session.connected, true);
        if self.told("round_trippers", CURL) && first {
            let text = format!("\"HTTP Trace: Dial succeed\" network=\"tcp\" address={}", quote(authority));
            self.tell("round_trippers.go:562", &text);
        }
        let (curl, plain) = (self.told("round_trippers", CURL), !self.told("round_trippers", HEADERS));
        let mut text = "\"Response\"".to_owned();
        if curl || plain {
            text.push_str(&verb_and(url, request));
        }
        text.push_str(&format!(" status=\"{} {}\"", response.status, phrase(response.status)));
        if self.told("round_trippers", BODIES) {
            let mut headers = response.headers.clone();
            if let Body::Bytes(bytes) = &response.body {
                headers.push(("Content-Length".to_owned(), bytes.len().to_string()));
            }
            text.push_str(&field("headers", &lines(&headers)));
        }
        text.push_str(" milliseconds=0");
        if curl && first {
            text.push_str(" dnsLookupMilliseconds=0 dialMilliseconds=0 tlsHandshakeMilliseconds=0");
        } else if curl {
            text.push_str(" getConnectionMilliseconds=0");
        }
        if curl {
            text.push_str(" serverProcessingMilliseconds=0");
        }
        self.tell("round_trippers.go:632", &text);
        // The body of a stream is nobody's to read ahead.
        if let Body::Bytes(bytes) = &response.body
            && self.told("round_trippers", BODIES)
        {
            self.tell_body("Response Body", request, bytes);
        }
    }

    fn tell_body(&mut self, title: &str, request: &Request, bytes: &[u8]) {
        let most = match self.session.flags.number("v") {
            BODIES => 1024,
            CURL => 10240,
            _ => usize::MAX,
        };
        let binary = bytes.iter().any(|byte| *byte < 0x0a);
        let text = if binary { hex_dump(bytes) } else { String::from_utf8_lossy(bytes).into_owned() };
        let text = match text.get(..floor(&text, most)) {
            Some(head) if head.len() < text.len() => {
                format!("{head} [truncated {} chars]", text.len() - head.len())
            }
            _ => text,
        };
        self.tell(asker(request), &format!("{}{}", quote(title), field("body", &text)));
    }

    /// Tells the `Status` behind a failure, as any command does at its end.
    pub(super) fn tell_failure(&mut self, failure: &Failure) {
        if let Failure::Status { status, .. } = failure
            && self.told("helpers", 4)
        {
            let object = go_json::to_indented_by(status, 2);
            self.tell("helpers.go:246", &format!("server response object: %s[{}]", object.trim_end()));
        }
    }
}

/// The line of client-go's that makes such a request.
fn asker(request: &Request) -> &'static str {
    let watches = request.query.iter().any(|(name, value)| name == "watch" && value == "true");
    match request.method {
        Method::Get if request.path == "/api" || request.path == "/apis" => "discovery_client.go:376",
        Method::Get if watches => "helper.go:170",
        Method::Get if request.query.iter().any(|(name, _)| name == "limit") => "helper.go:113",
        Method::Get => "helper.go:105",
        Method::Post => "helper.go:246",
        Method::Patch => "helper.go:299",
        Method::Put => "helper.go:335",
        Method::Delete => "helper.go:202",
    }
}

fn verb_and(url: &str, request: &Request) -> String {
    format!(" verb=\"{}\" url={}", request.method.as_str(), quote(url))
}

/// A field of a structured log line: quoted, or a block when it has several lines.
fn field(name: &str, text: &str) -> String {
    if !text.contains('\n') {
        return format!(" {name}={}", quote(text));
    }
    let block: String = text.split_inclusive('\n').map(|line| format!("\t{line}")).collect();
    format!(" {name}=<\n{}\n >", block.trim_end_matches('\n'))
}

/// Headers in the order of their names; what proves who asks is hidden.
fn sorted(headers: &[(String, String)]) -> Vec<(&str, String)> {
    let shown = |value: &str| match value.split_once(' ') {
        Some((scheme, _)) if ["bearer", "basic", "negotiate"].contains(&scheme.to_lowercase().as_str()) => {
            format!("{scheme} <masked>")
        }
        _ => "<masked>".to_owned(),
    };
    let mut all: Vec<(&str, String)> = headers
        .iter()
        .map(|(name, value)| {
            let secret = name.eq_ignore_ascii_case("Authorization");
            (name.as_str(), if secret { shown(value) } else { value.clone() })
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(b.0));
    all
}

fn lines(headers: &[(String, String)]) -> String {
    sorted(headers).iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// The nearest end of a letter at or before a position.
fn floor(text: &str, most: usize) -> usize {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Go's `hex.Dump`.
fn hex_dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (row, part) in bytes.chunks(16).enumerate() {
        out.push_str(&format!("{:08x} ", row * 16));
        for column in 0..16 {
            let gap = if column == 8 { "  " } else { " " };
            match part.get(column) {
                Some(byte) => out.push_str(&format!("{gap}{byte:02x}")),
                None => out.push_str(&format!("{gap}  ")),
            }
        }
        let letters: String =
            part.iter().map(|byte| if (32..=126).contains(byte) { char::from(*byte) } else { '.' }).collect();
        out.push_str(&format!("  |{letters}|\n"));
    }
    out
}

/// The words of a status code.
fn phrase(code: u16) -> &'static str {
    match code {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// The address of a request as Go writes it: query parameters sorted by name, with percent escapes.
pub(super) fn url(server: &str, request: &Request) -> String {
    let mut pairs: Vec<&(String, String)> = request.query.iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let query: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name, true), escaped(value, true))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{server}{}{mark}{}", escaped(&request.path, false), query.join("&"))
}

/// A path, or (`query`) a part of a query, as Go writes it into an address.
pub fn escaped(text: &str, query: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b'/' | b':' | b'@' | b'$' | b'&' | b'+' | b',' | b';' | b'=' if !query => out.push(char::from(byte)),
            b' ' if query => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_go_writes_it() {
        let request = Request::new(Method::Get, "/api/v1/pods")
            .with_query("watch", "true")
            .with_query("labelSelector", "a=b c,d!=e");
        assert_eq!(
            url("https://h:6443", &request),
            "https://h:6443/api/v1/pods?labelSelector=a%3Db+c%2Cd%21%3De&watch=true"
        );
    }

    #[test]
    fn a_text_of_several_lines_stands_in_a_block() {
        assert_eq!(field("body", "{\"a\":1}"), " body=\"{\\\"a\\\":1}\"");
        assert_eq!(field("body", "one\ntwo\n"), " body=<\n\tone\n\ttwo\n >");
        assert_eq!(field("body", "one\ntwo"), " body=<\n\tone\n\ttwo\n >");
    }

    #[test]
    fn what_proves_who_asks_is_hidden() {
        let headers = [("B".to_owned(), "2".to_owned()), ("Authorization".to_owned(), "Bearer abc".to_owned())];
        assert_eq!(lines(&headers), "Authorization: Bearer <masked>\nB: 2\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_dumped() {
        assert_eq!(
            hex_dump(b"k8s\0\n\x0f1234567890abc"),
            "00000000  6b 38 73 00 0a 0f 31 32  33 34 35 36 37 38 39 30  |k8s...1234567890|\n00000010  61 62 63                                          |abc|\n"
        );
    }
}
