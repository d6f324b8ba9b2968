//! The plain form of session tokens.

use proptest::prelude::*;

use super::*;

fn token(user_id: u64) -> SessionToken {
    SessionToken { user_id, family: "Family0123".to_owned(), secret: SessionSecret::random_base62() }
}

#[test]
fn plain_token_is_64_characters_of_base62() {
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
fn text_of_another_form_is_no_plain_token() {
    let valid = token(1).to_plain();
    // The largest id, and one more: 62^11 is more than 2^64.
    let too_high = "LygHa16AHYG".to_owned() + &valid[11..];
    assert!(SessionToken::from_plain(&("LygHa16AHYF".to_owned() + &valid[11..])).is_some());
    for text in [
        "",
        &valid[1..],
        &format!("{valid}0"),
        &valid.replacen('0', "-", 1),
        &valid.replacen("00", "é", 1),
        &too_high,
    ] {
        assert!(SessionToken::from_plain(text).is_none(), "{text}");
    }
}

#[test]
fn number_in_base62_uses_every_character_and_keeps_its_value() {
    let text: String = (0..500).map(|_| SessionSecret::random_base62().to_string()).collect();
    assert!(BASE62.iter().all(|c| text.contains(char::from(*c))));
    // 2^256 − 1, computed by another program.
    assert_eq!(base62(&[255; 32], 43), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    assert_eq!(base62(&[1, 0], 3), "048");
}

#[test]
fn debug_shows_neither_a_secret_nor_its_hash() {
    for secret in [SessionSecret::random_base62(), SessionSecret::random_hex()] {
        let hash = secret.hash();
        let shown = format!("{secret:?} {secret:#?} {hash:?} {hash:#?}");
        assert!(!shown.contains(&*secret) && !shown.contains(hash.as_str()), "{shown}");
    }
}

proptest! {
    #[test]
    fn plain_token_reads_back_unchanged(user_id: u64) {
        let token = token(user_id);
        let read = SessionToken::from_plain(&token.to_plain()).unwrap();
        prop_assert_eq!((read.user_id, read.family, read.secret), (user_id, token.family, token.secret));
    }

    #[test]
    fn token_parser_never_panics(text in "\\PC{0,80}", at in 0usize..64, c: char) {
        let _ = SessionToken::from_plain(&text);
        let mut changed: Vec<char> = token(1).to_plain().chars().collect();
        changed[at] = c;
        let _ = SessionToken::from_plain(&changed.into_iter().collect::<String>());
    }
}
