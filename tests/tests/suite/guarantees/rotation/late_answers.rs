//! A client that lost the reply to a refresh, and asks again after the grace, gets the same successor once. A thief who
//! does the same is detected.

use std::sync::Arc;
use std::time::Duration;

use postern::Refusal;
use postern::session::{GRACE, RefreshPolicy, SessionToken};
use postern_tests::deployment::Deployment;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::task::JoinSet;

use super::reuse::audited;
use crate::support::proxy::{Proxy, error, first};
use crate::support::raw;
use crate::support::sessions::{IDLE, KINDS, LOST_REPLY, MOMENT, OWNER, item, policy, refresh, sign_in};

const LATE: &str = "UpdateItem SESSIONS SET late_answer";
const PRESENTATION: &str = "UpdateItem SESSIONS SET presented";

/// A session whose last rotation is one grace ago: the token that was rotated, and its successor.
async fn lost(deployment: &Deployment, kind: &'static str) -> (SessionToken, SessionToken) {
    let token = sign_in(deployment, kind).await;
    let policy = RefreshPolicy { idle: IDLE * 2, ..policy(kind) };
    let given = deployment.app.refresh(&deployment.caller(kind), &token, &policy).await.unwrap();
    deployment.advance(GRACE);
    (token, given.unwrap().session.unwrap())
}

#[tokio::test]
async fn refresh_after_a_lost_reply_gets_the_same_successor_for_24_hours_with_an_outcome_of_its_own() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        for wait in [Duration::ZERO, Duration::from_secs(3), LOST_REPLY - GRACE * 2] {
            let (token, next) = lost(&deployment, kind).await;
            deployment.advance(wait);
            let id = format!("late-{kind}-{wait:?}");
            let (granted, outcome, user) = audited(&deployment, kind, &token, &id).await;
            assert_eq!((granted, outcome.as_str()), (true, Some("session_refreshed_late")), "{id}");
            assert_eq!(user, OWNER, "{id}");
            // Tabs that wake together get the successor together.
            deployment.advance(GRACE - MOMENT);
            assert!(refresh(&deployment, kind, &token).await == Some(next.clone()), "{id}");
            assert!(refresh(&deployment, kind, &next).await.is_some(), "{id}: the successor is valid");
        }
        let (token, _) = lost(&deployment, kind).await;
        deployment.advance(LOST_REPLY - GRACE);
        assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}: a day is the most");
        assert_eq!(item(&deployment, &token).await, None, "{kind}");
    }
}

#[tokio::test]
async fn refresh_with_a_token_whose_successor_was_presented_ends_the_session() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        for kept in [true, false] {
            let token = sign_in(&deployment, kind).await;
            let next = refresh(&deployment, kind, &token).await.unwrap();
            deployment.advance(if kept { GRACE - MOMENT } else { GRACE });
            let given = refresh(&deployment, kind, &next).await.unwrap();
            assert_eq!(given == next, kept, "{kind}");
            deployment.advance(GRACE);
            assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}, kept: {kept}");
            assert_eq!(item(&deployment, &token).await, None, "{kind}, kept: {kept}");
        }
    }
}

#[tokio::test]
async fn second_late_answer_before_three_rotations_ends_the_session() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        for rotations in 0..5 {
            let (mut parent, mut token) = lost(&deployment, kind).await;
            assert!(refresh(&deployment, kind, &parent).await == Some(token.clone()), "{kind}");
            deployment.advance(GRACE);
            for _ in 0..rotations {
                let next = refresh(&deployment, kind, &token).await.unwrap();
                (parent, token) = (token, next);
                deployment.advance(GRACE);
            }
            let again = refresh(&deployment, kind, &parent).await;
            assert_eq!(again.is_some(), rotations >= 3, "{kind} after {rotations} rotations");
            assert_eq!(
                item(&deployment, &parent).await.is_some(),
                rotations >= 3,
                "{kind} after {rotations}"
            );
        }
    }
}

#[tokio::test]
async fn setting_of_thirty_seconds_gives_no_late_answer() {
    let deployment = Deployment::start().await;
    let (token, _) = lost(&deployment, "account").await;
    let policy = RefreshPolicy { lost_reply: GRACE, ..policy("account") };
    let given = deployment.app.refresh(&deployment.caller("account"), &token, &policy).await.unwrap();
    assert!(given.is_none());
    assert_eq!(item(&deployment, &token).await, None);
}

#[tokio::test]
async fn user_who_may_not_sign_in_uses_up_no_late_answer() {
    let deployment = Deployment::start().await;
    let user = raw::user(&deployment, OWNER).await;
    for kind in KINDS {
        let (token, next) = lost(&deployment, kind).await;
        let before = item(&deployment, &token).await;
        let mut barred = user.clone();
        barred.insert("status".to_owned(), raw::text("disabled"));
        raw::put(&deployment, "USER#33", "USER", barred).await;
        assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}");
        assert_eq!(item(&deployment, &token).await, before, "{kind}");
        raw::put(&deployment, "USER#33", "USER", user.clone()).await;
        assert!(refresh(&deployment, kind, &token).await == Some(next), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_late_answers_are_one_and_lose_no_session() {
    let deployment = Arc::new(Deployment::start().await);
    for round in 0..10 {
        let (token, next) = lost(&deployment, "account").await;
        let mut all = JoinSet::new();
        for at in 0..20 {
            // In every second round the successor is presented at the same time as its parent.
            let presented = if round % 2 == 1 && at == 10 { next.clone() } else { token.clone() };
            let deployment = Arc::clone(&deployment);
            all.spawn(async move {
                deployment.app.refresh(&deployment.caller("account"), &presented, &policy("account")).await
            });
        }
        let given = all.join_all().await;
        if round % 2 == 0 {
            for outcome in given {
                match outcome {
                    Ok(who) => assert!(who.unwrap().session.unwrap() == next, "round {round}"),
                    Err(refusal) => assert_eq!(refusal, Refusal::Unavailable),
                }
            }
            assert!(refresh(&deployment, "account", &next).await.is_some(), "round {round}");
        } else if item(&deployment, &token).await.is_some() {
            // A parent before the presentation was answered. A parent after it ended the session.
            let good = given.into_iter().filter_map(|outcome| outcome.ok().flatten());
            assert!(good.count() > 0, "round {round}");
        }
    }
}

#[tokio::test]
async fn late_answer_whose_write_gets_no_reply_is_given_again() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for kind in KINDS {
        for lost_replies in [1, 3] {
            let (token, next) = lost(&deployment, kind).await;
            proxy.lose(first(lost_replies, LATE, error(500, "InternalServerError")));
            let outcome = deployment.app.refresh(&deployment.caller(kind), &token, &policy(kind)).await;
            proxy.heal();
            match lost_replies {
                // The SDK sends the write again, and finds it recorded.
                1 => assert!(outcome.unwrap().unwrap().session.unwrap() == next, "{kind}"),
                _ => assert_eq!(outcome.err(), Some(Refusal::Unavailable), "{kind}"),
            }
            assert!(
                refresh(&deployment, kind, &token).await == Some(next.clone()),
                "{kind}: within the grace"
            );
            assert!(refresh(&deployment, kind, &next).await.is_some(), "{kind}");
        }
    }
}

#[tokio::test]
async fn presentation_that_cannot_be_recorded_is_an_error_and_loses_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        let next = refresh(&deployment, kind, &token).await.unwrap();
        proxy.fail(|call| call.starts_with(PRESENTATION).then(|| error(500, "InternalServerError")));
        let outcome = deployment.app.refresh(&deployment.caller(kind), &next, &policy(kind)).await;
        assert_eq!(outcome.err(), Some(Refusal::Unavailable), "{kind}");
        proxy.heal();
        assert!(refresh(&deployment, kind, &next).await == Some(next.clone()), "{kind}");
    }
}

/// One step of an owner and a thief who hold the same token.
#[derive(Clone, Debug)]
struct Step {
    /// Seconds since the step before: never within the grace of the other's.
    pause: u64,
    thief: bool,
    /// The owner's reply is lost.
    lost: bool,
}

/// The owner and the thief begin with the same token. After the thief's first refresh and two answered refreshes of the
/// owner, the thief gets nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn thief_with_a_shared_token_gets_nothing_after_two_refreshes_of_the_owner() {
    let deployment = Deployment::start().await;
    let step = (31..5 * 3600_u64, any::<bool>(), prop::bool::weighted(0.3));
    let steps = vec(step.prop_map(|(pause, thief, lost)| Step { pause, thief, lost }), 1..24);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    tokio::task::block_in_place(|| {
        let run = TestRunner::new(config).run(&(0..3_usize, steps), |(before, steps)| {
            tokio::runtime::Handle::current().block_on(theft(&deployment, before, steps));
            Ok(())
        });
        run.unwrap();
    });
}

async fn theft(deployment: &Deployment, before: usize, steps: Vec<Step>) {
    let mut owner = sign_in(deployment, "account").await;
    for _ in 0..before {
        owner = refresh(deployment, "account", &owner).await.unwrap();
        deployment.advance(GRACE);
    }
    let mut thief = owner.clone();
    // The number of the owner's refreshes that were answered since the thief's first.
    let mut answered = None;
    for step in &steps {
        deployment.advance(Duration::from_secs(step.pause));
        let presented = if step.thief { &mut thief } else { &mut owner };
        let given = refresh(deployment, "account", presented).await;
        match (given, &mut answered) {
            (Some(given), answered) if step.thief => {
                assert!(answered.is_none_or(|count| count < 2), "the thief goes on: {steps:?}");
                *presented = given;
                answered.get_or_insert(0);
            }
            (Some(given), answered) => {
                if let Some(count) = answered {
                    *count += 1;
                }
                if !step.lost {
                    *presented = given;
                }
            }
            (None, _) => return,
        }
    }
}

/// Counts how often a client that loses one reply in twenty is signed out in 2,000 refreshes, an hour apart. It asks
/// again a minute after a reply was lost.
async fn sign_outs(deployment: &Deployment, policy: &RefreshPolicy) -> u32 {
    let mut random = fastrand::Rng::with_seed(7009);
    let mut token = sign_in(deployment, "account").await;
    let mut signed_out = 0;
    for _ in 0..2000 {
        deployment.advance(Duration::from_secs(3600));
        loop {
            let given = deployment.app.refresh(&deployment.caller("account"), &token, policy).await.unwrap();
            let lost = random.u32(0..20) == 0;
            match given {
                None => {
                    signed_out += 1;
                    token = sign_in(deployment, "account").await;
                    break;
                }
                Some(_) if lost => deployment.advance(Duration::from_secs(60)),
                Some(given) => {
                    token = given.session.unwrap();
                    break;
                }
            }
        }
    }
    signed_out
}

#[tokio::test]
async fn client_that_loses_one_reply_in_twenty_is_signed_out_less_often_than_without_late_answers() {
    let deployment = Deployment::start_with(|env| env.with("SESSION_ABSOLUTE_SECONDS", "315360000")).await;
    let with = RefreshPolicy { idle: IDLE * 30, ..policy("account") };
    let without = RefreshPolicy { lost_reply: GRACE, ..with };
    let (with, without) = (sign_outs(&deployment, &with).await, sign_outs(&deployment, &without).await);
    println!("signed out in 2,000 refreshes: {with} times with late answers, {without} without");
    assert!(with * 4 < without && with > 0, "{with} of {without}");
}
