//! Names that a mistyped one may have meant. Knows no names of its own.
//!
//! Models github.com/spf13/cobra `SuggestionsFor` and its Levenshtein distance.

/// How many insertions, deletions and replacements of characters turn one text into the other, without case.
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, a) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = at;
        let mut last = at + 1;
        let mut next = vec![last];
        for (b, &above) in right.iter().zip(row.iter().skip(1)) {
            last = (diagonal + usize::from(a != *b)).min(above + 1).min(last + 1);
            next.push(last);
            diagonal = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The names at most two changes away from what was typed, or starting with it: cobra's suggestions, in their order.
pub fn suggestions<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Nobody means a name by a text of this length, and the distance costs the product of both.
    if typed.len() > 200 {
        return Vec::new();
    }
    let start = typed.to_lowercase();
    names.into_iter().filter(|name| distance(typed, name) <= 2 || name.to_lowercase().starts_with(&start)).collect()
}

/// The one nearest name, if it is near enough to be worth saying.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > 200 {
        return None;
    }
    let all = names.into_iter().map(|name| (distance(typed, name), name));
    all.filter(|&(changes, name)| changes <= 2.max(name.chars().count() / 3)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("GET", "get"), 0);
    }

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(suggestions("aply", ["apply", "get", "delete"]), ["apply"]);
        assert_eq!(suggestions("des", ["describe", "delete", "get"]), ["describe", "get"]);
        assert_eq!(nearest("discription", ["description", "minutes"]), Some("description"));
        assert_eq!(nearest("zzzzzz", ["description", "minutes"]), None);
    }
}
