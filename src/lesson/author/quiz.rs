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
}

enum Part {
    Question,
    Choice,
    Explanation,
}

impl Reader<'_> {
    /// Lines starting with `? ` (question), `- [x] ` or `- [ ] ` (choices) and `= ` (explanation); others go on.
    pub(super) fn quiz(&mut self, line: usize, content: &str) -> Option<Quiz> {
        let (mut question, mut explanation) = (String::new(), String::new());
        let mut choices: Vec<(String, bool)> = Vec::new();
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
                choices.push((rest.to_owned(), right));
            } else {
                let goes_on = match part {
                    Some(Part::Question) => Some(&mut question),
                    Some(Part::Explanation) => Some(&mut explanation),
                    Some(Part::Choice) => choices.last_mut().map(|(text, _)| text),
                    None => None,
                };
                let Some(goes_on) = goes_on.filter(|_| !text.starts_with("- ")) else {
                    let message =
                        "a line of a quiz starts with `? ` (question), `- [ ] ` or `- [x] ` (choice) or `= ` (why)";
                    self.problem(line + 1 + at, message);
                    return None;
                };
                goes_on.push(' ');
                goes_on.push_str(text);
            }
        }
        let right = choices.iter().filter(|(_, right)| *right).count();
        let missing = match (question.is_empty(), choices.len(), right, explanation.is_empty()) {
            (true, ..) => "a quiz has a question: a line that starts with `? `",
            (_, 0 | 1, ..) => {
                "a quiz has two choices at least: lines that start with `- [ ] `, the right one with `- [x] `"
            }
            (_, _, right, _) if right != 1 => "exactly one choice of a quiz is right: mark it `- [x] `",
            (.., true) => "a quiz explains its answer: a line that starts with `= `",
            _ => "",
        };
        if !missing.is_empty() {
            self.problem(line, missing);
            return None;
        }
        let choices = choices.iter().map(|(text, right)| Choice { text: inline(text), right: *right }).collect();
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
