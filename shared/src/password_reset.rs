//! The reset of a forgotten password by a code that is sent by mail.
//!
//! The mailer makes the code, stores its digest and sends it. So no queue, log or table holds a code. The
//! routes that take a code are in [`crate::app`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::identity::LoginName;
use crate::random::random;
use crate::second_factor::fold_code;

/// How often one code may be tried, right or wrong.
pub const MAX_TRIES: u32 = 12;

/// The form of the codes of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeForm {
    /// Six digits, of which the first is not 0. The user types them, and they are sent with the login name.
    Digits,
    /// The user's id and 256 bits, for a link: `44-` and 64 hexadecimal digits.
    Link,
}

/// For whom a code is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeOwner {
    /// The user with this id.
    User(u64),
    /// A login name that no user has, by its digest. Its code is never sent. It makes an unknown name behave
    /// as a known one.
    Name(String),
}

/// A code. It resets a password, so it has no `Debug`. The text is wiped when it is dropped.
pub struct ResetCode(Zeroizing<String>);

impl CodeForm {
    /// Returns how long a code is valid: 15 minutes for digits, 24 hours for a link.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Digits => Duration::from_secs(15 * 60),
            Self::Link => Duration::from_secs(24 * 3600),
        }
    }
}

impl CodeOwner {
    /// Returns the owner of the codes that are sent to this user, or of those of a name that no user has.
    pub fn of(user_id: Option<u64>, name: &LoginName) -> Self {
        user_id.map_or_else(|| Self::Name(name.digest()), Self::User)
    }
}

impl fmt::Display for CodeOwner {
    /// Writes the id, or the digest of the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Name(digest) => f.write_str(digest),
        }
    }
}

impl ResetCode {
    /// Makes a random code.
    pub fn random(form: CodeForm, owner: &CodeOwner) -> Self {
        Self(Zeroizing::new(match form {
            // The first digit is not 0: DatePoll's client takes the code as a number, and none below 100000. A
            // remainder of 64 random bits prefers no code by more than one part in 10^13.
            CodeForm::Digits => (100_000 + u64::from_be_bytes(random()) % 900_000).to_string(),
            CodeForm::Link => format!("{owner}-{}", hex::encode(random::<32>())),
        }))
    }

    /// Reads a code of six digits as a user types it, with spaces or in the digits of another script.
    pub fn typed(text: &str) -> Self {
        Self(Zeroizing::new(fold_code(text)))
    }

    /// Reads a code as a client sends it, without white space around it.
    pub fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Returns the id of the user that a code for a link names.
    pub fn user_id(&self) -> Option<u64> {
        self.0.split_once('-')?.0.parse().ok()
    }

    /// Returns the text of the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
