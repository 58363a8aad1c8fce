//! Applets that ask the network: wget, curl, nslookup. HTTP alone; everything else is refused in their words.

use super::driver::{Out, once};
use super::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::shell::task::Task;
use crate::text::http::{Body, Method, Request, Response, StreamRead};

fn split(url: &str) -> Result<(String, String), &'static str> {
    let rest = match url.split_once("://") {
        Some(("http", rest)) => rest,
        Some(_) => return Err("only http is reachable here"),
        None => url,
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Ok((authority, path))
}

fn fetch(kernel: &mut Kernel, authority: &str, mut request: Request) -> Result<(Response, Vec<u8>), String> {
    let full = request.path.clone();
    if let Some((path, query)) = full.split_once('?') {
        path.clone_into(&mut request.path);
        request.query = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    request.headers.push(("Host".into(), authority.trim_end_matches(":80").to_owned()));
    let (name, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let local = name == "localhost" || name.starts_with("127.") || name == "[::1]";
    let own = if local { port.parse().ok().and_then(|port| kernel.loopback(port, &request)) } else { None };
    let response = match own {
        Some(answer) => answer?,
        None => kernel.host().send(authority, request)?,
    };
    let body = match &response.body {
        Body::Bytes(bytes) => bytes.clone(),
        Body::Stream(stream) => {
            let mut bytes = Vec::new();
            while let StreamRead::Data(data) = kernel.host().read_stream(*stream) {
                bytes.extend(data);
            }
            kernel.host().close_stream(*stream);
            bytes
        }
    };
    Ok((response, body))
}

fn reason(error: &str) -> (&'static str, i32) {
    if error.contains("no such host") {
        ("bad address", 6)
    } else if error.contains("refused") {
        ("Connection refused", 7)
    } else if error == "EOF" {
        ("Empty reply from server", 52)
    } else {
        ("Connection timed out", 28)
    }
}

pub fn wget(args: &[String]) -> Box<dyn Task> {
    once(args, |args, kernel, out| {
        let options = match parse(args, "qSc", "OTtUoPY") {
            Ok(options) => options,
            Err(bad) => {
                out.err(&super::options::message("wget", &bad.0, kernel.flavour()));
                return 1;
            }
        };
        let Some(url) = options.words.first() else {
            out.err("wget: missing URL\n");
            return 1;
        };
        let (authority, path) = match split(url) {
            Ok(parts) => parts,
            Err(problem) => {
                out.err(&format!("wget: {problem}\n"));
                return 1;
            }
        };
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host).to_owned();
        if !options.has('q') {
            out.err(&format!("Connecting to {authority} ({authority})\n"));
        }
        match fetch(kernel, &authority, Request::new(Method::Get, path.clone())) {
            Err(error) => {
                match reason(&error) {
                    ("bad address", _) => out.err(&format!("wget: bad address '{host}'\n")),
                    (_, 52) => out.err("wget: error getting response\n"),
                    (text, _) => out.err(&format!("wget: can't connect to remote host ({host}): {text}\n")),
                }
                1
            }
            Ok((response, body)) => {
                if response.status >= 400 {
                    out.err(&format!(
                        "wget: server returned error: HTTP/1.1 {} {}\n",
                        response.status,
                        phrase(response.status)
                    ));
                    return 1;
                }
                save(kernel, out, options.value('O'), &path, &body, options.has('q'))
            }
        }
    })
}

fn save(kernel: &mut Kernel, out: &mut Out, file: Option<&str>, path: &str, body: &[u8], quiet: bool) -> i32 {
    if file == Some("-") {
        out.put(1, body);
        return 0;
    }
    let name = path
        .split('?')
        .next()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("index.html");
    let file = file.unwrap_or(name);
    if let Err(errno) = kernel.write_file(file, body) {
        out.err(&format!("wget: can't open '{file}': {}\n", errno.message()));
        return 1;
    }
    if !quiet {
        out.err(&format!("saving to '{file}'\n'{file}' saved\n"));
    }
    0
}

pub(super) fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

pub fn curl(args: &[String]) -> Box<dyn Task> {
    once(args, |args, kernel, out| {
        let options = match parse(args, "sSfLkivIgGN", "oXHdmuAwT") {
            Ok(options) => options,
            Err(bad) => {
                out.err(&format!(
                    "curl: option {}: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n",
                    if bad.0.starts_with("--") { bad.0 } else { format!("-{}", bad.0) }
                ));
                return 2;
            }
        };
        let Some(url) = options.words.first() else {
            out.err("curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information\n");
            return 2;
        };
        let quiet = options.has('s') && !options.has('S');
        let (authority, path) = match split(url) {
            Ok(parts) => parts,
            Err(_) => {
                if !quiet {
                    out.err(&format!(
                        "curl: (1) Protocol \"{}\" not supported\n",
                        url.split(':').next().unwrap_or_default()
                    ));
                }
                return 1;
            }
        };
        let method = match options.value('X') {
            Some("POST") => Method::Post,
            Some("PUT") => Method::Put,
            Some("DELETE") => Method::Delete,
            Some("PATCH") => Method::Patch,
            None if options.value('d').is_some() => Method::Post,
            _ => Method::Get,
        };
        let mut request = Request::new(method, path);
        request.headers.extend(
            options
                .values('H')
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned())),
        );
        if let Some(data) = options.value('d') {
            request.body = data.as_bytes().to_vec();
        }
        let (host, port) =
            authority.rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap_or_default();
        match fetch(kernel, &authority, request) {
            Err(error) => {
                let (text, code) = reason(&error);
                if !quiet {
                    out.err(&match code {
                        6 => format!("curl: (6) Could not resolve host: {host}\n"),
                        7 => format!(
                            "curl: (7) Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server\n"
                        ),
                        _ => format!("curl: ({code}) {text}\n"),
                    });
                }
                code
            }
            Ok((response, body)) => {
                if options.has('f') && response.status >= 400 {
                    if !quiet {
                        out.err(&format!("curl: (22) The requested URL returned error: {}\n", response.status));
                    }
                    return 22;
                }
                if options.has('i') || options.has('I') {
                    out.out(&format!("HTTP/1.1 {} {}\r\n", response.status, phrase(response.status)));
                    for (name, value) in &response.headers {
                        out.out(&format!("{name}: {value}\r\n"));
                    }
                    out.out("\r\n");
                }
                if !options.has('I') {
                    match options.value('o') {
                        Some(file) => drop(kernel.write_file(file, &body)),
                        None => out.put(1, &body),
                    }
                }
                if let Some(format) = options.value('w') {
                    out.out(&format.replace("%{http_code}", &response.status.to_string()).replace("\\n", "\n"));
                }
                0
            }
        }
    })
}

pub fn nslookup(args: &[String]) -> Box<dyn Task> {
    once(args, |args, kernel, out| {
        let name = args.get(1).cloned().unwrap_or_default();
        // The host knows names only by being asked for a page of them.
        let known = match kernel.host().send(&format!("{name}:53"), Request::new(Method::Get, "/")) {
            Ok(_) => true,
            Err(error) => !error.contains("no such host"),
        };
        let server = "10.96.0.10";
        out.out(&format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n"));
        if known {
            out.out(&format!("Name:\t{name}\n"));
            return 0;
        }
        out.out(&match kernel.flavour() {
            Flavour::Busybox => format!("** server can't find {name}: NXDOMAIN\n\n"),
            Flavour::Gnu => format!("** server can't find {name}: NXDOMAIN\n\n"),
        });
        1
    })
}
