//! The Lambda entry of the email contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::http::run(email_signin::Settings::from_env, email_signin::handle)
}
