//! Who loses a race, or meets a fault of ours, leaves the counters and the sessions as they should be.

use postern_tests::stand::{PASSWORD_CONTRACTS, credentials, name_at};
use serde_json::json;

use crate::proxy::{Proxy, error};
use crate::raw;
use crate::words::{Said, assert_said, unlimited};

/// No hash was run and no guess made: an outage must not lock users out.
#[tokio::test]
async fn our_own_faults_do_not_climb_the_names_ladder() {
    let (stand, proxy) = Proxy::stand(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    proxy.fail(|call| call.starts_with("GetItem USER").then(|| error(400, "AccessDeniedException")));
    for attempt in 0..6 {
        let reply = stand.password("account", "johndoe", "SecurePass123!").await;
        assert_said("account", Said::Fault, &reply, &attempt.to_string());
    }
    proxy.heal();
    assert_eq!(stand.password("account", "johndoe", "SecurePass123!").await.status, 200);
}

/// Nobody got that session's token, but the user would see it among the sessions.
#[tokio::test]
async fn a_lost_race_for_a_code_leaves_no_session() {
    let stand = unlimited().await;
    stand.set_time(postern::ambient::Timestamp::from_millis(1_700_000_000_000));
    let mut body = credentials("account", "guarded", "Password1234!");
    body["token"] = json!("582969");
    let text = body.to_string();
    let (a, b, c) = tokio::join!(
        stand.post("account", &text),
        stand.post("account", &text),
        stand.post("account", &text)
    );
    let good = [a, b, c].iter().filter(|reply| reply.status == 200).count();
    let sessions = raw::all(&stand).await;
    let sessions = sessions.iter().filter(|item| format!("{:?}", item["pk"]).contains("SESSIONS#43")).count();
    assert_eq!((good, sessions), (1, 1));
}

/// A spent code is a wrong one, and counts.
#[tokio::test]
async fn a_lost_race_for_a_code_does_not_clear_the_ladder() {
    let (stand, proxy) = Proxy::stand(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    stand.set_time(postern::ambient::Timestamp::from_millis(1_700_000_000_000));
    // The condition of the settle fails, as it does for who comes second.
    proxy.fail(|call| {
        call.starts_with("UpdateItem USER").then(|| error(400, "ConditionalCheckFailedException"))
    });
    let mut body = credentials("account", "guarded", "Password1234!");
    body["token"] = json!("582969");
    for attempt in 0..5 {
        let reply = stand.sign_in("account", body.clone()).await;
        assert_said("account", Said::Wrong, &reply, &attempt.to_string());
    }
    let reply = stand.sign_in("account", body).await;
    assert_said("account", Said::Throttled(1), &reply, "five wrong codes in a row");
}

/// Between the reading of the user and the settling, the user is disabled (or changes the password, or MFA): the
/// table is ahead of what the sign-in has read.
#[tokio::test]
async fn a_user_disabled_meanwhile_is_not_signed_in() {
    for contract in PASSWORD_CONTRACTS {
        let (stand, proxy) = Proxy::stand(|env| env).await;
        let read = raw::user(&stand, 1).await;
        let mut disabled = read.clone();
        disabled.insert("status".to_owned(), raw::text("disabled"));
        disabled.insert("epoch".to_owned(), raw::number(1));
        raw::put(&stand, "USER#1", "USER", disabled.clone()).await;
        let reply = json!({"Item": raw::wire(&read)}).to_string();
        proxy.fail(move |call| call.starts_with("GetItem USER").then(|| Some((200, reply.clone()))));
        let reply = stand.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
        assert_said(contract, Said::Wrong, &reply, "a right password, too late");
        assert_eq!(raw::user(&stand, 1).await, disabled, "{contract} left the user alone");
    }
}
