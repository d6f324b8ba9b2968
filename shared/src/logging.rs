//! Logs: one JSON object per line on standard output, for CloudWatch Logs.

use std::{fmt, panic};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::audit;
use crate::environment::{ConfigError, Environment};

/// Starts to log to standard output at the configured level. If the level is malformed, logs at `INFO`, so
/// that the error itself can be logged.
pub(crate) fn init(env: &Environment) -> Result<(), ConfigError> {
    let level = level(env);
    let subscriber = subscriber(level.as_ref().copied().unwrap_or(LevelFilter::INFO), std::io::stdout);
    // This fails if there is a subscriber already. Only a test has one, and it then gets the events.
    let _ = subscriber.try_init();
    // A panic is one line like every other event. Its message is left out, since it may quote the request.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic");
    }));
    level.map(|_| ())
}

/// Reads the log level, `AWS_LAMBDA_LOG_LEVEL`. Lambda sets it from the function's logging settings.
///
/// # Errors
/// If the variable is none of Lambda's levels.
pub fn level(env: &Environment) -> Result<LevelFilter, ConfigError> {
    const VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";
    match env.optional(VARIABLE) {
        None | Some("INFO") => Ok(LevelFilter::INFO),
        Some("TRACE") => Ok(LevelFilter::TRACE),
        Some("DEBUG") => Ok(LevelFilter::DEBUG),
        Some("WARN") => Ok(LevelFilter::WARN),
        Some("ERROR" | "FATAL") => Ok(LevelFilter::ERROR),
        Some(_) => Err(ConfigError::new(VARIABLE, "must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL")),
    }
}

/// Returns the subscriber that logs at this level to a writer.
///
/// The level is for Postern's own events. Libraries log from `WARN` on, since below that they may log the
/// data that they process, and passwords are among it.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter =
        Targets::new().with_default(LevelFilter::WARN.min(level)).with_target(env!("CARGO_PKG_NAME"), level);
    let json = format().json().flatten_event(true).with_target(false).with_span_list(false);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines(json))
        .fmt_fields(JsonFields::new())
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(filter)
}

/// Formats events as JSON. An audit event is a line of JSON already, with the time of its request. It is
/// written as it is.
struct Lines(Format<Json>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != audit::TARGET {
            return self.0.format_event(context, writer, event);
        }
        let mut line = AuditLine(String::new());
        event.record(&mut line);
        writeln!(writer, "{}", line.0)
    }
}

struct AuditLine(String);

impl Visit for AuditLine {
    fn record_str(&mut self, _: &Field, line: &str) {
        line.clone_into(&mut self.0);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
