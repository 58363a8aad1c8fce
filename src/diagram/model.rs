//! What the picture shows: plain values without behaviour beyond their words. Decides nothing about Kubernetes.

use std::borrow::Cow;
use std::time::Duration;

use crate::sim::Time;
use crate::text::words::Words;

/// A stop of the line, from left to right; the last two are the branches of its fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Station {
    /// Accepted; no kubelet has taken it up.
    Pending,
    /// A kubelet prepares its containers.
    ContainerCreating,
    /// At least one container runs or is to be started again.
    Running,
    /// All containers ended with exit code 0.
    Succeeded,
    /// Ended, and not all containers with 0.
    Failed,
}

impl Station {
    /// Every station in the order of the line.
    pub const ALL: [Station; 5] =
        [Station::Pending, Station::ContainerCreating, Station::Running, Station::Succeeded, Station::Failed];

    /// The name on the sign.
    pub const fn name(self) -> &'static str {
        match self {
            Station::Pending => "Pending",
            Station::ContainerCreating => "ContainerCreating",
            Station::Running => "Running",
            Station::Succeeded => "Succeeded",
            Station::Failed => "Failed",
        }
    }
}

/// How a state is told by shape and colour together; the stylesheet knows the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Hollow and dashed: Pending, ContainerCreating.
    Waiting,
    /// Filled, a slow pulse.
    Running,
    /// Filled, a check mark.
    Succeeded,
    /// Filled, a cross and the exit code: Failed, Error, CrashLoopBackOff, ErrImagePull.
    Failed,
    /// A fading outline.
    Terminating,
}

impl Tone {
    /// A word for class names and custom properties: `waiting`, `running`, `succeeded`, `failed`, `terminating`.
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Waiting => "waiting",
            Tone::Running => "running",
            Tone::Succeeded => "succeeded",
            Tone::Failed => "failed",
            Tone::Terminating => "terminating",
        }
    }
}

/// A wait before the next attempt: a ring that empties from `since` to `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// When the wait began.
    pub since: Time,
    /// When the next attempt is due.
    pub until: Time,
}

impl BackOff {
    /// How much of the wait is left at `now`, from 1 (all) to 0 (none).
    pub fn share_left(&self, now: Time) -> f64 {
        let whole = self.until.since(self.since).as_secs_f64();
        if whole <= 0.0 { 0.0 } else { (self.until.since(now).as_secs_f64() / whole).clamp(0.0, 1.0) }
    }

    /// The time left at `now`; zero when it is over.
    pub fn left(&self, now: Time) -> Duration {
        self.until.since(now)
    }
}

/// What stands on the left of the line and makes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DepotKind {
    /// Counts what succeeded, then ends.
    Job,
    /// Makes Jobs on a schedule.
    CronJob,
    /// Refills to its number of replicas.
    Deployment,
    /// Refills to its number of replicas; shown only when no Deployment owns it.
    ReplicaSet,
    /// Refills to one Pod on every node that fits.
    DaemonSet,
}

impl DepotKind {
    /// The kind as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            DepotKind::Job => "Job",
            DepotKind::CronJob => "CronJob",
            DepotKind::Deployment => "Deployment",
            DepotKind::ReplicaSet => "ReplicaSet",
            DepotKind::DaemonSet => "DaemonSet",
        }
    }
}

/// A condition that ends or halts a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `Complete`, `Failed` or `Suspended`.
    pub kind: String,
    /// The reason in one word, such as `BackoffLimitExceeded`; may be empty.
    pub reason: String,
    /// The sentence that Kubernetes gives; may be empty.
    pub message: String,
}

/// A depot as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depot {
    /// The object's uid: the key that lasts.
    pub uid: String,
    /// What it is.
    pub kind: DepotKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The filled part of the ring: succeeded of a Job, ready of the others, Jobs that run of a CronJob.
    pub done: u32,
    /// The whole ring: completions of a Job, replicas wanted of the others; none for a Job that is a work queue
    /// and for a CronJob.
    pub wanted: Option<u32>,
    /// Pods that are neither finished nor going away.
    pub active: u32,
    /// Pods that failed; always 0 for what refills.
    pub failed: u32,
    /// Its end or halt, if it has come.
    pub condition: Option<Condition>,
    /// The wait of a Job before it makes the next Pod.
    pub back_off: Option<BackOff>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// A short line under the name: the schedule of a CronJob, `Indexed`, `parallelism 3`; may be empty.
    pub note: String,
    /// The first lane of its tokens in the picture.
    pub first_lane: usize,
    /// How many lanes it takes, at least 1.
    pub lanes: usize,
}

impl Depot {
    /// The ring's words: `0/1`, `2/3 ready`, `1 done`.
    pub fn count(&self, words: &Words) -> String {
        let number = self.number();
        match (self.kind, self.wanted) {
            (DepotKind::Job, Some(_)) => number,
            (DepotKind::Job, None) => words.tell("lab.done", &[("n", &number)]),
            (DepotKind::CronJob, _) => words.tell("lab.runningJobs", &[("n", &number)]),
            _ => words.tell("lab.ready", &[("n", &number)]),
        }
    }

    /// The number in it: `0/1`, `2/3`, `1`.
    pub fn number(&self) -> String {
        match (self.kind, self.wanted) {
            (DepotKind::Job, None) | (DepotKind::CronJob, _) => self.done.to_string(),
            (_, wanted) => format!("{}/{}", self.done, wanted.unwrap_or_default()),
        }
    }

    /// How many of a Job's Pods are at work, and how many have failed: `1 active, 0 failed`.
    pub fn active_and_failed(&self, words: &Words) -> String {
        let values = [("active", self.active.to_string()), ("failed", self.failed.to_string())];
        words.tell("lab.activeFailed", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    }

    /// How this depot is coloured.
    pub fn tone(&self) -> Tone {
        let kind = self.condition.as_ref().map(|condition| condition.kind.as_str());
        match kind {
            _ if self.terminating => Tone::Terminating,
            Some("Complete") => Tone::Succeeded,
            Some("Failed") => Tone::Failed,
            Some(_) => Tone::Waiting,
            None if self.active > 0 || self.done > 0 => Tone::Running,
            None => Tone::Waiting,
        }
    }
}

/// One Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The Pod's uid: the key that lasts.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The letters on the token, at most five characters.
    pub letters: String,
    /// Its lane in the picture, counted from the top over all depots.
    pub lane: usize,
    /// Where it stands.
    pub station: Station,
    /// How it is drawn.
    pub tone: Tone,
    /// The word beside it: `CrashLoopBackOff`, `ErrImagePull`, `Error`, `OOMKilled`; empty when the sign says it all.
    pub reason: String,
    /// How often its containers were started again.
    pub restarts: u32,
    /// The exit code of the container that decided, once one has ended.
    pub exit_code: Option<i32>,
    /// The wait before its container is started again or its image asked for again.
    pub back_off: Option<BackOff>,
    /// Whether there is something for `kubectl logs` to show.
    pub logs: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Whether all its containers are ready.
    pub ready: bool,
    /// Its node, once bound.
    pub node: Option<String>,
    /// The uid of its depot in the picture; none for a Pod that nobody owns.
    pub depot: Option<String>,
    /// When it last moved.
    pub moved_at: Time,
    /// Who moved it last.
    pub moved_by: Who,
}

/// Tokens of one depot gathered at a station, when there are more of them than lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The uid of their depot; none for Pods that nobody owns.
    pub depot: Option<String>,
    /// Where they stand.
    pub station: Station,
    /// How they are drawn.
    pub tone: Tone,
    /// How many they are.
    pub count: usize,
    /// The lane of the group.
    pub lane: usize,
    /// The names of the first few.
    pub names: Vec<String>,
}

/// Who made a change: `job-controller`, `scheduler`, `kubelet`, `kubectl`, ...
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub Cow<'static, str>);

impl Who {
    /// The one of that name.
    pub const fn new(name: &'static str) -> Self {
        Who(Cow::Borrowed(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What can be inspected: an object by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The kind, such as `Pod`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
}

impl Reference {
    /// The command that shows it: `kubectl describe pod hello-x7k2p`.
    pub fn command(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.namespace.is_empty() || self.namespace == "default" {
            format!("kubectl describe {kind} {}", self.name)
        } else {
            format!("kubectl describe {kind} {} -n {}", self.name, self.namespace)
        }
    }
}

/// A Kubernetes Event that tells of a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNote {
    /// The name of the Event object.
    pub name: String,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// The reason in one word.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Counts up from 0 over the whole life of the diagram: what the page keys its list by.
    pub number: u64,
    /// When.
    pub at: Time,
    /// Who did it.
    pub who: Who,
    /// What changed, to be inspected by a click.
    pub subject: Reference,
    /// The state before; empty when there was none.
    pub from: String,
    /// The state after; empty when the object is gone or the line is no move.
    pub to: String,
    /// The line's words without time and actor: `hello-job-x7k2p Running → Succeeded, exit 0`.
    pub text: String,
    /// How the state after is coloured.
    pub tone: Tone,
    /// Events of Kubernetes that tell of it.
    pub events: Vec<EventNote>,
}

/// All that is drawn at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The instant.
    pub now: Time,
    /// The depots from top to bottom.
    pub depots: Vec<Depot>,
    /// The tokens that ride alone.
    pub tokens: Vec<Token>,
    /// The tokens that ride together.
    pub groups: Vec<Group>,
    /// How many lanes there are, at least 1.
    pub lanes: usize,
    /// For an empty picture: what would fill it.
    pub hint: Option<String>,
}
