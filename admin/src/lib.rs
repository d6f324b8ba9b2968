//! The operator's command line, `postern`.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the commands and their options |
//! | [`connect`] | which table, and with whose credentials |
//! | [`import`] | `postern import` |
//! | [`export`] | `postern export` |
//! | [`files`] | files for their owner's eyes only |
//! | [`output`] | what a command says: for people, or as JSON; and how it exits |

pub mod cli;
pub mod connect;
pub mod export;
pub mod files;
pub mod import;
pub mod output;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::output::{Failure, Output};

/// Does what was asked, says so, and tells by the exit code how it went.
pub async fn main(cli: Cli) -> ExitCode {
    let json = cli.json;
    match run(cli).await {
        Ok(output) => output.print(json),
        Err(failure) => failure.print(json),
    }
}

/// Does what was asked.
///
/// # Errors
/// With what to tell the operator.
pub async fn run(cli: Cli) -> Result<Output, Failure> {
    match cli.command {
        Command::Import(args) => import::import(args, &connect::connect(&cli.target).await?.store).await,
        Command::Export(args) => export::export(args, &connect::connect(&cli.target).await?.store).await,
    }
}
