//! When the store fails under these routes: the contract's own 5xx, and nothing is lost by it.

use postern::session::GRACE;
use postern_tests::deployment::Deployment;

use crate::support::proxy::{Fault, Proxy, error};
use crate::support::tokens::{
    RENEWABLE, Tokens, assert_refused, end, present, refresh, sessions, sign_in, upgrade,
};
use crate::support::words::{Refused, assert_refusal};

const ROTATE: &str = "UpdateItem SESSIONS";
const USER: &str = "GetItem USER";
const SESSION: &str = "GetItem SESSIONS";
const END: &str = "DeleteItem SESSIONS";

fn faults() -> [(&'static str, Fault, Refused); 4] {
    [
        ("throttled", error(400, "ProvisionedThroughputExceededException"), Refused::Unavailable(1)),
        ("500", error(500, "InternalServerError"), Refused::Unavailable(1)),
        ("access denied", error(400, "AccessDeniedException"), Refused::Fault),
        ("no answer", None, Refused::Unavailable(1)),
    ]
}

/// Whose words tell of a failure where an access token is presented.
fn reader(contract: &str) -> &str {
    if contract == "account" { "sso" } else { contract }
}

/// The client got nothing, keeps what it has, and goes on with it.
async fn assert_nothing_is_lost(deployment: &Deployment, contract: &str, tokens: &Tokens, of: &str) {
    assert_eq!(present(deployment, contract, &tokens.access).await.status, 200, "{of}");
    let next = upgrade(deployment, contract, &tokens.refresh).await;
    let again = upgrade(deployment, contract, &tokens.refresh).await;
    assert_eq!(again.secret(contract), next.secret(contract), "{of}");
    assert_ne!(next.secret(contract), tokens.secret(contract), "{of}");
    deployment.advance(GRACE);
    let last = upgrade(deployment, contract, &next.refresh).await;
    assert_ne!(last.secret(contract), next.secret(contract), "{of}");
    assert_eq!(present(deployment, contract, &last.access).await.status, 200, "{of}");
}

#[tokio::test]
async fn refresh_when_the_table_fails_is_an_error_and_leaves_the_token_valid() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in RENEWABLE {
        for (name, fault, refused) in faults() {
            for call in [ROTATE, USER] {
                let of = format!("{contract}, {call}: {name}");
                let tokens = sign_in(&deployment, contract).await;
                let fault = fault.clone();
                proxy.fail(move |made| made.starts_with(call).then(|| fault.clone()));
                assert_refusal(
                    contract,
                    refused,
                    &refresh(&deployment, contract, &tokens.refresh).await,
                    &of,
                );
                proxy.heal();
                assert_nothing_is_lost(&deployment, contract, &tokens, &of).await;
            }
        }
    }
}

/// The table has rotated, and the client never heard of it.
#[tokio::test]
async fn refresh_whose_answer_is_lost_can_be_repeated_within_the_grace() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in RENEWABLE {
        for (name, fault, refused) in faults() {
            let of = format!("{contract}: {name}");
            let tokens = sign_in(&deployment, contract).await;
            let before = sessions(&deployment, contract).await;
            proxy.lose(move |made| made.starts_with(ROTATE).then(|| fault.clone()));
            assert_refusal(contract, refused, &refresh(&deployment, contract, &tokens.refresh).await, &of);
            proxy.heal();
            assert!(sessions(&deployment, contract).await != before, "{of}: it did rotate");
            assert_nothing_is_lost(&deployment, contract, &tokens, &of).await;
        }
    }
}

#[tokio::test]
async fn access_token_when_the_table_fails_is_an_error_and_stays_valid() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in RENEWABLE {
        let tokens = sign_in(&deployment, contract).await;
        let calls: &[&'static str] = if contract == "account" { &[SESSION, USER] } else { &[USER] };
        for call in calls {
            for (name, fault, refused) in faults() {
                let of = format!("{contract}, {call}: {name}");
                let call = *call;
                proxy.fail(move |made| made.starts_with(call).then(|| fault.clone()));
                assert_refusal(
                    reader(contract),
                    refused,
                    &present(&deployment, contract, &tokens.access).await,
                    &of,
                );
                proxy.heal();
                assert_eq!(present(&deployment, contract, &tokens.access).await.status, 200, "{of}");
            }
        }
    }
}

/// Who is told that a session has ended must not find it alive; who is told that it failed may ask again.
#[tokio::test]
async fn sign_out_when_the_table_fails_is_an_error_and_leaves_the_session() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in RENEWABLE {
        for (name, fault, refused) in faults() {
            let of = format!("{contract}: {name}");
            let tokens = sign_in(&deployment, contract).await;
            proxy.fail(move |made| made.starts_with(END).then(|| fault.clone()));
            assert_refusal(contract, refused, &end(&deployment, contract, &tokens.refresh).await, &of);
            if contract == "account" {
                assert_refusal(contract, refused, &end(&deployment, contract, &tokens.access).await, &of);
            }
            proxy.heal();
            assert_nothing_is_lost(&deployment, contract, &tokens, &of).await;
            assert_eq!(end(&deployment, contract, &tokens.refresh).await.status, 200, "{of}");
        }
    }
}

/// A family that could not be ended is not forgotten.
#[tokio::test]
async fn reuse_when_the_table_fails_is_detected_at_the_next_presentation() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in RENEWABLE {
        for (name, fault, refused) in faults() {
            let of = format!("{contract}: {name}");
            let stolen = sign_in(&deployment, contract).await;
            let kept = upgrade(&deployment, contract, &stolen.refresh).await;
            deployment.advance(GRACE);
            let kept = upgrade(&deployment, contract, &kept.refresh).await;
            proxy.fail(move |made| made.starts_with(END).then(|| fault.clone()));
            assert_refusal(contract, refused, &refresh(&deployment, contract, &stolen.refresh).await, &of);
            proxy.heal();
            for tokens in [&stolen, &kept] {
                assert_refused(contract, &refresh(&deployment, contract, &tokens.refresh).await, &of);
            }
            assert_eq!(sessions(&deployment, contract).await.len(), 0, "{of}");
        }
    }
}
