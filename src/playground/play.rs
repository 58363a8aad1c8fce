//! The playground itself: actions and real time in, changes out; the past kept, the log written.

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use super::changes::Changes;
use super::clock::Clock;
use super::saved::{Entry, RestoreError, Saved};
use super::snapshots::Snapshots;
use super::world::World;
use super::{Config, Mark, StepState};
use crate::apimachinery::facts::Prose;
use crate::diagram::{Diagram, Picture, Reference};
use crate::lesson::{Checklist, Wrong};
use crate::sim::Time;
use crate::text::yaml::to_yaml;

/// Pieces of work before `advance` asks whether there is time for more: what always fits into a frame.
const LEG: u64 = 50;
/// Pieces of work in a step to the next event.
const STEP_BUDGET: u64 = 500;
/// Pieces of work in bringing a saved session back.
const REPLAY_BUDGET: u64 = 5_000_000;
/// The most virtual time that can be owed to a skip.
const LONGEST_SKIP: Duration = Duration::from_secs(24 * 3_600);
/// Seconds of a day, and of the part of it that lies before the morning.
const DAY: u64 = 24 * 3_600;
const MORNING: u64 = 6 * 3_600;
/// Steps are looked at no more often than this, in real time: a reader sees them tick, and a look has its price.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// The longest log; what is done after it is not brought back after a reload.
const LOG_LIMIT: usize = 100_000;

/// A line of history: a world, how it came to be, and how far it once went.
#[derive(Clone, Debug)]
struct Line {
    world: World,
    log: Vec<Entry>,
    /// The furthest instant that was reached; behind the present one after a rewind.
    end: Time,
    snapshots: Snapshots,
}

/// The application without a screen.
#[derive(Clone, Debug)]
pub struct Playground {
    config: Arc<Config>,
    line: Line,
    /// The line that a rewind and a new action, an undo or a reset left behind.
    abandoned: Option<Arc<Line>>,
    clock: Clock,
    /// Virtual time that a skip still owes.
    owed: Duration,
    checklist: Checklist,
    ticked: Vec<Option<Time>>,
    /// The revision at which the steps were looked at, and the real time since.
    checked: (u64, Duration),
    shown: u64,
    /// Given to every world that comes back from the past.
    prose: Option<Arc<Prose>>,
}

impl Playground {
    /// A fresh playground.
    pub fn new(config: Config) -> Self {
        let world = World::new(&config);
        let mut snapshots = Snapshots::default();
        snapshots.keep(&world, None);
        let clock = Clock { running: true, speed: config.speed };
        let mut playground = Self {
            checklist: Checklist::new(config.steps.clone()),
            ticked: vec![None; config.steps.len()],
            config: Arc::new(config),
            line: Line { end: world.now(), world, log: Vec::new(), snapshots },
            abandoned: None,
            clock,
            owed: Duration::ZERO,
            checked: (0, CHECK_INTERVAL),
            shown: 0,
            prose: None,
        };
        playground.shown = playground.diagram().version();
        playground
    }

    /// Does what the person asks for.
    pub fn act(&mut self, action: Action) -> Changes {
        let mut changes = match action {
            Action::Pause => {
                self.owed = Duration::ZERO;
                self.set_clock(Clock { running: false, ..self.clock })
            }
            Action::Resume => self.set_clock(Clock { running: true, ..self.clock }),
            Action::SetSpeed(speed) => self.set_clock(Clock { speed, ..self.clock }),
            Action::Step => self.step(),
            Action::Skip(by) => {
                self.owed = (self.owed + by).min(LONGEST_SKIP);
                Changes { clock: true, ..Changes::default() }
            }
            Action::Rewind(to) => self.rewind(to),
            Action::Undo => self.undo(),
            Action::Reset => self.reset(),
            action => self.record(action),
        };
        self.look(CHECK_INTERVAL, &mut changes);
        changes
    }

    /// Lets `real` time pass, as much as can be done while `more` says that there is time for more work; it is asked
    /// now and again. What a skip could not do is done by the next calls.
    pub fn advance(&mut self, real: Duration, mut more: impl FnMut() -> bool) -> Changes {
        let mut changes = Changes::default();
        let asked = self.clock.virtual_time(real) + std::mem::take(&mut self.owed);
        if !asked.is_zero() {
            let target = self.now() + asked;
            while !self.move_to(target, LEG, &mut changes) && changes.spinning.is_none() && more() {}
            // A skip that is not through is owed on; frames that were too much work are dropped.
            let left = target.since(self.now());
            self.owed = left.saturating_sub(self.clock.virtual_time(real));
        }
        self.look(real, &mut changes);
        changes
    }

    /// Whether a skip is on its way: who has time for more should give it.
    pub fn is_skipping(&self) -> bool {
        !self.owed.is_zero()
    }

    /// The time from now to the next morning, 6:00 on the cluster's clock (UTC).
    pub fn until_morning(&self) -> Duration {
        let passed = (self.now().as_seconds() + DAY - MORNING) % DAY;
        Duration::from_secs(DAY - passed)
    }

    /// Brings the texts of `kubectl explain`: the file that `cargo xtask prose` makes.
    ///
    /// # Errors
    /// What is wrong with the text; nothing has changed then.
    pub fn set_prose(&mut self, text: &str) -> Result<(), String> {
        self.prose = Some(Arc::new(Prose::parse(text)?));
        self.furnish();
        Ok(())
    }

    fn furnish(&mut self) {
        if let Some(prose) = &self.prose {
            self.line.world.lab.cluster.set_prose(prose.clone());
        }
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.line.world.now()
    }

    /// The instant at which the learner came.
    pub fn start(&self) -> Time {
        self.line.snapshots.first().map_or(self.now(), |first| first.mark.at)
    }

    /// The furthest instant of this line of history: behind `now` only after a rewind. Up to it, letting time run
    /// repeats what was done; any new action goes another way.
    pub fn end(&self) -> Time {
        self.line.end.max(self.now())
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The state of the picture, and the story.
    pub fn diagram(&self) -> &Diagram {
        self.line.world.lab.diagram()
    }

    /// The picture of this instant with at most so many lanes.
    pub fn picture(&self, max_lanes: usize) -> Picture {
        self.diagram().picture(self.now(), max_lanes)
    }

    /// The marks of the timeline, oldest first.
    pub fn timeline(&self) -> Vec<Mark> {
        self.line.snapshots.marks()
    }

    /// The lesson's steps.
    pub fn steps(&self) -> Vec<StepState> {
        let steps = self.checklist.steps().zip(&self.ticked);
        steps.map(|((step, _), done_at)| StepState { id: step.id.clone(), done_at: *done_at }).collect()
    }

    /// What keeps a step of the lesson from being ticked.
    pub fn wrong(&self, step: &str) -> Option<Wrong> {
        self.checklist.wrong(step, &self.line.world.lab)
    }

    /// All that the terminal shows, for one that was just opened.
    pub fn screen(&self) -> Vec<u8> {
        self.line.world.terminal.screen()
    }

    /// Whether a command runs in the foreground or waits for its turn.
    pub fn is_busy(&self) -> bool {
        self.line.world.terminal.is_busy()
    }

    /// Whether a full-screen program, the editor, has the terminal.
    pub fn is_editing(&self) -> bool {
        self.line.world.terminal.is_raw(&self.line.world.lab)
    }

    /// The commands that were entered, oldest first.
    pub fn history(&self) -> &[String] {
        self.line.world.terminal.history()
    }

    /// When something next happens by itself; `None` when all is at rest.
    pub fn next_due(&mut self) -> Option<Time> {
        self.line.world.lab.next_due()
    }

    /// An object of the picture or the story as YAML, as it is now.
    pub fn inspect(&self, object: &Reference) -> Option<String> {
        let value = self.line.world.lab.object(&object.kind, &object.namespace, &object.name)?;
        Some(to_yaml(&value))
    }

    /// Seed and actions as text, to be kept.
    pub fn save(&self) -> String {
        let start = self.start();
        let applied = self.line.log.get(..self.line.world.applied).unwrap_or_default();
        let done = self.steps().into_iter().filter(|step| step.done_at.is_some()).map(|step| step.id);
        Saved {
            seed: self.config.seed,
            now: self.now().since(start),
            clock: self.clock,
            done: done.collect(),
            log: applied.to_vec(),
        }
        .to_text()
    }

    /// A playground of this configuration, brought to where `saved` left it.
    ///
    /// # Errors
    /// A text that `save` did not write, or wrote for another playground.
    pub fn restore(config: Config, saved: &str) -> Result<Self, RestoreError> {
        let saved = Saved::from_text(saved)?;
        if saved.seed != config.seed {
            return Err(RestoreError::Seed(saved.seed));
        }
        let mut playground = Self::new(config);
        let target = playground.start() + saved.now;
        playground.line.log = saved.log;
        playground.line.end = target;
        let mut changes = Changes::default();
        playground.move_to(target, REPLAY_BUDGET, &mut changes);
        playground.clock = saved.clock;
        playground.checklist.restore(&saved.done);
        let now = playground.now();
        let done: Vec<bool> = playground.checklist.steps().map(|(_, done)| done).collect();
        for (ticked, done) in playground.ticked.iter_mut().zip(done) {
            *ticked = if done { ticked.or(Some(now)) } else { None };
        }
        Ok(playground)
    }

    fn set_clock(&mut self, clock: Clock) -> Changes {
        let changed = self.clock != clock;
        self.clock = clock;
        Changes { clock: changed, ..Changes::default() }
    }

    fn step(&mut self) -> Changes {
        let mut changes = Changes { clock: true, ..Changes::default() };
        let replayed = self.line.log.get(self.line.world.applied).map(|entry| self.start() + entry.at);
        match [self.line.world.lab.next_due(), replayed].into_iter().flatten().min() {
            Some(next) => {
                self.move_to(next, STEP_BUDGET, &mut changes);
            }
            None => changes.notice = Some(self.config.words.say("lab.nothingComes")),
        }
        changes
    }

    /// An action on the world: it is done and written down.
    fn record(&mut self, action: Action) -> Changes {
        let mut changes = Changes::default();
        let world = &self.line.world;
        if self.line.log.len() > world.applied || self.line.end > world.now() {
            self.abandoned = Some(Arc::new(self.line.clone()));
            let (now, applied) = (world.now(), world.applied);
            self.line.log.truncate(applied);
            self.line.snapshots.truncate(now, applied);
            self.line.end = now;
            changes.timeline = true;
        }
        if let Some(command) = self.command_in(&action) {
            self.line.snapshots.keep(&self.line.world, Some(command));
            changes.timeline = true;
        }
        changes.merge(self.line.world.apply(&action));
        if self.line.log.len() < LOG_LIMIT {
            let at = self.now().since(self.start());
            self.line.log.push(Entry { at, action });
        }
        self.line.world.applied = self.line.log.len();
        changes
    }

    /// The command that an action is about to run, for the timeline.
    fn command_in(&self, action: &Action) -> Option<String> {
        let terminal = &self.line.world.terminal;
        match action {
            Action::RunCommand(line) => Some(line.clone()),
            Action::InsertFile { name, .. } => Some(format!("insert {name}")),
            Action::Key(bytes) if bytes.contains(&b'\r') && !terminal.is_busy() => {
                // Keys may come with their Enter in one chunk.
                let typed = String::from_utf8_lossy(bytes);
                let typed = typed.split('\r').next().unwrap_or_default().chars().filter(|letter| !letter.is_control());
                let line: String = terminal.line().chars().chain(typed).collect();
                Some(line).filter(|line| !line.trim().is_empty())
            }
            Action::Paste(text) if text.contains('\n') && !terminal.is_busy() => text.lines().next().map(str::to_owned),
            _ => None,
        }
    }

    /// Moves time to `target`, doing again what the log says for the way. False when the budget ended before.
    fn move_to(&mut self, target: Time, budget: u64, changes: &mut Changes) -> bool {
        let start = self.start();
        let mut left = budget;
        loop {
            let entry = self.line.log.get(self.line.world.applied);
            let logged = entry.map(|entry| start + entry.at).filter(|at| *at <= target);
            let stop = logged.unwrap_or(target);
            while self.now() < stop || self.line.world.lab.next_due().is_some_and(|due| due <= stop) {
                // Stops on the way to keep moments.
                let leg = stop.min(self.now() + Duration::from_secs(5));
                let moved = self.line.world.advance_to(leg, left.max(1), &mut changes.terminal);
                left = left.saturating_sub(moved.events.max(1));
                changes.spinning = moved.spinning;
                if !moved.short {
                    self.keep_moment(changes);
                }
                if moved.short || (left == 0 && self.now() < stop) {
                    return self.arrived(false);
                }
                if self.now() >= stop {
                    break;
                }
            }
            let Some(entry) = logged.and_then(|_| self.line.log.get(self.line.world.applied).cloned()) else { break };
            changes.merge(self.line.world.apply(&entry.action));
            self.line.world.applied += 1;
            left = left.saturating_sub(1);
            if left == 0 {
                return self.arrived(false);
            }
        }
        self.arrived(true)
    }

    fn arrived(&mut self, at_target: bool) -> bool {
        self.line.end = self.line.end.max(self.now());
        at_target
    }

    fn keep_moment(&mut self, changes: &mut Changes) {
        if self.now() >= self.line.end && self.line.snapshots.is_due(&self.line.world) {
            self.line.snapshots.keep(&self.line.world, None);
            changes.timeline = true;
        }
    }

    fn rewind(&mut self, to: Time) -> Changes {
        let to = to.clamp(self.start(), self.end());
        let mut changes = Changes { clock: true, ..Changes::default() };
        if to < self.now() {
            self.line.end = self.end();
            let Some(kept) = self.line.snapshots.before(to) else { return changes };
            self.line.world = (*kept.world).clone();
            self.furnish();
        }
        self.move_to(to, REPLAY_BUDGET, &mut changes);
        self.clock.running = false;
        self.owed = Duration::ZERO;
        self.refill(&mut changes);
        changes
    }

    fn undo(&mut self) -> Changes {
        let mut changes = Changes { clock: true, timeline: true, ..Changes::default() };
        if let Some(line) = self.abandoned.take() {
            self.line = Arc::unwrap_or_clone(line);
            self.furnish();
            let end = self.line.end;
            self.move_to(end, REPLAY_BUDGET, &mut changes);
        } else if let Some(kept) = self.line.snapshots.before_last_command(&self.line.world).cloned() {
            self.abandoned = Some(Arc::new(self.line.clone()));
            self.line.world = (*kept.world).clone();
            self.furnish();
            let (now, applied) = (self.line.world.now(), self.line.world.applied);
            self.line.log.truncate(applied);
            self.line.snapshots.truncate(now, applied);
            self.line.end = now;
        } else {
            return Changes { notice: Some(self.config.words.say("lab.nothingToUndo")), ..Changes::default() };
        }
        self.owed = Duration::ZERO;
        self.refill(&mut changes);
        changes
    }

    fn reset(&mut self) -> Changes {
        let Some(first) = self.line.snapshots.first().cloned() else { return Changes::default() };
        let window = self.line.world.terminal.window();
        self.abandoned = Some(Arc::new(self.line.clone()));
        let mut snapshots = Snapshots::default();
        snapshots.keep(&first.world, None);
        let world = (*first.world).clone();
        self.line = Line { end: world.now(), world, log: Vec::new(), snapshots };
        self.furnish();
        self.owed = Duration::ZERO;
        self.checklist = Checklist::new(self.config.steps.clone());
        self.ticked = vec![None; self.config.steps.len()];
        let mut changes = Changes { clock: true, timeline: true, ..Changes::default() };
        if self.line.world.terminal.window() != window {
            changes.merge(self.record(Action::Resize { columns: window.0, rows: window.1 }));
        }
        self.refill(&mut changes);
        changes
    }

    /// The terminal starts over with all that it shows now.
    fn refill(&mut self, changes: &mut Changes) {
        changes.terminal = self.screen();
        changes.terminal_reset = true;
        changes.picture = true;
    }

    /// Looks at picture and steps, `real` time after the last look.
    fn look(&mut self, real: Duration, changes: &mut Changes) {
        let version = self.diagram().version();
        if version != self.shown {
            self.shown = version;
            changes.picture = true;
        }
        let revision = self.line.world.lab.cluster.server().store().revision();
        self.checked.1 += real;
        let soon = self.checked.1 < CHECK_INTERVAL;
        if revision == self.checked.0 || soon || self.ticked.iter().all(Option::is_some) {
            return;
        }
        self.checked = (revision, Duration::ZERO);
        let now = self.now();
        for index in self.checklist.update(&self.line.world.lab) {
            if let Some(ticked) = self.ticked.get_mut(index) {
                *ticked = Some(now);
                changes.ticked.push(index);
            }
        }
    }
}

#[cfg(test)]
mod tests;
