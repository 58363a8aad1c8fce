//! Reads selectors as people and clients write them: `app=web,tier in (a,b),!old` and `status.phase!=Running`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/labels/selector.go and pkg/fields/selector.go.

use super::{Requirement, Selector};

/// Reads a label selector. The empty text selects everything.
///
/// # Errors
/// The server's words, such as `found '=', expected: ',' or 'end of string'`.
pub fn parse(text: &str) -> Result<Selector, String> {
    let mut parser = Parser { items: scan(text), position: 0 };
    let mut requirements = parser.selector()?;
    requirements.sort_by(|left, right| left.key().cmp(right.key()));
    Ok(Selector { requirements })
}

/// One term of a field selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The field's path, such as `status.phase`.
    pub field: String,
    /// Whether the field must have the value, or must not.
    pub equal: bool,
    /// The value.
    pub value: String,
}

/// A field selector: every term must hold.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FieldSelector {
    /// In the order they were written.
    pub requirements: Vec<FieldRequirement>,
}

impl FieldSelector {
    /// Whether these fields satisfy every term. A field that the object does not have is empty.
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|one| (value_of(&one.field).unwrap_or_default() == one.value) == one.equal)
    }

    /// The value that a field must have, when the selector pins one.
    pub fn required(&self, field: &str) -> Option<&str> {
        self.requirements.iter().find(|one| one.equal && one.field == field).map(|one| one.value.as_str())
    }
}

/// Reads a field selector. The empty text selects everything.
///
/// # Errors
/// The server's words: `invalid selector: 'a'; can't understand 'a'`.
pub fn parse_fields(text: &str) -> Result<FieldSelector, String> {
    let mut requirements = Vec::new();
    for term in split_terms(text) {
        if term.is_empty() {
            continue;
        }
        let Some((field, operator, value)) = split_term(&term) else {
            return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
        };
        let (equal, value) = (operator != "!=", unescape(value)?);
        // Nothing is asked for that has no name.
        if !(equal && field.is_empty() && value.is_empty()) {
            requirements.push(FieldRequirement { field: field.to_owned(), equal, value });
        }
    }
    Ok(FieldSelector { requirements })
}

/// Cuts at commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<String> {
    let (mut terms, mut term, mut escaped) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                term.push(letter);
                escaped = false;
            }
            '\\' => {
                term.push(letter);
                escaped = true;
            }
            ',' => terms.push(std::mem::take(&mut term)),
            _ => term.push(letter),
        }
    }
    terms.push(term);
    terms
}

fn split_term(term: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in term.char_indices() {
        let rest = term.get(at..)?;
        for operator in ["!=", "==", "="] {
            if let Some(value) = rest.strip_prefix(operator) {
                return Some((term.get(..at)?, operator, value));
            }
        }
    }
    None
}

fn unescape(value: &str) -> Result<String, String> {
    let (mut out, mut letters) = (String::new(), value.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                other => {
                    let shown: String = other.into_iter().collect();
                    return Err(format!("invalid field selector: invalid escape sequence: \\{shown}"));
                }
            },
            // Upstream prints the character's number.
            '=' => return Err("invalid field selector: unescaped character in value: 61".to_owned()),
            _ => out.push(letter),
        }
    }
    Ok(out)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

fn keyword(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "in" => Token::In,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

fn is_symbol(letter: char) -> bool {
    matches!(letter, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

fn scan(text: &str) -> Vec<(Token, String)> {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(is_space);
        let Some(first) = rest.chars().next() else { break };
        let length = if is_symbol(first) { symbol_length(rest) } else { word_length(rest) };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        let token = keyword(word).unwrap_or(if is_symbol(first) { Token::Error } else { Token::Identifier });
        items.push((token, word.to_owned()));
    }
    items.push((Token::End, String::new()));
    items
}

/// The longest operator at the start; every symbol alone but `!`, `=` with `=` is one of its own.
fn symbol_length(text: &str) -> usize {
    if text.starts_with("==") || text.starts_with("!=") { 2 } else { 1 }
}

fn word_length(text: &str) -> usize {
    text.find(|letter| is_symbol(letter) || is_space(letter)).unwrap_or(text.len())
}

struct Parser {
    items: Vec<(Token, String)>,
    position: usize,
}

impl Parser {
    /// The item at the position; `in` and `notin` are plain words wherever a value may stand.
    fn look(&self, operators: bool) -> (Token, String) {
        let (token, text) = self.items.get(self.position).cloned().unwrap_or((Token::End, String::new()));
        match token {
            Token::In | Token::NotIn if !operators => (Token::Identifier, text),
            _ => (token, text),
        }
    }

    fn take(&mut self, operators: bool) -> (Token, String) {
        let item = self.look(operators);
        self.position += 1;
        item
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.look(false) {
                (Token::Identifier | Token::Not, _) => {
                    let one = self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
                    requirements.push(one);
                    match self.take(false) {
                        (Token::End, _) => return Ok(requirements),
                        (Token::Comma, _) => match self.look(false) {
                            (Token::Identifier | Token::Not, _) => {}
                            (_, text) => return Err(format!("found '{text}', expected: identifier after ','")),
                        },
                        (_, text) => return Err(format!("found '{text}', expected: ',' or 'end of string'")),
                    }
                }
                (Token::End, _) => return Ok(requirements),
                (_, text) => return Err(format!("found '{text}', expected: !, identifier, or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.take(false);
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.take(false);
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let wrong = super::super::content::label_key(&key);
        if !wrong.is_empty() {
            return Err(format!("<nil>: Invalid value: {key:?}: {}", wrong.join("; ")));
        }
        if negated {
            return Ok(Requirement::DoesNotExist(key));
        }
        if matches!(self.look(false).0, Token::End | Token::Comma) {
            return Ok(Requirement::Exists(key));
        }
        let (operator, text) = self.take(true);
        let values = match operator {
            Token::In | Token::NotIn => self.values()?,
            Token::Equals | Token::DoubleEquals | Token::NotEquals | Token::Greater | Token::Less => {
                vec![self.exact_value()?]
            }
            _ => return Err(format!("found '{text}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        check_values(&key, &values)?;
        let number = || match values.first().and_then(|value| value.parse::<i64>().ok()) {
            Some(number) => Ok(number),
            None => Err(format!(
                "values[0]: Invalid value: {:?}: for 'Gt', 'Lt' operators, the value must be an integer",
                values.first().map(String::as_str).unwrap_or_default()
            )),
        };
        Ok(match operator {
            Token::NotIn | Token::NotEquals => Requirement::NotIn(key, values),
            Token::Greater => Requirement::GreaterThan(key.clone(), number()?),
            Token::Less => Requirement::LessThan(key.clone(), number()?),
            _ => Requirement::In(key, values),
        })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let (token, text) = self.take(false);
        if token != Token::Open {
            return Err(format!("found '{text}' expected: '('"));
        }
        let mut values = std::collections::BTreeSet::new();
        match self.look(false) {
            (Token::Close, _) => {
                self.take(false);
                values.insert(String::new());
            }
            (Token::Identifier | Token::Comma, _) => self.identifiers(&mut values)?,
            (_, text) => return Err(format!("found '{text}', expected: ',', ')' or identifier")),
        }
        Ok(values.into_iter().collect())
    }

    fn identifiers(&mut self, values: &mut std::collections::BTreeSet<String>) -> Result<(), String> {
        loop {
            match self.take(false) {
                (Token::Identifier, text) => {
                    values.insert(text);
                    match self.look(false) {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => break,
                        (_, text) => return Err(format!("found '{text}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.look(false).0 {
                        Token::Close => {
                            values.insert(String::new());
                            break;
                        }
                        Token::Comma => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, text) => return Err(format!("found '{text}', expected: ',', or identifier")),
            }
        }
        self.take(false);
        Ok(())
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.look(false).0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take(false) {
            (Token::Identifier, text) => Ok(text),
            (_, text) => Err(format!("found '{text}', expected: identifier")),
        }
    }
}

fn check_values(key: &str, values: &[String]) -> Result<(), String> {
    for (index, value) in values.iter().enumerate() {
        let wrong = super::super::content::label_value(value);
        if !wrong.is_empty() {
            return Err(format!("values[{index}][{key}]: Invalid value: {value:?}: {}", wrong.join("; ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        parse(selector).unwrap().matches(Some(&labels))
    }

    #[test]
    fn selectors_match_as_upstream_documents_them() {
        for (selector, labels, expected) in [
            ("", &[][..], true),
            ("a=b", &[("a", "b")][..], true),
            ("a==b,c", &[("a", "b"), ("c", "")][..], true),
            ("a!=b", &[][..], true),
            ("a in (x, y),!z", &[("a", "y")][..], true),
            ("a notin (x)", &[("a", "x")][..], false),
            ("a in ()", &[("a", "")][..], true),
            ("in in (in)", &[("in", "in")][..], true),
            ("n>3", &[("n", "4")][..], true),
            ("n<3", &[("n", "4")][..], false),
            ("a=", &[("a", "")][..], true),
        ] {
            assert_eq!(matches(selector, labels), expected, "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_is_refused_in_the_servers_words() {
        for (selector, words) in [
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a,", "found '', expected: identifier after ','"),
            ("=a", "found '=', expected: !, identifier, or 'end of string'"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ] {
            assert_eq!(parse(selector).unwrap_err(), words, "{selector}");
        }
    }

    #[test]
    fn field_selectors_are_read_with_escapes() {
        let selector = parse_fields("metadata.name=a\\,b,status.phase!=Running").unwrap();
        assert_eq!(selector.required("metadata.name"), Some("a,b"));
        assert!(selector.matches(|field| (field == "metadata.name").then_some("a,b")));
        assert_eq!(parse_fields("a").unwrap_err(), "invalid selector: 'a'; can't understand 'a'");
    }
}
