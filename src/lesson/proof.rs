//! The proof of a lesson: plays it as a reader would, and says where it promises too much or too little.
//! Knows no cluster; a [`Rehearsal`] brings one.
//!
//! A lesson is proven both ways. Before anything is done no step is ticked; after the text, every step is, and where
//! a solution follows steps, they are ticked by the solution and not before it. Every command ends as its block says,
//! and prints what the block after it shows.

use super::author::{Block, Commands, Document, Piece, Problem, Run};
use super::checklist::Checklist;
use super::model::File;
use super::normalise::normalise;
use super::transcript::{RECORD, Recorded, Transcript};
use super::trial::Trial;

/// A fresh cluster and a learner's machine to play a lesson on. Its time is virtual.
pub trait Rehearsal: Trial {
    /// Writes a file into the home directory.
    ///
    /// # Errors
    /// Why it could not be written.
    fn write(&mut self, name: &str, content: &str) -> Result<(), String>;
}

/// A command that has to end by itself may take so many virtual seconds.
const LIMIT: f64 = 600.0;
/// A command that never ends is watched for so long.
const ENDLESS: f64 = 10.0;
/// A cluster that nobody touches is watched for so long.
const UNTOUCHED: f64 = 60.0;
/// What a step waits for may take so long after the last command.
const SETTLE: f64 = 180.0;

/// Makes a fresh rehearsal of a lesson: its manifests are applied, or it says why they are not taken.
pub type Stage<'s> = dyn FnMut(&Document) -> Result<Box<dyn Rehearsal>, Problem> + 's;

/// What came of playing a lesson.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Every place where the lesson and the cluster differ.
    pub problems: Vec<Problem>,
    /// What the commands printed.
    pub transcript: Transcript,
}

/// Plays a lesson on fresh rehearsals from `stage`, and holds what it prints against the lesson's transcript.
pub fn prove(document: &Document, stage: &mut Stage<'_>) -> Proof {
    match play(document, stage) {
        Ok(proof) => proof,
        Err(problem) => Proof { problems: vec![problem], ..Proof::default() },
    }
}

fn play(document: &Document, stage: &mut Stage<'_>) -> Result<Proof, Problem> {
    let mut play = Play {
        document,
        stage: stage(document)?,
        list: Checklist::new(document.lesson.steps.clone()),
        printed: String::new(),
        problems: Vec::new(),
        transcript: Transcript::default(),
        aside: false,
    };
    play.nothing_happens_by_itself();
    play.stage = stage(document)?;
    // Steps that no solution follows, before other steps do, belong to the text.
    let mut of_text: Vec<(usize, usize)> = Vec::new();
    let mut open = Vec::new();
    for piece in &document.body {
        let Piece::Block { line, block } = piece else { continue };
        match block {
            Block::Steps(steps) => {
                of_text.append(&mut open);
                open.extend(steps.iter().map(|(index, _)| (*line, *index)));
            }
            Block::Solution(pieces) => play.solution(*line, pieces, std::mem::take(&mut open)),
            other => play.block(*line, other),
        }
    }
    of_text.append(&mut open);
    play.settle(&of_text);
    play.nothing_is_missing();
    Ok(Proof { problems: play.problems, transcript: play.transcript })
}

struct Play<'d> {
    document: &'d Document,
    stage: Box<dyn Rehearsal>,
    list: Checklist,
    /// What the last block of commands printed.
    printed: String,
    problems: Vec<Problem>,
    transcript: Transcript,
    /// Text and transcript have parted: what follows in the transcript belongs to another text.
    aside: bool,
}

impl Play<'_> {
    fn problem(&mut self, line: usize, message: String) {
        self.problems.push(Problem { file: self.document.path.clone(), line, message });
    }

    fn look(&mut self) {
        self.list.update(&*self.stage);
    }

    fn done(&self, index: usize) -> bool {
        self.list.steps().nth(index).is_some_and(|(_, done)| done)
    }

    fn id(&self, index: usize) -> String {
        self.document.lesson.steps.get(index).map(|step| step.id.clone()).unwrap_or_default()
    }

    /// Lets a cluster run that nobody touches: what the lesson starts with must not do the reader's work.
    fn nothing_happens_by_itself(&mut self) {
        let mut untouched = Checklist::new(self.document.lesson.steps.clone());
        let mut early = untouched.update(&*self.stage);
        self.stage.advance(UNTOUCHED);
        early.extend(untouched.update(&*self.stage));
        for index in early {
            let line = self.line_of(index);
            let message = format!(
                "the step `{}` is ticked before the reader has done anything; look for what only the reader's work \
                 brings about, or name the step it comes after",
                self.id(index)
            );
            self.problem(line, message);
        }
    }

    fn line_of(&self, index: usize) -> usize {
        let holds = |block: &Block| matches!(block, Block::Steps(steps) if steps.iter().any(|(at, _)| *at == index));
        let mut blocks = self.document.body.iter().filter_map(|piece| match piece {
            Piece::Block { line, block } if holds(block) => Some(*line),
            _ => None,
        });
        blocks.next().unwrap_or(1)
    }

    fn solution(&mut self, line: usize, pieces: &[Piece], steps: Vec<(usize, usize)>) {
        // What runs by itself may still be running; it must not be what ticks the steps.
        self.stage.advance(ENDLESS);
        self.look();
        for &(steps_line, index) in &steps {
            if self.done(index) {
                let message = format!("the step `{}` is ticked without the solution in line {line}", self.id(index));
                self.problem(steps_line, message);
            }
        }
        for piece in pieces {
            if let Piece::Block { line, block } = piece {
                self.block(*line, block);
            }
        }
        self.settle(&steps);
    }

    /// Waits for the steps.
    fn settle(&mut self, steps: &[(usize, usize)]) {
        let mut waited = 0.0;
        self.look();
        while waited < SETTLE && steps.iter().any(|&(_, index)| !self.done(index)) {
            self.stage.advance(1.0);
            self.look();
            waited += 1.0;
        }
        for &(line, index) in steps {
            if !self.done(index) {
                let message = format!("the step `{}` is not ticked after everything was done", self.id(index));
                self.problem(line, message);
            }
        }
    }

    fn block(&mut self, line: usize, block: &Block) {
        match block {
            Block::File { file, .. } => self.file(line, file),
            Block::Run(commands) => self.commands(line, commands),
            Block::Output(expected) => {
                if let Err((expected, printed)) = compare(expected, &self.printed) {
                    self.problem(
                        line,
                        format!("the text shows\n    {expected}\nwhere the commands print\n    {printed}"),
                    );
                }
            }
            _ => {}
        }
    }

    /// Keeps what a command printed, and holds it against what was recorded.
    fn record(&mut self, line: usize, now: Recorded) {
        let before = self.document.transcript.as_ref().map(|transcript| &transcript.commands);
        let before = before.map(|commands| commands.get(self.transcript.commands.len()));
        let message = match before {
            _ if self.aside => None,
            None => None,
            Some(None) => Some(format!("`{}` is not in the transcript", now.run)),
            Some(Some(before)) if before.run != now.run => {
                Some(format!("the transcript goes on with `{}`, the text with `{}`", before.run, now.run))
            }
            Some(Some(before)) => now.differs(before).map(|apart| format!("`{}`: {apart}", now.run)),
        };
        if let Some(message) = message {
            self.aside |= !message.contains("recorded is");
            self.problem(line, format!("{message}\n  {RECORD}"));
        }
        self.transcript.commands.push(now);
    }

    fn nothing_is_missing(&mut self) {
        let Some(transcript) = &self.document.transcript else { return };
        if let Some(more) = transcript.commands.get(self.transcript.commands.len()).filter(|_| !self.aside) {
            let message = format!("the transcript goes on with `{}`, the text ends. {RECORD}", more.run);
            self.problem(1, message);
        }
    }

    fn file(&mut self, line: usize, file: &File) {
        if let Err(problem) = self.stage.write(&file.name, &file.content) {
            self.problem(line, format!("`{}` cannot be written: {problem}", file.name));
        }
    }

    fn commands(&mut self, line: usize, commands: &Commands) {
        self.stage.advance(commands.after);
        self.printed.clear();
        if commands.run == Run::Interactive {
            return;
        }
        for command in &commands.lines {
            let limit = if commands.run == Run::Endless { ENDLESS } else { LIMIT };
            let outcome = self.stage.run(command, limit);
            let printed = outcome.printed;
            self.record(line, Recorded::new(command, outcome.exit, &printed));
            self.printed.push_str(&printed);
            self.look();
            let wrong = match commands.run {
                Run::Succeeds if outcome.exit != 0 => "mark the block `fails` if that is meant",
                Run::Fails if outcome.exit == 0 => "it was to fail",
                Run::Endless if outcome.exit == 0 => "it was to go on until Ctrl-C",
                _ => continue,
            };
            let complaint = outcome.stderr.trim_end();
            self.problem(line, format!("`{command}` ends with exit code {}; {wrong}\n    {complaint}", outcome.exit));
        }
    }
}

/// Compares line by line; a line `...` stands for any number of lines, ` ...` within a line for any text. Gives the first two lines that differ.
fn compare(expected: &str, printed: &str) -> Result<(), (String, String)> {
    let printed: Vec<&str> = printed.lines().collect();
    let expected: Vec<&str> = expected.lines().collect();
    let mut rest = printed.as_slice();
    let mut skipping = false;
    for line in expected {
        if line.trim() == "..." {
            skipping = true;
            continue;
        }
        let wanted = normal(line);
        let found = if skipping {
            rest.iter().position(|line| fits(&wanted, &normal(line)))
        } else {
            rest.first().filter(|line| fits(&wanted, &normal(line))).map(|_| 0)
        };
        match found {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => return Err((line.to_owned(), (*rest.first().unwrap_or(&"(nothing more)")).to_owned())),
        }
        skipping = false;
    }
    match rest.first().filter(|_| !skipping) {
        Some(line) => Err(("(nothing more)".to_owned(), (*line).to_owned())),
        None => Ok(()),
    }
}

/// Whether a line is as it was wanted.
fn fits(wanted: &str, line: &str) -> bool {
    match wanted.split_once(" ...") {
        Some((before, after)) => {
            let rest = line.strip_prefix(before);
            rest.is_some_and(|rest| rest.len() >= after.len() && rest.ends_with(after))
        }
        None => wanted == line,
    }
}

/// A line without what differs from run to run: ages, generated names, addresses and the width of columns.
fn normal(line: &str) -> String {
    normalise(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{Item, Objects, Outcome, Source, read};
    use super::*;
    use serde_json::json;

    /// Knows `make`, which makes a Job, `fail`, `watch`, and `echo`.
    #[derive(Clone, Default)]
    struct Fake {
        jobs: usize,
        files: Vec<String>,
    }

    impl Objects for Fake {
        fn list(&self, resource: &str, _: Option<&str>) -> Vec<Box<dyn Item>> {
            let jobs = if resource == "jobs" { self.jobs } else { 0 };
            (0..jobs).map(|at| Box::new(json!({"metadata": {"name": format!("job-{at}")}})) as _).collect()
        }
        fn seconds(&self) -> f64 {
            0.0
        }
        fn copy(&self) -> Box<dyn Trial> {
            Box::new(self.clone())
        }
    }

    impl Rehearsal for Fake {
        fn write(&mut self, name: &str, _: &str) -> Result<(), String> {
            self.files.push(name.to_owned());
            Ok(())
        }
    }

    impl Trial for Fake {
        fn run(&mut self, line: &str, _: f64) -> Outcome {
            let (stdout, exit) = match line.split_once(' ').unwrap_or((line, "")) {
                ("make", _) => {
                    self.jobs += 1;
                    ("made job-x7k2p\n".to_owned(), 0)
                }
                ("echo", text) => (format!("{text}\n"), 0),
                ("watch", _) => (String::new(), 130),
                ("cat", name) if self.files.iter().any(|file| file == name) => (String::new(), 0),
                _ => (String::new(), 1),
            };
            Outcome { printed: stdout.clone(), stdout, stderr: String::new(), exit }
        }

        fn advance(&mut self, _: f64) {}
    }

    fn problems(body: &str) -> String {
        let text = format!("---\ntitle: A\ndescription: D\nminutes: 5\n---\n{body}");
        let document = read(&Source { path: "l.md".to_owned(), text, ..Source::default() }).unwrap();
        let mut stage = |_: &Document| Ok(Box::new(Fake::default()) as Box<dyn Rehearsal>);
        let first = prove(&document, &mut stage);
        let recorded = Document { transcript: Some(first.transcript), ..document };
        let problems = prove(&recorded, &mut stage).problems;
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    const STEP: &str = "```steps\n- id: one\n  text: t\n  checks:\n  - resource: jobs\n```\n";

    #[test]
    fn a_lesson_that_keeps_its_promises_is_proven() {
        let body = format!(
            "```yaml file=a.yaml\na: 1\n```\n```sh run\ncat a.yaml\nmake\n```\n```text output\nmade job-b4c5d\n```\n\
             ```sh run fails\nnope\n```\n```sh run endless\nwatch\n```\n{STEP}"
        );
        assert_eq!(problems(&body), "");
        let solved = format!("{STEP}````solution\n```sh run\nmake\n```\n````\n");
        assert_eq!(problems(&solved), "");
        let second = solved.replace("one", "two").replace("jobs", "jobs\n    count: \">= 2\"");
        assert_eq!(problems(&format!("```sh run\nmake\n```\n{STEP}{second}")), "", "the first steps are the text's");
    }

    #[test]
    fn a_lesson_that_does_not_is_told_where() {
        for (body, problem) in [
            (STEP.to_owned(), "l.md:6: the step `one` is not ticked after everything was done"),
            (
                STEP.replace("jobs", "jobs\n    count: 0"),
                "l.md:6: the step `one` is ticked before the reader has done anything",
            ),
            (
                format!("```sh run\nmake\n```\n{STEP}````solution\nNothing.\n````\n"),
                "l.md:9: the step `one` is ticked without the solution in line 15",
            ),
            ("```sh run\nnope\n```\n".to_owned(), "l.md:6: `nope` ends with exit code 1; mark the block `fails`"),
            ("```sh run fails\nmake\n```\n".to_owned(), "l.md:6: `make` ends with exit code 0; it was to fail"),
            (
                "```sh run\necho a\n```\n```text output\nb\n```\n".to_owned(),
                "l.md:9: the text shows\n    b\nwhere the commands print\n    a",
            ),
        ] {
            let found = problems(&body);
            assert!(found.starts_with(problem), "{found}");
        }
    }

    #[test]
    fn what_is_printed_is_held_against_the_transcript() {
        let text = "---\ntitle: A\ndescription: D\nminutes: 5\n---\n```sh run\necho a\necho b\n```\n".to_owned();
        let document = read(&Source { path: "l.md".to_owned(), text, ..Source::default() }).unwrap();
        let mut stage = |_: &Document| Ok(Box::new(Fake::default()) as Box<dyn Rehearsal>);
        let mut problems = |commands: Vec<Recorded>| {
            let transcript = Some(Transcript { commands });
            prove(&Document { transcript, ..document.clone() }, &mut stage).problems
        };
        let (a, b) = (Recorded::new("echo a", 0, "a\n"), Recorded::new("echo b", 0, "b\n"));
        assert_eq!(problems(vec![a.clone(), b.clone()]), []);
        let told = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let c = Recorded::new("echo b", 0, "c\n");
        let other = told(problems(vec![a.clone(), c.clone()]));
        assert!(other.starts_with("l.md:6: `echo b`: recorded is\n    c\nwhere it prints\n    b"), "{other}");
        assert!(told(problems(vec![a.clone()])).starts_with("l.md:6: `echo b` is not in the transcript"));
        assert!(told(problems(vec![b.clone()])).contains("goes on with `echo b`, the text with `echo a`"));
        assert!(told(problems(vec![a, b, c])).contains("l.md:1: the transcript goes on with `echo b`, the text ends"));
        assert_eq!(prove(&document, &mut stage).problems, [], "without one there is nothing to hold it against");
    }

    #[test]
    fn ages_and_generated_names_do_not_matter_in_outputs() {
        let same = |a: &str, b: &str| compare(a, b).is_ok();
        assert!(same("NAME   AGE\nhello-job-x7k2p  3s", "NAME     AGE\nhello-job-b4c5d   1m20s\n"));
        assert!(same("a\n...\nz", "a\nb\nc\nz"));
        assert!(same("...", "a"));
        assert!(same("Error: ...: no", "Error: it is long: no") && !same("Error: ...: no", "Error: it is long"));
        assert!(!same("hello-job 1/1", "hello-job 0/1"));
        assert!(!same("a", "a\nb"));
    }
}
