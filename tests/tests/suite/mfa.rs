//! MFA guards every door: without a code nobody enters, and a code enters once.

use std::time::Duration;

use postern::ambient::Timestamp;
use postern::user::Status;
use postern_local::demo::{self, RECOVERY_CODES, TOTP_SECRET, USERS};
use postern_tests::stand::{PASSWORD_CONTRACTS, Reply, Stand, credentials, name_at};
use serde_json::{Value, json};

use crate::raw;
use crate::words::{Said, assert_said, unlimited};

/// The moment at which the contract's vector says that the code is 582969: the last third of its step.
const MOMENT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const CODE: &str = "582969";

/// A sign-in with the right password.
async fn with_code(stand: &Stand, contract: &str, username: &str, code: impl Into<Value>) -> Reply {
    let mut body = credentials(contract, &name_at(contract, username), "Password1234!");
    body["token"] = code.into();
    stand.sign_in(contract, body).await
}

async fn at_the_moment() -> Stand {
    let stand = unlimited().await;
    stand.set_time(MOMENT);
    stand
}

/// Another user like `guarded`.
async fn create(stand: &Stand, id: u64, username: &str, status: Status, must_change_password: bool) {
    let mut user = demo::user(&stand.app, USERS.iter().find(|user| user.username == "guarded").unwrap());
    (user.id, user.username, user.email) = (id, username.to_owned(), format!("{username}@example.com"));
    (user.status, user.must_change_password) = (status, must_change_password);
    user.recovery_codes =
        RECOVERY_CODES.iter().map(|code| stand.app.keys.ring().recovery.digest(id, code)).collect();
    stand.store.create_user(user).await.unwrap();
}

#[tokio::test]
async fn no_door_opens_without_the_code() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        let reply = stand.password(contract, &name_at(contract, "guarded"), "Password1234!").await;
        assert_said(contract, Said::MfaRequired, &reply, "no code");
        for code in ["582968", "582 968", "0582969", "ffffffff", TOTP_SECRET] {
            let reply = with_code(&stand, contract, "guarded", code).await;
            assert_said(contract, Said::Wrong, &reply, code);
        }
    }
}

/// Five of them were charged before, and locked the user out.
#[tokio::test]
async fn codes_as_people_copy_them_sign_in_at_every_contract_and_are_not_charged() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        for typed in ["582 969", "582\u{a0}969\n", "582-969", "５８２９６９", "٥٨٢ ٩٦٩"] {
            let mut user = raw::user(&stand, 43).await;
            let reply = with_code(&stand, contract, "guarded", typed).await;
            assert_eq!(reply.status, 200, "{contract} {typed:?}: {reply:?}");
            // The step is not spent, for the next one.
            user.remove("last_attempt");
            raw::put(&stand, "USER#43", "USER", user).await;
        }
        for (code, typed) in RECOVERY_CODES.iter().zip(["upper", "dash", "space"]) {
            let typed = match typed {
                "upper" => code.to_uppercase(),
                "dash" => format!("{}-{}", &code[..4], &code[4..]),
                _ => format!(" {} {}\n", &code[..4], &code[4..]),
            };
            let reply = with_code(&stand, contract, "guarded", typed.as_str()).await;
            assert_eq!(reply.status, 200, "{contract} {typed:?}: {reply:?}");
        }
        for nothing in [" ", "\u{a0}", "--"] {
            let reply = with_code(&stand, contract, "guarded", nothing).await;
            assert_said(contract, Said::MfaRequired, &reply, nothing);
        }
    }
}

#[tokio::test]
async fn a_code_opens_any_door_once_and_then_none() {
    for first in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        assert_eq!(with_code(&stand, first, "guarded", CODE).await.status, 200, "{first}");
        for second in PASSWORD_CONTRACTS {
            let reply = with_code(&stand, second, "guarded", CODE).await;
            assert_said(second, Said::Wrong, &reply, &format!("a code that was spent at {first}"));
        }
        // Nor does the code of an earlier step, which drift would allow; a later one does.
        let reply = with_code(&stand, first, "guarded", "938004").await;
        assert_said(first, Said::Wrong, &reply, "the step before the one that was spent");
        assert_eq!(with_code(&stand, first, "guarded", "853712").await.status, 200, "the next step");
    }
}

#[tokio::test]
async fn the_right_code_does_not_help_a_wrong_password_and_is_not_spent_by_it() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        let mut body = credentials(contract, &name_at(contract, "guarded"), "wrong");
        for code in [CODE, RECOVERY_CODES[0]] {
            body["token"] = json!(code);
            assert_said(contract, Said::Wrong, &stand.sign_in(contract, body.clone()).await, code);
            assert_eq!(with_code(&stand, contract, "guarded", code).await.status, 200, "{contract} {code}");
        }
    }
}

#[tokio::test]
async fn each_recovery_code_opens_one_door_once() {
    let stand = at_the_moment().await;
    let doors = PASSWORD_CONTRACTS.into_iter().cycle();
    for ((contract, next), code) in doors.clone().zip(doors.skip(1)).zip(RECOVERY_CODES) {
        let typed = if contract == "mfa" { code.to_uppercase() } else { code.to_owned() };
        assert_eq!(with_code(&stand, contract, "guarded", typed).await.status, 200, "{contract} {code}");
        for again in [contract, next] {
            let reply = with_code(&stand, again, "guarded", code).await;
            assert_said(again, Said::Wrong, &reply, code);
        }
    }
    let reply = with_code(&stand, "mfa", "guarded", RECOVERY_CODES[0]).await;
    assert_said("mfa", Said::Wrong, &reply, "a spent code, when all are spent");
}

#[tokio::test]
async fn a_recovery_code_is_one_users_own() {
    let stand = at_the_moment().await;
    create(&stand, 401, "guarded2", Status::Active, false).await;
    assert_eq!(with_code(&stand, "mfa", "guarded", RECOVERY_CODES[0]).await.status, 200);
    assert_eq!(with_code(&stand, "mfa", "guarded2", RECOVERY_CODES[0]).await.status, 200, "its namesake");
    assert_eq!(with_code(&stand, "mfa", "guarded", CODE).await.status, 200);
    assert_eq!(with_code(&stand, "mfa", "guarded2", CODE).await.status, 200, "spent for one user only");
}

#[tokio::test]
async fn of_concurrent_sign_ins_with_one_code_one_succeeds() {
    for code in [CODE, RECOVERY_CODES[3]] {
        let stand = at_the_moment().await;
        let (a, b, c, d) = tokio::join!(
            with_code(&stand, "account", "guarded", code),
            with_code(&stand, "session", "guarded", code),
            with_code(&stand, "mfa", "guarded", code),
            with_code(&stand, "email", "guarded", code),
        );
        let replies = PASSWORD_CONTRACTS.into_iter().zip([a, b, c, d]);
        let (good, bad): (Vec<_>, Vec<_>) = replies.partition(|(_, reply)| reply.status == 200);
        assert_eq!(good.len(), 1, "{code}: {good:?}");
        for (contract, reply) in bad {
            assert_said(contract, Said::Wrong, &reply, code);
        }
    }
}

#[tokio::test]
async fn mfa_comes_before_the_state_of_the_account() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        for (id, username, status, must_change, said) in [
            (411, "disabled", Status::Disabled, false, Said::Disabled),
            (412, "inactive", Status::NotActivated, false, Said::NotActivated),
            (413, "stale", Status::Active, true, Said::MustChangePassword),
        ] {
            create(&stand, id, username, status, must_change).await;
            let reply = stand.password(contract, &name_at(contract, username), "Password1234!").await;
            assert_said(contract, Said::MfaRequired, &reply, username);
            let reply = with_code(&stand, contract, username, "000000").await;
            assert_said(contract, Said::Wrong, &reply, username);
            let reply = with_code(&stand, contract, username, CODE).await;
            assert_said(contract, said, &reply, username);
        }
    }
}

#[tokio::test]
async fn wrong_codes_count_like_wrong_passwords() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        for _ in 0..5 {
            let reply = with_code(&stand, contract, "guarded", "000000").await;
            assert_said(contract, Said::Wrong, &reply, "a wrong code");
        }
        let before = stand.app.passwords.verifications();
        let reply = with_code(&stand, contract, "guarded", CODE).await;
        assert_said(contract, Said::Throttled(1), &reply, "the sixth attempt");
        assert_eq!(stand.app.passwords.verifications(), before);
        stand.advance(Duration::from_secs(1));
        assert_eq!(with_code(&stand, contract, "guarded", CODE).await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn a_right_password_without_a_code_neither_climbs_the_ladder_nor_comes_down() {
    for contract in PASSWORD_CONTRACTS {
        let stand = at_the_moment().await;
        let name = name_at(contract, "guarded");
        let no_code = async |times| {
            for _ in 0..times {
                let reply = stand.password(contract, &name, "Password1234!").await;
                assert_said(contract, Said::MfaRequired, &reply, "no code");
            }
        };
        no_code(12).await;
        for _ in 0..4 {
            with_code(&stand, contract, "guarded", "000000").await;
            no_code(2).await;
        }
        // Four failures so far: the fifth is free, and the sixth would not be.
        let reply = with_code(&stand, contract, "guarded", "000000").await;
        assert_said(contract, Said::Wrong, &reply, "the fifth wrong code");
        let reply = stand.password(contract, &name, "Password1234!").await;
        assert_said(contract, Said::Throttled(1), &reply, "the sixth attempt");
    }
}
