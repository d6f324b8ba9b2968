//! What account's and email's refreshes have in common: tokens rotate, replays within the grace are forgiven, and later
//! ones end the family.

use std::time::Duration;

use postern::ambient::Timestamp;
use postern::session::GRACE;
use postern_tests::stand::Stand;
use serde_json::json;

use super::http::{
    Deed, OWNER, RENEWABLE, assert_access_refused, assert_refused, ending, post_bytes, present, refresh,
    refreshing, renew, sessions, sign_in,
};
use crate::raw::{self, Attribute, text};
use crate::words::{Said, assert_reply, assert_said};

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_client_refreshes_ten_times_and_each_token_is_another() {
    let stand = Stand::start().await;
    for contract in RENEWABLE {
        let first = sign_in(&stand, contract).await;
        let mut given = vec![first.clone()];
        for round in 0..10 {
            let tokens = renew(&stand, contract, &given[round].refresh).await;
            assert_eq!(
                tokens.session(contract).family,
                first.session(contract).family,
                "{contract}, round {round}"
            );
            for earlier in &given {
                assert_ne!(tokens.secret(contract), earlier.secret(contract), "{contract}, round {round}");
                assert_ne!(tokens.access, earlier.access, "{contract}, round {round}");
            }
            assert_eq!(present(&stand, contract, &tokens.access).await.status, 200, "{contract}");
            given.push(tokens);
            stand.advance(GRACE);
        }
        assert_eq!(sessions(&stand, contract).await.len(), 1, "{contract}");
    }
}

#[tokio::test]
async fn a_token_that_is_younger_than_the_grace_is_answered_with_itself_and_a_new_access_token() {
    let stand = Stand::start().await;
    for contract in RENEWABLE {
        let first = sign_in(&stand, contract).await;
        let young = renew(&stand, contract, &first.refresh).await;
        stand.advance(GRACE - MOMENT);
        let same = renew(&stand, contract, &young.refresh).await;
        assert_eq!(same.secret(contract), young.secret(contract), "{contract}");
        assert_ne!(same.access, young.access, "{contract}");
        assert_eq!(present(&stand, contract, &same.access).await.status, 200, "{contract}");
        stand.advance(MOMENT);
        let next = renew(&stand, contract, &same.refresh).await;
        assert_ne!(next.secret(contract), young.secret(contract), "{contract}");
    }
}

#[tokio::test]
async fn a_replay_within_the_grace_gets_the_same_successor_and_a_later_one_ends_the_family() {
    let stand = Stand::start().await;
    for contract in RENEWABLE {
        let elsewhere = sign_in(&stand, contract).await;
        let first = sign_in(&stand, contract).await;
        let next = renew(&stand, contract, &first.refresh).await;
        for pause in [Duration::ZERO, GRACE - MOMENT] {
            stand.advance(pause);
            let again = renew(&stand, contract, &first.refresh).await;
            assert_eq!(again.secret(contract), next.secret(contract), "{contract}, {pause:?} later");
            assert_ne!(again.access, next.access, "{contract}, {pause:?} later");
            assert_eq!(present(&stand, contract, &again.access).await.status, 200, "{contract}");
        }
        stand.advance(MOMENT);
        let next = renew(&stand, contract, &next.refresh).await;
        for (of, token) in [("a used token", &first), ("its successor", &next), ("once more", &first)] {
            let reply = refresh(&stand, contract, &token.refresh).await;
            assert_refused(contract, &reply, &format!("{contract}: {of}"));
        }
        // Email's access token names no session, and lives for minutes.
        if contract == "email" {
            stand.advance(Duration::from_secs(300));
        }
        for tokens in [&first, &next] {
            let reply = present(&stand, contract, &tokens.access).await;
            assert_access_refused(contract, &reply, &format!("{contract}: the family's access token"));
        }
        let elsewhere = renew(&stand, contract, &elsewhere.refresh).await;
        assert_eq!(present(&stand, contract, &elsewhere.access).await.status, 200, "{contract}: another one");
        assert_eq!(sessions(&stand, contract).await.len(), 1, "{contract}");
    }
}

#[tokio::test]
async fn replay_after_the_grace_ends_the_family_where_the_setting_gives_no_late_answers() {
    let stand = Stand::start_with(|env| env.with("SESSION_LOST_REPLY_SECONDS", "30")).await;
    for contract in RENEWABLE {
        let first = sign_in(&stand, contract).await;
        let next = renew(&stand, contract, &first.refresh).await;
        stand.advance(GRACE);
        for token in [&first, &next] {
            assert_refused(contract, &refresh(&stand, contract, &token.refresh).await, contract);
        }
    }
}

#[tokio::test]
async fn an_idle_session_and_one_that_is_too_old_end_to_the_second() {
    let stand = Stand::start_with(|env| {
        env.with("SESSION_IDLE_SECONDS", "100")
            .with("EMAIL_REFRESH_TOKEN_SECONDS", "100")
            .with("SESSION_ABSOLUTE_SECONDS", "250")
            .with("ACCOUNT_ACCESS_TOKEN_SECONDS", "1000")
            .with("EMAIL_ACCESS_TOKEN_SECONDS", "1000")
    })
    .await;
    for contract in RENEWABLE {
        for (refreshes, over) in [(&[][..], 100), (&[99], 199), (&[99, 198], 250), (&[99, 198, 249], 250)] {
            let began = Timestamp::from_millis(1_700_000_000_000);
            stand.set_time(began);
            let mut tokens = sign_in(&stand, contract).await;
            for at in refreshes {
                stand.set_time(began.plus(Duration::from_secs(*at)));
                tokens = renew(&stand, contract, &tokens.refresh).await;
            }
            stand.set_time(began.plus(Duration::from_secs(over) - MOMENT));
            let of = format!("{contract} refreshed at {refreshes:?}");
            assert_eq!(present(&stand, contract, &tokens.access).await.status, 200, "{of}");
            stand.set_time(began.plus(Duration::from_secs(over)));
            assert_refused(contract, &refresh(&stand, contract, &tokens.refresh).await, &of);
            if contract == "account" {
                assert_access_refused(contract, &stand.sso(&tokens.access).await, &of);
            }
            // Who comes too late is no thief: nothing was ended.
            stand.set_time(began.plus(Duration::from_secs(over) - MOMENT));
            renew(&stand, contract, &tokens.refresh).await;
        }
    }
}

#[tokio::test]
async fn what_an_operator_does_ends_both_tokens_at_once_and_nothing_brings_them_back() {
    let stand = Stand::start().await;
    for contract in RENEWABLE {
        for deed in Deed::ALL {
            let of = format!("{contract}, {deed:?}");
            let first = sign_in(&stand, contract).await;
            let next = renew(&stand, contract, &first.refresh).await;
            let fresh = sign_in(&stand, contract).await;
            // A moment ago they would have given their successor, been kept, and rotated.
            let all = [&first, &next, &fresh];
            deed.to(&stand).await;
            for tokens in all {
                assert_refused(contract, &refresh(&stand, contract, &tokens.refresh).await, &of);
                let reply = present(&stand, contract, &tokens.access).await;
                // sso alone says why.
                if deed.bars() && contract == "account" {
                    assert_said("sso", Said::Disabled, &reply, &of);
                } else {
                    assert_access_refused(contract, &reply, &of);
                }
            }
            Deed::undo(&stand).await;
            for tokens in all {
                assert_refused(contract, &refresh(&stand, contract, &tokens.refresh).await, &of);
                assert_access_refused(contract, &present(&stand, contract, &tokens.access).await, &of);
            }
            let again = sign_in(&stand, contract).await;
            let again = renew(&stand, contract, &again.refresh).await;
            assert_eq!(present(&stand, contract, &again.access).await.status, 200, "{of}");
        }
    }
}

/// A state that was written without an epoch, as by someone else's tool.
#[tokio::test]
async fn a_state_that_bars_the_user_bars_refreshes_too() {
    let stand = Stand::start().await;
    let user = raw::user(&stand, OWNER).await;
    for contract in RENEWABLE {
        let tokens = sign_in(&stand, contract).await;
        for (member, value, said) in [
            ("status", text("disabled"), Said::Disabled),
            ("status", text("not_activated"), Said::NotActivated),
            ("must_change_password", Attribute::Bool(true), Said::MustChangePassword),
        ] {
            let mut barred = user.clone();
            barred.insert(member.to_owned(), value);
            raw::put(&stand, "USER#33", "USER", barred).await;
            let of = format!("{contract}, {said:?}");
            let refreshed = refresh(&stand, contract, &tokens.refresh).await;
            let presented = present(&stand, contract, &tokens.access).await;
            assert_refused(contract, &refreshed, &of);
            if contract == "account" {
                assert_said("sso", said, &presented, &of);
            } else {
                assert_access_refused(contract, &presented, &of);
            }
        }
        raw::remove(&stand, "USER#33", "USER").await;
        assert_refused(contract, &refresh(&stand, contract, &tokens.refresh).await, "nobody");
        assert_access_refused(contract, &present(&stand, contract, &tokens.access).await, "nobody");
        raw::put(&stand, "USER#33", "USER", user.clone()).await;
        renew(&stand, contract, &tokens.refresh).await;
    }
}

#[tokio::test]
async fn both_slashes_are_served_and_a_body_in_base64_and_no_other_method_or_path() {
    let stand = Stand::start().await;
    for contract in RENEWABLE {
        let tokens = sign_in(&stand, contract).await;
        let requests = [refreshing(contract, &tokens.refresh), ending(contract, &tokens.refresh)];
        for (path, headers, body) in &requests {
            let bare = path.trim_end_matches('/');
            for path in [path, bare] {
                for method in ["GET", "PUT", "DELETE", "HEAD"] {
                    let reply = stand.request(contract, method, path, headers, body).await;
                    let text = r#"{"message":"Method Not Allowed"}"#;
                    assert_reply(&reply, 405, text, json!({"allow": "POST"}), &format!("{method} {path}"));
                }
            }
            for path in [format!("{path}/"), format!("{bare}x"), path.to_uppercase()] {
                let reply = stand.request(contract, "POST", &path, headers, body).await;
                assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), &path);
            }
        }
        for request in [refreshing, ending] {
            for with_slash in [true, false] {
                for in_base64 in [true, false] {
                    let tokens = sign_in(&stand, contract).await;
                    let (path, headers, body) = request(contract, &tokens.refresh);
                    let path = if with_slash { path } else { path.trim_end_matches('/') };
                    let reply = if in_base64 {
                        post_bytes(&stand, contract, path, &headers, body.as_bytes()).await
                    } else {
                        stand.request(contract, "POST", path, &headers, &body).await
                    };
                    assert_eq!(reply.status, 200, "{path}, in base64: {in_base64}");
                }
            }
        }
    }
}
