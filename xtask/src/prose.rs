//! `cargo xtask prose`: what `kubectl explain` tells about fields, taken from the source of the dependency k8s-openapi
//! on this machine, as one file. Nothing of it is ever committed.
//!
//! The crate holds each type's schema in Rust (`schemars`): names, and descriptions as string literals, which are
//! upstream's texts letter by letter; its doc comments are not (Markdown is escaped there).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Failure, Outcome, answer, cargo, root, say};

/// Descriptions by schema and field; a type's own stands under the empty name.
type Prose = BTreeMap<String, BTreeMap<String, String>>;

/// Types that are values to Kubernetes, and so not in the table of facts.
const VALUES: &[&str] = &["resource.Quantity", "v1.Time", "v1.MicroTime", "intstr.IntOrString"];

/// Writes the file where the native programs look for it.
pub fn native() -> Outcome {
    write(&root().join("target/prose.json"))
}

/// Writes the file to `path`; when it is newer than all that it is made of, nothing is done.
pub fn write(path: &Path) -> Outcome {
    let source = source()?;
    let facts = root().join("src/apimachinery/facts/fields.txt");
    let age = |file: &Path| fs::metadata(file).and_then(|facts| facts.modified()).ok();
    let manifest = source.join("Cargo.toml");
    let inputs = [age(&facts), age(&manifest), age(&root().join("xtask/src/prose.rs"))];
    if age(path) > inputs.into_iter().max().flatten() {
        return Ok(());
    }
    say("taking the texts of `kubectl explain` from k8s-openapi");
    let facts = fs::read_to_string(&facts)?;
    let wanted = wanted(&facts);
    let mut prose = Prose::new();
    for file in sources(&source.join("src/v1_36"))? {
        take(&fs::read_to_string(&file)?, &wanted, &mut prose);
    }
    if prose.len() < 100 {
        let found = prose.len();
        return Err(Failure(format!("{} has texts for {found} types only: has its form changed?", source.display())));
    }
    let text = serde_json::to_string(&prose).map_err(|error| Failure(error.to_string()))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Whoever reads it meanwhile sees the old file or the new one.
    let draft = path.with_extension("json.new");
    fs::write(&draft, text)?;
    Ok(fs::rename(&draft, path)?)
}

/// The folder of the crate's source, as Cargo has unpacked it.
fn source() -> Outcome<PathBuf> {
    let offline = answer(cargo().args(["metadata", "--format-version", "1", "--offline"]));
    let metadata = offline.or_else(|| answer(cargo().args(["metadata", "--format-version", "1"])));
    let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(&text).ok());
    let packages = metadata.as_ref().and_then(|metadata| metadata.get("packages")).and_then(Value::as_array);
    let package = packages.into_iter().flatten().find(|package| package["name"] == "k8s-openapi");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(Path::to_path_buf).ok_or_else(|| Failure("`cargo metadata` does not know k8s-openapi".to_owned()))
}

fn sources(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The types of the table of facts: the others are never served.
fn wanted(facts: &str) -> BTreeSet<&str> {
    let types = facts.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
    types.chain(VALUES.iter().copied()).collect()
}

/// Takes the texts of one source file.
fn take(source: &str, wanted: &BTreeSet<&str>, prose: &mut Prose) {
    let (mut schema, mut field) = (None, String::new());
    for line in source.lines() {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim_start();
        if indent == 8 && code.starts_with("\"io.k8s.") && code.ends_with("\".into()") {
            // `io.k8s.api.batch.v1.JobSpec` is `batch.v1.JobSpec` in the table; values are known by their last words.
            schema = literal(code).filter(|name| wanted.iter().any(|known| name.ends_with(&format!(".{known}"))));
            field.clear();
        } else if indent == 16 && code.starts_with('"') {
            field = literal(code).unwrap_or_default();
        }
        let text = match (indent, code) {
            (12, _) => code.strip_prefix("\"description\": ").filter(|_| field.is_empty()),
            (20, _) => code
                .strip_prefix("\"description\": ")
                .or_else(|| code.strip_prefix("schema_obj.ensure_object().insert(\"description\".into(), ")),
            _ => None,
        };
        if let (Some(schema), Some(text)) = (&schema, text.and_then(literal)) {
            prose.entry(schema.clone()).or_default().insert(field.clone(), text);
        }
    }
}

/// The string literal that code begins with.
fn literal(code: &str) -> Option<String> {
    let mut letters = code.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => match letters.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let digits: String = letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                    text.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)?);
                }
                other => text.push(other),
            },
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_from_types_fields_and_references() {
        let source = r#"
        "io.k8s.api.batch.v1.JobSpec".into()
            "description": "What a \"job\" is.\nTwo lines \u{2014} at least.",
                "completions": {
                    "description": "How many.",
                    "items": {
                        "description": "not this",
                "template": ({
                    schema_obj.ensure_object().insert("description".into(), "Of the Pods.".into());
        "io.k8s.api.batch.v2.Unknown".into()
            "description": "not served",
"#;
        let mut prose = Prose::new();
        take(source, &wanted("# facts\nbatch.v1.JobSpec completions=int32\n"), &mut prose);
        let spec = prose.get("io.k8s.api.batch.v1.JobSpec").cloned().unwrap_or_default();
        let texts: Vec<(&str, &str)> = spec.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("", "What a \"job\" is.\nTwo lines — at least."),
                ("completions", "How many."),
                ("template", "Of the Pods.")
            ]
        );
        assert_eq!(prose.len(), 1);
    }
}
