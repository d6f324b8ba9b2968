//! Why a row is rejected, and what is to be said of one that is not.

use std::fmt;

use postern::password::UnusableHash;
use postern::store::{Conflict, CreateUserError, UniqueField};

/// Why a row is rejected. It names members, login names and ids; never a hash, a key or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The row is no JSON.
    NotJson,
    /// The row is JSON, but no object.
    NotAnObject,
    /// The row is not UTF-8.
    NotUtf8,
    /// The row of a dump in SQL has something else than values.
    NotSql,
    /// The row of a dump cannot be read, or has something that no dump has.
    Unreadable {
        /// The format.
        format: &'static str,
    },
    /// Nothing in the dump says which columns this table has.
    NoColumns {
        /// The table.
        table: String,
    },
    /// The row is longer than any user.
    TooLong,
    /// The row has fewer or more fields than the file has columns.
    Fields {
        /// How many it has.
        found: usize,
        /// How many there are columns.
        columns: usize,
    },
    /// Something follows a quote that ends a field of the row.
    StrayQuote,
    /// The row is JSON nested so deeply that it is not read.
    TooDeep,
    /// The row has a member that this format does not.
    Unknown {
        /// The member.
        member: String,
    },
    /// The row lacks a member that it must have.
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member is not of the form that it must have.
    Malformed {
        /// The member.
        member: String,
        /// The form.
        wanted: &'static str,
    },
    /// The primary key is no user id, such as a UUID.
    KeyIsNoId {
        /// The member that holds it.
        member: String,
    },
    /// The user cannot be found by such a username.
    BadUsername,
    /// The e-mail address is none.
    BadEmail,
    /// The password's hash cannot be used, and such users are not wanted.
    NoPassword(NoPassword),
    /// The TOTP secret is not one.
    BadSecret,
    /// The encrypted columns do not open with this key.
    WrongKey,
    /// The users of a dump come before their e-mail addresses, or without them.
    NoAddresses,
    /// The record is of another model than the users.
    OtherModel {
        /// Which.
        model: String,
    },
    /// Something of the row is a user's who is in the table.
    Taken {
        /// The id that the row has; 0 for none.
        id: u64,
        /// The username and the e-mail address that it has.
        names: [String; 2],
        /// What is taken, and whose it is.
        taken: Vec<Conflict>,
    },
    /// Something of the row is in an earlier row of the file.
    Twice {
        /// What it is.
        what: UniqueField,
        /// The id or name.
        which: String,
    },
    /// DynamoDB takes no such item.
    Unstorable,
    /// The file cannot be read from here on.
    Broken {
        /// What is wrong with it.
        what: String,
    },
}

impl Reason {
    /// The reason without its particulars, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotJson | Self::NotAnObject | Self::NotUtf8 | Self::Fields { .. } => "not a row",
            Self::NotSql | Self::Unreadable { .. } | Self::NoColumns { .. } | Self::StrayQuote => "not a row",
            Self::TooLong => "too large",
            Self::TooDeep => "not storable",
            Self::Unstorable => "not storable",
            Self::Unknown { .. } => "unknown member",
            Self::Missing { .. } => "missing member",
            Self::Malformed { .. } => "malformed member",
            Self::KeyIsNoId { .. } => "the key is no id",
            Self::BadUsername => "bad username",
            Self::BadEmail => "bad e-mail address",
            Self::NoPassword(why) => why.kind(),
            Self::BadSecret => "bad TOTP secret",
            Self::WrongKey => "does not decrypt",
            Self::NoAddresses => "no table of e-mail addresses",
            Self::OtherModel { .. } => "of another model",
            Self::Taken { .. } => "taken by another user",
            Self::Twice { .. } => "twice in the file",
            Self::Broken { .. } => "the file breaks off",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("the row is no JSON, or is cut off"),
            Self::NotAnObject => f.write_str("the row is no JSON object"),
            Self::NotUtf8 => f.write_str(
                "the row is not UTF-8; where the file is in another encoding, name it, such as with `--encoding \
                 windows-1252` for a file of Excel; where a column of MySQL is binary, dump with --hex-blob",
            ),
            Self::NotSql => f.write_str("the row has something else than values"),
            Self::Unreadable { format } => {
                write!(f, "the row cannot be read as {format}, or has what no dump has")
            }
            Self::NoColumns { table } => write!(
                f,
                "nothing before it says which columns {table} has: dump with the structure, or with --complete-insert"
            ),
            Self::TooLong => f.write_str("the row is longer than a user can be"),
            Self::Fields { found, columns } => {
                write!(f, "the row has {found} fields, and the file {columns} columns")
            }
            Self::StrayQuote => f.write_str(
                "something follows a quote that ends a field: a quote is left open, or not doubled; the lines up to the \
                 next row are read as one with this, and are all in the file of rejected rows",
            ),
            Self::TooDeep => f.write_str("the row is nested more deeply than DynamoDB takes, which is 32 levels"),
            Self::Unknown { member } => write!(f, "`{member}` is not known here"),
            Self::Missing { member } => write!(f, "`{member}` is missing"),
            Self::Malformed { member, wanted } => write!(f, "`{member}` must be {wanted}"),
            Self::KeyIsNoId { member } => write!(
                f,
                "`{member}` is no whole number from 1 to 9007199254740991: with --new-ids such users get new ids, and keep \
                 this one as their source id"
            ),
            Self::BadUsername => CreateUserError::BadUsername.fmt(f),
            Self::BadEmail => CreateUserError::BadEmail.fmt(f),
            Self::NoPassword(why) => why.fmt(f),
            Self::BadSecret => {
                f.write_str("the TOTP secret is missing, not base32, or shorter than 10 bytes")
            }
            Self::WrongKey => f.write_str("the row does not decrypt with this key"),
            Self::NoAddresses => f.write_str(
                "the dump has no rows of user_email_addresses before the users: dump both tables, in this order, or take \
                 the page's own command",
            ),
            Self::OtherModel { model } => {
                write!(f, "`{model}` has users too; say with --model which one is meant")
            }
            Self::Taken { id, names: [username, email], taken } => {
                for (index, Conflict { what, by }) in taken.iter().enumerate() {
                    let between = if index == 0 { "" } else { "; " };
                    match what {
                        UniqueField::Id => write!(f, "{between}the id {id} is another user's")?,
                        UniqueField::Username => write!(f, "{between}the username {username} is user {by}'s")?,
                        UniqueField::Email => write!(f, "{between}the e-mail address {email} is user {by}'s")?,
                    }
                }
                Ok(())
            }
            Self::Twice { what, which } => {
                let what = match what {
                    UniqueField::Id => "id",
                    UniqueField::Username => "username",
                    UniqueField::Email => "e-mail address",
                };
                write!(f, "the {what} {which} is in an earlier row of this file")
            }
            Self::Broken { what } => f.write_str(what),
            Self::Unstorable => {
                f.write_str(
                    "DynamoDB takes no such item: it is over 400 KB, nested over 32 levels deep, or has a member without \
                     a name or a number out of its range",
                )
            }
        }
    }
}

impl From<CreateUserError> for Reason {
    fn from(error: CreateUserError) -> Self {
        match error {
            CreateUserError::BadUsername => Self::BadUsername,
            CreateUserError::BadEmail => Self::BadEmail,
            // Names alone were looked at, so neither of these comes.
            CreateUserError::Taken | CreateUserError::Store(_) => Self::Unstorable,
        }
    }
}

/// Why a password's hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPassword {
    /// It cannot be verified here.
    Hash(UnusableHash),
    /// It is not of the kind that DatePoll wrote.
    NotBcrypt,
    /// It is not of the kinds that FreeSewing wrote.
    NotFreeSewing,
    /// It was hashed again, and no password fits it.
    HashedTwice,
}

impl NoPassword {
    /// The reason without its particulars, for counting.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Hash(UnusableHash::TooExpensive) => "hash too dear",
            Self::Hash(UnusableHash::Unknown) => "hash of an unknown form",
            Self::Hash(UnusableHash::NotWithPepper) => "hash not taken with a pepper",
            Self::Hash(UnusableHash::Malformed) | Self::NotBcrypt | Self::NotFreeSewing => "unusable hash",
            Self::HashedTwice => "hashed twice",
        }
    }
}

impl fmt::Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(unusable) => unusable.fmt(f),
            Self::NotBcrypt => {
                f.write_str("the password is no bcrypt hash; the product let everybody in here")
            }
            Self::NotFreeSewing => f.write_str("`password` must be an object of type v2 or v3"),
            Self::HashedTwice => f.write_str("the password was hashed twice, and no password fits it"),
        }
    }
}

/// What the operator should know of a row that is imported all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The e-mail address is another user's, and was left out.
    EmailDropped,
    /// The password may have been hashed twice.
    MaybeHashedTwice,
    /// MFA is on, and the recovery codes did not come along.
    NoRecoveryCodes,
    /// An encrypted column that is not needed to sign in does not open, and was left out.
    ColumnDropped(&'static str),
    /// The password's hash cannot be used, and was left out.
    NoPassword(NoPassword),
}

impl Note {
    /// The note without its particulars, for counting.
    pub fn kind(self) -> &'static str {
        match self {
            Self::EmailDropped => "e-mail address left out",
            Self::MaybeHashedTwice => "perhaps hashed twice",
            Self::NoRecoveryCodes => "recovery codes left behind",
            Self::ColumnDropped(_) => "column left out",
            Self::NoPassword(NoPassword::Hash(UnusableHash::TooExpensive)) => {
                "without a password: hash too dear"
            }
            Self::NoPassword(NoPassword::Hash(UnusableHash::Unknown)) => {
                "without a password: hash of an unknown form"
            }
            Self::NoPassword(NoPassword::Hash(UnusableHash::NotWithPepper)) => {
                "without a password: hash not taken with a pepper"
            }
            Self::NoPassword(NoPassword::HashedTwice) => "without a password: hashed twice",
            Self::NoPassword(_) => "without a password: unusable hash",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmailDropped => f.write_str("the e-mail address is another user's, and is left out"),
            Self::MaybeHashedTwice => f.write_str(
                "the password may have been hashed twice, and then no password fits it: if the user cannot sign \
                 in, use `postern user set-password`",
            ),
            Self::NoRecoveryCodes => {
                f.write_str("MFA is on; the scratch codes do not come along, the authenticator works as before")
            }
            Self::NoPassword(why) => {
                write!(f, "imported without a password, until `postern user set-password` sets one: {why}")
            }
            Self::ColumnDropped(column) => write!(f, "`{column}` does not decrypt, and is left out"),
        }
    }
}
