//! Lengths of time and moments. Knows UTC and fixed offsets, no names of zones.
//!
//! Models google/cel-go common/types/{duration,timestamp}.go.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::value::{NO_OVERLOAD, Outcome, Val};
use crate::text::duration::parse_go_duration;

const SECOND: i64 = 1_000_000_000;

/// A length of time as Go writes it: `1h30m`.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    parse_go_duration(text)
}

/// A moment as RFC 3339 writes it.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, ()> {
    let strict = text.get(10..11) == Some("T") && !text.contains('[');
    if strict { text.parse().map_err(|_| ()) } else { Err(()) }
}

/// `+` and `-` where moments or lengths take part.
pub(super) fn arithmetic(name: &str, a: &Val, b: &Val) -> Outcome {
    let moment =
        |found: Result<Timestamp, jiff::Error>| found.map(Val::Timestamp).map_err(|_| "timestamp overflow".to_owned());
    let length = |found: Option<i64>| found.map(Val::Duration).ok_or_else(|| "duration overflow".to_owned());
    match (name, a, b) {
        ("_+_", Val::Duration(a), Val::Duration(b)) => length(a.checked_add(*b)),
        ("_-_", Val::Duration(a), Val::Duration(b)) => length(a.checked_sub(*b)),
        ("_+_", Val::Timestamp(at), Val::Duration(by)) | ("_+_", Val::Duration(by), Val::Timestamp(at)) => {
            moment(at.checked_add(SignedDuration::from_nanos(*by)))
        }
        ("_-_", Val::Timestamp(at), Val::Duration(by)) => moment(at.checked_sub(SignedDuration::from_nanos(*by))),
        ("_-_", Val::Timestamp(a), Val::Timestamp(b)) => {
            length(i64::try_from(a.as_nanosecond() - b.as_nanosecond()).ok())
        }
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

/// What a function of times gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    if !name.starts_with("get") {
        return None;
    }
    Some(match given {
        [Val::Duration(held)] => match name {
            "getHours" => Ok(Val::Int(held / (3600 * SECOND))),
            "getMinutes" => Ok(Val::Int(held / (60 * SECOND))),
            "getSeconds" => Ok(Val::Int(held / SECOND)),
            "getMilliseconds" => Ok(Val::Int(held / 1_000_000)),
            _ => return None,
        },
        [Val::Timestamp(at)] => part(name, &at.to_zoned(TimeZone::UTC)),
        [Val::Timestamp(at), Val::Str(zone)] => match offset(zone) {
            Some(offset) => part(name, &at.to_zoned(offset.to_time_zone())),
            None => Err(format!("unknown time zone {zone}")),
        },
        _ => return None,
    })
}

/// `UTC`, `+01:00`, `-05:30`.
fn offset(zone: &str) -> Option<Offset> {
    if matches!(zone, "UTC" | "" | "Z") {
        return Some(Offset::UTC);
    }
    let (hours, minutes) = zone.split_once(':')?;
    let sign = if hours.starts_with('-') { -1 } else { 1 };
    let hours: i32 = hours.trim_start_matches(['+', '-']).parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

fn part(name: &str, at: &Zoned) -> Outcome {
    Ok(Val::Int(match name {
        "getFullYear" => at.year().into(),
        "getMonth" => i64::from(at.month()) - 1,
        "getDayOfYear" => i64::from(at.day_of_year()) - 1,
        "getDayOfMonth" => i64::from(at.day()) - 1,
        "getDate" => at.day().into(),
        "getDayOfWeek" => at.weekday().to_sunday_zero_offset().into(),
        "getHours" => at.hour().into(),
        "getMinutes" => at.minute().into(),
        "getSeconds" => at.second().into(),
        "getMilliseconds" => at.millisecond().into(),
        _ => return Err(NO_OVERLOAD.to_owned()),
    }))
}
