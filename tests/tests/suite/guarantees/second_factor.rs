//! A user with MFA on signs in with a code only, and a code is accepted once.

use std::time::Duration;

use futures_util::future::join_all;
use postern::clock::Timestamp;
use postern::identity::Status;
use postern_local::demo;
use postern_local::demo::{RECOVERY_CODES, TOTP_SECRET, USERS};
use postern_tests::deployment::{
    Deployment, PASSWORD_CONTRACTS, PASSWORD_ROUTES, Reply, credentials, name_at,
};
use serde_json::{Value, json};

use crate::support::raw;
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, unlimited};

/// The moment of the contract's vector: the code is 582969, and a third of its step is left.
const MOMENT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const CODE: &str = "582969";

/// A sign-in with the right password.
async fn with_code(deployment: &Deployment, contract: &str, username: &str, code: impl Into<Value>) -> Reply {
    let mut body = credentials(contract, &name_at(contract, username), "Password1234!");
    body["token"] = code.into();
    deployment.sign_in(contract, body).await
}

async fn at_the_moment() -> Deployment {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    deployment
}

/// Another user like `guarded`.
async fn create(
    deployment: &Deployment,
    id: u64,
    username: &str,
    status: Status,
    must_change_password: bool,
) {
    let mut user = demo::user(&deployment.app, USERS.iter().find(|user| user.username == "guarded").unwrap());
    (user.id, user.username, user.email) = (id, username.to_owned(), format!("{username}@example.com"));
    (user.status, user.must_change_password) = (status, must_change_password);
    user.recovery_codes =
        RECOVERY_CODES.iter().map(|code| deployment.app.keys().current().recovery.digest(id, code)).collect();
    deployment.store.create_user(user).await.unwrap();
}

#[tokio::test]
async fn sign_in_with_mfa_on_needs_a_code_at_every_contract() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        let reply = deployment.password(contract, &name_at(contract, "guarded"), "Password1234!").await;
        assert_refusal(contract, Refused::MfaRequired, &reply, "no code");
        for code in ["582968", "582 968", "0582969", "ffffffff", TOTP_SECRET] {
            let reply = with_code(&deployment, contract, "guarded", code).await;
            assert_refusal(contract, Refused::Wrong, &reply, code);
        }
    }
}

/// They used to be charged, and five of them locked the user out.
#[tokio::test]
async fn codes_as_people_copy_them_sign_in_at_every_contract_and_are_not_charged() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        for typed in ["582 969", "582\u{a0}969\n", "582-969", "５８２９６９", "٥٨٢ ٩٦٩"] {
            let mut user = raw::user(&deployment, 43).await;
            let reply = with_code(&deployment, contract, "guarded", typed).await;
            assert_eq!(reply.status, 200, "{contract} {typed:?}: {reply:?}");
            // The step is restored for the next contract.
            user.remove("last_attempt");
            raw::put(&deployment, "USER#43", "USER", user).await;
        }
        for (code, typed) in RECOVERY_CODES.iter().zip(["upper", "dash", "space"]) {
            let typed = match typed {
                "upper" => code.to_uppercase(),
                "dash" => format!("{}-{}", &code[..4], &code[4..]),
                _ => format!(" {} {}\n", &code[..4], &code[4..]),
            };
            let reply = with_code(&deployment, contract, "guarded", typed.as_str()).await;
            assert_eq!(reply.status, 200, "{contract} {typed:?}: {reply:?}");
        }
        for nothing in [" ", "\u{a0}", "--"] {
            let reply = with_code(&deployment, contract, "guarded", nothing).await;
            assert_refusal(contract, Refused::MfaRequired, &reply, nothing);
        }
    }
}

#[tokio::test]
async fn code_signs_in_once_at_any_contract() {
    for first in PASSWORD_ROUTES {
        // Wrong codes at several routes count for one name. None of the attempts may have to wait.
        let deployment = Deployment::start_with(|env| env.with("THROTTLE_FREE_FAILURES", "20")).await;
        deployment.set_time(MOMENT);
        assert_eq!(with_code(&deployment, first, "guarded", CODE).await.status, 200, "{first}");
        for second in PASSWORD_ROUTES {
            let reply = with_code(&deployment, second, "guarded", CODE).await;
            assert_refusal(second, Refused::Wrong, &reply, &format!("a code that was spent at {first}"));
        }
        // The code of an earlier step, which drift would allow, is refused. A later one is accepted.
        let reply = with_code(&deployment, first, "guarded", "938004").await;
        assert_refusal(first, Refused::Wrong, &reply, "the step before the one that was spent");
        assert_eq!(with_code(&deployment, first, "guarded", "853712").await.status, 200, "the next step");
    }
}

#[tokio::test]
async fn right_code_with_a_wrong_password_is_refused_and_not_spent() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        let mut body = credentials(contract, &name_at(contract, "guarded"), "wrong");
        for code in [CODE, RECOVERY_CODES[0]] {
            body["token"] = json!(code);
            assert_refusal(contract, Refused::Wrong, &deployment.sign_in(contract, body.clone()).await, code);
            assert_eq!(
                with_code(&deployment, contract, "guarded", code).await.status,
                200,
                "{contract} {code}"
            );
        }
    }
}

#[tokio::test]
async fn recovery_code_signs_in_once() {
    let deployment = at_the_moment().await;
    let functions = PASSWORD_ROUTES.into_iter().cycle();
    for ((contract, next), code) in functions.clone().zip(functions.skip(1)).zip(RECOVERY_CODES) {
        let typed = if contract == "mfa" { code.to_uppercase() } else { code.to_owned() };
        assert_eq!(with_code(&deployment, contract, "guarded", typed).await.status, 200, "{contract} {code}");
        for again in [contract, next] {
            let reply = with_code(&deployment, again, "guarded", code).await;
            assert_refusal(again, Refused::Wrong, &reply, code);
        }
    }
    let reply = with_code(&deployment, "mfa", "guarded", RECOVERY_CODES[0]).await;
    assert_refusal("mfa", Refused::Wrong, &reply, "a spent code, when all are spent");
}

#[tokio::test]
async fn recovery_code_of_another_user_is_wrong() {
    let deployment = at_the_moment().await;
    create(&deployment, 401, "guarded2", Status::Active, false).await;
    assert_eq!(with_code(&deployment, "mfa", "guarded", RECOVERY_CODES[0]).await.status, 200);
    assert_eq!(
        with_code(&deployment, "mfa", "guarded2", RECOVERY_CODES[0]).await.status,
        200,
        "its namesake"
    );
    assert_eq!(with_code(&deployment, "mfa", "guarded", CODE).await.status, 200);
    assert_eq!(with_code(&deployment, "mfa", "guarded2", CODE).await.status, 200, "spent for one user only");
}

#[tokio::test]
async fn concurrent_sign_ins_with_one_code_succeed_once() {
    for code in [CODE, RECOVERY_CODES[3]] {
        let deployment = at_the_moment().await;
        let replies = PASSWORD_ROUTES
            .map(async |contract| (contract, with_code(&deployment, contract, "guarded", code).await));
        let (good, bad): (Vec<_>, Vec<_>) =
            join_all(replies).await.into_iter().partition(|(_, reply)| reply.status == 200);
        assert_eq!(good.len(), 1, "{code}: {good:?}");
        for (contract, reply) in bad {
            assert_refusal(contract, Refused::Wrong, &reply, code);
        }
    }
}

#[tokio::test]
async fn missing_code_is_disclosed_before_the_account_state() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        for (id, username, status, must_change, refused) in [
            (411, "disabled", Status::Disabled, false, Refused::Disabled),
            (412, "inactive", Status::NotActivated, false, Refused::NotActivated),
            (413, "stale", Status::Active, true, Refused::MustChangePassword),
        ] {
            create(&deployment, id, username, status, must_change).await;
            let reply = deployment.password(contract, &name_at(contract, username), "Password1234!").await;
            assert_refusal(contract, Refused::MfaRequired, &reply, username);
            let reply = with_code(&deployment, contract, username, "000000").await;
            assert_refusal(contract, Refused::Wrong, &reply, username);
            let reply = with_code(&deployment, contract, username, CODE).await;
            assert_refusal(contract, refused, &reply, username);
        }
    }
}

#[tokio::test]
async fn wrong_codes_count_like_wrong_passwords() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        for _ in 0..5 {
            let reply = with_code(&deployment, contract, "guarded", "000000").await;
            assert_refusal(contract, Refused::Wrong, &reply, "a wrong code");
        }
        let before = deployment.app.passwords().verifications();
        let reply = with_code(&deployment, contract, "guarded", CODE).await;
        assert_refusal(contract, Refused::Throttled(1), &reply, "the sixth attempt");
        assert_eq!(deployment.app.passwords().verifications(), before);
        deployment.advance(Duration::from_secs(1));
        assert_eq!(with_code(&deployment, contract, "guarded", CODE).await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn right_password_without_a_code_neither_counts_nor_clears() {
    for contract in PASSWORD_ROUTES {
        let deployment = at_the_moment().await;
        let name = name_at(contract, "guarded");
        let no_code = async |times| {
            for _ in 0..times {
                let reply = deployment.password(contract, &name, "Password1234!").await;
                assert_refusal(contract, Refused::MfaRequired, &reply, "no code");
            }
        };
        no_code(12).await;
        for _ in 0..4 {
            with_code(&deployment, contract, "guarded", "000000").await;
            no_code(2).await;
        }
        // Four failures so far. The fifth is free, and the sixth would not be.
        let reply = with_code(&deployment, contract, "guarded", "000000").await;
        assert_refusal(contract, Refused::Wrong, &reply, "the fifth wrong code");
        let reply = deployment.password(contract, &name, "Password1234!").await;
        assert_refusal(contract, Refused::Throttled(1), &reply, "the sixth attempt");
    }
}

/// A sign-in by `guarded`, who has MFA on.
async fn guarded(deployment: &Deployment, contract: &str, token: Option<Value>) -> Reply {
    let mut body = credentials(contract, &name_at(contract, "guarded"), "Password1234!");
    if let Some(token) = token {
        body["token"] = token;
    }
    deployment.sign_in(contract, body).await
}

#[tokio::test]
async fn code_that_is_missing_null_false_or_empty_counts_as_absent() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_ROUTES {
        for token in [None, Some(json!(null)), Some(json!(false)), Some(json!("")), Some(json!(" -"))] {
            let reply = guarded(&deployment, contract, token.clone()).await;
            assert_refusal(contract, Refused::MfaRequired, &reply, &format!("{token:?}"));
        }
    }
}

#[tokio::test]
async fn code_of_any_other_type_or_form_is_wrong() {
    let deployment = unlimited().await;
    for contract in PASSWORD_ROUTES {
        for token in [
            json!(true),
            json!([]),
            json!(["582969"]),
            json!({}),
            json!(582969.5),
            json!(-1),
            json!(1_000_000),
            json!(1e300),
            json!("null"),
            json!("58296 9 0"),
            json!("x".repeat(60_000)),
        ] {
            let reply = guarded(&deployment, contract, Some(token.clone())).await;
            assert_refusal(
                contract,
                Refused::Wrong,
                &reply,
                &token.to_string().chars().take(20).collect::<String>(),
            );
            deployment.advance(LONGEST_WAIT);
            // A right code now and then, or the name is locked.
            if token == json!({}) {
                let code = demo::RECOVERY_CODES[PASSWORD_ROUTES.iter().position(|c| *c == contract).unwrap()];
                assert_eq!(guarded(&deployment, contract, Some(json!(code))).await.status, 200);
            }
        }
    }
}

/// At 1700069190 the code is 000178, at 1700000000 it is 582969.
#[tokio::test]
async fn code_as_an_integer_gets_its_leading_zeros_back() {
    let codes = [
        (1_700_000_000, json!(582_969)),
        (1_700_069_190, json!(178)),
        (1_700_152_920, json!("000077")),
        (1_700_191_200, json!(799)),
    ];
    let deployment = Deployment::start().await;
    let user = raw::user(&deployment, 43).await;
    // A form has no integers.
    for contract in PASSWORD_CONTRACTS {
        for (seconds, token) in &codes {
            deployment.set_time(Timestamp::from_millis(seconds * 1000));
            let reply = guarded(&deployment, contract, Some(token.clone())).await;
            assert_eq!(reply.status, 200, "{contract} {token}");
        }
        // No code is spent for the next contract.
        raw::put(&deployment, "USER#43", "USER", user.clone()).await;
    }
    deployment.set_time(Timestamp::from_millis(1_700_201_610_000));
    let reply = guarded(&deployment, "mfa", Some(json!("166"))).await;
    assert_refusal("mfa", Refused::Wrong, &reply, "a string has the zeros that it has");
}

#[tokio::test]
async fn code_of_a_user_without_mfa_is_ignored() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_ROUTES {
        for token in [json!("000000"), json!(true), json!([]), json!({}), json!(-1), json!(null)] {
            let mut body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
            body["token"] = token.clone();
            assert_eq!(deployment.sign_in(contract, body).await.status, 200, "{contract} {token}");
        }
    }
}
