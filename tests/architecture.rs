//! Holds the code against the plan of the house (`src/ARCHITECTURE.md`): who may import whom, what no layer below the
//! outermost may name, and how a file begins. Each failure says what to do instead.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at once, in its helpers too")]

#[path = "architecture/circles.rs"]
mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// What each module of `src/` may import, besides itself. Bottom to top, as in `src/lib.rs`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("sim", &[]),
    ("text", &[]),
    ("apimachinery", &["sim", "text"]),
    ("api", &["sim", "text", "apimachinery"]),
    ("storage", &["sim", "text", "apimachinery"]),
    ("apiserver", &["sim", "text", "apimachinery", "api", "storage"]),
    // `storage` for its cursors and revisions; what it writes goes through `apiserver`.
    ("client", &["sim", "text", "apimachinery", "api", "apiserver", "storage"]),
    ("shell", &["sim", "text"]),
    ("images", &["sim", "text", "shell"]),
    // `apiserver` for the two traits that it hands to whoever runs containers: NodeProxy and its answers.
    ("cri", &["sim", "text", "shell", "images", "apiserver"]),
    ("controllers", &["sim", "text", "apimachinery", "api", "apiserver", "client"]),
    ("kubelet", &["sim", "text", "apimachinery", "api", "apiserver", "client", "cri", "shell"]),
    ("scheduler", &["sim", "text", "apimachinery", "api", "apiserver", "client"]),
    (
        "cluster",
        &[
            "sim",
            "text",
            "apimachinery",
            "api",
            "apiserver",
            "client",
            "controllers",
            "kubelet",
            "scheduler",
            "cri",
            "images",
            "shell",
        ],
    ),
    // A remote client: no server, no storage, no kinds.
    ("kubectl", &["sim", "text", "apimachinery", "shell", "images"]),
    // `apimachinery` for its reader of objects alone: the page carries one, not two; `text` for the words of the interface.
    ("diagram", &["sim", "text", "apimachinery"]),
    ("lesson", &["sim", "text"]),
    (
        "playground",
        &["sim", "text", "apimachinery", "api", "client", "shell", "cluster", "kubectl", "lesson", "diagram"],
    ),
    ("http", &["sim", "text", "apimachinery", "apiserver", "cluster", "playground"]),
    ("cli", &["sim", "text", "apimachinery", "diagram", "lesson", "playground", "cluster", "shell", "http"]),
    ("ui", &["sim", "diagram", "lesson", "playground"]),
];

/// The modules that meet the world outside; all others are values and functions.
const OUTER: &[&str] = &["ui", "http", "cli"];

/// What the others must not name, and why.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "the core opens no file; its caller brings the text"),
    ("std::net", "the core opens no socket; requests and responses are values"),
    ("std::thread", "the core starts no thread; work is an event on the queue"),
    ("std::env", "the core reads no environment; settings come as arguments"),
    ("std::process", "the core starts no process"),
    ("Instant::now", "time is `sim::Time` and comes as an argument"),
    ("SystemTime", "time is `sim::Time` and comes as an argument"),
    ("HashMap", "its order differs from run to run; `BTreeMap` keeps one"),
    ("HashSet", "its order differs from run to run; `BTreeSet` keeps one"),
    ("RefCell", "a cluster is a plain value that can be cloned; hand `&mut` down"),
    ("Rc<", "a cluster is Send + Sync; `Arc` shares what never changes"),
    ("Mutex", "a cluster is a plain value; hand `&mut` down"),
    ("thread_local!", "no state outlives the value it belongs to"),
    ("static mut", "no state outlives the value it belongs to"),
    ("async fn", "what suspends is a state in a struct: futures cannot be cloned or compared"),
    ("web_sys", "only `ui` knows the page"),
    ("wasm_bindgen", "only `ui` knows the page"),
];

/// Lists whose members never import one another; what they share stands beside them in a file of its own.
const SIBLINGS: &[&str] = &["src/controllers", "src/api", "src/kubectl/cmd"];

#[test]
fn imports_go_down_only() {
    let mut wrong = Vec::new();
    for (path, line, code) in code() {
        let module = module(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else { continue };
        for imported in named_after("crate::", &code) {
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == imported);
            if known && imported != module && !allowed.contains(&imported.as_str()) {
                wrong.push(format!(
                    "{path}:{line}: `{module}` must not import `{imported}`. It may import {}. Move the code to the \
                     layer that may know both, or give `{module}` a small trait that the layer above fills.",
                    allowed.join(", ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_table_knows_every_module_and_points_down() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let order: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    for module in &order {
        assert!(
            MAY_IMPORT.iter().any(|(name, _)| name == module),
            "`{module}` is in src/lib.rs and not in MAY_IMPORT of tests/architecture.rs: say what it may import"
        );
    }
    let place = |module: &str| order.iter().position(|known| *known == module).unwrap();
    for (module, allowed) in MAY_IMPORT.iter().filter(|(module, _)| !OUTER.contains(module)) {
        for below in *allowed {
            assert!(place(below) < place(module), "src/lib.rs lists `{below}` after `{module}`, which imports it");
        }
    }
}

#[test]
fn the_core_has_no_clock_no_world_outside_and_no_order_by_chance() {
    let mut wrong = Vec::new();
    for (path, line, code) in code() {
        if OUTER.contains(&module(&path).as_str()) {
            continue;
        }
        for (name, reason) in BANNED {
            if mentions(&code, name) {
                wrong.push(format!("{path}:{line}: no `{name}` here: {reason}."));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn siblings_do_not_import_one_another() {
    let mut wrong = Vec::new();
    for list in SIBLINGS {
        let within = list.trim_start_matches("src/").replace('/', "::");
        let members = members(&root().join(list));
        for (path, line, code) in code().into_iter().filter(|(path, _, _)| path.starts_with(list)) {
            let rest = path.strip_prefix(list).unwrap().trim_start_matches('/');
            let own = rest.split('/').next().unwrap().trim_end_matches(".rs");
            if !members.iter().any(|member| member == own) {
                continue;
            }
            // From a member's own file `super::` is the list; from a file inside its folder `super::super::` is.
            let depth = rest.matches('/').count();
            let depth = if rest.ends_with("/mod.rs") { depth } else { depth + 1 };
            let prefixes = [format!("crate::{within}::"), format!("use {}", "super::".repeat(depth.max(1)))];
            for imported in prefixes.iter().flat_map(|prefix| named_after(prefix, &code)) {
                if imported != own && members.contains(&imported) {
                    wrong.push(format!(
                        "{path}:{line}: `{own}` must not import its sibling `{imported}`. What both need goes into a \
                         file of its own in {list}, or into the layer below."
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    // Of tests the file beside them says it.
    for path in files().into_iter().filter(|path| !path.ends_with("/tests.rs")) {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        // A table made by a tool says so in a plain comment.
        if !text.starts_with("//!") && !text.starts_with("// @generated") && !text.starts_with("#!") {
            wrong.push(format!("{path}: begin with `//!`: what the file is, and what it refuses to do."));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The folders of a list that are members of it: a kind, a controller. In `kubectl/cmd` files are members too.
fn members(list: &Path) -> Vec<String> {
    let commands = list.ends_with("cmd");
    let entries = fs::read_dir(list).unwrap().filter_map(Result::ok);
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let shared = ["mod.rs", "words.rs", "tests.rs"].contains(&name.as_str()) || name == "pod_spec";
        let member = entry.path().is_dir() || (commands && name.ends_with(".rs"));
        (member && !shared).then(|| name.trim_end_matches(".rs").to_owned())
    });
    names.collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The top module that a file belongs to; empty for `src/lib.rs`.
fn module(path: &str) -> String {
    let inside = path.trim_start_matches("src/");
    inside.split_once('/').map_or_else(|| inside.trim_end_matches(".rs"), |(module, _)| module).to_owned()
}

/// Every Rust file below `src/`, as a path from the root with slashes.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(relative);
            }
        }
    }
    found.sort();
    found
}

/// Every line of code outside of tests and comments: path, line number, text.
fn code() -> Vec<(String, usize, String)> {
    let mut lines = Vec::new();
    for path in files().into_iter().filter(|path| !path.ends_with("/tests.rs") && !path.contains("/tests/")) {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for (at, line) in text.lines().enumerate() {
            // Tests stand last in a file.
            if line.trim_start().starts_with("#[cfg(test)]") && !text_after_is_declaration(&text, at) {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            if !code.trim().is_empty() {
                lines.push((path.clone(), at + 1, code.to_owned()));
            }
        }
    }
    lines
}

/// Whether the item after this line is only a declaration such as `mod tests;`.
fn text_after_is_declaration(text: &str, at: usize) -> bool {
    text.lines().nth(at + 1).is_some_and(|next| next.trim_end().ends_with(';'))
}

/// The words that stand right after a prefix in a line.
fn named_after(prefix: &str, code: &str) -> Vec<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut found: Vec<String> = code.split(prefix).skip(1).map(word).collect();
    // `use crate::{api, sim}` on one line.
    if let Some(group) = code.split(&format!("{prefix}{{")).nth(1) {
        found.extend(group.split(',').map(|name| word(name.trim_start())));
    }
    found.retain(|name| !name.is_empty());
    found
}

/// Whether a name stands in a line, not as the end of a longer one.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
    })
}

#[test]
fn the_readers_of_code_see_what_they_should() {
    assert_eq!(named_after("crate::", "use crate::{api, sim::Time};"), ["api", "sim"]);
    assert_eq!(named_after("crate::", "    crate::text::yaml::parse(crate::sim::x)"), ["text", "sim"]);
    assert!(mentions("let x: Rc<str>", "Rc<") && !mentions("let x: Arc<str>", "Rc<"));
    assert_eq!(module("src/api/job/mod.rs"), "api");
}
