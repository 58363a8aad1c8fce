//! The `tabernetes` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tabernetes::cli::main(std::env::args().skip(1).collect())
}
