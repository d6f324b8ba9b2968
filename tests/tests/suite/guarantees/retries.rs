//! A write that is done but whose answer is lost is sent again, and is done once.

mod mfa;
mod session;

use std::collections::BTreeSet;

use postern::clock::Timestamp;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw::{self, Counter};
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure};
use crate::support::sign_in::{By, LOCK_AFTER, codes, put_counter, refund, sessions_of, writes};
use crate::support::words::{Refused, assert_refusal};

const REFUND_OF_ADDRESS: &str = "UpdateItem ADDRESS SET refunded_by";

/// Sets the counts: three failures of the name, and seventeen from the address, so that a success is
/// refunded.
async fn counted(deployment: &Deployment, contract: &str, by: By) -> (Counter, Counter) {
    let login = name_at(contract, by.user().0);
    raw::forget_addresses(deployment, &login).await;
    let name = raw::name_counter(deployment, &login).await;
    let address = raw::address_counter(deployment, 300);
    put_counter(deployment, &name, 3).await;
    put_counter(deployment, &address, 17).await;
    (name, address)
}

/// After a sign-in there is one session more, both counters are as they should be, and the code is spent once.
async fn assert_signed_in_once(deployment: &Deployment, contract: &str, by: By, sessions: usize, of: &str) {
    let (name, id) = by.user();
    let user = raw::user(deployment, id).await;
    assert_eq!(user["last_sign_in"], raw::number(deployment.now().millis()), "{of}");
    let expected = match by {
        By::Password => (0, None),
        By::Totp => (8, Some(raw::number(1_700_000_000 / 30))),
        By::RecoveryCode => (7, None),
    };
    assert_eq!(codes(&user), expected, "{of}");
    assert_eq!(raw::sessions(deployment, id).await, sessions + sessions_of(contract), "{of}");
    let counter = raw::name_counter(deployment, &name_at(contract, name)).await;
    assert_eq!(raw::failures(deployment, &counter).await, 0, "{of}");
    assert_eq!(raw::failures(deployment, &raw::address_counter(deployment, 300)).await, 17, "{of}");
}

/// A request succeeds if each of its writes is done but reported as failed once. If the write ends a session, the
/// second try finds none, and the reply may say so.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, proxy) = route.deployment(|env| env).await;
        let mut lost = BTreeSet::new();
        proxy.rule(move |call| {
            let lose = !call.starts_with("GetItem") && lost.insert(call.to_owned());
            if lose { Fate::lose() } else { Fate::Pass }
        });
        let reply = route.send(&deployment, event).await;
        let ends = proxy.calls().iter().any(|call| call.starts_with("DeleteItem"));
        ensure(reply.status < if ends { 500 } else { 300 }, || {
            format!("a write that is sent again fails: {reply:?}")
        })?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_repeats_writes_whose_answers_are_lost() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

#[tokio::test]
async fn every_write_of_a_sign_in_that_is_sent_again_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    for (contract, by) in PASSWORD_ROUTES.map(|contract| (contract, By::Password)).into_iter().chain([
        ("account", By::Totp),
        ("mfa", By::Totp),
        ("session", By::RecoveryCode),
        ("email", By::RecoveryCode),
    ]) {
        let user = raw::user(&deployment, by.user().1).await;
        for write in writes(contract)
            .into_iter()
            .filter(|write| sessions_of(contract) > 0 || !write.contains("SESSIONS"))
        {
            let of = format!("{contract} by {by:?}: {write}");
            let sessions = raw::sessions(&deployment, by.user().1).await;
            counted(&deployment, contract, by).await;
            proxy.first(&[write], Fate::lose);
            proxy.calls();
            assert_eq!(deployment.sign_in(contract, by.body(contract)).await.status, 200, "{of}");
            let sent = proxy.calls().iter().filter(|call| call.starts_with(write)).count();
            assert_eq!(sent, 2, "{of}");
            assert_signed_in_once(&deployment, contract, by, sessions, &of).await;
            // The code is valid again.
            raw::put(&deployment, &format!("USER#{}", by.user().1), "USER", user.clone()).await;
        }
    }
}

/// The same without any answer: each write is sent again after a time-out.
#[tokio::test]
async fn every_write_of_a_sign_in_that_times_out_and_is_sent_again_is_done_once() {
    let sign_in = async |contract, by: By| {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
        counted(&deployment, contract, by).await;
        proxy.first(&writes(contract), || Fate::LandAndHang);
        assert_eq!(deployment.sign_in(contract, by.body(contract)).await.status, 200, "{contract} by {by:?}");
        assert_signed_in_once(&deployment, contract, by, 0, &format!("{contract} by {by:?}")).await;
    };
    // One after the other, since a write that is sent again has less than a second left.
    sign_in("account", By::Password).await;
    sign_in("email", By::Totp).await;
    sign_in("session", By::RecoveryCode).await;
}

#[tokio::test]
async fn guess_whose_charges_are_sent_again_is_counted_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in PASSWORD_ROUTES {
        for write in writes(contract).into_iter().take(2) {
            let (name, address) = counted(&deployment, contract, By::Password).await;
            proxy.first(&[write], Fate::lose);
            let reply = deployment.password(contract, &name_at(contract, "johndoe"), "wrong").await;
            assert_refusal(contract, Refused::Wrong, &reply, write);
            assert_eq!(raw::failures(&deployment, &name).await, 4, "{contract}: {write}");
            assert_eq!(raw::failures(&deployment, &address).await, 18, "{contract}: {write}");
        }
    }
}

/// A table that writes but does not answer in time must not lock an office out.
#[tokio::test]
async fn charge_whose_outcome_is_unknown_is_reverted() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in PASSWORD_ROUTES {
        for write in writes(contract).into_iter().take(2) {
            let (name, address) = counted(&deployment, contract, By::Password).await;
            proxy.lose(move |seen| seen.starts_with(write).then(|| error(500, "InternalServerError")));
            let reply = deployment.sign_in(contract, By::Password.body(contract)).await;
            assert_refusal(contract, Refused::Unavailable(1), &reply, write);
            proxy.heal();
            assert_eq!(raw::failures(&deployment, &name).await, 3, "{contract}: {write}");
            assert_eq!(raw::failures(&deployment, &address).await, 17, "{contract}: {write}");
        }
    }
}

/// Neither counter falls below its value before the attempt.
#[tokio::test]
async fn charge_that_is_reverted_twice_is_reverted_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in PASSWORD_ROUTES {
        for write in [refund(contract), REFUND_OF_ADDRESS] {
            let (name, address) = counted(&deployment, contract, By::Totp).await;
            proxy.first(&[write], Fate::lose);
            proxy.calls();
            let reply = deployment.password(contract, &name_at(contract, "guarded"), "Password1234!").await;
            assert_refusal(contract, Refused::MfaRequired, &reply, write);
            assert_eq!(proxy.calls().iter().filter(|call| call.starts_with(write)).count(), 2, "{write}");
            assert_eq!(raw::failures(&deployment, &name).await, 3, "{contract}: {write}");
            assert_eq!(raw::failures(&deployment, &address).await, 17, "{contract}: {write}");
        }
        // The charge of the address, when the name is refused.
        let (name, address) = counted(&deployment, contract, By::Totp).await;
        put_counter(&deployment, &name, LOCK_AFTER).await;
        proxy.first(&[REFUND_OF_ADDRESS], Fate::lose);
        let reply = deployment.password(contract, &name_at(contract, "guarded"), "Password1234!").await;
        assert_refusal(contract, Refused::Throttled(900), &reply, "a locked name");
        assert_eq!(raw::failures(&deployment, &address).await, 17, "{contract}");
    }
}
