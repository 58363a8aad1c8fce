//! nano's window as rows of text: title bar, text, status line, two rows of help. Models GNU nano 7.2 src/winio.c.
//! Sends only the rows that changed.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::text::{Place, Text, cells};

const REVERSE: &str = "\x1b[7m";
const PLAIN: &str = "\x1b[0m";
/// How nano shows that a line goes on beyond the edge.
const MORE: &str = "\x1b[1;31;7m";

/// What is to be seen.
#[derive(Debug)]
pub struct View<'a> {
    /// The text, or the help text while that is read.
    pub text: &'a Text,
    /// The name in the title bar; none for a new buffer.
    pub name: &'a str,
    /// The first visible line.
    pub top: usize,
    /// Whether line numbers stand on the left.
    pub numbers: bool,
    /// A word on the right of the title bar instead of `Modified`.
    pub state: Option<&'a str>,
    /// A message for the status line.
    pub message: &'a str,
    /// A question in the status line: label, input, cursor within the input.
    pub prompt: Option<(&'a str, &'a [char], usize)>,
    /// The keys at the bottom.
    pub keys: &'a [(&'a str, &'a str)],
    /// A piece of the text that a search found.
    pub found: Option<(Place, usize)>,
}

/// The rows as they were last sent.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    rows: Vec<String>,
    size: (u16, u16),
}

/// How many rows the text has in a window of so many rows.
pub fn text_rows(rows: usize) -> usize {
    match rows {
        0..=2 => 1,
        3..=5 => rows - 2,
        _ => rows - 4,
    }
}

impl Screen {
    /// Forgets what was sent: the next drawing is complete.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// The bytes that bring the window to this view.
    pub fn draw(&mut self, view: &View<'_>, size: (u16, u16)) -> String {
        let (columns, rows) = (usize::from(size.0).max(1), usize::from(size.1).max(1));
        let (lines, cursor) = compose(view, columns, rows);
        let mut out = String::from("\x1b[?25l");
        if size != self.size || self.rows.is_empty() {
            self.rows.clear();
            out.push_str("\x1b[H\x1b[2J");
            self.size = size;
        }
        for (index, line) in lines.iter().enumerate() {
            if self.rows.get(index) != Some(line) {
                let _ = write!(out, "\x1b[{};1H{line}\x1b[K", index + 1);
            }
        }
        self.rows = lines;
        let _ = write!(out, "\x1b[{};{}H\x1b[?25h", cursor.0 + 1, cursor.1 + 1);
        out
    }
}

/// The rows and the cursor's row and column.
fn compose(view: &View<'_>, columns: usize, rows: usize) -> (Vec<String>, (usize, usize)) {
    let height = text_rows(rows);
    let mut lines = Vec::new();
    if rows > 2 {
        lines.push(title(view, columns));
    }
    let margin = if view.numbers { view.text.len().to_string().len().max(3) + 2 } else { 0 };
    let margin = if margin + 4 < columns { margin } else { 0 };
    let width = columns - margin;
    let cursor_column = view.text.display_column(view.text.cursor);
    let page = page_start(cursor_column, width);
    let first_row = lines.len();
    for row in 0..height {
        let index = view.top + row;
        let mut line = String::new();
        if index < view.text.len() {
            if margin > 0 {
                let _ = write!(line, "{REVERSE}{:>1$} {PLAIN}", index + 1, margin - 1);
            }
            let start = if index == view.text.cursor.line { page } else { 0 };
            line.push_str(&text_row(view, index, start, width));
        }
        lines.push(line);
    }
    let row = view.text.cursor.line.saturating_sub(view.top).min(height.saturating_sub(1));
    let mut cursor = (first_row + row, margin + cursor_column - page.min(cursor_column));
    if rows > 1 {
        match view.prompt {
            Some((label, input, at)) => {
                let (line, column) = question(label, input, at, columns);
                cursor = (lines.len(), column);
                lines.push(line);
            }
            None => lines.push(status(view.message, columns)),
        }
    }
    if rows >= 6 {
        lines.extend(help(view.keys, columns));
    }
    (lines, cursor)
}

/// The first column of the page of a long line that shows `column`.
fn page_start(column: usize, width: usize) -> usize {
    if column == 0 || column + 2 < width {
        0
    } else if width > 8 {
        column - 6 - (column - 6) % (width - 8)
    } else {
        (column + 2).saturating_sub(width)
    }
}

fn title(view: &View<'_>, columns: usize) -> String {
    let brand = "GNU nano 7.2";
    let name = if view.name.is_empty() { "New Buffer" } else { view.name };
    let state = view.state.unwrap_or(if view.text.modified { "Modified" } else { "" });
    let plug = if state.is_empty() { "Modified".len() + 1 } else { 0 };
    let mut left = brand.len() + 3;
    let mut right = state.width() + 2;
    let name_width = name.width() + usize::from(!state.is_empty());
    let mut cells = vec![' '; columns];
    if left + name_width + plug + right <= columns {
        place(&mut cells, 2, brand);
    } else {
        left = 2;
        if left + name_width + right > columns {
            left = 0;
            right = right.saturating_sub(2);
        }
    }
    let fits = name_width + right <= columns;
    let shown = if fits {
        name.to_owned()
    } else {
        let room = columns.saturating_sub(right + 3);
        let skipped = name.chars().count().saturating_sub(room);
        format!("...{}", name.chars().skip(skipped).collect::<String>())
    };
    let plug = if left + name_width + plug + right <= columns { plug } else { 0 };
    let offset = left + columns.saturating_sub(left + plug + right + name_width) / 2;
    place(&mut cells, if left > 0 { offset } else { 0 }, &shown);
    place(&mut cells, columns.saturating_sub(right), state);
    let bar: String = cells.into_iter().filter(|cell| *cell != '\0').collect();
    format!("{REVERSE}{bar}{PLAIN}")
}

/// Puts text into cells; the second cell of a wide character becomes NUL.
fn place(cells: &mut [char], at: usize, text: &str) {
    let mut at = at;
    for letter in text.chars() {
        let size = letter.width().unwrap_or(0);
        if at + size > cells.len() {
            return;
        }
        for extra in 0..size {
            if let Some(cell) = cells.get_mut(at + extra) {
                *cell = if extra == 0 { letter } else { '\0' };
            }
        }
        at += size;
    }
}

/// One line of the text from column `start`, with the marks for what does not fit.
fn text_row(view: &View<'_>, index: usize, start: usize, width: usize) -> String {
    let letters = view.text.line(index);
    let mut out = String::new();
    let (mut column, mut shown, mut reversed) = (0, 0, false);
    if start > 0 {
        let _ = write!(out, "{MORE}<{PLAIN}");
        shown = 1;
    }
    for (at, letter) in letters.iter().enumerate() {
        let size = cells(*letter, column);
        let from = column;
        column += size;
        if column <= start + usize::from(start > 0) {
            continue;
        }
        let visible = column - from.max(start + usize::from(start > 0));
        let last = at + 1 == letters.len();
        if shown + visible > width || (shown + visible == width && !last) {
            if reversed {
                out.push_str(PLAIN);
            }
            out.push_str(&" ".repeat(width.saturating_sub(shown + 1)));
            let _ = write!(out, "{MORE}>{PLAIN}");
            return out;
        }
        let lit = is_lit(view, Place { line: index, column: at });
        if lit != reversed {
            out.push_str(if lit { REVERSE } else { PLAIN });
            reversed = lit;
        }
        if *letter == '\t' || visible < size {
            out.push_str(&" ".repeat(visible));
        } else if letter.is_control() {
            out.push('^');
            out.push(char::from_u32(u32::from(*letter) ^ 0x40).unwrap_or('?'));
        } else {
            out.push(*letter);
        }
        shown += visible;
    }
    if reversed {
        out.push_str(PLAIN);
    }
    out
}

/// Whether a character belongs to the marked region or to what a search found.
fn is_lit(view: &View<'_>, at: Place) -> bool {
    let found = view.found.is_some_and(|(place, length)| {
        place.line == at.line && (place.column..place.column + length).contains(&at.column)
    });
    found || view.text.region().is_some_and(|(from, to)| from <= at && at < to)
}

fn status(message: &str, columns: usize) -> String {
    if message.is_empty() {
        return String::new();
    }
    let room = columns.saturating_sub(4);
    let mut text: String = message.to_owned();
    if text.width() > room {
        text = clip(message, room.saturating_sub(3));
        text.push_str("...");
    }
    let text = format!("[ {text} ]");
    let left = columns.saturating_sub(text.width()) / 2;
    format!("{}{REVERSE}{text}{PLAIN}", " ".repeat(left))
}

fn clip(text: &str, room: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|letter| {
            used += letter.width().unwrap_or(0);
            used <= room
        })
        .collect()
}

/// The status line as a question; a long input shows the page with the cursor.
fn question(label: &str, input: &[char], at: usize, columns: usize) -> (String, usize) {
    let label = clip(label, columns.saturating_sub(5));
    let room = columns.saturating_sub(label.width() + 1).max(1);
    let before: usize = input.iter().take(at).map(|letter| letter.width().unwrap_or(2)).sum();
    let start = if before < room { 0 } else { before - before % room };
    let mut line = label.clone();
    let (mut column, mut used) = (0, 0);
    for letter in input {
        let size = letter.width().unwrap_or(2);
        if column >= start && used + size <= room {
            line.push(if letter.is_control() { '?' } else { *letter });
            used += size;
        }
        column += size;
    }
    let fill = columns.saturating_sub(line.width());
    (format!("{REVERSE}{line}{}{PLAIN}", " ".repeat(fill)), label.width() + before - start)
}

/// The two rows of keys: entries fill columns from top to bottom.
fn help(keys: &[(&str, &str)], columns: usize) -> [String; 2] {
    let most = (columns + 40) / 20 * 2;
    let count = keys.len().min(most);
    let width = (columns / count.div_ceil(2).max(1)).max(1);
    let mut rows = [String::new(), String::new()];
    for (index, (key, label)) in keys.iter().take(count).enumerate() {
        let Some(row) = rows.get_mut(index % 2) else { continue };
        if key.is_empty() {
            row.push_str(&" ".repeat(width));
            continue;
        }
        let room = if index + 2 >= count { width + columns % width } else { width };
        let label = clip(label, room.saturating_sub(key.width() + 1));
        let _ = write!(row, "{REVERSE}{key}{PLAIN} {label}");
        if index + 2 < count {
            row.push_str(&" ".repeat(width.saturating_sub(key.width() + 1 + label.width())));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str) -> String {
        let mut out = String::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter == '\x1b' {
                letters.by_ref().find(char::is_ascii_alphabetic);
            } else {
                out.push(letter);
            }
        }
        out
    }

    fn view<'a>(text: &'a Text, name: &'a str) -> View<'a> {
        View { text, name, top: 0, numbers: false, state: None, message: "", prompt: None, keys: &[], found: None }
    }

    #[test]
    fn the_title_bar_is_nanos() {
        let mut text = Text::new("");
        let at = |text: &Text, name: &str, columns: usize| bare(&title(&view(text, name), columns));
        assert_eq!(
            at(&text, "hello-job.yaml", 80),
            format!("{:80}", "  GNU nano 7.2                     hello-job.yaml")
        );
        assert_eq!(at(&text, "", 80), format!("{:80}", "  GNU nano 7.2                       New Buffer"));
        text.type_letter('x');
        let changed = at(&text, "hello-job.yaml", 80);
        assert!(changed.ends_with("Modified  ") && changed.len() == 80, "{changed:?}");
        assert_eq!(at(&text, "a-very-long-name.yaml", 20).chars().count(), 20);
    }

    #[test]
    fn a_long_line_is_cut_with_a_mark_and_pages_with_the_cursor() {
        let mut text = Text::new("abcdefghijklmnopqrstuvwxyz\nabcdefghijklmnopqrstuvwxyz\n");
        text.go(0, 22);
        let rows = compose(&view(&text, ""), 20, 10);
        assert_eq!(bare(&rows.0[2]), "abcdefghijklmnopqrs>");
        assert_eq!(bare(&rows.0[1]), "<nopqrstuvwxyz");
        assert_eq!(rows.1, (1, 10));
        let exact = Text::new("12345678901234567890\n");
        assert_eq!(bare(&compose(&view(&exact, ""), 20, 10).0[1]), "12345678901234567890");
    }

    #[test]
    fn only_changed_rows_are_sent() {
        let mut text = Text::new("a\nb\n");
        let mut screen = Screen::default();
        screen.draw(&view(&text, "f"), (80, 24));
        text.go(1, 1);
        let bytes = screen.draw(&view(&text, "f"), (80, 24));
        assert_eq!(bytes, "\x1b[?25l\x1b[3;2H\x1b[?25h");
    }

    #[test]
    fn any_window_size_is_drawn() {
        let text = Text::new("漢字漢字漢字\t\tabc\n\n");
        let keys = [("^G", "Help"), ("^X", "Exit")];
        for columns in 1..40 {
            for rows in 1..10 {
                let view = View { numbers: true, message: "Wrote 12 lines", keys: &keys, ..view(&text, "name") };
                Screen::default().draw(&view, (columns, rows));
                assert_eq!(compose(&view, columns.into(), rows.into()).0.len(), usize::from(rows));
            }
        }
    }
}
