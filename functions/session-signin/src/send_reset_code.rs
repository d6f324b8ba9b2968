//! `POST /api/auth/forgotPassword/sendEmail`: the request of a code that resets a forgotten password.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::AcceptedNames;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use serde::Serialize;

use crate::Settings;
use crate::errors::refuse_reset;
use crate::fields::{FieldErrors, Fields};

#[derive(Serialize)]
struct Success {
    msg: &'static str,
}

/// Has a code sent to the user.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let username = match parse(request) {
        Ok(username) => username,
        Err(errors) => return errors.reply(),
    };
    match app.request_reset(caller, &username, AcceptedNames::Username).await {
        Ok(()) => sent(),
        Err(refusal) => refuse_reset(settings, refusal),
    }
}

/// Makes the reply to a request whose code is sent.
pub(super) fn sent() -> Response {
    http::json(StatusCode::OK, &Success { msg: "Sent" })
}

fn parse(request: &Request) -> Result<String, FieldErrors> {
    let mut fields = Fields::of(request);
    let username = fields.required_short("username");
    fields.finish(username)
}

/// Returns whether the body asks for a code. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_request(request: &Request) -> bool {
    parse(request).is_ok()
}
