//! Filters of lines and bytes: cat, head, tail, wc, sort, uniq, cut, tr, tee, rev, tac, nl, base64 and checksums.

mod cat;
mod cut;
mod ends;
mod sort;
mod sums;
mod tee;
mod tr;
mod wc;
mod whole;

pub use self::cat::cat;
pub use self::cut::cut;
pub use self::ends::{head, tail};
pub use self::sort::{sort, uniq};
pub use self::sums::{base64, md5sum, sha256sum};
pub use self::tee::tee;
pub use self::tr::tr;
pub use self::wc::wc;
pub use self::whole::{fold, nl, rev, tac};

use super::driver::Out;

/// Most bytes that a filter which needs all of its input may hold.
const HELD: usize = 16 << 20;

fn put_line(out: &mut Out, line: &[u8], newline: bool) {
    out.put(1, line);
    if newline {
        out.put(1, b"\n");
    }
}
