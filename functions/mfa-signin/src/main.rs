//! The Lambda entry of the mfa contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::http::run(mfa_signin::Settings::from_env, mfa_signin::handle)
}
