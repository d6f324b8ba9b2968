//! `POST /api/v2/sso/signin/`: the user of an access token.

use lambda_http::http::StatusCode;
use postern::app::{TokenRefusal, TokenSubject};
use postern::audit::{self, AttemptDetails, Caller, Outcome};
use postern::http::{self, Request, Response};
use postern::identity::User;
use postern::{App, Refusal};
use serde::Serialize;

use crate::attributes::{Attributes, Role};
use crate::claims::AccessToken;
use crate::errors::{bad_token, no_token, refuse};
use crate::{CONTRACT, Settings};

#[derive(Serialize)]
struct Success<'a> {
    id: u64,
    ext_id: Option<i64>,
    username: &'a str,
    role: Option<Role>,
    tags: Option<&'a [i64]>,
}

/// Shows the user of an access token.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let token = http::bearer(request);
    let read = |token: AccessToken| Some(token.subject());
    let subject = app.claims(caller, &settings.jwt, token, read).await;
    let user_id = subject.as_ref().ok().map(|subject| subject.user_id);
    let shown = match subject {
        Ok(subject) => user_of(app, caller, token.unwrap_or_default(), &subject).await,
        Err(refusal) => Err(refusal),
    };
    let outcome = shown.as_ref().map_or_else(TokenRefusal::outcome, |_| Outcome::SignedIn);
    audit::attempt(caller, outcome, AttemptDetails { user_id, ..AttemptDetails::default() });
    match shown {
        Ok((user, attributes)) => http::json(
            StatusCode::OK,
            &Success {
                id: user.id,
                ext_id: attributes.ext_id,
                username: &user.username,
                role: attributes.role,
                tags: attributes.tags.as_deref(),
            },
        ),
        Err(TokenRefusal::Missing) => no_token(),
        Err(TokenRefusal::Expired | TokenRefusal::Invalid) => bad_token(),
        Err(TokenRefusal::Refused(refusal)) => refuse(&refusal),
    }
}

async fn user_of(
    app: &App,
    caller: &Caller,
    token: &str,
    subject: &TokenSubject,
) -> Result<(User, Attributes), TokenRefusal> {
    let user = app.user_of_token(caller, token, subject).await?;
    let attributes = user.attributes(CONTRACT).map_err(Refusal::fault)?;
    Ok((user, attributes))
}
