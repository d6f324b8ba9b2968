//! Tokens in their plain form, and every verdict at its boundaries.

use proptest::prelude::*;

use std::time::Duration;

use super::super::new::*;
use super::super::token::*;
use super::*;
use crate::clock::Timestamp;
use crate::environment::Environment;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn token(user_id: u64) -> SessionToken {
    SessionToken { user_id, family: "Family0123".to_owned(), secret: plain_secret() }
}

#[test]
fn a_plain_token_is_64_characters_of_base62() {
    for user_id in [1, 33, u64::MAX] {
        let plain = token(user_id).to_plain();
        assert_eq!(plain.len(), 64);
        assert!(plain.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    assert!(token(61).to_plain().starts_with("0000000000z"));
    assert!(token(62).to_plain().starts_with("00000000010"));
    assert_ne!(token(1).to_plain(), token(1).to_plain());
}

#[test]
fn what_is_no_plain_token_is_none() {
    let good = token(1).to_plain();
    // The largest id, and one more: 62^11 is more than 2^64.
    let too_high = "LygHa16AHYG".to_owned() + &good[11..];
    assert!(SessionToken::from_plain(&("LygHa16AHYF".to_owned() + &good[11..])).is_some());
    for word in [
        "",
        &good[1..],
        &format!("{good}0"),
        &good.replacen('0', "-", 1),
        &good.replacen("00", "é", 1),
        &too_high,
    ] {
        assert!(SessionToken::from_plain(word).is_none(), "{word}");
    }
}

#[test]
fn every_character_comes_up_and_a_whole_number_fits() {
    let text: String = (0..500).map(|_| plain_secret()).collect();
    assert!(BASE62.iter().all(|c| text.contains(char::from(*c))));
    // 2^256 − 1, computed elsewhere.
    assert_eq!(base62(&[255; 32], 43), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    assert_eq!(base62(&[1, 0], 3), "048");
}

#[test]
fn no_session_outlives_its_absolute_end() {
    let request = SessionRequest {
        kind: "test",
        device: None,
        secret: hex_secret(),
        idle: Duration::from_secs(20),
        absolute: Duration::from_secs(10),
    };
    let session = NewSession::begin(request, 1, 0, NOW);
    assert_eq!(session.expires_at, session.ends_at);
    assert_eq!(session.ends_at, NOW.plus(Duration::from_secs(10)));
    assert_eq!(session.token.secret.len(), 32);
}

#[test]
fn a_successor_is_of_the_same_form_and_takes_the_secret_and_the_nonce() {
    for secret in [plain_secret(), hex_secret()] {
        let token = SessionToken { secret, ..token(7) };
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

/// A session that was rotated this long ago.
fn rotated(ago: Duration) -> Session {
    Session {
        id: sha256("Family0123"),
        kind: "test".to_owned(),
        device: None,
        epoch: 3,
        created_at: NOW.minus(Duration::from_secs(3600)),
        rotated_at: NOW.minus(ago),
        expires_at: NOW.plus(Duration::from_secs(1)),
        ends_at: NOW.plus(Duration::from_secs(1)),
        current_hash: sha256("current"),
        previous_hash: Some(sha256("previous")),
        derived_with: Some("nonce".to_owned()),
        rotations: 9,
        presented: false,
        late_answer: None,
    }
}

/// How sessions of this kind are refreshed: late answers are given up to an hour after the rotation.
fn policy(kind: &'static str) -> RefreshPolicy {
    RefreshPolicy { kind, idle: Duration::from_secs(1), lost_reply: Duration::from_secs(3600) }
}

#[test]
fn the_verdicts() {
    const MOMENT: Duration = Duration::from_millis(1);
    let (young, old) = (GRACE - MOMENT, GRACE);
    let late = Verdict::GiveLate { nonce: "nonce", again: false };
    let (last, too_late) = (policy("test").lost_reply - MOMENT, policy("test").lost_reply);
    for (ago, secret, verdict) in [
        (Duration::ZERO, "current", Verdict::Keep { known: false }),
        (young, "current", Verdict::Keep { known: false }),
        (Duration::ZERO, "previous", Verdict::GiveAgain("nonce")),
        (young, "previous", Verdict::GiveAgain("nonce")),
        (old, "previous", late),
        (last, "previous", late),
        (too_late, "previous", Verdict::Reused),
        (Duration::ZERO, "older", Verdict::Reused),
        (old, "older", Verdict::Reused),
        (old, "", Verdict::Reused),
    ] {
        assert_eq!(rotated(ago).judge(&policy("test"), secret, NOW), verdict, "{secret} after {ago:?}");
    }
    assert_eq!(rotated(young).judge(&policy("other"), "current", NOW), Verdict::Over);
    // Before its first rotation nothing came before.
    let new = Session { previous_hash: None, derived_with: None, ..rotated(old) };
    assert_eq!(new.judge(&policy("test"), "previous", NOW), Verdict::Reused);
    let presented = Session { presented: true, ..rotated(old) };
    assert_eq!(presented.judge(&policy("test"), "previous", NOW), Verdict::Reused);
    assert_eq!(presented.judge(&policy("test"), "current", NOW), Verdict::Keep { known: true });
    let without = RefreshPolicy { lost_reply: GRACE, ..policy("test") };
    assert_eq!(rotated(old).judge(&without, "previous", NOW), Verdict::Reused);
}

#[test]
fn the_setting_of_lost_replies_is_bounded_and_named() {
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
fn a_late_answer_is_given_again_within_the_grace_and_anew_after_three_rotations() {
    const MOMENT: Duration = Duration::from_millis(1);
    let late = |rotations, ago| {
        let late_answer = Some(LateAnswer { rotations, at: NOW.minus(ago) });
        Session { late_answer, ..rotated(GRACE * 4) }
    };
    let verdict = |session: &Session| match session.judge(&policy("test"), "previous", NOW) {
        Verdict::GiveLate { again, .. } => Some(again),
        Verdict::Reused => None,
        verdict => panic!("{verdict:?}"),
    };
    assert_eq!(verdict(&late(9, GRACE - MOMENT)), Some(true));
    assert_eq!(verdict(&late(9, GRACE)), None);
    assert_eq!(verdict(&late(8, Duration::ZERO)), None);
    assert_eq!(verdict(&late(7, Duration::ZERO)), None);
    assert_eq!(verdict(&late(6, Duration::ZERO)), Some(false));
    assert_eq!(verdict(&late(u64::MAX, GRACE)), None, "what nobody writes gives nothing");
}

#[test]
fn over_is_over_to_the_second() {
    let second = Duration::from_secs(1);
    for session in [
        Session { expires_at: NOW, ends_at: NOW.plus(second), ..rotated(GRACE) },
        Session { expires_at: NOW.plus(second), ends_at: NOW, ..rotated(GRACE) },
    ] {
        for secret in ["current", "previous", "older"] {
            assert_eq!(session.judge(&policy("test"), secret, NOW), Verdict::Over);
        }
        assert!(!session.is_alive(3, NOW));
        assert!(session.is_alive(3, NOW.minus(Duration::from_millis(1))));
        assert!(!session.is_alive(4, NOW.minus(second)), "the user's epoch moved on");
    }
}

proptest! {
    #[test]
    fn a_plain_token_reads_back(user_id: u64) {
        let token = token(user_id);
        let read = SessionToken::from_plain(&token.to_plain()).unwrap();
        prop_assert_eq!((read.user_id, read.family, read.secret), (user_id, token.family, token.secret));
    }

    #[test]
    fn no_word_makes_the_parser_panic(word in "\\PC{0,80}", at in 0usize..64, c: char) {
        let _ = SessionToken::from_plain(&word);
        let mut changed: Vec<char> = token(1).to_plain().chars().collect();
        changed[at] = c;
        let _ = SessionToken::from_plain(&changed.into_iter().collect::<String>());
    }
}
