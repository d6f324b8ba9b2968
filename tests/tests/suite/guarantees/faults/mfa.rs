//! When the table fails while MFA is switched: the contract's words, and MFA is either on or off, never between.

use postern_local::demo::RECOVERY_CODES;
use serde_json::json;

use crate::support::mfa::{
    CODE, GUARDED, HUBER, MOMENT, NEXT, PASSWORD, assert_off, assert_on, begin, confirmation, counted,
    post_mfa,
};
use crate::support::proxy::{Fault, Proxy, error};
use crate::support::raw;
use crate::support::sign_in::{put_counter, refund};
use crate::support::signed_in::{ACCOUNT, WHOAMI, code, get, mfa_jwt};
use crate::support::words::{Refused, assert_refusal};

/// The faults, and how the mfa contract words each.
fn faults() -> [(Fault, Refused); 2] {
    [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ]
}

/// The calls before the write that switches MFA.
const BEFORE: [&str; 4] = [
    "GetItem USER",
    "GetItem LOGIN",
    "UpdateItem ADDRESS SET charged_by",
    "UpdateItem USER SET username_charged_by",
];

#[tokio::test]
async fn mfa_when_a_call_before_the_switch_fails_stays_as_it_was() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "2")).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    let on = confirmation(&secret, &code(&deployment, &secret, 0));
    for (id, token, body, switch) in [
        (HUBER, &huber, &on, "UpdateItem USER SET mfa"),
        (GUARDED, &guarded, &off, "UpdateItem USER SET updated_at"),
        (HUBER, &huber, &json!({"mfa": true}), "UpdateItem USER SET pending_mfa_secret"),
        (
            HUBER,
            &huber,
            &json!({"mfa": true, "password": PASSWORD}),
            "UpdateItem USER SET pending_mfa_secret",
        ),
    ] {
        let before = raw::user(&deployment, id).await;
        for (fault, refused) in faults() {
            for call in BEFORE.into_iter().chain([switch]) {
                let takes_no_attempt = body.get("token").or(body.get("password")).is_none();
                if takes_no_attempt && !["GetItem USER", switch].contains(&call) {
                    continue;
                }
                let fault = fault.clone();
                proxy.calls();
                proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
                assert_refusal("mfa", refused, &post_mfa(&deployment, token, body).await, call);
                assert!(proxy.calls().iter().any(|seen| seen.starts_with(call)), "{call} is never called");
                proxy.heal();
                let after = raw::user(&deployment, id).await;
                assert_eq!(after, before, "{call}");
                assert_eq!(counted(&deployment, id).await, (0, 0), "{call}");
            }
        }
    }
    for (token, body) in [(&huber, &on), (&guarded, &off)] {
        assert_eq!(post_mfa(&deployment, token, body).await.status, 200);
    }
}

#[tokio::test]
async fn mfa_when_an_optional_call_fails_is_switched() {
    for call in [refund("mfa"), "UpdateItem ADDRESS SET refunded_by"] {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(MOMENT);
        // Above a third of the limit, a success is refunded.
        put_counter(&deployment, &raw::address_counter(&deployment, 300), 17).await;
        let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
        let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
        let secret = begin(&deployment, &huber).await;
        proxy.fail(move |seen| seen.starts_with(call).then(|| error(400, "AccessDeniedException")));
        let on = post_mfa(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
        assert_eq!(on.status, 200, "{call}: {on:?}");
        let off = json!({"mfa": false, "password": PASSWORD, "token": RECOVERY_CODES[0]});
        assert_eq!(post_mfa(&deployment, &guarded, &off).await.status, 200, "{call}");
        proxy.heal();
        assert_on(&deployment, &huber, call).await;
        assert_off(&deployment, &guarded, call).await;
    }
}

#[tokio::test]
async fn account_when_the_table_fails_is_an_error() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    for path in [WHOAMI, ACCOUNT] {
        proxy.calls();
        assert_eq!(get(&deployment, "mfa", path, &token).await.status, 200);
        assert_eq!(proxy.calls(), ["GetItem USER"]);
        for (fault, refused) in [
            (error(400, "AccessDeniedException"), Refused::Fault),
            (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
        ] {
            proxy.fail(move |_| Some(fault.clone()));
            assert_refusal("mfa", refused, &get(&deployment, "mfa", path, &token).await, path);
            proxy.heal();
        }
    }
}
