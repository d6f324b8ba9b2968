//! The throttle's state of a login name.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postern::clock;
use postern::error::Causes;
use postern::identity::LoginName;
use postern::throttle::{Admission, Attempts};
use serde_json::json;

use super::{Page, json_reply};

/// Shows how many failures in a row the login name in the query has, and how long it has to wait.
pub(super) async fn reply(
    State(page): State<Arc<Page>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(name) = query.get("name") else { return StatusCode::BAD_REQUEST.into_response() };
    let now = clock::now();
    let counter = match page.store.attempts(&LoginName::new(name), now).await {
        Ok(counter) => counter.unwrap_or(Attempts { failures: 0, charged_at: now }),
        Err(error) => {
            tracing::error!(cause = %Causes(&error), "the counter of a login name cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let wait_ms = match page.throttle.ladder().admit(counter, now) {
        Admission::Admitted => 0,
        Admission::Refused(wait) => wait.as_millis() as u64,
    };
    json_reply(&json!({
        "name": name,
        "failures": counter.failures,
        "wait_ms": wait_ms,
        "locked": counter.failures >= page.throttle.lock_after,
        "free_failures": page.throttle.free_failures,
        "lock_after": page.throttle.lock_after,
    }))
}
