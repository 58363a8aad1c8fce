//! Shell patterns (`*`, `?`, `[...]`) against text. No input makes matching take more than length times length.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    One(char),
    Any,
    Star,
    Class(bool, Vec<(char, char)>),
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

impl Pattern {
    /// From characters of which some are quoted and stand for themselves.
    pub fn new(chars: &[(char, bool)]) -> Self {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some((c, quoted)) = chars.get(at).copied() {
            at += 1;
            match c {
                _ if quoted => pieces.push(Piece::One(c)),
                '*' => {
                    if pieces.last() != Some(&Piece::Star) {
                        pieces.push(Piece::Star);
                    }
                }
                '?' => pieces.push(Piece::Any),
                '[' => match class(chars, at) {
                    Some((piece, next)) => {
                        pieces.push(piece);
                        at = next;
                    }
                    None => pieces.push(Piece::One('[')),
                },
                '\\' => match chars.get(at) {
                    Some((next, _)) => {
                        pieces.push(Piece::One(*next));
                        at += 1;
                    }
                    None => pieces.push(Piece::One('\\')),
                },
                _ => pieces.push(Piece::One(c)),
            }
        }
        Self(pieces)
    }

    /// From text whose special characters are all active.
    pub fn active(text: &str) -> Self {
        let chars: Vec<(char, bool)> = text.chars().map(|c| (c, false)).collect();
        Self::new(&chars)
    }

    /// From text in which nothing is special but `*` and `?`.
    pub fn wildcards(text: &str) -> Self {
        let chars: Vec<(char, bool)> = text.chars().map(|c| (c, !matches!(c, '*' | '?'))).collect();
        Self::new(&chars)
    }

    /// Whether anything in it is special.
    pub fn is_special(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::One(_)))
    }

    /// Whether the first piece matches a dot written as such.
    pub fn starts_with_dot(&self) -> bool {
        self.0.first() == Some(&Piece::One('.'))
    }

    /// Whether it matches all of `text`.
    pub fn matches(&self, text: &[char]) -> bool {
        let (mut at, mut piece) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match (self.0.get(piece), text.get(at)) {
                (Some(Piece::Star), _) => {
                    star = Some((piece, at));
                    piece += 1;
                    continue;
                }
                (Some(wanted), Some(c)) if fits(wanted, *c) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((star_piece, star_at)) = star else { return false };
            piece = star_piece + 1;
            at = star_at + 1;
            star = Some((star_piece, at));
        }
        self.0.iter().skip(piece).all(|piece| *piece == Piece::Star)
    }

    /// Whether it matches all of a text.
    pub fn matches_str(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.matches(&chars)
    }
}

fn fits(piece: &Piece, c: char) -> bool {
    match piece {
        Piece::One(wanted) => *wanted == c,
        Piece::Any | Piece::Star => true,
        Piece::Class(negated, ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
    }
}

fn class(chars: &[(char, bool)], from: usize) -> Option<(Piece, usize)> {
    let mut at = from;
    let negated = matches!(chars.get(at), Some(('!' | '^', false)));
    if negated {
        at += 1;
    }
    let mut ranges = Vec::new();
    let first = at;
    loop {
        let (c, quoted) = *chars.get(at)?;
        at += 1;
        match c {
            ']' if !quoted && at > first + 1 => return Some((Piece::Class(negated, ranges), at)),
            '/' => return None,
            '[' if !quoted && chars.get(at) == Some(&(':', false)) => {
                let end = (at + 1..chars.len()).find(|index| {
                    chars.get(*index).map(|c| c.0) == Some(':') && chars.get(index + 1).map(|c| c.0) == Some(']')
                })?;
                let name: String = chars.get(at + 1..end)?.iter().map(|(c, _)| *c).collect();
                ranges.extend(named(&name));
                at = end + 2;
            }
            low => {
                let dash = chars.get(at) == Some(&('-', false));
                match chars.get(at + 1) {
                    Some((high, _)) if dash && *high != ']' => {
                        ranges.push((low, *high));
                        at += 2;
                    }
                    _ => ranges.push((low, low)),
                }
            }
        }
    }
}

/// The characters of a named class such as `[:digit:]`.
pub fn named(name: &str) -> Vec<(char, char)> {
    match name {
        "digit" => vec![('0', '9')],
        "lower" => vec![('a', 'z')],
        "upper" => vec![('A', 'Z')],
        "alpha" => vec![('a', 'z'), ('A', 'Z')],
        "alnum" => vec![('a', 'z'), ('A', 'Z'), ('0', '9')],
        "space" => vec![(' ', ' '), ('\t', '\r')],
        "blank" => vec![(' ', ' '), ('\t', '\t')],
        "punct" => vec![('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "xdigit" => vec![('0', '9'), ('a', 'f'), ('A', 'F')],
        "cntrl" => vec![('\0', '\x1f'), ('\x7f', '\x7f')],
        "print" => vec![(' ', '~')],
        "graph" => vec![('!', '~')],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_the_star_and_the_question_mark_alone() {
        let wildcard = |pattern: &str, name: &str| Pattern::wildcards(pattern).matches_str(name);
        assert!(wildcard("*.yaml", "a.yaml") && wildcard("a?c*", "abcd") && wildcard("*", "x"));
        assert!(!wildcard("*.yaml", "a.yml") && !wildcard("?", ""));
        assert!(wildcard("[a]*", "[a]b") && !wildcard("[a]*", "ab"));
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:digit:]]*", "7up", true),
            ("[]]", "]", true),
            ("[", "[", true),
            ("*a*b*", "xaxbx", true),
        ] {
            assert_eq!(Pattern::active(pattern).matches_str(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = Pattern::active(&"a*".repeat(50));
        assert!(!pattern.matches_str(&format!("{}b", "a".repeat(5000)).replace("ab", "c")) || pattern.is_special());
    }
}
