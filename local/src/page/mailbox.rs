//! The mails that the mailer sent, as the page shows them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Page, json_reply};

/// Lists the latest mails, the oldest first. The reply is `null` if they go to an SMTP server.
pub(super) async fn reply(State(page): State<Arc<Page>>) -> Response {
    json_reply(&json!(page.mailbox.as_ref().map(|mailbox| mailbox.json())))
}
