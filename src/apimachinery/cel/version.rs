//! Semantic versions.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel/library/semverlib.go.

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.2.3-rc.1+build`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Version {
    pub(super) numbers: [u64; 3],
    before: Vec<String>,
    build: String,
}

impl Version {
    /// Reads `1.2.3-rc.1+build`.
    pub(super) fn parse(text: &str) -> Result<Version, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let (rest, build) = text.split_once('+').unwrap_or((text, ""));
        let (core, before) = rest.split_once('-').unwrap_or((rest, ""));
        let parts: Vec<&str> = core.splitn(3, '.').collect();
        let [major, minor, patch] = parts.as_slice() else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let mut numbers = [0; 3];
        for ((number, part), name) in numbers.iter_mut().zip([major, minor, patch]).zip(["Major", "Minor", "Patch"]) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("Invalid character(s) found in {} number {part:?}", name.to_lowercase()));
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(format!("{name} number must not contain leading zeroes {part:?}"));
            }
            *number = part.parse().map_err(|_| format!("{name} number {part:?} is too large"))?;
        }
        let before: Vec<String> = if before.is_empty() && !rest.ends_with('-') {
            Vec::new()
        } else {
            before.split('.').map(str::to_owned).collect()
        };
        if before.iter().any(String::is_empty) {
            return Err("Prerelease is empty".to_owned());
        }
        Ok(Version { numbers, before, build: build.to_owned() })
    }

    /// `v1.2` as `1.2.0`.
    pub(super) fn normalized(text: &str) -> Result<Version, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let mut parts: Vec<&str> = core
            .split('.')
            .map(|part| match part.trim_start_matches('0') {
                "" if !part.is_empty() => "0",
                short => short,
            })
            .collect();
        while parts.len() < 3 {
            parts.push("0");
        }
        Version::parse(&format!("{}{rest}", parts.join(".")))
    }

    /// Which of two is the older one; what they were built as does not count.
    pub(super) fn order(&self, other: &Version) -> Ordering {
        let part = |a: &String, b: &String| match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        let before = || match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let pairs = self.before.iter().zip(&other.before).map(|(a, b)| part(a, b));
                let first = pairs.into_iter().find(|order| *order != Ordering::Equal);
                first.unwrap_or_else(|| self.before.len().cmp(&other.before.len()))
            }
        };
        self.numbers.cmp(&other.numbers).then_with(before)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.before.is_empty() {
            write!(f, "-{}", self.before.join("."))?;
        }
        if self.build.is_empty() { Ok(()) } else { write!(f, "+{}", self.build) }
    }
}
