//! Tokens with a valid signature and wrong claims.

use std::time::Duration;

use postern::clock::Timestamp;
use postern_tests::contracts::{self, Token};
use postern_tests::deployment::{PASSWORD_CONTRACTS, credentials, name_at};
use serde_json::{Value, json};

use crate::support::forge::{
    KEYS, Key, assert_accepted, assert_good_ones_are_accepted, assert_refused, claims, deployment, signed,
    token,
};

#[tokio::test]
async fn token_of_another_contract_is_refused() {
    let deployment = deployment().await;
    for contract in PASSWORD_CONTRACTS {
        let mut body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
        body["stay_logged_in"] = json!(true);
        let reply = deployment.sign_in(contract, body).await.json();
        for Token { name, place, .. } in contracts::get(contract).tokens {
            let token = reply.pointer(place).and_then(Value::as_str).unwrap();
            match *name {
                "account access" => assert_accepted(&deployment, token, name).await,
                _ => assert_refused(&deployment, token, name).await,
            }
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// Claims with one more member, or another, under each key.
async fn each(member: &str, values: &[Value]) {
    let deployment = deployment().await;
    for key in KEYS {
        for value in values {
            let mut claims = claims(&deployment);
            claims[member] = value.clone();
            assert_refused(&deployment, &signed(key, &claims), &format!("{key:?} {claims}")).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn token_of_another_type_is_refused() {
    let types =
        ["refresh", "session", "mfa", "email", "id", "id_token", "Access", "ACCESS", "access ", "at+jwt", ""];
    let mut values: Vec<Value> = types.map(Value::from).to_vec();
    values.extend([json!(null), json!(1), json!(true), json!(["access"]), json!({"access": true})]);
    each("token_type", &values).await;
}

/// By default, an access token for sso has no issuer. The tests in `profiles` set one.
#[tokio::test]
async fn token_with_an_issuer_is_refused() {
    let values = ["email", "postern", "https://accounts.example.com", "sso", ""].map(Value::from);
    each("iss", &[&values[..], &[json!(null), json!(["x"]), json!(false), json!({})]].concat()).await;
}

#[tokio::test]
async fn token_with_an_audience_is_refused() {
    let values = ["postern", "sso", "*", ""].map(Value::from);
    each("aud", &[&values[..], &[json!(null), json!([]), json!(["sso"]), json!(0)]].concat()).await;
}

/// OpenID Connect: an ID token is for its client, and must not be accepted as an access token.
#[tokio::test]
async fn id_token_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        let mut id = claims(&deployment);
        id.as_object_mut().unwrap().remove("token_type");
        (id["sub"], id["nonce"], id["auth_time"]) = (json!("1"), json!("n"), id["iat"].clone());
        assert_refused(&deployment, &signed(key, &id), "without an issuer").await;
        id["token_type"] = json!("access");
        (id["iss"], id["aud"]) = (json!("https://accounts.example.com"), json!("client"));
        assert_refused(&deployment, &signed(key, &id), "with all it has").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn token_that_has_expired_or_has_no_expiry_is_refused() {
    let deployment = deployment().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_500));
    for key in KEYS {
        for (exp, valid) in [
            (json!(1_700_000_001), true),
            (json!(1_700_000_000.6), true),
            (json!(1_700_000_000.5), false),
            (json!(1_700_000_000), false),
            (json!(1_699_999_940), false),
            (json!(0), false),
            (json!(-1), false),
            (json!(-1e300), false),
            (json!("1700000001"), false),
            (json!(null), false),
            (json!(true), false),
            (json!([1_700_000_001]), false),
        ] {
            let mut claims = claims(&deployment);
            claims["exp"] = exp;
            let of = format!("{key:?} {claims}");
            match valid {
                true => assert_accepted(&deployment, &signed(key, &claims), &of).await,
                false => assert_refused(&deployment, &signed(key, &claims), &of).await,
            }
        }
        let mut without = claims(&deployment);
        without.as_object_mut().unwrap().remove("exp");
        assert_refused(&deployment, &signed(key, &without), "no end").await;
        let token = signed(key, &claims(&deployment));
        deployment.advance(Duration::from_secs(3600));
        assert_refused(&deployment, &token, "an hour later").await;
        deployment.set_time(Timestamp::from_millis(1_700_000_000_500));
        // A number that no float can hold cannot be read.
        let endless = claims(&deployment).to_string().replace("1700003600", "1e999");
        let endless = crate::support::forge::token(&key.header().to_string(), &endless, |m| key.sign(m));
        assert_refused(&deployment, &endless, "1e999").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn token_that_is_not_yet_valid_is_refused() {
    let deployment = deployment().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_500));
    for key in KEYS {
        for (nbf, valid) in [
            (json!(1_700_000_000.5), true),
            (json!(1_700_000_000), true),
            (json!(1_700_000_060.5), true),
            (json!(1_700_000_060.6), false),
            (json!(1_700_000_061), false),
            (json!(1e300), false),
            (json!("1"), false),
            (json!(null), false),
            (json!(false), false),
        ] {
            let mut claims = claims(&deployment);
            claims["nbf"] = nbf;
            let of = format!("{key:?} {claims}");
            match valid {
                true => assert_accepted(&deployment, &signed(key, &claims), &of).await,
                false => assert_refused(&deployment, &signed(key, &claims), &of).await,
            }
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 7519 §4: a duplicate claim counts as its last value, for every claim. There is one parser, so no second one can
/// read another value.
#[tokio::test]
async fn duplicate_claim_is_refused() {
    let deployment = deployment().await;
    let now = deployment.now().secs();
    let valid = claims(&deployment).to_string();
    let valid = valid.trim_end_matches('}');
    for (member, bad) in [
        ("token_type", json!("refresh")),
        ("exp", json!(now - 1)),
        ("exp", json!(null)),
        ("user_id", json!(999)),
        ("user_id", json!("01")),
        ("nbf", json!(now + 62)),
        ("iss", json!("email")),
        ("aud", json!("email")),
        ("epoch", json!(7)),
        ("jti", json!(null)),
    ] {
        for key in KEYS {
            let twice = format!("{valid},\"{member}\":{bad}}}");
            let forged = token(&key.header().to_string(), &twice, |m| key.sign(m));
            assert_refused(&deployment, &forged, &twice).await;
        }
    }
    let other = format!("{valid},\"user_id\":14}}");
    let other = token(&Key::Hs.header().to_string(), &other, |m| Key::Hs.sign(m));
    assert!(deployment.sso(&other).await.text.contains(r#""id":14"#), "the last counts");
    assert_good_ones_are_accepted(&deployment).await;
}
