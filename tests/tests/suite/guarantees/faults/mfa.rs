//! When the store fails under MFA's switch: the contract's words, and MFA is wholly on or wholly off.

use postern_local::demo::RECOVERY_CODES;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::mfa::{
    CODE, GUARDED, HUBER, MOMENT, NEXT, PASSWORD, assert_error, begin, confirmation, digests, recovery_codes,
    stored_codes, wish,
};
use crate::support::proxy::{Fate, Fault, Proxy, error};
use crate::support::raw::{self, number};
use crate::support::signed_in::{Held, code, mfa_jwt, sign_in};
use crate::support::words::{Refused, assert_refusal};

/// What fails, and how the mfa contract says so.
fn faults() -> [(Fault, Refused); 2] {
    [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ]
}

async fn counted(deployment: &Deployment, id: u64) -> (i64, i64) {
    let (name, address) = (raw::name_counter(&id.to_string()), raw::address_counter(deployment, 300));
    (raw::failures(deployment, &name).await, raw::failures(deployment, &address).await)
}

/// The calls of both switches before the write that counts.
const BEFORE: [&str; 4] = [
    "GetItem USER",
    "GetItem LOGIN",
    "UpdateItem ADDRESS ADD failures :one",
    "UpdateItem NAME ADD failures :one",
];

async fn assert_on(deployment: &Deployment, token: &str, of: &str) {
    let user = raw::user(deployment, HUBER).await;
    assert_eq!((stored_codes(&user).len(), &user["epoch"]), (8, &number(1)), "{of}");
    assert!(user.contains_key("mfa") && !user.contains_key("pending_mfa_secret"), "{of}");
    let reply = wish(deployment, token, &json!({"mfa": true})).await;
    assert_error(&reply, 400, "mfaActive", of);
    assert_refusal(
        "email",
        Refused::MfaRequired,
        &sign_in(deployment, "email", "st.huber", PASSWORD, None).await,
        of,
    );
}

async fn assert_off(deployment: &Deployment, token: &str, of: &str) {
    let user = raw::user(deployment, GUARDED).await;
    assert_eq!(user["epoch"], number(1), "{of}");
    assert!(!user.contains_key("mfa") && !user.contains_key("recovery_codes"), "{of}");
    assert!(Held("mfa JWT", token.to_owned()).is_good(deployment).await, "{of}");
    assert_eq!(sign_in(deployment, "email", "guarded", PASSWORD, None).await.status, 200, "{of}");
}

#[tokio::test]
async fn what_fails_before_the_switch_leaves_it_where_it_was() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    let on = confirmation(&secret, &code(&deployment, &secret, 0));
    for (id, token, body) in
        [(HUBER, &huber, &on), (GUARDED, &guarded, &off), (HUBER, &huber, &json!({"mfa": true}))]
    {
        let before = raw::user(&deployment, id).await;
        for (fault, refused) in faults() {
            for call in BEFORE.into_iter().chain(["UpdateItem USER"]) {
                if body.get("token").is_none() && !call.ends_with("USER") {
                    continue;
                }
                let fault = fault.clone();
                proxy.calls();
                proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
                assert_refusal("mfa", refused, &wish(&deployment, token, body).await, call);
                assert!(proxy.calls().iter().any(|seen| seen.starts_with(call)), "{call} is never called");
                proxy.heal();
                assert_eq!(raw::user(&deployment, id).await, before, "{call}");
                assert_eq!(counted(&deployment, id).await, (0, 0), "{call}");
            }
        }
    }
    for (token, body) in [(&huber, &on), (&guarded, &off)] {
        assert_eq!(wish(&deployment, token, body).await.status, 200);
    }
}

/// The user is read twice: for the JWT, and for what is confirmed.
#[tokio::test]
async fn a_second_reading_that_fails_leaves_it_where_it_was() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let token = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let before = raw::user(&deployment, GUARDED).await;
    let mut reads = 0;
    proxy.rule(move |seen| {
        reads += usize::from(seen == "GetItem USER");
        match error(400, "AccessDeniedException") {
            Some((status, text)) if seen == "GetItem USER" && reads == 2 => Fate::Fail(status, text),
            _ => Fate::Pass,
        }
    });
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    assert_refusal("mfa", Refused::Fault, &wish(&deployment, &token, &off).await, "the second reading");
    assert_eq!(raw::user(&deployment, GUARDED).await, before);
    assert_eq!(counted(&deployment, GUARDED).await, (0, 0));
}

#[tokio::test]
async fn what_only_helps_is_forgiven() {
    for call in [
        "UpdateItem NAME ADD failures :minus",
        "UpdateItem NAME SET failures",
        "UpdateItem ADDRESS ADD failures :minus",
    ] {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(MOMENT);
        let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
        let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
        let secret = begin(&deployment, &huber).await;
        proxy.fail(move |seen| seen.starts_with(call).then(|| error(400, "AccessDeniedException")));
        let on = wish(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
        assert_eq!(on.status, 200, "{call}: {on:?}");
        let off = json!({"mfa": false, "password": PASSWORD, "token": RECOVERY_CODES[0]});
        assert_eq!(wish(&deployment, &guarded, &off).await.status, 200, "{call}");
        proxy.heal();
        assert_on(&deployment, &huber, call).await;
        assert_off(&deployment, &guarded, call).await;
    }
}

#[tokio::test]
async fn a_switch_that_is_sent_again_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    proxy.calls();
    proxy.first(&["UpdateItem USER"], Fate::lose);
    let on = wish(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
    assert_eq!(on.status, 200, "{on:?}");
    proxy.first(&["UpdateItem USER"], Fate::lose);
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    let reply = wish(&deployment, &guarded, &off).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    proxy.heal();
    assert_eq!(proxy.calls().iter().filter(|call| call.starts_with("UpdateItem USER")).count(), 4);
    let stored = stored_codes(&raw::user(&deployment, HUBER).await);
    assert_eq!(stored, digests(&deployment, HUBER, &recovery_codes(&on)), "those that were shown");
    assert_on(&deployment, &huber, "sent again").await;
    assert_off(&deployment, &guarded, "sent again").await;
    assert_eq!((counted(&deployment, HUBER).await, counted(&deployment, GUARDED).await), ((0, 0), (0, 0)));
}

/// Nobody can say then whether it happened; it did, and all of it.
#[tokio::test]
async fn a_switch_of_which_nobody_ever_hears_is_whole() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    proxy.lose(|seen| seen.starts_with("UpdateItem USER").then(|| error(500, "InternalServerError")));
    let on = wish(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
    assert_refusal("mfa", Refused::Unavailable(1), &on, "on");
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    assert_refusal("mfa", Refused::Unavailable(1), &wish(&deployment, &guarded, &off).await, "off");
    proxy.heal();
    assert_on(&deployment, &huber, "never heard of").await;
    assert_off(&deployment, &guarded, "never heard of").await;
}
