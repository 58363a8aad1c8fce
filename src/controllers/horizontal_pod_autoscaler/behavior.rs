//! How fast an autoscaler may act: recent proposals are heard before it shrinks, and growth has a limit.
//!
//! Models Kubernetes 1.36 pkg/controller/podautoscaler/horizontal.go (stabilizeRecommendation...,
//! convertDesiredReplicas...).

#[cfg(test)]
mod tables;

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior};

use crate::sim::Time;

/// For how long the highest proposal counts when no behaviour is given.
const DOWNSCALE_WINDOW: Duration = Duration::from_secs(5 * 60);
/// For how long changes are remembered: the longest period that a policy may have.
const LONGEST_PERIOD: Duration = Duration::from_secs(30 * 60);
/// For how long proposals are remembered: the longest window that a behaviour may have.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// What one autoscaler has proposed and done.
#[derive(Clone, Debug, Default)]
pub struct History {
    proposals: Vec<(Time, i32)>,
    /// Changes of the number of Pods.
    changes: Vec<(Time, i32)>,
}

/// The reason and message when recent proposals were heard.
pub fn why_stabilized(up: bool) -> (&'static str, &'static str) {
    if up {
        let message = "recent recommendations were lower than current one, applying the lowest recent recommendation";
        ("ScaleUpStabilized", message)
    } else {
        let message = "recent recommendations were higher than current one, applying the highest recent recommendation";
        ("ScaleDownStabilized", message)
    }
}

impl History {
    /// Takes the present number as the first proposal.
    pub fn begin(&mut self, current: i32, now: Time) {
        if self.proposals.is_empty() {
            self.proposals.push((now, current));
        }
    }

    /// Remembers a change.
    pub fn rescaled(&mut self, from: i32, to: i32, now: Time) {
        self.changes.push((now, to - from));
        self.changes.retain(|(at, _)| now.since(*at) <= LONGEST_PERIOD);
    }

    /// The proposal after recent ones were heard.
    pub fn stabilize(
        &mut self,
        rules: Option<&HorizontalPodAutoscalerBehavior>,
        current: i32,
        proposed: i32,
        now: Time,
    ) -> i32 {
        let window = |rules: Option<&HPAScalingRules>, default: Duration| {
            let seconds = rules.and_then(|rules| rules.stabilization_window_seconds);
            seconds.map_or(default, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
        };
        let recent = |window: Duration| {
            let within = self.proposals.iter().filter(move |(at, _)| now.since(*at) < window);
            within.map(|(_, number)| *number)
        };
        let stable = match rules {
            None => recent(DOWNSCALE_WINDOW).chain([proposed]).max().unwrap_or(proposed),
            Some(rules) => {
                let up = recent(window(rules.scale_up.as_ref(), Duration::ZERO)).chain([proposed]).min();
                let down = recent(window(rules.scale_down.as_ref(), DOWNSCALE_WINDOW)).chain([proposed]).max();
                current.max(up.unwrap_or(proposed)).min(down.unwrap_or(proposed))
            }
        };
        self.proposals.push((now, proposed));
        self.proposals.retain(|(at, _)| now.since(*at) <= LONGEST_WINDOW);
        stable
    }

    /// The number after the limits, with reason and message of the condition.
    pub fn limit(
        &self,
        rules: Option<&HorizontalPodAutoscalerBehavior>,
        current: i32,
        wanted: i32,
        (least, most): (i32, i32),
        now: Time,
    ) -> (i32, &'static str, &'static str) {
        let up = match rules {
            None => (current.saturating_mul(2)).max(4),
            Some(rules) => self.rate(rules.scale_up.as_ref(), current, true, now).max(current),
        };
        if wanted > current || (rules.is_none() && wanted > most.min(up)) {
            let (allowed, reason, message) = if most > up {
                (up, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            } else {
                (most, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
            };
            if wanted > allowed {
                return (allowed, reason, message);
            }
        }
        let down = match rules {
            None => least,
            Some(rules) => self.rate(rules.scale_down.as_ref(), current, false, now).min(current),
        };
        if wanted < current || (rules.is_none() && wanted < least) {
            let (allowed, reason, message) = if least < down {
                (down, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
            } else {
                (least, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
            };
            if wanted < allowed {
                return (allowed, reason, message);
            }
        }
        (wanted, "DesiredWithinRange", "the desired count is within the acceptable range")
    }

    /// How far the policies let the number go now.
    fn rate(&self, rules: Option<&HPAScalingRules>, current: i32, up: bool, now: Time) -> i32 {
        let policies = rules.and_then(|rules| rules.policies.as_deref()).unwrap_or_default();
        let select = rules.and_then(|rules| rules.select_policy.as_deref()).unwrap_or("Max");
        if select == "Disabled" {
            return current;
        }
        let proposals = policies.iter().map(|policy| self.allowed(policy, current, up, now));
        // The greatest change is the highest number on the way up and the lowest on the way down.
        let chosen = if (select == "Min") == up { proposals.min() } else { proposals.max() };
        chosen.unwrap_or(current)
    }

    fn allowed(&self, policy: &HPAScalingPolicy, current: i32, up: bool, now: Time) -> i32 {
        let period = Duration::from_secs(u64::try_from(policy.period_seconds).unwrap_or(0));
        let recent = self.changes.iter().filter(|(at, _)| now.since(*at) < period);
        let start = current - recent.map(|(_, change)| change).sum::<i32>();
        match (policy.type_.as_str(), up) {
            ("Pods", true) => start + policy.value,
            ("Pods", false) => start - policy.value,
            (_, true) => (f64::from(start) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i32,
            (_, false) => (f64::from(start) * (1.0 - f64::from(policy.value) / 100.0)) as i32,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(value: serde_json::Value) -> HorizontalPodAutoscalerBehavior {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn without_behavior_growth_doubles_and_shrinking_waits_five_minutes() {
        let (mut history, at) = (History::default(), Time::from_seconds);
        assert_eq!(history.limit(None, 3, 20, (1, 30), at(0)).0, 6);
        assert_eq!(history.limit(None, 1, 20, (1, 30), at(0)).0, 4);
        assert_eq!(
            history.limit(None, 3, 20, (1, 5), at(0)),
            (5, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        );
        assert_eq!(history.stabilize(None, 3, 5, at(10)), 5);
        assert_eq!(history.stabilize(None, 5, 2, at(100)), 5, "the five is remembered");
        assert_eq!(history.stabilize(None, 5, 2, at(311)), 2);
    }

    #[test]
    fn policies_limit_the_change_in_a_period() {
        let at = Time::from_seconds;
        let given = rules(json!({
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                {"type": "Pods", "value": 2, "periodSeconds": 60}, {"type": "Percent", "value": 50, "periodSeconds": 60}]},
            "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min", "policies": [
                {"type": "Pods", "value": 1, "periodSeconds": 60}, {"type": "Percent", "value": 100, "periodSeconds": 60}]},
        }));
        let mut history = History::default();
        assert_eq!(history.limit(Some(&given), 10, 30, (1, 100), at(0)).0, 15);
        assert_eq!(history.limit(Some(&given), 2, 30, (1, 100), at(0)).0, 4);
        assert_eq!(
            history.limit(Some(&given), 10, 2, (1, 100), at(0)),
            (9, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
        );
        history.rescaled(10, 15, at(0));
        assert_eq!(history.limit(Some(&given), 15, 30, (1, 100), at(30)).0, 15, "the period has had its change");
        assert_eq!(history.limit(Some(&given), 15, 30, (1, 100), at(61)).0, 23);
    }

    #[test]
    fn a_window_for_growth_hears_the_lowest() {
        let (mut history, at) = (History::default(), Time::from_seconds);
        let given = rules(
            json!({"scaleUp": {"stabilizationWindowSeconds": 60}, "scaleDown": {"stabilizationWindowSeconds": 0}}),
        );
        assert_eq!(history.stabilize(Some(&given), 2, 2, at(0)), 2);
        assert_eq!(history.stabilize(Some(&given), 2, 6, at(30)), 2);
        assert_eq!(history.stabilize(Some(&given), 2, 6, at(95)), 6);
        assert_eq!(history.stabilize(Some(&given), 6, 1, at(96)), 1);
    }
}
