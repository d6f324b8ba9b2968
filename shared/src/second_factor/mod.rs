//! The second factor: TOTP (RFC 6238) and recovery codes.

mod code;
mod enrolment;
mod recovery_codes;
mod secret;
mod totp;

pub use self::code::fold as fold_code;
pub use self::enrolment::Enrolment;
pub use self::recovery_codes::RecoveryKey;
pub use self::secret::SecretText;
pub use self::totp::{Mfa, Spent, UnreadableSecret};
