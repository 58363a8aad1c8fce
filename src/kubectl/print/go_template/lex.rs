//! The tokens of a Go template: text, and what stands between `{{` and `}}`. Knows no grammar.
//!
//! Models Go text/template/parse/lex.go.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What stands between actions.
    Text,
    /// `{{`.
    Open,
    /// `}}`.
    Close,
    /// White space in an action.
    Space,
    /// `.name`.
    Field,
    /// `.` alone.
    Dot,
    /// `$` or `$name`.
    Variable,
    /// A word: a keyword, a function, `true`, `false` or `nil`.
    Word,
    /// `12`, `1.5`, `0x1F`.
    Number,
    /// `'a'`.
    Char,
    /// `"a"`.
    Quoted,
    /// `` `a` ``.
    Raw,
    /// `:=`.
    Declare,
    /// `=`, `,`, `|`, `(` or `)`.
    Mark,
    /// The end of the template.
    Eof,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its characters.
    pub text: String,
    /// The byte of the template that it begins at.
    pub at: usize,
}

/// All tokens of a template.
///
/// # Errors
/// Where it stopped, and why.
pub fn tokens(template: &str) -> Result<Vec<Token>, (usize, String)> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut trim = false;
    loop {
        let rest = template.get(at..).unwrap_or_default();
        let (before, open) = match rest.find("{{") {
            Some(end) => (rest.get(..end).unwrap_or_default(), true),
            None => (rest, false),
        };
        let (mut from, mut text) = (at, before);
        if trim {
            text = text.trim_start();
            from += before.len() - text.len();
        }
        at += before.len();
        let cut = template.get(at + 2..).is_some_and(is_trim_left);
        if open && cut {
            text = text.trim_end();
        }
        if !text.is_empty() {
            out.push(Token { kind: Kind::Text, text: text.to_owned(), at: from });
        }
        if !open {
            out.push(Token { kind: Kind::Eof, text: "EOF".to_owned(), at });
            return Ok(out);
        }
        let inside = at + if cut { 4 } else { 2 };
        if let Some(comment) = template.get(inside..).filter(|rest| rest.starts_with("/*")) {
            let end = comment.find("*/").ok_or((at, "unclosed comment".to_owned()))?;
            let after = comment.get(end + 2..).unwrap_or_default();
            let (skipped, trims) = match (after.strip_prefix(" -}}"), after.strip_prefix("}}")) {
                (Some(_), _) => (4, true),
                (None, Some(_)) => (2, false),
                _ => return Err((at, "comment ends before closing delimiter".to_owned())),
            };
            (at, trim) = (inside + end + 2 + skipped, trims);
            continue;
        }
        out.push(Token { kind: Kind::Open, text: "{{".to_owned(), at });
        (at, trim) = action(template, inside, &mut out)?;
    }
}

fn is_trim_left(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n']))
}

/// The tokens up to the end of an action; gives what comes after it and whether space is taken away there.
fn action(template: &str, from: usize, out: &mut Vec<Token>) -> Result<(usize, bool), (usize, String)> {
    let (mut at, mut depth) = (from, 0usize);
    loop {
        let rest = template.get(at..).unwrap_or_default();
        let trims = rest.strip_prefix([' ', '\t', '\r', '\n']).is_some_and(|rest| rest.starts_with("-}}"));
        if trims || rest.starts_with("}}") {
            if depth > 0 {
                return Err((at, "unclosed left paren".to_owned()));
            }
            out.push(Token { kind: Kind::Close, text: "}}".to_owned(), at });
            return Ok((at + if trims { 4 } else { 2 }, trims));
        }
        let (kind, length) = next(rest).map_err(|why| (at, why))?;
        let text = rest.get(..length).unwrap_or_default();
        match text {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1).ok_or((at, "unexpected right paren".to_owned()))?,
            _ => {}
        }
        out.push(Token { kind, text: text.to_owned(), at });
        at += length;
    }
}

/// The token that a text begins with, and how long it is.
fn next(rest: &str) -> Result<(Kind, usize), String> {
    let letter = |c: char| c == '_' || c.is_alphanumeric();
    let word = |text: &str| text.find(|c| !letter(c)).unwrap_or(text.len());
    let Some(first) = rest.chars().next() else { return Err("unclosed action".to_owned()) };
    let tail = rest.get(first.len_utf8()..).unwrap_or_default();
    match first {
        ' ' | '\t' | '\r' | '\n' => {
            // The space before `-}}` belongs to the end of the action.
            let mut length = rest.find(|c| ![' ', '\t', '\r', '\n'].contains(&c)).unwrap_or(rest.len());
            if length > 1 && rest.get(length..).is_some_and(|after| after.starts_with("-}}")) {
                length -= 1;
            }
            Ok((Kind::Space, length))
        }
        ':' if tail.starts_with('=') => Ok((Kind::Declare, 2)),
        ':' => Err("expected :=".to_owned()),
        '=' | ',' | '|' | '(' | ')' => Ok((Kind::Mark, 1)),
        '"' => closing(rest, '"').map(|end| (Kind::Quoted, end)).ok_or("unterminated quoted string".to_owned()),
        '\'' => closing(rest, '\'').map(|end| (Kind::Char, end)).ok_or("unterminated character constant".to_owned()),
        '`' => {
            let end = tail.find('`').ok_or("unterminated raw quoted string")?;
            Ok((Kind::Raw, end + 2))
        }
        '$' => Ok((Kind::Variable, 1 + word(tail))),
        '.' if !tail.starts_with(|c: char| c.is_ascii_digit()) => match word(tail) {
            0 => Ok((Kind::Dot, 1)),
            length => Ok((Kind::Field, 1 + length)),
        },
        '.' | '+' | '-' | '0'..='9' => number(rest),
        c if letter(c) => Ok((Kind::Word, word(rest))),
        c => Err(format!("unrecognized character in action: U+{:04X} {}", u32::from(c), shown(c))),
    }
    .and_then(|(kind, length)| ends_well(kind, length, rest))
}

/// What may follow a field, a variable or a word.
fn ends_well(kind: Kind, length: usize, rest: &str) -> Result<(Kind, usize), String> {
    let after = rest.get(length..).and_then(|after| after.chars().next());
    match (kind, after) {
        (Kind::Field | Kind::Variable | Kind::Word, Some(c))
            if !c.is_whitespace() && !".,|:=()".contains(c) && !rest.get(length..).unwrap_or("").starts_with("}}") =>
        {
            Err(format!("bad character U+{:04X} {}", u32::from(c), shown(c)))
        }
        _ => Ok((kind, length)),
    }
}

fn shown(c: char) -> String {
    format!("'{c}'")
}

/// Where a quoted constant ends.
fn closing(rest: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn number(rest: &str) -> Result<(Kind, usize), String> {
    let sign = usize::from(rest.starts_with(['+', '-']));
    let body = rest.get(sign..).unwrap_or_default();
    let radix = body.strip_prefix('0').is_some_and(|rest| rest.starts_with(['x', 'X', 'o', 'O', 'b', 'B']));
    let digits = |c: char| {
        if radix { c.is_ascii_hexdigit() || "xXoO_".contains(c) } else { c.is_ascii_digit() || "._".contains(c) }
    };
    let mut length = body.find(|c| !digits(c)).unwrap_or(body.len());
    if !radix && let Some(power) = body.get(length..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let signed = usize::from(power.starts_with(['+', '-']));
        let count = power.get(signed..).unwrap_or_default();
        length += 1 + signed + count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
    }
    let bad =
        rest.get(sign + length..).and_then(|rest| rest.chars().next()).filter(|c| c.is_alphanumeric() || *c == '_');
    if length == 0 || bad.is_some() {
        let shown = rest.get(..sign + length + bad.map_or(0, char::len_utf8)).unwrap_or(rest);
        return Err(format!("bad number syntax: {}", crate::text::go_number::quote(shown)));
    }
    Ok((Kind::Number, sign + length))
}
