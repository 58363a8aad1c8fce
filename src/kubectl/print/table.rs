//! Tables of the server as text: wide columns, labels, namespaces, kinds, events of a watch. Invents no column.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/printers/tableprinter.go.

use serde_json::Value;

use crate::text::table::{TabWriter, printable_cell};

/// How a table is shown.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Also the columns that only `-o wide` shows.
    pub wide: bool,
    /// Leave out the line of headers.
    pub no_headers: bool,
    /// A NAMESPACE column.
    pub namespace: bool,
    /// A LABELS column.
    pub show_labels: bool,
    /// A column for each of these labels.
    pub label_columns: Vec<String>,
    /// `kind.group` to put before names.
    pub kind: Option<String>,
    /// An EVENT column, for a watch.
    pub events: bool,
}

/// Tables on their way to the screen; columns keep their width from one table to the next.
#[derive(Clone, Debug)]
pub struct Grid {
    /// How tables are shown.
    pub options: TableOptions,
    writer: TabWriter,
    columns: Vec<(String, bool, bool)>,
    headers_printed: bool,
}

impl Grid {
    /// An empty grid.
    pub fn new(options: TableOptions) -> Self {
        Self { options, writer: TabWriter::for_tables(), columns: Vec::new(), headers_printed: false }
    }

    /// Adds the rows of a `Table`; `event` is the type of the watch event they came with.
    pub fn add(&mut self, table: &Value, event: &str) {
        let list = |name: &str| table.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let definitions = list("columnDefinitions");
        if !definitions.is_empty() {
            self.columns = definitions.iter().map(column).collect();
        }
        let rows = list("rows");
        if rows.is_empty() {
            return;
        }
        if !self.headers_printed && !self.options.no_headers {
            self.writer.write_row(self.headers());
        }
        self.headers_printed = true;
        for row in rows {
            let cells = self.cells(row, event);
            self.writer.write_row(cells);
        }
    }

    fn headers(&self) -> Vec<String> {
        let mut headers = Vec::new();
        if self.options.events {
            headers.push("EVENT".to_owned());
        }
        if self.options.namespace {
            headers.push("NAMESPACE".to_owned());
        }
        headers.extend(
            self.columns
                .iter()
                .filter(|(_, wide, _)| self.options.wide || !wide)
                .map(|(name, _, _)| name.to_uppercase()),
        );
        for label in &self.options.label_columns {
            headers.push(label.rsplit('/').next().unwrap_or(label).to_uppercase());
        }
        if self.options.show_labels {
            headers.push("LABELS".to_owned());
        }
        headers
    }

    fn cells(&self, row: &Value, event: &str) -> Vec<String> {
        let metadata = |path: &str| row.pointer(path);
        let mut cells = Vec::new();
        if self.options.events {
            cells.push(event.to_owned());
        }
        if self.options.namespace {
            cells.push(metadata("/object/metadata/namespace").and_then(Value::as_str).unwrap_or("").to_owned());
        }
        let values = row.get("cells").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (value, (_, wide, is_name)) in values.iter().zip(&self.columns) {
            if *wide && !self.options.wide {
                continue;
            }
            let text = cell(value);
            match &self.options.kind {
                Some(kind) if *is_name => cells.push(format!("{kind}/{text}")),
                _ => cells.push(text),
            }
        }
        let labels = metadata("/object/metadata/labels").and_then(Value::as_object);
        for label in &self.options.label_columns {
            cells.push(labels.and_then(|labels| labels.get(label)).and_then(Value::as_str).unwrap_or("").to_owned());
        }
        if self.options.show_labels {
            cells.push(label_list(labels.map(|labels| labels.iter().map(|(key, value)| (key.as_str(), value)))));
        }
        cells
    }

    /// The text of what was added since the last time.
    pub fn flush(&mut self) -> String {
        self.writer.flush()
    }
}

fn column(definition: &Value) -> (String, bool, bool) {
    let name = definition.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    let wide = definition.get("priority").and_then(Value::as_i64).unwrap_or(0) != 0;
    let is_name = definition.get("format").and_then(Value::as_str) == Some("name");
    (name, wide, is_name)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable_cell(text),
        other => other.to_string(),
    }
}

fn label_list<'a>(labels: Option<impl Iterator<Item = (&'a str, &'a Value)>>) -> String {
    let list: Vec<String> =
        labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or(""))).collect();
    if list.is_empty() { "<none>".to_owned() } else { list.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table() -> Value {
        json!({"kind": "Table", "columnDefinitions": [
            {"name": "Name", "format": "name", "priority": 0}, {"name": "Ready", "priority": 0}, {"name": "IP", "priority": 1}],
            "rows": [{"cells": ["a", "1/1", "10.0.0.1"], "object": {"metadata": {"namespace": "default", "labels": {"x/app": "b"}}}},
                     {"cells": ["bb", 2, null], "object": {"metadata": {"namespace": "default"}}}]})
    }

    #[test]
    fn wide_labels_kinds_and_namespaces_add_what_they_promise() {
        let mut grid = Grid::new(TableOptions::default());
        grid.add(&table(), "");
        assert_eq!(grid.flush(), "NAME   READY\na      1/1\nbb     2\n");
        let mut grid = Grid::new(TableOptions {
            wide: true,
            namespace: true,
            show_labels: true,
            label_columns: vec!["x/app".to_owned()],
            kind: Some("pod".to_owned()),
            ..TableOptions::default()
        });
        grid.add(&table(), "");
        assert_eq!(
            grid.flush(),
            "NAMESPACE   NAME     READY   IP         APP   LABELS\ndefault     pod/a    1/1     10.0.0.1   b     x/app=b\ndefault     pod/bb   2                        <none>\n"
        );
    }

    #[test]
    fn a_watch_keeps_its_widths() {
        let mut grid = Grid::new(TableOptions::default());
        grid.add(&table(), "");
        grid.flush();
        let later = json!({"kind": "Table", "rows": [{"cells": ["a-long-name", "0/1", ""], "object": {}}]});
        grid.add(&later, "MODIFIED");
        assert_eq!(grid.flush(), "a-long-name   0/1\n");
        grid.add(&json!({"rows": [{"cells": ["a", "0/1", ""], "object": {}}]}), "MODIFIED");
        assert_eq!(grid.flush(), "a             0/1\n");
    }
}
