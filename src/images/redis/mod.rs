//! `redis-server` and `redis-cli`: a store of texts, lists, sets and hashes in memory, and the client that speaks with
//! it. Values are lost with the process; there is no persistence, replication or subscription.

mod client;
mod store;

use crate::shell::program::{Errno, Program, Signal, Step, System, Wait};
use crate::text::http::{Body, Method, RESP, Request, Response};

use super::server::{answer, stamp};
pub use client::make as make_client;
use store::Store;

/// The usual port.
const PORT: u16 = 6379;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Status(&'static str),
    Error(String),
    Integer(i64),
    /// A text, or its absence.
    Bulk(Option<String>),
    Array(Vec<Reply>),
}

impl Reply {
    fn encode(&self, out: &mut String) {
        match self {
            Reply::Status(text) => out.push_str(&format!("+{text}\r\n")),
            Reply::Error(text) => out.push_str(&format!("-{text}\r\n")),
            Reply::Integer(number) => out.push_str(&format!(":{number}\r\n")),
            Reply::Bulk(None) => out.push_str("$-1\r\n"),
            Reply::Bulk(Some(text)) => out.push_str(&format!("${}\r\n{text}\r\n", text.len())),
            Reply::Array(items) => {
                out.push_str(&format!("*{}\r\n", items.len()));
                items.iter().for_each(|item| item.encode(out));
            }
        }
    }

    /// Reads one reply; the rest of the text comes back with it.
    fn decode(text: &str) -> Option<(Reply, &str)> {
        let (line, rest) = text.split_once("\r\n")?;
        let (kind, value) = line.split_at_checked(1)?;
        Some(match kind {
            "+" if value == "PONG" => (Reply::Status("PONG"), rest),
            "+" => (Reply::Status("OK"), rest),
            "-" => (Reply::Error(value.to_owned()), rest),
            ":" => (Reply::Integer(value.parse().ok()?), rest),
            "$" => match usize::try_from(value.parse::<i64>().ok()?) {
                Err(_) => (Reply::Bulk(None), rest),
                Ok(length) => {
                    let (text, after) = rest.split_at_checked(length)?;
                    (Reply::Bulk(Some(text.to_owned())), after.strip_prefix("\r\n")?)
                }
            },
            _ => {
                let (mut items, mut rest) = (Vec::new(), rest);
                for _ in 0..value.parse::<u32>().ok()? {
                    let (item, after) = Reply::decode(rest)?;
                    items.push(item);
                    rest = after;
                }
                (Reply::Array(items), rest)
            }
        })
    }
}

/// A command as it goes over the wire here: its words, each with its length in front.
fn request(words: &[String]) -> Request {
    let body: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    Request::new(Method::Post, "/").with_header("Content-Type", RESP).with_body(body)
}

fn words_of(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).into_owned();
    let (mut words, mut rest) = (Vec::new(), text.as_str());
    while let Some((Reply::Bulk(Some(word)), after)) = Reply::decode(rest) {
        words.push(word);
        rest = after;
    }
    words
}

#[derive(Clone, Debug, Default)]
struct Server {
    port: u16,
    serving: bool,
    store: Store,
    version: bool,
}

/// Makes `redis-server`.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    let port = argv.iter().position(|word| word == "--port").and_then(|at| argv.get(at + 1)?.parse().ok());
    let version = argv.iter().any(|word| word == "--version" || word == "-v");
    Box::new(Server { port: port.unwrap_or(PORT), version, ..Server::default() })
}

impl Server {
    fn say(&self, system: &mut dyn System, line: &str) {
        let text = stamp(system, &format!("{line}\n"));
        let _ = system.write(1, text.as_bytes());
    }
}

impl Program for Server {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if self.version {
            let _ = system.write(1, b"Redis server v=8.2.2 sha=00000000:1 malloc=libc bits=64 build=0\n");
            return Step::Exit(0);
        }
        if !self.serving {
            self.serving = true;
            if let Err(Errno::Eexist | Errno::Einval) = system.listen(self.port) {
                let port = self.port;
                self.say(system, &format!("1:M {{dash}} # Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use"));
                return Step::Exit(1);
            }
            self.say(system, "1:C {dash} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
            self.say(system, "1:M {dash} * Server initialized");
            self.say(system, "1:M {dash} * Ready to accept connections tcp");
        }
        while let Some(signal) = system.take_signal() {
            if matches!(signal, Signal::Term | Signal::Int) {
                self.say(system, "1:signal-handler ({epoch}) Received SIGTERM scheduling shutdown...");
                self.say(system, "1:M {dash} * User requested shutdown...");
                self.say(system, "1:M {dash} # Redis is now ready to exit, bye bye...");
                return Step::Exit(0);
            }
        }
        Step::Wait(Wait::default())
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }

    fn memory(&self) -> u64 {
        1_000_000 + self.store.bytes()
    }

    fn serve(&mut self, request: &Request, system: &mut dyn System) -> Option<Response> {
        if request.header("Content-Type") != Some(RESP) {
            // HTTP is no command of its: it closes the connection.
            return None;
        }
        let mut text = String::new();
        self.store.run(&words_of(&request.body), system.now()).encode(&mut text);
        Some(answer(200, RESP, text.into_bytes()))
    }
}

/// The reply in an answer; `None` when no redis has spoken.
fn reply_of(answer: &Response) -> Option<Reply> {
    let spoken = answer.headers.iter().any(|(name, value)| name == "Content-Type" && value == RESP);
    let Body::Bytes(body) = &answer.body else { return None };
    let text = String::from_utf8_lossy(body);
    Reply::decode(&text).map(|(reply, _)| reply).filter(|_| spoken)
}
