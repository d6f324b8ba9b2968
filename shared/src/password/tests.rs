//! New hashes, legacy hashes, and what each costs.

use super::argon2id::{
    FILLED, KNOWN_ANSWER_PASSWORD, KNOWN_ANSWER_SALT, KNOWN_ANSWER_TAG, known_answer_params, work,
};
use super::*;

/// Returns the new hash of a password, if an upgrade of its stored hash is due.
pub(super) fn upgrade(passwords: &Passwords, stored: &str, password: &str) -> Option<String> {
    passwords.is_upgrade_due(stored, password).then(|| passwords.hash(password, [9; 16]).unwrap())
}

#[test]
fn known_answer_test_passes_on_this_processor() {
    assert!(self_test());
    let mut tag = [0; KNOWN_ANSWER_TAG.len()];
    let reference = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, known_answer_params().unwrap());
    reference.hash_password_into(&KNOWN_ANSWER_PASSWORD, &KNOWN_ANSWER_SALT, &mut tag).unwrap();
    assert_eq!(tag, KNOWN_ANSWER_TAG);
}

#[test]
fn password_verifies_only_with_its_own_hash() {
    let passwords = Passwords::default();
    let hash = passwords.hash("pässwörd ☃", [7; 16]).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(passwords.verify(Some(&hash), "pässwörd ☃", &Peppers::default()));
    for wrong in ["pässwörd ☃ ", "PÄSSWÖRD ☃", "", "passwort"] {
        assert!(!passwords.verify(Some(&hash), wrong, &Peppers::default()), "{wrong}");
    }
}

/// The reference implementation's own output, from the `phc_strings` tests of the Argon2 specification.
#[test]
fn hash_of_the_reference_implementation_verifies() {
    let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(Passwords::default().verify(Some(reference), "password", &Peppers::default()));
    assert!(!Passwords::default().verify(Some(reference), "Password", &Peppers::default()));
}

/// Only a stored hash that is more expensive than a new one costs more.
#[test]
fn wrong_password_costs_the_work_of_a_new_hash() {
    let new = work(&Cost::DEFAULT.0);
    let hash = |params: &str| {
        format!("$argon2id$v=19${params}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
    };
    for (stored, expected) in [
        (None, new),
        (Some("!".to_owned()), new),
        (Some(hash("m=19456,t=2,p=1")), new),
        (Some(hash("m=4096,t=3,p=1")), new),
        (Some(hash("m=8,t=1,p=1")), new),
        (Some(hash("m=19448,t=2,p=1")), new),
        (Some(hash("m=65536,t=2,p=1")), 65_536 * 2),
    ] {
        FILLED.set(0);
        assert!(!Passwords::default().verify(stored.as_deref(), "x", &Peppers::default()));
        let filled = FILLED.get();
        assert!(filled.abs_diff(expected) <= 16, "{stored:?}: {filled} and not {expected}");
    }
}

#[test]
fn password_over_the_limit_is_wrong_even_with_its_own_hash() {
    let passwords = Passwords::default();
    for (length, right) in [(MAX_BYTES, true), (MAX_BYTES + 1, false)] {
        let password = "x".repeat(length);
        let hash = passwords.hash(&password, [1; 16]).unwrap();
        assert_eq!(passwords.verify(Some(&hash), &password, &Peppers::default()), right, "{length}");
    }
}

#[test]
fn cost_above_that_of_a_stored_hash_is_an_error() {
    let cost = |memory: &str, passes: &str| {
        let env = Environment::of([("ARGON2_MEMORY_KIB", memory), ("ARGON2_ITERATIONS", passes)]);
        Cost::from_env(&env)
    };
    assert_eq!(cost("", "").unwrap(), Cost::DEFAULT);
    assert!(cost("262144", "4").is_ok());
    assert_eq!(cost("262144", "5").unwrap_err().variable, "ARGON2_ITERATIONS");
}

#[test]
fn each_attempt_counts_as_one_verification() {
    let passwords = Passwords::default();
    let hash = passwords.hash("right", [1; 16]).unwrap();
    let before = passwords.verifications();
    assert!(!passwords.verify(None, "right", &Peppers::default()));
    assert!(!passwords.verify(Some("no hash"), "right", &Peppers::default()));
    assert!(!passwords.verify(Some(&hash), &"x".repeat(MAX_BYTES + 1), &Peppers::default()));
    assert!(passwords.verify(Some(&hash), "right", &Peppers::default()));
    assert_eq!(passwords.verifications() - before, 4);
}

/// Legacy hashes of `pässwörd ☃`. Django 5.2, passlib 1.7, bcrypt 5 and Python's hashlib made them.
const LEGACY: [(&str, HashAlgorithm); 15] = [
    (
        "pbkdf2_sha256$1000$saltsaltsalt$I6lYgPT6NASoMmJrmioMabGDYxNGA6c8OojHv2VHsNo=",
        HashAlgorithm::Pbkdf2Sha256,
    ),
    ("pbkdf2_sha1$1000$saltsaltsalt$EIBKrqEk0204gyoeOTtcWGj9/9k=", HashAlgorithm::Pbkdf2Sha1),
    (
        "argon2$argon2id$v=19$m=102400,t=2,p=8$NnZWOGVPWmJON0VGVVc2R2lrdVdsNA$s8LOhyh+dHnfh49Mgv56hzFQ9/UooR/G1feebhbPKXc",
        HashAlgorithm::Argon2id,
    ),
    (
        "bcrypt_sha256$$2b$04$/ejJiyk3T0XaeIYXtnP4zOqicNf2.3D8D7DOpTqIkvkFv.N8JYJDC",
        HashAlgorithm::BcryptSha256,
    ),
    ("bcrypt$$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO", HashAlgorithm::Bcrypt),
    ("$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO", HashAlgorithm::Bcrypt),
    (
        "bcrypt_suffix$33$$2a$04$tKtk5QvTmTsli2kM9AzNlOd08HjKHdGzVUlLLxtBtAy3ez8ATbAMu",
        HashAlgorithm::BcryptWithSuffix,
    ),
    (
        "scrypt$1024$saltsaltsalt$8$2$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfcj0QHWkoKq1UA5Go8owqo4VvyplvR6Z8kWQ00a6QU3bhO/VhrzWLV6Q==",
        HashAlgorithm::Scrypt,
    ),
    (
        "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$G2MNnd2FtztpB7VUrO7+YMiuPZ1yYj0pKvdl9xzUNGU",
        HashAlgorithm::Scrypt,
    ),
    (
        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$gQXu1x5KbERTJyaemxuvp+IiUbtoRPNNrYc9CBmBfrU",
        HashAlgorithm::Pbkdf2Sha256,
    ),
    (
        "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$OARApVLI3MI1fnnidh/b2hZ3WdAXTP1pBzC8SKo/VZOyPXftwcYoJeGVePebBEAZ4jb+6mLeEntQ/M27Fglnlg",
        HashAlgorithm::Pbkdf2Sha512,
    ),
    // Two blocks of SHA-1.
    (
        "$pbkdf2$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$ErzfexCWftHo6b73XX17R3gvH6w+k2WjGFVqDv6F+cQ",
        HashAlgorithm::Pbkdf2Sha1,
    ),
    ("$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/", HashAlgorithm::Phpass),
    ("$H$9P4LqyhuMRy00n81ykPwQt98ZYgrnf/", HashAlgorithm::Phpass),
    (
        "$argon2i$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$I8H0gTqmQBZsxca9EJDCQZqM+DGu+htJxWUJPuijc4Q",
        HashAlgorithm::Argon2i,
    ),
];

#[test]
fn legacy_hash_verifies_and_is_upgraded() {
    let passwords = Passwords::default();
    for (stored, algorithm) in LEGACY {
        assert_eq!(algorithm_of(stored), Ok(algorithm), "{stored}");
        assert!(passwords.verify(Some(stored), "pässwörd ☃", &Peppers::default()), "{stored}");
        for wrong in ["pässwörd ☃33", "pässwörd", "", "\0pässwörd ☃"] {
            assert!(!passwords.verify(Some(stored), wrong, &Peppers::default()), "{stored} {wrong}");
        }
        let upgraded = upgrade(&passwords, stored, "pässwörd ☃");
        // Django's default Argon2id costs more than a new hash, so it stays.
        assert_eq!(upgraded.is_none(), algorithm == HashAlgorithm::Argon2id, "{stored}");
        assert!(
            upgraded.is_none_or(|hash| passwords.verify(Some(&hash), "pässwörd ☃", &Peppers::default())),
            "{stored}"
        );
    }
}

/// The sample hashes of the products whose users can be imported.
#[test]
fn sample_hash_of_each_product_verifies() {
    let staple = "correct horse battery staple";
    for (stored, password) in [
        ("bcrypt_suffix$33$$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6", "Password1234!"),
        (
            "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaUtb3NvK4WtqmJiM16xEuVvAU9BejfXS+De92abLFHCng",
            staple,
        ),
        ("$2a$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W", staple),
        (
            "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=",
            "SecurePass123!",
        ),
    ] {
        assert!(Passwords::default().verify(Some(stored), password, &Peppers::default()), "{stored}");
        assert!(
            !Passwords::default().verify(Some(stored), &password.to_uppercase(), &Peppers::default()),
            "{stored}"
        );
    }
}

/// bcrypt reads 72 bytes. Text after them, which may be mistyped, must not become the password.
#[test]
fn hash_of_a_password_that_bcrypt_cut_off_is_not_upgraded() {
    let passwords = Passwords::default();
    let stored = "$2b$04$gA3oHZwjMF4ezEZUTYXwfeBLwse8FnXW..SSTXD8wiYgbKNlxXGcG";
    let (all, more) = ("x".repeat(72), "x".repeat(72) + "typo");
    assert!(
        passwords.verify(Some(stored), &all, &Peppers::default())
            && passwords.verify(Some(stored), &more, &Peppers::default())
    );
    assert!(!passwords.verify(Some(stored), &"x".repeat(71), &Peppers::default()));
    assert!(passwords.is_upgrade_due(stored, &all));
    assert!(!passwords.is_upgrade_due(stored, &more));
}

/// HMAC pads a key with zeros, and bcrypt repeats it with a zero in between.
#[test]
fn password_with_a_nul_is_wrong_for_every_legacy_hash() {
    let passwords = Passwords::default();
    for (stored, algorithm) in LEGACY {
        for other in ["pässwörd ☃\0", "pässwörd ☃\0\0", "pässwörd ☃\0pässwörd ☃", "pässwörd ☃33\0pässwörd ☃"]
        {
            assert!(
                !passwords.verify(Some(stored), other, &Peppers::default()),
                "{algorithm} with {other:?}"
            );
        }
    }
    let empty = "$2b$04$TzvYKNoVXNZqvJC8cqSdo.GVsv6rie7QfILaYyx07Z6KMQXymkfju";
    assert!(
        passwords.verify(Some(empty), "", &Peppers::default())
            && !passwords.verify(Some(empty), "\0", &Peppers::default())
    );
    let ours = passwords.hash("a\0b", [1; 16]).unwrap();
    assert!(
        passwords.verify(Some(&ours), "a\0b", &Peppers::default())
            && !passwords.verify(Some(&ours), "a", &Peppers::default())
    );
}

/// A string from before the second version names no version. The reference implementation reads it in the
/// same way.
#[test]
fn argon2_hash_without_a_version_is_of_the_first() {
    let passwords = Passwords::default();
    let first = "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
    assert!(passwords.verify(Some(first), "password", &Peppers::default()));
    assert!(!passwords.verify(Some(&first.replace("$m", "$v=19$m")), "password", &Peppers::default()));
}

#[test]
fn hash_is_upgraded_when_new_ones_cost_more() {
    let (cheap, expensive) =
        (Passwords::default(), Passwords::new(Cost(Params::new(19_456, 3, 1, Some(32)).unwrap()), None));
    let hash = cheap.hash("right", [1; 16]).unwrap();
    assert!(!cheap.is_upgrade_due(&hash, "right"));
    let upgraded = upgrade(&expensive, &hash, "right").unwrap();
    assert!(upgraded.contains("m=19456,t=3,p=1"));
    assert!(!expensive.is_upgrade_due(&upgraded, "right"));
    assert!(!cheap.is_upgrade_due(&upgraded, "right"));
    let first = "$argon2id$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
    let argon2i = "$argon2i$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(cheap.is_upgrade_due(argon2i, "password"), "however expensive, it is not Argon2id");
    assert!(cheap.is_upgrade_due(&first.replace("$m", "$v=16$m"), "password"));
}

/// After a cheaper legacy hash the decoy does the rest of the work of a new hash.
#[test]
fn wrong_password_for_a_legacy_hash_costs_that_hash_and_the_rest_of_a_new_one() {
    let new = work(&Cost::DEFAULT.0);
    for (stored, own) in [
        ("pbkdf2_sha256$30000$saltsaltsalt$I6lYgPT6NASoMmJrmioMabGDYxNGA6c8OojHv2VHsNo=", 30_000),
        ("pbkdf2_sha1$1000$saltsaltsalt$EIBKrqEk0204gyoeOTtcWGj9/9k=", 2000),
        ("$pbkdf2$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$ErzfexCWftHo6b73XX17R3gvH6w+k2WjGFVqDv6F+cQ", 4000),
        ("$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO", 3840),
        ("$2b$09$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO", new),
        (
            "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$G2MNnd2FtztpB7VUrO7+YMiuPZ1yYj0pKvdl9xzUNGU",
            8192 * 2 / 3,
        ),
        ("$H$9P4LqyhuMRy00n81ykPwQt98ZYgrnf/", 2048 / 2),
    ] {
        FILLED.set(0);
        assert!(!Passwords::default().verify(Some(stored), "x", &Peppers::default()));
        assert!(FILLED.get().abs_diff(new - own) <= 16, "{stored}: {}", FILLED.get());
    }
}

/// A wrong password then costs one hash of each kind, for every user.
#[test]
fn decoy_of_a_legacy_kind_makes_every_wrong_password_cost_the_same() {
    let new = work(&Cost::DEFAULT.0);
    // Argon2i, since the runs of Argon2 can be counted here.
    let like = "$argon2i$v=19$m=20000,t=4,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let env = Environment::of([("DECOY_HASH", like)]);
    let passwords = Passwords::new(Cost::DEFAULT, Decoy::from_env(&env).unwrap());
    let ours = passwords.hash("right", [1; 16]).unwrap();
    for stored in
        [None, Some(ours.as_str()), Some(like), Some("!"), Some("$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/")]
    {
        FILLED.set(0);
        assert!(!passwords.verify(stored, "wrong", &Peppers::default()));
        assert!(FILLED.get().abs_diff(new + 80_000) <= 16 + 256 / 2, "{stored:?}: {}", FILLED.get());
    }
    for wrong in [ours.as_str(), "Null", "$2y$10$"] {
        let refused = Decoy::from_env(&Environment::of([("DECOY_HASH", wrong)]));
        assert!(refused.is_err_and(|error| error.variable == "DECOY_HASH"), "{wrong}");
    }
}
