//! `--raw`: a request to a path as it stands, and the server's own words.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/rawhttp/raw.go and Go's `url.ParseRequestURI`.

use super::failure::{Failure, path_error};
use super::flags::Flags;
use super::program::{Context, DONE, Outcome};
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

/// Refuses what is no path, or cannot be used together with `--raw`. `files` is how many files there are to be.
///
/// # Errors
/// kubectl's sentence about it.
pub fn check(flags: &Flags, files: std::ops::RangeInclusive<usize>) -> Result<(), Failure> {
    let given = flags.list("filename");
    let remote = |file: &String| file.starts_with("http://") || file.starts_with("https://");
    let why = if !files.contains(&given.len()) {
        "--raw can only use a single local file or stdin"
    } else if given.iter().any(remote) {
        "--raw cannot read from a url"
    } else if flags.on("recursive") {
        "--raw and --recursive are mutually exclusive"
    } else if *files.start() > 0 && !flags.text("selector").is_empty() {
        "--raw and --selector (-l) are mutually exclusive"
    } else if !flags.text("output").is_empty() {
        "--raw and --output are mutually exclusive"
    } else {
        return path(flags.text("raw"));
    };
    Err(Failure::msg(why))
}

/// Refuses what is no path of a request.
///
/// # Errors
/// What Go says of it.
pub fn path(text: &str) -> Result<(), Failure> {
    let scheme = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    let escape = text.match_indices('%').find_map(|(at, _)| {
        let escape: String = text.get(at..)?.chars().take(3).collect();
        let hex = escape.len() == 3 && escape.chars().skip(1).all(|c| c.is_ascii_hexdigit());
        (!hex).then_some(escape)
    });
    let why = match (scheme, escape) {
        _ if text.chars().any(char::is_control) => "net/url: invalid control character in URL".to_owned(),
        (Some(0), _) if text.starts_with(':') => "missing protocol scheme".to_owned(),
        (scheme, _) if !text.starts_with('/') && scheme.and_then(|at| text.get(at..=at)) != Some(":") => {
            "invalid URI for request".to_owned()
        }
        (_, Some(escape)) => format!("invalid URL escape {}", quote(&escape)),
        _ => return Ok(()),
    };
    Err(Failure::msg(format!("--raw must be a valid URL path: parse {}: {why}", quote(text))))
}

/// Sends the request, with a file (`-` is standard input) as its body, and prints the answer.
///
/// # Errors
/// A file that cannot be read, or the server's own words.
pub fn send(cx: &mut Context<'_>, method: Method, address: &str, file: Option<&str>) -> Outcome {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut request = Request::new(method, path);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        request = request.with_query(name, value);
    }
    if let Some(file) = file {
        let body = match file {
            "-" => cx.session.stdin.clone(),
            _ => cx.system.read_file(file).map_err(|errno| Failure::msg(path_error("open", file, errno)))?,
        };
        request = request
            .with_header("Accept", "application/json")
            .with_header("Content-Type", "application/json")
            .with_body(body);
    }
    let bytes = cx.raw(request)?;
    cx.out.bytes(1, &bytes);
    DONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_path_is_told_as_go_tells_it() {
        let told = |text: &str| path(text).err().map(|failure| failure.text()).unwrap_or_default();
        assert_eq!(told("/api/v1?limit=5"), "");
        assert_eq!(told("nosuch"), "--raw must be a valid URL path: parse \"nosuch\": invalid URI for request");
        assert_eq!(told(":x"), "--raw must be a valid URL path: parse \":x\": missing protocol scheme");
        assert_eq!(told("/a%zz"), "--raw must be a valid URL path: parse \"/a%zz\": invalid URL escape \"%zz\"");
    }
}
