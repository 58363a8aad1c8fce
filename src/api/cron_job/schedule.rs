//! Cron schedules: five fields or a descriptor, and the instants that they name.
//!
//! Knows no clock: the instant and the time zone are arguments.
//! Models Kubernetes 1.36 vendor/github.com/robfig/cron/v3/{parser,spec,constantdelay}.go.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::Offset;

use super::time_zone::{self, Zone};
use crate::sim::Time;
use crate::text::duration::parse_go_duration;

/// The instants of a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Minutes whose fields match.
    Fields(Fields),
    /// One instant after so much time, again and again (`@every 5m`).
    Every(Duration),
}

/// The five fields, each a set of numbers as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
}

/// Set when a field was written with a star, so that the other of day and weekday decides alone.
const STAR: u64 = 1 << 63;
/// After so many years without a match there is none.
const YEARS: i16 = 5;

struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// The library's text, such as `expected exactly 5 fields, found 1: [bad]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let mut text = text;
        if let Some(zone) = Self::zone_in(text) {
            if !time_zone::is_known(zone) {
                return Err(format!("provided bad location {zone}: unknown time zone {zone}"));
            }
            text = text.split_once(' ').map_or("", |(_, rest)| rest).trim();
        }
        if text.starts_with('@') {
            return parse_descriptor(text);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        Ok(Self::Fields(Fields {
            minute: parse_field(minute, &MINUTES)?,
            hour: parse_field(hour, &HOURS)?,
            day: parse_field(day, &DAYS)?,
            month: parse_field(month, &MONTHS)?,
            weekday: parse_field(weekday, &WEEKDAYS)?,
        }))
    }

    /// The zone that a schedule begins with, `TZ=UTC 0 * * * *`. The library takes one; the server refuses it in what
    /// is new.
    pub fn zone_in(text: &str) -> Option<&str> {
        let zone = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="))?;
        zone.split(' ').next()
    }

    /// The first instant after `after`; `None` when there is none within five years.
    pub fn next(&self, after: Time, zone: Zone) -> Option<Time> {
        match self {
            Schedule::Every(delay) => Some(Time::from_seconds((after + *delay).as_seconds())),
            Schedule::Fields(fields) => fields.next(after, zone),
        }
    }
}

impl Fields {
    /// Goes on from the next whole minute until every field matches. Where clocks are put forward, what they skip does
    /// not match; where they are put back, it matches twice.
    fn next(self, after: Time, zone: Zone) -> Option<Time> {
        let mut at = i64::try_from(after.as_seconds()).ok()?.div_euclid(60).checked_add(1)?.checked_mul(60)?;
        let local = |at: i64| time_zone::local(at, zone.offset_at(at));
        let last_year = local(at)?.year().saturating_add(YEARS);
        loop {
            let now = local(at)?;
            if now.year() > last_year {
                return None;
            }
            if !has(self.month, now.month()) {
                at = midnight(now.date().last_of_month().tomorrow().ok()?, zone)?;
            } else if !self.matches_day(now.date()) {
                at = next_day(now.date(), zone)?;
            } else if !has(self.hour, now.hour()) {
                at += i64::from(60 - now.minute()) * 60;
            } else if let Some(minute) = (now.minute()..60).find(|minute| has(self.minute, *minute)) {
                let match_at = at + i64::from(minute - now.minute()) * 60;
                return u64::try_from(match_at).ok().map(Time::from_seconds);
            } else {
                at += i64::from(60 - now.minute()) * 60;
            }
        }
    }

    /// Day and weekday both have to match when one of them is a star, else either.
    fn matches_day(self, date: Date) -> bool {
        let day = has(self.day, date.day());
        let weekday = has(self.weekday, date.weekday().to_sunday_zero_offset());
        if self.day & STAR != 0 || self.weekday & STAR != 0 { day && weekday } else { day || weekday }
    }
}

/// The beginning of a day, in seconds since 1970; of two it is one, and where there is none it is an hour later.
fn midnight(date: Date, zone: Zone) -> Option<i64> {
    let local = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    Some(local - zone.offset_at(local - zone.offset_at(local)))
}

/// The beginning of the day after. As with the library, a day that has no midnight is passed over.
fn next_day(date: Date, zone: Zone) -> Option<i64> {
    let next = date.tomorrow().ok()?;
    let at = midnight(next, zone)?;
    match time_zone::local(at, zone.offset_at(at))?.hour() {
        0 => Some(at),
        hour if hour > 12 => Some(at + i64::from(24 - hour) * 3600),
        _ => midnight(next.tomorrow().ok()?, zone),
    }
}

fn has(bits: u64, number: i8) -> bool {
    u32::try_from(number).ok().and_then(|number| bits.checked_shr(number)).is_some_and(|bits| bits & 1 == 1)
}

fn bits(from: u32, to: u32, step: u32) -> u64 {
    let step = usize::try_from(step.max(1)).unwrap_or(1);
    (from..=to).step_by(step).filter_map(|number| 1_u64.checked_shl(number)).fold(0, |all, bit| all | bit)
}

fn every(bounds: &Bounds) -> u64 {
    bits(bounds.min, bounds.max, 1) | STAR
}

fn parse_field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    text.split(',').filter(|part| !part.is_empty()).try_fold(0, |all, part| Ok(all | parse_range(part, bounds)?))
}

fn parse_range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let mut halves = text.split('/');
    let limits: Vec<&str> = halves.next().unwrap_or_default().split('-').collect();
    let steps: Vec<&str> = halves.collect();
    let first = limits.first().copied().unwrap_or_default();
    let (from, mut to, mut star) = if matches!(first, "*" | "?") {
        (bounds.min, bounds.max, STAR)
    } else {
        let from = parse_number(first, bounds.names, bounds.min)?;
        match limits.as_slice() {
            [_] => (from, from, 0),
            [_, last] => (from, parse_number(last, bounds.names, bounds.min)?, 0),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    let step = match steps.as_slice() {
        [] => 1,
        [step] => {
            let step = parse_number(step, &[], 0)?;
            if limits.len() == 1 {
                to = bounds.max;
            }
            if step > 1 {
                star = 0;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    let (min, max) = (bounds.min, bounds.max);
    if from < min {
        return Err(format!("beginning of range ({from}) below minimum ({min}): {text}"));
    }
    if to > max {
        return Err(format!("end of range ({to}) above maximum ({max}): {text}"));
    }
    if from > to {
        return Err(format!("beginning of range ({from}) beyond end of range ({to}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(bits(from, to, step) | star)
}

fn parse_number(text: &str, names: &[&str], first: u32) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(position) = names.iter().position(|name| *name == lower) {
        return Ok(first + u32::try_from(position).unwrap_or(0));
    }
    let why = |why: &str| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}");
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(why("invalid syntax"));
    }
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(_) => Err(why("value out of range")),
    }
}

fn parse_descriptor(text: &str) -> Result<Schedule, String> {
    let midnight = Fields {
        minute: bits(0, 0, 1),
        hour: bits(0, 0, 1),
        day: every(&DAYS),
        month: every(&MONTHS),
        weekday: every(&WEEKDAYS),
    };
    let fields = match text {
        "@yearly" | "@annually" => Fields { day: bits(1, 1, 1), month: bits(1, 1, 1), ..midnight },
        "@monthly" => Fields { day: bits(1, 1, 1), ..midnight },
        "@weekly" => Fields { weekday: bits(0, 0, 1), ..midnight },
        "@daily" | "@midnight" => midnight,
        "@hourly" => Fields { hour: every(&HOURS), ..midnight },
        _ => {
            let Some(delay) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            let delay = parse_go_duration(delay).map_err(|why| format!("failed to parse duration {text}: {why}"))?;
            let seconds = u64::try_from(delay.div_euclid(1_000_000_000)).unwrap_or(0).max(1);
            return Ok(Schedule::Every(Duration::from_secs(seconds)));
        }
    };
    Ok(Schedule::Fields(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, zone: &str, after: &str) -> String {
        let (after, zone) = (Time::from(after.parse::<jiff::Timestamp>().unwrap()), Zone::find(zone).unwrap());
        Schedule::parse(schedule).unwrap().next(after, zone).map_or("never".to_owned(), |time| format!("{time:?}"))
    }

    #[test]
    fn local_time_decides_also_where_clocks_are_changed() {
        for (schedule, zone, after, wanted) in [
            ("0 9 * * *", "Europe/Berlin", "2026-11-23T17:00:00Z", "2026-11-24T08:00:00Z"),
            ("0 9 * * *", "America/New_York", "2026-07-01T17:00:00Z", "2026-07-02T13:00:00Z"),
            // Put forward: half past two is not there; the hourly run comes an hour after the last.
            ("30 2 * * *", "Europe/Berlin", "2027-03-27T02:00:00Z", "2027-03-29T00:30:00Z"),
            ("0 * * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"),
            // Put back: half past two comes twice.
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("0 0 1 1 *", "Asia/Kolkata", "2026-11-23T17:00:00Z", "2026-12-31T18:30:00Z"),
        ] {
            assert_eq!(next(schedule, zone, after), wanted, "{schedule} in {zone} after {after}");
        }
    }

    #[test]
    fn the_next_instant_is_after_the_given_one() {
        for (schedule, after, wanted) in [
            ("* * * * *", "2026-11-23T17:28:30Z", "2026-11-23T17:29:00Z"),
            ("* * * * *", "2026-11-23T17:29:00Z", "2026-11-23T17:30:00Z"),
            ("*/15 * * * *", "2026-11-23T17:46:00Z", "2026-11-23T18:00:00Z"),
            ("0 0 29 2 *", "2026-11-23T17:46:00Z", "2028-02-29T00:00:00Z"),
            ("30 4 1,15 * 5", "2026-11-23T17:46:00Z", "2026-11-27T04:30:00Z"),
            ("0 9 * * mon-fri", "2026-11-20T10:00:00Z", "2026-11-23T09:00:00Z"),
            ("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"),
            ("@hourly", "2026-11-23T17:46:00Z", "2026-11-23T18:00:00Z"),
            ("@weekly", "2026-11-23T17:46:00Z", "2026-11-29T00:00:00Z"),
            ("@every 90s", "2026-11-23T17:46:00.5Z", "2026-11-23T17:47:30Z"),
            ("0 0 31 2 *", "2026-11-23T17:46:00Z", "never"),
        ] {
            assert_eq!(next(schedule, "", after), wanted, "{schedule} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_in_the_librarys_words() {
        for (schedule, wanted) in [
            ("bad", "expected exactly 5 fields, found 1: [bad]"),
            ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("@often", "unrecognized descriptor: @often"),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
        ] {
            assert_eq!(Schedule::parse(schedule).unwrap_err(), wanted);
        }
    }
}
