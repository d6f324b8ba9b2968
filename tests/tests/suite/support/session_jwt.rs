//! JWTs that the routes of the session contract refuse, and the replies to them.

use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::jwt::{encode, mint, mint_with};
use crate::support::session::OLD;
use crate::support::signed_in::{self, HeldToken, everything};
use crate::support::words::assert_reply;

/// The id of st.huber, whose JWTs these are.
pub(crate) const OWNER: u64 = 33;

const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// How an invalid JWT is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Jwt {
    Missing,
    Expired,
    Incorrect,
}

#[track_caller]
pub(crate) fn assert_refused(jwt: Jwt, reply: &Reply, of: &str) {
    let (text, challenge) = match jwt {
        Jwt::Missing => (r#"{"msg":"Token not provided.","error_code":"token_not_provided"}"#, "Bearer"),
        Jwt::Expired => (
            r#"{"msg":"Provided token is expired.","error_code":"token_expired"}"#,
            r#"Bearer error="invalid_token""#,
        ),
        Jwt::Incorrect => (
            r#"{"msg":"Your token is incorrect!","error_code":"token_incorrect"}"#,
            r#"Bearer error="invalid_token""#,
        ),
    };
    assert_reply(reply, 401, text, json!({"www-authenticate": challenge}), of);
}

/// A JWT of this contract with some other claims, as another backend signs it with the shared key.
pub(crate) fn minted(deployment: &Deployment, more: Value) -> String {
    let iat = deployment.now().secs();
    mint(
        HS256,
        &signed_in::with(json!({"iss": "lumen-jwt", "sub": OWNER, "iat": iat, "exp": iat + 60}), more),
    )
}

/// Values of `Authorization` without a valid JWT, each with how it is refused.
pub(crate) async fn invalid(deployment: &Deployment) -> Vec<(String, Jwt)> {
    let held = everything(deployment, "st.huber", OLD, &[]).await;
    let mut cases = vec![
        (String::new(), Jwt::Missing),
        ("Basic c3QuaHViZXI6eA==".to_owned(), Jwt::Missing),
        ("Bearer".to_owned(), Jwt::Incorrect),
        ("Bearer nonsense".to_owned(), Jwt::Incorrect),
        ("Bearer a.b.c".to_owned(), Jwt::Incorrect),
    ];
    // Tokens of other contracts, and texts that are no JWT.
    let others = held.iter().filter(|HeldToken(what, _)| *what != "session JWT");
    cases.extend(others.map(|HeldToken(_, token)| (format!("Bearer {token}"), Jwt::Incorrect)));
    let iat = deployment.now().secs();
    for (token, jwt) in [
        (minted(deployment, json!({"exp": iat})), Jwt::Expired),
        (minted(deployment, json!({"exp": iat - 1})), Jwt::Expired),
        (minted(deployment, json!({"exp": iat - 1, "iss": "another"})), Jwt::Expired),
        (minted(deployment, json!({"iss": "another"})), Jwt::Incorrect),
        (minted(deployment, json!({"iss": "email"})), Jwt::Incorrect),
        (minted(deployment, json!({"iss": null})), Jwt::Incorrect),
        (minted(deployment, json!({"sub": "33"})), Jwt::Incorrect),
        (minted(deployment, json!({"sub": 999})), Jwt::Incorrect),
        (minted(deployment, json!({"epoch": 1})), Jwt::Incorrect),
        (
            mint_with(
                b"another key, which no function ever had",
                HS256,
                &json!({"iss": "lumen-jwt", "sub": OWNER, "iat": iat, "exp": iat + 60}),
            ),
            Jwt::Incorrect,
        ),
    ] {
        cases.push((format!("Bearer {token}"), jwt));
    }
    let claims = minted(deployment, json!({})).split('.').nth(1).unwrap().to_owned();
    for header in [r#"{"typ":"JWT","alg":"none"}"#, r#"{"alg":"None"}"#] {
        let unsigned = format!("{}.{claims}.", encode(header.as_bytes()));
        cases.push((format!("Bearer {unsigned}"), Jwt::Incorrect));
        cases.push((format!("Bearer {}", unsigned.trim_end_matches('.')), Jwt::Incorrect));
    }
    cases
}
