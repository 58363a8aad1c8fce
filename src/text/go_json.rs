//! JSON in the form of Go's encoding/json: what it writes, and what it says about malformed text. Knows no schema.
//!
//! Models Go encoding/json (`Marshal` with HTML escaping, `MarshalIndent`, scanner.go).

use serde_json::Value;

use crate::text::go_number::format_json;

/// The same JSON text with every item on a line of its own, as Go's `json.Indent` with two spaces.
pub fn indented(text: &str) -> String {
    let (mut out, mut depth, mut within, mut escaped) = (String::new(), 0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if within {
            out.push(letter);
            within = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                within = letter == '"';
                out.push(letter);
            }
        }
    }
    out
}

/// Go's `json.Marshal`: no spaces, sorted keys, `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub fn to_compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None, 0);
    out
}

/// Go's `json.MarshalIndent(value, "", "    ")`: as `kubectl -o json` prints, without the last line break.
pub fn to_indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some("    "), 0);
    out
}

/// Go's `json.MarshalIndent` with so many spaces a level.
pub fn to_indented_by(value: &Value, spaces: usize) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(&" ".repeat(spaces)), 0);
    out
}

/// The fields of what an object holds: the field that holds it, and its own in their order.
pub type Within<'a> = &'a [(&'a str, &'a [&'a str])];

/// JSON with four spaces a level whose fields stand in an order of their own, as those of Go's structs do.
pub fn ordered(value: &Value, order: &[&str], within: Within) -> String {
    let mut out = String::new();
    write_ordered(&mut out, value, order, within);
    reindented(&out, "")
}

fn write_ordered(out: &mut String, value: &Value, order: &[&str], within: Within) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| order.iter().position(|known| known == key).unwrap_or(order.len()));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(key));
                out.push(':');
                let own = within.iter().find(|(holder, _)| holder == key);
                write_ordered(out, value, own.map_or(order, |(_, order)| order), within);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_ordered(out, item, order, within);
            }
            out.push(']');
        }
        other => out.push_str(&to_compact(other)),
    }
}

/// JSON text as `json.Indent` lays it out (four spaces, keys in the order they have), without the fields named `omit`.
pub fn reindented(text: &str, omit: &str) -> String {
    let bytes = text.as_bytes();
    let omitted = quoted(omit);
    let mut out = String::new();
    // Commas wait until it is known that something follows them.
    let (mut at, mut depth, mut comma, mut fresh) = (0, 0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    };
    while let Some(byte) = bytes.get(at).copied() {
        let rest = text.get(at..).unwrap_or_default();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b',' => (comma, at) = (true, at + 1),
            b':' => {
                out.push_str(": ");
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !std::mem::take(&mut fresh) {
                    line(&mut out, depth);
                }
                (comma, at) = (false, at + 1);
                out.push(char::from(byte));
            }
            _ if !omit.is_empty()
                && (comma || fresh)
                && rest.strip_prefix(&omitted).is_some_and(|more| more.starts_with(':')) =>
            {
                let value = at + omitted.len() + 1;
                let length = scan_value(bytes.get(value..).unwrap_or_default()).unwrap_or(0);
                // The comma after it takes the place of the one before it.
                at = value + length;
                if comma || bytes.get(at) != Some(&b',') {
                    comma = false;
                } else {
                    at += 1;
                }
            }
            _ => {
                if std::mem::take(&mut comma) {
                    out.push(',');
                    line(&mut out, depth);
                } else if std::mem::take(&mut fresh) {
                    line(&mut out, depth);
                }
                let opens = matches!(byte, b'{' | b'[');
                let length = if opens { 1 } else { token(rest) };
                out.push_str(rest.get(..length).unwrap_or_default());
                at += length;
                if opens {
                    (depth, fresh) = (depth + 1, true);
                }
            }
        }
    }
    out
}

/// How long the string, number or word is that a text begins with.
fn token(text: &str) -> usize {
    if !text.starts_with('"') {
        let end = |c: char| matches!(c, ',' | '}' | ']' | ':') || c.is_whitespace();
        return text.find(end).unwrap_or(text.len()).max(1);
    }
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A string as Go writes it in JSON, with its quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_string(&mut out, text);
    out
}

/// Why [`scan_value`] found no whole value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// There is nothing but white space.
    Empty,
    /// The text ends inside of a value: Go says `unexpected EOF`.
    UnexpectedEnd,
    /// A character stands where it must not.
    Syntax {
        /// Go's words, such as `invalid character '}' looking for beginning of value`.
        message: String,
        /// How many bytes were read, the wrong one included.
        offset: usize,
    },
}

/// Finds the end of the first JSON value of `bytes` (in bytes), as Go's decoder does before it reads the value.
///
/// # Errors
/// See [`ScanError`].
pub fn scan_value(bytes: &[u8]) -> Result<usize, ScanError> {
    Scanner { bytes, at: 0 }.value()
}

fn write(out: &mut String, value: &Value, indent: Option<&str>, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(float)) => out.push_str(&format_json(float)),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(text) => write_string(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                write(out, item, indent, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (key, item)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                write_string(out, key);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(out, item, indent, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Deeper nesting than this is refused, as by Go.
const MAX_DEPTH: usize = 10_000;

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self, context: &str) -> Result<T, ScanError> {
        match self.peek() {
            None => Err(ScanError::UnexpectedEnd),
            Some(byte) => {
                let message = format!("invalid character {} {context}", quote_byte(byte));
                Err(ScanError::Syntax { message, offset: self.at + 1 })
            }
        }
    }

    /// An explicit stack of open brackets keeps deep nesting off the call stack.
    fn value(&mut self) -> Result<usize, ScanError> {
        let mut open: Vec<u8> = Vec::new();
        self.skip_space();
        if self.peek().is_none() {
            return Err(ScanError::Empty);
        }
        loop {
            self.skip_space();
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    if open.len() >= MAX_DEPTH {
                        let message = "exceeded max depth".to_owned();
                        return Err(ScanError::Syntax { message, offset: self.at });
                    }
                    self.skip_space();
                    if self.peek() == Some(closing(bracket)) {
                        self.at += 1;
                    } else {
                        open.push(bracket);
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => return self.wrong("looking for beginning of value"),
            }
            if self.after_value(&mut open)? {
                return Ok(self.at);
            }
        }
    }

    /// Closes what ends here; says whether the outermost value has ended.
    fn after_value(&mut self, open: &mut Vec<u8>) -> Result<bool, ScanError> {
        loop {
            let Some(&bracket) = open.last() else { return Ok(true) };
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if bracket == b'{' {
                        self.skip_space();
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(byte) if byte == closing(bracket) => {
                    self.at += 1;
                    open.pop();
                }
                _ if bracket == b'{' => return self.wrong("after object key:value pair"),
                _ => return self.wrong("after array element"),
            }
        }
    }

    fn key(&mut self) -> Result<(), ScanError> {
        if self.peek() != Some(b'"') {
            return self.wrong("looking for beginning of object key string");
        }
        self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.wrong("after object key");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return self.wrong("in \\u hexadecimal character escape");
                                }
                                self.at += 1;
                            }
                        }
                        _ => return self.wrong("in string escape code"),
                    }
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.wrong("in string literal"),
            }
        }
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.wrong("in numeric literal"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return self.wrong("after decimal point in numeric literal");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return self.wrong("in exponent of numeric literal");
            }
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), ScanError> {
        for (at, expected) in word.bytes().enumerate() {
            if self.peek() != Some(expected) {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return if at == 0 { self.wrong("looking for beginning of value") } else { self.wrong(&context) };
            }
            self.at += 1;
        }
        Ok(())
    }
}

fn closing(bracket: u8) -> u8 {
    if bracket == b'{' { b'}' } else { b']' }
}

fn quote_byte(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = crate::text::go_number::quote(&char::from(byte).to_string());
            format!("'{}'", quoted.trim_matches('"'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_of_their_go_type() {
        let preference =
            serde_json::json!({"aliases": [{"options": [], "command": "get", "name": "g"}], "kind": "Preference"});
        let text = ordered(&preference, &["kind", "aliases"], &[("aliases", &["name", "command"])]);
        let plain: String = text.split_whitespace().collect();
        assert_eq!(plain, r#"{"kind":"Preference","aliases":[{"name":"g","command":"get","options":[]}]}"#);
    }
    use serde_json::json;

    #[test]
    fn text_is_laid_out_anew_and_keeps_the_order_of_its_keys() {
        let text = "{\"kind\":\"A\",\"b\":{},\"a\":[],\"m\":{\"x\":\"} , \\\"\",\"managedFields\":[{\"q\":[1,2]}]},\"l\":[1,{\"managedFields\":[],\"z\":null}]}\n";
        let wanted = "{\n    \"kind\": \"A\",\n    \"b\": {},\n    \"a\": [],\n    \"m\": {\n        \"x\": \"} , \\\"\"\n    },\n    \"l\": [\n        1,\n        {\n            \"z\": null\n        }\n    ]\n}";
        assert_eq!(reindented(text, "managedFields"), wanted);
        assert_eq!(reindented("{\"managedFields\":[],\"b\":1}", ""), "{\n    \"managedFields\": [],\n    \"b\": 1\n}");
    }

    #[test]
    fn html_characters_are_escaped() {
        let value = json!({"b": "a && b > c", "a": [1, 1.5, {}], "c": []});
        assert_eq!(to_compact(&value), r#"{"a":[1,1.5,{}],"b":"a \u0026\u0026 b \u003e c","c":[]}"#);
        assert_eq!(
            to_indented(&value),
            "{\n    \"a\": [\n        1,\n        1.5,\n        {}\n    ],\n    \"b\": \"a \\u0026\\u0026 b \\u003e c\",\n    \"c\": []\n}"
        );
    }

    #[test]
    fn malformed_json_is_described_in_gos_words() {
        for (text, message, offset) in [
            ("{\"a\" 1}", "invalid character '1' after object key", 6),
            ("[1 2]", "invalid character '2' after array element", 4),
            ("{\"a\": 1 \"b\"}", "invalid character '\"' after object key:value pair", 9),
            ("{\"a\": tru}", "invalid character '}' in literal true (expecting 'e')", 10),
            ("{\"a\": 'x'}", "invalid character '\\'' looking for beginning of value", 7),
            ("{\"a\": \"x\ny\"}", "invalid character '\\n' in string literal", 9),
        ] {
            let expected = ScanError::Syntax { message: message.to_owned(), offset };
            assert_eq!(scan_value(text.as_bytes()), Err(expected), "{text}");
        }
        assert_eq!(scan_value(b" {\"a\": [1, {}]} rest"), Ok(15));
        assert_eq!(scan_value(b"  \n"), Err(ScanError::Empty));
        assert_eq!(scan_value("[".repeat(100).as_bytes()), Err(ScanError::UnexpectedEnd));
        assert!(matches!(scan_value("[".repeat(100_000).as_bytes()), Err(ScanError::Syntax { .. })));
    }
}
