//! The QR code of a TOTP secret.

use postern::Refusal;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The least width and height of the QR code, in its own pixels. An SVG scales to any size.
const PIXELS: u32 = 200;

/// Returns a QR code as an `svg` element, which clients put into their page.
///
/// # Errors
/// If the text is too long.
pub(super) fn qr_code(text: &str) -> Result<String, Refusal> {
    // On a screen the lowest error correction is enough. With it, the longest names of an enrolment fit.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| Refusal::Fault)?;
    let document = code.render::<svg::Color<'_>>().min_dimensions(PIXELS, PIXELS).build();
    // The XML declaration before the element is only for a separate document.
    Ok(document.find("<svg").map_or_else(String::new, |start| document[start..].to_owned()))
}
