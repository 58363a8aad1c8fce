//! Applets that answer the network: `httpd`, and `nc` on both sides. HTTP alone; other bytes are carried as they are.

use super::driver::{Out, once};
use super::net::phrase;
use super::options::parse;
use crate::shell::kernel::{Kernel, readable};
use crate::shell::program::{Errno, Read, Step, System, Wait};
use crate::shell::task::Task;
use crate::text::http::{Body, Method, Request, Response};

/// A server of files.
#[derive(Clone, Debug)]
struct Httpd {
    port: u16,
    home: String,
    listens: bool,
    verbose: bool,
}

/// `httpd -f -p 8080 -h /www`; without `-f` it goes on in the background.
pub fn httpd(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "fiv", "pchrum") {
        Ok(options) => options,
        Err(bad) => return bad.task("httpd"),
    };
    let port = options.value('p').unwrap_or("80").rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(80);
    let home = options.value('h').unwrap_or(".").to_owned();
    if options.has('f') || options.has('i') {
        return Box::new(Httpd { port, home, listens: false, verbose: options.has('v') });
    }
    once(args, |args, kernel, out| {
        let mut again = args.to_vec();
        again.insert(1, "-f".to_owned());
        match kernel.spawn(&again) {
            Ok(_) => 0,
            Err(errno) => {
                out.err(&format!("httpd: {}\n", errno.message()));
                1
            }
        }
    })
}

impl Task for Httpd {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        kernel.tick(5);
        if !self.listens {
            if kernel.listen(self.port).is_err() {
                let _ = kernel.write(2, b"httpd: bind: Address already in use\n");
                return Step::Exit(1);
            }
            self.listens = true;
            if self.home != "." && !self.home.starts_with('/') {
                self.home = format!("{}/{}", kernel.cwd(), self.home);
            } else if self.home == "." {
                self.home = kernel.cwd();
            }
        }
        Step::Wait(Wait::default())
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn serve(&mut self, request: &Request, kernel: &mut Kernel) -> Option<Response> {
        let path = request.path.as_str();
        let index = if path.ends_with('/') { "index.html" } else { "" };
        let file = format!("{}{path}{index}", self.home.trim_end_matches('/'));
        let found = if path.split('/').any(|part| part == "..") { Err(Errno::Eacces) } else { kernel.read_file(&file) };
        let (status, body) = match found {
            Ok(content) => (200, content),
            Err(errno) => {
                let status = if errno == Errno::Eacces { 403 } else { 404 };
                let title = format!("{status} {}", phrase(status));
                let text = if status == 404 { "The requested URL was not found" } else { "" };
                let page = format!(
                    "<HTML><HEAD><TITLE>{title}</TITLE></HEAD>\n<BODY><H1>{title}</H1>\n{text}\n</BODY></HTML>\n"
                );
                (status, page.into_bytes())
            }
        };
        if self.verbose {
            let _ = kernel.write(2, format!("response:{status}\n").as_bytes());
        }
        let kind = if file.ends_with(".html") || status != 200 { "text/html" } else { "text/plain" };
        Some(Response { status, headers: vec![("Content-type".into(), kind.into())], body: Body::Bytes(body) })
    }
}

/// One side of a connection.
#[derive(Clone, Debug)]
struct Nc {
    /// The port to listen on, or where to connect to.
    listen: Option<u16>,
    peer: String,
    keep: bool,
    input: Vec<u8>,
    ended: bool,
    listens: bool,
    out: Out,
    code: Option<i32>,
}

/// `nc host port`, `nc -z host port`, `nc -l -p port`.
pub fn nc(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "zvlknu", "pwie") {
        Ok(options) => options,
        Err(bad) => return bad.task("nc"),
    };
    if options.has('l') {
        let words = options.words.first().map(String::as_str);
        let port = options.value('p').or(words).and_then(|port| port.parse().ok());
        let (peer, out) = (String::new(), Out::default());
        let keep = options.has('k');
        return Box::new(Nc {
            listen: port,
            peer,
            keep,
            input: Vec::new(),
            ended: false,
            listens: false,
            out,
            code: None,
        });
    }
    let [host, port] = options.words.as_slice() else {
        return once(args, |_, _, out| {
            out.err("Usage: nc [-l] [-p PORT] [-z] [-v] [-w SEC] [HOST] [PORT]\n");
            1
        });
    };
    let peer = format!("{host}:{port}");
    if options.has('z') {
        return once(args, scan);
    }
    let out = Out::default();
    Box::new(Nc { listen: None, peer, keep: false, input: Vec::new(), ended: false, listens: false, out, code: None })
}

/// Tells whether a port is open.
fn scan(args: &[String], kernel: &mut Kernel, out: &mut Out) -> i32 {
    let Ok(options) = parse(args, "zvlknu", "pwie") else { return 1 };
    let [host, port] = options.words.as_slice() else { return 1 };
    let Ok(address) = kernel.resolve(host) else {
        out.err(&format!("nc: bad address '{host}'\n"));
        return 1;
    };
    let shown = format!("{host} ({address}:{port})");
    match kernel.connect(&format!("{address}:{port}")) {
        Ok(()) => {
            if options.has('v') {
                out.err(&format!("{shown} open\n"));
            }
            0
        }
        Err(error) => {
            let why = match () {
                () if error.contains("refused") => "Connection refused",
                () if error.contains("no route") => "No route to host",
                () => "Connection timed out",
            };
            if options.has('v') {
                out.err(&format!("nc: {shown}: {why}\n"));
            }
            1
        }
    }
}

impl Nc {
    /// Sends what was read as a request, and prints the answer as it would come over the wire.
    fn ask(&mut self, kernel: &mut Kernel) -> i32 {
        let text = String::from_utf8_lossy(&self.input).into_owned();
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut words = lines.next().unwrap_or_default().split_whitespace();
        let method = match words.next() {
            Some("POST") => Method::Post,
            Some("PUT") => Method::Put,
            Some("DELETE") => Method::Delete,
            _ => Method::Get,
        };
        let mut request = Request::new(method, words.next().unwrap_or("/"));
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':') {
                request = request.with_header(name, value.trim());
            }
        }
        request.body = lines.collect::<Vec<_>>().join("\n").into_bytes();
        match kernel.send(&self.peer, request) {
            Ok(answer) => {
                self.out.out(&format!("HTTP/1.1 {} {}\r\n", answer.status, phrase(answer.status)));
                for (name, value) in &answer.headers {
                    self.out.out(&format!("{name}: {value}\r\n"));
                }
                self.out.out("\r\n");
                if let Body::Bytes(bytes) = &answer.body {
                    self.out.put(1, bytes);
                }
                0
            }
            Err(error) => {
                let peer = self.peer.rsplit_once(':').map_or(self.peer.as_str(), |(host, _)| host).to_owned();
                self.out.err(&if error.contains("no such host") {
                    format!("nc: bad address '{peer}'\n")
                } else if error.contains("refused") {
                    format!("nc: can't connect to remote host ({peer}): Connection refused\n")
                } else {
                    format!("nc: can't connect to remote host ({peer}): Connection timed out\n")
                });
                1
            }
        }
    }
}

impl Task for Nc {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        kernel.tick(5);
        if let (Some(port), false) = (self.listen, self.listens) {
            if kernel.listen(port).is_err() {
                self.out.err("nc: bind: Address already in use\n");
                self.code = Some(1);
            }
            self.listens = true;
        }
        while !self.ended && self.code.is_none() {
            match kernel.read(0, 4096) {
                Ok(Read::Data(data)) => {
                    self.input.extend(data);
                    // A request without a body is whole at its empty line.
                    let whole = self.listen.is_none() && self.input.windows(2).any(|two| two == b"\n\n");
                    self.ended = whole || self.input.ends_with(b"\r\n\r\n") && self.listen.is_none();
                }
                Ok(Read::WouldBlock) => return readable(0),
                Ok(Read::Eof) | Err(_) => self.ended = true,
            }
        }
        if self.listen.is_none() && self.code.is_none() {
            self.code = Some(self.ask(kernel));
        }
        if let Some(step) = self.out.flush(kernel) {
            return step;
        }
        self.code.map_or_else(|| Step::Wait(Wait::default()), Step::Exit)
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
    fn memory(&self) -> u64 {
        self.input.len() as u64
    }
    fn serve(&mut self, request: &Request, _: &mut Kernel) -> Option<Response> {
        self.out.out(&format!("{} {} HTTP/1.1\r\n", request.method.as_str(), request.path));
        for (name, value) in &request.headers {
            self.out.out(&format!("{name}: {value}\r\n"));
        }
        self.out.out("\r\n");
        if !self.keep {
            self.code = Some(0);
        }
        let text = String::from_utf8_lossy(&self.input).into_owned();
        // Bytes that are no answer of HTTP break the other side's conversation.
        let (head, body) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))?;
        let status = head.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()?;
        Some(Response { status, headers: Vec::new(), body: Body::Bytes(body.as_bytes().to_vec()) })
    }
}
