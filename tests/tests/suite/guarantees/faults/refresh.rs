//! When the table fails under refresh, sign-out, or the check of an access token: the contract's own 5xx, and no token
//! is lost.

use postern::session::GRACE;
use postern_tests::deployment::Deployment;

use crate::support::proxy::{Fault, Proxy, error};
use crate::support::tokens::{
    REFRESHABLE, Tokens, assert_refused, end, present, refresh, refreshed, sessions, sign_in,
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

/// The contract at which an access token is presented.
fn reader(contract: &str) -> &str {
    if contract == "account" { "sso" } else { contract }
}

/// The client keeps its tokens, and they stay valid.
async fn assert_nothing_is_lost(deployment: &Deployment, contract: &str, tokens: &Tokens, of: &str) {
    assert_eq!(present(deployment, contract, &tokens.access).await.status, 200, "{of}");
    let next = refreshed(deployment, contract, &tokens.refresh).await;
    let again = refreshed(deployment, contract, &tokens.refresh).await;
    assert_eq!(again.secret(contract), next.secret(contract), "{of}");
    assert_ne!(next.secret(contract), tokens.secret(contract), "{of}");
    deployment.advance(GRACE);
    let last = refreshed(deployment, contract, &next.refresh).await;
    assert_ne!(last.secret(contract), next.secret(contract), "{of}");
    assert_eq!(present(deployment, contract, &last.access).await.status, 200, "{of}");
}

#[tokio::test]
async fn refresh_when_the_table_fails_is_an_error_and_leaves_the_token_valid() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
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

/// The table has rotated the session, and the client did not get the answer.
#[tokio::test]
async fn refresh_whose_answer_is_lost_can_be_repeated_within_the_grace() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
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
    for contract in REFRESHABLE {
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

/// If the reply says that a session has ended, the session must not stay alive. If it says that the table failed, the
/// client may try again.
#[tokio::test]
async fn sign_out_when_the_table_fails_is_an_error_and_leaves_the_session() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
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

/// Reuse is detected again if the session could not be ended.
#[tokio::test]
async fn reuse_when_the_table_fails_is_detected_at_the_next_presentation() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
        for (name, fault, refused) in faults() {
            let of = format!("{contract}: {name}");
            let stolen = sign_in(&deployment, contract).await;
            let kept = refreshed(&deployment, contract, &stolen.refresh).await;
            deployment.advance(GRACE);
            let kept = refreshed(&deployment, contract, &kept.refresh).await;
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
