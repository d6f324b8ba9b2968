//! The Lambda entry of the key set.

use std::process::ExitCode;

use postern::ambient::now;
use postern::keys::Keys;

fn main() -> ExitCode {
    postern::http::serve(Keys::start, |keys, request| jwks::handle(keys, now(), request))
}
