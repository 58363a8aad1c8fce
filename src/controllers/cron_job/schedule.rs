//! When a CronJob's runs are due: the last one missed, and the next one.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/cronjob/utils.go. Of time zones it knows UTC and those that are a
//! fixed offset from it (`Etc/GMT+3`).

use std::time::Duration;

use k8s_openapi::api::batch::v1::CronJob;

use super::spec_of;
use crate::api::cron_job::schedule::Schedule;
use crate::sim::Time;

/// So many missed runs are worth a warning.
const TOO_MANY: u64 = 100;

/// A schedule in its time zone.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    /// Seconds ahead of UTC.
    offset: i32,
}

/// Why a CronJob has no timetable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTimetable {
    /// The reason of the Event.
    pub reason: &'static str,
    /// The message of the Event.
    pub message: String,
}

/// The run that is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The most recent instant of the schedule that was not served; `None` when there is none.
    pub at: Option<Time>,
    /// So many runs were missed that something must be wrong.
    pub too_many_missed: bool,
}

impl Timetable {
    /// The CronJob's timetable.
    ///
    /// # Errors
    /// What to tell by an Event.
    pub fn of(cron_job: &CronJob) -> Result<Self, NoTimetable> {
        let spec = spec_of(cron_job);
        let zone = spec.time_zone.as_deref().unwrap_or_default();
        let Some(offset) = offset_of(zone) else {
            let message = format!("invalid timeZone: {zone:?}: unknown time zone {zone}");
            return Err(NoTimetable { reason: "UnknownTimeZone", message });
        };
        match Schedule::parse(&spec.schedule) {
            Ok(schedule) => Ok(Self { schedule, offset }),
            Err(why) => {
                let message = format!("unparseable schedule: {:?} : {why}", spec.schedule);
                Err(NoTimetable { reason: "UnparseableSchedule", message })
            }
        }
    }

    fn next(&self, after: Time) -> Option<Time> {
        self.schedule.next(after, self.offset)
    }
}

/// How far a time zone is ahead of UTC, in seconds; `None` for a zone that is not known.
pub fn offset_of(zone: &str) -> Option<i32> {
    match zone {
        "" | "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Etc/Universal" | "Universal" | "Etc/Zulu" | "Zulu" | "GMT"
        | "Etc/GMT" | "Etc/GMT0" | "Etc/Greenwich" | "Greenwich" => Some(0),
        _ => {
            // The signs of these zones are the wrong way round, by an old convention.
            let hours: i32 = zone.strip_prefix("Etc/GMT")?.parse().ok()?;
            (-14..=12).contains(&hours).then_some(-hours * 3600)
        }
    }
}

/// An instant in a time zone, as Go's RFC 3339 has it.
pub fn rfc3339(at: Time, zone: Option<&str>) -> String {
    let offset = zone.and_then(offset_of).unwrap_or(0);
    if offset == 0 {
        return at.timestamp_seconds().to_string();
    }
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(offset).unwrap_or(jiff::tz::Offset::UTC));
    at.timestamp_seconds().to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The instant before the first run to look at, the most recent run that is not later than `now`, and how many were
/// missed.
fn most_recent(cron_job: &CronJob, timetable: &Timetable, now: Time, heed_deadline: bool) -> (Time, Option<Time>, u64) {
    let created = cron_job.metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0));
    let last = cron_job.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let mut earliest = last.map(|time| Time::from(time.0)).or(created).unwrap_or(now);
    if let Some(deadline) = spec_of(cron_job).starting_deadline_seconds.filter(|_| heed_deadline) {
        let micros = u64::try_from(deadline).unwrap_or(0).saturating_mul(1_000_000);
        earliest = earliest.max(Time::from_micros(now.as_micros().saturating_sub(micros)));
    }
    let Some(first) = timetable.next(earliest).filter(|first| *first <= now) else { return (earliest, None, 0) };
    let Some(second) = timetable.next(first).filter(|second| *second <= now) else { return (earliest, Some(first), 0) };
    // Counted by the distance of the first two, then searched for from shortly before the present.
    let between = second.since(first).as_secs().max(1);
    let missed = now.since(first).as_secs() / between + 1;
    let mut at = first + Duration::from_secs(between.saturating_mul(missed.saturating_sub(2)));
    let mut recent = None;
    while let Some(next) = timetable.next(at).filter(|next| *next <= now) {
        recent = Some(next);
        at = next;
    }
    (earliest, recent, missed)
}

/// The run that is due at `now`.
pub fn run_due(cron_job: &CronJob, timetable: &Timetable, now: Time) -> Due {
    let (_, at, missed) = most_recent(cron_job, timetable, now, true);
    Due { at, too_many_missed: at.is_some() && missed > TOO_MANY }
}

/// The next run after `now`; a day later when the schedule names no instant any more.
pub fn next_run_after(cron_job: &CronJob, timetable: &Timetable, now: Time) -> Time {
    let (earliest, recent, missed) = most_recent(cron_job, timetable, now, false);
    let from = recent.unwrap_or(if missed == 0 { earliest } else { now });
    timetable.next(from).unwrap_or(now + Duration::from_secs(24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron_job(schedule: &str, last: Option<&str>, deadline: Option<i64>) -> CronJob {
        serde_json::from_value(serde_json::json!({
            "metadata": {"creationTimestamp": "2026-11-23T17:00:10Z"},
            "spec": {"schedule": schedule, "startingDeadlineSeconds": deadline,
                "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}},
            "status": {"lastScheduleTime": last},
        }))
        .unwrap()
    }

    fn at(text: &str) -> Time {
        Time::from(text.parse::<jiff::Timestamp>().unwrap())
    }

    #[test]
    fn of_several_missed_runs_only_the_last_is_made_up_for() {
        let job = cron_job("*/5 * * * *", None, None);
        let timetable = Timetable::of(&job).unwrap();
        let due = run_due(&job, &timetable, at("2026-11-23T17:23:00Z"));
        assert_eq!(due, Due { at: Some(at("2026-11-23T17:20:00Z")), too_many_missed: false });
        assert_eq!(next_run_after(&job, &timetable, at("2026-11-23T17:23:00Z")), at("2026-11-23T17:25:00Z"));
    }

    #[test]
    fn more_than_a_hundred_missed_runs_are_too_many_unless_a_deadline_hides_them() {
        let now = at("2026-11-23T20:00:30Z");
        for (deadline, too_many) in [(None, true), (Some(120), false)] {
            let job = cron_job("* * * * *", None, deadline);
            let due = run_due(&job, &Timetable::of(&job).unwrap(), now);
            assert_eq!(due, Due { at: Some(at("2026-11-23T20:00:00Z")), too_many_missed: too_many });
        }
    }

    #[test]
    fn nothing_is_due_before_the_first_instant() {
        let job = cron_job("0 * * * *", Some("2026-11-23T17:00:00Z"), None);
        let timetable = Timetable::of(&job).unwrap();
        assert_eq!(run_due(&job, &timetable, at("2026-11-23T17:59:59Z")).at, None);
    }

    #[test]
    fn a_zone_is_known_by_its_offset() {
        assert_eq!(offset_of("Etc/GMT-2"), Some(7200));
        assert_eq!(rfc3339(at("2026-11-23T17:00:00Z"), Some("Etc/GMT-2")), "2026-11-23T19:00:00+02:00");
        assert_eq!(offset_of("Nowhere/Land"), None);
    }
}
