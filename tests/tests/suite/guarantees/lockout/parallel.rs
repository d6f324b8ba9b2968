//! Parallel guesses are admitted no more often than sequential ones.

use std::sync::Arc;
use std::time::Duration;

use postern_tests::contracts::{LoginNameKind, taking};
use postern_tests::deployment::Deployment;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::wait_after;
use crate::support::raw::{self, Item};
use crate::support::sign_in::{LOCK_AFTER, from};
use crate::support::words::{Refused, assert_refusal, unlimited};

/// At each count of failures, parallel guesses are admitted no more often than sequential ones. Each admitted guess
/// costs one hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parallel_guesses_are_admitted_no_more_than_sequential_ones() {
    let deployment = Arc::new(unlimited().await);
    let counter = raw::name_counter(&deployment, "johndoe").await;
    let known = raw::known_counter(1);
    let home = "198.51.100.7";
    assert_eq!(from(&deployment, home, "account", "johndoe", "SecurePass123!").await.status, 200);
    let elsewhere = |failures, admitted| (&counter, "192.0.2.1", failures, admitted);
    let at_home = |failures, admitted| (&known, home, failures, admitted);
    for (counter, address, failures, admitted) in [
        elsewhere(0, 5),
        at_home(0, 5),
        elsewhere(5, 1),
        at_home(5, 1),
        elsewhere(14, 1),
        elsewhere(LOCK_AFTER - 1, 1),
        at_home(LOCK_AFTER - 2, 1),
        elsewhere(LOCK_AFTER, 0),
        at_home(LOCK_AFTER - 1, 0),
    ] {
        // Exactly as long ago as the wait at this count.
        let charged = deployment.now().minus(Duration::from_secs(wait_after(failures))).millis();
        let attributes = Item::from([
            ("failures".to_owned(), raw::number(failures)),
            ("charged_at".to_owned(), raw::number(charged)),
            ("charged_by".to_owned(), raw::text("-")),
        ]);
        counter.put(&deployment, attributes).await;
        let before = deployment.app.passwords().verifications();
        // A refused attempt waits for what the last admitted attempt left.
        let refused = Refused::Throttled(wait_after(failures + admitted));
        assert_eq!(
            volley(&deployment, address, refused).await,
            (admitted, 200 - admitted),
            "at {failures} failures"
        );
        assert_eq!(deployment.app.passwords().verifications() - before, admitted, "at {failures} failures");
        assert_eq!(raw::failures(&deployment, counter).await as u64, failures + admitted);
    }
}

/// Sends two hundred guesses at johndoe's password from an address to the contracts that take a username. Returns how many were tried,
/// and how many were refused in these words. Sixteen run at a time: with more, the table of a busy machine answers some
/// too late.
async fn volley(deployment: &Arc<Deployment>, address: &'static str, refused: Refused) -> (u64, u64) {
    let gate = Arc::new(Semaphore::new(16));
    let contracts = taking(LoginNameKind::Username);
    let mut guesses = JoinSet::new();
    for guess in 0..200 {
        let (deployment, gate) = (Arc::clone(deployment), Arc::clone(&gate));
        let contract = contracts[guess % contracts.len()];
        guesses.spawn(async move {
            let _open = gate.acquire().await.unwrap();
            (contract, from(&deployment, address, contract, "johndoe", &format!("guess {guess}")).await)
        });
    }
    let (mut wrong, mut throttled) = (0, 0);
    for (contract, reply) in guesses.join_all().await {
        match reply.status {
            429 => {
                assert_refusal(contract, refused, &reply, "a guess");
                throttled += 1;
            }
            _ => {
                assert_refusal(contract, Refused::Wrong, &reply, "a guess");
                wrong += 1;
            }
        }
    }
    (wrong, throttled)
}
