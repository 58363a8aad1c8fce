//! The blocks of a lesson's text as HTML. Knows no page around them.

use std::fmt::Write;

use super::{escape, flow};
use crate::lesson::author::{Block, Commands, Document, Piece, Quiz, Run};
use crate::lesson::model::Step;

/// The text of a lesson.
pub(super) fn body(document: &Document) -> String {
    let mut writer = Writer { steps: &document.lesson.steps, out: String::new(), flows: 0, checklists: 0 };
    writer.pieces(&document.body);
    writer.out
}

struct Writer<'d> {
    steps: &'d [Step],
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
                    "<figure class=\"tn-output\"><figcaption class=\"tn-visually-hidden\">Output</figcaption>\
                     <pre tabindex=\"0\"><samp>{}</samp></pre></figure>",
                    escape(text)
                );
            }
            Block::File { language, file } => {
                let name = escape(&file.name);
                let _ = writeln!(
                    self.out,
                    "<figure class=\"tn-file\" data-file=\"{name}\">\n<figcaption><code>{name}</code></figcaption>\n\
                     <pre tabindex=\"0\"><code class=\"language-{}\">{}</code></pre>\n\
                     <button type=\"button\" class=\"tn-insert\" data-insert=\"{name}\" hidden>Insert {name}</button>\n</figure>",
                    escape(language),
                    escape(&file.content)
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
            Block::Hint(pieces) => self.details("tn-hint", "Hint", pieces),
            Block::Solution(pieces) => self.details("tn-solution", "Show a solution", pieces),
            Block::Flow { rows, note } => {
                self.flows += 1;
                self.out.push_str(&flow::figure(rows, note, &format!("flow-{}", self.flows)));
            }
        }
    }

    fn commands(&mut self, commands: &Commands) {
        for command in &commands.lines {
            let text = escape(command);
            let stop = match commands.run {
                Run::Endless => "\n<p class=\"tn-note\">It goes on until you press <kbd>Ctrl</kbd>+<kbd>C</kbd>.</p>",
                _ => "",
            };
            let _ = writeln!(
                self.out,
                "<div class=\"tn-command\">\n<pre tabindex=\"0\"><code class=\"language-sh\">{text}</code></pre>\n\
                 <button type=\"button\" class=\"tn-run\" data-run=\"{}\" aria-label=\"Run {}\" hidden>Run</button>{stop}\n</div>",
                text.replace('\n', "&#10;"),
                text.replace('\n', " ")
            );
        }
    }

    fn quiz(&mut self, quiz: &Quiz) {
        let id = &quiz.id;
        let _ = writeln!(
            self.out,
            "<section class=\"tn-quiz\" data-quiz=\"{id}\" aria-label=\"{}\">\n<form>\n<fieldset>\n\
             <legend class=\"tn-quiz-question\">{}{}</legend>",
            id.replace("quiz-", "Question "),
            quiz.question,
            if quiz.has_several_answers() { " <span class=\"tn-quiz-several\">Several are right.</span>" } else { "" }
        );
        let input = if quiz.has_several_answers() { "checkbox" } else { "radio" };
        for (at, choice) in quiz.choices.iter().enumerate() {
            let verdict = if choice.right { "Right." } else { "Not quite." };
            let verdict = if choice.why.is_empty() { verdict.to_owned() } else { format!("{verdict} {}", choice.why) };
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
            "</fieldset>\n</form>\n<details class=\"tn-quiz-answer\"><summary>Show the answer</summary>\n<div>\
             {}\n{explanation}</div>\n</details>\n</section>",
            right.join("\n")
        );
    }

    fn steps(&mut self, steps: &[(usize, String)]) {
        self.checklists += 1;
        let label = if self.checklists == 1 { "Steps".to_owned() } else { format!("Steps, part {}", self.checklists) };
        let _ = writeln!(self.out, "<section class=\"tn-steps\" aria-label=\"{label}\">\n<ol>");
        for (index, html) in steps {
            let id = self.steps.get(*index).map_or("", |step| step.id.as_str());
            let _ = writeln!(
                self.out,
                "<li class=\"tn-step\" data-step=\"{id}\"><span class=\"tn-step-mark\" aria-hidden=\"true\"></span> \
                 <span class=\"tn-step-text\">{html}</span> \
                 <span class=\"tn-step-state tn-visually-hidden\">(not done yet)</span></li>"
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
