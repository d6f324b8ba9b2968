//! Sends every sample event through `handle` and compares the whole reply with its snapshot.

use postern_local::demo;
use postern_tests::deployment::Deployment;
use postern_tests::events;

#[tokio::test]
async fn every_sample_event_gets_the_reply_of_its_snapshot() {
    // A table for each contract, as for the compiled functions, since some events change users.
    let mut contract_and_stand: Option<(String, Deployment)> = None;
    for event in events::all(None) {
        if contract_and_stand.as_ref().is_none_or(|(contract, _)| *contract != event.contract) {
            let deployment = Deployment::start().await;
            demo::begin_sessions(&deployment.app, &deployment.store).await.unwrap();
            contract_and_stand = Some((event.contract.clone(), deployment));
        }
        let (_, deployment) = contract_and_stand.as_ref().unwrap();
        let reply = deployment.invoke(&event.contract, event.event.clone()).await;
        events::assert_reply(&event, &reply);
    }
}
