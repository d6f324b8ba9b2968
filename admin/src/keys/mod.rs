//! `postern keys`: the signing keys, where they are kept and how they rotate.
//!
//! A set is a JWK Set (RFC 7517) with `recovery_code_key` beside its `keys`: the first key signs, all verify. Where users
//! were imported whose passwords were hashed with a pepper, `password_peppers` stands there too. Whatever is written was
//! read by the functions' own parser first.

mod pepper;
mod place;
mod set;

use clap::{Args, Subcommand};
use postern::clock::now;
use postern::environment::Environment;
use postern::token::{KeyRing, SAMPLE_KEYS};
use serde_json::json;

pub use self::pepper::PepperCommand;
use self::place::{Place, secret_named};
pub use self::set::Algorithm;
use self::set::KeySet;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// What to do with the signing keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make a new set of one key, and a new key for recovery codes.
    New(New),
    /// Show which keys there are, and which one signs.
    #[command(after_help = "\
Examples:
  postern keys show --secret arn:aws:secretsmanager:…
  postern keys show --file keys.json --private")]
    Show(Show),
    /// Rotate the keys, in three steps: add, promote, retire.
    Rotate(Rotate),
    /// Add or remove a pepper of imported passwords.
    #[command(subcommand)]
    Pepper(PepperCommand),
}

/// Where the keys are.
#[derive(Args)]
struct Where {
    /// In this secret of Secrets Manager (the stack's output SigningKeysSecretArn). Else SIGNING_KEYS_SECRET_ARN.
    #[arg(long, value_name = "ARN_OR_NAME")]
    secret: Option<String>,
    /// In this file.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    file: Option<std::path::PathBuf>,
}

/// What the new set is to be, and where.
#[derive(Args)]
#[command(after_help = "\
The stack makes a secret that works as it is; a set of your own is for ES256 or EdDSA, or for keys outside AWS.

Examples:
  postern keys new --alg EdDSA --file keys.json
  postern keys new --alg ES256 --secret my-keys
  SIGNING_KEYS=$(postern keys new --private) cargo run")]
pub struct New {
    #[command(flatten)]
    place: Where,
    /// What the key signs with.
    #[arg(long, default_value = "HS256")]
    alg: Algorithm,
    /// Print the set, private parts and all, and keep it nowhere.
    #[arg(long, conflicts_with_all = ["secret", "file", "replace"])]
    private: bool,
    /// Replace the keys that are there. All tokens and all MFA recovery codes die; password peppers stay.
    #[arg(long)]
    replace: bool,
}

/// What to show.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    place: Where,
    /// Print the set itself, private parts and all.
    #[arg(long)]
    private: bool,
}

/// Which step.
#[derive(Args)]
#[command(after_help = "\
Nothing has to be deployed: functions read the secret again every five minutes, and who verifies by
/.well-known/jwks.json reads that five minutes later at the latest. Tokens and recovery codes stay good.

  postern keys rotate --secret ARN --add              a new key, which verifies and does not sign yet
  (ten minutes later)
  postern keys rotate --secret ARN --promote KID      it signs
  (when the old tokens have expired: a week by default)
  postern keys rotate --secret ARN --retire OLD_KID   the old key is gone")]
pub struct Rotate {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    step: Step,
    /// What the added key signs with. Without it, what the key that signs now does.
    #[arg(long, conflicts_with_all = ["promote", "retire"])]
    alg: Option<Algorithm>,
    /// Promote a key that not all who verify may have read yet.
    #[arg(long, conflicts_with_all = ["add", "retire"])]
    force: bool,
}

/// One of three.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Step {
    /// Add a new key as the second.
    #[arg(long)]
    add: bool,
    /// Make this key the first: it signs from now on.
    #[arg(long, value_name = "KID")]
    promote: Option<String>,
    /// Take this key out: its tokens are refused from now on. `none` is the key without a kid.
    #[arg(long, value_name = "KID")]
    retire: Option<String>,
}

/// Does it.
///
/// # Errors
/// With what to tell the operator.
pub async fn run(command: KeysCommand, target: &Target) -> Result<Output, Failure> {
    match command {
        KeysCommand::New(options) => new(&options, target).await,
        KeysCommand::Show(options) => show(&options, target).await,
        KeysCommand::Rotate(options) => rotate(&options, target).await,
        KeysCommand::Pepper(command) => pepper::run(&command, target).await,
    }
}

async fn new(options: &New, target: &Target) -> Result<Output, Failure> {
    let mut set = KeySet::new(options.alg, now())?;
    if options.private {
        return Ok(Output::done(set.text()?, set.value()));
    }
    let place = options.place.find(target).await?;
    let there = place.read().await?;
    if !options.replace && there.is_some() {
        let message = format!(
            "{place} holds keys already. `postern keys rotate` changes keys without harm; --replace throws them away: \
             all tokens are refused from then on, and all MFA recovery codes"
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    match there.as_deref().map(|text| (text, KeySet::parse(text))) {
        Some((_, Ok(old))) => set.keep_peppers(old),
        Some((text, Err(error))) if text.contains("password_peppers") => {
            let message = format!(
                "{place} has peppers, which imported passwords need, and cannot be read: {error}. Mend it first, or take \
                 `password_peppers` out of it"
            );
            return Err(Failure::new(Exit::Refused, message));
        }
        Some((_, Err(_))) | None => {}
    }
    place.write(&set.text()?).await?;
    let mut answer = said(&set, format!("wrote a new set to {place}"));
    if options.replace {
        answer.text += "\nall tokens and MFA recovery codes of before die within five minutes, as functions read the keys \
                        again; users with MFA need new recovery codes: `postern user mfa enrol USER --replace`";
    }
    Ok(answer)
}

async fn show(options: &Show, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find(target).await?;
    let set = place.set().await?;
    Ok(if options.private {
        Output::done(set.text()?, set.value())
    } else {
        said(&set, format!("{place} holds"))
    })
}

async fn rotate(options: &Rotate, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find(target).await?;
    let mut set = place.set().await?;
    let again = match (&options.place.secret, &options.place.file) {
        (_, Some(file)) => format!("postern keys rotate --file {}", file.display()),
        (Some(secret), None) => format!("postern keys rotate --secret {secret}"),
        (None, None) => "postern keys rotate".to_owned(),
    };
    let (what, next) = match &options.step {
        Step { promote: Some(kid), .. } => {
            let old = set.promote(kid, options.force, now())?;
            let next = format!(
                "functions sign with it within five minutes. When the tokens of before have expired, a week by \
                 default: {again} --retire {old}"
            );
            (format!("promoted {kid}"), next)
        }
        Step { retire: Some(kid), .. } => {
            set.retire(kid)?;
            let next = "functions refuse its tokens within five minutes, who verifies by the key set within ten. Done";
            (format!("retired {kid}"), next.to_owned())
        }
        Step { .. } => {
            let kid = set.add(options.alg, now())?;
            (
                format!("added {kid}"),
                format!("in ten minutes, when all who verify have read it: {again} --promote {kid}"),
            )
        }
    };
    place.write(&set.text()?).await?;
    let mut answer = said(&set, format!("{what}; {place} now holds"));
    answer.text += &format!("\nnext: {next}");
    Ok(answer)
}

/// Which keys there are, with no private part, and the ids of the peppers.
fn said(set: &KeySet, heading: String) -> Output {
    let keys = set.public();
    let lines = keys.iter().map(|key| {
        let signs = if key.signs { "signs and verifies" } else { "verifies" };
        format!("\n  {:<27}{:<7}{signs}", key.kid.as_deref().unwrap_or("none"), key.alg)
    });
    let mut text = format!("{heading}:{}", lines.collect::<String>());
    let peppers = set.peppers();
    if !peppers.is_empty() {
        text += &format!("\n  password peppers: {}", peppers.join(", "));
    }
    let keys: Vec<_> =
        keys.iter().map(|key| json!({"kid": key.kid, "alg": key.alg, "signs": key.signs})).collect();
    Output::done(text, json!({"keys": keys, "password_peppers": peppers}))
}

impl Where {
    async fn find(&self, target: &Target) -> Result<Place, Failure> {
        if let Some(file) = &self.file {
            return Ok(Place::File(file.clone()));
        }
        match self.secret.clone().or_else(secret_of_env) {
            Some(id) => secret_named(id, target).await,
            None => Err(Failure::usage(
                "where are the keys? Say --secret ARN_OR_NAME or --file FILE, or set SIGNING_KEYS_SECRET_ARN",
            )),
        }
    }
}

/// The functions' keys, and where they were found.
pub(crate) struct Found {
    pub(crate) ring: KeyRing,
    pub(crate) place: String,
}

/// The keys as the functions find them: in the secret, else in the environment, else, for a table on this machine, the
/// sample keys, which are good nowhere else.
pub(crate) async fn ring(secret: Option<&str>, target: &Target, is_local: bool) -> Result<Found, Failure> {
    let env = Environment::of_process();
    let in_env = env.optional("SIGNING_KEYS");
    let named = secret.map(str::to_owned).or_else(|| secret_of_env().filter(|_| !target.local));
    let (text, place) = match (named, in_env) {
        (Some(_), Some(_)) if secret.is_none() => {
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
                "where are the signing keys? Say --secret ARN_OR_NAME, or set SIGNING_KEYS_SECRET_ARN or SIGNING_KEYS",
            ));
        }
    };
    let ring = KeyRing::parse(&text).map_err(|error| {
        Failure::new(Exit::Failed, format!("the signing keys in {place} are broken: {error}"))
    })?;
    if ring.has_sample_key() && !is_local {
        let message = format!(
            "{place} holds a sample key, which everybody knows; it is good only with a table on this machine"
        );
        return Err(Failure::new(Exit::Failed, message));
    }
    Ok(Found { ring, place })
}

fn secret_of_env() -> Option<String> {
    Environment::of_process().optional("SIGNING_KEYS_SECRET_ARN").map(str::to_owned)
}
