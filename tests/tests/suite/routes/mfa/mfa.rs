//! `POST /account/mfa/jwt`: MFA on and off.

mod begin;
mod off;
mod on;
mod settings;
