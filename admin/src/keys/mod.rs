//! `postern keys`: makes, shows and rotates the signing keys.
//!
//! A set is a JWK Set (RFC 7517) with the member `recovery_code_key`. The first key signs, and all keys
//! verify. If passwords were imported that were hashed with a pepper, the set has the member
//! `password_peppers` too. Before a set is written, the functions' own parser reads it.
//!
//! The public halves of the keys are in a secret of their own. `keys new` and `keys rotate` write them first.

mod generate;
mod listing;
mod new;
mod pepper;
mod place;
mod public;
mod publish;
mod rotate;
mod set;

use clap::{Args, Subcommand};
use postern::environment::Environment;
use postern::token::{KeySet, SAMPLE_KEYS};
use serde_json::json;

pub use self::generate::Algorithm;
use self::listing::list;
pub use self::new::New;
pub use self::pepper::PepperCommand;
use self::place::{PlaceArgs, secret_named, secret_of_env};
pub(crate) use self::public::{PublicPlace, find_public_place};
pub use self::publish::Publish;
pub use self::rotate::Rotate;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The commands on the signing keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make a new set of one key, and a new key for recovery codes.
    New(New),
    /// Show the keys, and which one signs.
    #[command(after_help = "\
Examples:
  postern keys show --stack postern
  postern keys show --stack postern --public > public-keys.json
  postern keys show --file keys.json --private")]
    Show(Show),
    /// Rotate the keys, in three steps: add, promote, retire.
    Rotate(Rotate),
    /// Publish the public keys of the signing keys, if they are not published.
    Publish(Publish),
    /// Add or remove a pepper of imported passwords.
    #[command(subcommand)]
    Pepper(PepperCommand),
}

/// The place, and what to show.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    place: PlaceArgs,
    /// Print the public keys, as /.well-known/jwks.json shows them.
    #[arg(long)]
    public: bool,
    /// Print the set itself, with its private parts.
    #[arg(long, conflicts_with = "public")]
    private: bool,
}

/// Runs a command.
///
/// # Errors
/// If the command fails, with the message for the operator.
pub async fn run(command: KeysCommand, target: &Target) -> Result<Output, Failure> {
    match command {
        KeysCommand::New(options) => new::run(&options, target).await,
        KeysCommand::Show(options) => show(&options, target).await,
        KeysCommand::Rotate(options) => rotate::run(&options, target).await,
        KeysCommand::Publish(options) => publish::run(&options, target).await,
        KeysCommand::Pepper(command) => pepper::run(&command, target).await,
    }
}

async fn show(options: &Show, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find(target).await?;
    let (set, _) = place.set().await?;
    if options.public {
        let key_set = set.key_set()?;
        return Ok(Output::done(key_set.public_document(), json!({"keys": key_set.public_keys()})));
    }
    Ok(if options.private {
        Output::done(set.text()?, set.value())
    } else {
        list(&set, format!("{place} holds"))
    })
}

/// The functions' keys, and their place.
pub(crate) struct Found {
    pub(crate) key_set: KeySet,
    pub(crate) place: String,
    /// Whether the place is a secret in Secrets Manager.
    pub(crate) in_secret: bool,
}

/// Finds the functions' keys: in the secret that an option, the stack or the environment names, else in the
/// environment itself, else, for a table on this machine only, the sample keys.
///
/// # Errors
/// If there are no keys, they are broken, or they are the sample keys and the table is not on this machine.
pub(crate) async fn find_key_set(
    secret: Option<&str>,
    target: &Target,
    connection: &Connection,
) -> Result<Found, Failure> {
    let is_local = connection.is_local;
    let env = Environment::of_process();
    let in_env = env.optional("SIGNING_KEYS");
    let chosen = secret.or(connection.stack.as_ref().map(|stack| stack.secret.as_str()));
    let named = chosen.map(str::to_owned).or_else(|| secret_of_env(target));
    let in_secret = named.is_some();
    let (text, place) = match (named, in_env) {
        (Some(_), Some(_)) if chosen.is_none() => {
            return Err(Failure::usage(
                "SIGNING_KEYS is set, and so is SIGNING_KEYS_SECRET_ARN; only one of them can hold the signing keys",
            ));
        }
        (Some(id), _) => {
            let place = secret_named(id, target).await?;
            let text = place.read().await?.ok_or_else(|| place.empty())?;
            (text, place.to_string())
        }
        (None, Some(text)) => (text.to_owned(), "SIGNING_KEYS".to_owned()),
        (None, None) if is_local => (SAMPLE_KEYS.to_owned(), "the sample keys".to_owned()),
        (None, None) => {
            return Err(Failure::usage(
                "where are the signing keys? Use --stack NAME or --secret ARN_OR_NAME, or set POSTERN_STACK, \
                 SIGNING_KEYS_SECRET_ARN or SIGNING_KEYS",
            ));
        }
    };
    let key_set = KeySet::parse(&text).map_err(|error| {
        Failure::new(Exit::Failed, format!("the signing keys in {place} are broken")).caused_by(error)
    })?;
    if key_set.has_sample_key() && !is_local {
        let message = format!(
            "{place} holds a sample key, which is public; it is allowed only with a table on this machine"
        );
        return Err(Failure::new(Exit::Failed, message));
    }
    Ok(Found { key_set, place, in_secret })
}
