//! Tests of the compiled function, in Lambda's runtime.

use postern_tests::{binary, concurrent};

const BINARY: &str = env!("CARGO_BIN_EXE_account-signin");

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_its_events() {
    binary::answers_its_events(BINARY, "account").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_refuses_bad_configuration() {
    binary::refuses_bad_configuration(BINARY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_behind_an_edge_answers_only_its_requests() {
    let (_table, env) = binary::demo_table().await;
    binary::answers_only_through_the_edge(BINARY, "account", env).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_64_requests_at_once() {
    concurrent::answers_64_at_once(BINARY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_other_requests_while_hashes_wait() {
    concurrent::answers_others_while_hashes_wait(BINARY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_maps_the_memory_for_hashes_before_its_first_event() {
    binary::maps_the_memory_for_hashes(BINARY).await;
}
