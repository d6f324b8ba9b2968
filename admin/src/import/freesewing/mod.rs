//! FreeSewing: its table `User`, or the users of version 2 in MongoDB, with the key that they are encrypted under.

mod cipher;
mod extended_json;
mod v2;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use postern::clock::Timestamp;
use postern::identity::{Status, User};
use ring::digest;
use serde_json::{Value, json};

use self::cipher::Cipher;
use super::reason::{NoPassword, Note, Reason};
use super::rows::{Record, Rows, of_table, other_format};
use super::{Draft, fields};
use crate::output::{Exit, Failure};

/// After so many encrypted rows of which none opened, the key is the wrong one.
const PATIENCE: u64 = 20;

/// How the users of this file are read.
pub struct FreeSewing {
    cipher: Cipher,
    /// Users get new ids, and keep those of the file as their source ids.
    new_ids: bool,
    /// Rows that were encrypted, and those of them that opened.
    sealed: u64,
    opened: u64,
    /// Whose passwords came over from the version before; known after a first pass over the file.
    migrated: Option<Migrated>,
}

/// The users whose passwords came over from FreeSewing's version 2 did so in one go, with the lowest ids. When one of
/// them signed in, FreeSewing meant to replace the old hash by a new one, and hashed that once more: no password
/// fits it, until the user resets it. Such a hash looks like any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Migrated {
    highest_id: u64,
    newest: Option<Timestamp>,
}

impl FreeSewing {
    /// With this key.
    ///
    /// # Errors
    /// If no key can be derived from it.
    pub fn new(passphrase: &str, new_ids: bool) -> Result<Self, Failure> {
        let cipher = Cipher::new(passphrase)
            .ok_or_else(|| Failure::new(Exit::Failed, "no key can be derived from the encryption key"))?;
        Ok(Self { cipher, new_ids, sealed: 0, opened: 0, migrated: None })
    }

    /// Looks through the file for users whose passwords came over from version 2, and for a row that opens.
    pub fn survey(&mut self, rows: Rows) {
        let mut migrated = Migrated::default();
        for record in rows.filter_map(|row| row.ok()?.record.ok()) {
            let Some(record) = of_table(&record, "User") else { continue };
            if v2::is_document(record) {
                if self.opened == 0 {
                    let _ = self.row_of_document(record);
                }
                continue;
            }
            if self.opened == 0 {
                // What is wrong with the row is told when it is read.
                let _ = self.email(record);
            }
            let password = record.get("password").and_then(unfold);
            if password.is_some_and(|(password, _)| password["type"] == "v2") {
                migrated.highest_id = migrated.highest_id.max(fields::id(record, "id").unwrap_or(0));
                migrated.newest = migrated.newest.max(fields::moment(record, "createdAt").ok().flatten());
            }
        }
        self.migrated = Some(migrated);
    }

    /// Whether it was looked for hashes of hashes.
    pub fn knows_migrated(&self) -> bool {
        self.migrated.is_some()
    }

    /// Whether the key is wrong, as far as can be told.
    ///
    /// # Errors
    /// If it is.
    pub fn check_key(&self, at_end: bool) -> Result<(), Failure> {
        if self.opened > 0 || self.sealed < if at_end { 1 } else { PATIENCE } {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Failed,
            "the encryption key is another than the one that this file was encrypted with: not one row opens",
        ))
    }

    /// The user of a record.
    ///
    /// # Errors
    /// With the reason to reject it.
    pub fn read(&mut self, record: &Record, now: Timestamp) -> Result<Draft, Reason> {
        if v2::is_document(record) {
            let row = self.row_of_document(record)?;
            if !self.new_ids {
                return Err(Reason::KeyIsNoId { member: "_id".to_owned() });
            }
            let source_id = fields::source_id(&row, "source_id")?;
            let draft = self.read_row(&row, 0, now)?;
            return Ok(Draft { user: User { source_id, ..draft.user }, ..draft });
        }
        let id = fields::id(record, "id")?;
        if id == 0 {
            return Err(Reason::Missing { member: "id" });
        }
        self.read_row(record, id, now)
    }

    /// The row of version 3 that a document of version 2 would be.
    fn row_of_document(&mut self, document: &Record) -> Result<Record, Reason> {
        let sealed = u64::from(v2::is_sealed(document));
        self.sealed += sealed;
        let row = v2::to_row(document, &self.cipher)?;
        self.opened += sealed;
        Ok(row)
    }

    fn read_row(&mut self, record: &Record, id: u64, now: Timestamp) -> Result<Draft, Reason> {
        let mut notes = Vec::new();
        let email = self.email(record)?;
        let username = fields::text(record, "username")?.ok_or(Reason::Missing { member: "username" })?;
        let created_at = fields::moment(record, "createdAt")?.unwrap_or(now);
        let mut no_password = None;
        let (password_hash, version) = match fields::value(record, "password") {
            None => (None, Version::V3),
            Some(Value::String(none)) if none.is_empty() => (None, Version::V3),
            Some(password) => match stored(password) {
                Ok((hash, version)) => (Some(hash), version),
                Err(why) => {
                    no_password = Some(why);
                    (None, Version::V3)
                }
            },
        };
        let suspect = |migrated: &Migrated| {
            id <= migrated.highest_id || migrated.newest.is_some_and(|newest| created_at < newest)
        };
        if version == Version::V3 && password_hash.is_some() && self.migrated.as_ref().is_some_and(suspect) {
            notes.push(Note::MaybeHashedTwice);
        }
        let mfa = if fields::boolean(record, "mfaEnabled")?.unwrap_or(false) {
            notes.push(Note::NoRecoveryCodes);
            let secret = self.open(record, "mfaSecret")?.unwrap_or_default();
            Some(fields::mfa(secret.as_str().unwrap_or_default(), None)?)
        } else {
            None
        };
        let profile = self.profile(record, &mut notes)?;
        let user = User {
            version: 1,
            id,
            username,
            other_usernames: BTreeSet::new(),
            email,
            password_hash,
            status: status(record)?,
            must_change_password: false,
            mfa,
            recovery_codes: BTreeSet::new(),
            epoch: fields::first_epoch(now),
            sessions_ended_at: None,
            kept_token: None,
            pending_mfa_secret: None,
            source_id: None,
            created_at,
            updated_at: fields::moment(record, "updatedAt")?.unwrap_or(created_at),
            last_sign_in: match fields::moment(record, "lastSignIn")? {
                Some(moment) => Some(moment),
                None => fields::moment(record, "lastSeen")?,
            },
            attributes: json!({"mfa": profile}).as_object().cloned().unwrap_or_default(),
        };
        Ok(Draft { no_password, ..Draft::new(user, notes) })
    }

    /// The e-mail address; its hash beside it tells whether the key was the right one.
    fn email(&mut self, record: &Record) -> Result<String, Reason> {
        let Some(Value::String(column)) = fields::value(record, "email") else {
            return Err(Reason::Missing { member: "email" });
        };
        let sealed = Cipher::is_sealed(column);
        self.sealed += u64::from(sealed);
        let Some(Value::String(email)) = self.open(record, "email")? else { return Err(Reason::WrongKey) };
        if let Some(expected) = fields::text(record, "ehash")? {
            let clean = email.to_lowercase();
            let ehash = hex::encode(digest::digest(&digest::SHA256, clean.trim().as_bytes()).as_ref());
            if !ehash.eq_ignore_ascii_case(&expected) {
                return Err(fields::malformed("ehash", "the SHA-256 of the e-mail address"));
            }
        }
        self.opened += u64::from(sealed);
        Ok(email)
    }

    /// What a column holds: what is encrypted is opened, anything else taken as it is.
    fn open(&self, record: &Record, column: &str) -> Result<Option<Value>, Reason> {
        match fields::value(record, column) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if Cipher::is_sealed(text) => {
                self.cipher.open(text).map(Some).map_err(|_| Reason::WrongKey)
            }
            other => Ok(other.cloned()),
        }
    }

    fn profile(&self, record: &Record, notes: &mut Vec<Note>) -> Result<Record, Reason> {
        let mut profile = Record::new();
        for column in ["bio", "github", "img", "initial", "data"] {
            match self.open(record, column) {
                Ok(Some(value)) if column == "data" => {
                    // JSON within JSON, in some versions.
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
                Err(_) => notes.push(Note::ColumnDropped(column)),
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

/// Looks at the columns of CSV.
///
/// # Errors
/// If one is not there without which no user can be read.
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V2,
    V3,
}

/// The stored form of a password.
fn stored(column: &Value) -> Result<(String, Version), NoPassword> {
    let wanted = || NoPassword::NotFreeSewing;
    let (password, folded) = unfold(column).ok_or_else(wanted)?;
    // What FreeSewing finds in the column after parsing it once must be the object, or nobody ever signs in.
    if folded > 1 {
        return Err(NoPassword::HashedTwice);
    }
    let member = |name: &str| password.get(name).and_then(Value::as_str);
    match member("type") {
        Some("v3") => {
            let part = |name, bytes| {
                member(name).and_then(|digits| hex::decode(digits).ok()).filter(|part| part.len() == bytes)
            };
            let (hash, salt) = part("hash", 64).zip(part("salt", 16)).ok_or_else(wanted)?;
            let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
            Ok((format!("$scrypt$ln=14,r=8,p=1${salt}${hash}"), Version::V3))
        }
        Some("v2") => match member("data") {
            Some(bcrypt) if bcrypt.starts_with("$2") => Ok((bcrypt.to_owned(), Version::V2)),
            Some(other) if serde_json::from_str::<Value>(other).is_ok_and(|inner| inner["type"] == "v3") => {
                Err(NoPassword::HashedTwice)
            }
            _ => Err(wanted()),
        },
        _ => Err(wanted()),
    }
}

/// The object in the column, and how many times it was JSON within a JSON string.
fn unfold(column: &Value) -> Option<(Value, u32)> {
    let mut value = column.clone();
    for folded in 0..4 {
        match value {
            Value::Object(_) => return Some((value, folded)),
            Value::String(text) => value = serde_json::from_str(&text).ok()?,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encrypted by Node.js, as FreeSewing's `crypto.mjs` does it: see `admin/tests/data/README.md`.
    const ROWS: &str = include_str!("../../../tests/data/freesewing.jsonl");
    const KEY: &str = include_str!("../../../tests/data/freesewing.key");

    fn rows() -> Vec<Record> {
        ROWS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn reader() -> FreeSewing {
        FreeSewing::new(KEY.trim(), false).ok().unwrap()
    }

    #[test]
    fn rows_of_the_product() {
        let mut reader = reader();
        let drafts: Vec<Draft> =
            rows().iter().map(|row| reader.read(row, Timestamp::from_millis(0)).ok().unwrap()).collect();
        let jimmy = &drafts[0].user;
        assert_eq!((jimmy.id, jimmy.email.as_str(), jimmy.status), (14, "jimmy@example.com", Status::Active));
        assert_eq!(
            jimmy.password_hash.as_deref().unwrap(),
            "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaUtb3Nv\
             K4WtqmJiM16xEuVvAU9BejfXS+De92abLFHCng"
        );
        assert_eq!(jimmy.attributes["mfa"]["github"], "jimmysews");
        assert_eq!(jimmy.attributes["mfa"]["bio"], "Ich nähe 🧵");
        assert_eq!((jimmy.created_at.millis(), drafts[0].notes.len()), (1_668_881_722_642, 0));
        let old = &drafts[1].user;
        assert!(old.password_hash.as_deref().unwrap().starts_with("$2a$10$"));
        assert_eq!(old.attributes["mfa"]["github"], "oldtimer");
        let guarded = &drafts[2];
        assert_eq!(guarded.user.mfa.as_ref().unwrap().secret, "KBTSKUKRDJPEGCZK");
        assert_eq!(guarded.notes, [Note::NoRecoveryCodes]);
    }

    #[test]
    fn another_key() {
        let mut reader = FreeSewing::new("another", false).ok().unwrap();
        assert!(reader.check_key(true).is_ok());
        for row in rows() {
            assert_eq!(reader.read(&row, Timestamp::from_millis(0)).err(), Some(Reason::WrongKey));
        }
        assert!(reader.check_key(false).is_ok());
        assert!(reader.check_key(true).is_err());
    }

    #[test]
    fn passwords_that_nothing_fits() {
        let v3 = json!({"type": "v3", "hash": "00".repeat(64), "salt": "00".repeat(16)});
        let text = v3.to_string();
        assert!(stored(&v3).is_ok() && stored(&json!(text)).is_ok());
        for twice in [json!(json!(text).to_string()), json!({"type": "v2", "data": text})] {
            assert_eq!(stored(&twice).err(), Some(NoPassword::HashedTwice), "{twice}");
        }
        for bad in [
            json!(7),
            json!("x"),
            json!({"type": "v4"}),
            json!({"type": "v3", "hash": "00", "salt": "00"}),
            json!({"type": "v2", "data": "letmein"}),
        ] {
            assert_eq!(stored(&bad).err(), Some(NoPassword::NotFreeSewing), "{bad}");
        }
    }

    #[test]
    fn bad_rows() {
        let row = &rows()[0];
        let mut reader = reader();
        let mut with = |member: &str, value: Value| {
            let mut row = row.clone();
            row.insert(member.to_owned(), value);
            reader.read(&row, Timestamp::from_millis(0)).err().map(|reason| reason.to_string())
        };
        for (member, value) in [
            ("id", json!("x")),
            ("username", Value::Null),
            ("status", json!(7)),
            ("email", Value::Null),
            ("createdAt", json!("x")),
        ] {
            let reason = with(member, value).unwrap();
            assert!(reason.contains(&format!("`{member}`")), "{reason}");
        }
        assert!(with("ehash", json!("00")).unwrap().contains("`ehash`"));
        assert_eq!(with("mfaEnabled", json!(1)), Some(Reason::BadSecret.to_string()));
    }
}
