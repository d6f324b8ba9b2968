//! Logs: one JSON object per line on standard output, as CloudWatch Logs takes them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Environment;

/// Logs to standard output from now on, at Lambda's configured level (`AWS_LAMBDA_LOG_LEVEL`).
pub(crate) fn init(env: &Environment) {
    let level = env.optional("AWS_LAMBDA_LOG_LEVEL").and_then(|level| level.parse().ok());
    // An error says that a subscriber is there already: a test's, which is welcome to what we say.
    let _ = subscriber(level.unwrap_or(LevelFilter::INFO), std::io::stdout).try_init();
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
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_writer(writer);
    tracing_subscriber::registry().with(lines).with(filter)
}
