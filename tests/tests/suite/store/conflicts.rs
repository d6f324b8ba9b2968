//! Temporary refusals of the table: throttling and transaction conflicts. A write that is refused once is done a moment
//! later. A write that is always refused is unavailable.

use postern::store::StoreError;
use postern::store::Written;
use postern::store::operator::{CreateUserError, UserRecord};
use postern_local::demo;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, credentials, name_at};
use serde_json::json;

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::sign_in::{put_counter, writes};
use crate::support::words::{Refused, assert_refusal};

const PASSING: [&str; 2] = ["TransactionConflictException", "ProvisionedThroughputExceededException"];

fn refused(code: &str) -> Fate {
    let (status, text) = error(400, code).unwrap();
    Fate::Fail(status, text)
}

#[tokio::test]
async fn write_that_conflicts_once_is_repeated() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in PASSWORD_ROUTES {
        for code in PASSING {
            for write in writes(contract).into_iter().filter(|write| *write != "PutItem SESSIONS") {
                let mut body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
                body["stay_logged_in"] = json!(true);
                deployment.advance(std::time::Duration::from_millis(1));
                raw::forget_addresses(&deployment, &name_at(contract, "johndoe")).await;
                let (name, address) = (
                    raw::name_counter(&deployment, &name_at(contract, "johndoe")).await,
                    raw::address_counter(&deployment, 300),
                );
                put_counter(&deployment, &address, 17).await;
                proxy.first(&[write], || refused(code));
                proxy.calls();
                assert_eq!(
                    deployment.sign_in(contract, body).await.status,
                    200,
                    "{contract}: {code} of {write}"
                );
                let sent = proxy.calls().iter().filter(|call| call.starts_with(write)).count();
                assert_eq!(sent, 2, "{contract}: {code} of {write}");
                let user = raw::user(&deployment, 1).await;
                assert_eq!(
                    user["last_sign_in"],
                    raw::number(deployment.now().millis()),
                    "{contract}: {code} of {write}"
                );
                for (counter, left) in [(&name, 0), (&address, 17)] {
                    assert_eq!(
                        raw::failures(&deployment, counter).await,
                        left,
                        "{contract}: {code} of {write}"
                    );
                }
            }
        }
    }
}

/// An attempt that cannot be counted is refused, and its charges are reverted.
#[tokio::test]
async fn attempt_that_cannot_be_counted_hashes_nothing_and_charges_nobody() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for code in PASSING {
        for contract in PASSWORD_ROUTES {
            for write in writes(contract).into_iter().take(2) {
                let before = deployment.app.passwords().verifications();
                proxy.rule(move |seen| if seen.starts_with(write) { refused(code) } else { Fate::Pass });
                let reply =
                    deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
                assert_refusal(contract, Refused::Unavailable(1), &reply, write);
                assert_eq!(
                    deployment.app.passwords().verifications(),
                    before,
                    "{contract}: {code} of {write}"
                );
                let name = raw::name_counter(&deployment, &name_at(contract, "johndoe")).await;
                for counter in [name, raw::address_counter(&deployment, 300)] {
                    assert_eq!(
                        raw::failures(&deployment, &counter).await,
                        0,
                        "{contract}: {code} of {write}"
                    );
                }
            }
        }
    }
    let user = raw::user(&deployment, 1).await;
    assert!(!user.contains_key("last_sign_in") && raw::sessions(&deployment, 1).await == 0);
    proxy.heal();
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}");
    }
}

fn new_user(deployment: &Deployment) -> UserRecord {
    UserRecord {
        id: 0,
        username: "new".to_owned(),
        email: "new@example.com".to_owned(),
        ..demo::user(&deployment.app, &demo::USERS[2])
    }
}

/// A transaction that the table cancels, for these reasons.
fn cancelled(reasons: [&str; 3]) -> Fate {
    let reasons = reasons.map(|code| json!({"Code": code, "Message": "LEAKED"}));
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({"__type": kind, "message": "LEAKED", "CancellationReasons": reasons});
    Fate::Fail(400, body.to_string())
}

#[tokio::test]
async fn creation_that_is_cancelled_creates_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (reasons, taken) in [
        (["TransactionConflict", "None", "None"], false),
        (["None", "ThrottlingError", "None"], false),
        (["None", "None", "ProvisionedThroughputExceeded"], false),
        (["None", "ConditionalCheckFailed", "None"], true),
    ] {
        let before = raw::all(&deployment).await.len();
        proxy.rule(move |seen| if seen.starts_with("Transact") { cancelled(reasons) } else { Fate::Pass });
        let outcome = deployment.store.create_user(new_user(&deployment)).await.unwrap_err();
        match taken {
            true => assert_eq!(outcome, CreateUserError::Taken, "{reasons:?}"),
            false => {
                let unavailable = matches!(outcome, CreateUserError::Store(StoreError::Unavailable { .. }));
                assert!(unavailable, "{reasons:?}: {outcome:?}");
            }
        }
        assert_eq!(raw::all(&deployment).await.len(), before, "{reasons:?}");
    }
    // Cancelled once by a conflict, the creation is repeated.
    proxy.first(&["TransactWriteItems"], || cancelled(["None", "TransactionConflict", "None"]));
    assert!(deployment.store.create_user(new_user(&deployment)).await.is_ok());
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "new"), "Password1234!").await;
        assert_eq!(reply.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn deletion_that_is_cancelled_deletes_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let user = deployment.store.user(33).await.unwrap().unwrap();
    for reason in ["TransactionConflict", "ThrottlingError"] {
        let before = raw::all(&deployment).await.len();
        let reasons = ["None", reason, "None"];
        proxy.rule(move |seen| if seen.starts_with("Transact") { cancelled(reasons) } else { Fate::Pass });
        let outcome = deployment.store.delete_user(&user).await;
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{reason}: {outcome:?}");
        assert_eq!(raw::all(&deployment).await.len(), before, "{reason}");
    }
    // Cancelled once by a conflict, the deletion is repeated: the user and both names are gone.
    let before = raw::all(&deployment).await.len();
    proxy.first(&["TransactWriteItems"], || cancelled(["None", "TransactionConflict", "None"]));
    assert_eq!(deployment.store.delete_user(&user).await, Ok(Written::Done));
    assert_eq!(raw::all(&deployment).await.len(), before - 3);
}
