//! The Lambda entry of the key set.

use std::process::ExitCode;

use postern::clock::now;
use postern::token::Keys;

fn main() -> ExitCode {
    postern::http::serve(Keys::start, |keys, request| jwks::handle(keys, now(), request))
}
