//! `POST /api/auth/forgotPassword/checkCode`: whether a code that resets a password is right. The code stays valid.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::{AcceptedNames, CodeAttempt};
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::password_reset::ResetCode;
use serde::Serialize;

use crate::Settings;
use crate::errors::refuse_reset;
use crate::fields::Fields;

/// The members of the body that name a code.
pub(super) struct SentCode {
    pub(super) username: String,
    pub(super) code: ResetCode,
}

/// The page has `success_code`, and the product's own server sends the same as `code` too.
#[derive(Serialize)]
struct Success {
    msg: &'static str,
    success_code: &'static str,
    code: &'static str,
}

/// Checks a code.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let mut fields = Fields::of(request);
    let sent = SentCode::of(&mut fields);
    let sent = match fields.finish(sent) {
        Ok(sent) => sent,
        Err(errors) => return errors.reply(),
    };
    match app.check_reset_code(caller, sent.attempt()).await {
        Ok(()) => {
            let (msg, code) = ("Code correct", "code_correct");
            http::json(StatusCode::OK, &Success { msg, success_code: code, code })
        }
        Err(refusal) => refuse_reset(settings, refusal),
    }
}

impl SentCode {
    /// Reads the members.
    pub(super) fn of(fields: &mut Fields) -> Self {
        let username = fields.required_short("username");
        let code = fields.code("code");
        if code.is_none() {
            fields.refuse("code", "field is required.");
        }
        Self { username, code: ResetCode::typed(&code.unwrap_or_default()) }
    }

    /// Returns the attempt with this code.
    pub(super) fn attempt(&self) -> CodeAttempt<'_> {
        CodeAttempt { name: &self.username, names: AcceptedNames::Username, code: &self.code }
    }
}

/// Returns whether the body holds a code. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_code(request: &Request) -> bool {
    let mut fields = Fields::of(request);
    let sent = SentCode::of(&mut fields);
    fields.finish(sent).is_ok()
}
