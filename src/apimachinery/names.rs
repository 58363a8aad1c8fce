//! Generated names and uids.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/rand and apiserver/pkg/storage/names.

/// The letters of generated suffixes: no vowels and no digits that look like them, so that no words come out.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The longest name that `generateName` makes, suffix included.
const MAX_NAME_LENGTH: usize = 63;

/// A random suffix of `length` letters.
pub fn suffix(rng: &mut fastrand::Rng, length: usize) -> String {
    (0..length).filter_map(|_| ALPHABET.get(rng.usize(..ALPHABET.len())).map(|letter| char::from(*letter))).collect()
}

/// Keeps a hash readable: each character becomes a letter of the alphabet.
///
/// Models `rand.SafeEncodeString`.
pub fn safe_encode(text: &str) -> String {
    text.bytes()
        .filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()).map(|letter| char::from(*letter)))
        .collect()
}

/// The name made from `generateName`: the base, cut so that five more letters fit, and a random suffix.
pub fn generate(rng: &mut fastrand::Rng, base: &str) -> String {
    let cut: String = base.chars().take(MAX_NAME_LENGTH - 5).collect();
    format!("{cut}{}", suffix(rng, 5))
}

/// A random (version 4) UUID.
pub fn uid(rng: &mut fastrand::Rng) -> String {
    let bits = (rng.u128(..) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48)) | (0x4000_u128 << 64) | (0x8000_u128 << 48);
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_base_is_cut_so_that_the_suffix_fits() {
        let name = generate(&mut fastrand::Rng::with_seed(1), &"a".repeat(100));
        assert_eq!(name.len(), MAX_NAME_LENGTH);
    }

    #[test]
    fn a_uid_has_the_form_of_version_4() {
        let uid = uid(&mut fastrand::Rng::with_seed(1));
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!("89ab".contains(char::from(uid.as_bytes()[19])), "{uid}");
    }
}
