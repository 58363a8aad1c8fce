//! `kubectl __complete` and `__completeNoDesc`: what the scripts of `kubectl completion` ask. It offers what upstream
//! offers and no more; Tab in the terminal offers the values of many more flags.
//!
//! Descriptions are left out: they are upstream's sentences. Models spf13/cobra `completions.go`.

use serde_json::Value;

use super::{Place, Server, complete, open_flag, place, positional};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, GLOBAL, Kind, parse};
use crate::kubectl::kubeconfig::{Files, Kubeconfig};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{self, Found, ROOT};

/// No blank is typed behind the only word.
const NO_SPACE: u8 = 2;
/// No files are offered.
const NO_FILES: u8 = 4;
/// The words are the endings of the files that are offered.
const ENDINGS: u8 = 8;

/// What each bit is called.
const NAMES: [(u8, &str); 3] = [(NO_SPACE, "NoSpace"), (NO_FILES, "NoFileComp"), (ENDINGS, "FilterFileExt")];

/// The flags whose values are offered.
const VALUED: &[&str] = &["namespace", "context", "cluster", "user", "output", "subresource"];

/// The commands whose arguments are not.
const SILENT: &[&str] = &[
    "auth can-i",
    "certificate approve",
    "certificate deny",
    "config get-contexts",
    "config set-cluster",
    "config set-credentials",
    "explain",
    "set env",
    "set resources",
    "set selector",
    "set serviceaccount",
    "set subject",
    "wait",
];

impl Server for Context<'_> {
    fn get(&mut self, path: &str) -> Option<Value> {
        Context::get(self, path).ok()
    }
    fn kubeconfig(&mut self) -> Option<Kubeconfig> {
        Files::of(self.system, &self.session.flags).load(self.system).ok().map(|loaded| loaded.config)
    }
}

/// Prints what can stand at the end of the line, a word each, and what the shell should do with it.
pub fn run(cx: &mut Context<'_>, words: &[String]) -> Outcome {
    let Some((word, args)) = words.split_last() else { return Err(Failure::msg("no line to complete")) };
    let found = tree::find(args).ok();
    let flags = found.as_ref().map_or_else(|| ROOT.all_flags(), |found| found.command.all_flags());
    // What the line says of the server and its namespace counts here, too.
    let given = found.as_ref().and_then(|found| parse(&found.words, flags.clone()).ok());
    cx.session.flags = given.or_else(|| parse(&[], flags.clone()).ok()).unwrap_or_default();
    let (list, directive) = match &found {
        Some(found) => offered(cx, found, &flags, args, word),
        None => {
            cx.out.err_line("[Debug] Cleared global flags for plugin completion");
            cx.out.err_line(&format!("[Debug] [Error] unable to find a command for arguments: [{}]", args.join(" ")));
            (Vec::new(), 0)
        }
    };
    for candidate in list {
        cx.out.line(&candidate);
    }
    cx.out.line(&format!(":{directive}"));
    let mut names: Vec<String> = NAMES
        .iter()
        .filter(|(bit, _)| directive & bit != 0)
        .map(|(_, name)| format!("ShellCompDirective{name}"))
        .collect();
    if names.is_empty() {
        names.push("ShellCompDirectiveDefault".to_owned());
    }
    cx.out.err_line(&format!("Completion ended with directive: {}", names.join(", ")));
    DONE
}

/// The words, and what the shell does with them.
fn offered(cx: &mut Context<'_>, found: &Found, flags: &[Flag], args: &[String], word: &str) -> (Vec<String>, u8) {
    let assigned = word.strip_prefix("--").and_then(|long| long.split_once('='));
    let open = args.last().and_then(|last| open_flag(flags, last));
    if let Some((name, _)) = assigned {
        return valued(cx, found, name, args, word);
    }
    if let Some(flag) = open {
        return valued(cx, found, flag.name, args, word);
    }
    let missing = super::missing(flags, args);
    let needed = || missing.iter().map(|flag| format!("--{}", flag.name)).collect::<Vec<_>>();
    if word.starts_with('-') {
        let fits = |name: &String| name.starts_with(word);
        let required: Vec<String> = needed().into_iter().filter(fits).collect();
        return (if required.is_empty() { names_of(found, flags, args, word) } else { required }, NO_FILES);
    }
    let path = found.path.strip_prefix("kubectl ").unwrap_or_default();
    let arguments = positional(found, flags);
    let below = !found.command.subcommands.is_empty();
    if SILENT.contains(&path) || (below && !arguments.is_empty()) {
        return (if word.is_empty() { needed() } else { Vec::new() }, 0);
    }
    match (path, arguments.as_slice()) {
        ("cordon" | "uncordon" | "drain", [_, ..]) => return (Vec::new(), NO_FILES),
        ("cp", [first]) if first.contains(':') => return (Vec::new(), NO_SPACE),
        ("logs", [_]) => {
            let list = super::containers(flags, word, args, cx).unwrap_or_default();
            return (list.into_iter().map(|one| one.text.trim_end().to_owned()).collect(), NO_FILES);
        }
        _ => {}
    }
    let Some(list) = complete(args, word, cx) else {
        return (if word.is_empty() { needed() } else { Vec::new() }, 0);
    };
    let text = |one: crate::shell::line_editor::Candidate| one.text.trim_end().trim_end_matches('=').to_owned();
    let mut list: Vec<String> = list.into_iter().map(text).collect();
    if below || path == "help" {
        list.sort();
    }
    let directive = match place(&found.path, arguments.len()) {
        Place::Copy => NO_SPACE,
        // A command without words of its own leaves the place to files.
        Place::Nothing if !below && matches!(place(&found.path, 0), Place::Nothing) => 0,
        Place::Names { slashed: true, .. } if !list.is_empty() && list.iter().all(|one| one.ends_with('/')) => {
            NO_SPACE | NO_FILES
        }
        _ => NO_FILES,
    };
    (list, directive)
}

/// The values of a flag.
fn valued(cx: &mut Context<'_>, found: &Found, name: &str, args: &[String], word: &str) -> (Vec<String>, u8) {
    let path = found.path.as_str();
    if name == "filename" {
        return (["json", "yaml", "yml"].map(str::to_owned).to_vec(), ENDINGS);
    }
    let own = matches!(
        (path, name),
        ("kubectl exec" | "kubectl cp", "container") | ("kubectl create clusterrolebinding", "clusterrole")
    );
    let other = name == "output" && super::OWN_OUTPUTS.iter().any(|(command, _)| path.ends_with(command));
    if other || (!own && !VALUED.contains(&name)) {
        return (Vec::new(), 0);
    }
    let Some(list) = complete(args, word, cx) else { return (Vec::new(), 0) };
    let prefix = format!("--{name}=");
    let text = |text: String| text.strip_prefix(&prefix).map_or_else(|| text.clone(), str::to_owned);
    (list.into_iter().map(|one| text(one.text.trim_end().to_owned())).collect(), NO_FILES)
}

/// The flags that the line does not have yet: those of every command, then the command's own.
fn names_of(found: &Found, flags: &[Flag], args: &[String], word: &str) -> Vec<String> {
    let global = |flag: &Flag| {
        found.path != ROOT.name && GLOBAL.iter().any(|global| global.name == flag.name && global.help == flag.help)
    };
    let again = |flag: &Flag| matches!(flag.kind, Kind::Array | Kind::Slice | Kind::Pairs | Kind::Map);
    let has = |flag: &Flag| {
        let long = format!("--{}", flag.name);
        let short = flag.short.map(|letter| format!("-{letter}"));
        args.iter().any(|arg| {
            *arg == long
                || arg.strip_prefix(&long).is_some_and(|rest| rest.starts_with('='))
                || short.as_ref().is_some_and(|short| arg == short)
        })
    };
    let mut known: Vec<(bool, &str, Option<char>)> = flags
        .iter()
        .filter(|flag| flag.deprecated.is_none() && (again(flag) || !has(flag)))
        .map(|flag| (!global(flag), flag.name, flag.short))
        .collect();
    known.push((true, "help", Some('h')));
    known.sort();
    let both = known
        .into_iter()
        .flat_map(|(_, name, letter)| [Some(format!("--{name}")), letter.map(|letter| format!("-{letter}"))]);
    both.flatten().filter(|text| text.starts_with(word) && (text.starts_with("--") || word == "-")).collect()
}
