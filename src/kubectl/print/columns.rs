//! `-o custom-columns`: a table of chosen fields.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/customcolumn.go.

use serde_json::Value;

use super::go_template::sprint;
use super::template::{Path, relaxed};
use crate::kubectl::failure::Failure;
use crate::text::table::TabWriter;

/// The chosen columns.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<(String, Path)>,
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
            columns.push((header.to_owned(), Path::parse(&relaxed(path)?)?));
        }
        Ok(Columns { columns, no_headers, printed: false, writer: TabWriter::for_tables() })
    }

    /// Reads the two lines of a column file: headers, then paths.
    ///
    /// # Errors
    /// A file of another shape.
    pub fn parse_file(content: &str, no_headers: bool) -> Result<Columns, Failure> {
        let mut lines = content.lines();
        let (headers, paths) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
        let (headers, paths): (Vec<&str>, Vec<&str>) =
            (headers.split_whitespace().collect(), paths.split_whitespace().collect());
        if headers.len() != paths.len() {
            return Err(Failure::msg(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                headers.len(),
                paths.len()
            )));
        }
        let spec: Vec<String> = headers.iter().zip(&paths).map(|(header, path)| format!("{header}:{path}")).collect();
        Columns::parse(&spec.join(","), no_headers)
    }

    /// The lines of an object, or of a list's items.
    pub fn print(&mut self, object: &Value) -> Result<String, Failure> {
        if !self.no_headers && !self.printed {
            self.writer.write_row(self.columns.iter().map(|(header, _)| header.as_str()));
        }
        self.printed = true;
        let one = [object.clone()];
        let items = object.get("items").and_then(Value::as_array).map_or(one.as_slice(), Vec::as_slice);
        for item in items {
            let mut cells = Vec::new();
            for (_, path) in &self.columns {
                let found: Vec<String> = path.find(item).iter().map(|value| sprint(value, "<nil>")).collect();
                cells.push(if found.is_empty() { "<none>".to_owned() } else { found.join(",") });
            }
            self.writer.write_row(cells);
        }
        Ok(self.writer.flush())
    }
}
