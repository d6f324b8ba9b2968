//! Hashes that are too expensive, and malformed ones.

use super::*;

#[test]
fn hash_out_of_bounds_is_refused_before_it_is_run() {
    use UnusableHash::{Malformed, TooExpensive, Unknown};
    let tail = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let base64 = "saltsaltsalt$I6lYgPT6NASoMmJrmioMabGDYxNGA6c8OojHv2VHsNo=";
    let bcrypt = "tKtk5QvTmTsli2kM9AzNlOd08HjKHdGzVUlLLxtBtAy3ez8ATbAMu";
    for (stored, expected) in [
        (format!("$argon2id$v=19$m=262145,t=2,p=1${tail}"), TooExpensive),
        (format!("$argon2id$v=19$m=19456,t=11,p=1${tail}"), TooExpensive),
        (format!("$argon2id$v=19$m=262144,t=5,p=1${tail}"), TooExpensive),
        (format!("$argon2id$v=19$m=19456,t=2,p=17${tail}"), TooExpensive),
        (format!("$argon2d$v=19$m=19456,t=2,p=1${tail}"), Unknown),
        (format!("argon2$argon2d$v=19$m=19456,t=2,p=1${tail}"), Unknown),
        (format!("argon2$other$i=1000${tail}"), Unknown),
        (format!("$argon2id$v=19$m=19456,t=2,p=1,keyid=c29tZWtleQ${tail}"), Unknown),
        ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO0".to_owned(), Malformed),
        (format!("$argon2id$v=19${tail}"), Malformed),
        (format!("$argon2id$v=19$m=19456,t=2${tail}"), Malformed),
        (format!("$scrypt$ln=18,r=8,p=1${tail}"), TooExpensive),
        (format!("$scrypt$ln=18,r=1,p=1${tail}"), TooExpensive),
        (format!("$scrypt$ln=64,r=1,p=1${tail}"), TooExpensive),
        (format!("$scrypt$ln=17,r=9,p=1${tail}"), TooExpensive),
        (format!("$scrypt$ln=17,r=4294967295,p=4294967295${tail}"), TooExpensive),
        (format!("$scrypt$ln=0,r=8,p=1${tail}"), Malformed),
        (format!("$scrypt$ln=300,r=8,p=1${tail}"), TooExpensive),
        (format!("$scrypt$r=8,p=1${tail}"), Malformed),
        ("scrypt$1000$salt$8$1$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfc".to_owned(), Malformed),
        ("scrypt$262144$salt$8$1$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfc".to_owned(), TooExpensive),
        ("scrypt$0$salt$8$1$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfc".to_owned(), Malformed),
        ("scrypt$1024$salt$0$1$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfc".to_owned(), Malformed),
        ("scrypt$1024$$8$1$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfc".to_owned(), Malformed),
        (format!("pbkdf2_sha256$2000001${base64}"), TooExpensive),
        (format!("pbkdf2_sha256$99999999999999999999${base64}"), TooExpensive),
        (format!("pbkdf2_sha1$1000001${base64}"), TooExpensive),
        (format!("pbkdf2_sha256$0${base64}"), Malformed),
        (format!("pbkdf2_sha256$+1${base64}"), Malformed),
        (format!("pbkdf2_sha256$1000${base64}$x"), Malformed),
        ("pbkdf2_sha256$1000$$I6lYgPT6NASoMmJrmioMabGDYxNGA6c8OojHv2VHsNo=".to_owned(), Malformed),
        ("pbkdf2_sha256$1000$salt$AAAA".to_owned(), Malformed),
        (format!("$2b$15${bcrypt}"), TooExpensive),
        (format!("$2b$03${bcrypt}"), Malformed),
        (format!("bcrypt_sha256$$2x$10${bcrypt}"), Malformed),
        (format!("bcrypt_sha256${bcrypt}"), Malformed),
        (format!("bcrypt_suffix$$2y$10${bcrypt}"), Malformed),
        ("$2y$10$☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃".to_owned(), Malformed),
        ("$P$H4LqyhuMRy00n81ykPwQt98ZYgrnf//".to_owned(), TooExpensive),
        ("$P$4XabC3/SxZqP66aKEjFQMs0lFWq0BF/".to_owned(), Malformed),
        ("$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF".to_owned(), Malformed),
        ("$P$6XabC3/SxZqP66aKEjFQMs0lFWq0B!/".to_owned(), Malformed),
        ("$P$☃".to_owned(), Malformed),
        ("$6$rounds=5000$salt$hash".to_owned(), Unknown),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), Unknown),
        ("!unusable".to_owned(), Unknown),
        ("Null".to_owned(), Unknown),
        (String::new(), Unknown),
        ("$".repeat(513), Malformed),
    ] {
        assert_eq!(algorithm_of(&stored), Err(expected), "{stored}");
        assert!(!Passwords::default().verify(Some(&stored), "Null", &Peppers::default()));
    }
    for stored in [
        format!("$argon2i$v=19$m=4096,t=3,p=1${tail}"),
        format!("$argon2id$v=19$m=262144,t=4,p=1${tail}"),
        format!("$scrypt$ln=17,r=8,p=1${tail}"),
        format!("pbkdf2_sha256$2000000${base64}"),
        format!("pbkdf2_sha1$1000000${base64}"),
        format!("$2b$14${bcrypt}"),
    ] {
        assert!(algorithm_of(&stored).is_ok(), "{stored}");
    }
}
