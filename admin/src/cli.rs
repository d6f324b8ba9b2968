//! The commands, and the options that all of them have. Each command's own stand beside what it does.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::doctor::DoctorOptions;
use crate::export::ExportArgs;
use crate::import::ImportArgs;
use crate::keys::KeysCommand;
use crate::table::TableCommand;
use crate::target::Target;
use crate::user::UserCommand;

/// Users, keys and the table of a Postern deployment, for its operator.
#[derive(Parser)]
#[command(name = "postern", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// Which table.
    #[command(flatten)]
    pub target: Target,
    /// Say it in JSON, on standard output: one document, or one a line where there are many.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  postern doctor --table postern-users             is everything as it should be?
  postern user show johndoe                        with TABLE_NAME set: all about a user
  postern user unlock johndoe                      after too many failures
  postern --local user add ann --email a@b.example on the table that `cargo run` serves

Exit codes:
  0  done
  1  failed
  2  the command line is wrong
  3  there is no such user, key or table
  4  refused: the name is taken, the password is too weak, …
  5  done in part: some rows were rejected
  6  AWS, or what stands in for it, cannot be reached";

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Users: create, show, change, delete.
    #[command(subcommand)]
    User(UserCommand),
    /// The table: make it, or see whether it is as it should be.
    #[command(subcommand)]
    Table(TableCommand),
    /// The signing keys: make them, show them, rotate them.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// See whether everything is as it should be, and what to do where it is not.
    Doctor(DoctorOptions),
    /// Bring users along from elsewhere, with the passwords that they have.
    Import(ImportArgs),
    /// Write all users as JSON lines, sorted by id.
    Export(ExportArgs),
    /// Print completions for a shell.
    #[command(after_help = "\
Examples:
  postern completions bash > ~/.local/share/bash-completion/completions/postern
  postern completions zsh > ~/.zfunc/_postern")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}
