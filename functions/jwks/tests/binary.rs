//! Tests of the compiled function, in Lambda's runtime, without a table.

use postern_tests::binary;

const BINARY: &str = env!("CARGO_BIN_EXE_jwks");

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_its_events() {
    binary::answers(BINARY, "jwks", &binary::without_table()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_up_event_is_logged_as_no_request() {
    binary::logs_what_is_no_request(BINARY, &binary::without_table()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_refuses_bad_configuration() {
    binary::refuses_bad_keys(BINARY, binary::without_table()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_behind_an_edge_answers_only_its_requests() {
    binary::answers_only_through_the_edge(BINARY, "jwks", binary::without_table()).await;
}
