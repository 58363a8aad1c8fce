//! `redis-cli`: one command, or those of its standard input, line by line. What waits for a list asks ten times a
//! second.

use std::time::Duration;

use super::{PORT, Reply, reply_of, request};
use crate::shell::program::{Errno, Program, Read, Step, System, Wait};
use crate::sim::Time;

/// How long a blocked command waits before it asks again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Default)]
struct Client {
    host: String,
    port: u16,
    /// The command of the command line.
    command: Option<Vec<String>>,
    /// A command that waits for something, and until when.
    waiting: Option<(Vec<String>, Option<Time>)>,
    input: Vec<u8>,
    ended: bool,
    prompted: bool,
    code: i32,
    out: Vec<u8>,
    version: bool,
}

/// Makes `redis-cli -h host -p port command...`.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    let mut client = Client { host: "127.0.0.1".to_owned(), port: PORT, ..Client::default() };
    let mut words = argv.iter().skip(1).peekable();
    while let Some(word) = words.next_if(|word| word.starts_with('-')) {
        match word.as_str() {
            "-h" => client.host = words.next().cloned().unwrap_or_default(),
            "-p" => client.port = words.next().and_then(|text| text.parse().ok()).unwrap_or(PORT),
            "-a" | "-n" | "--user" | "-u" => drop(words.next()),
            "-v" | "--version" => client.version = true,
            _ => {}
        }
    }
    let rest: Vec<String> = words.cloned().collect();
    client.command = Some(rest).filter(|rest| !rest.is_empty());
    Box::new(client)
}

/// The words of a line, with quotes.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut all, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => word.extend(letters.next()),
            (Some(held), _) if letter == held => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => (quote, begun) = (Some(letter), true),
            (None, _) if letter.is_whitespace() => {
                if begun {
                    all.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, _) => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        all.push(word);
    }
    quote.is_none().then_some(all)
}

/// A reply as people read it.
fn shown(reply: &Reply, indent: usize) -> String {
    match reply {
        Reply::Status(text) => format!("{text}\n"),
        Reply::Error(text) => format!("(error) {text}\n"),
        Reply::Integer(number) => format!("(integer) {number}\n"),
        Reply::Bulk(None) => "(nil)\n".to_owned(),
        Reply::Bulk(Some(text)) => format!("{text:?}\n"),
        Reply::Array(items) if items.is_empty() => "(empty array)\n".to_owned(),
        Reply::Array(items) => {
            let width = items.len().to_string().len();
            let line = |(at, item): (usize, &Reply)| {
                let pad = if at == 0 { 0 } else { indent };
                format!("{:pad$}{:>width$}) {}", "", at + 1, shown(item, indent + width + 2))
            };
            items.iter().enumerate().map(line).collect()
        }
    }
}

/// A reply as programs read it.
fn raw(reply: &Reply) -> String {
    match reply {
        Reply::Status(text) => format!("{text}\n"),
        Reply::Error(text) => format!("{text}\n\n"),
        Reply::Integer(number) => format!("{number}\n"),
        Reply::Bulk(text) => format!("{}\n", text.as_deref().unwrap_or_default()),
        Reply::Array(items) if items.is_empty() => "\n".to_owned(),
        Reply::Array(items) => items.iter().map(raw).collect(),
    }
}

impl Client {
    fn prompt(&self) -> String {
        format!("{}:{}> ", self.host, self.port)
    }

    /// Asks once. A blocking command that found nothing is kept.
    fn ask(&mut self, command: Vec<String>, until: Option<Time>, system: &mut dyn System) {
        let now = system.now();
        let name = command.first().map(|name| name.to_lowercase()).unwrap_or_default();
        let answer = system.send(&format!("{}:{}", self.host, self.port), request(&command));
        let reply = match answer.as_ref().map(reply_of) {
            Ok(Some(reply)) => reply,
            Ok(None) => Reply::Error("Protocol error, got \"H\" as reply type byte".to_owned()),
            Err(error) => {
                let why = match () {
                    () if error.contains("no such host") => "Name or service not known",
                    () if error.contains("refused") => "Connection refused",
                    () if error.contains("no route") => "No route to host",
                    () if error == "EOF" => "Server closed the connection",
                    () => "Connection timed out",
                };
                let text = format!("Could not connect to Redis at {}:{}: {why}\n", self.host, self.port);
                let _ = system.write(2, text.as_bytes());
                self.code = 1;
                return;
            }
        };
        if matches!(name.as_str(), "blpop" | "brpop" | "brpoplpush" | "blmove") && reply == Reply::Bulk(None) {
            let seconds = command.last().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0).clamp(0.0, 1e9);
            let until = until.or((seconds > 0.0).then(|| now + Duration::from_secs_f64(seconds)));
            if until.is_none_or(|until| now < until) {
                self.waiting = Some((command, until));
                return;
            }
        }
        let text = if system.is_terminal(1) { shown(&reply, 0) } else { raw(&reply) };
        self.out.extend(text.into_bytes());
        // A shell sees whether the one command went well.
        self.code = i32::from(matches!(reply, Reply::Error(_)) && self.command.is_none() && !system.is_terminal(0));
    }

    /// The next whole line of the input.
    fn line(&mut self) -> Option<String> {
        let end = self.input.iter().position(|byte| *byte == b'\n');
        let length = match end {
            Some(at) => at + 1,
            None if self.ended && !self.input.is_empty() => self.input.len(),
            None => return None,
        };
        let line: Vec<u8> = self.input.drain(..length).collect();
        Some(String::from_utf8_lossy(&line).trim().to_owned())
    }

    /// Writes what there is; a step when that has to wait.
    fn flush(&mut self, system: &mut dyn System) -> Option<Step> {
        while !self.out.is_empty() {
            match system.write(1, &self.out) {
                Ok(count) => drop(self.out.drain(..count.min(self.out.len()))),
                Err(Errno::Eagain) => return Some(Step::Wait(Wait { writable: Some(1), ..Wait::default() })),
                Err(_) => return Some(Step::Exit(1)),
            }
        }
        None
    }
}

impl Program for Client {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if self.version {
            self.out = b"redis-cli 8.2.2\n".to_vec();
            self.version = false;
            self.ended = true;
        }
        if let Some((command, until)) = self.waiting.take() {
            self.ask(command, until, system);
        }
        let single = self.command.is_some();
        if let Some(command) = self.command.as_mut().filter(|command| !command.is_empty()) {
            let command = std::mem::take(command);
            self.ask(command, None, system);
        }
        loop {
            if let Some(step) = self.flush(system) {
                return step;
            }
            if self.waiting.is_some() {
                return Step::Wait(Wait { until: Some(system.now() + ASK_AGAIN), ..Wait::default() });
            }
            if single {
                return Step::Exit(self.code);
            }
            if let Some(line) = self.line() {
                self.prompted = false;
                match words(&line) {
                    None => self.out.extend(b"Invalid argument(s)\n"),
                    Some(all) if all.is_empty() => {}
                    Some(all) if matches!(all.first().map(String::as_str), Some("exit" | "quit")) => {
                        return Step::Exit(0);
                    }
                    Some(all) => self.ask(all, None, system),
                }
                continue;
            }
            if self.ended {
                return Step::Exit(self.code);
            }
            if !self.prompted && system.is_terminal(0) {
                self.prompted = true;
                self.out.extend(self.prompt().into_bytes());
                continue;
            }
            match system.read(0, 4096) {
                Ok(Read::Data(data)) => self.input.extend(data),
                Ok(Read::WouldBlock) => return Step::Wait(Wait { readable: Some(0), ..Wait::default() }),
                Ok(Read::Eof) | Err(_) => self.ended = true,
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_shown_to_people_and_to_programs() {
        let list = Reply::Array(vec![Reply::Bulk(Some("apple".into())), Reply::Integer(3)]);
        assert_eq!(shown(&list, 0), "1) \"apple\"\n2) (integer) 3\n");
        assert_eq!(raw(&list), "apple\n3\n");
        assert_eq!(shown(&Reply::Bulk(None), 0), "(nil)\n");
        assert_eq!(words("rpush q \"a b\" c").unwrap(), ["rpush", "q", "a b", "c"]);
        assert_eq!(words("set x \"open"), None);
    }
}
