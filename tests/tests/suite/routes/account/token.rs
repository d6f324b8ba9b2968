//! `POST /oauth/token/`: a refresh (RFC 6749 §5 and §6), and the password grant.

mod password;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::session::SessionToken;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::account::{REVOKE, assert_error, assert_no_form, post, tokens_of_others};
use crate::support::jwt::claims;
use crate::support::signed_in::member;
use crate::support::tokens::{
    FORM, OWNER, assert_refused, grant, post_bytes, refresh, refreshed, sessions, sign_in,
};
use crate::support::words::{assert_reply, headers};

const TOKEN: &str = "/oauth/token/";

#[tokio::test]
async fn refresh_replies_with_the_five_members_of_rfc_6749() {
    let deployment = Deployment::start_with(|env| {
        env.with("ACCOUNT_SCOPE", "one two").with("ACCOUNT_ACCESS_TOKEN_SECONDS", "1234")
    })
    .await;
    let first = sign_in(&deployment, "account").await;
    deployment.advance(Duration::from_secs(60));
    let reply = refresh(&deployment, "account", &first.refresh).await;
    let body = reply.json();
    let (access, next) = (body["access_token"].as_str().unwrap(), body["refresh_token"].as_str().unwrap());
    let text = format!(
        "{{\"access_token\":\"{access}\",\"token_type\":\"Bearer\",\"expires_in\":1234,\
         \"refresh_token\":\"{next}\",\"scope\":\"one two\"}}"
    );
    assert_reply(&reply, 200, &text, json!({"pragma": "no-cache"}), "a refresh");
    assert!(next.len() == 64 && next.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{next}");

    let (before, after) = (claims(&first.access), claims(access));
    let iat = deployment.now().secs();
    let jti = after["jti"].as_str().unwrap();
    assert!(jti.len() == 32 && jti.bytes().all(|byte| byte.is_ascii_hexdigit()), "{jti}");
    assert_ne!(before["jti"], after["jti"]);
    let sid = first.session("account").session_id();
    let expected = json!({
        "token_type": "access", "exp": iat + 1234, "iat": iat, "jti": jti, "user_id": OWNER, "epoch": 0,
        "sid": sid,
    });
    assert_eq!(after, expected);
    assert_eq!(before["sid"], expected["sid"]);
}

#[tokio::test]
async fn malformed_refresh_gets_the_error_of_rfc_6749_and_does_not_reach_the_table() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let token = tokens.refresh.as_str();
    let good = grant(token);
    let other = grant(&sign_in(&deployment, "account").await.refresh);
    let large = format!("{good}&x={}", "x".repeat(70 * 1024));
    let before = sessions(&deployment, "account").await;
    for (form, error) in [
        (String::new(), "invalid_request"),
        ("grant_type=refresh_token".to_owned(), "invalid_request"),
        ("grant_type=refresh_token&refresh_token=".to_owned(), "invalid_request"),
        (format!("refresh_token={token}"), "invalid_request"),
        (format!("grant_type=&refresh_token={token}"), "invalid_request"),
        (format!("Grant_Type=refresh_token&refresh_token={token}"), "invalid_request"),
        (format!("grant_type=refresh_token&Refresh_Token={token}"), "invalid_request"),
        (format!("{good}&grant_type=refresh_token"), "invalid_request"),
        (format!("{good}&grant_type="), "invalid_request"),
        (format!("{good}&refresh_token={token}"), "invalid_request"),
        (format!("{good}&client_id=postern"), "invalid_request"),
        (format!("{good}&scope=read&scope=read"), "invalid_request"),
        (format!("{good}&{other}"), "invalid_request"),
        (good.replace('&', ";"), "unsupported_grant_type"),
        (good.replace("=refresh_token", "=password"), "invalid_request"),
        (good.replace("=refresh_token", "=authorization_code"), "unsupported_grant_type"),
        (good.replace("=refresh_token", "=client_credentials"), "unsupported_grant_type"),
        (good.replace("=refresh_token", "=REFRESH_TOKEN"), "unsupported_grant_type"),
        (good.replace("=refresh_token", "=refresh_token+"), "unsupported_grant_type"),
        (good.replace("=refresh_token", "=%zz"), "unsupported_grant_type"),
        (good.replace("=postern", "=another"), "invalid_client"),
        (good.replace("=postern", "=Postern"), "invalid_client"),
        (good.replace("=postern", "=postern+"), "invalid_client"),
        (good.replace("=postern", "=%ff"), "invalid_client"),
        (format!("{good}&scope=read+write+admin"), "invalid_scope"),
        (format!("{good}&scope=admin"), "invalid_scope"),
        (format!("{good}&scope=READ"), "invalid_scope"),
        (format!("{good}&scope=read%2Cwrite"), "invalid_scope"),
        (format!("grant_type=refresh_token&refresh_token=%{token}"), "invalid_grant"),
        (format!("grant_type=refresh_token&refresh_token={token}%"), "invalid_grant"),
        (format!("grant_type=refresh_token&refresh_token=%ff{token}"), "invalid_grant"),
        (format!("grant_type=refresh_token&refresh_token={token}+"), "invalid_grant"),
    ] {
        let of = form.chars().take(120).collect::<String>();
        assert_error(&post(&deployment, TOKEN, &form).await, error, &of);
    }
    let latin = [good.as_bytes(), b"\xff"].concat();
    let reply = post_bytes(&deployment, "account", TOKEN, &FORM, &latin).await;
    assert_no_form(&reply, 400, "no UTF-8");
    let json = [("content-type", "application/json")];
    let body = json!({"grant_type": "refresh_token", "refresh_token": token}).to_string();
    let reply = deployment.request("account", "POST", TOKEN, &json, &body).await;
    assert_no_form(&reply, 400, "JSON");
    assert_no_form(&post(&deployment, TOKEN, &body).await, 400, "JSON that is called a form");
    let parts = [("content-type", "multipart/form-data; boundary=x")];
    assert_no_form(&deployment.request("account", "POST", TOKEN, &parts, &good).await, 400, "parts");
    assert_no_form(&post(&deployment, TOKEN, &large).await, 413, "over 64 KiB");
    let gzip = [FORM[0], ("content-encoding", "gzip")];
    assert_no_form(&deployment.request("account", "POST", TOKEN, &gzip, &good).await, 415, "compressed");
    let reply = deployment.request("account", "POST", &format!("{TOKEN}?{good}"), &FORM, "").await;
    assert_error(&reply, "invalid_request", "a query is no body");
    assert!(sessions(&deployment, "account").await == before, "a session was written");
    assert_ne!(
        refreshed(&deployment, "account", token).await.refresh,
        token,
        "it rotates as if nothing had been"
    );
}

#[tokio::test]
async fn refresh_without_optional_parameters_is_accepted() {
    let deployment = Deployment::start().await;
    for form in [
        "grant_type=refresh_token&refresh_token=T",
        "grant_type=refresh_token&refresh_token=T&client_id=",
        "refresh_token=T&client_id=postern&grant_type=refresh_token",
        "grant_type=refresh%5Ftoken&refresh_token=T&client_id=%70ostern",
        "grant_type=refresh_token&refresh_token=T&client_secret=whatever&x=1&x=2&&",
        "grant_type=refresh_token&refresh_token=T&scope=",
        "grant_type=refresh_token&refresh_token=T&scope=read",
        "grant_type=refresh_token&refresh_token=T&scope=write+read",
        "grant_type=refresh_token&refresh_token=T&scope=read%20write",
    ] {
        let tokens = sign_in(&deployment, "account").await;
        let reply = post(&deployment, TOKEN, &form.replace("=T", &format!("={}", tokens.refresh))).await;
        assert_eq!((reply.status, &reply.json()["scope"]), (200, &json!("read write")), "{form}");
        assert_eq!(reply.headers, headers(json!({"pragma": "no-cache"})), "{form}");
    }
    // A form is read under any content type.
    let tokens = sign_in(&deployment, "account").await;
    for kind in ["application/json", "text/plain", "nonsense"] {
        let headers = [("content-type", kind)];
        let reply = deployment.request("account", "POST", TOKEN, &headers, &grant(&tokens.refresh)).await;
        assert_eq!(reply.status, 200, "{kind}");
    }
}

/// RFC 6749 §2.3.1 and §5.2.
#[tokio::test]
async fn basic_authorization_of_the_configured_client_is_accepted_and_another_is_challenged() {
    let deployment = Deployment::start().await;
    let with_basic = async |path: &str, credentials: &str, form: &str| {
        let basic = format!("Basic {}", STANDARD.encode(credentials));
        let headers = [FORM[0], ("authorization", basic.as_str())];
        deployment.request("account", "POST", path, &headers, form).await
    };
    let more = json!({"www-authenticate": "Basic realm=\"oauth\""});
    for credentials in ["postern:", "postern:any secret", "%70ostern:a%3Ab", "postern:a:b"] {
        let tokens = sign_in(&deployment, "account").await;
        let form = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh);
        let reply = with_basic(TOKEN, credentials, &form).await;
        assert_eq!(reply.status, 200, "{credentials}: {reply:?}");
        let refresh = member(&reply, "/refresh_token");
        let reply = with_basic(REVOKE, credentials, &format!("token={refresh}&client_id=postern")).await;
        assert_eq!(reply.status, 200, "{credentials}: {reply:?}");
    }
    let tokens = sign_in(&deployment, "account").await;
    for credentials in ["another:", "Postern:", "postern", "", ":", "po%ffstern:"] {
        for (path, form) in [
            (TOKEN, format!("grant_type=refresh_token&refresh_token={}", tokens.refresh)),
            (REVOKE, format!("token={}&client_id=postern", tokens.refresh)),
        ] {
            let reply = with_basic(path, credentials, &form).await;
            assert_reply(&reply, 401, r#"{"error":"invalid_client"}"#, more.clone(), credentials);
        }
    }
    let garbage = [FORM[0], ("authorization", "Basic !!!")];
    let reply = deployment.request("account", "POST", TOKEN, &garbage, &grant(&tokens.refresh)).await;
    assert_reply(&reply, 401, r#"{"error":"invalid_client"}"#, more, "no base64");
    let form = grant(&tokens.refresh).replace("=postern", "=another");
    assert_error(&with_basic(TOKEN, "postern:", &form).await, "invalid_client", "the body disagrees");
    // Another scheme is not one of this endpoint.
    let bearer = [FORM[0], ("authorization", "Bearer x")];
    let reply = deployment.request("account", "POST", TOKEN, &bearer, &grant(&tokens.refresh)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn refresh_with_a_token_of_another_kind_is_invalid_grant_and_ends_nothing() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let session = tokens.session("account");
    let token = &tokens.refresh;
    let mut presented = tokens_of_others(&deployment).await;
    presented.extend([
        "garbage".to_owned(),
        "0".repeat(64),
        "z".repeat(64),
        "☃".repeat(21) + "x",
        token[..63].to_owned(),
        format!("{token}0"),
        format!("0{token}"),
        tokens.access.clone(),
        SessionToken { user_id: 1, ..session.clone() }.to_plain(),
        SessionToken { user_id: 999_999, ..session.clone() }.to_plain(),
        SessionToken { user_id: u64::MAX, ..session.clone() }.to_plain(),
        SessionToken { family: "0".repeat(10), ..session.clone() }.to_plain(),
    ]);
    let stored = |deployment| async move {
        let all = ["account", "email", "session"];
        [
            sessions(deployment, all[0]).await,
            sessions(deployment, all[1]).await,
            sessions(deployment, all[2]).await,
        ]
    };
    let before = stored(&deployment).await;
    for token in &presented {
        assert_refused("account", &refresh(&deployment, "account", token).await, token);
    }
    assert!(stored(&deployment).await == before, "a session was ended or rotated");
    refreshed(&deployment, "account", token).await;
}
