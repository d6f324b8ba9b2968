//! Bodies as the frameworks behind the contracts read them: JSON and forms. Any other body is refused in the contract's
//! words.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern_tests::contracts::{self, Session};
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, Reply, credentials, name_at};
use serde_json::{Value, json};

use crate::support::signed_in::{SIGN_OUT, member, sign_in};
use crate::support::words::{Refused, assert_reply, words};

const PASSWORD: &str = "Password1234!";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=parts";

/// The fields of a body, urlencoded.
fn urlencoded(body: &Value) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = body.as_object().unwrap().iter();
    pairs.map(|(name, value)| format!("{name}={}", encode(&text(value)))).collect::<Vec<_>>().join("&")
}

/// The fields of a body in parts, with a file among them.
fn parts(body: &Value) -> String {
    let fields = body.as_object().unwrap().iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("--parts\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let file = "--parts\r\nContent-Disposition: form-data; name=\"password\"; filename=\"p\"\r\n\r\nx\r\n";
    fields.chain([file.to_owned()]).collect::<String>() + "--parts--\r\n"
}

/// Posts a body to the sign-in, in base64 as API Gateway passes forms on.
async fn post(deployment: &Deployment, contract: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut event = deployment.event(contract, Some(""));
    event["body"] = json!(STANDARD.encode(body));
    event["isBase64Encoded"] = json!(true);
    event["headers"].as_object_mut().unwrap().remove("content-type");
    for (name, value) in headers {
        event["headers"][*name] = json!(value);
    }
    deployment.invoke(contract, event).await
}

#[tokio::test]
async fn form_signs_in_at_every_contract_as_its_framework_reads_it() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let mut body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
        let of_contract = contracts::get(contract);
        if of_contract.session == Session::OnRequest {
            body["stay_logged_in"] = json!("1");
        }
        for kind in [FORM, "application/x-www-form-urlencoded; charset=UTF-8", "", "text/plain"] {
            let headers = if kind.is_empty() { vec![] } else { vec![("content-type", kind)] };
            let reply = post(&deployment, contract, &headers, urlencoded(&body).as_bytes()).await;
            assert_eq!(reply.status, 200, "{contract} {kind}: {reply:?}");
            for token in of_contract.tokens {
                member(&reply, token.place);
            }
            let has_session_token = of_contract.tokens.iter().any(|token| token.place == "/session_token");
            assert_eq!(reply.text.contains("session_token"), has_session_token, "{contract}");
        }
        let reply = post(&deployment, contract, &[("content-type", PARTS)], parts(&body).as_bytes()).await;
        assert_eq!(reply.status, if of_contract.reads_parts { 200 } else { 400 }, "{contract}: {reply:?}");
    }
}

#[tokio::test]
async fn password_in_the_query_string_signs_nobody_in() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
        let mut event = deployment.event(contract, None);
        event["rawQueryString"] = json!(urlencoded(&body));
        let reply = deployment.invoke(contract, event).await;
        assert!(matches!(reply.status, 400 | 422), "{contract}: {reply:?}");
    }
}

#[tokio::test]
async fn body_that_is_too_large_or_of_another_encoding_is_refused_in_the_contracts_words() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let (_, words) = words(contract, Refused::NoObject);
        let good = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
        let mut large = good.clone();
        large["x"] = json!("x".repeat(65_536));
        for body in [large.to_string(), urlencoded(&large), "x".repeat(65_537)] {
            let reply =
                post(&deployment, contract, &[("content-type", "application/json")], body.as_bytes()).await;
            assert_reply(&reply, 413, &words, json!({}), contract);
        }
        let good = good.to_string();
        for header in [
            ("content-encoding", "gzip"),
            ("content-type", "application/json; charset=iso-8859-1"),
            ("content-type", "application/x-www-form-urlencoded;charset=windows-1252"),
        ] {
            let reply = post(&deployment, contract, &[header], good.as_bytes()).await;
            assert_reply(&reply, 415, &words, json!({}), &format!("{contract} {header:?}"));
        }
        let marked = format!("\u{feff}{good}");
        let headers = [
            ("content-type", "application/json;charset=utf-8"),
            ("x-forwarded-host", "app.example.com"),
            ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793"),
            ("x-requested-with", "XMLHttpRequest"),
            ("x-csrftoken", "x"),
        ];
        let reply = post(&deployment, contract, &headers, marked.as_bytes()).await;
        assert_eq!(reply.status, 200, "{contract}: {reply:?}");
    }
}

#[tokio::test]
async fn routes_after_a_sign_in_read_forms_and_refuse_large_bodies() {
    let deployment = Deployment::start().await;
    let form = [("content-type", FORM)];
    let reply = sign_in(&deployment, "session", "st.huber", PASSWORD, None).await;
    let body = json!({"session_token": member(&reply, "/session_token")});
    let resume = "/api/auth/IamLoggedIn";
    let large = format!("session_token={}", "x".repeat(65_536));
    let reply = deployment.request("session", "POST", resume, &form, &urlencoded(&body)).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let required = r#"{"session_token":["The session token field is required."]}"#;
    let reply = deployment.request("session", "POST", resume, &form, &large).await;
    assert_reply(&reply, 413, required, json!({}), resume);

    let body = json!({"email": "johndoe@example.com", "password": "SecurePass123!"});
    let reply = deployment.sign_in("email", body).await;
    let body = json!({"refresh": member(&reply, "/refresh")});
    for path in ["/api/token/refresh/", "/api/token/blacklist/"] {
        let reply = deployment.request("email", "POST", path, &form, &large).await;
        assert_reply(&reply, 413, r#"{"refresh":["This field is required."]}"#, json!({}), path);
        let reply = deployment.request("email", "POST", path, &form, &urlencoded(&body)).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
}

/// DatePoll's middleware looks for the JWT in the body too.
#[tokio::test]
async fn sign_out_takes_the_jwt_as_a_member_of_the_body() {
    let deployment = Deployment::start().await;
    for kind in [FORM, "application/json"] {
        let reply = sign_in(&deployment, "session", "st.huber", PASSWORD, None).await;
        let (jwt, token) = (member(&reply, "/token"), member(&reply, "/session_token"));
        let body = json!({"session_token": token, "token": jwt});
        let text = if kind == FORM { urlencoded(&body) } else { body.to_string() };
        let reply = deployment.request("session", "POST", SIGN_OUT, &[("content-type", kind)], &text).await;
        assert_eq!(reply.status, 200, "{kind}: {reply:?}");
    }
}
