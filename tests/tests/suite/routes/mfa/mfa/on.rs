//! MFA on: it needs a code of the secret that was given last.

use std::collections::BTreeSet;
use std::time::Duration;

use postern::identity::{LoginName, Status};
use postern::store::Written;
use postern_tests::deployment::{PASSWORD_ROUTES, name_at};
use postern_tests::logs;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::mfa::{
    HUBER, PASSWORD, assert_error, assert_unauthenticated, begin, confirmation, digests, post_mfa,
    recovery_codes, stored_codes, switch_on,
};
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw::{self, Attribute, number, text};
use crate::support::sign_in::put_counter;
use crate::support::signed_in::{
    self, CHANGE_PASSWORD, HeldToken, MFA, WHOAMI, assert_all, audited, base32, code, everything, get,
    mfa_jwt, sign_in, totp, with,
};
use crate::support::words::{Refused, assert_refusal, headers, unlimited, without_waits};

const INVALID: &str = "mfaTokenInvalid";

#[tokio::test]
async fn enrolment_that_begins_gives_a_secret_of_160_bits_and_leaves_mfa_off() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let mut expected = raw::user(&deployment, HUBER).await;
    deployment.advance(Duration::from_secs(1));
    let reply = post_mfa(&deployment, &token, &json!({"mfa": true})).await;
    assert_eq!((reply.status, &reply.headers), (200, &headers(json!({"pragma": "no-cache"}))));
    let body = reply.json();
    let mfa = &body["mfa"];
    let [secret, otpauth, qrcode] = ["secret", "otpauth", "qrcode"].map(|name| mfa[name].as_str().unwrap());
    let all = json!({"secret": secret, "otpauth": otpauth, "qrcode": qrcode});
    assert_eq!(body, json!({"result": "success", "mfa": all}));
    assert_eq!((base32(secret).len(), secret.len()), (20, 32));
    assert_eq!(otpauth, format!("otpauth://totp/Postern:st.huber?secret={secret}&issuer=Postern"));
    assert!(qrcode.starts_with("<svg") && qrcode.ends_with("</svg>"), "{qrcode}");
    assert!(!qrcode.contains("<script") && !qrcode.contains("<?xml"));

    expected.insert("pending_mfa_secret".to_owned(), text(secret));
    let digest = digest(&SHA256, token.as_bytes());
    expected.insert("pending_mfa_token".to_owned(), text(&hex::encode(digest.as_ref())));
    expected.insert("updated_at".to_owned(), number(deployment.now().millis()));
    assert_eq!(raw::user(&deployment, HUBER).await, expected);
    let held = everything(&deployment, "st.huber", PASSWORD, &[]).await;
    assert_all(&deployment, &held, true).await;
    let shown = get(&deployment, "mfa", WHOAMI, &token).await;
    assert_eq!(shown.json()["account"]["mfaEnabled"], json!(false));
}

#[tokio::test]
async fn enrolment_that_begins_again_replaces_the_first_secret() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let first = begin(&deployment, &token).await;
    let second = begin(&deployment, &token).await;
    assert_ne!(first, second);
    let reply = post_mfa(&deployment, &token, &confirmation(&first, &code(&deployment, &first, 0))).await;
    assert_error(&reply, 403, INVALID, "the first secret");
    let reply = post_mfa(&deployment, &token, &confirmation(&second, &code(&deployment, &second, 0))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn confirmation_needs_a_code_of_the_pending_secret() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let johns = mfa_jwt(&deployment, "johndoe", "SecurePass123!", None).await;
    let other = begin(&deployment, &johns).await;
    let reply = post_mfa(&deployment, &token, &confirmation(&other, &code(&deployment, &other, 0))).await;
    assert_error(&reply, 403, INVALID, "nothing was begun, but by another user");
    let secret = begin(&deployment, &token).await;
    let before = raw::user(&deployment, HUBER).await;
    let step = deployment.now().secs() / 30;
    let right = code(&deployment, &secret, 0);
    for (secret, code) in [
        (secret.as_str(), json!(code(&deployment, &other, 0))),
        (&secret, json!(totp(&secret, step - 2))),
        (&secret, json!(totp(&secret, step + 2))),
        (&secret, json!(format!("{right} 0"))),
        (&secret, json!(format!("0{right}"))),
        (&secret, json!("5ca1ab1e")),
        (&secret, json!(secret)),
        (&secret, json!(true)),
        (&secret, json!([right])),
        (&secret, json!(-1)),
        (&other, json!(code(&deployment, &other, 0))),
        (&other, json!(right)),
        (&secret.to_lowercase(), json!(right)),
        (&secret[..31], json!(right)),
        ("x", json!(right)),
        (&"A".repeat(60_000), json!(right)),
    ] {
        let body = with(confirmation(secret, ""), json!({"token": &code}));
        let reply = post_mfa(&deployment, &token, &body).await;
        assert_error(&reply, 403, INVALID, &code.to_string());
        // So that no attempt has to wait.
        deployment.store.unlock_name(&LoginName::new("st.huber"), deployment.now()).await.unwrap();
    }
    assert_eq!(raw::user(&deployment, HUBER).await, before);
    let reply = post_mfa(&deployment, &johns, &confirmation(&secret, &right)).await;
    assert_error(&reply, 403, INVALID, "by another user");
    assert_eq!(post_mfa(&deployment, &token, &confirmation(&secret, &right)).await.status, 200);
}

#[tokio::test]
async fn confirmation_gives_eight_recovery_codes_and_every_contract_asks_for_a_code() {
    let deployment = without_waits().await;
    let before = everything(&deployment, "st.huber", PASSWORD, &[]).await;
    // Two JWTs of a user in the same second and epoch are equal.
    deployment.advance(Duration::from_secs(1));
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let shown = get(&deployment, "mfa", WHOAMI, &token).await.json();
    let secret = begin(&deployment, &token).await;
    deployment.advance(Duration::from_secs(1));
    let spent = code(&deployment, &secret, 0);
    let reply = post_mfa(&deployment, &token, &confirmation(&secret, &spent)).await;
    assert_eq!((reply.status, &reply.headers), (200, &headers(json!({"pragma": "no-cache"}))));
    let codes = recovery_codes(&reply);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 8);
    assert!(codes.iter().all(|code| code.len() == 16 && code.bytes().all(|b| b.is_ascii_hexdigit())));
    let mut account = shown["account"].clone();
    account["mfaEnabled"] = json!(true);
    account["updatedAt"] = json!(deployment.now().iso8601());
    assert_eq!(reply.json(), json!({"result": "success", "account": account, "scratchCodes": codes}));

    let user = raw::user(&deployment, HUBER).await;
    assert_eq!(stored_codes(&user), digests(&deployment, HUBER, &codes));
    assert_eq!((&user["epoch"], user.get("pending_mfa_secret")), (&number(1), None));
    assert_eq!(user.get("pending_mfa_token"), None);
    // The JWT of the request stays valid, and no earlier token does.
    assert_eq!(
        get(&deployment, "mfa", WHOAMI, &token).await.json(),
        json!({"result": "success", "account": account})
    );
    assert_all(&deployment, &before, false).await;

    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "st.huber"), PASSWORD).await;
        assert_refusal(contract, Refused::MfaRequired, &reply, "no code");
        let reply = sign_in(&deployment, contract, "st.huber", PASSWORD, Some(&spent)).await;
        assert_refusal(contract, Refused::Wrong, &reply, "the code that confirmed");
    }
    let functions = PASSWORD_ROUTES.into_iter().cycle();
    for ((contract, next), code) in functions.clone().zip(functions.skip(1)).zip(&codes) {
        let reply = sign_in(&deployment, contract, "st.huber", PASSWORD, Some(code)).await;
        assert_eq!(reply.status, 200, "{contract}: {reply:?}");
        let reply = sign_in(&deployment, next, "st.huber", PASSWORD, Some(code)).await;
        assert_refusal(next, Refused::Wrong, &reply, "a recovery code that is spent");
    }
    let next = code(&deployment, &secret, 1);
    assert_eq!(sign_in(&deployment, "mfa", "st.huber", PASSWORD, Some(&next)).await.status, 200);
    for again in [json!({"mfa": true}), confirmation(&secret, &code(&deployment, &secret, 0))] {
        assert_error(&post_mfa(&deployment, &token, &again).await, 400, "mfaActive", "MFA is on");
    }
}

#[tokio::test]
async fn code_as_a_number_gets_its_leading_zeros_back() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &token).await;
    while !code(&deployment, &secret, 0).starts_with('0') {
        deployment.advance(Duration::from_secs(30));
    }
    let number: u64 = code(&deployment, &secret, 0).parse().unwrap();
    let body = with(confirmation(&secret, ""), json!({"token": number}));
    assert_eq!(post_mfa(&deployment, &token, &body).await.status, 200, "{number}");
}

/// Only the token of the request stays valid.
#[tokio::test]
async fn confirmation_ends_the_users_other_jwts_and_keeps_its_own() {
    let deployment = unlimited().await;
    let other = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    deployment.advance(Duration::from_secs(1));
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let (secret, _) = switch_on(&deployment, &token).await;
    assert_unauthenticated(
        &get(&deployment, "mfa", WHOAMI, &other).await,
        r#"Bearer error="invalid_token""#,
        "another JWT",
    );
    assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 200);
    let later = mfa_jwt(&deployment, "st.huber", PASSWORD, Some(&code(&deployment, &secret, 1))).await;
    assert_eq!(deployment.store.end_sessions(HUBER, deployment.now()).await.unwrap(), Written::Done);
    assert_all(&deployment, &[HeldToken("mfa JWT", token), HeldToken("mfa JWT", later)], false).await;
}

#[tokio::test]
async fn kept_jwt_ends_with_the_password() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let (_, codes) = switch_on(&deployment, &token).await;
    signed_in::set(&deployment, HUBER, "must_change_password", Attribute::Bool(true)).await;
    let body = json!({
        "username": "st.huber", "old_password": PASSWORD, "new_password": "a phrase of their own", "token": codes[0],
    });
    let reply = signed_in::post(&deployment, "session", CHANGE_PASSWORD, None, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_all(&deployment, &[HeldToken("mfa JWT", token)], false).await;
    assert!(!raw::user(&deployment, HUBER).await.contains_key("kept_token"));
}

#[tokio::test]
async fn wrong_code_is_charged_to_the_username_and_a_right_one_clears_no_other_count() {
    let deployment = unlimited().await;
    deployment.set_time(crate::support::mfa::MOMENT);
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &token).await;
    let (name, address) =
        (raw::name_counter(&deployment, "st.huber").await, raw::address_counter(&deployment, 300));
    put_counter(&deployment, &name, 3).await;
    put_counter(&deployment, &address, 7).await;
    let counted =
        async || (raw::failures(&deployment, &name).await, raw::failures(&deployment, &address).await);
    for (body, left) in
        [(confirmation(&secret, "000000"), (4, 8)), (confirmation("another secret", "000000"), (5, 9))]
    {
        assert_error(&post_mfa(&deployment, &token, &body).await, 403, INVALID, "a wrong one");
        assert_eq!(counted().await, left);
    }
    let right = confirmation(&secret, &code(&deployment, &secret, 0));
    let reply = post_mfa(&deployment, &token, &right).await;
    assert_refusal("mfa", Refused::Throttled(1), &reply, "a right code, too soon");
    // The attempts count with the sign-ins by the username. The other names have other counters.
    let reply = deployment.password("mfa", "st.huber", PASSWORD).await;
    assert_refusal("mfa", Refused::Throttled(1), &reply, "the username");
    assert_eq!(deployment.password("mfa", "33", PASSWORD).await.status, 200);
    // A success keeps its charge of the address, which is far below its limit.
    assert_eq!(counted().await, (5, 10));
    deployment.advance(Duration::from_secs(1));
    assert_eq!(post_mfa(&deployment, &token, &right).await.status, 200);
    assert_eq!(counted().await, (5, 10), "its own charge is reverted, and no other");
}

#[tokio::test]
async fn two_confirmations_at_once_store_the_recovery_codes_of_one() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &token).await;
    let body = confirmation(&secret, &code(&deployment, &secret, 0));
    proxy.rule(|seen| if seen.starts_with("UpdateItem USER SET mfa") { Fate::Hold } else { Fate::Pass });
    let both = async {
        proxy.reached().await;
        proxy.reached().await;
        proxy.release();
        proxy.release();
    };
    let (one, other, ()) =
        tokio::join!(post_mfa(&deployment, &token, &body), post_mfa(&deployment, &token, &body), both);
    proxy.heal();
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!(won.status, 200, "{won:?}");
    assert_error(&lost, 403, INVALID, "the second of two");
    let codes = recovery_codes(&won);
    let user = raw::user(&deployment, HUBER).await;
    assert_eq!((stored_codes(&user), &user["epoch"]), (digests(&deployment, HUBER, &codes), &number(1)));
    assert_eq!(sign_in(&deployment, "mfa", "st.huber", PASSWORD, Some(&codes[7])).await.status, 200);
}

#[tokio::test]
async fn change_before_the_confirmation_is_written_leaves_mfa_off() {
    for disabled in [true, false] {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
        let secret = begin(&deployment, &token).await;
        let body = confirmation(&secret, &code(&deployment, &secret, 0));
        proxy.rule(|seen| if seen.starts_with("UpdateItem USER SET mfa") { Fate::Hold } else { Fate::Pass });
        let meanwhile = async {
            proxy.reached().await;
            if disabled {
                assert_eq!(
                    deployment.store.set_status(HUBER, Status::Disabled, deployment.now()).await.unwrap(),
                    Written::Done
                );
            } else {
                begin(&deployment, &token).await;
            }
            let left = raw::user(&deployment, HUBER).await;
            proxy.release();
            left
        };
        let (reply, left) = tokio::join!(post_mfa(&deployment, &token, &body), meanwhile);
        assert_error(&reply, 403, INVALID, "a confirmation that comes too late");
        assert_eq!(raw::user(&deployment, HUBER).await, left, "disabled: {disabled}");
        assert!(!left.contains_key("mfa"));
    }
}

#[tokio::test]
async fn every_step_leaves_its_audit_events_and_no_secret() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let accepted = json!(["session", "token_accepted", HUBER]);
    let attempt = |outcome: &str| json!(["sign-in attempt", outcome, HUBER]);
    let ask = async |body: &Value, id: &str| audited(&deployment, "mfa", MFA, Some(&token), body, id).await;
    let (reply, events) = ask(&json!({"mfa": true}), "mfa-on-begin").await;
    assert_eq!(events, [accepted.clone(), json!(["session", "mfa_begun", HUBER])]);
    let secret = reply.json()["mfa"]["secret"].as_str().unwrap().to_owned();
    let (_, events) = ask(&confirmation(&secret, "31-wrong-Qm"), "mfa-on-wrong").await;
    assert_eq!(events, [accepted.clone(), attempt("wrong_code")]);
    let right = code(&deployment, &secret, 0);
    let (reply, events) = ask(&confirmation(&secret, &right), "mfa-on-right").await;
    assert_eq!(events, [accepted.clone(), attempt("mfa_enabled")]);
    let codes = recovery_codes(&reply);
    let off = |password: &str, code: &str| json!({"mfa": false, "password": password, "token": code});
    for (at, (body, outcome)) in [
        (off("wrong-Qm9ndXM", &codes[0]), "wrong_password"),
        (off(PASSWORD, &right), "wrong_code"),
        (off(PASSWORD, &codes[0]), "mfa_disabled"),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, events) = ask(&body, &format!("mfa-off-{at}")).await;
        assert_eq!(events, [accepted.clone(), attempt(outcome)], "{body}");
    }
    let logged = logs::so_far();
    let mut secrets =
        vec![secret, token, PASSWORD.to_owned(), "31-wrong-Qm".to_owned(), "wrong-Qm9ndXM".to_owned()];
    secrets.extend(codes);
    for secret in secrets {
        assert!(!logged.contains(&secret), "{secret} is logged");
        assert!(!format!("{:?}", raw::all(&deployment).await).contains(&secret), "{secret} is stored");
    }
}

/// An operator ends all sessions after the JWT is checked and before the user is read again.
#[tokio::test]
async fn jwt_that_is_ended_meanwhile_confirms_nothing_and_stays_ended() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &token).await;
    let body = confirmation(&secret, &code(&deployment, &secret, 0));
    proxy.rule(|seen| if seen.starts_with("GetItem LOGIN") { Fate::Hold } else { Fate::Pass });
    let operator = async {
        proxy.reached().await;
        assert_eq!(deployment.store.end_sessions(HUBER, deployment.now()).await.unwrap(), Written::Done);
        proxy.heal();
        proxy.release();
    };
    let (reply, ()) = tokio::join!(post_mfa(&deployment, &token, &body), operator);
    assert_ne!(reply.status, 200, "{reply:?}");
    assert!(!raw::user(&deployment, HUBER).await.contains_key("mfa"));
    assert_all(&deployment, &[HeldToken("mfa JWT", token)], false).await;
}

/// As at the sign-in, this is refused before anything is spent or changed.
#[tokio::test]
async fn user_with_malformed_attributes_switches_nothing() {
    let deployment = unlimited().await;
    deployment.set_time(crate::support::mfa::MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(crate::support::mfa::CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    let on = confirmation(&secret, &code(&deployment, &secret, 0));
    let off = json!({"mfa": false, "password": PASSWORD, "token": crate::support::mfa::NEXT});
    for (id, token, body) in [(crate::support::mfa::GUARDED, guarded, off), (HUBER, huber, on)] {
        let broken = raw::Item::from([("consent".to_owned(), Attribute::Bool(true))]);
        let broken = raw::Item::from([("mfa".to_owned(), Attribute::M(broken))]);
        signed_in::set(&deployment, id, "attributes", Attribute::M(broken)).await;
        let before = raw::user(&deployment, id).await;
        assert_refusal(
            "mfa",
            Refused::Fault,
            &post_mfa(&deployment, &token, &body).await,
            "malformed attributes",
        );
        assert_eq!(raw::user(&deployment, id).await, before, "{body}");
    }
}

#[tokio::test]
async fn pending_secret_that_is_malformed_is_a_fault_and_charged_to_nobody() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    begin(&deployment, &token).await;
    signed_in::set(&deployment, HUBER, "pending_mfa_secret", text("not base32!")).await;
    let reply = post_mfa(&deployment, &token, &confirmation("not base32!", "123456")).await;
    assert_error(&reply, 500, "serverError", "the stored secret");
    let (name, address) =
        (raw::name_counter(&deployment, "st.huber").await, raw::address_counter(&deployment, 300));
    // The sign-in keeps its charge of the address, which is far below its limit.
    assert_eq!((raw::failures(&deployment, &name).await, raw::failures(&deployment, &address).await), (0, 1));
}
