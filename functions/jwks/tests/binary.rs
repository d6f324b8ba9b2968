//! Tests of the compiled function, in Lambda's runtime, without a table and without signing keys.

use postern::token::SAMPLE_KEYS;
use postern_tests::binary;

const BINARY: &str = env!("CARGO_BIN_EXE_jwks");

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_its_events() {
    binary::answers(BINARY, "jwks", &binary::of_key_set()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_up_event_is_logged_as_no_request() {
    binary::logs_what_is_no_request(BINARY, &binary::of_key_set()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_refuses_bad_configuration() {
    let good = binary::of_key_set();
    binary::refuses_bad_environment(BINARY, &good).await;
    for (name, value) in [
        ("PUBLIC_KEYS", ""),
        ("PUBLIC_KEYS", "a generated secret of 32 bytes or more"),
        (
            "PUBLIC_KEYS",
            r#"{"keys":[{"kty":"oct","k":"YSBrZXkgdGhhdCBuZWl0aGVyIHNpZ25zIG5vciB2ZXJpZmllcw"}]}"#,
        ),
    ] {
        binary::refuses(BINARY, &good, name, value).await;
    }
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:public-keys-AbCdEf";
    let both = good.clone().with("PUBLIC_KEYS_SECRET_ARN", arn);
    binary::refuses(BINARY, &both, "PUBLIC_KEYS", r#"{"keys":[]}"#).await;
    // The signing keys do not stand in for the public ones.
    binary::refuses(BINARY, &good.with("SIGNING_KEYS", SAMPLE_KEYS), "PUBLIC_KEYS", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_behind_an_edge_answers_only_its_requests() {
    binary::answers_only_through_the_edge(BINARY, "jwks", binary::of_key_set()).await;
}
