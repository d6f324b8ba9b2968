//! Changes to a set of signing keys: to make, add, promote and retire keys.

use std::time::Duration;

use clap::ValueEnum;
use postern::clock::Timestamp;
use postern::password::PepperId;
use postern::random::random;
use postern::token::{KeyDocument, KeyError, KeySet, PASSWORD_PEPPERS, RECOVERY_CODE_KEY};
use serde_json::{Map, Value, json};
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::generate::{Algorithm, encode, generate, object};
use crate::output::{Exit, Failure};

/// How long it takes until every verifier has read a new key. Functions read the keys every five minutes, a
/// client may cache the key set for five more, and reading takes a few seconds.
const KNOWN_TO_ALL: Duration = Duration::from_secs(10 * 60 + 10);

/// The length of a secret that the stack generates (`PasswordLength` of the template).
const GENERATED_LENGTH: usize = 64;

/// A set of private keys that the functions can read. It has no `Debug`.
pub(super) struct SigningKeys(KeyDocument);

/// Whether a set had a pepper already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddedPepper {
    /// The pepper was added.
    New,
    /// The set has this pepper under this id already, and stays as it is.
    AlreadyThere,
}

/// The public facts about a key, for a list.
pub(super) struct ListedKey {
    pub(super) kid: Option<String>,
    pub(super) alg: &'static str,
    pub(super) signs: bool,
}

impl SigningKeys {
    /// Makes a set of one new key, of HS256 if no algorithm is named, and a new key for recovery codes.
    pub(super) fn new(alg: Option<Algorithm>, now: Timestamp) -> Result<Self, Failure> {
        let members = json!({RECOVERY_CODE_KEY: encode(&random::<32>())});
        let mut set = Self(KeyDocument { keys: Vec::new(), members: object(members) });
        set.add(alg.or(Some(Algorithm::Hs256)), now)?;
        Ok(set)
    }

    /// Reads what the functions read as their keys. A secret that is one HS256 key becomes a set that
    /// verifies the same tokens and recovery codes.
    ///
    /// # Errors
    /// If the functions would refuse it.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        let document = KeyDocument::parse(text)?;
        document.key_set()?;
        Ok(Self(document))
    }

    /// Returns whether a text has the form that the template generates: 64 letters and digits, with at least one of each
    /// kind (`RequireEachIncludedType` of Secrets Manager). A key in hexadecimal has no such form: somebody made it.
    pub(super) fn is_generated(text: &str) -> bool {
        let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
        text.len() == GENERATED_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    }

    /// Returns the set as it is written, if the functions can read it.
    pub(super) fn text(&self) -> Result<String, Failure> {
        self.key_set().map(|_| self.value().to_string())
    }

    /// Returns the keys as the functions read them.
    pub(super) fn key_set(&self) -> Result<KeySet, Failure> {
        let broken = |error| Failure::new(Exit::Failed, "the new keys would be broken").caused_by(error);
        self.0.key_set().map_err(broken)
    }

    /// Returns the set with its private members.
    pub(super) fn value(&self) -> Value {
        self.0.to_json()
    }

    /// Returns the public facts about the keys.
    pub(super) fn listed(&self) -> Vec<ListedKey> {
        let listed = |(at, key): (usize, &Map<String, Value>)| ListedKey {
            kid: kid(key).map(str::to_owned),
            alg: algorithm(key),
            signs: at == 0,
        };
        self.0.keys.iter().enumerate().map(listed).collect()
    }

    /// Returns the ids of the peppers.
    pub(super) fn peppers(&self) -> Vec<&str> {
        let peppers = self.0.members.get(PASSWORD_PEPPERS).and_then(Value::as_object);
        peppers.map(|peppers| peppers.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Adds a pepper.
    ///
    /// # Errors
    /// If the id is another pepper's.
    pub(super) fn add_pepper(&mut self, id: &PepperId, pepper: &[u8]) -> Result<AddedPepper, Failure> {
        let mut peppers = self.0.members.get(PASSWORD_PEPPERS).cloned().map(object).unwrap_or_default();
        let pepper = encode(pepper);
        if let Some(there) = peppers.get(&id.to_string()).and_then(Value::as_str) {
            if there.trim_end_matches('=') == pepper {
                return Ok(AddedPepper::AlreadyThere);
            }
            let message = format!("{id} is the id of another pepper; choose another id");
            return Err(Failure::new(Exit::Refused, message));
        }
        peppers.insert(id.to_string(), json!(pepper));
        self.0.members.insert(PASSWORD_PEPPERS.to_owned(), Value::Object(peppers));
        Ok(AddedPepper::New)
    }

    /// Removes a pepper.
    ///
    /// # Errors
    /// If there is no such pepper.
    pub(super) fn remove_pepper(&mut self, id: &PepperId) -> Result<(), Failure> {
        let peppers = self.0.members.get_mut(PASSWORD_PEPPERS).and_then(Value::as_object_mut);
        match peppers.and_then(|peppers| peppers.remove(&id.to_string())) {
            Some(_) => Ok(()),
            None => Err(Failure::new(Exit::NotFound, format!("there is no pepper {id}"))),
        }
    }

    /// Makes a new set in place of this one. Keeps the algorithm if none is named, because backends may rely on it, and
    /// the peppers, because imported passwords need them.
    pub(super) fn successor(mut self, alg: Option<Algorithm>, now: Timestamp) -> Result<Self, Failure> {
        let mut set = Self::new(alg.or(self.signing_algorithm()), now)?;
        set.0.members.extend(self.0.members.remove_entry(PASSWORD_PEPPERS));
        Ok(set)
    }

    /// Returns the algorithm of the key that signs.
    fn signing_algorithm(&self) -> Option<Algorithm> {
        Algorithm::from_str(algorithm(self.0.keys.first()?), true).ok()
    }

    /// Adds a new key as the second one, with the algorithm of the first if none is named. Returns its kid.
    ///
    /// # Errors
    /// If keys of the first one's algorithm cannot be made.
    pub(super) fn add(&mut self, alg: Option<Algorithm>, now: Timestamp) -> Result<String, Failure> {
        let signing = self.0.keys.first().map(algorithm).unwrap_or_default();
        let alg = alg.or_else(|| self.signing_algorithm()).ok_or_else(|| {
            Failure::usage(format!("{signing} keys are not made here; name another kind with --alg"))
        })?;
        let mut kid = kid_of(now);
        while self.0.keys.iter().any(|key| self::kid(key) == Some(&kid)) {
            kid = kid_of(now);
        }
        let mut key = generate(alg)?;
        key.insert("kid".to_owned(), json!(kid));
        self.0.keys.insert(self.0.keys.len().min(1), key);
        Ok(kid)
    }

    /// Makes a key the first one. Returns the name of the key that was the first.
    ///
    /// # Errors
    /// If there is no such key, it is the first already, or some verifiers may not have read it.
    pub(super) fn promote(&mut self, name: &str, force: bool, now: Timestamp) -> Result<String, Failure> {
        let at = self.find(name)?;
        if at == 0 {
            return Err(Failure::new(Exit::Refused, format!("{name} is the key that signs already")));
        }
        let left = added_at(name).map_or(Duration::ZERO, |added| added.plus(KNOWN_TO_ALL).since(now));
        if !left.is_zero() && !force {
            let message = format!(
                "{name} was added less than ten minutes ago, and a verifier that has not read it refuses its tokens; try \
                 again in {} s, or use --force",
                left.as_millis().div_ceil(1000)
            );
            return Err(Failure::new(Exit::Refused, message));
        }
        let old = self.0.keys.first().and_then(kid).unwrap_or("none").to_owned();
        let key = self.0.keys.remove(at);
        self.0.keys.insert(0, key);
        Ok(old)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// If there is no such key, or it is the one that signs.
    pub(super) fn retire(&mut self, name: &str) -> Result<(), Failure> {
        let at = self.find(name)?;
        if at == 0 {
            let message = format!("{name} is the key that signs; promote another one first");
            return Err(Failure::new(Exit::Refused, message));
        }
        self.0.keys.remove(at);
        Ok(())
    }

    /// Returns the index of the key of this name. `none` is the key without a kid.
    fn find(&self, name: &str) -> Result<usize, Failure> {
        let named = self.0.keys.iter().position(|key| kid(key) == Some(name));
        let nameless = || self.0.keys.iter().position(|key| name == "none" && kid(key).is_none());
        named.or_else(nameless).ok_or_else(|| {
            let kids: Vec<_> = self.0.keys.iter().map(|key| kid(key).unwrap_or("none")).collect();
            let message = format!("there is no key {name}; there are {}", kids.join(", "));
            Failure::new(Exit::NotFound, message)
        })
    }
}

/// Returns the algorithm of a key. Its `kty` decides, even if it has no `alg`.
fn algorithm(key: &Map<String, Value>) -> &'static str {
    match key.get("kty").and_then(Value::as_str) {
        Some("EC") => "ES256",
        Some("OKP") => "EdDSA",
        Some("RSA") => "RS256",
        _ => "HS256",
    }
}

fn kid(key: &Map<String, Value>) -> Option<&str> {
    key.get("kid").and_then(Value::as_str)
}

/// Makes a kid: the time in seconds, and four random digits. So two sets that were made in one second can be
/// merged. A shell interprets none of its characters.
fn kid_of(now: Timestamp) -> String {
    let second: String = now.iso8601().unwrap_or_default().chars().take(19).collect();
    format!("{}Z-{}", second.replace(':', "-"), hex::encode(random::<2>()))
}

/// Returns when a key was made, if its kid is one of [`kid_of`].
fn added_at(kid: &str) -> Option<Timestamp> {
    let format = format_description!("[year]-[month]-[day]T[hour]-[minute]-[second]");
    // Earlier versions wrote no random digits.
    let (time, _) = kid.split_once("Z-").unwrap_or((kid.trim_end_matches('Z'), ""));
    let at = PrimitiveDateTime::parse(time, format).ok()?.assume_utc().unix_timestamp();
    Some(Timestamp::from_millis(u64::try_from(at).ok()?.saturating_mul(1000)))
}
