//! `POST /api/auth/changePasswordAfterSignin`: a user who must change the password changes it with the old one, once,
//! and is signed in.

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::Written;
use postern_local::demo::RECOVERY_CODES;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::jwt::parts;
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw::{self, Attribute, number};
use crate::support::session::{CHANGER, NEW, NOT_NEEDED, OLD, body, change, create_guarded_changer};
use crate::support::sign_in::codes;
use crate::support::signed_in::{
    self, CHANGE_PASSWORD, HeldToken, RESUME, assert_all, audited, everything, member, sign_in, with,
};
use crate::support::words::{Refused, assert_refusal, assert_reply, headers, unlimited, without_waits};

#[tokio::test]
async fn change_signs_in_and_gives_a_session_token_only_with_stay_logged_in() {
    for (more, stays) in [
        (json!({}), false),
        (json!({"stay_logged_in": false, "session_information": "Firefox"}), false),
        (json!({"stay_logged_in": null}), false),
        (json!({"stay_logged_in": true, "session_information": "Firefox ☃"}), true),
        (json!({"stay_logged_in": "1"}), true),
    ] {
        let deployment = unlimited().await;
        let reply = change(&deployment, &with(body("changer"), more.clone())).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.headers, headers(json!({"pragma": "no-cache"})), "{more}");
        let iat = deployment.now().secs();
        let token = member(&reply, "/token");
        let (header, claims) = parts(&token);
        assert_eq!(header, r#"{"typ":"JWT","alg":"HS256"}"#);
        let expected = json!({"iss": "lumen-jwt", "sub": CHANGER, "iat": iat, "exp": iat + 3600, "epoch": 1});
        assert_eq!(claims, expected, "{more}");
        assert!(HeldToken("session JWT", token.clone()).is_valid(&deployment).await, "{more}");
        if stays {
            let session_token = member(&reply, "/session_token");
            assert!(session_token.len() == 64 && session_token.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_eq!(reply.json(), json!({"token": token, "session_token": session_token}), "{more}");
            assert!(HeldToken("session token", session_token).is_valid(&deployment).await, "{more}");
            let sessions = deployment.store.sessions(CHANGER).await.unwrap();
            assert_eq!(sessions[0].device.as_deref(), more["session_information"].as_str());
        } else {
            assert_eq!(reply.json(), json!({"token": token}), "{more}");
        }
        assert_eq!(raw::sessions(&deployment, CHANGER).await, usize::from(stays), "{more}");
    }
}

#[tokio::test]
async fn change_writes_only_what_it_changes() {
    let deployment = unlimited().await;
    let mut expected = raw::user(&deployment, CHANGER).await;
    assert_eq!(change(&deployment, &body("changer")).await.status, 200);
    let changed = raw::user(&deployment, CHANGER).await;
    let hash = changed["password_hash"].clone();
    assert_ne!(hash, expected["password_hash"]);
    for (name, value) in [
        ("password_hash", hash),
        ("must_change_password", Attribute::Bool(false)),
        ("epoch", number(1)),
        ("sessions_ended_at", number(deployment.now().millis())),
        ("updated_at", number(deployment.now().millis())),
        ("last_sign_in", number(deployment.now().millis())),
        ("last_attempt", changed["last_attempt"].clone()),
    ] {
        expected.insert(name.to_owned(), value);
    }
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn new_password_signs_in_at_every_contract_and_the_old_one_at_none() {
    let deployment = without_waits().await;
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "changer"), OLD).await;
        assert_refusal(contract, Refused::MustChangePassword, &reply, "the old password, before");
        let reply = deployment.password(contract, &name_at(contract, "changer"), NEW).await;
        assert_refusal(contract, Refused::Wrong, &reply, "the new password, before");
    }
    // The name may be typed in any form.
    assert_eq!(change(&deployment, &body(" Changer")).await.status, 200);
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "changer"), NEW).await;
        assert_eq!(reply.status, 200, "{contract}: {reply:?}");
        let reply = deployment.password(contract, &name_at(contract, "changer"), OLD).await;
        assert_refusal(contract, Refused::Wrong, &reply, "the old password, after");
    }
    let another = json!({"new_password": "yet another phrase"});
    let reply = change(&deployment, &with(body("changer"), another.clone())).await;
    assert_refusal("session", Refused::Wrong, &reply, "a second change by the old password");
    let reply =
        change(&deployment, &with(with(body("changer"), another), json!({"old_password": NEW}))).await;
    assert_reply(&reply, 400, NOT_NEEDED, json!({}), "a second change by the new password");
}

/// A password is stored as it was typed, to the byte.
#[tokio::test]
async fn new_password_of_any_characters_is_accepted_unchanged() {
    for new in
        ["  spaces around it  ", "ﬁ pässwörd ☃ ﬁ", "☃☃☃☃☃☃☃☃", &"k7".repeat(512), "line\nand\0nul and more"]
    {
        let deployment = unlimited().await;
        let reply = change(&deployment, &with(body("changer"), json!({"new_password": new}))).await;
        assert_eq!(reply.status, 200, "{new:?}: {reply:?}");
        assert_eq!(deployment.password("mfa", "changer", new).await.status, 200, "{new:?}");
        let trimmed = deployment.password("mfa", "changer", &format!("{new} ")).await;
        assert_refusal("mfa", Refused::Wrong, &trimmed, new);
    }
}

#[tokio::test]
async fn change_ends_every_earlier_session_and_token() {
    let deployment = unlimited().await;
    set_must_change(&deployment, false).await;
    let before = everything(&deployment, "changer", OLD, &[]).await;
    assert_eq!(before.len(), 7);
    assert_all(&deployment, &before, true).await;
    set_must_change(&deployment, true).await;
    let reply = change(&deployment, &with(body("changer"), json!({"stay_logged_in": true}))).await;
    assert_all(&deployment, &before, false).await;
    let new = [
        HeldToken("session JWT", member(&reply, "/token")),
        HeldToken("session token", member(&reply, "/session_token")),
    ];
    assert_all(&deployment, &new, true).await;
    assert_all(&deployment, &everything(&deployment, "changer", NEW, &[]).await, true).await;
}

async fn set_must_change(deployment: &Deployment, must: bool) {
    signed_in::set(deployment, CHANGER, "must_change_password", Attribute::Bool(must)).await;
}

#[tokio::test]
async fn unneeded_change_is_disclosed_only_after_the_right_old_password() {
    let deployment = unlimited().await;
    let right = with(body("johndoe"), json!({"old_password": "SecurePass123!", "stay_logged_in": true}));
    let before = raw::user(&deployment, 1).await;
    assert_reply(&change(&deployment, &right).await, 400, NOT_NEEDED, json!({}), "a right password");
    assert_eq!(raw::user(&deployment, 1).await, before);
    assert_eq!(raw::sessions(&deployment, 1).await, 0);
    assert_eq!(deployment.password("session", "johndoe", "SecurePass123!").await.status, 200);

    let hashes = deployment.app.passwords().verifications();
    let wrong = change(&deployment, &body("johndoe")).await;
    assert_refusal("session", Refused::Wrong, &wrong, "a wrong old password");
    // Neither an e-mail address nor an id is a username here.
    for nobody in ["nobody", "johndoe@example.com", "1"] {
        let body = with(right.clone(), json!({"username": nobody}));
        assert_eq!(change(&deployment, &body).await, wrong, "{nobody}");
    }
    assert_eq!(deployment.app.passwords().verifications() - hashes, 4, "one hash each");
}

#[tokio::test]
async fn change_by_a_user_who_may_not_sign_in_is_refused_after_the_right_old_password() {
    for (status, refused) in [
        (Status::Disabled, Refused::Disabled),
        (Status::Blocked, Refused::Disabled),
        (Status::NotActivated, Refused::NotActivated),
    ] {
        let deployment = unlimited().await;
        assert_eq!(
            deployment.store.set_status(CHANGER, status, deployment.now()).await.unwrap(),
            Written::Done
        );
        let before = raw::user(&deployment, CHANGER).await;
        assert_refusal(
            "session",
            refused,
            &change(&deployment, &body("changer")).await,
            "the right old password",
        );
        let wrong = with(body("changer"), json!({"old_password": "wrong"}));
        assert_refusal("session", Refused::Wrong, &change(&deployment, &wrong).await, "a wrong old password");
        assert_eq!(raw::user(&deployment, CHANGER).await, before, "{status:?}");
        assert_eq!(raw::sessions(&deployment, CHANGER).await, 0);
    }
    // Nor for a user who need not change it.
    let deployment = unlimited().await;
    for (name, refused) in [("blocked", Refused::Disabled), ("dormant", Refused::NotActivated)] {
        assert_refusal("session", refused, &change(&deployment, &body(name)).await, name);
    }
}

#[tokio::test]
async fn change_with_mfa_on_needs_a_code_and_spends_it() {
    let deployment = unlimited().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    for (at, (code, left)) in
        [(json!("582969"), 8), (json!(582_969), 8), (json!(RECOVERY_CODES[2]), 7)].into_iter().enumerate()
    {
        let (id, name) = (420 + at as u64, format!("guarded{at}"));
        create_guarded_changer(&deployment, id, &name).await;
        let before = raw::user(&deployment, id).await;
        for none in [json!(null), json!(false), json!("")] {
            let reply = change(&deployment, &with(body(&name), json!({"token": none}))).await;
            assert_refusal("session", Refused::MfaRequired, &reply, "no code");
        }
        for wrong in [json!("582968"), json!(true), json!("5ca1ab1f"), json!(["582969"])] {
            let reply = change(&deployment, &with(body(&name), json!({"token": wrong}))).await;
            assert_refusal("session", Refused::Wrong, &reply, "a wrong code");
        }
        assert_eq!(raw::user(&deployment, id).await, before, "{code}");
        let reply = change(&deployment, &with(body(&name), json!({"token": code}))).await;
        assert_eq!(reply.status, 200, "{code}: {reply:?}");
        let user = raw::user(&deployment, id).await;
        assert_eq!(codes(&user).0, left, "{code}");
        // MFA stays on, and each contract spends a code.
        for contract in PASSWORD_ROUTES {
            let reply = deployment.password(contract, &name_at(contract, &name), NEW).await;
            assert_refusal(contract, Refused::MfaRequired, &reply, "the new password alone");
            let spent = if code.is_number() { "582969" } else { code.as_str().unwrap() };
            let reply = sign_in(&deployment, contract, &name, NEW, Some(spent)).await;
            assert_refusal(contract, Refused::Wrong, &reply, "a spent code");
        }
        assert_eq!(
            sign_in(&deployment, "mfa", &name, NEW, Some("853712")).await.status,
            200,
            "the next code"
        );
    }
}

#[tokio::test]
async fn change_that_is_refused_spends_no_code() {
    let deployment = unlimited().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    create_guarded_changer(&deployment, 420, "guarded2").await;
    let weak = with(body("guarded2"), json!({"token": "582969", "new_password": "Guarded2@example.com"}));
    for code in ["582969", RECOVERY_CODES[0]] {
        let reply = change(&deployment, &with(weak.clone(), json!({"token": code}))).await;
        assert_reply(&reply, 422, r#"{"new_password":["The new password is too common."]}"#, json!({}), code);
        let reply = change(&deployment, &with(body("guarded"), json!({"token": code}))).await;
        assert_reply(&reply, 400, NOT_NEEDED, json!({}), code);
        assert_eq!(sign_in(&deployment, "account", "guarded", OLD, Some(code)).await.status, 200, "{code}");
    }
    assert_eq!(codes(&raw::user(&deployment, 420).await), (8, None));
}

#[tokio::test]
async fn least_length_of_a_new_password_is_a_setting() {
    let deployment = Deployment::start_with(|env| env.with("PASSWORD_MIN_LENGTH", "15")).await;
    let try_password =
        async |new| change(&deployment, &with(body("changer"), json!({"new_password": new}))).await;
    let reply = try_password("fourteen chars").await;
    let expected = format!("{{{}}}", error("new_password", "must be at least 15 characters."));
    assert_reply(&reply, 422, &expected, json!({}), "fourteen");
    assert_eq!(try_password("fifteen letters").await.status, 200);
}

fn error(field: &str, problem: &str) -> String {
    format!(r#""{field}":["The {} {problem}"]"#, field.replace('_', " "))
}

#[tokio::test]
async fn change_with_malformed_fields_is_refused_before_any_charge() {
    let deployment = unlimited().await;
    let hashes = deployment.app.passwords().verifications();
    let (required, string) = ("field is required.", "must be a string.");
    let (short, common) = ("must be at least 8 characters.", "is too common.");
    let long = "may not be greater than 190 characters.";
    for field in ["username", "old_password", "new_password"] {
        for (value, problem) in [
            (json!(null), required),
            (json!(""), required),
            (json!(7), string),
            (json!(true), string),
            (json!(["x"]), string),
            (json!({}), string),
        ] {
            let reply = change(&deployment, &with(body("changer"), json!({field: value}))).await;
            let expected = format!("{{{}}}", error(field, problem));
            assert_reply(&reply, 422, &expected, json!({}), &format!("{field}: {value}"));
        }
        let mut missing = body("changer");
        missing.as_object_mut().unwrap().remove(field);
        let reply = change(&deployment, &missing).await;
        assert_reply(&reply, 422, &format!("{{{}}}", error(field, required)), json!({}), field);
    }
    for (more, field, problem) in [
        (json!({"username": "ü".repeat(191)}), "username", long),
        (json!({"session_information": "ü".repeat(191)}), "session_information", long),
        (json!({"session_information": 7}), "session_information", string),
        (json!({"stay_logged_in": "yes"}), "stay_logged_in", "field must be true or false."),
        (json!({"stay_logged_in": 2}), "stay_logged_in", "field must be true or false."),
        (json!({"new_password": "1q9zT#k"}), "new_password", short),
        (json!({"new_password": "☃☃☃"}), "new_password", short),
        (json!({"new_password": "password"}), "new_password", common),
        (json!({"new_password": " PassWord1 "}), "new_password", common),
        (json!({"username": "st.huber", "new_password": " ST.Huber"}), "new_password", common),
        (json!({"username": "ｓｔ．ｈｕｂｅｒ", "new_password": "st.huber"}), "new_password", common),
        (json!({"username": "nobody-at-all", "new_password": "nobody-at-all"}), "new_password", common),
        (json!({"new_password": OLD}), "new_password", "and old password must be different."),
        (
            json!({"old_password": "x", "new_password": "x"}),
            "new_password",
            "and old password must be different.",
        ),
        (
            json!({"old_password": "pa\u{308}ssword, long", "new_password": "p\u{e4}ssword, long"}),
            "new_password",
            "and old password must be different.",
        ),
        (json!({"new_password": "k".repeat(1025)}), "new_password", "may not be greater than 1024 bytes."),
        (json!({"new_password": "ü".repeat(513)}), "new_password", "may not be greater than 1024 bytes."),
    ] {
        let reply = change(&deployment, &with(body("changer"), more.clone())).await;
        assert_reply(&reply, 422, &format!("{{{}}}", error(field, problem)), json!({}), &more.to_string());
    }
    let all = json!({
        "username": "u".repeat(191), "old_password": 7, "new_password": "short",
        "session_information": [], "stay_logged_in": "perhaps",
    });
    let expected = [
        error("username", long),
        error("old_password", string),
        error("new_password", short),
        error("session_information", string),
        error("stay_logged_in", "field must be true or false."),
    ];
    let reply = change(&deployment, &all).await;
    assert_reply(&reply, 422, &format!("{{{}}}", expected.join(",")), json!({}), "all at once");

    let nothing = ["username", "old_password", "new_password"].map(|field| error(field, required));
    let large = format!(r#"{{"x":"{}","username":"changer"}}"#, "x".repeat(64 * 1024));
    for no_fields in ["", "{}", "[]", "null", "{\"username\":", "a=username", &large] {
        let status = if no_fields.len() > 64 * 1024 { 413 } else { 422 };
        let reply = deployment.request("session", "POST", CHANGE_PASSWORD, &[], no_fields).await;
        assert_reply(&reply, status, &format!("{{{}}}", nothing.join(",")), json!({}), no_fields);
    }
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    for counter in [raw::name_counter(&deployment, "changer").await, raw::address_counter(&deployment, 300)] {
        assert_eq!(raw::failures(&deployment, &counter).await, 0);
    }
    // 190 of each are few enough.
    let body = json!({"username": "ü".repeat(190), "session_information": "ü".repeat(190)});
    let reply = change(&deployment, &with(crate::support::session::body("x"), body)).await;
    assert_refusal("session", Refused::Wrong, &reply, "the longest fields");
}

/// A password that is weak only for this user is disclosed as weak only after the right old password.
#[tokio::test]
async fn new_password_equal_to_a_name_of_the_user_is_refused() {
    let deployment = unlimited().await;
    signed_in::set(&deployment, 33, "must_change_password", Attribute::Bool(true)).await;
    let before = raw::user(&deployment, 33).await;
    for new in ["st.huber@example.com", " ST.Huber@Example.com "] {
        let weak = with(body("st.huber"), json!({"new_password": new, "stay_logged_in": true}));
        let reply = change(&deployment, &weak).await;
        assert_reply(&reply, 422, r#"{"new_password":["The new password is too common."]}"#, json!({}), new);
        let reply = change(&deployment, &with(weak, json!({"old_password": "wrong"}))).await;
        assert_refusal("session", Refused::Wrong, &reply, new);
    }
    assert_eq!(raw::user(&deployment, 33).await, before);
    assert_eq!(raw::sessions(&deployment, 33).await, 0);
    // Another user's address is allowed.
    let other = with(body("st.huber"), json!({"new_password": "johndoe@example.com"}));
    assert_eq!(change(&deployment, &other).await.status, 200);
}

#[tokio::test]
async fn two_changes_at_once_store_the_password_of_one() {
    let (deployment, mut proxy) =
        Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let news = ["the first new phrase", "the other new phrase"];
    let bodies = news.map(|new| with(body("changer"), json!({"new_password": new, "stay_logged_in": true})));
    // Both requests have read the user and verified the old password before either writes.
    proxy.rule(|seen| if seen.starts_with("UpdateItem USER") { Fate::Hold } else { Fate::Pass });
    let both = async {
        proxy.reached().await;
        proxy.reached().await;
        proxy.heal();
        proxy.release();
        proxy.release();
    };
    let (one, other, ()) =
        tokio::join!(change(&deployment, &bodies[0]), change(&deployment, &bodies[1]), both);
    let replies = [one, other];
    let won = replies.iter().position(|reply| reply.status == 200).expect("one wins");
    assert_refusal("session", Refused::Wrong, &replies[1 - won], "the second of two");
    for contract in PASSWORD_ROUTES {
        let name = name_at(contract, "changer");
        assert_refusal(
            contract,
            Refused::Wrong,
            &deployment.password(contract, &name, news[1 - won]).await,
            "the loser's",
        );
        assert_eq!(deployment.password(contract, &name, news[won]).await.status, 200, "{contract}");
    }
    assert_eq!(raw::user(&deployment, CHANGER).await["epoch"], number(1));
    // One of the change, and four of the sign-ins at account and email, each of which has two routes.
    assert_eq!(raw::sessions(&deployment, CHANGER).await, 5);
    assert!(HeldToken("session token", member(&replies[won], "/session_token")).is_valid(&deployment).await);
}

#[tokio::test]
async fn operator_change_made_meanwhile_stays() {
    for disable in [true, false] {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        proxy.rule(|seen| {
            if seen.starts_with("UpdateItem USER SET last_sign_in") { Fate::Hold } else { Fate::Pass }
        });
        let operator = async {
            proxy.reached().await;
            let now = deployment.now();
            let done = if disable {
                deployment.store.set_status(CHANGER, Status::Disabled, now).await
            } else {
                let hash = deployment.app.passwords().hash("the operator's phrase", [7; 16]).unwrap();
                deployment.store.set_password(CHANGER, &hash, true, now).await
            };
            assert_eq!(done, Ok(Written::Done));
            proxy.heal();
            proxy.release();
            raw::user(&deployment, CHANGER).await
        };
        let stays = with(body("changer"), json!({"stay_logged_in": true}));
        let (reply, left) = tokio::join!(change(&deployment, &stays), operator);
        assert_refusal("session", Refused::Wrong, &reply, "a change that comes too late");
        assert_eq!(raw::user(&deployment, CHANGER).await, left, "disabled: {disable}");
        assert_eq!(raw::sessions(&deployment, CHANGER).await, 0);
    }
}

#[tokio::test]
async fn every_change_leaves_one_audit_event_and_no_secret() {
    let deployment = unlimited().await;
    signed_in::set(&deployment, 33, "must_change_password", Attribute::Bool(true)).await;
    let john = json!({"old_password": "SecurePass123!"});
    for (at, (body, outcome, user_id)) in [
        (with(body("changer"), json!({"old_password": "wrong-Qm9ndXM"})), "wrong_password", json!(CHANGER)),
        (body("nobody"), "unknown_user", json!(null)),
        (body("dormant"), "not_activated", json!(40)),
        (body("blocked"), "disabled", json!(42)),
        (body("guarded"), "mfa_required", json!(43)),
        (with(body("johndoe"), john), "password_change_not_needed", json!(1)),
        (with(body("st.huber"), json!({"new_password": "St.Huber@example.com"})), "weak_password", json!(33)),
        (with(body("changer"), json!({"stay_logged_in": true})), "password_changed", json!(CHANGER)),
        (body("mallory"), "throttled", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("session-change-{at}");
        let (reply, events) = audited(&deployment, "session", CHANGE_PASSWORD, None, &body, &id).await;
        assert_eq!(events, [json!(["sign-in attempt", outcome, user_id])], "{body}");
        if let Some(token) = reply.json().get("session_token").and_then(Value::as_str) {
            let (_, events) = audited(
                &deployment,
                "session",
                RESUME,
                None,
                &json!({"session_token": token}),
                "session-change-use",
            )
            .await;
            assert_eq!(events, [json!(["session", "session_resumed", CHANGER])]);
            assert!(!logs::so_far().contains(&token[21..]));
        }
    }
    // A refusal of the fields is no attempt.
    let short = with(body("changer"), json!({"new_password": "sh-Qm9"}));
    let (_, events) =
        audited(&deployment, "session", CHANGE_PASSWORD, None, &short, "session-change-short").await;
    assert_eq!(events, Vec::<Value>::new());
    let logged = logs::so_far();
    for secret in [NEW, OLD, "wrong-Qm9ndXM", "sh-Qm9", "t.Huber@example.com"] {
        assert!(!logged.contains(secret), "{secret} is logged");
    }
}
