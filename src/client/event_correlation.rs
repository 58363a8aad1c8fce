//! What becomes of an Event before it is written: many that differ in their message alone are combined, repeats are
//! counted, and who writes too many about one object is not heard.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/record/events_cache.go (EventCorrelator).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as MetaTime;

use super::EventType;
use crate::apimachinery::meta;
use crate::sim::Time;

/// So many different messages for one reason are combined from then on.
const MAX_SIMILAR: usize = 10;
/// Similar Events are forgotten when none came for longer.
const SIMILAR_FOR: Duration = Duration::from_secs(600);
/// So many Events about an object may be written at once.
const BURST: u32 = 25;
/// And one more after each such time.
const REFILL: Duration = Duration::from_secs(300);
/// How much of each sort is remembered.
const REMEMBERED: usize = 4096;

/// What an Event is about, and its type: the uid, or the name of what has none.
pub type About = (Arc<str>, EventType);

/// An Event as it was first written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// How often it was seen.
    pub count: i32,
    /// When for the first time.
    pub first: MetaTime,
}

#[derive(Clone, Debug, Default)]
struct Similar {
    messages: BTreeSet<String>,
    last: Time,
}

/// The memory of one recorder.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    similar: BTreeMap<(About, String), Similar>,
    /// By object, reason, and the part of it with the message; that is empty for a combined one.
    written: BTreeMap<(About, String, String), Written>,
    /// When an object's Events may come in a burst again.
    full: BTreeMap<About, Time>,
}

/// How an Event is to be written.
#[derive(Debug)]
pub struct Correlated {
    /// Its message, with a note of what was combined.
    pub message: String,
    /// Whether it stands for others of its reason.
    pub combined: bool,
    /// Its name, count and first time.
    pub event: Written,
}

impl Correlation {
    /// Takes in an Event at `field_path` of an object. `name` is its name if it is a new one. `None` when there were too
    /// many about this object.
    pub fn take(
        &mut self,
        about: &About,
        field_path: &str,
        reason: &str,
        message: &str,
        name: String,
        now: Time,
    ) -> Option<Correlated> {
        let combined = self.combines(about, reason, message, now);
        let (place, message) = if combined {
            (String::new(), format!("(combined from similar events): {message}"))
        } else {
            (format!("{field_path} {message}"), message.to_owned())
        };
        let key = (about.clone(), reason.to_owned(), place);
        if self.written.len() >= REMEMBERED && !self.written.contains_key(&key) {
            self.written.pop_first();
        }
        let event = self.written.entry(key).or_insert_with(|| Written { name, count: 0, first: meta::time(now) });
        event.count += 1;
        let event = event.clone();
        self.accepts(about, now).then_some(Correlated { message, combined, event })
    }

    fn combines(&mut self, about: &About, reason: &str, message: &str, now: Time) -> bool {
        if self.similar.len() >= REMEMBERED {
            self.similar.retain(|_, similar| now.since(similar.last) <= SIMILAR_FOR);
        }
        let similar = self.similar.entry((about.clone(), reason.to_owned())).or_default();
        if now.since(similar.last) > SIMILAR_FOR {
            similar.messages.clear();
        }
        similar.last = now;
        if similar.messages.contains(message) {
            return false;
        }
        // Upstream drops any of them; whichever it is, one of the next messages is new again.
        let combines = similar.messages.len() + 1 >= MAX_SIMILAR;
        if !combines {
            similar.messages.insert(message.to_owned());
        }
        combines
    }

    fn accepts(&mut self, about: &About, now: Time) -> bool {
        if self.full.len() >= REMEMBERED {
            self.full.retain(|_, full| *full > now);
        }
        let full = self.full.entry(about.clone()).or_insert(now);
        if full.since(now) > REFILL * (BURST - 1) {
            return false;
        }
        *full = (*full).max(now) + REFILL;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes in Events one after another, `seconds` apart, and gives the last as "count message".
    fn last(events: &[(&str, &str, &str)], seconds: u64) -> Option<String> {
        let mut correlation = Correlation::default();
        let about = ("my-pod".into(), EventType::Normal);
        let mut answer = None;
        for (number, (path, reason, message)) in events.iter().enumerate() {
            let now = Time::from_seconds(1_000_000 + seconds * number as u64);
            answer = correlation.take(&about, path, reason, message, format!("my-pod.{number}"), now);
        }
        answer.map(|correlated| format!("{} {}", correlated.event.count, correlated.message))
    }

    const DUPLICATE: (&str, &str, &str) = ("", "duplicate", "me again");
    const SIMILAR: (&str, &str, &str) = ("spec.containers{container1}", "similar", "similar message");

    /// Of upstream's table in `events_cache_test.go` (`TestEventCorrelator`), the same cases under the same names.
    #[test]
    fn events_are_correlated_as_upstream_does_it() {
        let texts: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let repeat = |count: usize| vec![DUPLICATE; count];
        let unique = texts.iter().take(24).map(|text| ("", text.as_str(), text.as_str()));
        let similar = |count: usize| texts.iter().take(count).map(|text| (SIMILAR.0, SIMILAR.1, text.as_str()));
        let then = |events: &mut dyn Iterator<Item = _>, last| events.chain([last]).collect::<Vec<_>>();
        let combined = "(combined from similar events): similar message";
        let cases = [
            ("create-a-single-event", vec![("", "first", "i am first")], 5, Some("1 i am first".to_owned())),
            ("the-same-event-should-just-count", repeat(2), 5, Some("2 me again".to_owned())),
            (
                "the-same-event-should-just-count-even-if-more-than-aggregate",
                repeat(11),
                30,
                Some("11 me again".to_owned()),
            ),
            ("the-same-event-is-spam-if-happens-too-frequently", repeat(27), 1, None),
            (
                "create-many-unique-events",
                then(&mut unique.into_iter(), ("", "unique", "snowflake")),
                5,
                Some("1 snowflake".to_owned()),
            ),
            ("similar-events-should-aggregate-event", then(&mut similar(9), SIMILAR), 5, Some(format!("1 {combined}"))),
            (
                "similar-events-many-times-should-count-the-aggregate",
                then(&mut similar(10), SIMILAR),
                5,
                Some(format!("2 {combined}")),
            ),
            (
                "events-from-different-containers-do-not-aggregate",
                vec![("spec.containers{container2}", SIMILAR.1, SIMILAR.2), SIMILAR],
                5,
                Some("1 similar message".to_owned()),
            ),
            (
                "similar-events-whose-interval-is-greater-than-aggregate-interval-do-not-aggregate",
                then(&mut similar(9), SIMILAR),
                601,
                Some("1 similar message".to_owned()),
            ),
        ];
        for (name, events, seconds, expected) in cases {
            assert_eq!(last(&events, seconds), expected, "{name}");
        }
    }

    #[test]
    fn after_a_burst_of_25_there_is_one_in_five_minutes() {
        let mut correlation = Correlation::default();
        let about = ("a".into(), EventType::Warning);
        let mut accepted = |seconds: u64| {
            let now = Time::from_seconds(1_000_000 + seconds);
            correlation
                .take(&about, "", "Unhealthy", "no", "a.1".to_owned(), now)
                .map(|correlated| correlated.event.count)
        };
        assert_eq!((0..25).filter_map(|_| accepted(0)).count(), 25);
        assert_eq!([accepted(0), accepted(299), accepted(300), accepted(301)], [None, None, Some(28), None]);
    }
}
