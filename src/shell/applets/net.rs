//! Applets that ask the network: wget, curl, nslookup. HTTP alone, and HTTPS as far as somebody answers to it: nothing
//! is encrypted here. Everything else is refused in their words.

use super::driver::{Out, once};
use super::options::{HEADER, POST_DATA, SPIDER, parse};
use crate::shell::kernel::Kernel;
use crate::shell::program::System;
use crate::shell::task::Task;
use crate::text::http::{Body, Method, Request, Response, SCHEME, StreamRead};

/// Where a URL leads.
struct Url {
    /// Host and port.
    authority: String,
    /// Path and query.
    path: String,
    /// Whether it is to be encrypted.
    tls: bool,
}

fn split(url: &str) -> Result<Url, &'static str> {
    let (tls, rest) = match url.split_once("://") {
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        Some(_) => return Err("only http is reachable here"),
        None => (false, url),
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let port = if tls { 443 } else { 80 };
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:{port}") };
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Ok(Url { authority, path, tls })
}

fn fetch(kernel: &mut Kernel, authority: &str, tls: bool, mut request: Request) -> Result<(Response, Vec<u8>), String> {
    if tls {
        request = request.with_header(SCHEME, "https");
    }
    let full = request.path.clone();
    if let Some((path, query)) = full.split_once('?') {
        path.clone_into(&mut request.path);
        request.query = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    request.headers.push(("Host".into(), authority.trim_end_matches(if tls { ":443" } else { ":80" }).to_owned()));
    let response = kernel.send(authority, request)?;
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
    } else if error.contains("no route") {
        ("No route to host", 7)
    } else if error.starts_with("tls: ") {
        ("TLS connect error: error:0A00010B:SSL routines::wrong version number", 35)
    } else if error == "EOF" {
        ("Empty reply from server", 52)
    } else {
        ("Connection timed out", 28)
    }
}

pub fn wget(args: &[String]) -> Box<dyn Task> {
    once(args, |args, kernel, out| {
        let options = match parse(args, "qSc\u{3}\u{6}", "OTtUoPY\u{4}\u{5}") {
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
        let Url { authority, path, tls } = match split(url) {
            Ok(parts) => parts,
            Err(problem) => {
                out.err(&format!("wget: {problem}\n"));
                return 1;
            }
        };
        let (host, port) = authority.rsplit_once(':').unwrap_or((&authority, "80"));
        let Ok(address) = kernel.resolve(host) else {
            out.err(&format!("wget: bad address '{host}'\n"));
            return 1;
        };
        if !options.has('q') {
            out.err(&format!("Connecting to {host} ({address}:{port})\n"));
        }
        if tls {
            out.err("wget: note: TLS certificate validation not implemented\n");
        }
        let mut request = Request::new(Method::Get, path.clone()).with_header("User-Agent", "Wget");
        if let Some(data) = options.value(POST_DATA) {
            (request.method, request.body) = (Method::Post, data.as_bytes().to_vec());
        }
        for line in options.values(HEADER) {
            if let Some((name, value)) = line.split_once(':') {
                request = request.with_header(name, value.trim());
            }
        }
        match fetch(kernel, &authority, tls, request) {
            Err(error) => {
                match reason(&error) {
                    ("Connection timed out", _) => out.err("wget: download timed out\n"),
                    (_, 35 | 52) => out.err("wget: error getting response\n"),
                    (text, _) => out.err(&format!("wget: can't connect to remote host ({address}): {text}\n")),
                }
                1
            }
            Ok((response, _)) if response.status >= 400 => {
                let phrase = phrase(response.status);
                out.err(&format!("wget: server returned error: HTTP/1.1 {} {phrase}\n", response.status));
                1
            }
            Ok(_) if options.has(SPIDER) => {
                out.err(if options.has('q') { "" } else { "remote file exists\n" });
                0
            }
            Ok((_, body)) => save(kernel, out, options.value('O'), &path, &body, options.has('q')),
        }
    })
}

fn save(kernel: &mut Kernel, out: &mut Out, file: Option<&str>, path: &str, body: &[u8], quiet: bool) -> i32 {
    if file == Some("-") {
        if !quiet {
            out.err("writing to stdout\n");
        }
        out.put(1, body);
        if !quiet {
            out.err(&progress("-", body.len()));
            out.err("written to stdout\n");
        }
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
        out.err(&format!("saving to '{file}'\n{}'{file}' saved\n", progress(file, body.len())));
    }
    0
}

/// The bar of a download that is done.
fn progress(file: &str, bytes: usize) -> String {
    let name: String = file.chars().take(20).collect();
    let size = if bytes < 100_000 { bytes.to_string() } else { format!("{:.1}k", bytes as f64 / 1024.0) };
    format!("{name:<20}  100% |{}| {size:>5}  0:00:00 ETA\n", "*".repeat(32))
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

/// What curl says of a certificate whose issuer it does not know.
const UNKNOWN_ISSUER: &str = "SSL certificate problem: unable to get local issuer certificate\n\
More details here: https://curl.se/docs/sslcerts.html\n\n\
curl failed to verify the legitimacy of the server and therefore could not\n\
establish a secure connection to it. To learn more about this situation and\n\
how to fix it, please visit the webpage mentioned above.";

pub fn curl(args: &[String]) -> Box<dyn Task> {
    once(args, |args, kernel, out| {
        let options = match parse(args, "sSfLkivIgGN46", "oXHdmuAwTE") {
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
        let Url { authority, path, tls } = match split(url) {
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
        let mut request = Request::new(method, path).with_header("User-Agent", "curl/8.16.0");
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
        let trusts = options.value('E').map(|file| kernel.read_file(file).is_ok());
        let answer = match (tls && !options.has('k'), trusts) {
            (true, Some(false)) => {
                let file = options.value('E').unwrap_or_default();
                Err((77, format!("error setting certificate verify locations:  CAfile: {file} CApath: none")))
            }
            // Where nothing is reached there is no certificate to look at.
            (true, None) => match kernel.connect(&authority) {
                Ok(()) => Err((60, UNKNOWN_ISSUER.to_owned())),
                Err(error) => Ok(Err(error)),
            },
            _ => Ok(fetch(kernel, &authority, tls, request)),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err((code, text)) => {
                if !quiet {
                    out.err(&format!("curl: ({code}) {text}\n"));
                }
                return code;
            }
        };
        match answer {
            Err(error) => {
                let (text, code) = reason(&error);
                if !quiet {
                    out.err(&match code {
                        6 => format!("curl: (6) Could not resolve host: {host}\n"),
                        7 => format!(
                            "curl: (7) Failed to connect to {host} port {port} after 0 ms: Could not connect to server\n"
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
        let Some(name) = args.get(1) else {
            out.err("Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n");
            return 1;
        };
        let dns = kernel.read_file("/etc/resolv.conf").unwrap_or_default();
        let dns = String::from_utf8_lossy(&dns).into_owned();
        let words = |key: &str| -> Vec<String> {
            let lines = dns.lines().filter_map(|line| line.strip_prefix(key));
            lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
        };
        let server = args.get(2).cloned().or_else(|| words("nameserver ").into_iter().next());
        let server = server.unwrap_or_else(|| "127.0.0.1".to_owned());
        out.out(&format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n"));
        if kernel.host().lookup(".").is_err_and(|error| error.contains("timeout")) {
            out.out(";; connection timed out; no servers could be reached\n\n");
            return 1;
        }
        let search = words("search ");
        // A name with a dot is not looked up within the search domains.
        let names: Vec<String> = if name.contains('.') || search.is_empty() {
            vec![name.trim_end_matches('.').to_owned()]
        } else {
            search.iter().map(|domain| format!("{name}.{domain}")).collect()
        };
        let mut missing = false;
        for question in ["A", "AAAA"] {
            for name in &names {
                match kernel.host().lookup(&format!("{name}.")) {
                    Ok(addresses) if question == "A" => {
                        for address in addresses {
                            out.out(&format!("Name:\t{name}\nAddress: {address}\n"));
                        }
                        out.out("\n");
                    }
                    Ok(_) => out.out("\n"),
                    Err(_) => {
                        missing = true;
                        out.out(&format!("** server can't find {name}: NXDOMAIN\n\n"));
                    }
                }
            }
        }
        i32::from(missing)
    })
}
