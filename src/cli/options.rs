//! Words after a subcommand: `--out DIR`, `--out=DIR` and plain ones. Knows no subcommand.

use super::Failure;
use crate::text::similar_names::nearest;

/// The words of a call, sorted out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    named: Vec<(String, String)>,
    /// What is no option, in order.
    pub plain: Vec<String>,
}

impl Options {
    /// Sorts the words out; every option in `known` (without dashes) takes a value.
    ///
    /// # Errors
    /// An option that is not known, or has no value.
    pub fn read(words: &[String], known: &[&str]) -> Result<Self, Failure> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) else {
                options.plain.push(word.clone());
                continue;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            if !known.contains(&name) {
                let advice = nearest(name, known.iter().copied()).map(|meant| format!("; did you mean `--{meant}`?"));
                return Err(Failure::Usage(format!("unknown option `--{name}`{}", advice.unwrap_or_default())));
            }
            let value = value.or_else(|| words.next().cloned());
            let value = value.ok_or_else(|| Failure::Usage(format!("`--{name}` needs a value")))?;
            options.named.push((name.to_owned(), value));
        }
        Ok(options)
    }

    /// The value of an option; the last one counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.named.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The only plain word, or what it is without one.
    ///
    /// # Errors
    /// More than one plain word.
    pub fn plain_or<'a>(&'a self, default: &'a str) -> Result<&'a str, Failure> {
        match self.plain.as_slice() {
            [] => Ok(default),
            [one] => Ok(one),
            [_, second, ..] => Err(Failure::Usage(format!("`{second}` is one word too many"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::read(&words, &["out", "lessons"])
    }

    #[test]
    fn options_take_their_value_with_a_space_or_an_equals_sign() {
        let options = read(&["--out", "a", "x", "--lessons=b"]).unwrap();
        assert_eq!((options.value("out"), options.value("lessons")), (Some("a"), Some("b")));
        assert_eq!(options.plain_or("y"), Ok("x"));
        assert_eq!(
            read(&["--oot", "a"]),
            Err(Failure::Usage("unknown option `--oot`; did you mean `--out`?".to_owned()))
        );
        assert_eq!(read(&["--out"]), Err(Failure::Usage("`--out` needs a value".to_owned())));
    }
}
