//! Base64 and hexadecimal digits, as products write hashes and salts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::password::UnusableHash;

/// Decodes base64, in the standard alphabet or the one for URLs. Firebase's own exports use the latter.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, UnusableHash> {
    let text = text.replace('-', "+").replace('_', "/");
    STANDARD.decode(text).map_err(|_| UnusableHash::Malformed)
}

/// Decodes hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, UnusableHash> {
    hex::decode(text).map_err(|_| UnusableHash::Malformed)
}

/// Whether a text is hexadecimal digits.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
