//! URLs in their parts.
//!
//! Models of Go's net/url what `ParseRequestURI` takes and the parts that can be asked for.

use crate::text::go_number::quote;

/// A URL in its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Url {
    pub(super) text: String,
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
}

impl Url {
    /// Reads an absolute URL or an absolute path.
    pub(super) fn parse(text: &str) -> Result<Url, String> {
        let wrong = |why: &str| Err(format!("parse {}: {why}", quote(text)));
        if text.is_empty() {
            return wrong("empty url");
        }
        if text.chars().any(|letter| letter.is_ascii_control()) {
            return wrong("net/url: invalid control character in URL");
        }
        let colon = text.find(':').filter(|at| {
            let scheme = text.get(..*at).unwrap_or_default();
            scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        });
        let (scheme, rest) = match colon {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            None if text.starts_with(':') => return wrong("missing protocol scheme"),
            None => ("", text),
        };
        if !rest.starts_with('/') && scheme.is_empty() {
            return wrong("invalid URI for request");
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let host = host.rsplit('@').next().unwrap_or(host);
        if host.contains(' ') {
            return wrong(&format!("invalid character {} in host name", quote(" ")));
        }
        let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or("", |(_, port)| port);
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong(&format!("invalid port {} after host", quote(&format!(":{port}"))));
        }
        let scheme = scheme.to_ascii_lowercase();
        let path = path.replace(' ', "%20");
        Ok(Url { text: text.to_owned(), scheme, host: host.to_owned(), path, query: query.to_owned() })
    }

    /// The name of the host and its port.
    pub(super) fn split_host(&self) -> (&str, &str) {
        match self.host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((name, port)) => (name, port),
            None => (&self.host, ""),
        }
    }
}
