//! The line that `cargo run` prints for each request: status, time, method, path, and the outcome of the audit
//! event if there is one. The query is left out, because tokens are in it.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::audit_line;

/// The most characters of a path that are printed.
const MAX_PATH: usize = 120;

tokio::task_local! {
    /// The outcome of the audit event of the request that this task handles.
    static OUTCOME: RefCell<Option<String>>;
}

/// Handles a request, and prints its line.
pub async fn print(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let work = async {
        let reply = next.run(request).await;
        (reply, OUTCOME.with(RefCell::take))
    };
    let (reply, outcome) = OUTCOME.scope(RefCell::default(), work).await;
    let line = line(reply.status(), started.elapsed(), method.as_str(), &path, outcome.as_deref());
    // A closed standard output does not stop the reply.
    let _ = writeln!(std::io::stdout(), "{line}");
    reply
}

/// Returns the line of a request. It is printable ASCII, whatever the path is.
fn line(status: StatusCode, time: Duration, method: &str, path: &str, outcome: Option<&str>) -> String {
    let whole = path.escape_default().to_string();
    let shown = whole.get(..MAX_PATH).map_or_else(|| whole.clone(), |begin| format!("{begin}..."));
    let line = format!("{} {:>5} ms  {method} {shown}", status.as_u16(), time.as_millis());
    match outcome {
        Some(outcome) => format!("{line}  {outcome}"),
        None => line,
    }
}

/// Takes the outcome from each audit event that is logged, for the line of its request.
pub struct Outcomes;

impl<S: Subscriber> Layer<S> for Outcomes {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(line) = audit_line::of(event) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            let outcome = event["outcome"].as_str().map(str::to_owned);
            // An event outside of a request has no line.
            let _ = OUTCOME.try_with(|place| place.replace(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_short_and_printable_whatever_the_path_is() {
        let line = |path: &str, outcome| {
            line(StatusCode::UNAUTHORIZED, Duration::from_millis(81), "POST", path, outcome)
        };
        assert_eq!(line("/signin", Some("wrong_password")), "401    81 ms  POST /signin  wrong_password");
        assert_eq!(line("/signin", None), "401    81 ms  POST /signin");
        for path in
            ["/\u{1b}[31m", "/\r\n200", "/\u{9b}31m", "/\u{202e}", "/ü", "/\u{7f}\0", &"/ü".repeat(30_000)]
        {
            let line = line(path, None);
            assert!(line.len() < 200 && line.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{line:?}");
        }
    }
}
