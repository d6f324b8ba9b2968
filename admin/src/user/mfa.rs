//! `postern user mfa`: an operator switches the second factor of a user on or off.

use clap::{Args, Subcommand};
use postern::clock::now;
use postern::second_factor::Enrolment;
use postern::store::Written;
use serde_json::json;

use super::describe::{about, briefly, deleted_meanwhile};
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::keys;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The commands on the second factor.
#[derive(Subcommand)]
pub enum MfaCommand {
    /// Switch MFA on, print the secret and the recovery codes once, and end all sessions.
    Enrol(Enrol),
    /// Switch MFA off, and end all sessions.
    #[command(after_help = "Example:\n  postern user mfa off johndoe")]
    Off(UserArg),
}

/// The user to enrol.
#[derive(Args)]
#[command(after_help = "\
Recovery codes are stored as digests under a key. This key is kept with the signing keys: in the secret, in
SIGNING_KEYS, or, for a table on this machine, in the sample keys that `cargo run` uses.

Examples:
  postern user mfa enrol johndoe --stack postern
  postern --local user mfa enrol johndoe")]
pub struct Enrol {
    #[command(flatten)]
    user: UserArg,
    /// The secret with the signing keys, if it is not that of the stack [default: SIGNING_KEYS_SECRET_ARN of the
    /// environment].
    #[arg(long, value_name = "ARN_OR_NAME")]
    secret: Option<String>,
    /// The name of the service, which the authenticator shows.
    #[arg(long, default_value = "Postern")]
    issuer: String,
    /// Replace the secret and all codes if MFA is on already.
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
        MfaCommand::Off(user) => off(&user, connection).await,
    }
}

async fn enrol(options: &Enrol, target: &Target, connection: &Connection) -> Result<Output, Failure> {
    let user = options.user.find(&connection.store).await?;
    let on = || {
        let message = format!("MFA of {} is on already; --replace replaces it", briefly(&user));
        Failure::new(Exit::Refused, message)
    };
    if user.mfa.is_some() && !options.replace {
        return Err(on());
    }
    let key_set = keys::find_key_set(options.secret.as_deref(), target, connection).await?.key_set;
    let enrolment = Enrolment::random();
    let digests = enrolment.digests(user.id, &key_set.recovery);
    connection
        .audit
        .record("user mfa enrol", Some(user.id), async |_| {
            let set =
                connection.store.set_mfa(user.id, &enrolment.mfa, digests, options.replace, now()).await?;
            if set == Written::Refused {
                return Err(if options.replace { deleted_meanwhile() } else { on() });
            }
            let uri = enrolment.otpauth(&options.issuer, &user.username);
            let (secret, codes) = (&*enrolment.mfa.secret, &enrolment.recovery_codes);
            let text = format!(
                "MFA is on for {}, and all sessions are ended. This is shown once:\n\
         secret          {secret}\n\
         URI             {uri}\n\
         recovery codes  {}",
                briefly(&user),
                codes.iter().map(|code| &**code).collect::<Vec<_>>().join(" ")
            );
            Ok(Output::done(
                text,
                about(&user, json!({"secret": secret, "otpauth": uri, "recovery_codes": codes})),
            ))
        })
        .await
}

async fn off(user: &UserArg, connection: &Connection) -> Result<Output, Failure> {
    let user = user.find(&connection.store).await?;
    if user.mfa.is_none() {
        return Err(Failure::new(Exit::Refused, format!("MFA of {} is off already", briefly(&user))));
    }
    connection
        .audit
        .record("user mfa off", Some(user.id), async |_| {
            if connection.store.remove_mfa(user.id, now()).await? == Written::Refused {
                return Err(deleted_meanwhile());
            }
            let text = format!("MFA is off for {}, and all sessions are ended", briefly(&user));
            Ok(Output::done(text, about(&user, json!({"mfa": false}))))
        })
        .await
}
