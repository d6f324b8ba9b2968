//! Peppers: secrets with which other products combine passwords before they hash them. The signing secret
//! holds each pepper under a short id. A stored hash names the id and how the password is combined; the table
//! has no pepper.
//!
//! | how | the text that is hashed in place of the password |
//! |---|---|
//! | `prefix` | the pepper, then the password |
//! | `suffix` | the password, then the pepper |
//! | `hmac-sha1`, `hmac-sha256`, `hmac-sha512` | the bytes of HMAC, with the pepper as the key and the password as the message |
//! | `hmac-sha256-hex` and so on | the same HMAC in hexadecimal |
//! | `hmac-sha256-base64` and so on | the same HMAC in base64 |

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use thiserror::Error;
use zeroize::Zeroizing;

use super::limits::UnusableHash;

/// The most peppers that a signing secret holds.
pub const MAX_PEPPERS: usize = 8;
/// The longest pepper, in bytes.
pub const MAX_PEPPER_BYTES: usize = 256;
/// The longest id of a pepper, in bytes.
const MAX_ID_BYTES: usize = 16;

/// The beginning of a stored form with a pepper.
pub(super) const PREFIX: &str = "peppered$";

/// The id of a pepper. It is not secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PepperId(String);

/// How a password is combined with a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PepperHow {
    /// The pepper, then the password.
    Prefix,
    /// The password, then the pepper.
    Suffix,
    /// HMAC of the password, with the pepper as its key.
    Hmac(HmacFunction, HmacForm),
}

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacFunction {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The encoding of an HMAC before it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacForm {
    /// Its bytes.
    Bytes,
    /// In hexadecimal, in lower case.
    Hex,
    /// In base64, with padding.
    Base64,
}

/// The names of all ways to combine, in stored forms and options.
const NAMES: [(&str, PepperHow); 11] = [
    ("prefix", PepperHow::Prefix),
    ("suffix", PepperHow::Suffix),
    ("hmac-sha1", PepperHow::Hmac(HmacFunction::Sha1, HmacForm::Bytes)),
    ("hmac-sha1-hex", PepperHow::Hmac(HmacFunction::Sha1, HmacForm::Hex)),
    ("hmac-sha1-base64", PepperHow::Hmac(HmacFunction::Sha1, HmacForm::Base64)),
    ("hmac-sha256", PepperHow::Hmac(HmacFunction::Sha256, HmacForm::Bytes)),
    ("hmac-sha256-hex", PepperHow::Hmac(HmacFunction::Sha256, HmacForm::Hex)),
    ("hmac-sha256-base64", PepperHow::Hmac(HmacFunction::Sha256, HmacForm::Base64)),
    ("hmac-sha512", PepperHow::Hmac(HmacFunction::Sha512, HmacForm::Bytes)),
    ("hmac-sha512-hex", PepperHow::Hmac(HmacFunction::Sha512, HmacForm::Hex)),
    ("hmac-sha512-base64", PepperHow::Hmac(HmacFunction::Sha512, HmacForm::Base64)),
];

/// Which pepper a password is combined with, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peppering {
    /// The pepper.
    pub id: PepperId,
    /// How it is combined with the password.
    pub how: PepperHow,
}

/// The peppers of a signing secret. Its `Debug` shows their ids and nothing else. They are wiped when they are
/// dropped.
#[derive(Default)]
pub struct Peppers(BTreeMap<PepperId, Zeroizing<Vec<u8>>>);

/// Why a pepper is refused. The error never shows a pepper. It does not show a malformed id either, since
/// that may be a pepper in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PepperError {
    /// The id is malformed.
    #[error("the id of a pepper has 1 to {MAX_ID_BYTES} characters of a-z, 0-9, _ and -")]
    BadId,
    /// The pepper with this id is empty or too long.
    #[error("the pepper {0} must have 1 to {MAX_PEPPER_BYTES} bytes")]
    BadLength(PepperId),
    /// There are more than [`MAX_PEPPERS`].
    #[error("there are more than {MAX_PEPPERS} peppers")]
    TooMany,
}

impl FromStr for PepperId {
    type Err = PepperError;

    fn from_str(text: &str) -> Result<Self, PepperError> {
        let accepted = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let is_valid = (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(accepted);
        if is_valid { Ok(Self(text.to_owned())) } else { Err(PepperError::BadId) }
    }
}

impl fmt::Display for PepperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PepperHow {
    /// Returns the way to combine with this name in stored forms and options.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, how)| *how)
    }

    /// Returns all names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Returns whether an HMAC as text is hashed. Such a text has no NUL, and its first 72 bytes depend on
    /// the whole password.
    pub(super) fn is_hmac_as_text(self) -> bool {
        matches!(self, Self::Hmac(_, HmacForm::Hex | HmacForm::Base64))
    }

    fn combine(self, pepper: &[u8], password: &[u8]) -> Vec<u8> {
        match self {
            Self::Prefix => [pepper, password].concat(),
            Self::Suffix => [password, pepper].concat(),
            Self::Hmac(function, form) => {
                let algorithm = match function {
                    HmacFunction::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                    HmacFunction::Sha256 => hmac::HMAC_SHA256,
                    HmacFunction::Sha512 => hmac::HMAC_SHA512,
                };
                let tag = hmac::sign(&hmac::Key::new(algorithm, pepper), password);
                match form {
                    HmacForm::Bytes => tag.as_ref().to_vec(),
                    HmacForm::Hex => hex::encode(tag.as_ref()).into_bytes(),
                    HmacForm::Base64 => STANDARD.encode(tag.as_ref()).into_bytes(),
                }
            }
        }
    }
}

impl fmt::Display for PepperHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, how)| how == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl Peppering {
    /// Reads the text after [`PREFIX`]. Returns the pepper and how it is combined, and the stored form after
    /// them, which must not name a pepper itself.
    pub(super) fn split(rest: &str) -> Result<(Self, &str), UnusableHash> {
        let malformed = UnusableHash::Malformed;
        let (id, rest) = rest.split_once('$').ok_or(malformed)?;
        let (how, hash) = rest.split_once('$').ok_or(malformed)?;
        let id = id.parse().map_err(|_| malformed)?;
        let how = PepperHow::named(how).ok_or(UnusableHash::Unknown)?;
        if hash.starts_with(PREFIX) {
            return Err(UnusableHash::NotWithPepper);
        }
        Ok((Self { id, how }, hash))
    }
}

/// The part of the stored form before that of the hash.
impl fmt::Display for Peppering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}${}$", self.id, self.how)
    }
}

impl Peppers {
    /// Makes a set of these peppers.
    ///
    /// # Errors
    /// If a pepper is empty or too long, or if there are too many.
    pub fn new<P: Into<Zeroizing<Vec<u8>>>>(
        peppers: impl IntoIterator<Item = (PepperId, P)>,
    ) -> Result<Self, PepperError> {
        let wiped = |(id, pepper): (PepperId, P)| (id, pepper.into());
        let peppers: BTreeMap<_, _> = peppers.into_iter().map(wiped).collect();
        if peppers.len() > MAX_PEPPERS {
            return Err(PepperError::TooMany);
        }
        match peppers.iter().find(|(_, pepper)| !(1..=MAX_PEPPER_BYTES).contains(&pepper.len())) {
            Some((id, _)) => Err(PepperError::BadLength(id.clone())),
            None => Ok(Self(peppers)),
        }
    }

    /// Returns the ids of all peppers, in order.
    pub fn ids(&self) -> impl Iterator<Item = &PepperId> {
        self.0.keys()
    }

    /// Returns the text that is hashed in place of the password. Returns `None` if there is no such pepper.
    pub(super) fn combine(&self, peppering: &Peppering, password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.get(&peppering.id).map(|pepper| Zeroizing::new(peppering.how.combine(pepper, password)))
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PepperId {
        text.parse().unwrap()
    }

    #[test]
    fn id_out_of_bounds_is_refused() {
        for valid in ["a", "0", "_-", "abcdefghijklmnop"] {
            assert_eq!(valid.parse::<PepperId>().map(|id| id.to_string()), Ok(valid.to_owned()));
        }
        for bad in ["", "A", "ä", "a b", "a$", "abcdefghijklmnopq"] {
            assert_eq!(bad.parse::<PepperId>(), Err(PepperError::BadId), "{bad}");
        }
    }

    #[test]
    fn peppers_out_of_bounds_are_refused() {
        for (length, accepted) in [(0, false), (1, true), (256, true), (257, false)] {
            let peppers = Peppers::new([(id("a"), vec![7; length])]);
            assert_eq!(peppers.err(), (!accepted).then(|| PepperError::BadLength(id("a"))), "{length}");
        }
        for (count, accepted) in [(0, true), (8, true), (9, false)] {
            let peppers = Peppers::new((0..count).map(|at| (id(&at.to_string()), vec![7])));
            assert_eq!(peppers.err(), (!accepted).then_some(PepperError::TooMany), "{count}");
        }
    }

    #[test]
    fn debug_of_peppers_shows_only_their_ids() {
        let peppers = Peppers::new([(id("a"), b"secret".to_vec()), (id("b"), vec![115])]).unwrap();
        assert_eq!(format!("{peppers:?}"), r#"{PepperId("a"), PepperId("b")}"#);
    }

    #[test]
    fn name_of_each_way_to_combine_reads_back() {
        for name in PepperHow::names() {
            assert_eq!(PepperHow::named(name).map(|how| how.to_string()).as_deref(), Some(name));
        }
        for bad in ["", "hmac", "hmac-md5", "hmac-sha256-", "hmac-sha256-HEX", "PREFIX"] {
            assert_eq!(PepperHow::named(bad), None, "{bad}");
        }
    }
}
