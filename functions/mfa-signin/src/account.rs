//! `GET /whoami/jwt` and `GET /account/jwt`: the account of a JWT's user.

use lambda_http::http::StatusCode;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::identity::User;
use postern::{App, Refusal};
use serde::Serialize;

use crate::attributes::{Account, Attributes, account};
use crate::claims::PresentedJwt;
use crate::errors::{refuse, refuse_token};
use crate::{CONTRACT, Settings};

#[derive(Serialize)]
struct Success<'a> {
    result: &'static str,
    account: Account<'a>,
}

/// Shows the account of the JWT's user.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    match app
        .holder(caller, &settings.jwt, http::bearer(request), |jwt: PresentedJwt| Some(jwt.subject()))
        .await
    {
        Ok(holder) => shown(&holder.user).unwrap_or_else(|refusal| refuse(&refusal)),
        Err(refusal) => refuse_token(refusal),
    }
}

/// Makes the reply that shows a user.
pub(super) fn shown(user: &User) -> Result<Response, Refusal> {
    let attributes: Attributes = user.attributes(CONTRACT).map_err(Refusal::fault)?;
    let account = account(user, &attributes)?;
    Ok(http::json(StatusCode::OK, &Success { result: "success", account }))
}
