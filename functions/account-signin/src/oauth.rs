//! The token endpoint, for refreshes only, and the revocation endpoint. Their clients are public ones (RFC 6749 §2.1):
//! the refresh token is what proves them, and a `client_id` only says who they are.

use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{self, HeaderValue};
use postern::app::{Claimed, SignedIn};
use postern::audit::{self, Caller};
use postern::http::{self, Request, Response};
use postern::session::{RefreshPolicy, SessionToken};
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::{KIND, Settings, access_token, refuse};

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    scope: &'a str,
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
struct Error {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
}

/// Why a request is refused, in the RFC's words.
#[derive(Clone, Copy)]
enum OauthError {
    InvalidRequest,
    /// The body is no form.
    NoForm(StatusCode),
    /// The `client_id` of the body is another.
    InvalidClient,
    /// The client of the Authorization header is another, or the header is malformed.
    InvalidBasic,
    InvalidGrant,
    UnsupportedGrantType,
    InvalidScope,
}

/// What is read of an access token that is revoked.
#[derive(Deserialize)]
struct AccessToken {
    token_type: String,
    user_id: u64,
    iat: f64,
    sid: String,
}

/// Trades a refresh token for an access token and the refresh token that follows.
pub(super) async fn token(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let presented = match form(request).and_then(|form| refresh_request(settings, request, &form)) {
        Ok(presented) => presented,
        Err(error) => return error.reply(),
    };
    let Some(presented) = presented else {
        audit::session(caller, "bad_token", None);
        return OauthError::InvalidGrant.reply();
    };
    let policy = RefreshPolicy { kind: KIND, idle: settings.session_idle, lost_reply: settings.lost_reply };
    match app.refresh(caller, &presented, &policy).await {
        Ok(Some(signed_in)) => {
            renewed(app, settings, caller, &signed_in).unwrap_or_else(|refusal| refuse(&refusal))
        }
        Ok(None) => OauthError::InvalidGrant.reply(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Ends the session of a refresh token or of an access token. To one that is no good there is nothing to do, and the
/// answer is the same (RFC 7009 §2.2).
pub(super) async fn revoke(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let form = match form(request) {
        Ok(form) => form,
        Err(error) => return error.reply(),
    };
    let token = match (parameter(&form, "token"), check_client(settings, request, &form)) {
        (Ok(Some(token)), Ok(())) => token,
        (Ok(None) | Err(_), _) => return OauthError::InvalidRequest.reply(),
        (_, Err(error)) => return error.reply(),
    };
    let ended = match SessionToken::from_plain(token) {
        Some(presented) => app.sign_out(caller, &presented, KIND).await,
        None => match app.claims(caller, Some(token), claimed).await {
            Ok(claimed) => app.end_session_of(caller, &claimed).await,
            Err(refusal) => {
                audit::session(caller, refusal.outcome(), None);
                Ok(false)
            }
        },
    };
    match ended {
        Ok(_) => http::json(StatusCode::OK, &serde_json::Map::new()),
        Err(refusal) => refuse(&refusal),
    }
}

/// The refresh token of a request that is as it should be; of another form than ours it is nobody's.
fn refresh_request(
    settings: &Settings,
    request: &Request,
    form: &QueryMap,
) -> Result<Option<SessionToken>, OauthError> {
    let grant_type = parameter(form, "grant_type")?.ok_or(OauthError::InvalidRequest)?;
    if grant_type != "refresh_token" {
        return Err(OauthError::UnsupportedGrantType);
    }
    let token = parameter(form, "refresh_token")?.ok_or(OauthError::InvalidRequest)?;
    check_client(settings, request, form)?;
    // Less than was granted may be asked for; the reply says that it is all the same (RFC 6749 §3.3).
    let granted = |scope| settings.scope.split_ascii_whitespace().any(|known| known == scope);
    let asked = parameter(form, "scope")?.unwrap_or_default();
    if !asked.split_ascii_whitespace().all(granted) {
        return Err(OauthError::InvalidScope);
    }
    Ok(SessionToken::from_plain(token))
}

/// The parameters. JSON and forms with parts are refused, as by the product's own server, but with a word of why: its users
/// send them by mistake.
fn form(request: &Request) -> Result<QueryMap, OauthError> {
    let parameters = http::form(request);
    match parameters.map_err(|error| error.status(StatusCode::BAD_REQUEST)) {
        Ok(parameters) if !http::is_no_urlencoded(request) => Ok(parameters),
        Ok(_) => Err(OauthError::NoForm(StatusCode::BAD_REQUEST)),
        Err(status) => Err(OauthError::NoForm(status)),
    }
}

/// A public client need not say who it is; where it does, it is the one. It has no secret, so any is as good as none
/// (RFC 6749 §2.3.1).
fn check_client(settings: &Settings, request: &Request, form: &QueryMap) -> Result<(), OauthError> {
    match http::basic(request) {
        Some(Ok((client_id, _))) if client_id == settings.client_id => {}
        Some(_) => return Err(OauthError::InvalidBasic),
        None => {}
    }
    match parameter(form, "client_id")? {
        Some(client_id) if client_id != settings.client_id => Err(OauthError::InvalidClient),
        Some(_) | None => Ok(()),
    }
}

/// A parameter, of which an empty one counts as not sent, and none may be sent twice (RFC 6749 §3.1, §3.2).
fn parameter<'f>(form: &'f QueryMap, name: &str) -> Result<Option<&'f str>, OauthError> {
    match form.all(name).as_deref() {
        None | Some([]) => Ok(None),
        Some([value]) => Ok(Some(*value).filter(|value| !value.is_empty())),
        Some(_) => Err(OauthError::InvalidRequest),
    }
}

fn claimed(token: AccessToken) -> Option<Claimed> {
    let AccessToken { token_type, user_id, iat, sid } = token;
    let session = Some((KIND, sid));
    (token_type == "access").then_some(Claimed { user_id, epoch: None, iat, session })
}

fn renewed(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let session = who.session.as_ref().ok_or(Refusal::Fault)?;
    Ok(http::token_json(&Token {
        access_token: &access_token(app, settings, caller, &who.user, session)?,
        token_type: "Bearer",
        expires_in: settings.access_lifetime.as_secs(),
        refresh_token: &session.to_plain(),
        scope: &settings.scope,
    }))
}

impl OauthError {
    fn reply(self) -> Response {
        let description =
            "The body must be application/x-www-form-urlencoded, in UTF-8, and of 64 KiB at most.";
        let (status, error, error_description) = match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request", None),
            Self::NoForm(status) => (status, "invalid_request", Some(description)),
            Self::InvalidClient => (StatusCode::BAD_REQUEST, "invalid_client", None),
            Self::InvalidBasic => (StatusCode::UNAUTHORIZED, "invalid_client", None),
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant", None),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type", None),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope", None),
        };
        let mut reply = http::json(status, &Error { error, error_description });
        // The scheme that the client used, and no other (RFC 6749 §5.2).
        if matches!(self, Self::InvalidBasic) {
            let challenge = HeaderValue::from_static("Basic realm=\"oauth\"");
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        reply
    }
}
