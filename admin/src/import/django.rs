//! Django: what `manage.py dumpdata` writes, a dump of its database, or a CSV or JSON of the table of users.

use std::collections::BTreeSet;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use serde_json::{Value, json};

use super::fields;
use super::imported_user::ParsedUser;
use super::reason::Reason;
use super::rows::{Record, Rows};
use super::source::other_format;
use crate::output::{Exit, Failure, plain};

/// Reads the users of a file of Django.
pub struct Django {
    /// The model of the users. `None` until it is known.
    model: Option<String>,
    /// Whether the operator named the model.
    is_named: bool,
    /// The URL that the path of an uploaded avatar is appended to.
    media_url: String,
    /// Whether users get new ids, and keep the ids of the file as their source ids.
    new_ids: bool,
}

impl Django {
    /// Reads the users of this model; without a model, of the only one that has users.
    pub fn new(model: Option<String>, media_url: &str, new_ids: bool) -> Self {
        let is_named = model.is_some();
        // Django's MEDIA_URL ends in a slash.
        let media_url = format!("{}/", media_url.trim_end_matches('/'));
        Self { model: model.map(|model| model.to_lowercase()), is_named, media_url, new_ids }
    }

    /// Searches a whole dump for models that have users, and chooses the model before anything is written.
    ///
    /// # Errors
    /// If no model has users. If several have, and none was named.
    pub fn choose_model(&mut self, rows: Rows) -> Result<(), Failure> {
        let mut models = BTreeSet::new();
        let (mut is_table, mut broken) = (false, None);
        for row in rows {
            let record = match row.map(|row| row.record) {
                Ok(Ok(record)) => record,
                Ok(Err(_)) => continue,
                Err(end) => {
                    broken = Some(end.what);
                    break;
                }
            };
            match model(&record) {
                Some(model) if has_users(&record) => {
                    models.insert(model);
                }
                Some(_) => {}
                None => is_table |= has_user(&record),
            }
        }
        match (&self.model, models.len()) {
            // The rows are those of the table, as `sqlite3 -json` writes them.
            (None, 0) if is_table => Ok(()),
            (Some(model), _) if models.iter().any(|found| same_model(found, model)) => Ok(()),
            (Some(model), _) => Err(other_format(format_args!("it has no users of the model {model}"))),
            (None, 0) => Err(match broken {
                Some(what) => Failure::new(
                    Exit::Failed,
                    format!("there are no users before the file breaks off: {what}"),
                ),
                None => other_format("none of its models has a password, and a username or e-mail"),
            }),
            (None, 1) => {
                self.model = models.pop_first();
                Ok(())
            }
            (None, _) => {
                let models: Vec<String> = models.into_iter().collect();
                Err(Failure::usage(plain(&format!(
                    "several models have users: {}; name one of them with --model",
                    models.join(", ")
                ))))
            }
        }
    }

    /// Checks the columns of a CSV.
    ///
    /// # Errors
    /// If a user's columns are missing.
    pub fn check_columns(columns: &[String]) -> Result<(), Failure> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        if has("password") && (has("username") || has("email")) {
            return Ok(());
        }
        Err(other_format("it needs the columns `password`, and `username` or `email`"))
    }

    /// Reads the user of a record. Returns `None` for a record of another model.
    ///
    /// # Errors
    /// If the row is to be rejected.
    pub fn read(&mut self, record: &Record, now: Timestamp) -> Result<Option<ParsedUser>, Reason> {
        // A row of the table is the user. In a dump the user is in `fields`, among records of other models.
        let Some(model) = model(record) else { return self.user(record, "id", now).map(Some) };
        let is_user = match &self.model {
            Some(chosen) if same_model(chosen, &model) => true,
            Some(_) if self.is_named || !has_users(record) => false,
            // A stream cannot be searched first, so the first model with users was chosen.
            Some(_) => return Err(Reason::OtherModel { model }),
            None => {
                let is_user = has_users(record);
                if is_user {
                    self.model = Some(model);
                }
                is_user
            }
        };
        if !is_user {
            return Ok(None);
        }
        let Some(Value::Object(members)) = record.get("fields") else {
            return Err(Reason::Missing { member: "fields" });
        };
        let mut members = members.clone();
        members.insert("pk".to_owned(), record.get("pk").cloned().unwrap_or(Value::Null));
        self.user(&members, "pk", now).map(Some)
    }

    fn user(&self, record: &Record, id: &str, now: Timestamp) -> Result<ParsedUser, Reason> {
        let email = fields::text(record, "email")?.unwrap_or_default();
        let username = match fields::text(record, "username")? {
            Some(username) => username,
            None if record.contains_key("username") || email.is_empty() => {
                return Err(Reason::Missing { member: "username" });
            }
            None => email.clone(),
        };
        let mut profile = Record::new();
        for member in ["first_name", "last_name", "number_phone"] {
            if let Some(text) = fields::text(record, member)?.filter(|text| !text.is_empty()) {
                profile.insert(member.to_owned(), Value::String(text));
            }
        }
        if let Some(avatar) = fields::text(record, "avatar")?.filter(|path| !path.is_empty()) {
            profile.insert("avatar".to_owned(), Value::String(self.url(&avatar)));
        }
        let active = fields::boolean(record, "is_active")?.unwrap_or(true);
        let created_at = fields::moment(record, "date_joined")?.unwrap_or(now);
        let attributes = if profile.is_empty() { json!({}) } else { json!({"email": profile}) };
        let user = UserRecord {
            id: if self.new_ids { 0 } else { integer_key(record, id)? },
            email,
            password_hash: fields::text(record, "password")?.and_then(|password| stored(&password)),
            status: if active { Status::Active } else { Status::Disabled },
            source_id: if self.new_ids { fields::source_id(record, id)? } else { None },
            last_sign_in: fields::moment(record, "last_login")?,
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            ..UserRecord::without_earlier_tokens(username, created_at, now)
        };
        Ok(ParsedUser::new(user))
    }

    fn url(&self, path: &str) -> String {
        let whole = path.starts_with('/') || path.starts_with("http://") || path.starts_with("https://");
        if whole { path.to_owned() } else { format!("{}{path}", self.media_url) }
    }
}

/// Reads the primary key of a user as an id.
fn integer_key(record: &Record, member: &str) -> Result<u64, Reason> {
    fields::id(record, member).map_err(|_| Reason::KeyIsNoId { member: member.to_owned() })
}

/// Returns the password hash. `None` where Django marks the password as unusable.
fn stored(password: &str) -> Option<String> {
    if password.is_empty() || password.starts_with('!') {
        return None;
    }
    Some(password.to_owned())
}

/// Whether two names are of one model. A table has its model's name, with `_` for `.`.
fn same_model(one: &str, other: &str) -> bool {
    one.replace('.', "_") == other.replace('.', "_")
}

fn model(record: &Record) -> Option<String> {
    record.get("model")?.as_str().filter(|_| record.contains_key("fields")).map(str::to_lowercase)
}

fn has_users(record: &Record) -> bool {
    let fields = record.get("fields").and_then(Value::as_object);
    fields.is_some_and(has_user)
}

fn has_user(row: &Record) -> bool {
    row.contains_key("password") && (row.contains_key("username") || row.contains_key("email"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";

    fn read(django: &mut Django, row: Value) -> Result<Option<ParsedUser>, Reason> {
        django.read(row.as_object().unwrap(), Timestamp::from_millis(5))
    }

    fn user(row: Value) -> UserRecord {
        let mut django = Django::new(None, "/media/", false);
        match read(&mut django, row) {
            Ok(Some(parsed)) => parsed.user,
            Ok(None) => panic!("no user"),
            Err(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn user_of_a_dump_has_a_profile() {
        let user = user(json!({"model": "users.user", "pk": 1, "fields": {
            "password": HASH, "last_login": null, "username": "johndoe", "email": "johndoe@example.com",
            "first_name": "John", "last_name": "", "number_phone": 5551234567u64, "is_active": true,
            "is_superuser": false, "groups": [], "date_joined": "2022-11-19T18:15:22.642Z",
            "avatar": "avatars/profile.jpg",
        }}));
        assert_eq!((user.id, user.password_hash.as_deref()), (1, Some(HASH)));
        assert_eq!(user.created_at.millis(), 1_668_881_722_642);
        assert_eq!(user.sessions_ended_at, Some(Timestamp::from_millis(5)));
        assert_eq!(
            Value::Object(user.attributes),
            json!({"email": {"first_name": "John", "number_phone": "5551234567",
                             "avatar": "/media/avatars/profile.jpg"}})
        );
    }

    #[test]
    fn row_of_csv_without_a_username_takes_the_email() {
        let row = json!({"id": "7", "password": "!x", "email": "a@example.com", "is_active": "f",
            "date_joined": "2022-11-19 18:15:22.642817+00"});
        let user = user(row);
        assert_eq!((user.id, user.username.as_str(), user.status), (7, "a@example.com", Status::Disabled));
        assert_eq!(user.password_hash, None);
    }

    #[test]
    fn unusable_password_of_django_is_none() {
        for (django, ours) in [(HASH, Some(HASH)), ("", None), ("!", None), ("!Kxyz", None)] {
            assert_eq!(stored(django).as_deref(), ours);
        }
    }

    #[test]
    fn second_model_with_users_is_rejected() {
        let mut django = Django::new(None, "", false);
        let other = json!({"model": "auth.group", "pk": 1, "fields": {"name": "x"}});
        assert!(matches!(read(&mut django, other), Ok(None)));
        let fields = json!({"password": "!", "username": "a"});
        let of = |model: &str| json!({"model": model, "pk": 1, "fields": fields});
        assert!(matches!(read(&mut django, of("app.user")), Ok(Some(_))));
        let second = read(&mut django, of("shop.customer")).err();
        assert_eq!(second, Some(Reason::OtherModel { model: "shop.customer".to_owned() }));
    }

    #[test]
    fn row_with_a_malformed_member_names_it() {
        for (row, member) in [
            (json!({"id": 1, "password": "!"}), "username"),
            (json!({"id": "x", "username": "a"}), "id"),
            (json!({"id": 1, "username": "a", "is_active": "?"}), "is_active"),
            (json!({"id": 1, "username": "a", "date_joined": "?"}), "date_joined"),
        ] {
            let reason = read(&mut Django::new(None, "", false), row).err().unwrap().to_string();
            assert!(reason.contains(&format!("`{member}`")), "{reason}");
        }
    }
}
