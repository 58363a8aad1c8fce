//! `cargo xtask`: everything one has to do with this repository, on a machine that has Rust, git and Node.
//!
//! Depends on next to nothing, so that the first answer comes within seconds.

mod build;
mod chrome;
mod facts;
mod numbers;
mod prose;
mod run;
mod serve;
mod setup;
mod test;

use std::process::ExitCode;

use run::Failure;

const USAGE: &str = "\
Usage: cargo xtask <command>

  serve [--listen 127.0.0.1:8000] [--base /x/] [--no-build]
          install what is missing, build the site, serve it
  build   install what is missing, build the site into dist/
  test [--native | --browser]
          every test: native, the lessons' proofs, the page in a headless browser
  bench   how long many Pods take, natively and in a headless browser
  prose   take the texts of `kubectl explain` from k8s-openapi into target/
  facts FOLDER
          make the table of field facts anew
  numbers FOLDER
          make the table of protobuf's field numbers anew, from a checkout of Kubernetes
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.split_first() {
        Some((&"serve", rest)) => serve::command(rest),
        Some((&"build", [])) => build::site().and_then(build::Weight::or_fail),
        Some((&"test", rest)) => test::command(rest),
        Some((&"bench", [])) => test::bench(),
        Some((&"prose", [])) => prose::native(),
        Some((&"facts", _)) => {
            facts::run(arguments.get(1..).unwrap_or_default()).map_err(|error| Failure(error.to_string()))
        }
        Some((&"numbers", _)) => {
            numbers::run(arguments.get(1..).unwrap_or_default()).map_err(|error| Failure(error.to_string()))
        }
        Some((&("help" | "--help" | "-h"), _)) => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
