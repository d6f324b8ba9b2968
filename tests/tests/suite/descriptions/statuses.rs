//! Each described status of each operation is shown by a reply. If both the function and API Gateway are described to
//! give it, each of them shows it.

use std::collections::BTreeSet;

use super::shown;
use crate::support::operations::{self, assert_none};

#[tokio::test]
async fn every_described_status_is_shown_by_a_reply() {
    let seen: BTreeSet<_> =
        shown::all().await.iter().map(|each| (each.operation.id(), each.reply.status, each.maker)).collect();
    let mut missing = Vec::new();
    for operation in operations::all() {
        for (status, _) in operation.replies() {
            let makers = operation.makers(status).into_iter();
            let unseen = makers.filter(|maker| !seen.contains(&(operation.id(), status, *maker)));
            missing.extend(unseen.map(|maker| format!("{operation:?}: no reply of {maker:?} has {status}")));
        }
    }
    assert_none(&missing);
}

/// A header that is not required may be missing, and the check of the replies does not notice. The CORS headers are
/// never required: only the replies to a web page have them.
#[tokio::test]
async fn header_that_is_in_every_reply_is_required() {
    let mut differences = Vec::new();
    for operation in operations::all() {
        for (status, described) in operation.replies() {
            let replies = shown::all().await.iter().map(|each| (&each.operation, &each.reply));
            let replies: Vec<_> =
                replies.filter(|(of, reply)| of.id() == operation.id() && reply.status == status).collect();
            for (name, header) in described["headers"].as_object().unwrap() {
                let is_required = operation.resolve(header)["required"] == true;
                let of_cors = name.starts_with("Access-Control-");
                let is_missing =
                    replies.iter().any(|(_, reply)| reply.header(&name.to_lowercase()).is_none());
                if !is_required && !of_cors && !is_missing {
                    differences.push(format!("{operation:?}, {status}: {name} is not required"));
                }
            }
        }
    }
    assert_none(&differences);
}
