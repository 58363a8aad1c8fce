//! `kubectl proxy`: offers the server's interface on a port of this machine, with the credentials of the kubeconfig.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/proxy and pkg/proxy. Refuses unix sockets.

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::shell::program::Wait;
use crate::text::http::{Body, Request, Response};

const FLAGS: &[Flag] = &[
    text(
        "accept-hosts",
        r"^localhost$,^127\.0\.0\.1$,^\[::1\]$",
        "Hosts that requests may name, as regular expressions.",
    ),
    text("accept-paths", "^.*", "Paths that are let through, as regular expressions."),
    text("address", "127.0.0.1", "The address to listen on."),
    text("api-prefix", "/", "Where to offer the interface."),
    switch("append-server-path", "Put the server's own path before each path."),
    switch("disable-filter", "Let every request through."),
    duration("keepalive", "0s", "How long a connection is kept."),
    int("port", "8001", "The port to listen on; 0 takes any.").short('p'),
    text("reject-methods", "^$", "Methods that are refused, as regular expressions."),
    text(
        "reject-paths",
        "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach",
        "Paths that are refused, as regular expressions.",
    ),
    text("unix-socket", "", "A unix socket to listen on.").short('u'),
    text("www", "", "A directory to offer, too.").short('w'),
    text("www-prefix", "/static/", "Where to offer it.").short('P'),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "proxy",
    group: Group::Troubleshooting,
    short: "Run a proxy to the server",
    long: "Offers the server's interface on a port of this machine. Requests to it carry the credentials of the kubeconfig, so that curl needs none.",
    examples: &[
        ("In the background, and a request to it", "kubectl proxy & sleep 1; curl -s localhost:8001/version; kill $!"),
        ("On another port", "kubectl proxy --port=8011"),
        ("Below a path", "kubectl proxy --api-prefix=/k8s-api"),
    ],
    usage: "[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix] [options]",
    flags: &[FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.text("unix-socket").is_empty() {
        return Err(Failure::msg("listen unix: this machine has no unix sockets"));
    }
    let wanted = u16::try_from(flags.number("port"))
        .map_err(|_| Failure::msg(format!("listen tcp: address {}: invalid port", flags.text("port"))))?;
    let port = match wanted {
        0 => (32_768..61_000).find(|port| cx.system.listen(*port).is_ok()),
        port => cx.system.listen(port).is_ok().then_some(port),
    };
    let address = flags.text("address");
    let Some(port) = port else {
        return Err(Failure::msg(format!("listen tcp {address}:{wanted}: bind: address already in use")));
    };
    cx.out.line(&format!("Starting to serve on {address}:{port}"));
    Ok(Next::Task(Box::new(Proxy)))
}

/// A proxy that runs until it is interrupted.
#[derive(Clone, Debug)]
struct Proxy;

/// Whether one of the patterns of a list matches.
fn any(patterns: &str, text: &str) -> bool {
    patterns.split(',').any(|one| regex_lite::Regex::new(one).is_ok_and(|pattern| pattern.is_match(text)))
}

fn plain(status: u16, text: &str) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())],
        body: Body::Bytes(format!("{text}\n").into_bytes()),
    }
}

impl Task for Proxy {
    fn step(&mut self, _: &mut Context<'_>) -> Result<Progress, Failure> {
        Ok(Progress::Wait(Wait::default()))
    }

    fn serve(&mut self, cx: &mut Context<'_>, _: u16, request: &Request) -> Option<Response> {
        let flags = cx.session.flags.clone();
        let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map_or("localhost", |(_, host)| host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name));
        let path = request.path.as_str();
        let open = any(flags.text("accept-paths"), path)
            && any(flags.text("accept-hosts"), host)
            && !any(flags.text("reject-paths"), path)
            && !any(flags.text("reject-methods"), request.method.as_str());
        if !open && !flags.on("disable-filter") {
            return Some(plain(403, "Forbidden"));
        }
        let folder = flags.text("www");
        if let Some(file) = path.strip_prefix(flags.text("www-prefix")).filter(|_| !folder.is_empty()) {
            let file = format!("{folder}/{}", if file.is_empty() { "index.html" } else { file });
            return Some(match cx.system.read_file(&file) {
                Ok(bytes) => Response { status: 200, headers: Vec::new(), body: Body::Bytes(bytes) },
                Err(_) => plain(404, "404 page not found"),
            });
        }
        let prefix = flags.text("api-prefix").trim_end_matches('/');
        let Some(rest) = path.strip_prefix(prefix) else { return Some(plain(404, "404 page not found")) };
        let mut request = request.clone();
        request.path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        cx.send(request).ok()
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
