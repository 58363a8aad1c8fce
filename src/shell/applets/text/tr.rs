//! `tr`: characters replaced, dropped and squeezed.

use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering, once};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::pattern::named;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Translate {
    from: Vec<char>,
    to: Vec<char>,
    delete: bool,
    squeeze: bool,
    complement: bool,
    last: Option<char>,
    rest: Vec<u8>,
}

impl Filter for Translate {
    const BYTES: bool = true;
    fn line(&mut self, bytes: &[u8], _: LineEnd, out: &mut Out) -> bool {
        self.rest.extend_from_slice(bytes);
        let valid = match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.rest.len(),
        };
        let text: String = String::from_utf8_lossy(self.rest.get(..valid).unwrap_or_default()).into_owned();
        self.rest.drain(..valid);
        let mut result = String::new();
        for c in text.chars() {
            let place = self.from.iter().position(|known| *known == c);
            let hit = place.is_some() != self.complement;
            if hit && self.delete {
                continue;
            }
            let new = match (hit && !self.to.is_empty(), place) {
                (true, Some(at)) if !self.complement => self.to.get(at).or(self.to.last()).copied().unwrap_or(c),
                (true, _) => self.to.last().copied().unwrap_or(c),
                _ => c,
            };
            let squeezed = if self.to.is_empty() {
                hit
            } else if self.delete {
                self.to.contains(&new)
            } else {
                hit
            };
            if self.squeeze && squeezed && self.last == Some(new) {
                continue;
            }
            self.last = if squeezed { Some(new) } else { None };
            result.push(new);
        }
        out.out(&result);
        true
    }
    fn finish(&mut self, _: &mut Kernel, out: &mut Out, _: bool) -> i32 {
        out.put(1, &self.rest);
        0
    }
    fn name(&self) -> &'static str {
        "tr"
    }
}

pub(super) fn character_set(text: &str) -> Vec<char> {
    let (text, _) = crate::shell::escape::unescape(text, crate::shell::escape::Style::Printf);
    let chars: Vec<char> = text.chars().collect();
    let mut set = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        if c == '[' && chars.get(at + 1) == Some(&':') {
            let rest: String = chars.iter().skip(at + 2).collect();
            if let Some(end) = rest.find(":]") {
                for (low, high) in named(rest.get(..end).unwrap_or_default()) {
                    set.extend(low..=high);
                }
                at += end + 4;
                continue;
            }
        }
        if let (Some('-'), Some(high)) = (chars.get(at + 1), chars.get(at + 2))
            && *high >= c
        {
            set.extend((c..=*high).take(70_000));
            at += 3;
            continue;
        }
        set.push(c);
        at += 1;
    }
    set
}

pub fn tr(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "dscCt", "") {
        Ok(options) => options,
        Err(bad) => return bad.task("tr"),
    };
    let delete = options.has('d');
    let Some(from) = options.words.first() else {
        return once(args, |_, _, out| {
            out.err("tr: missing operand\nTry 'tr --help' for more information.\n");
            1
        });
    };
    let to = options.words.get(1).map(|text| character_set(text)).unwrap_or_default();
    let translate = Translate {
        from: character_set(from),
        to,
        delete,
        squeeze: options.has('s'),
        complement: options.has('c') || options.has('C'),
        last: None,
        rest: Vec::new(),
    };
    filtering(translate, &[])
}
