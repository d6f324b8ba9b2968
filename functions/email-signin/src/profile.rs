//! `GET /api/profile/`, and `POST`, which the product's own web page sends: the user of an access token.

use lambda_http::http::StatusCode;
use postern::app::{TokenHolder, TokenRefusal};
use postern::audit::{self, Caller, Outcome};
use postern::http::{self, Request, Response};
use postern::{App, Refusal};

use crate::attributes::account;
use crate::claims::AccessToken;
use crate::errors::{AuthenticationError, refuse, unauthenticated};
use crate::{CONTRACT, Settings};

/// Shows the user of the access token.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let bearer = http::bearer(request);
    if bearer.is_some_and(|token| token.is_empty() || token.contains(char::is_whitespace)) {
        audit::session(caller, Outcome::BadToken, None);
        return unauthenticated(&AuthenticationError::HEADER);
    }
    let mut wrong_type = false;
    let subject = |token: AccessToken| {
        wrong_type = !token.is_of_type();
        token.subject()
    };
    let outcome = match app.holder(caller, &settings.jwt, bearer, subject).await {
        Ok(TokenHolder { user, .. }) => user
            .attributes(CONTRACT)
            .map_err(Refusal::fault)
            .map(|attributes| http::json(StatusCode::OK, &account(&user, &attributes))),
        Err(TokenRefusal::Missing) => Ok(unauthenticated(&AuthenticationError::MISSING)),
        Err(TokenRefusal::Expired) => Ok(unauthenticated(&AuthenticationError::token("Token is expired"))),
        Err(TokenRefusal::Invalid) if wrong_type => {
            Ok(unauthenticated(&AuthenticationError::token("Token has wrong type")))
        }
        Err(TokenRefusal::Invalid) => Ok(unauthenticated(&AuthenticationError::token("Token is invalid"))),
        Err(TokenRefusal::Refused(refusal)) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}
