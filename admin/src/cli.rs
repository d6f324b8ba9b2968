//! The commands and their options.

use clap::{Args, Parser, Subcommand};

use crate::export::ExportArgs;
use crate::import::ImportArgs;

/// Users, keys and the table of a Postern deployment, for its operator.
#[derive(Parser)]
#[command(name = "postern", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// Which table.
    #[command(flatten)]
    pub target: Target,
    /// Say it in JSON, one document on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed
  2  the command line is wrong
  3  there is no such user, key or table
  4  refused: the name is taken, the password is too weak, …
  5  done in part: some rows were rejected
  6  AWS, or what stands in for it, cannot be reached";

/// Which table, and who asks. Credentials, profile and region are found as the AWS CLI finds them.
#[derive(Args, Clone, Debug, Default)]
pub struct Target {
    /// The DynamoDB table.
    #[arg(long, env = "TABLE_NAME", global = true, help_heading = "Table")]
    pub table: Option<String>,
    /// Another DynamoDB API than AWS's. On this machine it needs no credentials.
    #[arg(long, value_name = "URL", global = true, help_heading = "Table")]
    pub endpoint_url: Option<String>,
    /// The table that `cargo run` serves on this machine.
    #[arg(long, global = true, conflicts_with = "endpoint_url", help_heading = "Table")]
    pub local: bool,
    /// The AWS region.
    #[arg(long, global = true, help_heading = "Table")]
    pub region: Option<String>,
    /// The AWS profile.
    #[arg(long, global = true, help_heading = "Table")]
    pub profile: Option<String>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Bring users along from elsewhere, with the passwords that they have.
    Import(ImportArgs),
    /// Write all users as JSON lines, sorted by id.
    Export(ExportArgs),
}
