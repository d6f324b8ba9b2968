//! The parts of a request that contracts read: credentials, parameters and the caller.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::header;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use serde_json::{Map, Value};

use super::body::{self, BodyError};
use crate::app::App;
use crate::audit::Caller;
use crate::clock::{Timestamp, now};
use crate::second_factor::fold_code;

/// The longest time for work on a request. Users do not wait longer for a sign-in.
const LONGEST_WORK: Duration = Duration::from_secs(8);

/// The part of Lambda's time-out that is kept for the reply.
const TIME_FOR_THE_REPLY: Duration = Duration::from_millis(500);

/// Returns the MFA code among a request's members, as [`typed_code`] reads it.
pub fn mfa_code(members: &Map<String, Value>) -> Option<String> {
    typed_code(members, "token")
}

/// Returns a code that people type, from this member. A missing member, `null`, `false` and a text that folds to
/// nothing are no code. An integer is filled up to six digits with zeros, since some clients send a number
/// and lose the zeros. A member of another type is a wrong code.
pub fn typed_code(members: &Map<String, Value>, member: &str) -> Option<String> {
    match members.get(member) {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::String(code)) => mfa_code_of_text(code),
        Some(Value::Number(number)) => {
            Some(number.as_u64().filter(|n| *n < 1_000_000).map_or_else(String::new, |n| format!("{n:06}")))
        }
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => Some(String::new()),
    }
}

/// Returns the MFA code in a text. A text that folds to nothing is no code.
pub fn mfa_code_of_text(text: &str) -> Option<String> {
    (!fold_code(text).is_empty()).then(|| text.to_owned())
}

/// Returns the token of a `Bearer` authorization (RFC 6750 §2.1), which may be empty. Returns `None` if there
/// is no such authorization.
pub fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    // Bytes that are not UTF-8 are not valid in a token. They count as an empty token that was sent.
    scheme.eq_ignore_ascii_case(b"Bearer").then(|| str::from_utf8(token).unwrap_or_default().trim())
}

/// Returns the first query parameter with this name.
pub fn query<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}

/// Reads the parameters of a form (`application/x-www-form-urlencoded`), with all values of each name.
///
/// # Errors
/// If the body is too large, compressed, or not in UTF-8.
pub fn form(request: &Request) -> Result<QueryMap, BodyError> {
    let text = str::from_utf8(body::bytes(request)?).map_err(|_| BodyError::Malformed)?;
    match text.parse() {
        Ok(parameters) => Ok(parameters),
        Err(impossible) => match impossible {},
    }
}

/// Returns the id and the secret of an HTTP Basic authorization (RFC 7617), which OAuth clients send
/// form-urlencoded (RFC 6749 §2.3.1). Returns `None` if there is no such authorization.
///
/// # Errors
/// If the authorization is malformed.
pub fn basic(request: &Request) -> Option<Result<(String, String), BodyError>> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, credentials) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials.trim_ascii()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    Some(
        pair.ok_or(BodyError::Malformed)
            .and_then(|(id, secret)| Ok((body::decode(id.as_bytes())?, body::decode(secret.as_bytes())?))),
    )
}

/// Returns the caller of this contract.
pub fn caller(app: &App, contract: &'static str, request: &Request) -> Caller {
    caller_at(app.now(), contract, request)
}

/// Returns the caller as [`caller`] does, for a request at this time.
pub fn caller_at(time: Timestamp, contract: &'static str, request: &Request) -> Caller {
    let context = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    };
    let started = Instant::now();
    Caller {
        contract,
        request_id: context.and_then(|c| c.request_id.clone()).unwrap_or_default(),
        address: context.and_then(|c| c.http.source_ip.clone()).unwrap_or_default(),
        now: time,
        started,
        deadline: started + time_left(request.lambda_context_ref().map_or(0, |c| c.deadline), now()),
    }
}

/// Returns how long work on a request may take, so that the caller gets a reply before Lambda's time-out.
/// `deadline` is the time at which Lambda ends the function, in milliseconds since the epoch, or 0 if it is
/// not known.
fn time_left(deadline: u64, now: Timestamp) -> Duration {
    if deadline == 0 {
        return LONGEST_WORK;
    }
    Timestamp::from_millis(deadline).since(now).saturating_sub(TIME_FOR_THE_REPLY).min(LONGEST_WORK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_for_the_reply_is_left_before_lambdas_time_out() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let left = |millis: u64| time_left(now.millis() + millis, now);
        assert_eq!(time_left(0, now), Duration::from_secs(8));
        assert_eq!(left(10_000), Duration::from_secs(8));
        assert_eq!(left(3_000), Duration::from_millis(2_500));
        assert_eq!(left(500), Duration::ZERO);
        assert_eq!(time_left(1, now), Duration::ZERO);
    }
}
