//! Session items that are damaged or incomplete: the reply is a fault, and no token is given.

use postern::Refusal;
use postern::session::{GRACE, SessionToken};
use postern_tests::deployment::Deployment;

use crate::support::raw::{Attribute, Item, text};
use crate::support::sessions::{IDLE, OWNER, item, policy, put, refresh, sign_in};

/// The previous and the present token of a session that was rotated.
async fn rotated(deployment: &Deployment) -> (SessionToken, SessionToken) {
    let first = sign_in(deployment, "account").await;
    let present = refresh(deployment, "account", &first).await.unwrap();
    (first, present)
}

/// Neither token is accepted, now or later. Returns what a refresh with the present token says.
async fn grants_nothing(
    deployment: &Deployment,
    tokens: [&SessionToken; 2],
    stored: Item,
    of: &str,
) -> Vec<Refusal> {
    let mut refused = Vec::new();
    for token in tokens {
        for at in [deployment.now(), deployment.now().plus(GRACE)] {
            let mut caller = deployment.caller("account");
            caller.now = at;
            put(deployment, token, stored.clone()).await;
            let resumed = deployment.app.resume(&caller, token, "account", IDLE).await;
            assert!(!matches!(resumed, Ok(Some(_))), "{of}");
            put(deployment, token, stored.clone()).await;
            // Twice, because a write may succeed although its reply cannot be read.
            for _ in 0..2 {
                match deployment.app.refresh(&caller, token, &policy("account")).await {
                    Ok(Some(_)) => panic!("{of}: granted"),
                    Ok(None) => {}
                    Err(refusal) => refused.push(refusal),
                }
            }
        }
    }
    refused
}

#[tokio::test]
async fn session_item_with_a_missing_or_mistyped_member_is_a_fault() {
    let deployment = Deployment::start().await;
    let (first, present) = rotated(&deployment).await;
    let good = item(&deployment, &present).await.unwrap();
    for member in ["kind", "current_hash", "epoch", "created_at", "rotated_at", "expires_at", "ends_at"] {
        let mut values = vec![None, Some(Attribute::Bool(true)), Some(Attribute::Null(true))];
        values.push(Some(Attribute::L(Vec::new())));
        if !["kind", "current_hash"].contains(&member) {
            values.push(Some(text("17")));
        }
        for value in values {
            let mut stored = good.clone();
            stored.remove(member);
            let of = format!("{member}: {value:?}");
            stored.extend(value.map(|value| (member.to_owned(), value)));
            let refused = grants_nothing(&deployment, [&present, &first], stored, &of).await;
            assert_eq!(refused, [Refusal::Fault; 8], "{of}");
            assert!(deployment.store.sessions(OWNER).await.is_err(), "{of}");
        }
    }
    put(&deployment, &present, good).await;
    assert!(refresh(&deployment, "account", &present).await.is_some(), "the present token is valid");
}

#[tokio::test]
async fn session_item_that_is_empty_or_of_another_kind_is_a_fault() {
    let deployment = Deployment::start().await;
    let (first, present) = rotated(&deployment).await;
    let good = item(&deployment, &present).await.unwrap();
    let user = crate::support::raw::user(&deployment, OWNER).await;
    let others = user.into_iter().filter(|(name, _)| name != "pk" && name != "sk").collect();
    let half = ["kind", "current_hash"].map(|name| (name.to_owned(), good[name].clone()));
    for stored in [Item::new(), others, Item::from(half)] {
        let of = format!("{stored:?}");
        let refused = grants_nothing(&deployment, [&present, &first], stored, &of).await;
        assert_eq!(refused, [Refusal::Fault; 8], "{of}");
    }
}

/// Members that a rotation replaces are not needed by it. Members that judge the previous token are needed for that
/// token.
#[tokio::test]
async fn previous_token_of_a_session_with_malformed_previous_members_is_refused() {
    let deployment = Deployment::start().await;
    let (first, present) = rotated(&deployment).await;
    let good = item(&deployment, &present).await.unwrap();
    for member in ["previous_hash", "derived_with"] {
        for value in [None, Some(Attribute::Bool(true)), Some(Attribute::L(Vec::new()))] {
            let mut stored = good.clone();
            stored.remove(member);
            let of = format!("{member}: {value:?}");
            let lacking = value.is_none();
            stored.extend(value.map(|value| (member.to_owned(), value)));
            put(&deployment, &first, stored).await;
            let outcome =
                deployment.app.refresh(&deployment.caller("account"), &first, &policy("account")).await;
            let outcome = outcome.map(|who| who.is_some());
            // Without it, the session does not know the token.
            assert_eq!(outcome, if lacking { Ok(false) } else { Err(Refusal::Fault) }, "{of}");
        }
    }
}
