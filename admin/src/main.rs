//! `postern`, the operator's command line. The library has its code.

use std::process::ExitCode;

use clap::Parser;
use postern_admin::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    postern_admin::main(Cli::parse()).await
}
