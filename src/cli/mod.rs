//! The native command line: one file a subcommand, one list. Knows no Kubernetes; each subcommand calls the library.

mod bench;
mod drive;
mod lesson_check;
mod lesson_folder;
mod lesson_import;
mod lesson_new;
mod lesson_preview;
mod lesson_record;
mod options;
mod prose;
mod serve;
mod site_build;

use std::process::ExitCode;

use crate::text::similar_names::nearest;

/// Something that `tabernetes` does.
pub struct Subcommand {
    /// Its words, such as `lesson check`.
    pub name: &'static str,
    /// What may follow, in one line.
    pub usage: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Does it. What it gets are the words after its name.
    pub run: fn(&[String]) -> Result<(), Failure>,
}

/// Every subcommand, in the order of the help text.
pub const SUBCOMMANDS: &[Subcommand] = &[
    drive::SUBCOMMAND,
    lesson_check::SUBCOMMAND,
    lesson_import::SUBCOMMAND,
    lesson_new::SUBCOMMAND,
    lesson_preview::SUBCOMMAND,
    lesson_record::SUBCOMMAND,
    serve::SUBCOMMAND,
    site_build::SUBCOMMAND,
    bench::SUBCOMMAND,
];

/// Why a subcommand stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was called wrongly: its usage is printed too, and the exit code is 2.
    Usage(String),
    /// It could not do what it was asked, or found something wrong: exit code 1.
    Failed(String),
}

/// Runs the command line without the program's own name.
pub fn main(arguments: Vec<String>) -> ExitCode {
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match given.as_slice() {
        [] | ["help" | "-h" | "--help", ..] => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        ["version" | "-V" | "--version"] => {
            println!("tabernetes {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let found = SUBCOMMANDS.iter().find_map(|subcommand| {
        let words = subcommand.name.split(' ').count();
        let same = given.iter().take(words).copied().eq(subcommand.name.split(' '));
        same.then(|| (subcommand, arguments.get(words..).unwrap_or_default()))
    });
    let Some((subcommand, rest)) = found else {
        let typed =
            given.iter().take_while(|word| !word.starts_with('-')).take(2).copied().collect::<Vec<_>>().join(" ");
        let advice = match nearest(&typed, SUBCOMMANDS.iter().map(|subcommand| subcommand.name)) {
            Some(meant) => format!("did you mean `tabernetes {meant}`?"),
            None => "`tabernetes help` lists what there is".to_owned(),
        };
        eprintln!("tabernetes: unknown command `{typed}`; {advice}");
        return ExitCode::from(2);
    };
    if rest.iter().any(|word| word == "-h" || word == "--help") {
        println!("{}\n\nUsage: {}", subcommand.summary, usage(subcommand));
        return ExitCode::SUCCESS;
    }
    match (subcommand.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(problem)) => {
            eprintln!("tabernetes {}: {problem}\nUsage: {}", subcommand.name, usage(subcommand));
            ExitCode::from(2)
        }
        Err(Failure::Failed(problem)) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage(subcommand: &Subcommand) -> String {
    format!("tabernetes {} {}", subcommand.name, subcommand.usage).trim_end().to_owned()
}

fn help() -> String {
    let mut out = String::from("Kubernetes in a browser tab, natively.\n\n");
    for subcommand in SUBCOMMANDS {
        out.push_str(&format!("  {}\n      {}\n", usage(subcommand), subcommand.summary));
    }
    out.push_str("  tabernetes version\n      Prints the version.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_has_its_own_name_and_says_what_it_does() {
        for (at, subcommand) in SUBCOMMANDS.iter().enumerate() {
            assert!(subcommand.summary.ends_with('.'), "{}", subcommand.name);
            let others = SUBCOMMANDS.iter().skip(at + 1);
            assert!(others.clone().all(|other| !other.name.starts_with(subcommand.name)), "{}", subcommand.name);
            assert!(help().contains(subcommand.name));
        }
    }
}
