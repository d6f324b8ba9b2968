//! `GET /api/v1/user/myself/session`: the sessions of a JWT's user.

use lambda_http::http::StatusCode;
use postern::App;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::session::Session;
use serde::Serialize;

use crate::claims::{presented_jwt, subject};
use crate::errors::refuse_token;
use crate::{CONTRACT, LIST_SESSIONS, Settings};

/// The most sessions in one list. So many with the longest labels stay far below the 6 MB of a reply of Lambda.
const MAX_LISTED: usize = 500;

#[derive(Serialize)]
struct Success<'a> {
    msg: &'static str,
    sessions: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: u64,
    information: &'a str,
    last_used: String,
    delete_session: Action,
}

/// A request that a client can send next. Its path has no slash at the beginning, as in the product.
#[derive(Serialize)]
struct Action {
    href: String,
    method: &'static str,
}

/// Lists the sessions. The one that was used last is at the end, as in the product. If there are more than
/// [`MAX_LISTED`], those that were used last are listed.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let token = presented_jwt(request);
    let subject = match subject(app, settings, caller, token).await {
        Ok(subject) => subject,
        Err(refused) => return refused,
    };
    match app.sessions_of(caller, token.unwrap_or_default(), &subject, CONTRACT).await {
        Ok(mut sessions) => {
            sessions.sort_by_key(Session::last_used);
            let from = sessions.len().saturating_sub(MAX_LISTED);
            let sessions = sessions.iter().skip(from).map(listed).collect();
            http::json(StatusCode::OK, &Success { msg: "List of all sessions", sessions })
        }
        Err(refusal) => refuse_token(refusal),
    }
}

fn listed(session: &Session) -> Listed<'_> {
    let id = session.number();
    let href = format!("{}/{id}", LIST_SESSIONS.trim_start_matches('/'));
    Listed {
        id,
        // The product begins no session without this text, so its clients do not expect null.
        information: session.device.as_deref().unwrap_or_default(),
        last_used: session.last_used().iso8601_micros().unwrap_or_default(),
        delete_session: Action { href, method: "DELETE" },
    }
}
