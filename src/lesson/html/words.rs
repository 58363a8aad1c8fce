//! What the page says, from the one catalogue (`www/words.json`) that its scripts read too. Knows no page.

use std::collections::BTreeMap;

/// The languages of the catalogue, the first one being that of the originals.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

const CATALOGUE: &str = include_str!("../../../www/words.json");

/// The words of one language.
#[derive(Clone, Debug, Default)]
pub struct Words {
    words: BTreeMap<String, String>,
}

impl Words {
    /// The words of a language; those of the first one where the catalogue does not know it.
    pub fn of(language: &str) -> Self {
        let all: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(CATALOGUE).unwrap_or_default();
        let word = |(key, mut word): (String, BTreeMap<String, String>)| {
            let text = word.remove(language).or_else(|| word.remove(LANGUAGES.first().copied()?))?;
            Some((key, text))
        };
        Self { words: all.into_iter().filter_map(word).collect() }
    }

    /// A sentence; the key itself when there is none.
    pub fn say(&self, key: &str) -> String {
        self.words.get(key).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// A sentence with a value in the place of `{name}`.
    pub fn say_with(&self, key: &str, name: &str, value: &str) -> String {
        self.say(key).replace(&format!("{{{name}}}"), value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn texts(folder: &str, ending: &str) -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|found| found == ending));
        files.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
    }

    #[test]
    fn every_sentence_is_there_in_every_language_with_the_same_blanks() {
        let all: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(CATALOGUE).unwrap();
        let blanks = |text: &str| {
            text.split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect::<BTreeSet<_>>()
        };
        for (key, word) in &all {
            let languages: Vec<&str> = word.keys().map(String::as_str).collect();
            assert_eq!(languages.iter().collect::<BTreeSet<_>>(), LANGUAGES.iter().collect(), "{key}");
            assert!(word.values().all(|text| !text.trim().is_empty()), "{key}");
            assert_eq!(blanks(&word["en"]), blanks(&word["de"]), "{key}");
        }
    }

    #[test]
    fn whoever_asks_for_a_sentence_finds_it_and_every_sentence_is_asked_for() {
        let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(CATALOGUE).unwrap();
        let mut asked = BTreeSet::new();
        for (path, text) in [texts("src/lesson/html", "rs"), texts("src/cli", "rs"), texts("www/src", "js")].concat() {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().replace("(\n", "(").replace("( ", "(");
            for open in ["say(\"", "say_with(\"", "say('"] {
                let quote = open.chars().next_back().unwrap();
                for key in code.split(open).skip(1).filter_map(|rest| rest.split(quote).next()) {
                    assert!(all.contains_key(key), "{path} says `{key}`, which is not in www/words.json");
                    asked.insert(key.to_owned());
                }
            }
        }
        let silent: Vec<&String> = all.keys().filter(|key| !asked.contains(*key)).collect();
        assert!(silent.is_empty(), "nobody says {silent:?}");
    }
}
