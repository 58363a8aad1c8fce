//! The names of time zones, as the IANA publishes them. Knows no offsets.

static NAMES: &str = include_str!("time_zones.txt");

/// Whether there is a time zone of this name.
pub fn is_known(name: &str) -> bool {
    matches!(name, "UTC" | "") || NAMES.lines().any(|known| known == name)
}
