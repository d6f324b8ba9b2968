//! `POST /api/auth/forgotPassword/resetPassword`: a code for a new password.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::Reset;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::password::{Password, PasswordPolicy};
use serde::Serialize;

use crate::Settings;
use crate::check_reset_code::SentCode;
use crate::errors::{refuse_reset, weakness};
use crate::fields::{FieldErrors, Fields};

/// The member of the new password.
pub(super) const NEW_PASSWORD: &str = "new_password";

/// The members of the body.
struct NewPassword {
    sent: SentCode,
    password: Password,
    mfa_code: Option<String>,
}

#[derive(Serialize)]
struct Success {
    msg: &'static str,
}

/// Resets a password. The user is not signed in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let new = match parse(app.password_policy(), request) {
        Ok(new) => new,
        Err(errors) => return errors.reply(),
    };
    let reset = Reset { password: &new.password, mfa_code: new.mfa_code.as_deref(), session: None };
    match app.reset_password(caller, new.sent.attempt(), reset).await {
        Ok(_) => http::json(StatusCode::OK, &Success { msg: "Changed password successful" }),
        Err(refusal) => refuse_reset(settings, refusal),
    }
}

fn parse(policy: &PasswordPolicy, request: &Request) -> Result<NewPassword, FieldErrors> {
    let mut fields = Fields::of(request);
    let sent = SentCode::of(&mut fields);
    let password = Password::from(fields.required(NEW_PASSWORD));
    // This check needs no user, so it comes before an attempt is charged.
    if !password.is_empty()
        && let Err(weak) = policy.check(&password, &[&sent.username])
    {
        fields.refuse(NEW_PASSWORD, &weakness(weak));
    }
    let mfa_code = fields.code("token");
    fields.finish(NewPassword { sent, password, mfa_code })
}

/// Returns whether the body holds a new password. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_reset(request: &Request) -> bool {
    parse(&PasswordPolicy::DEFAULT, request).is_ok()
}
