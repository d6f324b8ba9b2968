//! Decodes Lambda events with [`http::invoke`]. For any JSON there is a reply, or the error that it is no
//! event, and no panic.
//!
//! An input is an event in JSON, or else the lines of one: method, path, query, stage, `true` if the body is
//! in base64, header name, header value, and the body.

#![no_main]

use std::cell::RefCell;

use lambda_http::http::{Method, StatusCode};
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use libfuzzer_sys::fuzz_target;
use postern::http::{self, Edge, Request, Response};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

const ROUTES: &[(Method, &str)] = &[(Method::POST, "/signin")];

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().build().expect("a runtime without I/O starts"));
}

fuzz_target!(|input: &[u8]| {
    let event: Box<RawValue> = serde_json::from_slice(input)
        .unwrap_or_else(|_| to_raw_value(&event(&String::from_utf8_lossy(input))).expect("a value is JSON"));
    let reply = RUNTIME.with_borrow_mut(|runtime| {
        runtime.block_on(http::invoke(&Edge::default(), handle, LambdaEvent::new(event, Context::default())))
    });
    if let Ok(reply) = reply {
        serde_json::to_value(reply).expect("a reply is JSON");
    }
});

async fn handle(request: Request) -> Response {
    match http::route(&request, ROUTES) {
        Some(_) => {
            let members = http::members(&request, http::Forms::UrlencodedAndMultipart).unwrap_or_default();
            http::json(StatusCode::OK, &http::mfa_code(&members))
        }
        None => http::no_route(&request, ROUTES),
    }
}

fn event(lines: &str) -> Value {
    let mut lines = lines.splitn(8, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, path, query, stage, base64) = (next(), next(), next(), next(), next() == "true");
    let headers = Map::from_iter([(next().to_owned(), json!(next()))]);
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path}, "stage": stage},
        "body": next(),
        "isBase64Encoded": base64,
    })
}
