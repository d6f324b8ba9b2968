//! `POST /api/v2/account/recover/`: the request of a link that resets a forgotten password.

use lambda_http::http::StatusCode;
use postern::app::{AcceptedNames, ResetRefusal};
use postern::audit::Caller;
use postern::http::{self, Forms, Request, Response};
use postern::{App, Refusal};

use crate::errors::{ErrorEntry, Errors, refuse};
use crate::sign_in::{field, malformed};

/// Has a link sent to the user. The reply is the same whether there is such a user or not, and if too many mails
/// were asked for.
pub(super) async fn handle(app: &App, caller: &Caller, request: &Request) -> Response {
    let email = match parse(request) {
        Ok(email) => email,
        Err((status, errors)) => return http::json(status, &Errors { errors }),
    };
    match app.request_reset(caller, &email, AcceptedNames::Email).await {
        Err(ResetRefusal::Refused(refusal @ (Refusal::Unavailable | Refusal::Fault))) => refuse(&refusal),
        Ok(()) | Err(_) => http::no_content(),
    }
}

fn parse(request: &Request) -> Result<String, (StatusCode, Vec<ErrorEntry>)> {
    let members = http::members(request, Forms::UrlencodedAndMultipart).map_err(malformed)?;
    field(&members, "email").map_err(|error| (StatusCode::BAD_REQUEST, vec![error]))
}

/// Returns whether the body asks for a link. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_request(request: &Request) -> bool {
    parse(request).is_ok()
}
