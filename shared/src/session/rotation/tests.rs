//! Every verdict, at the boundaries of its conditions.

use std::time::Duration;

use super::super::new::*;
use super::super::token::{SecretHash, SessionSecret, SessionToken};
use super::*;
use crate::clock::Timestamp;
use crate::environment::Environment;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

#[test]
fn session_with_a_longer_idle_time_ends_at_its_absolute_end() {
    let request = SessionRequest {
        kind: "test",
        device: None,
        secret: SessionSecret::random_hex(),
        idle: Duration::from_secs(20),
        absolute: Duration::from_secs(10),
    };
    let session = NewSession::begin(request, 1, 0, NOW);
    assert_eq!(session.expires_at, session.ends_at);
    assert_eq!(session.ends_at, NOW.plus(Duration::from_secs(10)));
    assert_eq!(session.token.secret.len(), 32);
}

#[test]
fn successor_has_the_same_form_and_depends_on_the_secret_and_the_nonce() {
    for secret in [SessionSecret::random_base62(), SessionSecret::random_hex()] {
        let token = SessionToken { user_id: 7, family: "Family0123".to_owned(), secret };
        let next = token.successor("nonce");
        assert_eq!((next.user_id, &next.family), (7, &token.family));
        assert_eq!(next.secret.len(), token.secret.len());
        assert!(next.secret != token.secret && next.secret != token.successor("other").secret);
        assert_eq!(next.secret, token.successor("nonce").secret);
        if token.secret.len() == 32 {
            assert!(next.secret.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        }
    }
}

/// Returns a session that was rotated this long ago.
fn rotated(ago: Duration) -> Session {
    Session {
        id: SecretHash::of("Family0123").as_str().to_owned(),
        kind: "test".to_owned(),
        device: None,
        epoch: 3,
        last_used: None,
        created_at: NOW.minus(Duration::from_secs(3600)),
        rotated_at: NOW.minus(ago),
        expires_at: NOW.plus(Duration::from_secs(1)),
        ends_at: NOW.plus(Duration::from_secs(1)),
        current_hash: SecretHash::of("current"),
        previous_hash: Some(SecretHash::of("previous")),
        derived_with: Some("nonce".to_owned()),
        rotations: 9,
        presented: false,
        late_answer: None,
    }
}

/// Returns the policy for this kind of session: it gives late answers up to an hour after the rotation.
fn policy(kind: &'static str) -> RefreshPolicy {
    RefreshPolicy { kind, idle: Duration::from_secs(1), lost_reply: Duration::from_secs(3600) }
}

#[test]
fn secret_gets_the_verdict_of_its_age_and_generation() {
    const MOMENT: Duration = Duration::from_millis(1);
    let (young, old) = (GRACE - MOMENT, GRACE);
    let late = Verdict::GiveLate { nonce: "nonce", repeated: false };
    let (last, too_late) = (policy("test").lost_reply - MOMENT, policy("test").lost_reply);
    for (ago, secret, verdict) in [
        (Duration::ZERO, "current", Verdict::Keep { recorded: false }),
        (young, "current", Verdict::Keep { recorded: false }),
        (Duration::ZERO, "previous", Verdict::GiveAgain("nonce")),
        (young, "previous", Verdict::GiveAgain("nonce")),
        (old, "previous", late),
        (last, "previous", late),
        (too_late, "previous", Verdict::Reused),
        (Duration::ZERO, "older", Verdict::Reused),
        (old, "older", Verdict::Reused),
        (old, "", Verdict::Reused),
    ] {
        assert_eq!(
            rotated(ago).judge(&policy("test"), &SessionSecret::base62(secret), NOW),
            verdict,
            "{secret} after {ago:?}"
        );
    }
    assert_eq!(
        rotated(young).judge(&policy("other"), &SessionSecret::base62("current"), NOW),
        Verdict::Ended
    );
    // Before the first rotation there is no previous secret.
    let new = Session { previous_hash: None, derived_with: None, ..rotated(old) };
    assert_eq!(new.judge(&policy("test"), &SessionSecret::base62("previous"), NOW), Verdict::Reused);
    let presented = Session { presented: true, ..rotated(old) };
    assert_eq!(presented.judge(&policy("test"), &SessionSecret::base62("previous"), NOW), Verdict::Reused);
    assert_eq!(
        presented.judge(&policy("test"), &SessionSecret::base62("current"), NOW),
        Verdict::Keep { recorded: true }
    );
    let without = RefreshPolicy { lost_reply: GRACE, ..policy("test") };
    assert_eq!(rotated(old).judge(&without, &SessionSecret::base62("previous"), NOW), Verdict::Reused);
}

#[test]
fn lost_reply_setting_out_of_bounds_is_an_error_that_names_it() {
    let of = |value| lost_reply(&Environment::of([("SESSION_LOST_REPLY_SECONDS", value)]));
    assert_eq!(lost_reply(&Environment::of::<&str, &str>([])).unwrap(), MAX_LOST_REPLY);
    assert_eq!(of("30").unwrap(), GRACE);
    for value in ["29", "86401", "x", "-1"] {
        let error = of(value).unwrap_err().to_string();
        assert!(
            error.contains("SESSION_LOST_REPLY_SECONDS") && error.contains("from 30 to 86400"),
            "{error}"
        );
    }
}

#[test]
fn late_answer_is_repeated_within_the_grace_and_given_anew_after_three_rotations() {
    const MOMENT: Duration = Duration::from_millis(1);
    let late = |rotations, ago| {
        let late_answer = Some(LateAnswer { rotations, at: NOW.minus(ago) });
        Session { late_answer, ..rotated(GRACE * 4) }
    };
    let verdict =
        |session: &Session| match session.judge(&policy("test"), &SessionSecret::base62("previous"), NOW) {
            Verdict::GiveLate { repeated, .. } => Some(repeated),
            Verdict::Reused => None,
            verdict => panic!("{verdict:?}"),
        };
    assert_eq!(verdict(&late(9, GRACE - MOMENT)), Some(true));
    assert_eq!(verdict(&late(9, GRACE)), None);
    assert_eq!(verdict(&late(8, Duration::ZERO)), None);
    assert_eq!(verdict(&late(7, Duration::ZERO)), None);
    assert_eq!(verdict(&late(6, Duration::ZERO)), Some(false));
    assert_eq!(verdict(&late(u64::MAX, GRACE)), None, "a number that is never written gives no late answer");
}

#[test]
fn session_at_its_end_has_ended_to_the_second() {
    let second = Duration::from_secs(1);
    for session in [
        Session { expires_at: NOW, ends_at: NOW.plus(second), ..rotated(GRACE) },
        Session { expires_at: NOW.plus(second), ends_at: NOW, ..rotated(GRACE) },
    ] {
        for secret in ["current", "previous", "older"] {
            assert_eq!(session.judge(&policy("test"), &SessionSecret::base62(secret), NOW), Verdict::Ended);
        }
        assert!(!session.is_alive(3, NOW));
        assert!(session.is_alive(3, NOW.minus(Duration::from_millis(1))));
        assert!(!session.is_alive(4, NOW.minus(second)), "the user's epoch moved on");
    }
}
