//! The time of the calls to the table, of the wipe of the hash's memory, and of the rest without the hash. The
//! kernel cannot separate them from outside. So this program measures them, through `invoke`, with the same
//! cold caches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use postern::logging;
use postern_tests::deployment::{Deployment, Reply};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use super::cold::Toucher;
use crate::Spread;
use crate::busy::{self, Measuring};
use crate::warm::{Line, hashing};

const ROUNDS: usize = 100;
/// The memory of a hash, in bytes.
const MEMORY: usize = 19_456 << 10;

/// Measures them, and prints medians.
pub(super) async fn run(toucher: &mut Toucher) {
    let deployment = Deployment::start().await;
    let event = deployment.right_sign_in("account").await;
    let measuring =
        tracing::subscriber::set_default(Measuring::of(logging::subscriber(LevelFilter::INFO, || Line)));
    let (mut calls, mut own, mut wipes) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = vec![0; MEMORY];
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
        let wiped = wipe(&mut memory);
        if round >= 10 {
            calls.push(busy.calls);
            own.push(busy.request.saturating_sub(busy.calls + hashed));
            wipes.push(wiped);
        }
    }
    drop(measuring);
    println!(
        "The same in this program, which is built for speed and not for size: medians of {ROUNDS} rounds\n"
    );
    println!("  calls to the table               {}", Spread::of(calls));
    println!("  neither hash nor calls           {}", Spread::of(own));
    println!("  wiping as much memory as a hash  {}\n", Spread::of(wipes));
    println!("  calls to the table: our client, and the SDK's serializers, without waiting for the table.\n");
}

/// Returns the time in which memory is wiped that was just written, as a hash writes its memory.
fn wipe(memory: &mut [u8]) -> Duration {
    black_box(&mut *memory).fill(1);
    let start = Instant::now();
    black_box(&mut *memory).fill(0);
    black_box(memory);
    start.elapsed()
}
