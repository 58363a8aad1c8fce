//! One YAML document to a JSON value. Refuses deep nesting and alias bombs; knows no schema.
//!
//! Models go.yaml.in/yaml/v2 decode.go and sigs.k8s.io/yaml `YAMLToJSON`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use libyaml_safer::{ErrorKind, EventData, Parser};
use serde_json::{Map, Number, Value};

use super::resolve::{self, Scalar, resolve};
use crate::text::go_number::{format_general, quote};

/// How deep a document may nest. go-yaml allows 10,000; serde_json, which reads every request, allows 127.
pub const MAX_DEPTH: usize = 120;

/// Reads the first document of `text` into a JSON value, as `yaml.YAMLToJSON` does: of equal keys the last wins.
///
/// # Errors
/// The text kubectl prints after its own words: `error converting YAML to JSON: yaml: line 4: ...`.
pub fn from_yaml(text: &str) -> Result<Value, String> {
    read(text, false).map_err(|problem| format!("error converting YAML to JSON: {problem}"))
}

/// Like [`from_yaml`], but equal keys in one mapping are an error, as in `yaml.YAMLToJSONStrict`.
///
/// # Errors
/// As for [`from_yaml`], and `yaml: unmarshal errors:\n  line 3: key "a" already set in map`.
pub fn from_yaml_strict(text: &str) -> Result<Value, String> {
    read(text, true).map_err(|problem| format!("error converting YAML to JSON: {problem}"))
}

/// Like [`from_yaml`], as go-yaml 3 reads what is decoded into no type of Go: `yes`, `on`, `n` and their like are texts.
///
/// # Errors
/// As for [`from_yaml`].
pub fn from_yaml_3(text: &str) -> Result<Value, String> {
    read_as(text, false, true).map_err(|problem| format!("error converting YAML to JSON: {problem}"))
}

fn read(text: &str, strict: bool) -> Result<Value, String> {
    read_as(text, strict, false)
}

fn read_as(text: &str, strict: bool, version_3: bool) -> Result<Value, String> {
    let tree = Tree::parse(text).map_err(|problem| format!("yaml: {problem}"))?;
    let Some(root) = tree.root else { return Ok(Value::Null) };
    let mut decoder = Decoder { tree: &tree, strict, version_3, ..Decoder::new(&tree) };
    let value = decoder.value(root, 0).map_err(|problem| format!("yaml: {problem}"))?;
    if !decoder.duplicates.is_empty() {
        return Err(format!("yaml: unmarshal errors:\n  {}", decoder.duplicates.join("\n  ")));
    }
    match decoder.not_json {
        Some(problem) => Err(problem),
        None => Ok(value),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    Sequence,
    Mapping,
    /// Stands for the node of this index.
    Alias(usize),
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// Counted from 1.
    line: u64,
    tag: String,
    /// The text of a scalar, the anchor of an alias.
    text: String,
    /// A plain scalar without a tag.
    implicit: bool,
    children: Vec<usize>,
}

/// The nodes of one document.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
    root: Option<usize>,
    open: Vec<usize>,
    anchors: BTreeMap<String, usize>,
}

impl Tree {
    fn parse(text: &str) -> Result<Self, String> {
        check_tags(text)?;
        let mut input = if text.is_empty() { b"\n" as &[u8] } else { text.as_bytes() };
        let mut parser = Parser::new();
        parser.set_input_string(&mut input);
        let mut tree = Tree::default();
        loop {
            let event = parser.parse().map_err(|problem| describe(&problem))?;
            let line = event.start_mark.line + 1;
            match event.data {
                EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(tree),
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::SequenceEnd | EventData::MappingEnd => {
                    tree.open.pop();
                }
                EventData::Alias { anchor } => {
                    let Some(&target) = tree.anchors.get(&anchor) else {
                        return Err(format!("unknown anchor '{anchor}' referenced"));
                    };
                    tree.add(Kind::Alias(target), line, None, anchor, false);
                }
                EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                    let node = tree.add(Kind::Scalar, line, tag, value, plain_implicit);
                    tree.anchor(anchor, node);
                }
                EventData::SequenceStart { anchor, tag, .. } => tree.open(Kind::Sequence, line, anchor, tag)?,
                EventData::MappingStart { anchor, tag, .. } => tree.open(Kind::Mapping, line, anchor, tag)?,
            }
        }
    }

    fn add(&mut self, kind: Kind, line: u64, tag: Option<String>, text: String, implicit: bool) -> usize {
        let index = self.nodes.len();
        let tag = tag.unwrap_or_default();
        self.nodes.push(Node { kind, line, tag, text, implicit, children: Vec::new() });
        match self.open.last().and_then(|&parent| self.nodes.get_mut(parent)) {
            Some(parent) => parent.children.push(index),
            None => self.root = Some(index),
        }
        index
    }

    fn open(&mut self, kind: Kind, line: u64, anchor: Option<String>, tag: Option<String>) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("line {line}: exceeded max depth of {MAX_DEPTH}"));
        }
        let node = self.add(kind, line, tag, String::new(), false);
        self.anchor(anchor, node);
        self.open.push(node);
        Ok(())
    }

    fn anchor(&mut self, anchor: Option<String>, node: usize) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node);
        }
    }
}

/// go-yaml's words for a problem of the parser: its line is the problem's, counted from 0 except for scanner problems.
fn describe(problem: &libyaml_safer::Error) -> String {
    let scanner = problem.kind() == ErrorKind::Scanner;
    let problem_line = problem.problem_mark().map_or(0, |mark| mark.line);
    let context_line = problem.context_mark().map_or(0, |mark| mark.line);
    let line = match (problem_line, context_line) {
        (0, context) => context,
        (line, _) if scanner => line + 1,
        (line, _) => line,
    };
    match line {
        0 => problem.problem().to_owned(),
        _ => format!("line {line}: {}", problem.problem()),
    }
}

/// A tag directly before a comma, as in `[!a, b]`, is an error; but the scanner, meeting one, panics. So every text that
/// could hold one is read once with `@` in the places in question: where a token may start, the scanner names that
/// character as its problem.
fn check_tags(text: &str) -> Result<(), String> {
    if !text.contains('!') || !text.contains(',') {
        return Ok(());
    }
    let in_tag = |c: char| c.is_ascii_alphanumeric() || "-_;/?:@&=+$.%!~*'()".contains(c);
    let characters: Vec<char> = text.chars().collect();
    // From the end: whether a comma follows the characters that a tag can have, or the bracket of `!<tag>`.
    let mut ends_in_comma = vec![false; characters.len()];
    let (mut comma, mut bracket_comma) = (false, false);
    let mut next = ' ';
    for (&c, ends) in characters.iter().zip(&mut ends_in_comma).rev() {
        if c == '>' {
            bracket_comma = next == ',';
        }
        *ends = c == '!' && if next == '<' { bracket_comma } else { comma || next == ',' };
        comma = c == ',' || (comma && in_tag(c));
        next = c;
    }
    let mut probe = String::with_capacity(text.len());
    let mut places: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut line, mut previous) = (1, ' ');
    for (&c, ends) in characters.iter().zip(ends_in_comma) {
        if ends && !previous.is_alphanumeric() && previous != '!' {
            places.insert(probe.len() as u64, line);
            probe.push('@');
        } else {
            probe.push(c);
        }
        line += u64::from(c == '\n');
        previous = c;
    }
    if places.is_empty() {
        return Ok(());
    }
    let mut input = probe.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    loop {
        match parser.parse() {
            Ok(event) if matches!(event.data, EventData::StreamEnd | EventData::DocumentEnd { .. }) => return Ok(()),
            Ok(_) => {}
            Err(problem) => {
                // Any other problem is one of the text itself, and comes before a tag that would stop the scanner.
                let place = problem.problem_mark().and_then(|mark| places.get(&mark.index));
                return Err(match place {
                    Some(line) => format!("line {line}: did not find expected whitespace or line break"),
                    None => describe(&problem),
                });
            }
        }
    }
}

struct Decoder<'t> {
    tree: &'t Tree,
    strict: bool,
    version_3: bool,
    duplicates: Vec<String>,
    /// The first thing that YAML can say and JSON cannot.
    not_json: Option<String>,
    decoded: u64,
    through_aliases: u64,
    alias_depth: usize,
    aliases: BTreeSet<usize>,
}

impl<'t> Decoder<'t> {
    fn new(tree: &'t Tree) -> Self {
        Self {
            tree,
            strict: false,
            version_3: false,
            duplicates: Vec::new(),
            not_json: None,
            decoded: 0,
            through_aliases: 0,
            alias_depth: 0,
            aliases: BTreeSet::new(),
        }
    }

    fn node(&self, index: usize) -> Result<&'t Node, String> {
        self.tree.nodes.get(index).ok_or_else(|| "unknown problem parsing YAML content".to_owned())
    }

    fn count(&mut self) -> Result<(), String> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.through_aliases += 1;
        }
        let ratio = self.through_aliases as f64 / self.decoded as f64;
        if self.through_aliases > 100 && self.decoded > 1000 && ratio > allowed_alias_ratio(self.decoded) {
            return Err("document contains excessive aliasing".to_owned());
        }
        Ok(())
    }

    fn value(&mut self, index: usize, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("exceeded max depth of {MAX_DEPTH}"));
        }
        self.count()?;
        let node = self.node(index)?;
        match node.kind {
            Kind::Scalar => self.scalar(node).map(|(_, value)| value),
            Kind::Sequence => {
                let items = node.children.iter().map(|&child| self.value(child, depth + 1));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Kind::Mapping => {
                let mut out = Object::default();
                self.mapping(node, &mut out, depth)?;
                Ok(Value::Object(out.fields))
            }
            Kind::Alias(target) => self.through_alias(index, node, |decoder| decoder.value(target, depth + 1)),
        }
    }

    fn through_alias<T>(
        &mut self,
        index: usize,
        node: &Node,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        if !self.aliases.insert(index) {
            return Err(format!("anchor '{}' value contains itself", node.text));
        }
        self.alias_depth += 1;
        let result = read(self);
        self.alias_depth -= 1;
        self.aliases.remove(&index);
        result
    }

    /// The value, with its form in Go's syntax for keys and messages.
    fn scalar(&mut self, node: &Node) -> Result<(String, Value), String> {
        let text = || (quote(&node.text), Value::String(node.text.clone()));
        if node.tag.is_empty() && !node.implicit {
            return Ok(text());
        }
        let (mut tag, mut scalar) = resolve(&node.tag, &node.text)?;
        let word = node.text.to_ascii_lowercase();
        if self.version_3
            && node.tag.is_empty()
            && matches!(scalar, Scalar::Bool(_))
            && word != "true"
            && word != "false"
        {
            (tag, scalar) = (resolve::STR.to_owned(), Scalar::Text);
        }
        Ok(match scalar {
            Scalar::Text if tag == resolve::BINARY => {
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(node.text.replace(['\n', '\r'], ""))
                    .map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
                let string = String::from_utf8_lossy(&bytes).into_owned();
                (quote(&string), Value::String(string))
            }
            Scalar::Text => text(),
            Scalar::Null => ("<nil>".to_owned(), Value::Null),
            Scalar::Bool(value) => (value.to_string(), Value::Bool(value)),
            Scalar::Int(number) => (number.to_string(), integer(number)),
            Scalar::Float(number) => (format_general(number), self.float(number)),
        })
    }

    fn float(&mut self, number: f64) -> Value {
        // JSON writes a whole float without a fraction, and its reader then finds an integer.
        if number.fract() == 0.0 && number.abs() < 9.2e18 {
            return Value::Number(Number::from(number as i64));
        }
        Number::from_f64(number).map_or_else(
            || {
                let problem = format!("json: unsupported value: {}", format_general(number));
                self.not_json.get_or_insert(problem);
                Value::Null
            },
            Value::Number,
        )
    }

    fn mapping(&mut self, node: &Node, out: &mut Object, depth: usize) -> Result<(), String> {
        for pair in node.children.chunks(2) {
            let &[key_index, value_index] = pair else { continue };
            let key = self.node(key_index)?;
            if key.kind == Kind::Scalar && key.text == "<<" && (key.implicit || key.tag == resolve::MERGE) {
                self.merge(value_index, out, depth)?;
                continue;
            }
            let (form, name) = self.key(key_index, depth)?;
            let value_line = self.node(value_index)?.line;
            let value = self.value(value_index, depth + 1)?;
            if self.strict && out.keys.contains(&form) {
                self.duplicates.push(format!("line {value_line}: key {form} already set in map"));
                continue;
            }
            out.keys.insert(form);
            match name {
                Some(name) => {
                    out.fields.insert(name, value);
                }
                None => {
                    let shown = go_syntax(&value, true);
                    let problem = format!("unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}");
                    self.not_json.get_or_insert(problem);
                }
            }
        }
        Ok(())
    }

    /// The key in Go's syntax, and its name in JSON unless it is null.
    fn key(&mut self, index: usize, depth: usize) -> Result<(String, Option<String>), String> {
        self.count()?;
        let node = self.node(index)?;
        match node.kind {
            Kind::Scalar => {
                let (form, value) = self.scalar(node)?;
                let name = match value {
                    Value::Null => None,
                    Value::String(text) => Some(text),
                    _ => Some(form.clone()),
                };
                Ok((form, name))
            }
            Kind::Alias(target) => self.through_alias(index, node, |decoder| decoder.key(target, depth + 1)),
            Kind::Sequence | Kind::Mapping => {
                let value = self.value(index, depth + 1)?;
                Err(format!("invalid map key: {}", go_syntax(&value, true)))
            }
        }
    }

    fn merge(&mut self, index: usize, out: &mut Object, depth: usize) -> Result<(), String> {
        const WANT_MAP: &str = "map merge requires map or sequence of maps as the value";
        if depth > MAX_DEPTH {
            return Err(format!("exceeded max depth of {MAX_DEPTH}"));
        }
        self.count()?;
        let node = self.node(index)?;
        match node.kind {
            Kind::Mapping => self.mapping(node, out, depth + 1),
            Kind::Alias(target) => {
                let mapping = self.node(target)?;
                if mapping.kind != Kind::Mapping {
                    return Err(WANT_MAP.to_owned());
                }
                self.through_alias(index, node, |decoder| {
                    decoder.count()?;
                    decoder.mapping(mapping, out, depth + 1)
                })
            }
            Kind::Sequence => {
                // From the last to the first, because earlier maps take precedence.
                for &child in node.children.iter().rev() {
                    if self.node(child)?.kind == Kind::Sequence {
                        return Err(WANT_MAP.to_owned());
                    }
                    self.merge(child, out, depth + 1)?;
                }
                Ok(())
            }
            Kind::Scalar => Err(WANT_MAP.to_owned()),
        }
    }
}

/// A mapping being read: its fields, and the keys seen in Go's syntax (`1` and `"1"` differ).
#[derive(Default)]
struct Object {
    fields: Map<String, Value>,
    keys: BTreeSet<String>,
}

/// An integer beyond `int64` becomes a float, because the client reads JSON into one or the other.
fn integer(number: i128) -> Value {
    match i64::try_from(number) {
        Ok(number) => Value::Number(number.into()),
        Err(_) => Number::from_f64(number as f64).map_or(Value::Null, Value::Number),
    }
}

/// go-yaml lets 99 % of a small document come from aliases and 10 % of one with four million nodes.
fn allowed_alias_ratio(decoded: u64) -> f64 {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let decoded = decoded as f64;
    if decoded <= LOW {
        0.99
    } else if decoded >= HIGH {
        0.10
    } else {
        0.99 - 0.89 * ((decoded - LOW) / (HIGH - LOW))
    }
}

/// A value as `%#v` prints what go-yaml made of it.
fn go_syntax(value: &Value, top: bool) -> String {
    match value {
        Value::Null if top => "<nil>".to_owned(),
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| go_syntax(item, false)).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}:{}", quote(key), go_syntax(value, false))).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_have_the_types_of_yaml_1_1() {
        let text = "a: yes\nb: off\nc: 0777\nd: 1_000\ne: 1.50\nf: 2024-01-02\ng: ~\nh: 1e3\ni: '1'\nj: 0x1f\nk: 12:30\nl: 08\n";
        assert_eq!(
            from_yaml(text).unwrap(),
            json!({"a": true, "b": false, "c": 511, "d": 1000, "e": 1.5, "f": "2024-01-02", "g": null, "h": 1000,
                   "i": "1", "j": 31, "k": "12:30", "l": 8})
        );
        assert_eq!(from_yaml("1: a\ntrue: b\n1.5: c\n").unwrap(), json!({"1": "a", "true": "b", "1.5": "c"}));
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let text = "base: &b {x: 1, z: 2}\nmore:\n  <<: *b\n  z: 3\nlist: [*b, *b]\nmany:\n  <<: [{x: 9}, *b]\n";
        assert_eq!(
            from_yaml(text).unwrap(),
            json!({"base": {"x": 1, "z": 2}, "more": {"x": 1, "z": 3}, "list": [{"x": 1, "z": 2}, {"x": 1, "z": 2}],
                   "many": {"x": 9, "z": 2}})
        );
    }

    #[test]
    fn problems_carry_go_yamls_words_and_lines() {
        for (text, problem) in [
            ("metadata:\n  name: t\n spec:\n  template:\n", "yaml: line 2: did not find expected key"),
            ("a:\n\tname: t\n", "yaml: line 2: found character that cannot start any token"),
            ("a: b\nc: {name: t\n", "yaml: line 2: did not find expected ',' or '}'"),
            ("a: b\nc: \"t\n", "yaml: line 3: found unexpected end of stream"),
            ("a: b\nkind Job\nc: d\n", "yaml: line 3: could not find expected ':'"),
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("a: *x\n", "yaml: unknown anchor 'x' referenced"),
            ("a: &x [*x]\n", "yaml: anchor 'x' value contains itself"),
            ("<<: 1\n", "yaml: map merge requires map or sequence of maps as the value"),
            ("a: {{ .b }}\n", "yaml: invalid map key: map[interface {}]interface {}{\".b\":interface {}(nil)}"),
            ("a: !!int x\n", "yaml: cannot decode !!str `x` as a !!int"),
            ("a: .inf\n", "json: unsupported value: +Inf"),
            ("a:\n- [!b, c]\n", "yaml: line 2: did not find expected whitespace or line break"),
        ] {
            assert_eq!(from_yaml(text).unwrap_err(), format!("error converting YAML to JSON: {problem}"), "{text}");
        }
        assert_eq!(
            from_yaml_strict("a: 1\nb: 2\na: 3\n").unwrap_err(),
            "error converting YAML to JSON: yaml: unmarshal errors:\n  line 3: key \"a\" already set in map"
        );
        assert_eq!(from_yaml("a: 1\na: 3\n").unwrap(), json!({"a": 3}));
        assert_eq!(from_yaml("a: ['Hi !you, there', x !b, c]").unwrap(), json!({"a": ["Hi !you, there", "x !b", "c"]}));
        assert_eq!(from_yaml("é: [!<tag:yaml.org,2002:str> 1, !!str 2, c!,]").unwrap(), json!({"é": ["1", "2", "c!"]}));
        assert!(from_yaml("é: [!b, c]").unwrap_err().contains("line 1: did not find expected whitespace"));
    }

    #[test]
    fn a_hundred_thousand_brackets_and_an_alias_bomb_are_refused() {
        for open in ["[", "- ", "{a: ", "? "] {
            let text = open.repeat(100_000);
            assert!(from_yaml(&text).is_err(), "{open}");
        }
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let previous = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
        }
        assert!(from_yaml(&bomb).unwrap_err().ends_with("document contains excessive aliasing"));
    }
}
