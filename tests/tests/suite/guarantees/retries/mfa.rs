//! The writes that switch MFA on or off.

use serde_json::json;

use crate::support::mfa::{
    CODE, GUARDED, HUBER, MOMENT, NEXT, PASSWORD, assert_off, assert_on, begin, confirmation, counted,
    digests, post_mfa, recovery_codes, stored_codes,
};
use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::signed_in::{code, mfa_jwt};
use crate::support::words::{Refused, assert_refusal};

/// The writes that switch MFA on and off.
const ON: &str = "UpdateItem USER SET mfa";
const OFF: &str = "UpdateItem USER SET updated_at";

#[tokio::test]
async fn mfa_switch_that_is_sent_again_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    proxy.calls();
    proxy.first(&[ON], Fate::lose);
    let on = post_mfa(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
    assert_eq!(on.status, 200, "{on:?}");
    proxy.first(&[OFF], Fate::lose);
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    let reply = post_mfa(&deployment, &guarded, &off).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    proxy.heal();
    let calls = proxy.calls();
    for switch in [ON, OFF] {
        assert_eq!(calls.iter().filter(|call| call.starts_with(switch)).count(), 2, "{switch}");
    }
    let stored = stored_codes(&raw::user(&deployment, HUBER).await);
    assert_eq!(stored, digests(&deployment, HUBER, &recovery_codes(&on)), "those that were shown");
    assert_on(&deployment, &huber, "sent again").await;
    assert_off(&deployment, &guarded, "sent again").await;
    assert_eq!(
        (counted(&deployment, HUBER).await, counted(&deployment, GUARDED).await),
        ((0, 4), (0, 4)),
        "of four successes"
    );
}

/// The client cannot know whether the change was made. It was made, and completely.
#[tokio::test]
async fn mfa_switch_whose_answer_is_lost_is_complete() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let guarded = mfa_jwt(&deployment, "guarded", PASSWORD, Some(CODE)).await;
    let huber = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &huber).await;
    proxy.lose(|seen| {
        [ON, OFF].iter().any(|switch| seen.starts_with(switch)).then(|| error(500, "InternalServerError"))
    });
    let on = post_mfa(&deployment, &huber, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
    assert_refusal("mfa", Refused::Unavailable(1), &on, "on");
    let off = json!({"mfa": false, "password": PASSWORD, "token": NEXT});
    assert_refusal("mfa", Refused::Unavailable(1), &post_mfa(&deployment, &guarded, &off).await, "off");
    proxy.heal();
    assert_on(&deployment, &huber, "never heard of").await;
    assert_off(&deployment, &guarded, "never heard of").await;
}
