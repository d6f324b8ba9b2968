//! The Lambda entry of the sso contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::http::run(sso_signin::Settings::from_env, sso_signin::handle)
}
