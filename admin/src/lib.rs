//! The operator's command line, `postern`.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the commands, and the options of every command |
//! | [`target`] | the deployment that a command works on |
//! | [`connect`] | the clients for a deployment |
//! | [`sdk`] | the configuration of AWS's SDK: credentials, region, addresses |
//! | [`stack`] | the CloudFormation stack of a deployment: its outputs and log groups |
//! | [`user`] | users |
//! | [`table`] | the table |
//! | [`keys`] | the signing keys |
//! | [`api`] | the HTTP API of a deployment, as a client sees it |
//! | [`doctor`] | checks of a whole deployment |
//! | [`probe`] | a sign-in at each contract, for a scheduler |
//! | [`check`] | a check, and its line of output |
//! | [`attempts`] | the audit trail |
//! | [`audit`] | the audit lines of what the operator changes |
//! | [`mail`] | the queue of the mailer |
//! | [`ask`] | passwords and confirmations of the operator |
//! | [`import`] | `postern import` |
//! | [`export`] | `postern export` |
//! | [`files`] | files that only their owner may read |
//! | [`output`] | the output of a command, for people or as JSON, and its exit code |

pub mod api;
pub mod ask;
pub mod attempts;
pub mod audit;
pub mod check;
pub mod cli;
pub mod connect;
pub mod doctor;
pub mod export;
pub mod files;
pub mod import;
pub mod keys;
pub mod mail;
pub mod output;
pub mod probe;
pub mod sdk;
pub mod stack;
pub mod table;
pub mod target;
pub mod user;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::output::{Failure, Output};

/// Runs a command, and prints its output. Returns the exit code.
pub async fn main(cli: Cli) -> ExitCode {
    let json = cli.json;
    match run(cli).await {
        Ok(output) => output.print(json),
        Err(failure) => failure.print(json),
    }
}

/// Runs a command.
///
/// # Errors
/// If the command fails, with the message for the operator.
pub async fn run(cli: Cli) -> Result<Output, Failure> {
    let Cli { target, json, command } = cli;
    let place = connect::place(&target);
    match command {
        Command::User(command) => {
            user::run(command, &target, json).await.map_err(|failure| failure.at(&place))
        }
        Command::Attempts(args) => {
            attempts::run(&args, &target, json).await.map_err(|failure| failure.at(&place))
        }
        Command::Table(command) => table::run(command, &target).await.map_err(|failure| failure.at(&place)),
        Command::Keys(command) => keys::run(command, &target).await,
        Command::Doctor(options) => doctor::run(&options, &target).await,
        Command::Probe(options) => probe::run(&options, &target).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "postern", &mut script);
            output::write(&script)?;
            Ok(Output::nothing())
        }
        Command::Import(args) => {
            let imported = import::import(args, &connect::connect(&target).await?, &place).await;
            imported.map_err(|failure| failure.at(&place))
        }
        Command::Export(args) => {
            let exported = export::export(args, &connect::connect(&target).await?.store).await;
            exported.map_err(|failure| failure.at(&place))
        }
    }
}
