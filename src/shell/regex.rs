//! POSIX regular expressions, basic and extended, on top of the regex crate: only the spelling is translated.

use regex_lite::{Regex, RegexBuilder};

/// Compiles a POSIX expression.
///
/// # Errors
/// In words, when it is none.
pub fn compile(pattern: &str, extended: bool, ignore_case: bool) -> Result<Regex, String> {
    let translated = translate(pattern, extended);
    RegexBuilder::new(&translated)
        .case_insensitive(ignore_case)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| error.to_string())
}

/// The expression in the crate's spelling.
pub fn translate(pattern: &str, extended: bool) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    // Where a `*` is just a star, and (basic) where `^` is an anchor.
    let mut start = true;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        let was_start = std::mem::take(&mut start);
        match c {
            '\\' => {
                let Some(next) = chars.get(at).copied() else {
                    out.push_str("\\\\");
                    break;
                };
                at += 1;
                match next {
                    '(' | ')' | '{' | '}' | '|' | '+' | '?' if !extended => {
                        out.push(next);
                        start = matches!(next, '(' | '|');
                    }
                    'n' => out.push_str("\\n"),
                    't' => out.push_str("\\t"),
                    '<' => out.push_str("\\b{start}"),
                    '>' => out.push_str("\\b{end}"),
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'd' | 'D' => out.extend(['\\', next]),
                    '`' => out.push_str("\\A"),
                    '\'' => out.push_str("\\z"),
                    other if other.is_ascii_alphanumeric() => out.push(other),
                    other => out.extend(['\\', other]),
                }
            }
            '[' => at = bracket(&chars, at, &mut out),
            '*' if was_start => out.push_str("\\*"),
            '^' if extended || was_start => {
                out.push('^');
                start = true;
            }
            '^' => out.push_str("\\^"),
            '$' if extended
                || at == chars.len()
                || (chars.get(at) == Some(&'\\') && matches!(chars.get(at + 1), Some(')' | '|'))) =>
            {
                out.push('$')
            }
            '$' => out.push_str("\\$"),
            '(' | ')' | '|' | '+' | '?' if extended => {
                let repeats = matches!(c, '+' | '?') && was_start;
                if repeats {
                    out.push('\\');
                }
                out.push(c);
                start = matches!(c, '(' | '|');
            }
            '{' if extended && chars.get(at).is_some_and(|c| c.is_ascii_digit() || *c == ',') => {
                out.push('{');
                if chars.get(at) == Some(&',') {
                    out.push('0');
                }
            }
            '}' if extended
                && out.rfind('{').is_some_and(|open| {
                    out.get(open..).is_some_and(|tail| !tail.contains('}') && !tail.starts_with("{start"))
                }) =>
            {
                out.push('}')
            }
            '(' | ')' | '|' | '+' | '?' | '{' | '}' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

fn bracket(chars: &[char], from: usize, out: &mut String) -> usize {
    let mut at = from;
    let mut class = String::from("[");
    if chars.get(at) == Some(&'^') {
        class.push('^');
        at += 1;
    }
    let first = at;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        match c {
            ']' if at > first + 1 => {
                class.push(']');
                out.push_str(&class);
                return at;
            }
            '[' if chars.get(at) == Some(&':') => {
                let end = (at..chars.len()).find(|index| chars.get(*index) == Some(&']')).unwrap_or(chars.len());
                class.push('[');
                class.extend(chars.iter().take(end + 1).skip(at));
                at = end + 1;
            }
            '-' => class.push('-'),
            '[' | ']' | '&' | '~' | '^' | '\\' => class.extend(['\\', c]),
            c => class.push(c),
        }
    }
    // Without its end it is just a bracket.
    out.push_str("\\[");
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_mean_what_posix_says() {
        for (pattern, extended, text, expected) in [
            ("a+", false, "a+", true),
            ("a+", true, "aaa", true),
            (r"\(ab\)\{2\}", false, "abab", true),
            ("^(Name|Pods)", true, "Pods x", true),
            ("[[:digit:]]+", true, "x5", true),
            ("*a", false, "*a", true),
            ("a|b", false, "b", false),
            ("[]x]", false, "]", true),
            ("a{2}", true, "aa", true),
            (r"\.yaml$", false, "f.yaml", true),
        ] {
            assert_eq!(compile(pattern, extended, false).unwrap().is_match(text), expected, "{pattern}");
        }
    }
}
