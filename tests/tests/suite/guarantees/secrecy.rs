//! Secrets and the audit log: no secret in any log line at the most verbose level, none in the table in the clear, and
//! one audit event for each attempt.

use postern_local::demo::{RECOVERY_CODES, TOTP_SECRET};
use postern_tests::contracts;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, credentials, name_at};
use postern_tests::logs;
use postern_tests::template::Template;
use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::raw::{self, Attribute};
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_password};
use crate::support::words::{LONGEST_WAIT, unlimited};

/// Sends an attempt with this request id. Returns the body of the reply.
async fn attempt(
    deployment: &Deployment,
    contract: &str,
    request_id: &str,
    body: &str,
    bearer: Option<&str>,
) -> Value {
    let mut event = deployment.event(contract, Some(body));
    event["requestContext"]["requestId"] = json!(request_id);
    if let Some(token) = bearer {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    }
    deployment.invoke(contract, event).await.json()
}

/// The audit events of a request.
fn audited(request_id: &str) -> Vec<Value> {
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["request_id"] == json!(request_id)).collect()
}

/// The tokens of a successful reply.
fn tokens(body: &Value) -> Vec<String> {
    let places = [
        "/token",
        "/token/access_token",
        "/token/refresh_token",
        "/session_token",
        "/access",
        "/refresh",
        "/access_token",
        "/refresh_token",
    ];
    let found = places.iter().filter_map(|place| body.pointer(place)?.as_str());
    found.map(str::to_owned).collect()
}

/// Neither a password that is sent nor a token that is given is logged. No token is stored.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, _proxy) = route.deployment(|env| env).await;
        let password = format!("a phrase that only {} gets", route.path);
        if let Some(wrong) = with_password(event, &password) {
            route.send(&deployment, &wrong).await;
        }
        let reply = route.send(&deployment, event).await;
        let logged = logs::so_far();
        ensure(!logged.contains(&password), || "a password is logged".to_owned())?;
        let table = format!("{:?}", raw::all(&deployment).await);
        for token in given(&reply) {
            let tail = &token[token.len() - 21..];
            ensure(!logged.contains(tail), || "a token is logged".to_owned())?;
            ensure(!table.contains(tail), || "a token is stored".to_owned())?;
        }
    }
    Ok(())
}

/// The tokens in a reply: JWTs, and texts of 64 letters and digits.
fn given(reply: &Reply) -> Vec<String> {
    let is_token = |text: &&str| {
        text.starts_with("eyJ") || text.len() == 64 && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    reply.text.split('"').filter(is_token).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_route_logs_or_stores_a_secret() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// Everybody may call it. So neither its environment nor its role leads to a private key.
#[test]
fn function_of_the_key_set_has_no_private_key() {
    let template = Template::read();
    let of = |name: &str| &template.0["Resources"][name]["Properties"];
    let mut variables = template.0["Globals"]["Function"]["Environment"]["Variables"].clone();
    let own = of("JwksFunction")["Environment"]["Variables"].as_object().unwrap().clone();
    variables.as_object_mut().unwrap().extend(own);
    for name in ["SIGNING_KEYS", "SIGNING_KEYS_SECRET_ARN"] {
        assert_eq!(variables[name], "", "{name}");
    }
    let role = of(of("JwksFunction")["Role"].as_str().unwrap().split('.').next().unwrap());
    assert_eq!(role["ManagedPolicyArns"], Value::Null, "the role has its own policies only");
    let statements = role["Policies"].as_array().unwrap().iter();
    let statements = statements.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let secrets: Vec<_> =
        statements.filter(|statement| statement.to_string().contains("secretsmanager:")).collect();
    let [reads] = secrets.as_slice() else { panic!("{secrets:?}") };
    assert_eq!(reads["Action"], "secretsmanager:GetSecretValue");
    assert_eq!(reads["Resource"], variables["PUBLIC_KEYS_SECRET_ARN"]);
    assert_eq!(reads["Resource"], json!(["CreatesPublicKeys", "PublicKeys", "ExistingPublicKeys"]));
    let all = json!([variables, role]).to_string();
    assert!(!all.contains("SigningKeys"), "{all}");
}

#[tokio::test]
async fn every_attempt_leaves_one_audit_event_and_no_secret() {
    let deployment = unlimited().await;
    let wrong = "hunter2-Qm9ndXM-wrong";
    let mut secrets = vec![wrong.to_owned(), TOTP_SECRET.to_owned(), "$argon2".to_owned()];
    secrets.extend(RECOVERY_CODES.map(str::to_owned));
    secrets.extend(["SecurePass123!", "Password1234!", "correct horse battery staple"].map(str::to_owned));
    // The sample key, in both forms, and the key of the recovery codes.
    secrets.extend(["postern sample key", "cG9zdGVybiBzYW1wbGUg"].map(str::to_owned));
    let mut in_the_clear = Vec::new();
    let mut access = String::new();
    for contract in PASSWORD_ROUTES {
        for (at, (name, password, token, outcome, user_id)) in [
            ("johndoe", "SecurePass123!", json!(null), "signed_in", json!(1)),
            ("johndoe", wrong, json!(null), "wrong_password", json!(1)),
            ("nobody", wrong, json!(null), "unknown_user", json!(null)),
            ("nobody", wrong, json!("bogus-token-31"), "unknown_user", json!(null)),
            ("dormant", "Password1234!", json!(null), "not_activated", json!(40)),
            ("changer", "Password1234!", json!(null), "must_change_password", json!(41)),
            ("blocked", "Password1234!", json!(null), "disabled", json!(42)),
            ("guarded", "Password1234!", json!(null), "mfa_required", json!(43)),
            ("guarded", "Password1234!", json!("bogus-token-31"), "wrong_code", json!(43)),
            ("guarded", "Password1234!", json!("a recovery code"), "signed_in", json!(43)),
            ("mallory", wrong, json!(null), "throttled", json!(null)),
        ]
        .into_iter()
        .enumerate()
        {
            let code = RECOVERY_CODES[PASSWORD_ROUTES.iter().position(|c| *c == contract).unwrap()];
            let mut body = credentials(contract, &name_at(contract, name), password);
            body["stay_logged_in"] = json!(true);
            body["token"] = if token == json!("a recovery code") { json!(code) } else { token };
            let request_id = format!("secrecy-{contract}-{at}");
            // Several routes count the same names. None of the attempts may have to wait.
            deployment.advance(LONGEST_WAIT);
            let reply =
                attempt(&deployment, contract, &request_id, &contracts::body(contract, &body), None).await;
            assert_audited(&request_id, contract, outcome, &user_id);
            if outcome == "signed_in" {
                let handed_out = tokens(&reply);
                assert!(!handed_out.is_empty(), "{reply}");
                in_the_clear.extend(handed_out);
                if let Some(token) = reply.pointer("/token/access_token") {
                    access = token.as_str().unwrap().to_owned();
                }
                if let Some(token) = reply.pointer("/refresh") {
                    in_the_clear.push(claims(token.as_str().unwrap())["jti"].as_str().unwrap().to_owned());
                }
            }
        }
        // A malformed body is no attempt. It may hold a password in the wrong place.
        let body = format!("{{\"password\":\"{wrong}\",");
        attempt(&deployment, contract, &format!("secrecy-{contract}-malformed"), &body, None).await;
        assert_eq!(audited(&format!("secrecy-{contract}-malformed")), Vec::<Value>::new());
    }
    for (at, (token, outcome, user_id)) in [
        (Some(access.as_str()), "signed_in", json!(43)),
        (Some("bogus-token-31.bogus-token-31.bogus-token-31"), "bad_token", json!(null)),
        (None, "no_token", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        attempt(&deployment, "sso", &format!("secrecy-sso-{at}"), wrong, token).await;
        assert_audited(&format!("secrecy-sso-{at}"), "sso", outcome, &user_id);
    }
    secrets.push("bogus-token-31".to_owned());

    let logged = logs::so_far();
    for secret in secrets.iter().chain(&in_the_clear) {
        assert!(!logged.contains(secret.as_str()), "{secret} is logged");
        // A part is not logged either: the signature of a token, or the secret of a session token.
        let tail = &secret[secret.len().saturating_sub(21)..];
        assert!(!logged.contains(tail), "the end of {secret} is logged");
    }
    assert_nowhere_in_the_table(&deployment, &in_the_clear).await;
}

#[track_caller]
fn assert_audited(request_id: &str, contract: &str, outcome: &str, user_id: &Value) {
    let events = audited(request_id);
    let [event] = events.as_slice() else { panic!("{request_id}: {events:?}") };
    assert_eq!(event["message"], json!("sign-in attempt"), "{request_id}");
    assert_eq!(event["level"], json!("INFO"), "{request_id}");
    assert_eq!(
        (&event["contract"], &event["outcome"], event.get("user_id").unwrap_or(&Value::Null)),
        (&json!(contracts::of_route(contract)), &json!(outcome), user_id),
        "{request_id}"
    );
    assert_eq!(event["address"], json!("192.0.2.1"), "{request_id}");
    let throttled = outcome == "throttled";
    assert_eq!(event.get("throttled_by"), throttled.then(|| json!("name")).as_ref(), "{request_id}");
    let names: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let known = "address contract duration_ms hash_ms level message outcome request_id throttled_by timestamp user_id";
    assert!(names.iter().all(|name| known.split(' ').any(|known| known == *name)), "{names:?}");
}

/// The table holds no token in the clear, nor the secret part of a session token.
async fn assert_nowhere_in_the_table(deployment: &Deployment, tokens: &[String]) {
    let items = raw::all(deployment).await;
    let sessions =
        items.iter().filter(|item| matches!(&item["pk"], Attribute::S(pk) if pk.starts_with("SESSIONS#")));
    assert_eq!(sessions.count(), 10, "session, and both routes of account and of email: two users each");
    let table = format!("{items:?}");
    for token in tokens {
        assert!(!table.contains(token.as_str()), "{token} is stored");
        assert!(!table.contains(&token[token.len().saturating_sub(32)..]), "the end of {token} is stored");
    }
}
