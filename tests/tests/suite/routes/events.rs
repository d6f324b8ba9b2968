//! Sends every sample event through `handle` and compares the whole reply with its snapshot.

use postern_tests::events;

use crate::support::samples;

#[tokio::test]
async fn every_sample_event_gets_the_reply_of_its_snapshot() {
    for (event, reply) in samples::replies().await {
        events::assert_reply(event, reply);
    }
}
