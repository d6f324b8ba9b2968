//! `postern export`: all users, in the format that `postern import jsonl` reads.
//!
//! Users are sorted by id, their members have a fixed order, and attributes are sorted. So two exports of the
//! same users are the same bytes. All ids are read first, 8 bytes each, and then the users in this order. So
//! a large table does not have to fit into memory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use postern::clock::Timestamp;
use postern::identity::Status;
use postern::random::random;
use postern::store::StoreError;
use postern::store::operator::{MAX_READ, Operator, Skipped, UserRecord};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::files::create_private;
use crate::output::{Exit, Failure, Output, escape_json, named};

/// Where to write the users.
#[derive(Args)]
#[command(after_help = "\
The output holds password hashes, TOTP secrets and digests of recovery codes. `postern import jsonl` reads it.

Examples:
  postern export users.jsonl
  postern export | gzip > users.jsonl.gz
  postern --table old export | postern --table new import jsonl -")]
pub struct ExportArgs {
    /// The file [default: standard output]. It holds hashes and secrets, and only its owner may read it.
    file: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "file")]
    force: bool,
}

/// A user as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    username: &'a str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    other_usernames: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    status: Status,
    must_change_password: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_last_step: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<&'a str>,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "moment_if_any")]
    sessions_ended_at: Option<Timestamp>,
    #[serde(serialize_with = "moment")]
    created_at: Timestamp,
    #[serde(serialize_with = "moment")]
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "moment_if_any")]
    last_sign_in: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    attributes: Map<String, Value>,
}

impl<'a> Line<'a> {
    fn of(user: &'a UserRecord) -> Self {
        Self {
            id: user.id,
            username: &user.username,
            other_usernames: &user.other_usernames,
            email: &user.email,
            password_hash: user.password_hash.as_deref(),
            status: user.status,
            must_change_password: user.must_change_password,
            mfa_secret: user.mfa.as_ref().map(|mfa| &*mfa.secret),
            mfa_last_step: user.mfa.as_ref().and_then(|mfa| mfa.last_step),
            recovery_codes: user.recovery_codes.iter().map(String::as_str).collect(),
            epoch: user.epoch,
            sessions_ended_at: user.sessions_ended_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_sign_in: user.last_sign_in,
            source_id: user.source_id.as_deref(),
            attributes: sorted(&user.attributes),
        }
    }
}

/// Exports all users.
///
/// # Errors
/// If the store fails, or the file cannot be written.
pub async fn export(args: ExportArgs, store: &Operator) -> Result<Output, Failure> {
    let Some(path) = args.file else {
        let mut out = BufWriter::new(io::stdout());
        return match write_all(store, &mut out).await {
            Ok(written) if written.skipped.count == 0 => Ok(Output::nothing()),
            Ok(written) => Err(Failure::new(Exit::Partly, written.missing())),
            // The reader closed the pipe, as `head` does.
            Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Output::nothing())
            }
            Err(broken) => Err(broken.failure(Path::new("standard output"))),
        };
    };
    match fs::metadata(&path) {
        Ok(there) if !there.is_file() => {
            let message =
                format!("{} is no file; where none is named, users go to standard output", path.display());
            return Err(Failure::usage(message));
        }
        Ok(_) if !args.force => {
            return Err(Failure::usage(format!("{} is there; --force replaces it", path.display())));
        }
        _ => {}
    }
    // It has a temporary name until it is complete. A part of an export looks like an export of fewer users.
    let mut part = path.clone().into_os_string();
    part.push(format!(".{}.part", hex::encode(random::<4>())));
    let part = PathBuf::from(part);
    let cannot = |error: io::Error| ExportError::Write(error).failure(&path);
    let mut out = BufWriter::new(create_private(&part).map_err(cannot)?);
    let written = match write_all(store, &mut out).await {
        Ok(written) => written,
        Err(broken) => {
            let _ = fs::remove_file(&part);
            return Err(broken.failure(&path));
        }
    };
    out.get_ref().sync_all().and_then(|()| fs::rename(&part, &path)).map_err(cannot)?;
    let mut text = format!("{} users are in {}", written.count, path.display());
    if written.skipped.count > 0 {
        text += &format!("\n{}", written.missing());
    }
    let json = json!({
        "exported": written.count,
        "unreadable": written.unreadable,
        "skipped": written.skipped,
        "file": path.display().to_string(),
    });
    Ok(Output { text, json, exit: if written.skipped.count == 0 { Exit::Done } else { Exit::Partly } })
}

/// How many users were exported, and what cannot be read.
struct Exported {
    count: u64,
    /// The ids of users.
    unreadable: Vec<u64>,
    /// The same users, and the keys that no user has.
    skipped: Skipped,
}

impl Exported {
    /// The message about items that cannot be read. The others are exported all the same.
    fn missing(&self) -> String {
        format!("not exported, since they cannot be read: {}", named(&self.skipped))
    }
}

/// Why an export stopped.
#[derive(Debug, Error)]
enum ExportError {
    #[error("the users cannot be read")]
    Read(#[from] StoreError),
    #[error("the export cannot be written")]
    Write(#[from] io::Error),
}

impl ExportError {
    fn failure(self, path: &Path) -> Failure {
        match self {
            Self::Read(error) => error.into(),
            Self::Write(error) => {
                Failure::new(Exit::Failed, format!("{} cannot be written", path.display())).caused_by(error)
            }
        }
    }
}

async fn write_all(store: &Operator, out: &mut impl Write) -> Result<Exported, ExportError> {
    let mut written = Exported { count: 0, unreadable: Vec::new(), skipped: Skipped::default() };
    let (mut ids, mut next) = (Vec::new(), None);
    loop {
        let page = store.user_ids(next).await?;
        ids.extend(page.ids);
        written.skipped.append(page.unreadable);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    ids.sort_unstable();
    for ids in ids.chunks(MAX_READ) {
        for (id, user) in store.users(ids).await? {
            let Ok(user) = user else {
                written.unreadable.push(id);
                written.skipped.add(&format!("user {id}"));
                continue;
            };
            // It may go to a terminal.
            let line = escape_json(serde_json::to_string(&Line::of(&user)).map_err(io::Error::from)?);
            writeln!(out, "{line}")?;
            written.count += 1;
        }
    }
    out.flush()?;
    Ok(written)
}

/// Sorts the members of an object, at every depth.
fn sorted(object: &Map<String, Value>) -> Map<String, Value> {
    let mut members: Vec<(String, Value)> =
        object.iter().map(|(name, value)| (name.clone(), sorted_value(value))).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members.into_iter().collect()
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(sorted(object)),
        Value::Array(elements) => Value::Array(elements.iter().map(sorted_value).collect()),
        other => other.clone(),
    }
}

/// Writes a time in ISO 8601. After the year 9999, where ISO 8601 ends, it writes milliseconds.
fn moment<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    match moment.iso8601() {
        Some(text) => serializer.serialize_str(&text),
        None => serializer.serialize_u64(moment.millis()),
    }
}

fn moment_if_any<S: Serializer>(of: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match of {
        Some(of) => moment(of, serializer),
        None => serializer.serialize_none(),
    }
}
