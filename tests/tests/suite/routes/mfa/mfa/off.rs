//! MFA off: it needs the password and a code. Guesses are throttled like those at a sign-in.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::{LoginName, Status};
use postern::store::Written;
use postern_local::demo::{RECOVERY_CODES, TOTP_SECRET};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};
use serde_json::{Value, json};

use crate::support::mfa::{
    CODE, GUARDED, HUBER, MOMENT, NEXT, PASSWORD, assert_error, assert_unauthenticated, begin, confirmation,
    post_mfa, switch_on,
};
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw::{self, number, text};
use crate::support::sign_in::codes;
use crate::support::signed_in::{
    self, HeldToken, MFA, WHOAMI, assert_all, code, everything, get, mfa_jwt, sign_in, with,
};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

const FAILED: &str = "authenticationFailed";

fn off(password: &str, code: impl Into<Value>) -> Value {
    json!({"mfa": false, "password": password, "token": code.into()})
}

/// A deployment at [`MOMENT`], and a JWT of guarded, for which [`CODE`] was spent.
async fn guarded() -> (Deployment, String) {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    (deployment, token)
}

#[tokio::test]
async fn user_who_switches_mfa_off_signs_in_without_a_code() {
    for by in [json!(NEXT), json!(853_712), json!(RECOVERY_CODES[7]), json!("ACCE 55ED")] {
        let (deployment, token) = guarded().await;
        // Two JWTs of a user in the same second and epoch are equal.
        deployment.advance(Duration::from_secs(1));
        let before = everything(&deployment, "guarded", PASSWORD, &RECOVERY_CODES[..7]).await;
        assert_all(&deployment, &before, true).await;
        let shown = get(&deployment, "mfa", WHOAMI, &token).await.json();
        let mut expected = raw::user(&deployment, GUARDED).await;
        deployment.advance(Duration::from_secs(1));
        let reply = post_mfa(&deployment, &token, &off(PASSWORD, by.clone())).await;
        let mut account = shown["account"].clone();
        account["mfaEnabled"] = json!(false);
        // Another test shows that no sign-in is recorded.
        account["lastSignIn"] = reply.json()["account"]["lastSignIn"].clone();
        account["updatedAt"] = json!(deployment.now().iso8601());
        assert_eq!(reply.json(), json!({"result": "success", "account": account}), "{by}");
        assert_reply(&reply, 200, &reply.text, json!({}), "no token is in it");

        let user = raw::user(&deployment, GUARDED).await;
        expected.remove("mfa");
        expected.remove("recovery_codes");
        for (name, value) in [
            ("epoch", number(1)),
            ("sessions_ended_at", number(deployment.now().millis())),
            ("updated_at", number(deployment.now().millis())),
            ("last_attempt", user["last_attempt"].clone()),
            ("kept_token", user["kept_token"].clone()),
        ] {
            expected.insert(name.to_owned(), value);
        }
        assert_eq!(user, expected, "{by}");
        assert_all(&deployment, &before, false).await;
        assert_all(&deployment, &[HeldToken("mfa JWT", token)], true).await;
        for contract in PASSWORD_ROUTES {
            let reply = deployment.password(contract, &name_at(contract, "guarded"), PASSWORD).await;
            assert_eq!(reply.status, 200, "{contract}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn one_jwt_switches_mfa_on_and_off_and_on_again() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let mut secrets = Vec::new();
    for round in 1..=2 {
        let (secret, codes) = switch_on(&deployment, &token).await;
        let reply = post_mfa(&deployment, &token, &off(PASSWORD, code(&deployment, &secret, 0))).await;
        assert_error(&reply, 401, FAILED, "the code that confirmed");
        assert_eq!(
            post_mfa(&deployment, &token, &off(PASSWORD, codes[0].as_str())).await.status,
            200,
            "{round}"
        );
        assert_eq!(raw::user(&deployment, HUBER).await["epoch"], number(2 * round));
        secrets.push(secret);
    }
    assert_ne!(secrets[0], secrets[1]);
    // The enrolment that was begun before stays ended.
    let reply =
        post_mfa(&deployment, &token, &confirmation(&secrets[1], &code(&deployment, &secrets[1], 1))).await;
    assert_error(&reply, 403, "mfaTokenInvalid", "a secret of before");
    begin(&deployment, &token).await;
    assert_eq!(deployment.password("email", "st.huber@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn invalid_setting_is_refused_and_charged_to_nobody() {
    let (deployment, on) = guarded().await;
    let off_token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let hashes = deployment.app.passwords().verifications();
    let (setting, no_token, no_password) = ("invalidMfaSetting", "mfaTokenMissing", "passwordMissing");
    let secret = begin(&deployment, &off_token).await;
    let right = code(&deployment, &secret, 0);
    // With MFA on, and with MFA off.
    for (body, when_on, when_off) in [
        (json!({}), setting, setting),
        (json!({"mfa": "yes"}), setting, setting),
        (json!({"mfa": "true"}), setting, setting),
        (json!({"mfa": null}), setting, setting),
        (json!({"mfa": 0}), setting, setting),
        (json!({"mfa": 1, "secret": secret, "token": right}), setting, setting),
        (json!({"password": PASSWORD, "token": NEXT}), setting, setting),
        (json!([false]), setting, setting),
        (json!("mfa"), setting, setting),
        (json!({"mfa": true, "secret": secret}), "mfaActive", setting),
        (json!({"mfa": true, "token": right}), "mfaActive", setting),
        (json!({"mfa": true, "secret": null}), "mfaActive", setting),
        (json!({"mfa": true, "secret": "", "token": right}), "mfaActive", setting),
        (json!({"mfa": true, "secret": 7, "token": right}), "mfaActive", setting),
        (json!({"mfa": true, "secret": secret, "token": ""}), "mfaActive", setting),
        (json!({"mfa": true, "secret": secret, "token": false}), "mfaActive", setting),
        (json!({"mfa": false}), no_token, no_token),
        (json!({"mfa": false, "password": PASSWORD}), no_token, no_token),
        (json!({"mfa": false, "password": PASSWORD, "token": ""}), no_token, no_token),
        (json!({"mfa": false, "password": PASSWORD, "token": null}), no_token, no_token),
        (json!({"mfa": false, "token": NEXT}), no_password, no_password),
        (json!({"mfa": false, "token": NEXT, "password": ""}), no_password, no_password),
        (json!({"mfa": false, "token": NEXT, "password": null}), no_password, no_password),
        (json!({"mfa": false, "token": NEXT, "password": 7}), no_password, no_password),
        (json!({"mfa": false, "token": NEXT, "password": [PASSWORD]}), no_password, no_password),
    ] {
        assert_error(&post_mfa(&deployment, &on, &body).await, 400, when_on, &body.to_string());
        assert_error(&post_mfa(&deployment, &off_token, &body).await, 400, when_off, &body.to_string());
    }
    let reply = post_mfa(&deployment, &off_token, &off(PASSWORD, right)).await;
    assert_error(&reply, 400, setting, "off, and it is not on");
    for no_json in ["", "{\"mfa\":", "mfa=false"] {
        for token in [&on, &off_token] {
            let headers = [("authorization", format!("Bearer {token}"))];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let reply = deployment.request("mfa", "POST", MFA, &headers, no_json).await;
            assert_error(&reply, 400, setting, "no JSON");
            let large = format!(r#"{{"x":"{}","mfa":true}}"#, "x".repeat(65_536));
            let reply = deployment.request("mfa", "POST", MFA, &headers, &large).await;
            assert_error(&reply, 413, setting, "over 64 KiB");
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    for name in ["st.huber", "guarded"] {
        let counter = raw::name_counter(&deployment, name).await;
        assert_eq!(raw::failures(&deployment, &counter).await, 0, "{name}");
    }
    // The two sign-ins keep their charges, since the address is far below its limit.
    assert_eq!(raw::failures(&deployment, &raw::address_counter(&deployment, 300)).await, 2);
    assert_eq!(codes(&raw::user(&deployment, GUARDED).await).0, 8);
}

#[tokio::test]
async fn wrong_passwords_and_codes_count_with_the_sign_ins_by_username() {
    let (deployment, token) = guarded().await;
    let before = raw::user(&deployment, GUARDED).await;
    for body in [off("wrong", NEXT), off(PASSWORD, "000000"), off(PASSWORD, CODE), off(PASSWORD, true)] {
        assert_error(&post_mfa(&deployment, &token, &body).await, 401, FAILED, &body.to_string());
    }
    assert_refusal(
        "mfa",
        Refused::Wrong,
        &deployment.password("mfa", "guarded", "wrong").await,
        "the fifth, at the sign-in",
    );
    let hashes = deployment.app.passwords().verifications();
    let right = off(PASSWORD, NEXT);
    for _ in 0..3 {
        assert_refusal(
            "mfa",
            Refused::Throttled(1),
            &post_mfa(&deployment, &token, &right).await,
            "too soon",
        );
        let reply = sign_in(&deployment, "mfa", "guarded", PASSWORD, Some(NEXT)).await;
        assert_refusal("mfa", Refused::Throttled(1), &reply, "too soon, at the sign-in");
    }
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    // Another name of the user has another counter.
    let reply = deployment.password("mfa", "43", PASSWORD).await;
    assert_refusal("mfa", Refused::MfaRequired, &reply, "the id");
    deployment.advance(Duration::from_millis(1000));
    assert_error(&post_mfa(&deployment, &token, &off(PASSWORD, "000000")).await, 401, FAILED, "the sixth");
    assert_refusal(
        "mfa",
        Refused::Throttled(2),
        &post_mfa(&deployment, &token, &right).await,
        "the next wait",
    );
    assert_eq!(raw::user(&deployment, GUARDED).await, before);
    deployment.advance(Duration::from_millis(2000));
    assert_eq!(post_mfa(&deployment, &token, &right).await.status, 200);
    // A success clears the count, as a sign-in does.
    assert_eq!(raw::failures(&deployment, &raw::name_counter(&deployment, "guarded").await).await, 0);
    assert_eq!(
        raw::failures(&deployment, &raw::address_counter(&deployment, 300)).await,
        8,
        "the six wrong ones, the sign-in before them, and the success"
    );
}

#[tokio::test]
async fn locked_username_stays_locked_and_the_address_is_charged() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    // Two minutes into a window of five.
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    let now = |later| code(&deployment, TOTP_SECRET, later);
    let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(&now(0))).await;
    assert_error(&post_mfa(&deployment, &token, &off("wrong", now(1))).await, 401, FAILED, "the first");
    let reply = post_mfa(&deployment, &token, &off(PASSWORD, now(1))).await;
    assert_refusal("mfa", Refused::Throttled(180), &reply, "the second from this address");
    deployment.advance(Duration::from_secs(180));
    deployment.store.lock_name(&LoginName::new("guarded"), deployment.now()).await.unwrap();
    let hashes = deployment.app.passwords().verifications();
    let reply = post_mfa(&deployment, &token, &off(PASSWORD, code(&deployment, TOTP_SECRET, 1))).await;
    assert_refusal("mfa", Refused::Throttled(900), &reply, "a locked username");
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    assert_eq!(codes(&raw::user(&deployment, GUARDED).await).0, 8);
}

/// A username may be equal to another user's id. A sign-in by it clears no count of that user.
#[tokio::test]
async fn sign_in_by_a_username_that_spells_the_users_id_clears_no_count() {
    let (deployment, token) = guarded().await;
    let mut other = deployment.store.user(GUARDED).await.unwrap().unwrap();
    (other.id, other.username, other.mfa) = (0, GUARDED.to_string(), None);
    other.email.clear();
    other.recovery_codes.clear();
    deployment.store.create_user(other).await.unwrap();
    for failures in 1..=5 {
        assert_error(&post_mfa(&deployment, &token, &off("wrong", NEXT)).await, 401, FAILED, "wrong");
        assert_eq!(deployment.password("mfa", "43", PASSWORD).await.status, 200);
        assert_eq!(
            raw::failures(&deployment, &raw::name_counter(&deployment, "guarded").await).await,
            failures
        );
    }
    assert_refusal(
        "mfa",
        Refused::Throttled(1),
        &post_mfa(&deployment, &token, &off(PASSWORD, NEXT)).await,
        "the sixth",
    );
}

#[tokio::test]
async fn code_spent_at_a_sign_in_does_not_switch_mfa_off() {
    let (deployment, token) = guarded().await;
    let recovery = RECOVERY_CODES[0];
    assert_eq!(sign_in(&deployment, "account", "guarded", PASSWORD, Some(recovery)).await.status, 200);
    for spent in [CODE, recovery] {
        assert_error(&post_mfa(&deployment, &token, &off(PASSWORD, spent)).await, 401, FAILED, spent);
    }
    // A wrong password spends no code.
    assert_error(
        &post_mfa(&deployment, &token, &off("wrong", RECOVERY_CODES[1])).await,
        401,
        FAILED,
        "wrong",
    );
    assert_eq!(codes(&raw::user(&deployment, GUARDED).await).0, 7);
    assert_eq!(post_mfa(&deployment, &token, &off(PASSWORD, RECOVERY_CODES[1])).await.status, 200);
}

#[tokio::test]
async fn one_code_for_mfa_off_and_a_sign_in_at_once_succeeds_once() {
    for code in [NEXT, RECOVERY_CODES[3]] {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(MOMENT);
        let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
        proxy.rule(|seen| {
            if seen.starts_with("UpdateItem USER SET updated_at")
                || seen.starts_with("UpdateItem USER SET last_sign_in")
            {
                Fate::Hold
            } else {
                Fate::Pass
            }
        });
        let both = async {
            proxy.reached().await;
            proxy.reached().await;
            proxy.release();
            proxy.release();
        };
        let switch = off(PASSWORD, code);
        let (switched, signed_in, ()) = tokio::join!(
            post_mfa(&deployment, &token, &switch),
            sign_in(&deployment, "account", "guarded", PASSWORD, Some(code)),
            both
        );
        proxy.heal();
        let is_off = !raw::user(&deployment, GUARDED).await.contains_key("mfa");
        assert_eq!((switched.status == 200, signed_in.status == 200), (is_off, !is_off), "{code}");
        match is_off {
            true => assert_refusal("account", Refused::Wrong, &signed_in, code),
            false => assert_error(&switched, 401, FAILED, code),
        }
        assert_eq!(raw::sessions(&deployment, GUARDED).await, usize::from(!is_off), "{code}");
        let reply = deployment.password("session", "guarded", PASSWORD).await;
        match is_off {
            true => assert_eq!(reply.status, 200, "{code}"),
            false => assert_refusal("session", Refused::MfaRequired, &reply, code),
        }
        assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 200, "{code}");
    }
}

#[tokio::test]
async fn user_who_was_disabled_meanwhile_switches_nothing_off() {
    let (deployment, token) = guarded().await;
    for status in ["disabled", "blocked", "not_activated"] {
        signed_in::set(&deployment, GUARDED, "status", text(status)).await;
        let before = raw::user(&deployment, GUARDED).await;
        let reply = post_mfa(&deployment, &token, &off(PASSWORD, NEXT)).await;
        assert_unauthenticated(&reply, "Bearer error=\"invalid_token\"", status);
        assert_eq!(raw::user(&deployment, GUARDED).await, before);
    }
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    proxy.rule(
        |seen| if seen.starts_with("UpdateItem USER SET updated_at") { Fate::Hold } else { Fate::Pass },
    );
    let operator = async {
        proxy.reached().await;
        assert_eq!(
            deployment.store.set_status(GUARDED, Status::Disabled, deployment.now()).await.unwrap(),
            Written::Done
        );
        let left = raw::user(&deployment, GUARDED).await;
        proxy.release();
        left
    };
    let switch = off(PASSWORD, NEXT);
    let (reply, left) = tokio::join!(post_mfa(&deployment, &token, &switch), operator);
    assert_error(&reply, 401, FAILED, "too late");
    assert_eq!(raw::user(&deployment, GUARDED).await, left);
    let reply = post_mfa(&deployment, &token, &with(switch, json!({"token": RECOVERY_CODES[0]}))).await;
    assert_unauthenticated(&reply, "Bearer error=\"invalid_token\"", "disabled by now");
}

#[tokio::test]
async fn mfa_off_records_no_sign_in() {
    let (deployment, token) = guarded().await;
    let before = get(&deployment, "mfa", WHOAMI, &token).await.json();
    deployment.advance(Duration::from_secs(1));
    let reply = post_mfa(&deployment, &token, &off(PASSWORD, NEXT)).await.json();
    let after = get(&deployment, "mfa", WHOAMI, &token).await.json();
    assert_eq!(after["account"]["lastSignIn"], before["account"]["lastSignIn"]);
    assert_eq!(reply, after, "what is shown is what is stored");
}

/// An operator ends all sessions after the JWT is checked and before the user is read again.
#[tokio::test]
async fn jwt_that_is_ended_meanwhile_stays_ended_when_mfa_goes_off() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    proxy.rule(|seen| if seen.starts_with("GetItem LOGIN") { Fate::Hold } else { Fate::Pass });
    let operator = async {
        proxy.reached().await;
        assert_eq!(deployment.store.end_sessions(GUARDED, deployment.now()).await.unwrap(), Written::Done);
        proxy.heal();
        proxy.release();
    };
    let switch = off(PASSWORD, NEXT);
    let (_, ()) = tokio::join!(post_mfa(&deployment, &token, &switch), operator);
    assert_all(&deployment, &[HeldToken("mfa JWT", token)], false).await;
}
