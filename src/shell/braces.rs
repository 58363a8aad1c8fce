//! `{a,b}` and `{1..5}` of the learner's shell. Bounded: what would give too many words stays as it is.

use super::syntax::{Part, Word};

/// Most words that one word may become.
const WORDS: usize = 20_000;

/// The words that a word with braces stands for.
pub fn expand(word: &Word) -> Vec<Word> {
    let mut done = Vec::new();
    let mut open = vec![word.clone()];
    while let Some(word) = open.pop() {
        match split(&word) {
            Some(words) if done.len() + open.len() + words.len() < WORDS => open.extend(words.into_iter().rev()),
            _ => done.push(word),
        }
    }
    done
}

/// Where a part starts: its index, and the byte in its text.
type Place = (usize, usize);

fn split(word: &Word) -> Option<Vec<Word>> {
    let signs: Vec<(Place, char)> = word
        .0
        .iter()
        .enumerate()
        .flat_map(|(index, part)| {
            let text = if let Part::Literal(text) = part { text.as_str() } else { "" };
            text.char_indices()
                .filter(|(_, c)| "{,}".contains(*c))
                .map(move |(at, c)| ((index, at), c))
                .collect::<Vec<_>>()
        })
        .collect();
    for (first, (open, _)) in signs.iter().enumerate().filter(|(_, (_, c))| *c == '{') {
        let mut depth = 0;
        let mut commas = Vec::new();
        for (place, c) in signs.iter().skip(first + 1) {
            match c {
                '{' => depth += 1,
                ',' if depth == 0 => commas.push(*place),
                '}' if depth == 0 => {
                    let choices = choices(word, *open, &commas, *place);
                    if let Some(choices) = choices {
                        let before = slice(word, (0, 0), *open);
                        let after = slice(word, (place.0, place.1 + 1), (word.0.len(), 0));
                        return Some(choices.into_iter().map(|choice| join(&[&before, &choice, &after])).collect());
                    }
                    break;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

fn choices(word: &Word, open: Place, commas: &[Place], close: Place) -> Option<Vec<Word>> {
    let start = (open.0, open.1 + 1);
    if commas.is_empty() {
        let inner = slice(word, start, close);
        return sequence(inner.literal()?);
    }
    let mut from = start;
    let mut list = Vec::new();
    for comma in commas.iter().chain([&close]) {
        list.push(slice(word, from, *comma));
        from = (comma.0, comma.1 + 1);
    }
    Some(list)
}

fn sequence(text: &str) -> Option<Vec<Word>> {
    let mut pieces = text.split("..");
    let (from, to, step) = (pieces.next()?, pieces.next()?, pieces.next());
    if pieces.next().is_some() {
        return None;
    }
    let literal = |text: String| Word(vec![Part::Literal(text)]);
    let step: i64 = step.map_or(Some(1), |step| step.parse().ok())?;
    let step = step.checked_abs()?.max(1);
    if let (Ok(a), Ok(b)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let padded =
            |text: &str| text.trim_start_matches('-').starts_with('0') && text.trim_start_matches('-').len() > 1;
        let width = if padded(from) || padded(to) { from.len().max(to.len()) } else { 0 };
        if a.abs_diff(b) / step.unsigned_abs() > WORDS as u64 {
            return None;
        }
        let count = a.abs_diff(b) / step.unsigned_abs();
        let sign = if a <= b { step } else { -step };
        return Some((0..=count as i64).map(|index| literal(format!("{:0width$}", a + index * sign))).collect());
    }
    let one = |text: &str| text.chars().next().filter(|c| text.len() == 1 && c.is_ascii_alphabetic());
    let (a, b) = (one(from)? as u8, one(to)? as u8);
    let count = i64::from(a.abs_diff(b)) / step;
    let sign = if a <= b { step } else { -step };
    Some((0..=count).map(|index| literal(char::from((i64::from(a) + index * sign) as u8).to_string())).collect())
}

fn slice(word: &Word, from: Place, to: Place) -> Word {
    let mut parts = Vec::new();
    for (index, part) in word.0.iter().enumerate().take(to.0 + 1).skip(from.0) {
        match part {
            Part::Literal(text) => {
                let start = if index == from.0 { from.1 } else { 0 };
                let end = if index == to.0 { to.1 } else { text.len() };
                if let Some(piece) = text.get(start..end).filter(|piece| !piece.is_empty()) {
                    parts.push(Part::Literal(piece.to_owned()));
                }
            }
            part if index < to.0 => parts.push(part.clone()),
            _ => {}
        }
    }
    Word(parts)
}

fn join(words: &[&Word]) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for part in words.iter().flat_map(|word| word.0.iter()) {
        match (parts.last_mut(), part) {
            (Some(Part::Literal(text)), Part::Literal(more)) => text.push_str(more),
            _ => parts.push(part.clone()),
        }
    }
    Word(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        expand(&Word(vec![Part::Literal(text.into())]))
            .iter()
            .map(|word| word.literal().unwrap_or("?").to_owned())
            .collect()
    }

    #[test]
    fn braces_expand_as_in_bash() {
        assert_eq!(words("a{1..3}b"), ["a1b", "a2b", "a3b"]);
        assert_eq!(words("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
        assert_eq!(words("{03..1}"), ["03", "02", "01"]);
        assert_eq!(words("x{a,{b,c}}"), ["xa", "xb", "xc"]);
        assert_eq!(words("{}"), ["{}"]);
        assert_eq!(words("{1..999999999}"), ["{1..999999999}"]);
    }
}
