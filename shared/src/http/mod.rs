//! HTTP: requests from API Gateway, and replies to it. Only this module uses Lambda's runtime.

mod body;
mod edge;
mod event;
mod reply;
mod request;
mod route;
mod run;

pub use lambda_http::Request;

pub use self::body::{BodyError, Forms, MAX_BODY_BYTES, is_not_urlencoded, members};
pub use self::edge::Edge;
pub use self::event::{NotAnEvent, invoke};
pub use self::reply::{
    Response, json, no_content, refusal_json, token_json, with_challenge, with_request_id,
};
pub use self::request::{basic, bearer, caller, caller_at, form, mfa_code, query, typed_code};
pub use self::route::{no_route, route};
pub use self::run::{run, serve};
