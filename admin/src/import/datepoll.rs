//! DatePoll: a dump of its database, or a CSV or JSON of its table `users`.

use std::collections::HashMap;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use serde_json::{Map, Value, json};

use super::fields;
use super::imported_user::ParsedUser;
use super::reason::Reason;
use super::rows::{Record, of_table};
use super::source::other_format;
use super::unusable_password::UnusablePassword;
use crate::output::Failure;

/// Reads the users of a file of DatePoll, and the e-mail addresses that come before them in a dump.
#[derive(Default)]
pub struct DatePoll {
    /// The first e-mail address of each user, with the id of the address. In a dump, addresses are a table of
    /// their own.
    addresses: HashMap<u64, (u64, String)>,
    has_addresses: bool,
}

impl DatePoll {
    /// Reads the user of a record. Returns `None` for a record of another table.
    ///
    /// # Errors
    /// If the row is to be rejected.
    pub fn read(&mut self, record: &Record, now: Timestamp) -> Result<Option<ParsedUser>, Reason> {
        if let Some(address) =
            of_table(record, "user_email_addresses").filter(|_| record.contains_key("model"))
        {
            let (id, user_id) = (fields::id(address, "id")?, fields::id(address, "user_id")?);
            let email = fields::text(address, "email")?.unwrap_or_default();
            self.has_addresses = true;
            let first = self.addresses.entry(user_id).or_insert_with(|| (id, email.clone()));
            if id < first.0 {
                *first = (id, email);
            }
            return Ok(None);
        }
        let Some(users) = of_table(record, "users") else { return Ok(None) };
        // A user who is imported without an address does not get one from a later import.
        if record.contains_key("model") && !users.contains_key("email") && !self.has_addresses {
            return Err(Reason::NoAddresses);
        }
        let mut parsed = read(users, now)?;
        if parsed.user.email.is_empty()
            && let Some((_, email)) = self.addresses.remove(&parsed.user.id)
        {
            parsed.user.email = email;
        }
        Ok(Some(parsed))
    }
}

/// Checks the columns of a CSV.
///
/// # Errors
/// If a required column is missing.
pub fn check_columns(columns: &[String]) -> Result<(), Failure> {
    match ["id", "username", "password", "activated"].iter().find(|name| !columns.iter().any(|c| c == *name))
    {
        None => Ok(()),
        Some(missing) => Err(other_format(format_args!("it has no column `{missing}`"))),
    }
}

/// Reads the user of a row.
///
/// # Errors
/// If the row is to be rejected.
fn read(record: &Record, now: Timestamp) -> Result<ParsedUser, Reason> {
    let id = fields::id(record, "id")?;
    if id == 0 {
        return Err(Reason::Missing { member: "id" });
    }
    let username = fields::text(record, "username")?.ok_or(Reason::Missing { member: "username" })?;
    let activated = fields::boolean(record, "activated")?.ok_or(Reason::Missing { member: "activated" })?;
    let mut profile = Map::new();
    for (column, member) in [("firstname", "first_name"), ("surname", "last_name")] {
        if let Some(name) = fields::text(record, column)?.filter(|name| !name.is_empty()) {
            profile.insert(member.to_owned(), Value::String(name));
        }
    }
    let attributes = if profile.is_empty() { json!({}) } else { json!({"email": profile}) };
    let created_at = fields::moment(record, "created_at")?.unwrap_or(now);
    let (password_hash, no_password) = match stored(fields::text(record, "password")?, id) {
        Ok(password_hash) => (password_hash, None),
        Err(why) => (None, Some(why)),
    };
    let user = UserRecord {
        id,
        email: fields::text(record, "email")?.unwrap_or_default(),
        password_hash,
        status: if activated { Status::Active } else { Status::NotActivated },
        must_change_password: fields::boolean(record, "force_password_change")?.unwrap_or(false),
        updated_at: fields::moment(record, "updated_at")?.unwrap_or(created_at),
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        ..UserRecord::without_earlier_tokens(username, created_at, now)
    };
    Ok(ParsedUser { no_password, ..ParsedUser::new(user) })
}

/// Returns the password hash in its stored form. DatePoll hashed the password with the user's id appended.
fn stored(password: Option<String>, id: u64) -> Result<Option<String>, UnusablePassword> {
    match password.as_deref() {
        None | Some("" | "Null" | "null") => Ok(None),
        Some(hash)
            if hash.len() == 60 && ["$2y$", "$2a$", "$2b$"].iter().any(|kind| hash.starts_with(kind)) =>
        {
            Ok(Some(format!("bcrypt_suffix${id}${hash}")))
        }
        // DatePoll accepted any password where there was no hash. Such a user must not be imported with a
        // password.
        Some(_) => Err(UnusablePassword::NotBcrypt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6";

    fn of(row: Value) -> Result<UserRecord, Reason> {
        read(row.as_object().unwrap(), Timestamp::from_millis(5)).map(|parsed| parsed.user)
    }

    #[test]
    fn row_of_csv_is_a_user() {
        let user = of(json!({"id": "33", "username": "st.huber", "password": HASH, "activated": "1",
            "force_password_change": "0", "firstname": "Stefan", "surname": "Huber", "email": null,
            "created_at": "2022-11-19 18:15:22", "updated_at": null, "member_number": "12"}));
        let user = user.ok().unwrap();
        assert_eq!(user.password_hash.unwrap(), format!("bcrypt_suffix$33${HASH}"));
        assert_eq!((user.id, user.status, user.email.as_str()), (33, Status::Active, ""));
        assert_eq!(user.updated_at.millis(), 1_668_881_722_000);
        assert_eq!(user.sessions_ended_at, Some(Timestamp::from_millis(5)));
        assert_eq!(
            Value::Object(user.attributes),
            json!({"email": {"first_name": "Stefan", "last_name": "Huber"}})
        );
    }

    #[test]
    fn password_that_is_no_bcrypt_hash_is_left_out() {
        let with = |password: Value| {
            of(
                json!({"id": 1, "username": "a", "password": password, "activated": 0, "force_password_change": 1}),
            )
        };
        for none in [json!("Null"), json!(""), json!("NULL"), json!(null)] {
            let user = with(none).ok().unwrap();
            assert_eq!((user.password_hash, user.must_change_password), (None, true));
            assert_eq!(user.status, Status::NotActivated);
        }
        for bad in ["letmein", "$2y$10$short", "5f4dcc3b5aa765d61d8327deb882cf99"] {
            assert_eq!(with(json!(bad)).ok().unwrap().password_hash, None, "{bad}");
            assert_eq!(stored(Some(bad.to_owned()), 1), Err(UnusablePassword::NotBcrypt), "{bad}");
        }
    }

    #[test]
    fn row_with_a_malformed_member_names_it() {
        for (row, member) in [
            (json!({"username": "a", "password": "Null", "activated": 1}), "id"),
            (json!({"id": 1, "password": "Null", "activated": 1}), "username"),
            (json!({"id": 1, "username": "a", "password": "Null"}), "activated"),
            (json!({"id": 1, "username": "a", "activated": "x"}), "activated"),
        ] {
            let reason = of(row).err().unwrap().to_string();
            assert!(reason.contains(&format!("`{member}`")), "{reason}");
        }
    }
}
