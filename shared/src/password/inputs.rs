//! Passwords that a hash does not read as they are, and work that grows with the length of the password.

use std::collections::BTreeMap;

use super::argon2id::FILLED;
use super::*;

/// The hash of `1парол`, and also of `9жежил`, by libxcrypt.
const LOSSY_2X: &str = "$2x$04$abcdefghijklmnopqrstuuCvymYZGiFOu71DMeSxq2U4KXEI9T1XK";

/// Passwords of one digit and five Russian letters have only 128 different hashes.
#[test]
fn password_is_wrong_for_2x_if_its_fault_lost_bytes() {
    let passwords = Passwords::default();
    assert_eq!(
        legacy::sign_extended_key("1парол".as_bytes()),
        legacy::sign_extended_key("9жежил".as_bytes())
    );
    for password in ["1парол", "9жежил"] {
        assert!(!passwords.verify(Some(LOSSY_2X), password, &Peppers::default()), "{password}");
    }
    // Of `парол`. Each of its bytes is in one of the words that the fault left whole.
    let whole = "$2x$04$abcdefghijklmnopqrstuuc1V.jdaFxkDMsyz7NCxdOo08LNLyI0S";
    assert!(passwords.verify(Some(whole), "парол", &Peppers::default()));
    assert!(!passwords.verify(Some(whole), "жарол", &Peppers::default()));
    assert!(passwords.is_upgrade_due(whole, "парол"));
}

#[test]
fn passwords_that_2x_accepts_have_different_keys() {
    let mut keys: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    let mut refused = 0;
    let letters = ["a", "1", "é", "ж", "☃"];
    for length in 1..=6_u32 {
        for number in 0..5_usize.pow(length) {
            let digits = (0..length).map(|place| number / 5_usize.pow(place) % 5);
            let password: String = digits.filter_map(|digit| letters.get(digit)).copied().collect();
            let (key, is_whole) = legacy::sign_extended_key(password.as_bytes());
            assert!(is_whole || !password.is_ascii(), "{password}");
            if is_whole {
                let other = keys.insert(key, password.clone());
                assert_eq!(other, None, "{password}");
            } else {
                refused += 1;
            }
        }
    }
    assert!(keys.len() > 5000 && refused > 5000, "{} {refused}", keys.len());
}

/// WordPress trims a password. The spaces may be mistyped, and must not become a part of it.
#[test]
fn hash_of_a_password_that_wordpress_trimmed_is_not_upgraded() {
    let passwords = Passwords::default();
    let stored = "$wp$2y$04$BXbPsXJkiYhfQR6jbpPtaOExqWO.ZJ8pjxOi6E8wNrn3hIoy8wZ.K";
    for (password, due) in [("spaces around", true), (" spaces around ", false), ("spaces around\t", false)] {
        assert!(passwords.verify(Some(stored), password, &Peppers::default()), "{password:?}");
        assert_eq!(passwords.is_upgrade_due(stored, password), due, "{password:?}");
    }
}

/// Python's hashlib made these hashes of as many `x`.
#[test]
fn password_over_256_bytes_is_wrong_for_phpass() {
    for (length, stored, right) in [
        (200, "$P$5saltsaltVyXF2qZONk.Z8bIUaQ5/6/", true),
        (256, "$P$5saltsaltOG7XRabnGxZDH0ng0Otfz1", true),
        (257, "$P$5saltsaltDoeCCaDavsJXgI8AlzT7w.", false),
        // The hash of the empty password, whose work a longer one costs.
        (0, "$P$5saltsalt/VyEB6TNW7sFL3r0f4uQ31", true),
        (257, "$P$5saltsalt/VyEB6TNW7sFL3r0f4uQ31", false),
    ] {
        let password = "x".repeat(length);
        let passwords = Passwords::default();
        assert_eq!(passwords.verify(Some(stored), &password, &Peppers::default()), right, "{length}");
    }
}

#[test]
fn password_over_256_bytes_is_wrong_for_crypt() {
    let Ok(Imported::Fast(fast)) =
        classify("$5$rounds=1000$salt$ClwCOiuosfwAL5e3Gfy5BAxI1XfNz0VUxCbnGeuT0b4")
    else {
        panic!("not crypt")
    };
    let digest = |length| crypt::sha256("x".repeat(length).as_bytes(), b"salt", 1000).unwrap();
    // A longer password has no digest. It is tried with nothing under the layer.
    for (length, digest, right) in [(256, digest(256), true), (257, digest(257), false), (257, vec![], false)]
    {
        let password = "x".repeat(length);
        let fast = FastDigest { digest, ..fast.clone() };
        let passwords = Passwords::default();
        let stored = passwords.layer(&fast, [3; 16]).unwrap();
        assert_eq!(passwords.verify(Some(&stored), &password, &Peppers::default()), right, "{length}");
    }
}

/// The caller chooses the length. If the decoy did not count it, a long password would show who is imported.
#[test]
fn longer_password_leaves_less_work_to_the_decoy() {
    let new = Cost::DEFAULT.work();
    let layer = "argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let phpass = "$P$BtsaltsaTvm1kHTLmjcPQIYCwU5aNM0".to_owned();
    let crypt = |kind: &str| format!("layered${kind}$c2FsdA${layer}");
    // A password over 256 bytes is tried as the empty one by phpass, and not at all by crypt.
    for (stored, lengths) in [
        (phpass, [(39, 4096), (40, 6144), (256, 12_288), (257, 4096), (1024, 4096)]),
        (crypt("md5-crypt$"), [(39, 804), (40, 812), (256, 2500), (257, 0), (1024, 0)]),
        (crypt("sha256-crypt$6000"), [(39, 1609), (40, 1625), (256, 5000), (257, 0), (1024, 0)]),
        (crypt("sha512-crypt$6000"), [(39, 4828), (40, 4875), (256, 15_000), (257, 0), (1024, 0)]),
    ] {
        for (length, own) in lengths {
            FILLED.set(0);
            assert!(!Passwords::default().verify(Some(&stored), &"x".repeat(length), &Peppers::default()));
            let filled = FILLED.get();
            assert!(filled.abs_diff(new - own) <= 16, "{stored} of {length}: {filled} and {own}");
        }
        // The password has 255 bytes, and 170 in NFC.
        let hash: Hash = stored.parse().unwrap();
        let own = hash.work(255) + hash.work(170);
        FILLED.set(0);
        assert!(!Passwords::default().verify(Some(&stored), &"e\u{301}".repeat(85), &Peppers::default()));
        assert!(FILLED.get().abs_diff(2 * new - own) <= 32, "{stored}: {}", FILLED.get());
    }
}

/// The layer of a decoy would double the work. The old digest alone is what a layered hash costs more than ours.
#[test]
fn layered_decoy_costs_only_the_old_digest() {
    let new = Cost::DEFAULT.work();
    let layer = "argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let like = format!("layered$sha512-crypt$5000$c2FsdA${layer}");
    let cheaper = like.replace("m=19456", "m=8");
    let env = Environment::of([("DECOY_HASH", &*like)]);
    let passwords = Passwords::new(Cost::DEFAULT, Decoy::from_env(&env).unwrap());
    let ours = passwords.hash("right", [1; 16]).unwrap();
    for stored in [None, Some(ours.as_str()), Some(like.as_str()), Some(cheaper.as_str())] {
        FILLED.set(0);
        assert!(!passwords.verify(stored, "wrong", &Peppers::default()));
        assert!(FILLED.get().abs_diff(new) <= 16, "{stored:?}: {}", FILLED.get());
    }
}
