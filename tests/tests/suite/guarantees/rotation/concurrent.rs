//! Tabs that share a session and refresh at once, or a little apart, never lose it.

use std::sync::Arc;
use std::time::Duration;

use postern::Refusal;
use postern::clock::Timestamp;
use postern::session::{GRACE, SessionToken};
use postern_tests::deployment::Deployment;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use tokio::task::JoinSet;

use crate::support::raw::{self, Attribute, text};
use crate::support::sessions::{IDLE, item, policy, refresh, sha256, sign_in};

/// How far apart tabs may be, with a margin.
const APART: u64 = 25_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundred_refreshes_at_once_rotate_once_and_get_one_successor() {
    let deployment = Arc::new(Deployment::start().await);
    for kind in ["account", "email"] {
        let mut token = sign_in(&deployment, kind).await;
        for round in 0..4 {
            let mut all = JoinSet::new();
            for _ in 0..100 {
                let (deployment, token) = (Arc::clone(&deployment), token.clone());
                all.spawn(async move {
                    deployment.app.refresh(&deployment.caller(kind), &token, &policy(kind)).await
                });
            }
            let mut successors: Vec<SessionToken> = Vec::new();
            for outcome in all.join_all().await {
                match outcome {
                    Ok(Some(who)) => successors.push(who.session.unwrap()),
                    Ok(None) => panic!("{kind}, round {round}: a tab lost the session"),
                    // The table of a busy machine may not answer a hundred calls in time. Those clients get no token.
                    Err(refusal) => assert_eq!(refusal, Refusal::Unavailable),
                }
            }
            let next = refresh(&deployment, kind, &token).await.unwrap();
            assert!(!successors.is_empty(), "{kind}, round {round}");
            assert!(next.secret != token.secret, "{kind}, round {round}: the token did not rotate");
            assert!(successors.iter().all(|successor| *successor == next), "{kind}, round {round}");
            let sessions = raw::all(&deployment).await;
            let kept = sessions.iter().filter(|item| item.get("kind") == Some(&text(kind)));
            let hashes: Vec<&Attribute> = kept.filter_map(|item| item.get("current_hash")).collect();
            assert_eq!(hashes, [&text(&sha256(&next.secret))], "{kind}, round {round}");
            token = next;
            deployment.advance(GRACE);
        }
    }
}

/// Each tab has a token of its own, from its last refresh.
#[tokio::test]
async fn tabs_up_to_25_seconds_apart_with_tokens_of_their_own_keep_the_session() {
    let deployment = Deployment::start().await;
    for period in [10_000, 31_000, 60_000] {
        let began = deployment.now();
        let first = sign_in(&deployment, "account").await;
        let offsets = [0, 1, 12_500, 24_000, APART];
        let mut tokens = offsets.map(|_| first.clone());
        let rounds = (0..25).flat_map(|round| offsets.map(|offset| offset + round * period));
        let mut turns: Vec<(u64, usize)> =
            rounds.enumerate().map(|(turn, at)| (at, turn % offsets.len())).collect();
        turns.sort_unstable();
        for (at, tab) in turns {
            deployment.set_time(began.plus(Duration::from_millis(at)));
            let next = refresh(&deployment, "account", &tokens[tab]).await;
            tokens[tab] = next.unwrap_or_else(|| panic!("tab {tab}, every {period} ms, lost it at {at}"));
        }
        deployment.advance(IDLE);
    }
}

/// Tabs share the store of their token, and see a change up to 25 seconds late. So each presents a token that was
/// current at most that long ago. Whatever their schedule, the session stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn client_at_most_25_seconds_behind_keeps_the_session() {
    let deployment = Deployment::start().await;
    let config = Config { cases: 10, failure_persistence: None, ..Config::default() };
    let schedule = vec((0..45_000_u64, 0..=APART), 40);
    tokio::task::block_in_place(|| {
        let run = TestRunner::new(config).run(&schedule, |steps| {
            tokio::runtime::Handle::current().block_on(follow(&deployment, steps));
            Ok(())
        });
        run.unwrap();
    });
}

/// Follows a schedule of pauses, and of how long ago the presented token was current.
async fn follow(deployment: &Deployment, steps: Vec<(u64, u64)>) {
    let token = sign_in(deployment, "session").await;
    let mut written: Vec<(Timestamp, SessionToken)> = vec![(deployment.now(), token)];
    for (pause, behind) in steps {
        deployment.advance(Duration::from_millis(pause));
        let now = deployment.now();
        let seen = now.minus(Duration::from_millis(behind));
        let (_, presented) =
            written.iter().rev().find(|(at, _)| *at <= seen).or_else(|| written.first()).unwrap().clone();
        let given = refresh(deployment, "session", &presented).await;
        let given = given.unwrap_or_else(|| panic!("{behind} ms behind, and it is lost"));
        let (_, present) = written.last().unwrap();
        if given != *present {
            written.push((now, given));
        }
    }
    let (_, present) = written.last().unwrap();
    assert_eq!(item(deployment, present).await.unwrap()["current_hash"], text(&sha256(&present.secret)));
}
