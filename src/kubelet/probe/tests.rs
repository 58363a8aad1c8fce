//! When a probe asks, rests and stops, and what its answers come to.
//!
//! Models Kubernetes 1.36 pkg/kubelet/prober (worker_test.go, prober_test.go).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::super::handler::port_of;
use super::*;

const KINDS: [usize; 3] = [LIVENESS, READINESS, STARTUP];
const NOW: Time = Time::from_seconds(1_000);

/// A worker of upstream's: a probe, and what is known of its container.
struct Case {
    probe: Probe,
    pod: Pod,
    result: Option<Outcome>,
}

impl Case {
    fn new(kind: usize, mut spec: Value) -> Self {
        for field in ["successThreshold", "failureThreshold"] {
            spec.as_object_mut().unwrap().entry(field).or_insert_with(|| 1.into());
        }
        let container = serde_json::from_value(json!({"name": "cOnTaInEr_NaMe"})).unwrap();
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let pod = serde_json::from_value(json!({"metadata": {"name": "testPod", "uid": "pOd_UiD"},
            "spec": {"restartPolicy": "Never", "containers": [container]}}));
        Self { probe: Probe::new(&container, kind, &spec, NOW), pod: pod.unwrap(), result: None }
    }

    fn container(mut self, fields: Value) -> Self {
        let mut container = json!({"name": "cOnTaInEr_NaMe"});
        container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.pod.spec.as_mut().unwrap().containers[0] = serde_json::from_value(container).unwrap();
        self
    }

    fn beside(mut self, container: Value) -> Self {
        self.pod.spec.as_mut().unwrap().containers.push(serde_json::from_value(container).unwrap());
        self
    }

    fn status(&mut self, status: Value) -> &mut Self {
        self.pod.status = serde_json::from_value(status).unwrap();
        self
    }

    /// One turn with this answer; whether the probe goes on.
    fn turn(&mut self, good: bool) -> bool {
        let before = self.probe.id.clone();
        let (known, next) = self.probe.look_first(&self.pod, NOW);
        if self.probe.id != before {
            self.result = None;
        }
        self.result = known.or(self.result);
        if next == Next::Ask {
            self.result = self.probe.count(good).or(self.result);
        }
        next != Next::Stop
    }

    fn expect(&mut self, good: bool, result: Outcome, name: &str) {
        assert!(self.turn(good), "{name}: goes on");
        assert_eq!(self.result, Some(result), "{name}");
    }
}

fn of(state: Value, started: bool) -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "cOnTaInEr_NaMe", "containerID": "test://cOnTaInEr_Id",
        "image": "", "imageID": "", "ready": false, "restartCount": 0, "started": started, "state": state}]})
}

fn running(started: bool) -> Value {
    of(json!({"running": {"startedAt": "1970-01-01T00:16:40Z"}}), started)
}

fn ended(code: i32) -> Value {
    of(json!({"terminated": {"exitCode": code}}), true)
}

#[test]
fn do_probe() {
    for kind in KINDS {
        let started = kind != STARTUP;
        let with = |status: Value, key: &str, value: Value| {
            let mut status = status;
            *status.pointer_mut(key).unwrap() = value;
            status
        };
        let (run, failed) = (running(started), with(running(started), "/phase", "Failed".into()));
        let other = with(running(started), "/containerStatuses/0/name", "otherContainer".into());
        let waiting = of(json!({"waiting": {}}), started);
        let (success, failure) = (Some(Outcome::Success), Some(Outcome::Failure));
        let cases = [
            ("No status.", None, json!({}), true, None),
            ("Pod failed", Some(failed), json!({}), false, None),
            ("No container status", Some(other), json!({}), true, None),
            ("Container waiting", Some(waiting), json!({}), true, failure),
            ("Container terminated", Some(ended(0)), json!({}), false, failure),
            ("Probe successful.", Some(run.clone()), json!({}), true, success),
            ("Initial delay passed", Some(run.clone()), json!({"initialDelaySeconds": -100}), true, success),
        ];
        for (name, status, spec, goes_on, result) in cases {
            let mut case = Case::new(kind, spec);
            if let Some(status) = status {
                case.status(status);
            }
            assert_eq!((case.turn(true), case.result), (goes_on, result), "{name} {kind}");
        }
        let mut case = Case::new(kind, json!({}));
        case.status(run).pod.metadata.deletion_timestamp = Some(meta::time(NOW));
        assert_eq!((case.turn(true), case.result), (kind == READINESS, success), "Pod deletion {kind}");
    }
}

#[test]
fn do_probe_with_container_restart_rules() {
    let rules = |action: &str, code: i32| {
        json!({"restartPolicy": "Never", "restartPolicyRules": [
            {"action": action, "exitCodes": {"operator": "In", "values": [code]}}]})
    };
    let policy = |policy: &str| json!({"restartPolicy": policy});
    let cases = [
        ("container failed with container restartPolicy=OnFailure", policy("OnFailure"), 1, true),
        ("container succeeded with containerRestartPolicy=OnFailure", policy("OnFailure"), 0, false),
        ("container failed with containerRestartPolicy=Always", policy("Always"), 1, true),
        ("container succeeded with containerRestartPolicy=Always", policy("Always"), 0, true),
        ("container failed with containerRestartPolicy=Never", policy("Never"), 1, false),
        ("container succeeded with containerRestartPolicy=Never", policy("Never"), 0, false),
        ("container terminated with matching restartPolicyRules", rules("Restart", 1), 1, true),
        ("container terminated with non-matching restartPolicyRules", rules("Restart", 99), 1, false),
        ("container terminated with matching restartAllContainers", rules("RestartAllContainers", 1), 1, true),
    ];
    for kind in KINDS {
        for (name, container, code, goes_on) in &cases {
            let mut case = Case::new(kind, json!({})).container(container.clone());
            assert_eq!(case.status(ended(*code)).turn(true), *goes_on, "{name} {kind}");
        }
        let mut trigger = rules("RestartAllContainers", 1);
        trigger["name"] = "trigger".into();
        let mut both = ended(1);
        let list = both["containerStatuses"].as_array_mut().unwrap();
        list.push(json!({"name": "trigger", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 1}}}));
        let mut case = Case::new(kind, json!({})).beside(trigger.clone());
        assert!(case.status(both).turn(true), "container terminated by restartAllContainers {kind}");
        let mut case = Case::new(kind, json!({})).beside(trigger);
        let mut cleaned = of(json!({"waiting": {}}), false);
        cleaned["phase"] = "Pending".into();
        assert!(case.status(cleaned).turn(true), "container cleaned up by restartAllContainers {kind}");
    }
}

#[test]
fn initial_delay() {
    let initial = [Outcome::Success, Outcome::Failure, Outcome::Unknown];
    for (kind, initial) in KINDS.into_iter().zip(initial) {
        let mut case = Case::new(kind, json!({"initialDelaySeconds": 10}));
        case.status(running(kind != STARTUP)).expect(true, initial, "during initial delay");
        let earlier = of(json!({"running": {"startedAt": "1970-01-01T00:15:00Z"}}), kind != STARTUP);
        case.status(earlier).expect(true, Outcome::Success, "after initial delay");
    }
}

#[test]
fn failure_threshold() {
    let mut case = Case::new(READINESS, json!({"failureThreshold": 3}));
    case.status(running(true));
    for _ in 0..2 {
        (0..3).for_each(|_| case.expect(true, Outcome::Success, "success"));
        (0..2).for_each(|_| case.expect(false, Outcome::Success, "failing"));
        (0..3).for_each(|_| case.expect(false, Outcome::Failure, "failure"));
    }
}

#[test]
fn success_threshold() {
    let mut case = Case::new(READINESS, json!({"successThreshold": 3}));
    case.status(running(true));
    for _ in 0..2 {
        (0..2).for_each(|_| case.expect(true, Outcome::Failure, "success below the threshold"));
        (0..3).for_each(|_| case.expect(true, Outcome::Success, "success"));
        case.expect(false, Outcome::Failure, "1 failure");
    }
}

#[test]
fn startup_probe_thresholds() {
    let mut case = Case::new(STARTUP, json!({"failureThreshold": 3}));
    case.status(running(false)).expect(true, Outcome::Success, "StartupProbeSuccessThreshold");
    assert_eq!((case.probe.on_hold, case.probe.run.1), (true, 0));
    let mut case = Case::new(STARTUP, json!({"failureThreshold": 3}));
    case.status(running(false));
    for (result, hold, run) in [(Outcome::Unknown, false, 1), (Outcome::Unknown, false, 2), (Outcome::Failure, true, 0)]
    {
        assert!(!case.probe.on_hold);
        case.expect(false, result, "StartupProbeFailureThreshold");
        assert_eq!((case.probe.on_hold, case.probe.run.1), (hold, run));
    }
}

#[test]
fn on_hold_on_liveness_or_startup_check_failure() {
    for kind in [LIVENESS, STARTUP] {
        let mut case = Case::new(kind, json!({}));
        case.status(running(kind != STARTUP)).expect(false, Outcome::Failure, "first probe");
        case.expect(true, Outcome::Failure, "while on hold");
        assert!(case.probe.on_hold);
        let mut next = running(kind != STARTUP);
        next["containerStatuses"][0]["containerID"] = "test://newCont_ID".into();
        case.status(next).expect(true, Outcome::Success, "hold lifted");
        assert_eq!(case.probe.on_hold, kind == STARTUP);
    }
}

#[test]
fn result_run_on_liveness_check_failure() {
    let mut case = Case::new(LIVENESS, json!({"failureThreshold": 3}));
    case.status(running(true));
    for (name, good, result, run) in [
        ("initial probe success", true, Outcome::Success, 1),
        ("probe failure, result success", false, Outcome::Success, 1),
        ("2nd probe failure, result success", false, Outcome::Success, 2),
        ("3rd probe failure, result failure", false, Outcome::Failure, 0),
    ] {
        case.expect(good, result, name);
        assert_eq!(case.probe.run.1, run, "{name}");
    }
}

#[test]
fn probes_are_disabled_by_started() {
    let mut case = Case::new(LIVENESS, json!({}));
    case.status(running(false)).expect(false, Outcome::Success, "Not started, probe failure, result success");
    case.status(running(true)).expect(false, Outcome::Failure, "Started, probe failure, result failure");
    let mut case = Case::new(STARTUP, json!({"failureThreshold": 2}));
    case.status(running(false)).expect(false, Outcome::Unknown, "Not started, probe failure, result unknown");
    case.expect(true, Outcome::Success, "Started, probe success, result success");
    case.status(running(true)).expect(false, Outcome::Success, "Started, probe failure, result success");
}

#[test]
fn probe_arguments_are_passed_through() {
    let env: Vec<EnvVar> = serde_json::from_value(json!([{"name": "A", "value": "script"}])).unwrap();
    let command = ["/bin/bash", "-c", "some $(A) $(B)"].map(str::to_owned);
    assert_eq!(expand_static(&command, Some(&env)), ["/bin/bash", "-c", "some script $(B)"]);
    assert_eq!(expand_static(&command, None), command);
}

#[test]
fn tcp_and_url_ports() {
    let container: Container =
        serde_json::from_value(json!({"name": "c", "ports": [{"name": "found", "containerPort": 93}]})).unwrap();
    let text = |name: &str| IntOrString::String(name.to_owned());
    let refused = |words: &str| Err(words.to_owned());
    for (port, want) in [
        (IntOrString::Int(-1), refused("invalid port number: -1")),
        (text(""), refused("strconv.Atoi: parsing \"\": invalid syntax")),
        (text("-1"), refused("invalid port number: -1")),
        (text("not-found"), refused("strconv.Atoi: parsing \"not-found\": invalid syntax")),
        (text("found"), Ok(93)),
        (IntOrString::Int(76), Ok(76)),
        (text("118"), Ok(118)),
    ] {
        assert_eq!(port_of(&port, &container), want, "{port:?}");
    }
}
