//! Upstream's cases of usage and numbers of Pods (`replica_calculator_test.go`), under its names.
//!
//! A Pod is a word: what each of its two containers uses in thousandths of a processor (two numbers where they differ,
//! nothing behind the comma where the second is not measured, `-` where none is), then what there is to say of it:
//! `asks` (a processor each, where nothing is said), `unready`, `hot` (started now), `leaving`, or its phase. `+3200` is
//! a measurement without a Pod. Pods that are not `hot` started long before their processor time is believed.
//!
//! Not here: what needs the servers of custom and external metrics, for which nobody asks here, and
//! `TestReplicaCalcEmptyMetrics`, which fails before Pods are looked at.

use serde_json::json;

use super::*;

/// Name, Pods now, target, Pods; how many there should be, and the usage that is told.
const CASES: &[(&str, i32, &str, &str, &str)] = &[
    ("TestReplicaCalcDisjointResourcesMetrics", 1, "100%", "- +100", "error no metrics returned matched known pods"),
    ("TestReplicaCalcScaleUp", 3, "30%", "300 500 700", "5; 50% 1000"),
    ("TestReplicaCalcContainerScaleUp", 3, "30% of container2", "1000,300 1000,500 1000,700", "5; 50% 500"),
    ("TestReplicaCalcScaleUpUnreadyLessScale", 3, "30%", "300/unready 500 700", "4; 60% 1200"),
    ("TestReplicaCalcScaleUpContainerHotCpuLessScale", 3, "30% of container2", "0,300/hot 0,500 0,700", "4; 60% 600"),
    ("TestReplicaCalcScaleUpHotCpuLessScale", 3, "30%", "300/hot 500 700", "4; 60% 1200"),
    ("TestReplicaCalcScaleUpUnreadyNoScale", 3, "30%", "400 500/unready 700/unready", "3; 40% 800"),
    ("TestReplicaCalcScaleHotCpuNoScale", 3, "30%", "400 500/unready/hot 700/unready/hot", "3; 40% 800"),
    ("TestReplicaCalcScaleUpIgnoresFailedPods", 2, "30%", "500 700 -/unready/Failed -/unready/Failed", "4; 60% 1200"),
    (
        "TestReplicaCalcMissingContainerMetricScaleUpIgnoresFailedPods",
        2,
        "30% of container2",
        "1000,500 9000,700 1000,/unready/Failed 9000,/unready/Failed",
        "4; 60% 600",
    ),
    (
        "TestReplicaCalcScaleUpContainerIgnoresFailedPods",
        2,
        "30% of container2",
        "1000,500 9000,700 -/unready/Failed -/unready/Failed",
        "4; 60% 600",
    ),
    (
        "TestReplicaCalcScaleUpIgnoresDeletionPods",
        2,
        "30%",
        "500 700 -/unready/leaving -/unready/leaving",
        "4; 60% 1200",
    ),
    (
        "TestReplicaCalcScaleUpContainerIgnoresDeletionPods",
        2,
        "30% of container1",
        "500 700 -/unready/leaving -/unready/leaving",
        "4; 60% 600",
    ),
    ("TestReplicaCalcScaleDown", 5, "50%", "100 300 500 250 250", "3; 28% 560"),
    (
        "TestReplicaCalcContainerScaleDown",
        5,
        "50% of container2",
        "1000,100 1000,300 1000,500 1000,250 1000,250",
        "3; 28% 280",
    ),
    ("TestReplicaCalcScaleDownExcludeUnreadyPods", 5, "50%", "100 300 500 250/unready 250/unready", "2; 30% 600"),
    (
        "TestReplicaCalcScaleDownContainerExcludeUnreadyPods",
        5,
        "50% of container2",
        "1000,100 1000,300 1000,500 1000,250/unready 1000,250/unready",
        "2; 30% 300",
    ),
    (
        "TestReplicaCalcScaleDownExcludeUnscheduledPods",
        5,
        "50%",
        "100 -/unready/Pending -/unready/Pending -/unready/Pending -/unready/Pending",
        "1; 10% 200",
    ),
    (
        "TestReplicaCalcScaleDownContainerExcludeUnscheduledPods",
        5,
        "50% of container2",
        "1000,100 1000,300/unready/Pending 1000,500/unready/Pending 1000,250/unready/Pending 1000,250/unready/Pending",
        "1; 10% 100",
    ),
    ("TestReplicaCalcScaleDownIgnoreHotCpuPods", 5, "50%", "100 300 500 250/hot 250/hot", "2; 30% 600"),
    (
        "TestReplicaCalcScaleDownContainerIgnoreHotCpuPods",
        5,
        "50% of container2",
        "1000,100 1000,300 1000,500 1000/hot 1000/hot",
        "2; 30% 300",
    ),
    (
        "TestReplicaCalcScaleDownIgnoresFailedPods",
        5,
        "50%",
        "100 300 500 250 250 -/unready/Failed -/unready/Failed",
        "3; 28% 560",
    ),
    (
        "TestReplicaCalcScaleDownContainerIgnoresFailedPods",
        5,
        "50% of container2",
        "1000,100 1000,300 1000,500 1000,250 1000,250 -/unready/Failed -/unready/Failed",
        "3; 28% 280",
    ),
    (
        "TestReplicaCalcScaleDownIgnoresDeletionPods",
        5,
        "50%",
        "100 300 500 250 250 -/unready/leaving -/unready/leaving",
        "3; 28% 560",
    ),
    (
        "TestReplicaCalcScaleDownIgnoresDeletionPods_StillRunning",
        5,
        "50% of container2",
        "1000,100 1000,300 1000,500 1000,250 1000,250 -/unready/leaving -/unready/leaving",
        "3; 28% 280",
    ),
    ("TestReplicaCalcTolerance", 3, "100%", "1010/asks=0.9 1030 1020/asks=1.1", "3; 102% 2040"),
    ("Outside of a 0% tolerance", 3, "100% within 0. 0.", "909/asks=0.9 1010 1111/asks=1.1", "4; 101% 2020"),
    ("Within a 200% scale-up tolerance", 3, "100% within 0.1 2.", "1890/asks=0.9 1910 1900/asks=1.1", "3; 190% 3800"),
    (
        "Outside 8% scale-up tolerance (and superfuous scale-down tolerance)",
        3,
        "100% within 2. .08",
        "1100/asks=0.9 1080 1090/asks=1.1",
        "4; 109% 2180",
    ),
    ("Within a 36% scale-down tolerance", 3, "100% within .36 0.1", "660/asks=0.9 640 650/asks=1.1", "3; 65% 1300"),
    ("Outside a 34% scale-down tolerance", 3, "100% within .34 0.1", "660/asks=0.9 640 650/asks=1.1", "2; 65% 1300"),
    ("TestReplicaCalcSuperfluousMetrics", 4, "100%", "4000 9500 3000 7000 +3200 +2000", "24; 587% 11750"),
    ("TestReplicaCalcMissingMetrics", 4, "100%", "400 95 - -", "3; 24% 495"),
    ("TestReplicaCalcEmptyCPURequest", 1, "100%", "200/asks=", "error missing request for"),
    ("TestReplicaCalcMissingMetricsNoChangeEq", 2, "100%", "1000 -", "2; 100% 2000"),
    ("TestReplicaCalcMissingMetricsNoChangeGt", 2, "100%", "1900 -", "2; 190% 3800"),
    ("TestReplicaCalcMissingMetricsNoChangeLt", 2, "100%", "600 -", "2; 60% 1200"),
    ("TestReplicaCalcMissingMetricsUnreadyChange", 3, "50%", "100/unready 450 -", "3; 45% 900"),
    ("TestReplicaCalcMissingMetricsHotCpuNoChange", 3, "50%", "100/hot 450 -", "3; 45% 900"),
    ("TestReplicaCalcMissingMetricsUnreadyScaleUp", 3, "50%", "100/unready 2000 -", "4; 200% 4000"),
    ("TestReplicaCalcMissingMetricsHotCpuScaleUp", 3, "50%", "100/unready/hot 2000 -", "4; 200% 4000"),
    ("TestReplicaCalcMissingMetricsUnreadyScaleDown", 4, "50%", "100/unready 100 100 -", "3; 10% 200"),
    (
        "TestReplicaCalcMissingMetricsScaleDownTargetOver100",
        4,
        "300%",
        "200/unready 100 100/asks=2.0 -/asks=2.0",
        "2; 6% 200",
    ),
    ("TestReplicaCalcDuringRollingUpdateWithMaxSurge", 2, "50%", "100 100 -", "2; 10% 200"),
];

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

/// Reads a Pod and what was measured of it.
fn pod(word: &str, number: usize, container: &str) -> (Option<Arc<Pod>>, Option<i64>) {
    let mut parts = word.split('/');
    let used = parts.next().unwrap();
    let (one, two) = used.split_once(',').unwrap_or((used, used));
    let (one, two) = (one.trim_start_matches('+').parse::<i64>().ok(), two.trim_start_matches('+').parse::<i64>().ok());
    let used_now = match container {
        "container1" => one,
        "container2" => two,
        _ => one.map(|one| one + two.unwrap_or(0)),
    };
    let (mut asks, mut ready, mut start, mut phase, mut leaving) = ("1.0", "True", 1, "Running", None);
    for part in parts {
        match part.split_once('=').unwrap_or((part, "")) {
            ("asks", amount) => asks = amount,
            ("unready", _) => ready = "False",
            ("hot", _) => start = now().as_seconds(),
            ("leaving", _) => leaving = Some(now().timestamp().to_string()),
            (other, _) => phase = other,
        }
    }
    if used.starts_with('+') {
        return (None, used_now);
    }
    let start = Time::from_seconds(start).timestamp().to_string();
    let resources = if asks.is_empty() { json!({}) } else { json!({"requests": {"cpu": asks}}) };
    let pod = json!({
        "metadata": {"name": format!("test-pod-{number}"), "deletionTimestamp": leaving},
        "spec": {"containers": [{"name": "container1", "resources": resources}, {"name": "container2", "resources": resources}]},
        "status": {"phase": phase, "startTime": start,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": start}]},
    });
    (Some(Arc::new(serde_json::from_value(pod).unwrap())), used_now)
}

#[test]
fn upstreams_cases_come_out_as_upstreams() {
    let mut wrong = Vec::new();
    for (name, current, target, words, expected) in CASES {
        let (percent, rest) = target.split_once('%').unwrap();
        let container = rest.strip_prefix(" of ").unwrap_or_default();
        let tolerance = match rest.strip_prefix(" within ").map(|text| text.split_once(' ').unwrap()) {
            Some((down, up)) => Tolerance { down: down.parse().unwrap(), up: up.parse().unwrap() },
            None => Tolerance::of(None),
        };
        let (mut pods, mut measured) = (Vec::new(), Measured::new());
        for (number, word) in words.split(' ').enumerate() {
            let (pod, used) = pod(word, number, container);
            pods.extend(pod);
            if let Some(used) = used {
                measured.insert(format!("test-pod-{number}"), (used, now()));
            }
        }
        let caches = Caches::new(Vec::new());
        let selector = Selector::default();
        let asked =
            Asked { namespace: "", selector: &selector, current: *current, tolerance, now: now(), caches: &caches };
        let goal = Goal::Percent(percent.parse().unwrap());
        let got = match evaluate(("cpu", container), &goal, &asked, &pods, measured) {
            Ok((replicas, ratio)) => format!("{replicas}; {}% {}", ratio.percent, ratio.average),
            Err(why) => format!("error {why}"),
        };
        let alike = if expected.starts_with("error ") { got.starts_with(expected) } else { got == *expected };
        if !alike {
            wrong.push(format!("{name}: wanted {expected}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_behaviour_says_how_near_is_near_enough() {
    let behavior = json!({"scaleDown": {"tolerance": "360m"}, "scaleUp": {"tolerance": "0"}});
    let tolerance = Tolerance::of(Some(&serde_json::from_value(behavior).unwrap()));
    assert!(tolerance.holds(0.65) && !tolerance.holds(0.63) && tolerance.holds(1.0) && !tolerance.holds(1.01));
}
