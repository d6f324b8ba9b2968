//! What the refreshes of account and email have in common: tokens rotate, a replay within the grace is allowed, and a
//! later one ends the session.

mod concurrent;
mod late_answers;
mod policy;
mod reuse;
mod sessions;
mod tabs;

use std::time::Duration;

use postern::clock::Timestamp;
use postern::session::GRACE;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::raw::{self, Attribute, text};
use crate::support::tokens::{
    OWNER, OperatorAction, REFRESHABLE, assert_access_refused, assert_refused, ending, post_bytes, present,
    refresh, refreshed, refreshing, sessions, sign_in,
};
use crate::support::words::{Refused, assert_refusal, assert_reply};

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn ten_refreshes_give_ten_different_tokens() {
    let deployment = Deployment::start().await;
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        let mut given = vec![first.clone()];
        for round in 0..10 {
            let tokens = refreshed(&deployment, contract, &given[round].refresh).await;
            assert_eq!(
                tokens.session(contract).family,
                first.session(contract).family,
                "{contract}, round {round}"
            );
            for earlier in &given {
                assert_ne!(tokens.secret(contract), earlier.secret(contract), "{contract}, round {round}");
                assert_ne!(tokens.access, earlier.access, "{contract}, round {round}");
            }
            assert_eq!(present(&deployment, contract, &tokens.access).await.status, 200, "{contract}");
            given.push(tokens);
            deployment.advance(GRACE);
        }
        assert_eq!(sessions(&deployment, contract).await.len(), 1, "{contract}");
    }
}

#[tokio::test]
async fn refresh_of_a_token_younger_than_the_grace_returns_it_with_a_new_access_token() {
    let deployment = Deployment::start().await;
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        let young = refreshed(&deployment, contract, &first.refresh).await;
        deployment.advance(GRACE - MOMENT);
        let same = refreshed(&deployment, contract, &young.refresh).await;
        assert_eq!(same.secret(contract), young.secret(contract), "{contract}");
        assert_ne!(same.access, young.access, "{contract}");
        assert_eq!(present(&deployment, contract, &same.access).await.status, 200, "{contract}");
        deployment.advance(MOMENT);
        let next = refreshed(&deployment, contract, &same.refresh).await;
        assert_ne!(next.secret(contract), young.secret(contract), "{contract}");
    }
}

#[tokio::test]
async fn replay_within_the_grace_gets_the_same_successor_and_a_later_one_ends_the_session() {
    let deployment = Deployment::start().await;
    for contract in REFRESHABLE {
        let elsewhere = sign_in(&deployment, contract).await;
        let first = sign_in(&deployment, contract).await;
        let next = refreshed(&deployment, contract, &first.refresh).await;
        for pause in [Duration::ZERO, GRACE - MOMENT] {
            deployment.advance(pause);
            let again = refreshed(&deployment, contract, &first.refresh).await;
            assert_eq!(again.secret(contract), next.secret(contract), "{contract}, {pause:?} later");
            assert_ne!(again.access, next.access, "{contract}, {pause:?} later");
            assert_eq!(present(&deployment, contract, &again.access).await.status, 200, "{contract}");
        }
        deployment.advance(MOMENT);
        let next = refreshed(&deployment, contract, &next.refresh).await;
        for (of, token) in [("a used token", &first), ("its successor", &next), ("once more", &first)] {
            let reply = refresh(&deployment, contract, &token.refresh).await;
            assert_refused(contract, &reply, &format!("{contract}: {of}"));
        }
        // Email's access token names no session, and lives for minutes.
        if contract == "email" {
            deployment.advance(Duration::from_secs(300));
        }
        for tokens in [&first, &next] {
            let reply = present(&deployment, contract, &tokens.access).await;
            assert_access_refused(contract, &reply, &format!("{contract}: the family's access token"));
        }
        let elsewhere = refreshed(&deployment, contract, &elsewhere.refresh).await;
        assert_eq!(
            present(&deployment, contract, &elsewhere.access).await.status,
            200,
            "{contract}: another one"
        );
        assert_eq!(sessions(&deployment, contract).await.len(), 1, "{contract}");
    }
}

#[tokio::test]
async fn replay_after_the_grace_without_late_answers_ends_the_session() {
    let deployment = Deployment::start_with(|env| env.with("SESSION_LOST_REPLY_SECONDS", "30")).await;
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        let next = refreshed(&deployment, contract, &first.refresh).await;
        deployment.advance(GRACE);
        for token in [&first, &next] {
            assert_refused(contract, &refresh(&deployment, contract, &token.refresh).await, contract);
        }
    }
}

#[tokio::test]
async fn session_that_is_idle_or_too_old_ends_to_the_second() {
    let deployment = Deployment::start_with(|env| {
        env.with("SESSION_IDLE_SECONDS", "100")
            .with("EMAIL_REFRESH_TOKEN_SECONDS", "100")
            .with("SESSION_ABSOLUTE_SECONDS", "250")
            .with("ACCOUNT_ACCESS_TOKEN_SECONDS", "1000")
            .with("EMAIL_ACCESS_TOKEN_SECONDS", "1000")
    })
    .await;
    for contract in REFRESHABLE {
        for (refreshes, over) in [(&[][..], 100), (&[99], 199), (&[99, 198], 250), (&[99, 198, 249], 250)] {
            let began = Timestamp::from_millis(1_700_000_000_000);
            deployment.set_time(began);
            let mut tokens = sign_in(&deployment, contract).await;
            for at in refreshes {
                deployment.set_time(began.plus(Duration::from_secs(*at)));
                tokens = refreshed(&deployment, contract, &tokens.refresh).await;
            }
            deployment.set_time(began.plus(Duration::from_secs(over) - MOMENT));
            let of = format!("{contract} refreshed at {refreshes:?}");
            assert_eq!(present(&deployment, contract, &tokens.access).await.status, 200, "{of}");
            deployment.set_time(began.plus(Duration::from_secs(over)));
            assert_refused(contract, &refresh(&deployment, contract, &tokens.refresh).await, &of);
            if contract == "account" {
                assert_access_refused(contract, &deployment.sso(&tokens.access).await, &of);
            }
            // A token that comes too late is no reuse: no session is ended.
            deployment.set_time(began.plus(Duration::from_secs(over) - MOMENT));
            refreshed(&deployment, contract, &tokens.refresh).await;
        }
    }
}

#[tokio::test]
async fn operator_action_ends_both_tokens_at_once_and_for_good() {
    let deployment = Deployment::start().await;
    for contract in REFRESHABLE {
        for action in OperatorAction::ALL {
            let of = format!("{contract}, {action:?}");
            let first = sign_in(&deployment, contract).await;
            let next = refreshed(&deployment, contract, &first.refresh).await;
            let fresh = sign_in(&deployment, contract).await;
            // A moment ago these tokens would have been rotated, kept, or answered with their successor.
            let all = [&first, &next, &fresh];
            action.apply(&deployment).await;
            for tokens in all {
                assert_refused(contract, &refresh(&deployment, contract, &tokens.refresh).await, &of);
                let reply = present(&deployment, contract, &tokens.access).await;
                // Only sso discloses why.
                if action.disables_the_user() && contract == "account" {
                    assert_refusal("sso", Refused::Disabled, &reply, &of);
                } else {
                    assert_access_refused(contract, &reply, &of);
                }
            }
            OperatorAction::undo(&deployment).await;
            for tokens in all {
                assert_refused(contract, &refresh(&deployment, contract, &tokens.refresh).await, &of);
                assert_access_refused(contract, &present(&deployment, contract, &tokens.access).await, &of);
            }
            let again = sign_in(&deployment, contract).await;
            let again = refreshed(&deployment, contract, &again.refresh).await;
            assert_eq!(present(&deployment, contract, &again.access).await.status, 200, "{of}");
        }
    }
}

/// A state that was written without a new epoch, as another tool may do.
#[tokio::test]
async fn refresh_of_a_user_who_may_not_sign_in_is_refused() {
    let deployment = Deployment::start().await;
    let user = raw::user(&deployment, OWNER).await;
    for contract in REFRESHABLE {
        let tokens = sign_in(&deployment, contract).await;
        for (member, value, refused) in [
            ("status", text("disabled"), Refused::Disabled),
            ("status", text("not_activated"), Refused::NotActivated),
            ("must_change_password", Attribute::Bool(true), Refused::MustChangePassword),
        ] {
            let mut barred = user.clone();
            barred.insert(member.to_owned(), value);
            raw::put(&deployment, "USER#33", "USER", barred).await;
            let of = format!("{contract}, {refused:?}");
            let refreshed = refresh(&deployment, contract, &tokens.refresh).await;
            let presented = present(&deployment, contract, &tokens.access).await;
            assert_refused(contract, &refreshed, &of);
            if contract == "account" {
                assert_refusal("sso", refused, &presented, &of);
            } else {
                assert_access_refused(contract, &presented, &of);
            }
        }
        raw::remove(&deployment, "USER#33", "USER").await;
        assert_refused(contract, &refresh(&deployment, contract, &tokens.refresh).await, "nobody");
        assert_access_refused(contract, &present(&deployment, contract, &tokens.access).await, "nobody");
        raw::put(&deployment, "USER#33", "USER", user.clone()).await;
        refreshed(&deployment, contract, &tokens.refresh).await;
    }
}

#[tokio::test]
async fn refresh_accepts_both_slash_forms_and_base64_and_no_other_method_or_path() {
    let deployment = Deployment::start().await;
    for contract in REFRESHABLE {
        let tokens = sign_in(&deployment, contract).await;
        let requests = [refreshing(contract, &tokens.refresh), ending(contract, &tokens.refresh)];
        for (path, headers, body) in &requests {
            let bare = path.trim_end_matches('/');
            for path in [path, bare] {
                for method in ["GET", "PUT", "DELETE", "HEAD"] {
                    let reply = deployment.request(contract, method, path, headers, body).await;
                    let text = r#"{"message":"Method Not Allowed"}"#;
                    assert_reply(&reply, 405, text, json!({"allow": "POST"}), &format!("{method} {path}"));
                }
            }
            for path in [format!("{path}/"), format!("{bare}x"), path.to_uppercase()] {
                let reply = deployment.request(contract, "POST", &path, headers, body).await;
                assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), &path);
            }
        }
        for request in [refreshing, ending] {
            for with_slash in [true, false] {
                for in_base64 in [true, false] {
                    let tokens = sign_in(&deployment, contract).await;
                    let (path, headers, body) = request(contract, &tokens.refresh);
                    let path = if with_slash { path } else { path.trim_end_matches('/') };
                    let reply = if in_base64 {
                        post_bytes(&deployment, contract, path, &headers, body.as_bytes()).await
                    } else {
                        deployment.request(contract, "POST", path, &headers, &body).await
                    };
                    assert_eq!(reply.status, 200, "{path}, in base64: {in_base64}");
                }
            }
        }
    }
}
