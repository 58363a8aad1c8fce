//! `wc`: lines, words, characters and bytes.

use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::parse;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Count {
    show: Vec<char>,
    now: [u64; 5],
    total: [u64; 5],
    in_word: bool,
    files: u32,
    file: String,
    alone: bool,
    rows: Vec<([u64; 5], String)>,
}

impl Filter for Count {
    const BYTES: bool = true;
    fn begin(&mut self, file: &str, _: &mut Out) {
        self.now = [0; 5];
        self.in_word = false;
        self.files += 1;
        file.clone_into(&mut self.file);
    }
    fn line(&mut self, bytes: &[u8], _: LineEnd, _: &mut Out) -> bool {
        let [lines, words, characters, count, _] = &mut self.now;
        *count += bytes.len() as u64;
        for byte in bytes {
            *lines += u64::from(*byte == b'\n');
            *characters += u64::from(byte & 0xc0 != 0x80);
            let white = byte.is_ascii_whitespace();
            *words += u64::from(!white && !self.in_word);
            self.in_word = !white;
        }
        true
    }
    fn end(&mut self, _: &mut Kernel, _: &mut Out) -> bool {
        for (total, now) in self.total.iter_mut().zip(self.now) {
            *total += now;
        }
        self.rows.push((self.now, self.file.clone()));
        true
    }
    fn finish(&mut self, kernel: &mut Kernel, out: &mut Out, failed: bool) -> i32 {
        if self.files > 1 || self.rows.len() > 1 {
            self.rows.push((self.total, "total".into()));
        }
        let digits = self.rows.iter().flat_map(|(row, _)| row.iter()).max().map_or(1, |most| most.to_string().len());
        let one = self.show.len() == 1 && self.rows.len() == 1;
        for (row, name) in &self.rows {
            let columns = [('l', 0), ('w', 1), ('m', 2), ('c', 3)];
            let shown: Vec<String> = columns
                .iter()
                .filter(|(letter, _)| self.show.contains(letter))
                .filter_map(|(_, index)| row.get(*index))
                .map(|number| match kernel.flavour() {
                    Flavour::Gnu if one => number.to_string(),
                    Flavour::Gnu if self.alone => format!("{number:>7}"),
                    Flavour::Gnu => format!("{number:>digits$}"),
                    Flavour::Busybox if self.show.len() == 1 => number.to_string(),
                    Flavour::Busybox => format!("{number:>9}"),
                })
                .collect();
            let text = shown.join(" ");
            let name = if name == "-" && self.alone { String::new() } else { format!(" {name}") };
            out.out(&format!("{text}{name}\n"));
        }
        i32::from(failed)
    }
    fn name(&self) -> &'static str {
        "wc"
    }
}

pub fn wc(args: &[String]) -> Box<dyn Task> {
    let options = match parse(args, "lwcmL", "") {
        Ok(options) => options,
        Err(bad) => return bad.task("wc"),
    };
    let mut show: Vec<char> = "lwmc".chars().filter(|letter| options.has(*letter)).collect();
    if show.is_empty() {
        show = vec!['l', 'w', 'c'];
    }
    let alone = options.words.is_empty();
    filtering(
        Count {
            show,
            now: [0; 5],
            total: [0; 5],
            in_word: false,
            files: 0,
            file: String::new(),
            alone,
            rows: Vec::new(),
        },
        &options.words,
    )
}
