//! Checksums and base64.

use base64::Engine;
use sha2::{Digest, Sha256};

use super::{HELD, put_line};
use crate::shell::applets::driver::{Filter, LineEnd, Out, filtering};
use crate::shell::applets::options::{Options, parse};
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::task::Task;

#[derive(Clone, Debug)]
pub(super) struct Sum {
    kind: SumKind,
    bytes: Vec<u8>,
    file: String,
    decode: bool,
    wrap: usize,
    failed: bool,
}

impl Filter for Sum {
    const BYTES: bool = true;
    fn begin(&mut self, file: &str, _: &mut Out) {
        file.clone_into(&mut self.file);
        self.bytes.clear();
    }
    fn line(&mut self, bytes: &[u8], _: LineEnd, _: &mut Out) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() < HELD
    }
    fn end(&mut self, kernel: &mut Kernel, out: &mut Out) -> bool {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let engine = base64::engine::general_purpose::STANDARD;
        match self.kind {
            SumKind::Sha256 => out.out(&format!("{}  {}\n", hex(&Sha256::digest(&self.bytes)), self.file)),
            SumKind::Md5 => {
                out.out(&format!("{}  {}\n", hex(&crate::shell::applets::md5::digest(&self.bytes)), self.file))
            }
            SumKind::Base64 if self.decode => {
                let clean: Vec<u8> = self.bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                let whole = clean.len() / 4 * 4;
                match engine.decode(&clean) {
                    Ok(bytes) => out.put(1, &bytes),
                    Err(_) => {
                        // What comes before the mistake is printed, as the real tools do.
                        let mut good = whole;
                        while good > 0 && engine.decode(clean.get(..good).unwrap_or_default()).is_err() {
                            good -= 4;
                        }
                        out.put(1, &engine.decode(clean.get(..good).unwrap_or_default()).unwrap_or_default());
                        self.failed = true;
                        out.err(match kernel.flavour() {
                            Flavour::Gnu => "base64: invalid input\n",
                            Flavour::Busybox => "base64: truncated input\n",
                        });
                    }
                }
            }
            SumKind::Base64 => {
                let text = engine.encode(&self.bytes);
                if self.wrap == 0 {
                    out.out(&text);
                } else {
                    for line in text.as_bytes().chunks(self.wrap) {
                        put_line(out, line, true);
                    }
                }
            }
        }
        true
    }
    fn finish(&mut self, _: &mut Kernel, _: &mut Out, failed: bool) -> i32 {
        i32::from(failed || self.failed)
    }
    fn name(&self) -> &'static str {
        match self.kind {
            SumKind::Sha256 => "sha256sum",
            SumKind::Md5 => "md5sum",
            SumKind::Base64 => "base64",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SumKind {
    Sha256,
    Md5,
    Base64,
}

pub(super) fn sum(kind: SumKind, options: Options) -> Box<dyn Task> {
    let wrap = options.value('w').and_then(|text| text.parse().ok()).unwrap_or(76);
    filtering(
        Sum { kind, bytes: Vec::new(), file: String::new(), decode: options.has('d'), wrap, failed: false },
        &options.words,
    )
}

pub fn sha256sum(args: &[String]) -> Box<dyn Task> {
    parse(args, "bt", "").map_or_else(|bad| bad.task("sha256sum"), |options| sum(SumKind::Sha256, options))
}

pub fn md5sum(args: &[String]) -> Box<dyn Task> {
    parse(args, "bt", "").map_or_else(|bad| bad.task("md5sum"), |options| sum(SumKind::Md5, options))
}

pub fn base64(args: &[String]) -> Box<dyn Task> {
    parse(args, "di", "w").map_or_else(|bad| bad.task("base64"), |options| sum(SumKind::Base64, options))
}
