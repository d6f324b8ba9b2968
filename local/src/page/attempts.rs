//! The throttle's state of a login name.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postern::clock::{self, Timestamp};
use postern::error::Causes;
use postern::identity::LoginName;
use postern::store::StoreError;
use postern::throttle::{Admission, Attempts};
use serde_json::json;

use super::{Page, json_reply};

/// Shows how many failures in a row the login name in the query has, and how long it has to wait. If its user has
/// signed in, the addresses of this machine are known, and their failures are shown.
pub(super) async fn reply(
    State(page): State<Arc<Page>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(name) = query.get("name") else { return StatusCode::BAD_REQUEST.into_response() };
    let now = clock::now();
    let (counter, is_known) = match attempts(&page, &LoginName::new(name), now).await {
        Ok(attempts) => attempts,
        Err(error) => {
            tracing::error!(cause = %Causes(&error), "the counter of a login name cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let counter = counter.unwrap_or(Attempts { failures: 0, charged_at: now });
    let backoff = if is_known { page.throttle.known_addresses_backoff() } else { page.throttle.backoff() };
    let wait_ms = match backoff.admit(counter, now) {
        Admission::Admitted => 0,
        Admission::Refused(wait) => wait.as_millis() as u64,
    };
    json_reply(&json!({
        "name": name,
        "failures": counter.failures,
        "wait_ms": wait_ms,
        "locked": counter.failures >= backoff.lock_after,
        "free_failures": backoff.free,
        "lock_after": backoff.lock_after,
        "known_address": is_known,
    }))
}

/// Returns the counter of an attempt from this machine, and whether it is that of the known addresses. Each caller of
/// the functions is on this machine, so any known address is.
async fn attempts(
    page: &Page,
    name: &LoginName,
    now: Timestamp,
) -> Result<(Option<Attempts>, bool), StoreError> {
    if let Some(login) = page.store.login(name).await?
        && let Some(user) = page.store.user(login.user_id).await?
        && login.known_addresses.digests(user.epoch, now).next().is_some()
    {
        return Ok((page.store.attempts_at_known_addresses(user.id, now).await?, true));
    }
    Ok((page.store.attempts(name, now).await?, false))
}
