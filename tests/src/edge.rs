//! Requests as they come through the edge, or seem to.

use postern::environment::Environment;
use serde_json::{Value, json};

/// The secret of the edge.
pub const SECRET: &str = "5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e5e3c7e0001";

/// The secret that replaces [`SECRET`].
pub const NEXT_SECRET: &str = "a11ce5a11ce5a11ce5a11ce5a11ce5a11ce5a11ce5a11ce5a11ce5a11ce50002";

/// The digest of [`SECRET`], as `sha256sum` prints it.
pub const DIGEST: &str = "00b4b1a68d5b80c45f6edc4aae13a37da96fcc239c5e9aa6b48fe6a7b33249ce";

/// The digest of [`NEXT_SECRET`].
pub const NEXT_DIGEST: &str = "223d284037b00390dc449edcbc82012ee010e1fe9748f009db21dd79614736ed";

/// The body of the reply to a request that did not come through the edge.
pub const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;

/// The environment of functions behind an edge.
pub fn on(env: Environment) -> Environment {
    env.with("EDGE_SECRET_SHA256", DIGEST)
}

/// The event with what an edge adds to it: a secret, and the address and port of its viewer.
pub fn sends(event: &Value, secret: &str, viewer: &str) -> Value {
    let mut event = event.clone();
    event["headers"]["x-postern-edge"] = json!(secret);
    event["headers"]["cloudfront-viewer-address"] = json!(viewer);
    event
}
