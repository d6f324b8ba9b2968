//! When the store fails under a change of password: the contract's words, and never half a change.

use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, name_at};
use serde_json::{Value, json};

use crate::guarantees::retries::WRITES;
use crate::support::proxy::{Fate, Fault, Proxy, error};
use crate::support::raw::{self, Attribute, Item, number};
use crate::support::session::{CHANGER, NEW, OLD, body, change};
use crate::support::signed_in::with;
use crate::support::words::{Refused, assert_refusal};

/// What fails, and how the session contract says so.
fn faults() -> [(Fault, Refused); 2] {
    [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ]
}

fn stays() -> Value {
    with(body("changer"), json!({"stay_logged_in": true}))
}

async fn counted(deployment: &Deployment) -> (i64, i64) {
    let (name, address) = (raw::name_counter("changer"), raw::address_counter(deployment, 300));
    (raw::failures(deployment, &name).await, raw::failures(deployment, &address).await)
}

async fn restore(deployment: &Deployment, user: &Item) {
    raw::put(deployment, "USER#41", "USER", user.clone()).await;
}

/// The new password, and no other, opens every door.
async fn assert_changed(deployment: &Deployment, of: &str) {
    let user = raw::user(deployment, CHANGER).await;
    assert_eq!(
        (&user["must_change_password"], &user["epoch"]),
        (&Attribute::Bool(false), &number(1)),
        "{of}"
    );
    for contract in PASSWORD_CONTRACTS {
        let name = name_at(contract, "changer");
        assert_refusal(contract, Refused::Wrong, &deployment.password(contract, &name, OLD).await, of);
        assert_eq!(deployment.password(contract, &name, NEW).await.status, 200, "{contract}: {of}");
    }
}

#[tokio::test]
async fn what_fails_before_the_change_is_written_leaves_everything_as_it_was() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let before = raw::user(&deployment, CHANGER).await;
    for (fault, refused) in faults() {
        for (call, hashes) in [
            ("GetItem LOGIN", 0),
            ("UpdateItem ADDRESS ADD failures :one", 0),
            ("GetItem USER", 0),
            ("UpdateItem NAME ADD failures :one", 0),
            ("UpdateItem USER", 1),
        ] {
            let (fault, verified) = (fault.clone(), deployment.app.passwords.verifications());
            proxy.calls();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            assert_refusal("session", refused, &change(&deployment, &stays()).await, call);
            assert!(proxy.calls().iter().any(|seen| seen.starts_with(call)), "{call} is never called");
            proxy.heal();
            assert_eq!(deployment.app.passwords.verifications() - verified, hashes, "{call}");
            assert_eq!(raw::user(&deployment, CHANGER).await, before, "{call}");
            assert_eq!(raw::sessions(&deployment, CHANGER).await, 0, "{call}");
            assert_eq!(counted(&deployment).await, (0, 0), "{call}");
        }
    }
    assert_eq!(change(&deployment, &stays()).await.status, 200);
}

#[tokio::test]
async fn what_fails_behind_the_change_leaves_it_whole() {
    for (fault, refused) in faults() {
        for (call, forgiven) in [
            ("PutItem SESSIONS", false),
            ("UpdateItem NAME SET failures", true),
            ("UpdateItem ADDRESS ADD failures :minus", true),
        ] {
            let (deployment, proxy) =
                Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            let reply = change(&deployment, &stays()).await;
            match forgiven {
                true => assert_eq!(reply.status, 200, "{call}: {reply:?}"),
                false => assert_refusal("session", refused, &reply, call),
            }
            proxy.heal();
            assert_eq!(raw::sessions(&deployment, CHANGER).await, usize::from(forgiven), "{call}");
            assert_changed(&deployment, call).await;
        }
    }
}

#[tokio::test]
async fn each_write_of_a_change_that_is_sent_again_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let before = raw::user(&deployment, CHANGER).await;
    for write in WRITES {
        let sessions = raw::sessions(&deployment, CHANGER).await;
        restore(&deployment, &before).await;
        proxy.calls();
        proxy.first(&[write], Fate::lose);
        assert_eq!(change(&deployment, &stays()).await.status, 200, "{write}");
        assert_eq!(proxy.calls().iter().filter(|call| call.starts_with(write)).count(), 2, "{write}");
        assert_eq!(raw::sessions(&deployment, CHANGER).await, sessions + 1, "{write}");
        assert_eq!(counted(&deployment).await, (0, 0), "{write}");
        let user = raw::user(&deployment, CHANGER).await;
        assert_eq!((&user["must_change_password"], &user["epoch"]), (&Attribute::Bool(false), &number(1)));
        assert_eq!(deployment.password("mfa", "changer", NEW).await.status, 200, "{write}");
    }
}

/// Nobody can say then whether it happened; it did, and all of it.
#[tokio::test]
async fn a_change_of_which_nobody_ever_hears_is_whole() {
    for lost in [error(500, "InternalServerError"), None] {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        proxy.lose(move |seen| seen.starts_with("UpdateItem USER").then(|| lost.clone()));
        assert_refusal(
            "session",
            Refused::Unavailable(1),
            &change(&deployment, &stays()).await,
            "a lost change",
        );
        proxy.heal();
        assert_eq!(raw::sessions(&deployment, CHANGER).await, 0);
        assert_changed(&deployment, "a lost change").await;
    }
}
