//! Files that hold hashes and secrets: for their owner's eyes only.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that nobody else may read (mode 0600).
///
/// # Errors
/// If it cannot, or the file is there already.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
