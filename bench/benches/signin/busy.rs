//! Measures the time of a request and that of its calls to the table, by the tracing spans in which both are
//! polled. The time of the embedded store, which runs on the same thread between polls, counts for neither.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// The target of the span around a request.
pub(crate) const REQUEST: &str = "busy::request";
/// The target of the spans around the calls to the table.
const CALL: &str = "postern::aws::service";

/// The bit of ids that this subscriber makes. The ids of the inner subscriber do not have it.
const MEASURED: u64 = 1 << 62;

/// The times since the last call of [`take`].
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

/// A subscriber that measures spans, and passes everything else on to an inner subscriber.
pub(crate) struct Measuring<S> {
    inner: S,
    next: AtomicU64,
}

impl<S> Measuring<S> {
    pub(crate) const fn of(inner: S) -> Self {
        Self { inner, next: AtomicU64::new(0) }
    }
}

fn is_measured(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && (metadata.target() == REQUEST || metadata.target() == CALL)
}

impl<S: Subscriber> Subscriber for Measuring<S> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_measured(metadata) { Interest::always() } else { self.inner.register_callsite(metadata) }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_measured(metadata) || self.inner.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if !is_measured(span.metadata()) {
            return self.inner.new_span(span);
        }
        // The lowest bit says whether the span is a request or a call.
        let call = u64::from(span.metadata().target() != REQUEST);
        Id::from_u64(MEASURED | self.next.fetch_add(1, Ordering::Relaxed) << 1 | call)
    }

    fn enter(&self, span: &Id) {
        if span.into_u64() & MEASURED == 0 {
            return self.inner.enter(span);
        }
        ENTERED.lock().unwrap().push(Instant::now());
    }

    fn exit(&self, span: &Id) {
        let id = span.into_u64();
        if id & MEASURED == 0 {
            return self.inner.exit(span);
        }
        let took = ENTERED.lock().unwrap().pop().unwrap().elapsed();
        let mut busy = BUSY.lock().unwrap();
        if id & 1 == 0 { busy.request += took } else { busy.calls += took }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if span.into_u64() & MEASURED == 0 {
            self.inner.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if (span.into_u64() | follows.into_u64()) & MEASURED == 0 {
            self.inner.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.inner.event(event);
    }

    fn clone_span(&self, span: &Id) -> Id {
        if span.into_u64() & MEASURED == 0 { self.inner.clone_span(span) } else { span.clone() }
    }

    fn try_close(&self, span: Id) -> bool {
        span.into_u64() & MEASURED != 0 || self.inner.try_close(span)
    }
}
