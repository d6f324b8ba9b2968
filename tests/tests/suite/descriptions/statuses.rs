//! Each described status of each operation is shown by a reply that has it, and by whom it is made.

use std::collections::BTreeSet;

use super::shown;
use crate::support::operations::{self, assert_none};

#[tokio::test]
async fn every_described_status_is_shown_by_a_reply() {
    let id = |operation: &operations::Operation| operation.value["operationId"].as_str().unwrap();
    let seen: BTreeSet<_> =
        shown::all().await.iter().map(|each| (id(&each.operation), each.reply.status, each.maker)).collect();
    let mut missing = Vec::new();
    for operation in operations::all() {
        for (status, _) in operation.replies() {
            let makers = operation.makers(status).into_iter();
            let unseen = makers.filter(|maker| !seen.contains(&(id(operation), status, *maker)));
            missing.extend(unseen.map(|maker| format!("{operation:?}: no reply of {maker:?} has {status}")));
        }
    }
    assert_none(&missing);
}
