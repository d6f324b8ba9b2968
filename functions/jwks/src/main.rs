//! The Lambda entry of the key set and the discovery document.

use std::process::ExitCode;

use jwks::Settings;
use postern::clock::now;
use postern::token::PublicKeys;

fn main() -> ExitCode {
    postern::http::serve(
        async |env| {
            let settings = Settings::from_env(env)?;
            Ok((settings, PublicKeys::start(env, now()).await?))
        },
        |(settings, keys), request| jwks::handle(settings, keys, now(), request),
    )
}
