//! The blocks of a lesson's text as HTML. Knows no page around them.

use std::fmt::Write;

use super::{escape, flow};
use crate::lesson::author::{Block, Commands, Document, Piece, Quiz, Run};
use crate::lesson::model::Step;
use crate::text::words::Words;

/// The text of a lesson.
pub(super) fn body(document: &Document, words: &Words) -> String {
    let mut writer = Writer { steps: &document.lesson.steps, words, out: String::new(), flows: 0, checklists: 0 };
    writer.pieces(&document.body);
    writer.out
}

struct Writer<'d> {
    steps: &'d [Step],
    words: &'d Words,
    out: String,
    flows: usize,
    checklists: usize,
}

impl Writer<'_> {
    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Prose(html) => self.out.push_str(html),
                Piece::Block { block, .. } => self.block(block),
            }
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Run(commands) => self.commands(commands),
            Block::Output(text) => {
                let _ = writeln!(
                    self.out,
                    "<figure class=\"tn-output\"><figcaption class=\"tn-visually-hidden\">{}</figcaption>\
                     <pre tabindex=\"0\"><samp>{}</samp></pre></figure>",
                    self.words.say("output"),
                    escape(text)
                );
            }
            Block::File { language, file } => {
                let name = escape(&file.name);
                let _ = writeln!(
                    self.out,
                    "<figure class=\"tn-file\" data-file=\"{name}\">\n<figcaption><code>{name}</code></figcaption>\n\
                     <pre tabindex=\"0\"><code class=\"language-{}\">{}</code></pre>\n\
                     <button type=\"button\" class=\"tn-insert\" data-insert=\"{name}\" hidden>{}</button>\n</figure>",
                    escape(language),
                    escape(&file.content),
                    self.words.tell("insert", &[("name", &name)])
                );
            }
            Block::Code { language, text } => {
                let _ = writeln!(
                    self.out,
                    "<pre tabindex=\"0\"><code class=\"language-{}\">{}</code></pre>",
                    escape(language),
                    escape(text)
                );
            }
            Block::Quiz(quiz) => self.quiz(quiz),
            Block::Steps(steps) => self.steps(steps),
            Block::Hint(pieces) => self.details("tn-hint", &self.words.say("hint"), pieces),
            Block::Solution(pieces) => self.details("tn-solution", &self.words.say("solution"), pieces),
            Block::Flow { rows, note } => {
                self.flows += 1;
                self.out.push_str(&flow::figure(rows, note, &format!("flow-{}", self.flows), &self.words.say("then")));
            }
        }
    }

    fn commands(&mut self, commands: &Commands) {
        for command in &commands.lines {
            let text = escape(command);
            let stop = match commands.run {
                Run::Endless => {
                    format!("\n<p class=\"tn-note\">{} <kbd>Ctrl</kbd>+<kbd>C</kbd></p>", self.words.say("endless"))
                }
                _ => String::new(),
            };
            let _ = writeln!(
                self.out,
                "<div class=\"tn-command\">\n<pre tabindex=\"0\"><code class=\"language-sh\">{text}</code></pre>\n\
                 <button type=\"button\" class=\"tn-run\" data-run=\"{}\" aria-label=\"{}\" hidden>{}</button>{stop}\n</div>",
                text.replace('\n', "&#10;"),
                self.words.tell("runCommand", &[("command", &text.replace('\n', " "))]),
                self.words.say("run")
            );
        }
    }

    fn quiz(&mut self, quiz: &Quiz) {
        let id = &quiz.id;
        let several = match quiz.has_several_answers() {
            true => format!(" <span class=\"tn-quiz-several\">{}</span>", self.words.say("several")),
            false => String::new(),
        };
        let _ = writeln!(
            self.out,
            "<section class=\"tn-quiz\" data-quiz=\"{id}\" aria-label=\"{}\">\n<form>\n<fieldset>\n\
             <legend class=\"tn-quiz-question\">{}{}</legend>",
            self.words.tell("question", &[("n", id.trim_start_matches("quiz-"))]),
            quiz.question,
            several
        );
        let input = if quiz.has_several_answers() { "checkbox" } else { "radio" };
        for (at, choice) in quiz.choices.iter().enumerate() {
            let verdict = if choice.right { self.words.say("right") } else { self.words.say("wrong") };
            let verdict = format!("<strong>{verdict}</strong> {}", choice.why);
            let _ = writeln!(
                self.out,
                "<div class=\"tn-choice\" data-right=\"{}\"><input type=\"{input}\" name=\"{id}\" id=\"{id}-{at}\" \
                 value=\"{at}\" autocomplete=\"off\"> <label for=\"{id}-{at}\">{}</label> \
                 <span class=\"tn-verdict\">{verdict}</span></div>",
                choice.right, choice.text
            );
        }
        let right = quiz.choices.iter().filter(|choice| choice.right);
        let right: Vec<String> =
            right.map(|choice| format!("<p><strong>{}</strong> {}</p>", choice.text, choice.why)).collect();
        let explanation =
            if quiz.explanation.is_empty() { String::new() } else { format!("<p>{}</p>", quiz.explanation) };
        let _ = writeln!(
            self.out,
            "</fieldset>\n</form>\n<details class=\"tn-quiz-answer\"><summary>{}</summary>\n<div>\
             {}\n{explanation}</div>\n</details>\n</section>",
            self.words.say("showAnswer"),
            right.join("\n")
        );
    }

    fn steps(&mut self, steps: &[(usize, String)]) {
        self.checklists += 1;
        let label = match self.checklists {
            1 => self.words.say("steps"),
            part => self.words.tell("stepsPart", &[("n", &part.to_string())]),
        };
        let _ = writeln!(self.out, "<section class=\"tn-steps\" aria-label=\"{label}\">\n<ol>");
        for (index, html) in steps {
            let id = self.steps.get(*index).map_or("", |step| step.id.as_str());
            let _ = writeln!(
                self.out,
                "<li class=\"tn-step\" data-step=\"{id}\"><span class=\"tn-step-mark\" aria-hidden=\"true\"></span> \
                 <span class=\"tn-step-text\">{html}</span> \
                 <span class=\"tn-step-state tn-visually-hidden\">{}</span></li>",
                self.words.say("notDone")
            );
        }
        self.out.push_str("</ol>\n</section>\n");
    }

    fn details(&mut self, class: &str, summary: &str, pieces: &[Piece]) {
        let _ = writeln!(self.out, "<details class=\"{class}\"><summary>{summary}</summary>\n<div>");
        self.pieces(pieces);
        self.out.push_str("</div>\n</details>\n");
    }
}
