//! Files that import one another in a circle cannot be read one after the other. Finds them by the paths that code
//! names; a folder's `mod.rs` and the files in it may know each other, for they are one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::code;

/// The circles that are left, by the folder they are in: how many files, and why. No new file may enter one.
const KNOWN: &[(&str, usize, &str)] = &[
    ("src/kubectl/", 8, "a command knows the program that runs it, and help and completion are commands"),
    ("src/kubelet/", 14, "a Pod's worker holds what each step of its sync keeps"),
    ("src/shell/", 10, "a shell is a process of the machine, and the machine runs shells"),
    ("src/shell/parser/", 3, "a word may hold a list of commands: $( )"),
];

type Path = Vec<String>;

/// The path of the module that a file is: `["api", "job"]` for `src/api/job/mod.rs`.
fn module(file: &str) -> Path {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Path = inside.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// The paths in a `use` with groups: `a::{b, c::d}` names two.
fn named(tree: &str) -> Vec<Path> {
    fn walk(before: &str, tree: &str, found: &mut Vec<Path>) {
        let tree = tree.trim();
        let Some((head, rest)) = tree.split_once('{') else {
            let path = format!("{before}{}", tree.split(" as ").next().unwrap_or_default());
            found.push(path.split("::").filter(|part| !part.is_empty()).map(|part| part.trim().to_owned()).collect());
            return;
        };
        let (before, inner) = (format!("{before}{head}"), rest.rsplit_once('}').map_or(rest, |(inner, _)| inner));
        let (mut depth, mut from) = (0_usize, 0);
        for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    walk(&before, &inner[from..at], found);
                    from = at + 1;
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk("", tree, &mut found);
    found
}

/// Every path that a file's code names, in `use` lines and elsewhere.
fn paths(text: &str) -> Vec<Path> {
    let (mut found, mut open) = (Vec::new(), None::<String>);
    for line in text.lines() {
        let begun = line.split_once("use ").filter(|(before, _)| matches!(before.trim(), "" | "pub" | "pub(super)"));
        match (open.take(), begun) {
            (Some(before), _) => open = Some(before + line),
            (None, Some((_, tree))) => open = Some(tree.to_owned()),
            (None, None) => {
                let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
                let words = line.split(|letter| !is_part(letter)).filter(|word| word.contains("::"));
                found.extend(words.flat_map(named));
            }
        }
        if let Some(tree) = open.take_if(|tree| tree.trim_end().ends_with(';')) {
            found.extend(named(tree.trim_end().trim_end_matches(';')));
        }
    }
    found
}

/// Which files a file imports, without the folder it is the face of and without what it is the face of.
fn imports(files: &BTreeMap<Path, String>, own: &Path, text: &str) -> BTreeSet<Path> {
    let known = |path: &[String]| (1..=path.len()).rev().find_map(|length| files.get_key_value(&path[..length]));
    let mut found = BTreeSet::new();
    for path in paths(text) {
        let whole: Path = match path.first().map(String::as_str) {
            Some("crate") => path[1..].to_vec(),
            Some("self") => [own.as_slice(), &path[1..]].concat(),
            Some("super") => {
                let up = path.iter().take_while(|part| *part == "super").count();
                [&own[..own.len().saturating_sub(up)], &path[up..]].concat()
            }
            Some(first) if files.contains_key(&[own.as_slice(), &[first.to_owned()]].concat()) => {
                [own.as_slice(), &path].concat()
            }
            _ => continue,
        };
        if let Some((imported, _)) = known(&whole)
            && !own.starts_with(imported)
            && !imported.starts_with(own)
        {
            found.insert(imported.clone());
        }
    }
    found
}

/// The files that can be reached from a file over imports.
fn reached<'a>(imports: &'a BTreeMap<&Path, BTreeSet<Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&Path> = imports[from].iter().collect();
    while let Some(path) = next.pop() {
        if found.insert(path) {
            next.extend(&imports[path]);
        }
    }
    found
}

#[test]
fn files_do_not_import_one_another_in_circles() {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (file, _, line) in code() {
        texts.entry(file).or_default().push_str(&format!("{line}\n"));
    }
    let files: BTreeMap<Path, String> = texts.keys().map(|file| (module(file), file.clone())).collect();
    let imports: BTreeMap<&Path, BTreeSet<Path>> =
        files.iter().map(|(path, file)| (path, imports(&files, path, &texts[file]))).collect();
    let reach: BTreeMap<&Path, BTreeSet<&Path>> = files.keys().map(|path| (path, reached(&imports, path))).collect();
    let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
    for (path, all) in reach.iter().filter(|(path, all)| all.contains(*path)) {
        let circle = all.iter().filter(|other| reach[**other].contains(*path));
        circles.insert(circle.map(|path| files[*path].as_str()).collect());
    }
    let mut left: Vec<(&str, usize, &str)> = KNOWN.to_vec();
    let mut wrong = Vec::new();
    for circle in circles {
        let within = |folder: &str| circle.iter().all(|file| file.starts_with(folder));
        // The narrowest folder first.
        let at = left.iter().rposition(|(folder, _, _)| within(folder));
        match at.map(|at| left.remove(at)) {
            Some((_, size, _)) if size == circle.len() => {}
            Some((folder, size, _)) => wrong.push(format!(
                "the circle in {folder} has {} files, not {size}: {}. Is it larger, take the new import out; is it \
                 smaller, write so.",
                circle.len(),
                circle.join(", ")
            )),
            None => wrong.push(format!(
                "{} import one another. What they share goes into a file of its own below them.",
                circle.join(", ")
            )),
        }
    }
    wrong.extend(left.iter().map(|(folder, ..)| format!("the circle in {folder} is gone: take it out of KNOWN")));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_readers_of_paths_see_what_they_should() {
    let shown = |text: &str| paths(text).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(
        shown("use crate::{api::job, sim::{self, Time}};"),
        ["crate::api::job", "crate::sim::self", "crate::sim::Time"]
    );
    assert_eq!(shown("use a::x;\nuse super::{b, c};\n"), ["a::x", "super::b", "super::c"]);
    assert_eq!(shown("mod a;\npub(super) use b::C as D;\nfn f() -> super::x::Y { 1 }"), ["b::C", "super::x::Y"]);
    assert_eq!(module("src/api/job/mod.rs"), ["api", "job"]);
}
