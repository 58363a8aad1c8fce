//! Takes a command line apart: interspersed flags, groups of letters, `--flag=value`, `--`.

use super::{Flag, Flags, Kind};
use crate::text::duration::parse_go_duration;
use crate::text::go_number::quote;

/// Parses the words after the command's name.
///
/// `Err(None)` stands for a request for help.
///
/// # Errors
/// pflag's sentences, such as `unknown flag: --x`.
pub fn parse(words: &[String], known: Vec<Flag>) -> Result<Flags, Option<String>> {
    let mut flags = Flags { known, ..Flags::default() };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            flags.dash = Some(flags.args.len());
            flags.args.extend(rest.cloned());
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            parse_long(&mut flags, word, long, &mut rest)?;
        } else if word.len() > 1 && word.starts_with('-') {
            parse_short(&mut flags, word, &mut rest)?;
        } else {
            flags.args.push(word.clone());
        }
    }
    Ok(flags)
}

type Rest<'a> = std::slice::Iter<'a, String>;

fn parse_long(flags: &mut Flags, word: &str, long: &str, rest: &mut Rest<'_>) -> Result<(), Option<String>> {
    if long.is_empty() || long.starts_with('-') || long.starts_with('=') {
        return Err(Some(format!("bad flag syntax: {word}")));
    }
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let name = name.replace('_', "-");
    let Some(flag) = flags.known.iter().find(|flag| flag.name == name).copied() else {
        if name != "help" {
            return Err(Some(format!("unknown flag: --{name}")));
        }
        return help(value);
    };
    let value = match (value, flag.bare) {
        (Some(value), _) => value.to_owned(),
        (None, Some(bare)) => bare.to_owned(),
        (None, None) => match rest.next() {
            Some(next) => next.clone(),
            None => return Err(Some(format!("flag needs an argument: --{name}"))),
        },
    };
    store(flags, &flag, &value)
}

/// What `--help` with a value, or without one, comes to.
fn help(value: Option<&str>) -> Result<(), Option<String>> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Err(None),
        Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(()),
        Some(other) => Err(Some(format!(
            "invalid argument {0} for \"-h, --help\" flag: strconv.ParseBool: parsing {0}: invalid syntax",
            quote(other)
        ))),
    }
}

fn parse_short(flags: &mut Flags, word: &str, rest: &mut Rest<'_>) -> Result<(), Option<String>> {
    let mut letters = word.trim_start_matches('-').chars();
    loop {
        let group = letters.as_str();
        let Some(letter) = letters.next() else { break };
        let tail = letters.as_str();
        let Some(flag) = flags.known.iter().find(|flag| flag.short == Some(letter)).copied() else {
            if letter == 'h' {
                return help(tail.strip_prefix('=').filter(|value| !value.is_empty()));
            }
            return Err(Some(format!("unknown shorthand flag: '{letter}' in -{group}")));
        };
        if let Some(value) = tail.strip_prefix('=').filter(|_| tail.len() > 1) {
            return store(flags, &flag, value);
        }
        if let Some(bare) = flag.bare {
            store(flags, &flag, bare)?;
            continue;
        }
        if !tail.is_empty() {
            return store(flags, &flag, tail);
        }
        let Some(next) = rest.next() else {
            return Err(Some(format!("flag needs an argument: '{letter}' in -{group}")));
        };
        return store(flags, &flag, next);
    }
    Ok(())
}

fn store(flags: &mut Flags, flag: &Flag, value: &str) -> Result<(), Option<String>> {
    let bad = |why: String| {
        let title = flag.title();
        Err(Some(format!("invalid argument {} for {} flag: {why}", quote(value), quote(&title))))
    };
    let values = match flag.kind {
        Kind::Bool => match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => vec!["true".to_owned()],
            "0" | "f" | "F" | "false" | "FALSE" | "False" => vec!["false".to_owned()],
            _ => return bad(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(value))),
        },
        // The levels of logs are 32 bits wide.
        Kind::Int | Kind::Int32 => match value.parse::<i64>() {
            Ok(number) if !(flag.name == "v" || flag.kind == Kind::Int32) || i32::try_from(number).is_ok() => {
                vec![number.to_string()]
            }
            _ => {
                let digits = value.trim_start_matches(['-', '+']);
                let range = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let why = if range { "value out of range" } else { "invalid syntax" };
                return bad(format!("strconv.ParseInt: parsing {}: {why}", quote(value)));
            }
        },
        Kind::Duration => match parse_go_duration(value) {
            Ok(_) => vec![value.to_owned()],
            // Of the flags of Go's own kind the reason is not told.
            Err(_) if flag.name == "log-flush-frequency" => return bad("parse error".to_owned()),
            Err(why) => return bad(why),
        },
        Kind::Slice => split_csv(value),
        Kind::Pairs => {
            let parts: Vec<String> = value.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let number = |part: &String| part.split_once('=').and_then(|(_, level)| level.parse::<i32>().ok());
            if flag.name == "vmodule" {
                if parts.iter().any(|part| number(part).is_none() || part.starts_with('=')) {
                    return bad("syntax error: expect comma-separated list of filename=N".to_owned());
                }
                if parts.iter().filter_map(number).any(|level| level < 0) {
                    return bad("negative value for vmodule level".to_owned());
                }
            }
            if parts.iter().any(|part| !part.contains('=')) {
                return bad("malformed pair, expect string=string".to_owned());
            }
            parts
        }
        Kind::Map => {
            let parts = match value.matches('=').count() {
                0 => vec![value.to_owned()],
                1 => vec![value.trim_matches('"').to_owned()],
                _ => split_csv(value),
            };
            if let Some(part) = parts.iter().find(|part| !part.contains('=')) {
                return bad(format!("{part} must be formatted as key=value"));
            }
            parts
        }
        Kind::Str | Kind::Array => vec![value.to_owned()],
    };
    flags.order.push((flag.name, value.to_owned()));
    let slot = flags.given.entry(flag.name).or_default();
    if matches!(flag.kind, Kind::Array | Kind::Slice | Kind::Pairs | Kind::Map) {
        slot.extend(values);
    } else {
        *slot = values;
    }
    Ok(())
}

/// The parts between commas; a part in double quotes may hold commas.
pub fn split_csv(value: &str) -> Vec<String> {
    if value.is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    for c in value.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::super::{array, duration, int, slice, switch, text};
    use super::*;

    fn known() -> Vec<Flag> {
        vec![
            text("output", "", "").short('o'),
            switch("watch", "").short('w'),
            switch("all-namespaces", "").short('A'),
            text("namespace", "", "").short('n'),
            slice("filename", "").short('f'),
            array("env", ""),
            int("replicas", "0", ""),
            duration("timeout", "0s", ""),
            text("dry-run", "none", "").bare("unchanged"),
        ]
    }

    fn run(line: &str) -> Result<Flags, Option<String>> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), known())
    }

    #[test]
    fn flags_may_stand_anywhere_and_letters_may_be_joined() {
        let flags = run("pods -wAoyaml x -n kube-system --dry-run a -f a,b -f c --env A=1,2 -- -z").unwrap();
        assert_eq!(flags.args, ["pods", "x", "a", "-z"]);
        assert_eq!(flags.dash, Some(3));
        assert_eq!(flags.text("output"), "yaml");
        assert!(flags.on("watch") && flags.on("all-namespaces"));
        assert_eq!(flags.text("dry-run"), "unchanged");
        assert_eq!(flags.list("filename"), ["a", "b", "c"]);
        assert_eq!(flags.list("env"), ["A=1,2"]);
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_pflag() {
        let error = |line: &str| run(line).unwrap_err().unwrap_or_default();
        assert_eq!(error("--nosuch"), "unknown flag: --nosuch");
        assert_eq!(error("-z"), "unknown shorthand flag: 'z' in -z");
        assert_eq!(error("-o"), "flag needs an argument: 'o' in -o");
        assert_eq!(error("--output"), "flag needs an argument: --output");
        assert_eq!(
            error("--timeout=abc"),
            "invalid argument \"abc\" for \"--timeout\" flag: time: invalid duration \"abc\""
        );
        assert_eq!(
            error("--replicas=x"),
            "invalid argument \"x\" for \"--replicas\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            error("-w=maybe"),
            "invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"
        );
        assert_eq!(run("-h").unwrap_err(), None);
    }
}
