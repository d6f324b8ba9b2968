//! The files of the page. They are in the program, so that it needs no folder.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const INDEX: &str = include_str!("../../page/index.html");

/// Lists the files of `local/page/` that the page loads.
macro_rules! files {
    ($($name:literal: $kind:literal),+ $(,)?) => {
        /// The name, the media type and the text of each file.
        const FILES: &[(&str, &str, &str)] =
            &[$(($name, $kind, include_str!(concat!("../../page/", $name)))),+];
    };
}

files! {
    "icon.svg": "image/svg+xml",
    "style.css": "text/css; charset=utf-8",
    "attempts.js": "text/javascript; charset=utf-8",
    "audit.js": "text/javascript; charset=utf-8",
    "code.js": "text/javascript; charset=utf-8",
    "credentials.js": "text/javascript; charset=utf-8",
    "dom.js": "text/javascript; charset=utf-8",
    "fields.js": "text/javascript; charset=utf-8",
    "follow.js": "text/javascript; charset=utf-8",
    "form.js": "text/javascript; charset=utf-8",
    "jwt.js": "text/javascript; charset=utf-8",
    "mailbox.js": "text/javascript; charset=utf-8",
    "main.js": "text/javascript; charset=utf-8",
    "memory.js": "text/javascript; charset=utf-8",
    "openapi.js": "text/javascript; charset=utf-8",
    "reply.js": "text/javascript; charset=utf-8",
    "request.js": "text/javascript; charset=utf-8",
    "totp.js": "text/javascript; charset=utf-8",
    "users.js": "text/javascript; charset=utf-8",
}

/// Sends the page itself.
pub(super) async fn index() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], INDEX).into_response()
}

/// Sends the file with this name.
pub(super) async fn reply(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => ([(header::CONTENT_TYPE, *kind)], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
