//! `POST /account/mfa/jwt`: MFA on and off.

mod off;
mod on;
mod settings;
