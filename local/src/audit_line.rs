//! The line of JSON of an audit event, for the layers that read audit events.

use std::fmt;

use postern::audit;
use tracing::Event;
use tracing::field::{Field, Visit};

/// Returns the line of an audit event. Returns `None` for every other event.
pub(crate) fn of(event: &Event<'_>) -> Option<String> {
    if event.metadata().target() != audit::TARGET {
        return None;
    }
    let mut line = Line(String::new());
    event.record(&mut line);
    Some(line.0)
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, _: &Field, line: &str) {
        line.clone_into(&mut self.0);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
