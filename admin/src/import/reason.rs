//! Why a row is rejected.

use std::fmt::Write as _;

use postern::store::operator::{Conflict, CreateUserError, UniqueField};
use thiserror::Error;

use super::unusable_password::UnusablePassword;

/// Why a row is rejected. It names members, login names and ids; never a hash, a key or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The row is no JSON.
    #[error("the row is no JSON, or is cut off")]
    NotJson,
    /// The row is JSON, but no object.
    #[error("the row is no JSON object")]
    NotAnObject,
    /// The row is not UTF-8.
    #[error(
        "the row is not UTF-8; where the file is in another encoding, name it, such as with `--encoding windows-1252` for a \
         file of Excel; where a column of MySQL is binary, dump with --hex-blob"
    )]
    NotUtf8,
    /// A row of a dump in SQL has something other than values.
    #[error("the row has something other than values")]
    NotSql,
    /// A row of a dump cannot be read, or has what no dump has.
    #[error("the row cannot be read as {format}, or has what no dump has")]
    Unreadable {
        /// The format.
        format: &'static str,
    },
    /// Nothing in the dump says which columns this table has.
    #[error(
        "nothing before it says which columns {table} has: dump with the structure, or with --complete-insert"
    )]
    NoColumns {
        /// The table.
        table: String,
    },
    /// The row is longer than any user.
    #[error("the row is longer than a user can be")]
    TooLong,
    /// The row has more or fewer fields than the file has columns.
    #[error("the row has {found} fields, and the file {columns} columns")]
    Fields {
        /// The number of fields.
        found: usize,
        /// The number of columns.
        columns: usize,
    },
    /// Something follows a quote that ends a field of the row.
    #[error(
        "something follows a quote that ends a field: a quote is left open, or not doubled; the lines up to the next row are \
         read as one with this, and are all in the file of rejected rows"
    )]
    StrayQuote,
    /// The row is JSON that is nested too deeply.
    #[error("the row is nested more deeply than DynamoDB takes, which is 32 levels")]
    TooDeep,
    /// The row has a member that this format does not have.
    #[error("`{member}` is not known here")]
    Unknown {
        /// The member.
        member: String,
    },
    /// The row lacks a required member.
    #[error("`{member}` is missing")]
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member is not of the required form.
    #[error("`{member}` must be {wanted}")]
    Malformed {
        /// The member.
        member: String,
        /// The form.
        wanted: &'static str,
    },
    /// The primary key cannot be a user id. It may be a UUID.
    #[error(
        "`{member}` is no whole number from 1 to 9007199254740991: with --new-ids such users get new ids, and keep this one as \
         their source id"
    )]
    KeyIsNoId {
        /// The member that holds the key.
        member: String,
    },
    /// The username cannot be a login name.
    #[error("{}", CreateUserError::BadUsername)]
    BadUsername,
    /// The e-mail address is none.
    #[error("{}", CreateUserError::BadEmail)]
    BadEmail,
    /// The password cannot be used, and such rows are to be rejected.
    #[error(transparent)]
    NoPassword(#[from] UnusablePassword),
    /// The TOTP secret is unusable.
    #[error("the TOTP secret is missing, not base32, or shorter than 10 bytes")]
    BadSecret,
    /// The encrypted columns do not decrypt with this key.
    #[error("the row does not decrypt with this key")]
    WrongKey,
    /// The users of a dump come before their e-mail addresses, or without them.
    #[error(
        "the dump has no rows of user_email_addresses before the users: dump both tables, in this order, or take the page's \
         own command"
    )]
    NoAddresses,
    /// The record is of another model than the users before it.
    #[error("`{model}` has users too; name the model with --model")]
    OtherModel {
        /// The model.
        model: String,
    },
    /// Another user in the table has the id or a name of the row.
    #[error("{}", conflicts(*id, names, taken))]
    Taken {
        /// The id of the row; 0 for none.
        id: u64,
        /// The username and the e-mail address of the row.
        names: [String; 2],
        /// Which of them are taken, and by whom.
        taken: Vec<Conflict>,
    },
    /// An earlier row of the file has the id or a name of the row.
    #[error("the {} {value} is in an earlier row of this file", field_name(*field))]
    Duplicate {
        /// Which of them.
        field: UniqueField,
        /// The id or name.
        value: String,
    },
    /// DynamoDB cannot store the user.
    #[error(
        "DynamoDB takes no such item: it is over 400 KB, nested over 32 levels deep, or has a member without a name or a \
         number out of its range"
    )]
    Unstorable,
    /// The file cannot be read from here on.
    #[error("{what}")]
    Broken {
        /// What is wrong with it.
        what: String,
    },
}

impl Reason {
    /// The kind of the reason, for the counts of the summary.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotJson | Self::NotAnObject | Self::NotUtf8 | Self::Fields { .. } => "not a row",
            Self::NotSql | Self::Unreadable { .. } | Self::NoColumns { .. } | Self::StrayQuote => "not a row",
            Self::TooLong => "too large",
            Self::TooDeep | Self::Unstorable => "not storable",
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
            Self::Duplicate { .. } => "twice in the file",
            Self::Broken { .. } => "the file breaks off",
        }
    }
}

impl From<CreateUserError> for Reason {
    fn from(error: CreateUserError) -> Self {
        match error {
            CreateUserError::BadUsername => Self::BadUsername,
            CreateUserError::BadEmail => Self::BadEmail,
            // Only names are checked here, so neither of these occurs.
            CreateUserError::Taken | CreateUserError::Store(_) => Self::Unstorable,
        }
    }
}

fn conflicts(id: u64, [username, email]: &[String; 2], taken: &[Conflict]) -> String {
    let mut text = String::new();
    for (index, Conflict { what, by }) in taken.iter().enumerate() {
        let between = if index == 0 { "" } else { "; " };
        let _ = match what {
            UniqueField::Id => write!(text, "{between}the id {id} is another user's"),
            UniqueField::Username => write!(text, "{between}the username {username} is user {by}'s"),
            UniqueField::Email => write!(text, "{between}the e-mail address {email} is user {by}'s"),
        };
    }
    text
}

const fn field_name(field: UniqueField) -> &'static str {
    match field {
        UniqueField::Id => "id",
        UniqueField::Username => "username",
        UniqueField::Email => "e-mail address",
    }
}
