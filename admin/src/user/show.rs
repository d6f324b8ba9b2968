//! `postern user show`: all that an operator needs to know about a user. It never shows a password hash, a
//! TOTP secret or the digest of a recovery code.

use std::collections::BTreeSet;

use postern::clock::{Timestamp, now};
use postern::environment::Environment;
use postern::identity::LoginName;
use postern::password::algorithm_of;
use postern::store::Login;
use postern::store::operator::{Operator, UserRecord};
use postern::throttle::{Admission, Attempts, Backoff, Policy};
use serde_json::{Value, json};

use super::describe::{about, sign_in_names};
use super::unlock::KNOWN_ADDRESSES;
use super::user_arg::UserArg;
use crate::output::{Failure, Output, count, plain, status_name, time};

pub(super) const EXAMPLES: &str = "\
Waits are computed from the THROTTLE_… variables of this environment, as the functions compute them. Without
variables, the defaults apply.

Examples:
  postern user show johndoe
  postern user show ann@example.com --json | jq .login_names
  postern user show 4711";

/// A login name, with its user and the attempts that were counted for it.
struct LoginNameState {
    kind: &'static str,
    name: String,
    /// The item of the name. `None` for an id, which leads to its user without an item of its own.
    login: Option<Option<Login>>,
    attempts: Option<Attempts>,
}

/// A counter, as it is shown.
struct CounterState {
    failures: u32,
    locked: bool,
    next: Option<String>,
    words: String,
}

pub(super) async fn run(store: &Operator, user: &UserArg) -> Result<Output, Failure> {
    let user = user.find(store).await?;
    let policy = Policy::from_env(&Environment::of_process());
    let policy = policy.map_err(|error| Failure::usage(error.to_string()))?;
    let at = now();
    let mut login_names = Vec::new();
    for (kind, name) in sign_in_names(&user) {
        login_names.push(login_name(store, kind, &name, at).await?);
    }
    let sessions = store.sessions(user.id).await?;
    let live = sessions.iter().filter(|session| session.is_alive(user.epoch, at)).count();

    let mut text = facts(&user, live);
    let mut names = Vec::new();
    for login_name in &login_names {
        let (words, value) = login_name.describe(&user, &policy, at);
        text.push((
            format!("sign-in by {}", login_name.kind),
            format!("{}: {words}", plain(&login_name.name)),
        ));
        names.push(value);
    }
    let logins = login_names.iter().filter_map(|name| name.login.as_ref()?.as_ref());
    let known: BTreeSet<&str> =
        logins.flat_map(|login| login.known_addresses.digests(user.epoch, at)).collect();
    let attempts = store.attempts_at_known_addresses(user.id, at).await?;
    let counter = CounterState::of(attempts, &policy.known_addresses_backoff(), &user.username, at);
    text.push((KNOWN_ADDRESSES.to_owned(), format!("{}: {}", known.len(), counter.words)));
    let known = json!({"count": known.len(), "failures": counter.failures, "locked": counter.locked,
        "next_attempt_at": counter.next});
    let lines = text.iter().map(|(name, value)| format!("{name:<22}{value}"));
    Ok(Output::done(lines.collect::<Vec<_>>().join("\n"), answer(&user, live, names, known)))
}

async fn login_name(
    store: &Operator,
    kind: &'static str,
    name: &LoginName,
    at: Timestamp,
) -> Result<LoginNameState, Failure> {
    let login = match kind {
        "id" => None,
        _ => Some(store.login(name).await?),
    };
    let attempts = store.attempts(name, at).await?;
    Ok(LoginNameState { kind, name: name.as_key().unwrap_or_default().to_owned(), login, attempts })
}

impl LoginNameState {
    /// Describes the name in words and in JSON.
    fn describe(&self, user: &UserRecord, policy: &Policy, at: Timestamp) -> (String, Value) {
        let CounterState { failures, locked, next, mut words } =
            CounterState::of(self.attempts, &policy.backoff(), &self.name, at);
        let is_of_user = |login: &Login| login.user_id == user.id;
        let leads_here = self.login.as_ref().is_none_or(|login| login.as_ref().is_some_and(is_of_user));
        if !leads_here {
            words += "; BROKEN: the name does not lead to this user";
        }
        let value = json!({"name": self.name, "kind": self.kind, "failures": failures, "locked": locked,
            "next_attempt_at": next, "leads_here": leads_here});
        (words, value)
    }
}

impl CounterState {
    /// Describes a counter. `name` is what `postern user unlock` takes.
    fn of(attempts: Option<Attempts>, backoff: &Backoff, name: &str, at: Timestamp) -> Self {
        let failures = attempts.map_or(0, |attempts| attempts.failures);
        let locked = failures >= backoff.lock_after;
        let wait = attempts.and_then(|attempts| match backoff.admit(attempts, at) {
            Admission::Refused(wait) if !locked => Some(wait),
            Admission::Refused(_) | Admission::Admitted => None,
        });
        let next = wait.map(|wait| time(at.plus(wait)));
        let counted = count(failures as usize, "failure");
        let words = match (failures, &next) {
            (0, _) => "unlocked, no failures".to_owned(),
            _ if locked => {
                format!("LOCKED after {failures} failures; `postern user unlock {}` unlocks it", plain(name))
            }
            (_, Some(next)) => format!("{counted}, next attempt at {next}"),
            (_, None) => format!("unlocked, {counted}"),
        };
        Self { failures, locked, next, words }
    }
}

/// Returns the facts about a user, each with its heading.
fn facts(user: &UserRecord, live: usize) -> Vec<(String, String)> {
    let password = match user.password_hash.as_deref().map(algorithm_of) {
        None => "none".to_owned(),
        Some(Ok(algorithm)) => algorithm.to_string(),
        Some(Err(unusable)) => format!("unusable: {unusable}"),
    };
    let mfa = match &user.mfa {
        None => "off".to_owned(),
        Some(_) => format!("on, {} left", count(user.recovery_codes.len(), "recovery code")),
    };
    let ended = user.sessions_ended_at.map_or(String::new(), |at| format!(", last raised {}", time(at)));
    let email = if user.email.is_empty() { "none".to_owned() } else { plain(&user.email) };
    let others = if user.other_usernames.is_empty() {
        "none".to_owned()
    } else {
        plain(&Vec::from_iter(user.other_usernames.iter().map(String::as_str)).join(", "))
    };
    let must = if user.must_change_password { "yes" } else { "no" };
    [
        ("id", user.id.to_string()),
        ("username", plain(&user.username)),
        ("other usernames", others),
        ("e-mail", email),
        ("status", status_name(user.status).to_owned()),
        ("password", password),
        ("must change password", must.to_owned()),
        ("MFA", mfa),
        ("created", time(user.created_at)),
        ("last written", time(user.updated_at)),
        ("last sign-in", user.last_sign_in.map_or_else(|| "never".to_owned(), time)),
        ("source id", user.source_id.as_deref().map_or_else(|| "none".to_owned(), plain)),
        ("epoch", format!("{}{ended}", user.epoch)),
        ("live sessions", live.to_string()),
        ("attributes", plain(&Value::Object(user.attributes.clone()).to_string())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn answer(user: &UserRecord, live: usize, names: Vec<Value>, known_addresses: Value) -> Value {
    let algorithm = user.password_hash.as_deref().map(algorithm_of);
    let password = algorithm.map(|algorithm| match algorithm {
        Ok(algorithm) => json!({"algorithm": algorithm.to_string()}),
        Err(unusable) => json!({"unusable": unusable.to_string()}),
    });
    about(
        user,
        json!({
            "other_usernames": user.other_usernames,
            "status": user.status,
            "password": password,
            "must_change_password": user.must_change_password,
            "mfa": {"on": user.mfa.is_some(), "recovery_codes_left": user.recovery_codes.len()},
            "created_at": time(user.created_at),
            "updated_at": time(user.updated_at),
            "last_sign_in": user.last_sign_in.map(time),
            "source_id": user.source_id,
            "epoch": user.epoch,
            "sessions_ended_at": user.sessions_ended_at.map(time),
            "live_sessions": live,
            "attributes": user.attributes,
            "login_names": names,
            "known_addresses": known_addresses,
        }),
    )
}
