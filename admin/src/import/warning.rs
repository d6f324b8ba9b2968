//! Warnings about rows that are imported.

use std::borrow::Cow;
use std::fmt;

use super::unusable_password::UnusablePassword;

/// A warning about a row that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The e-mail address is another user's, and is left out.
    EmailDropped,
    /// The password may have been hashed twice.
    MaybeHashedTwice,
    /// The hash is `$2x$`, and does not depend on the whole of some passwords.
    MaybeLossyHash,
    /// MFA is on, and the recovery codes are not imported.
    NoRecoveryCodes,
    /// An encrypted column that is not needed to sign in does not decrypt, and is left out.
    ColumnDropped(&'static str),
    /// The password cannot be used, and is left out.
    NoPassword(UnusablePassword),
}

impl Warning {
    /// The kind of the warning, for the counts of the summary.
    pub fn kind(self) -> Cow<'static, str> {
        match self {
            Self::EmailDropped => "e-mail address left out".into(),
            Self::MaybeHashedTwice => "perhaps hashed twice".into(),
            Self::MaybeLossyHash => "bcrypt 2x".into(),
            Self::NoRecoveryCodes => "recovery codes left behind".into(),
            Self::ColumnDropped(_) => "column left out".into(),
            Self::NoPassword(why) => format!("without a password: {}", why.kind()).into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmailDropped => f.write_str("the e-mail address is another user's, and is left out"),
            Self::MaybeHashedTwice => f.write_str(
                "the password may have been hashed twice, and then no password fits it: if the user cannot sign in, use \
                 `postern user set-password`",
            ),
            Self::MaybeLossyHash => f.write_str(
                "a `$2x$` hash: if the password has letters outside ASCII, it may count as wrong; if the user cannot \
                 sign in, use `postern user set-password`",
            ),
            Self::NoRecoveryCodes => {
                f.write_str("MFA is on; the recovery codes are not imported, the authenticator works as before")
            }
            Self::NoPassword(why) => {
                write!(f, "imported without a password, until `postern user set-password` sets one: {why}")
            }
            Self::ColumnDropped(column) => write!(f, "`{column}` does not decrypt, and is left out"),
        }
    }
}
