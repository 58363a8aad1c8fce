//! Tasks of the project: `cargo xtask <task>`.

mod facts;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((task, rest)) if task == "facts" => facts::run(rest),
        _ => Err("tasks: facts".into()),
    }
}
