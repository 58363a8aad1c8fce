//! Every command has the flags of kubectl 1.36, with their letters and defaults, and no others: those that the help of
//! the real one shows stand in `kubectl_flags/flags.txt`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at once, in its helpers too")]

use std::collections::BTreeSet;

use tabernetes::playground::Session;

const FLAGS: &str = include_str!("kubectl_flags/flags.txt");

/// The lines of a help text that declare a flag, as they stand in the table.
fn declared(help: &str) -> BTreeSet<String> {
    let flag = |line: &str| {
        let (title, default) = line.strip_suffix(':')?.split_once('=')?;
        let (letter, name) = title.trim_start().split_once("--")?;
        let letter = letter.trim_end_matches([' ', ',']);
        let shown = format!("  {} {name} {default}", if letter.is_empty() { "--" } else { letter });
        Some(shown.trim_end().to_owned())
    };
    help.lines().filter(|line| line.starts_with("    ")).filter_map(flag).collect()
}

#[test]
fn every_command_has_the_flags_of_the_real_one() {
    let mut session = Session::new(0);
    let mut different = Vec::new();
    let mut count = 0;
    for paragraph in FLAGS.split("\n\n").filter(|paragraph| paragraph.starts_with("kubectl")) {
        let mut lines = paragraph.lines();
        let command = lines.next().unwrap_or_default();
        let line = if command == "kubectl options" { command.to_owned() } else { format!("{command} --help") };
        let own = declared(&session.run(&line).stdout);
        let theirs: BTreeSet<String> = lines.map(str::to_owned).collect();
        count += theirs.len();
        different.extend(theirs.difference(&own).map(|flag| format!("{command} lacks {flag}")));
        different.extend(own.difference(&theirs).map(|flag| format!("{command} invents {flag}")));
    }
    assert!(count > 900, "the table has gone: {count}");
    assert!(different.is_empty(), "{} of {count} flags differ:\n{}", different.len(), different.join("\n"));
}
