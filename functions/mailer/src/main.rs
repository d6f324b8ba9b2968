//! The Lambda entry of the mailer.

use std::process::ExitCode;

use mailer::Mailer;
use postern::App;

fn main() -> ExitCode {
    postern::http::serve_events(
        async |env| Ok((App::start(env).await?, Mailer::start(env).await?)),
        |(app, mailer), event| mailer::handle(app, mailer, event),
    )
}
