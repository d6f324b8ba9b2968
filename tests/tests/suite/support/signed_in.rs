//! What a signed-in client has: tokens, requests with them, and the codes of an authenticator.

use postern_tests::contracts;
use postern_tests::deployment::{self, Deployment, PASSWORD_CONTRACTS, Reply, credentials, name_at};
use postern_tests::logs;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::raw::{self, Attribute};

pub(crate) const CHANGE_PASSWORD: &str = "/api/auth/changePasswordAfterSignin";
pub(crate) const RESUME: &str = "/api/auth/IamLoggedIn";
pub(crate) const SIGN_OUT: &str = "/api/v1/user/myself/session/logoutCurrentSession";
pub(crate) const SESSIONS: &str = "/api/v1/user/myself/session";
pub(crate) const WHOAMI: &str = "/whoami/jwt";
pub(crate) const ACCOUNT: &str = "/account/jwt";
pub(crate) const MFA: &str = "/account/mfa/jwt";

/// Posts a JSON body, with a bearer token where there is one.
pub(crate) async fn post(
    deployment: &Deployment,
    contract: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> Reply {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    deployment.request(contract, "POST", path, &headers, &body.to_string()).await
}

/// Gets a path with a bearer token.
pub(crate) async fn get(deployment: &Deployment, contract: &str, path: &str, token: &str) -> Reply {
    deployment.request(contract, "GET", path, &[("authorization", &format!("Bearer {token}"))], "").await
}

/// An object with the members of another put into it.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// A sign-in at any password contract, which asks to stay, with a code where there is one. Its address does not become
/// known, so that the attempts of a test count where its names say.
pub(crate) async fn sign_in(
    deployment: &Deployment,
    contract: &str,
    username: &str,
    password: &str,
    code: Option<&str>,
) -> Reply {
    let name = name_at(contract, username);
    let body = credentials(contract, &name, password);
    let reply =
        deployment.sign_in(contract, with(body, json!({"stay_logged_in": true, "token": code}))).await;
    raw::forget_addresses(deployment, &name).await;
    reply
}

/// The mfa contract's JWT of a sign-in.
pub(crate) async fn mfa_jwt(
    deployment: &Deployment,
    username: &str,
    password: &str,
    code: Option<&str>,
) -> String {
    member(&sign_in(deployment, "mfa", username, password, code).await, "/token")
}

/// A text in a reply.
#[track_caller]
pub(crate) fn member(reply: &Reply, place: &str) -> String {
    let body = reply.json();
    body.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("no {place}: {body}")).to_owned()
}

/// Sets one attribute of a user's item, past the store.
pub(crate) async fn set(deployment: &Deployment, id: u64, name: &str, value: Attribute) {
    let mut item = raw::user(deployment, id).await;
    item.insert(name.to_owned(), value);
    raw::put(deployment, &format!("USER#{id}"), "USER", item).await;
}

/// A token that a sign-in gave, after its name in `tests/src/contracts.rs`.
#[derive(Debug)]
pub(crate) struct HeldToken(pub(crate) &'static str, pub(crate) String);

impl HeldToken {
    /// Whether the token is still valid. Any other reply than an acceptance or a refusal is a panic.
    pub(crate) async fn is_valid(&self, deployment: &Deployment) -> bool {
        let Self(name, token) = self;
        let probe = contracts::probe(name);
        let body = probe.body.replace("{token}", token);
        let bearer = format!("Bearer {token}");
        let headers = if body == probe.body { &[("authorization", bearer.as_str())][..] } else { &[] };
        let reply = deployment.request(probe.contract, probe.method, probe.path, headers, &body).await;
        assert!([probe.valid, probe.invalid].contains(&reply.status), "{name}: {reply:?}");
        reply.status == probe.valid
    }
}

/// All tokens of a user who signs in at each password contract, each time with the next of these codes.
pub(crate) async fn everything(
    deployment: &Deployment,
    username: &str,
    password: &str,
    codes: &[&str],
) -> Vec<HeldToken> {
    let mut held = Vec::new();
    for (at, contract) in PASSWORD_CONTRACTS.into_iter().enumerate() {
        let reply = sign_in(deployment, contract, username, password, codes.get(at).copied()).await;
        let tokens = contracts::get(contract).tokens.iter().filter(|token| token.probe.is_some());
        held.extend(tokens.map(|token| HeldToken(token.name, member(&reply, token.place))));
    }
    held
}

/// All of these are valid, or none is.
pub(crate) async fn assert_all(deployment: &Deployment, held: &[HeldToken], good: bool) {
    for one in held {
        assert_eq!(one.is_valid(deployment).await, good, "{one:?}");
    }
}

/// The code that an authenticator shows for a base32 secret in this time step (RFC 6238, by hand).
pub(crate) fn totp(secret: &str, step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret));
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The code of the present time step, or of a later one.
pub(crate) fn code(deployment: &Deployment, secret: &str, later: u64) -> String {
    totp(secret, deployment.now().secs() / 30 + later)
}

/// RFC 4648 without padding.
pub(crate) fn base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter);
        held = (held << 5) | digit.expect("base32") as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

/// Sends a request with this id. Returns the reply, and the message, outcome and user of each audit event that it left.
pub(crate) async fn audited(
    deployment: &Deployment,
    contract: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
    request_id: &str,
) -> (Reply, Vec<Value>) {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let headers = [("authorization", bearer.as_str())];
    let headers = if token.is_some() { &headers[..] } else { &[] };
    let method = if body.is_null() { "GET" } else { "POST" };
    let mut event = deployment::event(method, path, headers, Some(&body.to_string()));
    event["requestContext"]["requestId"] = json!(request_id);
    let reply = deployment.invoke(contract, event).await;
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = lines.filter(|line| line["request_id"] == json!(request_id));
    (reply, events.map(|event| json!([event["message"], event["outcome"], event["user_id"]])).collect())
}

#[test]
fn totp_of_the_contracts_vector_gives_its_code() {
    assert_eq!(totp("KBTSKUKRDJPEGCZK", 1_700_000_000 / 30), "582969");
}
