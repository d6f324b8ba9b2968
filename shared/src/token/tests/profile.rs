//! A token is accepted by its own profile, and by no other.

use proptest::prelude::*;

use super::*;

/// Returns whether a token with this `typ`, as JSON, is accepted where this type is set. An empty `typ` stands for a
/// header without one.
fn is_accepted(set: &str, typ: &str) -> bool {
    let typ = if typ.is_empty() { String::new() } else { format!(r#""typ":{typ},"#) };
    let token = token_with_header(&format!(r#"{{{typ}"alg":"HS256"}}"#));
    let verified = key_set_of(&[hs256()]).verify::<Value>(&profile("", set), &token, NOW);
    assert!([Ok(claims()), Err(TokenError::Invalid)].contains(&verified), "{verified:?}");
    verified.is_ok()
}

/// RFC 7515 §4.1.9: the case does not count, and `application/` may be there. Without a type, a JWT is of the default
/// type, as other backends sign it.
#[test]
fn type_is_accepted_in_every_spelling_and_no_other() {
    for (set, accepted) in [
        ("", &["", "null", r#""JWT""#, r#""jwt""#, r#""application/jwt""#, r#""Application/JWT""#][..]),
        ("at+jwt", &[r#""at+jwt""#, r#""AT+JWT""#, r#""application/at+jwt""#, r#""APPLICATION/At+Jwt""#]),
        ("x.y-1+jwt", &[r#""x.y-1+jwt""#, r#""application/X.Y-1+jwt""#]),
    ] {
        for typ in accepted {
            assert!(is_accepted(set, typ), "{typ} with {set}");
        }
        for (other, refused) in [
            ("", &["", "null", r#""JWT""#, r#""application/jwt""#][..]),
            ("at+jwt", &[r#""at+jwt""#, r#""application/at+jwt""#]),
            ("x.y-1+jwt", &[r#""x.y-1+jwt""#]),
        ] {
            for typ in refused.iter().filter(|_| other != set) {
                assert!(!is_accepted(set, typ), "{typ} with {set}");
            }
        }
        for typ in [
            r#""""#,
            r#"" ""#,
            "1",
            "true",
            r#"["JWT"]"#,
            r#"{"JWT":1}"#,
            r#""JWS""#,
            r#""JOSE""#,
            r#"" JWT""#,
            r#""JWT ""#,
            r#""JWT\u0000""#,
            r#""+jwt""#,
            r#""at""#,
            r#""at+jwt;v=1""#,
            r#""at+jwtx""#,
            r#""xat+jwt""#,
            r#""\u212at+jwt""#,
            r#""application/""#,
            r#""application/application/jwt""#,
            r#""application/application/at+jwt""#,
            r#""text/at+jwt""#,
            r#""/at+jwt""#,
        ] {
            assert!(!is_accepted(set, typ), "{typ} with {set}");
        }
    }
}

#[test]
fn header_with_two_types_is_invalid() {
    for header in
        [r#"{"typ":"JWT","typ":"at+jwt","alg":"HS256"}"#, r#"{"typ":"at+jwt","typ":"JWT","alg":"HS256"}"#]
    {
        let token = token_with_header(header);
        for set in ["", "at+jwt"] {
            let verified = key_set_of(&[hs256()]).verify::<Value>(&profile("", set), &token, NOW);
            assert_eq!(verified, Err(TokenError::Invalid), "{header}");
        }
    }
}

#[test]
fn setting_that_is_no_type_is_refused() {
    let read = |typ: &str| {
        let env = Environment::of([("TYPE", typ)]);
        JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE")
    };
    let longest = format!("{}+jwt", "x".repeat(60));
    for taken in ["", "JWT", "at+jwt", "0+jwt", "a.b-c+jwt", &longest] {
        assert!(read(taken).is_ok(), "{taken}");
    }
    for refused in [
        "jwt",
        "+jwt",
        "at+JWT",
        "At+jwt",
        "at",
        "a+b+jwt",
        ".a+jwt",
        "-a+jwt",
        "application/at+jwt",
        " at+jwt",
        "at+jwt ",
    ] {
        assert_eq!(read(refused).unwrap_err().variable, "TYPE", "{refused}");
    }
    assert!(read(&format!("x{longest}")).is_err());
}

proptest! {
    /// RFC 8725 §3.12. A token of each profile is accepted by exactly that profile.
    #[test]
    fn profiles_are_mutually_exclusive(
        ours in ("[ab]{0,2}", "[ab]{0,2}", "(|[a-c]\\+jwt)"),
        theirs in ("[ab]{0,2}", "[ab]{0,2}", "(|[a-c]\\+jwt)"),
    ) {
        let of = |(issuer, audience, typ): &(String, String, String)| {
            let env = Environment::of([("ISSUER", issuer), ("AUDIENCE", audience), ("TYPE", typ)]);
            JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE").unwrap()
        };
        let keys = key_set_of(&[hs256()]);
        let token = keys.sign(&of(&ours), &claims()).unwrap();
        prop_assert_eq!(keys.verify::<Value>(&of(&theirs), &token, NOW).is_ok(), ours == theirs);
    }
}
