//! Requests to email's token routes, and tokens of the other contracts.

use postern_tests::deployment::{Deployment, Reply, credentials};
use serde_json::{Value, json};

use crate::support::tokens::sign_in;

pub(crate) const HS256: &str = r#"{"alg":"HS256"}"#;

pub(crate) async fn post(deployment: &Deployment, path: &str, body: &str) -> Reply {
    deployment.request("email", "POST", path, &[("content-type", "application/json")], body).await
}

/// JWTs and session tokens of the other contracts, and texts that are no token.
pub(crate) async fn tokens_of_others(deployment: &Deployment) -> Vec<String> {
    let account = sign_in(deployment, "account").await;
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    let session = deployment.sign_in("session", body).await.json();
    let mfa = deployment.password("mfa", "st.huber", "Password1234!").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let words = [&session["token"], &session["session_token"], &mfa["token"]].map(text);
    [account.access, account.refresh, "garbage".to_owned(), "a.b.c".to_owned()]
        .into_iter()
        .chain(words)
        .collect()
}

/// The same claims with some changed. `null` removes a claim.
pub(crate) fn changed(of: &Value, changes: Value) -> Value {
    let mut claims = of.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}
