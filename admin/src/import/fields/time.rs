//! Times as databases and programs write them.

use std::str::FromStr;

use postern::clock::Timestamp;
use time::{Date, Month};

/// Parses `2022-11-19`, optionally with `T` or a space, `18:15`, `:22`, `.642817`, and `Z`, `+01`, `+01:00`
/// or `+0100`. Parses a number as milliseconds since 1970.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp::from_millis);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-');
    let year: u16 = digits(parts.next()?, 4)?;
    let month = Month::try_from(digits::<u8>(parts.next()?, 2)?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, digits(parts.next()?, 2)?).ok()?;
    let (clock, zone) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => ("00:00", ""),
        None => return None,
        Some(rest) => rest.split_at(rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len())),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let milli = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let moment = date.with_hms_milli(hour, minute, second, milli).ok()?.assume_utc();
    let millis =
        moment.unix_timestamp_nanos() / 1_000_000 - i128::from(offset_minutes(zone.trim())?) * 60_000;
    u64::try_from(millis).ok().map(Timestamp::from_millis)
}

fn offset_minutes(zone: &str) -> Option<i32> {
    let (sign, offset) = match zone {
        "" | "Z" | "z" | "UTC" => return Some(0),
        _ => (if zone.starts_with('-') { -1 } else { 1 }, zone.strip_prefix(['+', '-'])?),
    };
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 => offset.split_at_checked(2)?,
        5 => offset.split_once(':')?,
        _ => return None,
    };
    Some(sign * (digits::<i32>(hours, 2)? * 60 + digits::<i32>(minutes, 2)?))
}

fn digits<T: FromStr>(text: &str, count: usize) -> Option<T> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
