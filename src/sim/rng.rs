//! Seeded randomness, forked by name: a new consumer does not shift what the others draw.

/// The seed of a simulation or of a named part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A seed from a number that a person may type.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number this seed was made of.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The seed of the part called `name`: the same name gives the same seed.
    pub fn fork(self, name: &str) -> Seed {
        // FNV-1a over the name, started from the parent's seed: stable over versions and platforms.
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ self.0;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Seed(hash)
    }

    /// A generator started from this seed.
    pub fn rng(self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_depends_on_its_name_and_parent_alone() {
        let seed = Seed::new(7);
        assert_eq!(seed.fork("names"), Seed::new(7).fork("names"));
        assert_ne!(seed.fork("names"), seed.fork("uids"));
        assert_ne!(seed.fork("names"), Seed::new(8).fork("names"));
    }

    #[test]
    fn the_same_seed_draws_the_same_numbers() {
        let draw = || {
            let mut rng = Seed::new(1).rng();
            [rng.u64(..), rng.u64(..)]
        };
        assert_eq!(draw(), draw());
    }
}
