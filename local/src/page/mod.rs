//! The page of `cargo run`, on which each route can be tried. The page's own requests go to `/_local/`, and all
//! others to the API.
//!
//! | path | reply |
//! |---|---|
//! | `/`, `/_local/<file>` | the files of `local/page/` |
//! | `/_local/descriptions.json` | the OpenAPI description of each contract |
//! | `/_local/users.json` | the demo users with their passwords, states and TOTP secrets |
//! | `/_local/attempts?name=` | the throttle's state of a login name |
//! | `/_local/mailbox` | the latest mails |
//! | `/_local/audit` | the audit events, as server-sent events |
//!
//! The page is for this machine only: `guard.rs` refuses every other host.

mod attempts;
pub mod audit_tail;
mod files;
mod guard;
mod mailbox;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use postern::store::operator::Operator;
use postern::throttle::Policy;
use serde_json::{Value, json};

use self::audit_tail::AuditTail;
use crate::descriptions::{self, Description};
use crate::functions::Function;
use crate::mail::Mailbox;
use crate::yaml::YamlError;

/// The sources of what the page shows.
pub struct Page {
    /// The port of the server, which the `Host` of each request has to name.
    pub port: u16,
    /// Whether the table has the demo users.
    pub has_demo_users: bool,
    /// The table, for the counters of login names.
    pub store: Operator,
    /// The settings of the throttle.
    pub throttle: Policy,
    /// The mails that were sent. `None` if they go to an SMTP server.
    pub mailbox: Option<Arc<Mailbox>>,
    /// The audit events.
    pub audit_tail: AuditTail,
}

/// Adds the page to the API of these functions.
///
/// # Errors
/// If a description is not YAML.
pub fn with_page(api: Router, functions: &[Function], page: Page) -> Result<Router, YamlError> {
    let (port, page) = (page.port, Arc::new(page));
    let descriptions = contracts(functions, &descriptions::all()?);
    let local = Router::new()
        .route("/descriptions.json", get(async move || json_reply(&descriptions)))
        .route("/users.json", get(users::reply))
        .route("/attempts", get(attempts::reply))
        .route("/mailbox", get(mailbox::reply))
        .route("/audit", get(audit_tail::reply))
        .route("/{file}", get(files::reply))
        .fallback(not_found)
        .with_state(page);
    Ok(Router::new()
        .route("/", get(files::index))
        .nest("/_local", local)
        .layer(middleware::from_fn_with_state(port, guard::guard))
        .fallback_service(api))
}

/// Lists the functions, each with its description. `routes` has the paths in the order in which the page shows them:
/// the description is a JSON object, which has no order.
fn contracts(functions: &[Function], descriptions: &[Description]) -> Value {
    let described = functions.iter().filter_map(|function| {
        let description = descriptions.iter().find(|it| it.name == function.name)?;
        let routes: Vec<_> = function.routes.iter().map(|(_, path)| *path).collect();
        Some(json!({"name": function.name, "routes": routes, "document": description.document}))
    });
    described.collect()
}

async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

fn json_reply(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
