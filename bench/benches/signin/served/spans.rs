//! What the kernel cannot separate from outside: the SDK, Postern's own code, and the wipe of the hash's
//! memory. They are measured in this program, through `invoke`, with the same cold caches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use argon2::Block;
use postern::logging;
use postern_tests::deployment::{Deployment, Reply};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use super::cold::Toucher;
use crate::Spread;
use crate::busy::{self, Measuring};
use crate::kernel::Reference;
use crate::warm::{Line, hashing};

const ROUNDS: usize = 100;

/// Measures them, and prints medians.
pub(super) async fn run(toucher: &mut Toucher) {
    let deployment = Deployment::start().await;
    let event = deployment.right_sign_in("account").await;
    let measuring =
        tracing::subscriber::set_default(Measuring::of(logging::subscriber(LevelFilter::INFO, || Line)));
    let (mut sdk, mut own, mut wipes) = (Vec::new(), Vec::new(), Vec::new());
    let mut reference = Reference::new();
    // The first ten rounds warm up.
    for round in 0..ROUNDS + 10 {
        toucher.touch().await;
        let request = deployment.function("account").invoke(event.clone());
        busy::take();
        let reply = request.instrument(tracing::info_span!(target: busy::REQUEST, "request")).await;
        let busy = busy::take();
        assert_eq!(Reply::of(&reply.unwrap()).status, 200);
        let hashed = hashing();

        toucher.touch().await;
        reference.hash();
        let wiped = wipe(&mut reference.memory);
        if round >= 10 {
            sdk.push(busy.calls);
            own.push(busy.request.saturating_sub(busy.calls + hashed));
            wipes.push(wiped);
        }
    }
    drop(measuring);
    println!(
        "The same in this program, which is built for speed and not for size: medians of {ROUNDS} rounds\n"
    );
    println!("  the SDK's calls, without waiting {}", Spread::of(sdk));
    println!("  neither hash nor SDK             {}", Spread::of(own));
    println!("  wiping as much memory as a hash  {}\n", Spread::of(wipes));
}

/// Returns the time in which memory that a hash has just used is wiped.
fn wipe(memory: &mut [Block]) -> Duration {
    let start = Instant::now();
    memory.fill(Block::new());
    black_box(memory);
    start.elapsed()
}
