//! Text in columns, as kubectl lines it up. Formats text; knows no resource and no column names.
//!
//! Models github.com/liggitt/tabwriter (Go's text/tabwriter with remembered widths), k8s.io/cli-runtime
//! pkg/printers/tabwriter.go and k8s.io/kubectl pkg/describe (`PrefixWriter`).

/// More cells than this in one line are not lined up: their tabs stay tabs.
const MAX_CELLS: usize = 256;

/// Lines up cells that end in tabs. Text collects until [`TabWriter::flush`] formats it; with remembered widths a
/// column never gets narrower from one flush to the next, so a watch keeps its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabWriter {
    min_width: usize,
    padding: usize,
    remember: bool,
    remembered: Vec<usize>,
    /// Cells of the lines so far; the last cell of a line stands after its last tab and belongs to no column.
    lines: Vec<Vec<String>>,
    out: String,
}

impl TabWriter {
    /// As `kubectl get` and `kubectl events` print: columns six wide at least, three spaces apart, remembered.
    pub fn for_tables() -> Self {
        Self::new(6, 3, true)
    }

    /// As `kubectl describe` prints: columns as wide as their text, two spaces apart.
    pub fn for_describe() -> Self {
        Self::new(0, 2, false)
    }

    /// A writer padding with spaces; widths count characters.
    pub fn new(min_width: usize, padding: usize, remember: bool) -> Self {
        Self { min_width, padding, remember, remembered: Vec::new(), lines: vec![Vec::new()], out: String::new() }
    }

    /// Adds text: a tab ends a cell, a line break ends a line.
    pub fn write(&mut self, text: &str) {
        let mut cell = self.lines.last_mut().and_then(|line| line.pop()).unwrap_or_default();
        for c in text.chars() {
            let full = self.lines.last().is_some_and(|line| line.len() >= MAX_CELLS);
            match c {
                '\t' | '\u{b}' if !full => self.end_cell(&mut cell),
                '\n' | '\u{c}' => {
                    self.end_cell(&mut cell);
                    let cells = self.lines.last().map_or(0, Vec::len);
                    self.lines.push(Vec::new());
                    // A line of one cell ends every column, so what came before can be formatted.
                    if c == '\u{c}' || cells == 1 {
                        self.format_lines();
                    }
                }
                c => cell.push(c),
            }
        }
        if let Some(line) = self.lines.last_mut() {
            line.push(cell);
        }
    }

    /// Adds a line whose cells are the given ones.
    pub fn write_row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| printable_cell(cell.as_ref())).collect();
        self.write(&cells.join("\t"));
        self.write("\n");
    }

    /// Formats what has been written and takes it.
    pub fn flush(&mut self) -> String {
        if self.lines.last().is_some_and(|line| line.as_slice() == [String::new()]) {
            self.lines.pop();
            self.lines.push(Vec::new());
        }
        self.format_lines();
        std::mem::take(&mut self.out)
    }

    /// Formats one text on its own: write, then flush.
    pub fn format(&mut self, text: &str) -> String {
        self.write(text);
        self.flush()
    }

    fn end_cell(&mut self, cell: &mut String) {
        if let Some(line) = self.lines.last_mut() {
            line.push(std::mem::take(cell));
        }
    }

    fn format_lines(&mut self) {
        let lines = std::mem::replace(&mut self.lines, vec![Vec::new()]);
        let mut widths = Vec::new();
        self.format_block(&lines, 0, lines.len(), &mut widths);
    }

    /// Formats the lines from `from` up to `to`, whose first `widths.len()` columns are known.
    fn format_block(&mut self, lines: &[Vec<String>], from: usize, to: usize, widths: &mut Vec<usize>) {
        let column = widths.len();
        let has_column = |at: usize| lines.get(at).is_some_and(|line| column + 1 < line.len());
        let mut start = from;
        let mut at = from;
        while at < to {
            if !has_column(at) {
                at += 1;
                continue;
            }
            self.write_lines(lines, start, at, widths);
            start = at;
            let mut width = self.min_width;
            while at < to && has_column(at) {
                let text = lines.get(at).and_then(|line| line.get(column));
                width = width.max(text.map_or(0, |cell| cell.chars().count()) + self.padding);
                at += 1;
            }
            let width = self.remember_width(column, width);
            widths.push(width);
            self.format_block(lines, start, at, widths);
            widths.pop();
            start = at;
        }
        self.write_lines(lines, start, to, widths);
    }

    fn remember_width(&mut self, column: usize, width: usize) -> usize {
        if !self.remember {
            return width;
        }
        match self.remembered.get_mut(column) {
            Some(known) => {
                *known = width.max(*known);
                *known
            }
            None => {
                self.remembered.push(width);
                width
            }
        }
    }

    fn write_lines(&mut self, lines: &[Vec<String>], from: usize, to: usize, widths: &[usize]) {
        for (at, line) in lines.iter().enumerate().take(to).skip(from) {
            for (column, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if let Some(&width) = widths.get(column) {
                    let padding = width.saturating_sub(cell.chars().count());
                    self.out.extend(std::iter::repeat_n(' ', padding));
                }
            }
            if at + 1 < lines.len() {
                self.out.push('\n');
            }
        }
    }
}

/// A cell of a table: cut at its first line break, with escape characters made visible.
pub fn printable_cell(text: &str) -> String {
    match text.find(['\n', '\r', '\u{c}']) {
        Some(at) => format!("{}...", text.get(..at).unwrap_or_default().replace('\u{1b}', "^[")),
        None => text.replace('\u{1b}', "^["),
    }
}

/// What `kubectl describe` writes into: lines indented by level, cells lined up.
#[derive(Clone, Debug)]
pub struct Description {
    writer: TabWriter,
    out: String,
    tabs: bool,
}

impl Default for Description {
    fn default() -> Self {
        Self::new()
    }
}

impl Description {
    /// An empty description.
    pub fn new() -> Self {
        Self { writer: TabWriter::for_describe(), out: String::new(), tabs: false }
    }

    /// An empty description whose tabs stay tabs, as in the history of a rollout.
    pub fn with_tabs() -> Self {
        Self { tabs: true, ..Self::new() }
    }

    /// Writes text after two spaces for each level (kubectl's `LEVEL_0` to `LEVEL_4`). Tabs end cells; the line
    /// break is the caller's.
    pub fn write(&mut self, level: usize, text: &str) {
        self.put(&"  ".repeat(level));
        self.put(&text.replace('\u{1b}', "^["));
    }

    /// Writes a whole line: as [`Description::write`] with a line break.
    pub fn line(&mut self, level: usize, text: &str) {
        self.write(level, text);
        self.put("\n");
    }

    fn put(&mut self, text: &str) {
        if self.tabs {
            self.out.push_str(text);
        } else {
            self.writer.write(text);
        }
    }

    /// Lines up what has been written so far; later lines have columns of their own.
    pub fn flush(&mut self) {
        let text = self.writer.flush();
        self.out.push_str(&text);
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        self.flush();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_padded_and_the_last_is_not() {
        let mut table = TabWriter::for_tables();
        table.write_row(["NAME", "STATUS", "AGE"]);
        table.write_row(["t", "Running", "0s"]);
        assert_eq!(table.flush(), "NAME   STATUS    AGE\nt      Running   0s\n");
    }

    #[test]
    fn a_watch_keeps_its_widths_and_widens_them() {
        let mut table = TabWriter::for_tables();
        table.write_row(["NAME", "STATUS", "AGE"]);
        table.write_row(["hello-2kfz5", "Pending", "0s"]);
        assert_eq!(table.flush(), "NAME          STATUS    AGE\nhello-2kfz5   Pending   0s\n");
        table.write_row(["hello-2kfz5", "ContainerCreating", "0s"]);
        assert_eq!(table.flush(), "hello-2kfz5   ContainerCreating   0s\n");
        table.write_row(["hello-2kfz5", "Running", "1s"]);
        assert_eq!(table.flush(), "hello-2kfz5   Running             1s\n");
    }

    #[test]
    fn a_description_lines_up_neighbours_and_a_single_cell_ends_a_block() {
        let mut text = Description::new();
        text.line(0, "Name:\tt");
        text.line(0, "Namespace:\tdefault");
        text.line(0, "Pod Template:");
        text.line(1, "Labels:\tapp=t");
        text.line(1, "\tcontroller=x");
        assert_eq!(
            text.finish(),
            "Name:       t\nNamespace:  default\nPod Template:\n  Labels:  app=t\n           controller=x\n"
        );
    }

    #[test]
    fn text_without_a_line_break_and_absurd_tabs_come_through() {
        assert_eq!(TabWriter::for_describe().format("a\tb"), "a  b");
        assert_eq!(TabWriter::for_describe().format(""), "");
        assert!(TabWriter::for_tables().format(&"x\t".repeat(100_000)).len() > 100_000);
        assert_eq!(printable_cell("a\nb"), "a...");
    }
}
