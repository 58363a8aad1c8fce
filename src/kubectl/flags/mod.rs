//! Flags as kubectl's command line knows them: declaration, parsing, the values. Prints nothing and runs nothing.
//!
//! Models spf13/pflag (the wording of its errors) as Kubernetes 1.36 uses it.

mod global;
mod parse;

pub use global::GLOBAL;
pub use parse::{parse, split_csv};

use std::collections::BTreeMap;

use crate::text::duration::parse_go_duration;

/// What a flag holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; alone it means true.
    Bool,
    /// Any text.
    Str,
    /// A whole number.
    Int,
    /// The same, of 32 bits.
    Int32,
    /// A Go duration such as `30s`.
    Duration,
    /// Texts; each use adds one.
    Array,
    /// Texts; each use adds the parts between commas.
    Slice,
    /// `KEY=VALUE` texts; each use adds those between commas. The kind of Kubernetes' own libraries.
    Pairs,
    /// The same; the kind of the library of flags, which reads and refuses it in its own way.
    Map,
}

impl Kind {
    /// The word that a list of flags prints for it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Str => "string",
            Kind::Int => "int",
            Kind::Int32 => "int32",
            Kind::Duration => "duration",
            Kind::Array => "stringArray",
            Kind::Slice => "strings",
            Kind::Pairs => "mapStringString",
            Kind::Map => "stringToString",
        }
    }
}

/// One flag of a command.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its long name, without dashes.
    pub name: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What it holds.
    pub kind: Kind,
    /// The value when it is not given, in its text form.
    pub default: &'static str,
    /// The value when it is given without one; `None` when a value is needed.
    pub bare: Option<&'static str>,
    /// One sentence for the help.
    pub help: &'static str,
    /// Whether the command refuses to run without it.
    pub required: bool,
    /// What to use instead.
    pub deprecated: Option<&'static str>,
}

/// A switch, off by default.
pub const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        kind: Kind::Bool,
        default: "false",
        bare: Some("true"),
        help,
        required: false,
        deprecated: None,
    }
}

/// A flag with one text.
pub const fn text(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Str, default, bare: None, help, required: false, deprecated: None }
}

/// A flag with a number.
pub const fn int(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Int, ..text(name, default, help) }
}

/// A flag with a number of 32 bits.
pub const fn int32(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Int32, ..text(name, default, help) }
}

/// A flag with a duration.
pub const fn duration(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Duration, ..text(name, default, help) }
}

/// A flag that may be repeated; commas are ordinary.
pub const fn array(name: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Array, ..text(name, "", help) }
}

/// A flag that may be repeated or hold a list with commas.
pub const fn slice(name: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Slice, ..text(name, "", help) }
}

/// A flag that holds a list of `KEY=VALUE`.
pub const fn pairs(name: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Pairs, ..text(name, "", help) }
}

/// The same, as the library of flags reads it.
pub const fn map(name: &'static str, help: &'static str) -> Flag {
    Flag { kind: Kind::Map, ..text(name, "", help) }
}

impl Flag {
    /// The same flag with a letter.
    pub const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    /// The same flag with a value for when none follows it.
    pub const fn bare(mut self, value: &'static str) -> Flag {
        self.bare = Some(value);
        self
    }

    /// The same switch, on by default.
    pub const fn on(mut self) -> Flag {
        self.default = "true";
        self
    }

    /// The same flag; the command refuses to run without it.
    pub const fn required(mut self) -> Flag {
        self.required = true;
        self
    }

    /// The same flag with a hint at what replaced it.
    pub const fn deprecated(mut self, hint: &'static str) -> Flag {
        self.deprecated = Some(hint);
        self
    }

    /// `-n, --namespace` or `--wait`.
    pub fn title(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }
}

/// The flags and arguments of one call.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Values by name, for the flags that were given.
    given: BTreeMap<&'static str, Vec<String>>,
    /// The flags as they stood in the line, with the texts of their values.
    order: Vec<(&'static str, String)>,
    /// Every flag the command knows.
    known: Vec<Flag>,
    /// The arguments that are not flags.
    pub args: Vec<String>,
    /// How many of them stood before `--`, when there was one.
    pub dash: Option<usize>,
}

impl Flags {
    /// Whether the flag was given.
    pub fn changed(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The flag's text: the last one given or the default.
    pub fn text(&self, name: &str) -> &str {
        match self.given.get(name).and_then(|values| values.last()) {
            Some(value) => value,
            None => self.known.iter().find(|flag| flag.name == name).map_or("", |flag| flag.default),
        }
    }

    /// The text of a flag that all commands have; none where the command has a list of that name for itself, as
    /// `create rolebinding --user` has.
    pub fn global(&self, name: &str) -> &str {
        let own = self.known.iter().find(|flag| flag.name == name).is_some_and(|flag| flag.kind != Kind::Str);
        if own { "" } else { self.text(name) }
    }

    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The flag's number.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// The flag's duration in nanoseconds; negative ones are kept.
    pub fn nanoseconds(&self, name: &str) -> i64 {
        parse_go_duration(self.text(name)).unwrap_or(0)
    }

    /// All texts of a repeated flag.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.given.get(name) {
            Some(values) => values.clone(),
            None => {
                let default = self.text(name);
                if default.is_empty() { Vec::new() } else { split_csv(default) }
            }
        }
    }

    /// The flags that were given, by their long names and in their order, with the texts of their values.
    pub fn in_order(&self) -> &[(&'static str, String)] {
        &self.order
    }

    /// Every flag the command knows.
    pub fn known(&self) -> &[Flag] {
        &self.known
    }

    /// Sets a flag from the code's side, as a command does for another that it calls.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.given.insert(name, vec![value.to_owned()]);
    }
}
