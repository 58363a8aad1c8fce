//! Why a command failed, and the words and exit code kubectl ends with. Prints nothing itself.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/util/helpers.go (`CheckErr`).

use serde_json::Value;

use crate::shell::program::Errno;
use crate::text::go_number::quote;

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A sentence that gets `error: ` in front.
    Message(String),
    /// A sentence that is printed as it stands.
    Plain(String),
    /// The server said no: its `Status`, with words to put before the message.
    Status {
        /// The `Status` object.
        status: Value,
        /// What kubectl puts before the server's message, with the colon and the space.
        context: String,
    },
    /// The server could not be reached.
    Connection {
        /// `host:port`.
        host: String,
        /// The words of the failed connection.
        message: String,
        /// What was asked, such as `Get "http://127.0.0.1:1/api"`.
        request: String,
    },
    /// Several errors, a line each.
    Many(Vec<Failure>),
    /// Nothing to say, only an exit code (and a sentence, perhaps).
    Exit(i32, String),
    /// What was printed before it went wrong.
    After(String, Box<Failure>),
}

impl Failure {
    /// The errors of a command: what went wrong with its own work, then, as one, what went wrong with its files.
    pub fn with_files(mut own: Vec<Failure>, files: Vec<Failure>) -> Vec<Failure> {
        if !files.is_empty() {
            own.push(Failure::Many(files));
        }
        // A list of one list is that list.
        match own.as_slice() {
            [Failure::Many(inner)] => inner.clone(),
            _ => own,
        }
    }

    /// The failure, after the text that standard output still gets.
    pub fn after(text: String, failure: Failure) -> Failure {
        if text.is_empty() { failure } else { Failure::After(text, Box::new(failure)) }
    }

    /// What standard output still gets.
    pub fn printed(&self) -> &str {
        match self {
            Failure::After(text, _) => text,
            _ => "",
        }
    }

    /// `error: <text>`.
    pub fn msg(text: impl Into<String>) -> Self {
        Failure::Message(text.into())
    }

    /// A mistake in how the command was called.
    pub fn usage(path: &str, text: impl AsRef<str>) -> Self {
        Failure::Message(format!("{}\nSee '{path} -h' for help and examples", text.as_ref()))
    }

    /// A status made on this side, as client-go does where the server sent none.
    pub fn status(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Failure::Status {
            status: serde_json::json!({"kind": "Status", "code": code, "reason": reason, "message": message.into()}),
            context: String::new(),
        }
    }

    /// The reason of the server's status, empty for anything else.
    pub fn reason(&self) -> &str {
        match self {
            Failure::Status { status, .. } => status.get("reason").and_then(Value::as_str).unwrap_or(""),
            Failure::Many(list) if list.len() == 1 => list.first().map_or("", Failure::reason),
            _ => "",
        }
    }

    /// The same error as a sentence that is printed as it stands; a server that is not there stays one.
    pub fn bare(self) -> Self {
        match self {
            Failure::Connection { .. } => self,
            other => Failure::Plain(other.text()),
        }
    }

    /// Whether the server said that the thing is not there.
    pub fn is_not_found(&self) -> bool {
        self.reason() == "NotFound"
    }

    /// The error's own text, as Go's `err.Error()` gives it.
    pub fn text(&self) -> String {
        match self {
            Failure::Message(text) | Failure::Plain(text) | Failure::Exit(_, text) => text.clone(),
            Failure::Status { status, context } => {
                format!("{context}{}", status.get("message").and_then(Value::as_str).unwrap_or("unknown"))
            }
            Failure::Connection { message, .. } => message.clone(),
            Failure::After(_, failure) => failure.text(),
            Failure::Many(list) => match list.as_slice() {
                [one] => one.text(),
                many => {
                    let mut seen = Vec::new();
                    for text in many.iter().map(Failure::text) {
                        if !seen.contains(&text) {
                            seen.push(text);
                        }
                    }
                    if seen.len() == 1 { seen.concat() } else { format!("[{}]", seen.join(", ")) }
                }
            },
        }
    }

    /// The same error with words before its text; a status keeps being a status.
    pub fn context(self, words: &str) -> Self {
        match self {
            Failure::Status { status, context } => Failure::Status { status, context: format!("{words}{context}") },
            Failure::Message(text) => Failure::Message(format!("{words}{text}")),
            other => other,
        }
    }

    /// The words for standard error (with their newline, unless empty) and the exit code.
    pub fn report(&self) -> (String, i32) {
        let (mut words, code) = self.words();
        if !words.is_empty() && !words.ends_with('\n') {
            words.push('\n');
        }
        (words, code)
    }

    fn words(&self) -> (String, i32) {
        match self {
            Failure::Exit(code, text) => (text.clone(), *code),
            Failure::After(_, failure) => failure.words(),
            Failure::Many(list) => match list.as_slice() {
                // Only the outermost list of one is the same as what it holds.
                [Failure::Many(inner)] => (inner.iter().map(|one| one.line() + "\n").collect(), 1),
                [one] => one.words(),
                many => (many.iter().map(|one| one.line() + "\n").collect(), 1),
            },
            Failure::Status { status, context } if self.reason() == "Invalid" => (invalid(status, context), 1),
            Failure::Message(text) if text.starts_with("error: ") => (text.clone(), 1),
            Failure::Message(text) => (format!("error: {text}"), 1),
            _ => (self.line(), 1),
        }
    }

    /// Every error on a line of its own, without `error: ` in front.
    pub fn lines(&self) -> String {
        match self {
            Failure::Many(list) => list.iter().map(Failure::lines).collect(),
            one => one.line() + "\n",
        }
    }

    /// One line of several: kubectl's `messageForError`.
    fn line(&self) -> String {
        match self {
            Failure::Status { .. } => match self.reason() {
                "Unauthorized" => format!("error: You must be logged in to the server ({})", self.text()),
                "" => format!("Error from server: {}", self.text()),
                reason => format!("Error from server ({reason}): {}", self.text()),
            },
            Failure::Connection { host, message, .. } if message.contains("connection refused") => {
                format!("The connection to the server {host} was refused - did you specify the right host or port?")
            }
            Failure::Connection { message, .. } => format!("Unable to connect to the server: {message}"),
            _ => self.text(),
        }
    }
}

/// `The Job "x" is invalid: ...`, with a list when there are several causes.
fn invalid(status: &Value, _context: &str) -> String {
    let details = status.get("details");
    let part = |name: &str| details.and_then(|details| details.get(name)).and_then(Value::as_str).unwrap_or("");
    let causes = details.and_then(|details| details.get("causes")).and_then(Value::as_array);
    let causes = causes.map(Vec::as_slice).unwrap_or_default();
    let message = status.get("message").and_then(Value::as_str).unwrap_or("");
    let (kind, name) = (part("kind"), part("name"));
    let mut head = "The request is invalid".to_owned();
    if !kind.is_empty() || !name.is_empty() {
        head = format!("The {kind} {} is invalid", quote(name));
    } else if !message.is_empty() && causes.is_empty() {
        head = format!("{head}: {message}");
    }
    let mut lines: Vec<String> = Vec::new();
    for cause in causes {
        let text = |name: &str| cause.get(name).and_then(Value::as_str).unwrap_or("");
        let line = if text("field").is_empty() {
            text("message").to_owned()
        } else {
            format!("{}: {}", text("field"), text("message"))
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    match lines.as_slice() {
        [] => head,
        [one] => format!("{head}: {one}\n"),
        many => {
            let list: String = many.iter().map(|line| format!("* {line}\n")).collect();
            format!("{head}: \n{list}")
        }
    }
}

/// Go's words for what cannot be done with a path: `open PATH: no such file or directory`.
pub fn path_error(verb: &str, path: &str, errno: Errno) -> String {
    format!("{verb} {path}: {}", errno.message().to_lowercase())
}

/// The same of a file that cannot be read: a directory can be opened, but not read.
pub fn unreadable(path: &str, errno: Errno) -> String {
    path_error(if errno == Errno::Eisdir { "read" } else { "open" }, path, errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(value: Value) -> Failure {
        Failure::Status { status: value, context: String::new() }
    }

    #[test]
    fn one_cause_stays_on_the_line_and_several_make_a_list() {
        let one = json!({"reason":"Invalid","details":{"kind":"Job","name":"t","causes":[
            {"field":"spec.completions","message":"Invalid value: 4: field is immutable"}]}});
        assert_eq!(
            status(one).report(),
            ("The Job \"t\" is invalid: spec.completions: Invalid value: 4: field is immutable\n".to_owned(), 1)
        );
        let two = json!({"reason":"Invalid","details":{"kind":"Job","name":"t","causes":[
            {"field":"a","message":"x"},{"field":"b","message":"y"}]}});
        assert_eq!(status(two).report().0, "The Job \"t\" is invalid: \n* a: x\n* b: y\n");
    }

    #[test]
    fn a_status_in_a_list_keeps_its_reason_and_a_sentence_stays_bare() {
        let gone = json!({"reason":"NotFound","message":"jobs.batch \"a\" not found"});
        let both = Failure::Many(vec![status(gone), Failure::msg("plain")]);
        assert_eq!(both.report().0, "Error from server (NotFound): jobs.batch \"a\" not found\nplain\n");
    }
}
