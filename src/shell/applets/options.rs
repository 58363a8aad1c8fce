//! Options of applets: letters, letters with a value, and words. Long options are matched by a table of the common ones.

use super::driver::once;
use crate::shell::process::Flavour;
use crate::shell::task::Task;

/// Parsed arguments.
#[derive(Clone, Debug, Default)]
pub struct Options {
    flags: Vec<(char, Option<String>)>,
    /// What is no option.
    pub words: Vec<String>,
}

/// An option that is not known, or lacks its value.
#[derive(Clone, Debug)]
pub struct Bad(pub String);

impl Options {
    /// Whether the flag was given.
    pub fn has(&self, letter: char) -> bool {
        self.flags.iter().any(|(given, _)| *given == letter)
    }
    /// The last value of an option.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.flags.iter().rev().find(|(given, _)| *given == letter).and_then(|(_, value)| value.as_deref())
    }
    /// All values of an option.
    pub fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(given, _)| *given == letter).filter_map(|(_, value)| value.as_deref())
    }
    /// The last given of these letters.
    pub fn last_of(&self, letters: &str) -> Option<char> {
        self.flags.iter().rev().map(|(letter, _)| *letter).find(|letter| letters.contains(*letter))
    }
}

impl Bad {
    /// A program that reports it.
    pub fn task(&self, name: &str) -> Box<dyn Task> {
        once(&[name.to_owned(), self.0.clone()], |args, kernel, out| {
            let (name, what) = (args.first().map_or("", String::as_str), args.get(1).map_or("", String::as_str));
            out.err(&message(name, what, kernel.flavour()));
            1
        })
    }
}

/// The words of an option that is not known.
pub fn message(name: &str, what: &str, flavour: Flavour) -> String {
    match (flavour, what.strip_prefix("needs ")) {
        (Flavour::Gnu, Some(letter)) => {
            format!("{name}: option requires an argument -- '{letter}'\nTry '{name} --help' for more information.\n")
        }
        (Flavour::Gnu, None) if what.starts_with("--") => {
            format!("{name}: unrecognized option '{what}'\nTry '{name} --help' for more information.\n")
        }
        (Flavour::Gnu, None) => {
            format!("{name}: invalid option -- '{what}'\nTry '{name} --help' for more information.\n")
        }
        (Flavour::Busybox, Some(letter)) => format!("{name}: option requires an argument -- '{letter}'\n"),
        (Flavour::Busybox, None) if what.starts_with("--") => format!("{name}: unrecognized option '{what}'\n"),
        (Flavour::Busybox, None) => format!("{name}: invalid option -- '{what}'\n"),
    }
}

/// wget's options that have no letter.
pub const SPIDER: char = '\u{3}';
/// See [`SPIDER`].
pub const HEADER: char = '\u{4}';
/// See [`SPIDER`].
pub const POST_DATA: char = '\u{5}';

const LONG: &[(&str, char)] = &[
    ("all", 'a'),
    ("almost-all", 'A'),
    ("human-readable", 'h'),
    ("recursive", 'r'),
    ("reverse", 'r'),
    ("numeric-sort", 'n'),
    ("unique", 'u'),
    ("lines", 'n'),
    ("bytes", 'c'),
    ("follow", 'f'),
    ("ignore-case", 'i'),
    ("invert-match", 'v'),
    ("count", 'c'),
    ("quiet", 'q'),
    ("silent", 'q'),
    ("line-number", 'n'),
    ("only-matching", 'o'),
    ("extended-regexp", 'E'),
    ("fixed-strings", 'F'),
    ("word-regexp", 'w'),
    ("line-regexp", 'x'),
    ("files-with-matches", 'l'),
    ("after-context", 'A'),
    ("before-context", 'B'),
    ("context", 'C'),
    ("regexp", 'e'),
    ("parents", 'p'),
    ("force", 'f'),
    ("verbose", 'v'),
    ("decode", 'd'),
    ("wrap", 'w'),
    ("append", 'a'),
    ("delimiter", 'd'),
    ("fields", 'f'),
    ("characters", 'c'),
    ("key", 'k'),
    ("field-separator", 't'),
    ("utc", 'u'),
    ("date", 'd'),
    ("in-place", 'i'),
    ("expression", 'e'),
    ("max-args", 'n'),
    ("null", '0'),
    ("signal", 's'),
    ("kill-after", 'k'),
    ("ignore-environment", 'i'),
    ("unset", 'u'),
    ("no-clobber", 'n'),
    ("words", 'w'),
    ("delete", 'd'),
    ("squeeze-repeats", 's'),
    ("symbolic", 's'),
    ("interval", 'n'),
    ("max-count", 'm'),
    ("no-messages", 's'),
    ("no-filename", 'h'),
    ("with-filename", 'H'),
    ("number", 'n'),
    ("replace", 'I'),
    ("color", '\u{1}'),
    ("mode", 'm'),
    ("rfc-3339", '\u{2}'),
    ("no-run-if-empty", 'r'),
    ("spider", SPIDER),
    ("header", HEADER),
    ("post-data", POST_DATA),
    ("timeout", 'T'),
    ("output-document", 'O'),
    ("silent", 's'),
    ("show-error", 'S'),
    ("fail", 'f'),
    ("include", 'i'),
    ("head", 'I'),
    ("location", 'L'),
    ("insecure", 'k'),
    ("request", 'X'),
    ("header", 'H'),
    ("data", 'd'),
    ("max-time", 'm'),
    ("connect-timeout", 'm'),
    ("output", 'o'),
    ("user-agent", 'A'),
    ("write-out", 'w'),
    ("cacert", 'E'),
    ("no-check-certificate", '\u{6}'),
];

/// Parses arguments (the first is the name): letters in `flags` stand alone, those in `valued` take a value.
///
/// # Errors
/// The first option that is not known.
pub fn parse(args: &[String], flags: &str, valued: &str) -> Result<Options, Bad> {
    parse_until(args, flags, valued, false)
}

/// The same; with `stop`, the first word ends the options, as for commands that run commands.
///
/// # Errors
/// As `parse`.
pub fn parse_until(args: &[String], flags: &str, valued: &str, stop: bool) -> Result<Options, Bad> {
    let mut options = Options::default();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        if arg == "--" {
            options.words.extend(rest.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let letters: Vec<char> =
                LONG.iter().filter(|(known, _)| *known == name).map(|(_, letter)| *letter).collect();
            let letter = letters.iter().copied().find(|letter| flags.contains(*letter) || valued.contains(*letter));
            let Some(letter) = letter else {
                if name == "color" || name == "colour" {
                    continue;
                }
                return Err(Bad(format!("--{name}")));
            };
            let value = if valued.contains(letter) { value.or_else(|| rest.next().cloned()) } else { value };
            options.flags.push((letter, value));
            continue;
        }
        let letters = match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => letters,
            _ => {
                options.words.push(arg.clone());
                if stop {
                    options.words.extend(rest.cloned());
                    break;
                }
                continue;
            }
        };
        let chars: Vec<char> = letters.chars().collect();
        for (index, letter) in chars.iter().enumerate() {
            if valued.contains(*letter) {
                let attached: String = chars.iter().skip(index + 1).collect();
                let value = if attached.is_empty() {
                    rest.next().cloned().ok_or_else(|| Bad(format!("needs {letter}")))?
                } else {
                    attached
                };
                options.flags.push((*letter, Some(value)));
                break;
            }
            if !flags.contains(*letter) {
                return Err(Bad(letter.to_string()));
            }
            options.flags.push((*letter, None));
        }
    }
    Ok(options)
}
