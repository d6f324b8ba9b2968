//! The replies to all sample events. They are sent once, since some take a password hash.

use postern_local::demo;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::events::{self, SampleEvent};
use tokio::sync::OnceCell;

/// All sample events with their replies.
pub(crate) async fn replies() -> &'static [(SampleEvent, Reply)] {
    static REPLIES: OnceCell<Vec<(SampleEvent, Reply)>> = OnceCell::const_new();
    REPLIES.get_or_init(send_all).await
}

async fn send_all() -> Vec<(SampleEvent, Reply)> {
    let mut replies = Vec::new();
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
        replies.push((event, reply));
    }
    replies
}
