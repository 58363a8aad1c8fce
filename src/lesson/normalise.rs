//! What two recordings of the same real cluster do not have in common, replaced by placeholders. The rules are applied
//! in order, each to what the one before has left.

use std::sync::LazyLock;

use regex_lite::Regex;

/// Letters of a generated name.
macro_rules! suffix {
    () => {
        "[bcdfghjklmnpqrstvwxz2456789]"
    };
}

/// What must stand around a match, for the engine knows no look-around. Where it does not, the search goes on with the
/// next character.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    Anything,
    /// No letter or digit follows.
    EndOfWord,
    /// A duration stands alone: nothing of a word, path or address before it.
    Alone,
    /// The same, and nothing of a word after it either.
    AloneToTheEnd,
    /// It follows something that can be seen: not an indentation.
    AfterText,
}

/// A literal that each match has (empty: none), the expression, what it becomes, what stands around.
type Rule = (&'static str, &'static str, &'static str, Around);

const RULES: &[Rule] = &[
    (":", r"(?m)^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ ", "<log> ", Around::Anything),
    ("-", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>", Around::Anything),
    ("Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>", Around::Anything),
    (" +0000", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000", "<time>", Around::Anything),
    ("/tmp/", r"/tmp/(LIVE|MERGED)-\d+/", "/tmp/${1}-<n>/", Around::Anything),
    (" +0000", r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "<time>", Around::Anything),
    (" UTC ", r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}", "<time>", Around::Anything),
    ("://", "(containerd|cri-o|docker)://[0-9a-f]+", "<container-id>", Around::Anything),
    ("sha256:", r"(\S+@)?sha256:[0-9a-f]{64}", "<digest>", Around::Anything),
    (".", r"\b(10|172|192)\.\d+\.\d+\.\d+\b", "<ip>", Around::Anything),
    ("resourceVersion", r#"(resourceVersion"?: ?")\d+""#, "${1}<rv>\"", Around::Anything),
    ("Resource Version", r"(Resource Version:\s+)\d+", "${1}<rv>", Around::Anything),
    ("eneration", r#""?(observedGeneration|generation)"?: \d+"#, "${1}: <n>", Around::Anything),
    ("mage size", r"([iI]mage size: )\d+ bytes", "${1}<n> bytes", Around::Anything),
    ("OCI runtime", r"(OCI runtime \w+ failed: ).*", "${1}<reason>", Around::Anything),
    ("ailed to pull", r#"([Ff]ailed to pull (and unpack )?image "[^"]*": ).*"#, "${1}<reason>", Around::Anything),
    ("Back-off pulling", r#"(Back-off pulling image "[^"]*": ErrImagePull: ).*"#, "${1}<reason>", Around::Anything),
    // Generated names: <owner>-<hash>-<suffix>, <owner>-<suffix>, <cronjob>-<minutes>.
    ("-", concat!("-", suffix!(), "{8,10}-", suffix!(), "{5}"), "-<hash>-<x>", Around::EndOfWord),
    (
        "pod-template-hash",
        concat!(r#"(pod-template-hash"?[=:] ?"?)"#, suffix!(), r"{8,10}\b"),
        "${1}<hash>",
        Around::Anything,
    ),
    ("-", concat!("-", suffix!(), r"{9,10}\b"), "-<hash>", Around::Anything),
    ("-29", r"-29\d{6}\b", "-<minutes>", Around::Anything),
    ("-", concat!("-", suffix!(), "{5}"), "-<x>", Around::EndOfWord),
    // Durations: 5s 1m30s 2h 3d4h, 1.234s, 500ms.
    ("s", r"\d+(\.\d+)?(ms|s)\b", "<age>", Around::Alone),
    (
        "",
        r"\d+(d(\d+h)?(\d+m)?(\d+(\.\d+)?s)?|h(\d+m)?(\d+(\.\d+)?s)?|m(\d+(\.\d+)?s)?|(\.\d+)?s)",
        "<age>",
        Around::AloneToTheEnd,
    ),
    (">", "<invalid>|<unknown>", "<age>", Around::Anything),
    ("(x", r"\(x\d+ over <age>\)", "(x<n> over <age>)", Around::Anything),
    ("(x<n>", r"<age> \(x<n> over <age>\)", "<age>", Around::Anything),
    // Column widths follow the ages; an indentation counts.
    ("", r"[ \t]{2,}", "  ", Around::AfterText),
    ("", r"(?m)[ \t]+$", "", Around::Anything),
];

static COMPILED: LazyLock<Vec<(Rule, Regex)>> =
    LazyLock::new(|| RULES.iter().filter_map(|rule| Some((*rule, Regex::new(rule.1).ok()?))).collect());

/// The text with placeholders.
pub fn normalise(text: &str) -> String {
    let mut text = text.to_owned();
    for (rule, regex) in COMPILED.iter() {
        if text.contains(rule.0) {
            text = replace(&text, rule, regex);
        }
    }
    text
}

fn replace(text: &str, rule: &Rule, regex: &Regex) -> String {
    let (mut out, mut copied, mut from) = (String::new(), 0, 0);
    while let Some(found) = regex.captures_at(text, from) {
        let Some(whole) = found.get(0) else { break };
        if stands(text, whole.start(), whole.end(), rule.3) {
            out.push_str(text.get(copied..whole.start()).unwrap_or_default());
            found.expand(rule.2, &mut out);
            copied = whole.end();
            from = copied.max(from + 1);
        } else {
            // Every expression begins with an ASCII character.
            from = whole.start() + 1;
        }
        if from > text.len() {
            break;
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

fn stands(text: &str, start: usize, end: usize, around: Around) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.chars().next());
    let alone = || !before.is_some_and(|c| word(c) || ".:/-".contains(c));
    match around {
        Around::Anything => true,
        Around::EndOfWord => !after.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
        Around::Alone => alone() && !after.is_some_and(word),
        Around::AloneToTheEnd => alone() && !after.is_some_and(|c| word(c) || ".-".contains(c)),
        Around::AfterText => before.is_some_and(|c| !c.is_whitespace()),
    }
}

/// Equal after normalisation; where names are generated, the order of lines follows them and is free.
pub fn same(want: &str, got: &str) -> bool {
    if want == got {
        return true;
    }
    let (want, got) = (normalise(want), normalise(got));
    if want == got {
        return true;
    }
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    ["<x>", "<hash>", "<uid>"].iter().any(|mark| want.contains(mark)) && sorted(&want) == sorted(&got)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_runs_of_the_real_thing_do_not_share_is_replaced_and_nothing_else() {
        let cases = [
            ("hello-job-x7k2p   0/1     Completed   0          3m12s", "hello-job-<x>  0/1  Completed  0  <age>"),
            ("web-5d9c7b8f6d-x7k2p 1/1", "web-<hash>-<x> 1/1"),
            ("two (x3 over 5m)  10.1.2.3", "two (x<n> over <age>)  <ip>"),
            ("  indented   column", "  indented  column"),
            ("hello-world", "hello-world"),
            ("a job-nginx 1.5s took 500ms, 5mb", "a job-nginx <age> took <age>, 5mb"),
            ("at 12:30:05s or /5s or v1.36s", "at 12:30:05s or /5s or v1.36s"),
            ("5m-x 3d4h.", "5m-x 3d4h."),
            ("cron-29450123 ends", "cron-<minutes> ends"),
            ("2026-01-01T10:00:00Z and 2026-01-01T10:00:00.123456Z", "<time> and <time>"),
        ];
        for (text, expected) in cases {
            assert_eq!(normalise(text), expected);
        }
    }

    #[test]
    fn every_rule_is_an_expression() {
        assert_eq!(COMPILED.len(), RULES.len());
    }
}
