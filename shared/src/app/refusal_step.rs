//! The common grid of refusals. A refused attempt is answered a whole number of steps after its request
//! began. So work that differs below a step does not show in the time of the reply: whether the user exists,
//! which hash is stored, or whether the password or the code was wrong.

use std::thread;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::App;
use crate::audit::Caller;

/// The most by which the runtime's timer is late, with a margin: it counts whole milliseconds, and so does
/// the wait for events in which it sleeps.
const TIMER_ERROR: Duration = Duration::from_millis(3);

impl App {
    /// Waits until the next step since the request began. Every attempt waits here after all other work, its
    /// audit event included, unless it succeeded.
    ///
    /// A refusal by a fault or by the store waits too, since the time of a failure depends on what was read
    /// before it. No wait ends after the request's deadline. The deadline, like a step, depends on the
    /// beginning of the request alone.
    ///
    /// The runtime's timer alone would show the work: it sleeps whole milliseconds from the moment at which
    /// the work ends, so it is late by a part of a millisecond that follows from that moment. So it ends the
    /// wait early, and a thread sleeps for the rest. The kernel wakes it within tens of microseconds,
    /// whatever the work was.
    pub(super) async fn wait_for_refusal_step(&self, caller: &Caller) {
        let elapsed = caller.started.elapsed();
        let wait = until_step(elapsed, self.refusal_step);
        if !wait.is_zero() {
            let step = (caller.started + elapsed + wait).min(caller.deadline);
            if let Some(early) = step.checked_sub(TIMER_ERROR) {
                tokio::time::sleep_until(early.into()).await;
            }
            // A thread of its own sleeps, so that the runtime can serve other requests. It ends only by
            // waking up.
            let rest = move || thread::sleep(step.saturating_duration_since(Instant::now()));
            let _ = spawn_blocking(rest).await;
        }
    }
}

/// Returns the time until the next whole number of steps. Returns zero on a step, and if the step is zero.
pub fn until_step(elapsed: Duration, step: Duration) -> Duration {
    let since_step = elapsed.as_nanos().checked_rem(step.as_nanos());
    match since_step {
        None | Some(0) => Duration::ZERO,
        Some(since_step) => step.saturating_sub(Duration::from_nanos(since_step as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);
    const NANOSECOND: Duration = Duration::from_nanos(1);

    #[test]
    fn wait_ends_on_the_next_step() {
        for (elapsed, wait) in [
            (NANOSECOND, STEP - NANOSECOND),
            (Duration::from_millis(20), Duration::from_millis(30)),
            (STEP - NANOSECOND, NANOSECOND),
            (STEP + NANOSECOND, STEP - NANOSECOND),
            (Duration::from_millis(7_990), Duration::from_millis(10)),
        ] {
            assert_eq!(until_step(elapsed, STEP), wait, "{elapsed:?}");
        }
    }

    #[test]
    fn request_on_a_step_does_not_wait() {
        for steps in [0, 1, 2, 160] {
            assert_eq!(until_step(STEP * steps, STEP), Duration::ZERO, "{steps}");
        }
    }

    #[test]
    fn step_of_zero_has_no_wait() {
        for elapsed in [Duration::ZERO, NANOSECOND, STEP] {
            assert_eq!(until_step(elapsed, Duration::ZERO), Duration::ZERO, "{elapsed:?}");
        }
    }
}
