//! When the table fails under a route of the session contract: the contract's words, and a password change is never
//! half made.

use crate::support::proxy::{Fault, Proxy, error};
use crate::support::raw;
use crate::support::session::{
    CHANGER, assert_changed, change, counted, is_there, resume, sign_out, stay, stays,
};
use crate::support::sign_in::{charge, put_counter};
use crate::support::tokens::OWNER;
use crate::support::words::{Refused, assert_refusal};

/// The faults, and how the session contract words each.
fn faults() -> [(Fault, Refused); 2] {
    [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ]
}

#[tokio::test]
async fn password_change_when_a_call_before_it_fails_changes_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let before = raw::user(&deployment, CHANGER).await;
    for (fault, refused) in faults() {
        for (call, hashes) in [
            ("GetItem LOGIN", 0),
            ("UpdateItem ADDRESS SET charged_by", 0),
            (charge("session"), 0),
            ("UpdateItem USER SET last_sign_in", 1),
        ] {
            let (fault, verified) = (fault.clone(), deployment.app.passwords().verifications());
            proxy.calls();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            assert_refusal("session", refused, &change(&deployment, &stays()).await, call);
            assert!(proxy.calls().iter().any(|seen| seen.starts_with(call)), "{call} is never called");
            proxy.heal();
            assert_eq!(deployment.app.passwords().verifications() - verified, hashes, "{call}");
            let after = raw::user(&deployment, CHANGER).await;
            assert_eq!(after, before, "{call}");
            assert_eq!(raw::sessions(&deployment, CHANGER).await, 0, "{call}");
            assert_eq!(counted(&deployment).await, (0, 0), "{call}");
        }
    }
    assert_eq!(change(&deployment, &stays()).await.status, 200);
}

#[tokio::test]
async fn password_change_when_a_call_after_it_fails_is_complete() {
    for (fault, refused) in faults() {
        for (call, optional) in [("PutItem SESSIONS", false), ("UpdateItem ADDRESS SET refunded_by", true)] {
            let (deployment, proxy) = Proxy::deployment(|env| env).await;
            // Above a third of the limit, a success is refunded.
            put_counter(&deployment, &raw::address_counter(&deployment, 300), 17).await;
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            let reply = change(&deployment, &stays()).await;
            match optional {
                true => assert_eq!(reply.status, 200, "{call}: {reply:?}"),
                false => assert_refusal("session", refused, &reply, call),
            }
            proxy.heal();
            assert_eq!(raw::sessions(&deployment, CHANGER).await, usize::from(optional), "{call}");
            assert_changed(&deployment, call).await;
        }
    }
}

#[tokio::test]
async fn resume_when_the_table_fails_is_an_error_and_leaves_the_session() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let (_, session_token) = stay(&deployment).await;
    for (fault, refused) in [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ] {
        for call in ["GetItem USER", "UpdateItem SESSIONS"] {
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            assert_refusal("session", refused, &resume(&deployment, &session_token).await, call);
            proxy.heal();
            assert_eq!(resume(&deployment, &session_token).await.status, 202, "{call}");
        }
    }
}

#[tokio::test]
async fn sign_out_of_session_when_the_table_fails_is_an_error() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (fault, refused) in [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ] {
        for (call, stays) in [("GetItem USER", false), ("DeleteItem SESSIONS", true)] {
            let (jwt, session_token) = stay(&deployment).await;
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            let reply = sign_out(&deployment, &format!("token={jwt}"), "", &session_token).await;
            assert_refusal("session", refused, &reply, call);
            proxy.heal();
            assert_eq!(is_there(&deployment, &session_token).await, stays, "{call}");
        }
    }
    assert_eq!(raw::user(&deployment, OWNER).await["epoch"], raw::number(0));
}
