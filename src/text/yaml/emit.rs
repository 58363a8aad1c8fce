//! A JSON value as `kubectl -o yaml` prints it. Writes block style only; knows no comments and no anchors.
//!
//! Models go.yaml.in/yaml/v2 encode.go, emitterc.go and sorter.go.

use std::cmp::Ordering;

use serde_json::Value;

use super::resolve::is_plain_string;
use crate::text::go_number::format_general;

/// Lines longer than this are folded at their next space.
const BEST_WIDTH: usize = 80;
/// Spaces for each level.
const INDENT: i32 = 2;

/// The YAML of a value, ending in a line break.
pub fn to_yaml(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, indent: -1, whitespace: true, indention: true };
    emitter.node(value, false);
    emitter.write_indent_at(0);
    emitter.out
}

/// libyaml's emitter, reduced to what go-yaml's encoder asks of it.
struct Emitter {
    out: String,
    /// Characters since the last line break.
    column: usize,
    /// The current indent; -1 outside of the root.
    indent: i32,
    /// Whether the last character was a space, for indicators that need one before them.
    whitespace: bool,
    /// Whether only indentation and `-`, `?` or `:` stand on this line.
    indention: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    fn node(&mut self, value: &Value, in_mapping: bool) {
        match value {
            Value::Null => self.scalar("null", Style::Plain, false),
            Value::Bool(value) => self.scalar(if *value { "true" } else { "false" }, Style::Plain, false),
            Value::Number(number) => {
                let text = match (number.as_i64(), number.as_u64(), number.as_f64()) {
                    (Some(signed), _, _) => signed.to_string(),
                    (_, Some(unsigned), _) => unsigned.to_string(),
                    (_, _, Some(float)) => float_text(float),
                    _ => number.to_string(),
                };
                self.scalar(&text, Style::Plain, false);
            }
            Value::String(text) => self.string(text, false),
            Value::Array(items) if items.is_empty() => self.indicator("[]", true, false, false),
            Value::Object(fields) if fields.is_empty() => self.indicator("{}", true, false, false),
            Value::Array(items) => {
                let outer = self.indent;
                // A sequence under a key starts at the key's own column.
                let indentless = in_mapping && !self.indention;
                self.increase_indent(false, indentless);
                for item in items {
                    self.write_indent();
                    self.indicator("-", true, false, true);
                    self.node(item, false);
                }
                self.indent = outer;
            }
            Value::Object(fields) => {
                let outer = self.indent;
                self.increase_indent(false, false);
                let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
                sorted.sort_by(|a, b| natural_order(a.0, b.0));
                for (key, value) in sorted {
                    self.field(key, value);
                }
                self.indent = outer;
            }
        }
    }

    fn field(&mut self, key: &str, value: &Value) {
        self.write_indent();
        if key.len() <= 128 && !key.contains(is_break) {
            self.string(key, true);
            self.indicator(":", false, false, false);
        } else {
            self.indicator("?", true, false, true);
            self.string(key, false);
            self.write_indent();
            self.indicator(":", true, false, true);
        }
        self.node(value, true);
    }

    fn string(&mut self, text: &str, simple_key: bool) {
        let style = if text.contains('\n') {
            Style::Literal
        } else if is_plain_string(text) {
            Style::Plain
        } else {
            Style::Double
        };
        self.scalar(text, style, simple_key);
    }

    fn scalar(&mut self, text: &str, wanted: Style, simple_key: bool) {
        let style = allowed_style(text, wanted, simple_key);
        let outer = self.indent;
        self.increase_indent(true, false);
        match style {
            Style::Plain => self.plain(text, !simple_key),
            Style::Single => self.single_quoted(text, !simple_key),
            Style::Double => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    fn increase_indent(&mut self, flow: bool, indentless: bool) {
        if self.indent < 0 {
            self.indent = if flow { INDENT } else { 0 };
        } else if !indentless {
            self.indent += INDENT;
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn write_indent(&mut self) {
        self.write_indent_at(usize::try_from(self.indent).unwrap_or(0));
    }

    fn write_indent_at(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        for c in text.chars() {
            self.put(c);
        }
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    fn plain(&mut self, text: &str, may_fold: bool) {
        // An empty plain scalar still takes the space after its colon.
        if !self.whitespace {
            self.put(' ');
        }
        self.folded_characters(text, may_fold, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("'", true, false, false);
        self.folded_characters(text, may_fold, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn folded_characters(&mut self, text: &str, may_fold: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let length = text.len();
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next_is_space = characters.peek().is_some_and(|&(_, next)| next == ' ');
            if c == ' ' {
                let inside = !quoted || (at > 0 && at + 1 < length);
                if may_fold && !spaces && self.column > BEST_WIDTH && inside && !next_is_space {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true, false, false);
        let byte_order_mark = text.starts_with('\u{feff}');
        let length = text.len();
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            if byte_order_mark || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                for escaped in escape(c).chars() {
                    self.put(escaped);
                }
                spaces = false;
            } else if c == ' ' {
                if may_fold && !spaces && self.column > BEST_WIDTH && at > 0 && at + 1 < length {
                    self.write_indent();
                    if characters.peek().is_some_and(|&(_, next)| next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut backwards = text.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, None) => self.indicator("+", false, false, false),
            (true, Some(previous)) if is_break(previous) => self.indicator("+", false, false, false),
            _ => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// The style libyaml lets a scalar have: plain falls back to single quotes, single and literal to double quotes.
fn allowed_style(text: &str, wanted: Style, simple_key: bool) -> Style {
    let allowed = Allowed::of(text);
    let mut style = wanted;
    if simple_key && allowed.multiline {
        style = Style::Double;
    }
    if style == Style::Plain && (!allowed.plain || (text.is_empty() && simple_key)) {
        style = Style::Single;
    }
    if style == Style::Single && !allowed.single {
        style = Style::Double;
    }
    if style == Style::Literal && (!allowed.block || simple_key) {
        style = Style::Double;
    }
    style
}

/// What the characters of a scalar allow in block context.
struct Allowed {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Allowed {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { multiline: false, plain: true, single: true, block: false };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut line_breaks, mut special) = (false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break) = (false, false);
        let mut after_blank = true;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let before_blank = characters.peek().is_none_or(|&(_, next)| next == ' ' || next == '\t');
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if at == 0 =>
                {
                    true
                }
                '?' | '-' if at == 0 => before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(c);
            line_breaks |= is_break(c);
            break_space |= c == ' ' && previous_break;
            space_break |= is_break(c) && previous_space;
            previous_space = c == ' ';
            previous_break = is_break(c);
            after_blank = matches!(c, ' ' | '\t' | '\0') || is_break(c);
        }
        let at_edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(at_edge) || text.ends_with(at_edge);
        let broken = space_break || special;
        Self {
            multiline: line_breaks,
            plain: !(edges || break_space || broken || line_breaks || indicators),
            single: !(break_space || broken),
            block: !(text.ends_with(' ') || broken),
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn escape(c: char) -> String {
    match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{a0}' => "\\_".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c => match c as u32 {
            code @ 0..=0xff => format!("\\x{code:02X}"),
            code @ 0x100..=0xffff => format!("\\u{code:04X}"),
            code => format!("\\U{code:08X}"),
        },
    }
}

fn float_text(value: f64) -> String {
    // JSON is read as YAML before it is printed, and YAML's whole numbers are integers.
    if value.fract() == 0.0 && value.abs() < 9.2e18 { (value as i64).to_string() } else { format_general(value) }
}

/// go-yaml's order of keys: letters after everything else, and runs of digits by their value.
fn natural_order(left: &str, right: &str) -> Ordering {
    let a: Vec<char> = left.chars().collect();
    let b: Vec<char> = right.chars().collect();
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (Some(&x), Some(&y)) = (a.get(at), b.get(at)) else { return Ordering::Equal };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside of a longer number counts as its digit, a leading one does not.
    let inside =
        (x == '0' || y == '0') && a.iter().take(at).rev().take_while(|c| c.is_ascii_digit()).any(|&c| c != '0');
    let number = |characters: &[char]| {
        let digits = characters.iter().skip(at).take_while(|c| c.is_ascii_digit());
        digits.fold((i64::from(inside), 0usize), |(value, count), c| {
            let digit = i64::from(c.to_digit(10).unwrap_or(0));
            (value.wrapping_mul(10).wrapping_add(digit), count + 1)
        })
    };
    number(&a).cmp(&number(&b)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, expected: &str) {
        assert_eq!(to_yaml(value), expected);
        assert_eq!(&super::super::from_yaml(expected).unwrap(), value, "reads back");
    }

    #[test]
    fn nested_values_stand_as_kubectl_prints_them() {
        check(
            &json!({"spec": {"containers": [{"command": ["sh", "-c", "echo hi"], "name": "c", "resources": {}}],
                    "list": [[1, 2], []], "none": null, "empty": ""}}),
            "spec:\n  containers:\n  - command:\n    - sh\n    - -c\n    - echo hi\n    name: c\n    resources: {}\n  \
             empty: \"\"\n  list:\n  - - 1\n    - 2\n  - []\n  none: null\n",
        );
    }

    #[test]
    fn strings_are_quoted_only_where_go_yaml_quotes_them() {
        for (text, yaml) in [
            ("true", "\"true\""),
            ("yes", "\"yes\""),
            ("1", "\"1\""),
            ("1e3", "\"1e3\""),
            ("1.36.2", "1.36.2"),
            ("2024-01-01T00:00:00Z", "\"2024-01-01T00:00:00Z\""),
            ("1:30", "\"1:30\""),
            ("<none>", "<none>"),
            ("a: b", "'a: b'"),
            ("it's: x", "'it''s: x'"),
            ("*x", "'*x'"),
            ("- x", "'- x'"),
            ("-c", "-c"),
            ("~", "\"~\""),
            (" x", "' x'"),
            ("a\tb", "\"a\\tb\""),
            ("é", "é"),
            ("😀", "\"\\U0001F600\""),
        ] {
            check(&json!({ "a": text }), &format!("a: {yaml}\n"));
        }
        assert_eq!(to_yaml(&json!("x")), "x\n");
    }

    #[test]
    fn several_lines_become_a_literal_block_with_its_chomping() {
        check(&json!({"a": "x\ny\n", "b": 1}), "a: |\n  x\n  y\nb: 1\n");
        check(&json!({"a": "x\ny", "b": 1}), "a: |-\n  x\n  y\nb: 1\n");
        check(&json!({"a": "x\n\n", "b": 1}), "a: |+\n  x\n\nb: 1\n");
        check(&json!({"a": "  x\ny\n"}), "a: |2\n    x\n  y\n");
        check(&json!({"a": "x \ny\n"}), "a: \"x \\ny\\n\"\n");
    }

    #[test]
    fn long_lines_fold_after_column_eighty() {
        let words = ["word"; 40].join(" ");
        let yaml = to_yaml(&json!({ "message": words }));
        assert!(yaml.lines().count() > 1);
        assert!(yaml.lines().all(|line| line.len() <= 86), "{yaml}");
        assert_eq!(super::super::from_yaml(&yaml).unwrap(), json!({ "message": words }));
    }

    #[test]
    fn keys_stand_in_natural_order() {
        let value =
            json!({"a10": 1, "a2": 1, "app.kubernetes.io/name": 1, "app": 1, "job-name": 1, "batch": 1, "1": 1});
        let keys: Vec<String> =
            to_yaml(&value).lines().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(keys, ["\"1\"", "a2", "a10", "app", "app.kubernetes.io/name", "batch", "job-name"]);
    }
}
