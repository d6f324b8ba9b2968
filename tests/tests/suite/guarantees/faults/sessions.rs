//! When the table fails under a session: no token is given, and no session is lost.

use postern::Refusal;
use postern::session::{GRACE, SessionToken};
use postern_tests::deployment::Deployment;

use crate::support::proxy::{Fate, Proxy, error, first};
use crate::support::raw::text;
use crate::support::sessions::{IDLE, KINDS, item, policy, refresh, sha256, sign_in};

const ROTATION: &str = "UpdateItem SESSIONS SET previous_hash";

/// A refresh during which the store fails.
async fn fails(deployment: &Deployment, kind: &'static str, token: &SessionToken) -> Refusal {
    let outcome = deployment.app.refresh(&deployment.caller(kind), token, &policy(kind)).await;
    outcome.err().expect("the store failed")
}

/// The first put of a session takes so long that the SDK sends a second one. The first arrives after the session has
/// been rotated.
#[tokio::test]
async fn put_that_arrives_late_undoes_no_rotation() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    for kind in KINDS {
        proxy.first(&["PutItem SESSIONS"], || Fate::Hold);
        let token = sign_in(&deployment, kind).await;
        proxy.reached().await;
        let next = refresh(&deployment, kind, &token).await.unwrap();
        proxy.release();
        assert_eq!(proxy.reached().await, "PutItem SESSIONS, at last");
        deployment.advance(GRACE);
        assert!(refresh(&deployment, kind, &next).await.is_some(), "{kind}");
    }
}

/// The table rotates the session and the answer is lost. The call that the SDK sends again finds the session rotated.
#[tokio::test]
async fn rotation_whose_reply_is_lost_rotates_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    // The last fault is no reply at all.
    for (kind, fault) in KINDS.into_iter().zip([
        error(500, "InternalServerError"),
        error(400, "ProvisionedThroughputExceededException"),
        None,
    ]) {
        let token = sign_in(&deployment, kind).await;
        proxy.calls();
        proxy.lose(first(1, ROTATION, fault));
        let next = refresh(&deployment, kind, &token).await.unwrap();
        proxy.heal();
        let sent = proxy.calls().iter().filter(|call| call.starts_with(ROTATION)).count();
        assert_eq!(sent, 2, "{kind}");
        let item = item(&deployment, &token).await.unwrap();
        assert_eq!(item["previous_hash"], text(&sha256(&token.secret)), "{kind} rotated once");
        assert_eq!(item["current_hash"], text(&sha256(&next.secret)), "{kind} rotated once");
        deployment.advance(GRACE);
        assert!(refresh(&deployment, kind, &next).await.is_some(), "{kind}: what the client got works");
    }
}

#[tokio::test]
async fn client_that_missed_the_rotation_gets_one_late_answer() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for kind in KINDS {
        for late in [false, true] {
            let token = sign_in(&deployment, kind).await;
            proxy.lose(first(3, ROTATION, error(500, "InternalServerError")));
            assert_eq!(fails(&deployment, kind, &token).await, Refusal::Unavailable, "{kind}");
            proxy.heal();
            let rotated = item(&deployment, &token).await.unwrap();
            assert_eq!(rotated["previous_hash"], text(&sha256(&token.secret)), "{kind}");
            if late {
                deployment.advance(GRACE);
            }
            let next = refresh(&deployment, kind, &token).await.unwrap();
            assert_eq!(rotated["current_hash"], text(&sha256(&next.secret)), "{kind}");
            if late {
                // The second time it cannot be distinguished from reuse.
                deployment.advance(GRACE);
                assert!(refresh(&deployment, kind, &token).await.is_none(), "{kind}");
                assert_eq!(item(&deployment, &token).await, None, "{kind}");
            }
        }
    }
}

#[tokio::test]
async fn session_when_the_store_is_down_is_not_lost() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (fault, refusal) in [
        (error(500, "InternalServerError"), Refusal::Unavailable),
        (error(400, "ThrottlingException"), Refusal::Unavailable),
        (error(400, "AccessDeniedException"), Refusal::Fault),
    ] {
        for kind in KINDS {
            let token = sign_in(&deployment, kind).await;
            let before = item(&deployment, &token).await;
            let down = fault.clone();
            proxy.fail(move |_| Some(down.clone()));
            assert_eq!(fails(&deployment, kind, &token).await, refusal, "{kind}");
            let caller = deployment.caller(kind);
            let resumed = deployment.app.resume(&caller, &token, kind, IDLE).await;
            assert_eq!(resumed.err(), Some(refusal), "{kind}");
            assert_eq!(deployment.app.sign_out(&caller, &token, kind).await, Err(refusal), "{kind}");
            assert!(deployment.store.sessions(token.user_id).await.is_err(), "{kind}");
            proxy.heal();
            assert_eq!(item(&deployment, &token).await, before, "{kind}");
            // The write of the session and the read of the user go out together. Either may fail alone.
            let alone = fault.clone();
            proxy.fail(move |call| call.starts_with("GetItem USER").then(|| alone.clone()));
            assert_eq!(fails(&deployment, kind, &token).await, refusal, "{kind}");
            proxy.heal();
            assert!(refresh(&deployment, kind, &token).await.is_some(), "{kind}: the same token works");
        }
    }
}

/// If a session could not be ended, the next reuse ends it.
#[tokio::test]
async fn reuse_that_cannot_end_the_session_is_an_error_and_the_next_ends_it() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (kind, (fault, refusal)) in KINDS.into_iter().zip([
        (error(500, "InternalServerError"), Refusal::Unavailable),
        (error(400, "ThrottlingException"), Refusal::Unavailable),
        (error(400, "AccessDeniedException"), Refusal::Fault),
    ]) {
        let stolen = sign_in(&deployment, kind).await;
        let victims = refresh(&deployment, kind, &stolen).await.unwrap();
        deployment.advance(GRACE);
        let victims = refresh(&deployment, kind, &victims).await.unwrap();
        proxy.fail(move |call| call.starts_with("DeleteItem").then(|| fault.clone()));
        assert_eq!(fails(&deployment, kind, &stolen).await, refusal, "{kind}");
        assert!(item(&deployment, &stolen).await.is_some(), "{kind}: it could not be ended");
        proxy.heal();
        assert!(refresh(&deployment, kind, &stolen).await.is_none(), "{kind}");
        assert_eq!(item(&deployment, &stolen).await, None, "{kind}");
        assert!(refresh(&deployment, kind, &victims).await.is_none(), "{kind}");
    }
}
