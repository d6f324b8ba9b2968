//! The commands, and the options of every command. The options of one command are defined beside its code.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::attempts::AttemptsArgs;
use crate::doctor::DoctorOptions;
use crate::export::ExportArgs;
use crate::import::ImportArgs;
use crate::keys::KeysCommand;
use crate::probe::ProbeOptions;
use crate::table::TableCommand;
use crate::target::Target;
use crate::user::UserCommand;

/// Users, keys and the table of a Postern deployment, for its operator.
#[derive(Parser)]
#[command(name = "postern", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// The deployment to work on.
    #[command(flatten)]
    pub target: Target,
    /// Print JSON on standard output: one document, or one on each line if there are many.
    #[arg(long, global = true)]
    pub json: bool,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  postern doctor --stack postern                   check the whole deployment
  postern user show johndoe                        with POSTERN_STACK set: everything about a user
  postern user unlock johndoe                      after too many failures
  postern probe probe --email probe@b.example      sign in at each contract
  postern --local user add ann --email a@b.example on the table that `cargo run` serves

Exit codes:
  0  done
  1  failed: a check of `doctor`, a contract at `probe`, or the command itself
  2  the command line is wrong
  3  there is no such user, key, table or stack
  4  refused: the name is taken, the password is too weak, the user of a probe has MFA, …
  5  done in part: some rows were rejected
  6  AWS or the API at --endpoint-url cannot be reached; at `probe`, no contract can be reached";

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Create, show, change and delete users.
    #[command(subcommand)]
    User(UserCommand),
    /// Show the audit trail: sign-ins, refusals, and changes by operators.
    Attempts(AttemptsArgs),
    /// Create, check or upgrade the table.
    #[command(subcommand)]
    Table(TableCommand),
    /// Make, show and rotate the signing keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check the whole deployment, and show what to do where something is wrong.
    Doctor(DoctorOptions),
    /// Sign a user in at each contract, and out again. For a scheduler.
    Probe(ProbeOptions),
    /// Import users of another product, with their passwords.
    Import(ImportArgs),
    /// Write all users as JSON lines, sorted by id.
    Export(ExportArgs),
    /// Print completions for a shell.
    #[command(after_help = "\
Examples:
  postern completions bash > ~/.local/share/bash-completion/completions/postern
  postern completions zsh > ~/.zfunc/_postern")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}
