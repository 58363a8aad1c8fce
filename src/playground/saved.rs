//! A playground as text: the seed and what was done when. Holds no objects; replaying brings everything back.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::action::{Action, Speed};
use super::clock::Clock;

/// The version of the form; a text of another version is refused.
const VERSION: u64 = 1;

/// An action and when it was done, counted from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the start.
    pub at: Duration,
    /// What was done.
    pub action: Action,
}

/// What a saved playground holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The seed it was made of.
    pub seed: u64,
    /// How far its time had come.
    pub now: Duration,
    /// Its clock.
    pub clock: Clock,
    /// The ids of the steps that were ticked.
    pub done: Vec<String>,
    /// What was done.
    pub log: Vec<Entry>,
}

/// Why a text brings no playground back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// The text is not what `save` gives.
    Unreadable(String),
    /// It was saved by another version.
    Version(u64),
    /// It was saved in a playground of another seed.
    Seed(u64),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Unreadable(why) => write!(f, "the saved session cannot be read: {why}"),
            RestoreError::Version(version) => write!(f, "the saved session is of version {version}, this is {VERSION}"),
            RestoreError::Seed(seed) => write!(f, "the saved session belongs to a playground of seed {seed}"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl Saved {
    /// As text.
    pub fn to_text(&self) -> String {
        let log: Vec<Value> = self.log.iter().filter_map(write_entry).collect();
        json!({
            "version": VERSION,
            "seed": self.seed,
            "now": micros(self.now),
            "speed": self.clock.speed.factor(),
            "running": self.clock.running,
            "done": self.done,
            "log": log,
        })
        .to_string()
    }

    /// From text.
    ///
    /// # Errors
    /// Text of another form or version.
    pub fn from_text(text: &str) -> Result<Self, RestoreError> {
        let unreadable = |why: &str| RestoreError::Unreadable(why.to_owned());
        let value: Value = serde_json::from_str(text).map_err(|error| RestoreError::Unreadable(error.to_string()))?;
        let number = |name: &str| value.get(name).and_then(Value::as_u64).ok_or_else(|| unreadable(name));
        let version = number("version")?;
        if version != VERSION {
            return Err(RestoreError::Version(version));
        }
        let list = |name: &str| value.get(name).and_then(Value::as_array).ok_or_else(|| unreadable(name));
        let speed = u32::try_from(number("speed")?).ok().and_then(Speed::from_factor).unwrap_or_default();
        let running = value.get("running").and_then(Value::as_bool).unwrap_or(true);
        let log: Option<Vec<Entry>> = list("log")?.iter().map(read_entry).collect();
        Ok(Self {
            seed: number("seed")?,
            now: Duration::from_micros(number("now")?),
            clock: Clock { running, speed },
            done: list("done")?.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            log: log.ok_or_else(|| unreadable("log"))?,
        })
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// `[microseconds, letter, ...]`; actions on the clock alone are not part of the log.
fn write_entry(entry: &Entry) -> Option<Value> {
    let at = micros(entry.at);
    Some(match &entry.action {
        Action::Key(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!([at, "k", text]),
            Err(_) => json!([at, "b", STANDARD.encode(bytes)]),
        },
        Action::Paste(text) => json!([at, "p", text]),
        Action::RunCommand(line) => json!([at, "r", line]),
        Action::InsertFile { name, content } => json!([at, "f", name, content]),
        Action::Resize { columns, rows } => json!([at, "w", columns, rows]),
        _ => return None,
    })
}

fn read_entry(value: &Value) -> Option<Entry> {
    let at = Duration::from_micros(value.get(0)?.as_u64()?);
    let text = |index: usize| value.get(index).and_then(Value::as_str).map(str::to_owned);
    let number = |index: usize| value.get(index).and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
    let action = match text(1)?.as_str() {
        "k" => Action::Key(text(2)?.into_bytes()),
        "b" => Action::Key(STANDARD.decode(text(2)?).ok()?),
        "p" => Action::Paste(text(2)?),
        "r" => Action::RunCommand(text(2)?),
        "f" => Action::InsertFile { name: text(2)?, content: text(3)? },
        "w" => Action::Resize { columns: number(2)?, rows: number(3)? },
        _ => return None,
    };
    Some(Entry { at, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back_as_it_was() {
        let actions = [
            Action::Key(b"ls\r".to_vec()),
            Action::Key(vec![0xe6]),
            Action::Paste("a\nb".into()),
            Action::RunCommand("kubectl get jobs".into()),
            Action::InsertFile { name: "f".into(), content: "é\n".into() },
            Action::Resize { columns: 80, rows: 24 },
        ];
        let log = actions.into_iter().enumerate();
        let saved = Saved {
            seed: 7,
            now: Duration::from_millis(1_500),
            clock: Clock { running: false, speed: Speed::X10 },
            done: vec!["first".into()],
            log: log.map(|(at, action)| Entry { at: Duration::from_micros(at as u64), action }).collect(),
        };
        assert_eq!(Saved::from_text(&saved.to_text()), Ok(saved));
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        assert!(matches!(Saved::from_text("{"), Err(RestoreError::Unreadable(_))));
        assert_eq!(Saved::from_text("{\"version\":99}"), Err(RestoreError::Version(99)));
        let broken = "{\"version\":1,\"seed\":1,\"now\":0,\"speed\":1,\"done\":[],\"log\":[[0,\"x\"]]}";
        assert_eq!(Saved::from_text(broken), Err(RestoreError::Unreadable("log".into())));
    }
}
