//! A small static server for `dist/`: what any host of static files does, and nothing more.
//!
//! Sends no special headers but the one that lets other sites load the module. Not for the open network.

#![expect(clippy::disallowed_methods, reason = "a server has threads; the ban is the core's")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::build;
use crate::run::{Failure, Outcome, say};

/// What is served, where.
#[derive(Clone)]
struct Site {
    folder: PathBuf,
    /// Begins and ends with a slash.
    base: String,
}

/// `cargo xtask serve`.
pub fn command(arguments: &[&str]) -> Outcome {
    let (mut listen, mut base, mut fresh) = ("127.0.0.1:8000", "/", true);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().copied().ok_or_else(|| Failure(format!("{argument} needs a value")));
        match *argument {
            "--listen" => listen = value()?,
            "--base" => base = value()?,
            "--no-build" => fresh = false,
            other => return Err(Failure(format!("serve knows no {other}; it knows --listen, --base, --no-build"))),
        }
    }
    if fresh && build::site()? == build::Weight::TooHeavy {
        say("served all the same; `cargo xtask build` and `cargo xtask test` fail until it is lighter");
    }
    let site = Site { folder: build::dist(), base: format!("/{}/", base.trim_matches('/')).replace("//", "/") };
    let listener = TcpListener::bind(listen).map_err(|error| {
        Failure(format!("cannot listen on {listen}: {error}. Another address: --listen 127.0.0.1:8080"))
    })?;
    println!("Tabernetes is served at http://{}{}  (Ctrl-C ends it)", listener.local_addr()?, site.base);
    accept(&listener, site);
    Ok(())
}

/// Serves `folder` under `base` on a free port, for as long as the process lives; gives the address.
pub fn in_background(folder: PathBuf, base: &str) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}{base}", listener.local_addr()?);
    let site = Site { folder, base: base.to_owned() };
    std::thread::spawn(move || accept(&listener, site));
    Ok(address)
}

fn accept(listener: &TcpListener, site: Site) {
    let site = Arc::new(site);
    for stream in listener.incoming().flatten() {
        let site = Arc::clone(&site);
        std::thread::spawn(move || {
            if let Err(error) = talk(&stream, &site) {
                // A browser that closes its connection early is nothing to tell.
                if error.kind() == std::io::ErrorKind::InvalidInput {
                    say(&error.to_string());
                }
            }
        });
    }
}

fn talk(stream: &TcpStream, site: &Site) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
        }
        let mut words = first.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let answer = if matches!(method, "GET" | "HEAD") { find(site, target) } else { Answer::plain(405, "GET only") };
        answer.send(stream, method == "HEAD")?;
    }
}

struct Answer {
    status: u16,
    kind: &'static str,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn plain(status: u16, text: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", location: None, body: format!("{text}\n").into_bytes() }
    }

    fn send(&self, mut stream: &TcpStream, head_only: bool) -> std::io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            301 => "Moved Permanently",
            404 => "Not Found",
            _ => "Method Not Allowed",
        };
        let mut head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\
             Access-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        if let Some(location) = &self.location {
            head.push_str(&format!("Location: {location}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if !head_only {
            stream.write_all(&self.body)?;
        }
        stream.flush()
    }
}

/// The file that a request names: below the folder, `index.html` for a folder.
fn find(site: &Site, target: &str) -> Answer {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let Some(inside) = path.strip_prefix(&site.base) else {
        if format!("{path}/") == site.base {
            return Answer { location: Some(site.base.clone()), ..Answer::plain(301, "moved") };
        }
        return Answer::plain(404, &format!("nothing here; the site is at {}", site.base));
    };
    let decoded = decode(inside);
    let relative = Path::new(&decoded);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Answer::plain(404, "not found");
    }
    let mut file = site.folder.join(relative);
    if file.is_dir() {
        if !inside.is_empty() && !inside.ends_with('/') {
            return Answer { location: Some(format!("{path}/")), ..Answer::plain(301, "moved") };
        }
        file.push("index.html");
    }
    match fs::read(&file) {
        Ok(body) => Answer { status: 200, kind: kind(&file), location: None, body },
        Err(_) => Answer::plain(404, "not found"),
    }
}

fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair: Vec<u8> = rest.by_ref().take(2).collect();
        let hex = std::str::from_utf8(&pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(hex.unwrap_or(b'%'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "yaml" | "yml" | "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let folder = std::env::temp_dir().join(format!("tabernetes-serve-{}", std::process::id()));
        fs::create_dir_all(folder.join("lessons/a")).unwrap();
        fs::write(folder.join("index.html"), "home").unwrap();
        fs::write(folder.join("lessons/a/index.html"), "lesson").unwrap();
        Site { folder, base: "/x/".into() }
    }

    #[test]
    fn folders_answer_with_their_index_and_nothing_outside_is_reached() {
        let site = site();
        let body = |target: &str| {
            let answer = find(&site, target);
            (answer.status, String::from_utf8(answer.body).unwrap_or_default(), answer.location)
        };
        assert_eq!(body("/x/"), (200, "home".into(), None));
        assert_eq!(body("/x/lessons/a/?q=1"), (200, "lesson".into(), None));
        assert_eq!(body("/x/lessons/a").2, Some("/x/lessons/a/".into()));
        assert_eq!(body("/x").2, Some("/x/".into()));
        for outside in ["/x/../secret", "/x/%2e%2e/secret", "/y/", "/x//etc/passwd", "/x/absent"] {
            assert_eq!(body(outside).0, 404, "{outside}");
        }
    }
}
