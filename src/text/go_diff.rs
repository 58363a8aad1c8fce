//! How Go's errors tell two texts apart: a unified difference made of the longest runs of equal lines.
//!
//! Not the shortest difference: that is what `kubectl diff` asks of the world outside. Models
//! github.com/pmezard/go-difflib, a port of Python's `difflib.SequenceMatcher` (Ratcliff and Obershelp).

use std::collections::BTreeMap;

/// A run of lines that both texts have: where it begins in the old and in the new text, and its length.
type Run = (usize, usize, usize);

/// From this number of lines on, lines that come often tell nothing about where a run begins.
const MANY_LINES: usize = 200;

/// The lines of `old` with `-`, those of `new` with `+`, and up to `context` equal ones around them.
pub fn unified(old: &str, new: &str, context: usize) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut out = String::new();
    let mut hunk: Option<Hunk> = None;
    let (mut at, mut to) = (0, 0);
    for (begin, begins, length) in runs(&old, &new) {
        if at < begin || to < begins {
            let open = hunk.get_or_insert_with(|| Hunk::after(&old, at, to, context));
            open.lines.extend(old.get(at..begin).into_iter().flatten().map(|line| format!("-{line}\n")));
            open.lines.extend(new.get(to..begins).into_iter().flatten().map(|line| format!("+{line}\n")));
            open.old.1 += begin - at;
            open.new.1 += begins - to;
        }
        let last = begin + length == old.len() && begins + length == new.len();
        if let Some(mut open) = hunk.take() {
            let apart = last || length > 2 * context;
            let kept = if apart { length.min(context) } else { length };
            open.equal(old.get(begin..begin + kept).unwrap_or_default());
            if apart {
                open.write(&mut out);
            } else {
                hunk = Some(open);
            }
        }
        (at, to) = (begin + length, begins + length);
    }
    out
}

/// Lines that are told together: where they begin and how many they are, in both texts.
struct Hunk {
    old: (usize, usize),
    new: (usize, usize),
    lines: Vec<String>,
}

impl Hunk {
    /// One that begins with the equal lines before these places.
    fn after(old: &[&str], at: usize, to: usize, context: usize) -> Self {
        let before = context.min(at).min(to);
        let mut hunk = Self { old: (at - before, 0), new: (to - before, 0), lines: Vec::new() };
        hunk.equal(old.get(at - before..at).unwrap_or_default());
        hunk
    }

    fn equal(&mut self, lines: &[&str]) {
        self.lines.extend(lines.iter().map(|line| format!(" {line}\n")));
        self.old.1 += lines.len();
        self.new.1 += lines.len();
    }

    fn write(&self, out: &mut String) {
        let range = |(start, length): (usize, usize)| match length {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            _ => format!("{},{length}", start + 1),
        };
        out.push_str(&format!("@@ -{} +{} @@\n", range(self.old), range(self.new)));
        self.lines.iter().for_each(|line| out.push_str(line));
    }
}

/// The runs that both texts have, in their order, with an empty one at the ends of both.
fn runs(old: &[&str], new: &[&str]) -> Vec<Run> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(at);
    }
    if new.len() >= MANY_LINES {
        places.retain(|_, at| at.len() <= new.len() / 100 + 1);
    }
    let mut found = Vec::new();
    let mut open = vec![((0, old.len()), (0, new.len()))];
    while let Some((of, to)) = open.pop() {
        let (begin, begins, length) = longest(old, new, &places, of, to);
        if length > 0 {
            found.push((begin, begins, length));
            open.push(((of.0, begin), (to.0, begins)));
            open.push(((begin + length, of.1), (begins + length, to.1)));
        }
    }
    found.sort_unstable();
    let mut joined: Vec<Run> = Vec::new();
    for run in found {
        match joined.last_mut() {
            Some(last) if last.0 + last.2 == run.0 && last.1 + last.2 == run.1 => last.2 += run.2,
            _ => joined.push(run),
        }
    }
    joined.push((old.len(), new.len(), 0));
    joined
}

/// The longest run within two ranges; of several the one that begins first.
fn longest(
    old: &[&str],
    new: &[&str],
    places: &BTreeMap<&str, Vec<usize>>,
    (from, until): (usize, usize),
    (to, upto): (usize, usize),
) -> Run {
    let mut best = (from, to, 0);
    // The runs that end with the line before: where in the new text, and how long they are.
    let mut ending: Vec<(usize, usize)> = Vec::new();
    for (at, line) in old.iter().enumerate().take(until).skip(from) {
        let mut before = ending.iter().peekable();
        let mut now = Vec::new();
        let here = places.get(line).into_iter().flatten().copied();
        for place in here.skip_while(|place| *place < to).take_while(|place| *place < upto) {
            while before.next_if(|(end, _)| end + 1 < place).is_some() {}
            let length = before.peek().filter(|(end, _)| end + 1 == place).map_or(0, |(_, length)| *length) + 1;
            if length > best.2 {
                best = (at + 1 - length, place + 1 - length, length);
            }
            now.push((place, length));
        }
        ending = now;
    }
    let (mut begin, mut begins, mut length) = best;
    while begin > from && begins > to && old.get(begin - 1) == new.get(begins - 1) {
        (begin, begins, length) = (begin - 1, begins - 1, length + 1);
    }
    while begin + length < until && begins + length < upto && old.get(begin + length) == new.get(begins + length) {
        length += 1;
    }
    (begin, begins, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_counts_not_the_shortest_difference() {
        // What Go's library says of the same lines.
        assert_eq!(unified("a\nb", "a\nc\na\nb", 3), "@@ -1,2 +1,4 @@\n+a\n+c\n a\n b\n");
        assert_eq!(unified("a\nb\nc", "a\nc", 3), "@@ -1,3 +1,2 @@\n a\n-b\n c\n");
        assert_eq!(unified("a", "a", 3), "");
        assert_eq!(unified("a", "b", 3), "@@ -1 +1 @@\n-a\n+b\n");
        assert_eq!(unified("", "b", 3), "@@ -0,0 +1 @@\n+b\n");
    }

    #[test]
    fn changes_that_are_far_apart_are_told_apart() {
        let old: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new[2] = "x".to_owned();
        new[15] = "y".to_owned();
        let told = unified(&old.join("\n"), &new.join("\n"), 3);
        assert_eq!(told.matches("@@ -").count(), 2);
        assert!(told.starts_with("@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+x\n 3\n"), "{told}");
        assert!(told.ends_with("@@ -13,7 +13,7 @@\n 12\n 13\n 14\n-15\n+y\n 16\n 17\n 18\n"), "{told}");
        new[15] = "15".to_owned();
        new[9] = "y".to_owned();
        assert_eq!(unified(&old.join("\n"), &new.join("\n"), 3).matches("@@ -").count(), 1);
    }
}
