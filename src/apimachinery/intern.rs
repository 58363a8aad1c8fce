//! Words that live as long as the program: the names of custom resources, which only their authors know, in the place
//! of the names of kinds that are known at compile time.

use std::sync::OnceLock;

struct Word {
    text: &'static str,
    next: OnceLock<&'static Word>,
}

struct List {
    words: &'static [&'static str],
    next: OnceLock<&'static List>,
}

// They hold words and nothing that a copy of a cluster would have to carry.
static WORDS: OnceLock<&'static Word> = OnceLock::new();
static LISTS: OnceLock<&'static List> = OnceLock::new();

/// The same word for good. A word that was asked for before costs a look along the others.
pub fn intern(text: &str) -> &'static str {
    let mut slot = &WORDS;
    loop {
        let word = slot.get_or_init(|| {
            let text: &'static str = Box::leak(text.into());
            Box::leak(Box::new(Word { text, next: OnceLock::new() }))
        });
        if word.text == text {
            return word.text;
        }
        slot = &word.next;
    }
}

/// The same list of words for good.
pub fn intern_list(list: &[String]) -> &'static [&'static str] {
    let mut slot = &LISTS;
    loop {
        let kept = slot.get_or_init(|| {
            let words: Vec<&'static str> = list.iter().map(|word| intern(word)).collect();
            Box::leak(Box::new(List { words: Box::leak(words.into_boxed_slice()), next: OnceLock::new() }))
        });
        if kept.words.iter().eq(list) {
            return kept.words;
        }
        slot = &kept.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once() {
        assert!(std::ptr::eq(intern("crontab"), intern(&String::from("crontab"))));
        let list = ["a".to_owned(), "b".to_owned()];
        assert!(std::ptr::eq(intern_list(&list), intern_list(&list)));
        assert_eq!(intern_list(&list), ["a", "b"]);
        assert!(intern_list(&[]).is_empty());
    }
}
