//! Layers of Argon2id over digests that are fast to guess.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use postern::password::{FastDigest, Passwords};
use postern::random;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::output::{Exit, Failure};

/// Makes layers, at most one for each core of the machine at once. Each takes 19 MiB.
#[derive(Clone)]
pub struct Layering {
    cores: usize,
    free: Arc<Semaphore>,
}

impl Layering {
    /// For the cores that this process may use.
    pub fn of_this_machine() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { cores, free: Arc::new(Semaphore::new(cores)) }
    }

    /// Returns the stored forms of these digests in any order, each with its number.
    ///
    /// # Errors
    /// If there is no memory for a hash.
    pub async fn layer(&self, fast: Vec<(usize, FastDigest)>) -> Result<Vec<(usize, String)>, Failure> {
        let failed = || Failure::new(Exit::Failed, "the passwords cannot be hashed");
        let mut tasks = JoinSet::new();
        for (number, fast) in fast {
            let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| failed())?;
            tasks.spawn_blocking(move || {
                let stored = Passwords::default().layer(&fast, random::random());
                drop(permit);
                stored.map(|stored| (number, stored))
            });
        }
        let mut layered = Vec::with_capacity(tasks.len());
        while let Some(done) = tasks.join_next().await {
            layered.push(done.map_err(|_| failed())?.map_err(|_| failed())?);
        }
        Ok(layered)
    }

    /// Measures one layer, and estimates how long this many layers take on this machine. Returns `None` if
    /// the measured one fails.
    pub fn estimate(&self, count: u64) -> Option<Duration> {
        let begun = Instant::now();
        Passwords::default().hash("an estimate", random::random()).ok()?;
        let rounds = count.div_ceil(u64::try_from(self.cores).ok()?);
        Some(begun.elapsed().saturating_mul(u32::try_from(rounds).ok()?))
    }
}
