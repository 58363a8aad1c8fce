//! The words of a lesson that have a spelling: its prose, the kinds of its manifests, and what looks like a kubectl
//! command. Judges none of them.

/// Words by the line on which they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Prose, without code.
    pub prose: Vec<(usize, String)>,
    /// What stands behind `kind:` in YAML.
    pub kinds: Vec<(usize, String)>,
    /// Commands that begin with `kubectl`, in the text and in blocks of code.
    pub commands: Vec<(usize, String)>,
}

/// What a fenced block holds.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Prose,
    /// YAML of ours: prose stands behind some keys.
    Keys,
    Shell,
    Yaml,
    Nothing,
}

/// Goes through the text of a lesson.
pub(super) fn words(text: &str) -> Words {
    let mut words = Words::default();
    let mut fences: Vec<(usize, Holds)> = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut front_matter = text.starts_with("---\n");
    for (at, line) in lines.iter().enumerate() {
        let number = at + 1;
        front_matter &= at == 0 || *line != "---";
        let ticks = line.trim_start().chars().take_while(|c| *c == '`').count();
        if ticks >= 3 {
            let info = line.trim_start().trim_start_matches('`').trim();
            match fences.last() {
                Some((open, _)) if info.is_empty() && ticks >= *open => drop(fences.pop()),
                _ => fences.push((ticks, holds(info, lines.get(at + 1..).unwrap_or_default(), ticks))),
            }
            continue;
        }
        match fences.last().map_or(Holds::Prose, |(_, holds)| *holds) {
            Holds::Prose if !front_matter => prose(&mut words, number, line),
            Holds::Prose | Holds::Keys if is_told(line) => prose(&mut words, number, line),
            Holds::Shell if line.trim_start().starts_with("kubectl ") => {
                words.commands.push((number, line.trim().to_owned()));
            }
            Holds::Yaml => {
                let kind = line.trim_start_matches(['-', ' ']).strip_prefix("kind:").map(str::trim);
                let plain = kind.filter(|kind| kind.chars().all(char::is_alphanumeric) && !kind.is_empty());
                words.kinds.extend(plain.map(|kind| (number, kind.to_owned())));
            }
            _ => {}
        }
    }
    words
}

fn is_told(line: &str) -> bool {
    let line = line.trim_start_matches(['-', ' ']);
    ["title:", "description:", "text:", "hint:"].iter().any(|key| line.starts_with(key))
}

/// What a block holds by its first line. A command that fails on purpose, with what it prints below it, is not read.
fn holds(info: &str, after: &[&str], ticks: usize) -> Holds {
    let mut given = info.split_whitespace();
    match given.next().unwrap_or_default() {
        "quiz" | "hint" | "solution" => Holds::Prose,
        "steps" => Holds::Keys,
        "sh" if given.any(|word| word == "fails") => {
            let end = after.iter().position(|line| line.trim() == "`".repeat(ticks)).unwrap_or_default();
            let next = after.iter().skip(end + 1).find(|line| !line.trim().is_empty());
            let shown = next.is_some_and(|line| line.starts_with("```") && line.contains(" output"));
            if shown { Holds::Nothing } else { Holds::Shell }
        }
        "sh" | "console" => Holds::Shell,
        "yaml" => Holds::Yaml,
        _ => Holds::Nothing,
    }
}

/// Odd parts between backticks are code.
fn prose(words: &mut Words, number: usize, line: &str) {
    for (at, part) in line.split('`').enumerate() {
        if at % 2 == 0 {
            // Where a link leads is no prose.
            let shown = part.split("](").enumerate().map(|(at, part)| match part.split_once(')') {
                Some((_, after)) if at > 0 => after,
                _ => part,
            });
            words.prose.push((number, shown.collect::<Vec<_>>().join(" ")));
        } else if part.starts_with("kubectl ") {
            words.commands.push((number, part.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_kinds_and_commands_are_told_apart() {
        let text = "A Cronjob, see `kubectl get jobs` and [here](../Cronjob.md).\n\n```sh run\nkubectl gett\n```\n\
                    ```yaml file=a.yaml\n- kind: Jobb\n  x: kubectl no\n```\n```sh run fails\nkubectl wrong\n```\n\n\
                    ```text output\nkubectl no\n```\n````solution\nText\n```sh run\nkubectl apply -f a\n```\n````\nEnd\n";
        let words = words(text);
        let said: Vec<&str> = words.prose.iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect();
        assert_eq!(said, ["A Cronjob, see", "and [here .", "Text", "End"]);
        assert_eq!(words.kinds, [(7, "Jobb".to_owned())]);
        let commands: Vec<(usize, &str)> = words.commands.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(commands, [(1, "kubectl get jobs"), (4, "kubectl gett"), (20, "kubectl apply -f a")]);
    }
}
