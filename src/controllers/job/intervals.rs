//! Sets of completion indexes, as a Job's status writes them.
//!
//! Models Kubernetes 1.36 pkg/controller/job/indexed_job_utils.go (`orderedIntervals`).

use std::fmt;

/// Indexes in increasing order, written as `1,3-5,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// Reads `1,3-5,7`; indexes from `completions` on are dropped, so are parts that are no numbers.
    pub fn parse(text: &str, completions: i64) -> Self {
        let mut result: Vec<(i64, i64)> = Vec::new();
        if text.is_empty() {
            return Self(result);
        }
        for part in text.split(',') {
            let mut limits = part.split('-');
            let Some(first) = limits.next().and_then(|limit| limit.parse::<i64>().ok()) else { continue };
            if first >= completions {
                break;
            }
            let last = match limits.next() {
                None => first,
                Some(limit) => match limit.parse::<i64>() {
                    Ok(last) => last.min(completions - 1),
                    Err(_) => continue,
                },
            };
            match result.last_mut() {
                Some(before) if before.1 == first - 1 => before.1 = last,
                _ => result.push((first, last)),
            }
        }
        Self(result)
    }

    /// These indexes, given in increasing order, and the old ones.
    pub fn with(&self, indexes: impl IntoIterator<Item = i64>) -> Self {
        self.merge(&Self(indexes.into_iter().map(|index| (index, index)).collect()))
    }

    /// The union of two sets.
    pub fn merge(&self, other: &Self) -> Self {
        let mut result: Vec<(i64, i64)> = Vec::new();
        let mut add = |interval: (i64, i64)| match result.last_mut() {
            Some(last) if interval.0 <= last.1.saturating_add(1) => last.1 = last.1.max(interval.1),
            _ => result.push(interval),
        };
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one.0 < two.0 => left.next().into_iter().for_each(|next| add(*next)),
                (_, Some(_)) => right.next().into_iter().for_each(|next| add(*next)),
                (Some(_), None) => left.next().into_iter().for_each(|next| add(*next)),
                (None, None) => break,
            }
        }
        Self(result)
    }

    /// How many indexes.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this index is among them.
    pub fn has(&self, index: i64) -> bool {
        let at = self.0.partition_point(|interval| interval.1 < index);
        self.0.get(at).is_some_and(|interval| interval.0 <= index)
    }

    /// The intervals, first and last included.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// How many indexes both sets hold.
    pub fn overlap(&self, other: &Self) -> i64 {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut count = 0;
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            count += (one.1.min(two.1) - one.0.max(two.0) + 1).max(0);
            let (ends, other_ends) = (one.1, two.1);
            if ends <= other_ends {
                left.next();
            }
            if other_ends <= ends {
                right.next();
            }
        }
        count
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if last > first {
                write!(f, "{}{last}", if *last == first + 1 { "," } else { "-" })?;
            }
        }
        Ok(())
    }
}
