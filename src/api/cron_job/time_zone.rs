//! The time zones by the IANA's names, and how far each is ahead of UTC.
//!
//! Knows the rule that is in force now, not the history of a zone nor the months of Ramadan in Morocco, and no letters
//! such as CET. `time_zones.txt` has a line for each rule: the minutes ahead of UTC; where clocks change, also the
//! minutes in the other half of the year and the two changes, each as `month.week.weekday/minute` in the local time
//! that ends there, week 5 being the last; then the names of the zones that keep it.

use jiff::civil::Date;
use jiff::tz::Offset;

use crate::sim::Time;

static RULES: &str = include_str!("time_zones.txt");

/// A time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Seconds ahead of UTC.
    standard: i64,
    summer: Option<Summer>,
}

/// The half of the year with other clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summer {
    offset: i64,
    begin: Change,
    end: Change,
}

/// When clocks are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    month: i8,
    week: i8,
    weekday: i8,
    /// Seconds after midnight; may be negative or more than a day.
    second: i64,
}

/// Whether there is a time zone of this name.
pub fn is_known(name: &str) -> bool {
    Zone::find(name).is_some()
}

impl Zone {
    /// The zone of this name; an empty one stands for UTC.
    pub fn find(name: &str) -> Option<Self> {
        if matches!(name, "" | "UTC" | "Local") {
            return Some(Self::default());
        }
        let line = RULES.lines().find(|line| line.split(' ').skip(1).any(|known| known == name))?;
        Self::parse(line.split(' ').next()?)
    }

    fn parse(rule: &str) -> Option<Self> {
        let mut parts = rule.split(',');
        let mut offset = || Some(parts.next()?.parse::<i64>().ok()? * 60);
        let standard = offset()?;
        let Some(summer) = offset() else { return Some(Self { standard, summer: None }) };
        let mut change = || Change::parse(parts.next()?);
        let summer = Summer { offset: summer, begin: change()?, end: change()? };
        Some(Self { standard, summer: Some(summer) })
    }

    /// How far local time is ahead of UTC at this instant, in seconds since 1970.
    pub fn offset_at(self, second: i64) -> i64 {
        let Some(summer) = self.summer else { return self.standard };
        let Some(year) = local(second, self.standard).map(jiff::civil::DateTime::year) else { return self.standard };
        let (Some(begin), Some(end)) = (summer.begin.of_year(year), summer.end.of_year(year)) else {
            return self.standard;
        };
        let (begin, end) = (begin - self.standard, end - summer.offset);
        // South of the equator the half year goes over the turn of the year.
        let is_summer = if begin <= end { (begin..end).contains(&second) } else { !(end..begin).contains(&second) };
        if is_summer { summer.offset } else { self.standard }
    }

    /// An instant as Go's RFC 3339 has it: `2026-11-23T18:00:00+01:00`, `Z` where local time is UTC.
    pub fn rfc3339(self, at: Time) -> String {
        let offset = i64::try_from(at.as_seconds()).map_or(0, |second| self.offset_at(second));
        if offset == 0 {
            return at.timestamp_seconds().to_string();
        }
        let offset = i32::try_from(offset).ok().and_then(|offset| Offset::from_seconds(offset).ok());
        let zone = jiff::tz::TimeZone::fixed(offset.unwrap_or(Offset::UTC));
        at.timestamp_seconds().to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (day, minute) = text.split_once('/')?;
        let mut day = day.split('.').map(str::parse::<i8>);
        let mut next = || day.next()?.ok();
        Some(Self { month: next()?, week: next()?, weekday: next()?, second: minute.parse::<i64>().ok()? * 60 })
    }

    /// The change of a year, in seconds since 1970 of local time.
    fn of_year(self, year: i16) -> Option<i64> {
        let first = Date::new(year, self.month, 1).ok()?;
        let ahead = (self.weekday - first.weekday().to_sunday_zero_offset()).rem_euclid(7);
        let mut day = 1 + ahead + (self.week - 1) * 7;
        if day > first.days_in_month() {
            day -= 7;
        }
        let midnight = Date::new(year, self.month, day).ok()?.at(0, 0, 0, 0);
        Some(Offset::UTC.to_timestamp(midnight).ok()?.as_second() + self.second)
    }
}

/// The calendar's view of an instant where local time is so many seconds ahead of UTC.
pub fn local(second: i64, offset: i64) -> Option<jiff::civil::DateTime> {
    let stamp = jiff::Timestamp::from_second(second.checked_add(offset)?).ok()?;
    Some(Offset::UTC.to_datetime(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_read() {
        for line in RULES.lines() {
            let (rule, names) = line.split_once(' ').unwrap();
            assert!(Zone::parse(rule).is_some() && !names.is_empty(), "{line}");
        }
    }

    #[test]
    fn clocks_change_where_and_when_they_do() {
        for (zone, at, wanted) in [
            ("Europe/Berlin", "2026-11-23T17:00:00Z", "2026-11-23T18:00:00+01:00"),
            ("Europe/Berlin", "2027-03-28T00:59:59Z", "2027-03-28T01:59:59+01:00"),
            ("Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-28T03:00:00+02:00"),
            ("Europe/Berlin", "2026-10-25T00:59:59Z", "2026-10-25T02:59:59+02:00"),
            ("Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00+01:00"),
            ("America/New_York", "2026-11-01T05:59:59Z", "2026-11-01T01:59:59-04:00"),
            ("America/New_York", "2026-11-01T06:00:00Z", "2026-11-01T01:00:00-05:00"),
            ("Australia/Sydney", "2026-12-31T23:00:00Z", "2027-01-01T10:00:00+11:00"),
            ("Australia/Sydney", "2026-07-01T00:00:00Z", "2026-07-01T10:00:00+10:00"),
            ("Europe/Dublin", "2026-07-01T12:00:00Z", "2026-07-01T13:00:00+01:00"),
            ("Europe/Dublin", "2026-12-01T12:00:00Z", "2026-12-01T12:00:00Z"),
            ("Asia/Kolkata", "2026-12-01T12:00:00Z", "2026-12-01T17:30:00+05:30"),
            ("Etc/GMT-2", "2026-11-23T17:00:00Z", "2026-11-23T19:00:00+02:00"),
            ("UTC", "2026-11-23T17:00:00Z", "2026-11-23T17:00:00Z"),
        ] {
            let at = Time::from(at.parse::<jiff::Timestamp>().unwrap());
            assert_eq!(Zone::find(zone).unwrap().rfc3339(at), wanted, "{zone}");
        }
        assert_eq!(Zone::find("Mars/Base"), None);
    }
}
