//! `cut`: parts of lines.

use super::put_line;
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering, once};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Cut {
    fields: bool,
    ranges: Vec<(usize, usize)>,
    delimiter: char,
    only: bool,
    output: String,
}

impl Filter for Cut {
    fn line(&mut self, line: &[u8], _: LineEnd, out: &mut Out) -> bool {
        let text = String::from_utf8_lossy(line);
        let wanted = |index: usize| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&(index + 1)));
        if self.fields {
            if !text.contains(self.delimiter) {
                if !self.only {
                    put_line(out, line, true);
                }
                return true;
            }
            let kept: Vec<&str> = text
                .split(self.delimiter)
                .enumerate()
                .filter(|(index, _)| wanted(*index))
                .map(|(_, part)| part)
                .collect();
            out.out(&format!("{}\n", kept.join(&self.output)));
        } else {
            let kept: String = text.chars().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, c)| c).collect();
            out.out(&format!("{kept}\n"));
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "cut"
    }
}

pub fn cut(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "sn", "dfcbO") {
        Ok(options) => options,
        Err(bad) => return bad.task("cut"),
    };
    let list = options.value('f').or_else(|| options.value('c')).or_else(|| options.value('b'));
    let Some(list) = list else {
        return once(args, |_, kernel, out| {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\n",
                Flavour::Busybox => "cut: expected a list of bytes, characters, or fields\n",
            });
            1
        });
    };
    let range = |text: &str| match text.split_once('-') {
        Some((from, to)) => (from.parse().unwrap_or(1), to.parse().unwrap_or(usize::MAX)),
        None => {
            let number = text.parse().unwrap_or(0);
            (number, number)
        }
    };
    let delimiter = options.value('d').and_then(|text| text.chars().next()).unwrap_or('\t');
    let cut = Cut {
        fields: options.value('f').is_some(),
        ranges: list.split(',').map(range).collect(),
        delimiter,
        only: options.has('s'),
        output: delimiter.to_string(),
    };
    filtering(cut, &options.words)
}
