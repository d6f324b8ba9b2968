//! A sign-in at one contract, what follows it, and the sign-out.

use std::time::Duration;

use postern::password::Password;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::api::{ACCOUNT, Api, Contract, FollowUp, Form, Reply, SSO_SIGN_IN, Unreachable};

/// The words of the contracts for a user who has to send the code of an authenticator.
const MFA_REQUIRED: [&str; 3] = ["mfa_required", "mfaTokenRequired", "MFA token required."];

/// The credentials of the probe's user. This type has no `Debug`, so that no log shows the password.
pub(super) struct Credentials<'a> {
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) password: Password,
}

/// Why a contract failed.
pub(super) enum Problem {
    /// No reply arrived.
    Unreachable { step: &'static str, error: Unreachable },
    /// The reply was not the expected one.
    Reply { step: &'static str, words: String },
    /// The user has MFA on.
    Mfa,
}

impl Problem {
    /// Returns the message for the operator.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unreachable { step, error } => format!("{step}: {}; {}", error.message, error.what_to_do()),
            Self::Reply { step, words } => format!("{step}: {words}"),
            Self::Mfa => "the user has MFA on".to_owned(),
        }
    }
}

/// The tokens of a sign-in. They are wiped when they are dropped.
struct Tokens {
    /// The password and each token of the session: what no output may show.
    secrets: Vec<Zeroizing<String>>,
    access: Zeroizing<String>,
    session: Option<Zeroizing<String>>,
}

/// Signs in and out. Returns how long the reply to the sign-in took.
///
/// # Errors
/// If a step fails. The sign-out is tried all the same.
pub(super) async fn sign_in(
    api: &Api,
    contract: &Contract,
    credentials: &Credentials<'_>,
) -> Result<Duration, Problem> {
    let (tokens, took) = begin(api, contract, credentials).await?;
    follow(api, contract, tokens).await.map(|()| took)
}

/// Signs in at the account contract, takes its access token to the sso contract, and ends the session. Returns
/// how long the reply of the sso contract took.
///
/// # Errors
/// If a step fails. The sign-out is tried all the same.
pub(super) async fn sso(api: &Api, credentials: &Credentials<'_>) -> Result<Duration, Problem> {
    let account = &ACCOUNT;
    let (tokens, _) = begin(api, account, credentials).await.map_err(|problem| match problem {
        Problem::Reply { words, .. } => Problem::Reply { step: "sign-in at account", words },
        Problem::Unreachable { error, .. } => Problem::Unreachable { step: "sign-in at account", error },
        Problem::Mfa => Problem::Mfa,
    })?;
    let bearer = format!("Bearer {}", *tokens.access);
    let sent = api.send("POST", SSO_SIGN_IN, &[("authorization", &bearer)], "").await;
    let checked =
        expect("sign-in", sent, 200, &tokens.secrets).and_then(|reply| match reply.value_at("/id") {
            Some(Value::Number(_)) => Ok(reply.took),
            _ => Err(Problem::Reply { step: "sign-in", words: "200 without a user".to_owned() }),
        });
    let ended = follow(api, account, tokens).await;
    checked.and_then(|took| ended.map(|()| took))
}

async fn begin(
    api: &Api,
    contract: &Contract,
    credentials: &Credentials<'_>,
) -> Result<(Tokens, Duration), Problem> {
    let name = if contract.member == "email" { credentials.email } else { credentials.username };
    let mut body = json!({contract.member: name, "password": &*credentials.password});
    if contract.asks_for_session {
        body["stay_logged_in"] = Value::Bool(true);
    }
    let mut secrets = vec![Zeroizing::new(credentials.password.to_string())];
    let reply = expect("sign-in", api.post(contract.sign_in, &body).await, 200, &secrets)?;
    let without = |what: &str| Problem::Reply { step: "sign-in", words: format!("200 without {what}") };
    let access =
        reply.text_at(contract.access).map(Zeroizing::new).ok_or_else(|| without("an access token"))?;
    let session_token = match contract.session_token {
        Some(place) => {
            let token = reply.text_at(place).ok_or_else(|| without("a token of the session"))?;
            Some(Zeroizing::new(token))
        }
        None => None,
    };
    secrets.extend([access.clone()].into_iter().chain(session_token.clone()));
    Ok((Tokens { secrets, access, session: session_token }, reply.took))
}

/// Sends the requests that follow a sign-in. Goes on after a failure, because the last request ends the
/// session.
async fn follow(api: &Api, contract: &Contract, mut tokens: Tokens) -> Result<(), Problem> {
    let mut result = Ok(());
    for step in contract.follow_ups {
        match expect(step.name, send(api, step, &tokens).await, step.status, &tokens.secrets) {
            Ok(reply) => {
                let next = step.next_token.and_then(|place| reply.text_at(place)).map(Zeroizing::new);
                tokens.secrets.extend(next.clone());
                tokens.session = next.or(tokens.session);
            }
            Err(problem) if result.is_ok() => result = Err(problem),
            Err(_) => {}
        }
    }
    result
}

async fn send(api: &Api, step: &FollowUp, tokens: &Tokens) -> Result<Reply, Unreachable> {
    let token = tokens.session.as_deref().map_or("", String::as_str);
    let (kind, body) = match step.form {
        Form::None => ("application/json", String::new()),
        Form::Json(member) => ("application/json", json!({member: token}).to_string()),
        Form::Urlencoded(begin) => {
            let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            ("application/x-www-form-urlencoded", format!("{begin}{token}"))
        }
    };
    let bearer = format!("Bearer {}", *tokens.access);
    let headers = [("content-type", kind), ("authorization", &bearer)];
    api.send(step.method, step.path, &headers[..if step.bearer { 2 } else { 1 }], &body).await
}

/// Returns the reply if it has this status. Otherwise returns its words, unless they repeat a secret that was
/// sent.
fn expect(
    step: &'static str,
    sent: Result<Reply, Unreachable>,
    status: u16,
    secrets: &[Zeroizing<String>],
) -> Result<Reply, Problem> {
    let reply = sent.map_err(|error| Problem::Unreachable { step, error })?;
    if reply.status == status {
        return Ok(reply);
    }
    if (400..500).contains(&reply.status) && MFA_REQUIRED.iter().any(|word| reply.body.contains(word)) {
        return Err(Problem::Mfa);
    }
    let words = match secrets.iter().any(|secret| repeats(&reply.body, secret)) {
        true => {
            format!("{} with a text that repeats the password or a token, so it is not shown", reply.status)
        }
        false => reply.words(),
    };
    Err(Problem::Reply { step, words: format!("{words}, and not {status}") })
}

/// Returns whether a text holds a secret: as it is, in JSON of any depth, or in a form.
fn repeats(text: &str, secret: &str) -> bool {
    // Each depth of JSON puts other backslashes before the same characters.
    let bare = |text: &str| text.replace('\\', "");
    let ascii = |c: char| match c.is_ascii() {
        true => String::from(c),
        false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("u{unit:04x}")).collect(),
    };
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_ascii: String = bare(secret).chars().map(ascii).collect();
    !secret.is_empty()
        && (text.contains(secret)
            || text.contains(&form)
            || bare(text).contains(&bare(secret))
            || bare(text).to_ascii_lowercase().contains(&in_ascii.to_ascii_lowercase()))
}
