//! Rows that the product wrote, and broken ones.

use postern::clock::Timestamp;
use postern::identity::Status;
use serde_json::{Value, json};

use super::FreeSewing;
use super::password::stored;
use crate::import::imported_user::ParsedUser;
use crate::import::reason::Reason;
use crate::import::rows::Record;
use crate::import::unusable_password::UnusablePassword;
use crate::import::warning::Warning;

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
fn row_is_decrypted_into_a_user() {
    let mut reader = reader();
    let parsed: Vec<ParsedUser> =
        rows().iter().map(|row| reader.read(row, Timestamp::from_millis(0)).ok().unwrap()).collect();
    let jimmy = &parsed[0].user;
    assert_eq!((jimmy.id, jimmy.email.as_str(), jimmy.status), (14, "jimmy@example.com", Status::Active));
    assert_eq!(
        jimmy.password_hash.as_deref().unwrap(),
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaUtb3Nv\
             K4WtqmJiM16xEuVvAU9BejfXS+De92abLFHCng"
    );
    assert_eq!(jimmy.attributes["mfa"]["github"], "jimmysews");
    assert_eq!(jimmy.attributes["mfa"]["bio"], "Ich nähe 🧵");
    assert_eq!((jimmy.created_at.millis(), parsed[0].warnings.len()), (1_668_881_722_642, 0));
    assert_eq!(jimmy.sessions_ended_at, Some(Timestamp::from_millis(0)));
    let old = &parsed[1].user;
    assert!(old.password_hash.as_deref().unwrap().starts_with("$2a$10$"));
    assert_eq!(old.attributes["mfa"]["github"], "oldtimer");
    let guarded = &parsed[2];
    assert_eq!(guarded.user.mfa.as_ref().unwrap().secret, "KBTSKUKRDJPEGCZK".into());
    assert_eq!(guarded.warnings, [Warning::NoRecoveryCodes]);
}

#[test]
fn wrong_key_is_refused_at_the_end() {
    let mut reader = FreeSewing::new("another", false).ok().unwrap();
    assert!(reader.check_key(true).is_ok());
    for row in rows() {
        assert_eq!(reader.read(&row, Timestamp::from_millis(0)).err(), Some(Reason::WrongKey));
    }
    assert!(reader.check_key(false).is_ok());
    assert!(reader.check_key(true).is_err());
}

#[test]
fn hash_of_a_hash_is_unusable() {
    let v3 = json!({"type": "v3", "hash": "00".repeat(64), "salt": "00".repeat(16)});
    let text = v3.to_string();
    assert!(stored(&v3).is_ok() && stored(&json!(text)).is_ok());
    for twice in [json!(json!(text).to_string()), json!({"type": "v2", "data": text})] {
        assert_eq!(stored(&twice).err(), Some(UnusablePassword::HashedTwice), "{twice}");
    }
    for bad in [
        json!(7),
        json!("x"),
        json!({"type": "v4"}),
        json!({"type": "v3", "hash": "00", "salt": "00"}),
        json!({"type": "v2", "data": "letmein"}),
    ] {
        assert_eq!(stored(&bad).err(), Some(UnusablePassword::NotFreeSewing), "{bad}");
    }
}

#[test]
fn row_with_a_malformed_member_names_it() {
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
