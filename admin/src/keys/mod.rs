//! `postern keys`: makes, shows and rotates the signing keys.
//!
//! A set is a JWK Set (RFC 7517) with the member `recovery_code_key`. The first key signs, and all keys
//! verify. If passwords were imported that were hashed with a pepper, the set has the member
//! `password_peppers` too. Before a set is written, the functions' own parser reads it.

mod generate;
mod listing;
mod pepper;
mod place;
mod set;

use clap::{Args, Subcommand};
use postern::clock::now;
use postern::environment::Environment;
use postern::token::{KeySet, SAMPLE_KEYS};

pub use self::generate::Algorithm;
use self::listing::list;
pub use self::pepper::PepperCommand;
use self::place::{PlaceArgs, secret_named, secret_of_env};
use self::set::SigningKeys;
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
  postern keys show --file keys.json --private")]
    Show(Show),
    /// Rotate the keys, in three steps: add, promote, retire.
    Rotate(Rotate),
    /// Add or remove a pepper of imported passwords.
    #[command(subcommand)]
    Pepper(PepperCommand),
}

/// The new set, and its place.
#[derive(Args)]
#[command(after_help = "\
The stack makes a secret that works. Make a set of your own for ES256, EdDSA or RS256, or for keys
outside AWS.

Examples:
  postern keys new --alg EdDSA --file keys.json
  postern keys new --alg ES256 --secret my-keys
  SIGNING_KEYS=$(postern keys new --private) cargo run")]
pub struct New {
    #[command(flatten)]
    place: PlaceArgs,
    /// The algorithm that the key signs with.
    #[arg(long, default_value = "HS256")]
    alg: Algorithm,
    /// Print the set with its private parts, and store it nowhere.
    #[arg(long, conflicts_with_all = ["secret", "file", "replace"])]
    private: bool,
    /// Replace existing keys. All tokens and all MFA recovery codes become invalid. Password peppers stay.
    #[arg(long)]
    replace: bool,
}

/// The place, and what to show.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    place: PlaceArgs,
    /// Print the set itself, with its private parts.
    #[arg(long)]
    private: bool,
}

/// The step of a rotation.
#[derive(Args)]
#[command(after_help = "\
Nothing has to be deployed. Functions read the secret every five minutes. A client that verifies by
/.well-known/jwks.json reads that at most five minutes later. Tokens and recovery codes stay valid.

  postern keys rotate --stack postern --add              a new key, which verifies and does not sign yet
  (ten minutes later)
  postern keys rotate --stack postern --promote KID      the new key signs
  (when the old tokens have expired: a week by default)
  postern keys rotate --stack postern --retire OLD_KID   the old key is gone")]
pub struct Rotate {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    step: Step,
    /// The algorithm that the added key signs with [default: that of the key that signs now].
    #[arg(long, conflicts_with_all = ["promote", "retire"])]
    alg: Option<Algorithm>,
    /// Promote a key that some verifiers may not have read yet.
    #[arg(long, conflicts_with_all = ["add", "retire"])]
    force: bool,
}

/// One of the three steps.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Step {
    /// Add a new key as the second.
    #[arg(long)]
    add: bool,
    /// Make this key the first one, which signs.
    #[arg(long, value_name = "KID")]
    promote: Option<String>,
    /// Remove this key. Its tokens are refused from now on. `none` is the key without a kid.
    #[arg(long, value_name = "KID")]
    retire: Option<String>,
}

/// Runs a command.
///
/// # Errors
/// If the command fails, with the message for the operator.
pub async fn run(command: KeysCommand, target: &Target) -> Result<Output, Failure> {
    match command {
        KeysCommand::New(options) => new(&options, target).await,
        KeysCommand::Show(options) => show(&options, target).await,
        KeysCommand::Rotate(options) => rotate(&options, target).await,
        KeysCommand::Pepper(command) => pepper::run(&command, target).await,
    }
}

async fn new(options: &New, target: &Target) -> Result<Output, Failure> {
    let mut set = SigningKeys::new(options.alg, now())?;
    if options.private {
        return Ok(Output::done(set.text()?, set.value()));
    }
    let place = options.place.find_to_change(target).await?;
    let there = place.read().await?;
    if !options.replace && there.is_some() {
        let message = format!(
            "{place} holds keys already. `postern keys rotate` changes keys without harm; --replace throws them away: \
             all tokens are refused from then on, and all MFA recovery codes"
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    match there.as_deref().map(|text| (text, SigningKeys::parse(text))) {
        Some((_, Ok(old))) => set.keep_peppers(old),
        Some((text, Err(error))) if text.contains("password_peppers") => {
            let message = format!("{place} has peppers, which imported passwords need, and cannot be read");
            let failure = Failure::new(Exit::Refused, message).caused_by(error);
            return Err(failure.advise(". Repair it first, or remove `password_peppers`"));
        }
        Some((_, Err(_))) | None => {}
    }
    let exit = place.replace("keys new", there.as_deref(), &set.text()?, target).await?;
    let mut answer = Output { exit, ..list(&set, format!("wrote a new set to {place}")) };
    if options.replace {
        answer.text += "\nall older tokens and MFA recovery codes become invalid within five minutes, when functions read the keys \
                        again; users with MFA need new recovery codes: `postern user mfa enrol USER --replace`";
    }
    Ok(answer)
}

async fn show(options: &Show, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find(target).await?;
    let (set, _) = place.set().await?;
    Ok(if options.private {
        Output::done(set.text()?, set.value())
    } else {
        list(&set, format!("{place} holds"))
    })
}

async fn rotate(options: &Rotate, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find_to_change(target).await?;
    let (mut set, before) = place.set().await?;
    let again = match (&options.place.secret, &options.place.file, &target.stack) {
        (_, Some(file), _) => format!("postern keys rotate --file {}", file.display()),
        (Some(secret), None, _) => format!("postern keys rotate --secret {secret}"),
        (None, None, Some(stack)) => format!("postern keys rotate --stack {stack}"),
        (None, None, None) => "postern keys rotate".to_owned(),
    };
    let (command, what, next) = match &options.step {
        Step { promote: Some(kid), .. } => {
            let old = set.promote(kid, options.force, now())?;
            let next = format!(
                "functions sign with it within five minutes. When older tokens have expired, a week by \
                 default: {again} --retire {old}"
            );
            ("keys rotate --promote", format!("promoted {kid}"), next)
        }
        Step { retire: Some(kid), .. } => {
            set.retire(kid)?;
            let next = "functions refuse its tokens within five minutes, clients that verify by the key set within ten. Done";
            ("keys rotate --retire", format!("retired {kid}"), next.to_owned())
        }
        Step { .. } => {
            let kid = set.add(options.alg, now())?;
            (
                "keys rotate --add",
                format!("added {kid}"),
                format!("in ten minutes, when every verifier has read it: {again} --promote {kid}"),
            )
        }
    };
    let exit = place.replace(command, Some(&before), &set.text()?, target).await?;
    let mut answer = Output { exit, ..list(&set, format!("{what}; {place} now holds")) };
    answer.text += &format!("\nnext: {next}");
    Ok(answer)
}

/// The functions' keys, and their place.
pub(crate) struct Found {
    pub(crate) key_set: KeySet,
    pub(crate) place: String,
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
    Ok(Found { key_set, place })
}
