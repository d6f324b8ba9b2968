//! Tests of the compiled function, in Lambda's runtime.

use postern_tests::binary;

const BINARY: &str = env!("CARGO_BIN_EXE_sso-signin");

#[tokio::test(flavor = "multi_thread")]
async fn binary_answers_its_events() {
    binary::answers_its_events(BINARY, "sso").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_refuses_bad_configuration() {
    binary::refuses_bad_configuration(BINARY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_behind_an_edge_answers_only_its_requests() {
    let (_table, env) = binary::demo_table().await;
    binary::answers_only_through_the_edge(BINARY, "sso", env).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_maps_no_memory_for_hashes() {
    binary::maps_no_memory_for_hashes(BINARY, "sso").await;
}
