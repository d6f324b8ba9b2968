//! Ctrl-C during an import.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::print_message;

/// Returns a flag that the first Ctrl-C sets. The second one ends the process.
pub(super) fn flag() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
            print_message("postern: finishing the batches that are in progress");
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    interrupted
}
