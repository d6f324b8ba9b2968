//! Counts the lines of a file, and limits what is read of it at once.

use std::io::{self, BufRead, Read};

/// A reader that counts lines, and reads no more than it is allowed.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    /// The line of the next byte, from 1.
    pub(super) line: u64,
    /// How many bytes may be read.
    pub(super) left: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other("a row is over 4 MB long"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // The consumed bytes are in the buffer, so this reads nothing.
        if let Ok(bytes) = self.inner.fill_buf() {
            let lines = bytes.iter().take(count).filter(|byte| **byte == b'\n').count();
            self.line += lines as u64;
        }
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}
