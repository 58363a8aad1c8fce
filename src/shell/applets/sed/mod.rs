//! `sed`: the commands s, d, D, p, P, q, Q, a, i, c, n, N, y, =, g, G, h, H, x, l, b, t, T, :, { }, with addresses; -n, -i, -E, -s.

mod run;
mod script;

use regex_lite::Regex;

use self::run::Sed;
use self::script::Script;
use super::driver::{filtering, once};
use super::options::parse;
use crate::shell::process::Flavour;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
enum Address {
    Line(u64),
    Last,
    Match(Regex),
    Step(u64, u64),
}

#[derive(Clone, Debug)]
enum End {
    Address(Address),
    Plus(u64),
    Multiple(u64),
}

#[derive(Clone, Debug)]
enum Action {
    Substitute { pattern: Regex, with: Vec<Piece>, nth: usize, all: bool, print: bool, write: bool },
    Translate(Vec<(char, char)>),
    Text(char, String),
    Quit(bool, i32),
    Branch(char, String),
    Label(String),
    Open(usize),
    Close,
    Simple(char),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Group(usize),
    Case(char),
}

#[derive(Clone, Debug)]
struct Order {
    from: Option<Address>,
    to: Option<End>,
    negated: bool,
    action: Action,
}

pub fn make(args: &[String]) -> Box<dyn Task> {
    // `-i.bak` has its value attached or none at all.
    let mut in_place = None;
    let plain: Vec<String> = args
        .iter()
        .enumerate()
        .filter_map(|(index, arg)| {
            let suffix = arg
                .strip_prefix("-i")
                .or_else(|| arg.strip_prefix("--in-place="))
                .or(if arg == "--in-place" { Some("") } else { None });
            match suffix {
                Some(suffix) if index > 0 => {
                    in_place = Some(suffix.to_owned());
                    None
                }
                _ => Some(arg.clone()),
            }
        })
        .collect();
    let options = match parse(&plain, "nErsuz", "efl") {
        Ok(options) => options,
        Err(bad) => return bad.task("sed"),
    };
    let mut words = options.words.clone();
    let mut script: Vec<String> = options.values('e').map(str::to_owned).collect();
    if script.is_empty() {
        if words.is_empty() {
            return once(args, |_, _, out| {
                out.err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
                1
            });
        }
        script.push(words.remove(0));
    }
    let text = script.join("\n");
    match Script::read(&text, options.has('E') || options.has('r')) {
        Ok(orders) => filtering(Sed::new(orders, options.has('n'), in_place), &words),
        Err((problem, at)) => once(&[problem, at.to_string(), text], |args, kernel, out| {
            let (problem, at) = (args.first().map_or("", String::as_str), args.get(1).map_or("", String::as_str));
            out.err(&match kernel.flavour() {
                Flavour::Gnu => format!("sed: -e expression #1, char {at}: {problem}\n"),
                Flavour::Busybox => format!("sed: {}\n", problem.replace(['`', '\''], "")),
            });
            1
        }),
    }
}
