//! The Lambda entry of the session contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::http::run(session_signin::Settings::from_env, session_signin::handle)
}
