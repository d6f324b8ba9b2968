//! How long a request is worked on, and how much of that is the SDK's: by the spans that both are polled in. What the
//! thread does between, such as being the embedded store, counts for neither.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// The target of the span that a request is worked on in.
pub(crate) const REQUEST: &str = "busy::request";
/// Where the SDK's spans begin, one for each call.
const CALL: &str = "aws_sdk_dynamodb::operation";

/// Ids that are ours and not of the subscriber within: above all of its.
const OURS: u64 = 1 << 62;

/// What was measured since this was last asked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Busy {
    pub(crate) request: Duration,
    pub(crate) calls: Duration,
}

static BUSY: Mutex<Busy> = Mutex::new(Busy { request: Duration::ZERO, calls: Duration::ZERO });
static ENTERED: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

pub(crate) fn take() -> Busy {
    std::mem::take(&mut *BUSY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A subscriber that measures, and otherwise does what the one within it does.
pub(crate) struct Measuring<S> {
    within: S,
    next: AtomicU64,
}

impl<S> Measuring<S> {
    pub(crate) const fn of(within: S) -> Self {
        Self { within, next: AtomicU64::new(0) }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && (metadata.target() == REQUEST || metadata.target().starts_with(CALL))
}

impl<S: Subscriber> Subscriber for Measuring<S> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) { Interest::always() } else { self.within.register_callsite(metadata) }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata) || self.within.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if !is_ours(span.metadata()) {
            return self.within.new_span(span);
        }
        // The lowest bit says which kind it is.
        let call = u64::from(span.metadata().target() != REQUEST);
        Id::from_u64(OURS | self.next.fetch_add(1, Ordering::Relaxed) << 1 | call)
    }

    fn enter(&self, span: &Id) {
        if span.into_u64() & OURS == 0 {
            return self.within.enter(span);
        }
        ENTERED.lock().unwrap().push(Instant::now());
    }

    fn exit(&self, span: &Id) {
        let id = span.into_u64();
        if id & OURS == 0 {
            return self.within.exit(span);
        }
        let took = ENTERED.lock().unwrap().pop().unwrap().elapsed();
        let mut busy = BUSY.lock().unwrap();
        if id & 1 == 0 { busy.request += took } else { busy.calls += took }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if span.into_u64() & OURS == 0 {
            self.within.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if (span.into_u64() | follows.into_u64()) & OURS == 0 {
            self.within.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.within.event(event);
    }

    fn clone_span(&self, span: &Id) -> Id {
        if span.into_u64() & OURS == 0 { self.within.clone_span(span) } else { span.clone() }
    }

    fn try_close(&self, span: Id) -> bool {
        span.into_u64() & OURS != 0 || self.within.try_close(span)
    }
}
