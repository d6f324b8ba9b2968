//! Logs: one JSON object per line on standard output, as CloudWatch Logs takes them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Environment};

/// Logs to standard output from now on, at the configured level; at `INFO` where that is malformed, for whoever has
/// to be told.
pub(crate) fn init(env: &Environment) -> Result<(), ConfigError> {
    let level = level(env);
    let subscriber = subscriber(level.clone().unwrap_or(LevelFilter::INFO), std::io::stdout);
    // An error says that a subscriber is there already: a test's, which is welcome to what we say.
    let _ = subscriber.try_init();
    level.map(|_| ())
}

/// The level that is configured: `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's logging settings.
///
/// # Errors
/// If it is none of Lambda's levels.
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

/// What a function logs at this level, to a writer.
///
/// The level is for our own events. Libraries are heard from `WARN` on: below that they may show what they
/// carry, and they carry passwords.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter =
        Targets::new().with_default(LevelFilter::WARN.min(level)).with_target(env!("CARGO_PKG_NAME"), level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(filter)
}
