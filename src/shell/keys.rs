//! Turns the bytes that a terminal sends into keys: UTF-8 split over chunks, xterm's escape sequences, bracketed
//! paste. Knows nothing of what a key does.

/// A key, or text that was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// Ctrl with a character, in lower case: `Ctrl('c')`, `Ctrl('_')`. Enter, Tab and Backspace have their own.
    Ctrl(char),
    /// Alt with a character, or Escape and then the character.
    Alt(char),
    /// Return; a line feed too.
    Enter,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace (0x7f or Ctrl-H).
    Backspace,
    /// Alt-Backspace.
    AltBackspace,
    /// Alt-Enter.
    AltEnter,
    /// Escape twice.
    Escape,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// Ctrl or Alt with an arrow.
    WordLeft,
    /// Ctrl or Alt with an arrow.
    WordRight,
    /// Ctrl or Alt with an arrow.
    BlockUp,
    /// Ctrl or Alt with an arrow.
    BlockDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Ctrl-Home.
    Top,
    /// Ctrl-End.
    Bottom,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Insert.
    Insert,
    /// Delete.
    Delete,
    /// Ctrl-Delete or Alt-Delete.
    WordDelete,
    /// F1 to F24.
    Function(u8),
    /// Text between the marks of a bracketed paste, with `\n` as line ends.
    Paste(String),
}

/// The most that one bracketed paste may hold, in bytes; the rest arrives as a second paste.
const PASTE_LIMIT: usize = 1 << 20;
/// The longest escape sequence that is waited for.
const SEQUENCE_LIMIT: usize = 32;

/// Bytes that do not make a key yet, from chunk to chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyDecoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl KeyDecoder {
    /// The keys that `bytes` complete. An Escape at the end waits for the next byte, as a Meta prefix.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        self.pending.extend_from_slice(bytes);
        let taken = std::mem::take(&mut self.pending);
        let mut rest = taken.as_slice();
        while !rest.is_empty() {
            if self.paste.is_some() {
                rest = self.take_paste(rest, &mut keys);
                if self.paste.is_some() {
                    break;
                }
                continue;
            }
            match decode(rest) {
                Decoded::Key(key, length) => {
                    keys.push(key);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Decoded::Nothing(length) => rest = rest.get(length..).unwrap_or_default(),
                Decoded::PasteStart(length) => {
                    self.paste = Some(Vec::new());
                    rest = rest.get(length..).unwrap_or_default();
                }
                Decoded::More => {
                    self.pending = rest.to_vec();
                    break;
                }
            }
        }
        keys
    }

    /// Takes bytes of a paste up to its end mark; gives what follows it.
    fn take_paste<'a>(&mut self, bytes: &'a [u8], keys: &mut Vec<Key>) -> &'a [u8] {
        const END: &[u8] = b"\x1b[201~";
        let Some(mut text) = self.paste.take() else { return bytes };
        let found = bytes.windows(END.len()).position(|window| window == END);
        if let Some(at) = found {
            text.extend_from_slice(bytes.get(..at).unwrap_or_default());
            keys.push(paste(&text));
            return bytes.get(at + END.len()..).unwrap_or_default();
        }
        // The end mark itself may be split: its possible beginning stays pending.
        let split = (1..END.len()).rev().find(|length| bytes.ends_with(END.get(..*length).unwrap_or_default()));
        let kept = bytes.len() - split.unwrap_or(0);
        text.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        self.pending = bytes.get(kept..).unwrap_or_default().to_vec();
        if text.len() > PASTE_LIMIT {
            keys.push(paste(&text));
            text.clear();
        }
        self.paste = Some(text);
        &[]
    }
}

/// Pasted text as a key: line ends become `\n`, other control characters but tabs are dropped.
fn paste(bytes: &[u8]) -> Key {
    Key::Paste(clean_paste(&String::from_utf8_lossy(bytes)))
}

/// Text from a clipboard as an editor takes it: line ends are `\n`, other control characters but tabs are gone.
pub fn clean_paste(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

enum Decoded {
    Key(Key, usize),
    Nothing(usize),
    PasteStart(usize),
    More,
}

fn decode(bytes: &[u8]) -> Decoded {
    let Some(first) = bytes.first().copied() else { return Decoded::More };
    match first {
        0x1b => decode_escape(bytes),
        b'\r' | b'\n' => Decoded::Key(Key::Enter, 1),
        b'\t' => Decoded::Key(Key::Tab, 1),
        0x7f | 0x08 => Decoded::Key(Key::Backspace, 1),
        0x00 => Decoded::Key(Key::Ctrl('@'), 1),
        0x01..=0x1a => Decoded::Key(Key::Ctrl(char::from(first + b'a' - 1)), 1),
        0x1c..=0x1f => Decoded::Key(Key::Ctrl(char::from(first + b'@')), 1),
        0x20..=0x7e => Decoded::Key(Key::Char(char::from(first)), 1),
        _ => decode_utf8(bytes, first),
    }
}

fn decode_utf8(bytes: &[u8], first: u8) -> Decoded {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Decoded::Nothing(1),
    };
    let Some(encoded) = bytes.get(..length) else {
        // Wait only while what has come can still become a character.
        let fine = bytes.iter().skip(1).all(|byte| (0x80..=0xbf).contains(byte));
        return if fine { Decoded::More } else { Decoded::Nothing(1) };
    };
    match std::str::from_utf8(encoded).ok().and_then(|text| text.chars().next()) {
        Some(letter) if letter.is_control() => Decoded::Nothing(length),
        Some(letter) => Decoded::Key(Key::Char(letter), length),
        None => Decoded::Nothing(1),
    }
}

fn decode_escape(bytes: &[u8]) -> Decoded {
    match bytes.get(1).copied() {
        None => Decoded::More,
        Some(b'[') => decode_csi(bytes),
        Some(b'O') => match bytes.get(2).copied() {
            None => Decoded::More,
            Some(letter) => match letter_key(letter, 1) {
                Some(key) => Decoded::Key(key, 3),
                None => Decoded::Nothing(3),
            },
        },
        Some(0x1b) => match bytes.get(2).copied() {
            // Alt with an arrow, as some terminals send it.
            Some(b'[' | b'O') => Decoded::Nothing(1),
            _ => Decoded::Key(Key::Escape, 2),
        },
        Some(0x7f | 0x08) => Decoded::Key(Key::AltBackspace, 2),
        Some(b'\r' | b'\n') => Decoded::Key(Key::AltEnter, 2),
        Some(control @ 0x01..=0x1a) => Decoded::Key(Key::Ctrl(char::from(control + b'a' - 1)), 2),
        Some(_) => match decode(bytes.get(1..).unwrap_or_default()) {
            Decoded::Key(Key::Char(letter), length) => Decoded::Key(Key::Alt(letter), length + 1),
            Decoded::Key(_, length) | Decoded::Nothing(length) | Decoded::PasteStart(length) => {
                Decoded::Nothing(length + 1)
            }
            Decoded::More => Decoded::More,
        },
    }
}

/// `ESC [ parameters final`.
fn decode_csi(bytes: &[u8]) -> Decoded {
    let body = bytes.get(2..).unwrap_or_default();
    // The Linux console's function keys: ESC [ [ A.
    if body.first() == Some(&b'[') {
        return match body.get(1) {
            None => Decoded::More,
            Some(letter @ b'A'..=b'E') => Decoded::Key(Key::Function(letter - b'A' + 1), 4),
            Some(_) => Decoded::Nothing(4),
        };
    }
    let Some(end) = body.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return if body.len() > SEQUENCE_LIMIT { Decoded::Nothing(bytes.len()) } else { Decoded::More };
    };
    let length = end + 3;
    let last = body.get(end).copied().unwrap_or_default();
    let text = String::from_utf8_lossy(body.get(..end).unwrap_or_default()).into_owned();
    let mut numbers = text.split(';').map(|number| number.parse::<u32>().unwrap_or(0));
    let (code, modifier) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
    let key = if last == b'~' {
        match code {
            200 => return Decoded::PasteStart(length),
            1 | 7 if modifier > 2 => Some(Key::Top),
            4 | 8 if modifier > 2 => Some(Key::Bottom),
            1 | 7 => Some(Key::Home),
            4 | 8 => Some(Key::End),
            2 => Some(Key::Insert),
            3 if modifier > 2 => Some(Key::WordDelete),
            3 => Some(Key::Delete),
            5 => Some(Key::PageUp),
            6 => Some(Key::PageDown),
            11..=15 => u8::try_from(code - 10).ok().map(Key::Function),
            17..=21 => u8::try_from(code - 11).ok().map(Key::Function),
            23..=24 => u8::try_from(code - 12).ok().map(Key::Function),
            _ => None,
        }
    } else {
        letter_key(last, modifier)
    };
    key.map_or(Decoded::Nothing(length), |key| Decoded::Key(key, length))
}

/// The keys whose sequence ends with a letter; a modifier above 2 is Alt or Ctrl, 2 is Shift.
fn letter_key(letter: u8, modifier: u32) -> Option<Key> {
    let far = modifier > 2;
    Some(match letter {
        b'A' if far => Key::BlockUp,
        b'B' if far => Key::BlockDown,
        b'C' if far => Key::WordRight,
        b'D' if far => Key::WordLeft,
        b'H' if far => Key::Top,
        b'F' if far => Key::Bottom,
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'Z' => Key::BackTab,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::Function(letter - b'P' + 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_a_terminal_become_keys() {
        let cases: &[(&str, &[u8], &[Key])] = &[
            ("plain text", b"ab", &[Key::Char('a'), Key::Char('b')]),
            ("controls", b"\x01\x03\x1f", &[Key::Ctrl('a'), Key::Ctrl('c'), Key::Ctrl('_')]),
            ("arrows in both modes", b"\x1b[A\x1bOB", &[Key::Up, Key::Down]),
            ("ctrl and alt arrows", b"\x1b[1;5C\x1b[1;3D", &[Key::WordRight, Key::WordLeft]),
            ("home and end in three dialects", b"\x1b[H\x1b[1~\x1bOF", &[Key::Home, Key::Home, Key::End]),
            ("delete and page keys", b"\x1b[3~\x1b[5~\x1b[6~", &[Key::Delete, Key::PageUp, Key::PageDown]),
            ("alt with letters", b"\x1bf\x1b\x7f", &[Key::Alt('f'), Key::AltBackspace]),
            ("a paste", b"\x1b[200~a\r\nb\x07\x1b[201~c", &[Key::Paste("a\nb".into()), Key::Char('c')]),
            ("function keys", b"\x1bOP\x1b[15~\x1b[24~", &[Key::Function(1), Key::Function(5), Key::Function(12)]),
            ("unknown sequences are swallowed whole", b"\x1b[?1;2cx", &[Key::Char('x')]),
            ("broken utf-8 is dropped", b"\xff\xc3x", &[Key::Char('x')]),
        ];
        for (name, bytes, keys) in cases {
            assert_eq!(&KeyDecoder::default().feed(bytes), keys, "{name}");
        }
    }

    #[test]
    fn it_makes_no_difference_where_a_chunk_ends() {
        let bytes = "é漢\x1b[1;5C\x1b[200~über\nx\x1b[201~\x1bb".as_bytes();
        let whole = KeyDecoder::default().feed(bytes);
        assert_eq!(whole.len(), 5);
        for cut in 0..bytes.len() {
            let mut decoder = KeyDecoder::default();
            let mut keys = decoder.feed(&bytes[..cut]);
            keys.extend(decoder.feed(&bytes[cut..]));
            assert_eq!(keys, whole, "cut at {cut}");
        }
    }
}
