//! Finds where JSON begins in a file, and whether phpMyAdmin wrote it.

/// The header of an export in JSON by phpMyAdmin.
const PHPMYADMIN: &[u8] = b"Export to JSON plugin for ";

/// Whether phpMyAdmin exported a file, by the beginning of the file.
pub(in crate::import::rows) fn is_phpmyadmin(begin: &[u8]) -> bool {
    // Only the first element counts. A later one may hold what a user typed.
    let first = begin.split(|byte| *byte == b'}').next().unwrap_or_default();
    first.windows(PHPMYADMIN.len()).any(|bytes| bytes == PHPMYADMIN)
}

/// Returns how many lines come before the first one that begins JSON. `None` if none does.
pub(in crate::import::rows) fn lines_before(begin: &[u8]) -> Option<usize> {
    let at = begin.split(|byte| *byte == b'\n').position(begins_json)?;
    let mut before = begin.split(|byte| *byte == b'\n').take(at);
    // Empty lines do not count.
    if before.all(|line| line.trim_ascii().is_empty()) { Some(0) } else { Some(at) }
}

/// Whether a line begins an object or an array. `[INFO]` begins neither.
fn begins_json(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let next = line.get(1..).unwrap_or_default().trim_ascii_start().first();
    match line.first() {
        Some(b'{') => matches!(next, None | Some(b'"' | b'}')),
        Some(b'[') => matches!(next, None | Some(b'{' | b']')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logged_lines_before_json_are_counted() {
        for (begin, lines) in [
            ("[{\"model\": 1}]", Some(0)),
            ("\n\n{\"a\": 1}", Some(0)),
            ("[\n  {", Some(0)),
            ("[]", Some(0)),
            ("Loading settings\n[INFO] ready\n[{\"model\": 1}]", Some(2)),
            ("{x} deprecated\r\n{\"a\": 1}\r\n", Some(1)),
            ("[INFO] ready\n", None),
            ("id,username\n", None),
            ("", None),
        ] {
            assert_eq!(lines_before(begin.as_bytes()), lines, "{begin}");
        }
    }
}
