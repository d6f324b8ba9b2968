//! `postern user mfa`: the second factor, switched on and off for a user by an operator.

use clap::{Args, Subcommand};
use postern::clock::now;
use postern::second_factor::Enrolment;
use serde_json::json;

use super::{Who, about, briefly, gone};
use crate::connect::Connection;
use crate::keys;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// What to do with the second factor.
#[derive(Subcommand)]
pub enum MfaCommand {
    /// Switch MFA on, print the secret and the recovery codes once, and end all sessions.
    Enrol(Enrol),
    /// Switch MFA off, and end all sessions.
    #[command(after_help = "Example:\n  postern user mfa off johndoe")]
    Off(Who),
}

/// Who is to be enrolled.
#[derive(Args)]
#[command(after_help = "\
Recovery codes are stored under a key that stands with the signing keys: in the secret, in SIGNING_KEYS, or, for a
table on this machine, the sample keys that `cargo run` uses.

Examples:
  postern user mfa enrol johndoe --secret arn:aws:secretsmanager:…
  postern --local user mfa enrol johndoe")]
pub struct Enrol {
    #[command(flatten)]
    who: Who,
    /// The secret with the signing keys (the stack's output SigningKeysSecretArn). Else SIGNING_KEYS_SECRET_ARN.
    #[arg(long, value_name = "ARN_OR_NAME")]
    secret: Option<String>,
    /// Who asks for the code, as the authenticator shows it.
    #[arg(long, default_value = "Postern")]
    issuer: String,
    /// MFA is on already: replace the secret and all codes.
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(
    command: MfaCommand,
    target: &Target,
    connection: &Connection,
) -> Result<Output, Failure> {
    match command {
        MfaCommand::Enrol(options) => enrol(&options, target, connection).await,
        MfaCommand::Off(who) => off(&who, connection).await,
    }
}

async fn enrol(options: &Enrol, target: &Target, connection: &Connection) -> Result<Output, Failure> {
    let user = options.who.find(&connection.store).await?;
    let on = || {
        let message = format!("MFA of {} is on already; --replace replaces it", briefly(&user));
        Failure::new(Exit::Refused, message)
    };
    if user.mfa.is_some() && !options.replace {
        return Err(on());
    }
    let ring = keys::ring(options.secret.as_deref(), target, connection.is_local).await?.ring;
    let enrolment = Enrolment::random();
    let digests = enrolment.digests(user.id, &ring.recovery);
    let set = connection.store.set_mfa(user.id, &enrolment.mfa, digests, options.replace, now()).await?;
    if !set {
        return Err(if options.replace { gone() } else { on() });
    }
    let uri = enrolment.otpauth(&options.issuer, &user.username);
    let (secret, codes) = (&enrolment.mfa.secret, &enrolment.recovery_codes);
    let text = format!(
        "MFA is on for {}, and all sessions are ended. This is shown once:\n\
         secret          {secret}\n\
         URI             {uri}\n\
         recovery codes  {}",
        briefly(&user),
        codes.join(" ")
    );
    Ok(Output::done(text, about(&user, json!({"secret": secret, "otpauth": uri, "recovery_codes": codes}))))
}

async fn off(who: &Who, connection: &Connection) -> Result<Output, Failure> {
    let user = who.find(&connection.store).await?;
    if user.mfa.is_none() {
        return Err(Failure::new(Exit::Refused, format!("MFA of {} is off already", briefly(&user))));
    }
    if !connection.store.remove_mfa(user.id, now()).await? {
        return Err(gone());
    }
    let text = format!("MFA is off for {}, and all sessions are ended", briefly(&user));
    Ok(Output::done(text, about(&user, json!({"mfa": false}))))
}
