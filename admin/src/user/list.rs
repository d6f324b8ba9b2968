//! `postern user list`: users by their names and state, in the order of their ids.
//!
//! The command finds the ids first, and then reads the users in this order, a hundred at a time. So memory holds
//! the ids of all users, but not all users. Each page begins where the last one ended, whatever was written in
//! between.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use postern::environment::Environment;
use postern::identity::{LoginName, Status};
use postern::store::operator::{MAX_READ, Operator, Skipped, UserFilter, UserRecord};
use postern::throttle::Policy;
use serde_json::json;

use super::describe::about;
use crate::output::{
    Exit, Failure, Output, Reader, json_text, named, plain, print_message, status_name, write,
};

/// How many ids after the last one are tried before the whole table is read.
const NEAR: u64 = 10 * MAX_READ as u64;

/// Which users to list.
#[derive(Args)]
#[command(after_help = "\
Users come in the order of their ids. If more users follow, the last line on standard error shows the --after of
the next page. The columns are id, status, MFA, username and e-mail address.

The table has no index, because an index would be eventually consistent. So --prefix, --locked and a list without
--limit read the whole table, and cost what a Scan costs. With --limit, the command first reads the next 1,000
ids, and scans only if they do not fill the page. `postern user show` finds one user by a whole name.

A name is locked after THROTTLE_LOCK_AFTER failures. Set the variable here if you changed the parameter
ThrottleLockAfter of the stack.

Examples:
  postern user list --limit 50
  postern user list --limit 50 --after 4711
  postern user list --prefix ann --status active
  postern user list --locked
  postern user list --legacy-hash --json | jq -r .username")]
pub struct List {
    /// Only users whose username or e-mail address begins with this text, in upper or lower case. A domain that is
    /// not ASCII must be complete.
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
    /// Only users of this status.
    #[arg(long, value_parser = PossibleValuesParser::new(["active", "not_activated", "disabled", "blocked"])
        .map(|status| match status.as_str() {
            "not_activated" => Status::NotActivated,
            "disabled" => Status::Disabled,
            "blocked" => Status::Blocked,
            _ => Status::Active,
        }))]
    status: Option<Status>,
    /// Only users who are locked after too many failures: by a login name, or at their known addresses.
    #[arg(long)]
    locked: bool,
    /// Only users who have to change the password.
    #[arg(long)]
    must_change_password: bool,
    /// Only users with MFA on, or off.
    #[arg(long, value_enum)]
    mfa: Option<Switch>,
    /// Only users whose password is still stored as another product hashed it. It is upgraded when they sign
    /// in.
    #[arg(long)]
    legacy_hash: bool,
    /// At most this many users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only users with a higher id.
    #[arg(long, value_name = "ID", default_value_t = 0, hide_default_value = true)]
    after: u64,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// The list while it is printed.
struct Listing<'a> {
    store: &'a Operator,
    filter: UserFilter,
    json: bool,
    left: u64,
    skipped: Skipped,
    /// The id of the last user that was printed, or passed over.
    last: u64,
}

pub(super) async fn run(store: &Operator, options: &List, json: bool) -> Result<Output, Failure> {
    let mut skipped = Skipped::default();
    let locked = match options.locked {
        false => None,
        true => {
            let policy = Policy::from_env(&Environment::of_process());
            let policy = policy.map_err(|error| Failure::usage(error.to_string()))?;
            let (locked, unreadable) = store.ids_of_locked_users(&policy).await?;
            skipped.append(unreadable);
            Some(locked)
        }
    };
    let filter = UserFilter {
        locked,
        prefix: options.prefix.as_deref().map(LoginName::new),
        status: options.status,
        must_change_password: options.must_change_password,
        mfa: options.mfa.map(|mfa| mfa == Switch::On),
        legacy_hash: options.legacy_hash,
    };
    if filter.prefix.as_ref().is_some_and(|prefix| prefix.as_key().is_none()) {
        return Err(Failure::usage("--prefix is longer than any login name"));
    }
    let is_search = options.prefix.is_some() || options.locked;
    let left = options.limit.unwrap_or(u64::MAX);
    let mut listing = Listing { store, filter, json, left, skipped, last: options.after };
    // Ids are assigned in ascending order. So the next users usually have the next ids, and no scan is needed.
    if options.limit.is_some() && !is_search {
        let end = options.after.saturating_add(NEAR);
        let near: Vec<u64> = (options.after.saturating_add(1)..=end).collect();
        if !listing.print(&near).await? {
            return listing.end(true);
        }
    }
    let mut ids: Vec<u64> = match &listing.filter.locked {
        Some(locked) => locked.iter().copied().collect(),
        None => {
            let (ids, unreadable) = store.matching_ids(&listing.filter).await?;
            listing.skipped.append(unreadable);
            ids
        }
    };
    ids.retain(|id| *id > listing.last);
    let all = listing.print(&ids).await?;
    listing.end(!all)
}

impl Listing<'_> {
    /// Prints those of these users who match. Returns whether all were printed. If not, the limit is reached, or
    /// the reader of standard output closed it.
    async fn print(&mut self, ids: &[u64]) -> Result<bool, Failure> {
        for ids in ids.chunks(MAX_READ) {
            for (id, user) in self.store.users(ids).await? {
                match user {
                    Ok(user) if self.filter.matches(&user) => {
                        if self.left == 0 {
                            return Ok(false);
                        }
                        let written = write(format!("{}\n", line(&user, self.json)).as_bytes())?;
                        if written == Reader::Gone {
                            self.left = 0;
                            self.last = u64::MAX;
                            return Ok(false);
                        }
                        self.left -= 1;
                    }
                    Ok(_) => {}
                    Err(_) => self.skipped.add(&format!("user {id}")),
                }
                self.last = id;
            }
            self.last = self.last.max(ids.last().copied().unwrap_or(0));
        }
        Ok(true)
    }

    fn end(self, more: bool) -> Result<Output, Failure> {
        if more && self.last < u64::MAX {
            print_message(&format!("more users follow: the same command with --after {}", self.last));
        }
        if self.skipped.count == 0 {
            return Ok(Output::nothing());
        }
        let message = format!("not listed, since they cannot be read: {}", named(&self.skipped));
        Err(Failure::new(Exit::Partly, message))
    }
}

fn line(user: &UserRecord, json: bool) -> String {
    let mfa = user.mfa.is_some();
    if json {
        return json_text(&about(user, json!({"status": user.status, "mfa": mfa})));
    }
    let mfa = if mfa { "mfa" } else { "-" };
    let email = if user.email.is_empty() { "-".to_owned() } else { plain(&user.email) };
    format!(
        "{:>8}  {:<13}  {mfa:<3}  {:<24}  {email}",
        user.id,
        status_name(user.status),
        plain(&user.username)
    )
}
