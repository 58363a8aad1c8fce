//! A quiz block: a question, its choices and why. Knows no page.

use super::{Reader, inline};

/// A question with choices, as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiz {
    /// Names it in its lesson: `quiz-1`.
    pub id: String,
    /// The question.
    pub question: String,
    /// What can be chosen; at least one is right.
    pub choices: Vec<Choice>,
    /// Why the right ones are right.
    pub explanation: String,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its text, as HTML.
    pub text: String,
    /// Whether it is right.
    pub right: bool,
    /// Why, as HTML; empty when the quiz explains its answer as a whole.
    pub why: String,
}

impl Quiz {
    /// Whether several choices are right.
    pub fn has_several_answers(&self) -> bool {
        self.choices.iter().filter(|choice| choice.right).count() > 1
    }
}

enum Part {
    Question,
    Choice,
    Why,
    Explanation,
}

impl Reader<'_> {
    /// Lines starting with `? ` (question), `- [x] ` or `- [ ] ` (choices), `: ` (why the choice above is right or
    /// wrong) and `= ` (explanation of the whole); others go on.
    pub(super) fn quiz(&mut self, line: usize, content: &str) -> Option<Quiz> {
        let (mut question, mut explanation) = (String::new(), String::new());
        let mut choices: Vec<(String, bool, String)> = Vec::new();
        let mut part = None;
        for (at, text) in content.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let text = text.trim();
            if let Some(rest) = text.strip_prefix("? ") {
                part = Some(Part::Question);
                question.push_str(rest);
            } else if let Some(rest) = text.strip_prefix("= ") {
                part = Some(Part::Explanation);
                explanation.push_str(rest);
            } else if let Some((right, rest)) = choice(text) {
                part = Some(Part::Choice);
                choices.push((rest.to_owned(), right, String::new()));
            } else if let (Some(rest), Some((.., why))) = (text.strip_prefix(": "), choices.last_mut()) {
                part = Some(Part::Why);
                why.push_str(rest);
            } else {
                let goes_on = match part {
                    Some(Part::Question) => Some(&mut question),
                    Some(Part::Explanation) => Some(&mut explanation),
                    Some(Part::Choice) => choices.last_mut().map(|(text, ..)| text),
                    Some(Part::Why) => choices.last_mut().map(|(.., why)| why),
                    None => None,
                };
                let Some(goes_on) = goes_on.filter(|_| !text.starts_with("- ")) else {
                    let message = "a line of a quiz starts with `? ` (question), `- [ ] ` or `- [x] ` (choice), `: ` \
                                   (why that choice) or `= ` (explanation)";
                    self.problem(line + 1 + at, message);
                    return None;
                };
                goes_on.push(' ');
                goes_on.push_str(text);
            }
        }
        let right = choices.iter().filter(|(_, right, _)| *right).count();
        let explained = !explanation.is_empty() || choices.iter().all(|(.., why)| !why.is_empty());
        let missing = match (question.is_empty(), choices.len(), right, explained) {
            (true, ..) => "a quiz has a question: a line that starts with `? `",
            (_, 0 | 1, ..) => {
                "a quiz has two choices at least: lines that start with `- [ ] `, the right ones with `- [x] `"
            }
            (_, _, 0, _) => "no choice of this quiz is right: mark each right one with `- [x] `",
            (_, all, right, _) if all == right => "every choice of this quiz is right: one `- [ ] ` at least is wrong",
            (.., false) => {
                "a quiz explains its answer: a line that starts with `= `, or one that starts with `: ` below each choice"
            }
            _ => "",
        };
        if !missing.is_empty() {
            self.problem(line, missing);
            return None;
        }
        let choice = |(text, right, why): &(String, bool, String)| Choice {
            text: inline(text),
            right: *right,
            why: inline(why),
        };
        let choices = choices.iter().map(choice).collect();
        let id = format!("quiz-{}", self.quizzes);
        Some(Quiz { id, question: inline(&question), choices, explanation: inline(&explanation) })
    }
}

fn choice(text: &str) -> Option<(bool, &str)> {
    text.strip_prefix("- [ ] ").map(|rest| (false, rest)).or_else(|| {
        let rest = text.strip_prefix("- [x] ").or_else(|| text.strip_prefix("- [X] "))?;
        Some((true, rest))
    })
}
