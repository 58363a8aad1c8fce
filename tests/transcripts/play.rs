//! Plays one transcript with the pauses of the recording: on a session in this process, or on whatever else takes lines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use tabernetes::lesson::normalise::{normalise, same};
use tabernetes::playground::Session;
use tabernetes::shell::machine::Stream;

/// A recording of a real cluster.
#[derive(Deserialize)]
pub struct Transcript {
    /// What it is called.
    pub name: String,
    /// What was done, in order.
    pub steps: Vec<Step>,
}

/// One thing done to the real cluster; times are seconds since the start of the recording.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Step {
    /// A file was written into the working directory.
    File { t: Option<f64>, name: String, content: String },
    /// A line was run to its end.
    Cmd { t: f64, cmd: String, stdout: String, stderr: String, rc: Exit, dur: f64 },
    /// A line was run again and again until its output matched.
    Until { t: f64, cmd: String, re: String, ok: bool, t_done: f64 },
    /// A line ran in the background, up to the last of its lines.
    Bg { t: Option<f64>, cmd: String, t_start: f64, lines: Vec<(f64, String, String)> },
}

/// A recorded exit code.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Exit {
    /// It ended by itself.
    Code(i32),
    /// The recording gave up waiting.
    GaveUp(String),
}

/// A step that did not come out as recorded.
pub struct Failure {
    /// Its place in the transcript.
    pub step: usize,
    /// The line that was run.
    pub command: String,
    /// What is wrong, in a few words.
    why: String,
    /// The first lines that only one side has; or [`ANOTHER_ORDER`].
    pub difference: Vec<String>,
}

/// The difference of texts that have the same lines.
pub const ANOTHER_ORDER: &str = "the same lines in another order";

impl Failure {
    /// For a person to read.
    pub fn told(&self) -> String {
        let mut text = format!("    step {} $ {}\n      {}", self.step, self.command, self.why);
        for line in &self.difference {
            text.push_str(&format!("\n        {}", line.chars().take(200).collect::<String>()));
        }
        text
    }
}

/// What came of a line.
pub struct Ran {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code.
    pub exit: i32,
    /// How long it took, in seconds of the cluster.
    pub took: f64,
}

/// Where transcripts are played.
pub trait Stage {
    /// Lets the cluster's time go on.
    fn advance(&mut self, by: Duration);
    /// Writes a file into the working directory.
    fn write(&mut self, name: &str, content: &str);
    /// Runs a line to its end, which took so many seconds when it was recorded.
    fn run(&mut self, line: &str, recorded: f64) -> Ran;
    /// Runs a line again and again until its output matches.
    fn until(&mut self, line: &str, matches: &str, timeout: Duration) -> bool;
    /// Runs a line in the background.
    fn start(&mut self, id: usize, line: &str);
    /// Ends it; its lines, each with `out` or `err`.
    fn stop(&mut self, id: usize) -> Vec<(&'static str, String)>;
}

impl Stage for Session {
    fn advance(&mut self, by: Duration) {
        Session::advance(self, by);
    }
    fn write(&mut self, name: &str, content: &str) {
        Session::write(self, name, content).unwrap();
    }
    fn run(&mut self, line: &str, _: f64) -> Ran {
        let before = self.time();
        let got = Session::run(self, line);
        let took = got.time.saturating_sub(before).as_secs_f64();
        Ran { stdout: got.stdout, stderr: got.stderr, exit: got.exit, took }
    }
    fn until(&mut self, line: &str, matches: &str, timeout: Duration) -> bool {
        Session::until(self, line, matches, timeout).unwrap_or(false)
    }
    fn start(&mut self, id: usize, line: &str) {
        Session::start(self, &id.to_string(), line).unwrap();
    }
    fn stop(&mut self, id: usize) -> Vec<(&'static str, String)> {
        let (lines, _) = Session::stop(self, &id.to_string()).unwrap();
        let of = |stream| if stream == Stream::Stdout { "out" } else { "err" };
        lines.into_iter().map(|line| (of(line.stream), line.text)).collect()
    }
}

/// Plays a transcript on a stage: how many steps were scored, and which of them failed.
pub fn play(stage: impl Stage, transcript: &Transcript, unstable: &BTreeSet<(String, usize)>) -> (usize, Vec<Failure>) {
    let mut player = Player::new(stage, &transcript.steps);
    let (mut scored, mut failures) = (0, Vec::new());
    for (at, step) in transcript.steps.iter().enumerate() {
        let Some(wrong) = player.play(at, step) else { continue };
        if unstable.contains(&(transcript.name.clone(), at)) {
            continue;
        }
        scored += 1;
        if let Err((why, difference)) = wrong {
            let command = match step {
                Step::Cmd { cmd, .. } | Step::Until { cmd, .. } | Step::Bg { cmd, .. } => cmd.clone(),
                Step::File { .. } => String::new(),
            };
            failures.push(Failure { step: at, command, why, difference });
        }
    }
    (scored, failures)
}

/// What is wrong with a step, and the lines that tell.
type Verdict = Result<(), (String, Vec<String>)>;

struct Player<'a, S> {
    stage: S,
    /// Background steps that have not begun, by the time they do.
    starts: VecDeque<(f64, usize, &'a str)>,
    /// The recorded time up to which the session has come.
    end: f64,
}

impl<'a, S: Stage> Player<'a, S> {
    fn new(stage: S, steps: &'a [Step]) -> Self {
        let mut starts: Vec<(f64, usize, &str)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            if let Step::Bg { t_start, cmd, .. } = step {
                starts.push((*t_start, at, cmd.as_str()));
            }
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { stage, starts: starts.into(), end: 0.0 }
    }

    fn advance(&mut self, seconds: f64) {
        if seconds > 0.0 {
            self.stage.advance(Duration::from_millis((seconds * 1000.0).round() as u64));
        }
    }

    fn until_recorded(&mut self, at: f64) {
        self.advance(at - self.end);
        self.end = self.end.max(at);
    }

    /// One step; `None` when there is nothing to judge.
    fn play(&mut self, index: usize, step: &Step) -> Option<Verdict> {
        let at = match step {
            Step::File { t, .. } | Step::Bg { t, .. } => *t,
            Step::Cmd { t, .. } | Step::Until { t, .. } => Some(*t),
        };
        while let (Some(at), Some(&(start, id, cmd))) = (at, self.starts.front())
            && start <= at + 0.005
        {
            self.starts.pop_front();
            self.until_recorded(start);
            self.stage.start(id, cmd);
        }
        match step {
            Step::File { name, content, .. } => {
                self.stage.write(name, content);
                None
            }
            Step::Cmd { t, cmd, stdout, stderr, rc, dur } => {
                self.until_recorded(*t);
                let got = self.stage.run(cmd, *dur);
                // A command takes its recorded time at least.
                self.advance(dur - got.took);
                self.end = self.end.max(t + dur);
                Some(judge((stdout, stderr, rc), (&got.stdout, &got.stderr, got.exit)))
            }
            Step::Until { t, cmd, re, ok, t_done } => {
                self.until_recorded(*t);
                let timeout = f64::max(90.0, 3.0 * (t_done - t));
                let got = self.stage.until(cmd, re, Duration::from_secs_f64(timeout));
                self.end = self.end.max(*t_done);
                let why = || (format!("condition /{re}/: recorded {ok}, got {got}"), Vec::new());
                Some(if got == *ok { Ok(()) } else { Err(why()) })
            }
            Step::Bg { cmd, t_start, lines, .. } => {
                if let Some(place) = self.starts.iter().position(|(_, id, _)| *id == index) {
                    self.starts.remove(place);
                    self.stage.start(index, cmd);
                }
                self.until_recorded(t_start + lines.last().map_or(0.0, |line| line.0));
                let got = self.stage.stop(index);
                Some(judge_watch(lines, &got))
            }
        }
    }
}

fn judge(want: (&String, &String, &Exit), got: (&str, &str, i32)) -> Verdict {
    let why = match want.2 {
        Exit::Code(code) if *code != got.2 => format!("exit {}, recorded {code}", got.2),
        Exit::GaveUp(word) if word != "timeout" => format!("exit {}, recorded {word}", got.2),
        _ if !same(want.0, got.0) => "stdout differs".to_owned(),
        _ if !same(want.1, got.1) => "stderr differs".to_owned(),
        _ => return Ok(()),
    };
    let mut difference = lines_apart(want.0, got.0);
    difference.extend(lines_apart(want.1, got.1));
    Err((why, difference))
}

fn judge_watch(want: &[(f64, String, String)], got: &[(&'static str, String)]) -> Verdict {
    let got: Vec<(&str, String)> = got.to_vec();
    let want: Vec<(&str, String)> = want.iter().map(|(_, stream, text)| (stream.as_str(), text.clone())).collect();
    if same_watch(&want, &got) {
        return Ok(());
    }
    let all = |lines: &[(&str, String)]| lines.iter().map(|line| line.1.as_str()).collect::<String>();
    let (want, got) = (all(&want), all(&got));
    let mut difference = lines_apart(&want, &got);
    difference.dedup();
    Err(("watch differs".to_owned(), difference))
}

/// A watch: the same set of states seen, whatever repeats between them.
fn same_watch(want: &[(&str, String)], got: &[(&str, String)]) -> bool {
    let seen = |lines: &[(&str, String)]| {
        let mut seen: Vec<(String, String)> =
            lines.iter().map(|(stream, text)| ((*stream).to_owned(), normalise(text))).collect();
        seen.sort();
        seen.dedup();
        seen
    };
    seen(want) == seen(got)
}

/// The first lines that one side has more often than the other.
fn lines_apart(want: &str, got: &str) -> Vec<String> {
    let (want, got) = (normalise(want), normalise(got));
    let more = |mark: char, a: &str, b: &str| {
        let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
        for line in a.lines() {
            *counts.entry(line).or_default() += 1;
        }
        for line in b.lines() {
            *counts.entry(line).or_default() -= 1;
        }
        let apart = a.lines().filter(|line| counts.get(line).is_some_and(|count| *count > 0));
        apart.take(5).map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
    };
    let mut apart = more('-', &want, &got);
    apart.extend(more('+', &got, &want));
    if apart.is_empty() && want != got {
        apart.push(ANOTHER_ORDER.to_owned());
    }
    apart
}
