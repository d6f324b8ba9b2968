//! Every sample event through `handle`, its whole reply compared with its snapshot.

use postern_tests::events;
use postern_tests::stand::Stand;

#[tokio::test]
async fn every_event_gets_its_reply() {
    let stand = Stand::start().await;
    for event in events::all(None) {
        let reply = stand.invoke(&event.contract, event.event.clone()).await;
        events::assert_reply(&event, &reply);
    }
}
