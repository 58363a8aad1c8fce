//! Upstream's tables of limits and of recent proposals (`horizontal_test.go`), with the names of its cases.
//!
//! Policies are words: so many Pods, or per cent, in so many seconds; none stands for the server's defaults. Changes of
//! the past are spread evenly over the last two minutes, the oldest first.

use serde_json::{Value, json};

use super::*;

type Row = (
    &'static str,
    (i32, i32),
    (i32, i32),
    (&'static str, &'static str),
    (&'static str, &'static str),
    (i32, &'static str),
);

/// Name; Pods now and wanted; least and most; policies and past changes upwards and downwards; what comes of it.
const SCALING_WITH_RULES: &[Row] = &[
    ("prenormalized desired replicas within range", (5, 7), (3, 8), ("", ""), ("", ""), (7, "DesiredWithinRange")),
    ("prenormalized desired replicas < minReplicas", (3, 1), (2, 8), ("", ""), ("", ""), (2, "TooFewReplicas")),
    (
        "prenormalized desired replicas within range when minReplicas is 0",
        (1, 0),
        (0, 10),
        ("", ""),
        ("", ""),
        (0, "DesiredWithinRange"),
    ),
    (
        "maxReplicas is the limit because maxReplicas < scaleUpLimit",
        (20, 1000),
        (1, 10),
        ("", ""),
        ("", ""),
        (10, "TooManyReplicas"),
    ),
    (
        "desired replica count is more than the maximum replica count",
        (100, 1000),
        (100, 150),
        ("", ""),
        ("", ""),
        (150, "TooManyReplicas"),
    ),
    (
        "scaleUpLimit is the limit because scaleUpLimit < maxReplicas with user policies",
        (3, 1000),
        (1, 2000),
        ("1%/60", ""),
        ("", ""),
        (4, "ScaleUpLimit"),
    ),
    (
        "scaleDownLimit is the limit because scaleDownLimit > minReplicas with user defined policies",
        (1000, 3),
        (3, 2000),
        ("", ""),
        ("20/60", ""),
        (980, "ScaleDownLimit"),
    ),
    ("scaleUp with default behavior", (10, 50), (1, 1000), ("", ""), ("", ""), (20, "ScaleUpLimit")),
    (
        "scaleUp with pods policy larger than percent policy",
        (10, 500),
        (1, 1000),
        ("100/60 100%/60", ""),
        ("", ""),
        (110, "ScaleUpLimit"),
    ),
    (
        "scaleUp with percent policy larger than pods policy",
        (10, 500),
        (1, 1000),
        ("2/60 100%/60", ""),
        ("", ""),
        (20, "ScaleUpLimit"),
    ),
    (
        "scaleUp with spec MaxReplicas limitation with large pod policy",
        (10, 50),
        (1, 1000),
        ("100/60", ""),
        ("", ""),
        (50, "DesiredWithinRange"),
    ),
    (
        "scaleUp with spec MaxReplicas limitation with large percent policy",
        (10, 50),
        (1, 1000),
        ("10000/60", ""),
        ("", ""),
        (50, "DesiredWithinRange"),
    ),
    ("scaleUp with pod policy limitation", (10, 50), (1, 1000), ("30/60", ""), ("", ""), (40, "ScaleUpLimit")),
    ("scaleUp with percent policy limitation", (10, 50), (1, 1000), ("200%/60", ""), ("", ""), (30, "ScaleUpLimit")),
    (
        "scaleDown with percent policy larger than pod policy",
        (100, 2),
        (1, 1000),
        ("", ""),
        ("20/60 1%/60", ""),
        (80, "ScaleDownLimit"),
    ),
    (
        "scaleDown with pod policy larger than percent policy",
        (100, 2),
        (1, 1000),
        ("", ""),
        ("2/60 1%/60", ""),
        (98, "ScaleDownLimit"),
    ),
    (
        "scaleDown with spec MinReplicas=nil limitation with large pod policy",
        (10, 0),
        (1, 1000),
        ("", ""),
        ("100/60", ""),
        (1, "TooFewReplicas"),
    ),
    (
        "scaleDown with spec MinReplicas limitation with large pod policy",
        (10, 0),
        (1, 1000),
        ("", ""),
        ("100/60", ""),
        (1, "TooFewReplicas"),
    ),
    (
        "scaleDown with spec MinReplicas limitation with large percent policy",
        (10, 2),
        (5, 1000),
        ("", ""),
        ("100%/60", ""),
        (5, "TooFewReplicas"),
    ),
    ("scaleDown with pod policy limitation", (10, 2), (1, 1000), ("", ""), ("5/60", ""), (5, "ScaleDownLimit")),
    (
        "scaleDown with percent policy limitation",
        (10, 5),
        (1, 1000),
        ("", ""),
        ("50%/60", ""),
        (5, "DesiredWithinRange"),
    ),
    (
        "scaleUp with spec MaxReplicas limitation with large pod policy and events",
        (100, 500),
        (1, 200),
        ("300/60", "1 5 9"),
        ("", ""),
        (200, "TooManyReplicas"),
    ),
    (
        "scaleUp with spec MaxReplicas limitation with large percent policy and events",
        (100, 500),
        (1, 200),
        ("10000%/60", "1 5 9"),
        ("", ""),
        (200, "TooManyReplicas"),
    ),
    (
        "scaleUp with currentReplicas limitation with rate.PeriodSeconds with a lot of recent scale up events",
        (100, 500),
        (1, 1000),
        ("5/120", "1 5 9"),
        ("", ""),
        (100, "ScaleUpLimit"),
    ),
    (
        "scaleUp with pod policy and previous scale up events",
        (100, 500),
        (1, 1000),
        ("150/120", "1 5 9"),
        ("", ""),
        (235, "ScaleUpLimit"),
    ),
    (
        "scaleUp with percent policy and previous scale up events",
        (100, 500),
        (1, 1000),
        ("200%/120", "1 5 9"),
        ("", ""),
        (255, "ScaleUpLimit"),
    ),
    (
        "scaleUp with percent policy and previous scale up and down events",
        (6, 24),
        (1, 1000),
        ("300%/300", "4"),
        ("", "2"),
        (16, "ScaleUpLimit"),
    ),
    (
        "scaleDown with default policy and previous events",
        (10, 5),
        (1, 1000),
        ("", ""),
        ("", "1 5 9"),
        (5, "DesiredWithinRange"),
    ),
    (
        "scaleDown with spec MinReplicas=nil limitation with large pod policy and previous events",
        (100, 0),
        (1, 1000),
        ("", ""),
        ("115/120", "1 5 9"),
        (1, "TooFewReplicas"),
    ),
    (
        "scaleDown with spec MinReplicas limitation with large pod policy and previous events",
        (100, 0),
        (5, 1000),
        ("", ""),
        ("130/120", "1 5 9"),
        (5, "TooFewReplicas"),
    ),
    (
        "scaleDown with spec MinReplicas limitation with large percent policy and previous events",
        (100, 2),
        (5, 1000),
        ("", ""),
        ("100%/120", "1 5 9"),
        (5, "TooFewReplicas"),
    ),
    (
        "scaleDown with pod policy limitation and previous events",
        (100, 2),
        (1, 1000),
        ("", ""),
        ("5/120", "1 5 9"),
        (100, "ScaleDownLimit"),
    ),
    (
        "scaleDown with percent policy limitation and previous events",
        (100, 0),
        (1, 1000),
        ("", ""),
        ("50%/120", "2 4 6"),
        (56, "ScaleDownLimit"),
    ),
    (
        "scaleDown with percent policy and previous scale up and down events",
        (10, 1),
        (1, 1000),
        ("", "2"),
        ("50%/180", "4"),
        (6, "ScaleDownLimit"),
    ),
    (
        "scaleDown with previous events preventing further scale down",
        (100, 0),
        (1, 1000),
        ("", ""),
        ("10%/120", "10 10 10"),
        (100, "ScaleDownLimit"),
    ),
    (
        "scaleDown with with previous events still allowing more scale down",
        (10, 5),
        (1, 1000),
        ("", ""),
        ("1000%/120", "10 10 10"),
        (5, "DesiredWithinRange"),
    ),
    (
        "check 'outdated' flag for events for one behavior for up",
        (100, 200),
        (1, 1000),
        ("1000/60", "8 12 9 11"),
        ("", ""),
        (200, "DesiredWithinRange"),
    ),
    (
        "check that events were not marked 'outdated' for two different policies in the behavior for up",
        (100, 200),
        (1, 1000),
        ("1000/120 100%/60", "8 12 9 11"),
        ("", ""),
        (200, "DesiredWithinRange"),
    ),
    (
        "check that events were marked 'outdated' for two different policies in the behavior for up",
        (100, 200),
        (1, 1000),
        ("1000/30 100%/60", "8 12 9 11"),
        ("", ""),
        (200, "DesiredWithinRange"),
    ),
    (
        "check 'outdated' flag for events for one behavior for down",
        (100, 5),
        (1, 1000),
        ("", ""),
        ("1000/60", "8 12 9 11"),
        (5, "DesiredWithinRange"),
    ),
    (
        "check that events were not marked 'outdated' for two different policies in the behavior for down",
        (100, 5),
        (1, 1000),
        ("", ""),
        ("1000/120 100%/60", "8 12 9 11"),
        (5, "DesiredWithinRange"),
    ),
    (
        "check that events were marked 'outdated' for two different policies in the behavior for down",
        (100, 5),
        (1, 1000),
        ("", ""),
        ("1000/30 100%/60", "8 12 9 11"),
        (5, "DesiredWithinRange"),
    ),
];

fn now() -> Time {
    Time::from_seconds(10_000)
}

fn rules(words: &str, default: &str) -> Value {
    let words = if words.is_empty() { default } else { words };
    let policies: Vec<Value> = words
        .split(' ')
        .map(|word| {
            let (amount, seconds) = word.split_once('/').unwrap();
            let (kind, amount) = match amount.strip_suffix('%') {
                Some(amount) => ("Percent", amount),
                None => ("Pods", amount),
            };
            json!({"type": kind, "value": amount.parse::<i32>().unwrap(), "periodSeconds": seconds.parse::<i32>().unwrap()})
        })
        .collect();
    json!({"selectPolicy": "Max", "policies": policies})
}

fn past(words: &str, sign: i32) -> Vec<(Time, i32)> {
    let numbers: Vec<i32> = words.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let segment = 120.0 / numbers.len().max(1) as f64;
    let ago = |place: usize| Duration::from_secs((120.0 - segment * (place as f64 + 0.5)) as u64);
    let at = |place: usize| Time::from_seconds(now().as_seconds() - ago(place).as_secs());
    numbers.iter().enumerate().map(|(place, number)| (at(place), sign * number)).collect()
}

#[test]
fn test_scaling_with_rules() {
    for (name, (current, wanted), bounds, (up, ups), (down, downs), expected) in SCALING_WITH_RULES {
        let given = json!({"scaleUp": rules(up, "4/15 100%/15"), "scaleDown": rules(down, "100%/15")});
        let given: HorizontalPodAutoscalerBehavior = serde_json::from_value(given).unwrap();
        let changes = past(ups, 1).into_iter().chain(past(downs, -1)).collect();
        let history = History { proposals: Vec::new(), changes };
        let (replicas, reason, _) = history.limit(Some(&given), *current, *wanted, *bounds, now());
        assert_eq!((replicas, reason), *expected, "{name}");
    }
}

#[test]
fn test_convert_desired_replicas_with_rules() {
    for (name, (current, wanted), bounds, expected) in [
        ("prenormalized desired replicas within range", (5, 7), (3, 8), (7, "DesiredWithinRange")),
        ("prenormalized desired replicas < minReplicas", (3, 1), (2, 8), (2, "TooFewReplicas")),
        ("prenormalized desired zeroed replicas within range", (1, 0), (0, 10), (0, "DesiredWithinRange")),
        ("maxReplicas is the limit because maxReplicas < scaleUpLimit", (20, 1000), (1, 10), (10, "TooManyReplicas")),
        ("scaleUpLimit is the limit because scaleUpLimit < maxReplicas", (3, 1000), (1, 2000), (6, "ScaleUpLimit")),
    ] {
        let (replicas, reason, _) = History::default().limit(None, current, wanted, bounds, now());
        assert_eq!((replicas, reason), expected, "{name}");
    }
}

#[test]
fn test_calculate_scale_limits_with_scaling_rules() {
    let policies = json!({"selectPolicy": "Min", "stabilizationWindowSeconds": 300, "policies": [
        {"type": "Pods", "value": 2, "periodSeconds": 60}, {"type": "Percent", "value": 50, "periodSeconds": 60}]});
    let rules: HPAScalingRules = serde_json::from_value(policies).unwrap();
    let history = History::default();
    assert_eq!(history.rate(Some(&rules), 1, true, now()), 2, "TestCalculateScaleUpLimitWithScalingRules");
    assert_eq!(history.rate(Some(&rules), 5, false, now()), 3, "TestCalculateScaleDownLimitWithBehaviors");
}

#[test]
fn test_normalize_desired_replicas() {
    /// Proposals with the minutes since they were made, the new one, and what is heard of them.
    type Case = (&'static str, &'static [(i32, u64)], i32, i32);
    let cases: [Case; 5] = [
        ("empty log", &[], 5, 5),
        ("stabilize", &[(4, 2), (5, 1)], 3, 5),
        ("no stabilize", &[(1, 2), (2, 1)], 3, 3),
        ("no stabilize - old recommendations", &[(10, 10), (9, 9)], 3, 3),
        ("stabilize - old recommendations", &[(10, 10), (4, 1), (5, 2), (9, 9)], 3, 5),
    ];
    for (name, proposals, wanted, expected) in cases {
        let at = |minutes: u64| Time::from_seconds(now().as_seconds() - 60 * minutes);
        let proposals = proposals.iter().map(|(number, minutes)| (at(*minutes), *number)).collect();
        let mut history = History { proposals, changes: Vec::new() };
        assert_eq!(history.stabilize(None, 1, wanted, now()), expected, "{name}");
    }
}
