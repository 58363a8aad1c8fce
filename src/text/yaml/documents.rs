//! A stream of YAML or JSON documents, one value at a time. Reads bytes; opens no file and knows no object.
//!
//! Models k8s.io/apimachinery pkg/util/yaml `YAMLOrJSONDecoder` and the part of cli-runtime's `StreamVisitor` that
//! leaves out empty documents.

use serde_json::Value;

use super::decode::{from_yaml, from_yaml_3};
use crate::text::go_json::{ScanError, scan_value};

/// The documents of a manifest, in order, without empty ones. After an error nothing more comes.
pub fn documents(bytes: &[u8]) -> Documents<'_> {
    Documents { rest: bytes, json: is_json(bytes), read: 0, consumed: 0, done: false, version_3: false }
}

/// The same, as kustomize reads resources: with go-yaml 3, for which `yes` is a text, and JSON is YAML.
pub fn documents_of_kustomize(bytes: &[u8]) -> Documents<'_> {
    Documents { version_3: true, json: false, ..documents(bytes) }
}

/// Whether the first character that is not white space is an open brace.
pub fn is_json(bytes: &[u8]) -> bool {
    trim_start(bytes).first() == Some(&b'{')
}

/// An iterator over documents. An error is the text kubectl prints after `error parsing FILE: `.
#[derive(Clone, Debug)]
pub struct Documents<'a> {
    rest: &'a [u8],
    /// Whether the stream still counts as JSON.
    json: bool,
    /// How many documents have been read.
    read: usize,
    /// Bytes read as JSON, which its errors count from.
    consumed: usize,
    done: bool,
    version_3: bool,
}

impl Iterator for Documents<'_> {
    type Item = Result<Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.decode() {
                None => self.done = true,
                Some(Ok(Value::Null)) => {}
                Some(Ok(value)) => return Some(Ok(value)),
                Some(Err(problem)) => {
                    self.done = true;
                    return Some(Err(problem));
                }
            }
        }
        None
    }
}

impl Documents<'_> {
    fn decode(&mut self) -> Option<Result<Value, String>> {
        let mut first_problem = None;
        if self.json {
            match scan_value(self.rest) {
                Ok(end) => {
                    let (document, rest) = self.rest.split_at_checked(end)?;
                    self.rest = rest;
                    self.consumed += end;
                    self.read += 1;
                    return Some(serde_json::from_slice(document).map_err(|_| "exceeded max depth".to_owned()));
                }
                Err(ScanError::Empty) => return None,
                Err(problem) => {
                    let (plain, wrapped) = match problem {
                        ScanError::Syntax { message, offset } => {
                            let wrapped = format!("json: offset {}: {message}", self.consumed + offset);
                            (message, wrapped)
                        }
                        _ => ("unexpected EOF".to_owned(), "unexpected EOF".to_owned()),
                    };
                    // More than one JSON document: this is a stream of JSON, and no YAML.
                    if self.read > 1 {
                        return Some(Err(plain));
                    }
                    first_problem = Some(wrapped);
                    self.json = false;
                    self.skip_line_of_white_space();
                }
            }
        }
        let document = match self.next_chunk() {
            None => return None,
            Some(Ok(document)) => document,
            Some(Err(problem)) => return Some(Err(first_problem.unwrap_or(problem))),
        };
        let result = std::str::from_utf8(&document).map_err(not_utf8).and_then(if self.version_3 {
            from_yaml_3
        } else {
            from_yaml
        });
        self.read += 1;
        Some(result.map_err(|problem| first_problem.unwrap_or(problem)))
    }

    /// After JSON, white space up to and including the first line break belongs to nobody.
    fn skip_line_of_white_space(&mut self) {
        while let Some((first, rest)) = self.rest.split_first() {
            if !first.is_ascii_whitespace() {
                return;
            }
            self.rest = rest;
            if *first == b'\n' {
                return;
            }
        }
    }

    /// The lines up to the next separator. A separator in front of the first document belongs to it, so that lines
    /// are counted from there.
    fn next_chunk(&mut self) -> Option<Result<Vec<u8>, String>> {
        let mut chunk = Vec::new();
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&b| b == b'\n').map_or(self.rest.len(), |at| at + 1);
            let (line, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(after) = line.strip_prefix(b"---") {
                let after = String::from_utf8_lossy(after.trim_ascii()).into_owned();
                if !after.is_empty() && !after.starts_with('#') {
                    return Some(Err(format!("invalid Yaml document separator: {after}")));
                }
                if !chunk.is_empty() {
                    return Some(Ok(chunk));
                }
            }
            chunk.extend_from_slice(line);
            chunk.push(b'\n');
        }
        (!chunk.is_empty()).then_some(Ok(chunk))
    }
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}

fn not_utf8(problem: std::str::Utf8Error) -> String {
    let what = match problem.error_len() {
        None => "incomplete UTF-8 octet sequence",
        Some(1) => "invalid leading UTF-8 octet",
        Some(_) => "invalid trailing UTF-8 octet",
    };
    format!("error converting YAML to JSON: yaml: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<Result<Value, String>> {
        documents(text.as_bytes()).collect()
    }

    #[test]
    fn separators_split_and_empty_documents_are_left_out() {
        assert_eq!(
            read("---\na: 1\n---\n# nothing\n--- # two\nb: 2\r\n---"),
            [Ok(json!({"a": 1})), Ok(json!({"b": 2}))]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("---\n"), []);
        assert_eq!(read("# only a comment\n"), []);
        assert_eq!(read("a: 1\n--- b\n")[0], Err("invalid Yaml document separator: b".to_owned()));
    }

    #[test]
    fn a_json_stream_needs_no_separator() {
        assert_eq!(read("{\"a\": 1}\n{\"b\": 2}"), [Ok(json!({"a": 1})), Ok(json!({"b": 2}))]);
        assert_eq!(read("{\"a\": 1}\n---\nb: 2\n"), [Ok(json!({"a": 1})), Ok(json!({"b": 2}))]);
        assert_eq!(read("{a: 1}\n"), [Ok(json!({"a": 1}))], "flow YAML is no JSON");
        assert_eq!(read("{\"a\": 1,"), [Err("unexpected EOF".to_owned())]);
        assert_eq!(
            read("{\"a\": 1, b]"),
            [Err("json: offset 10: invalid character 'b' looking for beginning of object key string".to_owned())]
        );
    }

    #[test]
    fn an_error_in_the_second_document_comes_after_the_first() {
        let all = read("a: 1\n---\nb: [\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], Ok(json!({"a": 1})));
        assert!(all[1].as_ref().unwrap_err().starts_with("error converting YAML to JSON: yaml: line "));
    }
}
