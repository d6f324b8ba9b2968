//! Our own format, which `postern export` writes: `docs/import-format.md`.
//!
//! An unknown member is an error and never ignored. So a misspelt `must_change_password` is noticed.

use std::collections::BTreeSet;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use serde_json::{Map, Value};

use super::imported_user::ParsedUser;
use super::reason::Reason;
use super::rows::Record;
use super::source::other_format;
use super::{attributes, fields};
use crate::output::Failure;

/// The members, in the order in which they are written.
pub const MEMBERS: [&str; 17] = [
    "id",
    "username",
    "other_usernames",
    "email",
    "password_hash",
    "status",
    "must_change_password",
    "mfa_secret",
    "mfa_last_step",
    "recovery_codes",
    "epoch",
    "sessions_ended_at",
    "created_at",
    "updated_at",
    "last_sign_in",
    "source_id",
    "attributes",
];

/// Checks the columns of a CSV.
///
/// # Errors
/// If a column is unknown, or `username` is missing.
pub fn check_columns(columns: &[String]) -> Result<(), Failure> {
    let known = |column: &&String| {
        MEMBERS.contains(&column.as_str()) && *column != "attributes" || attributes::is_column(column)
    };
    if let Some(unknown) = columns.iter().find(|column| !known(column)) {
        return Err(other_format(format_args!("its column `{unknown}` is not known here")));
    }
    if !columns.iter().any(|column| column == "username") {
        return Err(other_format("it has no column `username`"));
    }
    Ok(())
}

/// Reads the user of a row of CSV.
///
/// # Errors
/// If the row is to be rejected.
pub fn of_csv(record: &Record, now: Timestamp) -> Result<ParsedUser, Reason> {
    let mut record = record.clone();
    let attributes = attributes::of_columns(&mut record)?;
    record.insert("attributes".to_owned(), Value::Object(attributes));
    of_json(&record, now)
}

/// Reads the user of a JSON object.
///
/// # Errors
/// If the row is to be rejected.
pub fn of_json(record: &Record, now: Timestamp) -> Result<ParsedUser, Reason> {
    if let Some(unknown) = record.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
        return Err(Reason::Unknown { member: unknown.clone() });
    }
    let id = fields::id(record, "id")?;
    let username = fields::text(record, "username")?.ok_or(Reason::Missing { member: "username" })?;
    let password_hash = fields::text(record, "password_hash")?;
    let last_step = fields::last_step(record, "mfa_last_step", now)?;
    let secret = fields::text(record, "mfa_secret")?;
    if secret.is_none() && last_step.is_some() {
        return Err(Reason::Missing { member: "mfa_secret" });
    }
    let recovery_codes = recovery_codes(record)?;
    if id == 0 && !recovery_codes.is_empty() {
        // A recovery code is stored as a digest of the code and the id.
        return Err(Reason::Missing { member: "id" });
    }
    if secret.is_none() && !recovery_codes.is_empty() {
        // Without MFA, a sign-in never asks for a recovery code.
        return Err(Reason::Missing { member: "mfa_secret" });
    }
    let created_at = fields::moment(record, "created_at")?.unwrap_or(now);
    let attributes = match fields::value(record, "attributes") {
        None => Map::new(),
        Some(Value::Object(attributes)) => attributes.clone(),
        Some(_) => return Err(fields::malformed("attributes", "an object")),
    };
    attributes::check(&attributes)?;
    let new_user = UserRecord::without_earlier_tokens(username, created_at, now);
    let epoch = fields::unsigned(record, "epoch")?;
    let sessions_ended_at = match fields::moment(record, "sessions_ended_at")? {
        None if epoch.is_none() => new_user.sessions_ended_at,
        // A row that names the epoch brings the user back with the tokens of that epoch.
        ended => ended,
    };
    let user = UserRecord {
        id,
        other_usernames: other_usernames(record)?,
        email: fields::text(record, "email")?.unwrap_or_default(),
        password_hash,
        status: status(record)?,
        must_change_password: fields::boolean(record, "must_change_password")?.unwrap_or(false),
        mfa: secret.map(|secret| fields::mfa(&secret, last_step)).transpose()?,
        recovery_codes,
        epoch: epoch.unwrap_or(new_user.epoch),
        sessions_ended_at,
        source_id: fields::source_id(record, "source_id")?,
        updated_at: fields::moment(record, "updated_at")?.unwrap_or(created_at),
        last_sign_in: fields::moment(record, "last_sign_in")?,
        attributes,
        ..new_user
    };
    Ok(ParsedUser::new(user))
}

fn status(record: &Record) -> Result<Status, Reason> {
    let wanted = || fields::malformed("status", "active, not_activated, disabled or blocked");
    match fields::value(record, "status") {
        None => Ok(Status::Active),
        Some(word) => serde_json::from_value(word.clone()).map_err(|_| wanted()),
    }
}

/// Reads an array of usernames. In CSV, the field is one username.
fn other_usernames(record: &Record) -> Result<BTreeSet<String>, Reason> {
    let wanted = || fields::malformed("other_usernames", "an array of usernames");
    match fields::value(record, "other_usernames") {
        None => Ok(BTreeSet::new()),
        Some(Value::String(one)) => Ok(BTreeSet::from([one.clone()])),
        Some(array) => serde_json::from_value(array.clone()).map_err(|_| wanted()),
    }
}

/// Reads an array of digests. In CSV, spaces separate them in one field.
fn recovery_codes(record: &Record) -> Result<BTreeSet<String>, Reason> {
    let wanted = || fields::malformed("recovery_codes", "digests of 64 hexadecimal digits");
    let codes: Vec<String> = match fields::value(record, "recovery_codes") {
        None => Vec::new(),
        Some(Value::String(codes)) => codes.split_whitespace().map(str::to_owned).collect(),
        Some(array) => serde_json::from_value(array.clone()).map_err(|_| wanted())?,
    };
    let is_digest = |code: &String| {
        code.len() == 64 && code.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if codes.iter().all(is_digest) { Ok(codes.into_iter().collect()) } else { Err(wanted()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> Result<ParsedUser, Reason> {
        of_json(row.as_object().unwrap(), Timestamp::from_millis(5))
    }

    #[test]
    fn row_with_a_username_only_gets_defaults() {
        let user = read(json!({"username": "anna"})).ok().unwrap().user;
        assert_eq!((user.id, user.username.as_str(), user.email.as_str()), (0, "anna", ""));
        assert_eq!((user.status, user.password_hash, user.created_at.millis()), (Status::Active, None, 5));
    }

    #[test]
    fn earlier_tokens_are_valid_only_if_the_row_names_the_epoch_or_the_time() {
        let now = Some(Timestamp::from_millis(5));
        let named = Some(Timestamp::from_millis(3));
        for (row, epoch, ended) in [
            (json!({"username": "a"}), 0, now),
            (json!({"username": "a", "epoch": 7}), 7, None),
            (json!({"username": "a", "epoch": 7, "sessions_ended_at": 3}), 7, named),
            (json!({"username": "a", "sessions_ended_at": 3}), 0, named),
        ] {
            let user = read(row.clone()).ok().unwrap().user;
            assert_eq!((user.epoch, user.sessions_ended_at), (epoch, ended), "{row}");
        }
    }

    #[test]
    fn row_with_a_malformed_member_names_it() {
        for (row, member) in [
            (json!({"username": "a", "pasword": "x"}), "pasword"),
            (json!({"id": 1}), "username"),
            (json!({"username": ["a"]}), "username"),
            (json!({"username": "a", "id": 0}), "id"),
            (json!({"username": "a", "status": "happy"}), "status"),
            (json!({"username": "a", "must_change_password": "perhaps"}), "must_change_password"),
            (json!({"username": "a", "mfa_last_step": 1}), "mfa_secret"),
            (json!({"username": "a", "id": 1, "recovery_codes": ["x"]}), "recovery_codes"),
            (json!({"username": "a", "recovery_codes": ["0".repeat(64)]}), "id"),
            (json!({"username": "a", "id": 1, "recovery_codes": ["0".repeat(64)]}), "mfa_secret"),
            (json!({"username": "a", "epoch": u64::MAX}), "epoch"),
            (json!({"username": "a", "mfa_secret": "KBTSKUKRDJPEGCZK", "mfa_last_step": 2}), "mfa_last_step"),
            (json!({"username": "a", "created_at": "soon"}), "created_at"),
            (json!({"username": "a", "attributes": {"email": 3}}), "attributes.email"),
            (json!({"username": "a", "attributes": {"sso": {"ext_id": "7"}}}), "attributes.sso.ext_id"),
        ] {
            let reason = read(row.clone()).err().unwrap().to_string();
            assert!(reason.contains(&format!("`{member}`")), "{row}: {reason}");
        }
        assert_eq!(read(json!({"username": "a", "mfa_secret": "x"})).err(), Some(Reason::BadSecret));
    }

    #[test]
    fn columns_are_checked_and_become_attributes() {
        let columns =
            |names: &[&str]| check_columns(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        assert!(columns(&["id", "username", "sso.tags", "mfa.bio"]).is_ok());
        for bad in [
            vec!["id"],
            vec!["username", "emial"],
            vec!["username", "sso.tag"],
            vec!["username", "attributes"],
        ] {
            assert!(columns(&bad).is_err(), "{bad:?}");
        }
        let record = json!({
            "username": "anna", "sso.tags": "3 5", "sso.ext_id": "42", "mfa.imperial": "t",
            "email.number_phone": "5551234567",
        });
        for bad in
            [json!({"username": "a", "sso.ext_id": "007"}), json!({"username": "a", "sso.tags": "3 +5"})]
        {
            assert!(of_csv(bad.as_object().unwrap(), Timestamp::from_millis(0)).is_err(), "{bad}");
        }
        let parsed = of_csv(record.as_object().unwrap(), Timestamp::from_millis(0)).ok().unwrap();
        assert_eq!(
            Value::Object(parsed.user.attributes),
            json!({"sso": {"tags": [3, 5], "ext_id": 42}, "mfa": {"imperial": true},
                   "email": {"number_phone": "5551234567"}})
        );
    }
}
