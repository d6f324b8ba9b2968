//! `postern`, the operator's command line. What it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use postern_admin::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    postern_admin::main(Cli::parse()).await
}
