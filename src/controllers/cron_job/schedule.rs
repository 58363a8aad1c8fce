//! When a CronJob's runs are due: the last one missed, and the next one.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/cronjob/utils.go.

use std::time::Duration;

use k8s_openapi::api::batch::v1::CronJob;

use super::spec_of;
use crate::api::cron_job::schedule::Schedule;
use crate::api::cron_job::time_zone::Zone;
use crate::sim::Time;

/// So many missed runs are worth a warning.
const TOO_MANY: u64 = 100;

/// A schedule in its time zone.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    zone: Zone,
}

/// Runs that are less than a second apart: those of a schedule that names no instant, such as the 31st of February.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoInstant;

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
    /// The library's words about the schedule.
    pub fn of(cron_job: &CronJob) -> Result<Self, String> {
        let spec = spec_of(cron_job);
        // A zone in the schedule goes first.
        let zone = Schedule::zone_in(&spec.schedule).or(spec.time_zone.as_deref());
        let zone = zone.and_then(Zone::find).unwrap_or_default();
        Schedule::parse(&spec.schedule).map(|schedule| Self { schedule, zone })
    }

    fn next(&self, after: Time) -> Option<Time> {
        self.schedule.next(after, self.zone)
    }
}

/// What [`most_recent`] finds.
struct Recent {
    /// The instant after which runs are looked for.
    earliest: Time,
    /// The most recent run that is not later than the present.
    at: Option<Time>,
    /// How many were missed, roughly.
    missed: u64,
}

/// Looks for the most recent run. `heed_deadline` leaves out those that would be too late to start.
fn most_recent(cron_job: &CronJob, timetable: &Timetable, now: Time, heed_deadline: bool) -> Result<Recent, NoInstant> {
    let created = cron_job.metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0));
    let last = cron_job.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let mut earliest = last.map(|time| Time::from(time.0)).or(created).unwrap_or(now);
    if let Some(deadline) = spec_of(cron_job).starting_deadline_seconds.filter(|_| heed_deadline) {
        let micros = u64::try_from(deadline).unwrap_or(0).saturating_mul(1_000_000);
        earliest = earliest.max(Time::from_micros(now.as_micros().saturating_sub(micros)));
    }
    let first = timetable.next(earliest).ok_or(NoInstant)?;
    if first > now {
        return Ok(Recent { earliest, at: None, missed: 0 });
    }
    let second = timetable.next(first).ok_or(NoInstant)?;
    if second > now {
        return Ok(Recent { earliest, at: Some(first), missed: 0 });
    }
    // Counted by the distance of the first two, then searched for from shortly before the present.
    let between = second.since(first).as_secs().max(1);
    let missed = now.since(first).as_secs() / between + 1;
    let mut at = first + Duration::from_secs(between.saturating_mul(missed.saturating_sub(2)));
    let mut recent = None;
    while let Some(next) = timetable.next(at).filter(|next| *next <= now) {
        recent = Some(next);
        at = next;
    }
    Ok(Recent { earliest, at: recent, missed })
}

/// The run that is due at `now`.
///
/// # Errors
/// A schedule that names no instant.
pub fn run_due(cron_job: &CronJob, timetable: &Timetable, now: Time) -> Result<Due, NoInstant> {
    let recent = most_recent(cron_job, timetable, now, true)?;
    Ok(Due { at: recent.at, too_many_missed: recent.at.is_some() && recent.missed > TOO_MANY })
}

/// The next run after `now`, which is `now` itself when the schedule names no instant.
pub fn next_run_after(cron_job: &CronJob, timetable: &Timetable, now: Time) -> Time {
    let from = match most_recent(cron_job, timetable, now, false) {
        Ok(Recent { at: Some(at), .. }) => at,
        Ok(Recent { earliest, missed: 0, .. }) => earliest,
        Ok(_) | Err(NoInstant) => now,
    };
    timetable.next(from).unwrap_or(now)
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
        let due = run_due(&job, &timetable, at("2026-11-23T17:23:00Z")).unwrap();
        assert_eq!(due, Due { at: Some(at("2026-11-23T17:20:00Z")), too_many_missed: false });
        assert_eq!(next_run_after(&job, &timetable, at("2026-11-23T17:23:00Z")), at("2026-11-23T17:25:00Z"));
    }

    #[test]
    fn more_than_a_hundred_missed_runs_are_too_many_unless_a_deadline_hides_them() {
        let now = at("2026-11-23T20:00:30Z");
        for (deadline, too_many) in [(None, true), (Some(120), false)] {
            let job = cron_job("* * * * *", None, deadline);
            let due = run_due(&job, &Timetable::of(&job).unwrap(), now).unwrap();
            assert_eq!(due, Due { at: Some(at("2026-11-23T20:00:00Z")), too_many_missed: too_many });
        }
    }

    #[test]
    fn nothing_is_due_before_the_first_instant() {
        let job = cron_job("0 * * * *", Some("2026-11-23T17:00:00Z"), None);
        let timetable = Timetable::of(&job).unwrap();
        assert_eq!(run_due(&job, &timetable, at("2026-11-23T17:59:59Z")).unwrap().at, None);
    }

    #[test]
    fn a_schedule_that_names_no_instant_is_invalid_and_is_looked_at_again_at_once() {
        let (job, now) = (cron_job("59 23 31 2 *", None, None), at("2026-11-23T20:00:30Z"));
        let timetable = Timetable::of(&job).unwrap();
        assert_eq!(run_due(&job, &timetable, now), Err(NoInstant));
        assert_eq!(next_run_after(&job, &timetable, now), now);
    }
}
