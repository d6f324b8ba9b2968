//! Every log line of this process, as a function would write it, kept for searching.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use postern::logging;
use tracing::level_filters::LevelFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Captures from now on, at the most talkative level that a function can be set to.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(logging::subscriber(LevelFilter::TRACE, || Captured))
            .unwrap();
    });
}

/// All that was logged so far.
pub fn so_far() -> String {
    String::from_utf8(lines().clone()).unwrap()
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
