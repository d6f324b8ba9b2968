//! FreeSewing: its table `User`, or the users of version 2 in MongoDB, decrypted with the operator's key.

mod cipher;
mod extended_json;
mod password;
#[cfg(test)]
mod tests;
mod v2;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use ring::digest;
use serde_json::{Value, json};

use self::cipher::Cipher;
use self::password::Version;
use super::fields;
use super::imported_user::ParsedUser;
use super::reason::Reason;
use super::rows::{Record, Rows, of_table};
use super::source::other_format;
use super::warning::Warning;
use crate::output::{Exit, Failure};

/// If none of so many encrypted rows decrypts, the key is the wrong one.
const MAX_FAILURES: u64 = 20;

/// Reads the users of a file of FreeSewing.
pub struct FreeSewing {
    cipher: Cipher,
    /// Whether users get new ids, and keep the ids of the file as their source ids.
    new_ids: bool,
    /// How many rows were encrypted.
    encrypted: u64,
    /// How many of them were decrypted.
    decrypted: u64,
    /// The users whose passwords came from version 2. Known after [`Self::survey`].
    migrated: Option<Migrated>,
}

/// The users whose passwords came from FreeSewing's version 2. They were migrated at once, and have the
/// lowest ids.
///
/// When such a user signed in, FreeSewing by mistake replaced the old hash by the hash of a hash. No password
/// fits that until the user resets the password. Such a hash looks like any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Migrated {
    highest_id: u64,
    newest: Option<Timestamp>,
}

impl FreeSewing {
    /// Reads the users of a file that is encrypted under this passphrase.
    ///
    /// # Errors
    /// If no key can be derived from it.
    pub fn new(passphrase: &str, new_ids: bool) -> Result<Self, Failure> {
        let cipher = Cipher::new(passphrase)
            .ok_or_else(|| Failure::new(Exit::Failed, "no key can be derived from the encryption key"))?;
        Ok(Self { cipher, new_ids, encrypted: 0, decrypted: 0, migrated: None })
    }

    /// Searches the file for users whose passwords came from version 2, and for a row that decrypts.
    pub fn survey(&mut self, rows: Rows) {
        let mut migrated = Migrated::default();
        for record in rows.filter_map(|row| row.ok()?.record.ok()) {
            let Some(record) = of_table(&record, "User") else { continue };
            if v2::is_document(record) {
                if self.decrypted == 0 {
                    let _ = self.row_of_document(record);
                }
                continue;
            }
            if self.decrypted == 0 {
                // If the row has an error, the import itself reports it.
                let _ = self.email(record);
            }
            let password = record.get("password").and_then(password::unfold);
            if password.is_some_and(|(password, _)| password["type"] == "v2") {
                migrated.highest_id = migrated.highest_id.max(fields::id(record, "id").unwrap_or(0));
                migrated.newest = migrated.newest.max(fields::moment(record, "createdAt").ok().flatten());
            }
        }
        self.migrated = Some(migrated);
    }

    /// Whether the file was searched for users whose passwords came from version 2.
    pub fn knows_migrated(&self) -> bool {
        self.migrated.is_some()
    }

    /// Checks that the key decrypts some row. Before the end of the file, only many failures count.
    ///
    /// # Errors
    /// If the key is the wrong one.
    pub fn check_key(&self, at_end: bool) -> Result<(), Failure> {
        if self.decrypted > 0 || self.encrypted < if at_end { 1 } else { MAX_FAILURES } {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Failed,
            "the encryption key is another than the one that this file was encrypted with: not one row decrypts",
        ))
    }

    /// Reads the user of a row, or of a document of version 2.
    ///
    /// # Errors
    /// If the row is to be rejected.
    pub fn read(&mut self, record: &Record, now: Timestamp) -> Result<ParsedUser, Reason> {
        if v2::is_document(record) {
            let row = self.row_of_document(record)?;
            if !self.new_ids {
                return Err(Reason::KeyIsNoId { member: "_id".to_owned() });
            }
            let source_id = fields::source_id(&row, "source_id")?;
            let mut parsed = self.read_row(&row, 0, now)?;
            parsed.user.source_id = source_id;
            return Ok(parsed);
        }
        let id = fields::id(record, "id")?;
        if id == 0 {
            return Err(Reason::Missing { member: "id" });
        }
        self.read_row(record, id, now)
    }

    /// Returns the row of version 3 that a document of version 2 corresponds to.
    fn row_of_document(&mut self, document: &Record) -> Result<Record, Reason> {
        let encrypted = u64::from(v2::is_encrypted(document));
        self.encrypted += encrypted;
        let row = v2::to_row(document, &self.cipher)?;
        self.decrypted += encrypted;
        Ok(row)
    }

    fn read_row(&mut self, record: &Record, id: u64, now: Timestamp) -> Result<ParsedUser, Reason> {
        let mut warnings = Vec::new();
        let email = self.email(record)?;
        let username = fields::text(record, "username")?.ok_or(Reason::Missing { member: "username" })?;
        let created_at = fields::moment(record, "createdAt")?.unwrap_or(now);
        let mut no_password = None;
        let (password_hash, version) = match fields::value(record, "password") {
            None => (None, Version::V3),
            Some(Value::String(none)) if none.is_empty() => (None, Version::V3),
            Some(password) => match password::stored(password) {
                Ok((hash, version)) => (Some(hash), version),
                Err(why) => {
                    no_password = Some(why);
                    (None, Version::V3)
                }
            },
        };
        let may_be_migrated = |migrated: &Migrated| {
            id <= migrated.highest_id || migrated.newest.is_some_and(|newest| created_at < newest)
        };
        if version == Version::V3
            && password_hash.is_some()
            && self.migrated.as_ref().is_some_and(may_be_migrated)
        {
            warnings.push(Warning::MaybeHashedTwice);
        }
        let mfa = if fields::boolean(record, "mfaEnabled")?.unwrap_or(false) {
            warnings.push(Warning::NoRecoveryCodes);
            let secret = self.decrypt(record, "mfaSecret")?.unwrap_or_default();
            Some(fields::mfa(secret.as_str().unwrap_or_default(), None)?)
        } else {
            None
        };
        let profile = self.profile(record, &mut warnings)?;
        let user = UserRecord {
            id,
            email,
            password_hash,
            status: status(record)?,
            mfa,
            updated_at: fields::moment(record, "updatedAt")?.unwrap_or(created_at),
            last_sign_in: match fields::moment(record, "lastSignIn")? {
                Some(moment) => Some(moment),
                None => fields::moment(record, "lastSeen")?,
            },
            attributes: json!({"mfa": profile}).as_object().cloned().unwrap_or_default(),
            ..UserRecord::without_earlier_tokens(username, created_at, now)
        };
        Ok(ParsedUser { user, no_password, warnings })
    }

    /// Reads the e-mail address. The hash of it in the row shows whether the key is the right one.
    fn email(&mut self, record: &Record) -> Result<String, Reason> {
        let Some(Value::String(column)) = fields::value(record, "email") else {
            return Err(Reason::Missing { member: "email" });
        };
        let is_encrypted = Cipher::is_encrypted(column);
        self.encrypted += u64::from(is_encrypted);
        let Some(Value::String(email)) = self.decrypt(record, "email")? else { return Err(Reason::WrongKey) };
        if let Some(expected) = fields::text(record, "ehash")? {
            let clean = email.to_lowercase();
            let ehash = hex::encode(digest::digest(&digest::SHA256, clean.trim().as_bytes()).as_ref());
            if !ehash.eq_ignore_ascii_case(&expected) {
                return Err(fields::malformed("ehash", "the SHA-256 of the e-mail address"));
            }
        }
        self.decrypted += u64::from(is_encrypted);
        Ok(email)
    }

    /// Reads a column, and decrypts it if it is encrypted.
    fn decrypt(&self, record: &Record, column: &str) -> Result<Option<Value>, Reason> {
        match fields::value(record, column) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if Cipher::is_encrypted(text) => {
                self.cipher.decrypt(text).map(Some).map_err(|_| Reason::WrongKey)
            }
            other => Ok(other.cloned()),
        }
    }

    fn profile(&self, record: &Record, warnings: &mut Vec<Warning>) -> Result<Record, Reason> {
        let mut profile = Record::new();
        for column in ["bio", "github", "img", "initial", "data"] {
            match self.decrypt(record, column) {
                Ok(Some(value)) if column == "data" => {
                    // Some versions write JSON within a JSON string.
                    let data =
                        value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(value);
                    if let Some(Value::String(name)) = data.get("githubUsername") {
                        profile.insert("github".to_owned(), Value::String(name.clone()));
                    }
                }
                Ok(Some(Value::String(text))) => {
                    profile.insert(column.to_owned(), Value::String(text));
                }
                Ok(_) => {}
                Err(_) => warnings.push(Warning::ColumnDropped(column)),
            }
        }
        for column in ["consent", "control", "patron"] {
            if let Some(number) = fields::integer(record, column)? {
                profile.insert(column.to_owned(), Value::from(number));
            }
        }
        for column in ["imperial", "newsletter"] {
            if let Some(answer) = fields::boolean(record, column)? {
                profile.insert(column.to_owned(), Value::Bool(answer));
            }
        }
        for column in ["language", "role"] {
            if let Some(word) = fields::text(record, column)? {
                profile.insert(column.to_owned(), Value::String(word));
            }
        }
        Ok(profile)
    }
}

/// Checks the columns of a CSV.
///
/// # Errors
/// If a required column is missing.
pub fn check_columns(columns: &[String]) -> Result<(), Failure> {
    let needed = ["id", "username", "email", "password", "status"];
    match needed.iter().find(|name| !columns.iter().any(|column| column == *name)) {
        None => Ok(()),
        Some(missing) => Err(other_format(format_args!("it has no column `{missing}`"))),
    }
}

fn status(record: &Record) -> Result<Status, Reason> {
    match fields::integer(record, "status")? {
        Some(1) => Ok(Status::Active),
        Some(0) => Ok(Status::NotActivated),
        Some(-1) => Ok(Status::Disabled),
        Some(-2) => Ok(Status::Blocked),
        Some(_) => Err(fields::malformed("status", "1, 0, -1 or -2")),
        None => Err(Reason::Missing { member: "status" }),
    }
}
