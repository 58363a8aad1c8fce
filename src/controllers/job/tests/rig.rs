//! The Job controller on a server that holds one Job and its Pods, and the short words in which the tables speak.
//!
//! A Job is the fields of its spec in YAML, and beside them `status`, `deleting`, `started` (seconds ago), `backoff`
//! (failures, the last of them now), and `refused`: the server takes no write to a Pod. `EXIT_CODES` stands for the
//! rules that ignore exit codes 1 to 3 and fail the Job on 5 to 7.
//!
//! A Pod is a word: its phase, then what there is to say of it, such as `Failed/ix=1/uid=a/c:main=5`. `3*Running` are
//! three. `ix` is its index, `fails` and `ignored` are the failures of the index before it, `c:` and `i:` a container
//! and an init container with an exit code, `if:` a condition; `@` tells when, in seconds from now, else it was long
//! ago. It is `gone` (deleted long ago), `leaving` (deleted now) or `free` (without the finalizer).
//!
//! What comes of it is a list of numbers, those that are 0 left out, and the conditions, `!` before one that is false.
//! A message that follows from its reason is left out.

use std::sync::Arc;

pub use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::{Map, Value, json};

use super::super::backoff::BackoffRecord;
use super::super::conditions;
use super::super::{CONTROLLER_NAME, JobController};
use crate::api::Strategy;
use crate::apimachinery::{Kind, Object, ObjectKey, Status, downcast, meta};
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Caches, Client, EventRecorder, WorkQueue};
use crate::controllers::{Context, Controller};
use crate::sim::{Seed, Time};
use crate::storage::ChangeKind;
use crate::text::yaml::from_yaml;

/// A row: the case's name, the Job, its Pods, what one sync makes of them.
pub type Case = (&'static str, &'static str, &'static str, &'static str);

const EXIT_CODES: &str = "[{action: Ignore, onExitCodes: {operator: In, values: [1, 2, 3]}}, {action: FailJob, \
                          onExitCodes: {operator: In, values: [5, 6, 7]}}]";
const MESSAGES: [(&str, &str); 7] = [
    ("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ("DeadlineExceeded", "Job was active longer than specified deadline"),
    ("CompletionsReached", "Reached expected number of succeeded pods"),
    ("FailedIndexes", "Job has failed indexes"),
    ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"),
    ("JobSuspended", "Job suspended"),
    ("JobResumed", "Job resumed"),
];

/// The present of every test.
pub fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

/// An instant so many seconds from now.
pub fn stamp(seconds: i64) -> Value {
    let at = i64::try_from(now().as_seconds()).unwrap() + seconds;
    json!(Time::from_seconds(u64::try_from(at).unwrap()).timestamp().to_string())
}

fn long_ago() -> Value {
    json!("1970-01-01T00:00:01Z")
}

/// Reads the fields of a mapping.
pub fn fields(text: &str) -> Map<String, Value> {
    let text = format!("{{{}}}", text.replace("EXIT_CODES", EXIT_CODES));
    from_yaml(&text).unwrap_or_else(|why| panic!("{text}: {why}")).as_object().unwrap().clone()
}

/// Reads a Job.
pub fn job(text: &str) -> Job {
    let mut spec = fields(text);
    let mut take = |name: &str| spec.remove(name).unwrap_or(Value::Null);
    let mut status = take("status");
    let (deleting, started, _) = (take("deleting"), take("started"), take("backoff"));
    let (refused, restart) = (take("refused"), take("restartPolicy"));
    let mut metadata = json!({"name": "foobar", "namespace": "default", "uid": "job-uid"});
    if !deleting.is_null() {
        metadata["deletionTimestamp"] = stamp(0);
        metadata["finalizers"] = json!(["foregroundDeletion"]);
    }
    if let Some(seconds) = started.as_i64() {
        status["startTime"] = stamp(-seconds);
    }
    let containers = if refused.is_null() { json!([{"name": "c", "image": "foo/bar"}]) } else { json!([]) };
    let restart = if restart.is_null() { json!("Never") } else { restart };
    spec.insert("manualSelector".to_owned(), json!(true));
    spec.insert("selector".to_owned(), json!({"matchLabels": {"foo": "bar"}}));
    spec.insert(
        "template".to_owned(),
        json!({"metadata": {"labels": {"foo": "bar"}}, "spec": {"containers": containers, "restartPolicy": restart}}),
    );
    let mut job: Job = serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
    job.set_defaults();
    job
}

/// Reads Pods.
pub fn pods(text: &str) -> Vec<Pod> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let (count, word) = word.split_once('*').map_or((1, word), |(count, word)| (count.parse().unwrap(), word));
        for _ in 0..count {
            all.push(pod(word, all.len()));
        }
    }
    all
}

/// Reads a Pod, which is the one with this number.
pub fn pod(word: &str, number: usize) -> Pod {
    let mut parts = word.split('/');
    let mut metadata = json!({
        "name": format!("mypod-{number}"), "namespace": "default", "uid": number.to_string(),
        "creationTimestamp": long_ago(), "labels": {"foo": "bar"},
        "finalizers": ["batch.kubernetes.io/job-tracking"],
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "foobar", "uid": "job-uid", "controller": true}],
    });
    let mut spec = json!({"containers": [{"name": "c", "image": "foo/bar"}], "restartPolicy": "Never"});
    let mut status = json!({"phase": parts.next().filter(|phase| *phase != "None")});
    let annotations = |key: &str| format!("batch.kubernetes.io/job-{key}");
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (value, at) = value.split_once('@').map_or((value, None), |(value, at)| (value, Some(at)));
        let time = at.map_or(Value::Null, |seconds| stamp(seconds.parse().unwrap()));
        match key {
            "uid" | "name" => metadata[key] = json!(value),
            "ix" => metadata["annotations"][annotations("completion-index")] = json!(value),
            "fails" => metadata["annotations"][annotations("index-failure-count")] = json!(value),
            "ignored" => metadata["annotations"][annotations("index-ignored-failure-count")] = json!(value),
            "gone" => metadata["deletionTimestamp"] = if time.is_null() { long_ago() } else { time },
            "grace" => metadata["deletionGracePeriodSeconds"] = json!(value.parse::<i64>().unwrap()),
            "leaving" => metadata["deletionTimestamp"] = stamp(0),
            "made" => metadata["creationTimestamp"] = time,
            "free" => metadata["finalizers"] = Value::Null,
            _ => {
                let (list, name) = key.split_once(':').unwrap_or_else(|| panic!("{word}: what is {key}?"));
                let (value, restarts) = value.split_once('~').unwrap_or((value, "0"));
                let list = match list {
                    "c" => "containerStatuses",
                    "i" | "sidecar" => "initContainerStatuses",
                    _ => "conditions",
                };
                if key.starts_with("sidecar:") {
                    spec["initContainers"] = json!([{"name": name, "image": "foo/bar", "restartPolicy": "Always"}]);
                }
                let entry = if list == "conditions" {
                    json!({"type": name, "status": value, "lastTransitionTime": time})
                } else {
                    let state = match value.parse::<i32>() {
                        Ok(code) => json!({"terminated": {"exitCode": code, "finishedAt": time}}),
                        Err(_) => json!({"running": {}}),
                    };
                    json!({"name": name, "image": "", "imageID": "", "ready": false,
                        "restartCount": restarts.parse::<i32>().unwrap(), "state": state})
                };
                match status[list].as_array_mut() {
                    Some(entries) => entries.push(entry),
                    None => status[list] = json!([entry]),
                }
            }
        }
    }
    let mut pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
    pod.set_defaults();
    if status["phase"].is_null() {
        pod.status.get_or_insert_default().phase = None;
    }
    pod
}

/// A server with a Job and Pods, and the controller.
pub struct Rig {
    pub server: ApiServer,
    pub controller: JobController,
    pub queue: WorkQueue,
    pub now: Time,
    key: ObjectKey,
    caller: Caller,
    caches: Caches,
    events: EventRecorder,
    start: u64,
}

impl Rig {
    /// The Job and the Pods are there, and the caches have seen them.
    pub fn new(text: &str, pods: impl IntoIterator<Item = Pod>) -> Self {
        let mut server = ApiServer::new(Seed::new(1), now());
        server.trust_statuses();
        let (job, refused) = (job(text), fields(text).contains_key("refused"));
        let key = ObjectKey::of(&job);
        server.store_as_is(Box::new(job));
        for mut pod in pods {
            if refused {
                // No version of it would be accepted.
                pod.metadata.labels.get_or_insert_default().insert("?".to_owned(), String::new());
            }
            server.store_as_is(Box::new(pod));
        }
        let mut controller = JobController::default();
        if let Some(failures) = fields(text).get("backoff").and_then(Value::as_i64) {
            let failures_after_last_success = i32::try_from(failures).unwrap();
            let record = BackoffRecord { failures_after_last_success, last_failure: Some(now()) };
            controller.backoff.insert(key.clone(), record);
        }
        let mut caches = Caches::new(controller.watches());
        caches.pull(&server);
        let mut caller = Caller::component(controller.user());
        caller.manager = "kube-controller-manager".into();
        let start = server.store().revision();
        let events = EventRecorder::new("job-controller", "");
        let queue = WorkQueue::default();
        Self { server, controller, queue, now: now(), key, caller, caches, events, start }
    }

    /// Hands the controller what has changed since it last looked.
    pub fn observe(&mut self) {
        for delta in self.caches.pull(&self.server) {
            self.controller.observe(&delta, &self.caches, &mut self.queue, self.now);
        }
    }

    /// Lets the controller do something.
    pub fn with<R>(&mut self, act: impl FnOnce(&mut JobController, &ObjectKey, &mut Context<'_>) -> R) -> R {
        self.server.set_now(self.now);
        let mut context = Context {
            client: Client::new(&mut self.server, &self.caller),
            caches: &self.caches,
            queue: &mut self.queue,
            events: &mut self.events,
            now: self.now,
        };
        act(&mut self.controller, &self.key, &mut context)
    }

    /// One sync of the Job.
    pub fn sync(&mut self) -> Result<(), Status> {
        self.with(|controller, key, context| controller.reconcile(key, context))
    }

    /// One look at a Pod that no Job may count.
    pub fn sync_pod(&mut self, name: &str) -> Result<(), Status> {
        let key = ObjectKey::new(Pod::RESOURCE, "default", name);
        self.with(|controller, _, context| controller.reconcile(&key, context))
    }

    /// Takes a Pod away.
    pub fn remove_pod(&mut self, name: &str) {
        let options = crate::apiserver::DeleteOptions { grace_period_seconds: Some(0), ..Default::default() };
        let mut pod = Pod::clone(&self.pod(name));
        pod.metadata.finalizers = None;
        self.server.store_as_is(Box::new(pod));
        self.caches.pull(&self.server);
        Client::new(&mut self.server, &self.caller).delete::<Pod>("default", name, &options).unwrap();
    }

    /// The Job as it stands.
    pub fn job(&self) -> Arc<Job> {
        self.server.get::<Job>("default", "foobar").unwrap()
    }

    /// A Pod as it stands.
    pub fn pod(&self, name: &str) -> Arc<Pod> {
        self.server.get::<Pod>("default", name).unwrap()
    }

    /// Every status of the Job that was written, first to last.
    pub fn statuses(&self) -> Vec<JobStatus> {
        let changes = self.server.store().since(Job::RESOURCE, self.start).unwrap();
        changes.filter_map(|change| downcast::<Job>(&change.object)?.status.clone()).collect()
    }

    /// From how many Pods the finalizer was taken.
    pub fn released(&self) -> usize {
        let held = |object: &Arc<dyn Object>| meta::has_finalizer(object.meta(), "batch.kubernetes.io/job-tracking");
        let changes = self.server.store().since(Pod::RESOURCE, self.start).unwrap();
        let lost = changes.filter(|change| {
            change.previous.as_ref().is_some_and(held) && (change.kind == ChangeKind::Deleted || !held(&change.object))
        });
        lost.count()
    }

    /// The Pods that were made.
    pub fn made(&self) -> Vec<Arc<Pod>> {
        let changes = self.server.store().since(Pod::RESOURCE, self.start).unwrap();
        changes
            .filter(|change| change.kind == ChangeKind::Added)
            .filter_map(|change| downcast(&change.object))
            .collect()
    }

    /// How many Events of this reason there are.
    pub fn events(&self, reason: &str) -> usize {
        let events = self.server.list::<Event>(Some("default"));
        events.filter(|event| event.reason.as_deref() == Some(reason)).count()
    }
}

/// The conditions in the tables' words.
pub fn shown_conditions(status: &JobStatus) -> String {
    let mut text = String::new();
    for held in status.conditions.iter().flatten() {
        let (reason, message) = (held.reason.as_deref().unwrap_or(""), held.message.as_deref().unwrap_or(""));
        let known = MESSAGES.iter().find(|(known, _)| *known == reason).map(|(_, message)| *message);
        text += &format!(" | {}{}", if held.status == "True" { "" } else { "!" }, held.type_);
        for part in [reason, if known == Some(message) { "" } else { message }] {
            if !part.is_empty() {
                text += &format!(" {part}");
            }
        }
    }
    text
}

/// A status in the tables' words.
pub fn shown(status: &JobStatus) -> String {
    let mut parts = Vec::new();
    let numbers = [
        ("active", status.active),
        ("ready", status.ready),
        ("succeeded", status.succeeded),
        ("failed", status.failed),
        ("terminating", status.terminating),
    ];
    parts.extend(
        numbers
            .iter()
            .filter_map(|(name, number)| number.filter(|number| *number != 0).map(|number| format!("{name} {number}"))),
    );
    let texts = [("done", &status.completed_indexes), ("lost", &status.failed_indexes)];
    parts.extend(texts.iter().filter_map(|(name, text)| {
        text.as_deref().filter(|text| !text.is_empty()).map(|text| format!("{name} {text}"))
    }));
    if let Some(waiting) = &status.uncounted_terminated_pods {
        let list = |uids: &Option<Vec<String>>| uids.clone().unwrap_or_default().join(",");
        let text = format!("waiting {}/{}", list(&waiting.succeeded), list(&waiting.failed));
        parts.extend(Some(text).filter(|text| text != "waiting /"));
    }
    format!("{}{}", parts.join("; "), shown_conditions(status)).trim().to_owned()
}

/// Runs a table: one sync of each case. `counts` says whether the table speaks of Pods made, deleted and released.
pub fn run(table: &[Case], counts: bool) {
    let mut wrong = Vec::new();
    for (name, text, words, wanted) in table {
        let mut rig = Rig::new(text, pods(words));
        let result = rig.sync();
        let refused = fields(text).contains_key("refused");
        let status = rig.job().status.clone().unwrap_or_default();
        let mut got = shown(&status);
        if counts {
            let made = rig.made();
            let index = |pod: &Arc<Pod>| {
                Some(pod.metadata.annotations.as_ref()?.get("batch.kubernetes.io/job-completion-index")?.clone())
            };
            let indexes: Vec<String> = made.iter().filter_map(index).collect();
            let numbers =
                [("create", made.len()), ("delete", rig.events("SuccessfulDelete")), ("patch", rig.released())];
            let mut parts: Vec<String> = numbers
                .iter()
                .filter(|(_, number)| *number > 0)
                .map(|(name, number)| format!("{name} {number}"))
                .collect();
            if !indexes.is_empty() {
                parts.insert(1, format!("indexes {}", indexes.join(",")));
            }
            parts.extend(Some(got).filter(|got| !got.is_empty()));
            got = parts.join("; ").replace("; |", " |");
            for (pod, index) in made.iter().zip(&indexes) {
                let spec = pod.spec.as_ref().unwrap();
                assert_eq!(spec.hostname, Some(format!("foobar-{index}")), "{name}");
                assert_eq!(pod.metadata.generate_name, Some(format!("foobar-{index}-")), "{name}");
                assert_eq!(pod.metadata.labels.as_ref().unwrap()["batch.kubernetes.io/job-completion-index"], **index);
                let env = spec.containers[0].env.as_ref().unwrap();
                assert!(env.iter().any(|variable| variable.name == "JOB_COMPLETION_INDEX"), "{name}");
            }
            for pod in &made {
                let owner = meta::controller_of(&pod.metadata).unwrap();
                let owner = (owner.api_version.as_str(), owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str());
                assert_eq!(owner, ("batch/v1", "Job", "foobar", "job-uid"), "{name}");
            }
            let suspended = fields(text).contains_key("suspend");
            assert_eq!(status.start_time.is_some() || refused, !suspended, "{name}: startTime");
        }
        assert_eq!(result.is_err(), refused, "{name}: {result:?}");
        if got != *wanted {
            wrong.push(format!("{name}\n    wanted {wanted}\n    got    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n  "));
}

/// A Job that this controller is not to touch.
pub const FOREIGN: &str = "example.com/other";

/// Whether `managedBy` of this value is this controller.
pub fn is_own(value: &str) -> bool {
    value == CONTROLLER_NAME
}

/// Whether the Job has ended.
pub fn is_over(job: &Job) -> bool {
    conditions::is_finished(job)
}
