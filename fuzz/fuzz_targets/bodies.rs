//! Reads request bodies as each contract does, and the Authorization header.
//!
//! The contracts must agree: a body that a stricter contract accepts is accepted by the others too.

#![no_main]

use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use libfuzzer_sys::fuzz_target;
use postern::http::{self, Forms, MAX_BODY_BYTES, Request};
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let mut request = Request::new(body.into());
    // A body that begins with this boundary gets the Content-Type of a multipart form.
    let parts = body.starts_with(b"--x");
    if parts {
        let kind = HeaderValue::from_static("multipart/form-data; boundary=x");
        request.headers_mut().insert(CONTENT_TYPE, kind);
    }
    let (session, account) = (session_signin::read(&request), account_signin::read(&request));
    let (mfa, email) = (mfa_signin::read(&request), email_signin::read(&request));
    assert!(!session || account, "session accepts a body that account does not");
    assert!(!account || mfa || parts, "account accepts a body that mfa does not");

    let members = http::members(&request, Forms::UrlencodedAndMultipart);
    assert!(members.is_ok() || !(account || email), "a body that cannot be read holds no credentials");
    if let Ok(members) = members {
        assert!(body.len() <= MAX_BODY_BYTES);
        let text = |name| members.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        assert_eq!(account, text("username") && text("password"));
        assert_eq!(email, text("email") && text("password"));
        assert!(!session_signin::read_change(&request) || text("old_password") && text("new_password"));
        let resets = session_signin::read_reset(&request);
        assert!(!resets || session_signin::read_code(&request) && text("new_password"));
        assert!(!session_signin::read_code(&request) || session_signin::read_request(&request));
        assert!(!session_signin::read_request(&request) || text("username"));
        assert_eq!(account_signin::read_request(&request), text("email"));
        assert_eq!(account_signin::read_reset(&request), text("validation_code") && text("password"));
        let code = http::mfa_code(&members);
        if members.get("token").is_some_and(Value::is_number) {
            let code = code.expect("a number is a code");
            assert!(code.is_empty() || (code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
        }
    }

    let form = http::form(&request);
    assert!(body.len() <= MAX_BODY_BYTES || form.is_err(), "a form over the limit is read");

    if let Ok(value) = HeaderValue::from_bytes(body) {
        request.headers_mut().insert(AUTHORIZATION, value);
        // Neither function panics.
        http::basic(&request);
        let token = http::bearer(&request);
        assert!(token.is_none_or(|token| token == token.trim() && token.len() < body.len()));
    }
});
