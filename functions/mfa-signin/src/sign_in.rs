//! `POST /signin`: username, e-mail address or id, password and, if MFA is on, its code, for a JWT and the
//! account.

use lambda_http::http::StatusCode;
use postern::app::{AcceptedNames, Attempt};
use postern::audit::Caller;
use postern::http::{self, Forms, Request, Response};
use postern::identity::User;
use postern::password::Password;
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::attributes::{Account, Attributes, account};
use crate::errors::{refuse, refuse_with};
use crate::{CONTRACT, Settings, claims};

/// The members of the body.
struct Credentials {
    username: String,
    password: Password,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    result: &'static str,
    token: String,
    account: Account<'a>,
}

/// Signs a user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err((status, error)) => return refuse_with(status, error),
    };
    let names = match settings.accept_ids {
        true => AcceptedNames::UsernameEmailOrId,
        false => AcceptedNames::UsernameOrEmail,
    };
    let attempt = Attempt {
        name: &credentials.username,
        names,
        readable: |user| user.attributes::<Attributes>(CONTRACT).map(|_| ()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: None,
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in.user),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

fn parse(request: &Request) -> Result<Credentials, (StatusCode, &'static str)> {
    let bad_request = |error| (StatusCode::BAD_REQUEST, error);
    let members = match http::members(request, Forms::Urlencoded) {
        Ok(members) if members.is_empty() => return Err(bad_request("postBodyMissing")),
        Ok(members) => members,
        Err(body) => return Err((body.status(StatusCode::BAD_REQUEST), "postBodyMissing")),
    };
    let username = username(&members).ok_or(bad_request("usernameMissing"))?;
    let password = match members.get("password") {
        Some(Value::String(password)) if !password.is_empty() => password.clone().into(),
        _ => return Err(bad_request("passwordMissing")),
    };
    Ok(Credentials { username, password, code: http::mfa_code(&members) })
}

/// Returns whether the body holds credentials. For the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// Returns the username: a non-empty string, or a number other than zero as JavaScript prints it.
fn username(members: &Map<String, Value>) -> Option<String> {
    match members.get("username")? {
        Value::String(name) => (!name.is_empty()).then(|| name.clone()),
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| decimal(number)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a number as JavaScript prints it. `14.0` and `1.4e1` become 14.
fn decimal(number: &Number) -> String {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < LARGEST_EXACT => (float as i64).to_string(),
        _ => number.to_string(),
    }
}

fn success(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<Response, Refusal> {
    let attributes: Attributes = user.attributes(CONTRACT).map_err(Refusal::fault)?;
    let token = claims::issue(app, settings, caller, user, &attributes)?;
    Ok(http::token_json(&Success { result: "success", token, account: account(user, &attributes)? }))
}
