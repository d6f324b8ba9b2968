//! `GET /.well-known/jwks.json`: the public keys by which other backends verify our tokens, and nothing private.

use lambda_http::http::Method;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use postern::clock::{Timestamp, now};
use postern::environment::Environment;
use postern::error::StartError;
use postern::http::{Edge, invoke};
use postern::token::{KeySet, PublicKeys, SAMPLE_KEYS};
use postern_tests::binary;
use postern_tests::deployment::{self, Deployment, Reply};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::forge::{KEYS, Key, decode};
use crate::support::jwt::{encode, parts};
use crate::support::proxy::Proxy;
use crate::support::words::assert_reply;

const PATH: &str = "/.well-known/jwks.json";
const EMPTY: &str = r#"{"keys":[]}"#;
pub(super) const RECOVERY: [u8; 32] = [9; 32];
/// The private members of keys.
pub(super) const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

fn event(method: &Method, path: &str) -> Value {
    deployment::event(method.as_str(), path, &[], None)
}

/// The key set of a deployment.
pub(crate) async fn key_set(deployment: &Deployment) -> Reply {
    deployment.invoke("jwks", event(&Method::GET, PATH)).await
}

/// The key set of a function that holds these keys and no table.
pub(super) async fn key_set_of(keys: &PublicKeys, now: Timestamp) -> Reply {
    let event = to_raw_value(&event(&Method::GET, PATH)).unwrap();
    let event = LambdaEvent::new(event, Context::default());
    let settings = jwks::Settings::from_env(&Environment::of::<&str, &str>([])).unwrap();
    let reply =
        invoke(&Edge::default(), |request| jwks::handle(&settings, keys, now, request), event).await.unwrap();
    Reply::of(&serde_json::to_value(reply).unwrap())
}

/// The whole reply is this key set.
#[track_caller]
pub(super) fn assert_key_set(reply: &Reply, expected: &str) {
    let more = json!({"cache-control": "public, max-age=300", "vary": "origin"});
    assert_reply(reply, 200, expected, more, "the key set");
}

pub(super) fn set(keys: &[Value]) -> String {
    json!({"keys": keys, "recovery_code_key": encode(&RECOVERY)}).to_string()
}

/// Starts the function with this document of public keys.
pub(super) async fn start(document: &str) -> Result<PublicKeys, StartError> {
    PublicKeys::start(&binary::of_key_set().with("PUBLIC_KEYS", document), now()).await
}

/// The document of the public halves of these signing keys.
pub(super) fn published(keys: &str) -> String {
    KeySet::parse(keys).unwrap().public_document()
}

/// Whether the token is valid by this public key alone.
fn verifies(jwk: &Value, token: &str) -> bool {
    let number = |name: &str| decode(jwk[name].as_str().unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (message, signature) = (message.as_bytes(), decode(signature));
    let verified = match jwk["alg"].as_str().unwrap() {
        "ES256" => {
            let point = [&[4][..], &number("x"), &number("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &signature)
        }
        "EdDSA" => UnparsedPublicKey::new(&ED25519, number("x")).verify(message, &signature),
        "RS256" => {
            let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
            public.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature)
        }
        other => panic!("{other} has no public half"),
    };
    verified.is_ok()
}

#[tokio::test]
async fn key_set_holds_every_asymmetric_key_and_each_verifies_its_signature() {
    let mut deployment = Deployment::start().await;
    let mut keys = KEYS;
    for _ in KEYS {
        keys.rotate_left(1);
        deployment.restart(|env| env.with("SIGNING_KEYS", set(&keys.map(Key::private_jwk)))).await;
        let public = keys.iter().filter(|key| **key != Key::Hs).map(|key| {
            let mut jwk = key.public_jwk();
            jwk["alg"] = json!(key.algorithm());
            jwk["use"] = json!("sig");
            jwk
        });
        let public: Vec<Value> = public.collect();
        let reply = key_set(&deployment).await;
        assert_eq!(reply.json(), json!({"keys": public}));
        assert_key_set(&reply, &reply.text);

        let signed = deployment.password("account", "johndoe", "SecurePass123!").await.json();
        let token = signed["token"]["access_token"].as_str().unwrap();
        let header: Value = serde_json::from_str(&parts(token).0).unwrap();
        assert_eq!(header["kid"], json!(keys[0].kid()));
        for jwk in reply.json()["keys"].as_array().unwrap() {
            assert_eq!(verifies(jwk, token), jwk["kid"] == header["kid"], "{jwk} {header}");
        }
    }
}

/// RFC 7518 §6.3.1.1 and RFC 7515 §2 are stricter than the secret has to be: no leading zeros, no padding.
#[tokio::test]
async fn key_numbers_with_zeros_or_padding_are_normalised() {
    let good = KEYS.map(Key::private_jwk);
    let mut odd = good.clone();
    for (name, number) in odd.iter_mut().flat_map(|jwk| jwk.as_object_mut().unwrap()) {
        let zeros: &[u8] = if ["n", "e"].contains(&name.as_str()) { &[0, 0] } else { &[] };
        if ["n", "e", "x", "y"].contains(&name.as_str()) {
            let bytes = [zeros, &decode(number.as_str().unwrap())].concat();
            *number = json!(format!("{}=", encode(&bytes)));
        }
    }
    // In the signing keys, and in a document that was written by hand.
    let by_hand = odd.iter().filter(|jwk| jwk["kty"] != "oct").cloned().map(|mut jwk| {
        PRIVATE.iter().for_each(|name| drop(jwk.as_object_mut().unwrap().remove(*name)));
        jwk
    });
    let by_hand = json!({"keys": by_hand.collect::<Vec<_>>()}).to_string();
    let good = key_set_of(&start(&published(&set(&good))).await.unwrap(), now()).await;
    for odd in [published(&set(&odd)), by_hand] {
        assert_eq!(key_set_of(&start(&odd).await.unwrap(), now()).await, good);
    }
}

#[tokio::test]
async fn key_set_of_hs256_keys_alone_is_empty() {
    for keys in [SAMPLE_KEYS, "a generated secret of 32 bytes or more", &set(&[Key::Hs.private_jwk()])] {
        let keys = start(&published(keys)).await.unwrap();
        assert_key_set(&key_set_of(&keys, now()).await, EMPTY);
    }
}

/// A private key of any kind, with optional members.
fn any_key() -> impl Strategy<Value = Value> {
    let ed25519 = |seed: [u8; 32]| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let x = encode(pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "d": encode(&seed), "x": x})
    };
    let oct = |key: [u8; 32]| json!({"kty": "oct", "k": encode(&key)});
    let kinds = prop_oneof![
        select(KEYS.to_vec()).prop_map(Key::private_jwk),
        any::<[u8; 32]>().prop_map(ed25519),
        any::<[u8; 32]>().prop_map(oct),
    ];
    let names = select(vec!["k", "d", "p", "oth", "use", "key_ops", "x5c", "note"]);
    (kinds, vec(names, 0..4)).prop_map(|(mut key, names)| {
        for name in names {
            if key.get(name).is_none() {
                key[name] = json!("PRIVATE");
            }
        }
        key
    })
}

/// Each key that has a public half is shown by that half only, in its place.
fn assert_public(keys: &[Value], shown: &[Value]) {
    let public: Vec<&Value> = keys.iter().filter(|key| key["kty"] != "oct").collect();
    assert_eq!(shown.len(), public.len());
    for (key, shown) in public.into_iter().zip(shown) {
        let (alg, numbers) = match key["kty"].as_str().unwrap() {
            "EC" => ("ES256", &["crv", "x", "y"][..]),
            "OKP" => ("EdDSA", &["crv", "x"][..]),
            _ => ("RS256", &["n", "e"][..]),
        };
        let mut expected = json!({"alg": alg, "use": "sig"});
        for name in ["kty", "kid"].iter().chain(numbers) {
            expected[name] = key[name].clone();
        }
        assert_eq!(*shown, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_set_holds_nothing_private() {
    let property = |mut keys: Vec<Value>| {
        for (at, key) in keys.iter_mut().enumerate() {
            key["kid"] = json!(at.to_string());
        }
        let reply = tokio::runtime::Handle::current().block_on(async {
            let held = start(&published(&set(&keys))).await.unwrap();
            key_set_of(&held, now()).await
        });
        assert_public(&keys, reply.json()["keys"].as_array().unwrap());
        let private =
            keys.iter().flat_map(|key| ["k", "d", "p", "q", "dp", "dq", "qi"].map(|name| &key[name]));
        for private in private.filter_map(Value::as_str).chain([encode(&RECOVERY).as_str(), "PRIVATE"]) {
            assert!(!reply.text.contains(private), "{private}");
        }
        Ok(())
    };
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    tokio::task::block_in_place(|| TestRunner::new(config).run(&vec(any_key(), 1..6), property).unwrap());
}

#[tokio::test]
async fn key_set_makes_no_call_to_the_table() {
    let (mut deployment, proxy) = Proxy::deployment(|env| env).await;
    proxy.calls();
    assert_key_set(&key_set(&deployment).await, EMPTY);
    // Nor when the function starts.
    let env = deployment.env.clone().with("TABLE_NAME", "").with("PUBLIC_KEYS", EMPTY);
    let keys = PublicKeys::start(&env, deployment.now()).await.unwrap();
    assert_key_set(&key_set_of(&keys, deployment.now()).await, EMPTY);
    assert_eq!(proxy.calls(), [""; 0]);
    deployment.stop_table().await;
    assert_key_set(&key_set(&deployment).await, EMPTY);
}

#[tokio::test]
async fn key_set_is_served_in_both_slash_forms_only() {
    let deployment = Deployment::start().await;
    for path in [PATH, &format!("{PATH}/")] {
        assert_key_set(&deployment.invoke("jwks", event(&Method::GET, path)).await, EMPTY);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let reply = deployment.invoke("jwks", event(&method, path)).await;
            let text = r#"{"message":"Method Not Allowed"}"#;
            assert_reply(&reply, 405, text, json!({"allow": "GET, HEAD"}), method.as_str());
        }
    }
    for path in ["", "/", "/.well-known", "/.well-known/JWKS.json", "/.well-known/jwks.json//", "/jwks.json"]
    {
        let reply = deployment.invoke("jwks", event(&Method::GET, path)).await;
        assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), path);
    }
}

/// The variable that a start blames.
pub(crate) fn variable(error: &StartError) -> &'static str {
    match error {
        StartError::Config(error) => error.variable,
        other => panic!("{other}"),
    }
}
