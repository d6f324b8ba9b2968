//! The members of a row, read as the types that a user is made of.
//!
//! CSV has only strings, and databases write booleans and times in several ways. So each function takes every
//! spelling that can mean only one thing.

mod time;

use std::collections::BTreeSet;
use std::str::FromStr;

use postern::clock::Timestamp;
use postern::second_factor::{Mfa, RecoveryKey};
use postern::store::operator::MAX_SOURCE_ID_BYTES;
use serde_json::Value;

use super::reason::Reason;
use super::rows::Record;

/// The highest number, 2⁵³ − 1, which a JSON number holds exactly in every client.
const MAX: u64 = (1 << 53) - 1;

/// The seconds of a TOTP step.
const STEP: u64 = 30;

/// Returns a member that is present and not null.
pub fn value<'a>(record: &'a Record, member: &str) -> Option<&'a Value> {
    record.get(member).filter(|value| !value.is_null())
}

/// Reads a text. A number counts as its digits.
///
/// # Errors
/// If the member is something else.
pub fn text(record: &Record, member: &str) -> Result<Option<String>, Reason> {
    match value(record, member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(malformed(member, "a string")),
    }
}

/// Reads a user's id. Returns 0 if there is none.
///
/// # Errors
/// If the member is not a whole number from 1 to 2⁵³ − 1.
pub fn id(record: &Record, member: &str) -> Result<u64, Reason> {
    let wanted = "a whole number from 1 to 9007199254740991";
    match unsigned(record, member) {
        Ok(None) => Ok(0),
        Ok(Some(id)) if id > 0 => Ok(id),
        Ok(Some(_)) | Err(_) => Err(malformed(member, wanted)),
    }
}

/// Reads the id of a user in the product that the row comes from. It may be any text.
///
/// # Errors
/// If the member is neither a text nor a number, or is longer than a source id can be.
pub fn source_id(record: &Record, member: &str) -> Result<Option<String>, Reason> {
    match text(record, member)? {
        Some(id) if id.len() > MAX_SOURCE_ID_BYTES => Err(malformed(member, "at most 1,024 bytes long")),
        id => Ok(id.filter(|id| !id.is_empty())),
    }
}

/// Reads a whole number from 0 to 2⁵³ − 1. A counter such as the epoch can be raised from there and stays
/// readable.
///
/// # Errors
/// If the member is something else.
pub fn unsigned(record: &Record, member: &str) -> Result<Option<u64>, Reason> {
    let number = match value(record, member) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) => whole(digits),
        Some(_) => None,
    };
    let number = number.filter(|number| *number <= MAX);
    number.map(Some).ok_or_else(|| malformed(member, "a whole number from 0 to 9007199254740991"))
}

/// Reads a whole number.
///
/// # Errors
/// If the member is something else.
pub fn integer(record: &Record, member: &str) -> Result<Option<i64>, Reason> {
    let number = match value(record, member) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(digits)) => whole(digits),
        Some(_) => None,
    };
    number.map(Some).ok_or_else(|| malformed(member, "a whole number"))
}

/// Reads true or false.
///
/// # Errors
/// If the member is something else.
pub fn boolean(record: &Record, member: &str) -> Result<Option<bool>, Reason> {
    let answer = match value(record, member) {
        None => return Ok(None),
        Some(Value::Bool(answer)) => Some(*answer),
        Some(Value::Number(number)) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Some(Value::String(word)) => match word.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" => Some(true),
            "f" | "false" | "0" => Some(false),
            _ => None,
        },
        Some(_) => None,
    };
    answer.map(Some).ok_or_else(|| malformed(member, "true or false"))
}

/// Reads a time: milliseconds since 1970 as a number, or a date and time, in UTC if it names no zone.
///
/// # Errors
/// If the member is something else, or before 1970. If it is after the year 9999, where ISO 8601 ends,
/// because such a number counts microseconds.
pub fn moment(record: &Record, member: &str) -> Result<Option<Timestamp>, Reason> {
    let moment = match value(record, member) {
        None => return Ok(None),
        // MySQL writes it for no time.
        Some(Value::String(text)) if text.starts_with("0000-00-00") => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Timestamp::from_millis),
        Some(Value::String(text)) => time::parse(text.trim()),
        Some(_) => None,
    };
    let moment = moment.ok_or_else(|| malformed(member, "a time like 2022-11-19T18:15:22.642Z"))?;
    // Such a number counts seconds since 1973. As milliseconds it would be a day of 1970.
    if (100_000_000..100_000_000_000).contains(&moment.millis())
        && value(record, member).is_some_and(|value| value.is_number() || is_digits(value))
    {
        return Err(malformed(member, "a time; a number counts milliseconds since 1970, not seconds"));
    }
    if moment.iso8601().is_none() {
        return Err(malformed(
            member,
            "a time before the year 10000; a number counts milliseconds since 1970",
        ));
    }
    Ok(Some(moment))
}

fn is_digits(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads the time step of the last TOTP code that was used (RFC 6238). A step in the future would make every
/// code until then invalid. The product's clock may be one step ahead.
///
/// # Errors
/// If the member is something else.
pub fn last_step(record: &Record, member: &str, now: Timestamp) -> Result<Option<u64>, Reason> {
    match unsigned(record, member)? {
        Some(step) if step > now.secs() / STEP + 1 => {
            Err(malformed(member, "a 30-second step since 1970 that is not yet to come"))
        }
        step => Ok(step),
    }
}

/// Returns the second factor with this TOTP secret.
///
/// # Errors
/// If the secret is not base32 of at least 10 bytes.
pub fn mfa(secret: &str, last_step: Option<u64>) -> Result<Mfa, Reason> {
    let plain = secret.chars().filter(|c| !c.is_whitespace() && *c != '=').collect::<String>();
    let mfa = Mfa { secret: plain.to_ascii_uppercase().into(), last_step };
    // The code need not be valid. The check fails only if the secret cannot be read.
    let readable =
        mfa.check(0, &BTreeSet::new(), "000000", &RecoveryKey::new(b""), Timestamp::from_millis(0)).is_ok();
    if readable { Ok(mfa) } else { Err(Reason::BadSecret) }
}

/// The reason to reject a row with a member that is not of the required form.
pub fn malformed(member: &str, wanted: &'static str) -> Reason {
    Reason::Malformed { member: member.to_owned(), wanted }
}

/// Reads a number in its usual spelling. `+7` and `007` may be something other than a 7, and are refused.
pub fn whole<T: FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: Value) -> Record {
        Record::from_iter([("x".to_owned(), value)])
    }

    #[test]
    fn time_is_read_in_every_spelling() {
        for (text, millis) in [
            ("2022-11-19T18:15:22.642Z", 1_668_881_722_642),
            ("2022-11-19 18:15:22.642817+00", 1_668_881_722_642),
            ("2022-11-19 19:15:22.642817+01:00", 1_668_881_722_642),
            ("2022-11-19 12:45:22-0530", 1_668_881_722_000),
            ("2022-11-19 18:15:22", 1_668_881_722_000),
            ("2022-11-19T18:15:22.6", 1_668_881_722_600),
            ("2022-11-19T18:15Z", 1_668_881_700_000),
            ("2022-11-19", 1_668_816_000_000),
            ("1668881722642", 1_668_881_722_642),
        ] {
            assert_eq!(moment(&record(json!(text)), "x").unwrap().unwrap().millis(), millis, "{text}");
        }
        assert_eq!(
            moment(&record(json!(1_668_881_722_642u64)), "x").unwrap().unwrap().millis(),
            1_668_881_722_642
        );
        for none in [json!(null), json!("0000-00-00 00:00:00")] {
            assert_eq!(moment(&record(none), "x").unwrap(), None);
        }
        for bad in
            ["2022-13-01", "2022-02-30 00:00:00", "19.11.2022", "yesterday", "1969-12-31T23:59:59Z", ""]
        {
            assert!(moment(&record(json!(bad)), "x").is_err(), "{bad}");
        }
        for seconds in [json!(1_668_881_722u64), json!("1668881722")] {
            let reason = moment(&record(seconds), "x").unwrap_err().to_string();
            assert!(reason.contains("not seconds"), "{reason}");
        }
        for micros in [json!(1_668_881_722_642_817u64), json!("1668881722642817"), json!(u64::MAX)] {
            let reason = moment(&record(micros), "x").unwrap_err().to_string();
            assert!(reason.contains("milliseconds"), "{reason}");
        }
    }

    #[test]
    fn boolean_and_id_are_read_in_every_spelling() {
        for (spelling, expected) in [
            (json!("t"), true),
            (json!("False"), false),
            (json!("0"), false),
            (json!(1), true),
            (json!(true), true),
        ] {
            assert_eq!(boolean(&record(spelling), "x"), Ok(Some(expected)));
        }
        assert!(boolean(&record(json!("maybe")), "x").is_err());
        assert_eq!(id(&record(json!("7")), "x"), Ok(7));
        for bad in [
            json!(0),
            json!("-1"),
            json!("+7"),
            json!("008"),
            json!(" 7"),
            json!(1.5),
            json!("x"),
            json!(9_007_199_254_740_992u64),
        ] {
            assert!(id(&record(bad.clone()), "x").is_err(), "{bad}");
        }
    }

    #[test]
    fn number_too_high_or_step_in_the_future_is_malformed() {
        assert_eq!(unsigned(&record(json!(MAX)), "x"), Ok(Some(MAX)));
        for bad in [json!(MAX + 1), json!(u64::MAX), json!("9007199254740992"), json!("+1")] {
            assert!(unsigned(&record(bad.clone()), "x").is_err(), "{bad}");
        }
        let now = Timestamp::from_millis(3_000_000);
        assert_eq!(last_step(&record(json!(101)), "x", now), Ok(Some(101)));
        assert!(last_step(&record(json!(102)), "x", now).is_err());
    }

    #[test]
    fn totp_secret_is_normalised_or_refused() {
        assert_eq!(mfa("kbts kukr djpe gczk", None).ok().unwrap().secret, "KBTSKUKRDJPEGCZK".into());
        for bad in ["", "not base32!", "KBTSKUKR"] {
            assert_eq!(mfa(bad, None).err(), Some(Reason::BadSecret), "{bad}");
        }
    }
}
