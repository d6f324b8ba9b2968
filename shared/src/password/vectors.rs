//! The hashes of other products, against vectors that their own libraries made.

use super::tests::upgrade;
use super::*;

/// The file says how each vector was made.
const VECTORS: &str = include_str!("vectors.tsv");

/// Returns the peppers of the vectors: one is text, the other is bytes that are not UTF-8.
pub(super) fn peppers() -> Peppers {
    let bytes = [&b"\x00\xff\x10\xc3\x28"[..], &(120..150).collect::<Vec<u8>>(), b"\n\0"].concat();
    let peppers = [("a", b"postern sample pepper of tests".to_vec()), ("b", bytes)];
    Peppers::new(peppers.map(|(id, pepper)| (id.parse().unwrap(), pepper))).unwrap()
}

/// Returns the name of each vector, its stored form and its password.
fn stored() -> Vec<(&'static str, String, &'static str)> {
    let rows = VECTORS.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let stored = rows.map(|row| {
        let [_, name, hash, password] = row[..] else { panic!("{row:?}") };
        let stored = match classify(hash) {
            Ok(Imported::Stored(stored, _)) => stored,
            Ok(Imported::Fast(fast)) => Passwords::default().layer(&fast, [3; 16]).unwrap(),
            Err(reason) => panic!("{name}: {reason}"),
        };
        (name, stored, password)
    });
    stored.collect()
}

#[test]
fn vector_verifies_only_with_its_password() {
    let (passwords, peppers) = (Passwords::default(), peppers());
    for (name, stored, password) in stored() {
        assert!(passwords.verify(Some(&stored), password, &peppers), "{name}: {stored}");
        let longer = format!("{password}x");
        // bcrypt reads 72 bytes.
        let cut = stored.starts_with("$2") && password.len() > 72;
        assert_eq!(passwords.verify(Some(&stored), &longer, &peppers), cut, "{name}: {stored}");
        for wrong in [&password.to_uppercase(), "wrong"] {
            assert!(
                wrong == password || !passwords.verify(Some(&stored), wrong, &peppers),
                "{name}: {stored}"
            );
        }
        assert!(!passwords.verify(Some(&stored), &format!("{password}\0"), &peppers), "{name}: {stored}");
        let upgraded = upgrade(&passwords, &stored, password);
        let trimmed = stored.starts_with("$wp$") && password.trim() != password;
        assert_eq!(upgraded.is_none(), cut || trimmed, "{name}: {stored}");
        assert!(upgraded.is_none_or(|hash| hash.starts_with("$argon2id$")), "{name}");
    }
}

#[test]
fn stored_form_is_unchanged_when_it_is_imported_again() {
    for (name, stored, _) in stored() {
        let again = classify(&stored);
        assert!(matches!(&again, Ok(Imported::Stored(again, _)) if *again == stored), "{name}: {again:?}");
    }
}

/// A digest that is fast to guess is never stored or shown.
#[test]
fn fast_digest_is_layered_and_never_stored() {
    let mut fast = 0;
    for row in VECTORS.lines().skip(1) {
        let hash = row.split('\t').nth(2).unwrap();
        let Ok(Imported::Fast(digest)) = classify(hash) else { continue };
        fast += 1;
        let stored = Passwords::default().layer(&digest, [3; 16]).unwrap();
        let shown = format!("{digest:?} {stored}");
        let layer =
            if stored.starts_with("peppered$") { stored.splitn(4, '$').nth(3) } else { Some(&*stored) };
        assert!(layer.is_some_and(|layer| layer.starts_with("layered$")), "{stored}");
        let old = hash.rsplit(['$', '}']).next().unwrap();
        assert!(!shown.contains(old) && !shown.contains(&hex::encode(&digest.digest)), "{shown}");
        assert_eq!(algorithm_of(&stored), Ok(digest.algorithm()));
    }
    assert!(fast > 40, "{fast}");
    for begin in ["$6$", "$5$", "$1$", "md5$", "sha1$", "{SSHA}", "$pbkdf2-sha256$1000$"] {
        let mut hashes = VECTORS.lines().skip(1).filter_map(|row| row.split('\t').nth(2));
        let hash = hashes.find(|hash| hash.starts_with(begin)).unwrap();
        assert!(matches!(classify(hash), Ok(Imported::Fast(_))), "{hash}");
    }
}

#[test]
fn wrong_password_for_a_layered_digest_costs_a_new_hash() {
    let Ok(Imported::Fast(fast)) = classify("5f4dcc3b5aa765d61d8327deb882cf99") else { panic!("not MD5") };
    let passwords = Passwords::default();
    let stored = passwords.layer(&fast, [3; 16]).unwrap();
    super::argon2id::FILLED.set(0);
    assert!(!passwords.verify(Some(&stored), "x", &Peppers::default()));
    assert_eq!(super::argon2id::FILLED.get(), Cost::DEFAULT.work());
    assert!(passwords.verify(Some(&stored), "password", &Peppers::default()));
}

#[test]
fn unusable_hash_of_another_product_is_refused_with_the_reason() {
    use UnusableHash::{Malformed, TooExpensive, Unknown};
    let argon2 = "argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let digest = "x".repeat(86);
    for (hash, expected) in [
        ("$s2$16384$8$1$abc$def".to_owned(), Unknown),
        ("{SHA3}abc".to_owned(), Unknown),
        ("{CRYPT}rIl3dcGDvXYSM".to_owned(), Unknown),
        ("rIl3dcGDvXYSM".to_owned(), Unknown),
        ("letmein".to_owned(), Unknown),
        (String::new(), Unknown),
        ("{SSHA}not base64".to_owned(), Malformed),
        ("{SSHA}re6L5VY4rugCnM1UaRmskpVI8UY=".to_owned(), Malformed),
        ("{SHA}xioNPyaeMcduqs565/7OLF07Cg6+NyZk".to_owned(), Malformed),
        ("md5$salt$5f4dcc3b".to_owned(), Malformed),
        ("sha1$salt$5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), Malformed),
        (format!("md5${}$5f4dcc3b5aa765d61d8327deb882cf99", "s".repeat(129)), Malformed),
        (format!("$6$rounds=700001$salt${digest}"), TooExpensive),
        (format!("$6$rounds=999$salt${digest}"), Malformed),
        (format!("$6$rounds=5000$saltsaltsaltsalts${digest}"), Malformed),
        ("$6$rounds=5000$salt$short".to_owned(), Malformed),
        ("$1$saltsalts$gr./yJS1GlbQSXLbU.PYb.".to_owned(), Malformed),
        ("$1$saltsalt$gr./yJS1GlbQSXLbU.PYb".to_owned(), Malformed),
        (
            "$pbkdf2-sha256$2000001$//sAc2FsdHNhbHQ$.jXc9TlHaCjtpqczrFG1sgVOCXkE0cisztCI06TMing".to_owned(),
            TooExpensive,
        ),
        (
            "pbkdf2:sha256:2000001$salt$f64f8310cb1e2d1160ae99ea318d2781d1177de0e4b529022189408dfe353c1b"
                .to_owned(),
            TooExpensive,
        ),
        ("pbkdf2:sha3:1000$salt$f64f8310cb1e2d1160ae99ea318d2781".to_owned(), Unknown),
        ("scrypt:262144:8:1$salt$f64f8310cb1e2d1160ae99ea318d2781".to_owned(), TooExpensive),
        ("$7$G/..../....salt$ILe3VB5MimVDbF2cQ4uRefpBmA9/wk81Y7ZKRuVBPc8".to_owned(), TooExpensive),
        (
            "$y$jFT$abcdefghijklmnopqrstu/$LpKJE3m1N538Zp6d/IxizQEq//6vF7QFabqZGa9LpM7".to_owned(),
            TooExpensive,
        ),
        ("$y$j953/2$abcdefghijklmnopqrstu/$LpKJE3m1N538Zp6d/IxizQEq//6vF7QFabqZGa9LpM7".to_owned(), Unknown),
        ("$y$j9T$abc$LpKJE3m1N538Zp6d".to_owned(), Malformed),
        ("$wp$2y$15$BXbPsXJkiYhfQR6jbpPtaOExqWO.ZJ8pjxOi6E8wNrn3hIoy8wZ.K".to_owned(), TooExpensive),
        (format!("layered$md5-prefix$1$${argon2}"), Malformed),
        (format!("layered$md4-prefix$$${argon2}"), Unknown),
        (format!("layered$md5-middle$$${argon2}"), Unknown),
        (format!("layered$md5-prefix$$${}", argon2.replace("argon2id", "argon2i")), Malformed),
        (format!("layered$md5-prefix$$${}", argon2.replace("m=8", "m=262145")), TooExpensive),
        (format!("layered$pbkdf2-sha1$2000001,20$c2FsdA${argon2}"), TooExpensive),
        (format!("layered$pbkdf2-sha1$1000,65$c2FsdA${argon2}"), Malformed),
        (format!("layered$sha512-crypt$700001$c2FsdA${argon2}"), TooExpensive),
        ("layered$md5-prefix$$".to_owned(), Malformed),
        (
            "firebase$ln=18,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            TooExpensive,
        ),
        ("firebase$ln=14,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".to_owned(), Malformed),
    ] {
        assert_eq!(classify(&hash).err(), Some(expected), "{hash}");
        assert!(!Passwords::default().verify(Some(&hash), "x", &Peppers::default()), "{hash}");
    }
}

/// The cost of this hash is within the bounds, and it needs no layer.
const PBKDF2: &str = "pbkdf2_sha256$12000$saltsaltsalt$I6lYgPT6NASoMmJrmioMabGDYxNGA6c8OojHv2VHsNo=";

#[test]
fn unusable_hash_with_a_pepper_is_refused_with_the_reason() {
    use UnusableHash::{Malformed, NotWithPepper, TooExpensive, Unknown};
    let bcrypt = "$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO";
    for (rest, expected) in [
        ("", Malformed),
        ("a", Malformed),
        ("a$prefix", Malformed),
        (&format!("$prefix${PBKDF2}"), Malformed),
        (&format!("A$prefix${PBKDF2}"), Malformed),
        (&format!("{}$prefix${PBKDF2}", "a".repeat(17)), Malformed),
        (&format!("a$${PBKDF2}"), Unknown),
        (&format!("a$middle${PBKDF2}"), Unknown),
        (&format!("a$hmac-md5${PBKDF2}"), Unknown),
        ("a$prefix$", Unknown),
        ("a$prefix$letmein", Unknown),
        ("a$prefix$pbkdf2_sha256$12000$saltsaltsalt$AAAA", Malformed),
        (&format!("a$prefix${}", PBKDF2.replace("12000", "2000001")), TooExpensive),
        (&format!("a$prefix$peppered$a$prefix${PBKDF2}"), NotWithPepper),
        // bcrypt reads 72 bytes, and a pepper before the password can fill them.
        (&format!("a$prefix${bcrypt}"), NotWithPepper),
        (&format!("a$suffix${bcrypt}"), NotWithPepper),
        (&format!("a$hmac-sha256${bcrypt}"), NotWithPepper),
        (&format!("a$hmac-sha256-hex$bcrypt_suffix$33${bcrypt}"), NotWithPepper),
        (&format!("a$hmac-sha256-hex$bcrypt_sha256${bcrypt}"), NotWithPepper),
        ("a$prefix$$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/", NotWithPepper),
        ("a$prefix$$1$saltsalt$gr./yJS1GlbQSXLbU.PYb/", NotWithPepper),
    ] {
        let hash = format!("peppered${rest}");
        assert_eq!(classify(&hash).err(), Some(expected), "{hash}");
        assert!(!Passwords::default().verify(Some(&hash), "x", &peppers()), "{hash}");
    }
    let long = format!("peppered$a$prefix$$pbkdf2-sha256$i=12000${}$AAAA", "c2Fs".repeat(130));
    assert_eq!(algorithm_of(&long), Err(Malformed));
}

/// Without its layer, the hash is not even read.
#[test]
fn fast_hash_with_a_pepper_is_stored_only_under_a_layer() {
    let fast = format!("peppered$a$prefix${}", PBKDF2.replace("12000", "9999"));
    assert_eq!(algorithm_of(&fast), Err(UnusableHash::NotWithPepper));
    let Ok(Imported::Fast(fast)) = classify(&fast) else { panic!("not fast") };
    assert_eq!(fast.algorithm(), HashAlgorithm::Peppered);
    let stored = Passwords::default().layer(&fast, [3; 16]).unwrap();
    assert!(stored.starts_with("peppered$a$prefix$layered$pbkdf2-sha256$9999,32$"), "{stored}");
}

#[test]
fn hash_without_a_pepper_gets_the_pepper_of_the_option() {
    let peppering = || Peppering { id: "b".parse().unwrap(), how: PepperHow::Suffix };
    let peppered = |hash: &str| match classify(hash).unwrap().with_pepper(peppering()) {
        Ok(Imported::Stored(stored, HashAlgorithm::Peppered)) => Ok(stored),
        Ok(Imported::Fast(fast)) => Ok(Passwords::default().layer(&fast, [3; 16]).unwrap()),
        Ok(other) => panic!("{other:?}"),
        Err(reason) => Err(reason),
    };
    assert_eq!(peppered(PBKDF2), Ok(format!("peppered$b$suffix${PBKDF2}")));
    let named = format!("peppered$a$prefix${PBKDF2}");
    assert_eq!(peppered(&named), Ok(named));
    for (fast, begins) in [
        (PBKDF2.replace("12000", "1000"), "peppered$b$suffix$layered$pbkdf2-"),
        (format!("peppered$a$prefix${}", PBKDF2.replace("12000", "1000")), "peppered$a$prefix$layered$"),
    ] {
        let stored = peppered(&fast).unwrap();
        assert!(stored.starts_with(begins), "{stored}");
    }
    for refused in ["$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/", "$1$saltsalt$gr./yJS1GlbQSXLbU.PYb/"] {
        assert_eq!(peppered(refused), Err(UnusableHash::NotWithPepper), "{refused}");
    }
}

/// Then the attempt costs what that of an unknown user costs.
#[test]
fn password_is_wrong_without_its_pepper() {
    let vectors = || stored().into_iter().filter(|(_, stored, _)| stored.starts_with("peppered$"));
    assert!(vectors().count() > 20);
    let other = ["a", "b"].map(|id| (id.parse().unwrap(), b"another".to_vec()));
    let other = Peppers::new(other).unwrap();
    for (name, stored, password) in vectors() {
        for (peppers, work) in [(&Peppers::default(), Some(Cost::DEFAULT.work())), (&other, None)] {
            super::argon2id::FILLED.set(0);
            assert!(!Passwords::default().verify(Some(&stored), password, peppers), "{name}");
            let filled = super::argon2id::FILLED.get();
            assert!(work.is_none_or(|work| work == filled), "{name}: {filled}");
        }
    }
}

/// A hash with a pepper costs the same as without, for the decoy too.
#[test]
fn wrong_password_for_a_hash_with_a_pepper_costs_the_decoy_too() {
    let new = Cost::DEFAULT.work();
    let stored = format!("peppered$a$hmac-sha256${PBKDF2}");
    let filled = |passwords: &Passwords, stored: Option<&str>| {
        super::argon2id::FILLED.set(0);
        assert!(!passwords.verify(stored, "wrong", &peppers()));
        super::argon2id::FILLED.get()
    };
    assert!(filled(&Passwords::default(), Some(&stored)).abs_diff(new - 12_000) <= 16);
    for like in [PBKDF2, &stored] {
        let env = Environment::of([("DECOY_HASH", like)]);
        let passwords = Passwords::new(Cost::DEFAULT, Decoy::from_env(&env).unwrap());
        for stored in [None, Some(PBKDF2), Some(stored.as_str()), Some("peppered$gone$prefix$$2b$")] {
            assert_eq!(filled(&passwords, stored), new, "{stored:?} with a decoy like {like}");
        }
    }
}

/// An operator can copy each of these lines from the page.
#[test]
fn decoys_of_the_documentation_are_accepted() {
    let page = include_str!("../../../docs/import-format.md");
    let (_, table) = page.split_once("| from | `DECOY_HASH` |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let lines: Vec<&str> = table.lines().filter_map(|row| row.rsplit('`').nth(1)).collect();
    assert!(lines.len() > 2, "{table}");
    for line in lines {
        assert!(Decoy::from_env(&Environment::of([("DECOY_HASH", line)])).unwrap().is_some(), "{line}");
    }
}
