//! The Common Expression Language, as the rules of CustomResourceDefinitions are written in it: read, checked against
//! types, and run. Knows no schemas and no objects; whoever has them makes types and values of them.
//!
//! It has the whole of the standard language and of the libraries that Kubernetes 1.36 gives to rules: strings, lists,
//! sets, regular expressions, optionals, quantities, URLs, addresses and networks, versions, named formats and
//! comprehensions of two variables (`functions.rs` lists them). It has no protocol buffers, no authorizer, no time
//! zones but UTC and fixed offsets, and no classes of Unicode in patterns; a function that it does
//! not have, and a pattern of `matches` that it cannot read, are errors when an expression is compiled; a time zone and a
//! pattern that only a run makes known fail the run. What an expression may cost is counted in steps of our own.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel and google/cel-go.

mod addresses;
mod checker;
mod evaluate;
mod expression;
mod formats;
mod functions;
mod lexer;
mod lists;
mod operators;
mod parser;
mod strings;
mod times;
mod types;
mod url;
mod value;
mod version;

pub use parser::is_reserved;
pub use types::{ObjectType, Type};
pub use value::{Key, List, Merge, Val};

/// What one run of an expression may cost, in steps.
pub const CALL_LIMIT: u64 = 1_000_000;

/// What is wrong with an expression, and where, in characters from the start.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    at: Option<usize>,
    message: String,
}

impl Fault {
    fn new(at: usize, message: String) -> Self {
        Self { at: Some(at), message }
    }

    fn nowhere(message: String) -> Self {
        Self { at: None, message }
    }

    /// `ERROR: <input>:1:5: message` with the line and a mark under the place.
    fn display(&self, text: &str) -> String {
        let Some(at) = self.at else { return format!("ERROR: <input>:-1:0: {}", self.message) };
        let before: String = text.chars().take(at).collect();
        let row = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let line = text.split('\n').nth(row).unwrap_or_default().replace('\t', " ");
        // Letters that take more than a byte are marked by wide ones.
        let wide = |letter: Option<char>, narrow: char, wide: char| match letter {
            Some(letter) if letter.len_utf8() > 1 => wide,
            _ => narrow,
        };
        let dots: String = line.chars().take(column).map(|letter| wide(Some(letter), '.', '\u{ff0e}')).collect();
        let mark = wide(line.chars().nth(column), '^', '\u{ff3e}');
        format!("ERROR: <input>:{}:{}: {}\n | {line}\n | {dots}{mark}", row + 1, column + 1, self.message)
    }
}

/// An expression that has been read and checked.
#[derive(Debug)]
pub struct Program {
    tree: expression::Expr,
    /// What it gives.
    pub result: Type,
    names: Vec<String>,
}

impl Program {
    /// Reads and checks an expression over variables of these types.
    ///
    /// # Errors
    /// What the server says after `compilation failed: `, or `program instantiation failed: ...` whole.
    pub fn compile(text: &str, variables: &[(&str, Type)]) -> Result<Program, String> {
        let told = |mut faults: Vec<Fault>| {
            faults.sort_by_key(|fault| fault.at);
            let all: Vec<String> = faults.iter().map(|fault| fault.display(text)).collect();
            format!("compilation failed: {}", all.join("\n"))
        };
        let tree = parser::parse(text).map_err(told)?;
        let checked = checker::check(&tree, variables).map_err(told)?;
        evaluate::fold_constants(&tree).map_err(|why| format!("program instantiation failed: {why}"))?;
        Ok(Program { tree, result: checked.result, names: checked.names })
    }

    /// Whether it asks for a variable.
    pub fn uses(&self, name: &str) -> bool {
        self.names.iter().any(|used| used == name)
    }

    /// Runs it; gives what came of it and how many steps it took.
    pub fn run(&self, variables: &[(&str, Val)]) -> (Result<Val, String>, u64) {
        evaluate::run(&self.tree, variables)
    }
}
