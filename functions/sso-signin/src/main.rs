//! The Lambda entry of the sso contract.

use std::process::ExitCode;

use postern::App;
use sso_signin::Settings;

fn main() -> ExitCode {
    // Not by `run`, which maps the memory for hashes: this contract takes no password.
    postern::http::serve(
        async |env| {
            let settings = Settings::from_env(env)?;
            Ok((App::start(env).await?, settings))
        },
        |(app, settings), request| sso_signin::handle(app, settings, request),
    )
}
