//! `-o custom-columns`: a table of chosen fields.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/customcolumn.go.

use serde_json::Value;

use super::template::relaxed;
use crate::kubectl::failure::Failure;
use crate::text::go_value;
use crate::text::json_path::JsonPath;
use crate::text::table::TabWriter;

/// The chosen columns.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Headers and paths. A path is read when an object is printed, as kubectl does it.
    columns: Vec<(String, String)>,
    no_headers: bool,
    printed: bool,
    writer: TabWriter,
}

impl Columns {
    /// Reads `NAME:.metadata.name,IMAGE:.spec.image`.
    ///
    /// # Errors
    /// A part without a colon, or a path that cannot be read.
    pub fn parse(spec: &str, no_headers: bool) -> Result<Columns, Failure> {
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let Some((header, path)) = part.split_once(':') else {
                return Err(Failure::msg(format!(
                    "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
                )));
            };
            columns.push((header.to_owned(), relaxed(path)?));
        }
        Ok(Columns { columns, no_headers, printed: false, writer: TabWriter::for_tables() })
    }

    /// Reads the two lines of a column file: headers, then paths.
    ///
    /// # Errors
    /// A file of another shape.
    pub fn parse_file(content: &str) -> Result<Columns, Failure> {
        let mut lines = content.lines();
        let mut words = |line: &str| {
            let missing = format!(
                "invalid template, missing {line} line. Expected format is one line of space separated headers, one line of space separated column specs."
            );
            let found = lines.next().ok_or_else(|| Failure::msg(missing))?;
            Ok::<Vec<String>, Failure>(found.split_whitespace().map(str::to_owned).collect())
        };
        let (headers, paths) = (words("header")?, words("spec")?);
        if headers.len() != paths.len() {
            return Err(Failure::msg(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                headers.len(),
                paths.len()
            )));
        }
        let mut columns = Vec::new();
        for (header, path) in headers.into_iter().zip(paths) {
            columns.push((header, relaxed(&path)?));
        }
        Ok(Columns { columns, no_headers: false, printed: false, writer: TabWriter::for_tables() })
    }

    /// The lines of an object, or of a list's items.
    pub fn print(&mut self, object: &Value) -> Result<String, Failure> {
        if !self.no_headers && !self.printed {
            self.writer.write_row(self.columns.iter().map(|(header, _)| header.as_str()));
        }
        self.printed = true;
        let one = [object.clone()];
        let items = object.get("items").and_then(Value::as_array).map_or(one.as_slice(), Vec::as_slice);
        let failed = self.rows(items).err();
        match (self.writer.flush(), failed) {
            (text, None) => Ok(text),
            (text, Some(why)) => Err(Failure::after(text, Failure::msg(why))),
        }
    }

    fn rows(&mut self, items: &[Value]) -> Result<(), String> {
        let mut paths = Vec::new();
        for (_, path) in &self.columns {
            paths.push(JsonPath::parse(path)?.allow_missing_keys(true));
        }
        for item in items {
            let mut cells = Vec::new();
            for path in &paths {
                let found: Vec<String> = path.values(item)?.iter().map(|value| go_value::shown(value)).collect();
                cells.push(if found.is_empty() { "<none>".to_owned() } else { found.join(",") });
            }
            // What is in a cell is written as it is: a line break in it ends the row.
            self.writer.write(&(cells.join("\t") + "\n"));
        }
        Ok(())
    }
}
