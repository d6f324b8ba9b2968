//! Refreshes of sessions in the store: each gives a successor, until the session, the user or the user's epoch ends.

use std::time::Duration;

use postern::app::SignOut;
use postern::clock::Timestamp;
use postern::identity::Status;
use postern::session::{GRACE, SessionSecret, SessionToken};
use postern::store::Written;
use postern_tests::deployment::Deployment;

use crate::support::raw::{self, Attribute, number, text};
use crate::support::sessions::{IDLE, KINDS, MOMENT, OWNER, item, millis, refresh, sha256, sign_in};

#[tokio::test]
async fn first_refresh_and_every_later_one_rotate() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let mut token = sign_in(&deployment, kind).await;
        for _ in 0..3 {
            let next = refresh(&deployment, kind, &token).await.unwrap();
            assert!(next.secret != token.secret && next.secret.len() == token.secret.len(), "{kind}");
            assert!(next.family == token.family && next.user_id == OWNER, "{kind}");
            let item = item(&deployment, &token).await.unwrap();
            assert_eq!(item["current_hash"], text(&sha256(&next.secret)), "{kind}");
            assert_eq!(item["previous_hash"], text(&sha256(&token.secret)), "{kind}");
            assert_eq!(item["rotated_at"], number(deployment.now().millis()), "{kind}");
            token = next;
            deployment.advance(GRACE);
        }
    }
}

#[tokio::test]
async fn token_rotated_within_the_grace_gives_the_same_successor() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        let next = refresh(&deployment, kind, &token).await.unwrap();
        let rotated = item(&deployment, &token).await;
        for pause in [Duration::ZERO, MOMENT, GRACE - MOMENT * 2] {
            deployment.advance(pause);
            assert!(
                refresh(&deployment, kind, &token).await == Some(next.clone()),
                "{kind}, {pause:?} later"
            );
        }
        assert_eq!(item(&deployment, &token).await, rotated, "{kind}");
    }
}

#[tokio::test]
async fn token_younger_than_the_grace_is_kept() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let first = sign_in(&deployment, kind).await;
        let token = refresh(&deployment, kind, &first).await.unwrap();
        deployment.advance(GRACE - MOMENT);
        assert!(refresh(&deployment, kind, &token).await == Some(token.clone()), "{kind}");
        deployment.advance(MOMENT);
        let next = refresh(&deployment, kind, &token).await.unwrap();
        assert!(next.secret != token.secret, "{kind} rotates when it is as old as the grace");
    }
}

#[tokio::test]
async fn idle_session_ends_to_the_second_and_a_refresh_postpones_it() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        // The time is in the middle of a second. The stored end is its beginning.
        deployment.set_time(Timestamp::from_millis(1_700_000_000_500));
        let mut token = sign_in(&deployment, kind).await;
        for _ in 0..2 {
            let expires = millis(&item(&deployment, &token).await.unwrap(), "expires_at");
            deployment.set_time(Timestamp::from_millis(expires * 1000 - 1));
            token = refresh(&deployment, kind, &token).await.expect("it is there for a moment more");
            let later = millis(&item(&deployment, &token).await.unwrap(), "expires_at");
            assert_eq!(later, expires - 1 + IDLE.as_secs(), "{kind}");
        }
        let last = item(&deployment, &token).await.unwrap();
        deployment.set_time(Timestamp::from_millis(millis(&last, "expires_at") * 1000));
        for _ in 0..2 {
            assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind} is over");
        }
        // A token that comes too late is no reuse. The item is left for collection.
        assert_eq!(item(&deployment, &token).await, Some(last), "{kind}");
    }
}

#[tokio::test]
async fn session_ends_at_its_absolute_end_however_often_it_is_used() {
    let deployment = Deployment::start_with(|env| env.with("SESSION_ABSOLUTE_SECONDS", "100")).await;
    for kind in KINDS {
        // The last token is tried while it is young, and when it would be rotated.
        for refreshes in [&[40_000, 80_000, 99_999][..], &[40_000]] {
            let began = Timestamp::from_millis(1_700_000_000_000);
            deployment.set_time(began);
            let mut token = sign_in(&deployment, kind).await;
            for at in refreshes {
                deployment.set_time(began.plus(Duration::from_millis(*at)));
                token = refresh(&deployment, kind, &token).await.unwrap();
            }
            deployment.set_time(began.plus(Duration::from_secs(100)));
            assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind} {refreshes:?}");
            let resumed = deployment.app.resume(&deployment.caller(kind), &token, kind, IDLE).await;
            assert_eq!(resumed.map(|user| user.is_some()), Ok(false), "{kind} {refreshes:?}");
        }
    }
}

#[tokio::test]
async fn token_of_another_kind_is_refused_and_ends_nothing() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        let guessed = SessionToken { secret: SessionSecret::base62("x".repeat(43)), ..token.clone() };
        let before = item(&deployment, &token).await;
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            for presented in [&token, &guessed] {
                assert!(refresh(&deployment, other, presented).await.is_none(), "{kind} at {other}");
                let caller = deployment.caller(other);
                let resumed = deployment.app.resume(&caller, presented, other, IDLE).await;
                assert_eq!(resumed.map(|user| user.is_some()), Ok(false), "{kind} at {other}");
                assert_eq!(
                    deployment.app.sign_out(&caller, presented, other).await,
                    Ok(SignOut::NoSession),
                    "{kind} at {other}"
                );
            }
        }
        assert_eq!(item(&deployment, &token).await, before, "{kind}");
        assert!(refresh(&deployment, kind, &token).await.is_some(), "{kind}");
    }
}

/// What ends all sessions of a user, and what does not bring them back afterwards.
#[tokio::test]
async fn new_epoch_ends_every_session_at_once_and_for_good() {
    let deployment = Deployment::start().await;
    for disable in [false, true] {
        let mut old = Vec::new();
        for kind in KINDS {
            let first = sign_in(&deployment, kind).await;
            let next = refresh(&deployment, kind, &first).await.unwrap();
            // A moment ago these tokens would have been rotated, kept, or answered with their successor.
            old.extend([(kind, sign_in(&deployment, kind).await), (kind, first), (kind, next)]);
        }
        let now = deployment.now();
        let ended = match disable {
            true => deployment.store.set_status(OWNER, Status::Disabled, now).await,
            false => deployment.store.end_sessions(OWNER, now).await,
        };
        assert_eq!(ended, Ok(Written::Done));
        for again in [false, true] {
            for (kind, token) in &old {
                assert!(refresh(&deployment, kind, token).await.is_none(), "{kind}");
                let resumed = deployment.app.resume(&deployment.caller(kind), token, kind, IDLE).await;
                assert_eq!(resumed.map(|user| user.is_some()), Ok(false), "{kind}");
            }
            if !again {
                assert_eq!(
                    deployment.store.set_status(OWNER, Status::Active, deployment.now()).await,
                    Ok(Written::Done)
                );
                deployment.advance(GRACE);
            }
        }
        for kind in KINDS {
            let token = sign_in(&deployment, kind).await;
            assert!(refresh(&deployment, kind, &token).await.is_some(), "{kind}: a new session is valid");
        }
    }
}

#[tokio::test]
async fn session_of_a_user_who_may_not_sign_in_is_refused_without_a_reason() {
    let deployment = Deployment::start().await;
    let user = raw::user(&deployment, OWNER).await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        // Written without `set_status`, so the epoch of the session is still current.
        for (member, value) in [
            ("status", text("disabled")),
            ("status", text("blocked")),
            ("status", text("not_activated")),
            ("must_change_password", Attribute::Bool(true)),
        ] {
            let mut barred = user.clone();
            barred.insert(member.to_owned(), value);
            raw::put(&deployment, "USER#33", "USER", barred).await;
            assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}");
            let resumed = deployment.app.resume(&deployment.caller(kind), &token, kind, IDLE).await;
            assert_eq!(resumed.map(|user| user.is_some()), Ok(false), "{kind}");
        }
        raw::remove(&deployment, "USER#33", "USER").await;
        assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}: a session of no user");
        let resumed = deployment.app.resume(&deployment.caller(kind), &token, kind, IDLE).await;
        assert_eq!(resumed.map(|user| user.is_some()), Ok(false), "{kind}");
        raw::put(&deployment, "USER#33", "USER", user.clone()).await;
    }
}
