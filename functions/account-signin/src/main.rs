//! The Lambda entry of the account contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::http::run(account_signin::Settings::from_env, account_signin::handle)
}
