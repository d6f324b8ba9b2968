//! The audit events as they happen, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::{self, Receiver, error::RecvError};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Page;
use crate::audit_line;

/// The number of audit events that a page gets when it is loaded. A page that falls behind by more misses events.
const KEPT: usize = 100;

/// The latest audit events. Each clone is the same tail.
#[derive(Clone)]
pub struct AuditTail(Arc<Tail>);

struct Tail {
    latest: Mutex<VecDeque<String>>,
    /// Each event as it happens, and `None` at the end.
    live: broadcast::Sender<Option<String>>,
}

impl AuditTail {
    /// Makes an empty tail. It gets events as a layer of the subscriber.
    pub fn new() -> Self {
        let (live, _) = broadcast::channel(KEPT);
        Self(Arc::new(Tail { latest: Mutex::default(), live }))
    }

    /// Ends the streams of all pages, so that the server can stop.
    pub fn end(&self) {
        // Without a page there is no receiver.
        let _ = self.0.live.send(None);
    }

    /// Returns the latest events, and a receiver of those that follow.
    fn subscribe(&self) -> (VecDeque<String>, Receiver<Option<String>>) {
        let latest = self.latest();
        (latest.clone(), self.0.live.subscribe())
    }

    fn add(&self, line: String) {
        let mut latest = self.latest();
        if latest.len() == KEPT {
            latest.pop_front();
        }
        latest.push_back(line.clone());
        // The lock is held here, so that each event is either among the latest of a page or received by it.
        let _ = self.0.live.send(Some(line));
    }

    fn latest(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for AuditTail {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Subscriber> Layer<S> for AuditTail {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(line) = audit_line::of(event) {
            self.add(line);
        }
    }
}

/// Sends the latest events, and then each event as it happens.
pub(super) async fn reply(
    State(page): State<Arc<Page>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (latest, live) = page.audit_tail.subscribe();
    let lines = stream::iter(latest).chain(stream::unfold(live, next));
    Sse::new(lines.map(|line| Ok(Event::default().data(line)))).keep_alive(KeepAlive::default())
}

async fn next(mut live: Receiver<Option<String>>) -> Option<(String, Receiver<Option<String>>)> {
    loop {
        match live.recv().await {
            Ok(Some(line)) => return Some((line, live)),
            Ok(None) | Err(RecvError::Closed) => return None,
            // The page fell behind by more than `KEPT`, and misses the oldest.
            Err(RecvError::Lagged(_)) => {}
        }
    }
}
