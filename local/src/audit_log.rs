//! The audit events of `cargo run` in a file, one on each line, for `postern --local attempts`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::audit_line;

/// Writes each audit event to a file that only its owner may read.
pub struct AuditLog(Mutex<File>);

impl AuditLog {
    /// Creates the file, in place of that of an earlier server.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(Mutex::new(options.open(path)?)))
    }
}

impl<S: Subscriber> Layer<S> for AuditLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(line) = audit_line::of(event) {
            let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // If the disk is full, the events are still on standard error.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}
