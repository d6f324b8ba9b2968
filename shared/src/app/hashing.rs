//! Where passwords are hashed. All routes hash here.
//!
//! By default a function handles one request after the other, and hashes on the runtime's thread. On Lambda
//! Managed Instances it handles several requests at once. Then each hash runs on a thread of its own, so that
//! the other requests go on meanwhile, and at most as many hashes run at once as there are processors. More
//! would not end sooner, and each needs memory of its own.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::Span;

use super::App;
use crate::audit::AttemptDetails;
use crate::environment::Environment;
use crate::identity::UserRecord;
use crate::password::{NotHashed, Password};
use crate::random::random;

/// How many requests Lambda gives to this process at once.
const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// Where passwords are hashed.
#[derive(Clone)]
pub(super) enum Hashing {
    /// On the runtime's thread.
    Inline,
    /// On threads of their own, one for each permit.
    OnThreads(Arc<Semaphore>),
}

impl Hashing {
    /// Reads `AWS_LAMBDA_MAX_CONCURRENCY` as Lambda's runtime does: a value that is no number counts as one.
    pub(super) fn from_env(env: &Environment) -> Self {
        let requests = env.optional(MAX_CONCURRENCY).and_then(|requests| requests.parse::<u32>().ok());
        match requests {
            None | Some(0 | 1) => Self::Inline,
            Some(_) => {
                let processors = available_parallelism().map_or(1, usize::from);
                Self::OnThreads(Arc::new(Semaphore::new(processors)))
            }
        }
    }

    /// Does work that hashes. Returns the result, and the time that the work took without waiting.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> (T, Duration) {
        let timed = || {
            let began = Instant::now();
            (work(), began.elapsed())
        };
        let Self::OnThreads(permits) = self else { return timed() };
        let permit = Arc::clone(permits).acquire_owned().await;
        let span = Span::current();
        let hashed = spawn_blocking(move || {
            let done = span.in_scope(timed);
            // The thread holds the permit and not the request: if the request is given up, the hash goes on.
            drop(permit);
            done
        });
        // The hash ends early only by a panic. The panic then ends the request, as one on this thread would.
        hashed.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }
}

impl App {
    /// Returns whether the password is the stored one.
    pub(super) async fn verify(
        &self,
        stored: Option<String>,
        password: &Password,
        details: &mut AttemptDetails,
    ) -> bool {
        let (passwords, password) = (Arc::clone(&self.passwords), password.clone());
        let keys = self.keys.current();
        let work = move || passwords.verify(stored.as_deref(), &password, &keys.peppers);
        let (is_right, took) = self.hashing.run(work).await;
        details.hashing = Some(took);
        is_right
    }

    /// Returns the hash of a new password. Adds its time to that of a verification before it.
    ///
    /// # Errors
    /// If Argon2 cannot hash the password.
    pub(super) async fn hash(
        &self,
        password: &Password,
        details: &mut AttemptDetails,
    ) -> Result<String, NotHashed> {
        let (passwords, password) = (Arc::clone(&self.passwords), password.clone());
        let (hash, took) = self.hashing.run(move || passwords.hash(&password, random())).await;
        details.hashing = Some(details.hashing.unwrap_or_default() + took);
        hash
    }

    /// Returns a new hash of the right password, if the stored one is a legacy hash or costs less than a new
    /// one.
    pub(super) async fn upgrade(
        &self,
        user: &UserRecord,
        password: &Password,
        details: &mut AttemptDetails,
    ) -> Option<String> {
        let due = self.passwords.is_upgrade_due(user.password_hash.as_deref()?, password);
        if due { self.hash(password, details).await.ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::time::timeout;

    use super::*;

    fn threads(permits: usize) -> (Hashing, Arc<Semaphore>) {
        let permits = Arc::new(Semaphore::new(permits));
        (Hashing::OnThreads(Arc::clone(&permits)), permits)
    }

    /// Starts work that lasts until the sender is used, and waits until it runs.
    async fn start(hashing: &Hashing) -> (mpsc::Sender<()>, tokio::task::JoinHandle<((), Duration)>) {
        let (end, ended) = mpsc::channel();
        let (tell, begun) = tokio::sync::oneshot::channel();
        let hashing = hashing.clone();
        let request = tokio::spawn(async move {
            let work = move || {
                tell.send(()).unwrap();
                ended.recv().unwrap();
            };
            hashing.run(work).await
        });
        begun.await.unwrap();
        (end, request)
    }

    #[test]
    fn app_is_send_and_sync() {
        fn is_send_and_sync<T: Send + Sync + 'static>() {}
        is_send_and_sync::<App>();
    }

    #[test]
    fn hashes_are_on_threads_only_if_lambda_gives_several_requests_at_once() {
        for (value, on_threads) in
            [("", false), ("0", false), ("1", false), ("many", false), ("2", true), ("64", true)]
        {
            let hashing = Hashing::from_env(&Environment::of([(MAX_CONCURRENCY, value)]));
            assert_eq!(matches!(hashing, Hashing::OnThreads(_)), on_threads, "{value}");
        }
    }

    #[tokio::test]
    async fn thread_runs_while_the_runtime_goes_on() {
        let (hashing, _) = threads(1);
        let (end, request) = start(&hashing).await;
        end.send(()).unwrap();
        request.await.unwrap();
    }

    #[tokio::test]
    async fn request_that_is_given_up_keeps_its_permit_until_its_hash_ends() {
        let (hashing, permits) = threads(1);
        let (end, request) = start(&hashing).await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        assert_eq!(permits.available_permits(), 0);
        end.send(()).unwrap();
        drop(permits.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn request_that_is_given_up_while_it_waits_hashes_nothing() {
        let (hashing, permits) = threads(1);
        let (end, request) = start(&hashing).await;
        let (tell, told) = mpsc::channel();
        let waiting = hashing.run(move || tell.send(()).unwrap());
        assert!(timeout(Duration::from_millis(1), waiting).await.is_err());
        end.send(()).unwrap();
        request.await.unwrap();
        drop(permits.acquire().await.unwrap());
        assert!(told.recv().is_err());
    }

    #[tokio::test]
    async fn panic_of_a_hash_ends_its_request_and_frees_its_permit() {
        let (hashing, permits) = threads(1);
        let of_request = hashing.clone();
        let request = tokio::spawn(async move { of_request.run(|| panic!("of a test")).await });
        assert!(request.await.unwrap_err().is_panic());
        assert_eq!(permits.available_permits(), 1);
        hashing.run(|| ()).await;
    }
}
