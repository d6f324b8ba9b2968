//! `POST /account/mfa/jwt`: a user switches MFA on or off. Switching it on takes two requests: the first
//! gives a new secret, and the second confirms it with a code. The first takes the password or a new JWT.
//! So a JWT that was stolen earlier does not suffice. The second takes the JWT of the first. Switching MFA
//! off takes the password and a code.

use std::time::Duration;

use lambda_http::http::StatusCode;
use postern::app::{MfaConfirmed, TokenRefusal};
use postern::audit::Caller;
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::identity::User;
use postern::password::Password;
use postern::second_factor::{Enrolment, SecretText};
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::account::shown;
use crate::attributes::{Account, Attributes, account};
use crate::claims::PresentedJwt;
use crate::errors::{AUTHENTICATION_FAILED, refuse, refuse_token, refuse_with};
use crate::qr_code::qr_code;
use crate::{CONTRACT, Settings};

/// A JWT of this age no longer begins MFA without the password.
const NEW_JWT: Duration = Duration::from_secs(5 * 60);

/// The change of MFA that the holder of a JWT asks for.
enum MfaRequest {
    Begin { password: Option<Password> },
    Confirm { secret: String, code: String },
    SwitchOff { password: Password, code: String },
}

#[derive(Serialize)]
struct Begun {
    result: &'static str,
    mfa: Secret,
}

#[derive(Serialize)]
struct Secret {
    secret: SecretText,
    otpauth: String,
    qrcode: String,
}

#[derive(Serialize)]
struct Confirmed<'a> {
    result: &'static str,
    account: Account<'a>,
    #[serde(rename = "scratchCodes")]
    recovery_codes: &'a [SecretText],
}

/// Switches MFA on or off for the holder of the JWT.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let subject = |jwt: PresentedJwt| Some(jwt.subject());
    let holder = app.holder(caller, &settings.jwt, http::bearer(request), subject).await;
    let holder = match holder {
        Ok(holder) => holder,
        Err(refusal) => return refuse_token(refusal),
    };
    let user = &holder.user;
    // This comes before any change: a user whose attributes the reply cannot show is refused.
    if let Err(unreadable) = user.attributes::<Attributes>(CONTRACT) {
        return refuse(&Refusal::fault(unreadable));
    }
    let members = match http::members(request, Forms::Urlencoded) {
        Ok(members) => members,
        Err(BodyError::Malformed) => Map::new(),
        Err(body) => return refuse_with(body.status(StatusCode::BAD_REQUEST), "invalidMfaSetting"),
    };
    let needs_password = settings.enrol_needs_password && caller.now.since(holder.issued_at) >= NEW_JWT;
    let outcome = match mfa_request(&members, user.mfa_enabled, needs_password) {
        Ok(MfaRequest::Begin { password }) => {
            let begun = app.begin_mfa(caller, &holder, password.as_ref()).await;
            begun.map(|enrolment| begun_reply(settings, user, enrolment))
        }
        Ok(MfaRequest::Confirm { secret, code }) => {
            let confirmed = app.confirm_mfa(caller, &holder, &secret, &code).await;
            confirmed.map(|confirmed| confirmed_reply(&confirmed))
        }
        Ok(MfaRequest::SwitchOff { password, code }) => {
            let off = app.switch_mfa_off(caller, &holder, &password, &code).await;
            off.map(|user| shown(&user))
        }
        Err(error) => return refuse_with(StatusCode::BAD_REQUEST, error),
    };
    match outcome {
        Ok(reply) => reply.unwrap_or_else(|refusal| refuse(&refusal)),
        // A wrong code for a secret that is not confirmed yet has a reply of its own.
        Err(TokenRefusal::Refused(Refusal::WrongCode)) if !user.mfa_enabled => {
            refuse_with(StatusCode::FORBIDDEN, "mfaTokenInvalid")
        }
        Err(TokenRefusal::Refused(Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode)) => {
            refuse_with(StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED)
        }
        Err(refusal) => refuse_token(refusal),
    }
}

/// Reads the change that the body asks for. `is_on` says whether the user's MFA is on, and `needs_password`
/// whether to begin MFA takes the password.
fn mfa_request(
    members: &Map<String, Value>,
    is_on: bool,
    needs_password: bool,
) -> Result<MfaRequest, &'static str> {
    let text = |name| match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    match (members.get("mfa"), is_on) {
        (Some(Value::Bool(true)), true) => Err("mfaActive"),
        (Some(Value::Bool(true)), false) => match (text("secret"), http::mfa_code(members)) {
            (Some(secret), Some(code)) => Ok(MfaRequest::Confirm { secret, code }),
            (None, None) if !members.contains_key("secret") => match text("password") {
                None if needs_password || members.get("password").is_some_and(|sent| !sent.is_string()) => {
                    Err("passwordMissing")
                }
                password => Ok(MfaRequest::Begin { password: password.map(Password::from) }),
            },
            _ => Err("invalidMfaSetting"),
        },
        (Some(Value::Bool(false)), is_on) => {
            let code = http::mfa_code(members).ok_or("mfaTokenMissing")?;
            let password = text("password").ok_or("passwordMissing")?;
            if is_on {
                Ok(MfaRequest::SwitchOff { password: password.into(), code })
            } else {
                Err("invalidMfaSetting")
            }
        }
        _ => Err("invalidMfaSetting"),
    }
}

fn begun_reply(settings: &Settings, user: &User, enrolment: Enrolment) -> Result<Response, Refusal> {
    let otpauth = enrolment.otpauth(&settings.totp_issuer, &user.username);
    let mfa = Secret { qrcode: qr_code(&otpauth)?, otpauth, secret: enrolment.mfa.secret };
    Ok(http::token_json(&Begun { result: "success", mfa }))
}

fn confirmed_reply(confirmed: &MfaConfirmed) -> Result<Response, Refusal> {
    let MfaConfirmed { user, recovery_codes } = confirmed;
    let attributes: Attributes = user.attributes(CONTRACT).map_err(Refusal::fault)?;
    let account = account(user, &attributes)?;
    Ok(http::token_json(&Confirmed { result: "success", account, recovery_codes }))
}
