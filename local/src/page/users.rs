//! The demo users as the page shows them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Page, json_reply};
use crate::demo::{DemoUser, LOCKED_NAMES, RECOVERY_CODES, USERS};

/// Lists the demo users and the locked names. Both lists are empty if the table was begun without them.
pub(super) async fn reply(State(page): State<Arc<Page>>) -> Response {
    let (users, locked): (Vec<_>, &[&str]) = match page.has_demo_users {
        true => (USERS.iter().map(shown).collect(), &LOCKED_NAMES),
        false => (Vec::new(), &[]),
    };
    json_reply(&json!({"users": users, "locked": locked}))
}

fn shown(user: &DemoUser) -> Value {
    let recovery_codes: &[&str] = if user.totp_secret.is_some() { &RECOVERY_CODES } else { &[] };
    json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "password": user.password,
        "state": user.state,
        "totp_secret": user.totp_secret,
        "recovery_codes": recovery_codes,
    })
}
