//! The policy of a refresh, written a second time and compared with the conditional write of the store: a session in
//! any state is rotated, kept, answered again, ended or left alone as the policy says.

use postern::clock::Timestamp;
use postern::session::{SessionSecret, SessionToken};
use postern_tests::deployment::Deployment;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use ring::hmac;

use crate::support::raw::{Attribute, Item, number, text};
use crate::support::sessions::{IDLE, OWNER, item, put, sha256};

const SECOND: i64 = 1_700_000_000;

/// A session as it is stored, and what is presented to it.
#[derive(Clone, Debug)]
struct Case {
    /// The milliseconds of the present second.
    millis: i64,
    /// Milliseconds since the session was rotated. Another function's clock may be ahead.
    rotated_ago: i64,
    /// Seconds until the idle end and until the absolute end.
    expires_in: i64,
    ends_in: i64,
    was_rotated: bool,
    /// The session began in the user's present epoch.
    same_epoch: bool,
    same_kind: bool,
    presented: Presented,
    /// The present token was presented while it was kept.
    known: bool,
    /// Rotations and milliseconds since the last late answer.
    late_answer: Option<(u64, i64)>,
}

/// How often each of these sessions was rotated.
const ROTATIONS: u64 = 9;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presented {
    Current,
    Previous,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// No token, and the session as it was.
    LeftAlone,
    /// A new token.
    Rotated,
    /// The same token.
    Kept,
    /// The same token, and the session knows from now on that it was presented.
    KeptAndRecorded,
    /// The token that replaced this one.
    GivenAgain,
    /// The token that replaced this one, and the session knows from now on that it was given late.
    GivenLate,
    /// No token, and no session.
    Ended,
}

fn expected(case: &Case) -> Expected {
    if !case.same_kind || case.expires_in <= 0 || case.ends_in <= 0 {
        return Expected::LeftAlone;
    }
    let within_the_grace = case.rotated_ago < 30_000;
    match case.presented {
        Presented::Current if within_the_grace && case.known => Expected::Kept,
        Presented::Current if within_the_grace => Expected::KeptAndRecorded,
        Presented::Current => Expected::Rotated,
        Presented::Previous if case.was_rotated && within_the_grace => Expected::GivenAgain,
        Presented::Previous if case.was_rotated && !case.known && case.rotated_ago < 86_400_000 => {
            match case.late_answer {
                Some((0, ago)) if ago < 30_000 => Expected::GivenAgain,
                Some((0..3, _)) => Expected::Ended,
                None | Some((3.., _)) => Expected::GivenLate,
            }
        }
        Presented::Previous | Presented::Other => Expected::Ended,
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let ago = prop_oneof![
        3 => select(vec![0, 1, 29_000, 29_999, 30_000, 30_001, 31_000]),
        1 => -5_000..100_000_i64,
        1 => select(vec![86_399_999, 86_400_000, 100_000_000]),
    ];
    let late_ago = prop_oneof![select(vec![0, 29_999, 30_000]), -5_000..100_000_i64];
    let late_answer = prop::option::weighted(0.6, (0..5_u64, late_ago));
    // Most sessions are alive, so that more than expiry is tried.
    let ends = || {
        prop_oneof![
            1 => select(vec![-1, 0, 1]),
            2 => 1..1_000_000_i64,
        ]
    };
    let presented =
        select(vec![Presented::Current, Presented::Current, Presented::Previous, Presented::Other]);
    let often = || prop::bool::weighted(0.85);
    let state = (prop::bool::weighted(0.3), late_answer);
    (0..1000_i64, ago, ends(), ends(), often(), often(), often(), presented, state).prop_map(
        |(millis, rotated_ago, expires_in, ends_in, was_rotated, same_epoch, same_kind, presented, state)| {
            let (known, late_answer) = state;
            Case {
                millis,
                rotated_ago,
                expires_in,
                ends_in,
                was_rotated,
                same_epoch,
                same_kind,
                presented,
                known,
                late_answer,
            }
        },
    )
}

/// A token of the family of all these sessions. It has 32 digits, so that its successor is easy to compute here.
fn token(secret: char) -> SessionToken {
    let secret = SessionSecret::hex(secret.to_string().repeat(32));
    SessionToken { user_id: OWNER, family: "Family0123".to_owned(), secret }
}

fn stored(case: &Case) -> Item {
    let at = |seconds: i64| number((SECOND + seconds) as u64);
    let mut item = Item::from(
        [
            ("kind", text("email")),
            ("current_hash", text(&sha256(&token('c').secret))),
            ("epoch", number(u64::from(!case.same_epoch))),
            ("created_at", number(1_600_000_000_000_u64)),
            ("rotated_at", number((SECOND * 1000 + case.millis - case.rotated_ago) as u64)),
            ("expires_at", at(case.expires_in)),
            ("ends_at", at(case.ends_in)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if case.was_rotated {
        item.insert("previous_hash".to_owned(), text(&sha256(&token('a').secret)));
        item.insert("derived_with".to_owned(), text("nonce"));
        item.insert("rotations".to_owned(), number(ROTATIONS));
        if let Some((rotations, ago)) = case.late_answer {
            let at = (SECOND * 1000 + case.millis - ago) as u64;
            item.insert("late_answer".to_owned(), late_answer(ROTATIONS - rotations, at));
        }
    }
    if case.known {
        item.insert("presented".to_owned(), Attribute::Bool(true));
    }
    item
}

fn late_answer(rotations: u64, at: u64) -> Attribute {
    let members = [("rotations", rotations), ("at", at)];
    Attribute::M(members.map(|(name, value)| (name.to_owned(), number(value))).into())
}

async fn holds(deployment: &Deployment, case: &Case) {
    let now = Timestamp::from_millis((SECOND * 1000 + case.millis) as u64);
    deployment.set_time(now);
    let presented = token(match case.presented {
        Presented::Current => 'c',
        Presented::Previous => 'a',
        Presented::Other => '0',
    });
    put(deployment, &presented, stored(case)).await;
    let before = item(deployment, &presented).await;
    let kind = if case.same_kind { "email" } else { "account" };
    let given = deployment
        .app
        .refresh(&deployment.caller(kind), &presented, &crate::support::sessions::policy(kind))
        .await
        .unwrap();
    let given = given.map(|who| who.session.unwrap().secret);
    let after = item(deployment, &presented).await;

    let expected = expected(case);
    match expected {
        Expected::LeftAlone | Expected::Kept | Expected::GivenAgain => assert_eq!(after, before, "{case:?}"),
        Expected::KeptAndRecorded => {
            let mut recorded = before.unwrap();
            recorded.insert("presented".to_owned(), Attribute::Bool(true));
            assert_eq!(after, Some(recorded), "{case:?}");
        }
        // A user who may not sign in uses up no late answer.
        Expected::GivenLate if !case.same_epoch => assert_eq!(after, before, "{case:?}"),
        Expected::GivenLate => {
            let mut recorded = before.unwrap();
            recorded.insert("late_answer".to_owned(), late_answer(ROTATIONS, now.millis()));
            assert_eq!(after, Some(recorded), "{case:?}");
        }
        Expected::Ended => assert_eq!(after, None, "{case:?}"),
        Expected::Rotated => {
            let (mut rotated, after) = (before.unwrap(), after.unwrap());
            assert_ne!(after["current_hash"], rotated["current_hash"], "{case:?}");
            rotated.insert("previous_hash".to_owned(), text(&sha256(&presented.secret)));
            rotated.insert("rotated_at".to_owned(), number(now.millis()));
            rotated.insert("expires_at".to_owned(), number(now.plus(IDLE).secs()));
            let rotations = if case.was_rotated { ROTATIONS } else { 0 };
            rotated.insert("rotations".to_owned(), number(rotations + 1));
            rotated.remove("presented");
            for drawn in ["current_hash", "derived_with"] {
                rotated.insert(drawn.to_owned(), after[drawn].clone());
            }
            assert_eq!(after, rotated, "{case:?}");
            if let Some(given) = &given {
                assert_eq!(after["current_hash"], text(&sha256(given)), "{case:?}");
            }
        }
    }
    // A session of another epoch gives no token, whatever becomes of it.
    let gets = !matches!(expected, Expected::LeftAlone | Expected::Ended) && case.same_epoch;
    assert_eq!(given.is_some(), gets, "{case:?}");
    match (expected, given) {
        (Expected::Kept | Expected::KeptAndRecorded, Some(given)) => {
            assert_eq!(given, presented.secret, "{case:?}")
        }
        (Expected::GivenAgain | Expected::GivenLate, Some(given)) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, presented.secret.as_bytes());
            let successor = hex::encode(hmac::sign(&key, b"postern refreshnonce").as_ref());
            assert_eq!(*given, successor[..32], "{case:?}");
        }
        (Expected::Rotated, Some(given)) => assert_ne!(given, presented.secret, "{case:?}"),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn session_in_any_state_follows_the_policy() {
    let deployment = Deployment::start().await;
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    tokio::task::block_in_place(|| {
        let run = TestRunner::new(config).run(&cases(), |case| {
            tokio::runtime::Handle::current().block_on(holds(&deployment, &case));
            Ok(())
        });
        run.unwrap();
    });
}
