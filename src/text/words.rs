//! What the interface says: sentences of the one catalogue (`www/words.json`) in one language. Natively the catalogue is
//! here; in the page its scripts hand over the language that the page is in, and no other is loaded. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The languages of the catalogue, the first one being that of the originals.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

#[cfg(not(target_arch = "wasm32"))]
const CATALOGUE: &str = include_str!("../../www/words.json");

/// The words of one language; cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    words: Arc<BTreeMap<String, String>>,
}

impl Default for Words {
    /// Those of the first language; in the page none, for its scripts bring them.
    fn default() -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        return Self::of("en");
        #[cfg(target_arch = "wasm32")]
        return Self::new(BTreeMap::new());
    }
}

impl Words {
    /// These sentences by their keys.
    pub fn new(words: BTreeMap<String, String>) -> Self {
        Self { words: Arc::new(words) }
    }

    /// The words of a language; those of the first one where the catalogue does not know it.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of(language: &str) -> Self {
        let all: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(CATALOGUE).unwrap_or_default();
        let word = |(key, mut word): (String, BTreeMap<String, String>)| {
            let text = word.remove(language).or_else(|| word.remove(LANGUAGES.first().copied()?))?;
            Some((key, text))
        };
        Self::new(all.into_iter().filter_map(word).collect())
    }

    /// A sentence; the key itself when there is none.
    pub fn say(&self, key: &str) -> String {
        self.words.get(key).map_or(key, String::as_str).to_owned()
    }

    /// A sentence with each value in the place of its `{name}`.
    pub fn tell(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut rest = self.words.get(key).map_or(key, String::as_str);
        let mut out = String::with_capacity(rest.len() + 32);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn catalogue() -> BTreeMap<String, BTreeMap<String, String>> {
        serde_json::from_str(CATALOGUE).unwrap()
    }

    /// Every file below a folder with that ending, without its tests.
    fn texts(folder: &str, ending: &str) -> Vec<(String, String)> {
        let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                let is_test = path.file_stem().is_some_and(|name| name == "tests");
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|found| found == ending) && !is_test {
                    let text = fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
                    found.push((path.display().to_string(), code));
                }
            }
        }
        found
    }

    #[test]
    fn values_stand_where_the_sentence_wants_them() {
        let words = Words::new(BTreeMap::from([("k".to_owned(), "{b} vor {a}, {b}!".to_owned())]));
        assert_eq!(words.tell("k", &[("a", "1"), ("b", "{2}")]), "{2} vor 1, {2}!");
        assert_eq!(words.tell("k", &[("a", "1")]), " vor 1, !");
        assert_eq!((words.say("k"), words.say("none")), ("{b} vor {a}, {b}!".to_owned(), "none".to_owned()));
        assert_eq!(words.tell("open {", &[]), "open ");
    }

    #[test]
    fn every_sentence_is_there_in_every_language_with_the_same_blanks() {
        let blanks = |text: &str| {
            text.split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect::<BTreeSet<_>>()
        };
        for (key, word) in &catalogue() {
            let languages: Vec<&str> = word.keys().map(String::as_str).collect();
            assert_eq!(languages.iter().collect::<BTreeSet<_>>(), LANGUAGES.iter().collect(), "{key}");
            assert!(word.values().all(|text| !text.trim().is_empty()), "{key}");
            assert_eq!(blanks(&word["en"]), blanks(&word["de"]), "{key}");
        }
    }

    #[test]
    fn whoever_asks_for_a_sentence_finds_it_and_every_sentence_is_asked_for() {
        let all = catalogue();
        let mut asked = BTreeSet::new();
        let native = [texts("src/lesson/html", "rs"), texts("src/cli", "rs"), texts("www/src", "js")].concat();
        let engine = [texts("src/diagram", "rs"), texts("src/playground", "rs"), texts("src/ui", "rs")].concat();
        for (path, code) in [native.as_slice(), engine.as_slice()].concat() {
            // What the page hands over to the engine begins so.
            let of_engine = engine.iter().any(|(other, _)| *other == path);
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
            for open in ["say(\"", "tell(\"", "say('"] {
                let quote = open.chars().next_back().unwrap();
                for key in code.split(open).skip(1).filter_map(|rest| rest.split(quote).next()) {
                    assert!(all.contains_key(key), "{path} says `{key}`, which is not in www/words.json");
                    assert_eq!(
                        key.starts_with("lab."),
                        of_engine,
                        "{path}: the engine's keys begin with `lab.`: {key}"
                    );
                    asked.insert(key.to_owned());
                }
            }
        }
        let silent: Vec<&String> = all.keys().filter(|key| !asked.contains(*key)).collect();
        assert!(silent.is_empty(), "nobody says {silent:?}");
    }

    #[test]
    fn no_word_of_the_engines_views_stands_outside_of_the_catalogue() {
        // Kubernetes' own words and names of commands are the same in every language.
        let names = ["Pod", "Pods", "exit", "Terminating"];
        let kubernetes =
            ["kubectl describe {kind} {}", "kubectl describe {kind} {} -n {}", "Deleted pod: ", "back-off "];
        let markup =
            ["class=", "class=format!(", "style=", "transform=", "d=", "viewBox=", "stroke-dasharray=", "reason ="];
        let mut outside = Vec::new();
        for (path, code) in [texts("src/diagram", "rs"), texts("src/ui/view", "rs")].concat() {
            if path.ends_with("svg.rs") {
                continue;
            }
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = lines.collect::<Vec<_>>().join("\n");
            let parts: Vec<&str> = code.split('"').collect();
            for (at, literal) in parts.iter().enumerate().skip(1).step_by(2) {
                let before = parts[at - 1].trim_end();
                let fixed: Vec<&str> =
                    literal.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
                let fixed = fixed.join("_");
                let letters = |word: &str| word.len() > 1 && word.chars().all(char::is_alphabetic);
                let words = fixed.split(|c: char| !c.is_alphanumeric() && c != '-');
                let spoken = words.filter(|word| letters(word) && !names.contains(word)).count();
                let label = ["aria-label=", "title=", "placeholder="].iter().any(|name| before.ends_with(name));
                let sentence = spoken > 1 && fixed.contains(' ') || (spoken > 0 && fixed.starts_with([' ', ',']));
                if (label || sentence)
                    && !markup.iter().any(|name| before.ends_with(name))
                    && !fixed.starts_with("transform: ")
                    && !fixed.starts_with("token tone")
                    && !fixed.starts_with("depot tone")
                    && !kubernetes.contains(literal)
                {
                    outside.push(format!("{path}: {literal:?}"));
                }
            }
        }
        assert!(outside.is_empty(), "these belong into www/words.json:\n{}", outside.join("\n"));
    }
}
