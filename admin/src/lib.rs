//! The operator's command line, `postern`.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the commands, and the options that all of them have |
//! | [`user`] | users |
//! | [`table`] | the table |
//! | [`keys`] | the signing keys |
//! | [`doctor`] | what is wrong with a deployment |
//! | [`check`] | a line for each thing that was looked at |
//! | [`ask`] | passwords and confirmations from whoever types the command |
//! | [`connect`] | which table, and with whose credentials |
//! | [`import`] | `postern import` |
//! | [`export`] | `postern export` |
//! | [`files`] | files for their owner's eyes only |
//! | [`output`] | what a command says: for people, or as JSON; and how it exits |

pub mod ask;
pub mod check;
pub mod cli;
pub mod connect;
pub mod doctor;
pub mod export;
pub mod files;
pub mod import;
pub mod keys;
pub mod output;
pub mod table;
pub mod target;
pub mod user;

use std::process::ExitCode;

use clap::CommandFactory;

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
    let Cli { target, json, command } = cli;
    let place = connect::place(&target);
    match command {
        Command::User(command) => {
            user::run(command, &target, json).await.map_err(|failure| failure.at(&place))
        }
        Command::Table(command) => table::run(command, &target).await.map_err(|failure| failure.at(&place)),
        Command::Keys(command) => keys::run(command, &target).await,
        Command::Doctor(options) => doctor::run(&options, &target).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "postern", &mut script);
            output::write(&script)?;
            Ok(Output::nothing())
        }
        Command::Import(args) => import::import(args, &connect::connect(&target).await?.store, &place).await,
        Command::Export(args) => {
            let exported = export::export(args, &connect::connect(&target).await?.store).await;
            exported.map_err(|failure| failure.at(&place))
        }
    }
}
