//! Blocks in PEM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the first block of this kind holds, such as `CERTIFICATE REQUEST`; `None` when there is none.
pub fn block(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_its_kind() {
        let text = "x\n-----BEGIN A-----\nYWJj\nZA==\n-----END A-----\n";
        assert_eq!(block(text, "A").as_deref(), Some(b"abcd".as_slice()));
        assert_eq!(block(text, "B"), None);
        assert_eq!(block("-----BEGIN A-----\n?\n-----END A-----", "A"), None);
    }
}
